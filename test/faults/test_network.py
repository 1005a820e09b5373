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
from yolo_heatmap_ros.ros.transport import PROFILE_VARIABLES

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


CAMERA = """
import sys
import time

import numpy as np
import rclpy
from rclpy.qos import QoSProfile
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header
from yolo_heatmap_ros.heat.positions import Positions
from yolo_heatmap_ros.ros.messages.positions import positions_message, positions_of

rclpy.init()
node = rclpy.create_node('camera')
publisher = node.create_publisher(PointCloud2, f'/{sys.argv[1]}/positions', QoSProfile(depth=20))
fused = []
node.create_subscription(PointCloud2, '/yolo_floor/positions', fused.append, QoSProfile(depth=20))
end = time.monotonic() + 30.0
while time.monotonic() < end:
    header = Header(stamp=node.get_clock().now().to_msg(), frame_id='map')
    place = np.array([[2.0 + 0.05 * float(sys.argv[2]), 3.0]])
    publisher.publish(positions_message(Positions(
        place, 0.01 * np.eye(2)[np.newaxis], np.full((1, 2), np.nan), np.array([7]), ['person'],
        np.ones(1)), header))
    until = time.monotonic() + 0.1
    while time.monotonic() < until:
        rclpy.spin_once(node, timeout_sec=0.02)
    if fused:
        print(len(fused), len(positions_of(fused[-1]).places), flush=True)
"""


@pytest.mark.timeout(120)
def test_cameras_of_two_hosts_on_one_floor(monkeypatch):
    """One person before a camera of each host is one, on the host of the floor node and beyond."""
    # Processes of one host do not share /dev/shm here; a profile would overrule that.
    for name in PROFILE_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    network = {**EVERYWHERE, 'FASTDDS_BUILTIN_TRANSPORTS': 'UDPv4'}
    try:
        with TwoHosts(loss=0) as hosts:
            with NodeProcess('floor_node', {
                    'heatmap_nodes': '[/north, /south]', 'ground.extent': '[0, 0, 9, 9]'},
                    inside=hosts.on(0), **network) as process:
                process.wait_for_output('listening to')
                cameras = [subprocess.Popen(
                    [*hosts.on(host), sys.executable, '-c', CAMERA, name, str(host)], text=True,
                    stdout=subprocess.PIPE, env={**os.environ, **network})
                    for host, name in enumerate(('north', 'south'))]
                try:
                    for camera in cameras:
                        seen = {}
                        for line in camera.stdout:
                            steps, people = map(int, line.split())
                            seen[steps] = people
                            if steps > 20:
                                break
                        assert seen and seen[max(seen)] == 1, (seen, process.output())
                        assert max(seen) > 20, (seen, process.output())
                    assert process.stop() == 0
                    assert 'left out' not in process.output()
                finally:
                    for camera in cameras:
                        camera.kill()
                        camera.wait()
    except HostsError as error:
        pytest.skip(f'two hosts cannot be made here: {error}')
