"""Real nodes in processes of their own, and what a test says to them over DDS."""

from contextlib import contextmanager
import os
from pathlib import Path
import re
import signal
import tempfile
import threading
import time

from fork_server import ForkServer
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import GetParameters, SetParametersAtomically
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from yolo_heatmap_ros.apps.demo import node_command

TRANSITIONS = {
    'configure': Transition.TRANSITION_CONFIGURE, 'activate': Transition.TRANSITION_ACTIVATE,
    'deactivate': Transition.TRANSITION_DEACTIVATE, 'cleanup': Transition.TRANSITION_CLEANUP}
SERVER = ForkServer()


def _room_of(executable):
    return 'apps' if executable.endswith('viewer') else 'nodes'


class NodeProcess:
    """A node of the package in a process, stopped at the end of a `with` block."""

    def __init__(self, module, parameters=None, remappings=None, arguments=(), inside=(),
                 fresh=False, **environment):
        """
        Start a module; `inside` is a command that runs what follows it elsewhere.

        Without `fresh` it is forked from a process that has imported everything: for all that does
        not concern the start itself, or the memory.
        """
        self._log = tempfile.TemporaryFile()
        self._process = SERVER.start(
            [*inside, *node_command(f'{_room_of(module)}.{module}', parameters or {},
                                    remappings or {}), *arguments],
            {**os.environ, **environment}, self._log, self._log, fresh)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def output(self):
        """Return what it has printed so far."""
        # Not by seeking: the process writes where the shared position is.
        size = os.fstat(self._log.fileno()).st_size
        text = os.pread(self._log.fileno(), size, 0).decode(errors='replace')
        return text.replace('\r\n', '\n').replace('\r', '\n')

    def stacks(self):
        """Return what it has printed, and where all its threads are, if it has been forked."""
        if self._handled() & 1 << (signal.SIGUSR1 - 1):
            self._process.send_signal(signal.SIGUSR1)
            time.sleep(1.0)
        return self.output()

    def wait_for_output(self, text, timeout=60.0):
        """Wait until it has printed `text`."""
        end = time.monotonic() + timeout
        while text not in self.output():
            assert self._process.poll() is None, self.output()
            assert time.monotonic() < end, f'{text!r} is not in:\n{self.stacks()}'
            time.sleep(0.05)

    def wait_for_start(self):
        """Wait until it handles signals itself: before that, they are the interpreter's."""
        while not self._handled() & 1 << (signal.SIGTERM - 1):
            assert self._process.poll() is None, self.output()
            time.sleep(0.005)

    def _handled(self):
        status = Path(f'/proc/{self._process.pid}/status').read_text()
        return int(re.search(r'SigCgt:\s+(\w+)', status)[1], 16)

    def stop(self, with_signal=signal.SIGINT, timeout=20.0):
        """Send a signal and return the exit code."""
        self._process.send_signal(with_signal)
        return self.wait(timeout)

    def wait(self, timeout=60.0):
        """Return the exit code once it has ended."""
        return self._process.wait(timeout)

    def peak_memory_mb(self):
        """Return the most resident memory that it has had so far, in MB."""
        status = Path(f'/proc/{self._process.pid}/status').read_text()
        return int(re.search(r'VmHWM:\s+(\d+) kB', status)[1]) / 1000

    def mapped(self):
        """Return the paths of files, shared memory among them, that it has mapped."""
        maps = Path(f'/proc/{self._process.pid}/maps').read_text()
        return set(re.findall(r' (/.*)', maps))

    def shared_memory(self):
        """Return the paths of Fast DDS's shared memory that it uses."""
        return {Path(path) for path in self.mapped()
                if path.startswith(('/dev/shm/fastrtps', '/dev/shm/fastdds'))}

    def wait_for_library(self, name):
        """Wait until it has loaded a library whose path contains `name`."""
        while not any(name in path for path in self.mapped()):
            assert self._process.poll() is None, self.output()
            time.sleep(0.005)

    def threads(self):
        """Return how many threads it has."""
        return len(list(Path(f'/proc/{self._process.pid}/task').iterdir()))

    @property
    def pid(self):
        """Return the number of the process."""
        return self._process.pid

    @property
    def running(self):
        """Tell whether it has not ended."""
        return self._process.poll() is None


