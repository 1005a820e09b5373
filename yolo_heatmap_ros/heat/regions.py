"""Named regions of the picture, with counts of objects and crossings."""

from dataclasses import asdict, dataclass, fields
from typing import Dict, List, Mapping, Optional, Sequence

import cv2
import numpy as np

from yolo_heatmap_ros.choices import Anchor
from yolo_heatmap_ros.heat.dwell import TrackPath
from yolo_heatmap_ros.heat.kernels import ground_contact
from yolo_heatmap_ros.heat.tracks import Track

MARGIN = 0.1
"""A track crosses a border once it is this many of its shorter sides beyond it ..."""
LEAST_MARGIN = 2.0
"""... and at least so many px: a box that jitters on the border does not count twice."""


@dataclass
class RegionCount:
    """
    What has happened in a region.

    `objects` are in it now.  `tracks` have been seen in it, `entries` and `exits` are crossings
    of its border: a track that appears or vanishes inside crosses nothing.  `occupancy` is the
    total dwell time of all objects in it, in seconds.
    """

    objects: int = 0
    tracks: int = 0
    entries: int = 0
    exits: int = 0
    occupancy: float = 0.0


class Regions:
    """The regions of one picture, with their counts."""

    def __init__(self, polygons: Mapping[str, np.ndarray], height: int, width: int,
                 anchor: Anchor = Anchor.FOOT):
        """
        Take polygons for a picture of `height` rows and `width` columns in px.

        `polygons` are (N, 2) x y by name, in px, or in fractions where none is above 1.
        """
        self.anchor = anchor
        self.polygons = {
            name: np.ascontiguousarray(
                polygon * (width, height) if polygon.max() <= 1.0 else polygon, np.float32)
            for name, polygon in polygons.items()}
        self.counts = {name: RegionCount() for name in polygons}
        self.mask = np.zeros((height, width), np.float32)
        for polygon in self.polygons.values():
            cv2.fillPoly(self.mask, [np.round(polygon).astype(np.int32)], 1.0)

    def warnings(self) -> List[str]:
        """Return a line on each region in which nothing can ever be seen."""
        height, width = self.mask.shape
        lines = []
        for name, polygon in self.polygons.items():
            mask = np.zeros((height, width), np.uint8)
            cv2.fillPoly(mask, [np.round(polygon).astype(np.int32)], 1)
            if not mask.any():
                lines.append(f"region '{name}' lies outside the picture of {width} x {height} "
                             'pixels: nothing is counted in it')
        return lines

    def count(self, boxes: np.ndarray, tracks: Sequence[Optional[Track]],
              paths: Sequence[TrackPath]) -> None:
        """Count the objects of a frame: `boxes` (N, 4), with what `TrackMemory.see` returned."""
        dwells = [(box, path.seconds / len(way)) for path in paths
                  for way in (path.boxes(),) for box in way]
        for name, polygon in self.polygons.items():
            count = self.counts[name]
            count.objects = 0
            for box, track in zip(boxes, tracks):
                distance = self._distance(polygon, box)
                if track is None:
                    count.objects += distance >= 0.0
                else:
                    count.objects += _follow(count, name, track, distance, _margin(box))
            count.occupancy += sum(seconds for box, seconds in dwells
                                   if self._distance(polygon, box) >= 0.0)

    def contain(self, box: np.ndarray) -> bool:
        """Return whether an object with this box is in any of the regions."""
        return any(self._distance(polygon, box) >= 0.0 for polygon in self.polygons.values())

    def _distance(self, polygon: np.ndarray, box: np.ndarray) -> float:
        """Return how far inside a polygon a box's anchor is, in px; outside it is negative."""
        point = ground_contact(box)
        if self.anchor == Anchor.CENTER:
            point = point[0], (float(box[1]) + float(box[3])) / 2
        return cv2.pointPolygonTest(polygon, point, True)

    def forget_counts(self) -> None:
        """Start all counts from zero; which tracks are inside, and were, stays known."""
        for count in self.counts.values():
            for field in fields(count):
                if field.name != 'objects':
                    setattr(count, field.name, field.default)

    def merge(self, other: 'Regions', later: bool) -> None:
        """Add the counts of regions of the same name; `objects` are the `later` ones."""
        for name in self.counts.keys() & other.counts.keys():
            own, added = asdict(self.counts[name]), asdict(other.counts[name])
            total = {key: own[key] + added[key] for key in own}
            total['objects'] = (added if later else own)['objects']
            self.counts[name] = RegionCount(**total)

    def state(self) -> Dict[str, dict]:
        """Return the counts as plain numbers."""
        return {name: asdict(count) for name, count in self.counts.items()}

    def restore(self, state: Mapping[str, dict]) -> None:
        """Take over the counts of regions of the same name."""
        for name in self.counts.keys() & state.keys():
            self.counts[name] = RegionCount(**state[name])


def _follow(count: RegionCount, name: str, track: Track, distance: float, margin: float) -> bool:
    """Return whether a track is inside, and count its crossings of the border."""
    was_inside = track.inside.get(name)
    if was_inside is None:
        inside = distance >= 0.0
    else:
        inside = distance > -margin if was_inside else distance >= margin
        count.entries += inside and not was_inside
        count.exits += was_inside and not inside
    track.inside[name] = inside
    if inside and name not in track.visited:
        track.visited.add(name)
        count.tracks += 1
    return inside


def _margin(box: np.ndarray) -> float:
    return max(LEAST_MARGIN, MARGIN * float(min(box[2] - box[0], box[3] - box[1])))
