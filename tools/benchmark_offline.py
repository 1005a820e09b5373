"""The parts of the benchmark that need no ROS: pictures, options of heat, models."""

import os
from pathlib import Path
import time

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
SIZES = ((768, 576), (1920, 1080), (3840, 2160))
OPTIONS = {
    'default': {},
    'seconds': {'heat_unit': 'seconds'},
    'half_life': {'half_life': 60.0},
    'half_life, fixed': {'half_life': 60.0, 'normalize': 'fixed', 'scale_max': 50.0},
    'percentile': {'normalize': 'percentile'},
    'fixed': {'normalize': 'fixed', 'scale_max': 50.0},
    'box': {'kernel': 'box'}, 'ellipse': {'kernel': 'ellipse'},
    'gaussian': {'kernel': 'gaussian'}, 'foot': {'kernel': 'foot'},
    'per_class': {'per_class': True},
    'ignore_stationary': {'ignore_stationary': 10.0},
    'two regions': {'regions': '{a: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]], '
                               'b: [[0.6, 0.1], [0.9, 0.1], [0.9, 0.9], [0.6, 0.9]]}'},
    'two lines': {'lines': '{a: [[0.5, 0], [0.5, 1]], b: [[0, 0.6], [1, 0.4]]}'},
    'legend': {'legend': True},
}
OPTIONS['seconds, regions, lines'] = {
    **OPTIONS['seconds'], **OPTIONS['two regions'], **OPTIONS['two lines']}
OPTIONS['same, history'] = {**OPTIONS['seconds, regions, lines'], 'history_period': 300.0}
OPTIONS['same, track_memory: 0'] = {**OPTIONS['seconds, regions, lines'], 'track_memory': 0.0}
"""Parameters of the heatmap node, each beside the default."""


def table(title, columns, rows):
    """Print rows under a title."""
    widths = [max(len(str(row[i])) for row in [columns, *rows]) for i in range(len(columns))]
    print(f'\n{title}')
    for row in [columns, *rows]:
        print('  '.join(str(cell).rjust(width) for cell, width in zip(row, widths)), flush=True)


def milliseconds(times):
    """Return the median in ms."""
    return float(np.median(times)) * 1e3


def walking_boxes(count, width, height, frames, rng):
    """Yield (count, 4) float32 xyxy boxes in px of people who walk through the picture."""
    place = rng.uniform(0, 1, (count, 2)) * (width, height)
    step = rng.normal(0, width / 400, (count, 2))
    size = rng.uniform(0.05, 0.2, (count, 1)) * height * np.array([[0.4, 1.0]])
    for _ in range(frames):
        place = (place + step) % (width, height)
        yield np.hstack((place - size / 2, place + size / 2)).astype(np.float32)


