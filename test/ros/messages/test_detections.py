"""Detections as messages, out of the node and into it; needs vision_msgs."""

import time
from types import SimpleNamespace
import warnings

from following import Following
import numpy as np
import pytest
from ros_processes import (
    image_message, NodeProcess, Pictures, spin_until, wait_until_matched)
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from yolo_heatmap_ros.drawing.renderer import HeatRenderer
from yolo_heatmap_ros.heat.accumulator import HeatAccumulator
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.heat.options import HeatOptions
from yolo_heatmap_ros.pipeline import HeatmapPipeline
from yolo_heatmap_ros.ros.messages.detections import DetectionReader, detections_message, MISSING
from yolo_heatmap_ros.ros.stamp_matcher import MAX_WAITING, StampMatcher

NAME = '/yolo_heatmap'


@pytest.fixture
def vision_msgs():
    return pytest.importorskip('vision_msgs.msg', reason='vision_msgs is not installed: it is '
                               'part of ROS 2, but there is no wheel of it')


def header_at(seconds, nanoseconds=0):
    header = Header(frame_id='camera')
    header.stamp.sec, header.stamp.nanosec = seconds, nanoseconds
    return header


def some_detections():
    detections = Detections.from_boxes([(10, 20, 50, 120), (100, 40, 180, 90), (0, 0, 10, 10)])
    detections.class_id[:] = (0, 2, 0)
    detections.confidence[:] = (0.9, 0.8, 0.1)
    detections.track_id[:] = (7, -1, 3)
    return detections


def test_there_and_back(vision_msgs):
    sent = some_detections()
    message = detections_message(sent, {0: 'person', 2: 'car'}, header_at(5))
    first = message.detections[0]
    assert first.id == '7' and message.detections[1].id == ''
    assert first.results[0].hypothesis.class_id == 'person'
    assert first.results[0].hypothesis.score == pytest.approx(0.9)
    assert (first.bbox.center.position.x, first.bbox.center.position.y) == (30, 70)
    assert (first.bbox.size_x, first.bbox.size_y) == (40, 100)
    assert first.header == message.header == header_at(5)
    refused = []
    reader = DetectionReader(conf=0.25)
    received = reader.read(message, refused.append)
    assert not refused
    assert np.allclose(received.xyxy, sent.xyxy[:2])
    assert received.track_id.tolist() == [7, -1]
    assert [reader.names[number] for number in received.class_id] == ['person', 'car']
    assert received.confirmed.all()
    only_cars = DetectionReader(classes=['Car']).read(message, refused.append)
    assert only_cars.xyxy[:, 0].tolist() == [100]
    assert len(DetectionReader(max_det=1).read(message, refused.append)) == 1


def test_what_other_detectors_send(vision_msgs):
    """Ids that are no numbers, boxes that are turned, several hypotheses, and what is none."""
    message = detections_message(some_detections(), {0: 'person', 2: 'car'}, header_at(5))
    one, two, three = message.detections
    one.id, two.id, three.id = 'a-b', 'c-d', 'a-b'
    one.bbox.center.theta = np.pi / 2
    better = vision_msgs.ObjectHypothesisWithPose()
    better.hypothesis.class_id, better.hypothesis.score = 'bus', 0.95
    two.results.append(better)
    reader, refused = DetectionReader(conf=0.0), []
    received = reader.read(message, refused.append)
    assert [reader.names[number] for number in received.class_id] == ['bus', 'person', 'person']
    assert received.track_id[1] == received.track_id[2] != received.track_id[0]
    assert np.allclose(received.xyxy[1], (-20, 50, 80, 90))
    one.results[0].hypothesis.class_id = ' '
    two.results.clear()
    three.bbox.size_x = float('nan')
    assert not len(reader.read(message, refused.append))
    assert [line.partition(':')[0] for line in refused] == [
        'a detection without a class'] * 2 + ["the box of a 'person' is invalid"]


def test_names_and_ids_without_end(vision_msgs):
    reader, message = DetectionReader(), detections_message(some_detections(), {}, header_at(1))
    for number in range(30_000):
        message.detections[0].id = f'track {number}'
        message.detections[0].results[0].hypothesis.class_id = f'class {number}'
        reader.read(message, print)
    assert len(reader._ids) <= 10_000 and len(reader.names) <= 10_000


