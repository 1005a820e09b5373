"""How parameters become a pipeline, and change one."""

from dataclasses import fields, replace
from typing import Any, Callable, Collection, Dict, Iterable, Mapping, Optional, Tuple

import numpy as np

from yolo_heatmap_ros.choices import GroundFrom
from yolo_heatmap_ros.detectors.interface import Detector
from yolo_heatmap_ros.detectors.yolo import YoloDetector
from yolo_heatmap_ros.drawing.colour_range import ColourRange
from yolo_heatmap_ros.drawing.public_picture import Privacy
from yolo_heatmap_ros.drawing.renderer import HeatRenderer
from yolo_heatmap_ros.errors import HeatError, ParameterError
from yolo_heatmap_ros.heat.camera import Camera
from yolo_heatmap_ros.heat.floor_view import FloorView
from yolo_heatmap_ros.heat.ground import checked_matrix, facing, GroundPlane, homography
from yolo_heatmap_ros.heat.layers.flow import floor_grid
from yolo_heatmap_ros.heat.options import HeatOptions
from yolo_heatmap_ros.pipeline import check_kernel, HeatmapPipeline

MODEL = ('weights', 'weights_sha256', 'prompts', 'device', 'imgsz', 'tracker', 'accelerate',
         'threads')
DETECTION = ('conf', 'iou', 'max_det', 'classes')
COLOURS = ('colormap', 'alpha')
RANGE = tuple(one.name for one in fields(ColourRange))
OPTIONS = tuple(one.name for one in fields(HeatOptions) if one.name != 'ground')
LEGEND = 'legend'
PRIVACY = {'anonymize': 'anonymize', 'anonymize_classes': 'classes', 'anonymize_conf': 'conf',
           'anonymize_hold': 'hold', 'anonymize_motion': 'motion', 'background': 'background'}
"""Fields of `Privacy` by the parameters that they are."""
SHAPES = ('regions', 'lines', 'ignored_areas')
ALL = (*MODEL, *DETECTION, *COLOURS, *RANGE, *(one for one in OPTIONS if one != 'flow_resolution'),
       LEGEND, *PRIVACY)
"""The parameters that make a pipeline, but those of the ground plane."""


def parameters_of(parameters: Mapping[str, Any], names: Iterable[str]) -> Dict[str, Any]:
    """Return those of some parameters that are there, by name."""
    return {name: parameters[name] for name in names if name in parameters}


def ground_from(parameters: Mapping[str, Any]) -> Optional[GroundFrom]:
    """Return what tells where the floor is, None if nothing does; raises ParameterError."""
    given = {GroundFrom.POINTS: bool(parameters['ground.points_px']
                                     or parameters['ground.points_m']),
             GroundFrom.MATRIX: bool(parameters['ground.matrix'])}
    chosen = parameters['ground.from']
    found = [one for one, there in given.items() if there]
    if not chosen and len(found) > 1:
        raise ParameterError("parameters 'ground': give ground.matrix or ground.points_px, not "
                             'both, or choose one by ground.from')
    if chosen and chosen != GroundFrom.TF and not given[chosen]:
        raise ParameterError(f"parameter 'ground.from': is '{chosen}', and ground."
                             f"{'matrix' if chosen == GroundFrom.MATRIX else 'points_px'} is not "
                             'given')
    return chosen or next(iter(found), None)


def ground_plane(parameters: Mapping[str, Any]) -> Optional[GroundPlane]:
    """Return the floor that parameters describe, or None; raises ParameterError."""
    source, extent = ground_from(parameters), parameters['ground.extent']
    if source is None:
        return None
    try:
        view = floor_view(parameters)
        if not extent and source != GroundFrom.POINTS:
            raise HeatError(f'ground.{source} needs ground.extent' if view else
                            'ground.from: tf needs ground.extent')
        return GroundPlane(None if view is None else view.matrix, parameters['ground.resolution'],
                           _extent(parameters), parameters['ground.radius'])
    except HeatError as error:
        raise ParameterError(f"parameters 'ground': {error}") from error


def _extent(parameters: Mapping[str, Any]) -> Tuple[float, float, float, float]:
    metres = parameters['ground.points_m']
    return tuple(parameters['ground.extent']
                 or [*np.min(metres, axis=0).tolist(), *np.max(metres, axis=0).tolist()])


