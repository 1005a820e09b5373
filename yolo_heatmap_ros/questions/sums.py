"""What was seen then: sums by parts of the time, of the classes and place that are asked for."""

from datetime import datetime
from pathlib import Path
from typing import (
    Callable, Dict, Hashable, Iterable, Mapping, NamedTuple, Optional, Sequence, Set)

import cv2
import numpy as np

from yolo_heatmap_ros.drawing.history_pictures import polygon_mask
from yolo_heatmap_ros.errors import QuestionError
from yolo_heatmap_ros.questions.times import WEEKDAYS
from yolo_heatmap_ros.storage.history import Bin, History, HistorySum, When
from yolo_heatmap_ros.storage.history_writer import HOUR


class _By(NamedTuple):
    """How bins are sorted into parts: by a key of their local time, which has a label."""

    key: Callable[[datetime], Hashable]
    label: Callable[[Hashable], str]
    needs_hours: bool = False


BY = {'hour': _By(lambda local: local.hour, lambda key: f'{key:02} h', True),
      'weekday': _By(lambda local: local.weekday(), lambda key: WEEKDAYS[key]),
      'day': _By(lambda local: local.date(), str),
      'week': _By(lambda local: (local.weekday(), local.hour),
                  lambda key: f'{WEEKDAYS[key[0]]} {key[1]:02} h', True)}
"""Parts into which a time can be divided; those of `week` are its 168 hours."""


def groups(history: History, by: str, when: When, view: Optional[int] = None,
           heat: bool = False) -> Dict[str, HistorySum]:
    """Return sums by the labels of parts, in order; `by` is one of `BY`."""
    how = BY[by]

    def key(one: Bin) -> Hashable:
        if how.needs_hours and one.period > HOUR:
            return None
        return how.key(datetime.fromtimestamp(one.begin, when.zone))
    parts = history.groups(when, key, view, heat)
    if not parts:
        raise QuestionError(f"'{history.path}': all that is left of then are sums of days; ask "
                            '--by day or weekday')
    return {how.label(part): parts[part] for part in sorted(parts)}


def days_without_hours(history: History, when: When, by: Optional[str] = None) -> int:
    """Return how many days are left out, because they are kept without their hours."""
    if when.hours is None and not (by in BY and BY[by].needs_hours):
        return 0
    return sum(one.period > HOUR for one in history.bins(When(when.begin, when.end)))


def check_same_view(parts: Mapping[Hashable, HistorySum], path: Path) -> None:
    """Raise QuestionError if two sums cannot be compared."""
    one, other = parts.values()
    if one.bins[0].view != other.bins[0].view:
        raise QuestionError(f"'{path}': the camera or what it counts has changed between the two "
                            f'times (view {one.bins[0].view} and {other.bins[0].view}): they '
                            'cannot be compared')


def known_classes(history: History, sums: Iterable[HistorySum]) -> Set[str]:
    """Return the names of classes of which there is heat, or a count in these sums."""
    return (history.classes() | {name for summed in sums for by_class in summed.counts.values()
                                 for name in by_class}) - {''}


def choose(summed: HistorySum, classes: Sequence[str], region: Optional[str], known: Set[str],
           path: Path) -> None:
    """
    Leave only the wanted classes and the wanted region, or line; raises QuestionError.

    `known` are the classes that there are, `path` is that of the history.
    """
    wanted = set(classes)
    if wanted:
        unknown = wanted - known
        if unknown and known:
            raise QuestionError(f"--classes: nothing of {', '.join(sorted(unknown))} was ever "
                                f"seen; there is {', '.join(sorted(known))}")
        summed.heat = {name: heat for name, heat in summed.heat.items() if name in wanted}
        for place, by_class in summed.counts.items():
            own = [numbers for name, numbers in by_class.items() if name in wanted]
            summed.counts[place] = {'': {what: sum(numbers.get(what, 0.0) for numbers in own)
                                         for numbers in own for what in numbers}}
    if region is None:
        return
    facts = summed.facts
    if region not in facts['regions'] and region not in facts['lines']:
        places = ', '.join([*facts['regions'], *facts['lines']]) or 'none'
        raise QuestionError(f"--region '{region}': '{path}' has {places} then")
    summed.counts = {region: summed.counts.get(region, {})}
    if region in facts['regions']:
        mask = polygon_mask(facts['regions'][region], facts['height'], facts['width'])
        cells = cv2.resize(mask.astype(np.float32), summed.total().shape[::-1],
                           interpolation=cv2.INTER_AREA)
        summed.heat = {name: heat * (cells > 0) for name, heat in summed.heat.items()}
