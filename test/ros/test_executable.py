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
from yolo_heatmap_ros.ros.executable import run
from {module} import {base}

made = []

class Broken({base}):
    def __init__(self):
        super().__init__('broken')
        made.append(self)
        raise ParameterError('source')

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
def test_a_node_whose_constructor_fails_leaves_the_network(module, base):
    """If it is left to the end of the process, Fast DDS crashes there at times."""
    ended = subprocess.run([sys.executable, '-c', BROKEN.format(module=module, base=base)],
                           capture_output=True, text=True, timeout=60)
    assert (ended.stdout, ended.returncode) == ('destroyed\n', 1), ended.stderr


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


STARTING = """
import sys
import time
import weakref
from rclpy.node import Node
from yolo_heatmap_ros.ros.barrier import GuardedNode
from yolo_heatmap_ros.ros.executable import nothing_to_lose, run

class Thing:
    def __init__(self):
        wait()

    def __del__(self):
        self.handle.destroy()

def wait(*arguments):
    print('waiting', flush=True)
    time.sleep(30.0)

class Plain:
    pass

def in_a_callback_of_a_weak_reference():
    thing = Plain()
    reference = weakref.ref(thing, wait)
    del thing

class Slow(GuardedNode):
    def __init__(self):
        super().__init__('slow')
        {in_constructor}

def work(node):
    with nothing_to_lose():
        {in_work}
    print('started')
    return 7

raise SystemExit(run(Slow, work, []))
"""


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize('place', ['in_constructor', 'in_work'])
@pytest.mark.parametrize('what', ['wait()', 'Thing()', 'in_a_callback_of_a_weak_reference()'])
def test_a_signal_during_the_start(number, place, what):
    """It ends soon and silently, whatever is waited for, where an exception would be lost too."""
    code = STARTING.format(**{'in_constructor': 'pass', 'in_work': 'pass', place: what})
    with subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == 'waiting\n'
        process.send_signal(number)
        output, errors = process.communicate(timeout=10)
    assert (output, errors, process.returncode) == ('', '', 0)


CALLED_FROM_C = """
import ctypes
import time
import rclpy
from rclpy.node import Node
from yolo_heatmap_ros.ros.executable import run

def compare(one, other):
    if not done:
        done.append(True)
        print('in a callback of C', flush=True)
        time.sleep(1.0)
    return 0

done = []

def work(node):
    compare_type = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    ctypes.CDLL(None).qsort((ctypes.c_int * 4)(), 4, 4, compare_type(compare))
    rclpy.spin(node)
    return 0

raise SystemExit(run(lambda: Node('called'), work, []))
"""


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_a_callback_of_c(number):
    """No exception comes up there: C++ would end the process with std::terminate at worst."""
    with subprocess.Popen([sys.executable, '-c', CALLED_FROM_C], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == 'in a callback of C\n'
        process.send_signal(number)
        _, errors = process.communicate(timeout=10)
    assert (errors, process.returncode) == ('', 0)


EARLY = """
import os
import signal
from rclpy.node import Node
from yolo_heatmap_ros.ros import executable

def profile():
    os.kill(os.getpid(), signal.{name})
    return ''

executable.use_image_profile = profile

def work(node):
    print('works')
    return 7

raise SystemExit(executable.run(lambda: Node('early'), work, []))
"""


@pytest.mark.parametrize('name', ['SIGINT', 'SIGTERM'])
def test_a_signal_before_rclpy_listens(name):
    """It is not lost: else the next one would count as the second, and end without saving."""
    ended = subprocess.run([sys.executable, '-c', EARLY.format(name=name)], capture_output=True,
                           text=True, timeout=30)
    assert (ended.stdout, ended.stderr, ended.returncode) == ('', '', 0)


JUST_BEFORE_SPINNING = """
import os
import signal
import rclpy
from rclpy.node import Node
from yolo_heatmap_ros.ros.executable import run

def work(node):
    executor = rclpy.get_global_executor()
    os.kill(os.getpid(), signal.SIGINT)
    while rclpy.ok():
        pass
    rclpy.get_global_executor = lambda: None  # as it is dropped when its context goes
    rclpy.spin(node)

raise SystemExit(run(lambda: Node('spinning'), work, []))
"""


def test_a_signal_while_rclpy_makes_its_executor():
    ended = subprocess.run([sys.executable, '-c', JUST_BEFORE_SPINNING], capture_output=True,
                           text=True, timeout=30)
    assert (ended.stdout, ended.stderr, ended.returncode) == ('', '', 0)
