"""The floor by camera_info and TF: real nodes and, where tf2 is installed, real transforms."""

import sys
import threading
import time

import cv2
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PolygonStamped, TransformStamped
from nav_msgs.msg import OccupancyGrid
import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from ros_processes import (
    change_state, image_message, NodeProcess, spin_until, wait_until_matched)
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
import yaml
from yolo_heatmap_ros.build_pipeline import floor_view
from yolo_heatmap_ros.config.heatmap import HEATMAP_PARAMETERS
from yolo_heatmap_ros.ros.messages.positions import positions_of, view_of
from yolo_heatmap_ros.ros.transforms import rotation_of

NAME = '/yolo_heatmap'
FLOOR = {'ground.extent': '[0, -12, 27, 12]', 'ground.rate': 20.0}
BY_TF = {'ground.from': 'tf', **FLOOR}


@pytest.fixture(scope='module')
def street_tool(street):
    """Return the module that renders the embedded clip."""
    sys.path.insert(0, str(street.parent / 'tools'))
    import street as tool
    return tool


@pytest.fixture(scope='module')
def scene(street_tool):
    """Return the embedded clip's camera: K, R and t of floor to optical frame."""
    return street_tool.camera_matrix(), *street_tool.camera_pose()


def camera_info(matrix, width=640, height=480, **fields):
    message = CameraInfo(width=width, height=height, k=matrix.ravel().tolist(), **fields)
    message.p = np.c_[matrix, np.zeros(3)].ravel().tolist()
    message.r = np.eye(3).ravel().tolist()
    return message


def quaternion(rotation):
    """Return x, y, z, w of a rotation matrix, (3, 3)."""
    axis = cv2.Rodrigues(rotation)[0].ravel()
    angle = np.linalg.norm(axis)
    return (*(axis / max(angle, 1e-12) * np.sin(angle / 2)).tolist(), float(np.cos(angle / 2)))


def transform(parent, child, rotation, translation, stamp):
    """Return a transform: p_parent = rotation @ p_child + translation."""
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = parent
    set_stamp(message.header, stamp)
    turn, place = message.transform.rotation, message.transform.translation
    turn.x, turn.y, turn.z, turn.w = quaternion(rotation)
    place.x, place.y, place.z = map(float, translation)
    return message


def set_stamp(header, stamp):
    header.stamp.sec, header.stamp.nanosec = divmod(round(stamp * 1e9), 10 ** 9)


class Robot:
    """A camera before a heatmap node, with TF if that is there."""

    def __init__(self, node, target=NAME, topic='/robot', frame_id='camera_optical_frame',
                 tf=True, image='image'):
        self.node, self.frame_id = node, frame_id
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.images = node.create_publisher(Image, f'{topic}/{image}', 10)
        self.info = node.create_publisher(CameraInfo, f'{topic}/camera_info', 10)
        publishers = [self.images, self.info]
        if tf:
            from tf2_msgs.msg import TFMessage
            self._message = TFMessage
            self.tf = node.create_publisher(TFMessage, '/tf', 100)
            publishers.append(self.tf)
        self.found, self.views, self.maps, self.statuses = [], [], [], []
        self._subscriptions = [
            node.create_subscription(PointCloud2, f'{target}/positions', self.found.append, 10),
            node.create_subscription(PolygonStamped, f'{target}/view', self.views.append, 10),
            node.create_subscription(OccupancyGrid, f'{target}/density', self.maps.append,
                                     latched)]
        wait_until_matched(node, target, *publishers, *self._subscriptions)
        self._target = target.strip('/')
        node.create_subscription(DiagnosticArray, '/diagnostics', self._take, 10)

    def _take(self, message):
        self.statuses += [one for one in message.status if one.name.startswith(self._target)]

    def stand(self, rotation, translation, *stamps, frame_id=None, parent='map'):
        """Tell where the camera is: p_camera = rotation @ p_map + translation."""
        for stamp in stamps:
            self.tf.publish(self._message(transforms=[transform(
                parent, frame_id or self.frame_id, rotation.T, -rotation.T @ translation, stamp)]))

    def show(self, frame, stamp, frame_id=None):
        """Show a frame; return the positions found in it."""
        message = image_message(frame, frame_id=self.frame_id if frame_id is None else frame_id)
        set_stamp(message.header, stamp)
        before = len(self.found)
        self.images.publish(message)
        assert spin_until(self.node, lambda: len(self.found) > before)
        return positions_of(self.found[-1]).places

    def show_until(self, frame, stamp, found):
        """Show a frame until what has been published before it has arrived, too."""
        assert spin_until(self.node, lambda: bool(len(self.show(frame, stamp))) == found, 15.0)

    def health(self, key='problem', text=''):
        """Return the first new status whose value of a key contains a text."""
        self.statuses.clear()

        def there():
            return [one for one in self.statuses for value in one.values
                    if value.key == key and text in value.value]
        assert spin_until(self.node, there, 10.0), (text, self.statuses[-1:])
        return there()[0]


