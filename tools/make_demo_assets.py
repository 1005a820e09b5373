#!/usr/bin/env python3
"""
Make everything in `demo/` from code: the clip, its ground truth and the weights that know it.

    python tools/make_demo_assets.py [--output demo] [--epochs 28] [--check-only]

The clip shows `tools/street.py` with one random seed; the weights are trained on rendered frames
of other seeds, and judged on frames of further ones.  About an hour on one CPU core, nearly all
of it for the training.  Needs what the package needs, and nothing from the network.
"""

import argparse
import json
import os
from pathlib import Path
import shutil
import sys
import tempfile
import time

os.environ['YOLO_AUTOINSTALL'] = 'false'

import cv2  # noqa: E402, I100
import numpy as np  # noqa: E402
from street import camera_matrix, camera_pose, CLASS_NAMES, HEIGHT, Renderer  # noqa: E402
from street import Street, WIDTH  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

CLIP_SEED, CLIP_SECONDS, CLIP_RATE = 2026, 24.0, 15.0
TRAINING_SEEDS, HELD_OUT_SEEDS = range(1000, 1250), range(300, 330)
FRAMES_PER_SEED = {'train': 4, 'val': 2}
IMAGE_SIZE = 640  # the nodes' default, so that the embedded weights need no parameter of their own


def make_clip(folder: Path) -> None:
    """Write `street.mp4` and `street_truth.json` to `folder`."""
    renderer, street = Renderer(), Street(CLIP_SEED, CLIP_SECONDS)
    path = folder / 'street.mp4'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), CLIP_RATE,
                             (WIDTH, HEIGHT))
    if not writer.isOpened():
        raise SystemExit(f'{path}: OpenCV cannot write MPEG-4 here')
    frames = []
    for index in range(int(CLIP_SECONDS * CLIP_RATE)):
        picture, truths = renderer.frame(street, index / CLIP_RATE)
        writer.write(picture)
        frames.append([[truth.object_id, truth.class_id,
                        *(round(v, 1) for v in truth.box), *(round(v, 2) for v in truth.ground)]
                       for truth in truths])
    writer.release()
    rotation, translation = camera_pose()
    truth = {
        'clip': path.name, 'width': WIDTH, 'height': HEIGHT, 'rate_hz': CLIP_RATE,
        'class_names': CLASS_NAMES,
        'camera_matrix': camera_matrix().tolist(),
        'world_to_camera': {'rotation': rotation.tolist(), 'translation_m': translation.tolist()},
        'frames': {
            'columns': ['object_id', 'class_id', 'x1_px', 'y1_px', 'x2_px', 'y2_px',
                        'ground_x_m', 'ground_y_m'],
            'rows': frames}}
    text = json.dumps(truth, separators=(',', ':')).replace('[[', '\n[[')
    (folder / 'street_truth.json').write_text(text + '\n')


def make_training_set(folder: Path) -> Path:
    """Render labelled frames under `folder` and return the path of the data set's YAML."""
    renderer = Renderer()
    for part, seeds in (('train', TRAINING_SEEDS), ('val', HELD_OUT_SEEDS)):
        (folder / 'images' / part).mkdir(parents=True)
        (folder / 'labels' / part).mkdir(parents=True)
        for seed in seeds:
            rng = np.random.default_rng(seed)
            street = Street(seed, 30.0, crowd=rng.uniform(0.6, 1.4))
            for index in range(FRAMES_PER_SEED[part]):
                picture, truths = renderer.frame(street, rng.uniform(0.0, 30.0))
                # Rectangular training takes files in the order of their names: mix the streets.
                name = f'{index}_{seed}'
                # JPEG, because the clip that the weights are for is compressed too.
                cv2.imwrite(str(folder / 'images' / part / f'{name}.jpg'), picture,
                            (cv2.IMWRITE_JPEG_QUALITY, 85))
                labels = []
                for truth in truths:
                    x1, y1, x2, y2 = truth.box
                    labels.append(f'{truth.class_id} {(x1 + x2) / 2 / WIDTH:.5f} '
                                  f'{(y1 + y2) / 2 / HEIGHT:.5f} {(x2 - x1) / WIDTH:.5f} '
                                  f'{(y2 - y1) / HEIGHT:.5f}\n')
                (folder / 'labels' / part / f'{name}.txt').write_text(''.join(labels))
    data = folder / 'street.yaml'
    data.write_text(f'path: {folder}\ntrain: images/train\nval: images/val\n'
                    f'names: {list(CLASS_NAMES)}\n')
    return data


