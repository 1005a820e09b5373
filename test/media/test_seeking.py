"""Seeking by time: the same frames, at the same times, as by reading from the beginning."""

import av
import numpy as np
from odd_videos import damaged, encode, encode_piped
import pytest
from recordings import record_topics
from yolo_heatmap_ros.media.sources import open_source


@pytest.fixture(scope='module')
def small(street_frames):
    """Return 90 small frames."""
    return [np.ascontiguousarray(frame[::4, ::4]) for frame in street_frames]


def check(path, count):
    """Compare a source after seeks, forth and back, with all of its frames."""
    source = open_source(str(path))
    frames, times = [], []
    while (frame := source.read()) is not None:
        frames.append(frame)
        times.append(source.elapsed)
    assert len(frames) == count
    rng = np.random.default_rng(0)
    for first in [0, count - 1, 1, *rng.integers(0, count, 12).tolist()]:
        assert source.seek(times[first])
        assert source.coming == pytest.approx(times[first], abs=1e-6)
        for number in range(first, min(first + 3, count)):
            found = source.read()
            assert source.elapsed == pytest.approx(times[number], abs=1e-6)
            assert np.array_equal(found, frames[number]), number
    between = (times[5] + times[6]) / 2
    assert source.seek(between) and source.coming == pytest.approx(times[6], abs=1e-6)
    assert not source.seek(times[-1] + 1.0)
    assert source.read() is None
    assert source.seek(0.0) and np.array_equal(source.read(), frames[0])
    source.close()


B_FRAMES = {'bf': '3', 'g': '25', 'x264-params': 'open-gop=1:scenecut=0'}
EVEN = {'g': '20', 'bf': '0'}


@pytest.mark.parametrize('name, codec, options', [
    ('a.mp4', 'libx264', B_FRAMES), ('a.mkv', 'libx264', B_FRAMES), ('a.ts', 'libx264', B_FRAMES),
    ('a.mov', 'libx264', EVEN), ('a.flv', 'libx264', EVEN), ('a.avi', 'mjpeg', {}),
    ('a.avi', 'mpeg4', {'g': '30'}), ('a.webm', 'libvpx', {'g': '30'}),
    ('a.mp4', 'libx265', {'x265-params': 'keyint=30:log-level=error'}),
    ('once.mp4', 'libx264', {'g': '1000'})])
def test_every_container_is_left_and_entered_anywhere(tmp_path, small, name, codec, options):
    check(encode(tmp_path / name, small, codec=codec, **options), len(small))


def test_times_of_their_own(tmp_path, small):
    times = np.cumsum([0.0] + [0.04] * 30 + [2.0] + [0.1] * 30 + [14.0] + [0.02] * 27).tolist()
    check(encode(tmp_path / 'a.mkv', small, times, **B_FRAMES), len(small))


def test_a_late_beginning(tmp_path, small):
    check(encode(tmp_path / 'a.ts', small, [5000.0 + number / 10 for number in range(90)],
                 **B_FRAMES), len(small))


def test_files_without_times_are_read_from_the_beginning(tmp_path, small):
    for name, codec, container in (('a.h264', 'libx264', 'h264'), ('a.mjpeg', 'mjpeg', 'mjpeg')):
        check(encode_piped(tmp_path / name, small, codec=codec, format=container), len(small))


def test_an_old_codec(tmp_path, small):
    check(encode(tmp_path / 'a.avi', small, codec='msmpeg4', rate=10, g='30'), len(small))


def test_what_lies_before_is_not_decoded(tmp_path, small, monkeypatch):
    path = encode(tmp_path / 'a.mp4', small, **EVEN)
    source = open_source(str(path))
    assert source.seek(source.elapsed + 7.0)
    decoded = []
    monkeypatch.setattr(source, '_decoded', lambda packets: decoded.append(packets) or iter(()))
    source._go_to(7.0)
    with av.open(str(path)) as file:
        keys = [float(one.pts * one.time_base) for one in file.demux(video=0)
                if one.is_keyframe and one.pts is not None]
    first = next(iter(decoded[0]))
    assert float(first.pts * first.time_base) == max(key for key in keys if key <= 7.0) == 6.0
    source.close()


def test_past_a_damaged_place(tmp_path, small):
    path = damaged(encode(tmp_path / 'a.ts', small, **EVEN), 0.4, 0.5)
    source = open_source(str(path))
    assert source.seek(8.0) and source.coming == pytest.approx(8.0)
    assert source.read() is not None
    source.close()


@pytest.mark.parametrize('storage', ['sqlite3', 'mcap'])
def test_recordings(tmp_path, small, storage):
    pytest.importorskip('rosbags')
    check(record_topics(tmp_path / 'bag', {'/a': [(frame, 'bgr8') for frame in small[:20]]},
                        [0.1 * number for number in range(20)], storage), 20)


def test_a_folder_of_images(tmp_path, small):
    import cv2
    for number, frame in enumerate(small[:20]):
        cv2.imwrite(str(tmp_path / f'{number}.png'), frame)
    check(tmp_path, 20)
