"""Serinus: a Kubernetes operator that rolls out machine-learning models on evidence."""

__version__ = "0.1.0"
