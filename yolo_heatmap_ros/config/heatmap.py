"""The parameters of `heatmap_node`."""

import csv
import re
from typing import Any, Dict, List, Tuple, Union

import numpy as np

from yolo_heatmap_ros.choices import (
    Acceleration, Anchor, Anonymize, Background, DetectorKind, FramePolicy, GroundFrom, HeatUnit,
    ImageFormat, ImageGeometry, ImageReliability, InputTransport, KernelName, Normalization,
    OnTimeJump)
from yolo_heatmap_ros.config.navigation import NAVIGATION_PARAMETERS
from yolo_heatmap_ros.config.shapes import as_list, parse_lines, parse_polygons
from yolo_heatmap_ros.config.specs import (
    as_numbers, as_text, choice, filled_text, number, ParameterSpec, Settable, switch,
    value_range)
from yolo_heatmap_ros.drawing.colormaps import colormap_code
from yolo_heatmap_ros.limits import MAX_PIXELS
from yolo_heatmap_ros.time_zones import time_zone


MAX_METRES = 1e7
"""Largest coordinate on the floor in m: UTM's northings are below it."""


def _as_colormap(value: Any) -> str:
    text = filled_text(value)
    colormap_code(text)
    return text


def _listed(text: str) -> List[str]:
    """Return the entries of a list as text; those with a comma stand in quotes."""
    text = text.strip().removeprefix('[').removesuffix(']')
    quote = '"' if '"' in text else "'"
    try:
        return next(csv.reader([' '.join(text.split())], quotechar=quote, skipinitialspace=True),
                    [])
    except csv.Error as error:
        raise ValueError(f'is not a list ({error})') from error


def _as_classes(value: Any) -> List[Union[int, str]]:
    """Accept one class, a list of them, or such a list as text; `[]` arrives as None."""
    if value is None:
        return []
    if isinstance(value, str):
        value = _listed(value)
    entries = [value] if isinstance(value, (bool, int, float)) else list(value)
    if any(isinstance(entry, bool) or not isinstance(entry, (int, str)) for entry in entries):
        raise ValueError(f'{value!r} has an entry that is neither a name nor an id')
    return [entry if isinstance(entry, int) else entry.strip() for entry in entries
            if str(entry).strip()]


def _as_prompts(value: Any) -> Tuple[str, ...]:
    """Accept a list of texts, or such a list as text; `[]` arrives as None."""
    entries = _listed(value) if isinstance(value, str) else () if value is None else value
    if isinstance(entries, (bool, int, float)) or not all(
            isinstance(entry, str) for entry in entries):
        raise ValueError(f'{value!r} is not a list of texts')
    prompts = tuple(entry.strip() for entry in entries if entry.strip())
    if len(set(prompts)) != len(prompts):
        raise ValueError(f'{value!r} has an entry twice')
    return prompts


def _as_matrix(value: Any) -> List[float]:
    numbers = as_numbers(value)
    if len(numbers) not in (0, 9):
        raise ValueError(f'has {len(numbers)} numbers, but a 3 x 3 matrix has 9')
    return numbers


def _as_ground_source(value: Any) -> Union[GroundFrom, str]:
    text = as_text(value).strip().lower()
    if text and text not in set(GroundFrom):
        raise ValueError(f"{value!r} is none of {', '.join(GroundFrom)}, or empty")
    return GroundFrom(text) if text else ''


def _as_extent(value: Any) -> List[float]:
    numbers = as_numbers(value)
    if numbers and (len(numbers) != 4 or numbers[0] >= numbers[2] or numbers[1] >= numbers[3]):
        raise ValueError(f"{value!r} is not of the form '[x_min, y_min, x_max, y_max]'")
    if any(abs(number_) > MAX_METRES for number_ in numbers):
        raise ValueError(f'{value!r} has a coordinate beyond {MAX_METRES:.0f} m')
    return numbers


def _as_points(value: Any) -> List[List[float]]:
    numbers = as_numbers(value)
    if len(numbers) % 2:
        raise ValueError(f'has {len(numbers)} numbers, but points have two each')
    return [numbers[index:index + 2] for index in range(0, len(numbers), 2)]


