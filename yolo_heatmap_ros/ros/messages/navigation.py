"""
Heat on the floor for Nav2: masks, what its filters must know of them, and people.

nav2_msgs and people_msgs are optional dependencies.
"""

import array
from typing import List, NamedTuple, Sequence, Tuple

from geometry_msgs.msg import Point
from nav_msgs.msg import OccupancyGrid
import numpy as np
from std_msgs.msg import Header

from yolo_heatmap_ros.heat.navigation_masks import FilterRule
from yolo_heatmap_ros.heat.positions import Positions

try:
    from nav2_msgs.msg import CostmapFilterInfo
except ImportError:
    CostmapFilterInfo = None
try:
    from people_msgs.msg import People, Person
except ImportError:
    People = None

MISSING_NAV2 = ('nav2_msgs is not installed: install ros-$ROS_DISTRO-nav2-msgs, or describe the '
                "masks to Nav2's filters by its costmap_filter_info_server")
MISSING_PEOPLE = ('people_msgs is not installed: install ros-$ROS_DISTRO-people-msgs for people '
                  'as a topic')


class FloorPerson(NamedTuple):
    """
    A person on the floor: `x`, `y` in m, `vx`, `vy` in m/s, in the frame of the floor.

    `name` is the same for as long as the person is tracked; `reliability` is from 0 to 1.
    """

    name: str
    x: float
    y: float
    vx: float
    vy: float
    reliability: float


PERSON = 'person'
"""The class whose tracks are on `~/people`."""


def people_of(positions: Positions) -> List[FloorPerson]:
    """Return the tracks of people that have a place; a velocity that is unknown is 0."""
    return [FloorPerson(str(number), x, y, *np.nan_to_num(velocity).tolist(), confidence)
            for name, number, (x, y), velocity, confidence in zip(
                positions.class_names, positions.track_ids.tolist(), positions.places.tolist(),
                positions.velocities, positions.confidences.tolist())
            if name == PERSON and number >= 0 and np.isfinite((x, y)).all()]


def mask_message(mask: np.ndarray, origin: Tuple[float, float], resolution: float,
                 header: Header) -> OccupancyGrid:
    """
    Return a mask, (rows along y, columns along x) int8, as an axis-aligned occupancy grid.

    `origin` is x, y of the outer corner of its first cell, and `resolution` the size of a cell, in
    m in the header's frame.
    """
    grid = OccupancyGrid(header=header)
    grid.info.map_load_time = header.stamp
    grid.info.resolution = resolution
    grid.info.height, grid.info.width = mask.shape
    grid.info.origin.position.x, grid.info.origin.position.y = origin
    grid.info.origin.orientation.w = 1.0
    grid.data = array.array('b', mask.tobytes())
    return grid


def filter_info_message(rule: FilterRule, mask_topic: str, header: Header):
    """Return a CostmapFilterInfo about the mask on a topic, by its full name."""
    return CostmapFilterInfo(header=header, type=rule.kind, filter_mask_topic=mask_topic,
                             base=rule.base, multiplier=rule.multiplier)


def people_message(people: Sequence[FloorPerson], header: Header):
    """Return people on the floor as People."""
    return People(header=header, people=[
        Person(name=one.name, position=Point(x=one.x, y=one.y),
               velocity=Point(x=one.vx, y=one.vy), reliability=one.reliability)
        for one in people])
