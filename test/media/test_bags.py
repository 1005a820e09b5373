"""Recordings as sources: sqlite3 and mcap, raw and compressed, original stamps or now."""

import shutil
import time

import numpy as np
import pytest
from rclpy.qos import ReliabilityPolicy
from ros_processes import NodeProcess, Pictures, spin_until
from yolo_heatmap_ros.errors import SourceError
from yolo_heatmap_ros.media.bags import Bag, is_bag
from yolo_heatmap_ros.media.sources import open_source
from yolo_heatmap_ros.ros.messages.images import to_frame

pytest.importorskip('rosbags')
from recordings import record  # noqa: E402, I100


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
    with pytest.raises(SourceError, match='no metadata.yaml beside it'):
        open_source('/no/such/file.mcap')


def test_a_number_is_a_recording_where_there_is_one(tmp_path, street_frames, monkeypatch):
    record(tmp_path / '7', street_frames[:1])
    monkeypatch.chdir(tmp_path)
    assert np.array_equal(open_source('7').read(), street_frames[0])


def test_the_topic_is_chosen(tmp_path, street_frames):
    folder = record(tmp_path / 'bag', street_frames[:2], topic='/left/image_raw')
    Bag(folder, '/left/image_raw').close()
    with pytest.raises(SourceError, match="no images on '/right'; it has /left/image_raw"):
        Bag(folder, '/right')


def test_recordings_that_cannot_be_played(tmp_path, street_frames):
    empty = record(tmp_path / 'empty', [])
    with pytest.raises(SourceError, match="no images on 'any topic'; it has no images at all"):
        Bag(empty)
    whole = record(tmp_path / 'whole', street_frames[:2])
    alone = shutil.copy(next(whole.glob('*.db3')), tmp_path / 'alone.db3')
    with pytest.raises(SourceError, match='no metadata.yaml beside it'):
        Bag(tmp_path / 'alone.db3')
    assert alone
    for name, change in (('storage', lambda text: text.replace('sqlite3', 'tape')),
                         ('broken', lambda text: text[:40]),
                         ('lost', lambda text: text.replace('.db3', '.gone'))):
        folder = shutil.copytree(whole, tmp_path / name)
        metadata = folder / 'metadata.yaml'
        metadata.write_text(change(metadata.read_text()))
        with pytest.raises(SourceError, match='not a recording that can be read') as caught:
            Bag(folder)
        assert '\n' not in str(caught.value)


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


def test_what_is_refused_at_start(tmp_path, street):
    for parameters, reason in (
            ({'source': str(record(tmp_path / 'empty', []))}, 'no images at all'),
            ({'source': str(street / 'street.mp4'), 'stamps': 'original'},
             "parameter 'stamps': only recordings")):
        with NodeProcess('playback_node', parameters) as process:
            assert process.wait() == 1
            assert reason in process.output()
            assert 'Traceback' not in process.output()
