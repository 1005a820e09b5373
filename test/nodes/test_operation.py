"""Diagnostics, pausing, QoS that does not fit, and an external lifecycle manager."""

import array
import gc
import subprocess
import sys
import time
import weakref

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
import numpy as np
import pytest
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters
import rclpy
from rclpy.parameter import Parameter, parameter_value_to_python
from rclpy.parameter_client import AsyncParameterClient
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from ros_processes import (
    call, change_state, image_message, NodeProcess, Pictures, set_parameters, spin_until, state,
    wait_until_matched)
from sensor_msgs.msg import CompressedImage, Image
from std_srvs.srv import SetBool
import yaml
from yolo_heatmap_ros.nodes.heatmap_node import HeatmapNode
from yolo_heatmap_ros.ros import diagnostics
from yolo_heatmap_ros.ros.barrier import GuardedNode
from yolo_heatmap_ros.ros.frame_statistics import Outcome, WINDOW

NAME = '/yolo_heatmap'
RELIABLE = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)


def start(street, wait='listening to', arguments=(), **parameters):
    process = NodeProcess('heatmap_node', {
        'weights': str(street / 'street.pt'), 'imgsz': 320, 'frame_policy': 'all', **parameters},
        arguments=arguments)
    process.wait_for_output(wait)
    return process


class Health:
    """Follows one node's status on /diagnostics."""

    def __init__(self, node, name='yolo_heatmap: frames'):
        self.seen = []
        self._name = name
        node.create_subscription(DiagnosticArray, '/diagnostics', self._take, 10)

    def _take(self, array):
        self.seen.extend((array.header, status) for status in array.status
                         if status.name == self._name)

    @property
    def last(self):
        return self.seen[-1][1]

    @property
    def values(self):
        return {pair.key: pair.value for pair in self.last.values}


def test_diagnostics_tell_the_truth(node, street, street_frames):
    """Waiting, working with rates and latencies, unusable frames, nothing for long, paused."""
    health = Health(node)
    with start(street, imgsz=320) as process:
        camera = node.create_publisher(Image, 'image', RELIABLE)
        assert spin_until(node, lambda: health.seen)
        assert health.last.level == DiagnosticStatus.OK
        assert health.last.message == 'waiting for the first frame'
        wait_until_matched(node, NAME, camera)
        begin = time.monotonic()
        for number in range(40):
            message = image_message(street_frames[number])
            message.header.stamp = node.get_clock().now().to_msg()
            camera.publish(message)
            spin_until(node, lambda: time.monotonic() > begin + 0.1 * (number + 1))
        assert spin_until(node, lambda: health.values['frames processed'] == '40')
        values = health.values
        assert health.last.message == 'frames arrive'
        assert health.last.hardware_id == '/image'
        assert 3.0 < float(values['rate out (Hz)']) <= float(values['rate in (Hz)']) < 15.0
        assert 1.0 < float(values['latency p50 (ms)']) <= float(values['latency p95 (ms)']) < 2000
        assert values['model'].endswith('street.pt')
        assert (values['task'], values['device'], values['backend'], values['state']) == (
            'detect', 'cpu', 'pytorch', 'active')
        assert health.seen[-1][0].stamp.sec > 0
        camera.publish(Image(height=1, width=1, encoding='nonsense'))
        assert spin_until(node, lambda: health.last.level == DiagnosticStatus.WARN)
        assert "encoding 'nonsense' is not supported" in health.last.message
        assert spin_until(node, lambda: health.last.level == DiagnosticStatus.STALE, 15)
        assert health.last.message == "no image on '/image' for 5 s"
        assert call(node, SetBool, f'{NAME}/enable', SetBool.Request(data=False)).success
        assert spin_until(node, lambda: health.last.message == 'paused')
        assert process.stop() == 0


def test_pause_and_resume(node, street, street_frames):
    """While paused nothing is taken, and the heat stays."""
    with start(street) as process:
        heats = Pictures(node, f'{NAME}/heat')
        camera = node.create_publisher(Image, 'image', RELIABLE)
        wait_until_matched(node, NAME, camera, heats.subscription)
        for number, frame in enumerate(street_frames[:5]):
            camera.publish(image_message(frame, number))
        assert spin_until(node, lambda: len(heats) == 5)
        heat = np.frombuffer(heats.messages[-1].data, np.float32)
        assert heat.any()
        call(node, SetBool, f'{NAME}/enable', SetBool.Request(data=False))
        assert spin_until(node, lambda: not camera.get_subscription_count())
        camera.publish(image_message(street_frames[5]))
        call(node, SetBool, f'{NAME}/enable', SetBool.Request(data=True))
        wait_until_matched(node, NAME, camera)
        camera.publish(image_message(np.zeros_like(street_frames[0]), 10))
        assert spin_until(node, lambda: len(heats) == 6)
        assert np.array_equal(np.frombuffer(heats.messages[-1].data, np.float32), heat)
        assert process.stop() == 0


