"""
Counts, times and places against ground truth: this package beside others, on the same detections.

    python tools/accuracy.py [--quick] [--output docs/accuracy_tables.md]

Needs public truth (PETS2009 S2L1, ETH, UCY; see docs/accuracy.md) in the folder that
YOLO_HEATMAP_TRUTH names, `vtest.avi` and a COCO model in that of YOLO_HEATMAP_REAL_DATA, and
`pip install supervision shapely`.
"""

import argparse
from functools import lru_cache
import os
from pathlib import Path
import sys
from typing import Iterator, List, Optional, Sequence

import accuracy_methods as methods
import accuracy_scenes as scenes
import cv2
from inputs import real_folder, truth_folder
import numpy as np
from tsai import TsaiCamera
from yolo_heatmap_ros.detectors.yolo import YoloDetector
from yolo_heatmap_ros.heat.detections import Detections, intersection_over_union

ROOT = Path(__file__).resolve().parents[1]
RATES = {'10 Hz': 1, '5 Hz': 2, '3.3 Hz': 3, '2 Hz': 5, '1 Hz': 10}
SEEDS = (0, 1, 2)
SIGMA = 8.0
"""Of the blur, in px, before heat is compared."""
SAME = 0.3
"""Intersection over union from which a detection is that of a true object."""


class Table:
    """Rows of text, printed as Markdown."""

    def __init__(self, title: str, *columns: str):
        """Begin without rows."""
        self._lines = [f'### {title}', '', f"| {' | '.join(columns)} |",
                       '|' + '---|' * len(columns)]

    def add(self, *cells) -> None:
        """Add a row, and print it."""
        self._lines.append(f"| {' | '.join(map(str, cells))} |")
        print(self._lines[-1], flush=True)

    def __str__(self) -> str:
        """Return the table."""
        return '\n'.join(self._lines) + '\n'


def shown(value: Optional[float]) -> str:
    """Return a number as text, a dash for what a method does not count."""
    if value is None:
        return '–'
    return f'{value:.1f}' if isinstance(value, float) else str(value)


def cells(counts: methods.Counts, region: bool) -> List[str]:
    """Return the counts of a region, or of a line, as cells."""
    return [shown(value) for value in (counts if region else counts[1:3])]


def truth_boxes(scene: scenes.Scene) -> Table:
    """Count true boxes with their ids, at all rates."""
    table = Table(f'{scene.name}: true boxes with true ids', 'place', 'rate', 'method', 'distinct',
                  'entries / forward', 'exits / backward', 'occupancy (s)')
    true = methods.truth(scene)
    for name in (*scene.regions, *scene.lines):
        region = name in scene.regions
        blank = [''] if region else ['', '']
        table.add(name, '', '**truth**', *(blank if not region else []),
                  *cells(true[name], region), *([] if region else ['']))
    for rate, step in RATES.items():
        part = scene.every(step)
        found = [scenes.detections_of(one, ids=True) for one in part.frames]
        results = {label: method(part, found, None) for label, method in methods.METHODS.items()
                   if label != "ours, tracker's ids"}
        for name in (*scene.regions, *scene.lines):
            for label, result in results.items():
                row = cells(result[name], name in scene.regions)
                table.add(name, rate, label, *(row if name in scene.regions else ['', *row, '']))
    return table


def misses(scene: scenes.Scene, place: str) -> Table:
    """Count true boxes of which some are missing, the mean of three draws."""
    table = Table(f'{scene.name}: true boxes, some missing; {place}', 'missing', 'rate', 'ids',
                  'method', 'distinct', 'entries', 'exits', 'occupancy (s)', 'of the truth')
    true = methods.truth(scene)[place]
    table.add('', '', '', '**truth**', *cells(true, True), '')
    for bursty in (False, True):
        for share in (0.2, 0.4):
            for rate, step in RATES.items():
                for ids in (True, False):
                    drawn = [scenes.with_misses(scene, share, bursty, seed) for seed in SEEDS]
                    lost = 1 - np.mean([sum(map(len, one.frames)) for one in drawn]) / sum(
                        map(len, scene.frames))
                    for label, method in methods.METHODS.items():
                        if not ids and label != 'ours':
                            continue
                        counts = []
                        for one in drawn:
                            part = one.every(step)
                            found = [scenes.detections_of(boxes, ids) for boxes in part.frames]
                            counts.append(method(part, found, None)[place])
                        mean = [None if any(value is None for value in column)
                                else float(np.mean(column)) for column in zip(*counts)]
                        table.add(f"{lost:.0%} {'bursty' if bursty else 'random'}", rate,
                                  'true' if ids else 'none', label, *map(shown, mean),
                                  '' if mean[3] is None else f'{mean[3] / true.occupancy:.0%}')
    return table


