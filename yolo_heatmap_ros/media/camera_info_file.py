"""A camera's intrinsics as stored: in YAML files of camera_calibration, and in recordings."""

from pathlib import Path
from typing import Any, NamedTuple, Optional, Tuple

from yolo_heatmap_ros.errors import SourceError
from yolo_heatmap_ros.text import one_line
from yolo_heatmap_ros.yaml_text import load_yaml

INFO = 'sensor_msgs/msg/CameraInfo'
_TRANSPORTS = ('/compressed', '/compressedDepth', '/ffmpeg', '/theora')


class StoredInfo(NamedTuple):
    """
    What sensor_msgs/CameraInfo says, with its names.

    `width` and `height` are of the picture in px; `k` are the 9 numbers of the camera matrix in
    px, row by row, `d` the coefficients of `distortion_model`, `p` the 12 numbers of the
    projection matrix of rectified pictures in px, or none.  All of them are of the whole sensor:
    `region`, (x_offset, y_offset, width, height) in px with 0 for the full width or height, is the
    part of it that is in the pictures, and `binning` (x, y) how many px become one.
    """

    width: int
    height: int
    k: Tuple[float, ...]
    d: Tuple[float, ...]
    distortion_model: str
    p: Tuple[float, ...] = ()
    binning: Tuple[int, int] = (1, 1)
    region: Tuple[int, int, int, int] = (0, 0, 0, 0)


def stored_info(message: Any) -> StoredInfo:
    """Return what a sensor_msgs/CameraInfo says, of rclpy or of rosbags."""
    roi = message.roi
    return StoredInfo(
        int(message.width), int(message.height), _numbers(message.k), _numbers(message.d),
        message.distortion_model, _numbers(message.p),
        (int(message.binning_x), int(message.binning_y)),
        (int(roi.x_offset), int(roi.y_offset), int(roi.width), int(roi.height)))


def info_topic(image_topic: str) -> str:
    """Return the topic of the camera_info that goes with a topic of images."""
    for transport in _TRANSPORTS:
        image_topic = image_topic.removesuffix(transport)
    return f"{image_topic.rpartition('/')[0]}/camera_info"


def is_rectified(image_topic: str) -> bool:
    """Return whether images are without distortion, by image_proc's names: `image_rect…`."""
    for transport in _TRANSPORTS:
        image_topic = image_topic.removesuffix(transport)
    return image_topic.rpartition('/')[2].startswith('image_rect')


def read_camera_info(path: Path) -> StoredInfo:
    """
    Return what a YAML file of camera_calibration (camera_calibration_parsers) says.

    Raises SourceError, one line, for a file that is not one.
    """
    try:
        content = load_yaml(path.read_text())
    except (OSError, ValueError) as error:
        raise SourceError(f"'{path}': cannot be read as a camera_info file: "
                          f"{getattr(error, 'strerror', None) or error}") from error
    try:
        return StoredInfo(
            int(content['image_width']), int(content['image_height']),
            _numbers(content['camera_matrix']['data'], 9),
            _numbers(content.get('distortion_coefficients', {}).get('data', ())),
            str(content.get('distortion_model', '')),
            _numbers(content.get('projection_matrix', {}).get('data', ())))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(f"'{path}': is not a camera_info file as camera_calibration writes it, "
                          'with image_width, image_height and camera_matrix.data of 9 numbers '
                          f'({type(error).__name__}: {one_line(error)})') from error


def _numbers(values: Any, count: Optional[int] = None) -> Tuple[float, ...]:
    numbers = tuple(float(value) for value in values)
    if count is not None and len(numbers) != count:
        raise ValueError(f'{len(numbers)} numbers instead of {count}')
    return numbers


def recorded_camera_info(path: Path, image_topic: str) -> Optional[StoredInfo]:
    """
    Return the first camera_info beside `image_topic` in a recording, None if there is none.

    Raises SourceError, one line, where the recording cannot be read.
    """
    from rosbags.highlevel import AnyReader
    from rosbags.typesys import get_typestore, Stores
    topic = info_topic(image_topic)
    try:
        with AnyReader([path], default_typestore=get_typestore(Stores.LATEST)) as reader:
            connections = [one for one in reader.connections
                           if one.topic == topic and one.msgtype == INFO]
            if not connections:
                return None
            for connection, _, raw in reader.messages(connections=connections):
                return stored_info(reader.deserialize(raw, connection.msgtype))
    except Exception as error:  # rosbags', and those of SQLite, MCAP, YAML, Zstandard
        raise SourceError(f"'{path}': '{topic}' cannot be read ({one_line(error)}); give --focal "
                          'or --camera-info') from error
    return None
