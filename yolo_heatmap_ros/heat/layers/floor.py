"""Heat on the floor: where objects stand, in metres."""

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

import numpy as np

from yolo_heatmap_ros.errors import HeatError
from yolo_heatmap_ros.heat.dwell import DwellSegment, MAX_PLACES
from yolo_heatmap_ros.heat.field import HeatField
from yolo_heatmap_ros.heat.floor_view import FloorView
from yolo_heatmap_ros.heat.ground import GroundPlane
from yolo_heatmap_ros.heat.kernels import disc_patch
from yolo_heatmap_ros.heat.layers.base import Arrays, CountsAt, Layer
from yolo_heatmap_ros.heat.options import HeatOptions

GROUND = 'ground'
"""Name of the saved array, and of the geometry that belongs to it."""
UNKNOWN = -1
"""Value of a cell that the camera does not see, as in nav_msgs/OccupancyGrid."""
REACH = 200.0
"""Metres from the nearest visible place beyond which nothing is taken for seen."""


class Hotspot(NamedTuple):
    """A busy place: x, y in m, and its heat."""

    x: float
    y: float
    heat: float


class FloorLayer(Layer):
    """
    Heat on a ground plane; `field` has a row for each step along y, see `GroundPlane`.

    `seen` (rows, columns) bool are the cells that the camera has seen so far.
    """

    FACTS = (GROUND,)

    def __init__(self, plane: GroundPlane, height: int, width: int, counts: CountsAt):
        """
        Create an empty floor, for pictures of `height` rows and `width` columns in px.

        `counts` tells for a box whether its heat counts.
        """
        self.plane = plane
        self.field = HeatField(*plane.shape)
        self.seen = np.zeros(plane.shape, bool)
        self._size = height, width
        self._counts = counts
        self._last_look: Optional[FloorView] = None
        self._warnings: List[str] = []

    def look(self, view: FloorView) -> None:
        """Add what a frame shows of the floor to what has been seen."""
        last = self._last_look
        if view.is_unknown or last is not None and view.shows_as(last, *self._size):
            return
        self._last_look = view
        corners = view.footprint(*self._size, reach=REACH)
        rows, columns = self._around(corners)
        centres = self.plane.centres(rows, columns)
        shown = view.shows(centres.reshape(-1, 2), *self._size).reshape(centres.shape[:2])
        self.seen[rows, columns] |= shown
        if last is None and not self.seen.any():
            self._warnings.append(
                'the picture shows nothing of ground.extent: no heat will be on the floor; check '
                'ground.matrix, the points or TF (header.frame_id must be an optical frame), and '
                'ground.extent')

    def _around(self, points: np.ndarray) -> Tuple[slice, slice]:
        """Return the rows and columns around points, (N, 2) m."""
        if not len(points):
            return slice(0, 0), slice(0, 0)
        cells = (points - self.plane.extent[:2]) / self.plane.resolution
        rows, columns = self.plane.shape
        low = np.clip(np.floor(cells.min(axis=0)) - 1, 0, (columns, rows)).astype(int)
        high = np.clip(np.ceil(cells.max(axis=0)) + 1, 0, (columns, rows)).astype(int)
        return slice(low[1], high[1]), slice(low[0], high[0])

    def new_warnings(self) -> List[str]:
        """Say so once if the camera sees nothing of the floor."""
        found, self._warnings = self._warnings, []
        return found

    @classmethod
    def made_for(cls, options: HeatOptions, height: int, width: int,
                 counts: CountsAt) -> Optional['FloorLayer']:
        """Return an empty floor, None without a ground plane."""
        return None if options.ground is None else cls(options.ground, height, width, counts)

    def add(self, segment: DwellSegment) -> None:
        """Add what one object has left between two frames, along its way on the floor."""
        way = segment.floor_way()
        if way is None:
            return
        begin, end = way
        plane = self.plane
        spacing = max(plane.resolution, plane.radius / 2)
        steps = min(max(1, int(np.ceil(min(np.hypot(*(end - begin)) / spacing, MAX_PLACES)))),
                    MAX_PLACES)
        for number in range(steps):
            share = (number + 0.5) / steps
            if self._counts(segment.begin + np.float32(share) * (segment.end - segment.begin)):
                self._deposit(begin + share * (end - begin), segment.amount / steps)

    def _deposit(self, place: np.ndarray, amount: float) -> None:
        plane = self.plane
        column, row = (place - plane.extent[:2]) / plane.resolution
        if not (abs(row) < 1e6 and abs(column) < 1e6):
            return
        radius = round(plane.radius / plane.resolution)
        patch = disc_patch(int(np.floor(row)), int(np.floor(column)), radius, *plane.shape)
        if patch is not None:
            self.field.deposit(patch, amount)

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

    def decay(self, factor: float) -> None:
        """Multiply all heat by `factor`, 0 to 1."""
        self.field.decay(factor)

    def reset(self) -> None:
        """Forget all heat."""
        self.field.reset()

    def arrays(self) -> Arrays:
        """Return a copy of the heat, (rows, columns) float32, by its name."""
        return {GROUND: self.field.heat()}

    def facts(self) -> Dict[str, Any]:
        """Return the geometry of the floor."""
        return {GROUND: self.plane.geometry()}

    @classmethod
    def saves(cls, name: str) -> bool:
        """Return whether an array of this name belongs to this kind."""
        return name == GROUND

    def restore(self, arrays: Arrays) -> None:
        """Replace all heat by a saved array."""
        self.field.restore(arrays[GROUND])

    def merge(self, other: 'FloorLayer', factor: float = 1.0) -> None:
        """Add the heat of another floor of the same geometry, multiplied by `factor`."""
        self.field.merge(other.field, factor)

    @classmethod
    def check(cls, layer: Optional[Layer], arrays: Arrays, facts: Mapping[str, Any]) -> None:
        """Raise HeatError for heat on another floor."""
        problem = cls.misfit(layer, arrays, facts)
        if problem:
            raise HeatError(problem)

    @staticmethod
    def misfit(layer: Optional['FloorLayer'], arrays: Arrays,
               facts: Mapping[str, Any]) -> Optional[str]:
        """Return why saved heat on the floor cannot be restored to `layer`, None if it can."""
        if facts.get(GROUND) != (None if layer is None else layer.plane.geometry()):
            return "its ground plane (matrix, resolution, extent) differs from the node's"
        if layer is not None and (GROUND not in arrays
                                  or arrays[GROUND].shape != layer.plane.shape):
            return 'its heat on the floor is missing, or not that of its ground plane'
        return None

    def empty(self) -> Arrays:
        """Return what `arrays` returns without any heat."""
        return {GROUND: np.zeros(self.plane.shape, np.float32)}