def tracked(detector: YoloDetector, found: Sequence[Detections], frames: Sequence[np.ndarray],
            step: int) -> List[Detections]:
    """Return what a tracker makes of every `step`-th frame."""
    tracker = detector.make_tracker()
    tracker.keep_unconfirmed = True
    return [tracker.track(found[index], frames[index]) for index in range(0, len(found), step)]


def matched(sightings, found: Detections) -> np.ndarray:
    """Return the true number of each detection, -1 for none, best overlap first."""
    numbers = np.full(len(found), -1)
    if not sightings or not len(found):
        return numbers
    overlap = intersection_over_union(found.xyxy, np.array([one.box for one in sightings],
                                                           np.float32))
    while overlap.max() >= SAME:
        row, column = np.unravel_index(overlap.argmax(), overlap.shape)
        numbers[row] = sightings[column].number
        overlap[row], overlap[:, column] = 0.0, 0.0
    return numbers


def with_true_ids(scene: scenes.Scene, found: Sequence[Detections],
                  all_of_them: bool) -> Iterator[Detections]:
    """Yield detections with the ids of the truth, those of nobody too or not."""
    for sightings, detections in zip(scene.frames, found):
        numbers = matched(sightings, detections)
        detections = detections.those(np.ones(len(detections), bool))
        detections.track_id = numbers.astype(np.int64)
        yield detections if all_of_them else detections.those(numbers >= 0)


def limits(scene: scenes.Scene, found: Sequence[Detections],
           place: str) -> Iterator[List[str]]:
    """Yield rows on what limits the model: each cause of errors by itself."""
    method = methods.ours()
    own = [one.those(np.ones(len(one), bool)) for one in found]
    for one in own:
        one.confirmed[:] = False
    true = [scenes.detections_of(sightings, ids=True) for sightings in scene.frames]
    detected = [scenes.detections_of([one for one in sightings if one.number in set(
        matched(sightings, detections).tolist())], ids=True)
        for sightings, detections in zip(scene.frames, found)]
    bare = [scenes.detections_of(sightings, ids=False) for sightings in scene.frames]
    for label, boxes in (
            ('true boxes, true ids', true), ('true boxes, association alone', bare),
            ('true boxes of those that are detected', detected),
            ('detected boxes with true ids', list(with_true_ids(scene, found, False))),
            ('and what is nobody', list(with_true_ids(scene, found, True))),
            ('detected boxes, association alone', own)):
        yield [label, *cells(method(scene, boxes, None)[place], True)]


def model(scene: scenes.Scene, weights: str, place: str, trackers: Sequence[str]) -> List[Table]:
    """Count what a model finds in the scene's video, at all rates."""
    frames = scenes.frames_of(scene.video)
    detectors = {tracker: YoloDetector(weights, device='cpu', classes=scene.classes,
                                       tracker=tracker) for tracker in trackers}
    detector = detectors[trackers[0]]
    found = [detector.detect(frame) for frame in frames]
    table = Table(f'{scene.name}: the model; {place}', 'rate', 'tracker', 'method', 'distinct',
                  'entries', 'exits', 'occupancy (s)')
    true = methods.truth(scene)
    table.add('', '', '**truth**', *cells(true[place], True))
    causes = Table(f'{scene.name}: what limits the model; {place}', 'rate', 'boxes and ids',
                   'distinct', 'entries', 'exits', 'occupancy (s)')
    lines = Table(f'{scene.name}: the model; lines', 'line', 'rate', 'method', 'forward',
                  'backward')
    for name in scene.lines:
        lines.add(name, '', '**truth**', *cells(true[name], False))
    for rate, step in RATES.items():
        part = scene.every(step)
        for tracker, own in detectors.items():
            tracks = tracked(own, found, frames, step)
            for label, method in methods.METHODS.items():
                result = method(part, tracks, frames[::step])
                table.add(rate, tracker or 'default', label, *cells(result[place], True))
                if not tracker:
                    for name in scene.lines:
                        lines.add(name, rate, label, *cells(result[name], False))
        for row in limits(part, found[::step], place):
            causes.add(rate, *row)
    tables = [table, *([lines] if scene.lines else []), causes]
    return [*tables, heat_table(scene, tracked(detector, found, frames, 1), found)]


