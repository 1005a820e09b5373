"""The calibrate command: without ROS and live as a process, else as a function."""

from argparse import Namespace
import os
import re
import subprocess
import sys

import cv2
import numpy as np
import pytest
from ros_processes import SERVER, spin_until
from rosbags import rosbag2, typesys
from sensor_msgs.msg import CameraInfo, Image
import yaml
from yolo_heatmap_ros.apps.calibrate import _camera, _why_few, main
from yolo_heatmap_ros.build_pipeline import ground_plane
from yolo_heatmap_ros.config.heatmap import HEATMAP_PARAMETERS
from yolo_heatmap_ros.errors import ParameterError, SourceError
from yolo_heatmap_ros.heat.standing_people import usable_boxes
from yolo_heatmap_ros.media.camera_info_file import (
    info_topic, is_rectified, read_camera_info, recorded_camera_info, stored_info)
from yolo_heatmap_ros.ros.messages.camera_info import camera_of

WITHOUT_ROS = (
    'import sys; sys.modules.update(dict.fromkeys(("rclpy", "sensor_msgs", "rcl_interfaces", '
    '"std_msgs", "builtin_interfaces", "rosbag2_py", "ament_index_python", "cv_bridge", '
    '"yolo_heatmap_ros.ros", "yolo_heatmap_ros.nodes"))); '
    'from yolo_heatmap_ros.apps.calibrate import main; sys.exit(main(sys.argv[1:]))')
INFO = {'image_width': 640, 'image_height': 480, 'camera_name': 'street',
        'camera_matrix': {'rows': 3, 'cols': 3, 'data': [560., 0, 320, 0, 560, 240, 0, 0, 1]},
        'distortion_model': 'plumb_bob',
        'distortion_coefficients': {'rows': 1, 'cols': 5, 'data': [0., 0, 0, 0, 0]}}
"""Of the embedded clip, whose camera is 7 m high and looks down by 22 degrees."""


def options(street, folder):
    return ['--weights', str(street / 'street.pt'), '--device', 'cpu', '--output',
            str(folder / 'ground.yaml'), '--picture', str(folder / 'grid.png')]


def found_in(folder):
    """Return the ground plane as the node would make it of the file."""
    content = yaml.safe_load((folder / 'ground.yaml').read_text())
    given = content['/**']['ros__parameters']['ground']
    assert given['frame_id'] == 'camera_floor'
    given = {f'ground.{name}': value for name, value in given.items()}
    return ground_plane({spec.name: spec.checked(given.get(spec.name, spec.default))
                         for spec in HEATMAP_PARAMETERS})


def mean_error(street, plane):
    """Return how far places are from those of the clip's own camera, in m."""
    sys.path.insert(0, str(street.parent / 'tools'))
    from street import project
    true = np.array([(x, y) for x in (10.0, 15.0, 22.0) for y in (-5.0, 0.0, 5.0)])
    u, v = project(np.c_[true, np.zeros(len(true))])[:, :2].T
    x, y, w = plane.matrix @ np.array((u, v, np.ones(len(u))))
    return np.hypot(x / w - true[:, 0], y / w - true[:, 1]).mean()


@pytest.fixture(scope='module')
def few_frames(street, tmp_path_factory):
    """Return every 60th frame of the embedded clip, as images."""
    folder = tmp_path_factory.mktemp('frames')
    capture = cv2.VideoCapture(str(street / 'street.mp4'))
    for number in range(360):
        frame = capture.read()[1]
        if number % 60 == 0:
            cv2.imwrite(str(folder / f'{number:04}.png'), frame)
    return folder


def test_a_video_without_ros(street, few_frames, tmp_path):
    """The parameters are those of the clip's camera, and the picture has the frame's size."""
    info = tmp_path / 'info.yaml'
    info.write_text(yaml.safe_dump(INFO))
    assert read_camera_info(info).k == tuple(INFO['camera_matrix']['data'])
    result = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', WITHOUT_ROS, few_frames, '--camera-info', info,
         *options(street, tmp_path)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    plane = found_in(tmp_path)
    assert mean_error(street, plane) < 1.5
    x0, y0, x1, y1 = plane.extent
    assert 5 <= x0 <= 10 and 20 <= x1 <= 28 and -14 <= y0 <= -6 and 6 <= y1 <= 14
    assert 'boxes are usable' in result.stdout and '5 % in all metres' in result.stdout
    assert 'tilt 2' in result.stdout and 'places are right to' in result.stdout
    picture = cv2.imread(str(tmp_path / 'grid.png'))
    assert picture.shape == (480, 640, 3)
    clean = [cv2.imread(str(path)) for path in few_frames.iterdir()]
    assert min((picture != frame).any(axis=2).mean() for frame in clean) < 0.5


