"""The shapes that objects leave in the heat, 1 at their hottest."""

from functools import lru_cache
from typing import Callable, Dict, NamedTuple, Optional, Tuple

import cv2
import numpy as np

from yolo_heatmap_ros.choices import KernelName

_CACHED_PIXELS = 1 << 15
"""Larger shapes are rare, and not cached: a cache of them would hold gigabytes."""


class Patch(NamedTuple):
    """A shape in its place: rows and columns of a field, and their heat, float32 in [0, 1]."""

    rows: slice
    columns: slice
    heat: np.ndarray


Kernel = Callable[[np.ndarray, Optional[np.ndarray], int, int], Optional[Patch]]


def _cached(shape: Callable[[int, int], np.ndarray]) -> Callable[[int, int], np.ndarray]:
    """Cache shapes of ordinary size, read-only."""
    @lru_cache(maxsize=256)
    def kept(height: int, width: int) -> np.ndarray:
        kernel = shape(height, width)
        kernel.flags.writeable = False
        return kernel

    def get(height: int, width: int) -> np.ndarray:
        return (kept if height * width <= _CACHED_PIXELS else shape)(height, width)
    return get


@_cached
def _disc(height: int, width: int) -> np.ndarray:
    """
    Return 1 inside a disc and 0 around it; both sides are 2 r + 1.

    A pixel belongs to the disc where the squared distance of its index from the centre's is at
    most the squared radius, as in `ultralytics.solutions.Heatmap.heatmap_effect`.
    """
    squares = np.arange(-(height // 2), height // 2 + 1) ** 2
    return (squares[:, None] + squares <= (height // 2) ** 2).astype(np.float32)


def _unit_offsets(length: int) -> np.ndarray:
    """Return the positions of pixel centres along a side, from -1 at its start to 1."""
    return ((2 * np.arange(length) + 1) / length - 1).astype(np.float32)


@_cached
def _ellipse(height: int, width: int) -> np.ndarray:
    squares = _unit_offsets(height)[:, None] ** 2 + _unit_offsets(width) ** 2
    return (squares <= 1).astype(np.float32)


@_cached
def _gaussian(height: int, width: int) -> np.ndarray:
    # A standard deviation of a quarter of the side: exp(-x^2 / 2 s^2) with s = 1/2 of the half.
    return np.outer(np.exp(-2 * _unit_offsets(height) ** 2),
                    np.exp(-2 * _unit_offsets(width) ** 2)).astype(np.float32)


@_cached
def _solid(height: int, width: int) -> np.ndarray:
    return np.ones((height, width), np.float32)


def _pixels_of(box, height: int, width: int) -> Optional[Tuple[int, int, int, int]]:
    """Return x1, y1, x2, y2 truncated to whole pixels and clipped, None if empty."""
    x1, y1, x2, y2 = map(int, box.tolist())
    x1, y1, x2, y2 = max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)
    return None if x2 <= x1 or y2 <= y1 else (x1, y1, x2, y2)


def disc(box: np.ndarray, outline: Optional[np.ndarray], height: int,
         width: int) -> Optional[Patch]:
    """Inscribe a disc in a box, as `ultralytics.solutions.Heatmap` does."""
    pixels = _pixels_of(box, height, width)
    if pixels is None:
        return None
    x1, y1, x2, y2 = pixels
    radius = min(x2 - x1, y2 - y1) // 2
    left, top = (x1 + x2) // 2 - radius, (y1 + y2) // 2 - radius
    # The centre of an even side is the pixel right of the middle: the last column falls outside.
    right, bottom = min(left + 2 * radius + 1, x2), min(top + 2 * radius + 1, y2)
    heat = _disc(2 * radius + 1, 2 * radius + 1)[:bottom - top, :right - left]
    return Patch(slice(top, bottom), slice(left, right), heat)


def _filling(shape: Callable[[int, int], np.ndarray], meaning: str) -> Kernel:
    """Return the kernel that fills a box with a shape of its size."""
    def kernel(box, outline, height, width):
        pixels = _pixels_of(box, height, width)
        if pixels is None:
            return None
        x1, y1, x2, y2 = pixels
        return Patch(slice(y1, y2), slice(x1, x2), shape(y2 - y1, x2 - x1))
    kernel.__doc__ = meaning
    return kernel


def foot(box: np.ndarray, outline: Optional[np.ndarray], height: int,
         width: int) -> Optional[Patch]:
    """
    Draw a disc around the ground contact of a standing person: the middle of the lower edge.

    Its radius is a quarter of the box's width; it is clipped at the border of the picture.
    """
    x, y = ground_contact(box)
    if not (0 <= x < width and 0 < y <= height):
        return None
    seen_width = min(float(box[2]), width) - max(float(box[0]), 0.0)
    return disc_patch(int(np.ceil(y)) - 1, int(x), max(1, round(seen_width / 4)), height, width)


def disc_patch(row: int, column: int, radius: int, height: int, width: int) -> Optional[Patch]:
    """Place a disc around a pixel and clip it at the border; None if nothing is left."""
    top, left = max(row - radius, 0), max(column - radius, 0)
    bottom, right = min(row + radius + 1, height), min(column + radius + 1, width)
    if top >= bottom or left >= right:
        return None
    whole = _disc(2 * radius + 1, 2 * radius + 1)
    heat = whole[top - row + radius:, left - column + radius:][:bottom - top, :right - left]
    return Patch(slice(top, bottom), slice(left, right), heat)


def mask(box: np.ndarray, outline: Optional[np.ndarray], height: int,
         width: int) -> Optional[Patch]:
    """Fill the outline of an object, (M, 2) x y in px, from a segmentation model."""
    if outline is None or len(outline) < 3 or not np.isfinite(outline).all():
        return None
    extent = np.concatenate((outline.min(axis=0), outline.max(axis=0) + 2))
    pixels = _pixels_of(extent, height, width)
    if pixels is None:
        return None
    x1, y1, x2, y2 = pixels
    heat = np.zeros((y2 - y1, x2 - x1), np.float32)
    cv2.fillPoly(heat, [np.round(outline).astype(np.int32) - (x1, y1)], 1.0)
    return Patch(slice(y1, y2), slice(x1, x2), heat)


def ground_contact(box: np.ndarray) -> Tuple[float, float]:
    """Return x, y in px of the middle of a box's lower edge, where a person stands."""
    return (float(box[0]) + float(box[2])) / 2, float(box[3])


def ground_contacts(boxes: np.ndarray) -> np.ndarray:
    """Return the same of boxes, (N, 4) xyxy: x, y in px, (N, 2) of their dtype."""
    return np.stack(((boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]), axis=1)


KERNELS: Dict[KernelName, Kernel] = {
    KernelName.DISC: disc,
    KernelName.BOX: _filling(_solid, 'Fill the box.'),
    KernelName.ELLIPSE: _filling(_ellipse, 'Inscribe an ellipse in the box.'),
    KernelName.GAUSSIAN: _filling(_gaussian, 'Fill the box with a Gaussian.'),
    KernelName.FOOT: foot,
    KernelName.MASK: mask,
}
"""
Kernels by name.

Each takes a box, (4,) x1 y1 x2 y2 in px, the object's outline, (M, 2) in px or None, and the
picture's height and width in px; it returns None if none of the object is in the picture.
"""
