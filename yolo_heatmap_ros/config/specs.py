"""Parameter specifications, declared once for nodes, commands and `--help`."""

from dataclasses import dataclass
import math
from typing import Any, Callable, List, Optional, Tuple, Type

from yolo_heatmap_ros.errors import ParameterError
from yolo_heatmap_ros.text import one_line, OWN_LENGTH, StrEnum


class Settable(StrEnum):
    """When a parameter can be set."""

    ANY_TIME = 'any time'
    UNCONFIGURED = 'while unconfigured'
    AT_START = 'at start'


@dataclass(frozen=True)
class ParameterSpec:
    """
    A parameter of a node, or an option of a command.

    `check` converts the value given by the user to the one that the code uses.  It raises
    ValueError with a reason that completes a sentence starting with the parameter's name.
    `canonical` rewrites a value in the form that survives `ros2 param dump` and `load`.
    """

    name: str
    default: Any
    description: str
    check: Callable[[Any], Any]
    settable: Settable = Settable.ANY_TIME
    limits: Optional[Tuple[float, float]] = None
    canonical: Callable[[Any], Any] = lambda value: value

    def checked(self, value: Any) -> Any:
        """Return the converted value; raises ParameterError for an invalid one."""
        try:
            return self.check(value)
        except (ValueError, TypeError, OverflowError) as error:
            reason = one_line(error, OWN_LENGTH)
            raise ParameterError(f"parameter '{self.name}': {reason}") from error


def number(name: str, default: float, description: str, low: float, high: float,
           settable: Settable = Settable.ANY_TIME, off: Optional[float] = None) -> ParameterSpec:
    """
    Return the specification of a number in [low, high]; an integer if its default is one.

    `off` is one more value, below `low`.
    """
    whole = isinstance(default, int)

    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not (
                low <= value <= high or value == off) or (whole and value != int(value)):
            kind = 'a whole number' if whole else 'a number'
            other = '' if off is None else f'{off} or '
            raise ValueError(f'{value!r} is not {other}{kind} from {low} to {high}')
        return int(value) if whole else float(value)
    limits = (low if off is None else off, high)
    return ParameterSpec(name, default, description, check, settable, limits)


def switch(name: str, default: bool, description: str,
           settable: Settable = Settable.ANY_TIME) -> ParameterSpec:
    """Return the specification of a boolean."""
    def check(value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValueError(f'{value!r} is neither true nor false')
        return value
    return ParameterSpec(name, default, description, check, settable)


def choice(name: str, choices: Type[StrEnum], description: str,
           settable: Settable = Settable.ANY_TIME) -> ParameterSpec:
    """Return the specification of an enum parameter; the enum's first member is the default."""
    words = ', '.join(choices)

    def check(value: Any) -> StrEnum:
        try:
            return choices(value)
        except ValueError as error:
            raise ValueError(f'{value!r} is not one of {words}') from error
    return ParameterSpec(name, str(next(iter(choices))), f'{description} One of: {words}.', check,
                         settable)


def as_text(value: Any) -> str:
    """Accept text, and integers as text: a device, a camera or a file may be called `0`."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError(f'{value!r} is not text')
    return str(value).strip()


def filled_text(value: Any) -> str:
    """Accept non-empty text."""
    text = as_text(value)
    if not text:
        raise ValueError('must not be empty')
    return text


def as_numbers(value: Any) -> List[float]:
    """Accept a list of numbers, nested or as text; None is an empty list."""
    if isinstance(value, str):
        value = value.replace('[', ' ').replace(']', ' ').replace(',', ' ').split()
    try:
        numbers = [float(entry) for entry in (() if value is None else value)]
    except (TypeError, ValueError):
        numbers = [math.nan]
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f'{value!r} is not a list of numbers')
    return numbers


def value_range(value: Any) -> List[float]:
    """Accept the lowest and the highest of a range of values, or nothing."""
    numbers = as_numbers(value)
    if numbers and (len(numbers) != 2 or numbers[0] >= numbers[1]):
        raise ValueError(f"{value!r} is not of the form '[lowest, highest]'")
    return numbers
