"""What comes into a heatmap node: images, compressed images, detections of another node."""

import time
from typing import Callable, List, Tuple, Union

import numpy as np
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from yolo_heatmap_ros.choices import DetectorKind, InputTransport
from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.errors import HeatmapError
from yolo_heatmap_ros.heat.clock import RateLimit
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.pipeline import HeatmapPipeline
from yolo_heatmap_ros.ros.diagnostics import DiagnosticsReporter
from yolo_heatmap_ros.ros.frame_advice import FrameAdvice
from yolo_heatmap_ros.ros.frame_statistics import Outcome
from yolo_heatmap_ros.ros.image_subscription import ImageSubscription
from yolo_heatmap_ros.ros.managed_node import ManagedNode
from yolo_heatmap_ros.ros.messages.compressed import from_compressed, SUFFIX
from yolo_heatmap_ros.ros.messages.detections import Detection2DArray
from yolo_heatmap_ros.ros.messages.images import seconds_of, to_frame
from yolo_heatmap_ros.ros.stamp_matcher import StampMatcher

Process = Callable[[Header, np.ndarray, Detections], None]
"""Takes the header of a message, the frame, (H, W, 3) uint8 BGR, and the objects in it."""


class FrameInput:
    """The subscriptions of one configuration; unusable frames are counted and logged."""

    def __init__(self, node: ManagedNode, configuration: Configuration, depth: int,
                 pipeline: HeatmapPipeline, diagnostics: DiagnosticsReporter,
                 advice: FrameAdvice, process: Process):
        """Begin with no subscription; each will have keep-last `depth`."""
        self.configuration = configuration
        self._node = node
        self._depth = depth
        self._pipeline = pipeline
        self._diagnostics = diagnostics
        self._advice = advice
        self._process = process
        self._subscriptions: List[ImageSubscription] = []
        self._limit = RateLimit()

    @property
    def topics(self) -> List[str]:
        """Return the names of the subscribed topics after remapping; empty while paused."""
        return [subscription.topic for subscription in self._subscriptions]

    @property
    def reliable(self) -> bool:
        """Return whether all subscriptions are reliable."""
        return all(subscription.reliable for subscription in self._subscriptions)

    @property
    def _by_topic(self) -> bool:
        return self.configuration['detector'] == DetectorKind.TOPIC

    def subscribe(self) -> None:
        """Subscribe, unless that is done already."""
        if self._subscriptions:
            return
        if not (self._by_topic and self.configuration['blank_size']):
            self._subscribe_to(*self._image_topic(), self._on_image)
        if self._by_topic:
            self._matcher = StampMatcher(self._process_due, self._count_unmatched)
            self._subscribe_to(Detection2DArray, 'detections', self._on_detections)

    def _subscribe_to(self, message_type: type, topic: str, callback: Callable) -> None:
        self._subscriptions.append(ImageSubscription(
            self._node, message_type, topic, self._timed(callback), self._count_skipped,
            self.configuration['image_reliability'], self._depth))

    def unsubscribe(self) -> None:
        """End the subscriptions, and log what has become of the frames so far."""
        if not self._subscriptions:
            return
        for subscription in self._subscriptions:
            subscription.destroy()
        self._subscriptions = []
        if self._node.context.ok():  # else the logger could not publish it
            counts = self._diagnostics.statistics.counts
            self._node.get_logger().info(
                f'{counts[Outcome.PROCESSED]} frames processed, '
                f'{counts[Outcome.SKIPPED]} skipped, {counts[Outcome.UNUSABLE]} unusable')

    def _timed(self, callback: Callable) -> Callable:
        def timed(message) -> None:
            begin = time.monotonic()
            try:
                callback(message)
            finally:
                self._diagnostics.work(time.monotonic() - begin)
        return timed

    def _image_topic(self) -> Tuple[type, str]:
        """Return type and topic of the images."""
        if self.configuration['input_transport'] == InputTransport.RAW:
            return Image, 'image'
        # As image_transport does: remapping the raw topic's name is enough.
        return CompressedImage, self._node.resolve_topic_name('image') + SUFFIX

    def _count_skipped(self, number: int) -> None:
        self._diagnostics.count(Outcome.SKIPPED, number)

    def _count_unmatched(self, number: int) -> None:
        self._count_skipped(number)
        self._advice.on_unmatched(number)

    def _is_due(self, header: Header) -> bool:
        """Return whether max_rate lets a frame through; else count it."""
        due = self._limit.takes(seconds_of(header), self.configuration['max_rate'])
        if not due:
            self._diagnostics.count(Outcome.LEFT_OUT)
        return due

    def _process_due(self, header: Header, frame: np.ndarray, detections: Detections) -> None:
        if self._is_due(header):
            self._process(header, frame, self._pipeline.without_ignored(detections, frame))

    def _on_image(self, message: Union[Image, CompressedImage]) -> None:
        if not self._by_topic and not self._is_due(message.header):
            return
        try:
            if isinstance(message, CompressedImage):
                frame = from_compressed(message, self.configuration['value_range'])
            else:
                frame = to_frame(message, self.configuration['value_range'])
            self._advice.on_size(*frame.shape[:2])
            if self._by_topic:
                self._matcher.put_image(message.header, frame)
                return
            detections = self._pipeline.detect(frame)
        except HeatmapError as error:
            self._diagnostics.count(Outcome.UNUSABLE)
            self._advice.on_unusable(error)
            return
        self._process(message.header, frame, detections)

    def _on_detections(self, message) -> None:
        detections = self._pipeline.detector.read(message, self._advice.on_refused)
        if self.configuration['blank_size']:
            width, height = self.configuration['blank_size']
            self._process_due(message.header, np.zeros((height, width, 3), np.uint8), detections)
        else:
            self._matcher.put_detections(message.header, detections)
