"""What the nodes are made of: parameters, lifecycle, QoS, diagnostics, publishers."""
