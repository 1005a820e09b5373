"""What one heatmap or floor node publishes, as plain data for the page."""

from dataclasses import dataclass
import time
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from nav_msgs.msg import OccupancyGrid
import numpy as np
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CompressedImage
from visualization_msgs.msg import Marker, MarkerArray

from yolo_heatmap_ros.ros.barrier import GuardedNode
from yolo_heatmap_ros.ros.image_subscription import ImageSubscription
from yolo_heatmap_ros.ros.messages.compressed import SUFFIX
from yolo_heatmap_ros.ros.messages.images import seconds_of

EVENTS_KEPT = 20
EVENTS_DEPTH = 1000
"""Events that wait for a busy page: each is told once."""
WATCHED_FOR = 5.0
"""Seconds for which pictures are subscribed to after somebody has asked for them."""
FLOOR_WATCHED_FOR = 15.0
"""The same for the map of the floor, which comes once a second or more slowly."""
LEVELS = {DiagnosticStatus.OK: 'ok', DiagnosticStatus.WARN: 'warn',
          DiagnosticStatus.ERROR: 'error', DiagnosticStatus.STALE: 'stale'}
Counts = Dict[str, Dict[str, Any]]


@dataclass(frozen=True)
class Picture:
    """A composite as it has come: its `data` is a file of the type `kind`, as `image/jpeg`."""

    number: int
    stamp: float
    data: bytes
    kind: str
    arrived_at: float


@dataclass(frozen=True)
class Floor:
    """
    A map of heat on the floor: `cells` (rows, columns) int8, 0 to 100, -1 unknown, y upwards.

    `origin` is the corner of its first cell in m, `resolution` the size of a cell in m.
    """

    number: int
    cells: np.ndarray
    resolution: float
    origin: Tuple[float, float]
    frame_id: str


