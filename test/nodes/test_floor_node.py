"""Several cameras on one floor: what the floor node makes of their positions."""

import itertools
import signal
import sqlite3

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PolygonStamped
from nav_msgs.msg import OccupancyGrid
import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from ros_processes import NodeProcess, spin_until, wait_until_matched
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header
from yolo_heatmap_ros.build_floor import floor_configuration
from yolo_heatmap_ros.config.floor import FLOOR_PARAMETERS
from yolo_heatmap_ros.errors import ParameterError
from yolo_heatmap_ros.heat.ground import GroundPlane
from yolo_heatmap_ros.heat.layers.floor import FloorLayer
from yolo_heatmap_ros.heat.map_picture import MapPicture, MapView
from yolo_heatmap_ros.heat.positions import Positions
from yolo_heatmap_ros.ros.messages.images import seconds_of
from yolo_heatmap_ros.ros.messages.positions import positions_message, positions_of, view_message

NAME = '/yolo_floor'
WEST = np.array([(0.0, 0.0), (6.0, 0.0), (6.0, 8.0), (0.0, 8.0)])
EAST = WEST + (4.0, 0.0)
BEGIN = 1000.0


def header(stamp, frame_id='map'):
    result = Header(frame_id=frame_id)
    nanoseconds = round(stamp * 1e9)
    result.stamp.sec, result.stamp.nanosec = divmod(nanoseconds, 1_000_000_000)
    return result


def seen(places, track_ids=None, name='person', spread=0.1):
    """Return places, (N, 2) m, as a camera's positions."""
    places = np.array(places, float).reshape(-1, 2)
    count = len(places)
    return Positions(places, np.tile(spread ** 2 * np.eye(2), (count, 1, 1)),
                     np.full((count, 2), np.nan),
                     np.arange(count) if track_ids is None else np.array(track_ids),
                     [name] * count, np.ones(count))


class Site:
    """Two cameras that overlap, and what the floor node says."""

    def __init__(self, node, cameras=('west', 'east')):
        self.node = node
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._positions = {camera: node.create_publisher(
            PointCloud2, f'/{camera}/yolo_heatmap/positions', 20) for camera in cameras}
        self._views = {camera: node.create_publisher(
            PolygonStamped, f'/{camera}/yolo_heatmap/view', 20) for camera in cameras}
        self.fused, self.maps, self.lines, self.regions, self.events = [], [], [], [], []
        self.diagnostics, self.flows = [], []
        subscriptions = [
            node.create_subscription(PointCloud2, f'{NAME}/positions', self.fused.append, 100),
            node.create_subscription(OccupancyGrid, f'{NAME}/density', self.maps.append, latched),
            *(node.create_subscription(DiagnosticArray, topic, heard.append, 100)
              for topic, heard in ((f'{NAME}/lines', self.lines),
                                   (f'{NAME}/regions', self.regions),
                                   (f'{NAME}/events', self.events),
                                   ('/diagnostics', self.diagnostics)))]
        wait_until_matched(node, NAME, *self._positions.values(), *self._views.values(),
                           *subscriptions)
        self._flow = node.create_subscription(PointCloud2, f'{NAME}/flow', self.flows.append,
                                              latched)

    def look(self, camera, corners, stamp=BEGIN):
        """Tell what a camera sees of the floor."""
        self._views[camera].publish(view_message(corners, header(stamp)))

    def see(self, camera, stamp, positions, frame_id='map'):
        """Tell what a camera sees at a stamp."""
        self._positions[camera].publish(positions_message(positions, header(stamp, frame_id)))

    def walk(self, begin, end, steps=20, since=BEGIN, cameras=('west', 'east')):
        """Let a person walk before cameras at 10 Hz, and return what is fused at the end."""
        count = len(self.fused)
        for step in range(steps):
            place = np.array(begin) + step / (steps - 1) * (np.array(end) - begin)
            for camera in cameras:
                self.see(camera, since + 0.1 * step, seen(place))
            assert spin_until(self.node, lambda: len(self.fused) > count + step - 4, 10.0)
        assert spin_until(self.node, lambda: seconds_of(
            self.fused[-1].header) > since + 0.1 * (steps - 1.5), 10.0)
        return positions_of(self.fused[-1])

    def status(self):
        """Return the newest status of the floor node, and its values."""
        before = len(self.diagnostics)
        name = f'{NAME[1:]}: frames'
        assert spin_until(self.node, lambda: any(
            one.name == name for array in self.diagnostics[before:] for one in array.status))
        status = [one for array in self.diagnostics for one in array.status
                  if one.name == name][-1]
        return status, {value.key: value.value for value in status.values}


