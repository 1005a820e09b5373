#!/usr/bin/env python3
"""
See in minutes whether a node holds more memory, threads, files or topics after hours of its life.

A heatmap node gets the embedded clip as fast as it takes it, round and round, so that track ids
grow; meanwhile cameras and viewers come and go, parameters change, and heat is saved and reset.
`tools/soak.py --minutes 15` prints a row every ten seconds, and the slopes at the end; the exit
code is 1 where something grows.
"""

import argparse
import math
import os
from pathlib import Path
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from typing import Dict, List

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

# A domain of its own, before rclpy is loaded.
os.environ.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % 100))
os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')

import cv2  # noqa: E402
import numpy as np  # noqa: E402
from rcl_interfaces.srv import SetParameters  # noqa: E402
import rclpy  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402
from sensor_msgs.msg import CompressedImage, Image  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402
from yolo_heatmap_ros.apps.demo import node_command  # noqa: E402
from yolo_heatmap_ros.ros.transport import use_image_profile  # noqa: E402

NAME = '/yolo_heatmap'
ROW_PERIOD = 10.0
RECONNECT_PERIOD = 4.0
"""Seconds after which the camera's publisher and one viewer are others."""
WARM_UP = 1 / 2
"""Share of the time that is not measured: trackers' lists fill, allocators find their size."""
LIMITS = {'memory (MB)': 12.0, 'threads': 1.5, 'files': 1.5, 'topics': 0.5}
"""Growth over what is measured, by a straight line through it, that is put down to chance."""
CHANGES = [{'colormap': 'HOT'}, {'kernel': 'gaussian'}, {'half_life': 60.0}, {'legend': True},
           {'regions': '{a: [[0, 0], [1, 0], [1, 1]]}'}, {'conf': 0.3}, {'kernel': 'disc'},
           {'regions': '{b: [[0, 0.5], [1, 0.5], [1, 1], [0, 1]]}'}, {'colormap': 'JET'}]
OPTIONS = {'heat_unit': 'seconds', 'per_class': True, 'ignore_stationary': 20.0, 'imgsz': 160,
           'frame_policy': 'all', 'autosave_period': 5.0, 'snapshot_keep': 3, 'conf': 0.1}


