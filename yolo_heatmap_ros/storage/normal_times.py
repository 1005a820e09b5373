"""What a history says is normal, and whether what has just been seen is."""

from datetime import datetime, tzinfo
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from yolo_heatmap_ros.heat.normality import Normality, Unusual
from yolo_heatmap_ros.heat.time_bins import cells_of, TimeBin
from yolo_heatmap_ros.storage.history import History, When
from yolo_heatmap_ros.storage.history_writer import HOUR

WINDOW = 900.0
"""Seconds that are judged together; longer bins by themselves."""
LEAST_WATCHED = WINDOW / 2
"""Seconds of a window that must have been watched for it to count."""
GRID = (6, 8)
"""Rows and columns of the parts of the picture whose heat is judged."""
HEAT = 'heat/'
LEAST_SHARE = 0.05
"""Heat of a part is unusual if it differs by this share of the whole picture's normal heat."""
PAST = 26 * 7 * 86400.0
"""Seconds of history that say what is normal."""
COUNTED = ('entries', 'exits', 'occupancy', 'forward', 'backward')
BEGINNING = datetime(2000, 1, 3)


class Judgement(NamedTuple):
    """
    What was found in a window of time from `begin` to `end`, in s since 1970 UTC.

    `unusual` are numbers of places, as 'hall/entries', or of parts of the picture, as 'heat/2/5'
    (row and column of `GRID`).  `grid` is the heat of the parts, `normal_grid` what is normal, in
    the heat's unit, None if that is not known.  `weeks` is for how many weeks this hour of the
    week is known.
    """

    begin: float
    end: float
    unusual: List[Unusual]
    weeks: int
    grid: np.ndarray
    normal_grid: Optional[np.ndarray]


class Glance(NamedTuple):
    """
    What is judged of a bin, see `TimeBin`; `counts` by place and what, `grid` as `GRID`.

    `view` is what bins must have in common.
    """

    begin: float
    period: float
    watched: float
    counts: Dict[Tuple[str, str], float]
    grid: np.ndarray
    view: Tuple[Any, ...]

    @classmethod
    def of(cls, one: TimeBin) -> 'Glance':
        """Return what is judged of a bin."""
        counts = {(place, what): numbers.get(what, 0.0)
                  for place, numbers in {**one.regions, **one.lines}.items() for what in COUNTED}
        return cls(one.begin, one.period, one.watched, counts,
                   coarse(sum(one.heat.values(), np.zeros(cells_of(*one.shape, one.cell)))),
                   (one.shape, repr(one.facts)))


class NormalTimes:
    """What is normal at each hour of the week, by the bins of one view."""

    def __init__(self, history: History, view: int, now: float, zone: tzinfo):
        """Read the past of a view until `now`, in s since 1970 UTC; raises HistoryError."""
        self._zone = zone
        facts = history.facts(view)
        self._keys = [f'{place}/{what}' for place in (*facts['regions'], *facts['lines'])
                      for what in COUNTED
                      if (what in ('forward', 'backward')) == (place in facts['lines'])]
        self._parts = [f'{HEAT}{row}/{column}' for row in range(GRID[0])
                       for column in range(GRID[1])]
        bins = [one for one in history.bins(When(now - PAST, now)) if one.view == view
                and one.period <= HOUR]
        windows = history.windows(bins, WINDOW, coarse)
        samples: List[Tuple[int, int, float]] = []
        values: List[np.ndarray] = []
        for begin, watched, counts, heat in windows:
            if watched >= LEAST_WATCHED:
                samples.append((*self._slot_and_week(begin), watched / HOUR))
                values.append(self._numbers(counts, heat))
        slots, weeks, hours = zip(*samples) if samples else ((), (), ())
        self._normality = Normality(
            [*self._keys, *self._parts], np.array(slots, int), np.array(weeks, int),
            np.array(hours, float),
            np.array(values).reshape(len(values), len(self._keys) + len(self._parts)),
            [not key.endswith('occupancy') for key in self._keys] + [False] * len(self._parts))

    @property
    def known_hours(self) -> int:
        """Return of how many hours of the week it is known what is normal."""
        return self._normality.known_hours

    def judge(self, bins: Sequence[Glance], score: float) -> Optional[Judgement]:
        """
        Judge bins that follow each other, as one window; None if too little was watched.

        A place or a part is unusual from `score` standard deviations on.
        """
        begin, end = bins[0].begin, bins[-1].begin + bins[-1].period
        watched = sum(one.watched for one in bins)
        if watched < LEAST_WATCHED:
            return None
        counts: Dict[Tuple[str, str], float] = {}
        heat = np.zeros(GRID)
        hours: Dict[int, float] = {}
        for one in bins:
            heat += one.grid
            for key, number in one.counts.items():
                counts[key] = counts.get(key, 0.0) + number
            slot, _ = self._slot_and_week(one.begin)
            hours[slot] = hours.get(slot, 0.0) + one.watched / HOUR
        numbers = self._numbers(counts, heat)
        expected = self._normality.expected(hours)
        if expected is None:
            return Judgement(begin, end, [], self._normality.weeks(hours), heat, None)
        normal_grid = expected[len(self._keys):].reshape(GRID)
        least = LEAST_SHARE * normal_grid.sum()
        unusual = [one for one in self._normality.judge(hours, numbers, score)
                   if not one.key.startswith(HEAT) or abs(one.value - one.expected) > least]
        return Judgement(begin, end, unusual, self._normality.weeks(hours), heat, normal_grid)

    def _slot_and_week(self, time: float) -> Tuple[int, int]:
        local = datetime.fromtimestamp(time, self._zone).replace(tzinfo=None)
        hours = int((local - BEGINNING).total_seconds() // HOUR)
        return hours % 168, hours // 168

    def _numbers(self, counts: Mapping[Tuple[str, str], float], heat: np.ndarray) -> np.ndarray:
        places = [counts.get(tuple(key.rsplit('/', 1)), 0.0) for key in self._keys]
        return np.concatenate((places, heat.ravel()))


def coarse(heat: np.ndarray) -> np.ndarray:
    """Return the sums of heat, (rows, columns), in the parts of `GRID`, float64."""
    rows, columns = (np.arange(count) * size // count
                     for count, size in zip(GRID, heat.shape))
    return np.add.reduceat(np.add.reduceat(heat.astype(np.float64), rows, axis=0), columns,
                           axis=1)


def follows(bins: Sequence[Glance]) -> List[Glance]:
    """Return the last bins that follow each other without a gap, up to `WINDOW` s of them."""
    chosen: List[Glance] = []
    for one in reversed(bins):
        if chosen and (one.begin + one.period != chosen[-1].begin or one.view != chosen[-1].view):
            break
        chosen.append(one)
        if chosen[0].begin + chosen[0].period - one.begin >= WINDOW:
            return chosen[::-1]
    return []