def test_a_recording_with_its_camera_info(street, few_frames, tmp_path):
    """Its intrinsics are taken, of the part of the sensor that is in the pictures."""
    types = typesys.get_typestore(typesys.Stores.ROS2_JAZZY)
    stamp, header, image, info, region = (types.types[name] for name in (
        'builtin_interfaces/msg/Time', 'std_msgs/msg/Header', 'sensor_msgs/msg/Image',
        'sensor_msgs/msg/CameraInfo', 'sensor_msgs/msg/RegionOfInterest'))
    with rosbag2.Writer(tmp_path / 'bag', version=9) as writer:
        images, infos = (writer.add_connection(f'/cam/{name}', f'sensor_msgs/msg/{kind}',
                                               typestore=types)
                         for name, kind in (('image_raw', 'Image'), ('camera_info', 'CameraInfo')))
        for number, path in enumerate(sorted(few_frames.iterdir())):
            frame, head = cv2.imread(str(path)), header(stamp(number, 0), 'lens')
            message = image(head, 480, 640, 'bgr8', 0, 1920, frame.ravel())
            writer.write(images, number * 10 ** 9,
                         types.serialize_cdr(message, 'sensor_msgs/msg/Image'))
            message = info(head, 1440, 1920, 'plumb_bob', np.zeros(5),
                           np.array([1120., 0, 960, 0, 1120, 680, 0, 0, 1]), np.eye(3).ravel(),
                           np.zeros(12), 2, 2, region(320, 200, 960, 1280, False))
            writer.write(infos, number * 10 ** 9,
                         types.serialize_cdr(message, 'sensor_msgs/msg/CameraInfo'))
    assert main([str(tmp_path / 'bag'), *options(street, tmp_path)]) == 0
    assert mean_error(street, found_in(tmp_path)) < 1.5
    assert recorded_camera_info(tmp_path / 'bag', '/other/image_raw') is None


@pytest.mark.parametrize('roi, binning, topic', [
    ((0, 0, 0, 0), (0, 0), '/cam/image_raw'), ((480, 270, 960, 540), (0, 0), '/cam/image_raw'),
    ((480, 270, 960, 540), (2, 2), '/cam/image_rect'), ((0, 0, 0, 0), (2, 1), '/cam/image_raw')])
