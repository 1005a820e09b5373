"""The lifecycle node `yolo_floor`: several cameras' objects in, heat on their floor out."""

import sys
from typing import Any, Callable, Dict, List, Optional

from yolo_heatmap_ros.build_floor import floor_configuration, in_picture, map_picture
from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.config.floor import FLOOR_PARAMETERS
from yolo_heatmap_ros.errors import ParameterError
from yolo_heatmap_ros.nodes.heatmap_node import HeatmapNode, work
from yolo_heatmap_ros.ros.executable import run_node
from yolo_heatmap_ros.ros.messages.detections import DetectionReader
from yolo_heatmap_ros.ros.positions_input import PositionsInput
from yolo_heatmap_ros.ros.positions_publisher import PositionsPublisher

MAX_OBJECTS = 10_000
"""Objects at once, at most."""


class FloorNode(HeatmapNode):
    """
    Fuses what heatmap nodes see on one floor, and accumulates where those objects are.

    The floor from above is its picture: all that heatmap nodes make of pictures follows.
    """

    NAME = 'yolo_floor'
    PARAMETERS = FLOOR_PARAMETERS

    def _read_configuration(self) -> Configuration:
        given = self._node_parameters.configuration()
        names = [self.resolve_topic_name(name) for name in given['heatmap_nodes']]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ParameterError(f"parameter 'heatmap_nodes': has '{twice[0]}' twice, in full and "
                                 'without its namespace')
        return floor_configuration(given)

    def _make_input(self) -> PositionsInput:
        return PositionsInput(self, self._configuration, self._pipeline, self._diagnostics,
                              self._advice, self._process)

    def _make_views(self) -> None:
        """Return nothing yet: the input knows what cameras see."""

    def _make_positions(self) -> PositionsPublisher:
        self._views = self._input
        self._pipeline.from_above = True
        return PositionsPublisher(self, self._input, self._configuration, view=False)

    def _make_detections(self) -> None:
        """Make none: its objects have no boxes in any camera's picture."""

    def _warn(self, line: str) -> None:
        height, width = map_picture(self._configuration).shape
        super()._warn(line.replace(f'the picture of {width} x {height} pixels', 'ground.extent'))

    def _detector_maker(self) -> Callable[..., DetectionReader]:
        return _fused_objects

    def _change(self, changes: Dict[str, Any]) -> None:
        if self._pipeline is not None:
            super()._change(in_picture(changes, map_picture(self._configuration)))

    def _facts(self) -> Dict[str, str]:
        facts = super()._facts()
        if self._input is not None:
            facts.update(topic=', '.join(self._input.topics), **self._input.facts())
        return facts


def _fused_objects(classes=(), **model: Any) -> DetectionReader:
    """Return a detector's stand-in, which knows the classes of the fused objects by name."""
    reader = DetectionReader(0.0, MAX_OBJECTS, classes)
    reader.task = reader.device_name = reader.backend = 'fusion of cameras'
    return reader


def main(args: Optional[List[str]] = None) -> int:
    """Run the node until it is told to end; return the exit code."""
    return run_node(FloorNode, work, args, __doc__, FLOOR_PARAMETERS)


if __name__ == '__main__':
    sys.exit(main())
