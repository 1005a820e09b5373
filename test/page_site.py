"""The page with all that is behind it: a node, a camera, the web viewer, two weeks of history."""

import math
import re
import threading
import time

import numpy as np
from ros_processes import Elsewhere, image_message, NodeProcess
from sensor_msgs.msg import Image
from yolo_heatmap_ros.heat.accumulator import HeatAccumulator
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.heat.events import DIRECTIONS
from yolo_heatmap_ros.heat.options import HeatOptions
from yolo_heatmap_ros.heat.regions import COUNTED
from yolo_heatmap_ros.heat.time_bins import TimeBin
from yolo_heatmap_ros.storage.history_writer import HistoryWriter

HOUR, DAY = 3600.0, 86400.0
DAYS = 15
"""Whole days of history before today's; in UTC."""
NIGHT = range(0, 5)
"""Hours in which the camera of the history was off."""
SHOWN_DAY = -3
"""Of which day there are events, counted from today."""
REGIONS = {'pavement': [[20, 300], [620, 300], [620, 460], [20, 460]],
           'crossing': [[318, 212], [405, 212], [434, 300], [318, 300]]}
LINES = {'kerb': [[20, 308], [620, 308]]}
SCALE = 0.125
"""Of the history's heat; a fine one takes longer to write."""
NAME = '/yolo_heatmap'
ID = 'yolo_heatmap'


