"""
Seven heatmap nodes and the floor node on WILDTRACK, over DDS: rate, latency and count.

    python tools/wildtrack_nodes.py [--seconds 30] [--rate 10]

Needs WILDTRACK.tar.xz in the folder that YOLO_HEATMAP_TRUTH names, and vision_msgs: each camera's
true boxes, between its frames interpolated, go to a heatmap node with `detector: topic`.
"""

import argparse
import os
from pathlib import Path
import subprocess
import sys
import time
from typing import Dict, List

from inputs import truth_folder
import numpy as np
import rclpy
from rclpy.qos import QoSProfile
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray
import wildtrack
from yolo_heatmap_ros.apps.demo import node_command
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.ros.messages.detections import detections_message
from yolo_heatmap_ros.ros.messages.images import seconds_of
from yolo_heatmap_ros.ros.messages.positions import positions_of

EXTENT = '[-3, -9, 9, 27]'
START = 20.0
"""Seconds that the nodes have to start."""
SETTLED = 3.0
"""Seconds after which steps are counted."""


def between(frames, time_: float, camera: int) -> Dict[int, np.ndarray]:
    """Return the boxes, (4,) xyxy px, that a camera sees at a time in s, by the person's id."""
    index = int(time_ / wildtrack.PERIOD)
    share = time_ / wildtrack.PERIOD - index
    here, there = ({int(row[0]): row[1:] for row in frames[one].boxes[camera]}
                   for one in (index, index + 1))
    return {number: (1.0 - share) * box + share * there[number]
            for number, box in here.items() if number in there}


def detections_of(boxes: Dict[int, np.ndarray]) -> Detections:
    """Return true boxes with their ids, as a detector's output."""
    detections = Detections.from_boxes(list(boxes.values()))
    detections.track_id = np.array(list(boxes), np.int64)
    return detections


def start(scene) -> List[subprocess.Popen]:
    """Start a heatmap node for each camera, and the floor node."""
    processes = []
    for index, view in enumerate(scene.views):
        matrix = (view.matrix / np.abs(view.matrix).max()).ravel().tolist()
        command = node_command('nodes.heatmap_node', {
            'detector': 'topic', 'blank_size': f'[{wildtrack.WIDTH}, {wildtrack.HEIGHT}]',
            'ground.matrix': str(matrix), 'ground.extent': EXTENT, 'heat_unit': 'seconds'}, {})
        processes.append(subprocess.Popen(
            [*command, '-r', f'__ns:=/camera{index}'], stdout=subprocess.DEVNULL))
    names = ', '.join(f'/camera{index}/yolo_heatmap' for index in range(len(scene.views)))
    processes.append(subprocess.Popen(node_command('nodes.floor_node', {
        'heatmap_nodes': f'[{names}]', 'ground.extent': EXTENT}, {})))
    return processes


def cpu_seconds(process: subprocess.Popen) -> float:
    """Return the CPU time that a process has taken so far, in s."""
    fields = Path(f'/proc/{process.pid}/stat').read_text().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def main() -> None:
    """Run the nodes, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--seconds', type=float, default=30.0)
    parser.add_argument('--rate', type=float, default=10.0)
    arguments = parser.parse_args()
    scene = wildtrack.load(truth_folder() / 'WILDTRACK.tar.xz')
    processes = start(scene)
    rclpy.init()
    node = rclpy.create_node('wildtrack')
    publishers = [node.create_publisher(Detection2DArray, f'/camera{index}/detections',
                                        QoSProfile(depth=10)) for index in range(7)]
    fused = []
    node.create_subscription(
        PointCloud2, '/yolo_floor/positions',
        lambda message: fused.append((time.time(), message)), QoSProfile(depth=100))
    end = time.monotonic() + START
    while time.monotonic() < end and not (
            all(one.get_subscription_count() for one in publishers)
            and node.count_publishers('/yolo_floor/positions')):
        rclpy.spin_once(node, timeout_sec=0.1)
    time.sleep(2.0)
    truth, begin = {}, time.time()
    before = [cpu_seconds(one) for one in processes]
    for step in range(int(arguments.seconds * arguments.rate)):
        due = begin + step / arguments.rate
        while time.time() < due:
            rclpy.spin_once(node, timeout_sec=max(0.0, min(0.01, due - time.time())))
        header = Header(frame_id='camera')
        header.stamp.sec, header.stamp.nanosec = divmod(round(due * 1e9), 1_000_000_000)
        people = set()
        for camera, publisher in enumerate(publishers):
            boxes = between(scene.frames, step / arguments.rate, camera)
            people |= set(boxes)
            publisher.publish(detections_message(detections_of(boxes), {0: 'person'}, header))
        truth[round(due, 3)] = len(people)
    taken = time.time() - begin
    used = [(cpu_seconds(one) - since) / taken for one, since in zip(processes, before)]
    end = time.time() + 1.0
    while time.time() < end:
        rclpy.spin_once(node, timeout_sec=0.05)
    steps = [(seconds_of(message.header), at, len(positions_of(message).places))
             for at, message in fused if seconds_of(message.header) > begin + SETTLED]
    ages = 1000 * np.array([at - stamp for stamp, at, _ in steps])
    stamps = np.array(sorted(truth))
    ratio = [count / truth[stamps[np.argmin(np.abs(stamps - stamp))]] for stamp, _, count in steps]
    print(f'{len(steps) / (taken - SETTLED):.2f} steps/s fused of {arguments.rate:g}; from stamp '
          f'to fused position {np.median(ages):.0f} ms (median), {np.percentile(ages, 95):.0f} ms '
          f'(95 %); {np.mean(ratio):.3f} tracks per person; CPU of the floor node '
          f'{100 * used[-1]:.0f} %, of a heatmap node {100 * np.mean(used[:-1]):.0f} %')
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait()
    node.destroy_node()
    rclpy.shutdown()
    sys.exit(0)


if __name__ == '__main__':
    main()