def heat_table(scene: scenes.Scene, tracks: Sequence[Detections],
               found: Sequence[Detections]) -> Table:
    """Compare the heat in seconds with that of the truth, and positions where they are known."""
    table = Table(f'{scene.name}: heat and positions', 'what', 'value')
    nothing = {'regions': {}, 'lines': {}}
    true = methods.accumulate(scene, [scenes.detections_of(one, ids=True)
                                      for one in scene.frames], None, **nothing).total.heat()
    for label, options in (('ours', {}), ("tracker's ids", {'track_memory': 0.0})):
        heat = methods.accumulate(scene, tracks, None, **nothing, **options).total.heat()
        blurred = [cv2.GaussianBlur(one, (0, 0), SIGMA) for one in (heat, true)]
        table.add(f'heat, {label}: total against the truth', f'{heat.sum() / true.sum():.3f}')
        table.add(f'heat, {label}: L1 after a blur of {SIGMA:.0f} px',
                  f'{np.abs(blurred[0] - blurred[1]).sum() / blurred[1].sum():.3f}')
        table.add(f'heat, {label}: r',
                  f'{np.corrcoef(*(one.ravel() for one in blurred))[0, 1]:.3f}')
    if scene.name == 'PETS':
        errors = []
        for sightings, detections in zip(scene.frames, found):
            places = {one.number: one.box for one in sightings}
            for number, box in zip(matched(sightings, detections), detections.xyxy):
                if number >= 0:
                    errors.append(np.hypot(*(on_the_floor(box) - on_the_floor(places[number]))))
        table.add('positions of feet: median error (m)', f'{np.median(errors):.2f}')
        table.add('positions of feet: mean error (m)', f'{np.mean(errors):.2f}')
        table.add('positions', len(errors))
    return table


def on_the_floor(box) -> np.ndarray:
    """Return where the foot of a box stands in m, (2,), by the camera of PETS2009's View 1."""
    return _camera().on_the_floor([((box[0] + box[2]) / 2, box[3])])[0]


@lru_cache(maxsize=None)
def _camera() -> TsaiCamera:
    return TsaiCamera.read(truth_folder() / 'PETS2009' / 'View_001.xml')


def synthetic(scene: scenes.Scene, detector: YoloDetector) -> Table:
    """Count people on true paths before a synthetic camera: hidden ones, jitter, misses."""
    table = Table(f'{scene.name}: true paths, synthetic boxes without ids', 'boxes', 'rate',
                  'method', 'distinct', 'entries', 'exits', 'occupancy (s)', 'line forward',
                  'line backward')
    true = methods.truth(scene)
    table.add('', '', '**truth**', *cells(true['square'], True), *cells(true['middle'], False))
    seen = scenes.visible(scene)
    for label, boxes in (('visible', seen), ('20 % missing in bursts', scenes.with_misses(
            seen, 0.2, True, 0))):
        for rate, step in RATES.items():
            part = boxes.every(step)
            rng = np.random.default_rng(0)
            bare = [scenes.detections_of(one, False, 0.03, rng) for one in part.frames]
            blank = np.zeros((*scene.size, 3), np.uint8)
            tracker = detector.make_tracker()
            tracker.keep_unconfirmed = True
            tracks = [tracker.track(one, blank) for one in bare]
            for name, method in methods.METHODS.items():
                result = method(part, tracks, None)
                table.add(label, rate, name, *cells(result['square'], True),
                          *cells(result['middle'], False))
    return table


def main() -> int:
    """Measure everything, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = ['truth', 'misses', 'model', 'street', 'paths']
    parser.add_argument('--only', nargs='*', choices=parts, default=parts)
    parser.add_argument('--output', type=Path, help='write the tables to this Markdown file')
    arguments = parser.parse_args()
    os.environ['YOLO_VERBOSE'] = 'false'  # Ultralytics is imported with the first model
    truth = truth_folder()
    real = real_folder()
    tables: List[Table] = []
    pets = scenes.pets(truth, real)
    if 'truth' in arguments.only:
        tables.append(truth_boxes(pets))
    if 'misses' in arguments.only:
        tables.append(misses(pets, 'junction'))
    if 'model' in arguments.only:
        tables += model(pets, str(real / 'yolo11n_int8_openvino_model'), 'junction',
                        ('', 'bytetrack'))
    if 'street' in arguments.only:
        tables += model(scenes.street(), str(ROOT / 'demo' / 'street.pt'), 'zebra', ('',))
    if 'paths' in arguments.only:
        detector = YoloDetector(str(ROOT / 'demo' / 'street.pt'), device='cpu',
                                tracker='bytetrack')
        for name, file, rate in (('ETH', 'ETH/seq_eth_obsmat.txt', 15.0),
                                 ('Hotel', 'ETH/seq_hotel_obsmat.txt', 25.0),
                                 ('Zara', 'UCY/zara01_obsmat.txt', 25.0)):
            tables.append(synthetic(scenes.trajectories(name, truth / file, rate), detector))
    if arguments.output:
        arguments.output.write_text('\n'.join(map(str, tables)))
    return 0


if __name__ == '__main__':
    sys.exit(main())
