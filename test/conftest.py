"""
What the tests share: a ROS domain of their own, the real model and video, a ROS context.

With pytest-xdist each worker has its domain, tests of one module that share a fixture stay on one
worker, and those that are marked `alone` run last, while nothing else does.
"""

import fcntl
import os
from pathlib import Path
import signal
import sys
import tempfile

sys.path.insert(0, str(Path(__file__).parent))

from domains import claim  # noqa: E402

# A shell lets what it runs in the background ignore Ctrl-C, and processes under test inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Before rclpy is imported anywhere: tests on one machine must not hear each other.
domain = claim()
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
os.environ['YOLO_AUTOINSTALL'] = 'false'
# Snapshots that somebody has saved here must not be loaded, nor any be left to them.
ros_home = tempfile.TemporaryDirectory(prefix='ros_home-')
os.environ['ROS_HOME'] = ros_home.name
# The first process of a run makes it, and its workers inherit the name.
ONE_AT_A_TIME = os.environ.setdefault('YOLO_HEATMAP_TEST_LOCK', ros_home.name)

import cv2  # noqa: E402, I100
import pytest  # noqa: E402
import rclpy  # noqa: E402
from ros_processes import SERVER  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]


@pytest.hookimpl(tryfirst=True)  # before xdist looks for groups
def pytest_collection_modifyitems(config, items):
    """Let xdist spread all tests that share nothing, and put those that run alone at the end."""
    for item in items if config.pluginmanager.hasplugin('xdist') else ():
        # A module's fixture may hold what one test after the other adds to.
        shared = any(definitions and definitions[-1].scope == 'module' for definitions in
                     item._fixtureinfo.name2fixturedefs.values())
        if item.get_closest_marker('alone'):
            item.add_marker(pytest.mark.xdist_group('alone'))
        elif shared:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
    items.sort(key=lambda item: item.get_closest_marker('alone') is not None)


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    """Hold a lock that tests share, and that one marked `alone` has for itself."""
    alone = item.get_closest_marker('alone') is not None
    lock = os.open(ONE_AT_A_TIME, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
    finally:
        os.close(lock)


def pytest_unconfigure():
    """Leave no process."""
    SERVER.close()


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
