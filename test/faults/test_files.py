"""Videos, images and recordings that are cut off, lie, or change while they are played."""

import re

from broken_videos import with_frame_count, with_spacings, write_video
import cv2
import numpy as np
import pytest
from rclpy.time import Time
from ros_processes import NodeProcess, Pictures, spin_until

pytestmark = pytest.mark.faults


def played(node, source, **parameters):
    """Play a source to its end and return the exit code, the messages and the output."""
    pictures = Pictures(node, 'image_raw')
    with NodeProcess('playback_node', {'source': str(source), 'wait_for_subscribers': 1,
                                       **parameters}) as process:
        assert spin_until(node, lambda: not process.running)
        spin_until(node, lambda: False, 0.5)
        assert 'Traceback' not in process.output(), process.output()
        return process.wait(), pictures.messages, process.output()


def skipped(output):
    """Return how many frames were overdue, as some are on a busy machine."""
    return int(re.search(r'end of source: .* (\d+) skipped', output).group(1))


@pytest.fixture
def clip(tmp_path, street_frames):
    return write_video(tmp_path / 'clip.avi', street_frames[:40])


def test_a_video_that_is_cut_off(node, clip):
    clip.write_bytes(clip.read_bytes()[:clip.stat().st_size // 2])
    code, messages, output = played(node, clip)
    assert code == 0 and 10 < len(messages) < 30
    assert f'end of source: frame {len(messages) + skipped(output)}/40' in output


def test_an_mp4_without_its_index(node, tmp_path, street_frames):
    path = write_video(tmp_path / 'cut.mp4', street_frames[:40], 'mp4v')
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])
    code, messages, output = played(node, path)
    assert (code, messages) == (1, [])
    assert 'not a video or image that can be decoded' in output


def test_a_video_with_damaged_frames(node, clip):
    data, noise = bytearray(clip.read_bytes()), np.random.default_rng(0)
    for place in noise.integers(len(data) // 4, 3 * len(data) // 4, 200):
        data[place] = noise.integers(256)
    clip.write_bytes(data)
    code, messages, _ = played(node, clip)
    assert code == 0 and len(messages) > 5


@pytest.mark.parametrize('content', ['', 'RIFF', 'no video at all\n' * 100])
def test_a_file_that_is_no_video(node, tmp_path, content):
    path = tmp_path / 'empty.mp4'
    path.write_text(content)
    code, messages, output = played(node, path)
    assert (code, messages) == (1, [])
    assert 'not a video or image that can be decoded' in output


@pytest.mark.parametrize('count', [0, 3, 1_000_000])
@pytest.mark.parametrize('loop', [False, True])
def test_a_video_that_lies_about_its_length(node, clip, count, loop):
    with_frame_count(clip, count)
    if not loop:
        code, messages, output = played(node, clip)
        assert (code, len(messages) + skipped(output)) == (0, 40)
        return
    pictures = Pictures(node, 'image_raw')
    with NodeProcess('playback_node', {'source': str(clip), 'loop': True,
                                       'rate': 60.0}) as process:
        assert spin_until(node, lambda: len(pictures) > 100, 10)
        assert process.stop() == 0


@pytest.mark.alone
def test_a_variable_frame_rate(node, tmp_path, street_frames):
    """Frames come when the file says, not evenly."""
    spacings = [0.05] * 10 + [0.5] + [0.1] * 10 + [0.3] + [0.05] * 8
    path = with_spacings(write_video(tmp_path / 'phone.mp4', street_frames[:30], 'mp4v'),
                         spacings)
    code, messages, _ = played(node, path)
    assert (code, len(messages)) == (0, 30)
    times = [Time.from_msg(message.header.stamp).nanoseconds * 1e-9 for message in messages]
    assert np.abs(np.diff(times) - spacings[:-1]).max() < 0.03


def test_a_folder_that_changes_while_it_is_played(node, tmp_path, street_frames):
    """Images that are removed, emptied or added: what is there is played."""
    for number in range(30):
        cv2.imwrite(str(tmp_path / f'{number:03}.png'), street_frames[number])
    pictures = Pictures(node, 'image_raw')
    with NodeProcess('playback_node', {'source': str(tmp_path), 'rate': 20.0,
                                       'wait_for_subscribers': 1}) as process:
        assert spin_until(node, lambda: len(pictures) >= 3)
        for number in (12, 13, 20):
            (tmp_path / f'{number:03}.png').unlink()
        (tmp_path / '015.png').write_bytes(b'')
        (tmp_path / '016.png').write_bytes((tmp_path / '017.png').read_bytes()[:5000])
        cv2.imwrite(str(tmp_path / '100.png'), street_frames[0])
        assert spin_until(node, lambda: not process.running)
        assert process.wait() == 0, process.output()
        assert 'Traceback' not in process.output()
        # On a busy machine it skips what is overdue.
        position, skipped, unusable = map(int, re.search(
            r'end of source: frame (\d+)/30, .* (\d+) skipped, (\d+) unusable',
            process.output()).groups())
    assert position + unusable == 30 and unusable <= 5
    assert spin_until(node, lambda: len(pictures) >= position - skipped, 2.0)


@pytest.mark.parametrize('folder_too', [False, True])
def test_a_folder_that_is_emptied_while_it_loops(node, tmp_path, street_frames, folder_too):
    folder = tmp_path / 'images'
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f'{number:03}.png'), street_frames[number])
    pictures = Pictures(node, 'image_raw')
    with NodeProcess('playback_node', {'source': str(folder), 'rate': 20.0,
                                       'loop': True}) as process:
        assert spin_until(node, lambda: len(pictures) >= 5)
        for path in folder.iterdir():
            path.unlink()
        if folder_too:
            folder.rmdir()
        assert process.wait() == 1
        assert 'no frame can be decoded' in process.output()
        assert 'Traceback' not in process.output()


def test_a_folder_that_grows_while_it_loops(node, tmp_path, street_frames):
    cv2.imwrite(str(tmp_path / '0.png'), street_frames[0])
    pictures = Pictures(node, 'image_raw')
    with NodeProcess('playback_node', {'source': str(tmp_path), 'rate': 20.0,
                                       'loop': True}) as process:
        assert spin_until(node, lambda: len(pictures) >= 3)
        cv2.imwrite(str(tmp_path / '1.png'), street_frames[50])
        assert spin_until(node, lambda: bytes(pictures.messages[-1].data)
                          == street_frames[50].tobytes(), 5)
        assert process.stop() == 0


@pytest.mark.parametrize('fault', ['few bytes', 'many bytes', 'no header', 'second half'])
def test_a_recording_that_is_damaged(node, tmp_path, street_frames, fault):
    """What can be read is played; where the database breaks, one line says so."""
    pytest.importorskip('rosbags')
    from recordings import record
    noise = np.random.default_rng(1)
    folder = record(tmp_path / 'bag', street_frames[:6])
    database = next(folder.glob('*.db3'))
    data = bytearray(database.read_bytes())
    places = {'few bytes': noise.integers(len(data) // 4, len(data), 5),
              'many bytes': noise.integers(0, len(data), 200), 'no header': [0],
              'second half': range(len(data) // 2, len(data) - 512, 512)}[fault]
    for place in places:
        data[place:place + 512] = noise.bytes(512)
    database.write_bytes(data)
    code, messages, output = played(node, folder)
    print(fault, code, len(messages), output.splitlines()[-1:])
    assert (code, len(messages)) == (0, 6) if fault == 'few bytes' else code == 1
    assert code == 0 or '[FATAL]' in output
