"""Camera intrinsics from sensor_msgs/CameraInfo."""

from typing import Tuple

import numpy as np
from sensor_msgs.msg import CameraInfo

from yolo_heatmap_ros.errors import HeatError
from yolo_heatmap_ros.heat.camera import Camera, distortion_of, read_out


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
    roi = message.roi
    matrix, (height, width) = read_out(
        matrix, (message.height, message.width), (message.binning_x, message.binning_y),
        (roi.x_offset, roi.y_offset, roi.width, roi.height))
    if (height, width) != tuple(shape):
        raise HeatError(f'is of a picture of {width} x {height} px, and the images are of '
                        f'{shape[1]} x {shape[0]} px: calibrate at this resolution, or let the '
                        'camera driver scale its camera_info')
    if rectified:
        return Camera(matrix, shape)
    return Camera(matrix, shape, *distortion_of(message.distortion_model, message.d))
