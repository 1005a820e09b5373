"""Ignored areas of running nodes: with a model, and with detections of another node."""

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
import pytest
from ros_processes import (
    image_message, NodeProcess, set_parameters, spin_until, wait_until_matched)
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from yolo_heatmap_ros.config.shapes import parse_polygons
from yolo_heatmap_ros.drawing.renderer import HeatRenderer
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.heat.options import HeatOptions
from yolo_heatmap_ros.pipeline import HeatmapPipeline
from yolo_heatmap_ros.ros.frame_input import FrameInput
from yolo_heatmap_ros.ros.messages.detections import (
    Detection2DArray, DetectionReader, detections_message)

NAME = '/yolo_heatmap'
ALL = '[all: [[0, 0], [1, 0], [1, 1], [0, 1]]]'
RIGHT = '[mirror: [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]]'
PEOPLE = [(100, 100, 120, 200), (400, 100, 420, 200)]


@pytest.mark.parametrize('detector', ['yolo', 'topic'])
def test_set_while_it_runs(node, street, street_frames, detector):
    """Objects there are counted from the next frame on, and no more."""
    parameters = {'detector': detector, 'weights': str(street / 'street.pt'), 'imgsz': 320,
                  'regions': ALL, 'frame_policy': 'all'}
    if detector == 'topic':
        if Detection2DArray is None:
            pytest.skip('vision_msgs is not installed')
        parameters['blank_size'] = '[640, 480]'
    counts = []
    with NodeProcess('heatmap_node', parameters) as process:
        process.wait_for_output('listening to')
        subscription = node.create_subscription(DiagnosticArray, f'{NAME}/regions',
                                                counts.append, 10)
        kind, topic = (Image, 'image') if detector == 'yolo' else (Detection2DArray, 'detections')
        publisher = node.create_publisher(kind, topic, 10)
        wait_until_matched(node, NAME, publisher, subscription)

        def counted(stamp):
            """Publish a frame, and return how many objects are in the picture."""
            counts.clear()
            message = (image_message(street_frames[0]) if detector == 'yolo' else
                       detections_message(Detections.from_boxes(PEOPLE), {}, Header()))
            message.header.stamp.sec = stamp
            publisher.publish(message)
            assert spin_until(node, lambda: counts)
            return int({one.key: one.value for one in counts[0].status[0].values}['objects'])
        everybody = counted(1)
        assert set_parameters(node, NAME, ignored_areas=RIGHT).successful
        assert 0 < counted(2) < everybody
        refused = set_parameters(node, NAME, ignored_areas=ALL)
        assert refused.reason == ("parameter 'ignored_areas': 'all' is the name of a region, too; "
                                  'give the area another one')
        assert set_parameters(node, NAME, ignored_areas='').successful
        assert counted(3) == everybody
        assert process.stop() == 0


def test_detections_of_another_node():
    """Dropped where they come in, also where vision_msgs is not installed."""
    pipeline = HeatmapPipeline(DetectionReader(), HeatRenderer(), HeatOptions(
        ignored_areas=parse_polygons(RIGHT)))
    taken = []
    source = FrameInput(None, {'max_rate': 0.0}, 1, pipeline, None, None,
                        lambda header, frame, detections: taken.append(detections))
    source._process_due(Header(), np.zeros((480, 640, 3), np.uint8),
                        Detections.from_boxes(PEOPLE))
    assert taken[0].xyxy.tolist() == [list(PEOPLE[0])]
