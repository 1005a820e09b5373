"""How objects move on the floor as messages: points with velocities, and arrows."""

import array

from geometry_msgs.msg import Point, Quaternion, Vector3
import numpy as np
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from yolo_heatmap_ros.heat.flow_field import FlowMap

FIELDS = ('x', 'y', 'z', 'vx', 'vy', 'speed', 'seconds')
MAX_ARROWS = 2000
"""Largest number of arrows: those of the busiest cells."""
LONGEST = 1.0
"""Longest arrow, in cells; others are as much shorter as they are slower."""
HEIGHT = 0.05
"""Height of arrows over the floor in m."""
_BARB = 0.3


def flow_message(flow: FlowMap, header: Header) -> PointCloud2:
    """
    Return a point for the centre of each cell in which objects were, on the floor (z = 0).

    `FIELDS` are float32, in m, m/s and s: mean velocity and speed over all seconds in the cell.
    """
    there = flow.seconds > 0.0
    values = np.zeros((int(there.sum()), len(FIELDS)), '<f4')
    values[:, :2] = flow.grid.centres()[there]
    values[:, 3:5] = flow.velocity[there]
    values[:, 5], values[:, 6] = flow.speed[there], flow.seconds[there]
    step = values.itemsize * len(FIELDS)
    cloud = PointCloud2(
        header=header, height=1, width=len(values), point_step=step, row_step=step * len(values),
        is_bigendian=False, is_dense=True, fields=[
            PointField(name=name, offset=values.itemsize * number, datatype=PointField.FLOAT32,
                       count=1) for number, name in enumerate(FIELDS)])
    cloud.data = array.array('B', values.tobytes())
    return cloud


def flow_markers_message(flow: FlowMap, header: Header) -> MarkerArray:
    """
    Return an arrow for the main stream of each cell, after a marker that deletes older ones.

    All arrows are lines of one marker; the longest is as long as a cell.
    """
    markers = [Marker(header=header, action=Marker.DELETEALL)]
    seconds, velocity = flow.main_stream()
    busiest = np.argsort(-seconds, axis=None, kind='stable')[:MAX_ARROWS]
    busiest = busiest[seconds.ravel()[busiest] > 0.0]
    if len(busiest):
        middles, velocity = flow.grid.centres().reshape(-1, 2)[busiest], velocity.reshape(
            -1, 2)[busiest]
        ahead = velocity * (LONGEST * flow.grid.cell / np.hypot(*velocity.T).max())
        tails, tips = middles - ahead / 2, middles + ahead / 2
        across = _BARB * ahead[:, ::-1] * (-1, 1)
        lines = np.stack((tails, tips, tips, tips - _BARB * ahead + across,
                          tips, tips - _BARB * ahead - across), axis=1)
        marker = Marker(header=header, ns='flow', id=0, type=Marker.LINE_LIST, action=Marker.ADD,
                        scale=Vector3(x=0.06 * flow.grid.cell),
                        color=ColorRGBA(r=1.0, g=1.0, b=1.0, a=1.0))
        marker.pose.orientation = Quaternion(w=1.0)
        marker.points = [Point(x=x, y=y, z=HEIGHT) for x, y in lines.reshape(-1, 2).tolist()]
        markers.append(marker)
    return MarkerArray(markers=markers)
