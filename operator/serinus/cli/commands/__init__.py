"""The commands that talk to a cluster or write manifests; each module is imported when it is called."""
