"""The render command, as a process."""

import csv
from datetime import datetime, timezone
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
from odd_videos import encode
import pytest
from ros_processes import SERVER
from yolo_heatmap_ros.apps.render import main
from yolo_heatmap_ros.detectors.yolo import YoloDetector
from yolo_heatmap_ros.drawing.renderer import HeatRenderer
from yolo_heatmap_ros.heat.flow_field import FlowMap
from yolo_heatmap_ros.heat.options import HeatOptions
from yolo_heatmap_ros.heat.time_bins import block_sums
from yolo_heatmap_ros.media.sources import open_source
from yolo_heatmap_ros.pipeline import HeatmapPipeline
from yolo_heatmap_ros.storage.history import files_in, History, When
from yolo_heatmap_ros.storage.snapshots import newest, read

WITHOUT_ROS = (
    'import sys; sys.modules.update(dict.fromkeys(("rclpy", "sensor_msgs", "rcl_interfaces", '
    '"std_msgs", "builtin_interfaces", "rosbag2_py", "ament_index_python", "cv_bridge", '
    '"yolo_heatmap_ros.ros", "yolo_heatmap_ros.nodes"))); '
    'from yolo_heatmap_ros.apps.render import main; sys.exit(main(sys.argv[1:]))')

IMGSZ = 320
"""Smaller than the default, and faster: what is compared has been found with the same."""
LINE = '[across: [[40, 330], [600, 330]]]'
WRITTEN = 10_000
"""Bytes of more than the head of a video."""


def command(street, *arguments):
    return [sys.executable, '-W', 'ignore', '-c', WITHOUT_ROS, '--weights',
            str(street / 'street.pt'), '--imgsz', str(IMGSZ), *map(str, arguments)]


def run_without_ros(street, *arguments):
    return subprocess.run(command(street, *arguments), capture_output=True, text=True)


def run(street, *arguments):
    return SERVER.run('apps.render', '--weights', street / 'street.pt', '--imgsz', IMGSZ,
                      *arguments)


@pytest.fixture
def refused(street, capfd):
    """Return a function that runs the command here, which must fail; it returns the errors."""
    def ask(*arguments):
        assert main(['--weights', str(street / 'street.pt'), *map(str, arguments)]) == 1
        errors = capfd.readouterr().err
        assert 'Traceback' not in errors
        return errors
    return ask


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
    detector = YoloDetector(str(street / 'street.pt'), imgsz=IMGSZ)
    pipeline = HeatmapPipeline(detector, HeatRenderer(**options))
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
    assert '30 of 30 frames in' in result.stdout and 'out.png (PNG)' in result.stdout
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
    assert result.stdout.startswith('30 of 30 frames in') and '(H.264)' in result.stdout
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
    assert result.stdout.startswith('6 of 6 frames in')
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
    assert result.returncode == 0 and result.stdout.startswith('4 of '), result.stderr
    state = read(newest(tmp_path)[0]).state
    assert (state.began, state.ended) == pytest.approx((0.2, 1.1))


def test_uneven_times(street, street_frames, tmp_path):
    """Heat, range and output go by the times in the file, not by a rate."""
    times = [*np.arange(20) / 20, *(1.0 + np.arange(20) * 0.3)]
    video = encode(tmp_path / 'uneven.mkv', street_frames[:40], times)
    result = run(street, video, tmp_path / 'out.mp4', '--snapshot', tmp_path / 'heat',
                 '--heat-unit', 'seconds', '--start', 0.5, '--end', 4.05)
    assert result.returncode == 0, result.stderr
    state = read(newest(tmp_path / 'heat')[0]).state
    assert (state.frames, state.began, state.ended) == pytest.approx((21, 0.5, 4.0), abs=0.002)
    source, pipeline = open_source(str(video)), HeatmapPipeline(
        YoloDetector(str(street / 'street.pt'), imgsz=IMGSZ), HeatRenderer(),
        HeatOptions(heat_unit='seconds'))
    for time_ in times[:31]:
        frame = source.read()
        if time_ > 0.49:
            pipeline.update(frame, time_)
    assert np.allclose(pipeline.heat(), state.arrays['heat'], atol=0.01)
    written = open_source(str(tmp_path / 'out.mp4'))
    found = []
    while written.read() is not None:
        found.append(written.elapsed)
    assert found == pytest.approx([time_ - 0.5 for time_ in times[10:31]], abs=0.005)


@pytest.mark.parametrize('name', ['out.avi', 'out.mkv', 'out.mov', 'out.m4v'])
def test_containers(street, clip, tmp_path, name):
    result = run(street, clip, tmp_path / name)
    assert result.returncode == 0, result.stderr
    assert '30 of 30 frames in' in result.stdout and f'{name} (H.264)' in result.stdout
    assert len(frames_of(tmp_path / name)) == 30


