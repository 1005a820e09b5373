"""What the heatmap node makes of heat beside pictures: ~/heat, ~/regions, ~/save, ~/load."""

import signal

import cv2
from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy
from ros_processes import (
    call, change_state, image_message, later_node, NodeProcess, Pictures, set_parameters,
    spin_until, wait_until_matched)
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from yolo_heatmap_ros.config.shapes import parse_polygons
from yolo_heatmap_ros.detectors.yolo import YoloDetector
from yolo_heatmap_ros.drawing.renderer import HeatRenderer
from yolo_heatmap_ros.heat.options import HeatOptions
from yolo_heatmap_ros.pipeline import HeatmapPipeline
from yolo_heatmap_ros.ros.messages.images import to_frame
from yolo_heatmap_ros.storage.snapshots import newest, read

NAME = '/yolo_heatmap'
READY = "listening to '/image'"
REGIONS = '{left: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]], right: [[330, 10], [630, 10], [630, 470]]}'
STAMP = 1000


class Camera:
    """Shows frames to the node, one at a time, at a rate of stamps that the test chooses."""

    def __init__(self, node, *topics):
        self._node = node
        self._publisher = node.create_publisher(
            Image, 'image', QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE))
        self.pictures = {topic: Pictures(node, f'{NAME}/{topic}') for topic in topics}
        wait_until_matched(node, NAME, self._publisher,
                           *(one.subscription for one in self.pictures.values()))

    def show(self, frames, begin=STAMP, spacing=0.1):
        """Publish frames and wait for each; return the last message of every topic."""
        for number, frame in enumerate(frames):
            message = image_message(frame)
            stamp = round((begin + number * spacing) * 1000)
            message.header.stamp.sec, rest = divmod(stamp, 1000)
            message.header.stamp.nanosec = rest * 1_000_000
            before = {topic: len(seen) for topic, seen in self.pictures.items()}
            self._publisher.publish(message)
            assert spin_until(self._node, lambda: all(
                len(seen) > before[topic] for topic, seen in self.pictures.items()))
        return {topic: seen.messages[-1] for topic, seen in self.pictures.items()}


def start(street, **parameters):
    process = NodeProcess('heatmap_node', {
        'weights': str(street / 'street.pt'), 'imgsz': 320, 'frame_policy': 'all', **parameters})
    process.wait_for_output(READY)
    return process


def expected_heat(street, frames, spacing=0.1, **options):
    pipeline = HeatmapPipeline(YoloDetector(str(street / 'street.pt'), imgsz=320), HeatRenderer(),
                               HeatOptions(**options))
    for number, frame in enumerate(frames):
        pipeline.update(frame, STAMP + number * spacing)
    return pipeline


def values_of(message):
    assert message.encoding == '32FC1'
    assert message.step == 4 * message.width
    assert not message.is_bigendian
    return np.frombuffer(message.data, np.float32).reshape(message.height, message.width)


def trigger(node, name):
    return call(node, Trigger, f'{NAME}/{name}', Trigger.Request())


def test_heat_as_data(node, street, street_frames):
    """In seconds, fading, of the header of the image; and smaller while the node runs."""
    frames = street_frames[:15]
    with start(street, heat_unit='seconds', half_life=5.0, kernel='foot') as process:
        camera = Camera(node, 'heat')
        message = camera.show(frames)['heat']
        pipeline = expected_heat(street, frames, heat_unit='seconds', half_life=5.0, kernel='foot')
        assert message.header.stamp.sec == STAMP + 1
        assert message.header.frame_id == 'camera_optical_frame'
        assert pipeline.heat().max() > 0.5
        assert np.allclose(values_of(message), pipeline.heat(), atol=1e-4)
        assert set_parameters(node, NAME, heat_scale=0.25).successful
        small = values_of(camera.show(frames[-1:], STAMP + 1.5)['heat'])
        pipeline.update(frames[-1], STAMP + 1.5)
        assert small.shape == (120, 160)
        assert small.mean() == pytest.approx(pipeline.heat().mean(), rel=1e-3)
        for name, value in (('heat_scale', 0.0), ('kernel', 'square'), ('half_life', -1.0),
                            ('regions', '{a: [[0, 0]]}'), ('heat_unit', 'frames')):
            assert not set_parameters(node, NAME, **{name: value}).successful, name
        result = set_parameters(node, NAME, kernel='mask')
        assert "kernel 'mask' needs a segmentation model" in result.reason
        assert process.stop() == 0


def test_regions_on_their_topic(node, street, street_frames):
    """The counts of the core, by name, with the header of the image; outlines on the picture."""
    reports = []
    node.create_subscription(DiagnosticArray, f'{NAME}/regions', reports.append, 100)
    frames = street_frames[:60:2]
    with start(street, regions=REGIONS, heat_unit='seconds') as process:
        camera = Camera(node, 'heatmap')
        message = camera.show(frames)['heatmap']
        assert spin_until(node, lambda: len(reports) == len(frames))
        pipeline = expected_heat(street, frames, regions=parse_polygons(REGIONS),
                                 heat_unit='seconds')
        report = reports[-1]
        assert report.header == message.header
        assert [status.name for status in report.status] == ['left', 'right']
        for status in report.status:
            count = pipeline.region_counts()[status.name]
            totals = [(key, str(count[key])) for key in ('tracks', 'entries', 'exits')]
            assert [(pair.key, pair.value) for pair in status.values] == [
                ('objects', str(count['objects'])), *totals,
                ('occupancy', f"{count['occupancy']:.3f}"),
                *((f'{key}/{name}', f'{value:.3f}' if key == 'occupancy' else str(value))
                  for name, of_class in count['by_class'].items()
                  for key, value in of_class.items())]
            assert set(count['by_class']) <= {'person', 'car'}
        assert float(report.status[0].values[4].value) > 5.0
        expected = np.empty_like(frames[-1])
        pipeline.render(frames[-1], heatmap=expected)
        assert np.array_equal(to_frame(message), expected)
        assert (expected[20:400, 320] > 200).all()  # the border of `left`
        assert set_parameters(node, NAME, regions='').successful
        camera.show(frames[-1:], STAMP + 5)
        assert process.stop() == 0


