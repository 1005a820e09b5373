"""Named lines across the picture, with counts of crossings in both directions."""

from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Mapping, Optional, Set, Tuple

import numpy as np

from yolo_heatmap_ros.choices import Anchor
from yolo_heatmap_ros.heat.crossings import in_px, Point, unchanged, Walk
from yolo_heatmap_ros.heat.events import DIRECTIONS, Event, EventKind
from yolo_heatmap_ros.heat.tracks import Track


@dataclass
class LineCount:
    """
    The crossings of a line.

    `forward` is from its left to its right, as seen along the line from its first point to its
    last; `backward` the other way.  `by_class` holds the same two numbers by class id.
    """

    forward: int = 0
    backward: int = 0
    by_class: Dict[int, Dict[str, int]] = field(default_factory=dict)

    def add(self, kind: EventKind, class_id: int) -> None:
        """Count a crossing of one kind by an object of one class."""
        setattr(self, kind.value, getattr(self, kind.value) + 1)
        self.of_class(class_id)[str(kind)] += 1

    def of_class(self, class_id: int) -> Dict[str, int]:
        """Return the numbers of a class, to read or to change."""
        return self.by_class.setdefault(class_id, {str(one): 0 for one in DIRECTIONS})


class Lines:
    """The lines of one picture, with their counts."""

    def __init__(self, lines: Mapping[str, np.ndarray], height: int, width: int,
                 anchor: Anchor = Anchor.FOOT):
        """
        Take polylines for a picture of `height` rows and `width` columns in px.

        `lines` are (N, 2) x y by name, in px, or in fractions where none is above 1.
        """
        self.anchor = anchor
        self.shape = height, width
        self.points = {name: in_px(points, height, width) for name, points in lines.items()}
        self.counts = {name: LineCount() for name in lines}

    def warnings(self) -> List[str]:
        """Return a line of text on each line that nothing can ever be seen to cross."""
        height, width = self.shape
        return [f"line '{name}' lies outside the picture of {width} x {height} pixels: nothing "
                'is counted on it' for name, points in self.points.items()
                if (points.max(axis=0) < 0).any()
                or (points.min(axis=0) > (width, height)).any()]

    def follow(self, track: Track, walk: Walk) -> Iterator[Event]:
        """Yield the crossings that are certain at the end of a track's walk."""
        for name, points in self.points.items():
            # How often the track has changed sides since it was last clear of the line, with
            # stamp and place of the last time.
            pending = track.on_lines.pop(name, None)
            if walk.begin is None:
                continue
            crossings = sorted(_crossings(points, walk.begin, walk.end))
            between = [(one + other) / 2 for (one, _), (other, _) in zip(crossings, crossings[1:])]
            for crossing, then in zip(crossings or [None], (*between, 1.0)):
                if crossing is not None:
                    sides = crossing[1] + (pending[0] if pending else 0)
                    pending = (sides, *walk.at(crossing[0])) if sides else None
                if pending is None:
                    continue
                place = walk.at(then)[1]
                distance, side = _beside(points, place, walk.margin)
                if distance >= walk.margin:
                    if side is None or side == np.sign(pending[0]):
                        yield _crossing(name, track, *pending)
                    pending = None
            if pending is not None:
                track.on_lines[name] = pending

    def apply(self, event: Event) -> None:
        """Count an event of one of these lines."""
        self.counts[event.place].add(event.kind, event.class_id)

    def take_over(self, before: Optional['Lines']) -> Set[str]:
        """Take over the counts of lines that are where they were; return their names."""
        if before is None or before.anchor != self.anchor:
            return set()
        same = unchanged(self.points, before.points)
        self.counts.update((name, before.counts[name]) for name in same)
        return same

    def forget_counts(self) -> None:
        """Start all counts from zero."""
        self.counts = {name: LineCount() for name in self.counts}

    def merge(self, other: 'Lines') -> None:
        """Add the counts of lines of the same name."""
        for name in self.counts.keys() & other.counts.keys():
            own, added = self.counts[name], other.counts[name]
            # Counts of classes that a model does not know are in the totals alone.
            own.forward += added.forward
            own.backward += added.backward
            for class_id, directions in added.by_class.items():
                of_class = own.of_class(class_id)
                for kind in DIRECTIONS:
                    of_class[str(kind)] += directions[str(kind)]

    def state(self) -> Dict[str, Dict[str, Any]]:
        """Return the counts as plain values."""
        return {name: {'forward': count.forward, 'backward': count.backward,
                       'by_class': {number: dict(directions) for number, directions
                                    in count.by_class.items()}}
                for name, count in self.counts.items()}

    def restore(self, state: Mapping[str, Mapping[str, Any]]) -> None:
        """Take over the counts of lines of the same name."""
        for name in self.counts.keys() & state.keys():
            count = state[name]
            self.counts[name] = LineCount(
                count['forward'], count['backward'],
                {number: dict(directions) for number, directions in count['by_class'].items()})


def _crossing(name: str, track: Track, sides: int, stamp: float, place: Point) -> Event:
    return Event(EventKind.FORWARD if sides > 0 else EventKind.BACKWARD, name, stamp,
                 track.number, track.class_id, *place)


def _crossings(points: np.ndarray, begin: Point, end: Point) -> Iterator[Tuple[float, int]]:
    """
    Yield where a straight way crosses a polyline, (N, 2): its fraction, and the direction.

    The direction is 1 from left to right, else -1.  A point on the line is on its right, and a way
    through a corner crosses one of the two sides: each change of sides counts once.
    """
    if not _boxes_touch(points, begin, end):
        return
    way = np.subtract(end, begin)
    # y points down: what is on the right of the direction of travel has a positive product.
    corner_right = _cross(way, points - begin) >= 0.0
    sides = np.diff(points, axis=0)
    before, after = (_cross(sides, np.subtract(place, points[:-1])) for place in (begin, end))
    hit = (corner_right[:-1] != corner_right[1:]) & ((before >= 0.0) != (after >= 0.0))
    for index in np.flatnonzero(hit):
        yield (float(before[index] / (before[index] - after[index])),
               1 if after[index] >= 0.0 else -1)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _boxes_touch(points: np.ndarray, begin: Point, end: Point) -> bool:
    low, high = points.min(axis=0), points.max(axis=0)
    return all(min(begin[axis], end[axis]) <= high[axis]
               and max(begin[axis], end[axis]) >= low[axis] for axis in (0, 1))


def _beside(points: np.ndarray, place: Point, margin: float) -> Tuple[float, Optional[int]]:
    """
    Return the distance in px of a place from a polyline, (N, 2), and the side on which it is.

    The side is 1 for right, -1 for left, None at a corner; past an end it is that of the line's
    straight continuation, 0 within half of the `margin` of it.
    """
    begin, sides = points[:-1], np.diff(points, axis=0)
    lengths = np.hypot(*sides.T)
    along = ((place - begin) * sides).sum(axis=1) / lengths ** 2
    nearest = begin + np.clip(along, 0.0, 1.0)[:, None] * sides
    distances = np.hypot(*(place - nearest).T)
    index = int(distances.argmin())
    aside = float(_cross(sides[index], place - begin[index]) / lengths[index])
    if 0.0 < along[index] < 1.0:
        side = 1 if aside >= 0.0 else -1
    elif (index == 0 and along[0] <= 0.0) or (index == len(sides) - 1 and along[index] >= 1.0):
        side = int(np.sign(aside)) if abs(aside) >= margin / 2 else 0
    else:
        side = None
    return float(distances[index]), side