def _as_sha256(value: Any) -> str:
    text = as_text(value).lower()
    if text and not re.fullmatch('[0-9a-f]{64}', text):
        raise ValueError(f'{value!r} is not a SHA-256: 64 hexadecimal digits')
    return text


def _as_regions(value: Any) -> Dict[str, np.ndarray]:
    return parse_polygons(as_text(value))


def as_areas(value: Any) -> Dict[str, np.ndarray]:
    """Accept ignored areas: polygons by name, as YAML."""
    return parse_polygons(as_text(value), 'ignored area')


def _as_zone(value: Any) -> str:
    name = filled_text(value)
    time_zone(name)
    return name


def _as_lines(value: Any) -> Dict[str, np.ndarray]:
    return parse_lines(as_text(value))


def _as_size(value: Any) -> List[int]:
    numbers = as_numbers(value)
    if numbers and (len(numbers) != 2 or not all(1 <= one <= 65535 for one in numbers)):
        raise ValueError(f"{value!r} is not of the form '[width, height]' in px")
    if numbers and numbers[0] * numbers[1] > MAX_PIXELS:
        raise ValueError(f'{value!r} is more than {MAX_PIXELS // 1_000_000} megapixels')
    return [int(number_) for number_ in numbers]


def _as_input_size(value: Any) -> Union[int, Tuple[int, int]]:
    numbers = as_numbers([value] if isinstance(value, (int, float)) else value)
    if isinstance(value, bool) or len(numbers) not in (1, 2) or not all(
            32 <= one <= 4096 and one == int(one) for one in numbers):
        raise ValueError(f'{value!r} is neither a whole number from 32 to 4096 nor of the form '
                         "'[height, width]'")
    sides = tuple(map(int, numbers))
    return sides if len(sides) == 2 else sides[0]


