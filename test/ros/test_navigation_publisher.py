"""Masks for Nav2 from a lifecycle node, over DDS; with what describes them, if it is installed."""

from builtin_interfaces.msg import Time
from nav_msgs.msg import OccupancyGrid
import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from ros_processes import spin_until
from std_msgs.msg import Header
from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.config.navigation import NAVIGATION_PARAMETERS
from yolo_heatmap_ros.heat.ground import GroundPlane
from yolo_heatmap_ros.heat.navigation_masks import KEEPOUT_RULE, SPEED_RULE
from yolo_heatmap_ros.ros import navigation_publisher
from yolo_heatmap_ros.ros.managed_node import ManagedNode
from yolo_heatmap_ros.ros.messages.navigation import (
    filter_info_message, FloorPerson, mask_message, MISSING_NAV2, people_message)
from yolo_heatmap_ros.ros.navigation_publisher import NavigationPublisher

NAME = '/crowds'
PLANE = GroundPlane(np.eye(3), 0.5, (-3.0, 4.0, 0.0, 6.0))  # 4 rows of 6 cells
LATCHED = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL,
                     reliability=ReliabilityPolicy.RELIABLE)  # as Nav2's filters ask for


def configured(**given):
    values = {spec.name: spec.checked(spec.default) for spec in NAVIGATION_PARAMETERS}
    return Configuration({**values, 'nav.rate': 100.0,
                          **{f'nav.{name}': value for name, value in given.items()}})


def some_heat(*cells):
    """Return heat in s at (row, column, heat), and that all but the last column is known."""
    heat, known = np.zeros((4, 6), np.float32), np.ones((4, 6), bool)
    known[:, 5] = False
    for row, column, amount in cells:
        heat[row, column] = amount
    return heat, known


@pytest.fixture
def own(node):
    """Return a lifecycle node beside the test's."""
    created = ManagedNode('crowds')
    yield created
    created.destroy_node()


class Masks:
    """Collects the latched messages of a topic."""

    def __init__(self, node, topic, message_type=OccupancyGrid):
        self.messages = []
        self.subscription = node.create_subscription(message_type, f'{NAME}/{topic}',
                                                     self.messages.append, LATCHED)

    def stamps(self):
        return [message.header.stamp.sec for message in self.messages]

    def cells(self):
        grid = self.messages[-1]
        return np.array(grid.data, np.int8).reshape(grid.info.height, grid.info.width)


def matched(*seen):
    return all(one.subscription.get_publisher_count() for one in seen)


def test_masks_that_have_changed(node, own):
    """The first at once, others when cells change; who comes later gets the last."""
    publisher = NavigationPublisher(own, configured(speed_low=10.0, speed_high=20.0,
                                                    keepout=30.0))
    speed, keepout = Masks(node, 'speed_mask'), Masks(node, 'keepout_mask')
    assert spin_until(node, lambda: matched(speed, keepout))
    heat, known = some_heat((1, 2, 15.0), (2, 5, 99.0))
    own.trigger_configure()
    publisher.show(heat, known, PLANE, Time(sec=1), 'floor')  # not active: nobody hears of it
    own.trigger_activate()
    publisher.show(heat, known, PLANE, Time(sec=2), 'floor')
    publisher.publish()
    assert spin_until(node, lambda: speed.messages and keepout.messages)
    publisher.show(heat + np.float32(0.01), known, PLANE, Time(sec=3), 'floor')
    publisher.publish()
    publisher.show(*some_heat((1, 2, 25.0), (2, 5, 99.0)), PLANE, Time(sec=4), 'floor')
    publisher.publish()
    assert spin_until(node, lambda: len(speed.messages) == 2)
    publisher.show(*some_heat((1, 2, 35.0)), PLANE, Time(sec=5), 'floor')
    publisher.publish()
    assert spin_until(node, lambda: len(keepout.messages) == 2)
    assert (speed.stamps(), keepout.stamps()) == ([2, 4], [2, 5])
    late = Masks(node, 'speed_mask'), Masks(node, 'keepout_mask')
    assert spin_until(node, lambda: all(one.messages for one in late))
    assert [one.stamps() for one in late] == [[4], [5]]
    publisher.close()
    assert spin_until(node, lambda: not matched(speed) and not matched(keepout))


