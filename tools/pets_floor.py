"""
Places of real people by CameraInfo and TF against the truth: PETS2009 S2L1 before a real node.

    python tools/pets_floor.py [--frames 795] [--picture FILE]

The Tsai camera of View 1 becomes a CameraInfo and a static transform, `vtest.avi` the images; a
heatmap node in a process of its own answers with ~/positions and ~/density.  Needs tf2_msgs and
tf2_ros, the truth in the folder that YOLO_HEATMAP_TRUTH names, and `vtest.avi` with a COCO model
in that of YOLO_HEATMAP_REAL_DATA.
"""

import argparse
import os
from pathlib import Path
import subprocess
import sys
import tempfile
import time
from typing import List, Tuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / 'tools')]
os.environ['YOLO_VERBOSE'] = 'false'
os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
os.environ.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % 100))

import accuracy_scenes as scenes  # noqa: E402, I100
import cv2  # noqa: E402
from floor_accuracy import (  # noqa: E402
    correlation, deposited, feet_of, pairs_of, RADIUS, report, RESOLUTION)
from geometry_msgs.msg import TransformStamped  # noqa: E402
from inputs import real_folder, truth_folder  # noqa: E402
from nav_msgs.msg import OccupancyGrid  # noqa: E402
import numpy as np  # noqa: E402
import rclpy  # noqa: E402
from rclpy.qos import DurabilityPolicy, QoSProfile  # noqa: E402
from sensor_msgs.msg import CameraInfo, Image, PointCloud2  # noqa: E402
from tf2_msgs.msg import TFMessage  # noqa: E402
from tsai import TsaiCamera  # noqa: E402
from yolo_heatmap_ros.apps.demo import node_command, stop  # noqa: E402
from yolo_heatmap_ros.choices import HeatUnit  # noqa: E402
from yolo_heatmap_ros.detectors.yolo import YoloDetector  # noqa: E402
from yolo_heatmap_ros.heat.accumulator import HeatAccumulator  # noqa: E402
from yolo_heatmap_ros.heat.camera import Camera  # noqa: E402
from yolo_heatmap_ros.heat.floor_view import FloorView  # noqa: E402
from yolo_heatmap_ros.heat.ground import GroundPlane, pose_homography  # noqa: E402
from yolo_heatmap_ros.heat.options import HeatOptions  # noqa: E402
from yolo_heatmap_ros.ros.messages.positions import positions_of  # noqa: E402

RATE = 10.0
BEGIN = 1000.0
WAIT = 60.0


def camera_info(camera: Camera) -> CameraInfo:
    """Return a camera as a message."""
    height, width = camera.size
    return CameraInfo(height=height, width=width, distortion_model=str(camera.model),
                      d=camera.distortion.tolist(), k=camera.matrix.ravel().tolist())


def transform(tsai: TsaiCamera, parent: str, child: str) -> TransformStamped:
    """Return where the camera is on the floor."""
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = parent
    axis = cv2.Rodrigues(tsai.rotation.T)[0].ravel()
    angle = np.linalg.norm(axis)
    x, y, z = (axis / angle * np.sin(angle / 2)).tolist()
    eye = (-tsai.rotation.T @ tsai.translation).tolist()
    turn, place = message.transform.rotation, message.transform.translation
    turn.x, turn.y, turn.z, turn.w = x, y, z, float(np.cos(angle / 2))
    place.x, place.y, place.z = eye
    return message