def measure_pixels(options):
    """Measure a) boxes to pictures: ours, Ultralytics' and a copy of the same bytes."""
    import torch
    from ultralytics.solutions import Heatmap
    from yolo_heatmap_ros.drawing.renderer import halves, HeatRenderer
    from yolo_heatmap_ros.heat.accumulator import HeatAccumulator
    from yolo_heatmap_ros.heat.detections import Detections
    from yolo_heatmap_ros.heat.options import HeatOptions
    from yolo_heatmap_ros.ros.messages.images import Picture

    class GivenBoxes(Heatmap):

        def extract_tracks(self, im0):
            self.boxes = self.given
            self.track_ids = self.clss = list(range(len(self.given)))
    results, rows = [], []
    for width, height in SIZES:
        for count in (10, 50):
            rng = np.random.default_rng(0)
            frame = rng.integers(0, 256, (height, width, 3), np.uint8)
            theirs = GivenBoxes(model=str(ROOT / 'demo' / 'street.pt'), verbose=False,
                                colormap=cv2.COLORMAP_JET)
            heat, renderer = HeatAccumulator(height, width, HeatOptions()), HeatRenderer('JET')
            picture = Picture()
            floor = np.zeros((height, 2 * width, 3), np.uint8)
            times = {'ours': [], 'ultralytics': [], 'copy': []}
            different = 0
            for boxes in walking_boxes(count, width, height, options.frames, rng):
                theirs.given = torch.tensor(boxes)
                marks = [time.perf_counter()]
                expected = np.hstack((frame, theirs.process(frame).plot_im))
                marks.append(time.perf_counter())
                heat.update(Detections.from_boxes(boxes), 0.0)
                composite = picture.pixels(height, 2 * width)
                renderer.side_by_side(frame, heat.total, composite)
                marks.append(time.perf_counter())
                for half in halves(floor):
                    np.copyto(half, frame)
                marks.append(time.perf_counter())
                for name, seconds in zip(('ultralytics', 'ours', 'copy'), np.diff(marks)):
                    times[name].append(seconds)
                different += int(np.count_nonzero(composite != expected))
            ours, theirs_ms, copy = (milliseconds(times[name][len(times[name]) // 4:])
                                     for name in ('ours', 'ultralytics', 'copy'))
            results.append({'width': width, 'height': height, 'boxes': count, 'ours_ms': ours,
                            'ultralytics_ms': theirs_ms, 'copy_ms': copy,
                            'differing_values': different})
            rows.append((f'{width}x{height}', count, f'{theirs_ms:.2f}', f'{ours:.2f}',
                         f'{copy:.2f}', f'{theirs_ms / ours:.2f}', f'{ours / copy:.1f}',
                         different))
    table('a) boxes to composite, ms per frame',
          ('size', 'boxes', 'ultralytics', 'ours', 'copy', 'ratio', 'x copy', 'different'), rows)
    return results


def measure_options(options):
    """Measure f) boxes to composite with each option of heat, as multiples of the default."""
    from yolo_heatmap_ros.build_pipeline import OPTIONS as HEAT, RANGE
    from yolo_heatmap_ros.config.shapes import parse_lines, parse_polygons
    from yolo_heatmap_ros.detectors.tracking import Untracked
    from yolo_heatmap_ros.drawing.colour_range import ColourRange
    from yolo_heatmap_ros.drawing.renderer import HeatRenderer
    from yolo_heatmap_ros.heat.detections import Detections
    from yolo_heatmap_ros.heat.options import HeatOptions
    from yolo_heatmap_ros.pipeline import HeatmapPipeline
    from yolo_heatmap_ros.ros.messages.images import Picture

    class NoModel:
        task = 'detect'

        def make_tracker(self):
            return Untracked()

    results, rows = [], []
    for width, height in SIZES[:2]:
        frame = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        pipelines, times = {}, {name: [] for name in OPTIONS}
        for name, given in OPTIONS.items():
            given = dict(given)
            given['regions'] = parse_polygons(given.get('regions', ''))
            given['lines'] = parse_lines(given.get('lines', ''))
            pipelines[name] = HeatmapPipeline(
                NoModel(),
                HeatRenderer(colour_range=ColourRange(
                    **{k: v for k, v in given.items() if k in RANGE})),
                HeatOptions(**{k: v for k, v in given.items() if k in HEAT}),
                given.get('legend', False))
        picture = Picture().pixels(height, 2 * width)
        walk = walking_boxes(10, width, height, options.frames, np.random.default_rng(0))
        for number, boxes in enumerate(walk):
            detections = Detections.from_boxes(boxes)
            detections.track_id = np.arange(len(boxes))
            for name, pipeline in pipelines.items():
                begin = time.perf_counter()
                pipeline.add(frame, detections, number / 30.0)
                pipeline.render(frame, composite=picture)
                times[name].append(time.perf_counter() - begin)
        figures = {name: milliseconds(each[len(each) // 4:]) for name, each in times.items()}
        results.append({'width': width, 'height': height, 'ms': figures})
        rows.extend((f'{width}x{height}', name, f'{each:.2f}', f"{each / figures['default']:.2f}")
                    for name, each in figures.items())
    table('f) options of heat, 10 boxes to composite', ('size', '', 'ms', 'x default'), rows)
    return results


def measure_models(options):
    """Measure e) the yolo12n architecture at 640: Ultralytics' default, and `accelerate: auto`."""
    import tempfile
    import torch
    from ultralytics import YOLO
    from yolo_heatmap_ros.detectors.yolo import YoloDetector
    capture = cv2.VideoCapture(options.video)
    frames = [cv2.resize(capture.read()[1], (768, 576)) for _ in range(20)]
    with tempfile.TemporaryDirectory() as folder:
        weights = f'{folder}/yolo12n.pt'
        YOLO('yolo12n.yaml').save(weights)
        default = YOLO(weights)
        default.predict(frames[0], verbose=False, device='cpu')
        default_threads = torch.get_num_threads()
        ours = YoloDetector(weights, device='cpu', tracker='none')
        all_cores = os.cpu_count()
        fast = YoloDetector(weights, device='cpu', tracker='none', accelerate='auto', log=print)
        times = {'ultralytics': [], 'threads: all': [], 'accelerate: auto': []}
        for _ in range(options.rounds):
            for name, threads, predict in (
                    ('ultralytics', default_threads,
                     lambda f: default.predict(f, verbose=False, device='cpu')),
                    ('threads: all', all_cores, ours.detect),
                    ('accelerate: auto', default_threads, fast.detect)):
                torch.set_num_threads(threads)
                for frame in frames:
                    begin = time.perf_counter()
                    predict(frame)
                    times[name].append(time.perf_counter() - begin)
    result = {name: milliseconds(values) for name, values in times.items()}
    result['threads'] = {'ultralytics': default_threads, 'all': all_cores}
    table('e) yolo12n architecture, 640, CPU, ms per frame',
          ('', 'ms', 'x fps of Ultralytics'),
          [(name, f'{result[name]:.1f}', f"{result['ultralytics'] / result[name]:.2f}")
           for name in times])
    return result
