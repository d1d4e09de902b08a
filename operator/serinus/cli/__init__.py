"""The command line: `serinus`."""
