"""The contract: the `serinus.dev/v1alpha1` models, conditions and the generated CRD."""
