"""Dwell time along an object's path: the input of every heat layer."""

from typing import List, NamedTuple, Optional

import numpy as np

from yolo_heatmap_ros.heat.kernels import Patch

SPACING = 4.0
"""Largest distance in px between the places at which a moving object leaves its dwell time ..."""
MAX_PLACES = 32
"""... unless that makes more than this many places."""


class Place(NamedTuple):
    """
    A stop on an object's path.

    `box` (4,) float32 xyxy in px, the heat `amount` that belongs here, and the `patch` of the
    picture that gets it, None for objects outside the picture.
    """

    box: np.ndarray
    amount: float
    patch: Optional[Patch]


class DwellSegment(NamedTuple):
    """
    What one object adds between two frames: from box `begin` to box `end`.

    The boxes are (4,) float32 xyxy in px; `stamp` is the time of `end`, in s; `track_id` is -1 for
    objects without a track.  `amount` of heat in the heat's unit is spread over `places` along the
    straight path.  `remaining` is the share of it that has not decayed by `stamp`.

    `floor`, (2, 2) float64 m, are the places of both ends on the floor, NaN for an unknown one;
    None without a floor.  `velocity`, (2,) px/s, and `floor_velocity`, (2,) m/s, are means over
    the last half second, None where nothing asks for them or they are unknown.
    """

    track_id: int
    class_id: int
    stamp: float
    begin: np.ndarray
    end: np.ndarray
    amount: float
    places: List[Place]
    remaining: float = 1.0
    floor: Optional[np.ndarray] = None
    velocity: Optional[np.ndarray] = None
    floor_velocity: Optional[np.ndarray] = None

    def floor_way(self) -> Optional[np.ndarray]:
        """Return both ends on the floor, (2, 2) float64 m, one for the other; None without any."""
        if self.floor is None:
            return None
        known = np.isfinite(self.floor).all(axis=1)
        if known.all():
            return self.floor
        return self.floor[[known.argmax()] * 2] if known.any() else None

    def faded(self) -> 'DwellSegment':
        """Return the segment with what has not decayed."""
        if self.remaining == 1.0:
            return self
        return self._replace(
            amount=self.remaining * self.amount, remaining=1.0,
            places=[place._replace(amount=self.remaining * place.amount)
                    for place in self.places])


class TrackPath(NamedTuple):
    """
    The path of the object `index` of a frame since it was last seen, and its `seconds`.

    `begin` and `end` are boxes, (4,) float32 xyxy in px.  `age` is how long ago it ended, in s.
    `floor` and the velocities are those of `DwellSegment`.
    """

    index: int
    begin: np.ndarray
    end: np.ndarray
    seconds: float
    age: float = 0.0
    floor: Optional[np.ndarray] = None
    velocity: Optional[np.ndarray] = None
    floor_velocity: Optional[np.ndarray] = None

    def boxes(self) -> np.ndarray:
        """Return evenly spaced boxes along the path, (N, 4), each with 1 / N of the time."""
        if self.begin is self.end:
            return self.end[np.newaxis]
        distance = float(np.abs(self.end - self.begin).max())
        steps = min(max(1, int(np.ceil(distance / SPACING))), MAX_PLACES)
        fractions = ((np.arange(steps) + 0.5) / steps).astype(self.end.dtype)
        return self.begin + (self.end - self.begin) * fractions[:, np.newaxis]
