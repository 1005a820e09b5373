"""A heatmap node of its own on which faults are tried, and what must hold after each."""

import itertools
import signal
import threading

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from ros_processes import (
    Elsewhere, image_message, NodeProcess, Pictures, spin_until, wait_until_matched)
from sensor_msgs.msg import Image

NAME = '/yolo_heatmap'
RELIABLE = QoSProfile(depth=500, reliability=ReliabilityPolicy.RELIABLE)


class FaultBench:
    """A node under test, a camera that it listens to, and what it says of itself."""

    def __init__(self, node, street, frames, topic='image', to_message=image_message,
                 fresh=False, **parameters):
        """Start the node; every detection adds heat at once, and no frame is left out."""
        self.node = node
        self._to_message = to_message
        self._frames = itertools.cycle(frames)
        self._stamps = itertools.count(1000)
        self.process = NodeProcess('heatmap_node', {
            'weights': str(street / 'street.pt'), 'imgsz': 320, 'tracker': 'none',
            'frame_policy': 'all',
            **parameters}, fresh=fresh)
        self.process.wait_for_output('listening to')
        self.camera = node.create_publisher(type(to_message(frames[0], 0)), topic, RELIABLE)
        self.heats = Pictures(node, f'{NAME}/heat')
        self.counts = {'processed': 0, 'skipped': 0, 'unusable': 0}
        self._status = None
        self._listener = node.create_subscription(DiagnosticArray, '/diagnostics',
                                                  self._take_status, 10)
        self.wait_for_connection()
        self.heat = self.good_frame()
        self.status()

    def _take_status(self, array):
        self._status = array.status[0]

    def wait_for_connection(self):
        """Wait until the node hears the camera, and is heard."""
        wait_until_matched(self.node, NAME, self.camera, self.heats.subscription)

    def status(self):
        """Return the next report on /diagnostics, and its values by key."""
        self._status = None
        assert spin_until(self.node, lambda: self._status is not None, 10)
        values = {pair.key: pair.value for pair in self._status.values}
        self.counts = {kind: int(values[f'frames {kind}']) for kind in self.counts}
        return self._status, values

    def counted(self):
        """Return how many more frames of each kind are reported than at the last look."""
        before = self.counts
        self.status()
        return {kind: number - before[kind] for kind, number in self.counts.items()
                if number != before[kind]}

    def good_frame(self):
        """Send a frame with objects and return the heat, (H, W) float32, that came of it."""
        stamp = next(self._stamps)
        self.camera.publish(self._to_message(next(self._frames), stamp))
        assert spin_until(self.node, lambda: any(
            heat.header.stamp.sec == stamp for heat in self.heats.messages), 20.0), (
                self.process.output())
        heat = self.heats.messages[-1]
        self.heats.messages.clear()
        return np.frombuffer(heat.data, np.float32).reshape(heat.height, heat.width)

    def assert_survived(self):
        """Check that the next good frame adds its heat to all that was there."""
        before, self.heat = self.heat, self.good_frame()
        assert (self.heat >= before).all(), 'heat was lost'
        assert self.heat.sum() > before.sum()

    def stop(self):
        """End the node as Ctrl-C does; it must have nothing to say against it."""
        assert self.process.stop(signal.SIGINT) == 0, self.process.output()
        assert 'Traceback (' not in self.process.output(), self.process.output()

    def close(self):
        """Remove what the bench has made."""
        self.process.__exit__()
        self.node.destroy_publisher(self.camera)
        self.node.destroy_subscription(self.heats.subscription)
        self.node.destroy_subscription(self._listener)


class BusyCamera:
    """Frames at 50 Hz from a thread of its own, in a `with` block."""

    def __init__(self, frames):
        self._frames = frames
        self._stop = threading.Event()

    def __enter__(self):
        self._elsewhere = Elsewhere()
        node = self._elsewhere.__enter__().node
        self._publisher = node.create_publisher(Image, 'image', RELIABLE)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def _run(self):
        number = 0
        while not self._stop.wait(0.02):
            number += 1
            self._publisher.publish(image_message(self._frames[number % 80], number))

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self._elsewhere.__exit__()


def bench_of(street, frames, **parameters):
    """Yield a bench on a ROS context of its own, as a fixture does."""
    rclpy.init()
    node = rclpy.create_node('test')
    bench = FaultBench(node, street, frames, **parameters)
    yield bench
    bench.close()
    node.destroy_node()
    rclpy.shutdown()
