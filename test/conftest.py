"""What the tests share: an isolated ROS domain, the real model and video, a ROS context."""

import os
from pathlib import Path
import sys
import tempfile

# Before rclpy is imported anywhere: tests on one machine must not hear each other.
os.environ['ROS_DOMAIN_ID'] = str(1 + os.getpid() % 100)
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
os.environ['YOLO_AUTOINSTALL'] = 'false'
# Snapshots that somebody has saved here must not be loaded, nor any be left to them.
ros_home = tempfile.TemporaryDirectory(prefix='ros_home-')
os.environ['ROS_HOME'] = ros_home.name
sys.path.insert(0, str(Path(__file__).parent))

import cv2  # noqa: E402
import pytest  # noqa: E402
import rclpy  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope='session')
def street():
    """Return the folder of the embedded clip and weights."""
    return ROOT / 'demo'


@pytest.fixture(scope='session')
def street_frames(street):
    """Return the first 90 frames of the embedded clip."""
    capture = cv2.VideoCapture(str(street / 'street.mp4'))
    return [capture.read()[1] for _ in range(90)]


@pytest.fixture(scope='session')
def real_data():
    """Return the folder of the real video and the real COCO model."""
    folder = Path(os.environ.get('YOLO_HEATMAP_REAL_DATA') or ROOT.parent / 'shared' / 'real')
    if not (folder / 'vtest.avi').is_file():
        pytest.skip(f'no real video in {folder}; YOLO_HEATMAP_REAL_DATA names its folder')
    return folder


@pytest.fixture
def node():
    """Return a node of the test's own."""
    rclpy.init()
    created = rclpy.create_node('test')
    yield created
    created.destroy_node()
    rclpy.shutdown()