class Answers:
    """A node that shows frames to a heatmap node, and waits for what comes of each."""

    def __init__(self, info: CameraInfo, transform: TransformStamped):
        """Publish the camera, latched."""
        self.node = rclpy.create_node('camera')
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._images = self.node.create_publisher(Image, '/pets/image', 10)
        self._info = self.node.create_publisher(CameraInfo, '/pets/camera_info', latched)
        self._tf = self.node.create_publisher(TFMessage, '/tf_static', latched)
        self._frame_id = transform.child_frame_id
        self._info.publish(info)
        self._tf.publish(TFMessage(transforms=[transform]))
        self._found: List[PointCloud2] = []
        self.maps: List[OccupancyGrid] = []
        self.node.create_subscription(PointCloud2, '/yolo_heatmap/positions', self._found.append,
                                      10)
        self.node.create_subscription(OccupancyGrid, '/yolo_heatmap/density', self.maps.append,
                                      latched)
        self._until(lambda: self._images.get_subscription_count()
                    and self._tf.get_subscription_count()
                    and self.node.count_publishers('/yolo_heatmap/positions'))
        time.sleep(2.0)  # the latched messages are on their way, too

    def _until(self, condition) -> None:
        end = time.monotonic() + WAIT
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError('no answer from the heatmap node')
            rclpy.spin_once(self.node, timeout_sec=0.05)

    def show(self, frame: np.ndarray, stamp: float) -> np.ndarray:
        """Show a frame, and return the places of people in it, (N, 2) m."""
        message = Image(height=frame.shape[0], width=frame.shape[1], step=3 * frame.shape[1],
                        encoding='bgr8', data=frame.tobytes())
        message.header.frame_id = self._frame_id
        message.header.stamp.sec = int(stamp)
        message.header.stamp.nanosec = round(1e9 * (stamp - int(stamp)))
        self._images.publish(message)
        stamp = message.header.stamp
        self._until(lambda: self._found and self._found[-1].header.stamp == stamp)
        return positions_of(self._found[-1]).places

    def last_map(self, stamp: float) -> np.ndarray:
        """Return the map of the frame of a stamp, (rows, columns) float, NaN where unseen."""
        self._until(lambda: self.maps and abs(
            self.maps[-1].header.stamp.sec + 1e-9 * self.maps[-1].header.stamp.nanosec
            - stamp) < 1e-3)
        grid = self.maps[-1]
        values = np.array(grid.data, float).reshape(grid.info.height, grid.info.width)
        return np.where(values < 0, np.nan, values)


def hidden(true: np.ndarray, index: int) -> bool:
    """Return whether another person, who is nearer, covers the foot of a true box."""
    (x, y), = feet_of(true[index:index + 1])
    others = np.delete(true, index, axis=0)
    return bool(((others[:, 0] < x) & (x < others[:, 2]) & (others[:, 1] < y)
                 & (y < others[:, 3])).any())


def of_true_boxes(scene: scenes.Scene, count: int, camera: Camera, tsai: TsaiCamera,
                  extent: Tuple[float, ...], radius: float) -> np.ndarray:
    """Return the map that the package makes of true boxes with true ids, (rows, columns) s."""
    view = FloorView(pose_homography(camera.matrix, tsai.rotation, tsai.translation), camera)
    heat = HeatAccumulator(*scene.size, HeatOptions(
        heat_unit=HeatUnit.SECONDS, track_memory=0.0,
        ground=GroundPlane(None, RESOLUTION, extent, radius)))
    for number, sightings in enumerate(scene.frames[:count]):
        heat.update(scenes.detections_of(sightings, ids=True), BEGIN + number / RATE, view=view)
    return heat.floor.field.heat()


