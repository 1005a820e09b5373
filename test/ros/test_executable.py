"""How executables begin and end."""

import subprocess
import sys

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
