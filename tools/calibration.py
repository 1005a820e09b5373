"""
Calibration from people against cameras that are known.

    python tools/calibration.py [--only pets model wildtrack street] [--seeds 50]

Needs public truth (PETS2009 S2L1, WILDTRACK) in the folder that YOLO_HEATMAP_TRUTH names, and
`vtest.avi` and a COCO model in that of YOLO_HEATMAP_REAL_DATA.  The camera's focal length,
principal point and distortion are given, its pose is not.  Errors are of the places of all true
boxes, in m, after the best rotation and shift of the floor (which calibration from people leaves
open), without a change of scale.
"""

import argparse
from dataclasses import dataclass, replace
import json
import os
from pathlib import Path
import sys
import tarfile
import time
from typing import Callable, Dict, Iterator, List, Optional, Tuple
from xml.etree import ElementTree

from accuracy import Table
import accuracy_scenes as scenes
import cv2
from inputs import real_folder, truth_folder
import numpy as np
from street import camera_matrix
from tsai import TsaiCamera
from yolo_heatmap_ros.errors import HeatError
from yolo_heatmap_ros.heat.camera import Camera
from yolo_heatmap_ros.heat.kernels import ground_contacts
from yolo_heatmap_ros.heat.person_calibration import fit_camera, PersonCalibration
from yolo_heatmap_ros.heat.standing_people import people_among, spread_boxes, usable_boxes

COUNT = 200
FRAMES = 150
"""Of one pass of the command."""
FIRST_SEED = 1000
"""Of the draws that are reported; others served to choose constants."""


@dataclass
class Truth:
    """
    Boxes of a known camera.

    `boxes` (N, 4) xyxy px, the numbers of their `frames` (N,) at `rate` Hz, their true `places`
    (N, 2) in m.
    """

    name: str
    camera: Camera
    boxes: np.ndarray
    frames: np.ndarray
    places: np.ndarray
    rate: float
    person_height: float = 1.7

    @property
    def people(self) -> int:
        """Return about how many people there are, as the command counts them."""
        return people_among(self.frames / self.rate)


def pets() -> Truth:
    """Return PETS2009 S2L1, View 1."""
    scene = scenes.pets(truth_folder(), real_folder())
    tsai = TsaiCamera.read(truth_folder() / 'PETS2009' / 'View_001.xml')
    boxes = np.array([one.box for frame in scene.frames for one in frame])
    frames = np.repeat(np.arange(len(scene.frames)), [len(frame) for frame in scene.frames])
    return Truth('PETS', tsai.camera(*scene.size), boxes, frames,
                 tsai.on_the_floor(ground_contacts(boxes)), scene.rate)


def street() -> Truth:
    """Return the people of the embedded clip; their places are true, not those of their boxes."""
    truth = json.loads((scenes.ROOT / 'demo' / 'street_truth.json').read_text())
    rows = [(number, *row[2:]) for number, frame in enumerate(truth['frames']['rows'])
            for row in frame if row[1] == 0]
    rows = np.array(rows)
    camera = Camera(camera_matrix(), (480, 640))
    whole = (rows[:, 1] > 2) & (rows[:, 3] < 638) & (rows[:, 2] > 2) & (rows[:, 4] < 478)
    return Truth('street', camera, rows[whole, 1:5], rows[whole, 0], rows[whole, 5:],
                 15.0)