def main() -> int:
    """Show the video to a node, and compare."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--frames', type=int, default=795)
    parser.add_argument('--imgsz', type=int, default=640)
    parser.add_argument('--radius', type=float, default=RADIUS, help='ground.radius in m')
    parser.add_argument('--picture', type=Path, help='write the maps, ours to the left')
    arguments = parser.parse_args()
    real = real_folder()
    scene = scenes.pets(truth_folder(), real)
    tsai = TsaiCamera.read(truth_folder() / 'PETS2009' / 'View_001.xml')
    frames = scenes.frames_of(scene.video)[:arguments.frames]
    height, width = scene.size
    boxes = [np.array([one.box for one in sightings]).reshape(-1, 4)
             for sightings in scene.frames[:len(frames)]]
    true_places = np.concatenate([tsai.on_the_floor(feet_of(one)) for one in boxes])
    extent = (*np.floor(true_places.min(axis=0) - 1).tolist(),
              *np.ceil(true_places.max(axis=0) + 1).tolist())
    camera = tsai.camera(height, width)
    info = camera_info(camera)
    weights = str(real / 'yolo11n_int8_openvino_model')
    command = node_command('nodes.heatmap_node', {
        'weights': weights, 'classes': 'person', 'heat_unit': 'seconds', 'imgsz': arguments.imgsz,
        'frame_policy': 'all', 'ground.from': 'tf', 'ground.extent': str(list(extent)),
        'ground.resolution': RESOLUTION, 'ground.radius': arguments.radius, 'ground.rate': 20.0},
        {'image': '/pets/image'})
    rclpy.init()
    log = tempfile.NamedTemporaryFile(delete=False, suffix='.log')
    process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        answers = Answers(info, transform(tsai, 'map', 'camera_optical_frame'))
        found = [answers.show(frame, BEGIN + number / RATE)
                 for number, frame in enumerate(frames)]
        ours = answers.last_map(BEGIN + (len(frames) - 1) / RATE)
    finally:
        code = stop(process)
        rclpy.try_shutdown()
    print(f'the node has ended with {code}; its log is {log.name}')
    # The clouds have places alone: whose they are is known by what the same model finds here.
    detector = YoloDetector(weights, device='cpu', classes=['person'], imgsz=arguments.imgsz)
    tracker = detector.make_tracker()
    tracker.keep_unconfirmed = True
    errors, offsets, covered, alone, strangers, total = [], [], [], 0, [], 0
    true_of_found = []
    for frame, places, true in zip(frames, found, boxes):
        own = tracker.track(detector.detect(frame), frame).xyxy.astype(float)
        total += len(places)
        if not len(places) or not len(own):
            continue
        rays = np.c_[places, np.zeros(len(places))] @ tsai.rotation.T + tsai.translation
        apart = np.hypot(*(camera.pixels(rays[:, :2] / rays[:, 2:])[:, None]
                           - feet_of(own)[None]).transpose(2, 0, 1))
        whose = apart.argmin(axis=1)
        known = apart.min(axis=1) < 1.0
        alone += int((~known).sum())
        places, own = places[known], own[whose[known]]
        pairs = pairs_of(own, true)
        feet = feet_of(true)
        there = tsai.on_the_floor(feet)
        true_of_found.append(there[[column for _, column in pairs]])
        for row, column in pairs:
            errors.append(np.hypot(*(places[row] - there[column])))
            offsets.append(feet_of(own)[row] - feet[column])
            covered.append(hidden(true, column))
        strangers.append(np.delete(places, [row for row, _ in pairs], axis=0))
    errors, offsets, covered = map(np.array, (errors, offsets, covered))
    print(f'{len(frames)} frames, {total} places on ~/positions, {alone} of no box of the same '
          f'model; {sum(map(len, boxes))} true people')
    report(errors, 'positions of found people')
    report(errors[covered], 'of these, foot behind a nearer person')
    report(errors[~covered], 'of these, foot in sight of other people')
    print(f'feet in px, found less true: mean {offsets.mean(axis=0).round(2)}, standard deviation '
          f'{offsets.std(axis=0).round(2)}')
    print(f'people who are nobody: {sum(map(len, strangers))}')
    seen = np.isfinite(ours)
    theirs = deposited(true_places, extent, ours.shape, arguments.radius) / RATE
    at_positions = deposited(np.concatenate(found), extent, ours.shape, arguments.radius) / RATE
    warm = seen & ((theirs > 0) | (np.nan_to_num(ours) > 0))
    print(f'map of {ours.shape[0]} x {ours.shape[1]} cells, {seen.sum()} seen, {warm.sum()} warm '
          'in either')
    for label, one in (
            ('~/density', ours), ('discs at ~/positions', at_positions),
            ('true places of those found', deposited(np.concatenate(true_of_found), extent,
                                                     ours.shape, arguments.radius)),
            ("the package's map of true boxes and ids", of_true_boxes(
                scene, len(frames), camera, tsai, extent, arguments.radius))):
        for where, cells in (('seen', seen), ('warm', warm)):
            print(f'r of {label} with the truth, {where} cells: ' + ', '.join(
                f'{correlation(one, theirs, cells, blur):.3f} (sigma {blur} m)'
                for blur in (0.0, 0.3, 0.5, 1.0)))
    if arguments.picture:
        pictures = [cv2.applyColorMap(np.clip(255 * np.nan_to_num(one) / np.nanmax(one), 0, 255)
                                      .astype(np.uint8)[::-1], cv2.COLORMAP_TURBO)
                    for one in (ours, theirs)]
        cv2.imwrite(str(arguments.picture), np.hstack(pictures))
    return 0


if __name__ == '__main__':
    sys.exit(main())
