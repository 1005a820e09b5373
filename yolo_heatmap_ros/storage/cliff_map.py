"""
Flow as a CLiFF-map, in the XML that the tools of its authors read.

T. Kucner, M. Magnusson, E. Schaffernicht, V. Hernandez Bennetts and A. Lilienthal, Enabling flow
awareness for mobile robots in partially observable environments, IEEE Robotics and Automation
Letters 2(2), 2017: at each place a mixture of Gaussians of heading and speed, wrapped in heading.
"""

import math
from pathlib import Path
from typing import Iterator, List, NamedTuple, Tuple
from xml.etree import ElementTree

import numpy as np

from yolo_heatmap_ros.errors import HistoryError
from yolo_heatmap_ros.heat.flow_field import FlowMap
from yolo_heatmap_ros.text import one_line

RARE = 0.01
"""Directions with a smaller share of a cell's seconds in motion are left out."""
SHARPEST = 0.05
"""Smallest standard deviation of headings in rad, and of speeds as a share of the mean."""
_PARTS = ('e_11', 'e_12', 'e_21', 'e_22')


class Gaussian(NamedTuple):
    """
    A part of a mixture.

    Its `weight`; mean `heading` in rad, 0 to 2 pi from x towards y, and `speed` per second; and
    `covariance` of both, (2, 2) float64.
    """

    weight: float
    heading: float
    speed: float
    covariance: np.ndarray


class Location(NamedTuple):
    """
    A place x, y, and how objects move there.

    `motion` (p in the format) is the share of the time watched in which something moved, `watched`
    (q) the share of the map's time in which the place was watched.
    """

    x: float
    y: float
    motion: float
    watched: float
    mixture: List[Gaussian]


class CliffMap(NamedTuple):
    """Locations on a square grid, `step` apart, each of what is at most `radius` away."""

    step: float
    radius: float
    locations: List[Location]


def cliff_map(flow: FlowMap, watched: float, span: float) -> CliffMap:
    """
    Return a flow as a CLiFF-map, a Gaussian for each direction of a cell that is not `RARE`.

    `watched` are the seconds in which the camera looked, of a chosen time of `span` s.  Headings
    and speeds are taken for independent.  The variance of headings is -2 ln R, with the resultant
    length R (K. Mardia and P. Jupp, Directional statistics, 2000, section 3.4.1).
    """
    centres, moving = flow.grid.centres(), flow.moving
    motion = np.minimum(moving / watched, 1.0) if watched > 0.0 else np.zeros(flow.grid.shape)
    share = min(watched / span, 1.0) if span > 0.0 else 1.0
    # Column by column, as the authors' files are.
    locations = [Location(*centres[row, column].tolist(), float(motion[row, column]), share,
                          list(_mixture(flow, row, column)))
                 for column in range(flow.grid.columns) for row in range(flow.grid.rows)]
    return CliffMap(flow.grid.cell, flow.grid.cell / 2, locations)


def _mixture(flow: FlowMap, row: int, column: int) -> Iterator[Gaussian]:
    seconds = flow.histogram[:, row, column]
    # A damaged file may have seconds in motion without a way.
    moves = (flow.way[:, row, column] > 0.0) & flow.displacements[:, row, column].any(axis=1)
    taken = np.flatnonzero((seconds > RARE * seconds.sum()) & moves)
    for direction in taken:
        there = direction, row, column
        x, y = flow.displacements[there]
        speed = flow.way[there] / seconds[direction]
        resultant = min(math.hypot(x, y) / flow.way[there], 1.0)
        spread = max(flow.squares[there] / seconds[direction] - speed ** 2,
                     (SHARPEST * speed) ** 2)
        yield Gaussian(float(seconds[direction] / seconds[taken].sum()),
                       math.atan2(y, x) % (2.0 * math.pi), float(speed),
                       np.diag((max(-2.0 * math.log(resultant), SHARPEST ** 2), spread)))


def write_cliff_map(path: Path, content: CliffMap) -> None:
    """Write a map; raises OSError."""
    root = ElementTree.Element('map', version='0.1')
    ends = [end(getattr(one, axis) for one in content.locations) for axis in 'xy'
            for end in (min, max)]
    _fill(ElementTree.SubElement(root, 'parameters'), zip(
        ('x_min', 'x_max', 'y_min', 'y_max', 'step', 'radious', 'wind'),
        (*ends, content.step, content.radius, 0)))
    locations = ElementTree.SubElement(root, 'locations')
    for number, one in enumerate(content.locations, 1):
        location = ElementTree.SubElement(locations, 'location')
        _fill(location, (('id', number), ('p', one.motion), ('q', one.watched)))
        _fill(ElementTree.SubElement(location, 'pose'), (('x', one.x), ('y', one.y)))
        for part in one.mixture:
            distribution = ElementTree.SubElement(location, 'distribution')
            _fill(distribution, (('Cluster', -1), ('P', part.weight)))
            _fill(ElementTree.SubElement(distribution, 'M'),
                  (('th', part.heading), ('r', part.speed)))
            _fill(ElementTree.SubElement(distribution, 'Cov'),
                  zip(_PARTS, part.covariance.ravel().tolist()))
    ElementTree.SubElement(root, 'locations_sparse')
    ElementTree.indent(root, '   ')
    ElementTree.ElementTree(root).write(path, 'utf-8', xml_declaration=True)


def _fill(element: ElementTree.Element, values: Iterator[Tuple[str, float]]) -> None:
    for name, value in values:
        ElementTree.SubElement(element, name).text = f'{value:.10g}'


def read_cliff_map(path: Path) -> CliffMap:
    """
    Return what is in a file; p and q are 1 where it does not say.

    Raises HistoryError for a file that is no CLiFF-map.
    """
    try:
        root = ElementTree.parse(path).getroot()
        return CliffMap(_number(root, 'parameters/step'), _number(root, 'parameters/radious'),
                        [_location(one) for one in root.findall('locations/location')])
    except (OSError, ElementTree.ParseError, ValueError) as error:
        raise HistoryError(f"'{path}': no CLiFF-map ({one_line(error)})") from error


def _location(element: ElementTree.Element) -> Location:
    return Location(_number(element, 'pose/x'), _number(element, 'pose/y'),
                    _number(element, 'p', 1.0), _number(element, 'q', 1.0), [
        Gaussian(_number(one, 'P'), _number(one, 'M/th'), _number(one, 'M/r'),
                 np.array([_number(one, f'Cov/{part}') for part in _PARTS]).reshape(2, 2))
        for one in element.findall('distribution')])


def _number(element: ElementTree.Element, name: str, default: float = math.nan) -> float:
    text = (element.findtext(name) or '').strip()
    value = float(text) if text else default
    if not math.isfinite(value):
        raise ValueError(f'{name} is no number')
    return value
