"""First manifests: from a model, from an image, or from a Deployment that is there."""
