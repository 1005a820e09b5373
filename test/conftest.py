"""
What the tests share: a ROS domain of their own, the real model and video, a ROS context.

With pytest-xdist each worker has its domain, tests of one module that share a fixture stay on one
worker, and those that are marked `alone` run last, while nothing else does.
"""

import fcntl
import json
import os
from pathlib import Path
import signal
import subprocess
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
GROUPS = Path(os.environ.setdefault('YOLO_HEATMAP_TEST_GROUPS', ros_home.name), 'groups.json')
if 'YOLO_CONFIG_DIR' not in os.environ:
    # Another release of Ultralytics would rewrite the user's settings, and say so in every log.
    os.environ['YOLO_CONFIG_DIR'] = ros_home.name
    subprocess.run([sys.executable, '-W', 'ignore', '-c', 'import ultralytics.utils'],
                   stdout=subprocess.DEVNULL, check=True)

import cv2  # noqa: E402, I100
import pytest  # noqa: E402
import rclpy  # noqa: E402
from ros_processes import SERVER  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]


def group_of(item):
    """Return the name of tests that one worker runs in order, or None for one by itself."""
    if 'street_sightings' in item.fixturenames:  # also through street_tracks
        return 'street_sightings'
    # A module's fixture may hold what one test after the other adds to.
    shared = any(definitions and definitions[-1].scope == 'module' for definitions in
                 item._fixtureinfo.name2fixturedefs.values())
    return str(item.path) if shared else None


def pytest_collection_modifyitems(items):
    """Put tests that run alone at the end, and tell the scheduler which belong together."""
    items.sort(key=lambda item: item.get_closest_marker('alone') is not None)
    worker = os.environ.get('PYTEST_XDIST_WORKER')
    if worker:
        part = GROUPS.with_name(worker)
        part.write_text(json.dumps({item.nodeid: group for item in items
                                    if (group := group_of(item))}))
        part.replace(GROUPS)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Let `--dist loadgroup` spread all tests over the workers but those that belong together."""
    if config.getoption('dist') != 'loadgroup':
        return None
    config.option.loadscopereorder = False  # what runs alone stays at the end
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):

        def _split_scope(self, nodeid):
            return json.loads(GROUPS.read_text()).get(nodeid, nodeid)
    return Groups(config, log)


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
def street_sightings(street):
    """Return a detector, and (frame, what it finds there) of each frame of the embedded clip."""
    from yolo_heatmap_ros.detectors.yolo import YoloDetector
    detector = YoloDetector(str(street / 'street.pt'), device='cpu')
    capture, sightings = cv2.VideoCapture(str(street / 'street.mp4')), []
    while (frame := capture.read()[1]) is not None:
        sightings.append((frame, detector.detect(frame)))
    return detector, sightings


@pytest.fixture(scope='session')
def street_tracks(street_sightings):
    """Return what the default tracker makes of each frame's objects, unconfirmed ones too."""
    detector, sightings = street_sightings
    tracker = detector.make_tracker()
    tracker.keep_unconfirmed = True
    return [tracker.track(found, frame) for frame, found in sightings]


@pytest.fixture(scope='session')
def real_data():
    """Return the folder of the real video and the real COCO model."""
    folder = Path(os.environ.get('YOLO_HEATMAP_REAL_DATA') or ROOT.parent / 'shared' / 'real')
    if not (folder / 'vtest.avi').is_file():
        pytest.skip(f'no real video in {folder}; YOLO_HEATMAP_REAL_DATA names its folder')
    return folder


@pytest.fixture(scope='session')
def truth():
    """Return the folder of public ground truth, with the tools that read it on the path."""
    folder = Path(os.environ.get('YOLO_HEATMAP_TRUTH') or ROOT.parent / 'shared' / 'truth')
    if not (folder / 'PETS2009').is_dir():
        pytest.skip(f'no public truth in {folder}; YOLO_HEATMAP_TRUTH names its folder')
    sys.path.append(str(ROOT / 'tools'))
    return folder


@pytest.fixture(autouse=True)
def same_environment():
    """
    Leave the variables as the test has found them.

    Dask, models and commands that run in this process set some, and a later node could only be
    what it would be by itself if it imported everything again.
    """
    before = dict(os.environ)
    yield
    for name in {name for name, _ in os.environ.items() ^ before.items()}:
        if name in before:
            os.environ[name] = before[name]
        else:
            del os.environ[name]


@pytest.fixture
def node():
    """Return a node of the test's own."""
    rclpy.init()
    created = rclpy.create_node('test')
    yield created
    created.destroy_node()
    rclpy.shutdown()
