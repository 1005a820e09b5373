"""A camera's intrinsics: from pixels to rays, and back."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Tuple

import cv2
import numpy as np

from yolo_heatmap_ros.choices import Distortion
from yolo_heatmap_ros.errors import HeatError

_PRECISE = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-10)
_NUMBERS = {Distortion.NONE: (0,), Distortion.PLUMB_BOB: (4, 5),
            Distortion.RATIONAL_POLYNOMIAL: (8, 12, 14), Distortion.EQUIDISTANT: (4,)}
_BORDER_POINTS = 32
_BEYOND = 1.1
"""Rays further out than the picture's corner by this factor have no pixel: distortion folds."""


@dataclass(frozen=True)
class Camera:
    """
    A pinhole camera with lens distortion.

    `matrix` is K, (3, 3) float64 in px; `distortion`, (D,) float64, are the coefficients of
    `model`, in the order of OpenCV and sensor_msgs/CameraInfo.  `size` is (height, width) of its
    picture in px.  Rays are in the optical frame (x right, y down, z forward, REP 103).
    """

    matrix: np.ndarray
    size: Tuple[int, int]
    distortion: np.ndarray = field(default_factory=lambda: np.zeros(0))
    model: Distortion = Distortion.NONE

    def __post_init__(self):
        """Raise HeatError for a camera that is not calibrated, or for odd coefficients."""
        if not np.isfinite(self.matrix).all() or not np.isfinite(self.distortion).all():
            raise HeatError('the intrinsics hold numbers that are not finite: calibrate the '
                            'camera')
        if self.matrix[0, 0] <= 0.0 or self.matrix[1, 1] <= 0.0:
            raise HeatError('the camera is not calibrated: its focal length is '
                            f'{self.matrix[0, 0]:g} px; calibrate it, as with camera_calibration')
        if len(self.distortion) not in _NUMBERS[self.model]:
            raise HeatError(f"distortion model '{self.model}' takes "
                            f'{" or ".join(map(str, _NUMBERS[self.model]))} coefficients, not '
                            f'{len(self.distortion)}')

    def rays(self, pixels: np.ndarray) -> np.ndarray:
        """Return x / z and y / z of the rays through pixels, (N, 2) each."""
        pixels = np.asarray(pixels, np.float64).reshape(-1, 1, 2)
        if not len(pixels) or not self.is_distorted:
            return self._pinhole_rays(pixels[:, 0])
        if self.model == Distortion.EQUIDISTANT:
            rays = cv2.fisheye.undistortPoints(pixels, self.matrix, self.distortion,
                                               criteria=_PRECISE)
        else:
            rays = cv2.undistortPointsIter(pixels, self.matrix, self.distortion, np.eye(3),
                                           np.eye(3), _PRECISE)
        return rays[:, 0]

    def pixels(self, rays: np.ndarray) -> np.ndarray:
        """Return the pixels, (N, 2), of rays x / z and y / z; NaN far outside the picture."""
        rays = np.asarray(rays, np.float64).reshape(-1, 2)
        if not len(rays) or not self.is_distorted:
            return rays * (self.matrix[0, 0], self.matrix[1, 1]) + self.matrix[:2, 2]
        shown = np.hypot(*rays.T) <= _BEYOND * self._widest
        pixels = np.full(rays.shape, np.nan)
        if shown.any():
            if self.model == Distortion.EQUIDISTANT:
                found = cv2.fisheye.distortPoints(rays[shown, np.newaxis], self.matrix,
                                                  self.distortion)
            else:
                found = cv2.projectPoints(np.c_[rays[shown], np.ones(shown.sum())], np.zeros(3),
                                          np.zeros(3), self.matrix, self.distortion)[0]
            pixels[shown] = found[:, 0]
        return pixels

    def undistorted(self, pixels: np.ndarray) -> np.ndarray:
        """Return where pixels, (N, 2), would be without distortion, with the same K."""
        return self.rays(pixels) * (self.matrix[0, 0], self.matrix[1, 1]) + self.matrix[:2, 2]

    def distorted(self, pixels: np.ndarray) -> np.ndarray:
        """Return where pixels, (N, 2), of a picture without distortion are in this one."""
        return self.pixels(self._pinhole_rays(np.asarray(pixels, np.float64).reshape(-1, 2)))

    def _pinhole_rays(self, pixels: np.ndarray) -> np.ndarray:
        return (pixels - self.matrix[:2, 2]) / (self.matrix[0, 0], self.matrix[1, 1])

    @property
    def is_distorted(self) -> bool:
        """Return whether any coefficient differs from zero; a fisheye always is."""
        return self.model == Distortion.EQUIDISTANT or bool(self.distortion.any())

    @cached_property
    def _widest(self) -> float:
        """Return the largest tangent of the angle to the optical axis in the picture."""
        radii = np.hypot(*self.rays(border(*self.size)).T)
        return float(np.nanmax(np.where(np.isfinite(radii), radii, np.nan)))


def border(height: int, width: int, points: int = _BORDER_POINTS) -> np.ndarray:
    """Return `points` px on each side of a picture's border, (4 * points, 2), clockwise."""
    share = np.arange(points) / points
    x, y = share * width, share * height
    full, none = np.full(points, 1.0), np.zeros(points)
    return np.r_[np.c_[x, none], np.c_[width * full, y],
                 np.c_[width - x, height * full], np.c_[none, height - y]]
