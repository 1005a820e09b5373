"""Videos as phones, browsers and broken disks make them: counts, times, turns, or a reason."""

import sys

import av
import cv2
import numpy as np
from odd_videos import damaged, encode, encode_piped, turned
from PIL import Image
import pytest
from yolo_heatmap_ros.errors import SourceError
from yolo_heatmap_ros.media.image_files import naturally
from yolo_heatmap_ros.media.sources import open_source, open_sources


def played(path):
    """Return the frames of a source, and the time of each."""
    source = open_source(str(path))
    frames, times = [], []
    while True:
        coming = source.coming
        frame = source.read()
        if frame is None:
            break
        assert source.elapsed >= coming - 1e-9
        frames.append(frame)
        times.append(source.elapsed)
    source.close()
    return frames, times, source


@pytest.fixture(scope='module')
def small(street_frames):
    """Return 30 small frames."""
    return [np.ascontiguousarray(frame[::4, ::4]) for frame in street_frames[:30]]


@pytest.mark.parametrize('name', ['a.mp4', 'a.mkv', 'a.mov'])
def test_each_frame_has_its_own_time(tmp_path, small, name):
    times = np.cumsum([0.0] + [0.04] * 10 + [2.0] + [0.1] * 10 + [14.0] + [0.02] * 7).tolist()
    path = encode(tmp_path / name, small, times)
    frames, found, source = played(path)
    assert len(frames) == 30 and found == pytest.approx(times, abs=0.002)
    source = open_source(str(path))
    spacings = []
    while source.read() is not None:
        spacings.append(source.spacing)
    assert spacings[-1] is None
    assert spacings[:-1] == pytest.approx(np.diff(times), abs=0.002)


@pytest.mark.parametrize('name, codec, container, timed', [
    ('browser.webm', 'libvpx', 'webm', True), ('piped.mkv', 'libx264', 'matroska', True),
    ('raw.h264', 'libx264', 'h264', False), ('raw.mjpeg', 'mjpeg', 'mjpeg', False),
    ('raw.m4v', 'mpeg4', 'm4v', True)])
def test_files_without_a_number_of_frames(tmp_path, small, name, codec, container, timed):
    """As browsers record them, or cameras send them: none is taken for a single picture."""
    path = encode_piped(tmp_path / name, small, codec=codec, format=container)
    frames, times, source = played(path)
    assert len(frames) == 30 and not (source.still or source.live)
    spacing = 0.1 if timed else 1.0 / source.rate
    assert times == pytest.approx([number * spacing for number in range(30)], abs=0.002)


