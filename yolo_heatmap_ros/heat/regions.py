"""Named parts of the picture, and what happens in each."""

from dataclasses import asdict, dataclass
from typing import Dict, Mapping, Optional, Sequence, Tuple

import cv2
import numpy as np

from yolo_heatmap_ros.heat.kernels import ground_contact
from yolo_heatmap_ros.heat.tracks import Share, Track
from yolo_heatmap_ros.yaml_text import load_yaml

MARGIN = 0.1
"""A track crosses a border once it is this many of its shorter sides beyond it ..."""
LEAST_MARGIN = 2.0
"""... and at least so many px: a box that jitters on the border does not count twice."""

FOOT, CENTER = 'foot', 'center'
ANCHORS = (FOOT, CENTER)
"""Which point of a box tells where the object is: the middle of its lower edge, or its centre."""


@dataclass
class RegionCount:
    """
    What has happened in a region.

    `objects` are in it now.  `tracks` have been seen in it, `entries` and `exits` are crossings
    of its border: a track that appears or vanishes inside crosses nothing.  `occupancy` is the
    time that all objects together have spent in it, in seconds.
    """

    objects: int = 0
    tracks: int = 0
    entries: int = 0
    exits: int = 0
    occupancy: float = 0.0


def parse_regions(text: str) -> Dict[str, np.ndarray]:
    """
    Read polygons from YAML, such as `{door: [[0.1, 0.2], [0.4, 0.2], [0.4, 0.9]]}`.

    Returns (N, 2) float32 x y by name, in px, or in fractions of width and height where no number
    of a polygon is above 1.  Raises ValueError, one line, for what is no such thing.
    """
    content = load_yaml(text)
    if not content:
        return {}
    if not isinstance(content, dict):
        raise ValueError("is not of the form '{name: [[x, y], [x, y], [x, y]], …}'")
    return {str(name): _polygon(str(name), points) for name, points in content.items()}


def _polygon(name: str, points) -> np.ndarray:
    try:
        polygon = np.array(points, np.float64)
    except (TypeError, ValueError):
        polygon = np.empty(0)
    if polygon.ndim != 2 or polygon.shape[1] != 2 or len(polygon) < 3:
        raise ValueError(f"region '{name}' is not a list of three or more points [x, y]")
    if not np.isfinite(polygon).all() or np.abs(polygon).max() > 1e5:
        raise ValueError(f"region '{name}' has a point that is no place in a picture")
    polygon = polygon.astype(np.float32)
    if cv2.contourArea(polygon) == 0.0:
        raise ValueError(f"region '{name}' has no area: its points lie on one line")
    return polygon


class Regions:
    """The regions of one picture, with their counts."""

    def __init__(self, polygons: Mapping[str, np.ndarray], height: int, width: int,
                 anchor: str = FOOT):
        """Take `polygons` as `parse_regions` returns them, for a picture of this size in px."""
        self.anchor = anchor
        self._polygons = {
            name: np.ascontiguousarray(
                polygon * (width, height) if polygon.max() <= 1.0 else polygon, np.float32)
            for name, polygon in polygons.items()}
        self.counts = {name: RegionCount() for name in polygons}
        self.mask = np.zeros((height, width), np.float32)
        for polygon in self._polygons.values():
            cv2.fillPoly(self.mask, [_pixels(polygon)], 1.0)

    def count(self, boxes: np.ndarray, tracks: Sequence[Optional[Track]],
              shares: Sequence[Share]) -> None:
        """Take the objects of a frame, as `TrackMemory.see` was given and has returned them."""
        for name, polygon in self._polygons.items():
            count = self.counts[name]
            count.objects = 0
            for box, track in zip(boxes, tracks):
                distance = self._distance(polygon, box)
                if track is None:
                    count.objects += distance >= 0.0
                else:
                    count.objects += _follow(count, name, track, distance, _margin(box))
            count.occupancy += sum(share.seconds for share in shares
                                   if self._distance(polygon, share.box) >= 0.0)

    def contain(self, box: np.ndarray) -> bool:
        """Tell whether an object with this box is in any of the regions."""
        return any(self._distance(polygon, box) >= 0.0 for polygon in self._polygons.values())

    def _distance(self, polygon: np.ndarray, box: np.ndarray) -> float:
        """Return how far inside a polygon a box's anchor is, in px; outside it is negative."""
        point = ground_contact(box)
        if self.anchor == CENTER:
            point = point[0], (float(box[1]) + float(box[3])) / 2
        return cv2.pointPolygonTest(polygon, point, True)

    def draw(self, picture: np.ndarray) -> None:
        """Outline the regions on a picture, (H, W, 3) uint8 BGR, with names and objects."""
        scale = max(0.4, picture.shape[0] / 1200)
        thin = max(1, round(scale))
        for name, polygon in self._polygons.items():
            points = _pixels(polygon)
            for colour, thickness in (((0, 0, 0), 3 * thin), ((255, 255, 255), thin)):
                cv2.polylines(picture, [points], True, colour, thickness, cv2.LINE_AA)
            write(picture, f'{name}: {self.counts[name].objects}',
                  points[np.argmin(points.sum(axis=1))] + (4, round(20 * scale)), scale)

    def state(self) -> Dict[str, dict]:
        """Return the counts as plain numbers."""
        return {name: asdict(count) for name, count in self.counts.items()}

    def restore(self, state: Mapping[str, dict]) -> None:
        """Take over the counts of regions of the same name."""
        for name in self.counts.keys() & state.keys():
            self.counts[name] = RegionCount(**state[name])


def _follow(count: RegionCount, name: str, track: Track, distance: float, margin: float) -> bool:
    """Tell whether a track is inside, and count what it does at the border."""
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


def _pixels(polygon: np.ndarray) -> np.ndarray:
    return np.round(polygon).astype(np.int32)


def write(picture: np.ndarray, text: str, place: Tuple[int, int], scale: float) -> None:
    """Write white on black at `place`, x y in px of the text's lower left corner."""
    thin = max(1, round(scale))
    for colour, thickness in (((0, 0, 0), 3 * thin), ((255, 255, 255), thin)):
        cv2.putText(picture, text, tuple(map(int, place)), cv2.FONT_HERSHEY_SIMPLEX, scale,
                    colour, thickness, cv2.LINE_AA)