def test_several_inputs(street, street_frames, tmp_path):
    """One after the other, into one heat and one video."""
    parts = [encode(tmp_path / f'{name}.mp4', street_frames[:5]) for name in 'ab']
    for arguments in ((*parts, tmp_path / 'out.mkv'),
                      (tmp_path / '?.mp4', '--output', tmp_path / 'out.mkv')):
        result = run(street, *arguments, '--snapshot', tmp_path / 'heat')
        assert result.returncode == 0, result.stderr
        assert result.stdout.startswith('10 of 10 frames in')
        assert len(frames_of(tmp_path / 'out.mkv')) == 10
        assert read(newest(tmp_path / 'heat')[0]).state.ended == pytest.approx(0.9)
        (tmp_path / 'out.mkv').unlink()


def test_counts_and_events(street, tmp_path):
    """The same in both formats of the file, in the snapshot and in what is printed."""
    regions = '[left: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]]'
    options = ['--lines', LINE, '--regions', regions, '--dwell-alert', 3, '--end', 8,
               '--max-rate', 5, '--heat-unit', 'seconds']
    rows = {}
    for name in ('out.csv', 'out.jsonl'):
        result = run(street, street / 'street.mp4', '--output', tmp_path / 'out.mp4', '--events',
                     tmp_path / name, '--snapshot', tmp_path / name[4:], *options)
        assert result.returncode == 0, result.stderr
        assert result.stdout.startswith('40 frames in')
        text = (tmp_path / name).read_text()
        rows[name] = (list(csv.DictReader(text.splitlines())) if name == 'out.csv'
                      else [json.loads(line) for line in text.splitlines()])
    table, lines_ = rows.values()
    assert len(table) > 3
    assert table == [{key: str(value) for key, value in row.items()} for row in lines_]
    about = read(newest(tmp_path / 'csv')[0]).state
    kinds = [row['kind'] for row in table]
    line, region = about.lines['across'], about.regions['left']
    assert (kinds.count('forward'), kinds.count('backward')) == (line['forward'], line['backward'])
    assert (kinds.count('entry'), kinds.count('exit')) == (region['entries'], region['exits'])
    assert line['forward'] == sum(one['forward'] for one in line['by_class'].values()) > 0
    assert set(line['by_class']) <= {'person', 'car'}
    assert (f"line across: {line['forward']} forward, {line['backward']} backward"
            in result.stdout.splitlines())
    assert f"region left: {region['tracks']} objects, " in result.stdout
    assert all(0.0 <= row['stamp'] < 8.0 for row in lines_)
    # At 5 Hz, with the time of each frame, not more.
    assert len(frames_of(tmp_path / 'out.mp4')) == 40


def test_a_file_of_events_that_cannot_be_written(refused, clip, tmp_path):
    for name, reason in (('out.txt', 'the file must end in one of .csv, .jsonl'),
                         ('no/such/out.csv', 'cannot be written (No such file or directory)')):
        errors = refused(clip, '--events', tmp_path / name, '--lines', LINE)
        assert reason in errors.splitlines()[-1]


def test_options_that_leave_nothing_to_count(street, clip, tmp_path):
    result = run(street, clip, '--events', tmp_path / 'out.csv')
    assert result.returncode == 1 and 'give --regions or --lines' in result.stderr
    assert not (tmp_path / 'out.csv').exists()
    result = run(street, clip, tmp_path / 'out.png', '--lines', LINE, '--max-rate', 0.4)
    assert result.returncode == 0
    assert 'leaves 2.5 s between frames, more than max_gap (2 s)' in result.stderr


def test_counts_of_each_resolution(street, tmp_path):
    """Each has its own, and the numbers of objects are of no two objects."""
    frames = frames_of(street / 'street.mp4')[:30]
    clips = [tmp_path / 'large.avi', tmp_path / 'small.avi']
    for path, size in zip(clips, ((640, 480), (320, 240))):
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 15, size)
        for frame in frames:
            writer.write(cv2.resize(frame, size))
        writer.release()
    result = run(street, *clips, '--events', tmp_path / 'out.jsonl', '--regions',
                 '[left: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]]', '--dwell-alert', 0.5,
                 '--output', tmp_path / 'out.png')
    assert result.returncode == 0, result.stderr
    assert {line.split(':')[0] for line in result.stdout.splitlines()[1:]} == {
        'region left at 640 x 480', 'region left at 320 x 240'}
    rows = [json.loads(line) for line in (tmp_path / 'out.jsonl').read_text().splitlines()]
    first, second = ({row['track'] for row in rows if (row['stamp'] < 2.0) == early}
                     for early in (True, False))
    assert first and second and not first & second


def test_a_disk_that_is_full(street, clip, tmp_path):
    """It says so, at once."""
    if not Path('/dev/full').exists():
        pytest.skip('there is no /dev/full here')
    (tmp_path / 'out.avi').symlink_to('/dev/full')
    result = run(street, clip, tmp_path / 'out.avi')
    assert result.returncode == 1 and 'Traceback' not in result.stderr
    assert "out.avi': cannot be written (No space left on device)" in result.stderr


