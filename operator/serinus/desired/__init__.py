"""Pure builders: from a spec and the state of its rollout to Kubernetes manifests."""
