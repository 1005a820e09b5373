"""The barrier: what breaks in a callback costs that callback, is said once, and is counted."""

import signal
import time

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from ros_processes import (
    call, image_message, NodeProcess, Pictures, set_parameters, spin_until)
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from std_srvs.srv import SetBool, Trigger
from yolo_heatmap_ros.ros.barrier import GuardedNode

RELIABLE = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)


class Broken(GuardedNode):
    """A node of which everything breaks, each time it is called."""

    def __init__(self):
        super().__init__('broken')
        self.calls = {'timer': 0, 'message': 0, 'service': 0, 'parameter': 0}
        self.logged = []
        self.create_timer(0.01, lambda: self._break('timer'))
        self.create_subscription(Header, 'header', lambda message: self._break('message'), 10)
        self.create_service(Trigger, '~/work', lambda request, answer: self._break('service'))
        self.declare_parameter('any', 0)
        self.add_on_set_parameters_callback(lambda parameters: self._break('parameter'))

    def get_logger(self):
        return self

    def error(self, line, throttle_duration_sec=0.0):
        self.logged.append(line)

    def _break(self, what):
        self.calls[what] += 1
        raise KeyError(what)


@pytest.fixture
def broken():
    rclpy.init()
    created, client = Broken(), rclpy.create_node('client')
    executor = SingleThreadedExecutor()
    executor.add_node(created)
    executor.add_node(client)
    yield created, client, executor
    executor.shutdown()
    client.destroy_node()
    created.destroy_node()
    rclpy.shutdown()


def spin(executor, condition, timeout=10.0):
    end = time.monotonic() + timeout
    while not condition() and time.monotonic() < end:
        executor.spin_once(timeout_sec=0.05)
    assert condition()


def test_everything_goes_on_and_is_counted(broken):
    node, client, executor = broken
    publisher = client.create_publisher(Header, 'header', 10)
    service = client.create_client(Trigger, '/broken/work')
    spin(executor, lambda: service.service_is_ready() and publisher.get_subscription_count())
    answers = [service.call_async(Trigger.Request()) for _ in range(2)]
    for _ in range(3):
        publisher.publish(Header())
    spin(executor, lambda: all(answer.done() for answer in answers)
         and node.calls['message'] == 3 and node.calls['timer'] > 5)
    for answer in answers:
        assert not answer.result().success
        assert answer.result().message == 'unexpected error: see the log of the node'
    result = node.set_parameters([rclpy.Parameter('any', value=1)])[0]
    assert not result.successful and 'see its log' in result.reason
    assert node.get_parameter('any').value == 0
    assert node.barrier.count == sum(node.calls.values())
    assert time.monotonic() - node.barrier.last_at < 10.0


def test_each_error_is_logged_once_in_full(broken):
    node, _, executor = broken
    spin(executor, lambda: node.calls['timer'] > 20)
    full = [line for line in node.logged if 'Traceback' in line]
    assert len(full) == 1 and "KeyError: 'timer'" in full[0] and '_break' in full[0]
    again = [line for line in node.logged if 'failed again' in line]
    assert len(again) == node.calls['timer'] - 1
    assert all('\n' not in line for line in again)


def test_what_is_no_error_passes():
    """A signal's exception and Ctrl-C are not caught."""
    rclpy.init()
    node = GuardedNode('node')

    def stop():
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        node.barrier.guard(stop)()
    assert node.barrier.count == 0
    node.destroy_node()
    rclpy.shutdown()


def test_a_picture_that_cannot_be_drawn_costs_that_picture(node, street, street_frames):
    """JPEG ends at 65,535 px: a composite of 70,000 breaks the drawing thread's job, not it."""
    with NodeProcess('heatmap_node', {'weights': str(street / 'street.pt'),
                                      'frame_policy': 'all', 'tracker': 'none'}) as process:
        process.wait_for_output('listening to')
        camera = node.create_publisher(Image, 'image', RELIABLE)
        pictures = []
        node.create_subscription(CompressedImage, '/yolo_heatmap/composite/compressed',
                                 pictures.append, RELIABLE)
        reports = []
        node.create_subscription(DiagnosticArray, '/diagnostics', reports.append, 10)
        heats = Pictures(node, '/yolo_heatmap/heat')
        assert spin_until(node, lambda: camera.get_subscription_count() and all(
            node.count_publishers(f'/yolo_heatmap/{topic}')
            for topic in ('heat', 'composite/compressed')))
        camera.publish(image_message(street_frames[0], 1))
        assert spin_until(node, lambda: pictures and heats.messages), process.output()
        wide = np.zeros((8, 35_000, 3), np.uint8)
        for seconds in (2, 3):
            camera.publish(image_message(wide, seconds))
        process.wait_for_output('failed unexpectedly; the node keeps running', 20.0)

        def unexpected():
            values = {pair.key: pair.value for pair in reports[-1].status[0].values}
            return int(values['unexpected errors'])
        assert spin_until(node, lambda: reports and unexpected() == 2, 20.0), process.output()
        assert reports[-1].status[0].level == b'\x02'
        assert '2 unexpected errors so far' in reports[-1].status[0].message
        before = len(pictures)
        camera.publish(image_message(street_frames[1], 4))
        assert spin_until(node, lambda: len(pictures) == before + 1), process.output()
        assert call(node, SetBool, '/yolo_heatmap/enable', SetBool.Request(data=True)).success
        assert set_parameters(node, '/yolo_heatmap', alpha=0.4).successful
        assert process.output().count('Traceback') == 1
        assert process.stop(signal.SIGTERM) == 0