def test_intrinsics_are_those_of_the_node(roi, binning, topic):
    """With region and binning, and refused where the pictures are of another size."""
    message = CameraInfo(width=1920, height=1080, distortion_model='plumb_bob',
                         d=[-0.1, 0.01, 0.0, 0.0, 0.0], binning_x=binning[0], binning_y=binning[1],
                         k=[1400.0, 0.0, 960.0, 0.0, 1410.0, 540.0, 0.0, 0.0, 1.0],
                         p=[1300.0, 0.0, 950.0, 0.0, 0.0, 1310.0, 530.0, 0.0, 0.0, 0.0, 1.0, 0.0])
    message.roi.x_offset, message.roi.y_offset, message.roi.width, message.roi.height = roi
    shape = tuple(int((length or full) / max(one, 1)) for length, full, one in zip(
        roi[:1:-1], (1080, 1920), binning[::-1]))
    arguments = Namespace(camera_info=None, focal=None, fov=None)
    found = _camera(arguments, stored_info(message), topic, shape)
    node = camera_of(message, is_rectified(topic), shape)
    assert np.array_equal(found.matrix, node.matrix) and found.size == node.size == shape
    assert np.array_equal(found.distortion, node.distortion) and found.model == node.model
    with pytest.raises(ParameterError, match="^'/cam/camera_info': is of pictures of .* px, and"):
        _camera(arguments, stored_info(message), topic, (shape[0] // 2, shape[1] // 2))


def test_a_file_of_a_larger_picture_is_scaled(tmp_path):
    path = tmp_path / 'info.yaml'
    path.write_text(yaml.safe_dump(INFO))
    arguments = Namespace(camera_info=path, focal=None, fov=None)
    found = _camera(arguments, read_camera_info(path), '', (240, 320))
    assert found.matrix.tolist() == [[280.0, 0.0, 160.0], [0.0, 280.0, 120.0], [0.0, 0.0, 1.0]]
    with pytest.raises(ParameterError, match='info.yaml.: is of pictures of 640 x 480 px'):
        _camera(arguments, read_camera_info(path), '', (240, 300))


@pytest.mark.parametrize('boxes, count, reason', [
    ([(0, 100, 40, 220)], 30, '0 of 30 .*: people must be in the picture from head to feet'),
    ([(100, 100, 140, 220), (100, 110, 140, 230)], 15,
     '15 of 30 .*: choose a time with fewer people'),
    ([(100, 100, 300, 160)], 30, '0 of 30 .*: is the picture turned, or do people sit or lie?'),
    ([(100, 100, 140, 220)], 4, '4 boxes of people in 7 frames, and 20 .* a lower --conf')])
def test_why_there_are_few_boxes(boxes, count, reason):
    frames = np.repeat(np.arange(count), len(boxes))
    usable = usable_boxes(np.array(boxes * count, float), frames, (480, 640))
    assert re.search(reason, _why_few(usable, 7))


def test_a_topic(street, few_frames, tmp_path, node):
    """Images and camera_info come live; the process ends by itself."""
    images = node.create_publisher(Image, '/cam/image_raw', 10)
    infos = node.create_publisher(CameraInfo, '/cam/camera_info', 10)
    frames = [cv2.imread(str(path)) for path in sorted(few_frames.iterdir())]
    log = (tmp_path / 'log').open('wb')
    process = SERVER.start(
        [sys.executable, '-m', 'yolo_heatmap_ros.apps.calibrate', '--topic', '/cam/image_raw',
         '--seconds', '2', *options(street, tmp_path)], dict(os.environ), log, log)
    info = CameraInfo(width=640, height=480, k=INFO['camera_matrix']['data'])
    sent = 0

    def send_and_look():
        nonlocal sent
        frame = frames[sent % len(frames)]
        images.publish(Image(height=480, width=640, encoding='bgr8', step=1920,
                             data=frame.tobytes()))
        infos.publish(info)
        sent += 1
        return process.poll() is not None
    assert spin_until(node, send_and_look, 60.0)
    assert process.returncode == 0, (tmp_path / 'log').read_text()
    assert mean_error(street, found_in(tmp_path)) < 1.5


@pytest.mark.parametrize('arguments, reason', [
    (('{frames}',), 'no focal length: give --focal PX, --fov DEG or --camera-info FILE'),
    ((), 'nothing to look at: give a video or recording, or --topic'),
    (('no.mp4', '--focal', '500'), "'no.mp4': no such file"),
    (('{frames}', '--focal', '0'), '--focal 0: give a number from 1 to 1e+06'),
    (('{frames}', '--camera-info', '/no.yaml'), "'/no.yaml': cannot be read as a camera_info"),
    (('{frames}', '--fov', '60', '--output', '/no/ground.yaml'), "there is no folder '/no'"),
    (('{frames}', '--fov', '60', '--picture', 'grid.txt'), "--picture 'grid.txt': give a .png"),
    (('{frames}/0000.png', '--focal', '560', '--classes', 'car'),
     'boxes of people in 1 frames, and 20 are needed'),
    (('no.mp4', '--focal', '500', '--weights', 'no.pt'), "weights 'no.pt': no such file"),
    (('no.mp4', '--focal', '500', '--output', '{frames}'), "{frames}': cannot be written (Is a "),
    (('no.mp4', '--focal', '500', '--picture', '/proc/grid.png'),
     "'/proc/grid.png': cannot be written"),
    (('--topic', '/bad topic', '--focal', '500'), "--topic '/bad topic': is no name of a topic"),
    (('{frames}', '--focal', '560', '--classes', 'dog'), "unknown class 'dog'")])
def test_what_is_refused(street, few_frames, tmp_path, capsys, monkeypatch, arguments, reason):
    # With transports of somebody's choice, the command sets no profile for the tests after this.
    monkeypatch.setenv('FASTDDS_BUILTIN_TRANSPORTS', 'DEFAULT')
    given = [argument.format(frames=few_frames) for argument in arguments]
    assert main([*options(street, tmp_path), *given]) == 1
    assert reason.format(frames=few_frames) in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / 'ground.yaml').exists()


@pytest.mark.parametrize('change, reason', [
    ({'camera_matrix': {'data': [1, 2]}}, '2 numbers instead of 9'),
    ({'image_width': None}, 'is not a camera_info file'),
    ({'camera_matrix': 3}, 'is not a camera_info file')])
def test_a_camera_info_that_is_none(tmp_path, change, reason):
    path = tmp_path / 'info.yaml'
    path.write_text(yaml.safe_dump({**INFO, **change}))
    with pytest.raises(SourceError, match=reason):
        read_camera_info(path)


def test_topics_of_camera_info():
    assert info_topic('/front/image_raw/compressed') == '/front/camera_info'
    assert info_topic('/image') == '/camera_info'
    assert is_rectified('/front/image_rect_color') and not is_rectified('/front/image_raw')