def test_where_the_cells_are(node, own):
    """Upright, in the floor's frame; a speed mask has a margin of 2 m, and no -1."""
    publisher = NavigationPublisher(own, configured(speed_low=10.0, speed_high=20.0,
                                                    keepout_low=5.0, keepout=30.0))
    own.trigger_configure()
    own.trigger_activate()
    publisher.show(*some_heat((1, 2, 15.0), (3, 0, 40.0), (2, 5, 99.0)), PLANE,
                   Time(sec=7, nanosec=8), 'floor')
    speed, keepout = Masks(node, 'speed_mask'), Masks(node, 'keepout_mask')
    assert spin_until(node, lambda: speed.messages and keepout.messages)
    for seen, origin in ((speed, (-5.0, 2.0)), (keepout, (-3.0, 4.0))):
        grid = seen.messages[0]
        assert grid.header == Header(stamp=Time(sec=7, nanosec=8), frame_id='floor')
        assert (grid.info.resolution, grid.info.map_load_time) == (0.5, grid.header.stamp)
        assert (grid.info.origin.position.x, grid.info.origin.position.y) == origin
        turn = grid.info.origin.orientation
        assert (turn.x, turn.y, turn.z, turn.w) == (0.0, 0.0, 0.0, 1.0)
    expected = np.zeros((4, 6), int)
    expected[1, 2], expected[3, 0] = 35, 70
    assert np.array_equal(speed.cells(), np.pad(expected, 4))
    expected = np.full((4, 6), -1)
    expected[1, 2], expected[3, 0] = 40, 100
    assert np.array_equal(keepout.cells(), expected)


def test_masks_that_nobody_wants(node, own):
    """There are no topics; a parameter makes them, and empties them once it is 0 again."""
    publisher = NavigationPublisher(own, configured())
    own.trigger_configure()
    own.trigger_activate()
    publisher.show(*some_heat((1, 2, 15.0)), PLANE, Time(sec=1), 'floor')
    topics = [f'{NAME}/{name}' for name in ('speed_mask', 'keepout_mask', 'speed_filter_info',
                                            'keepout_filter_info')]
    assert not publisher.wanted
    assert [own.count_publishers(topic) for topic in topics] == [0] * 4
    publisher.configuration = configured(keepout=10.0)
    publisher.publish()
    keepout = Masks(node, 'keepout_mask')
    assert publisher.wanted and own.count_publishers(topics[0]) == 0
    assert spin_until(node, lambda: keepout.messages)
    assert keepout.cells().max() == 100
    publisher.configuration = configured(speed_high=10.0)
    publisher.publish()
    speed = Masks(node, 'speed_mask')
    assert spin_until(node, lambda: speed.messages and len(keepout.messages) == 2)
    assert (keepout.cells() == -1).all() and speed.cells().max() == 70
    publisher.configuration = configured()
    publisher.publish()
    assert spin_until(node, lambda: len(speed.messages) == 2)
    assert not speed.cells().any()


def test_the_timer_publishes(node, own):
    publisher = NavigationPublisher(own, configured(keepout=30.0))
    own.trigger_configure()
    own.trigger_activate()
    keepout = Masks(node, 'keepout_mask')
    publisher.show(*some_heat(), PLANE, Time(sec=1), 'floor')
    assert spin_until(node, lambda: keepout.messages)
    publisher.show(*some_heat((0, 0, 30.0)), PLANE, Time(sec=2), 'floor')
    assert spin_until(own, lambda: publisher._keepout._last[-1].count(100) == 1)
    assert spin_until(node, lambda: keepout.stamps() == [1, 2])