def start(**parameters):
    process = NodeProcess('floor_node', {
        'heatmap_nodes': '[/west/yolo_heatmap, /east/yolo_heatmap]',
        'ground.extent': '[0, 0, 12, 8]', 'ground.rate': 20.0, **parameters})
    process.wait_for_output("listening to '/west/yolo_heatmap/positions'")
    return process


def values_of(message):
    """Return the values of the places on a topic of counts, by the place's name."""
    return {status.name.split(': ')[-1]: {value.key: value.value for value in status.values}
            for status in message.status}


def test_one_person_before_two_cameras_is_one(node, tmp_path):
    """In the overlap and beyond it, with heat, regions, lines, events and flow in metres."""
    with start(flow=True, history_period=60.0, history_dir=str(tmp_path),
               regions='[middle: [[4, 0], [6, 0], [6, 8], [4, 8]]]',
               lines='[gate: [[5, 1], [5, 7]]]') as process:
        site = Site(node)
        site.look('west', WEST)
        site.look('east', EAST)
        for step in range(40):
            stamp = BEGIN + 0.1 * step
            place = [3.0 + 0.1 * step, 4.0]
            if place[0] < 6.0:
                site.see('west', stamp, seen([place, [2.0, 2.0]]))
            else:
                site.see('west', stamp, seen([[2.0, 2.0]], [1]))
            if place[0] > 4.0:
                site.see('east', stamp + 0.01, seen([place, [9.0, 6.0]], [7, 8]))
            else:
                site.see('east', stamp + 0.01, seen([[9.0, 6.0]], [8]))
            spin_until(node, lambda: len(site.fused) > step - 3, 10.0)
        assert spin_until(node, lambda: len(site.fused) >= 38)
        numbers = [positions_of(message).track_ids.tolist() for message in site.fused[5:]]
        assert all(sorted(one) == sorted(numbers[0]) and len(one) == 3 for one in numbers)
        last = positions_of(site.fused[-1])
        walker = np.argmin(np.abs(last.places - (6.9, 4.0)).sum(axis=1))
        assert last.places[walker] == pytest.approx((6.8, 4.0), abs=0.2)
        assert last.velocities[walker] == pytest.approx((1.0, 0.0), abs=0.2)
        assert np.sqrt(last.covariances[walker][0, 0]) < 0.12
        assert spin_until(node, lambda: site.maps and site.lines and site.regions)
        grid = np.array(site.maps[-1].data, np.int8).reshape(80, 120)
        assert (grid[:, 101:] == -1).all() and (grid[:, :99] >= 0).all()
        assert site.maps[-1].header.frame_id == 'map'
        assert grid[40, 50] > 0 and grid[20, 20] == 0  # only inside the region
        line, region = values_of(site.lines[-1])['gate'], values_of(site.regions[-1])['middle']
        # To the right, seen along the line upwards: from left to right.
        assert (line['forward'], line['backward']) == ('1', '0')
        assert (region['entries'], region['exits'], region['tracks']) == ('1', '1', '1')
        assert float(region['occupancy']) == pytest.approx(2.0, abs=0.3)
        events = [values_of(message) for message in site.events]
        crossing = next(one['gate'] for one in events if 'gate' in one)
        assert (float(crossing['x']), float(crossing['y'])) == pytest.approx((5.0, 4.0), abs=0.3)
        assert spin_until(node, lambda: site.flows)
        flow = np.frombuffer(site.flows[-1].data, [(name, '<f4') for name in (
            'x', 'y', 'z', 'vx', 'vy', 'speed', 'seconds')])
        ahead = flow[(np.abs(flow['x'] - 5.25) < 0.3) & (np.abs(flow['y'] - 4.0) < 0.6)]
        assert len(ahead) and ahead['vx'].max() == pytest.approx(1.0, abs=0.25)
        assert np.abs(ahead['vy']).max() < 0.2
        assert process.stop() == 0
    file, = tmp_path.glob('*.sqlite')
    with sqlite3.connect(file) as history:
        (x, y), = history.execute("SELECT x, y FROM events WHERE place = 'gate'")
    assert (x, y) == pytest.approx((5.0, 4.0), abs=0.3)


