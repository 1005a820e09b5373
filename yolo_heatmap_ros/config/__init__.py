"""Parameters of nodes and options of commands, with their ranges and checks."""