def wildtrack() -> Iterator[Truth]:
    """Yield the cameras of WILDTRACK, whose boxes are of equal figures at true places."""
    path = truth_folder() / 'WILDTRACK.tar.xz'
    names = ['CVLab1', 'CVLab2', 'CVLab3', 'CVLab4', 'IDIAP1', 'IDIAP2', 'IDIAP3']
    matrices: Dict[str, np.ndarray] = {}
    rows: List[List[Tuple]] = [[] for _ in names]
    with tarfile.open(path) as archive:
        for member in archive:
            if 'intrinsic_zero/' in member.name and member.isfile():
                text = archive.extractfile(member).read().decode()
                data = ElementTree.fromstring(text).find('camera_matrix/data').text
                matrices[Path(member.name).stem[5:]] = np.array(data.split(), float).reshape(3, 3)
            if 'annotations_positions/' in member.name and member.isfile():
                frame = int(Path(member.name).stem) // 5
                for one in json.loads(archive.extractfile(member).read()):
                    number = one['positionID']
                    place = (-3.0 + 0.025 * (number % 480), -9.0 + 0.025 * (number // 480))
                    for view in one['views']:
                        box = [view[key] for key in ('xmin', 'ymin', 'xmax', 'ymax')]
                        if min(box) > 2 and box[2] < 1917 and box[3] < 1077:
                            rows[view['viewNum']].append((frame, *box, *place))
    for name, own in zip(names, rows):
        table = np.array(own, float)
        yield Truth(f'WILDTRACK {name}', Camera(matrices[name], (1080, 1920)), table[:, 1:5],
                    table[:, 0], table[:, 5:], 2.0, 1.8)


def aligned_errors(places: np.ndarray, true: np.ndarray) -> np.ndarray:
    """
    Return distances in m, (N,), of places (N, 2) to true ones after rotation and shift.

    W. Kabsch, A solution for the best rotation to relate two sets of vectors, 1976.
    """
    usable = np.isfinite(places).all(axis=1)
    here, there = places[usable], true[usable]
    here, there = here - here.mean(axis=0), there - there.mean(axis=0)
    left, _, right = np.linalg.svd(here.T @ there)
    turn = left @ np.diag((1.0, np.linalg.det(left @ right))) @ right
    errors = np.full(len(places), np.inf)
    errors[usable] = np.hypot(*(here @ turn - there).T)
    return errors


def places_of(found: PersonCalibration, boxes: np.ndarray, camera: Camera) -> np.ndarray:
    """Return where boxes stand, (N, 2) m, NaN above the horizon."""
    feet = camera.undistorted(np.c_[(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]])
    x, y, w = found.matrix @ np.c_[feet, np.ones(len(feet))].T
    w = np.where(w > 0, w, np.nan)
    return np.c_[x / w, y / w]


def with_hidden_feet(boxes: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Return boxes, this share of them without the lowest 20 to 50 %."""
    changed = boxes.copy()
    hidden = rng.random(len(boxes)) < share
    changed[hidden, 3] -= (rng.uniform(0.2, 0.5, hidden.sum())
                           * (boxes[hidden, 3] - boxes[hidden, 1]))
    return changed


def drawn(truth: Truth, seed: int, count: int, hidden: float) -> np.ndarray:
    """
    Return `count` usable boxes, chosen as by the command, a share of them with hidden feet.

    They are of frames at equal distances, from another first one for each seed.
    """
    rng = np.random.default_rng(FIRST_SEED + seed)
    step = max(1, int(truth.frames.max() + 1) // FRAMES)
    seen = truth.frames % step == rng.integers(step)
    boxes = truth.boxes[seen]
    boxes = boxes[usable_boxes(boxes, truth.frames[seen], truth.camera.size).boxes]
    boxes = boxes[spread_boxes(boxes, truth.camera.size, count, FIRST_SEED + seed)]
    return with_hidden_feet(boxes, hidden, rng)


def of_other_heights(boxes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return boxes of people who differ by 5 % in height, with edges that jitter by 1.5 px."""
    changed = boxes.copy()
    changed[:, 1] = boxes[:, 3] - (boxes[:, 3] - boxes[:, 1]) * rng.normal(1.0, 0.05, len(boxes))
    return changed + rng.normal(0.0, 1.5, boxes.shape)


def with_focal(camera: Camera, factor: float) -> Camera:
    """Return a camera with another focal length."""
    return replace(camera, matrix=camera.matrix * np.array([[factor, 1, 1], [1, factor, 1],
                                                            [1, 1, 1]]))


def measure(table: Table, truth: Truth, label: str, seeds: int, choose: Callable,
            camera: Optional[Camera] = None) -> None:
    """Add a row: fits to the boxes that `choose` returns for each seed."""
    camera = camera or truth.camera
    means, worst, poses, claims, times, refused = [], [], [], [], [], 0
    for seed in range(seeds):
        boxes = choose(seed)
        begin = time.perf_counter()
        try:
            found = fit_camera(boxes, camera, truth.person_height, truth.people)
        except HeatError as error:
            print(f'{truth.name}, {label}: {error}', file=sys.stderr)
            refused += 1
            continue
        finally:
            times.append(time.perf_counter() - begin)
        errors = aligned_errors(places_of(found, truth.boxes, camera), truth.places)
        means.append(errors.mean())
        worst.append(np.percentile(errors, 95))
        poses.append((*np.degrees((found.tilt, found.roll)), found.height))
        claims.append((*np.degrees((found.tilt_sd, found.roll_sd)), found.height_sd))
    if not means:
        table.add(truth.name, label, 'refused', '', '', '', '', '')
        return
    pose, claim = np.mean(poses, axis=0), np.mean(claims, axis=0)
    shown = [f'{value:.2f} ± {sd:.2f}' for value, sd in zip(pose, claim)]
    table.add(truth.name, label, f'{np.mean(means):.2f} ({min(means):.2f} to {max(means):.2f})',
              f'{np.mean(worst):.2f}', *shown,
              f'{1e3 * max(times):.0f}' + (f', {refused} refused' if refused else ''))


def detected(truth: Truth, weights: Path, video: Path, step: int, imgsz: int) -> Truth:
    """Return the boxes of a model on each `step`-th frame in place of the true ones."""
    from yolo_heatmap_ros.detectors.yolo import YoloDetector
    detector = YoloDetector(str(weights), device='cpu', imgsz=imgsz, classes=['person'],
                            tracker='none')
    capture, boxes, frames, number = cv2.VideoCapture(str(video)), [], [], 0
    while (frame := capture.read()[1]) is not None:
        if number % step == 0:
            boxes.append(detector.detect(frame).xyxy.astype(float))
            frames.append(np.full(len(boxes[-1]), number))
        number += 1
    return replace(truth, boxes=np.vstack(boxes), frames=np.concatenate(frames))


def of_model(truth: Truth, found: Truth) -> Callable[[int], np.ndarray]:
    """Return what chooses boxes of a model as the command does."""
    size = truth.camera.size
    usable = np.flatnonzero(usable_boxes(found.boxes, found.frames, size).boxes)

    def choose(seed: int) -> np.ndarray:
        return found.boxes[usable[spread_boxes(found.boxes[usable], size, COUNT,
                                               FIRST_SEED + seed)]]
    return choose


def all_rows(table: Table, truth: Truth, seeds: int) -> None:
    """Measure one scene on true boxes: all draws, hidden feet, other focal lengths."""
    for count, hidden in ((100, 0.0), (COUNT, 0.0), (COUNT, 0.1), (COUNT, 0.2)):
        measure(table, truth, f'{count} true boxes' + (f', {hidden:.0%} with hidden feet'
                                                       if hidden else ''), seeds,
                lambda seed: drawn(truth, seed, count, hidden))
    for factor in (0.9, 1.1):
        measure(table, truth, f'focal length {factor - 1:+.0%}', seeds,
                lambda seed: drawn(truth, seed, COUNT, 0.0), with_focal(truth.camera, factor))


def main() -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = ['pets', 'street', 'wildtrack', 'model']
    parser.add_argument('--only', nargs='*', choices=parts, default=parts)
    parser.add_argument('--seeds', type=int, default=50)
    arguments = parser.parse_args()
    os.environ['YOLO_VERBOSE'] = 'false'  # Ultralytics is imported with the first model
    real = real_folder()
    table = Table('calibration from people', 'scene', 'boxes', 'mean error (m)',
                  '95th percentile (m)', 'tilt (°)', 'roll (°)', 'height (m)', 'longest fit (ms)')
    print(table)
    if 'pets' in arguments.only:
        all_rows(table, pets(), arguments.seeds)
    if 'street' in arguments.only:
        all_rows(table, street(), arguments.seeds)
    if 'wildtrack' in arguments.only:
        for truth in wildtrack():
            measure(table, truth, '200 true boxes', arguments.seeds,
                    lambda seed: drawn(truth, seed, COUNT, 0.0))
            measure(table, truth, '200 boxes of other heights', arguments.seeds,
                    lambda seed: of_other_heights(drawn(truth, seed, COUNT, 0.0),
                                                  np.random.default_rng(seed)))
    if 'model' in arguments.only:
        scene = pets()
        measure(table, scene, 'of YOLO11n (int8)', arguments.seeds, of_model(scene, detected(
            scene, real / 'yolo11n_int8_openvino_model', real / 'vtest.avi', 5, 640)))
        scene, demo = street(), scenes.ROOT / 'demo'
        measure(table, scene, 'of its model', arguments.seeds, of_model(scene, detected(
            scene, demo / 'street.pt', demo / 'street.mp4', 3, 640)))
    return 0


if __name__ == '__main__':
    sys.exit(main())
