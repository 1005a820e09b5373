"""
Measure `archive` against `render`: one core, two cores, and what is moved and kept.

Makes an hour of video of a clip, and runs render, archive with one worker and archive with two
over it, each on as many cores, in turn.
"""

import argparse
import json
import os
from pathlib import Path
import subprocess
import sys
import time

import av
import numpy as np

COMMON = ('--heat-unit', 'seconds', '--regions', '{left: [[0.1, 0.3], [0.6, 0.3], [0.6, 0.9], '
          '[0.1, 0.9]]}', '--lines', '{middle: [[0.5, 0], [0.5, 1]]}')


def make_video(clip: Path, target: Path, seconds: float) -> None:
    """Write a clip again and again, as H.264 with a key frame every 5 s."""
    with av.open(str(clip)) as source:
        rate = source.streams.video[0].average_rate
        frames = [frame.to_ndarray(format='bgr24') for frame in source.decode(video=0)]
    with av.open(str(target), 'w') as container:
        stream = container.add_stream('libx264', rate=rate, options={
            'preset': 'ultrafast', 'g': str(int(5 * rate))})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = 'yuv420p'
        for number in range(int(seconds * rate)):
            picture = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(frames[number % len(frames)]), format='bgr24')
            picture.pts = number
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def timed(command, cores) -> float:
    """Return the seconds of a command on some cores."""
    begin = time.monotonic()
    subprocess.run([sys.executable, '-m', *map(str, command)], check=True,
                   stdout=sys.stderr, preexec_fn=lambda: os.sched_setaffinity(0, cores))
    return time.monotonic() - begin


def main() -> None:
    """Run the measurement, and print it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[1])
    parser.add_argument('clip', type=Path)
    parser.add_argument('weights')
    parser.add_argument('folder', type=Path, help='where to work')
    parser.add_argument('--hours', type=float, default=1.0)
    parser.add_argument('--max-rate', type=float, default=1.0)
    parser.add_argument('--segment', type=float, default=300.0)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    video = arguments.folder / 'hour.mp4'
    if not video.exists():
        make_video(arguments.clip, video, 3600.0 * arguments.hours)
    options = ['--begin', '2026-11-25T08:00', '--camera', 'hour', '--weights', arguments.weights,
               '--max-rate', arguments.max_rate, *COMMON]
    cores = sorted(os.sched_getaffinity(0))[:2]
    found = {}
    found['render, one core, s'] = timed(
        ['yolo_heatmap_ros.apps.render', video, '--output', arguments.folder / 'out.mp4',
         '--history', arguments.folder / 'history_render', '--threads', 1, *options], cores[:1])
    for workers in (1, 2):
        history = arguments.folder / f'history_{workers}'
        found[f'archive, {workers} workers, s'] = timed(
            ['yolo_heatmap_ros.apps.archive', video, '--history', history, '--workers', workers,
             '--segment', arguments.segment, *options], cores[:workers])
        found[f'history of {workers} workers, bytes'] = sum(
            file.stat().st_size for file in history.glob('*.history.sqlite*'))
    print(json.dumps(found, indent=1))


if __name__ == '__main__':
    main()
