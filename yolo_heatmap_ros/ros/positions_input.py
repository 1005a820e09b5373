"""What comes into a floor node: positions of objects, from the heatmap nodes of cameras."""

from typing import Callable, Dict, List, Optional, Set, Tuple

from geometry_msgs.msg import PolygonStamped
import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.qos import QoSProfile
from rclpy.time import Time
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header

from yolo_heatmap_ros.build_floor import map_picture
from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.errors import HeatError
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.heat.floor_tracks import FloorFrame, FloorSightings, FloorTracker
from yolo_heatmap_ros.heat.ignored_areas import IgnoredAreas
from yolo_heatmap_ros.heat.map_picture import MapView
from yolo_heatmap_ros.heat.positions import Positions
from yolo_heatmap_ros.pipeline import HeatmapPipeline
from yolo_heatmap_ros.ros.diagnostics import DiagnosticsReporter
from yolo_heatmap_ros.ros.frame_advice import FrameAdvice
from yolo_heatmap_ros.ros.frame_input import Process
from yolo_heatmap_ros.ros.frame_statistics import Outcome
from yolo_heatmap_ros.ros.managed_node import ManagedNode
from yolo_heatmap_ros.ros.messages.images import seconds_of
from yolo_heatmap_ros.ros.messages.positions import positions_of, view_of

DEPTH = 20
"""Sets of one camera that wait while the node is busy."""
PERIOD = 0.02
"""Seconds between looks at which steps are due."""
LOOK_PERIOD = 2.0
"""Seconds between looks at who publishes."""
MAP_PERIOD = 0.5
"""Seconds between looks at what the cameras see, which may change with every frame."""
SEVERAL = 3
"""Steps back of the numbers of messages, between looks, from which several nodes send them."""
SILENT = 5.0
"""Seconds without a set after which a camera is said to be silent."""