def test_nobody_is_seen_in_an_ignored_area(node):
    """In metres, and as if the cameras had not seen them: no positions, no heat, no counts."""
    with start(regions='[all: [[0, 0], [12, 0], [12, 8], [0, 8]]]',
               ignored_areas='[mirror: [[7, 1], [11, 1], [11, 7], [7, 7]]]') as process:
        site = Site(node)
        for step in range(20):
            stamp = BEGIN + 0.1 * step
            for camera in ('west', 'east'):
                site.see(camera, stamp, seen([[3.0, 4.0], [9.0, 4.0], [11.5, 4.0]]))
            assert spin_until(node, lambda: len(site.fused) > step - 4, 10.0)
        assert spin_until(node, lambda: len(site.fused) > 16)
        assert sorted(positions_of(site.fused[-1]).places[:, 0].tolist()) == pytest.approx(
            [3.0, 11.5], abs=0.1)
        assert values_of(site.regions[-1])['all']['objects'] == '2'
        assert spin_until(node, lambda: site.maps and np.array(site.maps[-1].data).max() > 0)
        grid = np.array(site.maps[-1].data, np.int8).reshape(80, 120)
        assert grid[40, 30] > 0 and grid[40, 115] > 0 and grid[10:70, 75:105].max() <= 0
        assert process.stop() == 0


def test_what_is_wrong_with_cameras_is_said(node):
    with start(**{'fusion_delay': 0.05}) as process:
        site = Site(node)
        site.look('west', WEST)
        assert len(site.walk((1.0, 1.0), (3.0, 1.0), cameras=('west',)).places) == 1
        site.see('west', BEGIN + 3.0, seen([[2.0, 2.0]]), frame_id='odom')
        process.wait_for_output("'/west/yolo_heatmap': positions are in the frame 'odom', and "
                                "this floor is 'map'")
        message = positions_message(seen([[2.0, 2.0]]), header(BEGIN + 3.1))
        message.fields = message.fields[2:]
        site._positions['west'].publish(message)
        other = node.create_publisher(PointCloud2, '/west/yolo_heatmap/positions', 20)
        steps = itertools.count()

        def goes_on(text):
            stamp = BEGIN + 10.0 + 0.1 * next(steps)
            site.see('west', stamp, seen([[2.0, 2.0]]))
            return text in process.output()
        assert spin_until(node, lambda: goes_on(
            "nothing on '/east/yolo_heatmap/positions' for 5 s"))
        assert 'several nodes' not in process.output()  # the other one has sent nothing

        def both_go_on():
            other.publish(positions_message(seen([[2.0, 2.0]]), header(
                BEGIN + 10.05 + 0.1 * next(steps))))
            return goes_on("'/west/yolo_heatmap' is the name of several nodes")
        assert spin_until(node, both_go_on)
        status, values = site.status()
        assert status.level == DiagnosticStatus.WARN
        assert values['frames unusable'] == '2'
        assert "'/east/yolo_heatmap' is silent" in values['problem']
        assert "'/west/yolo_heatmap' is published by several nodes" in values['problem']
        assert 'late' in values['camera /west/yolo_heatmap']
        node.destroy_publisher(other)
        assert len(site.walk((1.0, 1.0), (3.0, 1.0), since=BEGIN + 100.0,
                             cameras=('west', 'east')).places) == 1
        assert process.stop(signal.SIGTERM) == 0


