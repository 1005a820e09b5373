"""The parameters of the heatmap node, put where they belong in its pipeline."""

from dataclasses import fields
from typing import Any, Callable, Dict, Mapping, Optional

import numpy as np

from yolo_heatmap_ros.config.specs import ParameterError
from yolo_heatmap_ros.detectors.yolo import YoloTracker
from yolo_heatmap_ros.drawing.colour_range import HeatScale
from yolo_heatmap_ros.drawing.renderer import HeatRenderer
from yolo_heatmap_ros.heat.accumulation import HeatOptions
from yolo_heatmap_ros.heat.ground import checked_matrix, GroundPlane, homography
from yolo_heatmap_ros.pipeline import check_kernel, HeatmapPipeline

MODEL = ('weights', 'weights_sha256', 'device', 'imgsz', 'tracker', 'accelerate', 'threads')
DETECTION = ('conf', 'iou', 'max_det', 'classes')
COLOURS = ('colormap', 'alpha')
SCALE = tuple(one.name for one in fields(HeatScale))
OPTIONS = tuple(one.name for one in fields(HeatOptions) if one.name != 'ground')
REGIONS = ('regions', 'region_anchor')


def _of(values: Mapping[str, Any], names) -> Dict[str, Any]:
    return {name: values[name] for name in names}


def ground_plane(values: Mapping[str, Any]) -> Optional[GroundPlane]:
    """Return the floor that parameters describe, or None; raises ParameterError."""
    pixels, metres, matrix, extent = (values[f'ground.{name}'] for name in (
        'points_px', 'points_m', 'matrix', 'extent'))
    if not (pixels or metres or matrix):
        return None
    try:
        if matrix and (pixels or metres):
            raise ValueError('give ground.matrix or ground.points_px, not both')
        matrix = checked_matrix(matrix) if matrix else homography(pixels, metres)
        if not extent and not metres:
            raise ValueError('ground.matrix needs ground.extent')
        if not extent:
            extent = [*np.min(metres, axis=0).tolist(), *np.max(metres, axis=0).tolist()]
        return GroundPlane(matrix, values['ground.resolution'], tuple(extent),
                           values['ground.radius'])
    except ValueError as error:
        raise ParameterError(f"parameters 'ground': {error}") from error


def make_pipeline(values: Mapping[str, Any], log: Callable[[str], None],
                  make_tracker: Callable[..., YoloTracker] = YoloTracker) -> HeatmapPipeline:
    """
    Load the model and make the pipeline that parameters, by name, ask for.

    `log` gets lines on what came of them; `make_tracker` loads the model.  Raises ModelError and
    ParameterError.
    """
    ground = ground_plane(values)  # what is wrong with it is known before a model is loaded
    tracker = make_tracker(**_of(values, MODEL + DETECTION), log=log)
    renderer = HeatRenderer(**_of(values, COLOURS), scale=HeatScale(**_of(values, SCALE)))
    options = HeatOptions(**_of(values, OPTIONS), ground=ground)
    return HeatmapPipeline(tracker, renderer, options, values['legend'])


def change_pipeline(pipeline: HeatmapPipeline, changes: Mapping[str, Any]) -> None:
    """
    Take over changed parameters; others than those of a pipeline are left alone.

    Raises ValueError, before anything is changed, for those that do not fit the model.
    """
    if 'classes' in changes:
        pipeline.tracker.class_ids(changes['classes'])
    if 'kernel' in changes:
        check_kernel(changes['kernel'], pipeline.tracker)
    for target, names in ((pipeline.tracker, DETECTION), (pipeline.renderer, COLOURS),
                          (pipeline.renderer.scale, SCALE), (pipeline.options, OPTIONS),
                          (pipeline, ('legend',))):
        for name in names:
            if name in changes:
                setattr(target, name, changes[name])
    pipeline.options_changed()
    for accumulator in pipeline.accumulators:
        if any(name in changes for name in REGIONS):
            accumulator.draw_up_regions()
        if 'classes' in changes:
            accumulator.show_classes(pipeline.tracker.classes)
