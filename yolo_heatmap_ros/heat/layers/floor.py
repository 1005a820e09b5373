"""Heat on the floor: where objects stand, in metres."""

from typing import Any, Dict, List, Mapping, NamedTuple, Optional

import numpy as np

from yolo_heatmap_ros.errors import HeatError
from yolo_heatmap_ros.heat.dwell import DwellSegment
from yolo_heatmap_ros.heat.field import HeatField
from yolo_heatmap_ros.heat.ground import GroundPlane
from yolo_heatmap_ros.heat.kernels import disc_patch, ground_contact
from yolo_heatmap_ros.heat.layers.base import Arrays, CountsAt, Layer
from yolo_heatmap_ros.heat.options import HeatOptions

GROUND = 'ground'
"""Name of the saved array, and of the geometry that belongs to it."""
UNKNOWN = -1
"""Value of a cell that the camera does not see, as in nav_msgs/OccupancyGrid."""


class Hotspot(NamedTuple):
    """A busy place: x, y in m, and its heat."""

    x: float
    y: float
    heat: float


class FloorLayer(Layer):
    """Heat on a ground plane; `field` has a row for each step along y, see `GroundPlane`."""

    FACTS = (GROUND,)

    def __init__(self, plane: GroundPlane, height: int, width: int, counts: CountsAt):
        """
        Create an empty floor, for pictures of `height` rows and `width` columns in px.

        `counts` tells for a box whether its heat counts.
        """
        self.plane = plane
        self.field = HeatField(*plane.shape)
        self.seen = plane.seen(height, width)
        self._counts = counts
        self._is_new = True

    def new_warnings(self) -> List[str]:
        """Say so once if the camera sees nothing of the floor."""
        was_new, self._is_new = self._is_new, False
        if not was_new or self.seen.any():
            return []
        return ['the picture shows nothing of ground.extent: no heat will be on the floor; check '
                'ground.matrix or the points, and ground.extent']

    @classmethod
    def made_for(cls, options: HeatOptions, height: int, width: int,
                 counts: CountsAt) -> Optional['FloorLayer']:
        """Return an empty floor, None without a ground plane."""
        return None if options.ground is None else cls(options.ground, height, width, counts)

    def add(self, segment: DwellSegment) -> None:
        """Add what one object has left between two frames, around its ground contacts."""
        for place in segment.places:
            if self._counts(place.box):
                self._deposit(place.box, place.amount)

    def _deposit(self, box: np.ndarray, amount: float) -> None:
        place = self.plane.to_metres(*ground_contact(box))
        if place is None:
            return
        plane = self.plane
        row, column = ((place[axis] - plane.extent[axis]) / plane.resolution for axis in (1, 0))
        if not (np.isfinite((row, column)).all() and abs(row) < 1e6 and abs(column) < 1e6):
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
        if facts.get(GROUND) != (None if layer is None else layer.plane.geometry()):
            raise HeatError('its ground plane (matrix, resolution, extent) differs from '
                            "the node's")
        if layer is not None and (GROUND not in arrays
                                  or arrays[GROUND].shape != layer.plane.shape):
            raise HeatError('its heat on the floor is missing, or not that of its ground plane')
