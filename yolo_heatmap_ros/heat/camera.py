"""A camera's intrinsics: from pixels to rays, and back."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Sequence, Tuple

import cv2
import numpy as np

from yolo_heatmap_ros.choices import Distortion
from yolo_heatmap_ros.errors import HeatError
from yolo_heatmap_ros.text import printable

_NUMBERS = {Distortion.NONE: (0,), Distortion.PLUMB_BOB: (4, 5),
            Distortion.RATIONAL_POLYNOMIAL: (8, 12, 14), Distortion.EQUIDISTANT: (4,)}
_BORDER_POINTS = 32
_BEYOND = 1.1
"""Rays further out than the picture's border by this factor have no pixel."""
_ANGLES = np.radians(np.linspace(0.0, 89.0, 1500))
"""Angles to the optical axis for which distortion is tabulated; a ray has no tangent at 90."""
_MOST_STEPS = 20
_ENOUGH = 1e-8
_NUDGE = 1e-6
_EXACT = 1e-3
"""Largest error, in px, of an inverse of the distortion that counts as found."""


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
        if not np.array_equal(self.matrix[2], (0.0, 0.0, 1.0)):
            raise HeatError('the intrinsics end in the row '
                            f'{", ".join(f"{one:g}" for one in self.matrix[2])}, and must end in '
                            '0, 0, 1: calibrate the camera')
        if len(self.distortion) not in _NUMBERS[self.model]:
            raise HeatError(f"distortion model '{self.model}' takes "
                            f'{" or ".join(map(str, _NUMBERS[self.model]))} coefficients, not '
                            f'{len(self.distortion)}')

    def rays(self, pixels: np.ndarray) -> np.ndarray:
        """
        Return x / z and y / z of the rays through pixels, (N, 2) each; NaN where there is none.

        Distortion has no inverse formula: a simplified Newton's method, from the inverse of its
        radial part.
        """
        pixels = np.asarray(pixels, np.float64).reshape(-1, 2)
        ideal = self._pinhole_rays(pixels)
        if not len(pixels) or not self.is_distorted:
            return ideal
        # With a fixed-point iteration, as of cv2.undistortPoints, wide lenses do not converge.
        radii, bent = self._radial
        radius = np.hypot(*ideal.T)
        rays = ideal * (np.interp(radius, bent, radii, right=np.nan)
                        / np.maximum(radius, _NUDGE))[:, np.newaxis]
        here = self._bent(rays)
        across, down = ((self._bent(rays + step) - here) / _NUDGE
                        for step in ((_NUDGE, 0.0), (0.0, _NUDGE)))
        off = pixels - here
        with np.errstate(invalid='ignore', divide='ignore'):
            inverse = np.stack((down[:, 1], -down[:, 0], -across[:, 1], across[:, 0]), axis=1) / (
                across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0])[:, np.newaxis]
            for _ in range(_MOST_STEPS):
                rays = rays + (inverse.reshape(-1, 2, 2) @ off[..., np.newaxis])[..., 0]
                off = pixels - self._bent(rays)
                if not (np.abs(off) > _ENOUGH).any():
                    break
            found = (np.hypot(*off.T) < _EXACT) & (np.hypot(*rays.T) <= radii[-1])
        return np.where(found[:, np.newaxis], rays, np.nan)

    def pixels(self, rays: np.ndarray) -> np.ndarray:
        """Return the pixels, (N, 2), of rays x / z and y / z; NaN far outside the picture."""
        rays = np.asarray(rays, np.float64).reshape(-1, 2)
        if not len(rays) or not self.is_distorted:
            return rays * (self.matrix[0, 0], self.matrix[1, 1]) + self.matrix[:2, 2]
        pixels = np.full(rays.shape, np.nan)
        shown = np.hypot(*rays.T) <= self._widest
        if shown.any():
            pixels[shown] = self._bent(rays[shown])
        return pixels

    def _bent(self, rays: np.ndarray) -> np.ndarray:
        """Return the pixels, (N, 2), of rays, wherever distortion puts them."""
        if self.model == Distortion.EQUIDISTANT:
            return cv2.fisheye.distortPoints(rays[:, np.newaxis], self.matrix,
                                             self.distortion)[:, 0]
        return cv2.projectPoints(np.c_[rays, np.ones(len(rays))], np.zeros(3), np.zeros(3),
                                 self.matrix, self.distortion)[0][:, 0]

    @cached_property
    def _radial(self) -> Tuple[np.ndarray, np.ndarray]:
        """Return radii of rays, rising, and what distortion makes of them, until it folds."""
        radii = np.tan(_ANGLES)
        if self.model == Distortion.EQUIDISTANT:
            bent = _ANGLES * _polynomial(self.distortion, _ANGLES)
        else:
            k1, k2, _, _, k3, *below = np.r_[self.distortion, np.zeros(8)][:8]
            bent = radii * _polynomial((k1, k2, k3), radii) / _polynomial(below, radii)
        folds = np.flatnonzero(np.diff(bent) <= 0.0)
        until = folds[0] + 1 if len(folds) else len(radii)
        return radii[:until], bent[:until]

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
        """Return the largest tangent of an angle to the optical axis that has a pixel."""
        radii = np.hypot(*self.rays(border(*self.size)).T)
        until = self._radial[0][-1]
        # Where the border is dark, or beyond the fold, the picture's edge is elsewhere.
        return until if np.isnan(radii).any() else min(_BEYOND * float(radii.max()), until)


