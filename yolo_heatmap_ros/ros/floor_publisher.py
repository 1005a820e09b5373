"""What is known of the floor: `~/density`, `~/hotspots`, `~/flow`, and the masks for Nav2."""

from typing import Optional

from nav_msgs.msg import OccupancyGrid
from rclpy.clock import Clock, ClockType
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.pipeline import HeatmapPipeline
from yolo_heatmap_ros.ros.managed_node import ManagedNode
from yolo_heatmap_ros.ros.messages.floor import density_message, hotspots_message
from yolo_heatmap_ros.ros.messages.flow import flow_markers_message, flow_message
from yolo_heatmap_ros.ros.navigation_publisher import NavigationPublisher
from yolo_heatmap_ros.ros.publishers import publisher_of


class FloorPublisher:
    """Publishes a pipeline's heat on the floor at a fixed rate, as long as frames arrive."""

    def __init__(self, node: ManagedNode, pipeline: HeatmapPipeline,
                 configuration: Configuration):
        """Create the lifecycle publishers."""
        self._node = node
        self._pipeline = pipeline
        self._configuration = configuration
        self._density = publisher_of(node, OccupancyGrid, '~/density', latched=True)
        self._hotspots = publisher_of(node, MarkerArray, '~/hotspots', latched=True)
        self._flow = self._flow_markers = None
        if pipeline.options.flow:
            self._flow = publisher_of(node, PointCloud2, '~/flow', latched=True)
            self._flow_markers = publisher_of(node, MarkerArray, '~/flow_markers', latched=True)
        self._navigation = NavigationPublisher(node, configuration)
        self._newest: Optional[Header] = None
        self._last: Optional[Header] = None
        self._timer = node.create_timer(1.0 / configuration['ground.rate'], self._publish,
                                        clock=Clock(clock_type=ClockType.STEADY_TIME))

    @property
    def configuration(self) -> Configuration:
        """Return the values of the parameters; they may change."""
        return self._configuration

    @configuration.setter
    def configuration(self, configuration: Configuration) -> None:
        self._configuration = self._navigation.configuration = configuration

    def show(self, header: Header) -> None:
        """Record the header of the newest frame."""
        self._newest = self._last = header

    def refresh(self) -> None:
        """Publish at once after a reset or a load: late joiners must not get the old heat."""
        self._newest = self._last
        self._publish()
        self._navigation.publish()

    def _publish(self) -> None:
        floor = self._pipeline.floor_map() if self._newest is not None else None
        if floor is None:
            return
        header = Header(stamp=self._newest.stamp, frame_id=self.configuration['ground.frame_id'])
        self._newest = None
        self._density.publish(density_message(floor, header))
        if self._navigation.wanted:
            self._navigation.show(floor.heat, floor.known, floor.plane, header.stamp,
                                  header.frame_id)
        spots = self._pipeline.hotspots(self.configuration['ground.hotspots'],
                                        self.configuration['ground.hotspot_distance'])
        self._hotspots.publish(hotspots_message(
            spots, self._pipeline.options.heat_unit, floor.plane.radius, header))
        if self._flow is not None:
            flow = self._pipeline.flow_map()
            self._flow.publish(flow_message(flow, header))
            self._flow_markers.publish(flow_markers_message(flow, header))

    def close(self) -> None:
        """Destroy the timer and the publishers."""
        self._node.destroy_timer(self._timer)
        self._navigation.close()
        for publisher in (self._density, self._hotspots, self._flow, self._flow_markers):
            if publisher is not None:
                self._node.destroy_lifecycle_publisher(publisher)
