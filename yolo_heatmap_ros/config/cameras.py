"""A list of cameras from a YAML file, for several heatmap nodes."""

from dataclasses import dataclass, field
import os
from pathlib import Path
import re
from typing import Any, Callable, Dict, List

from yolo_heatmap_ros.errors import CamerasError
from yolo_heatmap_ros.text import one_line
from yolo_heatmap_ros.yaml_text import load_yaml

_NAME = re.compile(r'[A-Za-z][A-Za-z0-9_]*(/[A-Za-z][A-Za-z0-9_]*)*')
_KEYS = {'name', 'image', 'parameters'}


@dataclass(frozen=True)
class Camera:
    """
    One camera: `name` is the namespace of its heatmap node, `image` its topic.

    `parameters` are those of the node, flat, by name.
    """

    name: str
    image: str
    parameters: Dict[str, Any] = field(default_factory=dict)


def flat(parameters: Dict[str, Any], prefix: str = '') -> Dict[str, Any]:
    """Flatten nested parameters to dotted names, as in ROS."""
    result = {}
    for name, value in parameters.items():
        if isinstance(value, dict):
            result.update(flat(value, f'{prefix}{name}.'))
        else:
            result[f'{prefix}{name}'] = value
    return result


def read_cameras(path: str, refuse: Callable[[str], None]) -> List[Camera]:
    """
    Read a file of the form `{parameters: {…}, cameras: [{name: …, image: …, parameters: {…}}]}`.

    The top-level parameters apply to all cameras.  `refuse` is called with a line about each entry
    that cannot be used; the others are returned.  Raises CamerasError if none is left.
    """
    try:
        content = load_yaml(Path(os.path.expanduser(path)).read_text())
    except (OSError, ValueError) as error:
        raise CamerasError(f"cameras '{path}': cannot be read ({one_line(error)})") from error
    if not isinstance(content, dict) or not isinstance(content.get('cameras'), list):
        raise CamerasError(f"cameras '{path}': has no list 'cameras'")
    common = content.get('parameters') or {}
    if not isinstance(common, dict):
        raise CamerasError(f"cameras '{path}': 'parameters' is not of the form {{name: value}}")
    cameras: Dict[str, Camera] = {}
    for number, entry in enumerate(content['cameras'], 1):
        reason = _reason(entry, cameras)
        if reason:
            refuse(f"cameras '{path}': camera {number} {reason}; the others are started")
            continue
        parameters = {**flat(common), **flat(entry.get('parameters') or {})}
        cameras[entry['name']] = Camera(entry['name'], entry['image'], parameters)
    if not cameras:
        raise CamerasError(f"cameras '{path}': no camera is left to start")
    return list(cameras.values())


def _reason(entry: Any, known: Dict[str, Camera]) -> str:
    """Return why an entry is invalid, or an empty string."""
    if not isinstance(entry, dict):
        return 'is not of the form {name: …, image: …}'
    unknown = ', '.join(sorted(map(str, entry.keys() - _KEYS)))
    if unknown:
        return f"has the unknown key '{unknown}': known are {', '.join(sorted(_KEYS))}"
    name, image = entry.get('name'), entry.get('image')
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return f'has the name {name!r}: it must be a namespace of letters, digits and _'
    if name in known:
        return f"has the name '{name}', which is already taken"
    if not isinstance(image, str) or not image.strip():
        return f"('{name}') has no topic 'image'"
    if not isinstance(entry.get('parameters') or {}, dict):
        return f"('{name}') has parameters that are not of the form {{name: value}}"
    return ''
