"""Named regions of the picture, with counts of objects and crossings."""

from dataclasses import asdict, dataclass, field
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

import cv2
import numpy as np

from yolo_heatmap_ros.choices import Anchor
from yolo_heatmap_ros.heat.crossings import (
    anchor_of, in_px, is_outside, Point, unchanged, Walk)
from yolo_heatmap_ros.heat.dwell import TrackPath
from yolo_heatmap_ros.heat.events import Event, EventKind
from yolo_heatmap_ros.heat.tracks import Stay, Track

COUNTED = {EventKind.VISIT: 'tracks', EventKind.ENTRY: 'entries', EventKind.EXIT: 'exits'}
"""Which events are counted, and as what."""
TOTALS = ('tracks', 'entries', 'exits', 'occupancy')


@dataclass
class RegionCount:
    """
    What has happened in a region.

    `objects` are in it now.  `tracks` have been seen in it, `entries` and `exits` are crossings
    of its border: a track that appears or vanishes inside crosses nothing.  `occupancy` is the
    total dwell time of all objects in it, in seconds.  `by_class` holds all but `objects` by class
    id.
    """

    objects: int = 0
    tracks: int = 0
    entries: int = 0
    exits: int = 0
    occupancy: float = 0.0
    by_class: Dict[int, Dict[str, float]] = field(default_factory=dict)

    def add(self, name: str, class_id: int, amount: float = 1) -> None:
        """Add to one of the totals, and to that of the class."""
        setattr(self, name, getattr(self, name) + amount)
        self.of_class(class_id)[name] += amount

    def of_class(self, class_id: int) -> Dict[str, float]:
        """Return the totals of a class, to read or to change."""
        return self.by_class.setdefault(
            class_id, {one: type(getattr(RegionCount, one))() for one in TOTALS})


