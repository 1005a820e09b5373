"""Flow on the floor from a lifecycle node, over DDS."""

import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from ros_processes import spin_until
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray
from yolo_heatmap_ros.build_pipeline import make_pipeline
from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.config.heatmap import HEATMAP_PARAMETERS
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.ros.floor_publisher import FloorPublisher
from yolo_heatmap_ros.ros.managed_node import ManagedNode
from yolo_heatmap_ros.ros.messages.detections import DetectionReader

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
GROUND = {'ground.matrix': '[0.02, 0, 0, 0, 0.02, 0, 0, 0, 1]', 'ground.extent': '[0, 0, 12, 9]',
          'ground.rate': 50.0}


@pytest.fixture
def floor_of(node):
    """Return what makes a floor publisher of an active node for given parameters."""
    made = []

    def make(**given):
        own = ManagedNode('walking')
        configuration = Configuration({
            spec.name: spec.checked({**GROUND, **given}.get(spec.name, spec.default))
            for spec in HEATMAP_PARAMETERS})
        pipeline = make_pipeline(configuration, print, lambda **_: DetectionReader())
        floor = FloorPublisher(own, pipeline, configuration)
        made.append((own, floor))
        own.trigger_configure()
        own.trigger_activate()
        return own, pipeline, floor
    yield make
    for own, floor in made:
        floor.close()
        own.destroy_node()


def test_flow_is_latched(node, floor_of):
    own, pipeline, floor = floor_of(flow=True, flow_resolution=1.0)
    frame = np.zeros((480, 640, 3), np.uint8)
    for number in range(31):
        box = (80 + 6 * number, 100, 120 + 6 * number, 225)
        detections = Detections.from_boxes([box])
        detections.track_id[:] = 1
        pipeline.add(frame, detections, number / 10)
    floor.show(Header())
    floor.refresh()
    clouds, arrows = [], []
    subscriptions = [node.create_subscription(kind, f'/walking/{name}', heard.append, LATCHED)
                     for kind, name, heard in ((PointCloud2, 'flow', clouds),
                                               (MarkerArray, 'flow_markers', arrows))]
    assert spin_until(node, lambda: clouds and arrows)
    values = np.frombuffer(bytes(clouds[0].data), '<f4').reshape(-1, 7)
    assert clouds[0].header.frame_id == 'map'
    np.testing.assert_allclose(values[:, :5], [
        (x + 0.5, 4.5, 0.0, 1.2, 0.0) for x in range(2, 6)], atol=0.01)
    assert values[:, 6].sum() == pytest.approx(3.0, abs=0.11)
    deleting, lines = arrows[0].markers
    assert deleting.action == Marker.DELETEALL and len(lines.points) == 4 * 6
    for subscription in subscriptions:
        node.destroy_subscription(subscription)


def test_without_flow_there_are_no_such_topics(floor_of):
    own, _, _ = floor_of()
    topics = {publisher.topic_name for publisher in own.publishers}
    assert '/walking/density' in topics and '/walking/flow' not in topics
