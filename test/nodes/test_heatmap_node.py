"""The heatmap node as a process, over real DDS."""

import re
import signal
import time

import numpy as np
import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy
from ros_processes import (
    call, change_state, image_message, NodeProcess, Pictures, set_parameters, spin_until, state,
    wait_until_matched)
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from yolo_heatmap_ros.detectors.yolo import YoloDetector
from yolo_heatmap_ros.drawing.renderer import HeatRenderer
from yolo_heatmap_ros.pipeline import HeatmapPipeline
from yolo_heatmap_ros.ros.messages.images import to_frame

NAME = '/yolo_heatmap'
READY = "listening to '/image'"
RELIABLE = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
BEST_EFFORT = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)


@pytest.fixture
def weights(street):
    return str(street / 'street.pt')


def start(weights, fresh=False, **parameters):
    process = NodeProcess('heatmap_node', {'weights': weights, 'imgsz': 320,
                                           'frame_policy': 'all', **parameters}, fresh=fresh)
    process.wait_for_output(READY)
    return process


def expected_pictures(weights, frames, colormap='JET', **options):
    """Run the same pipeline here; yield heatmap and composite of every frame."""
    detector = YoloDetector(weights, **{'imgsz': 320, **options})
    pipeline = HeatmapPipeline(detector, HeatRenderer(colormap))
    for frame in frames:
        height, width = frame.shape[:2]
        heatmap = np.empty((height, width, 3), np.uint8)
        composite = np.empty((height, 2 * width, 3), np.uint8)
        pipeline.update(frame)
        pipeline.render(frame, heatmap, composite)
        yield heatmap, composite


def connect(node, *topics):
    """Return a camera and collectors of topics, all matched with the heatmap node."""
    camera = node.create_publisher(Image, 'image', RELIABLE)
    pictures = [Pictures(node, f'{NAME}/{topic}') for topic in topics]
    wait_until_matched(node, NAME, camera, *(one.subscription for one in pictures))
    return (camera, *pictures)


def test_both_pictures_pixels_and_headers(node, weights, street_frames):
    """All frames, in order, with the header of the camera, as the core draws them."""
    frames = street_frames[:25]
    with start(weights, fresh=True) as process:
        camera, heatmaps, composites = connect(node, 'heatmap', 'composite')
        for seconds, frame in enumerate(frames):
            camera.publish(image_message(frame, seconds))
            spin_until(node, lambda: len(composites) > seconds)
        assert spin_until(node, lambda: len(heatmaps) == len(composites) == len(frames))
        expected = expected_pictures(weights, frames)
        for seconds, (heatmap, composite) in enumerate(expected):
            for message, pixels in ((heatmaps.messages[seconds], heatmap),
                                    (composites.messages[seconds], composite)):
                assert message.header == image_message(frames[0], seconds).header
                assert message.encoding == 'bgr8'
                assert message.step == message.width * 3
                assert np.array_equal(to_frame(message), pixels)
        assert process.stop(signal.SIGINT) == 0
        assert 'Traceback' not in process.output()


def test_one_picture_alone(node, weights, street_frames):
    """What nobody subscribes to is not made, and the other is right all the same."""
    with start(weights) as process:
        camera, heatmaps = connect(node, 'heatmap')
        for seconds, frame in enumerate(street_frames[:6]):
            camera.publish(image_message(frame, seconds))
            assert spin_until(node, lambda: len(heatmaps) > seconds)
        for message, (heatmap, _) in zip(heatmaps.messages,
                                         expected_pictures(weights, street_frames[:6])):
            assert np.array_equal(to_frame(message), heatmap)
        assert process.stop(signal.SIGTERM) == 0


