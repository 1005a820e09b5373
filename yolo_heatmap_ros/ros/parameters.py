"""Node parameters: declared from their specifications, and checked whenever they are set."""

from typing import Any, Callable, Collection, Dict, Iterable, List, Mapping, Sequence

from rcl_interfaces.msg import (
    FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult)
from rclpy.node import Node
from rclpy.parameter import Parameter

from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.config.specs import ParameterSpec, Settable
from yolo_heatmap_ros.errors import HeatmapError, ParameterError
from yolo_heatmap_ros.text import one_line, OWN_LENGTH


def descriptor_of(spec: ParameterSpec) -> ParameterDescriptor:
    """Return the descriptor that `ros2 param describe` and rqt_reconfigure show."""
    # YAML decides the type of a value, as in `device:=0`, `alpha:=1`.
    descriptor = ParameterDescriptor(
        name=spec.name, description=spec.description, dynamic_typing=True)
    if spec.settable != Settable.ANY_TIME:
        descriptor.additional_constraints = f'can be set {spec.settable}'
    if spec.limits is not None and isinstance(spec.default, float):
        low, high = map(float, spec.limits)
        descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    elif spec.limits is not None:
        low, high = map(int, spec.limits)
        descriptor.integer_range = [IntegerRange(from_value=low, to_value=high, step=1)]
    return descriptor


class NodeParameters:
    """The declared parameters of one node."""

    def __init__(self, node: Node, specs: Sequence[ParameterSpec],
                 change: Callable[[Dict[str, Any]], None],
                 configured: Callable[[], bool] = lambda: True):
        """
        Declare the parameters that `specs` describe.

        `change` is called with checked values by name before they take effect; it may refuse them
        with HeatmapError.  While `configured` returns true, parameters that can be set only on an
        unconfigured node are locked.
        """
        self._node = node
        self._specs = {spec.name: spec for spec in specs}
        self._change = change
        self._configured = configured
        for spec in specs:
            node.declare_parameter(spec.name, spec.default, descriptor_of(spec))
        # Not in every distribution of ROS.
        if hasattr(node, 'add_pre_set_parameters_callback'):
            node.add_pre_set_parameters_callback(self._rewritten)
        given = [node.get_parameter(spec.name) for spec in specs]
        node.set_parameters([new for new, old in zip(self._rewritten(given), given)
                             if new is not old])
        # Registered last: `configuration` checks the values given at startup, and can be called
        # again after they have been corrected.
        node.add_on_set_parameters_callback(self._on_set)

    def _rewritten(self, parameters: List[Parameter]) -> List[Parameter]:
        """Return parameters with the values that need it in their canonical form."""
        rewritten = []
        for parameter in parameters:
            spec = self._specs.get(parameter.name)
            value = parameter.value if spec is None else spec.canonical(parameter.value)
            rewritten.append(parameter if value is parameter.value
                             else Parameter(parameter.name, value=value))
        return rewritten

    def value(self, name: str) -> Any:
        """Return one value; raises ParameterError if it is invalid."""
        return self._specs[name].checked(self._node.get_parameter(name).value)

    def configuration(self) -> Configuration:
        """Return all values; raises ParameterError for the first invalid one."""
        return Configuration({name: self.value(name) for name in self._specs})

    @property
    def names(self) -> Collection[str]:
        """Return the names of all parameters."""
        return self._specs.keys()

    def configuration_with(self, values: Mapping[str, Any],
                           names: Iterable[str]) -> Configuration:
        """Return some parameters, with other `values`; raises ParameterError, as above."""
        return Configuration({
            name: self._specs[name].checked(values[name]) if name in values else self.value(name)
            for name in names})

    def given(self) -> Dict[str, Any]:
        """Return all values by name as the user gave them, in types that YAML can write."""
        values = {name: self._node.get_parameter(name).value for name in self._specs}
        return {name: list(value) if isinstance(value, Sequence) and not isinstance(value, str)
                else value for name, value in values.items()}

    def _on_set(self, parameters: List[Parameter]) -> SetParametersResult:
        changes = {}
        try:
            for parameter in parameters:
                spec = self._specs.get(parameter.name)
                if spec is None:
                    continue
                checked = spec.checked(parameter.value)
                if self._locked(spec):
                    # `ros2 param load` sets all that `dump` has written.
                    if checked == self.value(spec.name):
                        continue
                    raise ParameterError(
                        f"parameter '{spec.name}' can be set only at the start of the node"
                        if spec.settable == Settable.AT_START else
                        f"parameter '{spec.name}' can be set only while the node is "
                        'unconfigured: deactivate and clean it up first')
                changes[spec.name] = checked
            if changes:
                self._change(changes)
        except HeatmapError as error:
            return SetParametersResult(successful=False, reason=one_line(error, OWN_LENGTH))
        return SetParametersResult(successful=True)

    def _locked(self, spec: ParameterSpec) -> bool:
        return spec.settable == Settable.AT_START or (
            spec.settable == Settable.UNCONFIGURED and self._configured())
