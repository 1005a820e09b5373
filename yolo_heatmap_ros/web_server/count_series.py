"""What regions and lines have counted in the last hour, for the page's small plots."""

from collections import OrderedDict
import math
from typing import Any, Dict, List, Mapping, Optional

PERIOD = 10.0
"""Seconds of a period."""
PERIODS = 360
MAX_PLACES = 200
"""Places that are kept: those that have been silent for longest go first."""
MEANS = ('objects',)
"""What is a state, and not a sum: its mean is kept."""
KEPT = {'regions': ('objects', 'entries', 'exits', 'occupancy'), 'lines': ('forward', 'backward')}


class _Place:
    """The sums of one place; `total` is what had been counted when it was last heard of."""

    def __init__(self, keys) -> None:
        self.total: Dict[str, float] = {}
        self.sums: Dict[str, List[float]] = {key: [0.0] * PERIODS for key in keys}
        self.times = [0] * PERIODS
        self.period = [-1] * PERIODS


class CountSeries:
    """The increments of counts in each period of the last hour: of a size that never grows."""

    def __init__(self, kind: str):
        """Take `regions` or `lines`."""
        self._keys = KEPT[kind]
        self._places: 'OrderedDict[str, _Place]' = OrderedDict()

    def add(self, now: float, counts: Mapping[str, Mapping[str, Any]]) -> None:
        """Take the counts by place at `now`, in s since 1970."""
        number = int(now // PERIOD)
        slot = number % PERIODS
        for name, count in counts.items():
            place = self._places.pop(name, None) or _Place(self._keys)
            self._places[name] = place
            if place.period[slot] != number:
                place.period[slot], place.times[slot] = number, 0
                for sums in place.sums.values():
                    sums[slot] = 0.0
            for key in self._keys:
                value = count.get(key)
                if not isinstance(value, (int, float)) or not math.isfinite(value):
                    continue
                # What was counted before it was first heard of belongs to no period.
                before = place.total.get(key, value)
                # A count that is lower begins again: the heat was reset, or the node restarted.
                place.sums[key][slot] += value if key in MEANS or value < before else (
                    value - before)
                place.total[key] = value
            place.times[slot] += 1
        while len(self._places) > MAX_PLACES:
            self._places.popitem(last=False)

    def plain(self, now: float) -> Dict[str, Dict[str, List[Optional[float]]]]:
        """
        Return the series by place and key, oldest first, the last one of the period of `now`.

        None is a period in which nothing was heard of the place.
        """
        last = int(now // PERIOD)
        numbers = range(last - PERIODS + 1, last + 1)
        return {name: {key: [_value(place, key, number) for number in numbers]
                       for key in self._keys}
                for name, place in self._places.items()
                if any(last - PERIODS < number <= last for number in place.period)}


def _value(place: _Place, key: str, number: int) -> Optional[float]:
    slot = number % PERIODS
    if place.period[slot] != number:
        return None
    value = place.sums[key][slot]
    return round(value / place.times[slot] if key in MEANS else value, 3)
