"""
How much of real people the pictures still show, with each way of hiding them: PETS2009 S2L1.

    python tools/privacy.py [--parts shares,rates,detector,clean,cost] [--pictures FOLDER]

A true box is unreadable if at least 95 % of its upper quarter, the head, and 90 % of all of it are
covered.  True boxes are of `PETS2009-S2L1.xml` in the folder that YOLO_HEATMAP_TRUTH names; the
frames are `vtest.avi`, and the model is the COCO model, in that of YOLO_HEATMAP_REAL_DATA.  The
constants of `heat/hidden_boxes.py` and `drawing/` were chosen mainly on the first 400 frames.
"""

import argparse
import os
from pathlib import Path
import sys
import time
from typing import Dict, Iterator, List, Tuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / 'tools')]
os.environ['YOLO_VERBOSE'] = 'false'

import accuracy_scenes as scenes  # noqa: E402, I100
import cv2  # noqa: E402
from floor_accuracy import overlaps  # noqa: E402
from inputs import real_folder, truth_folder  # noqa: E402
import numpy as np  # noqa: E402
from yolo_heatmap_ros.choices import Anonymize, Background  # noqa: E402
from yolo_heatmap_ros.detectors.yolo import YoloDetector  # noqa: E402
from yolo_heatmap_ros.drawing.anonymize import FLAT, part_of  # noqa: E402
from yolo_heatmap_ros.drawing.public_picture import Privacy, PublicPicture  # noqa: E402
from yolo_heatmap_ros.drawing.renderer import HeatRenderer  # noqa: E402
from yolo_heatmap_ros.heat import hidden_boxes  # noqa: E402
from yolo_heatmap_ros.heat.detections import Detections  # noqa: E402
from yolo_heatmap_ros.pipeline import HeatmapPipeline  # noqa: E402

HEAD, WHOLE = 0.95, 0.90
CHOSEN_ON = 400
"""Frames on which constants were chosen: the others are the test."""
GHOST = 30
"""Grey levels by which a pixel of the background is wrong."""
FULL_HD = (1920, 1080)
Reading = Tuple[int, np.ndarray, np.ndarray]


class Bench:
    """The frames, the truth and a model."""

    def __init__(self):
        """Read all of them."""
        self.scene = scenes.pets(truth_folder(), real_folder())
        self.frames = scenes.frames_of(self.scene.video)
        self.boxes = [np.array([one.box for one in sightings]).reshape(-1, 4)
                      for sightings in self.scene.frames]
        self.detector = YoloDetector(str(real_folder() / 'yolo11n_int8_openvino_model'),
                                     device='cpu', classes=['person'], tracker='none')

    def shown(self, privacy: Privacy, step: int = 1) -> Iterator[Reading]:
        """Yield number, frame and what is shown of each `step`-th frame."""
        pipeline = HeatmapPipeline(self.detector, HeatRenderer(), privacy=privacy)
        for number in range(0, len(self.frames), step):
            pipeline.update(self.frames[number], number / self.scene.rate)
            yield number, self.frames[number], pipeline.last_frame
        pipeline.show(Privacy())  # the detector is the next one's, too

    def people(self, picture: np.ndarray) -> np.ndarray:
        """Return the boxes of people whom the model finds with confidence, (N, 4) xyxy px."""
        return self.detector.detect(picture).xyxy


def _unreadable(covered: np.ndarray, box: np.ndarray) -> bool:
    """Return whether `covered`, (H, W) bool, hides a true box; outside of the picture nothing."""
    head = np.array((box[0], box[1], box[2], box[1] + (box[3] - box[1]) / 4))
    shares = [covered[part_of(part, *covered.shape)] for part in (head, box)]
    return all(not share.size or share.mean() >= least
               for share, least in zip(shares, (HEAD, WHOLE)))


def _shares(bench: Bench, label: str, privacy: Privacy, step: int = 1) -> None:
    """Print how many true boxes are unreadable, apart for the frames of choice and of test."""
    hidden = {True: [], False: []}
    areas = []
    for number, _, picture in bench.shown(privacy, step):
        covered = (picture == FLAT).all(axis=2)
        areas.append(covered.mean())
        hidden[number < CHOSEN_ON] += [_unreadable(covered, box) for box in bench.boxes[number]]
    both = hidden[True] + hidden[False]
    print(f'{label}: {np.mean(both):.2%} of {len(both)} true boxes are unreadable '
          f'({len(both) - sum(both)} are not); chosen on {np.mean(hidden[True]):.2%}, tested '
          f'{np.mean(hidden[False]):.2%}; {np.mean(areas):.1%} of the picture is covered',
          flush=True)


def shares(bench: Bench) -> None:
    """Print what margin, low confidence, hold and movement each add."""
    fill = {'anonymize': Anonymize.FILL}
    margin, hidden_boxes.MARGIN = hidden_boxes.MARGIN, (0.0, 0.0)
    _shares(bench, 'boxes of conf 0.25 alone', Privacy(**fill, conf=0.25, hold=0.0, motion=False))
    hidden_boxes.MARGIN = margin
    _shares(bench, '… with a margin', Privacy(**fill, conf=0.25, hold=0.0, motion=False))
    _shares(bench, '… from conf 0.05', Privacy(**fill, hold=0.0, motion=False))
    _shares(bench, '… held for 1 s', Privacy(**fill, motion=False))
    _shares(bench, '… and what moves', Privacy(**fill))


