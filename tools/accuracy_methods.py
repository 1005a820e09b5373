"""Who counts: this package, Ultralytics' solutions and supervision, on the same detections."""

from typing import Callable, Dict, List, NamedTuple, Optional, Sequence

from accuracy_scenes import ROOT, Scene
import cv2
import numpy as np
from yolo_heatmap_ros.heat.accumulator import HeatAccumulator
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.heat.options import HeatOptions

NOT_COUNTED = None


class Counts(NamedTuple):
    """What one method says about a region or a line; None for what it does not count."""

    distinct: Optional[int] = None
    entries: Optional[int] = None
    exits: Optional[int] = None
    occupancy: Optional[float] = None


Result = Dict[str, Counts]
Method = Callable[[Scene, Sequence[Detections], Optional[Sequence[np.ndarray]]], Result]


def truth(scene: Scene) -> Result:
    """
    Count the true paths by themselves: changes of sides of feet from frame to frame.

    Without hysteresis, since true paths are smooth; a line's entries are its forward crossings.
    """
    paths: Dict[int, List] = {}
    for index, sightings in enumerate(scene.frames):
        for one in sightings:
            foot = (one.box[0] + one.box[2]) / 2, one.box[3]
            paths.setdefault(one.number, []).append((index, foot))
    result = {}
    for name, polygon in scene.regions.items():
        sides = {number: [cv2.pointPolygonTest(polygon, foot, False) >= 0 for _, foot in path]
                 for number, path in paths.items()}
        changes = [np.diff(np.array(inside, int)) for inside in sides.values()]
        result[name] = Counts(
            sum(any(inside) for inside in sides.values()),
            int(sum((change > 0).sum() for change in changes)),
            int(sum((change < 0).sum() for change in changes)),
            sum(map(sum, sides.values())) / scene.rate)
    for name, line in scene.lines.items():
        crossings = [_crossing(line, one[1], other[1]) for path in paths.values()
                     for one, other in zip(path, path[1:])]
        result[name] = Counts(entries=crossings.count(1), exits=crossings.count(-1))
    return result


def _crossing(line: np.ndarray, begin, end) -> int:
    """Return 1 for a way from the left to the right of a line of two points, -1 back, else 0."""
    a, b = line.astype(float)

    def side(one, other, place):
        return (other[0] - one[0]) * (place[1] - one[1]) - (other[1] - one[1]) * (
            place[0] - one[0]) >= 0
    before, after = side(a, b, begin), side(a, b, end)
    if before == after or side(begin, end, a) == side(begin, end, b):
        return 0
    return 1 if after else -1


def ours(**options) -> Method:
    """Return this package's way of counting, with these `HeatOptions`."""
    def method(scene: Scene, detections: Sequence[Detections],
               frames: Optional[Sequence[np.ndarray]]) -> Result:
        heat = accumulate(scene, detections, frames, **options)
        result = {}
        if heat.regions is not None:
            result.update({name: Counts(count.tracks, count.entries, count.exits, count.occupancy)
                           for name, count in heat.regions.counts.items()})
        if heat.lines is not None:
            result.update({name: Counts(entries=count.forward, exits=count.backward)
                           for name, count in heat.lines.counts.items()})
        return result
    return method


def accumulate(scene: Scene, detections: Sequence[Detections],
               frames: Optional[Sequence[np.ndarray]], **options) -> HeatAccumulator:
    """Return the heat in seconds, and the counts, of a scene."""
    options = {'regions': scene.regions, 'lines': scene.lines, **options}
    heat = HeatAccumulator(*scene.size, HeatOptions(heat_unit='seconds', **options))
    for index, (found, stamp) in enumerate(zip(detections, scene.stamps)):
        heat.update(found, stamp, None if frames is None else frames[index])
    return heat


def ultralytics_solutions(scene: Scene, detections: Sequence[Detections],
                          frames: Optional[Sequence[np.ndarray]]) -> Result:
    """
    Count with Ultralytics' ObjectCounter and RegionCounter.

    They take the middle of a box, count a track once at most, and call directions in and out.
    """
    import torch
    from ultralytics.solutions import ObjectCounter, RegionCounter

    class _Given:
        """In place of the model: the tracks of the next frame."""

        def extract_tracks(self, im0):
            found = next(self.given)
            found = found.those(found.track_id >= 0)
            self.boxes = torch.from_numpy(found.xyxy)
            self.clss, self.track_ids = found.class_id.tolist(), found.track_id.tolist()
            self.confs = found.confidence.tolist()

    result = {}
    blank = np.zeros((*scene.size, 3), np.uint8)
    shared = {'model': str(ROOT / 'demo' / 'street.pt'), 'show': False, 'verbose': False}
    for name, shape in (*scene.regions.items(), *scene.lines.items()):
        counter = type('Counter', (_Given, ObjectCounter), {})(
            region=[tuple(map(float, point)) for point in shape], **shared)
        counter.given = iter(detections)
        for _ in detections:
            counter.process(blank)
        result[name] = Counts(entries=counter.in_count, exits=counter.out_count)
    if scene.regions:
        regions = type('Regions', (_Given, RegionCounter), {})(
            region={name: [tuple(map(float, point)) for point in shape]
                    for name, shape in scene.regions.items()}, **shared)
        regions.given = iter(detections)
        seconds = dict.fromkeys(scene.regions, 0.0)
        for _ in detections:
            for name, count in regions.process(blank).region_counts.items():
                seconds[name] += count / scene.rate
        for name, value in seconds.items():
            result[name] = result[name]._replace(occupancy=value)
    return result


def supervision_zones(scene: Scene, detections: Sequence[Detections],
                      frames: Optional[Sequence[np.ndarray]]) -> Result:
    """Count with supervision's LineZone and PolygonZone, by the middle of a box's lower edge."""
    import supervision
    anchor = [supervision.Position.BOTTOM_CENTER]
    zones = {name: supervision.PolygonZone(shape.astype(int), triggering_anchors=anchor)
             for name, shape in scene.regions.items()}
    # What goes out there is forward here: its lines have left and right the other way round.
    lines = {name: supervision.LineZone(
        *(supervision.Point(*map(float, point)) for point in shape), triggering_anchors=anchor)
        for name, shape in scene.lines.items()}
    seen = {name: set() for name in zones}
    seconds = dict.fromkeys(zones, 0.0)
    for found in detections:
        found = found.those(found.track_id >= 0)
        if not len(found):
            continue
        given = supervision.Detections(xyxy=found.xyxy, class_id=found.class_id,
                                       tracker_id=found.track_id, confidence=found.confidence)
        for name, zone in zones.items():
            inside = zone.trigger(given)
            seen[name].update(found.track_id[inside].tolist())
            seconds[name] += inside.sum() / scene.rate
        for line in lines.values():
            line.trigger(given)
    result = {name: Counts(distinct=len(seen[name]), occupancy=seconds[name]) for name in zones}
    result.update({name: Counts(entries=line.out_count, exits=line.in_count)
                   for name, line in lines.items()})
    return result


METHODS: Dict[str, Method] = {
    'ours': ours(), "ours, tracker's ids": ours(track_memory=0.0),
    'Ultralytics': ultralytics_solutions, 'supervision': supervision_zones}
