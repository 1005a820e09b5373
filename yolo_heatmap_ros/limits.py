"""Limits that several rooms share."""

MAX_PIXELS = 1 << 26
"""
Larger pictures are refused.

No video camera has 67 megapixels, but a broken header may; heat and pictures of them take 1 GB.
"""
MAX_BOX_PX = 1e9
"""Largest coordinate of a box in px: far inside the range of float32, the type of boxes."""
EARLIEST = 946684800.0
"""Times before 2000, in s since 1970 UTC, are those of clocks that were never set."""
