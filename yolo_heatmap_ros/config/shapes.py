"""Named polygons and lines from YAML written by users."""

from typing import Any, Dict

import numpy as np
import yaml

from yolo_heatmap_ros.yaml_text import load_yaml

MAX_PX = 1e5
"""Largest coordinate of a point, in px or, of a floor, in m."""
MAX_POINTS = 1000
"""Points of a polygon or a line, at most."""


def parse_polygons(text: str, kind: str = 'region') -> Dict[str, np.ndarray]:
    """
    Read polygons from YAML, such as `[door: [[0.1, 0.2], [0.4, 0.2], [0.4, 0.9]]]`.

    That is a list, which `ros2 param` leaves as it is; a mapping, in braces, means the same.
    Returns (N, 2) float32 x y by name: in px, or in fractions of width and height if no
    coordinate of the polygon is above 1.  Raises ValueError, one line, for anything else; `kind`
    is what that line calls a polygon.
    """
    return {name: _polygon(f"{kind} '{name}'", points)
            for name, points in _named(text, kind, '[x, y], [x, y], [x, y]').items()}


def parse_lines(text: str) -> Dict[str, np.ndarray]:
    """
    Read polylines from YAML, such as `[gate: [[0.1, 0.2], [0.4, 0.2]]]`.

    As `parse_polygons`; two points are enough.
    """
    return {name: _line(name, points)
            for name, points in _named(text, 'line', '[x, y], [x, y]').items()}


def _named(text: str, kind: str, form: str) -> Dict[str, Any]:
    """Return what YAML holds by name; `kind` and `form` are for the error's sentence."""
    content = load_yaml(text)
    if not content:
        return {}
    parts = content if isinstance(content, list) else [content]
    if not all(isinstance(part, dict) for part in parts):
        raise ValueError(f"is not of the form '[name: [{form}], …]'")
    named: Dict[str, Any] = {}
    for name, points in (pair for part in parts for pair in part.items()):
        if str(name) in named:
            raise ValueError(f"has two {kind}s called '{name}'")
        named[str(name)] = points
    return named


def as_list(text: Any) -> Any:
    """
    Return shapes that are written as a mapping as a list, and anything else unchanged.

    `ros2 param` takes text that YAML reads as a mapping for one, and ends with a traceback.
    """
    if not isinstance(text, str):
        return text
    try:
        content = load_yaml(text)
        if not isinstance(content, dict) or not content:
            return text
        return yaml.safe_dump([{name: points} for name, points in content.items()],
                              default_flow_style=True, width=float('inf'),
                              allow_unicode=True).strip()
    except (ValueError, RecursionError, yaml.YAMLError):  # the check says what is wrong
        return text


def _polygon(what: str, points: Any) -> np.ndarray:
    polygon = _points(what, points, 3, 'three')
    if _crosses_itself(polygon):
        raise ValueError(f'{what} has sides that cross each other: give its corners in the order '
                         'in which they lie around it')
    if _area(polygon) == 0.0:
        raise ValueError(f'{what} has no area: its points lie on one line')
    return polygon


def _line(name: str, points: Any) -> np.ndarray:
    line = _points(f"line '{name}'", points, 2, 'two')
    line = line[np.r_[True, (np.diff(line, axis=0) != 0.0).any(axis=1)]]
    if len(line) < 2:
        raise ValueError(f"line '{name}' has no length: its points are one")
    return line


def _points(what: str, points: Any, least: int, least_in_words: str) -> np.ndarray:
    """Return points, (N, 2) float32 x y."""
    try:
        array = np.array(points, np.float64)
    except (TypeError, ValueError):
        array = np.empty(0)
    if array.ndim != 2 or array.shape[1] != 2 or len(array) < least:
        raise ValueError(f'{what} is not a list of {least_in_words} or more points [x, y]')
    if not np.isfinite(array).all() or np.abs(array).max() > MAX_PX:
        raise ValueError(f'{what} has a coordinate that is not finite or beyond {MAX_PX:.0f}')
    if len(array) > MAX_POINTS:
        raise ValueError(f'{what} has {len(array)} points, more than {MAX_POINTS}')
    return array.astype(np.float32)


def _crosses_itself(polygon: np.ndarray) -> bool:
    """Return whether two sides of a polygon, (N, 2), cross; those that touch do not."""
    begin = polygon.astype(np.float64)
    end = np.roll(begin, -1, axis=0)

    def side(points: np.ndarray) -> np.ndarray:
        """Return on which side of each polygon side each point lies, (N, N) of -1, 0 or 1."""
        way, offset = (end - begin)[:, None], points[None] - begin[:, None]
        return np.sign(way[..., 0] * offset[..., 1] - way[..., 1] * offset[..., 0])
    apart = side(begin) * side(end) < 0
    return bool((apart & apart.T).any())


def _area(polygon: np.ndarray) -> float:
    """Return the signed area of a polygon, (N, 2), by the shoelace formula."""
    x, y = polygon.astype(np.float64).T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
