"""The render command, as a process."""

import os
import shutil
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from ros_processes import SERVER
from yolo_heatmap_ros.detectors.yolo import YoloDetector
from yolo_heatmap_ros.drawing.renderer import HeatRenderer
from yolo_heatmap_ros.pipeline import HeatmapPipeline
from yolo_heatmap_ros.storage.snapshots import newest, read

WITHOUT_ROS = (
    'import sys; sys.modules.update(dict.fromkeys(("rclpy", "sensor_msgs", "rcl_interfaces", '
    '"std_msgs", "builtin_interfaces", "rosbag2_py", "ament_index_python", "cv_bridge", '
    '"yolo_heatmap_ros.ros", "yolo_heatmap_ros.nodes"))); '
    'from yolo_heatmap_ros.apps.render import main; sys.exit(main(sys.argv[1:]))')

WRITTEN = 10_000
"""Bytes of more than the head of a video."""


def command(street, *arguments):
    return [sys.executable, '-W', 'ignore', '-c', WITHOUT_ROS, '--weights',
            str(street / 'street.pt'), *map(str, arguments)]


def run_without_ros(street, *arguments):
    return subprocess.run(command(street, *arguments), capture_output=True, text=True)


def run(street, *arguments):
    return SERVER.run('apps.render', '--weights', street / 'street.pt', *arguments)


def frames_of(path):
    capture = cv2.VideoCapture(str(path))
    frames = []
    while (frame := capture.read()[1]) is not None:
        frames.append(frame)
    return frames


@pytest.fixture(scope='module')
def clip(street, tmp_path_factory):
    """Return the first two seconds of the embedded clip as images without loss."""
    folder = tmp_path_factory.mktemp('clip')
    for number, frame in enumerate(frames_of(street / 'street.mp4')[:30]):
        cv2.imwrite(str(folder / f'{number:04}.png'), frame)
    return folder


def expected_composite(street, frames, **options):
    pipeline = HeatmapPipeline(YoloDetector(str(street / 'street.pt')), HeatRenderer(**options))
    for frame in frames:
        pipeline.update(frame)
    height, width = frames[0].shape[:2]
    composite = np.empty((height, 2 * width, 3), np.uint8)
    pipeline.render(frames[-1], composite=composite)
    return composite


def test_the_pixels_are_those_of_the_pipeline(street, clip, tmp_path):
    """Of the last frame, as an image; without ROS."""
    frames = [cv2.imread(str(path)) for path in sorted(clip.iterdir())]
    result = run_without_ros(street, clip, tmp_path / 'out.png', '--colormap', 'VIRIDIS',
                             '--alpha', 0.7)
    assert result.returncode == 0, result.stderr
    assert '30 frames in' in result.stdout and 'out.png (PNG)' in result.stdout
    expected = expected_composite(street, frames, colormap='VIRIDIS', alpha=0.7)
    assert np.array_equal(cv2.imread(str(tmp_path / 'out.png')), expected)
    result = run(street, clip, tmp_path / 'half.png', '--colormap', 'VIRIDIS', '--alpha', 0.7,
                 '--heatmap-only', '--end', 1.0)
    expected = expected_composite(street, frames[:10], colormap='VIRIDIS', alpha=0.7)
    assert np.array_equal(cv2.imread(str(tmp_path / 'half.png')), expected[:, 640:])


def test_a_video(street, tmp_path):
    """Every frame, at the rate of the input, with its pictures in order."""
    output = tmp_path / 'out.mp4'
    result = run(street, street / 'street.mp4', output, '--start', 2, '--end', 4)
    assert result.returncode == 0, result.stderr
    codec = 'H.264' if shutil.which('ffmpeg') else 'mp4v'
    assert result.stdout.startswith('30 frames in') and f'({codec})' in result.stdout
    frames, original = frames_of(output), frames_of(street / 'street.mp4')[30:60]
    assert len(frames) == 30
    assert cv2.VideoCapture(str(output)).get(cv2.CAP_PROP_FPS) == pytest.approx(15.0)
    for frame, before in zip(frames, original):
        assert frame.shape == (480, 1280, 3)
        assert np.abs(frame[:, :640].astype(int) - before).mean() < 8