def start(street, **parameters):
    process = NodeProcess('heatmap_node', {
        'weights': str(street / 'street.pt'), 'imgsz': 320, 'frame_policy': 'all',
        'classes': 'person', **parameters}, {'image': '/robot/image'})
    process.wait_for_output("listening to '/robot/image'")
    return process


def value_of(status, key):
    return next(one.value for one in status.values if one.key == key)


@pytest.fixture
def tf2():
    """Skip without tf2."""
    return pytest.importorskip('tf2_ros')


def test_bad_input_is_counted_and_said_once_and_nothing_is_guessed(
        tf2, node, street, street_frames, scene):
    """One fault after the other, each followed by frames that are right again."""
    matrix, rotation, translation = scene
    frame, good = street_frames[0], camera_info(matrix)
    started = time.monotonic()
    with start(street, **BY_TF) as process:
        robot = Robot(node)
        count = 0

        def refused(text, stamp, picture=frame, **header):
            nonlocal count
            assert robot.show(picture, stamp, **header).size == 0
            status = robot.health(text=text)
            assert status.level == DiagnosticStatus.WARN, status
            assert value_of(status, 'unexpected errors') == '0', process.output()
            assert '\n' not in status.message
            last, count = count, int(status.message.split(' frames without a place')[0])
            assert count > last
            # What is not known is not shown; each stamp is used once.
            assert robot.found[-1].header.stamp not in [one.header.stamp for one in robot.views]

        def refused_later(text, stamp):
            # Frames come until what has been published before them has arrived, too.
            robot.statuses.clear()
            assert spin_until(node, lambda: robot.show(frame, stamp).size == 0 and any(
                text in one.message and one.level == DiagnosticStatus.WARN
                for one in robot.statuses), 15.0), (text, robot.statuses[-1:])

        def right(stamp):
            assert spin_until(node, lambda: len(robot.show(frame, stamp)) > 2, 10.0)
        refused("nothing has come on '/robot/camera_info' yet", 9.9)
        process.wait_for_output('1 frames without a place on the floor: nothing has come on')
        robot.info.publish(good)
        robot.stand(rotation, translation, 10.0, 12.0)
        right(11.0)
        refused('is 2 s behind the images: it comes late', 14.0)
        refused('does not reach back to the images, which are 3 s before', 9.0)
        refused('the images have no header.stamp', 0.0)
        refused('the images have no header.stamp', -5.0)
        refused('the images have no header.frame_id', 11.01, frame_id='')
        refused('nowhere', 11.02, frame_id='nowhere')
        refused('odd name', 11.03, frame_id='odd\nname')
        refused("cannot start with a '/'", 11.04, frame_id='/camera_optical_frame')
        # A picture of another size, and that of before again, with the same camera_info.
        refused('is of a picture of 640 x 480 px, and the images are of 320 x 240 px', 11.1,
                np.ascontiguousarray(frame[::2, ::2]))
        right(11.2)
        for bad, text in ((camera_info(0 * matrix), 'has no numbers in K'),
                          (camera_info(matrix, 1280, 960), 'is of a picture of 1280 x 960 px'),
                          (camera_info(matrix, d=[0.1], distortion_model='odd'), "model 'odd'"),
                          (camera_info(matrix * np.nan), 'not finite')):
            robot.info.publish(bad)
            refused_later(text, 11.3)
            robot.info.publish(good)
            right(11.4)
        robot.stand(rotation, rotation @ (0.0, 0.0, 1.0), 20.0, 30.0)  # a metre below
        refused_later('the camera is -1.00 m above', 25.0)
        robot.stand(np.diag((-1.0, -1.0, 1.0)) @ rotation,
                    np.diag((-1.0, -1.0, 1.0)) @ translation, 40.0, 50.0)
        refused_later('the camera is upside down', 45.0)
        seconds = time.monotonic() - started
        lines = process.output().count('frames without a place on the floor')
        assert 1 <= lines <= seconds / 10.0 + 1
        assert process.stop() == 0
    assert 'failed unexpectedly' not in process.output()


