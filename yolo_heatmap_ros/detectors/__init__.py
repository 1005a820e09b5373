"""Objects in frames; the only room of ultralytics and torch."""