def write_architecture(folder: Path) -> Path:
    """Write YOLO11 with a quarter of the nano model's width, and return the YAML's path."""
    import ultralytics
    from ultralytics.utils import YAML
    source = Path(ultralytics.__file__).parent / 'cfg' / 'models' / '11' / 'yolo11.yaml'
    architecture = YAML.load(source)
    architecture['nc'] = len(CLASS_NAMES)
    architecture['scales'] = {'n': [0.50, 0.125, 512]}
    path = folder / 'yolo11n_street.yaml'
    YAML.save(path, architecture)
    return path


def train(folder: Path, epochs: int) -> Path:
    """Train on the set under `folder` and return the path of the best checkpoint."""
    from ultralytics import YOLO
    model = YOLO(write_architecture(folder), task='detect')
    # More streets teach more than mosaics of few, which would also erase far people of 20 px.
    model.train(data=str(folder / 'street.yaml'), epochs=epochs, imgsz=IMAGE_SIZE, batch=8,
                rect=True, workers=0, cache=True, device='cpu', seed=0, deterministic=True,
                pretrained=False, plots=False, verbose=False, scale=0.2,
                optimizer='AdamW', lr0=0.003, cos_lr=True, warmup_epochs=1.0,
                project=str(folder), name='run', exist_ok=True)
    return folder / 'run' / 'weights' / 'best.pt'


def publish(checkpoint: Path, folder: Path, temporary: Path) -> Path:
    """Copy the checkpoint without dates, paths and other facts of the machine it is from."""
    import torch
    content = torch.load(checkpoint, map_location='cpu', weights_only=False)
    arguments = {'task': 'detect', 'imgsz': IMAGE_SIZE}
    model = content['model']
    model.args = dict(arguments)
    model.yaml['yaml_file'] = 'yolo11n_street.yaml'
    kept = {'epoch': -1, 'best_fitness': None, 'model': model, 'ema': None, 'updates': None,
            'optimizer': None, 'train_args': arguments, 'version': content.get('version')}
    path = folder / 'street.pt'
    torch.save(kept, path)
    if str(temporary).encode() in path.read_bytes():
        raise SystemExit(f'{path}: a path of this machine is left in the checkpoint')
    return path


def heat_correlation(folder: Path) -> float:
    """Return Pearson's r between the clip's heat by the weights and by the true boxes."""
    from yolo_heatmap_ros.detectors.yolo import YoloDetector
    from yolo_heatmap_ros.heat.accumulator import HeatAccumulator
    from yolo_heatmap_ros.heat.detections import Detections
    from yolo_heatmap_ros.heat.options import HeatOptions
    truth = json.loads((folder / 'street_truth.json').read_text())
    detector = YoloDetector(str(folder / 'street.pt'), imgsz=IMAGE_SIZE, device='cpu')
    tracker = detector.make_tracker()
    found, true = (HeatAccumulator(HEIGHT, WIDTH, HeatOptions()) for _ in range(2))
    capture = cv2.VideoCapture(str(folder / 'street.mp4'))
    for rows in truth['frames']['rows']:
        usable, picture = capture.read()
        if not usable:
            raise SystemExit(f'{folder / "street.mp4"}: fewer frames than the truth has')
        found.update(tracker.track(detector.detect(picture), picture), 0.0)
        true.update(Detections.from_boxes([row[2:6] for row in rows]), 0.0)
    return float(np.corrcoef(found.total.values.ravel(), true.total.values.ravel())[0, 1])


def main() -> None:
    """Make the files and print what they are worth."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--output', type=Path,
                        default=Path(__file__).resolve().parents[1] / 'demo')
    parser.add_argument('--epochs', type=int, default=28)
    parser.add_argument('--check-only', action='store_true',
                        help='measure the files that are there, and make none')
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix='street-'))
    started = time.monotonic()

    def report(text):
        print(f'[{time.monotonic() - started:6.1f} s] {text}', flush=True)
    try:
        data = make_training_set(temporary)
        report('training and held-out frames rendered')
        if not arguments.check_only:
            make_clip(arguments.output)
            report('clip and ground truth written')
            publish(train(temporary, arguments.epochs), arguments.output, temporary)
            report('weights trained')
        from ultralytics import YOLO
        weights = arguments.output / 'street.pt'
        model = YOLO(weights)
        parameters = sum(p.numel() for p in model.model.parameters())
        scores = model.val(data=str(data), imgsz=IMAGE_SIZE, device='cpu', workers=0,
                           plots=False, verbose=False, project=str(temporary))
        report(f'{weights.name}: {parameters} parameters, mAP50 {scores.box.map50:.3f} on '
               f'held-out seeds')
        report(f'heat by the weights against heat by the truth: Pearson r '
               f'{heat_correlation(arguments.output):.3f}')
        for path in sorted(arguments.output.iterdir()):
            report(f'{path.name}: {path.stat().st_size / 1e6:.2f} MB')
    finally:
        shutil.rmtree(temporary)


if __name__ == '__main__':
    main()
