"""Conversion of messages to and from arrays, one file for each kind."""
