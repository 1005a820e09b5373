"""Heat on the floor: where objects stand, in metres."""

from dataclasses import dataclass
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import cv2
import numpy as np

from yolo_heatmap_ros.heat.field import HeatField
from yolo_heatmap_ros.heat.kernels import disc_stamp, ground_contact

UNKNOWN = -1
"""Value of a cell that the camera does not see, as in nav_msgs/OccupancyGrid."""
MAX_CELLS = 1 << 24
"""Grids above this size are refused: their extent and resolution do not fit each other."""
_COLLINEAR = 1e-6


class Hotspot(NamedTuple):
    """A busy place: x, y in m, and its heat."""

    x: float
    y: float
    heat: float


def homography(points_px: Sequence, points_m: Sequence) -> np.ndarray:
    """
    Return the matrix, (3, 3) float64, that takes px (u, v, 1) to m (x, y, 1) on the ground.

    `points_px` and `points_m`, (N, 2) each, are the same N >= 4 places; more than four are fitted
    by least squares (`cv2.findHomography`).  Raises ValueError for what cannot be.
    """
    pixels, metres = (np.asarray(points, np.float64) for points in (points_px, points_m))
    for name, points in (('points_px', pixels), ('points_m', metres)):
        if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
            raise ValueError(f'ground.{name} is not a list of points [a, b]')
        if len(points) < 4:
            raise ValueError(f'ground.{name} has {len(points)} points: four or more are needed, '
                             'no three of them on a line')
        if _on_a_line(points):
            raise ValueError(f'ground.{name}: all but one of the points lie on one line; take '
                             'points that span an area')
    if len(pixels) != len(metres):
        raise ValueError(f'{len(pixels)} ground.points_px, but {len(metres)} ground.points_m')
    matrix, _ = cv2.findHomography(pixels, metres, 0)
    if matrix is None:
        raise ValueError('no ground plane fits ground.points_px and ground.points_m')
    return checked_matrix(matrix, pixels)


def _on_a_line(points: np.ndarray) -> bool:
    """Tell whether no four of the points are in general position: three of each on a line."""
    spread = np.ptp(points, axis=0).max()
    for left_out in range(len(points)):
        rest = np.delete(points, left_out, axis=0) - points.mean(axis=0)
        if np.linalg.svd(rest - rest.mean(axis=0), compute_uv=False)[1] <= _COLLINEAR * max(
                spread, 1e-12):
            return True
    return False


def checked_matrix(matrix: np.ndarray, points_px: Optional[np.ndarray] = None) -> np.ndarray:
    """
    Return a homography scaled so that the side of the ground that is seen is positive.

    Raises ValueError for one that cannot be inverted, or that puts some of `points_px` behind the
    horizon.
    """
    matrix = np.asarray(matrix, np.float64).reshape(3, 3)
    scale = np.abs(matrix).max()
    if not np.isfinite(matrix).all() or scale == 0.0 or (
            abs(np.linalg.det(matrix / scale)) < 1e-15):
        raise ValueError('the ground matrix cannot be inverted')
    if points_px is not None:
        sides = np.sign(np.c_[points_px, np.ones(len(points_px))] @ matrix[2])
        if len(set(sides)) != 1:
            raise ValueError('some of ground.points_px lie behind the horizon of the ground '
                             'plane: check that they are on the floor, and in the same order as '
                             'ground.points_m')
        matrix = matrix * sides[0]
    return matrix


