"""How a picture shows the floor: from pixels to metres, and back."""

from dataclasses import dataclass
from functools import cached_property
from typing import Optional

import numpy as np

from yolo_heatmap_ros.heat.camera import border, Camera
from yolo_heatmap_ros.heat.kernels import ground_contacts

_HORIZON = 1e-12
_FURTHER = 1000.0
"""The floor further away than the nearest by this factor is taken for the horizon."""
SAME = 0.01
"""Views show the same floor if it has moved by less than this share of the picture's width."""
FOOT_PX = 2.0
"""Standard deviation in px of where a detector puts a foot, ..."""
FOOT_SHARE = 0.02
"""... and what is added to it for the size of the box, as a share of its height."""


@dataclass(frozen=True)
class FloorView:
    """
    The floor as one picture shows it.

    `matrix` is the homography, (3, 3) float64, from px without distortion to m, with a positive
    scale for what is before the camera.  `camera` undoes the picture's distortion, None if it has
    none.  `is_unknown` tells that nobody has said yet what is in sight.
    """

    is_unknown = False

    matrix: np.ndarray
    camera: Optional[Camera] = None

    def to_metres(self, pixels: np.ndarray) -> np.ndarray:
        """Return x, y in m of pixels, (N, 2) each; NaN on and above the horizon."""
        pixels = np.asarray(pixels, np.float64).reshape(-1, 2)
        if self.camera is not None:
            pixels = self.camera.undistorted(pixels)
        return _mapped(self.matrix, pixels)

    def to_pixels(self, metres: np.ndarray) -> np.ndarray:
        """Return u, v in px of places on the floor, (N, 2) each; NaN behind the camera."""
        # Where the homography has a positive scale, so has its inverse.
        pixels = _mapped(self._inverse, np.asarray(metres, np.float64).reshape(-1, 2))
        return pixels if self.camera is None else self.camera.distorted(pixels)

    def shows(self, metres: np.ndarray, height: int, width: int) -> np.ndarray:
        """Return which places, (N, 2) m, are in a picture of this size in px, (N,) bool."""
        u, v = self.to_pixels(metres).T
        with np.errstate(invalid='ignore'):
            return (u >= 0) & (u <= width) & (v >= 0) & (v <= height)

    def covariances(self, boxes: np.ndarray) -> np.ndarray:
        """
        Return how certain the places of boxes' feet are, (N, 2, 2) m^2, for (N, 4) xyxy in px.

        A detector's error in px, propagated by the derivative of the projection; NaN above the
        horizon.
        """
        boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
        feet = ground_contacts(boxes)
        derivative = np.stack([(self.to_metres(feet + step) - self.to_metres(feet - step))
                               for step in ((0.5, 0.0), (0.0, 0.5))], axis=2)
        deviation = FOOT_PX + FOOT_SHARE * (boxes[:, 3] - boxes[:, 1])
        return deviation[:, None, None] ** 2 * derivative @ derivative.transpose(0, 2, 1)

    def footprint(self, height: int, width: int, reach: float) -> np.ndarray:
        """
        Return the border of the floor that a picture of this size in px shows, (M, 2) m.

        It ends `reach` m from the nearest place, along each axis; empty if no floor is in sight.
        """
        edge = border(height, width)
        if self.camera is not None:
            edge = self.camera.undistorted(edge)
            edge = edge[np.isfinite(edge).all(axis=1)]
        scales = _scales(self.matrix, edge)
        if not (scales > 0.0).any():
            return np.empty((0, 2))
        middle = self._nearest(edge, height, width)
        edge = _clipped(edge, scales - scales.max() / _FURTHER)
        places = _mapped(self.matrix, edge)
        for axis in (0, 1):
            for sign in (1.0, -1.0):
                places = _clipped(places, reach - sign * (places[:, axis] - middle[axis]))
        return places

    def _nearest(self, edge: np.ndarray, height: int, width: int) -> np.ndarray:
        """Return the place in sight that is nearest to the camera, (2,) m, by px of the border."""
        if self.camera is None:
            return _mapped(self.matrix, edge[[np.argmax(_scales(self.matrix, edge))]])[0]
        # The inverse is K [r1 r2 t], and the camera is at -R^T t.
        pose = np.linalg.solve(self.camera.matrix, self._inverse)
        first, second, translation = (pose / np.linalg.norm(pose[:, 0])).T
        below = -np.array((first @ translation, second @ translation))
        if self.shows(below, height, width)[0]:
            return below
        places = _mapped(self.matrix, edge)
        return places[np.nanargmin(np.hypot(*(places - below).T))]

    def shift(self, other: 'FloorView', height: int, width: int) -> float:
        """
        Return by how many px the floor has moved in a picture of this size since another view.

        Infinite if what the other one shows in its lower half is not in sight.
        """
        if other is self or np.array_equal(other.matrix, self.matrix):
            return 0.0
        points = np.array([(x * width, y * height) for x in (0.1, 0.5, 0.9) for y in (0.6, 0.95)])
        before = other.to_metres(points)
        there = np.isfinite(before).all(axis=1)
        if not there.any():
            return float('inf')
        moved = np.hypot(*(self.to_pixels(before[there]) - points[there]).T)
        return float(moved.max()) if np.isfinite(moved).all() else float('inf')

    def shows_as(self, other: 'FloorView', height: int, width: int) -> bool:
        """Return whether a picture of this size in px shows almost the same floor as another."""
        # The lens alone may differ, where camera_info comes late.
        return self.camera is other.camera and self.shift(other, height, width) < SAME * width

    @cached_property
    def _inverse(self) -> np.ndarray:
        return np.linalg.inv(self.matrix)


def _scales(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return np.c_[points, np.ones(len(points))] @ matrix[2]


def _mapped(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return points, (N, 2), mapped by a homography; NaN where its scale is not positive."""
    scales = _scales(matrix, points)
    with np.errstate(invalid='ignore'):
        visible = scales > _HORIZON * np.abs(matrix[2]).max()
    scales = np.where(visible, scales, np.nan)
    return np.c_[points, np.ones(len(points))] @ matrix[:2].T / scales[:, np.newaxis]


def _clipped(polygon: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """
    Return the part of a polygon, (N, 2), where a linear function is not negative.

    `inside`, (N,), are its values at the corners (Sutherland and Hodgman, Reentrant polygon
    clipping, Communications of the ACM 17, 1974).
    """
    corners = []
    for index in range(len(polygon)):
        here, before = inside[index], inside[index - 1]
        if (here < 0.0) != (before < 0.0):
            share = before / (before - here)
            corners.append(polygon[index - 1] + share * (polygon[index] - polygon[index - 1]))
        if here >= 0.0:
            corners.append(polygon[index])
    return np.array(corners).reshape(-1, 2)
