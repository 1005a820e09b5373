"""What can be set: parameters of nodes and options of commands, with range and check."""
