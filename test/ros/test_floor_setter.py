"""Ground points of a running node: its heat, counts and history go on, its floor is another."""

import os
import signal
import threading

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import State, Transition
from nav_msgs.msg import OccupancyGrid
import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from ros_processes import (
    call, change_state, image_message, NodeProcess, Pictures, set_parameters, spin_until, state,
    wait_until_matched)
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from yolo_heatmap_ros.errors import ParameterError
from yolo_heatmap_ros.ros.barrier import GuardedNode
from yolo_heatmap_ros.ros.floor_setter import FloorSetter
from yolo_heatmap_ros.storage.drawn_shapes import read as read_shapes
from yolo_heatmap_ros.storage.history import History

NAME = '/yolo_heatmap'
BEGIN = 1_750_000_000
SPACING = 0.2
PX = [[14, 399], [626, 399], [95, 184], [545, 184]]
METRES = [[9, 6], [9, -6], [24, 10], [24, -10]]
REGIONS = '[all: [[0, 0], [1, 0], [1, 1], [0, 1]]]'
ON_A_LINE = [[0, 0], [1, 0], [2, 0], [3, 0]]


class Scene:
    """A node before the embedded clip, and what it publishes."""

    def __init__(self, node, frames):
        self.node, self._frames, self._number = node, frames, 0
        self.heats = Pictures(node, f'{NAME}/heat')
        self.counts, self.events, self.floors = [], [], []
        subscriptions = [
            node.create_subscription(DiagnosticArray, f'{NAME}/{name}', seen.append, 500)
            for name, seen in (('regions', self.counts), ('events', self.events))]
        self._floors = node.create_subscription(
            OccupancyGrid, f'{NAME}/density', self.floors.append,
            QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
        self.camera = node.create_publisher(Image, 'image', 100)
        self._subscriptions = [self.heats.subscription, *subscriptions]
        wait_until_matched(node, NAME, self.camera, *self._subscriptions)

    def show_nobody(self):
        """Publish a grey picture: what there was must be there, and no more."""
        self.show(1, [np.full_like(self._frames[0], 128)])

    def show(self, count, frames=None):
        """Publish the next frames, and wait until the node has counted them."""
        before = len(self.heats)
        spin_until(self.node, self.camera.get_subscription_count)
        wait_until_matched(self.node, NAME, self.camera, *self._subscriptions)
        for frame in frames or self._frames[self._number:self._number + count]:
            message = image_message(frame)
            milliseconds = round(1000 * SPACING * self._number)
            message.header.stamp.sec = BEGIN + milliseconds // 1000
            message.header.stamp.nanosec = milliseconds % 1000 * 1_000_000
            self.camera.publish(message)
            self._number += 1
        assert spin_until(self.node, lambda: len(self.heats) == before + count)
        assert spin_until(self.node, lambda: len(self.counts) >= len(self.heats))

    @property
    def heat(self):
        return np.frombuffer(self.heats.messages[-1].data, np.float32)

    def region(self):
        return {one.key: float(one.value) for one in self.counts[-1].status[0].values}

    def tracks(self):
        return [int(status.hardware_id) for message in self.events for status in message.status]


@pytest.fixture
def caller(node):
    """Return a guarded node as a viewer is one, whose spinning is the test's."""
    created = GuardedNode('caller')
    yield created
    created.destroy_node()


def setting(caller, points_px, points_m, setter=None):
    """Set points from another thread while the caller spins; return what it answers."""
    own = FloorSetter(caller, NAME) if setter is None else setter
    answers = []
    thread = threading.Thread(
        target=lambda: answers.append(own.set_points(points_px, points_m)))
    thread.start()
    assert spin_until(caller, lambda: answers, 60.0)
    thread.join()
    if setter is None:
        own.close()
    return answers[0]


def start(street, tmp_path, **parameters):
    process = NodeProcess('heatmap_node', {
        'weights': str(street / 'street.pt'), 'imgsz': 320, 'frame_policy': 'all',
        'heat_unit': 'seconds', 'dwell_alert': 0.5, 'regions': REGIONS,
        'snapshot_dir': str(tmp_path / 'snapshots'), 'history_period': 60.0,
        'history_dir': str(tmp_path), 'ground.rate': 20.0, **parameters}, ROS_HOME=str(tmp_path))
    process.wait_for_output('listening to' if parameters.get('autostart', True) else 'SHA')
    return process


def test_a_floor_for_a_running_node(node, caller, street, street_frames, tmp_path):
    """Then another one, then none: the picture's heat, counts, history and numbers go on."""
    frames = street_frames[::3]
    with start(street, tmp_path) as process:
        scene = Scene(node, frames)
        scene.show(12)
        heat, region, tracks = scene.heat, scene.region(), scene.tracks()
        assert heat.any() and region['tracks'] > 0 and tracks
        assert setting(caller, PX, METRES) == (
            True, 'the floor is set; kept for the next start in '
            f"'{tmp_path}/yolo_heatmap_ros/drawn/yolo_heatmap.yaml'")
        assert state(node, NAME) == 'active'
        scene.show_nobody()
        assert np.array_equal(scene.heat, heat)
        assert scene.region() == {**region, 'objects': 0}
        scene.show(6)
        assert scene.heat.sum() > heat.sum()
        assert scene.region()['occupancy'] > region['occupancy']
        # Numbers are never given twice.
        assert min(scene.tracks()[len(tracks):]) > max(tracks)
        assert spin_until(node, lambda: scene.floors and max(scene.floors[-1].data) > 0)
        assert (scene.floors[-1].info.height, scene.floors[-1].info.width) == (200, 150)
        heat, region = scene.heat, scene.region()
        other = [[x + 100, y] for x, y in METRES]
        assert setting(caller, PX, other)[0]
        assert 'heat on the floor begins empty, and the rest is restored' in process.output()
        scene.show_nobody()
        assert np.array_equal(scene.heat, heat)
        assert spin_until(node, lambda: scene.floors[-1].info.origin.position.x == 109.0)
        heat = scene.heat
        success, message = setting(caller, [], [])
        assert success and message.startswith('the floor is removed; kept for the next start in ')
        scene.show_nobody()
        assert np.array_equal(scene.heat, heat)
        assert scene.region()['occupancy'] == region['occupancy']
        assert 'Traceback' not in process.output()
        assert process.stop() == 0
    shapes = read_shapes(tmp_path / 'yolo_heatmap_ros' / 'drawn' / 'yolo_heatmap.yaml')
    assert shapes.drawn['ground.points_px'] == shapes.drawn['ground.points_m'] == ''
    file, = tmp_path.glob('*.sqlite')
    with History(file) as history:
        bins = history.bins()
    # All 18 frames, and the three without anybody; each floor is a view, and so is none.
    assert sum(one.frames for one in bins) == 21
    assert {one.view for one in bins} == {1, 2, 3}


def test_points_that_make_no_floor_change_nothing(node, caller, street, street_frames, tmp_path):
    with start(street, tmp_path) as process:
        scene = Scene(node, street_frames)
        scene.show(3)
        for px, metres, reason in (
                (ON_A_LINE, METRES, "parameters 'ground': ground.points_px: all but one of the "),
                (PX[:3], METRES[:3], "parameters 'ground': ground.points_px has 3 points"),
                (PX, METRES + [[0, 0]], "parameters 'ground': 4 ground.points_px, but 5 ground"),
                (PX, [], "parameters 'ground': ground.points_m is not a list"),
                ([[1, 2, 3]], METRES, 'the points are no pairs of numbers'),
                ('abcd', METRES, 'the points are no pairs of numbers'),
                ([['nan', 0], *PX[1:]], METRES, "parameter 'ground.points_px': ")):
            success, message = setting(caller, px, metres)
            assert not success and message.startswith(reason), message
            assert message.endswith('; nothing has changed')
        assert 'processed' not in process.output()  # it was never deactivated
        scene.show(1)
        assert process.stop() == 0


def test_a_floor_that_the_node_refuses(node, caller, street, street_frames, tmp_path):
    """It goes on with the floor and the heat of before."""
    with start(street, tmp_path, flow=True, flow_resolution=0.01, **{
            'ground.points_px': str(PX), 'ground.points_m': str([[x / 10, y / 10]
                                                                 for x, y in METRES])}) as process:
        scene = Scene(node, street_frames[::3])
        scene.show(5)
        heat = scene.heat
        success, message = setting(caller, PX, METRES)
        assert not success
        assert message == (f"'{NAME}' refuses to configure: see its log; the floor is that of "
                           'before')
        assert "parameter 'flow_resolution'" in process.output()
        scene.show_nobody()
        assert np.array_equal(scene.heat, heat)
        assert 'begins empty' not in process.output()
        assert process.stop() == 0


def test_states_and_nodes_that_have_no_such_floor(node, caller, street, tmp_path):
    answer = setting(caller, PX, METRES)
    assert answer == (False, f'no service {NAME}/get_parameters: is the heatmap node running?')
    with pytest.raises(ParameterError, match="'a b' is not a valid node name"):
        FloorSetter(caller, 'a b')
    with NodeProcess('heatmap_node', {'autostart': False, 'weights': str(street / 'street.pt')},
                     ROS_HOME=str(tmp_path)) as process:
        process.wait_for_start()
        success, message = setting(caller, PX, METRES)
        assert success and message.startswith('the floor is set for when the node is configured')
        assert change_state(node, NAME, 'configure')
        # Without any heat yet, and without a word about that.
        assert setting(caller, PX, [[x + 1, y] for x, y in METRES])[0]
        assert state(node, NAME) == 'inactive'
        assert change_state(node, NAME, 'cleanup')
        assert set_parameters(node, NAME, **{'ground.from': 'tf',
                                             'ground.extent': '[0, 0, 9, 9]'}).successful
        success, message = setting(caller, PX, METRES)
        assert not success and message.startswith("parameter 'ground.from': is 'tf', so that")
        assert process.stop() == 0
    with NodeProcess('floor_node', {'heatmap_nodes': '[/a]', 'ground.extent': '[0, 0, 9, 9]'},
                     {'__node': 'yolo_heatmap'}, ROS_HOME=str(tmp_path)) as process:
        process.wait_for_output('listening to')
        assert setting(caller, PX, METRES) == (
            False, f"'{NAME}' has no ground points: it is not the heatmap node of a camera")
        assert process.stop() == 0


def test_one_at_a_time(node, caller, street, tmp_path):
    with start(street, tmp_path):
        setter = FloorSetter(caller, NAME)
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(setter.set_points(PX, METRES)))
                   for _ in range(2)]
        for thread in threads:
            thread.start()
        assert spin_until(caller, lambda: len(answers) == 2, 60.0)
        for thread in threads:
            thread.join()
        assert sorted(success for success, _ in answers) == [False, True]
        assert (False, 'the floor is being set already: wait until that is done') in answers
        setter.close()


