"""Scenes with known truth: who was where, in boxes and in metres."""

from dataclasses import dataclass, field
import json
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple
from xml.etree import ElementTree

import cv2
import numpy as np
from street import project
from yolo_heatmap_ros.heat.detections import Detections

ROOT = Path(__file__).resolve().parents[1]


class Sighting(NamedTuple):
    """A true object in a frame: its number, its box (xyxy in px) and its class."""

    number: int
    box: Tuple[float, float, float, float]
    class_id: int = 0


@dataclass
class Scene:
    """A clip with its truth; `size` is (height, width) in px, `rate` in Hz."""

    name: str
    rate: float
    size: Tuple[int, int]
    frames: List[List[Sighting]]
    regions: Dict[str, np.ndarray]
    lines: Dict[str, np.ndarray]
    video: Optional[Path] = None
    classes: List[str] = field(default_factory=list)

    def every(self, step: int) -> 'Scene':
        """Return the scene with each `step`-th frame alone."""
        return Scene(self.name, self.rate / step, self.size, self.frames[::step], self.regions,
                     self.lines, self.video, self.classes)

    @property
    def stamps(self) -> np.ndarray:
        """Return the time of each frame in s."""
        return 100.0 + np.arange(len(self.frames)) / self.rate


def array(*points) -> np.ndarray:
    """Return points as (N, 2) float32."""
    return np.array(points, np.float32)


def pets(truth: Path, real: Path) -> Scene:
    """Return PETS2009 S2L1, View 1: 795 frames of `vtest.avi`, 19 people."""
    frames = []
    for frame in ElementTree.parse(truth / 'PETS2009' / 'PETS2009-S2L1.xml').getroot():
        boxes = []
        for one in frame.find('objectlist'):
            x, y, w, h = (float(one.find('box').get(key)) for key in ('xc', 'yc', 'w', 'h'))
            boxes.append(Sighting(int(one.get('id')), (x - w / 2, y - h / 2, x + w / 2,
                                                       y + h / 2)))
        frames.append(boxes)
    return Scene('PETS', 10.0, (576, 768), frames, {
        'junction': array((300, 180), (520, 180), (640, 330), (380, 330)),
        'band': array((0, 300), (768, 300), (768, 324), (0, 324))}, {
        'middle': array((420, 100), (420, 570)), 'slanted': array((150, 500), (700, 200))},
        real / 'vtest.avi', ['person'])


def street() -> Scene:
    """Return the embedded clip, with the zebra crossing as it lies in the picture."""
    truth = json.loads((ROOT / 'demo' / 'street_truth.json').read_text())
    frames = [[Sighting(int(row[0]), tuple(row[2:6]), int(row[1])) for row in rows]
              for rows in truth['frames']['rows']]
    corners = project([(13.0, -3.0, 0), (13.0, 0.0, 0), (20.0, 0.0, 0), (20.0, -3.0, 0)])
    return Scene('street', 15.0, (480, 640), frames,
                 {'zebra': corners[:, :2].astype(np.float32)}, {}, ROOT / 'demo' / 'street.mp4')


class Camera(NamedTuple):
    """A pinhole camera at `height` m that looks along +y, tilted down; `focal` in px."""

    height: float = 6.0
    tilt: float = np.radians(22.0)
    focal: float = 800.0
    size: Tuple[int, int] = (720, 1280)

    def pixel(self, x: float, y: float, z: float) -> Tuple[float, float, float]:
        """Return u, v in px of a point in m, and its depth in m."""
        down = self.height - z
        depth = y * np.cos(self.tilt) + down * np.sin(self.tilt)
        below = down * np.cos(self.tilt) - y * np.sin(self.tilt)
        return (self.size[1] / 2 + self.focal * x / depth,
                self.size[0] / 2 + self.focal * below / depth, depth)


