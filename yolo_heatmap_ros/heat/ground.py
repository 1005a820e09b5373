"""The ground plane: from pixels to metres on the floor."""

from dataclasses import dataclass
from functools import cached_property
from typing import Dict, Optional, Sequence, Tuple

import cv2
import numpy as np

from yolo_heatmap_ros.errors import HeatError
from yolo_heatmap_ros.heat.floor_view import FloorView

MAX_CELLS = 1 << 24
"""Larger grids are refused: their extent and resolution do not match."""
MAX_RADIUS = 500
"""Larger discs of heat, in cells, are refused: each foot point would take milliseconds."""
MIN_HEIGHT = 0.05
"""Smallest height of a camera over the floor in m."""
UPSIDE_DOWN = 0.5
"""Sine of the angle above the floor at which the picture's lower edge points up too far."""
_COLLINEAR = 1e-6


def homography(points_px: Sequence, points_m: Sequence) -> np.ndarray:
    """
    Return the homography, (3, 3) float64, from px (u, v, 1) to m (x, y, 1) on the ground.

    `points_px` and `points_m`, (N, 2) each, are the same N >= 4 points; more than four are fitted
    by least squares (`cv2.findHomography`).  Raises HeatError for points that define none.
    """
    pixels, metres = (np.asarray(points, np.float64) for points in (points_px, points_m))
    for name, points in (('points_px', pixels), ('points_m', metres)):
        if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
            raise HeatError(f'ground.{name} is not a list of points [a, b]')
        if len(points) < 4:
            raise HeatError(f'ground.{name} has {len(points)} points: four or more are needed, '
                            'no three of them on a line')
        if _on_a_line(points):
            raise HeatError(f'ground.{name}: all but one of the points lie on one line; '
                            'choose points that span an area')
    if len(pixels) != len(metres):
        raise HeatError(f'{len(pixels)} ground.points_px, but {len(metres)} ground.points_m')
    matrix, _ = cv2.findHomography(pixels, metres, 0)
    if matrix is None:
        raise HeatError('no ground plane fits ground.points_px and ground.points_m')
    return checked_matrix(matrix, pixels)


def _on_a_line(points: np.ndarray) -> bool:
    """Return whether all of the points, or all but one, lie on a line."""
    spread = np.ptp(points, axis=0).max()
    for left_out in range(len(points)):
        rest = np.delete(points, left_out, axis=0) - points.mean(axis=0)
        if np.linalg.svd(rest - rest.mean(axis=0), compute_uv=False)[1] <= _COLLINEAR * max(
                spread, 1e-12):
            return True
    return False


def checked_matrix(matrix: np.ndarray, points_px: Optional[np.ndarray] = None) -> np.ndarray:
    """
    Return a homography, with its sign chosen so that visible ground has a positive scale.

    Raises HeatError if it cannot be inverted, or puts some of `points_px` behind the horizon.
    """
    matrix = np.asarray(matrix, np.float64).reshape(3, 3)
    largest = np.abs(matrix).max()
    if not np.isfinite(matrix).all() or largest == 0.0 or (
            abs(np.linalg.det(matrix / largest)) < 1e-15):
        raise HeatError('the ground matrix cannot be inverted')
    if points_px is not None:
        sides = np.sign(np.c_[points_px, np.ones(len(points_px))] @ matrix[2])
        if len(set(sides)) != 1:
            raise HeatError('some of ground.points_px lie behind the horizon of the ground '
                            'plane: check that they are on the floor, and in the same order as '
                            'ground.points_m')
        matrix = matrix * sides[0]
    return matrix


def facing(matrix: np.ndarray, extent: Sequence[float]) -> np.ndarray:
    """
    Return a homography, with its sign chosen so that the middle of `extent` has a positive scale.

    `extent` is (x_min, y_min, x_max, y_max) in m.  A homography means the same with either sign,
    but the sign tells the floor before the camera from what is above the horizon.
    """
    x, y = (extent[0] + extent[2]) / 2, (extent[1] + extent[3]) / 2
    return -matrix if np.linalg.inv(matrix)[2] @ (x, y, 1.0) < 0.0 else matrix


