"""Play a video through both nodes, as `demo.launch.py` does, and save the composite."""

import argparse
import json
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import time
from typing import List, Optional

import cv2
import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.qos import QoSProfile
from rclpy.time import Time
from rclpy.utilities import remove_ros_args
from sensor_msgs.msg import Image

from yolo_heatmap_ros.errors import VideoError
from yolo_heatmap_ros.media.video_writer import VideoWriter
from yolo_heatmap_ros.ros.barrier import GuardedNode
from yolo_heatmap_ros.ros.executable import run
from yolo_heatmap_ros.ros.messages.images import to_frame
from yolo_heatmap_ros.ros.package_share import source_or_clip, weights_for

REPORT_PERIOD = 2.0
"""Seconds between progress lines."""
VIDEO_RATE = 15.0
"""Frames per second of the saved video, about: each picture has its own time."""
QUIET = 1.0
"""Seconds without a picture after the end of the source, until the demo ends."""
STOP_TIMEOUT = 10.0
"""Seconds to wait for a node to end after SIGINT, before it is killed."""


class CompositeRecorder(GuardedNode):
    """Records the composites to a video, and reports their rate and latency."""

    def __init__(self, folder: Path):
        """Create `folder`, and save to it."""
        super().__init__('demo')
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise VideoError(f"--output '{folder}': cannot be created ({error.strerror}); give "
                             'another folder') from error
        self.video_path = folder / 'composite.mp4'
        self.picture_path = folder / 'composite.png'
        self._writer = VideoWriter(self.video_path, VIDEO_RATE)
        self._failed: Optional[VideoError] = None
        self._picture: Optional[np.ndarray] = None
        self._latencies: List[float] = []
        self._reported = 0
        self.last_at = self._report_at = time.monotonic()
        self.create_subscription(Image, 'yolo_heatmap/composite', self._on_composite,
                                 QoSProfile(depth=10))

    @property
    def count(self) -> int:
        """Return the number of composites so far."""
        return len(self._latencies)

    def _on_composite(self, message: Image) -> None:
        stamp = Time.from_msg(message.header.stamp)
        self._latencies.append((self.get_clock().now() - stamp).nanoseconds * 1e-9)
        self.last_at = time.monotonic()
        picture = to_frame(message)
        if self._picture is None:
            self._size = picture.shape[1::-1]
            self._first_stamp = stamp
            self._report_at = self._began_at = self.last_at
        elif picture.shape[1::-1] != self._size:
            picture = cv2.resize(picture, self._size)
        self._picture = picture
        if self._failed is None:
            try:
                self._writer.write(picture, (stamp - self._first_stamp).nanoseconds * 1e-9)
            except VideoError as error:  # nodes go on; `finish` tells
                self._failed = error
        if self.last_at - self._report_at >= REPORT_PERIOD:
            self._report(self._latencies[self._reported:], self.last_at - self._report_at)
            self._report_at, self._reported = self.last_at, self.count

    def _report(self, latencies: List[float], seconds: float) -> None:
        p50, p95 = np.percentile(latencies, (50, 95)) * 1e3
        print(f'{self.last_at - self._began_at:6.1f} s  {len(latencies) / seconds:5.1f} Hz  '
              f'camera to composite {p50:.0f} ms, p95 {p95:.0f} ms', flush=True)

    def finish(self) -> bool:
        """Write the last picture and the totals; return False if there is none, or no video."""
        if self._picture is None:
            print('no composite was received', file=sys.stderr)
            return False
        try:
            self._writer.close()
            if not cv2.imwrite(str(self.picture_path), self._picture):
                raise VideoError(f"'{self.picture_path}': cannot be written; check the folder, "
                                 'its permissions and the space on its disk')
        except VideoError as error:
            self._failed = self._failed or error
        print(f'{self.count} composites in all:')
        self._report(self._latencies, max(self.last_at - self._began_at, 1e-3))
        if self._failed is not None:
            print(f'demo: {self._failed}', file=sys.stderr)
            return False
        print(f'saved {self.video_path} and {self.picture_path}')
        return True


def node_command(module: str, parameters: dict, remappings: dict) -> List[str]:
    """Return the command that runs a node of this package with this interpreter."""
    command = [sys.executable, '-m', f'yolo_heatmap_ros.{module}', '--ros-args']
    for name, value in parameters.items():
        command += ['-p', f'{name}:={json.dumps(value)}']  # JSON is YAML, and escapes any path
    for name, target in remappings.items():
        command += ['-r', f'{name}:={target}']
    return command


def stop(process: subprocess.Popen) -> int:
    """End a node as a launch system does, and return its exit code."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def play(recorder: CompositeRecorder, options: argparse.Namespace) -> int:
    """Run both nodes until the source ends, or Ctrl-C; return the exit code of the demo."""
    commands = (
        node_command('nodes.heatmap_node', {
            'weights': weights_for(options.source, options.weights),
            'colormap': options.colormap}, {'image': 'image_raw'}),
        node_command('nodes.playback_node', {
            'source': source_or_clip(options.source), 'wait_for_subscribers': 1}, {}))
    heatmap, playback = processes = [subprocess.Popen(command) for command in commands]
    try:
        while playback.poll() is None and heatmap.poll() is None:
            rclpy.spin_once(recorder, timeout_sec=0.1)
        ended_at = time.monotonic()
        while time.monotonic() - max(recorder.last_at, ended_at) < QUIET:
            rclpy.spin_once(recorder, timeout_sec=0.1)
    except ExternalShutdownException:
        pass  # the recording is saved anyway
    finally:
        codes = [stop(process) for process in processes]
    return int(not recorder.finish() or any(codes))


def main(args: Optional[List[str]] = None) -> int:
    """Run the demo; return its exit code."""
    parser = argparse.ArgumentParser(prog='demo', description=__doc__)
    parser.add_argument('--source', default='', help=(
        'a video, an image, a folder of images, a camera index or a stream URL '
        '(default: the embedded clip)'))
    parser.add_argument('--weights', default='', help=(
        'a model file or name (default: the embedded weights for the embedded clip, else '
        'yolo12n.pt)'))
    parser.add_argument('--colormap', default='JET', help='an OpenCV colormap (default: JET)')
    parser.add_argument('--output', type=Path, default=Path('demo_output'),
                        help='the folder for composite.mp4 and composite.png, or with --web for '
                             'all that the nodes keep')
    parser.add_argument('--web', action='store_true', help=(
        'play the source in a loop, with the web page beside it, until Ctrl-C'))
    parser.add_argument('--port', type=int, default=8080, choices=range(65536), metavar='PORT',
                        help='the port of the page; 0: a free one (default: 8080)')
    options = parser.parse_args(remove_ros_args(sys.argv if args is None else args)[1:])
    if options.web:
        from yolo_heatmap_ros.apps.demo_page import show  # which takes from here
        return show(options)
    if shutil.which('ros2'):
        print('in a workspace, `ros2 launch yolo_heatmap_ros demo.launch.py` does the same')
    return run(lambda: CompositeRecorder(options.output),
               lambda recorder: play(recorder, options), args)


if __name__ == '__main__':
    sys.exit(main())
