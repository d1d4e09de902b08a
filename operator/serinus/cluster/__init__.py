"""The Kubernetes client: get, list, server-side apply, delete."""