def pose_homography(matrix: np.ndarray, rotation: np.ndarray,
                    translation: np.ndarray) -> np.ndarray:
    """
    Return the homography, (3, 3) float64, from px to m, of a camera with a known pose.

    `matrix` is K, (3, 3) in px; `rotation`, (3, 3), and `translation`, (3,) m, take a point on the
    floor's frame to the camera's optical frame (x right, y down, z forward).  The floor is z = 0:
    its points are projected by K [r1 r2 t] (R. Hartley and A. Zisserman, Multiple View Geometry,
    2nd edition, 2004, section 8.1.1).  Raises HeatError for a camera that is not above the floor,
    or upside down.
    """
    height = (-rotation.T @ translation)[2]
    if height < MIN_HEIGHT:
        raise HeatError(f'the camera is {height:.2f} m above the plane z = 0 of ground.frame_id, '
                        f'and must be at least {MIN_HEIGHT} m above it: check TF, and that '
                        'ground.frame_id lies on the floor')
    if rotation[1, 2] > UPSIDE_DOWN:
        raise HeatError('by TF the camera is upside down, so that heads would be taken for feet: '
                        'turn the picture, or mend the rotation of its optical frame')
    # The scale of K [r1 r2 t] is the depth, so that of its inverse is positive before the camera.
    return np.linalg.inv(matrix @ np.column_stack((rotation[:, :2], translation)))


@dataclass(frozen=True)
class GroundPlane:
    """
    A rectangle of the floor, divided into cells.

    `matrix` maps px without distortion to m, with a positive scale for visible ground, None if it
    comes with each frame; `resolution` is the size of a cell in m; `extent` is (x_min, y_min,
    x_max, y_max) in m; `radius` is that of the disc of heat around a foot point, in m.
    """

    matrix: Optional[np.ndarray]
    resolution: float
    extent: Tuple[float, float, float, float]
    radius: float = 0.3

    def __post_init__(self):
        """Raise HeatError for an extent without a cell, too many of them, or too large discs."""
        rows, columns = self.shape
        if rows < 1 or columns < 1:
            raise HeatError('ground.extent is not [x_min, y_min, x_max, y_max] with a cell in it')
        if rows * columns > MAX_CELLS:
            raise HeatError(f'ground.extent has {rows} x {columns} cells of {self.resolution} m: '
                            'choose a smaller extent, or a larger ground.resolution')
        if self.radius > MAX_RADIUS * self.resolution:
            raise HeatError(f'ground.radius of {self.radius} m is more than {MAX_RADIUS} cells '
                            f'of {self.resolution} m: choose a smaller radius, or a larger '
                            'ground.resolution')

    @property
    def shape(self) -> Tuple[int, int]:
        """Return (rows along y, columns along x)."""
        x0, y0, x1, y1 = self.extent
        return (int(np.ceil((y1 - y0) / self.resolution - 1e-9)),
                int(np.ceil((x1 - x0) / self.resolution - 1e-9)))

    @cached_property
    def view(self) -> Optional[FloorView]:
        """Return how a still camera without distortion shows the floor, None without a matrix."""
        return None if self.matrix is None else FloorView(self.matrix)

    def centres(self, rows: slice = slice(None), columns: slice = slice(None)) -> np.ndarray:
        """Return the centres of cells, (rows, columns, 2) float64 x y in m; all by default."""
        y, x = ((np.arange(number)[part] + 0.5) * self.resolution
                for number, part in zip(self.shape, (rows, columns)))
        return np.stack(np.meshgrid(self.extent[0] + x, self.extent[1] + y), axis=-1)

    def geometry(self) -> Dict[str, object]:
        """Return what saved heat must match, as plain values."""
        matrix = None
        if self.matrix is not None:
            matrix = np.round(self.matrix / np.abs(self.matrix).max(), 9).ravel().tolist()
        return {'matrix': matrix, 'resolution': self.resolution, 'extent': list(self.extent)}