def test_matching_stamps():
    """In either order; what never finds its other half goes."""
    pairs, lost = [], []
    matcher = StampMatcher(lambda *pair: pairs.append(pair), lost.append)
    image = np.zeros((2, 2, 3), np.uint8)
    matcher.put_image(header_at(1), image)
    matcher.put_detections(header_at(1), 'A')
    matcher.put_detections(header_at(2, 5), 'B')
    matcher.put_image(header_at(2, 6), image)
    matcher.put_image(header_at(2, 5), image)
    assert pairs == [(header_at(1), image, 'A'), (header_at(2, 5), image, 'B')]
    for number in range(2000):
        matcher.put_image(header_at(10 + number), image)
        matcher.put_detections(header_at(10_000 + number), number)
    assert sum(lost) == 2000 + 1 - MAX_WAITING
    matcher.put_detections(header_at(2009), 'last')
    assert pairs[-1] == (header_at(2009), image, 'last')


@pytest.mark.parametrize('behind', [21, 200])
def test_a_detector_that_is_behind(behind):
    """Its images wait for it, as far as there is memory for them."""
    pairs, lost = [], []
    matcher = StampMatcher(lambda *pair: pairs.append(pair), lost.append)
    image = np.zeros((480, 640, 3), np.uint8)
    for number in range(300 + behind):
        if number < 300:
            matcher.put_image(header_at(number), image)
        if number >= behind:
            matcher.put_detections(header_at(number - behind), 'x')
    assert (len(pairs), lost) == (300, [])


def test_images_that_wait_take_little_memory():
    lost, large = [], np.broadcast_to(np.uint8(0), (4000, 3000, 3))
    matcher = StampMatcher(print, lost.append)
    for number in range(100):
        matcher.put_image(header_at(number), large)
    assert sum(lost) == 80


def start(**parameters):
    process = NodeProcess('heatmap_node', {'frame_policy': 'all', **parameters})
    process.wait_for_output('listening to')
    return process


def test_detections_of_the_model(node, vision_msgs, street, street_frames):
    """Every box, score and id that the model has found, with the header of the image."""
    seen = []
    subscription = node.create_subscription(
        vision_msgs.Detection2DArray, f'{NAME}/detections', seen.append, 50)
    with start(weights=str(street / 'street.pt')) as process:
        camera = node.create_publisher(Image, 'image', 50)
        wait_until_matched(node, NAME, camera, subscription)
        tracker = Following(str(street / 'street.pt'))
        for number, frame in enumerate(street_frames[:6]):
            camera.publish(image_message(frame, number))
            assert spin_until(node, lambda: len(seen) > number)
            expected = detections_message(tracker.track(frame), tracker.detector.names,
                                          image_message(frame, number).header)
            assert seen[-1] == expected
        assert len(expected.detections) > 5
        assert process.stop() == 0


def detection_messages(frames):
    """Return one person who walks, as messages of stamps 1, 2, ... s, and the true heat."""
    heat, messages = HeatAccumulator(480, 640, HeatOptions()), []
    for number in range(frames):
        detections = Detections.from_boxes([(50 + 20 * number, 100, 90 + 20 * number, 200)])
        detections.track_id[:] = 1
        heat.update(detections, number + 1.0)
        messages.append(detections_message(detections, {0: 'person'}, header_at(number + 1)))
    return messages, heat.total.heat()


NO_BOX, NO_CLASS, TOO_LONG = 'is invalid', 'a detection without a class', 'longer than 256'


@pytest.mark.faults
@pytest.mark.parametrize('what, reason', [
    ({'x': np.nan}, NO_BOX), ({'y': np.nan}, NO_BOX), ({'x': 1e300}, NO_BOX),
    ({'theta': np.inf}, NO_BOX), ({'theta': np.nan}, NO_BOX), ({'theta': 1e300}, ''),
    ({'size_x': np.inf}, NO_BOX), ({'size_y': 1e300}, NO_BOX), ({'size_x': -1.0}, NO_BOX),
    ({'size_x': 1e9}, ''), ({'size_y': 0.0}, ''), ({'score': np.nan}, NO_CLASS),
    ({'score': np.inf}, ''), ({'class_id': ' \n'}, NO_CLASS),
    ({'class_id': 'a' * 100_000}, TOO_LONG), ({'id': 'a' * 100_000}, TOO_LONG),
    ({'class_id': 'a\n[INFO] b', 'y': np.nan}, 'a?[INFO] b')])
def test_odd_detections(what, reason):
    """Read as attributes alone: these run without vision_msgs too."""
    numbers = {'x': 50.0, 'y': 60.0, 'theta': 0.5, 'size_x': 20.0, 'size_y': 40.0, 'score': 0.9,
               'class_id': 'person', 'id': '1', **what}
    pose = SimpleNamespace(position=SimpleNamespace(x=numbers['x'], y=numbers['y']),
                           theta=numbers['theta'])
    odd = SimpleNamespace(
        id=numbers['id'], bbox=SimpleNamespace(
            center=pose, size_x=numbers['size_x'], size_y=numbers['size_y']),
        results=[SimpleNamespace(hypothesis=SimpleNamespace(
            class_id=numbers['class_id'], score=numbers['score']))])
    reader, refused = DetectionReader(), []
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        detections = reader.read(SimpleNamespace(detections=[odd]), refused.append)
        HeatAccumulator(100, 100, HeatOptions()).update(detections, 1.0)
    assert len(detections) == (not reason)
    assert len(refused) == bool(reason)
    assert all(reason in line and len(line) < 200 and line.isprintable() for line in refused)


