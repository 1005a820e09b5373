"""The launch files, by the launch system itself."""

import importlib.util
from pathlib import Path
import shutil
import subprocess

import pytest

pytest.importorskip('launch', reason='launch is part of a ROS 2 installation, not of PyPI')
pytest.importorskip('launch_ros', reason='launch_ros is part of a ROS 2 installation')

LAUNCH = Path(__file__).resolve().parents[2] / 'launch'
ARGUMENTS = {
    'demo': {'source', 'weights', 'colormap', 'device', 'classes', 'loop', 'rate', 'viewer', 'web',
             'web_port'},
    'heatmap': {'image_topic', 'weights', 'colormap', 'device', 'classes', 'params_file',
                'namespace', 'viewer', 'web', 'web_port'},
    'multi_camera': {'cameras', 'shared'},
    'playback': {'source', 'rate', 'loop', 'image_topic'},
}


def description_of(name):
    path = LAUNCH / f'{name}.launch.py'
    spec = importlib.util.spec_from_file_location(f'{name}_launch', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.generate_launch_description()


@pytest.mark.parametrize('name', ARGUMENTS)
def test_every_argument_is_described(name):
    arguments = description_of(name).get_launch_arguments()
    assert {argument.name for argument in arguments} == ARGUMENTS[name]
    assert all(len(argument.description) > 10 for argument in arguments)


@pytest.mark.skipif(shutil.which('ros2') is None, reason='there is no `ros2` command here')
def test_demo_ends_by_itself():
    """With the package installed in a sourced workspace: clean, when the clip has ended."""
    run = subprocess.run(
        ['ros2', 'launch', 'yolo_heatmap_ros', 'demo.launch.py', 'viewer:=none', 'rate:=60'],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    assert run.returncode == 0, run.stdout
    assert 'end of source: frame 360/360' in run.stdout
    assert 'Traceback' not in run.stdout
    assert 'the source has ended' in run.stdout
