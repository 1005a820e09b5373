"""How parameters of a floor node become those of a heatmap node that sees the floor from above."""

from typing import Any, Dict, Mapping

import numpy as np

from yolo_heatmap_ros.build_pipeline import SHAPES
from yolo_heatmap_ros.choices import (
    Anchor, DetectorKind, FramePolicy, GroundFrom, HeatUnit, KernelName)
from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.config.heatmap import HEATMAP_PARAMETERS
from yolo_heatmap_ros.errors import HeatError, ParameterError
from yolo_heatmap_ros.heat.map_picture import MapPicture


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
    """Return parameters with all shapes in px of the picture instead of m."""
    return {name: {one: picture.pixels(points).astype(np.float32)
                   for one, points in value.items()} if name in SHAPES else value
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
