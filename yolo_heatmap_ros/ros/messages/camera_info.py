"""Camera intrinsics from sensor_msgs/CameraInfo."""

from typing import Tuple

import numpy as np
from sensor_msgs.msg import CameraInfo

from yolo_heatmap_ros.choices import Distortion
from yolo_heatmap_ros.errors import HeatError
from yolo_heatmap_ros.heat.camera import Camera
from yolo_heatmap_ros.text import printable

_NO_DISTORTION = ('', 'none')


def camera_of(message: CameraInfo, rectified: bool, shape: Tuple[int, int]) -> Camera:
    """
    Return the camera that a message describes, for pictures of `shape`, (height, width) in px.

    Of `rectified` pictures, P is the projection, and no distortion is left; else K and D are.
    Binning and the region of interest are those of the pictures.  Raises HeatError, one line.
    """
    matrix = np.array(message.p, float).reshape(3, 4)[:, :3] if rectified else (
        np.array(message.k, float).reshape(3, 3))
    if not matrix.any():
        raise HeatError(f"has no numbers in {'P' if rectified else 'K'}: the camera is not "
                        'calibrated; calibrate it, as with camera_calibration')
    binning = np.maximum((message.binning_x, message.binning_y), 1).astype(float)
    roi = message.roi
    full = (roi.width or message.width, roi.height or message.height)
    width, height = (np.array(full) / binning).astype(int).tolist()
    if (height, width) != tuple(shape):
        raise HeatError(f'is of a picture of {width} x {height} px, and the images are of '
                        f'{shape[1]} x {shape[0]} px: calibrate at this resolution, or let the '
                        'camera driver scale its camera_info')
    matrix = matrix.copy()
    matrix[:2, 2] -= (roi.x_offset, roi.y_offset)
    matrix[:2] /= binning[:, np.newaxis]
    if rectified:
        return Camera(matrix, shape)
    return Camera(matrix, shape, *_distortion(message))


def _distortion(message: CameraInfo) -> Tuple[np.ndarray, Distortion]:
    name, numbers = message.distortion_model, np.array(message.d, float)
    if name in _NO_DISTORTION or not numbers.any() and name != Distortion.EQUIDISTANT:
        return np.zeros(0), Distortion.NONE
    if name not in set(Distortion):
        raise HeatError(f"has the distortion model '{printable(name)}', which is not known: take "
                        f"one of {', '.join(filter(None, Distortion))}, or rectified images")
    return numbers, Distortion(name)
