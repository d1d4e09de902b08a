"""The query catalogue: which counters tell requests from errors, per gateway and per server."""
