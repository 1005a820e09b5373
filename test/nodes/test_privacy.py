"""No topic and no snapshot of a node shows people, over DDS."""

import cv2
import numpy as np
import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy
from ros_processes import (
    call, image_message, NodeProcess, Pictures, set_parameters, spin_until, wait_until_matched)
from sensor_msgs.msg import CompressedImage, Image
from std_srvs.srv import Trigger
from yolo_heatmap_ros.detectors.yolo import YoloDetector
from yolo_heatmap_ros.drawing.anonymize import FLAT
from yolo_heatmap_ros.ros.messages.images import to_frame
from yolo_heatmap_ros.storage.snapshots import newest

NAME = '/yolo_heatmap'
TOPICS = ('heatmap', 'composite')


class Doors:
    """Shows frames to the node, and collects what it shows of them."""

    def __init__(self, node):
        self._node = node
        reliable = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
        self._publisher = node.create_publisher(Image, 'image', reliable)
        self._raw = {topic: Pictures(node, f'{NAME}/{topic}') for topic in TOPICS}
        self._compressed = {topic: [] for topic in TOPICS}
        subscriptions = [node.create_subscription(
            CompressedImage, f'{NAME}/{topic}/compressed', seen.append, reliable)
            for topic, seen in self._compressed.items()]
        wait_until_matched(node, NAME, self._publisher, *subscriptions,
                           *(one.subscription for one in self._raw.values()))
        self._count = 0

    def show(self, frames):
        """Publish frames and wait for each; return all pictures of the last one by topic."""
        for frame in frames:
            message = image_message(frame)
            message.header.stamp.sec, rest = divmod(self._count, 10)
            message.header.stamp.nanosec = rest * 100_000_000
            self._count += 1
            self._publisher.publish(message)
            assert spin_until(self._node, lambda: all(
                len(seen) >= self._count
                for seen in (*self._raw.values(), *self._compressed.values())))
        return {**{topic: to_frame(seen.messages[-1]) for topic, seen in self._raw.items()},
                **{f'{topic}/compressed': cv2.imdecode(
                    np.frombuffer(seen[-1].data, np.uint8), cv2.IMREAD_COLOR)
                   for topic, seen in self._compressed.items()}}


def halves(picture):
    return (picture,) if picture.shape[1] == 640 else (picture[:, :640], picture[:, 640:])


@pytest.fixture(scope='module')
def people(street, street_frames):
    """Return the middle of each person in the last frame, as slices of rows and columns."""
    detector = YoloDetector(str(street / 'street.pt'), device='cpu', imgsz=320, classes=['person'])
    boxes = detector.detect(street_frames[29]).xyxy.astype(int)
    found = [(slice(y0, y1), slice(x0, x1)) for x0, y0, x1, y1 in boxes.tolist()]
    assert found and all(street_frames[29][part].std() > 5 for part in found)
    return found


def test_all_doors(node, street, street_frames, people, tmp_path):
    """While it runs anonymize is switched on, then a background without people, then off."""
    frames = street_frames[:30]
    with NodeProcess('heatmap_node', {
            'weights': str(street / 'street.pt'), 'imgsz': 320, 'frame_policy': 'all',
            'alpha': 0.0, 'classes': 'car', 'snapshot_dir': str(tmp_path),
            'composite.compressed.format': 'png', 'heatmap.compressed.format': 'png'}) as process:
        process.wait_for_output("listening to '/image'")
        doors = Doors(node)
        shown = doors.show(frames[:2])
        assert all((half == frames[1]).all() for picture in shown.values()
                   for half in halves(picture))
        result = set_parameters(node, NAME, anonymize='silhouette')
        assert not result.successful and 'segmentation model' in result.reason
        assert set_parameters(node, NAME, anonymize='fill').successful
        # Before the next frame: that of before may not be shown any longer.
        assert call(node, Trigger, f'{NAME}/save', Trigger.Request()).success
        assert not list(tmp_path.rglob('*.png'))
        shown = doors.show(frames[2:])
        assert call(node, Trigger, f'{NAME}/save', Trigger.Request()).success
        saved = newest(tmp_path)[0]
        shown.update({path.name: cv2.imread(str(path)) for path in saved.glob('*.png')})
        assert len(shown) >= 6
        for name, picture in shown.items():
            for half in halves(picture):
                flat = (half == FLAT).all(axis=2)
                assert all(flat[part].mean() > 0.95 for part in people), name
                assert flat.mean() < 0.9, name
        assert set_parameters(node, NAME, background='clean').successful
        shown = doors.show(frames[-1:])
        assert all((picture == FLAT).all() for picture in shown.values())
        assert set_parameters(node, NAME, background='frame', anonymize='none').successful
        shown = doors.show(frames[-1:])
        assert all((half == frames[-1]).all() for picture in shown.values()
                   for half in halves(picture))


def test_a_class_that_the_model_does_not_know(node, street):
    """It is told when the node is configured, and does not show what nobody can hide."""
    with NodeProcess('heatmap_node', {
            'weights': str(street / 'street.pt'), 'imgsz': 320, 'anonymize': 'blur',
            'anonymize_classes': 'dog'}) as process:
        process.wait_for_output("parameter 'anonymize_classes': unknown class 'dog'")
