"""The camera on one host, the heatmap node and its viewer on another, a bad network between."""

import os
from pathlib import Path
import re
import subprocess
import sys
import time

import pytest
from ros_processes import NodeProcess
from two_hosts import HostsError, TwoHosts

pytestmark = pytest.mark.faults

PROFILE = Path(__file__).parents[2] / 'config' / 'fastdds_lossy_network.xml'
EVERYWHERE = {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET'}
VIEWER = """
from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
import rclpy
from sensor_msgs.msg import Image
from yolo_heatmap_ros.ros.transport import use_image_profile
use_image_profile()
rclpy.init()
node = rclpy.create_node('viewer')
seen, heat, health = 0, 0.0, ''
def on_composite(message):
    global seen
    seen += 1
def on_heat(message):
    global heat
    heat = np.frombuffer(message.data, np.float32).sum()
def on_diagnostics(array):
    print(f'seen {seen} heat {heat:.0f} {array.status[0].message}', flush=True)
node.create_subscription(Image, '/yolo_heatmap/composite', on_composite, 5)
node.create_subscription(Image, '/yolo_heatmap/heat', on_heat, 5)
node.create_subscription(DiagnosticArray, '/diagnostics', on_diagnostics, 5)
rclpy.spin(node)
"""


class Viewer:
    """Prints once a second what it has seen."""

    def __init__(self, inside):
        self._process = subprocess.Popen([*inside, sys.executable, '-c', VIEWER], text=True,
                                         stdout=subprocess.PIPE,
                                         env={**os.environ, **EVERYWHERE})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def look(self):
        """Wait for the next line; return the composites seen, the heat, and the health."""
        line = self._process.stdout.readline()
        seen, heat, health = re.match(r'seen (\d+) heat (\d+) (.*)', line).groups()
        return int(seen), int(heat), health

    def wait(self, condition, timeout):
        """Return the first look that fulfils a condition."""
        end = time.monotonic() + timeout
        while not condition(look := self.look()):
            assert time.monotonic() < end, look
        return look


@pytest.fixture
def hosts():
    """Return two hosts between which 5 % of the packets get lost."""
    try:
        with TwoHosts(0.05) as made:
            yield made
    except HostsError as error:
        pytest.skip(f'two hosts cannot be made here: {error}')


def test_lost_packets_and_a_lost_link(street, hosts):
    """5 % of packets lost both ways, the link down for 10 s and back."""
    profile = {'FASTRTPS_DEFAULT_PROFILES_FILE': str(PROFILE),
               'FASTDDS_DEFAULT_PROFILES_FILE': str(PROFILE)}
    with NodeProcess('playback_node', {'source': str(street / 'street.mp4'), 'loop': True},
                     {'image_raw': 'image'}, inside=hosts.on(0), **EVERYWHERE,
                     **profile) as camera, \
            NodeProcess('heatmap_node', {'weights': str(street / 'street.pt'),
                                         'heat_unit': 'seconds'},
                        inside=hosts.on(1), **EVERYWHERE) as node:
        node.wait_for_output('listening to')
        # Topics of one host need shared memory of one host: the viewer joins the node's.
        with Viewer(['nsenter', '--mount', '--net', '--target', str(node.pid)]) as viewer:
            before = viewer.wait(lambda look: look[0] > 30, 40)
            begin = time.monotonic()
            viewer.wait(lambda look: look[0] > before[0] + 30, 40)
            print(f'{30 / (time.monotonic() - begin):.1f} Hz at 5 % loss')
            hosts.unplug()
            down = time.monotonic()
            stale = viewer.wait(lambda look: "no image on '/image' for 5 s" in look[2], 12)
            time.sleep(max(0.0, down + 10.0 - time.monotonic()))
            hosts.plug()
            again = viewer.wait(lambda look: look[0] > stale[0] + 30, 40)
            print(f'30 frames {time.monotonic() - down - 10.0:.1f} s after the link is back')
            assert again[1] >= stale[1] > 0
            viewer.wait(lambda look: look[2] == 'frames arrive', 5)
        assert node.stop() == 0, node.output()
        assert camera.stop() == 0, camera.output()
        assert node.output().count('WARN') < 6, node.output()
