"""The parameters of one node, in ROS."""

from typing import Any, Callable, Dict, List, Sequence

from rcl_interfaces.msg import (
    FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult)
from rclpy.node import Node
from rclpy.parameter import Parameter

from yolo_heatmap_ros.config.specs import ANY_TIME, ParameterError, Setting, START, UNCONFIGURED
from yolo_heatmap_ros.errors import one_line, OWN_LENGTH


def descriptor_of(setting: Setting) -> ParameterDescriptor:
    """Return the descriptor that `ros2 param describe` and rqt_reconfigure show."""
    # Numbers and lists arrive in the type that YAML sees in them: `device:=0`, `alpha:=1`.
    descriptor = ParameterDescriptor(
        name=setting.name, description=setting.description, dynamic_typing=True,
        read_only=setting.changes == START)
    if setting.changes != ANY_TIME:
        descriptor.additional_constraints = f'can be set {setting.changes}'
    if setting.limits is not None and isinstance(setting.default, float):
        low, high = map(float, setting.limits)
        descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    elif setting.limits is not None:
        low, high = map(int, setting.limits)
        descriptor.integer_range = [IntegerRange(from_value=low, to_value=high, step=1)]
    return descriptor


class Parameters:
    """The parameters of one node: declared, and checked whenever they are set."""

    def __init__(self, node: Node, settings: Sequence[Setting],
                 change: Callable[[Dict[str, Any]], None],
                 configured: Callable[[], bool] = lambda: True):
        """
        Declare `settings`.

        `change` gets new values, by name, before they are taken; it may refuse them with
        ValueError.  `configured` tells whether settings for the unconfigured node are locked.
        """
        self._node = node
        self._settings = {setting.name: setting for setting in settings}
        self._change = change
        self._configured = configured
        for setting in settings:
            node.declare_parameter(setting.name, setting.default, descriptor_of(setting))
        # Only from now on: values given at start are judged by `values()`, which can be retried.
        node.add_on_set_parameters_callback(self._on_set)

    def value(self, name: str) -> Any:
        """Return one value; raises ParameterError where it cannot be used."""
        return self._settings[name].checked(self._node.get_parameter(name).value)

    def values(self) -> Dict[str, Any]:
        """Return all values by name; raises ParameterError for the first that cannot be used."""
        return {name: self.value(name) for name in self._settings}

    def given(self) -> Dict[str, Any]:
        """Return all values by name as they were given, in types that YAML knows."""
        values = {name: self._node.get_parameter(name).value for name in self._settings}
        return {name: list(value) if isinstance(value, Sequence) and not isinstance(value, str)
                else value for name, value in values.items()}

    def _on_set(self, parameters: List[Parameter]) -> SetParametersResult:
        changes = {}
        try:
            for parameter in parameters:
                setting = self._settings.get(parameter.name)
                if setting is None:
                    continue
                if setting.changes == UNCONFIGURED and self._configured():
                    raise ParameterError(
                        f"parameter '{setting.name}' can be set only while the node is "
                        'unconfigured: deactivate and clean it up first')
                changes[setting.name] = setting.checked(parameter.value)
            if changes:
                self._change(changes)
        except ValueError as error:
            return SetParametersResult(successful=False, reason=one_line(error, OWN_LENGTH))
        return SetParametersResult(successful=True)