def test_saved_killed_and_resumed(node, street, street_frames, tmp_path):
    """What ~/save has written is there after a SIGKILL; ~/reset puts a copy aside first."""
    frames = street_frames[:12]
    options = {'snapshot_dir': str(tmp_path), 'resume': True, 'reset_keeps_copy': True}
    with start(street, **options) as process:
        assert 'nothing is resumed: there is no snapshot in' in process.output()
        assert 'there is no heat yet' in trigger(node, 'save').message
        camera = Camera(node, 'heat', 'composite')
        last = camera.show(frames)
        answer = trigger(node, 'save')
        assert answer.success
        folder = newest(tmp_path)[0]
        assert answer.message == f'saved to {folder}'
        composite = cv2.imread(str(folder / 'composite.png'))
        assert np.array_equal(composite, to_frame(last['composite']))
        assert np.array_equal(cv2.imread(str(folder / 'heatmap.png')), composite[:, 640:])
        process.stop(signal.SIGKILL)
    snapshot = read(folder)
    saved = snapshot.state.arrays['heat']
    assert np.array_equal(saved, values_of(last['heat']))
    assert snapshot.parameters['weights'].endswith('street.pt')
    blank = np.zeros_like(frames[0])
    with later_node() as node, start(street, **options) as process:
        process.wait_for_output(f'resumed from {folder}')
        camera = Camera(node, 'heat')
        assert np.array_equal(values_of(camera.show([blank], STAMP + 5)['heat']), saved)
        answer = trigger(node, 'reset')
        assert answer.success and 'a backup is in' in answer.message
        assert not values_of(camera.show([blank], STAMP + 6)['heat']).any()
        assert len(list(tmp_path.glob('reset-*'))) == 1
        assert trigger(node, 'load').message == f'loaded from {folder}'
        assert np.array_equal(values_of(camera.show([blank], STAMP + 7)['heat']), saved)
        # Another resolution: the camera wins, the snapshot stays on the disk, and says why.
        camera.show([blank[:240, :320]], STAMP + 8)
        answer = trigger(node, 'load')
        assert not answer.success
        assert 'it is of 640 x 480 pixels, and the camera gives 320 x 240' in answer.message
        assert process.stop() == 0


def test_saved_by_itself(node, street, street_frames, tmp_path):
    """Every half second, and at the end; a folder that cannot be written is reported."""
    with start(street, snapshot_dir=str(tmp_path), autosave_period=0.5,
               snapshot_keep=3) as process:
        camera = Camera(node, 'heat')
        camera.show(street_frames[:10])
        assert spin_until(node, lambda: len(newest(tmp_path)) == 3)
        last = values_of(camera.show(street_frames[10:14], STAMP + 1)['heat'])
        assert process.stop(signal.SIGTERM) == 0
    assert np.array_equal(read(newest(tmp_path)[0]).state.arrays['heat'], last)
    blocked = tmp_path / 'file'
    blocked.write_text('')
    with start(street, snapshot_dir=str(blocked), autosave_period=0.3) as process:
        camera = Camera(node, 'heat')
        camera.show(street_frames[:3])
        process.wait_for_output('autosave: cannot write to')
        camera.show(street_frames[3:6], STAMP + 1)
        assert process.stop() == 0
        assert process.output().count('autosave: cannot write to') == 1


def test_damaged_snapshot_gives_way_to_the_one_before(node, street, street_frames, tmp_path):
    with start(street, snapshot_dir=str(tmp_path)) as process:
        camera = Camera(node, 'heat')
        first = values_of(camera.show(street_frames[:8])['heat'])
        assert trigger(node, 'save').success
        camera.show(street_frames[8:10], STAMP + 1)
        assert trigger(node, 'save').success
        (newest(tmp_path)[0] / 'heat.npz').write_bytes(b'PK nothing')
        assert trigger(node, 'load').success
        assert 'it is damaged' in process.output()
        blank = np.zeros_like(street_frames[0])
        assert np.array_equal(values_of(camera.show([blank], STAMP + 2)['heat']), first)
        for transition in ('deactivate', 'cleanup'):
            assert change_state(node, NAME, transition)
        assert trigger(node, 'save').message == 'not configured: there is no heat'


def test_time_that_goes_back_and_time_that_stands_still(node, street, street_frames):
    with start(street, heat_unit='seconds', on_time_jump='reset') as process:
        camera = Camera(node, 'heat')
        frames = street_frames[:10]
        nine_steps = values_of(camera.show(frames)['heat']).sum()
        two_steps = values_of(camera.show(frames[:3], STAMP - 100)['heat']).sum()
        assert 0.1 < two_steps / nine_steps < 0.4
        process.wait_for_output('went back by 100')
        assert 'the heat is reset (on_time_jump)' in process.output()
        assert process.stop() == 0
    with start(street, heat_unit='seconds') as process:
        camera = Camera(node, 'heat')
        camera.show(street_frames[:31], 0, 0.0)
        process.wait_for_output('the stamps of the images stand still')
        assert process.stop() == 0