@pytest.mark.parametrize('storage, kind', [('mcap', 'Image'), ('sqlite3', 'CompressedImage')])
def test_a_recording(street, clip, tmp_path, storage, kind):
    """The same pixels as of its frames in a folder; without ROS."""
    pytest.importorskip('rosbags')
    import recordings
    frames = [cv2.imread(str(path)) for path in sorted(clip.iterdir())[:6]]
    recording = recordings.record(tmp_path / 'recording', frames, storage, kind)
    result = run_without_ros(street, recording, tmp_path / 'out.png')
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith('6 frames in')
    assert np.array_equal(cv2.imread(str(tmp_path / 'out.png')),
                          expected_composite(street, frames))
    file = next(recording.glob('*.mcap' if storage == 'mcap' else '*.db3'))
    result = run(street, file, tmp_path / 'out.mp4')
    assert result.returncode == 0, result.stderr
    assert len(frames_of(tmp_path / 'out.mp4')) == 6
    # At the average rate of the recording.
    assert cv2.VideoCapture(str(tmp_path / 'out.mp4')).get(cv2.CAP_PROP_FPS) == pytest.approx(
        5 / recordings.TIMES[5], rel=0.01)
    # From 0.2 s on are four of the six; their heat is that of their own times.
    result = run(street, file, '--snapshot', tmp_path, '--heat-unit', 'seconds', '--start', 0.15)
    assert result.returncode == 0 and result.stdout.startswith('4 frames in'), result.stderr
    state = read(newest(tmp_path)[0]).state
    assert (state.began, state.ended) == pytest.approx((0.2, 1.1))


def test_without_ffmpeg(street, clip, tmp_path):
    environment = {**os.environ, 'PATH': '/nowhere'}
    result = subprocess.run(command(street, clip, tmp_path / 'out.avi'), capture_output=True,
                            text=True, env=environment)
    assert result.returncode == 0, result.stderr
    assert '(MJPG)' in result.stdout
    assert len(frames_of(tmp_path / 'out.avi')) == 30


def test_one_image(street, clip, tmp_path):
    result = run(street, clip / '0010.png', tmp_path / 'out.jpg')
    assert result.returncode == 0, result.stderr
    assert cv2.imread(str(tmp_path / 'out.jpg')).shape == (480, 1280, 3)


def test_interrupted(street, tmp_path):
    """Ctrl-C, which a terminal sends to the whole group, leaves a playable file."""
    output = tmp_path / 'out.mp4'
    process = subprocess.Popen(command(street, street / 'street.mp4', output),
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               start_new_session=True)
    end = time.monotonic() + 60
    while not (output.exists() and output.stat().st_size > WRITTEN) and time.monotonic() < end:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert 'interrupted: the frames rendered so far are kept' in errors
    assert 'Traceback' not in errors
    assert 3 < len(frames_of(output)) < 360


def test_snapshot_of_the_final_heat(street, clip, tmp_path):
    result = run(street, clip, '--snapshot', tmp_path, '--heat-unit', 'seconds', '--half-life', 60)
    assert result.returncode == 0, result.stderr
    folder = newest(tmp_path)[0]
    assert f'snapshot: {folder}' in result.stdout
    snapshot = read(folder)
    assert snapshot.state.unit == 'seconds'
    assert 0.5 < snapshot.state.arrays['heat'].max() < 10
    assert snapshot.parameters['half_life'] == 60.0
    picture = cv2.imread(str(folder / 'heatmap.png'))
    assert (picture[-30:, -30:] == 32).all(axis=2).any()  # the legend's panel


@pytest.mark.parametrize('arguments, reason', [
    (('no_such.mp4', 'out.mp4'), "'no_such.mp4': no such file"),
    (('{clip}', 'out.txt'), "'out.txt': give a file that ends in one of .mp4"),
    (('{clip}', '/no/folder/out.mp4'), "there is no folder '/no/folder'"),
    (('{clip}',), 'nothing to do'),
    (('{clip}', 'out.mp4', '--start', '9', '--end', '3'), '--start 9 is not before --end 3'),
    (('{clip}', 'out.mp4', '--start', '99'), 'no frame between --start and --end'),
    (('{clip}', 'out.mp4', '--colormap', 'blue'), "parameter 'colormap': unknown colormap"),
    (('{clip}', 'out.mp4', '--classes', 'dog'), "unknown class 'dog'"),
    (('{clip}', 'out.mp4', '--regions', '{a: 1}'), "region 'a' is not a list"),
    (('{clip}', 'out.mp4', '--kernel', 'mask'), "kernel 'mask' needs a segmentation model"),
    (('{clip}', 'out.mp4', '--weights', '/no.pt'), "weights '/no.pt': no such file"),
    (('{clip}/0000.png', '{clip}/0000.png'), 'is the input itself'),
    (('no_such.mcap', 'out.mp4'), "'no_such.mcap': there is no metadata.yaml beside it"),
])
def test_what_is_refused(street, clip, tmp_path, monkeypatch, arguments, reason):
    """One line, exit code 1, and no file left that is none."""
    monkeypatch.chdir(tmp_path)
    result = SERVER.run('apps.render', '--weights', street / 'street.pt',
                        *(argument.replace('{clip}', str(clip)) for argument in arguments))
    assert result.returncode == 1
    assert result.stderr.strip().splitlines()[-1].startswith('render: ')
    assert reason in result.stderr
    assert 'Traceback' not in result.stderr
    assert len(list(clip.iterdir())) == 30


def test_every_option_is_explained(street):
    text = run_without_ros(street, '--help').stdout
    for option in ('--heatmap-only', '--half-life', '--show', '--legend', '--weights', '--start'):
        assert option in text
