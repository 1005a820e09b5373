"""The playback node as a process, over real DDS."""

import signal

import cv2
from mjpeg_server import MjpegServer
import numpy as np
from odd_videos import encode
import pytest
from rclpy.time import Time
from ros_processes import call, NodeProcess, Pictures, SERVER, set_parameters, spin_until
from std_srvs.srv import SetBool, Trigger
from yolo_heatmap_ros.ros.messages.images import to_frame
from yolo_heatmap_ros.storage.snapshots import newest, read


def play(source, fresh=False, **parameters):
    return NodeProcess('playback_node', {
        'source': str(source), 'wait_for_subscribers': 1, **parameters}, fresh=fresh)


def stamps(pictures):
    return np.array([Time.from_msg(m.header.stamp).nanoseconds * 1e-9
                     for m in pictures.messages])


@pytest.fixture
def clip(tmp_path, street_frames):
    """Return a lossless video of 40 frames at 20 Hz."""
    path = tmp_path / 'clip.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'FFV1'), 20.0, (320, 240))
    for frame in street_frames[:40]:
        writer.write(frame[:240, :320])
    writer.release()
    return path


@pytest.mark.alone
def test_video_at_its_own_rate_to_the_end(node, clip, street_frames):
    pictures = Pictures(node, 'image_raw')
    with play(clip, fresh=True, frame_id='front') as process:
        assert spin_until(node, lambda: not process.running)
        assert process.wait() == 0
        assert spin_until(node, lambda: len(pictures) == 40, 2.0)
        for message, frame in zip(pictures.messages, street_frames):
            assert message.header.frame_id == 'front'
            assert np.array_equal(to_frame(message), frame[:240, :320])
        times = stamps(pictures)
        assert (times[-1] - times[0]) / 39 == pytest.approx(0.05, rel=0.02)
        assert 'end of source: frame 40/40' in process.output()
        assert 'Traceback' not in process.output()


@pytest.mark.alone
def test_given_rate_without_drift(node, clip):
    pictures = Pictures(node, 'image_raw')
    with play(clip, rate=40, loop=True) as process:
        assert spin_until(node, lambda: len(pictures) >= 130)
        times = stamps(pictures)
        assert (times[120] - times[0]) == pytest.approx(3.0, abs=0.06)
        assert process.stop(signal.SIGTERM) == 0
        assert 'Traceback' not in process.output()


@pytest.mark.alone
def test_still_image(node, tmp_path, street_frames):
    cv2.imwrite(str(tmp_path / 'still.png'), street_frames[0])
    pictures = Pictures(node, 'image_raw')
    with play(tmp_path / 'still.png', rate=25.0) as process:
        assert spin_until(node, lambda: len(pictures) >= 50)
        times = stamps(pictures)
        assert (times[49] - times[0]) / 49 == pytest.approx(0.04, rel=0.05)
        assert np.array_equal(to_frame(pictures.messages[49]), street_frames[0])
        assert process.stop() == 0


def test_folder(node, tmp_path, street_frames):
    for number in range(6):
        cv2.imwrite(str(tmp_path / f'{number:03}.png'), street_frames[number])
    pictures = Pictures(node, 'image_raw')
    with play(tmp_path, rate=4) as process:  # none is late enough to be skipped
        assert spin_until(node, lambda: not process.running)
        assert process.wait() == 0
    assert spin_until(node, lambda: len(pictures) == 6, 2.0)
    assert np.array_equal(to_frame(pictures.messages[5]), street_frames[5])


@pytest.mark.alone
def test_pause_and_rate_while_playing(node, clip):
    pictures = Pictures(node, 'image_raw')
    with play(clip, loop=True) as process:
        assert spin_until(node, lambda: len(pictures) > 5)
        assert call(node, SetBool, '/playback/pause', SetBool.Request(data=True)).success
        spin_until(node, lambda: False, 0.3)
        count = len(pictures)
        spin_until(node, lambda: False, 0.5)
        assert len(pictures) == count
        assert set_parameters(node, '/playback', rate=50).successful
        assert call(node, SetBool, '/playback/pause', SetBool.Request(data=False)).success
        assert spin_until(node, lambda: len(pictures) >= count + 52)
        times = stamps(pictures)[count:]
        assert (times[51] - times[1]) == pytest.approx(1.0, abs=0.08)
        assert process.running