class PositionsInput:
    """
    The subscriptions of one configuration, and the tracker that fuses what comes.

    `positions` are the objects of the last step.
    """

    def __init__(self, node: ManagedNode, configuration: Configuration,
                 pipeline: HeatmapPipeline, diagnostics: DiagnosticsReporter,
                 advice: FrameAdvice, process: Process):
        """Begin with no subscription."""
        self.configuration = configuration
        self._node = node
        self._pipeline = pipeline
        self._diagnostics = diagnostics
        self._advice = advice
        self._process = process
        self._picture = map_picture(configuration)
        self._blank = np.zeros((*self._picture.shape, 3), np.uint8)
        self._cameras: List[str] = [node.resolve_topic_name(name)
                                    for name in configuration['heatmap_nodes']]
        self._tracker = FloorTracker(
            configuration['fusion_rate'], configuration['fusion_delay'],
            speed=configuration['fusion_speed'])
        self._views: Dict[str, np.ndarray] = {}
        self._heard: Dict[str, float] = {}
        self._map: Optional[MapView] = None
        self._subscriptions: List = []
        self._timers: List = []
        self._doubles: Set[str] = set()
        self._silent: Set[str] = set()
        self._sequences: Dict[str, int] = {}
        self._steps_back: Dict[str, int] = dict.fromkeys(self._cameras, 0)
        self._mapped_at = float('-inf')
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._fused: Optional[FloorFrame] = None

    def close(self) -> None:
        """End the subscriptions."""
        self.unsubscribe()

    @property
    def topics(self) -> List[str]:
        """Return the names of the subscribed topics; empty while paused."""
        return [subscription.topic_name for subscription in self._subscriptions
                if subscription.msg_type is PointCloud2]

    reliable = True

    def subscribe(self) -> None:
        """Subscribe, unless that is done already."""
        if self._subscriptions:
            return
        for camera in self._cameras:
            self._heard[camera] = self._now()
            for kind, topic, callback in ((PolygonStamped, 'view', self._on_view),
                                          (PointCloud2, 'positions', self._on_positions)):
                self._subscriptions.append(self._node.create_subscription(
                    kind, f'{camera}/{topic}', self._from(camera, callback),
                    QoSProfile(depth=DEPTH)))
        self._timers = [self._node.create_timer(period, callback, clock=self._steady)
                        for period, callback in ((PERIOD, self._advance),
                                                 (LOOK_PERIOD, self._look))]

    def _from(self, camera: str, callback: Callable) -> Callable:
        def taken(message, info: dict) -> None:
            callback(camera, message, info.get('publication_sequence_number'))
        taken.__qualname__ = callback.__qualname__  # what the log calls it
        return taken

    def unsubscribe(self) -> None:
        """End the subscriptions."""
        for timer in self._timers:
            self._node.destroy_timer(timer)
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._timers, self._subscriptions = [], []
        self._silent.clear()

    def _now(self) -> float:
        return 1e-9 * self._steady.now().nanoseconds

    def _on_view(self, camera: str, message: PolygonStamped, sequence: Optional[int]) -> None:
        if message.header.frame_id != self.configuration['ground.frame_id']:
            return  # its positions say so
        corners = view_of(message)
        if not np.array_equal(corners, self._views.get(camera)):
            self._views[camera] = corners

    def _on_positions(self, camera: str, message: PointCloud2, sequence: Optional[int]) -> None:
        self._heard[camera] = self._now()
        if sequence is not None:  # not every RMW has them
            self._steps_back[camera] += sequence < self._sequences.get(camera, 0)
            self._sequences[camera] = sequence
        try:
            frame, floor = message.header.frame_id, self.configuration['ground.frame_id']
            if frame != floor:
                raise HeatError(f"positions are in the frame '{frame}', and this floor is "
                                f"'{floor}': give both nodes the same ground.frame_id")
            positions = self._without_ignored(positions_of(message))
        except HeatError as error:
            self._diagnostics.count(Outcome.UNUSABLE)
            self._advice.on_unusable(HeatError(f"'{camera}': {error}"))
            return
        self._tracker.put(FloorSightings(
            camera, seconds_of(message.header), positions.places, positions.covariances,
            positions.track_ids, tuple(positions.class_names), positions.confidences,
            self._views.get(camera)), self._now(), self._ros_now())
        self._advance()

    def _without_ignored(self, positions: Positions) -> Positions:
        areas = self._pipeline.options.ignored_areas
        if not areas:
            return positions
        outside = IgnoredAreas(areas, *self._picture.shape).outside_at(
            self._picture.pixels(positions.places))
        return positions.those(np.flatnonzero(outside))

    def _ros_now(self) -> float:
        return 1e-9 * self._node.get_clock().now().nanoseconds

    def _advance(self) -> None:
        for fused in self._tracker.advance(self._now()):
            self._fused = fused
            stamp = Time(nanoseconds=round(fused.stamp * 1e9)).to_msg()
            self._process(Header(stamp=stamp, frame_id=self.configuration['ground.frame_id']),
                          self._blank, self._detections(fused))
        for line in self._tracker.new_warnings():
            self._node.get_logger().warning(line)

    def _detections(self, fused: FloorFrame) -> Detections:
        """Return what is seen now as objects in the picture from above."""
        detections = Detections.from_boxes(self._picture.boxes(fused.positions))
        detections.class_id = np.array(self._pipeline.detector.class_ids(fused.class_names),
                                       np.int64)
        detections.track_id = fused.track_ids
        return detections.those(self._wanted(fused))

    def _wanted(self, fused: FloorFrame) -> np.ndarray:
        """Return which tracks are seen now, and of a class that counts, (K,) bool."""
        reader = self._pipeline.detector
        if not reader.classes:
            return fused.seen
        return fused.seen & np.isin(reader.class_ids(fused.class_names), reader.classes)

    def positions(self) -> Optional[Positions]:
        """Return the objects of the last step, None before the first."""
        fused = self._fused
        if fused is None:
            return None
        seen = np.flatnonzero(self._wanted(fused))
        return Positions(fused.positions[seen], fused.covariances[seen], fused.velocities[seen],
                         fused.track_ids[seen], [fused.class_names[index] for index in seen],
                         np.ones(len(seen)))

    def footprint(self, reach: float) -> None:
        """Return nothing: what several cameras see is no polygon."""

    def view(self, header: Header, shape: Tuple[int, int]) -> MapView:
        """Return the floor in the picture from above, with what the cameras see of it now."""
        if self._map is None or self._now() - self._mapped_at > MAP_PERIOD:
            self._mapped_at = self._now()
            doubtful = self._silent | set(self._left_out())
            self._map = MapView(
                self._picture.matrix, picture=self._picture,
                areas=tuple(self._views[camera] for camera in self._cameras
                            if len(self._views.get(camera, ())) and camera not in doubtful))
        return self._map

    def _left_out(self) -> List[str]:
        return [name for name, one in self._tracker.statistics().items() if one.left_out]

    @property
    def problem(self) -> str:
        """Return in one line what is wrong with cameras, nothing if nothing is."""
        lines = [*(f"'{name}' is silent" for name in sorted(self._silent)),
                 *(f"'{name}' is left out" for name in self._left_out()),
                 *(f"'{name}' is published by several nodes" for name in sorted(self._doubles))]
        return '; '.join(lines)

    def facts(self) -> Dict[str, str]:
        """Return what `/diagnostics` says of each camera."""
        return {f'camera {name}': (
            f'{one.age:.2f} s behind the newest, stamps {one.offset:+.2f} s, '
            f'{100 * one.contradicted:.0f} % contradicted, {one.late} late, {one.unusable} '
            f'unusable ({one.vague} too uncertain)' + (', left out' if one.left_out else ''))
            for name, one in self._tracker.statistics().items()}

    def _look(self) -> None:
        """Say which cameras are silent, and which names two nodes have."""
        logger = self._node.get_logger()
        silent = {camera for camera in self._cameras if self._now() - self._heard[camera] > SILENT}
        for camera in sorted(silent - self._silent):
            count = self._node.count_publishers(f'{camera}/positions')
            logger.warning(
                f"nothing on '{camera}/positions' for {SILENT:.0f} s: "
                + ('its node has no frames, or is paused' if count else
                   'no such node publishes positions; check the name in heatmap_nodes, and that '
                   'it has a floor (ground.from)'))
        for camera in sorted(self._silent - silent):
            logger.info(f"'{camera}/positions' is back")
        self._silent = silent
        for camera in self._cameras:
            # A node that was killed is counted until its lease ends; it sends nothing.
            several = (self._node.count_publishers(f'{camera}/positions') > 1
                       and self._steps_back[camera] >= SEVERAL)
            if several and camera not in self._doubles:
                logger.error(
                    f"'{camera}' is the name of several nodes: their objects are mixed up; start "
                    'each camera in a namespace of its own')
                self._doubles.add(camera)
            elif not several:
                self._doubles.discard(camera)
            self._steps_back[camera] = 0
