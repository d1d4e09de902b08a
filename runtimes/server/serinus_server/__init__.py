"""Serves one model over HTTP: its protocols, its signature, its metrics and its prediction logs."""

__version__ = "0.1.0"
