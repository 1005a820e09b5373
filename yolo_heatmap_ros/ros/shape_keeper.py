"""Keeps what was drawn on a running node for its next start: the service `~/keep_shapes`."""

from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence

from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from yolo_heatmap_ros.build_pipeline import check_names, ground_plane, parameters_of, SHAPES
from yolo_heatmap_ros.errors import ParameterError, ShapesError
from yolo_heatmap_ros.ros.barrier import GuardedNode
from yolo_heatmap_ros.ros.parameters import NodeParameters
from yolo_heatmap_ros.ros.snapshot_keeper import own_folder
from yolo_heatmap_ros.storage.drawn_shapes import DrawnShapes, read, write
from yolo_heatmap_ros.text import one_line

GROUND = ('ground.points_px', 'ground.points_m')
KEPT = (*((name,) for name in SHAPES), GROUND)
"""Which parameters are kept: those in one entry belong together."""
GROUND_PREFIX = 'ground.'


def drawn_file(node_name: str) -> Path:
    """Return where the shapes drawn on the node of this full name are."""
    return own_folder() / 'drawn' / f"{node_name.strip('/')}.yaml"


class ShapeKeeper:
    """
    Keeps the shapes of one node, and gives it back those kept before it was started.

    `summary` says in one line what became of drawn shapes, nothing if there are none.
    """

    def __init__(self, node: GuardedNode, parameters: NodeParameters):
        """Create the service, and let the shapes drawn before take effect, if there are any."""
        self.summary = ''
        self._node = node
        self._parameters = parameters
        self._name = node.get_fully_qualified_name()
        self.path = drawn_file(self._name)
        self._given = self._values()
        node.create_service(Trigger, '~/keep_shapes', self._keep)
        node.barrier.guard(self._restore)()

    def _values(self) -> Dict[str, Any]:
        """Return the present values by name, as users give them; `[]` arrives as None."""
        present = self._parameters.given()
        return {name: '' if present[name] is None else present[name]
                for names in KEPT for name in names if name in present}

    def _keep(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            write(self.path, DrawnShapes(self._name, self._given, self._values()))
        except ShapesError as error:
            response.message = str(error)
            self._node.get_logger().error(response.message)
            return response
        response.success = True
        response.message = self.summary = f"kept for the next start in '{self.path}'"
        self._node.get_logger().info(response.message)
        return response

    def _restore(self) -> None:
        try:
            kept = read(self.path)
        except FileNotFoundError:
            return
        except ShapesError as error:
            self._warn(f'drawn shapes are ignored: {error}; delete the file, or draw again')
            return
        wanted: List[Dict[str, Any]] = []
        for names in KEPT:
            drawn = {name: '' if kept.drawn[name] is None else kept.drawn[name]
                     for name in names if name in self._given and name in kept.drawn}
            if all(value == kept.given.get(name) for name, value in drawn.items()):
                continue  # nobody has drawn any
            if any(self._given[name] != kept.given.get(name) for name in drawn):
                self._warn(f"{', '.join(drawn)}: as given, not as drawn in '{self.path}', since "
                           'what is given has changed since then; delete the file, or draw again')
                continue
            wanted.append(drawn)
        restored = self._set_as_drawn(wanted)
        if restored:
            line = f"{', '.join(restored)}: as drawn, from '{self.path}'"
            self.summary = '; '.join(filter(None, (line, self.summary)))
            self._node.get_logger().info(f'{line}; delete it to use the parameters given')

    def _set_as_drawn(self, wanted: Sequence[Mapping[str, Any]]) -> List[str]:
        """Set all that can be; return the names of what has been set."""
        together = {name: value for drawn in wanted for name, value in drawn.items()}
        try:
            self._set(together)  # a name may have gone from a region to a line
            return list(together)
        except ParameterError:
            pass  # which of them it is shows each by itself
        restored: List[str] = []
        for drawn in wanted:
            try:
                self._set(drawn)
                restored += drawn
            except ParameterError as error:
                self._warn(f"{', '.join(drawn)}: as given, not as drawn in '{self.path}': {error}"
                           '; delete the file, or draw again')
        return restored

    def _set(self, values: Mapping[str, Any]) -> None:
        """Set parameters; raises ParameterError for those that do not fit the others."""
        try:
            parameters = [Parameter(name, value=value) for name, value in values.items()]
        except TypeError as error:
            raise ParameterError(one_line(error)) from error
        checked = self._parameters.configuration_with(values, (
            name for name in self._parameters.names
            if name in SHAPES or name.startswith(GROUND_PREFIX)))
        check_names(**parameters_of(checked, SHAPES))
        if GROUND[0] in checked:
            ground_plane(checked)
        result = self._node.set_parameters_atomically(parameters)
        if not result.successful:
            raise ParameterError(result.reason)

    def _warn(self, line: str) -> None:
        self.summary = '; '.join(filter(None, (self.summary, line)))
        self._node.get_logger().warning(line)