def rates(bench: Bench) -> None:
    """Print how the default does at lower rates."""
    for step in (2, 5, 10):
        _shares(bench, f'{bench.scene.rate / step:g} Hz', Privacy(Anonymize.FILL), step)


def detector(bench: Bench) -> None:
    """Print what the same model still finds in what is shown."""
    for how in (Anonymize.NONE, Anonymize.BLUR, Anonymize.PIXELATE, Anonymize.FILL):
        found, matched, true = 0, 0, 0
        for number, _, picture in bench.shown(Privacy(how), 5):
            boxes = bench.people(picture)
            found, true = found + len(boxes), true + len(bench.boxes[number])
            if len(boxes):
                matched += int((overlaps(bench.boxes[number], boxes) > 0.5).any(axis=1).sum())
        print(f'{how}: the model finds {found} people at conf 0.25, which are {matched} of {true} '
              'true boxes (IoU > 0.5)', flush=True)


def clean(bench: Bench) -> None:
    """Print what the learned background shows."""
    reference = np.median(np.array(bench.frames[::8]), axis=0).astype(np.int16)
    found, known, wrong = {}, {}, {}
    for number, _, picture in bench.shown(Privacy(background=Background.CLEAN)):
        if number % 50 and number != len(bench.frames) - 1:
            continue
        there = (picture != FLAT).any(axis=2)
        differs = (np.abs(picture - reference).max(axis=2) > GHOST) & there
        found[number] = len(bench.people(picture))
        known[number], wrong[number] = there.mean(), differs.mean()
    print('clean: people that the model finds at conf 0.25, known and wrong part of the picture: '
          + ', '.join(f'{number / bench.scene.rate:g} s {count}, {known[number]:.1%}, '
                      f'{wrong[number]:.2%}' for number, count in found.items()), flush=True)


def cost(bench: Bench) -> None:
    """Print the median time in ms that a frame costs more."""
    wide = {None: 1.0, FULL_HD: FULL_HD[0] / bench.scene.size[1]}
    options = {str(how): Privacy(how) for how in list(Anonymize)[1:4]}
    options.update({'fill without anonymize_motion': Privacy(Anonymize.FILL, motion=False),
                    'clean': Privacy(background=Background.CLEAN)})
    bench.detector.to_hide = None
    found = [bench.detector.detect(frame) for frame in bench.frames[:200]]
    for size, factor in wide.items():
        for label, privacy in options.items():
            public, times = PublicPicture(privacy), []
            for number, (frame, objects) in enumerate(zip(bench.frames, found)):
                if size is not None:
                    frame = cv2.resize(frame, size)
                boxes = Detections.from_boxes(objects.xyxy * factor)
                begin = time.perf_counter()
                public.of(frame, boxes, np.ones(len(boxes), bool), number / bench.scene.rate)
                times.append(1000 * (time.perf_counter() - begin))
            print(f'{label}, {frame.shape[1]} x {frame.shape[0]}: median {np.median(times):.2f} '
                  f'ms a frame, 95 % {np.percentile(times, 95):.2f} ms', flush=True)
    _cost_of_model(bench)


def _cost_of_model(bench: Bench) -> None:
    """Print what looking for less certain people costs, alternating."""
    times: Dict[bool, List[float]] = {True: [], False: []}
    pipeline = HeatmapPipeline(bench.detector, HeatRenderer())
    for number, frame in enumerate(bench.frames[:400]):
        pipeline.show(Privacy(Anonymize.FILL if number % 2 else Anonymize.NONE))
        begin = time.perf_counter()
        bench.detector.detect(frame)
        times[bool(number % 2)].append(1000 * (time.perf_counter() - begin))
    pipeline.show(Privacy())
    print(f'detection: median {np.median(times[False]):.2f} ms for what counts, '
          f'{np.median(times[True]):.2f} ms with what is to be hidden', flush=True)


def _save(bench: Bench, folder: Path) -> None:
    """Write heatmaps of some frames in each mode."""
    folder.mkdir(parents=True, exist_ok=True)
    modes = {str(how): Privacy(how) for how in list(Anonymize)[:4]}
    for label, privacy in {**modes, 'clean': Privacy(background=Background.CLEAN)}.items():
        pipeline = HeatmapPipeline(bench.detector, HeatRenderer(), privacy=privacy)
        for number, frame in enumerate(bench.frames):
            pipeline.update(frame, number / bench.scene.rate)
            if number % 200 == 130:
                cv2.imwrite(str(folder / f'{label}_{number}.png'),
                            pipeline.last_pictures()['composite'])
        pipeline.show(Privacy())


PARTS = {one.__name__: one for one in (shares, rates, detector, clean, cost)}


def main() -> int:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--parts', default=','.join(PARTS), help='which of them, with commas')
    parser.add_argument('--pictures', type=Path, metavar='FOLDER', help='write pictures there')
    arguments = parser.parse_args()
    bench = Bench()
    for name in filter(None, arguments.parts.split(',')):
        PARTS[name](bench)
    if arguments.pictures:
        _save(bench, arguments.pictures)
    return 0


if __name__ == '__main__':
    sys.exit(main())
