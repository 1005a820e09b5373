"""Saves and loads snapshots of a node's heat, on request and periodically."""

from concurrent.futures import Future, ThreadPoolExecutor
import os
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Optional

import numpy as np
from rclpy.clock import Clock, ClockType

from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.errors import DamagedSnapshot, HeatError, SnapshotError
from yolo_heatmap_ros.heat.accumulator import HeatState
from yolo_heatmap_ros.pipeline import HeatmapPipeline
from yolo_heatmap_ros.ros.barrier import GuardedNode
from yolo_heatmap_ros.storage.snapshots import newest, read, Snapshot, write

NO_HEAT = 'there is no heat yet: no image has arrived'
"""Why nothing is saved before the first image."""
LOG_PERIOD = 60.0
"""Seconds between log lines about failed autosaves."""


def snapshot_folder(given: str, node_name: str) -> Path:
    """Return the snapshot folder for this value of `snapshot_dir` and this full node name."""
    if given:
        return Path(os.path.expanduser(given))
    return own_folder() / node_name.strip('/')


def own_folder() -> Path:
    """Return where this package keeps the files of nodes: in ROS_HOME, or else in ~/.ros."""
    return Path(os.environ.get('ROS_HOME') or Path.home() / '.ros') / 'yolo_heatmap_ros'


class SnapshotKeeper:
    """
    Saves and loads the heat of one pipeline.

    The calling thread copies the heat; a writer thread compresses and writes it.
    `wait_until_drawn` is called before the heat is copied or replaced.
    """

    def __init__(self, node: GuardedNode, pipeline: HeatmapPipeline, configuration: Configuration,
                 parameters: Callable[[], Dict[str, Any]],
                 wait_until_drawn: Callable[[], None]):
        """Start autosaving if configured; `parameters` returns what is saved beside the heat."""
        self.configuration = configuration
        self._node = node
        self._pipeline = pipeline
        self._parameters = parameters
        self.wait_until_drawn = wait_until_drawn
        self._camera = node.get_fully_qualified_name()
        self.folder = snapshot_folder(configuration['snapshot_dir'], self._camera)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix='snapshots')
        self._autosave: Optional[Future] = None
        self._timer = None
        if configuration['autosave_period']:
            self._timer = node.create_timer(configuration['autosave_period'], self.save_soon,
                                            clock=Clock(clock_type=ClockType.STEADY_TIME))

    def save(self, backup: bool = False) -> Path:
        """Write a snapshot and return its folder; raises SnapshotError."""
        return self._begin(backup).result()

    def back_up(self) -> Optional[Path]:
        """Write a backup before a reset, if `reset_keeps_copy` is set, and return its folder."""
        if self.configuration['reset_keeps_copy'] and self._pipeline.has_heat:
            return self.save(backup=True)
        return None

    def after_reset(self) -> None:
        """Save the reset heat, so that a crash does not restore the old heat."""
        # Also if an autosave is in progress: that one is of the old heat.
        if self.configuration['autosave_period']:
            self._save_in_background()

    def _begin(self, backup: bool = False) -> Future:
        if not self._pipeline.has_heat:
            raise SnapshotError(NO_HEAT)
        self.wait_until_drawn()
        return self._write(self._pipeline.state(), self._pipeline.last_pictures(), backup)

    def _write(self, state: HeatState, pictures: Mapping[str, np.ndarray],
               backup: bool) -> Future:
        return self._writer.submit(
            write, self.folder, Snapshot(state, self._parameters(), self._camera), pictures,
            self.configuration['snapshot_keep'], backup)

    def save_soon(self) -> None:
        """Write a snapshot in the background; failures are logged."""
        # Copies of the heat must not pile up if the disk is slower than the period.
        if self._autosave is None or self._autosave.done():
            self._save_in_background()

    def _save_in_background(self) -> None:
        if self._pipeline.has_heat:
            self._autosave = self._begin()
            self._autosave.add_done_callback(self._node.barrier.guard(self._report))

    def _report(self, autosave: Future) -> None:
        try:
            autosave.result()
        except SnapshotError as error:
            if self._node.context.ok():
                self._node.get_logger().error(f'autosave: {error}',
                                              throttle_duration_sec=LOG_PERIOD)

    def load(self) -> Path:
        """
        Replace the heat by the newest intact snapshot; return its folder.

        Raises SnapshotError, and leaves the heat unchanged, if there is none or it does not fit.
        """
        for folder in newest(self.folder, self._camera):
            try:
                snapshot = read(folder)
            except DamagedSnapshot as error:
                self._node.get_logger().warning(f'{folder}: {error}; trying the previous one')
                continue
            except SnapshotError as error:
                raise SnapshotError(f'{folder} is refused: {error}') from error
            self.wait_until_drawn()
            try:
                self._pipeline.restore(snapshot.state)
            except HeatError as error:
                raise SnapshotError(f'{folder} is refused: {error}') from error
            return folder
        raise SnapshotError(f'there is no snapshot in {self.folder} of {self._camera}')

    def close(self) -> None:
        """Save a last time if autosaving, and wait until everything is written."""
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
            report = self._node.barrier.guard(self._report)
            # Other resolutions are saved as backups: `resume` loads that of the last frame.
            for state in self._pipeline.other_states():
                report(self._write(state, {}, backup=True))
            if self._pipeline.has_heat:
                report(self._begin())
        self._writer.shutdown()
