"""The parameters of `floor_node`: those of `heatmap_node` that fit, and those of fusion."""

from dataclasses import replace
import re
from typing import Any, List

from yolo_heatmap_ros.config.heatmap import as_areas, HEATMAP_PARAMETERS
from yolo_heatmap_ros.config.shapes import as_list, parse_lines, parse_polygons
from yolo_heatmap_ros.config.specs import as_text, number, ParameterSpec, Settable
from yolo_heatmap_ros.text import printable

_SHARED = {
    'colormap', 'alpha', 'legend', 'normalize', 'percentile', 'scale_max', 'max_gap',
    'on_time_jump', 'half_life', 'ignore_stationary', 'per_class', 'dwell_alert', 'flow',
    'flow_resolution', 'ground.resolution', 'ground.radius', 'ground.frame_id', 'ground.rate',
    'ground.hotspots', 'ground.hotspot_distance', 'heat_scale', 'snapshot_dir', 'snapshot_keep',
    'autosave_period', 'history_period', 'history_dir', 'history_scale', 'history_epoch',
    'history_keep', 'history_timezone', 'anomaly_score', 'resume', 'reset_keeps_copy',
    'output_width', 'autostart'}
_SHARED_GROUPS = ('nav.', 'heatmap.', 'composite.')
MAX_CAMERAS = 64
MAX_METRES = 1e5
"""Largest coordinate in m: positions are float32, which keeps centimetres up to there."""
_NAME = re.compile('/?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*')


def _as_names(value: Any) -> List[str]:
    """Accept names of nodes as a list, or as text with commas."""
    if isinstance(value, str):
        value = value.strip().removeprefix('[').removesuffix(']').split(',')
    if value is None or isinstance(value, (bool, int, float)) or not all(
            isinstance(entry, str) for entry in value):
        raise ValueError(f'{value!r} is not a list of names of nodes')
    names = [entry.strip().strip('\'"').rstrip('/') for entry in value if entry.strip()]
    wrong = next((name for name in names if not _NAME.fullmatch(name)), None)
    if wrong is not None:
        raise ValueError(f"has '{printable(wrong)}', which is no name of a node, such as "
                         '/front/yolo_heatmap')
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"has '{twice[0]}' twice: each camera's node has a name of its own")
    if len(names) > MAX_CAMERAS:
        raise ValueError(f'has {len(names)} names, and at most {MAX_CAMERAS} cameras are fused')
    return names


def _as_filled_extent(value: Any) -> List[float]:
    extent = _SPECS['ground.extent'].check(value)
    if not extent:
        raise ValueError("must be given, as '[x_min, y_min, x_max, y_max]' in m")
    if max(map(abs, extent)) > MAX_METRES:
        raise ValueError(f'{value!r} has a coordinate beyond {MAX_METRES:.0f} m: take a '
                         'ground.frame_id with its origin on the site')
    return extent


def _as_class_names(value: Any) -> List[str]:
    names = _SPECS['classes'].check(value)
    if any(str(name).isdecimal() for name in names):
        raise ValueError(f'{value!r} has an id: cameras may number classes differently; give '
                         'names')
    return names


_SPECS = {spec.name: spec for spec in HEATMAP_PARAMETERS}
FLOOR_PARAMETERS = (
    ParameterSpec(
        'heatmap_nodes', '',
        'The heatmap nodes whose ~/positions and ~/view are fused, by their names: '
        "'[/front/yolo_heatmap, /back/yolo_heatmap]'.", _as_names, Settable.UNCONFIGURED),
    number('fusion_rate', 10.0, 'Largest number of steps per second in which sightings are fused; '
           'at most the rate of the cameras.', 0.1, 100.0, Settable.UNCONFIGURED),
    number('fusion_delay', 0.2, 'Seconds to wait for sightings of slower cameras; what comes '
           'later is counted, and left out.', 0.0, 10.0, Settable.UNCONFIGURED),
    number('fusion_speed', 1.5, 'Typical speed of the objects in m/s: people 1.5, vehicles more.',
           0.1, 100.0, Settable.UNCONFIGURED),
    ParameterSpec(
        'regions', '',
        "Polygons by name, as YAML: '[door: [[1.0, 2.0], [4.0, 2.0], [4.0, 9.0]]]', in m in "
        'ground.frame_id. Heat accumulates only inside them.',
        lambda value: parse_polygons(as_text(value)), canonical=as_list),
    ParameterSpec(
        'lines', '',
        "Lines by name, as YAML: '[gate: [[1.0, 5.0], [9.0, 5.0]]]', with two or more points in m "
        'in ground.frame_id. Crossings are counted on ~/lines: forward from left to right, seen '
        'along the line from its first point.',
        lambda value: parse_lines(as_text(value)), canonical=as_list),
    ParameterSpec(
        'ignored_areas', '',
        "Areas by name, as YAML: '[mirror: [[1.0, 2.0], [4.0, 2.0], [4.0, 9.0]]]', in m in "
        'ground.frame_id, in which cameras are taken to see nobody.', as_areas,
        canonical=as_list),
    ParameterSpec(
        'classes', '',
        "The classes to count, as names: '[person, car]'; empty: all.", _as_class_names),
    ParameterSpec(
        'ground.extent', '',
        "The part of the floor to map, as '[x_min, y_min, x_max, y_max]' in m in ground.frame_id.",
        _as_filled_extent, Settable.UNCONFIGURED),
    *(replace(spec, description=spec.description.replace('heat_unit', 's'))
      for spec in HEATMAP_PARAMETERS
      if spec.name in _SHARED or spec.name.startswith(_SHARED_GROUPS)),
)
