"""Asks a model registry (MLflow) which version an address means."""