def trajectories(name: str, file: Path, frames_per_second: float) -> Scene:
    """
    Return people of ETH or UCY before a synthetic camera, at 10 Hz.

    `file` has rows of frame, id, x, z, y, … in m, mostly 0.4 s apart; places in between are
    interpolated.  A person is a box of 1.75 by 0.6 m.
    """
    rows = np.loadtxt(file)
    rows = rows[np.argsort(rows[:, 0], kind='stable')]
    times = (rows[:, 0] - rows[0, 0]) / frames_per_second
    x, y = rows[:, 2] - np.median(rows[:, 2]), rows[:, 4] - rows[:, 4].min() + 8.0
    camera = Camera()
    count = min(int(times.max() * 10) + 1, 3000)
    frames: List[List[Sighting]] = [[] for _ in range(count)]
    for number in np.unique(rows[:, 1]):
        own = rows[:, 1] == number
        first, last = times[own].min(), times[own].max()
        for index in range(int(np.ceil(first * 10)), min(int(last * 10), count - 1) + 1):
            place = [np.interp(index / 10, times[own], axis[own]) for axis in (x, y)]
            u, foot, depth = camera.pixel(*place, 0.0)
            top = camera.pixel(*place, 1.75)[1]
            half = 0.3 * camera.focal / depth
            box = (u - half, top, u + half, foot)
            if 0 <= u < camera.size[1] and 0 <= foot < camera.size[0]:
                frames[index].append(Sighting(int(number), box))
    middle = float(np.median(y))

    def floor(*points) -> np.ndarray:
        return array(*(camera.pixel(px, py, 0.0)[:2] for px, py in points))
    square = floor((-2.0, middle - 2), (2.0, middle - 2), (2.0, middle + 2), (-2.0, middle + 2))
    return Scene(name, 10.0, camera.size, frames, {'square': square},
                 {'middle': floor((0.0, middle - 8), (0.0, middle + 8))})


def visible(scene: Scene, share: float = 0.4) -> Scene:
    """Return a scene without boxes of which less than `share` is in front of all others."""
    frames = []
    for sightings in scene.frames:
        kept = []
        for one in sightings:
            hidden = max((_covered(one.box, other.box) for other in sightings
                          if other.box[3] > one.box[3]), default=0.0)
            if 1.0 - hidden >= share:
                kept.append(one)
        frames.append(kept)
    return Scene(**{**scene.__dict__, 'frames': frames})


def _covered(box, other) -> float:
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    return max(width, 0) * max(height, 0) / ((box[2] - box[0]) * (box[3] - box[1]))


def with_misses(scene: Scene, share: float, bursty: bool, seed: int) -> Scene:
    """
    Return a scene in which this share of the boxes is missing.

    At random, or in bursts of 0.5 to 1 s for each object.
    """
    rng = np.random.default_rng(seed)
    hidden: Dict[int, np.ndarray] = {}
    if bursty:
        times = np.arange(len(scene.frames)) / scene.rate
        for number in {one.number for sightings in scene.frames for one in sightings}:
            gone = np.zeros(len(times), bool)
            time = rng.exponential(0.75 * (1 - share) / share)
            while time < times[-1]:
                length = rng.uniform(0.5, 1.0)
                gone |= (times >= time) & (times < time + length)
                time += length + rng.exponential(0.75 * (1 - share) / share)
            hidden[number] = gone
    frames = [[one for one in sightings if not (
        hidden[one.number][index] if bursty else rng.random() < share)]
        for index, sightings in enumerate(scene.frames)]
    return Scene(**{**scene.__dict__, 'frames': frames})


def detections_of(sightings: List[Sighting], ids: bool, jitter: float = 0.0,
                  rng: Optional[np.random.Generator] = None) -> Detections:
    """
    Return true boxes as a detector's output, with the true ids or without.

    `jitter` is the standard deviation of each side, as a share of the box's size.
    """
    boxes = np.array([one.box for one in sightings], np.float32).reshape(-1, 4)
    if jitter and len(boxes):
        sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        boxes = boxes + (rng.normal(0.0, jitter, boxes.shape) * sides).astype(np.float32)
    detections = Detections.from_boxes(boxes)
    detections.class_id = np.array([one.class_id for one in sightings], np.int64)
    if ids:
        detections.track_id = np.array([one.number for one in sightings], np.int64)
    else:
        detections.confirmed[:] = False
    return detections


def frames_of(path: Path) -> List[np.ndarray]:
    """Return all frames of a video, (H, W, 3) uint8 BGR."""
    capture, frames = cv2.VideoCapture(str(path)), []
    while (frame := capture.read()[1]) is not None:
        frames.append(frame)
    return frames
