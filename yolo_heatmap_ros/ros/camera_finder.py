"""Finds the heatmap and floor nodes that the page shows, and keeps a client and a feed of each."""

import threading
import time
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.exceptions import NameValidationException
from rclpy.validate_topic_name import validate_topic_name

from yolo_heatmap_ros.config.web import MAX_CAMERAS
from yolo_heatmap_ros.errors import ParameterError
from yolo_heatmap_ros.ros.barrier import GuardedNode
from yolo_heatmap_ros.ros.camera_feed import CameraFeed, Picture
from yolo_heatmap_ros.ros.floor_setter import FloorSetter, Points
from yolo_heatmap_ros.ros.heatmap_client import HeatmapClient
from yolo_heatmap_ros.text import one_line

LOOK_PERIOD = 1.0
"""Seconds between looks at the graph."""
UPDATE_PERIOD = 0.1
"""Seconds after which a picture that somebody wants is subscribed to, at most."""
KEPT_FOR = 60.0
"""Seconds for which a node that has gone keeps its place from others."""
IMAGE = 'sensor_msgs/msg/Image'
OUTPUT, SERVICE = '/composite', '/save'


class FoundNode:
    """A heatmap or floor node: its full name, and what to hear of it and to ask it with."""

    def __init__(self, node: GuardedNode, name: str, show: Callable[[Picture], None]):
        """Subscribe; `show` gets each picture.  Raises ParameterError for an invalid name."""
        self.name = name
        self.client = HeatmapClient(node, name)
        self.feed = CameraFeed(node, name, show)
        self.seen_at = time.monotonic()
        self._node = node
        self._floor_setter: Optional[FloorSetter] = None
        self._lock = threading.Lock()

    def set_ground(self, points_px: Points, points_m: Points) -> Tuple[bool, str]:
        """Set the ground points, see `FloorSetter.set_points`; not from the executor's thread."""
        with self._lock:  # most cameras never need one
            if self._floor_setter is None:
                self._floor_setter = FloorSetter(self._node, self.name)
        return self._floor_setter.set_points(points_px, points_m)

    def close(self) -> None:
        """Release all that was created."""
        for part in (self.feed, self.client, self._floor_setter):
            if part is not None:
                part.close()


class CameraFinder:
    """
    Keeps the `nodes` that were named, or all that it finds.

    `found`, `lost` and `show` are called in the executor's thread: with a new node, with one that
    has made room for another, and with a node's name and its newest picture.
    """

    def __init__(self, node: GuardedNode, names: Sequence[str],
                 found: Callable[[FoundNode], None], lost: Callable[[FoundNode], None],
                 show: Callable[[str, Picture], None]):
        """Begin; without names all nodes are shown.  Raises ParameterError for invalid names."""
        self._node = node
        self._found, self._lost, self._show = found, lost, show
        self._all = not names
        self.nodes: Dict[str, FoundNode] = {}
        self._told_of_too_many = False
        for name in names:
            self._add(full_name(node, name))
        node.create_subscription(DiagnosticArray, '/diagnostics', self._take_diagnostics, 100)
        node.create_timer(LOOK_PERIOD, self._look)
        node.create_timer(UPDATE_PERIOD, self._update)

    def _add(self, name: str) -> None:
        if name in self.nodes:
            return
        added = FoundNode(self._node, name, lambda picture: self._show(name, picture))
        self.nodes[name] = added
        self._found(added)

    def _look(self) -> None:
        now = time.monotonic()
        for known in self.nodes.values():
            known.feed.look()
            if known.client.ready:
                known.seen_at = now
        if self._all:
            for name in self._present():
                if name not in self.nodes and self._has_room(now):
                    self._add(name)

    def _present(self) -> List[str]:
        """Return the names of all nodes that have the topic and the service of a heatmap node."""
        services = {name for name, _ in self._node.get_service_names_and_types()}
        return sorted(
            name for topic, kinds in self._node.get_topic_names_and_types()
            if topic.endswith(OUTPUT) and IMAGE in kinds
            and f'{(name := topic.removesuffix(OUTPUT))}{SERVICE}' in services)

    def _has_room(self, now: float) -> bool:
        if len(self.nodes) < MAX_CAMERAS:
            return True
        oldest = min(self.nodes.values(), key=lambda known: known.seen_at)
        if oldest.seen_at < now - KEPT_FOR:
            del self.nodes[oldest.name]
            self._lost(oldest)
            oldest.close()
            return True
        if not self._told_of_too_many:
            self._told_of_too_many = True
            self._node.get_logger().warning(
                f'there are more than {MAX_CAMERAS} heatmap nodes, and only that many are shown: '
                "name those to show in the parameter 'heatmap_node'")
        return False

    def _update(self) -> None:
        for known in self.nodes.values():
            known.feed.update()

    def _take_diagnostics(self, array: DiagnosticArray) -> None:
        for status in array.status:
            name, _, what = status.name.partition(': ')
            known = self.nodes.get(f'/{name}')
            if known is not None and what == 'frames':
                known.feed.take_status(status)


def full_name(node: GuardedNode, name: str) -> str:
    """Return a node's name with its namespace; raises ParameterError for what is none."""
    try:
        validate_topic_name(f'{name}{SERVICE}')
        return node.resolve_topic_name(name)
    except (NameValidationException, RuntimeError) as error:  # by rclpy, and by rcl
        raise ParameterError(f"parameter 'heatmap_node': '{name}' is not a valid node name "
                             f'({one_line(error)})') from error
