"""The services on the heat: `~/reset`, `~/save`, `~/load`."""

from typing import Callable, Optional

from rclpy.node import Node
from std_srvs.srv import Trigger

from yolo_heatmap_ros.errors import SnapshotError
from yolo_heatmap_ros.pipeline import HeatmapPipeline
from yolo_heatmap_ros.ros.snapshot_keeper import SnapshotKeeper


class HeatServices:
    """The services of one node; without heat, their response says so."""

    def __init__(self, node: Node):
        """Create the services."""
        self._logger = node.get_logger()
        self._pipeline: Optional[HeatmapPipeline] = None
        self._snapshots: Optional[SnapshotKeeper] = None
        self._replaced: Callable[[], None] = lambda: None
        for name in ('reset', 'save', 'load'):
            node.create_service(Trigger, f'~/{name}', self._answering(getattr(self, f'_{name}')))

    def serve(self, pipeline: Optional[HeatmapPipeline], snapshots: Optional[SnapshotKeeper],
              replaced: Callable[[], None] = lambda: None) -> None:
        """Serve this heat from now on; None while there is none.  `replaced` follows a change."""
        self._pipeline, self._snapshots, self._replaced = pipeline, snapshots, replaced

    def resume(self) -> None:
        """Load the newest snapshot, if any; log which one, or why not."""
        try:
            self._logger.info(f'resumed from {self._snapshots.load()}')
        except SnapshotError as error:
            self._logger.warning(f'nothing is resumed: {error}')

    def _answering(self, answer: Callable[[], str]) -> Callable:
        """Return a service callback that responds with the result or error of `answer`."""
        def callback(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            try:
                if self._pipeline is None:
                    raise SnapshotError('not configured: there is no heat')
                response.message = answer()
                response.success = True
                self._logger.info(response.message)
            except SnapshotError as error:
                response.message = str(error)
                self._logger.error(response.message)
            return response
        callback.__qualname__ = answer.__qualname__  # what the log calls it
        return callback

    def _reset(self) -> str:
        kept = self._snapshots.back_up()
        self._snapshots.wait_until_drawn()
        self._pipeline.reset()
        self._snapshots.after_reset()
        self._replaced()
        return 'all heat is reset' + (f'; a backup is in {kept}' if kept else '')

    def _save(self) -> str:
        return f'saved to {self._snapshots.save()}'

    def _load(self) -> str:
        folder = self._snapshots.load()
        self._replaced()
        return f'loaded from {folder}'
