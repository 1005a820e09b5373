"""The time of frames, from stamps that may repeat, jump or be wrong."""

from typing import NamedTuple, Optional

DISORDER = 0.2
"""Frames this many seconds out of order are late, and no jump back in time."""


class Step(NamedTuple):
    """
    What a stamp says, in seconds.

    `elapsed` time has passed since the stamps before it.  `interval` is what of it was watched:
    none where frames are missing for too long.  `jumped_back` by so much did a source begin anew.
    """

    elapsed: float = 0.0
    interval: float = 0.0
    jumped_back: float = 0.0


class FrameClock:
    """
    Turns stamps into steps of time.

    A stamp far from those before it counts once the next one confirms it: a single wrong one, as
    of a driver that has lost its clock, must not let the heat of a day fade.
    """

    def __init__(self):
        """Begin before the first stamp."""
        self.now: Optional[float] = None
        self._doubtful: Optional[float] = None

    def advance(self, stamp: float, max_gap: float) -> Step:
        """
        Take the next stamp, in seconds.

        A gap between frames longer than `max_gap` seconds is not watched.
        """
        if self.now is None:
            self.now = stamp
            return Step()
        elapsed = stamp - self.now
        if -DISORDER <= elapsed <= max_gap:
            self._doubtful = None
            self.now = max(self.now, stamp)
            return Step(max(elapsed, 0.0), max(elapsed, 0.0))
        doubtful, self._doubtful = self._doubtful, stamp
        if doubtful is None or not (0.0 <= stamp - doubtful <= max_gap
                                    or self.now < doubtful < stamp):
            return Step()
        self.now, self._doubtful = stamp, None
        since = stamp - doubtful
        return Step(max(elapsed, 0.0), since if since <= max_gap else 0.0,
                    max(-elapsed, 0.0))