def floor_view(parameters: Mapping[str, Any],
               camera: Optional[Camera] = None) -> Optional[FloorView]:
    """
    Return how a still camera shows the floor, None if only TF tells.

    The distortion of `camera` is undone: `ground.points_px` are points of the picture as it is,
    `ground.matrix` is of pixels without distortion.  Raises HeatError.
    """
    source = ground_from(parameters)
    if source == GroundFrom.MATRIX:
        matrix = checked_matrix(parameters['ground.matrix'])
        extent = parameters['ground.extent']
        return FloorView(facing(matrix, extent) if extent else matrix, camera)
    if source != GroundFrom.POINTS:
        return None
    pixels = parameters['ground.points_px']
    if camera is not None and camera.is_distorted and np.ndim(pixels) == 2:
        pixels = camera.undistorted(pixels)
        if not np.isfinite(pixels).all():
            raise HeatError('ground.points_px has a point that no ray of the lens reaches: choose '
                            'others, or mend the distortion in camera_info')
    return FloorView(homography(pixels, parameters['ground.points_m']), camera)


def check_names(regions: Collection[str], lines: Collection[str],
                ignored_areas: Collection[str]) -> None:
    """Raise ParameterError for a name that stands for two things: events could not tell."""
    for parameter, what, names, others in (
            ('lines', 'line', lines, {'region': regions}),
            ('ignored_areas', 'area', ignored_areas, {'region': regions, 'line': lines})):
        for name in names:
            for other, taken in others.items():
                if name in taken:
                    raise ParameterError(f"parameter '{parameter}': '{name}' is the name of a "
                                         f'{other}, too; give the {what} another one')


def _check_flow(options: HeatOptions) -> None:
    """Raise ParameterError for a flow on the floor of too many cells."""
    if options.flow and options.ground is not None:
        try:
            floor_grid(options)
        except HeatError as error:
            raise ParameterError(f"parameter 'flow_resolution': {error}") from error


def make_pipeline(parameters: Mapping[str, Any], log: Callable[[str], None],
                  make_detector: Callable[..., Detector] = YoloDetector,
                  warn: Optional[Callable[[str], None]] = None) -> HeatmapPipeline:
    """
    Load the model and make the pipeline for checked parameters by name.

    `log` gets lines on the outcome, `warn` what users should know about the heat (else `log` gets
    that, too); `make_detector` loads the model.  Raises ModelError and
    ParameterError.
    """
    check_names(**parameters_of(parameters, SHAPES))
    ground = ground_plane(parameters)  # its mistakes are known before a model is loaded
    options = HeatOptions(**parameters_of(parameters, OPTIONS), ground=ground)
    _check_flow(options)
    detector = make_detector(**parameters_of(parameters, MODEL + DETECTION), log=log)
    renderer = HeatRenderer(**parameters_of(parameters, COLOURS),
                            colour_range=ColourRange(**parameters_of(parameters, RANGE)))
    return HeatmapPipeline(detector, renderer, options, parameters[LEGEND], warn or log,
                           replace(Privacy(), **_privacy_of(parameters)))


def _privacy_of(parameters: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the fields of `Privacy` among some parameters."""
    return {PRIVACY[name]: value for name, value in parameters_of(parameters, PRIVACY).items()}


def change_pipeline(pipeline: HeatmapPipeline, changes: Mapping[str, Any]) -> None:
    """
    Apply changed parameters; those that are not a pipeline's are ignored.

    Raises ModelError and ParameterError, before anything has changed, for those that do not fit
    the model or each other.
    """
    check_names(**{name: changes.get(name, getattr(pipeline.options, name)) for name in SHAPES})
    if 'classes' in changes:
        pipeline.detector.class_ids(changes['classes'])
    if 'kernel' in changes:
        check_kernel(changes['kernel'], pipeline.detector)
    privacy = replace(pipeline.privacy, **_privacy_of(changes))
    pipeline.to_hide(privacy)
    for target, names in ((pipeline.detector, set(DETECTION) - {'classes'}),
                          (pipeline.renderer, COLOURS), (pipeline, (LEGEND,))):
        for name, value in parameters_of(changes, names).items():
            setattr(target, name, value)
    renderer = pipeline.renderer
    renderer.colour_range = replace(renderer.colour_range, **parameters_of(changes, RANGE))
    pipeline.reconfigure(replace(pipeline.options, **parameters_of(changes, OPTIONS)),
                         changes.keys())
    if 'classes' in changes:
        pipeline.choose_classes(changes['classes'])
    if privacy != pipeline.privacy:
        pipeline.show(privacy)
