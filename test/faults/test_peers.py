"""Nodes around the heatmap node that come, go, are killed, contradict, or have its name."""

import signal
import subprocess
import sys
import threading
import time

from fault_bench import bench_of, NAME, RELIABLE
import pytest
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from ros_processes import (
    call, Elsewhere, image_message, NodeProcess, Pictures, spin_until)
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

pytestmark = pytest.mark.faults


@pytest.fixture(scope='module')
def bench(street, street_frames):
    yield from bench_of(street, street_frames)


def test_cameras_that_vanish_and_return(bench):
    for _ in range(10):
        bench.node.destroy_publisher(bench.camera)
        assert spin_until(bench.node, lambda: not bench.node.count_publishers('image'))
        bench.camera = bench.node.create_publisher(Image, 'image', RELIABLE)
        bench.wait_for_connection()
        bench.assert_survived()
    assert bench.counted() == {'processed': 10}


CAMERA = """
import os, rclpy, sys, time
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
rclpy.init()
node = rclpy.create_node('killed')
camera = node.create_publisher(Image, 'image', QoSProfile(depth=5))
while not camera.get_subscription_count():
    time.sleep(0.05)
message = Image(height=480, width=640, step=1920, encoding='bgr8', data=bytes(921600))
while True:
    camera.publish(message)
    time.sleep(0.02)
"""


def test_cameras_that_are_killed(bench):
    for _ in range(3):
        with subprocess.Popen([sys.executable, '-c', CAMERA]) as camera:
            # In the middle of its work, however slow the machine: ten frames have become heat.
            assert spin_until(bench.node, lambda: len(bench.heats) >= 10)
            camera.send_signal(signal.SIGKILL)
        bench.assert_survived()
    counted = bench.counted()
    assert counted['processed'] >= 3 * 10 and set(counted) <= {'processed', 'skipped'}


def test_subscribers_that_come_and_go(bench, street_frames):
    """All topics, while frames come: none is lost, and nothing is left behind in the node."""
    names = ('heatmap', 'composite', 'heatmap', 'composite')
    threads = bench.process.threads()
    for round_number in range(8):
        pictures = [Pictures(bench.node, f'{NAME}/{name}') for name in names]
        begin = time.monotonic()
        for number in range(5):
            bench.camera.publish(image_message(street_frames[number], 10 * round_number))
            spin_until(bench.node, lambda: time.monotonic() > begin + 0.1 * number)
        for one in pictures:
            bench.node.destroy_subscription(one.subscription)
    bench.assert_survived()
    assert bench.counted() == {'processed': 41}
    assert bench.process.threads() <= threads + 2


def test_parameters_from_two_sides_at_50_hz(bench, street_frames):
    """Of two clients that contradict each other each is answered, and frames go on meanwhile."""
    accepted = []

    def hammer(node, values):
        client = node.create_client(SetParameters, f'{NAME}/set_parameters')
        assert client.wait_for_service(10)
        answers = []
        for number in range(100):
            # Services of ROS 2 queue ten requests, and both sides ask.
            while sum(not answer.done() for answer in answers[-5:]) > 4:
                time.sleep(0.005)
            answers.append(client.call_async(SetParameters.Request(parameters=[
                Parameter(name, value=value).to_parameter_msg()
                for name, value in values[number % len(values)].items()])))
            time.sleep(0.02)
        end = time.monotonic() + 20
        while not all(answer.done() for answer in answers) and time.monotonic() < end:
            time.sleep(0.05)
        accepted.append([[one.successful for one in answer.result().results]
                         for answer in answers])
    sides = ([{'colormap': 'HOT', 'alpha': 0.3}, {'kernel': 'gaussian'}, {'conf': 0.3},
              {'regions': '{all: [[0, 0], [1, 0], [1, 1], [0, 1]]}'}],
             [{'colormap': 'nonsense', 'alpha': 0.9}, {'kernel': 'disc'}, {'conf': 7.0},
              {'regions': ''}, {'classes': 'unicorn'}])
    with Elsewhere() as one, Elsewhere() as other:
        threads = [threading.Thread(target=hammer, args=(side.node, values))
                   for side, values in zip((one, other), sides)]
        for thread in threads:
            thread.start()
        sent, before = 0, len(bench.heats)
        while any(thread.is_alive() for thread in threads):
            bench.camera.publish(image_message(street_frames[sent % 80], sent))
            sent += 1
            begin = time.monotonic()
            spin_until(bench.node, lambda: time.monotonic() > begin + 0.05 and
                       sent < len(bench.heats) - before + 50)  # of the hundred that may wait
    assert len(accepted) == 2
    assert sorted(sum(sum(answer) for answer in side) for side in accepted) == [60, 125]
    bench.assert_survived()
    assert bench.counted() == {'processed': sent + 1}


def test_services_while_frames_come(bench, street_frames):
    """A client that saves and one that asks for nonsense cost no frame."""
    for number in range(20):
        bench.camera.publish(image_message(street_frames[number], number))
        if number % 5 == 0:
            call(bench.node, Trigger, f'{NAME}/load', Trigger.Request())
    bench.assert_survived()
    assert bench.counted() == {'processed': 21}


def test_a_second_node_of_the_same_name(bench, street):
    """ROS allows it and warns; both must live, and the first go on when the second has ended."""
    with NodeProcess('heatmap_node', {'weights': str(street / 'street.pt')},
                     {'image': 'elsewhere'}) as second:
        second.wait_for_output('listening to')
        bench.assert_survived()
        assert second.stop(signal.SIGTERM) == 0
    bench.assert_survived()


def test_nothing_of_all_this_is_left_at_the_end(bench):
    bench.stop()