def test_transforms_of_a_time_that_begins_again(tf2, node, street, street_frames, scene):
    """A bag that is played twice: tf2 refuses what is older than it has, until it is cleared."""
    matrix, rotation, translation = scene
    with start(street, **BY_TF) as process:
        robot = Robot(node)
        robot.info.publish(camera_info(matrix))
        for begin in (1000.0, 10.0, 500.0):
            def there():
                robot.stand(rotation, translation, begin, begin + 2.0)
                return len(robot.show(street_frames[0], begin + 1.0)) > 2
            assert spin_until(node, there, 10.0), process.output()


def test_a_camera_that_turns_and_drives(tf2, node, street, street_tool):
    """Rendered from each pose: places stay right, the picture's heat begins again, said once."""
    matrix = street_tool.camera_matrix()
    rotation, _ = street_tool.camera_pose()
    scene, apart, counts = street_tool.Street(11, 10.0), [], 0

    def pose(t):
        yaw = np.radians(40.0 * t)
        turn = np.array(((np.cos(yaw), np.sin(yaw), 0), (-np.sin(yaw), np.cos(yaw), 0),
                         (0, 0, 1)))
        here = rotation @ turn
        return here, -here @ (1.0 * t, -0.5 * t, street_tool.CAMERA_HEIGHT)
    with start(street, heat_unit='seconds', **{**BY_TF, 'ground.tf_timeout': 5.0}) as process:
        robot = Robot(node)
        robot.info.publish(camera_info(matrix))
        robot.stand(*pose(0.0), 100.0)
        for number in range(10):
            t = number / 20 + 0.025  # between two transforms
            with street_tool.seen_from(*pose(t)):
                frame, things = street_tool.Renderer().frame(scene, 3.0 + t)
            # Every other one comes only after the frame that waits for it.
            late = threading.Timer(0.5 * (number % 2), robot.stand, (*pose(t + 0.025),
                                                                     100.025 + t))
            late.start()
            places = robot.show(frame, 100.0 + t)
            late.join()
            people = np.array([one.ground for one in things if one.class_id == 0])
            nearest = np.linalg.norm(places[:, None] - people[None], axis=2).min(axis=1)
            counts += len(places)
            apart += nearest[nearest < 2.0].tolist()
        print(f'{counts} places, {len(apart)} of people, mean error {np.mean(apart):.2f} m')
        assert len(apart) > 40 and len(apart) > 0.8 * counts
        assert np.mean(apart) < 0.6  # of a fast model, at 320 px
        assert 'begins again' in value_of(robot.health('camera', 'moves'), 'camera')
        assert process.output().count('the camera moves: heat in the picture') == 1
        grid = np.array(robot.maps[-1].data).reshape(240, 270)
        assert robot.maps[-1].header.frame_id == 'map' and (grid > 0).sum() > 50
        first, last = (view_of(one).mean(axis=0) for one in (robot.views[0], robot.views[-1]))
        assert last[1] > first[1] + 1.0  # it turns to the left
        assert process.stop() == 0
    assert 'without a place' not in process.output()


def test_a_robot_with_a_namespace_and_simulated_time(tf2, node, street, street_frames, scene):
    """All is in the namespace but /tf; and transforms are by stamps, whatever the clock says."""
    matrix, rotation, translation = scene
    with NodeProcess('heatmap_node', {
            'weights': str(street / 'street.pt'), 'imgsz': 320, 'frame_policy': 'all',
            'use_sim_time': True, **BY_TF}, {'__ns': '/robot1'}) as process:
        process.wait_for_output("listening to '/robot1/image'")
        robot = Robot(node, '/robot1/yolo_heatmap', '/robot1')
        assert ('yolo_heatmap_transforms', '/robot1') in node.get_node_names_and_namespaces()
        robot.info.publish(camera_info(matrix))
        robot.stand(rotation, translation, 10.0, 12.0)
        robot.show_until(street_frames[0], 11.0, found=True)
        assert robot.maps or spin_until(node, lambda: robot.maps)
        assert process.stop() == 0


