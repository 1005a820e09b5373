#!/usr/bin/env python3
"""
Measure what the package costs beside the model, against Ultralytics' heatmap and a plain node.

    python tools/benchmark.py [--weights demo/street.pt] [--video demo/street.mp4]
                              [--parts pixels,nodes,…] [--json result.json]

Contestants take turns, several rounds each; figures are medians.  Compare figures of one run only.
"""

import argparse
import contextlib
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import threading
import time

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / 'tools')]
os.environ.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % 100))
os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
os.environ['YOLO_AUTOINSTALL'] = 'false'

import cv2  # noqa: E402, I100
import numpy as np  # noqa: E402
import psutil  # noqa: E402

SIZES = ((768, 576), (1920, 1080), (3840, 2160))
NODE_SIZES = ((768, 576), (1920, 1080))
DEFAULT_TRANSPORT = {'FASTDDS_BUILTIN_TRANSPORTS': 'DEFAULT'}


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
    from yolo_heatmap_ros.accumulation import HeatAccumulator, HeatOptions
    from yolo_heatmap_ros.detection import Detections
    from yolo_heatmap_ros.heat.render import halves, HeatRenderer
    from yolo_heatmap_ros.images import Picture

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
    'legend': {'legend': True},
}
"""Parameters of the heatmap node, each beside the default."""


