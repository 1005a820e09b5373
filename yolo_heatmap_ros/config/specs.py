"""What a parameter or option is: declared once, with description, range and check."""

from dataclasses import dataclass
from typing import Any, Callable, Optional, Tuple

from yolo_heatmap_ros.errors import one_line, OWN_LENGTH

ANY_TIME = 'any time'
UNCONFIGURED = 'while unconfigured'
START = 'at start'


class ParameterError(ValueError):
    """A parameter with a value that cannot be used; one line that names both."""


@dataclass(frozen=True)
class Setting:
    """
    One parameter of a node, or option of a command.

    `check` takes what the user gave and returns the value that the node works with; it raises
    ValueError with a reason that reads on after the parameter's name and value.
    """

    name: str
    default: Any
    description: str
    check: Callable[[Any], Any]
    changes: str = ANY_TIME
    limits: Optional[Tuple[float, float]] = None

    def checked(self, value: Any) -> Any:
        """Return the value to work with; raises ParameterError for one that cannot be used."""
        try:
            return self.check(value)
        except ValueError as error:
            reason = one_line(error, OWN_LENGTH)
            raise ParameterError(f"parameter '{self.name}': {reason}") from error


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
