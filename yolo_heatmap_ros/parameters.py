"""Parameters of a node: declared once, with description, range and check."""

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from rcl_interfaces.msg import (
    FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult)
from rclpy.node import Node
from rclpy.parameter import Parameter

ANY_TIME = 'any time'
UNCONFIGURED = 'while unconfigured'
START = 'at start'


class ParameterError(ValueError):
    """A parameter with a value that cannot be used; one line that names both."""


@dataclass(frozen=True)
class Setting:
    """
    One parameter of a node.

    `check` takes what the user gave and returns the value that the node works with; it raises
    ValueError with a reason that reads on after the parameter's name and value.
    """

    name: str
    default: Any
    description: str
    check: Callable[[Any], Any]
    changes: str = ANY_TIME
    limits: Optional[Tuple[float, float]] = None

    def descriptor(self) -> ParameterDescriptor:
        """Return the descriptor that `ros2 param describe` and rqt_reconfigure show."""
        # Numbers and lists arrive in the type that YAML sees in them: `device:=0`, `alpha:=1`.
        descriptor = ParameterDescriptor(
            name=self.name, description=self.description, dynamic_typing=True,
            read_only=self.changes == START)
        if self.changes != ANY_TIME:
            descriptor.additional_constraints = f'can be set {self.changes}'
        if self.limits is not None and isinstance(self.default, float):
            low, high = map(float, self.limits)
            descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
        elif self.limits is not None:
            low, high = map(int, self.limits)
            descriptor.integer_range = [IntegerRange(from_value=low, to_value=high, step=1)]
        return descriptor

    def checked(self, value: Any) -> Any:
        """Return the value to work with; raises ParameterError for one that cannot be used."""
        try:
            return self.check(value)
        except ValueError as error:
            raise ParameterError(f"parameter '{self.name}': {error}") from error


def number(name, default, description, low, high, changes=ANY_TIME) -> Setting:
    """Return the setting of a number within bounds, a whole one where its default is one."""
    whole = isinstance(default, int)

    def check(value):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or (
                whole and value != int(value)) or not low <= value <= high:
            kind = 'a whole number' if whole else 'a number'
            raise ValueError(f'{value!r} is not {kind} from {low} to {high}')
        return int(value) if whole else float(value)
    return Setting(name, default, description, check, changes, (low, high))


def switch(name, default, description, changes=ANY_TIME) -> Setting:
    """Return the setting of a yes or no."""
    def check(value):
        if not isinstance(value, bool):
            raise ValueError(f'{value!r} is neither true nor false')
        return value
    return Setting(name, default, description, check, changes)


def choice(name, choices, description, changes=ANY_TIME) -> Setting:
    """Return the setting of one word out of `choices`, whose first is the default."""
    def check(value):
        if value not in choices:
            raise ValueError(f"{value!r} is not one of {', '.join(choices)}")
        return value
    return Setting(name, choices[0], f"{description} One of: {', '.join(choices)}.", check,
                   changes)


def as_text(value: Any) -> str:
    """Take numbers as text too: a device, a camera or a file may be called `0`."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError(f'{value!r} is not text')
    return str(value).strip()


def filled_text(value: Any) -> str:
    """Take text that is not empty."""
    text = as_text(value)
    if not text:
        raise ValueError('is empty')
    return text


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
            node.declare_parameter(setting.name, setting.default, setting.descriptor())
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
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)
