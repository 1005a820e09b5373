"""Heat on the floor for navigation: `~/density` and `~/hotspots`."""

import array
from typing import List, Optional

from geometry_msgs.msg import Point, Pose, Quaternion, Vector3
from nav_msgs.msg import OccupancyGrid
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.drawing.legend import in_units, number
from yolo_heatmap_ros.heat.layers.floor import Hotspot
from yolo_heatmap_ros.pipeline import FloorMap, HeatmapPipeline

# Latched for late joiners, as with a map server.
_LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def density_message(floor: FloorMap, header: Header) -> OccupancyGrid:
    """Return heat on the floor as an occupancy grid."""
    grid = OccupancyGrid(header=header)
    grid.info.map_load_time = header.stamp
    grid.info.resolution = floor.plane.resolution
    grid.info.height, grid.info.width = floor.plane.shape
    grid.info.origin.position.x, grid.info.origin.position.y = floor.plane.extent[:2]
    grid.info.origin.orientation.w = 1.0
    grid.data = array.array('b', floor.occupancy.tobytes())
    return grid


def hotspots_message(spots: List[Hotspot], unit: str, radius: float,
                     header: Header) -> MarkerArray:
    """Return a disc and a label for each hotspot, after a marker that deletes older ones."""
    markers = [Marker(header=header, action=Marker.DELETEALL)]
    for index, spot in enumerate(spots):
        divisor, name = in_units(spots[0].heat, unit)
        common = {'header': header, 'id': index, 'action': Marker.ADD}
        pose = Pose(position=Point(x=spot.x, y=spot.y, z=0.02), orientation=Quaternion(w=1.0))
        markers.append(Marker(
            ns='hotspots', type=Marker.CYLINDER, pose=pose,
            scale=Vector3(x=2 * radius, y=2 * radius, z=0.04),
            color=ColorRGBA(r=1.0, a=0.3 + 0.5 * spot.heat / spots[0].heat), **common))
        above = Pose(position=Point(x=spot.x, y=spot.y, z=0.5), orientation=Quaternion(w=1.0))
        markers.append(Marker(
            ns='labels', type=Marker.TEXT_VIEW_FACING, pose=above, scale=Vector3(z=0.3),
            color=ColorRGBA(r=1.0, g=1.0, b=1.0, a=1.0),
            text=f'{index + 1}: {number(spot.heat / divisor)} {name}', **common))
    return MarkerArray(markers=markers)


class FloorPublisher:
    """Publishes a pipeline's heat on the floor at a fixed rate, as long as frames arrive."""

    def __init__(self, node: LifecycleNode, pipeline: HeatmapPipeline,
                 configuration: Configuration):
        """Create the lifecycle publishers."""
        self._node = node
        self._pipeline = pipeline
        self.configuration = configuration
        options = {'qos_overriding_options': QoSOverridingOptions.with_default_policies()}
        self._density = node.create_lifecycle_publisher(OccupancyGrid, '~/density', _LATCHED,
                                                        **options)
        self._hotspots = node.create_lifecycle_publisher(MarkerArray, '~/hotspots', _LATCHED,
                                                         **options)
        self._newest: Optional[Header] = None
        self._timer = node.create_timer(1.0 / configuration['ground.rate'], self._publish,
                                        clock=Clock(clock_type=ClockType.STEADY_TIME))

    def show(self, header: Header) -> None:
        """Record the header of the newest frame."""
        self._newest = header

    def _publish(self) -> None:
        floor = self._pipeline.floor_map() if self._newest is not None else None
        if floor is None:
            return
        header = Header(stamp=self._newest.stamp, frame_id=self.configuration['ground.frame_id'])
        self._newest = None
        self._density.publish(density_message(floor, header))
        spots = self._pipeline.hotspots(self.configuration['ground.hotspots'],
                                        self.configuration['ground.hotspot_distance'])
        self._hotspots.publish(hotspots_message(
            spots, self._pipeline.options.heat_unit, floor.plane.radius, header))

    def close(self) -> None:
        """Destroy the timer and the publishers."""
        self._node.destroy_timer(self._timer)
        for publisher in (self._density, self._hotspots):
            self._node.destroy_lifecycle_publisher(publisher)
