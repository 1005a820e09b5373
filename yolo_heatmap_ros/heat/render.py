"""Heat as a picture: normalised, coloured, and blended over the frame."""

from typing import Dict

import cv2
import numpy as np

COLORMAPS: Dict[str, int] = {
    name[len('COLORMAP_'):]: getattr(cv2, name)
    for name in sorted(dir(cv2)) if name.startswith('COLORMAP_')}
"""OpenCV's colormaps by name."""


def colormap_code(name: str) -> int:
    """
    Return OpenCV's code of a colormap.

    The name counts in any case, with or without `COLORMAP_`.  Raises ValueError for others.
    """
    key = name.strip().upper()
    key = key[len('COLORMAP_'):] if key.startswith('COLORMAP_') else key
    if key not in COLORMAPS:
        raise ValueError(f"unknown colormap '{name}': choose one of {', '.join(COLORMAPS)}")
    return COLORMAPS[key]


class HeatRenderer:
    """
    Draws heat over frames of one camera and keeps its buffers from frame to frame.

    `colormap` (name) and `alpha` (weight of the colours, 0 to 1) may change between frames.
    """

    def __init__(self, colormap: str = 'JET', alpha: float = 0.5):
        """Choose the colours; raises ValueError for an unknown colormap."""
        self.colormap = colormap
        self.alpha = alpha
        self._level = np.empty((0, 0), np.float32)
        self._index = np.empty((0, 0), np.uint8)
        self._colour = np.empty((0, 0, 3), np.uint8)

    @property
    def colormap(self) -> str:
        """Return the name as it was given."""
        return self._name

    @colormap.setter
    def colormap(self, name: str) -> None:
        code = colormap_code(name)
        # One row of colours per level, looked up in one pass for every frame.
        self._palette = cv2.applyColorMap(np.arange(256, dtype=np.uint8), code)
        self._name = name

    def overlay(self, frame: np.ndarray, heat: np.ndarray, out: np.ndarray) -> None:
        """
        Write `frame`, (H, W, 3) uint8 BGR, with `heat`, (H, W) float32, over it to `out`.

        `out` has the frame's shape and type; it may be a part of a larger picture, such as the
        right half of a composite.  Heat is stretched from its minimum to its maximum; without
        any heat the frame stays as it is.
        """
        if not heat.any():
            np.copyto(out, frame)
            return
        if self._level.shape != heat.shape:
            self._level = np.empty(heat.shape, np.float32)
            self._index = np.empty(heat.shape, np.uint8)
            self._colour = np.empty((*heat.shape, 3), np.uint8)
        cv2.normalize(heat, self._level, 0, 255, cv2.NORM_MINMAX)
        # Truncation, not OpenCV's rounding, is what Ultralytics' heatmap does.
        np.copyto(self._index, self._level, casting='unsafe')
        cv2.applyColorMap(self._index, self._palette, dst=self._colour)
        cv2.addWeighted(frame, 1.0 - self.alpha, self._colour, self.alpha, 0.0, dst=out)


def halves(composite: np.ndarray):
    """Return the left and right half of a composite, (H, 2 W, 3), as views on it."""
    width = composite.shape[1] // 2
    return composite[:, :width], composite[:, width:]