def test_paused_from_the_start(node, street):
    with start(street) as process:
        call(node, SetBool, f'{NAME}/enable', SetBool.Request(data=False))
        assert change_state(node, NAME, 'deactivate')
        assert change_state(node, NAME, 'activate')
        process.wait_for_output('paused, see ~/enable')
        assert node.count_subscribers('/image') == 0


def test_an_external_manager_in_a_namespace(node, street, street_frames):
    """What nav2's lifecycle manager does, with remapped names, and two full rounds."""
    arguments = ['--ros-args', '-r', '__ns:=/robot', '-r', '__node:=eye', '-r',
                 'image:=front/image_raw', '-p', 'autostart:=false']
    name, health = '/robot/eye', Health(node, 'robot/eye: frames')
    process = NodeProcess('heatmap_node', {'weights': str(street / 'street.pt')},
                          arguments=arguments)
    with process:
        assert state(node, name) == 'unconfigured'
        assert spin_until(node, lambda: health.seen and health.last.message == 'unconfigured')
        for _ in range(2):
            assert change_state(node, name, 'configure')
            assert spin_until(node, lambda: health.last.message == 'inactive')
            assert not node.count_subscribers('/robot/front/image_raw')
            assert change_state(node, name, 'activate')
            pictures = Pictures(node, f'{name}/composite')
            camera = node.create_publisher(Image, '/robot/front/image_raw', RELIABLE)
            wait_until_matched(node, name, camera, pictures.subscription)
            camera.publish(image_message(street_frames[0]))
            assert spin_until(node, lambda: len(pictures) == 1)
            assert change_state(node, name, 'deactivate')
            assert change_state(node, name, 'cleanup')
            node.destroy_publisher(camera)
            node.destroy_subscription(pictures.subscription)
        assert process.stop() == 0, process.output()


def test_qos_that_does_not_fit_is_told_once(node, street):
    """It names both sides; a best-effort camera is no problem unless reliable is demanded."""
    with start(street, image_reliability='reliable') as process:
        cameras = [node.create_publisher(Image, 'image', QoSProfile(
            depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)) for _ in range(2)]
        process.wait_for_output('are incompatible')
        time.sleep(2.0)
        lines = [line for line in process.output().splitlines() if 'incompatible' in line]
        assert len(lines) == 1
        assert "'/image': the QoS that /yolo_heatmap requests and that /test offers" in lines[0]
        assert 'reliab' in lines[0].lower()
        for camera in cameras:
            node.destroy_publisher(camera)
        assert process.stop() == 0


def test_qos_overrides(node, street):
    """Depth and durability of the subscription, reliability of a publisher."""
    with start(street, **{'qos_overrides./image.subscription.durability': 'transient_local',
                          'qos_overrides./image.subscription.depth': 7,
                          'qos_overrides./yolo_heatmap/heatmap.publisher.reliability':
                          'best_effort'}) as process:
        camera = node.create_publisher(Image, 'image', RELIABLE)
        process.wait_for_output('are incompatible')
        assert 'Volatile publisher and transient local subscription' in process.output()
        subscription = node.get_subscriptions_info_by_topic('/image')[0].qos_profile
        assert subscription.durability == DurabilityPolicy.TRANSIENT_LOCAL
        publisher = node.get_publishers_info_by_topic(f'{NAME}/heatmap')[0].qos_profile
        assert publisher.reliability == ReliabilityPolicy.BEST_EFFORT
        node.destroy_publisher(camera)
        assert process.stop() == 0