class Traffic:
    """What goes on around the node, on a thread of its own: frames, and all that changes."""

    def __init__(self, node: rclpy.node.Node, frames: List[np.ndarray]):
        """Create nothing yet but the clients."""
        self._node = node
        self._messages = [Image(height=frame.shape[0], width=frame.shape[1], encoding='bgr8',
                                step=3 * frame.shape[1], data=frame.tobytes())
                          for frame in frames]
        self._set = node.create_client(SetParameters, f'{NAME}/set_parameters')
        self._triggers = [node.create_client(Trigger, f'{NAME}/{name}')
                          for name in ('save', 'reset', 'load')]
        self._camera = self._viewer = None
        self._waiting = threading.Semaphore(20)
        self._rounds = 0
        # One that stays, so that its answers say when the node has done a frame.
        self._heat = node.create_subscription(Image, f'{NAME}/heat', self._on_heat, 100)
        self.frames = 0
        self.began = threading.Event()

    def _on_heat(self, message: Image) -> None:
        self._waiting.release()
        self.frames += 1
        self.began.set()

    def run(self, seconds: float) -> None:
        """Send frames for some seconds after the node has done the first."""
        sent, change_at, until = 0, 0.0, math.inf
        while time.monotonic() < until:
            if until == math.inf and self.began.is_set():
                until = time.monotonic() + seconds
            if time.monotonic() >= change_at:
                change_at = time.monotonic() + RECONNECT_PERIOD
                self._change()
            if not self._waiting.acquire(timeout=1.0):
                self._waiting.release()  # lost with a camera that went
                continue
            message = self._messages[sent % len(self._messages)]
            # 15 Hz by its stamps, however fast it comes.
            message.header.stamp.sec, part = divmod(sent, 15)
            message.header.stamp.nanosec = part * 66_666_666
            self._camera.publish(message)
            sent += 1

    def _change(self) -> None:
        """Let the camera and a viewer be others, and change a parameter or the heat."""
        node, number = self._node, self._rounds
        self._rounds += 1
        if self._camera is not None:
            node.destroy_publisher(self._camera)
            node.destroy_subscription(self._viewer)
        self._camera = node.create_publisher(Image, 'image', 100)
        kind, topic = [(Image, 'composite'), (CompressedImage, 'heatmap/compressed'),
                       (Image, 'heatmap')][number % 3]
        self._viewer = node.create_subscription(kind, f'{NAME}/{topic}', lambda message: None, 5)
        while not self._camera.get_subscription_count():
            time.sleep(0.01)
        self._set.call_async(SetParameters.Request(parameters=[
            Parameter(name, value=value).to_parameter_msg()
            for name, value in CHANGES[number % len(CHANGES)].items()]))
        if number % 5 == 4:
            self._triggers[number // 5 % 3].call_async(Trigger.Request())


def measured(process: int, node: rclpy.node.Node) -> Dict[str, float]:
    """Return what the node holds now."""
    folder = Path(f'/proc/{process}')
    status = (folder / 'status').read_text()
    name, namespace = NAME[1:], '/'
    topics = [*node.get_publisher_names_and_types_by_node(name, namespace),
              *node.get_subscriber_names_and_types_by_node(name, namespace),
              *node.get_service_names_and_types_by_node(name, namespace)]
    return {'memory (MB)': int(re.search(r'VmRSS:\s+(\d+)', status)[1]) / 1000,
            'threads': int(re.search(r'Threads:\s+(\d+)', status)[1]),
            'files': len(list((folder / 'fd').iterdir())), 'topics': len(topics)}


def growth(times: np.ndarray, values: np.ndarray) -> float:
    """Return by how much the straight line through values rises over the times."""
    return float(np.polyfit(times, values, 1)[0] * (times[-1] - times[0]))


def soak(process: int, minutes: float, row_period: float) -> bool:
    """Load a node for some minutes; print rows and slopes, and tell whether nothing grew."""
    capture = cv2.VideoCapture(str(ROOT / 'demo' / 'street.mp4'))
    frames = []
    while (read := capture.read())[0]:
        frames.append(cv2.resize(read[1], (320, 240), interpolation=cv2.INTER_AREA))
    node = rclpy.create_node('soak')
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    spinning = threading.Thread(target=executor.spin, daemon=True)
    spinning.start()
    traffic = Traffic(node, frames)
    working = threading.Thread(target=traffic.run, args=(60 * minutes,), daemon=True)
    working.start()
    # How long a node takes to start says nothing about how it grows.
    traffic.began.wait()
    begin = time.monotonic()
    rows: List[List[float]] = []
    names = ' '.join(f'{name:>12}' for name in LIMITS)
    print(f'     s    frames {names}', flush=True)
    while working.is_alive():
        working.join(row_period)
        values = measured(process, node)
        rows.append([time.monotonic() - begin, traffic.frames, *values.values()])
        row = ' '.join(f'{value:12.1f}' for value in values.values())
        print(f'{rows[-1][0]:6.0f} {rows[-1][1]:9d} {row}', flush=True)
    executor.shutdown()
    spinning.join()
    node.destroy_node()
    table = np.array([row for row in rows if row[0] > WARM_UP * 60 * minutes])
    flat = True
    for column, (name, limit) in enumerate(LIMITS.items(), start=2):
        rise = growth(table[:, 0], table[:, column])
        flat &= rise <= limit
        verdict = '' if rise <= limit else f', more than {limit}: IT GROWS'
        print(f'{name}: {rise:+.2f} over {table[-1, 1] - table[0, 1]:.0f} frames{verdict}')
    print(f'{traffic.frames} frames in {minutes:g} min: {traffic.frames / 15 / 3600:.1f} h of the '
          'clip at its 15 Hz')
    return bool(flat)


def main() -> int:
    """Start a node and load it; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--minutes', type=float, default=15.0)
    parser.add_argument('--row-period', type=float, default=ROW_PERIOD, metavar='S')
    arguments = parser.parse_args()
    use_image_profile()
    rclpy.init()
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(node_command('nodes.heatmap_node', {
            **OPTIONS, 'weights': str(ROOT / 'demo' / 'street.pt'), 'snapshot_dir': folder}, {}))
        try:
            flat = soak(process.pid, arguments.minutes, arguments.row_period)
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(30)
    rclpy.try_shutdown()
    return 0 if flat and code == 0 else 1


if __name__ == '__main__':
    sys.exit(main())
