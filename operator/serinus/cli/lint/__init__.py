"""Offline validation: what the API server and the operator would say to a manifest, with file and line."""