@pytest.mark.parametrize('parameters, reason', [
    ({'heatmap_nodes': ''}, "parameter 'heatmap_nodes': must name the heatmap nodes to fuse"),
    ({'heatmap_nodes': '[/a, /b, /a]'}, "parameter 'heatmap_nodes': has '/a' twice"),
    ({'heatmap_nodes': '[/a b]'}, "parameter 'heatmap_nodes': has '/a b', which is no name"),
    ({'heatmap_nodes': '[/]'}, "parameter 'heatmap_nodes': has '', which is no name"),
    ({'heatmap_nodes': '[/ä, 9]'}, "parameter 'heatmap_nodes': has '/ä', which is no name"),
    ({'classes': '[0]'}, "parameter 'classes': '[0]' has an id"),
    ({'ground.extent': '[500000, 0, 500010, 9]'}, "parameter 'ground.extent': "),
    ({'ground.extent': ''}, "parameter 'ground.extent': must be given"),
    ({'ground.extent': '[0, 0, 9e4, 9e4]'}, "parameters 'ground': ground.extent has"),
    ({'regions': '[a: [[0, 0], [1, 1]]]'}, "parameter 'regions': region 'a'"),
])
def test_parameters_that_make_no_floor(parameters, reason):
    given = {'heatmap_nodes': '[/a]', 'ground.extent': '[0, 0, 12, 8]', **parameters}
    with pytest.raises(ParameterError) as caught:
        floor_configuration({spec.name: spec.checked(given.get(spec.name, spec.default))
                             for spec in FLOOR_PARAMETERS})
    assert str(caught.value).startswith(reason) and '\n' not in str(caught.value)


def test_what_cameras_see_of_a_large_floor():
    """Wherever it is, and only what they see."""
    picture = MapPicture((0.0, 0.0, 300.0, 300.0), 0.5, 0.3)
    floor = FloorLayer(GroundPlane(None, 0.5, picture.extent, 0.3), *picture.shape,
                       counts=lambda box: True)
    area = np.array([(290.0, 0.0), (300.0, 0.0), (300.0, 10.0), (290.0, 10.0)])
    for areas in ((), (area,), (area,)):
        floor.look(MapView(picture.matrix, picture=picture, areas=areas))
        assert floor.new_warnings() == []
    rows, columns = np.nonzero(floor.seen)
    assert (rows.min(), columns.min(), columns.max()) == (0, 580, 599)
    assert rows.max() in (19, 20) and len(rows) >= 400
    floor.look(MapView(picture.matrix, picture=picture, areas=(area, area - (290.0, 0.0))))
    assert floor.seen[:19, :19].all() and not floor.seen[:, 30:570].any()


def test_places_and_pixels():
    """The floor from above: y goes up, and a box stands on its place."""
    picture = MapPicture((-2.0, 1.0, 4.0, 5.0), 0.5, 0.5)
    assert picture.shape == (8, 12)
    places = np.array([(-2.0, 1.0), (4.0, 5.0), (0.25, 2.75)])
    assert picture.pixels(places).tolist() == [[0.0, 8.0], [12.0, 0.0], [4.5, 4.5]]
    view = MapView(picture.matrix, picture=picture, areas=(
        np.array([(-2.0, 1.0), (0.0, 1.0), (0.0, 5.0), (-2.0, 5.0)]),))
    assert view.to_metres(picture.pixels(places)) == pytest.approx(places)
    boxes = picture.boxes(places)
    assert view.to_metres(np.c_[(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]]) == pytest.approx(
        places)
    inside = np.array([(-1.0, 2.0), (1.0, 2.0), (-3.0, 2.0), (-1.0, 9.0)])
    assert view.shows(inside, 8, 12).tolist() == [True, False, False, False]
