"""Limits that several rooms share."""

MAX_PIXELS = 1 << 26
"""
Larger pictures are refused.

No video camera has 67 megapixels, but a broken header may; heat and pictures of them take 1 GB.
"""