HEATMAP_PARAMETERS = (
    choice('detector', DetectorKind,
           "Where detections come from: 'yolo': a model in this node (weights); 'topic': another "
           'node, whose vision_msgs/Detection2DArray on the topic detections must have the stamps '
           'of the images.', Settable.UNCONFIGURED),
    ParameterSpec(
        'blank_size', '',
        "With detector 'topic': draw on a blank picture of this '[width, height]' in px instead "
        'of on images; empty: images are required.', _as_size, Settable.UNCONFIGURED),
    ParameterSpec(
        'weights', 'yolo12n.pt',
        'The model: a file (.pt or exported), or a name that Ultralytics downloads. A .pt file '
        'can run code when it is loaded: use only files that you trust.',
        filled_text, Settable.UNCONFIGURED),
    ParameterSpec(
        'weights_sha256', '',
        'The SHA-256 that the weights must have, in hex, to be loaded; empty: any. The log shows '
        'the SHA-256 of loaded weights.', _as_sha256, Settable.UNCONFIGURED),
    ParameterSpec(
        'prompts', '',
        'For open-vocabulary models (YOLO-World, YOLOE): the classes to find, by text, as '
        "'[forklift, person with helmet]'; empty: those that the model has.", _as_prompts,
        Settable.UNCONFIGURED),
    ParameterSpec(
        'device', '',
        "Where the model runs: 'cpu', a GPU's number, 'cuda:0', 'mps'; empty: a GPU if one is "
        'available.', as_text, Settable.UNCONFIGURED),
    ParameterSpec(
        'imgsz', 640,
        "The longer side of the model's input in px, or '[height, width]'; multiples of 32. "
        'An export of fixed size keeps its own, see the log.', _as_input_size,
        Settable.UNCONFIGURED),
    number('conf', 0.25, 'Confidence threshold: detections below it are dropped.', 0.0, 1.0),
    number('iou', 0.7, 'IoU threshold of non-maximum suppression: of boxes of one class that '
           'overlap more, only the most confident is kept.', 0.0, 1.0),
    number('max_det', 300, 'Maximum number of detections per frame.', 1, 10000),
    ParameterSpec(
        'classes', '',
        "The classes to count, as names or ids: '[person, car]', '[0, 2]', 'person'; empty: all. "
        'Names match exactly first, then ignoring case; quote names that contain a comma.',
        _as_classes),
    ParameterSpec(
        'tracker', '',
        "An Ultralytics tracker, such as 'botsort.yaml', or the path of a tracker's YAML file; "
        "'none': no tracking, every detection counts at once; empty: Ultralytics' default.",
        as_text, Settable.UNCONFIGURED),
    ParameterSpec(
        'colormap', 'JET', "An OpenCV colormap, such as 'JET', 'HOT' or 'VIRIDIS'.",
        _as_colormap),
    number('alpha', 0.5, 'Opacity of the colours over the frame, from 0 (invisible) to 1 '
           '(opaque).', 0.0, 1.0),
    switch('legend', False, 'Draw a colour bar with values and unit on the heatmap.'),
    choice('normalize', Normalization,
           "The heat at the top of the colour scale: 'max': the largest; 'percentile': a "
           'percentile, so that one hot spot does not take up the whole scale; '
           "'fixed': scale_max."),
    number('percentile', 95.0, "The percentile of the non-zero heat for normalize 'percentile'.",
           1.0, 100.0),
    number('scale_max', 100.0, "The heat at the top of the colour scale for normalize 'fixed', in "
           'heat_unit.', 0.001, 1e9),
    choice('anonymize', Anonymize,
           'How objects of anonymize_classes are made unreadable before any picture is shown or '
           "saved; 'silhouette': their flat outline, from a segmentation model."),
    ParameterSpec(
        'anonymize_classes', 'person',
        'The classes to hide, as names or ids, whether they count or not; empty: all.',
        _as_classes),
    number('anonymize_conf', 0.05, 'Confidence from which objects are hidden; what counts is by '
           'conf alone.', 0.01, 1.0),
    number('anonymize_hold', 1.0, 'Seconds for which an object stays hidden that is no longer '
           'found.', 0.0, 60.0),
    switch('anonymize_motion', True, 'Hide what moves before a still background, too, whatever '
           'the model takes it for.'),
    choice('background', Background,
           "What is under the heat: 'frame': the frame; 'clean': what a still camera shows when "
           'nobody of anonymize_classes is there, learned while running.'),
    choice('heat_unit', HeatUnit,
           "What an object adds to the heat: 'frames': 1 per frame; 'seconds': its dwell time, by "
           'the stamps of the images.', Settable.UNCONFIGURED),
    number('max_gap', 2.0, 'Longest gap between frames, in seconds, that counts as observed; a '
           'longer one adds no dwell time.', 0.01, 3600.0),
    choice('on_time_jump', OnTimeJump,
           'What to do with the heat when stamps jump back, as when a bag loops.'),
    number('half_life', 0.0, 'Half-life of the heat in seconds; 0: no decay.', 0.0, 1e9),
    choice('kernel', KernelName,
           "The shape that a box adds to the heat; 'foot': a disc around the middle of its lower "
           "edge; 'mask': the object's outline, from a segmentation model."),
    number('ignore_stationary', 0.0, 'Seconds in one place after which a track adds no heat until '
           'it moves; 0: never.', 0.0, 1e6),
    switch('per_class', False, 'Keep a layer of heat for each class, and show the sum of those in '
           'classes.', Settable.UNCONFIGURED),
    ParameterSpec(
        'regions', '',
        "Polygons by name, as YAML: '[door: [[0.1, 0.2], [0.4, 0.2], [0.4, 0.9]]]', in px, or in "
        'fractions of width and height if no coordinate is above 1. Heat accumulates only inside '
        'them.', _as_regions, canonical=as_list),
    ParameterSpec(
        'lines', '',
        "Lines by name, as YAML: '[gate: [[0.1, 0.5], [0.9, 0.5]]]', with two or more points, in "
        'px or fractions as regions. Crossings are counted on ~/lines: forward from left to '
        'right, seen along the line from its first point.', _as_lines, canonical=as_list),
    ParameterSpec(
        'ignored_areas', '',
        "Areas by name, as YAML: '[poster: [[0.8, 0.1], [1.0, 0.1], [1.0, 0.5]]]', in px or "
        'fractions as regions, in which objects are taken as not found: on posters, in mirrors, '
        'on screens, in the street behind a window.', as_areas, canonical=as_list),
    choice('region_anchor', Anchor,
           'The point of a box that decides whether it is in a region or an ignored area, and '
           'has crossed a line: '
           "'foot': the middle of its lower edge; 'center': its centre."),
    number('dwell_alert', 0.0, 'Seconds in a region after which a track makes an event of kind '
           "'stay' on ~/events, once; 0: never.", 0.0, 1e6),
    number('track_memory', 5.0, 'Seconds for which a lost object is remembered, to join its '
           "broken tracks before they are counted; 0: the tracker's ids count as they are.", 0.0,
           60.0),
    number('max_rate', 0.0, 'Largest number of frames to process per second, by their stamps; '
           'others are left out before the model runs; 0: every frame.', 0.01, 1000.0, off=0.0),
    switch('flow', False, 'Measure how objects move, by place: arrows on the pictures, and on '
           '~/flow with a floor.', Settable.UNCONFIGURED),
    number('flow_resolution', 0.5, 'Size of a cell of the flow on the floor, in m.', 0.01, 100.0,
           Settable.UNCONFIGURED),
    ParameterSpec(
        'ground.from', '',
        "What tells where the floor is: 'points' (ground.points_px and ground.points_m), 'matrix' "
        "(ground.matrix), or 'tf' (camera_info beside the images, and the camera's pose in "
        'ground.frame_id by TF, also of a camera that moves); empty: what is given.',
        _as_ground_source, Settable.UNCONFIGURED),
    choice('ground.image', ImageGeometry,
           "Whether the images still have the lens distortion of camera_info: 'raw', or "
           "'rectified'; 'auto': rectified if the topic's name begins with image_rect.",
           Settable.UNCONFIGURED),
    number('ground.tf_timeout', 0.1, "Seconds to wait for a transform of an image's stamp, after "
           'which the frame has no places on the floor.', 0.0, 10.0),
    ParameterSpec(
        'ground.points_px', '',
        "Four or more points on the floor in the image, as '[[u, v], …]' in px; with "
        'ground.points_m they enable ~/density and ~/hotspots.', _as_points,
        Settable.UNCONFIGURED),
    ParameterSpec(
        'ground.points_m', '',
        "The same points in ground.frame_id, as '[[x, y], …]' in m.", _as_points,
        Settable.UNCONFIGURED),
    ParameterSpec(
        'ground.matrix', '',
        'Instead of the points: the 3 x 3 homography, row by row, from (u, v, 1) in px, without '
        'lens distortion, to (x, y, 1) in m.', _as_matrix,
        Settable.UNCONFIGURED),
    ParameterSpec(
        'ground.extent', '',
        "The part of the floor to map, as '[x_min, y_min, x_max, y_max]' in m; empty: the "
        'bounding box of ground.points_m.', _as_extent, Settable.UNCONFIGURED),
    number('ground.resolution', 0.1, 'Size of a grid cell in m.', 0.001, 100.0,
           Settable.UNCONFIGURED),
    number('ground.radius', 0.3, 'Radius of the disc of heat around a foot point, in m.', 0.0,
           100.0, Settable.UNCONFIGURED),
    ParameterSpec(
        'ground.frame_id', 'map', 'The coordinate frame of the floor.', filled_text,
        Settable.UNCONFIGURED),
    number('ground.rate', 1.0, 'Publishing rate of ~/density and ~/hotspots in Hz.', 0.01, 100.0,
           Settable.UNCONFIGURED),
    number('ground.hotspots', 5, 'Maximum number of places on ~/hotspots.', 0, 1000),
    number('ground.hotspot_distance', 1.0, 'Minimum distance between two hotspots in m.', 0.0,
           1000.0),
    *NAVIGATION_PARAMETERS,
    number('heat_scale', 1.0, 'Size of ~/heat as a fraction of the image size.', 0.01, 1.0),
    ParameterSpec(
        'snapshot_dir', '',
        "The folder for this node's snapshots; empty: $ROS_HOME/yolo_heatmap_ros/<node name>, "
        'with ~/.ros for an unset ROS_HOME.', as_text, Settable.UNCONFIGURED),
    number('snapshot_keep', 10, 'Number of snapshots to keep; older ones are deleted.', 1,
           100000),
    number('autosave_period', 0.0, 'Seconds between automatic snapshots, with a last one at '
           'cleanup or shutdown; 0: no automatic snapshots.', 0.1, 1e6, Settable.UNCONFIGURED,
           off=0.0),
    number('history_period', 0.0, 'Seconds of a bin of history: heat, counts and events of each '
           'period are kept in history_dir; 0: no history.', 1.0, 3600.0, Settable.UNCONFIGURED,
           off=0.0),
    ParameterSpec(
        'history_dir', '',
        "The folder of this node's history; empty: $ROS_HOME/yolo_heatmap_ros/history, with "
        '~/.ros for an unset ROS_HOME.', as_text, Settable.UNCONFIGURED),
    number('history_scale', 0.25, 'Size of the heat in the history as a fraction of the image '
           'size; rounded to 1, 1/2, 1/3, ….', 0.01, 1.0, Settable.UNCONFIGURED),
    ParameterSpec(
        'history_epoch', '',
        'A name for where the camera stands and looks; change it when it has been moved, so that '
        'heat of before and after is not added up.', as_text, Settable.UNCONFIGURED),
    number('history_keep', 30.0, 'Days after which bins of history are merged to hours, and ten '
           'times as many after which hours are merged to days; 0: never.', 1.0, 36500.0,
           Settable.UNCONFIGURED, off=0.0),
    ParameterSpec(
        'history_timezone', 'UTC',
        "The time zone of hours and weekdays for what is normal, as 'Europe/Berlin'.",
        _as_zone, Settable.UNCONFIGURED),
    number('anomaly_score', 4.0, 'How unlikely something must be, in standard deviations, to be '
           'told on ~/anomaly, once the history knows what is normal at this hour of the week; '
           '0: never.', 2.0, 100.0, off=0.0),
    switch('resume', False, 'Start from the newest snapshot, if there is one.',
           Settable.UNCONFIGURED),
    switch('reset_keeps_copy', False, 'Make ~/reset write a backup of the heat first.'),
    choice('accelerate', Acceleration,
           'Inference backend to export .pt weights to, once, with a cache; auto: the best that '
           'is installed and fits the device.', Settable.UNCONFIGURED),
    number('threads', 0, 'Number of PyTorch threads on the CPU; 0: all cores but one. All cores '
           'are faster only on an otherwise idle machine.', 0, 256, Settable.UNCONFIGURED),
    choice('frame_policy', FramePolicy,
           "Frames to process when they arrive faster than the model runs: 'latest': the newest; "
           "'all': every frame, in order.", Settable.UNCONFIGURED),
    number('queue_depth', 100, "Maximum number of queued frames with frame_policy 'all'.", 1,
           10000, Settable.UNCONFIGURED),
    choice('input_transport', InputTransport,
           "Image transport of the input: 'compressed' subscribes to image/compressed.",
           Settable.UNCONFIGURED),
    ParameterSpec(
        'value_range', '',
        'The values of depth and thermal images (32FC1, 16UC1) that become black and white, '
        "as '[0.5, 8.0]', in the image's unit; empty: the range of each image.",
        value_range),
    number('output_width', 0, 'Width in px of the published heatmap, and of each half of the '
           'composite; 0, or more than the image has: not scaled.', 0, 65535),
    *(setting for picture in ('heatmap', 'composite') for setting in (
        choice(f'{picture}.compressed.format', ImageFormat,
               f'Compression format of ~/{picture}/compressed.'),
        number(f'{picture}.compressed.jpeg_quality', 95, 'JPEG quality in percent.', 1, 100),
        number(f'{picture}.compressed.png_level', 3,
               'PNG compression level, 0 (fast) to 9 (small).', 0, 9))),
    choice('image_reliability', ImageReliability,
           "QoS reliability of the image subscription; 'auto': reliable if every publisher offers "
           'it, else best effort.', Settable.UNCONFIGURED),
    switch('autostart', True,
           'Configure and activate at startup; false leaves that to a lifecycle manager.',
           Settable.AT_START),
)
