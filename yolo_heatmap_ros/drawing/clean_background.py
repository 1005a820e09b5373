"""The picture of a still camera without what comes and goes, learned while frames pass."""

from typing import Optional

import cv2
import numpy as np

from yolo_heatmap_ros.drawing.anonymize import FLAT

PERIOD = 0.5
"""Seconds between two frames from which it learns."""
TOLERANCE = 15
"""Largest difference of a channel, in grey levels, at which a pixel shows the same."""
TRUST = 8
"""Votes that a colour needs before it is shown: it has been there for most of 4 s or more."""
MOST_VOTES = 24
"""Votes that a colour can have: what has come to stay is shown after some 15 s."""
AGAINST = 2
"""
Votes that a colour loses while somebody is hidden there, unless it was known before.

Else whoever sits there, and is missed now and then, would be background in the end.
"""
MOVED_SHARE, MOVED_FRAMES = 0.5, 3
"""The camera has moved when this share of what is known differs in so many frames in a row."""


class CleanBackground:
    """
    The colour that each pixel has most of the time, as far as nothing is hidden there.

    A majority vote over time (R. S. Boyer and J. S. Moore, MJRTY, 1991), in which colours within
    `TOLERANCE` are one: what passes is outvoted, also where it was not hidden.  `picture` (H, W,
    3) uint8 BGR is grey where nothing is known yet, `known` (H, W) uint8 is 255 elsewhere.
    """

    def __init__(self, height: int, width: int):
        """Begin without knowledge, for pictures of `height` rows and `width` columns in px."""
        self.picture = np.empty((height, width, 3), np.uint8)
        self.known = np.empty((height, width), np.uint8)
        self._colours = np.zeros((height, width, 3), np.uint8)
        self._votes = np.empty((height, width), np.uint8)
        self._occupied = np.empty((height, width), np.uint8)
        self._learned: Optional[float] = None
        self._begin()

    def _begin(self) -> None:
        self.picture[:] = FLAT
        self.known[:] = 0
        self._votes[:] = 0
        self._occupied[:] = 0
        self._moved = 0

    def is_due(self, stamp: float) -> bool:
        """Return whether to learn from the frame of `stamp`, in s."""
        return self._learned is None or not 0.0 <= stamp - self._learned < PERIOD

    def learn(self, frame: np.ndarray, free: np.ndarray, stamp: float) -> None:
        """
        Take a frame of `stamp`, in s.

        `frame` is (H, W, 3) uint8 BGR; only where `free`, (H, W) uint8, is 255 does it count.
        """
        self._learned = stamp
        self._watch_camera(frame, free)
        same = _same(frame, self._colours)
        same[self._votes == 0] = 0  # no colour yet
        agrees = cv2.bitwise_and(same, free)
        differs = cv2.subtract(free, same)
        hidden = cv2.bitwise_not(free)
        before = cv2.bitwise_and(hidden, self._settled())
        new = cv2.bitwise_and(cv2.compare(self._votes, 1, cv2.CMP_LE), differs)
        cv2.copyTo(cv2.addWeighted(self._colours, 0.75, frame, 0.25, 0.0), agrees, self._colours)
        cv2.copyTo(frame, new, self._colours)
        self._occupied |= hidden
        up = cv2.min(cv2.add(self._votes, 1), MOST_VOTES)
        down = cv2.max(cv2.subtract(self._votes, 1), 1)
        doubted = cv2.max(cv2.subtract(self._votes, AGAINST), 1)
        doubted[self._votes == 0] = 0
        cv2.copyTo(up, cv2.bitwise_or(agrees, before), self._votes)
        cv2.copyTo(down, differs, self._votes)
        cv2.copyTo(doubted, cv2.subtract(hidden, before), self._votes)
        trusted = cv2.compare(self._votes, TRUST, cv2.CMP_GE)
        cv2.copyTo(self._colours, trusted, self.picture)
        self.known |= trusted

    def _settled(self) -> np.ndarray:
        """Return where no colour but the one that is shown has votes: 255 in (H, W) uint8."""
        return cv2.bitwise_and(self.known, _same(self._colours, self.picture))

    def _watch_camera(self, frame: np.ndarray, free: np.ndarray) -> None:
        """Begin again if most of the picture has changed for good."""
        compared = cv2.bitwise_and(self.known, free)
        count = cv2.countNonZero(compared)
        changed = cv2.countNonZero(cv2.subtract(compared, _same(frame, self.picture)))
        self._moved = self._moved + 1 if changed > MOVED_SHARE * count else 0
        if self._moved >= MOVED_FRAMES:
            self._begin()

    def moving(self, frame: np.ndarray) -> np.ndarray:
        """Return where a frame, (H, W, 3) uint8 BGR, differs from it: 255 in (H, W) uint8."""
        return cv2.subtract(self.known, _same(frame, self.picture))

    def doubtful(self) -> np.ndarray:
        """Return where it was not free before it was known: 255 in (H, W) uint8."""
        return cv2.subtract(self._occupied, self.known)


def _same(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return 255 where two pictures, (H, W, 3) uint8, have the same colour, (H, W) uint8."""
    blue, green, red = cv2.split(cv2.absdiff(one, other))
    return cv2.compare(cv2.max(cv2.max(blue, green), red), TOLERANCE, cv2.CMP_LE)