class Regions:
    """The regions of one picture, with their counts."""

    def __init__(self, polygons: Mapping[str, np.ndarray], height: int, width: int,
                 anchor: Anchor = Anchor.FOOT):
        """
        Take polygons for a picture of `height` rows and `width` columns in px.

        `polygons` are (N, 2) x y by name, in px, or in fractions where none is above 1.
        """
        self.anchor = anchor
        self.polygons = {name: in_px(polygon, height, width)
                         for name, polygon in polygons.items()}
        self.counts = {name: RegionCount() for name in polygons}
        # Else a track could never be in a region that is narrower than two margins.
        self._largest_margin = {name: _inradius(polygon) / 2
                                for name, polygon in self.polygons.items()}
        self.mask = np.zeros((height, width), np.float32)
        for polygon in self.polygons.values():
            cv2.fillPoly(self.mask, [np.round(polygon).astype(np.int32)], 1.0)

    def warnings(self) -> List[str]:
        """Return a line on each region in which nothing can ever be seen."""
        height, width = self.mask.shape
        return [f"region '{name}' lies outside the picture of {width} x {height} pixels: nothing "
                'is counted in it' for name, polygon in self.polygons.items()
                if is_outside(polygon, height, width)]

    def count(self, boxes: np.ndarray, class_ids: Sequence[int],
              tracks: Sequence[Optional[Track]], paths: Sequence[TrackPath],
              ) -> List[Tuple[str, int, float]]:
        """
        Count the objects of a frame, `boxes` (N, 4), and their dwell time.

        `tracks` and `paths` are what `TrackMemory.see` has returned, after `follow`.  Returns
        region, class id and seconds of each dwell.
        """
        counted = []
        dwells = [(box, path.seconds / len(way), class_ids[path.index]) for path in paths
                  for way in (path.boxes(),) for box in way]
        for name, polygon in self.polygons.items():
            count = self.counts[name]
            count.objects = 0
            for box, track in zip(boxes, tracks):
                if track is None or name not in track.stays:
                    count.objects += self._distance(polygon, box) >= 0.0
                else:
                    count.objects += track.stays[name].inside
            for box, seconds, class_id in dwells:
                if seconds and self._distance(polygon, box) >= 0.0:
                    count.add('occupancy', class_id, seconds)
                    counted.append((name, class_id, seconds))
        return counted

    def follow(self, track: Track, walk: Walk, dwell_alert: float = 0.0) -> Iterator[Event]:
        """
        Yield what a track has done on its walk: visits, entries, exits.

        And stays of more than `dwell_alert` s, once each, if that is above 0.
        """
        for name, polygon in self.polygons.items():
            stay = track.stays.get(name)
            if stay is None or walk.begin is None:
                inside = _depth(polygon, walk.end) >= 0.0
                if stay is None or stay.inside != inside:
                    stay = track.stays[name] = Stay(inside, walk.until,
                                                    stay is not None and stay.visited)
                else:
                    stay.since += walk.until - walk.since  # nobody saw it in between
                yield from self._visit(name, track, stay, walk.until, walk.end)
            else:
                yield from self._cross(name, polygon, track, stay, walk)
            stayed = walk.until - stay.since
            if stay.inside and dwell_alert and stayed > dwell_alert and not stay.reported:
                stay.reported = True
                yield Event(EventKind.STAY, name, walk.until, track.number, track.class_id,
                            *walk.end, stayed)

    def _cross(self, name: str, polygon: np.ndarray, track: Track, stay: Stay,
               walk: Walk) -> Iterator[Event]:
        margin = min(walk.margin, self._largest_margin[name])
        # A depth changes by at most the way walked: most walks stay clear of most borders.
        depths = _depth(polygon, walk.begin), _depth(polygon, walk.end)
        signs = {stay.inside, *(depth >= 0.0 for depth in depths)}
        if len(signs) == 1 and sum(map(abs, depths)) - walk.length > 2 * margin:
            return
        for fraction in walk.samples(margin / 2):
            stamp, place = walk.at(fraction)
            depth = _depth(polygon, place)
            inside = depth > -margin if stay.inside else depth >= margin
            if inside == stay.inside:
                continue
            stayed = stamp - stay.since if stay.inside else 0.0
            stay.inside, stay.since, stay.reported = inside, stamp, False
            yield Event(EventKind.ENTRY if inside else EventKind.EXIT, name, stamp, track.number,
                        track.class_id, *place, stayed)
            yield from self._visit(name, track, stay, stamp, place)

    def _visit(self, name: str, track: Track, stay: Stay, stamp: float,
               place: Point) -> Iterator[Event]:
        if stay.inside and not stay.visited:
            stay.visited = True
            yield Event(EventKind.VISIT, name, stamp, track.number, track.class_id, *place)

    def apply(self, event: Event) -> None:
        """Count an event of one of these regions."""
        if event.kind in COUNTED:
            self.counts[event.place].add(COUNTED[event.kind], event.class_id)

    def contain(self, box: np.ndarray) -> bool:
        """Return whether an object with this box is in any of the regions."""
        return any(self._distance(polygon, box) >= 0.0 for polygon in self.polygons.values())

    def _distance(self, polygon: np.ndarray, box: np.ndarray) -> float:
        """Return how far inside a polygon a box's anchor is, in px; outside it is negative."""
        return _depth(polygon, anchor_of(box, self.anchor))

    def take_over(self, before: Optional['Regions']) -> Set[str]:
        """Take over the counts of regions that are where they were; return their names."""
        if before is None or before.anchor != self.anchor:
            return set()
        same = unchanged(self.polygons, before.polygons)
        self.counts.update((name, before.counts[name]) for name in same)
        return same

    def forget_counts(self) -> None:
        """Start all counts from zero; which tracks are inside, and were, stays known."""
        self.counts = {name: RegionCount(objects=count.objects)
                       for name, count in self.counts.items()}

    def merge(self, other: 'Regions', later: bool) -> None:
        """Add the counts of regions of the same name; `objects` are the `later` ones."""
        for name in self.counts.keys() & other.counts.keys():
            own, added = self.counts[name], other.counts[name]
            # Counts of earlier versions are not by class: the totals are added by themselves.
            for total in TOTALS:
                setattr(own, total, getattr(own, total) + getattr(added, total))
            for class_id, totals in added.by_class.items():
                of_class = own.of_class(class_id)
                for total in TOTALS:
                    of_class[total] += totals[total]
            own.objects = (added if later else own).objects

    def state(self) -> Dict[str, Dict[str, Any]]:
        """Return the counts as plain values."""
        return {name: asdict(count) for name, count in self.counts.items()}

    def restore(self, state: Mapping[str, Mapping[str, Any]]) -> None:
        """Take over the counts of regions of the same name."""
        for name in self.counts.keys() & state.keys():
            self.counts[name] = RegionCount(**{
                **state[name], 'by_class': {number: dict(totals) for number, totals in
                                            state[name].get('by_class', {}).items()}})


def _depth(polygon: np.ndarray, place: Point) -> float:
    """Return how far inside a polygon, (N, 2), a place is, in px; outside it is negative."""
    return cv2.pointPolygonTest(polygon, place, True)


def _inradius(polygon: np.ndarray, resolution: int = 256) -> float:
    """Return about the radius in px of the largest circle in a polygon, (N, 2)."""
    low = polygon.min(axis=0)
    factor = resolution / float((polygon.max(axis=0) - low).max())
    mask = np.zeros((resolution + 3, resolution + 3), np.uint8)
    cv2.fillPoly(mask, [np.round((polygon - low) * factor + 1).astype(np.int32)], 1)
    return float(cv2.distanceTransform(mask, cv2.DIST_L2, 5).max()) / factor