def test_best_effort_and_reliable_on_both_sides(node, weights, street_frames):
    """A best-effort camera is heard, and a best-effort viewer sees (small pictures, so all do)."""
    with start(weights) as process:
        camera = node.create_publisher(Image, 'image', BEST_EFFORT)
        reliable = Pictures(node, f'{NAME}/heatmap')
        best_effort = Pictures(node, f'{NAME}/heatmap', ReliabilityPolicy.BEST_EFFORT)
        process.wait_for_output('QoS reliability best_effort')
        assert spin_until(node, camera.get_subscription_count)
        small = street_frames[0][::4, ::4].copy()
        for seconds in range(20):
            camera.publish(image_message(small, seconds))
            spin_until(node, lambda: len(reliable) > seconds, 0.3)
        assert spin_until(node, lambda: len(reliable) > 2 and len(best_effort) > 2)

        node.destroy_publisher(camera)
        assert spin_until(node, lambda: not node.count_publishers('image'))
        camera = node.create_publisher(Image, 'image', RELIABLE)
        process.wait_for_output('QoS reliability reliable')
        assert spin_until(node, camera.get_subscription_count)
        seen = len(reliable)
        camera.publish(image_message(small, 99))
        assert spin_until(node, lambda: len(reliable) > seen)


def test_parameters_take_effect_without_losing_heat(node, weights, street_frames):
    frames = street_frames[:12]
    with start(weights) as process:
        camera, heatmaps = connect(node, 'heatmap')

        def show(seconds):
            camera.publish(image_message(frames[seconds], seconds))
            assert spin_until(node, lambda: len(heatmaps) > seconds)
            return to_frame(heatmaps.messages[seconds])
        for seconds in range(10):
            show(seconds)
        assert set_parameters(node, NAME, colormap='hot').successful
        hot = list(expected_pictures(weights, frames[:11], 'HOT'))[10][0]
        assert np.array_equal(show(10), hot)

        assert set_parameters(node, NAME, alpha=0, conf=1.0).successful
        assert np.array_equal(show(11), frames[11])

        for changes, reason in (
                ({'colormap': 'nope'}, "unknown colormap 'nope'"),
                ({'classes': ['dog']}, "unknown class 'dog'.*0 person, 1 car"),
                ({'weights': 'other.pt'}, 'only while the node is unconfigured'),
                ({'alpha': 0.3, 'colormap': 'nope'}, 'nope')):
            result = set_parameters(node, NAME, **changes)
            assert not result.successful
            assert re.search(reason, result.reason), result.reason
        assert process.running


def test_reset(node, weights, street_frames):
    with start(weights) as process:
        camera, heatmaps = connect(node, 'heatmap')
        for seconds in range(10):
            camera.publish(image_message(street_frames[seconds], seconds))
            assert spin_until(node, lambda: len(heatmaps) > seconds)
        assert not np.array_equal(to_frame(heatmaps.messages[-1]), street_frames[9])
        assert call(node, Trigger, f'{NAME}/reset', Trigger.Request()).success
        blank = np.full_like(street_frames[0], 60)
        camera.publish(image_message(blank, 10))
        assert spin_until(node, lambda: len(heatmaps) == 11)
        assert np.array_equal(to_frame(heatmaps.messages[10]), blank)
        assert 'all heat is reset' in process.output()


def test_another_resolution(node, weights, street_frames):
    """A fresh field and one log line."""
    with start(weights) as process:
        camera, heatmaps = connect(node, 'heatmap')
        for seconds in range(8):
            camera.publish(image_message(street_frames[seconds], seconds))
        smaller = [frame[:360, :500].copy() for frame in street_frames[8:16]]
        for seconds, frame in enumerate(smaller, start=8):
            camera.publish(image_message(frame, seconds))
        assert spin_until(node, lambda: len(heatmaps) == 16)
        assert [m.width for m in heatmaps.messages] == [640] * 8 + [500] * 8
        last = list(expected_pictures(weights, smaller))[-1][0]
        assert np.array_equal(to_frame(heatmaps.messages[-1]), last)
        assert process.output().count('resolution changed to 500 x 360') == 1


