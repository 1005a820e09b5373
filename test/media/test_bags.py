"""Recordings as sources: sqlite3 and mcap, raw and compressed, original stamps or now."""

import shutil
import time

import cv2
from mjpeg_server import MjpegServer
import numpy as np
import pytest
from rclpy.qos import ReliabilityPolicy
from ros_processes import NodeProcess, Pictures, spin_until
from rosgraph_msgs.msg import Clock
from yolo_heatmap_ros.errors import SourceError
from yolo_heatmap_ros.media.bags import Bag, is_bag
from yolo_heatmap_ros.media.sources import open_source
from yolo_heatmap_ros.ros.messages.images import to_frame

pytest.importorskip('rosbags')
from recordings import record, record_topics  # noqa: E402, I100


@pytest.mark.parametrize('storage', ['sqlite3', 'mcap'])
@pytest.mark.parametrize('kind', ['Image', 'CompressedImage'])
def test_every_storage_and_kind(tmp_path, street_frames, storage, kind):
    frames = street_frames[:6]
    folder = record(tmp_path / 'bag', frames, storage, kind, broken=(2,))
    assert is_bag(folder)
    bag = Bag(next(folder.glob('*.db3' if storage == 'sqlite3' else '*.mcap')))
    assert (bag.topic, bag.total) == ('/camera/image_raw', 6)
    for _ in range(2):
        seen = []
        while (frame := bag.read()) is not None:
            seen.append((bag.header, bag.spacing))
            assert np.array_equal(frame, frames[bag.header[0] - 500])
        assert [header for header, _ in seen] == [(500 + n, 7, 'lens') for n in (0, 1, 3, 4, 5)]
        assert [round(spacing, 3) for _, spacing in seen[:-1]] == [0.1, 0.1, 0.1, 0.1]
        assert seen[-1][1] is None
        assert bag.rewind()
    assert bag.unusable == 2
    assert bag.skip() and bag.read() is not None and bag.header[0] == 501
    bag.close()


def test_a_recording_is_recognised(tmp_path, street_frames):
    """By its folder or the file in it."""
    folder = record(tmp_path / 'bag', street_frames[:2])
    for place in (folder, next(folder.glob('*.db3'))):
        source = open_source(f' {place} ', '/camera/image_raw')
        assert np.array_equal(source.read(), street_frames[0])
        assert source.header == (500, 7, 'lens')
        source.close()
    with pytest.raises(SourceError, match="no images on '/right'"):
        open_source(str(folder), '/right')
    with pytest.raises(SourceError, match='no such file'):
        open_source('/no/such/file.mcap')


def test_a_number_is_a_recording_where_there_is_one(tmp_path, street_frames, monkeypatch):
    record(tmp_path / '7', street_frames[:1])
    monkeypatch.chdir(tmp_path)
    assert np.array_equal(open_source('7').read(), street_frames[0])


def test_the_topic_is_chosen(tmp_path, street_frames):
    folder = record(tmp_path / 'bag', street_frames[:2], topic='/left/image_raw')
    Bag(folder, '/left/image_raw').close()
    with pytest.raises(SourceError, match="no images on '/right'; it has /left/image_raw .2 m"):
        Bag(folder, '/right')


def test_recordings_that_cannot_be_played(tmp_path, street_frames):
    empty = record(tmp_path / 'empty', [])
    with pytest.raises(SourceError, match="no images on 'any topic'; it has no images at all"):
        Bag(empty)
    whole = record(tmp_path / 'whole', street_frames[:2])
    for name, change in (('storage', lambda text: text.replace('sqlite3', 'tape')),
                         ('broken', lambda text: text[:40]),
                         ('lost', lambda text: text.replace('.db3', '.gone'))):
        folder = shutil.copytree(whole, tmp_path / name)
        metadata = folder / 'metadata.yaml'
        metadata.write_text(change(metadata.read_text()))
        with pytest.raises(SourceError, match='not a recording that can be read') as caught:
            Bag(folder)
        assert '\n' not in str(caught.value)


