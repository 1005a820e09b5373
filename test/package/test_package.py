"""What a workspace gets: colcon identifies, builds and installs the package."""

import os
from pathlib import Path
import subprocess
import sys

import pytest

ROOT = str(Path(__file__).resolve().parents[2])


def colcon(*arguments):
    pytest.importorskip('colcon_core')
    pytest.importorskip('colcon_ros')
    return subprocess.run(
        [sys.executable, '-m', 'colcon', '--log-base', os.devnull, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=200)


def test_colcon_identifies_it():
    listing = colcon('list', '--base-paths', ROOT)
    assert listing.stdout.split() == ['yolo_heatmap_ros', ROOT, '(ros.ament_python)']


def test_colcon_installs_everything(tmp_path):
    run = colcon('build', '--base-paths', ROOT, '--build-base', str(tmp_path / 'build'),
                 '--install-base', str(tmp_path / 'install'))
    assert run.returncode == 0, run.stdout
    prefix = tmp_path / 'install' / 'yolo_heatmap_ros'
    for path in ('lib/yolo_heatmap_ros/heatmap_node', 'lib/yolo_heatmap_ros/playback_node',
                 'lib/yolo_heatmap_ros/demo', 'lib/yolo_heatmap_ros/render',
                 'lib/yolo_heatmap_ros/viewer', 'lib/yolo_heatmap_ros/web_viewer',
                 'lib/yolo_heatmap_ros/heatmap_cameras', 'share/yolo_heatmap_ros/package.xml',
                 'share/yolo_heatmap_ros/launch/demo.launch.py',
                 'share/yolo_heatmap_ros/launch/heatmap.launch.py',
                 'share/yolo_heatmap_ros/launch/playback.launch.py',
                 'share/yolo_heatmap_ros/launch/multi_camera.launch.py',
                 'share/yolo_heatmap_ros/config/heatmap.yaml',
                 'share/yolo_heatmap_ros/config/heatmap.rviz',
                 'share/yolo_heatmap_ros/web/index.html',
                 'share/yolo_heatmap_ros/demo/street.mp4',
                 'share/yolo_heatmap_ros/demo/street.pt',
                 'share/ament_index/resource_index/packages/yolo_heatmap_ros'):
        assert (prefix / path).is_file(), path
