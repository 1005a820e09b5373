"""The parameters of `heatmap_node`."""

import re
from typing import Any, Dict, List, Union

import numpy as np

from yolo_heatmap_ros.choices import (
    Acceleration, Anchor, DetectorKind, FramePolicy, HeatUnit, ImageFormat, ImageReliability,
    InputTransport, KernelName, Normalization, OnTimeJump)
from yolo_heatmap_ros.config.polygons import parse_polygons
from yolo_heatmap_ros.config.specs import (
    as_text, choice, filled_text, number, ParameterSpec, Settable, switch)
from yolo_heatmap_ros.drawing.colormaps import colormap_code


def _as_colormap(value: Any) -> str:
    text = filled_text(value)
    colormap_code(text)
    return text


def _as_classes(value: Any) -> List[Union[int, str]]:
    """Take one class, a list of them, or such a list as text; `[]` arrives as None."""
    if value is None:
        return []
    if isinstance(value, str):
        value = value.strip().removeprefix('[').removesuffix(']').split(',')
    entries = [value] if isinstance(value, (bool, int, float)) else list(value)
    if any(isinstance(entry, bool) or not isinstance(entry, (int, str)) for entry in entries):
        raise ValueError(f'{value!r} holds what is neither a name nor an id')
    return [entry if isinstance(entry, int) else entry.strip() for entry in entries
            if str(entry).strip()]


def _as_numbers(value: Any) -> List[float]:
    """Take a list of numbers, also nested, or such a list as text; empty for none."""
    if isinstance(value, str):
        value = value.replace('[', ' ').replace(']', ' ').replace(',', ' ').split()
    try:
        numbers = [float(entry) for entry in (() if value is None else value)]
    except (TypeError, ValueError):
        numbers = [float('nan')]
    if not np.isfinite(numbers).all():
        raise ValueError(f'{value!r} is not a list of numbers')
    return numbers


def _as_range(value: Any) -> List[float]:
    numbers = _as_numbers(value)
    if numbers and (len(numbers) != 2 or numbers[0] >= numbers[1]):
        raise ValueError(f"{value!r} is not of the form '[lowest, highest]'")
    return numbers


def _as_matrix(value: Any) -> List[float]:
    numbers = _as_numbers(value)
    if len(numbers) not in (0, 9):
        raise ValueError(f'has {len(numbers)} numbers, and a 3 x 3 matrix has 9')
    return numbers


def _as_extent(value: Any) -> List[float]:
    numbers = _as_numbers(value)
    if numbers and (len(numbers) != 4 or numbers[0] >= numbers[2] or numbers[1] >= numbers[3]):
        raise ValueError(f"{value!r} is not of the form '[x from, y from, x to, y to]'")
    return numbers


def _as_points(value: Any) -> List[List[float]]:
    numbers = _as_numbers(value)
    if len(numbers) % 2:
        raise ValueError(f'has {len(numbers)} numbers, and points have two each')
    return [numbers[index:index + 2] for index in range(0, len(numbers), 2)]


def _as_sha256(value: Any) -> str:
    text = as_text(value).lower()
    if text and not re.fullmatch('[0-9a-f]{64}', text):
        raise ValueError(f'{value!r} is not a SHA-256: 64 hexadecimal digits')
    return text


def _as_regions(value: Any) -> Dict[str, np.ndarray]:
    return parse_polygons(as_text(value))


def _as_size(value: Any) -> List[int]:
    numbers = _as_numbers(value)
    if numbers and (len(numbers) != 2 or not all(1 <= one <= 65535 for one in numbers)):
        raise ValueError(f"{value!r} is not of the form '[width, height]' in px")
    return [int(number_) for number_ in numbers]


