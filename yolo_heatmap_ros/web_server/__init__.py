"""The web page and its HTTP API, beside the nodes that it shows."""
