"""Paths of tracks between two sightings, and when they cross a border."""

from typing import Iterator, Mapping, NamedTuple, Optional, Set, Tuple

import cv2
import numpy as np

from yolo_heatmap_ros.choices import Anchor
from yolo_heatmap_ros.heat.kernels import ground_contact

MARGIN = 0.1
"""A track crosses a border once it is this many of its shorter sides beyond it ..."""
LEAST_MARGIN = 2.0
"""... and at least so many px: a box that jitters on the border does not count twice."""
MAX_SAMPLES = 1000
"""Places on the path between two sightings at which a border is looked for, at most."""

Point = Tuple[float, float]


class Walk(NamedTuple):
    """
    The straight way of a track's anchor between two sightings.

    `begin` and `end` are x y in px, at the stamps `since` and `until`, in s.  `margin`, in px, is
    how far beyond a border the track counts as across.  `begin` is None where a track was not seen
    before, or too long ago to know its way.
    """

    begin: Optional[Point]
    end: Point
    since: float
    until: float
    margin: float

    @property
    def length(self) -> float:
        """Return the length in px."""
        if self.begin is None:
            return 0.0
        return float(np.hypot(self.end[0] - self.begin[0], self.end[1] - self.begin[1]))

    def at(self, fraction: float) -> Tuple[float, Point]:
        """Return stamp and place at a fraction of the way, from 0 to 1."""
        if fraction >= 1.0 or self.begin is None:
            return self.until, self.end
        return (self.since + fraction * (self.until - self.since),
                (self.begin[0] + fraction * (self.end[0] - self.begin[0]),
                 self.begin[1] + fraction * (self.end[1] - self.begin[1])))

    def samples(self, spacing: float) -> Iterator[float]:
        """Yield fractions of the way, up to 1, at most `spacing` px apart if that is possible."""
        count = min(max(1, int(np.ceil(self.length / spacing))), MAX_SAMPLES)
        for index in range(1, count + 1):
            yield index / count


def unchanged(shapes: Mapping[str, np.ndarray], before: Mapping[str, np.ndarray]) -> Set[str]:
    """
    Return the names of shapes, (N, 2) px each, that are where those of the same name were.

    Half a px is nothing: coordinates are rounded on their way through fractions and text.
    """
    return {name for name in shapes.keys() & before.keys()
            if shapes[name].shape == before[name].shape
            and np.abs(shapes[name] - before[name]).max() <= 0.5}


def in_px(points: np.ndarray, height: int, width: int) -> np.ndarray:
    """
    Return points, (N, 2) x y, in px of a picture of `height` rows and `width` columns.

    They are in fractions of its size if no coordinate is above 1, else in px already.
    """
    return np.ascontiguousarray(points * (width, height) if points.max() <= 1.0 else points,
                                np.float32)


def is_outside(polygon: np.ndarray, height: int, width: int) -> bool:
    """Return whether a polygon, (N, 2) x y in px, has no pixel in a picture of this size."""
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.round(polygon).astype(np.int32)], 1)
    return not mask.any()


def anchor_of(box: np.ndarray, anchor: Anchor) -> Point:
    """Return the point of a box, (4,) xyxy in px, that is inside a region or not: x y in px."""
    x, y = ground_contact(box)
    return (x, (float(box[1]) + float(box[3])) / 2) if anchor == Anchor.CENTER else (x, y)


def margin_of(box: np.ndarray) -> float:
    """Return how far, in px, a box must be beyond a border to have crossed it."""
    return max(LEAST_MARGIN, MARGIN * float(min(box[2] - box[0], box[3] - box[1])))