def test_a_signal_while_a_frame_waits_for_its_transform(tf2, node, street, street_frames, scene):
    with start(street, **{**BY_TF, 'ground.tf_timeout': 3.0}) as process:
        robot = Robot(node)
        robot.info.publish(camera_info(scene[0]))
        assert spin_until(node, lambda: robot.info.get_subscription_count())
        time.sleep(0.2)
        message = image_message(street_frames[0])
        robot.images.publish(message)
        time.sleep(1.0)  # it waits by now
        assert not robot.found
        assert process.stop() == 0
    assert 'Traceback' not in process.output() and 'unexpectedly' not in process.output()


def test_cleanup_ends_the_subscriptions_and_configure_begins_again(
        tf2, node, street, street_frames, scene):
    matrix, rotation, translation = scene
    with start(street, **BY_TF) as process:
        robot = Robot(node)
        threads = []
        for begin in (10.0, 20.0, 30.0):
            robot.info.publish(camera_info(matrix))
            robot.stand(rotation, translation, begin, begin + 2.0)
            robot.show_until(street_frames[0], begin + 1.0, found=True)
            threads.append(process.threads())
            for transition in ('deactivate', 'cleanup'):
                assert change_state(node, NAME, transition)
            assert spin_until(node, lambda: not robot.tf.get_subscription_count()
                              and not robot.info.get_subscription_count())
            for transition in ('configure', 'activate'):
                assert change_state(node, NAME, transition)
            assert spin_until(node, lambda: robot.tf.get_subscription_count()
                              and robot.info.get_subscription_count()
                              and robot.images.get_subscription_count())
        assert max(threads) <= threads[0] + 1, threads
        assert process.stop() == 0


def test_without_tf2_configure_says_what_is_missing(node, street):
    with NodeProcess('heatmap_node', {'weights': str(street / 'street.pt'), 'autostart': False,
                                      **BY_TF}) as process:
        process.wait_for_start()
        try:
            import tf2_ros  # noqa: F401
        except ImportError:
            assert not change_state(node, NAME, 'configure')
            process.wait_for_output('cannot configure: tf2_ros is not installed')
        else:
            assert change_state(node, NAME, 'configure')


def test_two_cameras_in_one_process(tf2, node, street, street_frames, scene, tmp_path):
    """Each by its own camera_info and its own frame in TF."""
    matrix, rotation, translation = scene
    path = tmp_path / 'cameras.yaml'
    path.write_text(yaml.safe_dump({
        'parameters': {'weights': str(street / 'street.pt'), 'imgsz': 320, 'frame_policy': 'all',
                       **BY_TF},
        'cameras': [{'name': name, 'image': f'/{name}/image'} for name in ('left', 'right')]}))
    with NodeProcess('heatmap_cameras', {'cameras': str(path)}) as process:
        for name in ('left', 'right'):
            process.wait_for_output(f"listening to '/{name}/image'")
        robots = [Robot(node, f'/{name}/yolo_heatmap', f'/{name}', f'{name}_optical')
                  for name in ('left', 'right')]
        for robot in robots:
            robot.info.publish(camera_info(matrix))
        # The right one stands 3 m to the right.
        robots[0].stand(rotation, translation, 10.0, 12.0)
        robots[1].stand(rotation, translation - rotation @ (0.0, -3.0, 0.0), 10.0, 12.0)
        for robot in robots:
            robot.show_until(street_frames[0], 11.0, found=True)
        left, right = (robot.show(street_frames[0], 11.1) for robot in robots)
        assert right == pytest.approx(left + (0.0, -3.0), abs=1e-3)
        assert process.stop() == 0


D = [-0.25, 0.08, 0.001, -0.001, -0.01]


