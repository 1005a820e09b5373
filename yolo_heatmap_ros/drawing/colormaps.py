"""OpenCV's colormaps by name."""

from typing import Dict

import cv2

COLORMAPS: Dict[str, int] = {
    name[len('COLORMAP_'):]: getattr(cv2, name)
    for name in sorted(dir(cv2)) if name.startswith('COLORMAP_')}


def colormap_code(name: str) -> int:
    """
    Return OpenCV's code of a colormap.

    `name` is case-insensitive, with or without `COLORMAP_`.  Raises ValueError for unknown ones.
    """
    key = name.strip().upper()
    key = key[len('COLORMAP_'):] if key.startswith('COLORMAP_') else key
    if key not in COLORMAPS:
        raise ValueError(f"unknown colormap '{name}': choose one of {', '.join(COLORMAPS)}")
    return COLORMAPS[key]
