"""Which parts of a picture hide objects: where they are now, and those lost a moment ago."""

from typing import Dict, List, NamedTuple

import numpy as np

from yolo_heatmap_ros.heat.assignment import best_first
from yolo_heatmap_ros.heat.detections import intersection_over_union

MARGIN = 0.25, 0.15
"""What is added on each side of a box, as shares of its width and height: models cut limbs off."""
SAME = 0.2
"""Intersection over union from which a box is the one of the frame before."""
GROWTH = 0.1
"""Share of its height by which a lost box grows on each side, in a second."""
SMOOTHING = 0.3
"""Share of the newest measurement in a box's velocity."""
LASTING = 2
"""Number of sightings from which an unsure box is held: noise of the model is not."""


class Hidden(NamedTuple):
    """
    What is to be hidden in a frame, as float64 xyxy in px, with a margin.

    `boxes` (N, 4) are around the objects that were given, in their order, `lost` (M, 4) where
    others may be that were seen a moment ago.
    """

    boxes: np.ndarray
    lost: np.ndarray

    def together(self) -> np.ndarray:
        """Return all boxes, (N + M, 4)."""
        return np.concatenate((self.boxes, self.lost))


class _Known:
    """
    An object that was seen at `seen`, in s.

    `newest` is its last box, `box` what hides it, both (4,) xyxy; `velocity`, (2,), is in px/s.
    """

    def __init__(self, box: np.ndarray, stamp: float, sure: bool):
        """Begin with its first box; `sure` if that is no guess."""
        self.box = self.newest = box
        self.seen = stamp
        self.sightings = 1
        self.velocity = np.zeros(2)
        self._sure = sure

    @property
    def lasts(self) -> bool:
        """Return whether it is something that stays hidden when it is lost."""
        return self._sure or self.sightings >= LASTING

    def at(self, stamp: float) -> np.ndarray:
        """Return where what hides it would be by its motion, (4,) xyxy."""
        return self.box + np.tile(self.velocity, 2) * (stamp - self.seen)

    def see(self, box: np.ndarray, stamp: float, sure: bool, hold: float) -> None:
        """
        Take its next box.

        What hides it grows at once, and shrinks within `hold` s: an object that is half covered by
        another, or is half found, is still there as a whole.
        """
        elapsed = stamp - self.seen
        before = self.at(stamp)
        if elapsed > 0.0:
            moved = (box - self.newest).reshape(2, 2).mean(axis=0) / elapsed
            self.velocity += SMOOTHING * (moved - self.velocity)
        relaxed = before + (min(elapsed / hold, 1.0) if hold else 1.0) * (box - before)
        self.box = _hull(box, relaxed)
        self.newest, self.seen = box, stamp
        self._sure |= sure
        self.sightings += 1

    def lost(self, stamp: float) -> np.ndarray:
        """Return all that it may have reached by now, from where it was on, (4,) xyxy."""
        grown = GROWTH * (self.box[3] - self.box[1]) * (stamp - self.seen)
        return _hull(self.box, self.at(stamp)) + np.array((-grown, -grown, grown, grown))


class HiddenBoxes:
    """
    Follows objects from frame to frame, so that one which the model misses stays hidden.

    `hold`, in s, is for how long; it may change between frames.
    """

    def __init__(self, hold: float = 1.0):
        """Begin without objects."""
        self.hold = hold
        self._known: List[_Known] = []

    def update(self, boxes: np.ndarray, sure: np.ndarray, stamp: float) -> Hidden:
        """
        Return what is to be hidden in the next frame.

        `boxes`, (N, 4) xyxy in px, are the objects in the frame of `stamp`, in s; `sure`, (N,)
        bool, tells which of them are no guess.  Each stamp must be later than the one before.
        """
        boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
        known = [one for one in self._known if stamp - one.seen <= self.hold]
        owners = _owners(known, boxes, stamp)
        seen = {id(one) for one in owners.values()}
        lost = [one.lost(stamp) for one in known if one.lasts and id(one) not in seen]
        for index, box in enumerate(boxes):
            if index in owners:
                owners[index].see(box, stamp, bool(sure[index]), self.hold)
            else:
                owners[index] = _Known(box, stamp, bool(sure[index]))
                known.append(owners[index])
        self._known = known
        return Hidden(_widened([owners[index].box for index in range(len(boxes))]),
                      _widened(lost))


def _owners(known: List[_Known], boxes: np.ndarray, stamp: float) -> Dict[int, _Known]:
    """Return whose box is whose, by the box's index, best overlap first."""
    if not known or not len(boxes):
        return {}
    overlap = intersection_over_union(np.array([one.at(stamp) for one in known]), boxes)
    return {column: known[row] for row, column in best_first(-overlap, -SAME)}


def _hull(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the box around two, (4,) xyxy."""
    return np.concatenate((np.minimum(one[:2], other[:2]), np.maximum(one[2:], other[2:])))


def _widened(boxes: List[np.ndarray]) -> np.ndarray:
    around = np.array(boxes, np.float64).reshape(-1, 4)
    sides = (around[:, 2:] - around[:, :2]) * MARGIN
    return np.concatenate((around[:, :2] - sides, around[:, 2:] + sides), axis=1)
