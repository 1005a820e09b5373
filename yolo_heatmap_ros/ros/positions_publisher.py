"""Where objects stand on the floor, frame by frame: `~/positions`, `~/people`, `~/view`."""

from typing import Optional, Protocol

from geometry_msgs.msg import PolygonStamped
import numpy as np
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header

from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.heat.positions import Positions
from yolo_heatmap_ros.ros.messages.navigation import (
    MISSING_PEOPLE, People, people_message, people_of)
from yolo_heatmap_ros.ros.messages.positions import positions_message, view_message
from yolo_heatmap_ros.ros.publishers import publisher_of

DEPTH = 10
"""Frames that are kept for a slow subscriber: a node that fuses cameras wants each."""
REACH = 60.0
"""Metres from the nearest visible floor at which `~/view` ends."""


class PositionsSource(Protocol):
    """What knows where the objects of the last frame stand on the floor."""

    def positions(self) -> Optional[Positions]:
        """Return them, None before the first frame."""

    def footprint(self, reach: float) -> Optional[np.ndarray]:
        """Return the border of the floor in sight, (M, 2) m, None where there is no such."""


class PositionsPublisher:
    """Publishes the objects of each frame on the floor, and what the camera sees of it."""

    def __init__(self, node: LifecycleNode, source: PositionsSource,
                 configuration: Configuration, view: bool = True):
        """Create the lifecycle publishers; `view` says whether there is one of `~/view`."""
        self._node = node
        self._source = source
        self._frame_id = configuration['ground.frame_id']
        self._positions = publisher_of(node, PointCloud2, '~/positions', DEPTH)
        self._view = publisher_of(node, PolygonStamped, '~/view', DEPTH) if view else None
        self._people = None
        if People is None:
            node.get_logger().info(f'no ~/people: {MISSING_PEOPLE}')
        else:
            self._people = publisher_of(node, People, '~/people', DEPTH)

    def show(self, header: Header) -> None:
        """Publish the objects of the frame with this header; the view first."""
        header = Header(stamp=header.stamp, frame_id=self._frame_id)
        if self._view is not None and self._view.get_subscription_count():
            corners = self._source.footprint(REACH)
            if corners is not None:
                self._view.publish(view_message(corners, header))
        wanted = [publisher for publisher in (self._positions, self._people)
                  if publisher is not None and publisher.get_subscription_count()]
        positions = self._source.positions() if wanted else None
        if positions is None:
            return
        if self._positions in wanted:
            self._positions.publish(positions_message(positions, header))
        if self._people in wanted:
            self._people.publish(people_message(people_of(positions), header))

    def close(self) -> None:
        """Destroy the publishers."""
        for publisher in filter(None, (self._positions, self._view, self._people)):
            self._node.destroy_lifecycle_publisher(publisher)
