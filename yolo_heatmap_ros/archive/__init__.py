"""Recordings of many cameras cut into segments, which many processes turn into heat."""