def test_parameters_in_the_shape_of_rqt_reconfigure(node, street):
    """Numbers have ranges, what is read-only says so, and a refusal has its reason."""
    with start(street) as process:
        names = call(node, ListParameters, f'{NAME}/list_parameters',
                     ListParameters.Request()).result.names
        described = call(node, DescribeParameters, f'{NAME}/describe_parameters',
                         DescribeParameters.Request(names=names)).descriptors
        by_name = {descriptor.name: descriptor for descriptor in described}
        assert by_name['half_life'].floating_point_range[0].from_value == 0.0
        assert by_name['heatmap.compressed.jpeg_quality'].integer_range[0].to_value == 100
        assert 'at start' in by_name['autostart'].additional_constraints
        own = [descriptor for descriptor in described
               if not descriptor.name.startswith(('qos_overrides', 'use_sim_time', 'start_type'))]
        assert len(own) > 40
        assert all(descriptor.description for descriptor in own)
        result = set_parameters(node, NAME, kernel='square')
        assert result.reason.startswith("parameter 'kernel': 'square' is not one of disc")
        assert set_parameters(node, NAME, use_sim_time=True).successful
        assert process.stop() == 0


def dumped(node, names):
    """Return what `ros2 param dump` writes."""
    values = call(node, GetParameters, f'{NAME}/get_parameters',
                  GetParameters.Request(names=names)).values
    content = {}
    for name, value in zip(names, map(parameter_value_to_python, values)):
        *path, last = name.split('.')
        place = content
        for part in path:
            place = place.setdefault(part, {})
        place[last] = list(value) if isinstance(value, array.array) else value
    return yaml.dump({NAME: {'ros__parameters': content}})


@pytest.mark.parametrize('active', [True, False])
def test_its_own_dump_can_be_loaded(node, street, tmp_path, active):
    """By rclpy's client, as `ros2 param load` does; what cannot change now has not changed."""
    regions = '{door: [[0.1, 0.2], [0.4, 0.2], [0.4, 0.9]]}'
    ground = {'ground.points_px': '[[14, 399], [626, 399], [95, 184], [545, 184]]',
              'ground.points_m': '[[9, 6], [9, -6], [24, 10], [24, -10]]'}
    with start(street, wait='', regions=regions, device='cpu', classes='[person, 1]',
               autostart=active, **ground) as process:
        assert spin_until(node, lambda: node.count_publishers(f'{NAME}/transition_event'))
        if active:
            process.wait_for_output('listening to')
        names = [name for name in call(node, ListParameters, f'{NAME}/list_parameters',
                                       ListParameters.Request()).result.names
                 # rclpy's own, which it refuses to set to what they are
                 if not name.startswith(('qos_overrides', 'start_type_description_service'))]
        file = tmp_path / 'dump.yaml'
        file.write_text(dumped(node, names))
        client = AsyncParameterClient(node, NAME)
        assert client.wait_for_services(10.0)
        loading = client.load_parameter_file(str(file), use_wildcard=True)
        assert spin_until(node, loading.done)
        results = loading.result().results
        assert len(results) == len(names) > 50
        assert [result.reason for result in results if not result.successful] == []
        assert process.stop() == 0