@pytest.mark.parametrize('degrees', [90, 180, 270])
def test_videos_of_phones_are_upright(tmp_path, small, degrees):
    path = encode(tmp_path / 'phone.mp4', small, crf='1')
    upright = played(path)[0][0]
    found = played(turned(path, degrees))[0][0]
    expected = np.rot90(upright, -degrees // 90)
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() < 1.0


def test_a_resolution_that_changes_inside_a_stream(tmp_path, small):
    """Each frame has its own size: none is stretched, or shown again."""
    first = encode(tmp_path / '1.h264', small[:10], format='h264').read_bytes()
    half = [np.ascontiguousarray(frame[::2, ::2]) for frame in small[10:20]]
    second = encode(tmp_path / '2.h264', half, format='h264').read_bytes()
    (tmp_path / 'both.h264').write_bytes(first + second)
    frames, _, _ = played(tmp_path / 'both.h264')
    assert [frame.shape[:2] for frame in frames] == (
        [small[0].shape[:2]] * 10 + [half[0].shape[:2]] * 10)
    assert np.abs(frames[-1].astype(int) - half[-1]).mean() < 8.0


@pytest.mark.parametrize('name, codec', [('a.mp4', 'mpeg4'), ('a.mkv', 'libx264'),
                                         ('a.avi', 'mjpeg')])
def test_damage_in_the_middle(tmp_path, street_frames, name, codec):
    """What comes after it is played as well."""
    path = encode(tmp_path / name, street_frames[:60], codec=codec, g='10')
    count = len(played(path)[0])
    frames, times, source = played(damaged(path, 0.40, 0.45))
    assert count == 60 and 45 <= len(frames) <= 60
    # The end is there, at its own time.
    assert np.abs(frames[-1].astype(int) - street_frames[59]).mean() < 12.0
    assert times[-1] == pytest.approx(5.9, abs=0.6)


def test_a_newer_codec(tmp_path, small):
    """AV1, which this OpenCV does not decode."""
    encoder = next((name for name in ('libsvtav1', 'libaom-av1') if name in av.codecs_available),
                   None)
    if encoder is None:
        pytest.skip('this FFmpeg has no AV1 encoder')
    frames, _, source = played(encode(tmp_path / 'a.mp4', small, codec=encoder))
    assert len(frames) == 30 and source.codec in ('libdav1d', 'av1', 'libaom-av1')
    assert np.abs(frames[5].astype(int) - small[5]).mean() < 10.0


@pytest.mark.parametrize('make, reason', [
    (lambda path: path.write_bytes(b'RIFF'), 'not a video or image that can be decoded'),
    (lambda path: path.write_bytes(b''), 'not a video or image that can be decoded'),
    (lambda path: path.write_bytes(b'text ' * 500), 'not a video or image that can be decoded')])
def test_what_is_no_video(tmp_path, make, reason):
    make(tmp_path / 'a.mkv')
    with pytest.raises(SourceError, match=reason) as caught:
        open_source(str(tmp_path / 'a.mkv'))
    assert '\n' not in str(caught.value)


def test_sound_alone(tmp_path):
    with av.open(str(tmp_path / 'a.mp4'), 'w') as container:
        stream = container.add_stream('aac', rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), 'fltp', 'mono')
        silence.rate = 8000
        container.mux(stream.encode(silence))
        container.mux(stream.encode(None))
    with pytest.raises(SourceError, match='no video in it'):
        open_source(str(tmp_path / 'a.mp4'))


@pytest.mark.parametrize('name, options', [
    ('a.webp', {'lossless': True, 'duration': [100, 300, 200]}),
    ('a.png', {'duration': [100, 300, 200]}), ('a.tiff', {})])
def test_pictures_that_move(tmp_path, small, name, options):
    """All pictures of a file, for as long as it says."""
    pictures = [Image.fromarray(frame[:, :, ::-1]) for frame in small[:12:4]]
    pictures[0].save(tmp_path / name, save_all=True, append_images=pictures[1:], **options)
    frames, times, source = played(tmp_path / name)
    assert source.total == 3 and not source.still
    assert all(np.array_equal(found, frame) for found, frame in zip(frames, small[:12:4]))
    assert times == pytest.approx([0.0, 0.1, 0.4] if options else [0.0, 0.1, 0.2])
    assert source.unusable == 0


def test_a_folder_in_the_order_in_which_people_count(tmp_path, small):
    for number in range(1, 13):
        cv2.imwrite(str(tmp_path / f'frame{number}.png'), small[number])
    frames, times, _ = played(tmp_path)
    assert all(np.array_equal(found, frame) for found, frame in zip(frames, small[1:13]))
    assert times == pytest.approx(np.arange(12) / 10)
    names = [tmp_path / name for name in ('b1', 'a10', 'a2', 'A1', '3', '03', 'a02b', 'a2b')]
    assert [path.name for path in sorted(names, key=naturally)] == [
        '03', '3', 'A1', 'a2', 'a02b', 'a2b', 'a10', 'b1']


def test_avif(tmp_path, small):
    try:
        Image.fromarray(small[0][:, :, ::-1]).save(tmp_path / 'a.avif', quality=95)
    except (KeyError, ValueError, OSError):
        pytest.skip('this Pillow has no AVIF encoder')
    source = open_source(str(tmp_path / 'a.avif'))
    assert source.still and np.abs(source.read().astype(int) - small[0]).mean() < 8.0


