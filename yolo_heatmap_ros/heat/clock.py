"""Elapsed time between frames, from stamps that may repeat, jump or be wrong."""

import math
from typing import NamedTuple, Optional

DISORDER = 0.2
"""Frames out of order by up to this many seconds are late; more is a jump back in time."""


class Step(NamedTuple):
    """
    The time step from one stamp to the next, in seconds.

    `elapsed` is the time between the stamps; `interval` is the observed part of it, 0 after too
    long a gap.  `jumped_back` is by how much a source that starts over has set back its stamps.
    """

    elapsed: float = 0.0
    interval: float = 0.0
    jumped_back: float = 0.0


class FrameClock:
    """
    Turns stamps into time steps.

    A stamp far from the previous ones counts only once the next one confirms it: a single wrong
    stamp, from a driver that has lost its clock, must not make a day's heat decay.
    """

    def __init__(self):
        """Start before the first stamp."""
        self.now: Optional[float] = None
        self._doubtful: Optional[float] = None
        self._resumed = False

    @property
    def in_doubt(self) -> bool:
        """Return whether the last stamp is not confirmed: nobody knows when its frame was."""
        return self._doubtful is not None

    def resume(self, now: Optional[float]) -> None:
        """
        Go on from the last stamp of saved heat, in seconds, or None.

        Earlier stamps than that are no jump back: those of a camera that counts from its start
        begin again with it.
        """
        self.now, self._doubtful, self._resumed = now, None, True

    def advance(self, stamp: float, max_gap: float) -> Step:
        """
        Take the next stamp, in seconds.

        A gap between frames longer than `max_gap` seconds counts as unobserved.
        """
        if self.now is None:
            self.now = stamp
            return Step()
        elapsed = stamp - self.now
        if -DISORDER <= elapsed <= max_gap:
            self._doubtful, self._resumed = None, False
            self.now = max(self.now, stamp)
            return Step(max(elapsed, 0.0), max(elapsed, 0.0))
        doubtful, self._doubtful = self._doubtful, stamp
        if doubtful is None or not (0.0 <= stamp - doubtful <= max_gap
                                    or self.now < doubtful < stamp):
            return Step()
        jumped_back = 0.0 if self._resumed else max(-elapsed, 0.0)
        self.now, self._doubtful, self._resumed = stamp, None, False
        since = stamp - doubtful
        return Step(max(elapsed, 0.0), since if since <= max_gap else 0.0, jumped_back)


PUNCTUALITY = 0.25
"""Share of the period by which a frame may come early: cameras do not keep time exactly."""


class RateLimit:
    """Chooses frames so that they come at most at a given rate, by their stamps."""

    def __init__(self):
        """Begin with a frame that is taken."""
        self._began: Optional[float] = None
        self._last = 0.0
        self._slot = 0.0
        self._rate = 0.0

    def takes(self, stamp: float, rate: float) -> bool:
        """Return whether to take the frame of `stamp`, in s, at up to `rate` Hz; 0: all."""
        if not rate:
            return True
        if self._began is None or rate != self._rate or stamp < self._last - DISORDER:
            self._began, self._last, self._slot, self._rate = stamp, stamp, 0.0, rate
            return True
        self._last = max(self._last, stamp)
        slot = math.floor((stamp - self._began) * rate + PUNCTUALITY)
        takes, self._slot = slot > self._slot, max(slot, self._slot)
        return takes
