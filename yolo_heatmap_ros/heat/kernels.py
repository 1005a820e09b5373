"""How one box becomes heat."""

from functools import lru_cache
from typing import Optional, Tuple

import numpy as np

HEAT_PER_FRAME = 2.0
"""What one frame adds inside a disc, as in `ultralytics.solutions.Heatmap`."""


@lru_cache(maxsize=512)
def disc(radius: int) -> np.ndarray:
    """
    Return `HEAT_PER_FRAME` inside a disc and 0 around it, (2 r + 1, 2 r + 1) float32.

    A pixel belongs to the disc where the squared distance of its index from the centre's is at
    most the squared radius, as in `ultralytics.solutions.Heatmap.heatmap_effect`.
    """
    squares = np.arange(-radius, radius + 1) ** 2
    kernel = np.where(squares[:, None] + squares <= radius ** 2, HEAT_PER_FRAME, 0)
    kernel = kernel.astype(np.float32)
    kernel.flags.writeable = False
    return kernel


def disc_in_box(box, height: int, width: int) -> Optional[Tuple[slice, slice, np.ndarray]]:
    """
    Place the disc inscribed in a box on a field.

    The box, (4,) x1 y1 x2 y2 in px, is truncated to whole pixels and cut at the border first.
    Returns (rows, columns, heat of that region), or None where the box holds no pixel.
    """
    x1, y1, x2, y2 = map(int, box)
    x1, y1, x2, y2 = max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)
    if x2 <= x1 or y2 <= y1:
        return None
    radius = min(x2 - x1, y2 - y1) // 2
    left, top = (x1 + x2) // 2 - radius, (y1 + y2) // 2 - radius
    # The centre of an even side is the pixel right of the middle: the last column falls outside.
    right, bottom = min(left + 2 * radius + 1, x2), min(top + 2 * radius + 1, y2)
    return (slice(top, bottom), slice(left, right), disc(radius)[:bottom - top, :right - left])