HEATMAP_PARAMETERS = (
    choice('detector', DetectorKind,
           "What finds the objects: 'yolo': weights; 'topic': another node, whose "
           'vision_msgs/Detection2DArray on the topic detections has the stamps of the images.',
           Settable.UNCONFIGURED),
    ParameterSpec(
        'blank_size', '',
        "With detector 'topic', draw on a blank of this '[width, height]' in px instead of "
        'images; empty: images are needed.', _as_size, Settable.UNCONFIGURED),
    ParameterSpec(
        'weights', 'yolo12n.pt',
        'The model: a file (.pt or an exported one), or a name that Ultralytics downloads. '
        'A .pt file can run code when it is loaded: use only files that you trust.',
        filled_text, Settable.UNCONFIGURED),
    ParameterSpec(
        'weights_sha256', '',
        'The SHA-256 that the weights must have, in hex: others are not loaded; empty: any. '
        'The log says what they have.', _as_sha256, Settable.UNCONFIGURED),
    ParameterSpec(
        'device', '',
        "Where the model runs: 'cpu', a GPU's number, 'cuda:0', 'mps'; empty: a GPU where "
        'there is one.', as_text, Settable.UNCONFIGURED),
    number('imgsz', 640, "The longer side of the model's input in px.", 32, 4096,
           Settable.UNCONFIGURED),
    number('conf', 0.25, 'Detections with less confidence than this do not count.', 0.0, 1.0),
    number('iou', 0.7, 'Boxes of one class that overlap more than this are one object.',
           0.0, 1.0),
    number('max_det', 300, 'The largest number of objects in one frame.', 1, 10000),
    ParameterSpec(
        'classes', '',
        "The classes that count, as names or ids: '[person, car]', '[0, 2]', 'person'; empty: "
        'all.', _as_classes),
    ParameterSpec(
        'tracker', '',
        "An Ultralytics tracker, such as 'botsort.yaml', or the path of such a file; 'none': "
        "every detection counts at once; empty: Ultralytics' default.",
        as_text, Settable.UNCONFIGURED),
    ParameterSpec(
        'colormap', 'JET', "An OpenCV colormap, such as 'JET', 'HOT' or 'VIRIDIS'.",
        _as_colormap),
    number('alpha', 0.5, 'The weight of the colours over the frame: 0 none, 1 nothing else.',
           0.0, 1.0),
    switch('legend', False, 'Draw a colour bar with values and unit on the heatmap.'),
    choice('normalize', Normalization,
           'Which heat has the last colour: the largest; a percentile, so that one hot spot '
           "leaves colours to the rest; 'fixed': scale_max."),
    number('percentile', 95.0, "The percentile of normalize 'percentile', of the heat where there "
           'is any.', 1.0, 100.0),
    number('scale_max', 100.0, "The heat with the last colour for normalize 'fixed', in "
           'heat_unit.', 0.001, 1e9),
    choice('heat_unit', HeatUnit,
           "What an object adds: 'frames': 1 a frame; 'seconds': the time that it has spent "
           'there, by the stamps of the images.', Settable.UNCONFIGURED),
    number('max_gap', 2.0, 'Seconds without a frame after which what happened in between is '
           'unknown, and adds nothing.', 0.01, 3600.0),
    choice('on_time_jump', OnTimeJump,
           'What becomes of the heat when stamps go back, as those of a bag that loops.'),
    number('half_life', 0.0, 'Seconds in which heat fades to one half; 0: it never fades.', 0.0,
           1e9),
    choice('kernel', KernelName,
           "Where a box puts its heat; 'foot': around the middle of its lower edge; 'mask': the "
           'outline that a segmentation model finds.'),
    number('ignore_stationary', 0.0, 'Seconds after which a track that stays in its place adds no '
           'heat until it moves; 0: never.', 0.0, 1e6),
    switch('per_class', False, 'Keep a layer of heat for each class, and show the sum of those '
           'that count.', Settable.UNCONFIGURED),
    ParameterSpec(
        'regions', '',
        "Polygons by name, as YAML: '{door: [[0.1, 0.2], [0.4, 0.2], [0.4, 0.9]]}', in px, or "
        'in fractions of width and height where no number is above 1. Heat is only inside.',
        _as_regions),
    choice('region_anchor', Anchor,
           "The point of a box that is in a region or not: the middle of its lower edge, 'foot', "
           'or its centre.'),
    ParameterSpec(
        'ground.points_px', '',
        "Four or more places on the floor in the image, as '[[u, v], …]' in px: with "
        'ground.points_m they make ~/density and ~/hotspots.', _as_points, Settable.UNCONFIGURED),
    ParameterSpec(
        'ground.points_m', '',
        "The same places in ground.frame_id, as '[[x, y], …]' in m.", _as_points,
        Settable.UNCONFIGURED),
    ParameterSpec(
        'ground.matrix', '',
        'Instead of the points: the 3 x 3 matrix, row by row, that takes (u, v, 1) in px to '
        '(x, y, 1) in m, positive in its third row for what the camera sees.', _as_matrix,
        Settable.UNCONFIGURED),
    ParameterSpec(
        'ground.extent', '',
        "The floor that is mapped, as '[x from, y from, x to, y to]' in m; empty: the "
        'rectangle around ground.points_m.', _as_extent, Settable.UNCONFIGURED),
    number('ground.resolution', 0.1, 'Side of a cell in m.', 0.001, 100.0, Settable.UNCONFIGURED),
    number('ground.radius', 0.3, 'Metres around a foot point that get its heat.', 0.0, 100.0,
           Settable.UNCONFIGURED),
    ParameterSpec(
        'ground.frame_id', 'map', 'The frame of the floor.', filled_text, Settable.UNCONFIGURED),
    number('ground.rate', 1.0, 'How often ~/density and ~/hotspots are published, in Hz.', 0.01,
           100.0, Settable.UNCONFIGURED),
    number('ground.hotspots', 5, 'How many of the busiest places ~/hotspots shows.', 0, 1000),
    number('ground.hotspot_distance', 1.0, 'Least distance between two of them in m.', 0.0,
           1000.0),
    number('heat_scale', 1.0, 'Size of ~/heat as a fraction of the image.', 0.01, 1.0),
    ParameterSpec(
        'snapshot_dir', '',
        'The folder of snapshots, one for each node; empty: '
        '$ROS_HOME/yolo_heatmap_ros/<name of the node>, in ~/.ros without ROS_HOME.',
        as_text, Settable.UNCONFIGURED),
    number('snapshot_keep', 10, 'How many snapshots stay; older ones are removed.', 1, 100000),
    number('autosave_period', 0.0, 'Seconds between snapshots, one more follows at the end; 0: '
           'none.', 0.0, 1e6, Settable.UNCONFIGURED),
    switch('resume', False, 'Begin with the newest snapshot, where there is one.',
           Settable.UNCONFIGURED),
    switch('reset_keeps_copy', False, 'Let ~/reset put a snapshot aside first.'),
    choice('accelerate', Acceleration,
           'A faster backend for .pt weights, exported once and kept in the cache; auto: what is '
           'installed and fits the device.', Settable.UNCONFIGURED),
    number('threads', 0, 'Threads of PyTorch on the CPU; 0: all cores but one.  All cores are '
           'faster only where nothing else runs.', 0, 256, Settable.UNCONFIGURED),
    choice('frame_policy', FramePolicy,
           "'latest': always the newest frame; 'all': every frame, in order.",
           Settable.UNCONFIGURED),
    number('queue_depth', 100, "How many frames wait at most with frame_policy 'all'.", 1, 10000,
           Settable.UNCONFIGURED),
    choice('input_transport', InputTransport,
           "The kind of images: 'compressed' listens to the topic image/compressed.",
           Settable.UNCONFIGURED),
    ParameterSpec(
        'value_range', '',
        'The values of depth and thermal images (32FC1, 16UC1) that become black and white, '
        "as '[0.5, 8.0]', in the image's unit; empty: the range of each image.",
        _as_range),
    number('output_width', 0, 'Width of the published heatmap in px, of the composite half; 0 or '
           'more than the image has: that of the image.', 0, 65535),
    *(setting for picture in ('heatmap', 'composite') for setting in (
        choice(f'{picture}.compressed.format', ImageFormat,
               f'Format of ~/{picture}/compressed.'),
        number(f'{picture}.compressed.jpeg_quality', 95, 'Quality of JPEG, in percent.', 1, 100),
        number(f'{picture}.compressed.png_level', 3, 'Effort of PNG, 0 fast to 9 small.', 0, 9))),
    choice('image_reliability', ImageReliability,
           "QoS of the image subscription; 'auto': reliable where every publisher offers it.",
           Settable.UNCONFIGURED),
    switch('autostart', True,
           'Configure and activate at start; false leaves that to a lifecycle manager.',
           Settable.AT_START),
)
