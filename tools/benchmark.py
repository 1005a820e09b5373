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

from benchmark_offline import (  # noqa: E402, I100
    measure_models, measure_options, measure_pixels, table)
import numpy as np  # noqa: E402
import psutil  # noqa: E402

NODE_SIZES = ((768, 576), (1920, 1080))
PAGE_PORT = 18080
DEFAULT_TRANSPORT = {'FASTDDS_BUILTIN_TRANSPORTS': 'DEFAULT'}


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
    from yolo_heatmap_ros.apps.demo import node_command
    return node_command('nodes.heatmap_node', {'weights': options.weights, **parameters}, {})


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
              'from yolo_heatmap_ros.detectors.yolo import YoloDetector; '
              'frames = frames_of(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), 30); '
              'detector = YoloDetector(sys.argv[1]); '
              'tracker = detector.make_tracker(); '
              'follow = lambda f: tracker.track(detector.detect(f), f); '
              '[follow(f) for f in frames]; begin = time.monotonic(); '
              '[follow(f) for f in frames * 3]; '
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
        from yolo_heatmap_ros.apps.demo import node_command
        shared = [node_command('nodes.heatmap_cameras', {'cameras': file.name}, {})]
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


def measure_page(options):
    """Measure h) a node at a camera of 30 Hz, with the page, and with browsers that look at it."""
    from yolo_heatmap_ros.apps.demo import node_command
    results, rows = {}, []
    for _ in range(options.rounds):
        for browsers in (None, 0, 10):
            with contextlib.ExitStack() as stack:
                stack.enter_context(process(our_node(options), {}, stdout=subprocess.DEVNULL))
                if browsers is not None:
                    stack.enter_context(process(node_command(
                        'apps.web_viewer', {'port': PAGE_PORT}, {}), {},
                        stdout=subprocess.DEVNULL))
                time.sleep(8.0)
                stack.enter_context(process(helper('camera', options.video, 768, 576), {}))
                if browsers:
                    seen = stack.enter_context(process([
                        sys.executable, str(ROOT / 'tools' / 'page_browsers.py'),
                        f'http://127.0.0.1:{PAGE_PORT}', '--count', str(browsers), '--seconds',
                        str(options.warm_up + options.seconds)], {}, stdout=subprocess.PIPE))
                counter = stack.enter_context(process(helper(
                    'counter', [''], options.warm_up, options.seconds), {},
                    stdout=subprocess.PIPE))
                fps = json.loads(counter.stdout.readline())['']
                pictures = json.loads(seen.stdout.readline() or '{}') if browsers else {}
            results.setdefault(str(browsers), []).append({'fps': fps, **pictures})
            per_browser = pictures.get('pictures_per_s', [])
            rows.append(('no page' if browsers is None else f'{browsers} browsers', f'{fps:.1f}',
                         f'{np.median(per_browser):.1f}' if per_browser else ''))
    table('h) the page beside a camera of 768x576 at 30 Hz',
          ('', 'fps of the node', 'pictures/s of a browser'), rows)
    return results


PARTS = {'pixels': measure_pixels, 'nodes': measure_nodes, 'idle': measure_idle,
         'memory': measure_memory, 'models': measure_models, 'options': measure_options,
         'cameras': measure_cameras, 'page': measure_page}


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
