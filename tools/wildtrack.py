"""
Tracks on the floor against WILDTRACK: seven cameras, 200 frames at 2 Hz, people's true places.

    python tools/wildtrack.py [--frames 100:200] [--seeds 10,11,12] [--picture floor.png]

Needs WILDTRACK.tar.xz in the folder that YOLO_HEATMAP_TRUTH names.  Constants of the tracker were
chosen on frames 0 to 99 and seeds 0 to 2; the defaults here are other ones.
"""

import argparse
from dataclasses import astuple, dataclass, field, replace
import json
from pathlib import Path
import re
import tarfile
import tempfile
import time
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

import cv2
from inputs import truth_folder
import numpy as np
from yolo_heatmap_ros.heat.assignment import assigned
from yolo_heatmap_ros.heat.floor_tracks import FloorFrame, FloorSightings, FloorTracker
from yolo_heatmap_ros.heat.floor_view import FloorView

ROOT = Path(__file__).resolve().parents[1]
CAMERAS = ('CVLab1', 'CVLab2', 'CVLab3', 'CVLab4', 'IDIAP1', 'IDIAP2', 'IDIAP3')
HEIGHT, WIDTH = 1080, 1920
PERIOD = 0.5
REACH = 60.0
"""How far before a camera its view ends, in m."""
SAME = 1.0
"""Largest distance, in m, between a track and the person that it is of."""
SOUTH = (2, 4, 5)
"""The cameras that see what is south of a wall; the others see what is north of it."""
LATENCY = 0.05
"""Seconds from a frame's stamp until it is received."""


@dataclass
class Frame:
    """
    One moment: true people, by their id, at x, y in m, and each camera's boxes.

    `people` are those with a box in any camera; `boxes` is for each camera (N, 5) float64: a
    person's id, and x0, y0, x1, y1 in px.
    """

    stamp: float
    people: Dict[int, Tuple[float, float]]
    boxes: List[np.ndarray]


@dataclass(frozen=True)
class Scene:
    """Frames, and how each camera sees the floor."""

    frames: Sequence[Frame]
    views: Sequence[FloorView]


@dataclass(frozen=True)
class Trial:
    """
    What is done to the boxes before they are fused.

    `noise` in px, standard deviation of each side; `misses` and `false` are shares of the boxes;
    `shift` moves the floor of a camera, by its index, by x, y in m; `ends` is the share of the
    frames after which a camera sends nothing; `arrives` by how many s more it arrives late; `old`
    by how many s its boxes are older than their stamps; `names` is what it calls people.  With a
    `wall` at y in m, some cameras see only who is south of it, and the others who is north.
    """

    noise: float = 0.0
    misses: float = 0.0
    false: float = 0.0
    ids: bool = True
    shift: Dict[int, Tuple[float, float]] = field(default_factory=dict)
    ends: Dict[int, float] = field(default_factory=dict)
    arrives: Dict[int, float] = field(default_factory=dict)
    old: Dict[int, float] = field(default_factory=dict)
    names: Dict[int, str] = field(default_factory=dict)
    wall: Optional[float] = None


@dataclass
class Figures:
    """
    What came out.

    `count` is the tracks that are seen, per person, `summed` the cameras' sightings, per person;
    `error` is the median distance of a track from its person in m.  `missed` are people without
    a track, and `ghosts` tracks without a person, both per person; `switches` is how often another
    track took over a person.  `cost` is ms of CPU per step, `worst` that of the slowest.
    """

    count: float
    summed: float
    error: float
    missed: float
    ghosts: float
    switches: int
    cost: float
    worst: float


def load(archive: Path, frames: slice = slice(None)) -> Scene:
    """Return some of the 200 frames of WILDTRACK.tar.xz."""
    with tempfile.TemporaryDirectory() as where:
        with tarfile.open(archive) as tar:
            tar.extractall(where, filter='data')
        data = Path(where, 'WILDTRACK')
        views = [_view(data, name) for name in CAMERAS]
        files = sorted((data / 'annotations_positions').glob('*.json'))
        return Scene([_frame(index * PERIOD, json.loads(files[index].read_text()))
                      for index in range(len(files))[frames]], views)