def bad_messages(frame):
    good = image_message(frame)
    for change in ({'step': 10}, {'data': good.data[:1000]}, {'width': 0},
                   {'encoding': 'h264'}, {'height': 65535, 'width': 65535, 'step': 196605}):
        bad = image_message(frame)
        for name, value in change.items():
            setattr(bad, name, value)
        yield bad


def test_bad_messages_are_counted_and_skipped(node, weights, street_frames):
    with start(weights) as process:
        camera, heatmaps = connect(node, 'heatmap')
        for seconds in range(8):
            camera.publish(image_message(street_frames[seconds], seconds))
        for bad in bad_messages(street_frames[0]):
            camera.publish(bad)
        camera.publish(image_message(street_frames[8], 8))
        assert spin_until(node, lambda: len(heatmaps) == 9)
        last = list(expected_pictures(weights, street_frames[:9]))[-1][0]
        assert np.array_equal(to_frame(heatmaps.messages[-1]), last)
        process.wait_for_output('frame skipped, 1 so far: step 10 is less than')
        assert process.output().count('frame skipped') == 1
        time.sleep(5.0)
        camera.publish(next(bad_messages(street_frames[0])))
        process.wait_for_output('frame skipped, 6 so far')


def test_padded_rows(node, weights, street_frames):
    with start(weights) as process:
        camera, composites = connect(node, 'composite')
        message = image_message(street_frames[0])
        rows = np.pad(street_frames[0].reshape(480, 1920), ((0, 0), (0, 64)), constant_values=9)
        message.step, message.data = 1984, rows.tobytes()
        camera.publish(message)
        assert spin_until(node, lambda: len(composites) == 1)
        assert np.array_equal(to_frame(composites.messages[0])[:, :640], street_frames[0])
        assert process.running


def test_latest_never_builds_a_backlog(node, weights, street_frames):
    """At a rate that the model does not reach, pictures are as young at the end."""
    with start(weights, frame_policy='latest', imgsz=1280) as process:
        camera, _ = connect(node, 'heatmap')
        ages, times = [], []

        def receive(message):
            times.append(time.monotonic())
            ages.append(node.get_clock().now().nanoseconds * 1e-9 - message.header.stamp.sec
                        - message.header.stamp.nanosec * 1e-9)
        node.create_subscription(Image, f'{NAME}/heatmap', receive, RELIABLE)
        sent = 0
        while len(ages) < 30:
            message = image_message(street_frames[sent % 60])
            message.header.stamp = node.get_clock().now().to_msg()
            camera.publish(message)
            sent += 1
            spin_until(node, lambda: False, 0.008)
        assert len(ages) < 0.7 * sent, 'the model kept up: the test shows nothing'
        # A frame waits at most for the one before it, and is then worked on itself.
        assert np.median(ages[-10:]) < 2.5 * np.median(np.diff(times)) + 0.1
        assert process.running


def test_lifecycle_with_a_retry(node, weights, street_frames):
    """A manager's sequence; `configure` fails on a bad value and works once it is mended."""
    with NodeProcess('heatmap_node', {'autostart': False, 'weights': '/no/such.pt',
                                      'frame_policy': 'all'}) as process:
        assert spin_until(node, lambda: node.count_publishers(f'{NAME}/transition_event'))
        assert state(node, NAME) == 'unconfigured'
        response = call(node, Trigger, f'{NAME}/reset', Trigger.Request())
        assert not response.success
        assert 'not configured' in response.message
        assert not change_state(node, NAME, 'configure')
        assert "cannot configure: weights '/no/such.pt': no such file" in process.output()
        assert state(node, NAME) == 'unconfigured'

        assert set_parameters(node, NAME, weights=weights, tracker='nope').successful
        assert not change_state(node, NAME, 'configure')
        assert "unknown tracker 'nope'" in process.output()
        assert set_parameters(node, NAME, tracker='none').successful
        assert change_state(node, NAME, 'configure')
        assert state(node, NAME) == 'inactive'
        assert node.count_subscribers('/image') == 0

        for _ in range(2):
            assert change_state(node, NAME, 'activate')
            assert state(node, NAME) == 'active'
            camera, heatmaps = connect(node, 'heatmap')
            camera.publish(image_message(street_frames[0]))
            assert spin_until(node, lambda: len(heatmaps) == 1)
            assert change_state(node, NAME, 'deactivate')
            node.destroy_subscription(heatmaps.subscription)
            node.destroy_publisher(camera)
        assert change_state(node, NAME, 'cleanup')
        assert set_parameters(node, NAME, imgsz=320).successful
        assert change_state(node, NAME, 'configure')
        assert 'Traceback' not in process.output()
        assert process.stop() == 0