@pytest.mark.parametrize('source', ['points', 'matrix'])
def test_a_still_camera_with_distortion(node, street, street_frames, scene, source):
    """Without TF: points of the bent picture, or a matrix of the straight one; late, or wrong."""
    matrix, rotation, translation = scene
    places = np.array([(9.0, -4.0), (9.0, 4.0), (24.0, -10.0), (24.0, 10.0), (15.0, 0.0)])
    bent = cv2.projectPoints(np.c_[places, np.zeros(5)], cv2.Rodrigues(rotation)[0], translation,
                             matrix, np.array(D))[0][:, 0]
    straight = np.linalg.inv(matrix @ np.column_stack((rotation[:, :2], translation)))
    ground = {'points': {'ground.points_px': str(bent.tolist()),
                         'ground.points_m': str(places.tolist())},
              'matrix': {'ground.matrix': str(straight.ravel().tolist())}}[source]
    plain = floor_view({spec.name: spec.checked({**ground, **FLOOR}.get(spec.name, spec.default))
                        for spec in HEATMAP_PARAMETERS if spec.name.startswith('ground.')})
    info = camera_info(matrix, d=D, distortion_model='plumb_bob')
    frame = street_frames[0]

    def right(first):
        """Return where the same feet are, by OpenCV."""
        pixels = cv2.undistortPointsIter(
            plain.to_pixels(first)[:, None], matrix, np.array(D), None, matrix,
            (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-12))[:, 0]
        metres = np.c_[pixels, np.ones(len(pixels))] @ straight.T
        return metres[:, :2] / metres[:, 2:]
    with start(street, **ground, **FLOOR) as process:
        robot = Robot(node, tf=False)
        first = robot.show(frame, 10.0)
        assert len(first) > 2
        robot.info.publish(info)
        stamps = iter(np.arange(10.1, 40.0, 0.1))
        assert spin_until(node, lambda: np.abs(
            robot.show(frame, next(stamps)) - first).max() > 0.02)
        after = positions_of(robot.found[-1]).places
        assert len(after) == len(first)
        assert after == pytest.approx(right(first), abs=0.01)
        assert np.linalg.norm(after - first, axis=1).max() > 0.1
        assert "lens distortion (plumb_bob) is undone by '/robot/camera_info'" in process.output()
        # One that does not fit: said, and the places are those without it.
        robot.info.publish(camera_info(matrix, 320, 240, d=D, distortion_model='plumb_bob'))
        assert spin_until(node, lambda: np.abs(
            robot.show(frame, next(stamps)) - first).max() < 1e-3)
        assert process.output().count("distortion of the lens is not undone: '/robot/camera_info'"
                                      ': is of a picture of 320 x 240 px') == 1
        robot.info.publish(info)
        assert spin_until(node, lambda: np.abs(
            robot.show(frame, next(stamps)) - after).max() < 1e-3)
        assert process.stop() == 0
    assert 'camera moves' not in process.output()


@pytest.mark.parametrize('topic, parameters', [
    ('image_rect_color', {}), ('image', {'ground.image': 'rectified'})])
def test_rectified_images_are_by_p(tf2, node, street, street_frames, scene, topic, parameters):
    """By the topic's name, or by the parameter; K and distortion do not matter then."""
    matrix, rotation, translation = scene
    info = camera_info(matrix, d=D, distortion_model='plumb_bob')
    info.k[:] = [0.0] * 9
    with NodeProcess('heatmap_node', {
            'weights': str(street / 'street.pt'), 'imgsz': 320, 'frame_policy': 'all',
            'classes': 'person', **BY_TF, **parameters},
            {'image': f'/robot/{topic}'}) as process:
        process.wait_for_output('listening to')
        robot = Robot(node, image=topic)
        robot.info.publish(info)
        robot.stand(rotation, translation, 10.0, 12.0)
        robot.show_until(street_frames[0], 11.0, found=True)
        assert process.stop() == 0
    assert 'distortion' not in process.output()


@pytest.mark.parametrize('axis', [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.3, -0.5, 0.8)])
def test_rotations_of_quaternions(axis):
    axis = np.array(axis) / np.linalg.norm(axis)
    for angle in (0.0, 1.0, np.pi / 2, np.pi, -2.0):
        x, y, z = (axis * np.sin(angle / 2)).tolist()
        w = np.cos(angle / 2)
        expected = cv2.Rodrigues(axis * angle)[0]
        assert rotation_of(x, y, z, w) == pytest.approx(expected, abs=1e-12)
        assert rotation_of(-3 * x, -3 * y, -3 * z, -3 * w) == pytest.approx(expected, abs=1e-12)
    assert np.isnan(rotation_of(0.0, 0.0, 0.0, 0.0)).all()
