"""Each message to and from arrays."""