def test_several_videos_are_one(tmp_path, small):
    """In natural order, from a folder, a pattern or a list; time goes on."""
    for number in (10, 2, 1):
        encode(tmp_path / f'part{number}.mp4', small[:10] if number != 2 else small[10:14])
    (tmp_path / 'notes.txt').touch()
    wanted = np.arange(24) / 10
    for source in (str(tmp_path), str(tmp_path / 'part*.mp4')):
        frames, times, opened = played(source)
        assert (len(frames), opened.total) == (24, 24) and times == pytest.approx(wanted)
        assert np.abs(frames[10].astype(int) - small[10]).mean() < 8.0
    opened = open_sources([str(tmp_path / name) for name in ('part2.mp4', 'part1.mp4')])
    assert opened.total == 14
    for _ in range(2):
        assert all(opened.skip() for _ in range(4))
        assert np.abs(opened.read().astype(int) - small[0]).mean() < 8.0
        assert opened.rewind()
    with pytest.raises(SourceError, match='cannot be one of several sources'):
        cv2.imwrite(str(tmp_path / 'a.bmp'), small[0])
        open_sources([str(tmp_path / 'part1.mp4'), str(tmp_path / 'a.bmp')])
    with pytest.raises(SourceError, match='no such file or folder'):
        open_source(str(tmp_path / '*.mkv'))


def test_a_pattern_of_images(tmp_path, small):
    for number in (1, 2, 10):
        cv2.imwrite(str(tmp_path / f'{number}.png'), small[number])
    frames, _, _ = played(tmp_path / '*.png')
    assert all(np.array_equal(found, small[number]) for found, number in zip(frames, (1, 2, 10)))


def test_images_of_sixteen_bits(tmp_path):
    """All that 16 bits can hold, or the range that is given; dark ones are said to be."""
    values = np.array([[0, 1000, 2000], [3000, 4095, 4095]], np.uint16)
    for name, image in (('a.png', values), ('b.png', cv2.merge([values] * 3)), ('c.tiff', values)):
        path = tmp_path / name
        cv2.imwrite(str(path), image)
        source = open_source(str(path))
        assert np.array_equal(source.read()[:, :, 0], np.round(values / 257))
        assert 'no value above 4095: the picture is dark' in source.advice
        source = open_source(str(path), value_range=(0.0, 4095.0))
        assert np.array_equal(source.read()[:, :, 1], np.round(values * (255 / 4095)))
        assert not source.advice
    assert cv2.imwritemulti(str(tmp_path / 'pages.tiff'), [values, values])
    for value_range, factor in (((), 1 / 257), ((0.0, 4095.0), 255 / 4095)):
        pages = open_source(str(tmp_path / 'pages.tiff'), value_range=value_range)
        assert pages.total == 2
        for _ in range(2):
            assert np.array_equal(pages.read()[:, :, 0], np.round(values * factor))
        assert bool(pages.advice) == (not value_range)
    cv2.imwrite(str(tmp_path / 'bright.png'), values * 16)
    assert not open_source(str(tmp_path / 'bright.png')).advice
    folder = tmp_path / 'folder'
    folder.mkdir()
    cv2.imwrite(str(folder / '1.png'), values)
    assert open_source(str(folder), value_range=(0.0, 4095.0)).read().max() == 255


def test_heic_names_what_it_needs(tmp_path, monkeypatch):
    """Pillow reads it with a plugin only."""
    (tmp_path / 'a.heic').write_bytes(b'\0\0\0\x18ftypheic' + bytes(100))
    for name in ('pi_heif', 'pillow_heif'):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SourceError, match="HEIC needs the package pi-heif: 'pip install pi-heif'"):
        open_source(str(tmp_path / 'a.heic'))


def test_heic(tmp_path, small):
    pillow_heif = pytest.importorskip('pillow_heif', reason='pi-heif reads, and does not write')
    pillow_heif.from_pillow(Image.fromarray(small[0][:, :, ::-1])).save(
        str(tmp_path / 'a.heic'), quality=95)
    source = open_source(str(tmp_path / 'a.heic'))
    assert source.still and np.abs(source.read().astype(int) - small[0]).mean() < 8.0
