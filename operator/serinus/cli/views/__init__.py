"""Pure views: from what the cluster says to what a person reads."""
