"""YAML of users and of files."""

from typing import Any

import yaml

from yolo_heatmap_ros.text import one_line


def load_yaml(text: str) -> Any:
    """Return what YAML holds; raises ValueError, one line that reads on after what it is of."""
    try:
        return yaml.safe_load(text)
    # Beside its own errors PyYAML lets out those of what it calls, as for '!!bool x' and '!!int'.
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError) as error:
        raise ValueError(f'is not YAML ({one_line(error)})') from error