class CameraFeed:
    """
    Subscribes to one node.

    Counts, events and the health always come, pictures and the map of the floor only while
    somebody has asked for them within the last seconds: they cost the node time.  What it has is
    replaced, never changed, so that any thread may read it.
    """

    def __init__(self, node: GuardedNode, name: str, show: Callable[[Picture], None]):
        """Take the subscribing node and the full name of the other; `show` gets each picture."""
        self.name = name
        self.picture: Optional[Picture] = None
        self.floor: Optional[Floor] = None
        self.hotspots: Tuple[Dict[str, Any], ...] = ()
        self.events: Tuple[Dict[str, Any], ...] = ()
        self.level, self.message = '', ''
        self.figures: Mapping[str, str] = {}
        self.frame_size: Optional[Tuple[int, int]] = None
        self.heard_at = float('-inf')
        self.has_floor = False
        self._node = node
        self._show = show
        self._counts: Dict[str, Tuple[float, bytes]] = {}
        self._number = 0
        self._watched_until = self._floor_until = float('-inf')
        self._pictures: Optional[ImageSubscription] = None
        self._floor_subscriptions = []
        self._always = [
            node.create_subscription(DiagnosticArray, f'{name}/{topic}', self._keeper_of(topic), 1,
                                     raw=True) for topic in ('regions', 'lines')]
        self._always.append(node.create_subscription(
            DiagnosticArray, f'{name}/events', self._take_events, EVENTS_DEPTH))

    # --- In any thread ---

    def watch(self) -> None:
        """Say that somebody wants pictures."""
        self._watched_until = time.monotonic() + WATCHED_FOR

    def watch_floor(self) -> None:
        """Say that somebody wants the map of the floor."""
        self._floor_until = time.monotonic() + FLOOR_WATCHED_FOR

    def counts(self, kind: str) -> Tuple[float, Counts]:
        """
        Return when the newest counts have arrived, and these by name.

        `kind` is `regions` or `lines`; the time is that of `time.monotonic`, -inf before the
        first.  Those of classes are in `by_class`, by name.
        """
        arrived, message = self._counts.get(kind, (float('-inf'), b''))
        return arrived, _counted(message) if message else {}

    def forget_picture(self) -> None:
        """Forget the newest picture: it shows what may not be shown any more."""
        self.picture = None

    def forget_frame_size(self) -> None:
        """Forget the size of the frames: another node may come under this name."""
        self.frame_size = None

    # --- In the executor's thread ---

    def update(self) -> None:
        """Subscribe to what is wanted now, and to nothing else; call it some times a second."""
        now = time.monotonic()
        if (now < self._watched_until) != (self._pictures is not None):
            if self._pictures is None:
                self._pictures = ImageSubscription(
                    self._node, CompressedImage, f'{self.name}/composite{SUFFIX}',
                    self._take_picture, lambda number: None, expected=False)
            else:
                self._pictures.destroy()
                self._pictures = None
        if (now < self._floor_until) != bool(self._floor_subscriptions):
            if not self._floor_subscriptions:
                latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
                self._floor_subscriptions = [
                    self._node.create_subscription(kind, f'{self.name}/{topic}', take, latched)
                    for kind, topic, take in (
                        (OccupancyGrid, 'density', self._take_floor),
                        (MarkerArray, 'hotspots', self._take_hotspots))]
            else:
                self._destroy(self._floor_subscriptions)

    def look(self) -> None:
        """Look which of its topics there are; call it once a second."""
        self.has_floor = self._node.count_publishers(f'{self.name}/density') > 0

    def take_status(self, status: DiagnosticStatus) -> None:
        """Take what the node says of itself on `/diagnostics`."""
        self.level, self.message = LEVELS.get(status.level, 'error'), status.message
        self.figures = {pair.key: pair.value for pair in status.values}
        # A node that has just been configured again does not tell it before its first frame.
        self.frame_size = _size(self.figures.get('picture (px)', '')) or self.frame_size
        self.heard_at = time.monotonic()

    def close(self) -> None:
        """Destroy all subscriptions."""
        self._watched_until = self._floor_until = float('-inf')
        if self._pictures is not None:
            self._pictures.destroy()
        self._pictures = None
        self._destroy(self._floor_subscriptions)
        self._destroy(self._always)

    def _destroy(self, subscriptions: list) -> None:
        for subscription in subscriptions:
            self._node.destroy_subscription(subscription)
        subscriptions.clear()

    def _keeper_of(self, topic: str) -> Callable[[bytes], None]:
        # They come with each frame, and are read once a second.
        def keep(message: bytes) -> None:
            self._counts[topic] = time.monotonic(), message
        return keep

    def _take_picture(self, message: CompressedImage) -> None:
        self._number += 1
        self.picture = Picture(
            self._number, seconds_of(message.header), bytes(message.data),
            'image/png' if 'png' in message.format else 'image/jpeg', time.monotonic())
        self._show(self.picture)

    def _take_events(self, message: DiagnosticArray) -> None:
        new = tuple(_event(status) for status in message.status)
        self.events = (*self.events, *new)[-EVENTS_KEPT:]

    def _take_floor(self, message: OccupancyGrid) -> None:
        info = message.info
        cells = np.array(message.data, np.int8)
        if cells.size != info.width * info.height or not cells.size:
            return  # no map of this package
        self.floor = Floor(
            1 if self.floor is None else self.floor.number + 1,
            cells.reshape(info.height, info.width), info.resolution,
            (info.origin.position.x, info.origin.position.y), message.header.frame_id)

    def _take_hotspots(self, message: MarkerArray) -> None:
        self.hotspots = tuple(
            {'x': marker.pose.position.x, 'y': marker.pose.position.y, 'label': marker.text}
            for marker in message.markers
            if marker.action == Marker.ADD and marker.ns == 'labels')


def _counted(message: bytes) -> Counts:
    counts: Counts = {}
    for status in deserialize_message(message, DiagnosticArray).status:
        count = counts[status.name] = {'by_class': {}}
        for pair in status.values:
            key, _, of_class = pair.key.partition('/')
            where = count['by_class'].setdefault(of_class, {}) if of_class else count
            where[key] = _number(pair.value)
    return counts


def _event(status: DiagnosticStatus) -> Dict[str, Any]:
    values = {pair.key: pair.value for pair in status.values}
    return {'kind': values.get('kind', status.message), 'place': values.get('place', status.name),
            'class': values.get('class', ''),
            **{key: _number(values.get(key, '')) for key in ('stamp', 'track', 'x', 'y',
                                                             'seconds')}}


def _size(text: str) -> Optional[Tuple[int, int]]:
    """Return width and height in px of a text such as `640 x 480`, None of any other."""
    sides = text.split(' x ')
    if len(sides) == 2 and all(side.isdecimal() and 0 < int(side[:9]) for side in sides):
        return int(sides[0][:9]), int(sides[1][:9])
    return None


def _number(text: str) -> Optional[float]:
    """Return a finite number, a whole one as an integer, or None for what is none."""
    try:
        number = float(text)
    except ValueError:
        return None
    if not np.isfinite(number):
        return None
    return int(text) if text.lstrip('-').isdecimal() else number
