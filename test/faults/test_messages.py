"""Image messages as broken drivers, bad cables and malicious senders make them."""

import time

import cv2
from fault_bench import bench_of, NAME, RELIABLE
import numpy as np
import pytest
from ros_processes import image_message, spin_until, wait_until_matched
from sensor_msgs.msg import Image

pytestmark = pytest.mark.faults

EMPTY = np.zeros((480, 640, 3), np.uint8)


@pytest.fixture(scope='module')
def bench(street, street_frames):
    yield from bench_of(street, street_frames)


def message(**changes):
    return Image(**{'height': 480, 'width': 640, 'step': 1920, 'encoding': 'bgr8',
                    'data': EMPTY.tobytes(), **changes})


BROKEN = {
    'step too short': message(step=1919),
    'step of zero': message(step=0),
    'step without end': message(step=2 ** 32 - 1),
    'data too short': message(data=EMPTY.tobytes()[:-1]),
    'no data': message(data=b''),
    'no width': message(width=0),
    'no height': message(height=0),
    'no size at all': Image(),
    'absurd size': message(height=65535, width=65535, step=3 * 65535, data=b''),
    'largest size': message(height=2 ** 32 - 1, width=2 ** 32 - 1, step=2 ** 32 - 1, data=b''),
    'one row without end': message(height=1, width=2 ** 31, data=b''),
    'unknown encoding': message(encoding='h265'),
    'encoding of two lines': message(encoding='bgr8\n[FATAL] [0.0] [other]: on fire'),
    'encoding without end': message(encoding='x' * 100_000),
    'format directives': message(encoding='%s%n%x{}{0}'),
    'odd width of shared colours': Image(height=4, width=3, step=6, encoding='yuyv',
                                         data=bytes(24)),
}
ODD = {
    'data too long': message(data=EMPTY.tobytes() + bytes(1000)),
    'endianness of bytes': message(is_bigendian=1),
    'no such endianness': message(is_bigendian=255, encoding='16UC1', step=1280),
    'NaN everywhere': message(encoding='32FC1', step=2560, data=np.full(
        (480, 640), np.nan, np.float32).tobytes()),
    'infinities': message(encoding='32FC1', step=2560, data=np.tile(np.array(
        [np.inf, -np.inf, np.nan, 1e38, -1e38, 1e-45], np.float32), 51200).tobytes()),
    'wrong endianness of floats': message(encoding='32FC1', step=2560, is_bigendian=1,
                                          data=np.full((480, 640), 1.5, np.float32).tobytes()),
}


@pytest.mark.parametrize('fault', BROKEN)
def test_a_message_without_a_picture_is_counted_and_skipped(bench, fault):
    bench.camera.publish(BROKEN[fault])
    bench.assert_survived()
    assert bench.counted() == {'processed': 1, 'unusable': 1}
    status, _ = bench.status()
    assert 0 < len(status.message) < 500 and '\n' not in status.message


@pytest.mark.parametrize('fault', ODD)
def test_an_odd_message_is_used(bench, fault):
    bench.camera.publish(ODD[fault])
    bench.assert_survived()
    assert bench.counted() == {'processed': 2}


def test_a_thousand_broken_messages_are_said_now_and_then(bench):
    lines = bench.process.output().count('frame skipped')
    begin = time.monotonic()
    for _ in range(1000):
        bench.camera.publish(Image(height=1, width=1, encoding='nonsense'))
        time.sleep(0.001)
    bench.assert_survived()
    seconds = time.monotonic() - begin
    counted = bench.counted()
    # What is faster than the node can be lost, but is counted then.
    assert counted['unusable'] + counted.get('skipped', 0) == 1000
    assert bench.process.output().count('frame skipped') - lines <= 1 + seconds / 5


def test_another_resolution_with_each_frame(bench, street_frames):
    """Two cameras on one topic, or one odd frame, cost no heat of those that went before."""
    sizes = [(480, 640), (120, 160), (480, 640), (1, 1), (3, 2000), (2000, 3), (720, 1280),
             (479, 641), (64, 64), (33, 47), (240, 320), (480, 640), (600, 800)]
    for height, width in sizes:
        bench.camera.publish(image_message(cv2.resize(street_frames[0], (width, height)), 500))
    bench.assert_survived()
    assert sum(bench.counted().values()) == len(sizes) + 1
    assert bench.process.output().count('the resolution changed') <= 3


def test_another_encoding_with_each_frame(bench, street_frames):
    frame = street_frames[0]
    grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    pictures = [(frame, 'bgr8'), (frame[..., ::-1], 'rgb8'), (grey, 'mono8'),
                (grey.astype(np.uint16) * 257, 'mono16'), (grey, 'bayer_rggb8'),
                (grey.astype(np.float32), '32FC1'), (np.dstack((frame, grey)), 'bgra8'),
                (np.dstack((grey, grey)), 'yuyv')]
    for picture, encoding in pictures * 3:
        bench.camera.publish(Image(
            height=480, width=640, step=picture.nbytes // 480, encoding=encoding,
            data=np.ascontiguousarray(picture).tobytes()))
    bench.assert_survived()
    assert bench.counted() == {'processed': 3 * len(pictures) + 1}


@pytest.mark.parametrize('stamps', [
    [0, 0, 0], [2000, 1000, 2000], [2 ** 31 - 1, 1000, 1001], [-2 ** 31, 5, -1],
], ids=['zero', 'backwards', 'far future', 'before 1970'])
def test_stamps(bench, street_frames, stamps):
    for stamp in stamps:
        bench.camera.publish(image_message(street_frames[1], stamp))
    bench.assert_survived()
    assert bench.counted() == {'processed': len(stamps) + 1}


def test_two_cameras_on_one_topic(bench, street_frames):
    other = bench.node.create_publisher(Image, 'image', RELIABLE)
    wait_until_matched(bench.node, NAME, other)
    bench.heats.messages.clear()
    for number in range(10):
        for camera in (bench.camera, other):
            camera.publish(image_message(street_frames[number], 3000 + number))
        # Not faster than they are worked on: both share the node's queue.
        assert spin_until(bench.node, lambda: len(bench.heats) == 2 * number + 2)
    bench.assert_survived()
    assert bench.counted() == {'processed': 21}
    bench.node.destroy_publisher(other)
    bench.assert_survived()


def test_nothing_of_all_this_is_left_at_the_end(bench):
    """Last of those on this node: it ends as if there had been no faults."""
    bench.stop()
