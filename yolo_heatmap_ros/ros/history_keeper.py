"""Keeps the history of a node's heat: writes each period once it is over."""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
import os
from pathlib import Path
import time
from typing import Callable, Deque, Optional

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from std_msgs.msg import Header

from yolo_heatmap_ros.build_pipeline import parameters_of, PRIVACY
from yolo_heatmap_ros.choices import DetectorKind
from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.errors import HistoryError
from yolo_heatmap_ros.heat.time_bins import LATE, TimeBin
from yolo_heatmap_ros.limits import EARLIEST
from yolo_heatmap_ros.pipeline import HeatmapPipeline
from yolo_heatmap_ros.ros.anomaly_watch import AnomalyWatch
from yolo_heatmap_ros.ros.managed_node import ManagedNode
from yolo_heatmap_ros.ros.messages.images import seconds_of
from yolo_heatmap_ros.ros.snapshot_keeper import own_folder
from yolo_heatmap_ros.storage.history_writer import HistoryWriter

PERIOD = 1.0
"""Seconds between looks at what can be written."""
LOG_PERIOD = 60.0
"""Seconds between log lines about failed writes."""
MAX_PENDING = 100
"""Bins that wait while the disk is full, at most; then the oldest are lost."""
ASTRAY = 60.0
"""Seconds by which stamps that were set right may differ from the node's clock."""


class HistoryKeeper:
    """Writes the history of one pipeline, in a thread of its own."""

    def __init__(self, node: ManagedNode, pipeline: HeatmapPipeline,
                 configuration: Configuration, publish_event: Callable[[DiagnosticArray], None]):
        """
        Open the history for `history_period`; `publish_event` takes what belongs on `~/events`.

        Raises HistoryError if it cannot be written.
        """
        self._configuration = configuration
        self._node = node
        self._pipeline = pipeline
        given = configuration['history_dir']
        folder = Path(os.path.expanduser(given)) if given else own_folder() / 'history'
        self._file = HistoryWriter(folder, node.get_fully_qualified_name(),
                                   configuration['history_keep'])
        self._model = ('another node' if configuration['detector'] == DetectorKind.TOPIC
                       else configuration['weights'])
        self._watch = AnomalyWatch(node, pipeline, configuration, publish_event)
        self._pending: Deque[TimeBin] = deque()
        self._origin = 0.0
        self._untidy = True
        self._header: Optional[Header] = None
        self._seen_at = 0.0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix='history')
        self._job: Optional[Future] = None
        self._timer = node.create_timer(PERIOD, self._look,
                                        clock=Clock(clock_type=ClockType.STEADY_TIME))
        node.get_logger().info(f"history: bins of {configuration['history_period']:g} s in "
                               f"'{self._file.path}'")

    @property
    def configuration(self) -> Configuration:
        """Return the parameters; they may change."""
        return self._configuration

    @configuration.setter
    def configuration(self, configuration: Configuration) -> None:
        before, self._configuration = self._configuration, configuration
        self._watch.configuration = configuration
        if parameters_of(before, PRIVACY) != parameters_of(configuration, PRIVACY):
            self._watch.forget_picture()

    @property
    def unusual(self) -> str:
        """Return in words what is unusual now, nothing if nothing is."""
        return self._watch.summary

    def before_frame(self, header: Header) -> None:
        """Take the header of the next frame before its heat is added."""
        stamp = seconds_of(header)
        self._header, self._seen_at = header, time.monotonic()
        if stamp >= EARLIEST:  # else the camera counts from its start
            origin = 0.0
        else:
            now = 1e-9 * self._node.get_clock().now().nanoseconds
            if self._origin and abs(stamp + self._origin - now) < ASTRAY:
                return
            origin = now - stamp
        if origin != self._origin:
            self._origin = origin
            self._pipeline.set_time_origin(origin)

    def _look(self) -> None:
        """Close the periods that are over, also if no frame comes any more."""
        if self._header is not None:
            unseen = time.monotonic() - self._seen_at
            self._pipeline.close_bins(seconds_of(self._header) + self._origin + unseen - 2 * LATE)
            self._watch.publish(self._header)
        self._take()
        if self._job is None or self._job.done():
            self._job = self._thread.submit(self._node.barrier.guard(self._write))

    def _take(self) -> None:
        self._pending.extend(self._pipeline.new_bins())
        while len(self._pending) > MAX_PENDING:
            lost = self._pending.popleft()
            self._node.get_logger().error(
                f"history: a bin of {lost.watched:.0f} s is lost, since '{self._file.path}' could "
                'not be written for too long', throttle_duration_sec=LOG_PERIOD)

    def _write(self) -> None:
        try:
            while self._pending:
                self._file.append(self._pending[0], self._model,
                                  self.configuration['history_epoch'])
                self._untidy = True
                self._watch.judge(self._pending.popleft(), self._file)
            if self._untidy:
                self._untidy = self._file.maintain(time.time())
        except HistoryError as error:
            if self._node.context.ok():
                self._node.get_logger().error(
                    f'history: {error}; {len(self._pending)} bins wait',
                    throttle_duration_sec=LOG_PERIOD)

    def close(self) -> None:
        """Write what has been seen so far, and close the file."""
        self._node.destroy_timer(self._timer)
        self._pipeline.close_bins()
        self._take()
        self._thread.submit(self._node.barrier.guard(self._write))
        self._thread.shutdown()
        self._file.close()
        self._watch.close()