@pytest.mark.parametrize('overtaken', [False, True])
def test_an_answer_that_comes_too_late(node, caller, street, street_frames, tmp_path, overtaken):
    """
    A node that is deactivated once nobody waits for it any more goes on all the same.

    Also where the question for its state overtakes the transition.
    """
    with start(street, tmp_path) as process:
        scene = Scene(node, street_frames[::3])
        scene.show(5)
        heat = scene.heat
        setter = FloorSetter(caller, NAME)
        calling = setter._call

        def busy(service, request, patience=20.0):
            if service == 'change_state' and request.transition.id == (
                    Transition.TRANSITION_DEACTIVATE):
                os.kill(process.pid, signal.SIGSTOP)
                threading.Timer(2.0, os.kill, (process.pid, signal.SIGCONT)).start()
                patience = 1.0
            return calling(service, request, patience)
        setter._call = busy
        if overtaken:
            setter._state = lambda: State.PRIMARY_STATE_ACTIVE
        success, message = setting(caller, PX, METRES, setter)
        assert not success and message.startswith(f'no answer from {NAME}/change_state within 1 s')
        assert state(node, NAME) == 'active'
        scene.show_nobody()
        assert np.array_equal(scene.heat, heat)
        setter.close()
        assert process.stop() == 0


def test_heat_that_cannot_be_saved(node, caller, street, street_frames, tmp_path):
    """Then it does not go through a state in which it would be lost."""
    (tmp_path / 'file').write_text('')
    with start(street, tmp_path, snapshot_dir=str(tmp_path / 'file')) as process:
        scene = Scene(node, street_frames[::3])
        scene.show(5)
        heat = scene.heat
        success, message = setting(caller, PX, METRES)
        assert not success and message.startswith('the heat cannot be saved: cannot write to ')
        assert state(node, NAME) == 'active'
        scene.show(1)
        assert (scene.heat >= heat).all() and scene.heat.any()
        assert not call(node, Trigger, f'{NAME}/load', Trigger.Request()).success
        assert process.stop() == 0