def test_two_sizes(street, street_frames, tmp_path):
    """Each has its own heat, and none is stretched."""
    for number in range(4):
        frame = street_frames[number]
        cv2.imwrite(str(tmp_path / f'{number}.png'), frame if number < 2 else frame[:, :320])
    result = run(street, tmp_path, tmp_path / 'out.mp4', '--snapshot', tmp_path / 'heat')
    assert result.returncode == 0, result.stderr
    assert 'from 0.2 s on, frames are of 320 x 480 pixels' in result.stderr
    assert [read(folder).state.shape for folder in newest(tmp_path / 'heat')] == [
        (480, 320), (480, 640)]
    last = frames_of(tmp_path / 'out.mp4')[-1]
    assert last.shape == (480, 1280, 3)
    assert last[:, :310].max() < 40 and last[:, -310:].max() < 40
    assert np.abs(last[:, 320:640].astype(int) - street_frames[3][:, :320]).mean() < 10


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
    (('{clip}', 'out.heic'), "'out.heic': no encoder for '.heic' is installed"),
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
    (('no_such.mcap', 'out.mp4'), "'no_such.mcap': no such file"),
])
def test_what_is_refused(refused, clip, tmp_path, monkeypatch, arguments, reason):
    """One line, exit code 1, and no file left that is none."""
    monkeypatch.chdir(tmp_path)
    errors = refused(*(argument.replace('{clip}', str(clip)) for argument in arguments))
    assert errors.strip().splitlines()[-1].startswith('render: ')
    assert reason in errors
    assert len(list(clip.iterdir())) == 30


def test_every_option_is_explained(street):
    text = run_without_ros(street, '--help').stdout
    for option in ('--heatmap-only', '--half-life', '--show', '--legend', '--weights', '--start'):
        assert option in text


def test_a_history(street, tmp_path):
    """The sums of all bins are what the snapshot has; a second run is added."""
    regions = '[left: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]]'
    options = ['--lines', LINE, '--regions', regions, '--heat-unit', 'seconds', '--history',
               tmp_path, '--history-period', 3, '--end', 8, '--snapshot', tmp_path / 'heat',
               '--flow']
    begin = datetime(2026, 11, 25, 7, tzinfo=timezone.utc).timestamp()
    for given in ('2026-11-25T07:00', '2026-11-25T09:30+01:00'):
        result = run(street, street / 'street.mp4', '--begin', given, *options)
        assert result.returncode == 0, result.stderr
    state = read(newest(tmp_path / 'heat')[0]).state
    with History(files_in(tmp_path)[0]) as history:
        assert history.camera == 'camera'
        first = history.total(When(begin, begin + 60))
        second = history.total(When(begin + 5400, begin + 5460))
        assert len(history.bins()) == 6 and len(history.events(When(0, 1e12))) > 4
    expected = block_sums(state.arrays['heat'], 4)
    for summed in (first, second):
        assert [one.begin - summed.bins[0].begin for one in summed.bins] == [0.0, 3.0, 6.0]
        assert summed.watched == pytest.approx(119 / 15)
        np.testing.assert_allclose(summed.total(), expected, atol=1e-5 * expected.max())
        for name in ('tracks', 'entries', 'exits', 'occupancy'):
            assert summed.counts['left'][''].get(name, 0.0) == pytest.approx(
                state.regions['left'][name])
        assert summed.counts['across']['']['forward'] == state.lines['across']['forward']
        moving = FlowMap(state.arrays['flow_picture'], summed.flow.grid).histogram
        assert moving.sum() > 5.0
        np.testing.assert_allclose(summed.flow.histogram, moving, atol=1e-4 * moving.max())


def test_a_history_of_several_recordings(street, street_frames, tmp_path):
    """All of them are inputs; what is rendered again counts twice, and is said."""
    clips = [tmp_path / 'one.mp4', tmp_path / 'two.mp4']
    (tmp_path / 'recorded').mkdir()
    for path in clips:
        path.symlink_to(encode(tmp_path / 'recorded' / path.name, street_frames[:30]))
    for expected in (False, True):
        result = run(street, *clips, '--history', tmp_path, '--begin', '2026-11-25T07:00', '--end',
                     4)
        assert result.returncode == 0, result.stderr
        assert ('counts twice' in result.stderr) == expected
    assert all(path.is_symlink() for path in clips)
    with History(files_in(tmp_path)[0]) as history:
        assert history.total(When(0, 1e12)).frames == 2 * 4 * 10


@pytest.mark.parametrize('arguments, reason', [
    (['--history', '.'], 'does not say when it was recorded; give --begin'),
    (['--history', '.', '--begin', 'noon'], "--begin 'noon': not a time such as"),
    (['out.png', '--history-period', '60'], '--history-period needs --history'),
    (['--history', '/proc/no', '--begin', '2026-11-25'], "'/proc/no': ")])
def test_a_history_that_cannot_be_written(refused, clip, tmp_path, monkeypatch, arguments, reason):
    monkeypatch.chdir(tmp_path)
    assert reason in refused(clip, *arguments).splitlines()[-1]
