"""The nodes: topics, services, lifecycle, no pixels."""