def walk(shape, seconds=120, rate=5):
    """Return the heat, and the one bin, of people who cross the street and walk beside it."""
    points = {kind: {name: np.array(shape, np.float32) for name, shape in shapes.items()}
              for kind, shapes in (('regions', REGIONS), ('lines', LINES))}
    heat = HeatAccumulator(*shape, HeatOptions(
        heat_unit='seconds', history_period=HOUR, history_scale=SCALE, track_memory=0.0,
        **points))
    rng = np.random.default_rng(0)
    feet = np.stack([rng.uniform(30, 610, 16), np.r_[rng.uniform(320, 440, 8),
                                                     rng.uniform(200, 330, 8)]], axis=1)
    feet[8:, 0] = rng.uniform(330, 400, 8)
    way = rng.choice((-1, 1), 16) * rng.uniform(12, 40, 16)
    for frame in range(seconds * rate):
        feet[:8, 0] = (feet[:8, 0] + way[:8] / rate - 30) % 580 + 30
        feet[8:, 1] = (feet[8:, 1] + way[8:] / rate - 190) % 150 + 190
        detections = Detections.from_boxes([(x - 8, y - 60, x + 8, y) for x, y in feet])
        detections.track_id[:] = np.arange(16) + 100 * (frame // (20 * rate))
        heat.update(detections, HOUR + frame / rate)
    heat.close_bins()
    return heat.new_bins()[0]


def busy(time_):
    """Return how busy the street is, about 1 at noon and less on the weekend."""
    hour, day = time_ % DAY / HOUR, (time_ // DAY + 3) % 7
    return (0.5 if day > 4 else 1.0) * (0.15 + math.exp(-((hour - 13) / 4) ** 2))


def like(one, begin, rng, events):
    """Return a bin of an hour, as busy as that hour is; with events if asked."""
    share = 1.5 * busy(begin) * rng.uniform(0.8, 1.2)
    kinds = {what: str(kind) for kind, what in COUNTED.items() if what != 'tracks'}
    kinds.update({str(kind): str(kind) for kind in DIRECTIONS})
    told = []

    def scaled(place, count):
        result = {**count, 'by_class': {}}
        for what, value in count.items():
            if what == 'occupancy':
                result[what] = value * share
            elif what not in ('objects', 'by_class'):
                result[what] = int(rng.poisson(value * share))
                told.extend({'kind': kinds[what], 'place': place, 'track': int(track),
                             'stamp': begin + rng.uniform(0, HOUR), 'class': 'person',
                             'x': 320.0, 'y': 300.0, 'seconds': 0.0}
                            for track in range(result[what] if events and what in kinds else 0))
        result['by_class'] = {'person': {
            what: value for what, value in result.items() if what not in ('objects', 'by_class')}}
        return result
    regions = {name: scaled(name, vars_of(count)) for name, count in one.regions.items()}
    lines = {name: scaled(name, vars_of(count)) for name, count in one.lines.items()}
    total = sum(one.heat.values()) * np.float32(share)
    return TimeBin(**{
        **vars(one), 'begin': begin, 'period': HOUR, 'began': begin, 'ended': begin + HOUR,
        'watched': 0.95 * HOUR, 'frames': 36_000, 'regions': regions, 'lines': lines,
        'heat': {'person': total * np.float32(0.9), 'car': total[::-1] * np.float32(0.1)},
        'events': told})


def vars_of(count):
    """Return the numbers of a place by name."""
    return dict(count) if isinstance(count, dict) else dict(vars(count))


def write_history(folder, shape, now=None):
    """Write `DAYS` days until the last whole hour, without the nights; return the file's path."""
    now = time.time() if now is None else now
    end, today = now // HOUR * HOUR, now // DAY * DAY
    rng, pattern = np.random.default_rng(7), walk(shape)
    writer = HistoryWriter(folder, NAME)
    begin = today - DAYS * DAY
    while begin < end:
        if begin % DAY // HOUR not in NIGHT:
            writer.append(like(pattern, begin, rng, begin // DAY == today // DAY + SHOWN_DAY),
                          'street.pt')
        begin += HOUR
    writer.close()
    return writer.path


class PageSite:
    """
    A heatmap node with a camera of 10 Hz beside the page at `address`, in a `with` block.

    `showing` is the camera's switch, an Event.  `node` is for the test's own calls to the node,
    which is at `NAME`.  Both processes have their own ROS_HOME, the folder `home`.
    """

    def __init__(self, folder, street, frames):
        """Take an empty folder, that of the embedded weights, and frames of its clip."""
        self.home = folder
        self.history_folder = folder / 'yolo_heatmap_ros' / 'history'
        self._weights = str(street / 'street.pt')
        self._messages = [image_message(frame) for frame in frames[:60]]
        self._shape = frames[0].shape[:2]
        self.showing = threading.Event()
        self._ending = threading.Event()

    def __enter__(self):
        write_history(self.history_folder, self._shape)
        self._elsewhere = Elsewhere()
        self.node = self._elsewhere.__enter__().node
        self.heatmap = None
        try:
            self.start_node()
            self.viewer = NodeProcess('web_viewer', {'port': 0}, ROS_HOME=str(self.home))
            self.viewer.wait_for_output('the page is at')
        except BaseException:
            self._close()
            raise
        self.address = re.search(r'the page is at (\S+)', self.viewer.output()).group(1)
        self._camera = threading.Thread(target=self._show, name='camera')
        self._camera.start()
        self.showing.set()
        return self

    def start_node(self, **parameters):
        """Start the node, with further parameters."""
        self.heatmap = NodeProcess('heatmap_node', {
            'weights': self._weights, 'imgsz': 320, 'device': 'cpu', 'heat_unit': 'seconds',
            'regions': str(REGIONS), 'lines': str(LINES), 'history_period': 5.0,
            'history_scale': SCALE, **parameters},
            ROS_HOME=str(self.home))
        self.heatmap.wait_for_output('listening to')

    def stop_node(self):
        """End the node as Ctrl-C does."""
        assert self.heatmap.stop() == 0, self.heatmap.output()

    def _show(self):
        publisher = self.node.create_publisher(Image, 'image', 1)
        number = 0
        while not self._ending.wait(0.1):
            if self.showing.is_set():
                message = self._messages[number % len(self._messages)]
                message.header.stamp = self.node.get_clock().now().to_msg()
                publisher.publish(message)
                number += 1

    def __exit__(self, kind, *_):
        self._ending.set()
        self._camera.join()
        try:
            if kind is None:
                codes = self.viewer.stop(), self.heatmap.stop()
                assert codes == (0, 0), self.viewer.output() + self.heatmap.output()
                assert 'Traceback' not in self.viewer.output(), self.viewer.output()
        finally:
            self._close()

    def _close(self):
        for process in (self.heatmap, getattr(self, 'viewer', None)):
            if process is not None:
                process.__exit__()
        self._elsewhere.__exit__(None, None, None)
