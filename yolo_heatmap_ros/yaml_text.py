"""YAML of users and of files."""

from typing import Any

import yaml

from yolo_heatmap_ros.text import one_line

MAX_VALUES = 100_000
"""Values in one text, at most; an alias counts as often as what it stands for."""


def load_yaml(text: str) -> Any:
    """
    Return what YAML holds.

    Raises ValueError with a one-line reason that continues a sentence naming the source.
    """
    try:
        content = yaml.safe_load(text)
    # PyYAML also leaks errors from the constructors it calls, as for '!!bool x' and '!!int'.
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError) as error:
        raise ValueError(f'is not YAML ({one_line(error)})') from error
    _check_size(content)
    return content


def _check_size(content: Any) -> None:
    """Raise ValueError if aliases make much of little, or contain themselves."""
    left, count = [content], 0
    while left:
        value = left.pop()
        count += 1
        if isinstance(value, dict):
            left.extend(value.values())
        elif isinstance(value, (list, tuple)):
            left.extend(value)
        if count + len(left) > MAX_VALUES:
            raise ValueError(f'has more than {MAX_VALUES} values: YAML aliases multiply what they '
                             'stand for')
