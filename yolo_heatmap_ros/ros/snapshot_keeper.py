"""When the node writes and reads snapshots of its heat."""

from concurrent.futures import Future, ThreadPoolExecutor
import os
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Optional

import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from yolo_heatmap_ros.heat.accumulation import HeatAccumulator
from yolo_heatmap_ros.pipeline import HeatmapPipeline
from yolo_heatmap_ros.storage.snapshots import (
    DamagedSnapshot, newest, read, Snapshot, SnapshotError, write)

LOG_PERIOD = 60.0
"""Seconds between log lines on autosaves that fail."""


def snapshot_folder(given: str, node_name: str) -> Path:
    """Return the folder for the snapshots of a node, by its parameter and its full name."""
    if given:
        return Path(os.path.expanduser(given))
    home = Path(os.environ.get('ROS_HOME') or Path.home() / '.ros')
    return home / 'yolo_heatmap_ros' / node_name.strip('/')


class SnapshotKeeper:
    """
    Saves and loads the heat of one pipeline.

    The heat is copied by the thread that calls, and compressed and written in another.
    `wait_until_drawn` is called before the heat is touched.
    """

    def __init__(self, node: Node, pipeline: HeatmapPipeline, values: Mapping[str, Any],
                 parameters: Callable[[], Dict[str, Any]],
                 wait_until_drawn: Callable[[], None]):
        """
        Take the node's `values`, which may change.

        `parameters` returns what is written beside the heat.
        """
        self._node = node
        self._pipeline = pipeline
        self._parameters = parameters
        self._values = values
        self.wait_until_drawn = wait_until_drawn
        self.folder = snapshot_folder(values['snapshot_dir'], node.get_fully_qualified_name())
        self._writer = ThreadPoolExecutor(1, thread_name_prefix='snapshots')
        self._autosave: Optional[Future] = None
        self._timer = None
        if values['autosave_period']:
            self._timer = node.create_timer(values['autosave_period'], self.save_soon,
                                            clock=Clock(clock_type=ClockType.STEADY_TIME))

    def save(self, aside: bool = False) -> Path:
        """Write a snapshot and return its folder; raises SnapshotError."""
        return self._begin(aside).result()

    def put_aside(self) -> Optional[Path]:
        """Keep a copy before a reset, where that is wanted, and return its folder."""
        if self._values['reset_keeps_copy'] and self._pipeline.accumulator is not None:
            return self.save(aside=True)
        return None

    def after_reset(self) -> None:
        """See to it that a crash does not bring back what was reset."""
        if self._values['autosave_period']:
            self.save_soon()

    def _begin(self, aside: bool = False) -> Future:
        if self._pipeline.accumulator is None:
            raise SnapshotError('there is no heat yet: no image has arrived')
        self.wait_until_drawn()
        return self._write(self._pipeline.accumulator, self._pipeline.last_pictures(), aside)

    def _write(self, accumulator: HeatAccumulator, pictures: Mapping[str, np.ndarray],
               aside: bool) -> Future:
        return self._writer.submit(
            write, self.folder, Snapshot.of(accumulator, self._parameters()), pictures,
            self._values['snapshot_keep'], aside)

    def save_soon(self) -> None:
        """Write a snapshot while the node goes on; what fails is logged."""
        # A disk that is slower than the period must not pile up copies of the heat.
        if self._pipeline.accumulator is not None and (
                self._autosave is None or self._autosave.done()):
            self._autosave = self._begin()
            self._autosave.add_done_callback(self._report)

    def _report(self, autosave: Future) -> None:
        try:
            autosave.result()
        except SnapshotError as error:
            if self._node.context.ok():
                self._node.get_logger().error(f'autosave: {error}',
                                              throttle_duration_sec=LOG_PERIOD)

    def load(self) -> Path:
        """
        Replace the heat by the newest snapshot that is whole; return its folder.

        Raises SnapshotError where there is none, or it does not fit: then the heat stays.
        """
        for folder in newest(self.folder):
            try:
                snapshot = read(folder)
            except DamagedSnapshot as error:
                self._node.get_logger().warning(f'{folder}: {error}; trying the one before')
                continue
            except SnapshotError as error:
                raise SnapshotError(f'{folder} is refused: {error}') from error
            self._restore(snapshot, folder)
            return folder
        raise SnapshotError(f'there is no snapshot in {self.folder}')

    def _restore(self, snapshot: Snapshot, folder: Path) -> None:
        self.wait_until_drawn()
        target = self._pipeline.accumulator
        if target is None:
            target = HeatAccumulator(*snapshot.heat.shape, self._pipeline.options)
        try:
            snapshot.restore(target)
        except SnapshotError as error:
            raise SnapshotError(f'{folder} is refused: {error}') from error
        target.show_classes(self._pipeline.tracker.classes)
        self._pipeline.accumulator = target

    def close(self) -> None:
        """Save once more where that is done by itself, and wait for all that is being written."""
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
            # Of other resolutions too, but what is resumed is that of the last frame.
            for other in self._pipeline.accumulators[1:]:
                self._report(self._write(other, {}, aside=True))
            if self._pipeline.accumulator is not None:
                self._report(self._begin())
        self._writer.shutdown()