@pytest.mark.parametrize('storage', ['sqlite3', 'mcap'])
def test_a_topic_that_can_be_played_is_chosen(tmp_path, street_frames, storage):
    """Not one without messages, nor one of depth in a format of its own."""
    png = cv2.imencode('.png', street_frames[0])[1].tobytes()
    depth = (b'12345678', '16UC1; compressedDepth png')
    folder = record_topics(tmp_path / 'bag', {
        '/a_empty/image': [], '/b/compressedDepth': [depth] * 2,
        '/c/compressed': [(png, 'bgr8; png compressed bgr8')] * 3}, storage=storage)
    bag = Bag(folder)
    assert (bag.topic, bag.total) == ('/c/compressed', 3)
    assert np.array_equal(bag.read(), street_frames[0])
    with pytest.raises(SourceError, match="no images on '/a_empty/image'; it has .*/c/compressed"):
        Bag(folder, '/a_empty/image')
    folder = record_topics(tmp_path / 'none', {'/b/compressedDepth': [depth] * 2})
    with pytest.raises(SourceError, match='no topic with images that can be played; it has '
                       r'/b/compressedDepth \(2 messages, a format of its own\)'):
        Bag(folder)


def test_recordings_in_parts(tmp_path, street_frames):
    """A folder of a recorder that was killed, without metadata; one file of a split recording."""
    parts = [record(tmp_path / f'part{number}', frames)
             for number, frames in enumerate((street_frames[:2], street_frames[2:4]))]
    folder = tmp_path / 'bag'
    folder.mkdir()
    for number, part in enumerate(parts):
        shutil.copy(next(part.glob('*.db3')), folder / f'bag_{number}.db3')
    whole = open_source(str(folder))
    frames = [whole.read() for _ in range(4)]
    assert all(np.array_equal(one, other) for one, other in zip(frames, street_frames))
    assert whole.read() is None and whole.topic == '/camera/image_raw'
    one = open_source(str(folder / 'bag_1.db3'))
    assert np.array_equal(one.read(), street_frames[2])
    assert one.read() is not None and one.read() is None


def test_parts_play_one_topic(tmp_path):
    """That of the first part with images; a part without it is left out."""
    grey = (np.zeros((3, 4), np.uint8), 'mono8')
    for number, topics in enumerate(({'/colour': [], '/text': []}, {'/colour': [grey]},
                                     {'/a_depth': [grey], '/colour': [grey] * 2},
                                     {'/a_depth': [grey]})):
        folder = record_topics(tmp_path / f'part{number}', topics)
        shutil.copy(next(folder.glob('*.db3')), tmp_path / f'bag_{number}.db3')
    source = open_source(str(tmp_path / 'bag_*.db3'))
    assert (source.topic, source.total) == ('/colour', 3)
    with pytest.raises(SourceError, match='no topic with images that can be played'):
        open_source(str(tmp_path / 'bag_[0].db3'))


def test_depth_keeps_its_values(tmp_path):
    """Beside the picture that render takes, there is what a player publishes."""
    depth = np.arange(12, dtype=np.uint16).reshape(3, 4) * 1000
    metres = depth.astype(np.float32) / 1000
    png = cv2.imencode('.png', depth)[1].tobytes()
    folder = record_topics(tmp_path / 'bag', {
        '/depth/image': [(depth, '16UC1'), (metres, '32FC1'), (metres.astype(np.uint8), 'mono8')],
        '/depth/image/compressed': [(png, '16UC1; png compressed ')]})
    bag = Bag(folder, '/depth/image', (0.0, 11000.0))
    assert np.array_equal(bag.read()[:, :, 0], np.round(depth / 11000 * 255))
    assert np.array_equal(np.frombuffer(bag.original.data, np.uint16).reshape(3, 4), depth)
    assert bag.read() is not None and bag.original.encoding == '32FC1'
    assert bag.read() is not None and bag.original is None
    packed = Bag(folder, '/depth/image/compressed')
    assert packed.read() is not None
    assert np.array_equal(np.frombuffer(packed.original.data, np.uint16).reshape(3, 4), depth)