def measure_options(options):
    """Measure f) boxes to composite with each option of heat, as multiples of the default."""
    from yolo_heatmap_ros.accumulation import HeatOptions
    from yolo_heatmap_ros.detection import Detections
    from yolo_heatmap_ros.heat.regions import parse_regions
    from yolo_heatmap_ros.heat.render import HeatRenderer
    from yolo_heatmap_ros.heat.scale import HeatScale
    from yolo_heatmap_ros.images import Picture
    from yolo_heatmap_ros.pipeline import HeatmapPipeline
    from yolo_heatmap_ros.pipeline_settings import OPTIONS as HEAT, SCALE

    class NoModel:
        task = 'detect'

    results, rows = [], []
    for width, height in SIZES[:2]:
        frame = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        pipelines, times = {}, {name: [] for name in OPTIONS}
        for name, given in OPTIONS.items():
            given = dict(given)
            given['regions'] = parse_regions(given.get('regions', ''))
            pipelines[name] = HeatmapPipeline(
                NoModel(),
                HeatRenderer(scale=HeatScale(**{k: v for k, v in given.items() if k in SCALE})),
                HeatOptions(**{k: v for k, v in given.items() if k in HEAT}),
                given.get('legend', False))
        picture = Picture().pixels(height, 2 * width)
        walk = walking_boxes(10, width, height, options.frames, np.random.default_rng(0))
        for number, boxes in enumerate(walk):
            detections = Detections.from_boxes(boxes)
            detections.track_id = np.arange(len(boxes))
            for name, pipeline in pipelines.items():
                begin = time.perf_counter()
                pipeline.deposit(frame, detections, number / 30.0)
                pipeline.render(frame, composite=picture)
                times[name].append(time.perf_counter() - begin)
        figures = {name: milliseconds(each[len(each) // 4:]) for name, each in times.items()}
        results.append({'width': width, 'height': height, 'ms': figures})
        rows.extend((f'{width}x{height}', name, f'{each:.2f}', f"{each / figures['default']:.2f}")
                    for name, each in figures.items())
    table('f) options of heat, 10 boxes to composite', ('size', '', 'ms', 'x default'), rows)
    return results


@contextlib.contextmanager
def process(command, environment, **options):
    """Run a command as long as the block lasts."""
    running = subprocess.Popen(command, env={**os.environ, **environment}, text=True,
                               stderr=subprocess.DEVNULL, **options)
    try:
        yield running
    finally:
        if running.poll() is None:
            running.send_signal(signal.SIGINT)
            try:
                running.wait(15)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


def helper(kind, *arguments):
    """Return the command of one of `benchmark_nodes.py`."""
    return [sys.executable, '-W', 'ignore', str(ROOT / 'tools' / 'benchmark_nodes.py'), kind,
            json.dumps(arguments)]


def our_node(options, **parameters):
    """Return the command of the heatmap node."""
    from yolo_heatmap_ros.demo import node_command
    return node_command('heatmap_node', {'weights': options.weights, **parameters}, {})


def contest(command, environment, size, options, seconds):
    """Run camera, contestant and viewer; return the viewer's figures and the CPU time used."""
    with process(helper('viewer', options.warm_up, seconds), environment,
                 stdout=subprocess.PIPE) as viewer:
        with process(command, environment, stdout=subprocess.DEVNULL) as contestant:
            time.sleep(6.0)  # models are loaded before the traffic begins
            with process(helper('camera', options.video, *size), environment):
                # A viewer that sees nothing would wait for ever.
                deadline = threading.Timer(options.warm_up + seconds + 40.0, viewer.kill)
                deadline.start()
                line = viewer.stdout.readline()
                deadline.cancel()
                cpu = sum(psutil.Process(contestant.pid).cpu_times()[:2])
    return {**json.loads(line), 'cpu_s': cpu} if line else {'fps': 0.0, 'ages': [], 'cpu_s': 0.0}


def measure_nodes(options):
    """Measure b) frames per second and stamp-to-receipt latency, from a camera at 30 Hz."""
    contestants = {
        'naive': (helper('naive', options.weights), DEFAULT_TRANSPORT),
        'naive, profile': (helper('naive', options.weights), {}),
        'ours, default transport': (our_node(options), DEFAULT_TRANSPORT),
        'ours': (our_node(options), {}),
        'ceiling': (helper('ceiling', options.weights), {}),
    }
    results = []
    for size in NODE_SIZES:
        figures = {name: [] for name in contestants}
        for _ in range(options.rounds):
            for name, (command, environment) in contestants.items():
                figures[name].append(contest(command, environment, size, options,
                                             options.seconds))
        alone = model_alone(options, size)
        rows = []
        for name, runs in figures.items():
            fps = float(np.median([run['fps'] for run in runs]))
            p50, p95 = (float(np.median([np.percentile(run['ages'] or [np.nan], q)
                                         for run in runs])) * 1e3 for q in (50, 95))
            drift = float(np.median([growth(run['ages']) for run in runs])) * 1e3
            results.append({'width': size[0], 'height': size[1], 'contestant': name, 'fps': fps,
                            'p50_ms': p50, 'p95_ms': p95, 'latency_growth_ms': drift,
                            'all_fps': [run['fps'] for run in runs]})
            rows.append((name, f'{fps:.1f}', f'{p50:.0f}', f'{p95:.0f}', f'{drift:+.0f}'))
        rows.append(('model alone, no ROS', f'{alone:.1f}', '', '', ''))
        results.append({'width': size[0], 'height': size[1], 'contestant': 'model alone',
                        'fps': alone})
        table(f'b) {size[0]}x{size[1]}, camera at 30 Hz, both pictures watched',
              ('', 'fps', 'p50 ms', 'p95 ms', 'growth ms'), rows)
        by_name = {r['contestant']: r for r in results if r['width'] == size[0]}
        ours, naive, ceiling = by_name['ours'], by_name['naive'], by_name['ceiling']
        print(f"ours : naive {ours['fps'] / max(naive['fps'], 1e-3):.2f} x fps, "
              f"{ours['p95_ms'] / naive['p95_ms']:.2f} x p95;  "
              f"ours : ceiling {ours['fps'] / max(ceiling['fps'], 1e-3):.2f} x fps")
    return results


def growth(ages):
    """Return by how much the median age of the last third is above that of the first, in s."""
    third = len(ages) // 3
    return float(np.median(ages[-third:]) - np.median(ages[:third])) if third else float('nan')


def model_alone(options, size):
    """Return the frames per second of the model in a loop, without ROS."""
    script = ('import sys, time; from benchmark_nodes import frames_of; '
              'from yolo_heatmap_ros.detection import YoloTracker; '
              'frames = frames_of(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), 30); '
              'tracker = YoloTracker(sys.argv[1]); '
              '[tracker.track(f) for f in frames]; begin = time.monotonic(); '
              '[tracker.track(f) for f in frames * 3]; '
              'print(90 / (time.monotonic() - begin))')
    path = os.pathsep.join((str(ROOT), str(ROOT / 'tools'), os.environ.get('PYTHONPATH', '')))
    run = subprocess.run([sys.executable, '-W', 'ignore', '-c', script, options.weights,
                          options.video, *map(str, size)], text=True, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, env={**os.environ, 'PYTHONPATH': path})
    return float(run.stdout.split()[-1])


def measure_idle(options):
    """Measure c) CPU time while frames arrive and nobody looks, beside the ceiling's."""
    results = []
    for name, command in (('ours', our_node(options)),
                          ('ceiling', helper('ceiling', options.weights))):
        with process(command, {}, stdout=subprocess.DEVNULL) as contestant:
            time.sleep(6.0)
            with process(helper('camera', options.video, 768, 576), {}):
                time.sleep(4.0)
                before = sum(psutil.Process(contestant.pid).cpu_times()[:2])
                time.sleep(options.seconds)
                used = sum(psutil.Process(contestant.pid).cpu_times()[:2]) - before
        results.append({'contestant': name, 'cpu_cores': used / options.seconds})
    table('c) CPU cores in use at 768x576, 30 Hz, nobody watching', ('', 'cores'),
          [(r['contestant'], f"{r['cpu_cores']:.2f}") for r in results])
    return results


def measure_memory(options):
    """Measure d) resident memory of our node over 2,000 frames, both pictures watched."""
    samples = []
    # The embedded model, which is fast: the number of frames counts.
    fast = argparse.Namespace(**{**vars(options), 'weights': str(ROOT / 'demo' / 'street.pt'),
                                 'video': str(ROOT / 'demo' / 'street.mp4')})
    with process(helper('viewer', 0.0, 1e9), {}, stdout=subprocess.DEVNULL), \
            process(our_node(fast), {},
                    stdout=subprocess.DEVNULL) as contestant:
        time.sleep(6.0)
        with process(helper('camera', fast.video, 768, 576), {}):
            begin = time.monotonic()
            while time.monotonic() - begin < (500 + 2000) / 30.0:
                time.sleep(1.0)
                samples.append((time.monotonic() - begin,
                                psutil.Process(contestant.pid).memory_info().rss / 1e6))
    warm = [rss for seconds, rss in samples if seconds > 500 / 30.0]
    fifth = len(warm) // 5
    result = {'peak_mb': max(rss for _, rss in samples),
              'growth_mb': float(np.median(warm[-fifth:]) - np.median(warm[:fifth]))}
    table('d) resident memory, 2,000 frames after 500 of warm-up', ('peak MB', 'growth MB'),
          [(f"{result['peak_mb']:.0f}", f"{result['growth_mb']:+.1f}")])
    return result


def measure_models(options):
    """Measure e) the yolo12n architecture at 640: Ultralytics' default, and `accelerate: auto`."""
    import tempfile
    import torch
    from ultralytics import YOLO
    from yolo_heatmap_ros.detection import YoloTracker
    capture = cv2.VideoCapture(options.video)
    frames = [cv2.resize(capture.read()[1], (768, 576)) for _ in range(20)]
    with tempfile.TemporaryDirectory() as folder:
        weights = f'{folder}/yolo12n.pt'
        YOLO('yolo12n.yaml').save(weights)
        default = YOLO(weights)
        default.predict(frames[0], verbose=False, device='cpu')
        default_threads = torch.get_num_threads()
        ours = YoloTracker(weights, device='cpu', tracker='none')
        all_cores = os.cpu_count()
        fast = YoloTracker(weights, device='cpu', tracker='none', accelerate='auto', log=print)
        times = {'ultralytics': [], 'threads: all': [], 'accelerate: auto': []}
        for _ in range(options.rounds):
            for name, threads, predict in (
                    ('ultralytics', default_threads,
                     lambda f: default.predict(f, verbose=False, device='cpu')),
                    ('threads: all', all_cores, ours.track),
                    ('accelerate: auto', default_threads, fast.track)):
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


def measure_cameras(options):
    """Measure g) three cameras in one process and in three: frames per second and memory."""
    import tempfile
    import yaml
    names = ('one', 'two', 'three')
    results, rows = [], []
    with tempfile.NamedTemporaryFile('w', suffix='.yaml') as file:
        yaml.safe_dump({'parameters': {'weights': options.weights}, 'cameras': [
            {'name': name, 'image': f'/{name}/image'} for name in names]}, file)
        file.flush()
        from yolo_heatmap_ros.demo import node_command
        shared = [node_command('heatmap_cameras', {'cameras': file.name}, {})]
        apart = [[*our_node(options), '--ros-args', '-r', f'__ns:=/{name}'] for name in names]
        for rates in ((30.0, 30.0, 30.0), (30.0, 10.0, 5.0)):
            for contestant, commands in (('one process', shared), ('three processes', apart)):
                with contextlib.ExitStack() as stack:
                    nodes = [stack.enter_context(process(command, {}, stdout=subprocess.DEVNULL))
                             for command in commands]
                    time.sleep(10.0)
                    for name, rate in zip(names, rates):
                        stack.enter_context(process(helper(
                            'camera', options.video, 768, 576, f'/{name}/image', rate), {}))
                    counter = stack.enter_context(process(helper(
                        'counter', names, 6.0, options.seconds), {}, stdout=subprocess.PIPE))
                    rated = json.loads(counter.stdout.readline())
                    memory = sum(psutil.Process(node.pid).memory_full_info().uss
                                 for node in nodes) / 1e6
                results.append({'contestant': contestant, 'rates': rates, 'fps': rated,
                                'uss_mb': memory})
                rows.append(('/'.join(f'{rate:.0f}' for rate in rates), contestant,
                             *(f'{rated[name]:.1f}' for name in names),
                             f'{sum(rated.values()):.1f}', f'{memory:.0f}'))
    table('g) three cameras of 768x576, nobody watching',
          ('Hz', '', *names, 'total fps', 'USS MB'), rows)
    return results


PARTS = {'pixels': measure_pixels, 'nodes': measure_nodes, 'idle': measure_idle,
         'memory': measure_memory, 'models': measure_models, 'options': measure_options,
         'cameras': measure_cameras}


def main():
    """Run the parts that are asked for; print tables and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--parts', default=','.join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument('--weights', default=str(ROOT / 'demo' / 'street.pt'))
    parser.add_argument('--video', default=str(ROOT / 'demo' / 'street.mp4'))
    parser.add_argument('--frames', type=int, default=120, help='of parts a and f')
    parser.add_argument('--rounds', type=int, default=3, help='of parts b and e')
    parser.add_argument('--seconds', type=float, default=10.0, help='of a round of part b')
    parser.add_argument('--warm-up', type=float, default=3.0, help='seconds before a round')
    parser.add_argument('--json', type=Path, help='where to write the figures')
    options = parser.parse_args()
    result = {'cores': os.cpu_count(), 'weights': options.weights}
    for name in options.parts.split(','):
        result[name] = PARTS[name](options)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + '\n')


if __name__ == '__main__':
    main()
