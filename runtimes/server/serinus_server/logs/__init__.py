"""Prediction logs: what was asked and answered, beside the predictions and never in their way."""