def _polynomial(coefficients: Sequence[float], x: np.ndarray) -> np.ndarray:
    """Return 1 + a x^2 + b x^4 + …."""
    return 1.0 + sum(one * x ** (2 * power) for power, one in enumerate(coefficients, start=1))


def read_out(matrix: np.ndarray, size: Tuple[int, int], binning: Tuple[int, int],
             region: Tuple[int, int, int, int]) -> Tuple[np.ndarray, Tuple[int, int]]:
    """
    Return K, (3, 3), of the pictures that a sensor gives, and their (height, width) in px.

    `matrix` (3, 3) and `size`, (height, width), are of the whole sensor in px.  As of
    sensor_msgs/CameraInfo, `region` is (x_offset, y_offset, width, height) in px before binning,
    with 0 for the full width or height, and `binning` (x, y) is how many px become one, with 0
    for 1.
    """
    across, down = np.maximum(binning, 1).astype(float)
    left, top, width, height = region
    matrix = np.array(matrix, float)
    matrix[:2, 2] -= (left, top)
    matrix[:2] /= ((across,), (down,))
    return matrix, (int((height or size[0]) / down), int((width or size[1]) / across))


def distortion_of(name: str, numbers: Sequence[float]) -> Tuple[np.ndarray, Distortion]:
    """
    Return coefficients, (D,) float64, and their model, of the names that camera_info has.

    Raises HeatError, one line, for a model that is not known.
    """
    numbers = np.array(numbers, float)
    if name in ('', 'none') or not numbers.any() and name != Distortion.EQUIDISTANT:
        return np.zeros(0), Distortion.NONE
    if name not in set(Distortion):
        raise HeatError(f"has the distortion model '{printable(name)}', which is not known: take "
                        f"one of {', '.join(filter(None, Distortion))}, or rectified images")
    return numbers, Distortion(name)


def border(height: int, width: int, points: int = _BORDER_POINTS) -> np.ndarray:
    """Return `points` px on each side of a picture's border, (4 * points, 2), clockwise."""
    share = np.arange(points) / points
    x, y = share * width, share * height
    full, none = np.full(points, 1.0), np.zeros(points)
    return np.r_[np.c_[x, none], np.c_[width * full, y],
                 np.c_[width - x, height * full], np.c_[none, height - y]]
