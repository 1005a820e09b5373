"""How executables begin and end."""

import signal
import subprocess
import sys
import time

import pytest

BROKEN = """
import rclpy
from rclpy.impl.implementation_singleton import rclpy_implementation as _rclpy
from yolo_heatmap_ros.errors import ParameterError
from yolo_heatmap_ros.ros.executable import run, Stopped
from {module} import {base}

made = []

class Broken({base}):
    def __init__(self):
        super().__init__('broken')
        made.append(self)
        raise {error}

    def destroy_node(self):
        raise AttributeError('made by the rest of the constructor')

code = run(Broken, lambda node: 7, [])
try:
    with made[0].handle:
        print('alive')
except _rclpy.InvalidHandle:
    print('destroyed')
raise SystemExit(code)
"""


@pytest.mark.parametrize('module, base', [
    ('yolo_heatmap_ros.ros.barrier', 'GuardedNode'),
    ('yolo_heatmap_ros.ros.managed_node', 'ManagedNode')])
@pytest.mark.parametrize('error, code', [("ParameterError('source')", 1), ('Stopped()', 0)])
def test_a_node_whose_constructor_fails_leaves_the_network(module, base, error, code):
    """If it is left to the end of the process, Fast DDS crashes there at times."""
    ended = subprocess.run(
        [sys.executable, '-c', BROKEN.format(module=module, base=base, error=error)],
        capture_output=True, text=True, timeout=60)
    assert (ended.stdout, ended.returncode) == ('destroyed\n', code), ended.stderr


STUCK = """
import threading
from rclpy.node import Node
from yolo_heatmap_ros.ros.executable import run
import rclpy

class Slow(Node):
    def __init__(self):
        super().__init__('slow')

    def destroy_node(self):
        print('destroying', flush=True)
        threading.Event().wait({seconds})
        super().destroy_node()
        print('destroyed', flush=True)

def work(node):
    print('working', flush=True)
    rclpy.spin(node)

raise SystemExit(run(Slow, work, []))
"""


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_what_hangs(number):
    with subprocess.Popen([sys.executable, '-c', STUCK.format(seconds='')],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == 'working\n'
        process.send_signal(number)
        assert process.stdout.readline() == 'destroying\n'
        time.sleep(1.5)
        assert process.poll() is None
        process.send_signal(number)
        _, errors = process.communicate(timeout=5)
    assert process.returncode == 1
    assert errors == 'ended at once by a second signal: heat that was not saved is lost\n'


def test_a_signal_that_comes_twice_is_one():
    """As on Ctrl-C from the terminal and from the launch system."""
    with subprocess.Popen([sys.executable, '-c', STUCK.format(seconds=1.0)],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == 'working\n'
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == 'destroying\n'
        for _ in range(3):
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=10)
    assert (output, errors, process.returncode) == ('destroyed\n', '', 0)


IGNORING = """
import time
import weakref
from rclpy.node import Node
from yolo_heatmap_ros.ros.executable import run

class Thing:
    pass

def callback(reference):
    print('in a callback', flush=True)
    end = time.monotonic() + 2.0
    while time.monotonic() < end:
        time.sleep(0.01)

def work(node):
    thing = Thing()
    reference = weakref.ref(thing, callback)
    del thing
    while True:
        time.sleep(0.01)

raise SystemExit(run(lambda: Node('ignoring'), work, []))
"""


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_exceptions_are_ignored(number):
    """As in a callback of a weak reference, which imports have: it is not lost."""
    with subprocess.Popen([sys.executable, '-c', IGNORING], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == 'in a callback\n'
        process.send_signal(number)
        _, errors = process.communicate(timeout=10)
    assert (errors, process.returncode) == ('', 0)


HALF_MADE = """
import time
from rclpy.node import Node
from yolo_heatmap_ros.ros.executable import run

class Thing:
    def __init__(self, seconds):
        print('in a constructor', flush=True)
        time.sleep(seconds)
        self.handle = None

    def __del__(self):
        self.handle.destroy()

def work(node):
    Thing({first})
    Thing(10.0)

raise SystemExit(run(lambda: Node('half_made'), work, []))
"""


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_a_constructor(number):
    """As in that of rclpy's executors, whose `__del__` takes for granted that it has ended."""
    with subprocess.Popen([sys.executable, '-c', HALF_MADE.format(first='10.0')],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == 'in a constructor\n'
        process.send_signal(number)
        _, errors = process.communicate(timeout=10)
    assert (errors, process.returncode) == ('', 0)


def test_what_a_destructor_raises_before_a_signal_is_shown():
    with subprocess.Popen([sys.executable, '-c', HALF_MADE.format(first='0.0')],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == 'in a constructor\n'
        assert process.stdout.readline() == 'in a constructor\n'
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
    assert "'NoneType' object has no attribute 'destroy'" in errors
    assert process.returncode == 0
