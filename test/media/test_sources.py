"""Frames from files, images, folders and streams."""

import cv2
from mjpeg_server import MjpegServer
import numpy as np
import pytest
from yolo_heatmap_ros.errors import SourceError
from yolo_heatmap_ros.media.sources import open_source, without_credentials


def read_all(source):
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    return frames


def test_video(street, street_frames):
    source = open_source(str(street / 'street.mp4'))
    assert (source.total, source.rate, source.live) == (360, 15.0, False)
    frames = read_all(source)
    assert len(frames) == 360
    assert all(np.array_equal(a, b) for a, b in zip(frames, street_frames))
    assert source.read() is None
    assert source.rewind()
    assert source.skip()
    assert np.array_equal(source.read(), street_frames[1])
    source.close()


def test_recording_behind_a_url_ends(street):
    source = open_source(f"file://{street / 'street.mp4'}")
    assert (source.total, source.live) == (360, False)
    assert len(read_all(source)) == 360


def test_real_video(real_data):
    source = open_source(str(real_data / 'vtest.avi'))
    assert (source.total, source.rate) == (795, 10.0)
    assert source.read().shape == (576, 768, 3)
    source.close()


def test_still_image_again_and_again(tmp_path, street_frames):
    cv2.imwrite(str(tmp_path / 'one.png'), street_frames[0])
    source = open_source(str(tmp_path / 'one.png'))
    assert source.total == 0
    for _ in range(3):
        assert np.array_equal(source.read(), street_frames[0])
        assert source.skip()


def test_folder_in_the_order_of_names(tmp_path, street_frames):
    for number in (2, 0, 1):
        cv2.imwrite(str(tmp_path / f'{number}.png'), street_frames[number])
    (tmp_path / '1_broken.jpg').write_bytes(b'no image')
    (tmp_path / 'notes.txt').touch()
    source = open_source(str(tmp_path))
    assert source.total == 4
    frames = read_all(source)
    assert len(frames) == 3
    assert all(np.array_equal(a, b) for a, b in zip(frames, street_frames))
    assert source.rewind()
    assert source.skip()
    assert np.array_equal(source.read(), street_frames[1])


def test_stream_that_drops_can_be_opened_again(street_frames):
    server = MjpegServer(street_frames[:5])
    source = open_source(server.url)
    assert source.live
    for _ in range(2):
        frames = read_all(source)
        assert len(frames) >= 4
        assert frames[0].shape == (480, 640, 3)
        assert source.rewind()
    source.close()
    server.close()
    assert server.connections >= 3


def test_truncated_video_ends_where_it_breaks(tmp_path, real_data):
    path = tmp_path / 'half.avi'
    path.write_bytes((real_data / 'vtest.avi').read_bytes()[:3000000])
    frames = read_all(open_source(str(path)))
    assert 100 < len(frames) < 795


@pytest.mark.parametrize('name, content, reason', [
    ('video.mp4', b'', 'not a video'),
    ('video.mp4', b'text', 'not a video'),
    ('image.png', b'text', 'not an image'),
])
def test_files_that_cannot_be_decoded(tmp_path, name, content, reason):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError, match=reason) as error:
        open_source(str(path))
    assert str(path) in str(error.value)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('source, reason', [
    ('/no/such/video.mp4', 'no such file'),
    ('', 'no such file'),
    ('97', "'97': no such camera"),
    ('/dev/video97', 'no such camera'),
    ('9' * 300, 'no such file or folder'),
    ('http://user:secret@127.0.0.1:9/x', r"'http://127.0.0.1:9/x': cannot be opened"),
])
def test_sources_that_are_not_there(source, reason):
    with pytest.raises(SourceError, match=reason):
        open_source(source)


def test_empty_folder(tmp_path):
    with pytest.raises(SourceError, match='no image in this folder'):
        open_source(str(tmp_path))


@pytest.mark.parametrize('url, shown', [
    ('rtsp://me:hush@host/a', 'rtsp://host/a'),
    ('rtsp://me:hush/@?hush@host:554/a', 'rtsp://host:554/a'),
    ('http://host/video.cgi?user=me&pwd=hush', 'http://host/video.cgi?…'),
    ('rtsp://host:554/a', 'rtsp://host:554/a'),
    ('/home/me@work/a.mp4', '/home/me@work/a.mp4'),
])
def test_credentials_are_not_shown(url, shown):
    assert without_credentials(url) == shown
