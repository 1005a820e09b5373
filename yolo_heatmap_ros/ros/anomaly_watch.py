"""Tells when what is seen lies far outside of what is normal at this hour of the week."""

from collections import deque
import math
from typing import Callable, Deque, Optional, Set

import cv2
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.drawing.history_pictures import difference_picture
from yolo_heatmap_ros.heat.time_bins import TimeBin
from yolo_heatmap_ros.pipeline import HeatmapPipeline
from yolo_heatmap_ros.ros.managed_node import ManagedNode
from yolo_heatmap_ros.ros.messages.anomaly import anomaly_events, anomaly_message, described
from yolo_heatmap_ros.ros.messages.images import Picture
from yolo_heatmap_ros.storage.history import History
from yolo_heatmap_ros.storage.history_writer import HistoryWriter
from yolo_heatmap_ros.storage.normal_times import follows, Glance, Judgement, NormalTimes, WINDOW
from yolo_heatmap_ros.time_zones import time_zone

REFRESH = 86400.0
"""Seconds of the history after which it is read again."""
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class AnomalyWatch:
    """Judges each period of a history, and publishes what is unusual on `~/anomaly`."""

    def __init__(self, node: ManagedNode, pipeline: HeatmapPipeline,
                 configuration: Configuration, publish_event: Callable[[DiagnosticArray], None]):
        """Create the publishers; `publish_event` takes what belongs on `~/events`."""
        self.configuration = configuration
        self._node = node
        self._pipeline = pipeline
        self._publish_event = publish_event
        self._zone = time_zone(configuration['history_timezone'])
        self._publisher = node.create_lifecycle_publisher(DiagnosticArray, '~/anomaly', LATCHED)
        self._pictures = node.create_lifecycle_publisher(Image, '~/anomaly/image', LATCHED)
        self._picture = Picture()
        self._recent: Deque[Glance] = deque(
            maxlen=math.ceil(WINDOW / configuration['history_period']))
        self._normal: Optional[NormalTimes] = None
        self._normal_of = (0, 0.0)
        self._judged: Deque[Judgement] = deque()
        self._unusual: Set[str] = set()
        self.summary = ''
        """What is unusual now, in words; empty if nothing is."""

    def judge(self, one: TimeBin, file: HistoryWriter) -> None:
        """
        Judge the window that ends with a bin that has just been written; in any thread.

        Raises HistoryError if the past cannot be read.
        """
        self._recent.append(Glance.of(one))
        window = follows(list(self._recent))
        score = self.configuration['anomaly_score']
        if not window or not score:
            return
        view = file.view_of_last
        if self._normal is None or self._normal_of[0] != view or (
                abs(window[0].begin - self._normal_of[1]) > REFRESH):
            with History(file.path) as history:
                # Its own window is no part of what it is compared with.
                self._normal = NormalTimes(history, view, window[0].begin, self._zone)
            self._normal_of = view, window[0].begin
        judgement = self._normal.judge(window, score)
        if judgement is not None:
            self._judged.append(judgement)

    def publish(self, header: Header) -> None:
        """Publish what has been judged since the last call, under a header of the last image."""
        while self._judged:
            judgement = self._judged.popleft()
            header = Header(frame_id=header.frame_id)
            header.stamp.sec = int(judgement.end // 1)
            header.stamp.nanosec = int(judgement.end % 1 * 1e9)
            self._publisher.publish(anomaly_message(judgement, header))
            new = [one for one in judgement.unusual if one.key not in self._unusual]
            self._unusual = {one.key for one in judgement.unusual}
            if new:
                self._publish_event(anomaly_events(new, judgement.end, header))
                self._node.get_logger().warning(f'unusual: {described(new[0], judgement)}')
            self.summary = described(judgement.unusual[0], judgement) if judgement.unusual else ''
            if self._pictures.get_subscription_count():
                self._publish_picture(judgement, header)

    def _publish_picture(self, judgement: Judgement, header: Header) -> None:
        shape = self._pipeline.shape
        if judgement.normal_grid is None or shape is None:
            return
        difference = cv2.resize((judgement.grid - judgement.normal_grid).astype('float32'),
                                shape[::-1], interpolation=cv2.INTER_NEAREST)
        self._picture.pixels(*shape)[:] = difference_picture(
            difference, str(self._pipeline.options.heat_unit), self._pipeline.last_frame)
        self._picture.message.header = header
        self._pictures.publish(self._picture.message)

    def forget_picture(self) -> None:
        """Give the last picture to nobody any more; late joiners would still get it."""
        active = self._pictures.is_activated
        self._node.destroy_lifecycle_publisher(self._pictures)
        self._pictures = self._node.create_lifecycle_publisher(Image, '~/anomaly/image', LATCHED)
        if active:
            self._pictures.on_activate(None)

    def close(self) -> None:
        """Remove the publishers."""
        for publisher in (self._publisher, self._pictures):
            self._node.destroy_lifecycle_publisher(publisher)