def test_transition_that_is_not_possible(node, weights):
    """It is refused, and the node lives on."""
    with start(weights) as process:
        assert not change_state(node, NAME, 'configure')
        # Our line on Jazzy, where rclpy raises; from Kilted on rclpy's own.
        assert any(line in process.output() for line in (
            "impossible in state 'active'", 'Unable to start transition'))
        assert state(node, NAME) == 'active'
        assert change_state(node, NAME, 'deactivate')


def test_namespace_and_remapping(node, weights, street_frames):
    with NodeProcess('heatmap_node', {'weights': weights},
                     {'__ns': '/north', '__node': 'gate', 'image': 'camera/image_raw',
                      '~/heatmap': 'busy'}) as process:
        process.wait_for_output("listening to '/north/camera/image_raw', publishing "
                                "'/north/busy', '/north/gate/composite'")
        camera = node.create_publisher(Image, '/north/camera/image_raw', RELIABLE)
        pictures = Pictures(node, '/north/busy')
        assert spin_until(node, lambda: camera.get_subscription_count()
                          and node.count_publishers('/north/busy'))
        assert spin_until(node, lambda: camera.publish(image_message(street_frames[0]))
                          or len(pictures) > 0)
        assert process.stop() == 0


@pytest.mark.parametrize('parameters, reason', [
    ({'weights': '/no/such.pt'}, "weights '/no/such.pt': no such file"),
    ({'weights': 'my_model.pt'}, "weights 'my_model.pt': no such file"),
    ({'colormap': 'blue'}, "unknown colormap 'blue'"),
    ({'classes': ['dog']}, "unknown class 'dog'"),
    ({'tracker': 'nope'}, "unknown tracker 'nope'"),
    ({'alpha': 3.5}, 'alpha'),
    ({'frame_policy': 'newest'}, "'newest' is not one of latest, all"),
])
def test_bad_start(weights, parameters, reason):
    """One line that names the value, no traceback, and an exit code that says so."""
    with NodeProcess('heatmap_node', {'weights': weights, **parameters}) as process:
        assert process.wait() == 1
        lines = process.output().strip().splitlines()
        assert len(lines) == 1, process.output()
        assert reason in lines[0]


def test_argument_that_ros_cannot_parse():
    with NodeProcess('heatmap_node', arguments=['-p', 'classes:=[person, 2]']) as process:
        assert process.wait() == 1
        assert 'classes:=[person, 2]' in process.output()
        assert 'Traceback' not in process.output()


@pytest.mark.parametrize('with_signal', [signal.SIGINT, signal.SIGTERM])
def test_signal_while_the_model_is_loaded(weights, with_signal):
    with NodeProcess('heatmap_node', {'weights': weights}, fresh=True) as process:
        process.wait_for_library('libtorch')
        assert READY not in process.output()
        assert process.stop(with_signal) == 0
        assert 'Traceback' not in process.output()


def test_model_that_finds_nothing_says_so_once(node, weights, street_frames):
    with start(weights, classes=['car'], conf=0.9) as process:
        camera, _ = connect(node, 'heatmap')
        blank = np.zeros((120, 160, 3), np.uint8)
        end = time.monotonic() + 13.0
        while time.monotonic() < end:
            camera.publish(image_message(blank))
            spin_until(node, lambda: False, 0.2)
        warning = 'no object found in 10 s of frames: looking for car with conf 0.9'
        assert process.output().count(warning) == 1
