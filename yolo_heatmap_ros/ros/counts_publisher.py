"""What regions and lines have counted, and each event: `~/regions`, `~/lines`, `~/events`."""

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.lifecycle import LifecycleNode
from std_msgs.msg import Header

from yolo_heatmap_ros.pipeline import HeatmapPipeline
from yolo_heatmap_ros.ros.messages.events import events_message
from yolo_heatmap_ros.ros.messages.lines import lines_message
from yolo_heatmap_ros.ros.messages.regions import regions_message
from yolo_heatmap_ros.ros.publishers import publisher_of

EVENTS_DEPTH = 1000
"""Events that are kept for a slow subscriber: each is told once."""


class CountsPublisher:
    """Publishes what a pipeline counts after each frame."""

    def __init__(self, node: LifecycleNode, pipeline: HeatmapPipeline, depth: int):
        """Create the lifecycle publishers; those of counts are keep-last `depth`."""
        self._node = node
        self._pipeline = pipeline
        self._regions, self._lines = (
            node.create_lifecycle_publisher(DiagnosticArray, f'~/{name}', depth)
            for name in ('regions', 'lines'))
        self._events = publisher_of(node, DiagnosticArray, '~/events', EVENTS_DEPTH)

    def show(self, header: Header) -> None:
        """Publish the counts after the frame with this header, and what has just happened."""
        for publisher, message, counts in (
                (self._regions, regions_message, self._pipeline.region_counts()),
                (self._lines, lines_message, self._pipeline.line_counts())):
            if counts is not None:
                publisher.publish(message(counts, header))
        events = self._pipeline.new_events()
        if events:
            self.tell(events_message(events, self._pipeline.class_name, header))

    def tell(self, events: DiagnosticArray) -> None:
        """Publish events on `~/events`."""
        self._events.publish(events)

    def close(self) -> None:
        """Destroy the publishers."""
        for publisher in (self._regions, self._lines, self._events):
            self._node.destroy_lifecycle_publisher(publisher)
