"""Counts, rates and latencies of frames."""

from collections import deque
from typing import Deque, Dict, Tuple

import numpy as np

from yolo_heatmap_ros.text import StrEnum

WINDOW = 10.0
"""Length in seconds of the window for rates and latencies."""
MAX_SAMPLES = 20_000
"""Maximum number of remembered frames, which bounds memory in a flood of messages."""


class Outcome(StrEnum):
    """The outcome of a frame."""

    PROCESSED = 'processed'
    SKIPPED = 'skipped'
    UNUSABLE = 'unusable'
    LEFT_OUT = 'over max_rate'


class FrameStatistics:
    """
    Counts of frames since the start, and statistics of the last `WINDOW` seconds.

    The caller gives all times, in seconds, by one steady clock.
    """

    def __init__(self):
        """Start with nothing counted."""
        self.counts: Dict[str, int] = dict.fromkeys(Outcome, 0)
        self.last_error = ''
        self._samples: Deque[Tuple[float, str, float]] = deque(maxlen=MAX_SAMPLES)
        self._work: Deque[Tuple[float, float]] = deque(maxlen=MAX_SAMPLES)

    def count(self, kind: str, now: float, number: int = 1, age: float = float('nan')) -> None:
        """Count frames of a kind; `age` is the time since their stamp in s, if known."""
        self.counts[kind] += number
        self._samples.extend([(now, kind, age)] * min(number, MAX_SAMPLES))

    def work(self, now: float, seconds: float) -> None:
        """Remember that a frame took so long."""
        self._work.append((now, seconds))

    def worked(self, now: float) -> float:
        """Return how many seconds of the window frames took."""
        return sum(seconds for at, seconds in self._work if at >= now - WINDOW)

    def _recent(self, now: float):
        while self._samples and self._samples[0][0] < now - WINDOW:
            self._samples.popleft()
        return self._samples

    def recent(self, now: float) -> Dict[str, int]:
        """Return how many frames of each kind there were in the window."""
        result = dict.fromkeys(self.counts, 0)
        for _, kind, _ in self._recent(now):
            result[kind] += 1
        return result

    def ages(self, now: float) -> Tuple[float, float]:
        """Return the median and the 95th percentile of the ages in the window, NaN for none."""
        ages = [age for _, _, age in self._recent(now) if np.isfinite(age)]
        return tuple(np.percentile(ages, (50, 95)).tolist()) if ages else (float('nan'),) * 2