@pytest.mark.faults
def test_a_node_outlives_odd_detections(node, vision_msgs):
    messages, _ = detection_messages(3)
    with start(detector='topic', blank_size='[640, 480]') as process:
        heats = Pictures(node, f'{NAME}/heat')
        detector = node.create_publisher(vision_msgs.Detection2DArray, 'detections', 50)
        wait_until_matched(node, NAME, detector, heats.subscription)
        odd = messages[1].detections[0]
        odd.bbox.center.theta, odd.bbox.size_x = float('inf'), 1e300
        for number, message in enumerate(messages):
            detector.publish(message)
            assert spin_until(node, lambda: len(heats) > number), process.output()
        assert process.stop() == 0
        assert 'Warning' not in process.output()
        assert process.output().count('detection skipped') == 1


def test_another_detector_with_images(node, vision_msgs, street_frames):
    messages, expected = detection_messages(6)
    with start(detector='topic') as process:
        assert 'no model: detections of another node' in process.output()
        assert "listening to '/image' and '/detections'" in process.output()
        heats = Pictures(node, f'{NAME}/heat')
        camera = node.create_publisher(Image, 'image', 50)
        detector = node.create_publisher(vision_msgs.Detection2DArray, 'detections', 50)
        wait_until_matched(node, NAME, camera, detector, heats.subscription)
        for number, message in enumerate(messages):
            picture = image_message(street_frames[number], number + 1)
            picture.header.stamp.nanosec = 0
            for publish in (lambda: camera.publish(picture), lambda: detector.publish(message))[
                    ::1 if number % 2 else -1]:
                publish()
                time.sleep(0.05)
            assert spin_until(node, lambda: len(heats) > number)
        heat = np.frombuffer(heats.messages[-1].data, np.float32).reshape(480, 640)
        assert np.array_equal(heat, expected)
        assert heats.messages[-1].header.frame_id == 'camera_optical_frame'
        bad = messages[0]
        bad.detections[0].results.clear()
        detector.publish(bad)
        process.wait_for_output('detection skipped: a detection without a class')
        assert process.stop() == 0


def test_another_detector_without_images(node, vision_msgs):
    messages, expected = detection_messages(6)
    with start(detector='topic', blank_size='[640, 480]') as process:
        assert "listening to '/detections'," in process.output()
        heats = Pictures(node, f'{NAME}/heat')
        detector = node.create_publisher(vision_msgs.Detection2DArray, 'detections', 50)
        wait_until_matched(node, NAME, detector, heats.subscription)
        for message in messages:
            detector.publish(message)
        assert spin_until(node, lambda: len(heats) == 6)
        heat = np.frombuffer(heats.messages[-1].data, np.float32).reshape(480, 640)
        assert np.array_equal(heat, expected)
        assert process.stop() == 0


def test_without_vision_msgs():
    """Where it is not installed, the topics are missing, and the log says what to install."""
    try:
        import vision_msgs.msg  # noqa: F401
        pytest.skip('vision_msgs is installed here')
    except ImportError:
        pass
    with NodeProcess('heatmap_node', {'detector': 'topic'}) as process:
        assert process.wait() == 1
        assert f"parameter 'detector': {MISSING}" in process.output()


def test_counts_by_class_go_on_before_the_first_detection():
    """Saved counts are by name, and a reader does not know any before it has seen one."""
    options = HeatOptions(lines={'gate': np.array([[320, 0], [320, 480]], np.float32)})
    frame = np.zeros((480, 640, 3), np.uint8)
    saved = None
    for number in (1, 2):
        pipeline = HeatmapPipeline(DetectionReader(), HeatRenderer(), options)
        if saved is not None:
            pipeline.restore(saved)
            assert pipeline.line_counts() == saved.lines
        person = pipeline.detector.class_ids(['person'])[0]
        for step in range(30):
            walker = Detections.from_boxes([(200 + 8 * step, 200, 220 + 8 * step, 260)])
            walker.track_id[:], walker.class_id[:] = number, person
            pipeline.add(frame, walker, 100.0 * number + step / 10)
        saved = pipeline.state()
    assert saved.lines['gate']['backward'] == 2
    assert saved.lines['gate']['by_class']['person']['backward'] == 2