@dataclass(frozen=True)
class GroundPlane:
    """
    A rectangle of the floor, in cells.

    `matrix` takes px to m, positive for what is seen; `resolution` is the side of a cell in m;
    `extent` (x from, y from, x to, y to) in m; `radius` in m around a foot point gets its heat.
    """

    matrix: np.ndarray
    resolution: float
    extent: Tuple[float, float, float, float]
    radius: float = 0.3

    def __post_init__(self):
        """Raise ValueError for an extent that is none, or has too many cells."""
        rows, columns = self.shape
        if rows < 1 or columns < 1:
            raise ValueError('ground.extent is not [x from, y from, x to, y to] with a cell in it')
        if rows * columns > MAX_CELLS:
            raise ValueError(f'ground.extent has {rows} x {columns} cells of {self.resolution} m: '
                             'choose a smaller extent, or a larger ground.resolution')

    @property
    def shape(self) -> Tuple[int, int]:
        """Return (rows along y, columns along x)."""
        x0, y0, x1, y1 = self.extent
        return (int(np.ceil((y1 - y0) / self.resolution - 1e-9)),
                int(np.ceil((x1 - x0) / self.resolution - 1e-9)))

    def to_metres(self, u: float, v: float) -> Optional[Tuple[float, float]]:
        """Return x, y in m of a pixel; None on the horizon and beyond it."""
        x, y, w = self.matrix @ (u, v, 1.0)
        return (x / w, y / w) if w > 1e-12 * np.abs(self.matrix[2]).max() else None

    def seen(self, height: int, width: int) -> np.ndarray:
        """Return which cells' centres a picture of this size in px shows, (rows, columns) bool."""
        rows, columns = self.shape
        x = self.extent[0] + (np.arange(columns) + 0.5) * self.resolution
        y = self.extent[1] + (np.arange(rows) + 0.5) * self.resolution
        points = np.stack((*np.meshgrid(x, y), np.ones((rows, columns))), axis=-1)
        u, v, w = np.moveaxis(points @ np.linalg.inv(self.matrix).T, -1, 0)
        # The inverse of what is positive for what is seen is positive there too.
        with np.errstate(divide='ignore', invalid='ignore'):
            u, v = u / w, v / w
        return (w > 0) & (u >= 0) & (u <= width) & (v >= 0) & (v <= height)


class GroundHeat:
    """The heat of one camera on a ground plane; fields as in `HeatField`, rows along y."""

    def __init__(self, plane: GroundPlane, height: int, width: int):
        """Begin without heat, for pictures of `height` rows and `width` columns in px."""
        self.plane = plane
        self.field = HeatField(*plane.shape)
        self.seen = plane.seen(height, width)

    def deposit(self, box: np.ndarray, amount: float) -> None:
        """Add the heat of a box, (4,) xyxy in px, around its ground contact."""
        place = self.plane.to_metres(*ground_contact(box))
        if place is None:
            return
        plane = self.plane
        row, column = ((place[axis] - plane.extent[axis]) / plane.resolution for axis in (1, 0))
        if not (np.isfinite((row, column)).all() and abs(row) < 1e6 and abs(column) < 1e6):
            return
        radius = round(plane.radius / plane.resolution)
        stamp = disc_stamp(int(np.floor(row)), int(np.floor(column)), radius, *plane.shape)
        if stamp is not None:
            self.field.deposit(stamp, amount)

    def occupancy(self, low: float, high: float) -> np.ndarray:
        """
        Return (rows, columns) int8, 0 to 100 from `low` to `high`, in values of the field.

        Cells that the camera does not see are `UNKNOWN`.
        """
        values = self.field.values
        if high > low:
            grid = np.clip((values - np.float32(low)) * np.float32(100.0 / (high - low)), 0, 100)
        else:
            grid = np.where(values > 0, 100.0, 0.0)
        return np.where(self.seen | (values > 0), np.round(grid), UNKNOWN).astype(np.int8)

    def hotspots(self, count: int, apart: float) -> List[Hotspot]:
        """Return the busiest places, hottest first, at least `apart` m from each other."""
        left = self.field.heat()
        plane = self.plane
        spots: List[Hotspot] = []
        while len(spots) < count:
            row, column = np.unravel_index(np.argmax(left), left.shape)
            heat = float(left[row, column])
            if heat <= 0.0:
                break
            # The middle of what is as hot around it: discs have flat tops.
            radius = max(1, round(plane.radius / plane.resolution))
            rows = slice(max(0, row - 2 * radius), row + 2 * radius + 1)
            columns = slice(max(0, column - 2 * radius), column + 2 * radius + 1)
            top = np.argwhere(left[rows, columns] >= heat * 0.999)
            y, x = top.mean(axis=0) + (rows.start + 0.5, columns.start + 0.5)
            spots.append(Hotspot(plane.extent[0] + x * plane.resolution,
                                 plane.extent[1] + y * plane.resolution, heat))
            gone = max(1, round(apart / plane.resolution))
            left[max(0, row - gone):row + gone + 1, max(0, column - gone):column + gone + 1] = 0.0
        return spots

    def geometry(self) -> Dict[str, object]:
        """Return what must be the same for heat to fit, as plain values."""
        return {'matrix': np.round(self.plane.matrix / np.abs(self.plane.matrix).max(),
                                   9).ravel().tolist(),
                'resolution': self.plane.resolution, 'extent': list(self.plane.extent)}
