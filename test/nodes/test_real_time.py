"""The node under load: nothing piles up, nothing is made in vain, nothing is left behind."""

import re
import threading
import time

import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from ros_processes import (
    change_state, image_message, NodeProcess, Pictures, spin_until, state, wait_until_matched)
from sensor_msgs.msg import Image
from yolo_heatmap_ros.nodes.heatmap_node import HeatmapNode

NAME = '/yolo_heatmap'


class Flood:
    """A camera that publishes small frames as fast as it is told, from a thread of its own."""

    def __init__(self, node, frame, rate):
        self.publisher = node.create_publisher(
            Image, 'image', QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE))
        self._message = image_message(frame)
        self._period = 1.0 / rate
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.count = 0

    def _run(self):
        while not self._stop.wait(self._period):
            self.publisher.publish(self._message)
            self.count += 1

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


@pytest.fixture
def weights(street):
    return str(street / 'street.pt')


@pytest.fixture
def small(street_frames):
    return street_frames[0][::2, ::2].copy()


def test_skipped_frames_are_counted(node, weights, small):
    with NodeProcess('heatmap_node', {'weights': weights, 'imgsz': 1280}) as process:
        process.wait_for_output('listening')
        pictures = Pictures(node, f'{NAME}/heatmap')
        camera = Flood(node, small, 100)
        wait_until_matched(node, NAME, camera.publisher, pictures.subscription)
        with camera:
            assert spin_until(node, lambda: len(pictures) > 12)
        spin_until(node, lambda: False, 0.5)
        assert change_state(node, NAME, 'deactivate')
        processed, skipped, unusable = map(int, re.search(
            r'(\d+) frames processed, (\d+) skipped, (\d+) unusable', process.output()).groups())
        assert unusable == 0
        assert 10 < processed < 0.7 * camera.count
        # Nobody hears of those that come after the last one that the node has taken.
        assert camera.count - 10 <= processed + skipped <= camera.count
        assert 0 < len(pictures) <= processed


def test_overflow_of_the_queue_is_told(node, weights, small):
    with NodeProcess('heatmap_node', {'weights': weights, 'imgsz': 1280, 'frame_policy': 'all',
                                      'queue_depth': 3}) as process:
        process.wait_for_output('listening')
        with Flood(node, small, 100):
            process.wait_for_output('frames lost so far: the camera is faster')
        assert process.output().count('queue of 3 frames (queue_depth) is full') == 1
        assert process.stop() == 0


def test_transitions_under_traffic(node, weights, small):
    """Round and round, while frames arrive; the node works on afterwards."""
    with NodeProcess('heatmap_node', {'weights': weights, 'imgsz': 320}) as process:
        process.wait_for_output('listening')
        pictures = Pictures(node, f'{NAME}/composite')
        with Flood(node, small, 60):
            for _ in range(3):
                for transition in ('deactivate', 'activate', 'deactivate', 'cleanup',
                                   'configure', 'activate'):
                    assert change_state(node, NAME, transition), process.output()
            count = len(pictures)
            assert spin_until(node, lambda: len(pictures) > count + 20)
            assert state(node, NAME) == 'active'
        assert process.stop() == 0
        assert 'Traceback' not in process.output()
        assert 'ERROR' not in process.output()


@pytest.fixture
def executor():
    rclpy.init(args=['test', '--ros-args', '-p', 'imgsz:=320', '-p', 'frame_policy:=all'])
    created = SingleThreadedExecutor()
    yield created
    created.shutdown()
    rclpy.try_shutdown()


def test_only_what_is_watched_is_drawn(executor, weights, small):
    node = HeatmapNode(parameter_overrides=[
        rclpy.Parameter('weights', value=weights), rclpy.Parameter('imgsz', value=320)])
    viewer = rclpy.create_node('viewer')
    executor.add_node(node)
    executor.add_node(viewer)
    assert node.bring_up()
    camera = viewer.create_publisher(Image, 'image', 10)
    drawn = []
    render = node._pipeline.render

    def spy(frame, **pictures):
        drawn.append(set(pictures))
        render(frame, **pictures)
    node._pipeline.render = spy

    def show(count):
        counts = node._diagnostics.statistics.counts
        before = counts['processed']
        while counts['processed'] < before + count:
            camera.publish(image_message(small))
            executor.spin_once(timeout_sec=0.2)
        node._pictures.wait_until_published()

    def wait_until_watched(topic):
        publisher, = (one for one in node.publishers if one.topic_name == f'{NAME}/{topic}')
        while not publisher.get_subscription_count():
            executor.spin_once(timeout_sec=0.05)
    show(3)
    assert drawn == []
    heatmaps = Pictures(viewer, f'{NAME}/heatmap')
    wait_until_watched('heatmap')
    show(3)
    assert drawn == [{'heatmap'}] * 3
    Pictures(viewer, f'{NAME}/composite')
    wait_until_watched('composite')
    show(2)
    assert drawn[3:] == [{'heatmap', 'composite'}] * 2
    end = time.monotonic() + 5.0
    while len(heatmaps) < 5 and time.monotonic() < end:
        executor.spin_once(timeout_sec=0.05)
    assert len(heatmaps) == 5
    assert any(thread.name == 'pictures' for thread in threading.enumerate())
    node.destroy_node()
    viewer.destroy_node()
    assert not any(thread.name == 'pictures' for thread in threading.enumerate())


def test_pictures_beside_the_model_are_those_of_their_frame(executor, weights, street_frames):
    """Drawn in a thread while the model goes on: still the heat of that frame, not of the next."""
    from yolo_heatmap_ros.detectors.yolo import YoloDetector
    from yolo_heatmap_ros.drawing.renderer import HeatRenderer
    from yolo_heatmap_ros.ros.messages.images import to_frame
    from yolo_heatmap_ros.pipeline import HeatmapPipeline
    frames = [frame[::2, ::2].copy() for frame in street_frames[:30]]
    node = HeatmapNode(parameter_overrides=[rclpy.Parameter('weights', value=weights)])
    viewer = rclpy.create_node('viewer')
    executor.add_node(node)
    executor.add_node(viewer)
    assert node.bring_up()
    camera = viewer.create_publisher(Image, 'image', 50)
    heatmaps = Pictures(viewer, f'{NAME}/heatmap')
    publisher, = (one for one in node.publishers if one.topic_name == f'{NAME}/heatmap')
    while not (camera.get_subscription_count() and publisher.get_subscription_count()):
        executor.spin_once(timeout_sec=0.05)
    for seconds, frame in enumerate(frames):
        camera.publish(image_message(frame, seconds))
    end = time.monotonic() + 30.0
    while len(heatmaps) < len(frames) and time.monotonic() < end:
        executor.spin_once(timeout_sec=0.1)
    pipeline = HeatmapPipeline(YoloDetector(weights, imgsz=320), HeatRenderer())
    expected = np.empty_like(frames[0])
    for message, frame in zip(heatmaps.messages, frames):
        pipeline.update(frame)
        pipeline.render(frame, heatmap=expected)
        assert np.array_equal(to_frame(message), expected)
    assert len(heatmaps) == len(frames)
    node.destroy_node()
    viewer.destroy_node()
