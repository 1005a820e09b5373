"""Where objects stand on the floor, frame by frame: `~/positions` and `~/view`."""

from geometry_msgs.msg import PolygonStamped
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header

from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.pipeline import HeatmapPipeline
from yolo_heatmap_ros.ros.messages.positions import positions_message, view_message

DEPTH = 10
"""Frames that are kept for a slow subscriber: a node that fuses cameras wants each."""
REACH = 60.0
"""Metres from the nearest visible floor at which `~/view` ends."""


class PositionsPublisher:
    """Publishes the objects of each frame on the floor, and what the camera sees of it."""

    def __init__(self, node: LifecycleNode, pipeline: HeatmapPipeline,
                 configuration: Configuration):
        """Create the lifecycle publishers."""
        self._node = node
        self._pipeline = pipeline
        self._frame_id = configuration['ground.frame_id']
        self._positions, self._view = (
            node.create_lifecycle_publisher(
                kind, topic, QoSProfile(depth=DEPTH),
                qos_overriding_options=QoSOverridingOptions.with_default_policies())
            for kind, topic in ((PointCloud2, '~/positions'), (PolygonStamped, '~/view')))

    def show(self, header: Header) -> None:
        """Publish the objects of the frame with this header; the view first."""
        header = Header(stamp=header.stamp, frame_id=self._frame_id)
        if self._view.get_subscription_count():
            corners = self._pipeline.footprint(REACH)
            if corners is not None:
                self._view.publish(view_message(corners, header))
        if self._positions.get_subscription_count():
            positions = self._pipeline.positions()
            if positions is not None:
                self._positions.publish(positions_message(positions, header))

    def close(self) -> None:
        """Destroy the publishers."""
        for publisher in (self._positions, self._view):
            self._node.destroy_lifecycle_publisher(publisher)
