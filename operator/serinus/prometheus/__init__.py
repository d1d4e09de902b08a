"""The Prometheus client: typed samples, or the reason why there are none."""