def test_what_filters_are_told(node, own):
    """Once, by the full name of the mask's topic, and to late joiners."""
    nav2_msgs = pytest.importorskip('nav2_msgs.msg', reason='nav2_msgs is not installed')
    publisher = NavigationPublisher(own, configured(speed_high=20.0, keepout=30.0))
    infos = [Masks(node, f'{name}_filter_info', nav2_msgs.CostmapFilterInfo)
             for name in ('speed', 'keepout')]
    assert spin_until(node, lambda: matched(*infos))
    own.trigger_configure()
    own.trigger_activate()
    speed = Masks(node, 'speed_mask')
    for second in (1, 2):
        publisher.show(*some_heat((1, 2, 10.0 * second)), PLANE, Time(sec=second), 'floor')
        publisher.publish()
        assert spin_until(node, lambda: speed.stamps() and speed.stamps()[-1] == second)
    assert spin_until(node, lambda: all(one.messages for one in infos))
    late = [Masks(node, f'{name}_filter_info', nav2_msgs.CostmapFilterInfo)
            for name in ('speed', 'keepout')]
    assert spin_until(node, lambda: all(one.messages for one in late))
    for seen in (infos, late):
        assert [one.stamps() for one in seen] == [[1], [1]]
        (first,), (second,) = (one.messages for one in seen)
        assert first.header.frame_id == 'floor'
        assert (first.type, first.base, first.multiplier) == SPEED_RULE
        assert first.filter_mask_topic == f'{NAME}/speed_mask'
        assert (second.type, second.base, second.multiplier) == KEEPOUT_RULE
        assert second.filter_mask_topic == f'{NAME}/keepout_mask'


def test_the_type_of_an_info():
    """In the definition of the message: 0 for keepout, 1 for a limit in percent."""
    pytest.importorskip('nav2_msgs.msg', reason='nav2_msgs is not installed')
    for rule, kind in ((KEEPOUT_RULE, 0), (SPEED_RULE, 1)):
        assert filter_info_message(rule, '/mask', Header()).type == kind


def test_people():
    pytest.importorskip('people_msgs.msg', reason='people_msgs is not installed')
    header = Header(stamp=Time(sec=5), frame_id='floor')
    message = people_message([FloorPerson('7', 1.0, 2.0, 0.5, -0.25, 0.9),
                              FloorPerson('8', 3.0, 4.0, 0.0, 0.0, 0.5)], header)
    first, second = message.people
    assert message.header == header
    assert (first.name, second.name) == ('7', '8')
    assert (first.position.x, first.position.y, first.position.z) == (1.0, 2.0, 0.0)
    assert (first.velocity.x, first.velocity.y, first.velocity.z) == (0.5, -0.25, 0.0)
    assert (first.reliability, second.reliability) == (0.9, 0.5)
    assert people_message([], header).people == []


def test_without_nav2(node, own, monkeypatch):
    """Masks are there, and nothing that describes them."""
    monkeypatch.setattr(navigation_publisher, 'CostmapFilterInfo', None)
    publisher = NavigationPublisher(own, configured(keepout=30.0))
    own.trigger_configure()
    own.trigger_activate()
    publisher.show(*some_heat(), PLANE, Time(sec=1), 'floor')
    keepout = Masks(node, 'keepout_mask')
    assert spin_until(node, lambda: keepout.messages)
    assert own.count_publishers(f'{NAME}/keepout_filter_info') == 0
    assert 'ros-$ROS_DISTRO-nav2-msgs' in MISSING_NAV2


def test_a_mask_as_a_message():
    grid = mask_message(np.array([[-1, 0, 100]], np.int8), (1.5, -2.0), 0.25,
                        Header(frame_id='map'))
    assert (grid.info.height, grid.info.width, list(grid.data)) == (1, 3, [-1, 0, 100])
