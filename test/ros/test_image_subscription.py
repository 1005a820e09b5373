"""What a subscription says of publishers whose images cannot arrive."""

import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.topic_endpoint_info import TopicEndpointInfo
from sensor_msgs.msg import Image
from yolo_heatmap_ros.ros import image_subscription
from yolo_heatmap_ros.ros.barrier import GuardedNode
from yolo_heatmap_ros.ros.image_subscription import ImageSubscription, NAMED_WITHIN, UNKNOWN


class Told:
    """A logger that keeps its lines."""

    def __init__(self):
        self.lines = []

    def error(self, line):
        """Keep a line."""
        self.lines.append(line)


@pytest.fixture
def subscription(node, monkeypatch):
    """Return a reliable subscription with a clock of its own, and what its node logs."""
    own, told = GuardedNode('watcher'), Told()
    monkeypatch.setattr(own, 'get_logger', lambda: told)
    clock = [0.0]
    monkeypatch.setattr(image_subscription.time, 'monotonic', lambda: clock[0])
    created = ImageSubscription(own, Image, 'image', print, print, 'reliable')
    yield created, told.lines, clock
    created.destroy()
    own.destroy_node()


def publisher(name):
    """Return a best-effort publisher as rmw describes it."""
    return TopicEndpointInfo(
        node_name=name, node_namespace='/' if name != UNKNOWN else '_NODE_NAMESPACE_UNKNOWN_',
        endpoint_gid=[7] * 16, qos_profile=QoSProfile(
            depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))


def test_a_name_that_follows_is_waited_for(subscription):
    """A publisher may be known before its node is: it is one publisher, told once."""
    created, lines, clock = subscription
    created._report_incompatible(publisher(UNKNOWN))
    assert not lines
    clock[0] += NAMED_WITHIN / 2
    for _ in range(2):
        created._report_incompatible(publisher('camera'))
    (line,) = lines
    assert 'that /camera offers are incompatible' in line


def test_a_publisher_without_a_node(subscription):
    """A DDS program that is no node never gets a name."""
    created, lines, clock = subscription
    for _ in range(2):
        created._report_incompatible(publisher(UNKNOWN))
        clock[0] += NAMED_WITHIN
    created._report_incompatible(publisher(UNKNOWN))
    (line,) = lines
    assert 'that a publisher without a node name offers are incompatible' in line
