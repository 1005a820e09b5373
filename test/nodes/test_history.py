"""The history of a node, over DDS: what it has seen, also after it was killed; what is unusual."""

import os
import signal

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from ros_processes import (
    image_message, later_node, NodeProcess, set_parameters, spin_until, wait_until_matched)
from sensor_msgs.msg import Image
from yolo_heatmap_ros.errors import HistoryError
from yolo_heatmap_ros.storage.history import files_in, History, When
from yolo_heatmap_ros.storage.history_writer import HistoryWriter

NAME = '/yolo_heatmap'
ALWAYS = When(-1e18, 1e18)
MONDAY = 1785715200
"""8 h on a Monday, in s since 1970 UTC."""


def node_of(street, folder, **parameters):
    return NodeProcess('heatmap_node', {
        'weights': str(street / 'street.pt'), 'imgsz': 320, 'history_dir': str(folder),
        'history_period': 900.0, 'heat_unit': 'seconds', 'max_gap': 60.0, 'frame_policy': 'all',
        'regions': '[all: [[0, 0], [1, 0], [1, 1], [0, 1]]]', **parameters})


class Show:
    """Shows frames to a node at given times, one after the other."""

    def __init__(self, node):
        self._node = node
        self._publisher = node.create_publisher(Image, 'image', 10)
        self._counts = []
        self._subscription = node.create_subscription(DiagnosticArray, f'{NAME}/regions',
                                                      self._counts.append, 10)

    def wait(self):
        """Wait for a node that has just been started."""
        wait_until_matched(self._node, NAME, self._publisher, self._subscription)

    def __call__(self, frame, stamp):
        before = len(self._counts)
        message = image_message(frame)
        message.header.stamp.sec = int(stamp)
        self._publisher.publish(message)
        assert spin_until(self._node, lambda: len(self._counts) > before)


def summed(folder):
    with History(files_in(folder)[0]) as history:
        return history.total(ALWAYS)


def test_what_was_seen_is_there_after_a_kill(node, street, street_frames, tmp_path):
    """All bins that were over; the next process goes on with them, and ends with the last."""
    show = Show(node)
    with node_of(street, tmp_path) as process:
        show.wait()
        for number in range(40):
            show(street_frames[number], MONDAY + 60 * number)
        # Three bins of 15 frames have begun, and the first two are over.
        assert spin_until(node, lambda: files_in(tmp_path) and _frames(tmp_path) == 30)
        process.stop(signal.SIGKILL)
    assert summed(tmp_path).watched == pytest.approx(29 * 60.0)
    with later_node() as later, node_of(street, tmp_path) as process:
        show = Show(later)
        show.wait()
        for number in range(40, 50):
            show(street_frames[number], MONDAY + 60 * number)
        assert process.stop(signal.SIGINT) == 0
    result = summed(tmp_path)
    # The time from the first process's last frame to the second one's first is nobody's.
    assert result.frames == 40 and result.watched == pytest.approx(38 * 60.0)
    assert result.heat['person'].sum() > 0 and result.counts['all']['']['occupancy'] > 0
    assert {one.begin % 900 for one in result.bins} == {0.0}


def _frames(folder):
    try:
        return summed(folder).frames
    except HistoryError:
        return 0


def test_a_file_that_cannot_be_used(node, street, tmp_path):
    """The node says why, and leaves the file alone."""
    writer = HistoryWriter(tmp_path, NAME)
    with node_of(street, tmp_path) as process:
        assert process.wait() == 1
        assert 'cannot configure' in process.output()
        assert 'another process writes to it' in process.output()
        assert 'Traceback' not in process.output()
    writer.close()
    writer.path.write_bytes(b'something else')
    with node_of(street, tmp_path) as process:
        assert process.wait() == 1
        assert 'is damaged, or no history' in process.output()
    assert writer.path.read_bytes() == b'something else'


def test_a_camera_that_counts_from_its_start(node, street, street_frames, tmp_path):
    """Its stamps are set right by the clock of the node."""
    show = Show(node)
    with node_of(street, tmp_path) as process:
        show.wait()
        for number in range(3):
            show(street_frames[number], 100 + number)
        assert process.stop(signal.SIGINT) == 0
    now = os.stat(files_in(tmp_path)[0]).st_mtime
    assert summed(tmp_path).began == pytest.approx(now, abs=60.0)


def test_what_is_unusual(node, street, street_frames, tmp_path):
    """Nobody is there at an hour at which there were people in five weeks before."""
    show = Show(node)
    latched = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    windows, events, pictures, states = [], [], [], []
    for kind, topic, where, qos in (
            (DiagnosticArray, f'{NAME}/anomaly', windows, latched),
            (DiagnosticArray, f'{NAME}/events', events, 100),
            (Image, f'{NAME}/anomaly/image', pictures, latched),
            (DiagnosticArray, '/diagnostics', states, 10)):
        node.create_subscription(kind, topic, where.append, qos)
    empty = np.full_like(street_frames[0], 128)
    with node_of(street, tmp_path) as process:
        show.wait()
        for week in range(7):
            frame = empty if week == 6 else street_frames[0]
            # The first frame after a week is in doubt until the next.
            for number in range(17):
                show(frame, MONDAY + 604800 * week + 60 * number)
            assert spin_until(node, lambda: len(windows) > week), process.output()
        assert spin_until(node, lambda: any(
            status.level == b'\x01' and 'unusual' in status.message
            for one in states for status in one.status))
        # Nobody gets the picture of a frame that may be shown no more, however late they come.
        assert set_parameters(node, NAME, anonymize='fill').successful
        late = []
        node.create_subscription(Image, f'{NAME}/anomaly/image', late.append, latched)
        assert not spin_until(node, lambda: late, timeout=2.0)
        assert process.stop(signal.SIGINT) == 0
    first = [one.status[0] for one in windows]
    assert all('4 are needed' in status.message for status in first[:4])
    assert [status.message for status in first[4:6]] == ['as usual'] * 2
    assert first[6].level == b'\x01'
    unusual = {(status.name, status.values[0].value): {value.key: value.value
                                                       for value in status.values}
               for status in windows[6].status[1:]}
    found = unusual['all', 'occupancy']
    assert float(found['value']) < 0.2 * float(found['expected']) and float(found['score']) < -4.0
    told = [value.value for one in events for status in one.status for value in status.values
            if status.message == 'unusual' and value.key == 'place']
    assert 'all' in told and len(told) == len(set(told)) == len(unusual)
    assert len(pictures) == 3 and pictures[-1].height == 480
