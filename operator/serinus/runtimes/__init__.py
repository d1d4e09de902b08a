"""The servers that Serinus knows how to run, as data."""
