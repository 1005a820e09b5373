"""Which boxes show a whole person who stands, and of how many people they are."""

from typing import NamedTuple, Tuple

import numpy as np

_BORDER = 0.005
"""Share of the picture's width and height, from the border, in which boxes may be cut."""
_WIDEST = 0.85
"""Width by height from which a box is of nobody who stands."""
_LEGS = 1 / 3
"""Share of a box, from below, that must be in sight."""
_COVERED = 0.25
"""Share of the legs that another box may cover."""
_IN_SIGHT = 30.0
"""Seconds after which others are in sight."""
_CELLS = (8, 6)
"""Columns and rows of the picture that get an equal share of the boxes."""


class Usable(NamedTuple):
    """Which boxes can be used, (N,) bool, and how many of the others are out for which reason."""

    boxes: np.ndarray
    cut: int
    hidden: int
    wide: int

    def __str__(self) -> str:
        """Return the counts in words."""
        return (f'{np.count_nonzero(self.boxes)} of {len(self.boxes)} boxes are usable '
                f'({self.cut} cut by the border, {self.hidden} with legs behind others, '
                f'{self.wide} too wide)')


def usable_boxes(boxes: np.ndarray, frames: np.ndarray, size: Tuple[int, int]) -> Usable:
    """
    Return which boxes show a whole standing person, as far as boxes can tell.

    `boxes` (N, 4) are xyxy in px, `frames` (N,) int say in which picture each is, `size` is
    (height, width) of the pictures in px.  Out are boxes that touch the border, that are wider
    than somebody standing, and whose legs are behind a nearer box, which is one with a lower edge.
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    height, width = size
    margin = np.maximum(np.array((width, height)) * _BORDER, 1.0)
    cut = (boxes[:, :2] < margin).any(axis=1) | (boxes[:, 2:] > (width, height) - margin).any(
        axis=1)
    wide, tall = (boxes[:, 2:] - boxes[:, :2]).T
    # Without the small ones of all places: of far people that would leave the taller.
    odd = wide >= _WIDEST * tall
    hidden = np.zeros(len(boxes), bool)
    for frame in np.unique(frames):
        own = np.flatnonzero(frames == frame)
        hidden[own] = _legs_hidden(boxes[own])
    return Usable(~(cut | odd | hidden), int(cut.sum()), int((hidden & ~cut).sum()),
                  int((odd & ~cut & ~hidden).sum()))


def _legs_hidden(boxes: np.ndarray) -> np.ndarray:
    """Return whose legs are behind another box of the same picture, (N,) bool."""
    tall = boxes[:, 3] - boxes[:, 1]
    legs = boxes.copy()
    legs[:, 1] = boxes[:, 3] - _LEGS * tall
    shared = (np.minimum(legs[:, None, 2:], boxes[None, :, 2:])
              - np.maximum(legs[:, None, :2], boxes[None, :, :2])).clip(0.0).prod(axis=2)
    nearer = boxes[None, :, 3] > boxes[:, None, 3]
    area = (legs[:, 2:] - legs[:, :2]).prod(axis=1)
    return (nearer & (shared > _COVERED * area[:, None])).any(axis=1)


def spread_boxes(boxes: np.ndarray, size: Tuple[int, int], count: int,
                 seed: int = 0) -> np.ndarray:
    """
    Return the indices of at most `count` boxes, (M,) int, spread over the picture.

    `boxes` (N, 4) are xyxy in px, `size` is (height, width) in px.  A cell of a grid gives boxes
    as the square root of what it has: somebody who stands for long must not outweigh all others,
    nor must few false boxes in places where nobody walks.
    """
    columns, rows = _CELLS
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    column = ((boxes[:, 0] + boxes[:, 2]) / 2 * columns / size[1]).astype(int).clip(0, columns - 1)
    row = (boxes[:, 3] * rows / size[0]).astype(int).clip(0, rows - 1)
    cell = row * columns + column
    sizes = np.bincount(cell, minlength=rows * columns)
    rng = np.random.default_rng(seed)
    # Weighted sampling without replacement (P. Efraimidis, P. Spirakis, 2006): the smallest
    # exponential variates, each divided by its weight.
    order = np.argsort(rng.exponential(size=len(boxes)) * np.sqrt(sizes[cell]))
    return np.sort(order[:count])


def people_among(stamps: np.ndarray) -> int:
    """
    Return about how many people boxes are of, by the stamps of their pictures in s, (N,).

    It is the sum, over blocks of time, of the largest number of boxes in one picture: nobody is
    expected to be in sight for much longer than a block, which lasts 30 s.
    """
    stamps, counts = np.unique(stamps, return_counts=True)
    blocks = ((stamps - stamps[:1]) // _IN_SIGHT).astype(int)
    return sum(int(counts[blocks == block].max()) for block in np.unique(blocks))