def test_played_as_ros2_bag_play_does(node, tmp_path):
    """Depth as recorded, at twice the speed, from an offset on, with the time on /clock."""
    depth = [np.full((3, 4), 1000 * number, np.uint16) for number in range(8)]
    folder = record_topics(tmp_path / 'bag', {
        '/a/image': [(values, '16UC1') for values in depth], '/b/image': []},
        times=[0, 1, 2, 3, 4, 5, 6, 38])
    clock, arrivals = [], []
    node.create_subscription(Clock, '/clock', lambda message: clock.append(
        message.clock.sec + 1e-9 * message.clock.nanosec), 100)
    with NodeProcess('playback_node', {
            'source': str(folder), 'speed': 4.0, 'start_offset': 1.5, 'clock': 50.0,
            'wait_for_subscribers': 1}) as process:
        pictures = Pictures(node, 'image_raw')
        while len(pictures) < 5:
            before = len(pictures)
            assert spin_until(node, lambda: len(pictures) > before), process.output()
            arrivals.append(time.monotonic())
        process.wait_for_output('the next frame comes in 8 s, as it was recorded')
        assert "topic '/a/image' of /a/image, /b/image (topic)" in process.output()
        assert process.stop() == 0
    for message, values in zip(pictures.messages, depth[2:]):
        assert (message.encoding, message.height, message.width) == ('16UC1', 3, 4)
        assert np.array_equal(np.frombuffer(message.data, np.uint16).reshape(3, 4), values)
    stamps = [one.header.stamp.sec + 1e-9 * one.header.stamp.nanosec for one in pictures.messages]
    assert stamps == pytest.approx([1002, 1003, 1004, 1005, 1006], abs=1e-3)
    assert 0.6 < arrivals[-1] - arrivals[0] < 2.5  # four seconds of the recording
    assert len(clock) > 20 and clock == sorted(clock) and 1000.0 <= clock[0]
    assert max(np.diff(clock)) < 2.5  # the offset is skipped


@pytest.mark.alone
def test_played_in_its_own_time_with_its_own_stamps(node, tmp_path, street_frames):
    frames = street_frames[:6]
    folder = record(tmp_path / 'bag', frames, 'mcap')
    arrivals = []
    with NodeProcess('playback_node', {'source': str(folder), 'stamps': 'original',
                                       'wait_for_subscribers': 1}) as process:
        pictures = Pictures(node, 'image_raw')
        while len(pictures) < 6:
            before = len(pictures)
            assert spin_until(node, lambda: len(pictures) > before)
            arrivals.append(time.monotonic())
        assert process.wait() == 0
        assert 'as they were recorded' in process.output()
    for number, message in enumerate(pictures.messages):
        assert (message.header.stamp.sec, message.header.stamp.nanosec) == (500 + number, 7)
        assert message.header.frame_id == 'lens'
        assert np.array_equal(to_frame(message), frames[number])
    gaps = np.diff(arrivals)
    assert 0.5 < gaps[2] < 0.9 and np.median(gaps) < 0.3


def test_played_at_another_rate_with_stamps_of_now(node, tmp_path, street_frames):
    folder = record(tmp_path / 'bag', street_frames[:6], kind='CompressedImage')
    begin = node.get_clock().now().nanoseconds
    with NodeProcess('playback_node', {'source': str(folder), 'rate': 20.0, 'loop': True,
                                       'wait_for_subscribers': 1}) as process:
        pictures = Pictures(node, 'image_raw', ReliabilityPolicy.RELIABLE)
        assert spin_until(node, lambda: len(pictures) >= 15)
        assert process.stop() == 0
    header = pictures.messages[0].header
    assert header.frame_id == 'camera'
    assert header.stamp.sec + 1 >= begin // 1_000_000_000


def test_what_is_refused_at_start(tmp_path, street, street_frames):
    camera = MjpegServer(street_frames[:30], rate=5)
    for parameters, reason in (
            ({'source': str(record(tmp_path / 'empty', []))}, 'no images at all'),
            ({'source': str(street / 'street.mp4'), 'stamps': 'original'},
             "parameter 'stamps': only recordings"),
            ({'source': camera.url, 'clock': 10.0},
             "parameter 'clock': a camera or stream has no time of its own")):
        with NodeProcess('playback_node', parameters) as process:
            assert process.wait() == 1
            assert reason in process.output()
            assert 'Traceback' not in process.output()
