"""Joins tracks over cuts: what one segment has counted, the next one must not count again."""

from typing import Any, Dict, Iterable, List, NamedTuple, Sequence, Set, Tuple

import numpy as np

from yolo_heatmap_ros.heat.accumulator import HeatAccumulator
from yolo_heatmap_ros.heat.tracks import overlap, TrackMark
from yolo_heatmap_ros.storage.archived_segments import ArchivedSegment, Repeated

SAME_TIME = 2e-3
"""Seconds by which the last sightings of one track in two segments may differ."""
SAME_BOX = 0.5
"""Intersection over union from which they are of one track."""


class Joins(NamedTuple):
    """
    Tracks that go on in the next segment.

    `numbers` are those of the first segment by those of the later ones; `repeated` are visits of
    regions that have been counted before.
    """

    numbers: Dict[int, int]
    repeated: List[Repeated]


def joins_of(segments: Iterable[ArchivedSegment]) -> Joins:
    """Return the joins of one camera's segments, which are in order of time."""
    numbers: Dict[int, int] = {}
    repeated: List[Repeated] = []
    before: List[TrackMark] = []
    for segment in segments:
        tracks = segment.tracks
        inherited: Dict[int, Set[str]] = {}
        for old, new in _pairs(before, _marks(tracks['begin'])):
            numbers[new.number] = numbers.get(old.number, old.number)
            inherited[new.number] = set(old.visited)
        for number, place, name, stamp in tracks['visits']:
            if place in inherited.get(number, ()):
                repeated.append(Repeated(number, place, name, stamp))
        before = [mark._replace(visited=tuple({*mark.visited, *inherited.get(mark.number, ())}))
                  for mark in _marks(tracks['end'])]
    return Joins(numbers, repeated)


def _marks(plain: Sequence[Any]) -> List[TrackMark]:
    return [TrackMark(number, stamp, tuple(box), tuple(visited))
            for number, stamp, box, visited in plain]


def _pairs(before: Sequence[TrackMark],
           after: Sequence[TrackMark]) -> List[Tuple[TrackMark, TrackMark]]:
    """Return the marks that are of one track: last seen at the same time and place."""
    found = sorted(((overlap(np.array(one.box), np.array(other.box)), row, column)
                    for row, one in enumerate(before) for column, other in enumerate(after)
                    if abs(one.stamp - other.stamp) <= SAME_TIME), reverse=True)
    pairs, rows, columns = [], set(), set()
    for shared, row, column in found:
        if shared >= SAME_BOX and row not in rows and column not in columns:
            rows.add(row)
            columns.add(column)
            pairs.append((before[row], after[column]))
    return pairs


def uncount(sums: Sequence[HeatAccumulator], repeated: Iterable[Repeated]) -> None:
    """
    Take visits that were counted before off the counts of regions, by the class's name.

    `sums` are those of each resolution, that of the last frames at the end.
    """
    for one in repeated:
        for heat in reversed(sums):
            count = None if heat.regions is None else heat.regions.counts.get(one.place)
            of_class = {} if count is None else count.by_class.get(one.class_name, {})
            if of_class.get('tracks'):
                count.tracks -= 1
                of_class['tracks'] -= 1
                break