@pytest.mark.parametrize('reliability', ['auto', 'reliable'])
def test_a_latched_image_is_heard(node, street, street_frames, reliability):
    """A still picture that was published once, before the node came."""
    latched = node.create_publisher(Image, '/image', QoSProfile(
        depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
    latched.publish(image_message(street_frames[0]))
    heatmaps = Pictures(node, f'{NAME}/heatmap')
    with start(street, image_reliability=reliability) as process:
        assert spin_until(node, lambda: len(heatmaps) == 1), process.output()
        assert "subscribed to '/image' with QoS durability transient_local" in process.output()
        latched.publish(image_message(street_frames[1], 2))
        assert spin_until(node, lambda: len(heatmaps) == 2)
        # A camera that latches nothing takes over.
        node.destroy_publisher(latched)
        camera = node.create_publisher(Image, '/image', RELIABLE)
        process.wait_for_output("subscribed to '/image' with QoS durability volatile")
        wait_until_matched(node, NAME, camera)
        camera.publish(image_message(street_frames[2], 3))
        assert spin_until(node, lambda: len(heatmaps) == 3)
        assert process.stop() == 0
    node.destroy_publisher(camera)
    node.destroy_subscription(heatmaps.subscription)


def test_simulated_time_that_nobody_publishes(street):
    for module, parameters in (('heatmap_node', {'weights': str(street / 'street.pt')}),
                               ('playback_node', {'source': str(street / 'street.mp4')})):
        with NodeProcess(module, {**parameters, 'use_sim_time': True}) as process:
            process.wait_for_output('use_sim_time is true, but nothing has come on /clock in 5 s')
            assert process.stop() == 0


def test_frames_lost_on_the_way_are_told_from_those_skipped(node):
    """By best effort, while the node has time; a busy node skips frames itself."""
    reporter = diagnostics.DiagnosticsReporter(GuardedNode('judged'), dict)
    facts = {'state': 'active', 'reliability': diagnostics.BEST_EFFORT}

    def judged(skipped, busy, **more):
        reporter.restart()
        reporter._since -= WINDOW
        reporter.count(Outcome.PROCESSED, 77)
        reporter.count(Outcome.SKIPPED, skipped)
        reporter.work(busy)
        return reporter._judged({**facts, **more}, reporter.statistics.recent(time.monotonic()),
                                time.monotonic())
    level, message = judged(31, 2.0)
    assert level == diagnostics.WARN and message.startswith('31 of 108 frames lost on the way')
    assert judged(2, 2.0)[0] == judged(31, 9.5)[0] == diagnostics.OK
    assert judged(31, 2.0, reliability=diagnostics.RELIABLE)[0] == diagnostics.OK


def test_a_model_is_released_at_cleanup(node, street):
    """Nothing of the node holds it any longer."""
    own = HeatmapNode(parameter_overrides=[
        Parameter(name, value=value) for name, value in (
            ('weights', str(street / 'street.pt')), ('half_life', 5.0))])
    assert own.bring_up()
    model = weakref.ref(own._pipeline.detector)
    own.trigger_deactivate()
    own.trigger_cleanup()
    gc.collect()
    assert model() is None
    own.destroy_node()


def test_silence_is_explained(node, street):
    """After five seconds without an image: what is listened to, and which images there are."""
    other = node.create_publisher(Image, '/camera/image_raw', RELIABLE)
    wrong = node.create_publisher(Image, '/image', QoSProfile(
        depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
    with start(street, image_reliability='reliable') as process:
        process.wait_for_output("nothing on '/image' in 5 s (QoS reliable, depth 100)")
        line = next(line for line in process.output().splitlines() if 'nothing on' in line)
        assert 'it is published by /test (not compatible)' in line
        assert "'/camera/image_raw' by /test (compatible)" in line
        assert '/yolo_heatmap/' not in line
        time.sleep(2.0)
        assert process.output().count('nothing on') == 1
        assert process.stop() == 0
    node.destroy_publisher(other)
    node.destroy_publisher(wrong)


def test_outputs_stay_together_and_are_no_cameras(node, street):
    """A remapped picture takes its compressed one along; neither is offered as an input."""
    wrong = node.create_publisher(CompressedImage, '/image', RELIABLE)
    other = rclpy.create_node('yolo_heatmap', namespace='other')
    other.create_publisher(Image, '/other/heatmap', RELIABLE)
    with NodeProcess('heatmap_node', {'weights': str(street / 'street.pt')},
                     {'~/heatmap': '/out/heat'}) as process:
        process.wait_for_output("nothing on '/image' in 5 s")
        line = next(line for line in process.output().splitlines() if 'nothing on' in line)
        assert 'by /test (as sensor_msgs/msg/CompressedImage: see input_transport)' in line
        assert line.endswith('no other topic')
        topics = dict(node.get_topic_names_and_types())
        assert {'/out/heat', '/out/heat/compressed'} <= topics.keys()
        assert '/yolo_heatmap/heatmap/compressed' not in topics
        assert process.stop() == 0
    node.destroy_publisher(wrong)
    other.destroy_node()


@pytest.mark.parametrize('module', [
    'nodes.heatmap_node', 'nodes.playback_node', 'nodes.heatmap_cameras', 'apps.viewer',
    'apps.web_viewer', 'apps.demo', 'apps.render'])
def test_help(module):
    """What it is for, and every parameter, without a ROS graph."""
    result = subprocess.run([sys.executable, '-W', 'ignore', '-m', f'yolo_heatmap_ros.{module}',
                             '--help'], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) > 6
    if module == 'nodes.heatmap_node':
        assert 'half_life (0.0)' in result.stdout


def test_arguments_that_are_none():
    """A parameter without --ros-args would be dropped silently."""
    result = subprocess.run([sys.executable, '-W', 'ignore', '-m',
                             'yolo_heatmap_ros.nodes.heatmap_node', 'weights:=my.pt'],
                            capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.startswith("arguments: 'weights:=my.pt' is not known: parameters")
