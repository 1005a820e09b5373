"""What an object looks like: its colours, above and below."""

import cv2
import numpy as np

BINS = 8
"""Bins of the histogram along each of three axes of colour."""
SIDE = 0.2
"""Share of the width that is left out on each side, as background."""
PARTS = ((0.12, 0.5), (0.5, 0.92))
"""From where to where the parts reach, as shares of the height: a person's clothes."""


def looks_of(frame: np.ndarray, box: np.ndarray) -> np.ndarray:
    """
    Return the square roots of the relative frequencies of an object's colours, float32.

    `frame` is (H, W, 3) uint8 BGR, `box` (4,) xyxy in px.  The scalar product of two of them is
    their Bhattacharyya coefficient: 1 for the same colours, 0 for none in common.
    """
    x1, y1, x2, y2 = map(float, box)
    parts = []
    for top, bottom in PARTS:
        rows = _pixels(y1 + top * (y2 - y1), y1 + bottom * (y2 - y1), frame.shape[0])
        columns = _pixels(x1 + SIDE * (x2 - x1), x2 - SIDE * (x2 - x1), frame.shape[1])
        colours = cv2.cvtColor(frame[rows, columns], cv2.COLOR_BGR2LAB)
        counts = cv2.calcHist([colours], [0, 1, 2], None, [BINS] * 3, [0, 256] * 3).ravel()
        parts.append(counts / (len(PARTS) * counts.sum()))
    return np.sqrt(np.concatenate(parts))


def _pixels(begin: float, end: float, size: int) -> slice:
    """Return the pixels of a range along one axis, at least one."""
    first = int(min(max(begin, 0), size - 1))
    return slice(first, max(first + 1, int(np.ceil(min(end, size)))))
