"""The parameters of `floor_node`: those of `heatmap_node` that fit, and those of fusion."""

from typing import Any, Dict, List, Mapping

import numpy as np

from yolo_heatmap_ros.choices import (
    Anchor, DetectorKind, FramePolicy, GroundFrom, HeatUnit, KernelName)
from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.config.heatmap import HEATMAP_PARAMETERS
from yolo_heatmap_ros.config.shapes import as_list, parse_lines, parse_polygons
from yolo_heatmap_ros.config.specs import as_text, number, ParameterSpec, Settable
from yolo_heatmap_ros.errors import HeatError, ParameterError
from yolo_heatmap_ros.heat.map_picture import MapPicture

_SHARED = {
    'classes', 'colormap', 'alpha', 'legend', 'normalize', 'percentile', 'scale_max', 'max_gap',
    'on_time_jump', 'half_life', 'ignore_stationary', 'per_class', 'dwell_alert', 'flow',
    'flow_resolution', 'ground.resolution', 'ground.radius', 'ground.frame_id', 'ground.rate',
    'ground.hotspots', 'ground.hotspot_distance', 'heat_scale', 'snapshot_dir', 'snapshot_keep',
    'autosave_period', 'history_period', 'history_dir', 'history_scale', 'history_epoch',
    'history_keep', 'history_timezone', 'anomaly_score', 'resume', 'reset_keeps_copy',
    'output_width', 'autostart'}
_SHARED_GROUPS = ('nav.', 'heatmap.', 'composite.')
MAX_CAMERAS = 64


def _as_names(value: Any) -> List[str]:
    """Accept names of nodes as a list, or as text with commas."""
    if isinstance(value, str):
        value = value.strip().removeprefix('[').removesuffix(']').split(',')
    if value is None or isinstance(value, (bool, int, float)) or not all(
            isinstance(entry, str) for entry in value):
        raise ValueError(f'{value!r} is not a list of names of nodes')
    names = [entry.strip().strip('\'"').rstrip('/') for entry in value if entry.strip()]
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
    return extent


_SPECS = {spec.name: spec for spec in HEATMAP_PARAMETERS}
FLOOR_PARAMETERS = (
    ParameterSpec(
        'heatmap_nodes', '',
        "The heatmap nodes whose ~/positions and ~/view are fused, by their names: "
        "'[/front/yolo_heatmap, /back/yolo_heatmap]'.", _as_names, Settable.UNCONFIGURED),
    number('fusion_rate', 10.0, 'Largest number of steps per second in which sightings are fused; '
           'at most the rate of the cameras.', 0.1, 100.0, Settable.UNCONFIGURED),
    number('fusion_delay', 0.2, 'Seconds to wait for sightings of slower cameras; what comes later '
           'is counted, and left out.', 0.0, 10.0, Settable.UNCONFIGURED),
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
        'ground.extent', '',
        "The part of the floor to map, as '[x_min, y_min, x_max, y_max]' in m in ground.frame_id.",
        _as_filled_extent, Settable.UNCONFIGURED),
    *(spec for spec in HEATMAP_PARAMETERS
      if spec.name in _SHARED or spec.name.startswith(_SHARED_GROUPS)),
)


def map_picture(given: Mapping[str, Any]) -> MapPicture:
    """Return the floor of checked parameters as a picture from above; raises ParameterError."""
    picture = MapPicture(tuple(given['ground.extent']), given['ground.resolution'],
                         given['ground.radius'])
    try:
        picture.shape
    except HeatError as error:
        raise ParameterError(f"parameters 'ground': {error}") from error
    return picture


def in_picture(values: Mapping[str, Any], picture: MapPicture) -> Dict[str, Any]:
    """Return parameters with regions and lines in px of the picture instead of m."""
    return {name: {one: picture.pixels(points).astype(np.float32)
                   for one, points in value.items()} if name in ('regions', 'lines') else value
            for name, value in values.items()}


def floor_configuration(given: Mapping[str, Any]) -> Configuration:
    """
    Return all parameters of a heatmap node that looks at the floor from above.

    `given` are those of `FLOOR_PARAMETERS`, checked.  Raises ParameterError.
    """
    if not given['heatmap_nodes']:
        raise ParameterError("parameter 'heatmap_nodes': must name the heatmap nodes to fuse, as "
                             "'[/front/yolo_heatmap, /back/yolo_heatmap]'")
    picture = map_picture(given)
    height, width = picture.shape
    return Configuration({
        **{spec.name: spec.checked(spec.default) for spec in HEATMAP_PARAMETERS},
        **in_picture(given, picture),
        'detector': DetectorKind.TOPIC, 'weights': '', 'frame_policy': FramePolicy.ALL,
        'blank_size': [width, height], 'conf': 0.0, 'heat_unit': HeatUnit.SECONDS,
        'kernel': KernelName.FOOT, 'region_anchor': Anchor.FOOT, 'track_memory': 0.0,
        # The view comes with each step: what the cameras see then.
        'ground.from': GroundFrom.TF})