class Elsewhere:
    """A node on a context and a thread of its own, in a `with` block."""

    def __enter__(self):
        self._context = rclpy.Context()
        self._context.init()
        self.node = rclpy.create_node('elsewhere', context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin)
        self._thread.start()
        return self

    def _spin(self):
        try:
            self._executor.spin()
        except ExternalShutdownException:
            pass

    def __exit__(self, *_):
        self._executor.shutdown()
        self._thread.join()
        self.node.destroy_node()
        self._context.try_shutdown()


@contextmanager
def later_node():
    """
    Return another node, in place of the test's, for as long as a block lasts.

    It has not heard of processes that were killed before, as the test's node still has.
    """
    rclpy.shutdown()
    rclpy.init()
    node = rclpy.create_node('later')
    try:
        yield node
    finally:
        node.destroy_node()


def spin_until(node, condition, timeout=30.0):
    """Spin a node until a condition holds; tell whether it does."""
    end = time.monotonic() + timeout
    while not condition() and time.monotonic() < end:
        rclpy.spin_once(node, timeout_sec=0.05)
    return condition()


def call(node, service_type, name, request, timeout=60.0):
    """Call a service and return its response."""
    client = node.create_client(service_type, name)
    response = ask(node, client, request, timeout)
    node.destroy_client(client)
    return response


def ask(node, client, request, timeout=60.0):
    """Call a service by a client that a test keeps, and return its response."""
    assert client.wait_for_service(timeout), f'no service {client.srv_name}'
    future = client.call_async(request)
    assert spin_until(node, future.done, timeout), f'no answer from {client.srv_name}'
    return future.result()


def wait_until_matched(node, target, *endpoints):
    """
    Wait until publishers and subscriptions of a node have matched those of another node.

    On their own side that can be counted. The other node hears of what is created here in that
    order: when it answers a client of now, it knows all that was there before.
    """
    assert spin_until(node, lambda: all(
        one.get_subscription_count() if isinstance(one, Publisher) else one.get_publisher_count()
        for one in endpoints)), [one.topic_name for one in endpoints]
    call(node, GetParameters, f'{target}/get_parameters', GetParameters.Request())


def set_parameters(node, target, **values):
    """Set parameters of another node at once and return the result."""
    return call(node, SetParametersAtomically, f'{target}/set_parameters_atomically',
                parameters_request(values)).result


def parameters_request(values):
    """Return the request that sets parameters to these values by name."""
    return SetParametersAtomically.Request(
        parameters=[Parameter(name, value=value).to_parameter_msg()
                    for name, value in values.items()])


def change_state(node, target, transition):
    """Ask a lifecycle node for a transition and tell whether it succeeded."""
    request = ChangeState.Request(transition=Transition(id=TRANSITIONS[transition]))
    return call(node, ChangeState, f'{target}/change_state', request).success


def state(node, target):
    """Return the label of a lifecycle node's state."""
    return call(node, GetState, f'{target}/get_state', GetState.Request()).current_state.label


class Pictures:
    """Collects the messages of an image topic."""

    def __init__(self, node, topic, reliability=ReliabilityPolicy.RELIABLE, depth=200):
        self.messages = []
        self.subscription = node.create_subscription(
            Image, topic, self.messages.append, QoSProfile(depth=depth, reliability=reliability))

    def __len__(self):
        return len(self.messages)


def image_message(frame, seconds=1, frame_id='camera_optical_frame'):
    """Return a bgr8 message of a frame."""
    message = Image(height=frame.shape[0], width=frame.shape[1], step=frame.shape[1] * 3,
                    encoding='bgr8', data=frame.tobytes())
    message.header.stamp.sec = seconds
    message.header.stamp.nanosec = 123456789
    message.header.frame_id = frame_id
    return message