def _numbers(file: Path, tag: str) -> np.ndarray:
    found = re.search(f'<{tag}>(.*?)</{tag}>', file.read_text(), re.DOTALL)
    return np.array(found.group(1).split(), np.float64)


def _view(data: Path, name: str) -> FloorView:
    camera = _numbers(data / 'intrinsic_zero' / f'intr_{name}.xml', 'data').reshape(3, 3)
    pose = data / 'extrinsic' / f'extr_{name}.xml'
    rotation = cv2.Rodrigues(_numbers(pose, 'rvec'))[0]
    # The floor is z = 0: a homography of x, y.
    to_px = camera @ np.c_[rotation[:, :2], _numbers(pose, 'tvec') / 100.0]
    return FloorView(np.linalg.inv(to_px))


def _frame(stamp: float, people: Sequence[dict]) -> Frame:
    boxes: List[List[Tuple[float, ...]]] = [[] for _ in CAMERAS]
    places = {}
    for person in people:
        position, number = person['positionID'], person['personID']
        for view in person['views']:
            box = tuple(view[side] for side in ('xmin', 'ymin', 'xmax', 'ymax'))
            if min(box) <= 0 or box[2] >= WIDTH - 1 or box[3] >= HEIGHT - 1:
                continue  # not seen, or cut by the border
            boxes[view['viewNum']].append((number, *box))
            places[number] = (-3.0 + 0.025 * (position % 480), -9.0 + 0.025 * (position // 480))
    return Frame(stamp, places, [np.array(some, np.float64).reshape(-1, 5) for some in boxes])


def sightings(scene: Scene, trial: Trial, seed: int) -> Iterator[Tuple[float, FloorSightings]]:
    """Yield when each set of sightings is received, in s, and the set, in order."""
    rng = np.random.default_rng(seed)
    ids = [rng.permutation(10000) for _ in CAMERAS]
    footprints = [view.footprint(HEIGHT, WIDTH, REACH) for view in scene.views]
    sets = []
    for index, frame in enumerate(scene.frames):
        for camera, name in enumerate(CAMERAS):
            if index >= trial.ends.get(camera, 1.0) * len(scene.frames):
                continue
            boxes = frame.boxes[camera]
            if camera in trial.old and index:
                boxes = _older(boxes, scene.frames[index - 1].boxes[camera],
                               trial.old[camera] / PERIOD)
            if trial.wall is not None:
                boxes = boxes[[(frame.people[int(number)][1] < trial.wall) == (camera in SOUTH)
                               for number in boxes[:, 0]]]
            boxes = boxes[rng.random(len(boxes)) >= trial.misses]
            boxes = np.r_[boxes, _false(boxes, rng, trial.false)]
            boxes[:, 1:] += rng.normal(0.0, trial.noise, boxes[:, 1:].shape)
            view = scene.views[camera]
            feet = np.stack(((boxes[:, 1] + boxes[:, 3]) / 2.0, boxes[:, 4]), axis=1)
            own = np.where(boxes[:, 0] >= 0, ids[camera][boxes[:, 0].astype(int)], -1)
            shift = np.array(trial.shift.get(camera, (0.0, 0.0)))
            received = frame.stamp + LATENCY + trial.arrives.get(camera, 0.0)
            sets.append((received, FloorSightings(
                name, frame.stamp, view.to_metres(feet) + shift, view.covariances(boxes[:, 1:]),
                own if trial.ids else np.full(len(own), -1),
                (trial.names.get(camera, 'person'),) * len(own),
                np.ones(len(own), np.float32), footprints[camera] + shift)))
    sets.sort(key=lambda one: one[0])
    yield from sets


def _older(boxes: np.ndarray, before: np.ndarray, share: float) -> np.ndarray:
    """Return boxes, (N, 5), part of the way back to where they were a frame before."""
    earlier = {row[0]: row for row in before}
    return np.array([row + share * (earlier.get(row[0], row) - row)
                     for row in boxes]).reshape(-1, 5)


def _false(boxes: np.ndarray, rng: np.random.Generator, share: float) -> np.ndarray:
    """Return boxes that show nobody, as large as those of people, anywhere in their range."""
    count = rng.binomial(len(boxes), share)
    if not count:
        return np.empty((0, 5))
    like = boxes[rng.integers(len(boxes), size=count)]
    feet = boxes[:, (1, 4)].min(axis=0) + rng.random((count, 2)) * np.ptp(boxes[:, (1, 4)], axis=0)
    sides = like[:, 3:] - like[:, 1:3]
    return np.c_[np.full(count, -1.0), feet[:, 0], feet[:, 1] - sides[:, 1],
                 feet[:, 0] + sides[:, 0], feet[:, 1]]


def fused(scene: Scene, trial: Trial, seed: int,
          ) -> Tuple[List[FloorFrame], List[float], FloorTracker]:
    """Return what a tracker makes of a scene, ms for each step, and the tracker."""
    tracker = FloorTracker()
    frames: List[FloorFrame] = []
    costs, cost = [], 0.0
    for received, one in sightings(scene, trial, seed):
        began = time.process_time()
        new = tracker.advance(received)
        tracker.put(one, received)
        cost += time.process_time() - began
        if new:
            costs.append(1e3 * cost)
            cost = 0.0
        frames += new
    return frames + tracker.advance(np.inf), costs, tracker


def measured(scene: Scene, trial: Trial, seed: int, first: int = 0) -> Figures:
    """Return the figures of one trial, from its `first` frame on."""
    found, costs, _ = fused(scene, trial, seed)
    by_stamp = {round(one.stamp, 3): one for one in found}
    count = people = missed = ghosts = switches = 0
    errors, last = [], {}
    for frame in scene.frames[first:]:
        people += len(frame.people)
        one = by_stamp.get(round(frame.stamp, 3))
        if one is None:
            missed += len(frame.people)
            continue
        count += int(one.seen.sum())
        places = np.array(list(frame.people.values())).reshape(-1, 2)
        away = np.hypot(*np.moveaxis(places[:, None] - one.positions[one.seen], -1, 0))
        pairs = assigned(away, SAME)
        errors += away[tuple(pairs.T)].tolist()
        missed += len(places) - len(pairs)
        ghosts += int(one.seen.sum()) - len(pairs)
        numbers = list(frame.people)
        tracks = one.track_ids[one.seen]
        for row, column in pairs.tolist():
            switches += last.get(numbers[row], tracks[column]) != tracks[column]
            last[numbers[row]] = tracks[column]
    summed = sum(len(one.positions) for _, one in sightings(scene, trial, seed)
                 if one.stamp >= scene.frames[first].stamp)
    return Figures(count / people, summed / people, float(np.median(errors)), missed / people,
                   ghosts / people, switches, float(np.mean(costs)), float(np.max(costs)))


NOISY = Trial(noise=3.0, misses=0.1)
TRIALS = {
    'exact boxes': Trial(),
    'exact boxes, no ids': Trial(ids=False),
    '3 px, 10 % misses': NOISY,
    '3 px, 10 % misses, no ids': replace(NOISY, ids=False),
    '3 px, 10 % misses, 5 % false': replace(NOISY, false=0.05),
    '3 px, 10 % misses, 5 % false, no ids': replace(NOISY, false=0.05, ids=False),
    'a camera is 2 m off': replace(NOISY, shift={0: (2.0, 0.0)}),
    'a camera is 2 m off, no ids': replace(NOISY, shift={0: (2.0, 0.0)}, ids=False),
    'a camera ends half-way': replace(NOISY, ends={0: 0.5}),
    'a camera arrives 0.1 s late': replace(NOISY, arrives={0: 0.1}),
    "a camera's clock is 0.1 s off": replace(NOISY, old={0: 0.1}),
    'one calls them pedestrians': replace(NOISY, names={0: 'pedestrian'}),
    'three call them pedestrians': replace(
        NOISY, names={0: 'pedestrian', 2: 'pedestrian', 4: 'pedestrian'}),
    'a wall between two rooms': Trial(wall=8.0),
}


def draw(scene: Scene, index: int, file: str, trial: Trial = NOISY, seed: int = 10) -> None:
    """Draw the floor at one frame: views, sightings, true people and tracks."""
    found, _, _ = fused(scene, trial, seed)
    frame = scene.frames[index]
    low, high, scale = np.array((-5.0, -11.0)), np.array((11.0, 29.0)), 40.0
    picture = np.full((*((high - low)[::-1] * scale).astype(int), 3), 255, np.uint8)

    def px(places):
        return np.rint((np.asarray(places) - low) * scale).astype(int)

    for number, view in enumerate(scene.views):
        colour = tuple(int(value) for value in cv2.applyColorMap(
            np.array([[number * 36]], np.uint8), cv2.COLORMAP_HSV)[0, 0])
        cv2.polylines(picture, [px(view.footprint(HEIGHT, WIDTH, REACH))], True, colour, 1)
        for _, one in sightings(scene, trial, seed):
            if one.camera == CAMERAS[number] and abs(one.stamp - frame.stamp) < 1e-3:
                for place in px(one.positions):
                    cv2.circle(picture, tuple(place.tolist()), 3, colour, -1)
    for place in px(list(frame.people.values())):
        cv2.drawMarker(picture, tuple(place.tolist()), (0, 0, 0), cv2.MARKER_CROSS, 16, 2)
    for one in found:
        for row in range(len(one.track_ids)):
            if not frame.stamp - 3.0 < one.stamp <= frame.stamp + 1e-3:
                continue
            place = tuple(px(one.positions[row]).tolist())
            if one.stamp < frame.stamp - 1e-3:
                cv2.circle(picture, place, 1, (160, 160, 160), -1)
                continue
            colour = (0, 140, 0) if one.seen[row] else (0, 0, 220)
            cv2.circle(picture, place, 12, colour, 2)
            cv2.putText(picture, f'{one.track_ids[row]} x{one.cameras[row]}',
                        (place[0] + 14, place[1] - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1,
                        cv2.LINE_AA)
    cv2.imwrite(file, picture)


def main() -> None:
    """Print a table, and draw a picture if asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--frames', default='100:200', help='first:last of the 200 frames')
    parser.add_argument('--seeds', default='10,11,12')
    parser.add_argument('--picture', help='a file for a picture of the floor')
    options = parser.parse_args()
    scene = load(truth_folder() / 'WILDTRACK.tar.xz', slice(*map(int, options.frames.split(':'))))
    print('| | summed | counted | error (m) | missed | ghosts | switches | CPU ms/step (max) |')
    print('|---|---|---|---|---|---|---|---|')
    for name, trial in TRIALS.items():
        some = [measured(scene, trial, seed) for seed in map(int, options.seeds.split(','))]
        counts = [one.count for one in some]
        mean = Figures(*(float(np.mean(column)) for column in zip(*map(astuple, some))))
        print(f'| {name} | {mean.summed:.2f} | {mean.count:.3f} ({min(counts):.3f} to '
              f'{max(counts):.3f}) | {mean.error:.3f} | {mean.missed:.1%} | {mean.ghosts:.1%} | '
              f'{mean.switches:.0f} | {mean.cost:.1f} ({max(one.worst for one in some):.0f}) |',
              flush=True)
    if options.picture:
        draw(scene, len(scene.frames) // 2, options.picture)


if __name__ == '__main__':
    main()
