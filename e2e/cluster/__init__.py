"""A real Kubernetes cluster on this machine: kind, a gateway, Prometheus."""
