"""Building blocks of the nodes: parameters, lifecycle, QoS, diagnostics, publishers."""
