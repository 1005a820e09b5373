"""Heat on the floor as messages: a map, and markers."""

import array
from typing import List

from geometry_msgs.msg import Point, Pose, Quaternion, Vector3
from nav_msgs.msg import OccupancyGrid
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from yolo_heatmap_ros.drawing.legend import format_number, in_units
from yolo_heatmap_ros.heat.layers.floor import Hotspot
from yolo_heatmap_ros.pipeline import FloorMap


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
            text=f'{index + 1}: {format_number(spot.heat / divisor)} {name}', **common))
    return MarkerArray(markers=markers)