def test_too_slow_a_decoder_skips_and_keeps_the_time(node, tmp_path):
    """At 2000 frames per second nothing decodes 1080p: the file ends without a long delay."""
    path = tmp_path / 'large.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 25.0, (1920, 1080))
    picture = np.random.default_rng(0).integers(0, 256, (1080, 1920, 3), np.uint8)
    for _ in range(100):
        writer.write(picture)
    writer.release()
    pictures = Pictures(node, 'image_raw')
    with play(path, rate=1000) as process:
        assert spin_until(node, lambda: not process.running)
        assert process.wait() == 0
        skipped = int(process.output().rsplit(' skipped', 1)[0].rsplit(' ', 1)[1])
    assert skipped > 10
    assert len(pictures) + skipped == 100


def test_stream_is_opened_again(node, street_frames):
    server = MjpegServer(street_frames[:10], rate=30)
    pictures = Pictures(node, 'image_raw')
    with play(server.url) as process:
        assert spin_until(node, lambda: len(pictures) > 25)
        assert 'no more frames; opening it again' in process.output()
        assert 'open again' in process.output()
        assert 'secret' not in process.output()
        assert process.stop() == 0
    server.close()


@pytest.mark.parametrize('source, reason', [
    ('/no/such.mp4', "'/no/such.mp4': no such file"), ('', 'must not be empty'),
    ('97', 'no such camera')])
def test_bad_source(source, reason):
    with NodeProcess('playback_node', {'source': source}) as process:
        assert process.wait() == 1
        assert reason in process.output()
        assert 'Traceback' not in process.output()


def test_signal_while_waiting(clip):
    with play(clip) as process:
        process.wait_for_output("waiting for 1 subscriber(s) of '/image_raw'")
        assert process.stop() == 0
        assert 'Traceback' not in process.output()


@pytest.mark.alone
def test_uneven_times_are_those_of_render(node, street, street_frames, tmp_path):
    """Both count the same dwell time on a video of uneven rate, within one frame."""
    times = [*np.arange(15) / 10, *(1.9 + np.arange(6) / 2)]
    video = encode(tmp_path / 'uneven.mp4', street_frames[:21], times)
    regions = '{all: [[0, 0], [1, 0], [1, 1], [0, 1]]}'
    with NodeProcess('heatmap_node', {
            'weights': str(street / 'street.pt'), 'frame_policy': 'all', 'regions': regions,
            'heat_unit': 'seconds', 'snapshot_dir': str(tmp_path / 'node')},
            {'image': 'image_raw'}) as process:
        process.wait_for_output('listening to')
        with NodeProcess('playback_node', {'source': str(video),
                                           'wait_for_subscribers': 1}) as player:
            assert player.wait() == 0
        assert spin_until(node, lambda: call(
            node, Trigger, '/yolo_heatmap/save', Trigger.Request()).success and read(
                newest(tmp_path / 'node')[0]).state.frames == 21)
        assert process.stop() == 0
    assert SERVER.run('apps.render', '--weights', street / 'street.pt', video, '--snapshot',
                      tmp_path / 'render', '--heat-unit', 'seconds', '--regions',
                      regions).returncode == 0
    ours, theirs = (read(newest(tmp_path / name)[0]).state for name in ('node', 'render'))
    assert theirs.frames == 21 and theirs.ended - theirs.began == pytest.approx(4.4, abs=0.01)
    assert ours.ended - ours.began == pytest.approx(4.4, abs=0.1)
    occupancies = [state.regions['all']['occupancy'] for state in (ours, theirs)]
    assert occupancies[0] == pytest.approx(occupancies[1], rel=0.1 / 4.4)
    assert occupancies[1] > 4.4
