"""How each frame shows the floor: from camera_info, and TF for a camera that moves."""

import time
from typing import Optional, Tuple

from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from yolo_heatmap_ros.build_pipeline import floor_view, ground_from
from yolo_heatmap_ros.choices import GroundFrom, ImageGeometry
from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.errors import HeatError, HeatmapError, TransformError
from yolo_heatmap_ros.heat.camera import Camera
from yolo_heatmap_ros.heat.floor_view import FloorView
from yolo_heatmap_ros.heat.ground import pose_homography
from yolo_heatmap_ros.media.camera_info_file import info_topic, is_rectified
from yolo_heatmap_ros.ros.frame_statistics import WINDOW
from yolo_heatmap_ros.ros.image_subscription import ImageSubscription
from yolo_heatmap_ros.ros.managed_node import ManagedNode
from yolo_heatmap_ros.ros.messages.camera_info import camera_of
from yolo_heatmap_ros.ros.transforms import Transforms

LOG_PERIOD = 10.0
"""Seconds between log lines on frames whose place is not known."""
PATIENCE = 5
"""Failures in a row from which only every fifth frame waits for its transform."""


class FloorViews:
    """
    The views of the floor of one configuration.

    `problem` says in one line why the last frames had no place on the floor, nothing if they had;
    `without` is the number of such frames.
    """

    def __init__(self, node: ManagedNode, configuration: Configuration):
        """Subscribe to camera_info, and to TF if that is asked for; raises TransformError."""
        self.configuration = configuration
        self._node = node
        self._moves = ground_from(configuration) == GroundFrom.TF
        self._transforms: Optional[Transforms] = Transforms(node) if self._moves else None
        topic = node.resolve_topic_name('image')
        geometry = configuration['ground.image']
        self._rectified = geometry == ImageGeometry.RECTIFIED or (
            geometry == ImageGeometry.AUTO and is_rectified(topic))
        self.topic = info_topic(topic)
        self._subscription = ImageSubscription(
            node, CameraInfo, self.topic, self._take, lambda number: None,
            expected=self._moves)
        self._info: Optional[CameraInfo] = None
        self._made: Optional[Tuple[Tuple[int, int], CameraInfo]] = None
        self._camera: Optional[Camera] = None
        self._still: Optional[FloorView] = None
        self._told: Optional[CameraInfo] = None
        self._failed = 0
        self.without = 0
        self._problem = ''
        self._problem_at = float('-inf')

    @property
    def problem(self) -> str:
        """Return why frames of the last seconds had no place on the floor, nothing if none."""
        return self._problem if time.monotonic() - self._problem_at < WINDOW else ''

    def _take(self, message: CameraInfo) -> None:
        # Drivers stamp each; only other numbers are another camera.
        message.header.stamp.sec = message.header.stamp.nanosec = 0
        if message != self._info:
            self._info = message

    def view(self, header: Header, shape: Tuple[int, int]) -> Optional[FloorView]:
        """
        Return how a frame of `shape`, (height, width) in px, shows the floor.

        None if that is not known, or if it is as the parameters say.
        """
        try:
            camera = self._camera_for(shape)
            return self._moving(header, camera) if self._moves else self._still
        except HeatmapError as error:
            if self._moves:
                self._tell(error)
            elif self._told is not self._info:  # as before without any
                self._told = self._info
                # Numbers that are not finite differ from themselves: each would be another camera.
                self._node.get_logger().warning(f'distortion of the lens is not undone: {error}',
                                                throttle_duration_sec=LOG_PERIOD)
            return None

    def _camera_for(self, shape: Tuple[int, int]) -> Optional[Camera]:
        """Return the camera; raises HeatError if it does not fit."""
        info = self._info
        if info is None:
            if self._moves:
                raise HeatError(f"nothing has come on '{self.topic}' yet, which must say the "
                                'intrinsics of the camera: start its driver, or remap it')
            return None
        if self._made != (shape, info):
            try:
                self._camera = camera_of(info, self._rectified, shape)
                if not self._moves:
                    self._still = floor_view(self.configuration, self._camera)
            except HeatError as error:
                self._camera = self._still = self._made = None
                raise HeatError(f"'{self.topic}': {error}") from error
            self._made = shape, info
            if self._camera.is_distorted:
                self._node.get_logger().info(
                    f"lens distortion ({self._camera.model}) is undone by '{self.topic}'")
        return self._camera

    def _moving(self, header: Header, camera: Camera) -> FloorView:
        """Return the view from where TF says that the camera was; raises HeatError."""
        floor = self.configuration['ground.frame_id']
        if not header.frame_id:
            raise TransformError('the images have no header.frame_id: the camera driver must set '
                                 'it to the optical frame')
        # A frame that is nowhere in TF must not make each image wait.
        waits = self._failed < PATIENCE or self._failed % PATIENCE == 0
        self._failed += 1
        rotation, translation = self._transforms.pose(
            header.frame_id, floor, header.stamp,
            self.configuration['ground.tf_timeout'] if waits else 0.0)
        self._failed = 0
        return FloorView(pose_homography(camera.matrix, rotation, translation), camera)

    def _tell(self, error: HeatmapError) -> None:
        """Count a frame whose place is not known, and say why."""
        self.without += 1
        self._problem = f'{self.without} frames without a place on the floor: {error}'
        self._problem_at = time.monotonic()
        self._node.get_logger().warning(self._problem, throttle_duration_sec=LOG_PERIOD)

    def close(self) -> None:
        """End the subscriptions."""
        self._subscription.destroy()
        if self._transforms is not None:
            self._transforms.close()
