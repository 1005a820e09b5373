"""Flow as a CLiFF-map: what it says, and the format of its authors' files."""

from collections import Counter
from xml.etree import ElementTree

import numpy as np
import pytest
from yolo_heatmap_ros.errors import HistoryError
from yolo_heatmap_ros.heat.flow_field import FlowField, FlowGrid, FlowMap
from yolo_heatmap_ros.storage.cliff_map import cliff_map, read_cliff_map, write_cliff_map

GRID = FlowGrid(500000.0, -3.0, 0.5, 4, 3, 'm')


def flow_of(cell=(2, 1), count=4000):
    """Return the flow of many who go one way, and half as many who come back, in one cell."""
    rng = np.random.default_rng(0)
    field = FlowField(*GRID.shape)
    for number in range(count):
        back = number % 3 == 0
        angle = (3.0 if back else 0.0) * np.pi / 4 + rng.normal(0.0, 0.1)
        speed = rng.normal(0.8 if back else 1.4, 0.2)
        field.add(*cell, (speed * np.cos(angle), speed * np.sin(angle)), 0.1, 0.2)
    return FlowMap(field.planes, GRID)


def test_streams_are_gaussians_of_heading_and_speed(tmp_path):
    path = tmp_path / 'map.xml'
    write_cliff_map(path, cliff_map(flow_of(), watched=1000.0, span=4000.0))
    found = read_cliff_map(path)
    assert (found.step, found.radius, len(found.locations)) == (0.5, 0.25, 12)
    there = [one for one in found.locations if one.mixture]
    assert len(there) == 1
    place = there[0]
    assert (place.x, place.y) == (500000.75, -1.75)
    assert place.motion == pytest.approx(0.4) and place.watched == pytest.approx(0.25)
    one, other = place.mixture
    for part, weight, heading, speed in ((one, 2 / 3, 0.0, 1.4), (other, 1 / 3, 2.356, 0.8)):
        assert part.weight == pytest.approx(weight, abs=0.01)
        assert (part.heading + 1.0) % (2 * np.pi) - 1.0 == pytest.approx(heading, abs=0.02)
        assert 0.0 <= part.heading < 2 * np.pi
        assert part.speed == pytest.approx(speed, abs=0.02)
        np.testing.assert_allclose(np.sqrt(np.diag(part.covariance)), (0.1, 0.2), rtol=0.1)


def test_covariances_can_be_inverted_also_of_a_single_walker():
    field = FlowField(*GRID.shape)
    field.add(0, 0, (1.0, 1.0), 0.1, 0.2)
    (only,), = [one.mixture for one in cliff_map(FlowMap(field.planes, GRID), 9.0, 9.0).locations
                if one.mixture]
    assert only.weight == 1.0 and only.heading == pytest.approx(np.pi / 4)
    assert np.linalg.det(only.covariance) > 1e-6


def test_sums_that_contradict_each_other_are_left_out():
    """As of a damaged file: seconds in motion without a way, or without a displacement."""
    field = FlowField(*GRID.shape)
    field.add(0, 0, (1.0, 0.0), 5.0, 0.2)
    field.add(1, 0, (0.0, 1.0), 5.0, 0.2)
    field.add(2, 0, (-1.0, 0.0), 5.0, 0.2)
    planes = field.planes
    planes[3, 0, 0], planes[11:13, 1, 0] = 0.0, 0.0
    found = cliff_map(FlowMap(planes, GRID), 10.0, 10.0).locations
    assert [len(one.mixture) for one in found[:GRID.rows]] == [0, 0, 1, 0]


def test_rare_directions_are_left_out():
    field = FlowField(*GRID.shape)
    field.add(0, 0, (1.0, 0.0), 99.5, 0.2)
    field.add(0, 0, (0.0, 1.0), 0.5, 0.2)
    place = cliff_map(FlowMap(field.planes, GRID), 100.0, 100.0).locations[0]
    assert [part.weight for part in place.mixture] == [1.0] and place.motion == 1.0


def test_a_file_has_what_those_of_the_authors_have(truth, tmp_path):
    theirs = truth / 'cliff' / 'scene1.xml'
    path = tmp_path / 'map.xml'
    write_cliff_map(path, cliff_map(flow_of(count=100), 1000.0, 1000.0))

    def shape(element):
        """Return the names in an element, each with those in it, once and in order."""
        return element.tag, tuple(dict.fromkeys(shape(one) for one in element))

    def full(file):
        """Return the head and the first location with a distribution."""
        root = ElementTree.parse(file).getroot()
        first = next(one for one in root.iter('location') if one.find('distribution') is not None)
        return root.attrib, [one.tag for one in root], shape(root.find('parameters')), shape(first)
    assert full(path) == full(theirs)
    read = read_cliff_map(theirs)
    assert (len(read.locations), read.step) == (2601, 1.0)
    assert Counter(len(one.mixture) for one in read.locations) == {
        0: 2320, 1: 122, 2: 100, 3: 43, 4: 13, 5: 3}
    # They begin at the lower left, and go up first, as ours do.
    ours = read_cliff_map(path)
    for content in (read, ours):
        places = [(one.x, one.y) for one in content.locations]
        assert places == sorted(places)
    again = tmp_path / 'again.xml'
    write_cliff_map(again, read)
    for before, after in zip(read.locations, read_cliff_map(again).locations):
        assert (before.x, before.y, before.motion) == (after.x, after.y, after.motion)
        for one, other in zip(before.mixture, after.mixture):
            assert one[:3] == other[:3] and np.array_equal(one.covariance, other.covariance)


@pytest.mark.parametrize('content', ['', '<map/>', 'no XML', '<map><parameters><step>x</step>'
                                     '<radious>1</radious></parameters></map>'])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / 'other.xml'
    path.write_text(content)
    with pytest.raises(HistoryError, match='no CLiFF-map'):
        read_cliff_map(path)
