"""How objects move, in the picture and on the floor, see `FlowField`."""

import math
from typing import Any, ClassVar, Dict, Mapping, Optional

import numpy as np

from yolo_heatmap_ros.errors import HeatError
from yolo_heatmap_ros.heat.crossings import Point
from yolo_heatmap_ros.heat.dwell import DwellSegment, MAX_PLACES
from yolo_heatmap_ros.heat.flow_field import FlowField, FlowGrid, FlowMap, PLANES
from yolo_heatmap_ros.heat.layers.base import Arrays, CountsAt, Layer
from yolo_heatmap_ros.heat.options import HeatOptions

STANDING = 0.2
"""Speed in m/s below which an object on the floor stands, ..."""
STANDING_IN_PICTURE = 0.1
"""... and in the picture, in longer sides of its box a second: of people, about as much."""
CELLS = 32
"""Number of cells along the longer side of a picture."""


class _FlowLayer(Layer):
    """What both kinds have in common: a field on a grid."""

    OF_FLOW = True
    NAME: ClassVar[str]

    def __init__(self, grid: FlowGrid, counts: CountsAt):
        """Create an empty layer; `counts` tells for a box whether it counts."""
        self.grid = grid
        self.field = FlowField(*grid.shape)
        self._counts = counts

    def flow(self) -> FlowMap:
        """Return the flow of this moment."""
        return FlowMap(self.field.planes, self.grid)

    def _spread(self, segment: DwellSegment, begin: Point, end: Point,
                velocity: Optional[np.ndarray], standing: float) -> None:
        """Add a segment along its way from `begin` to `end`, in the grid's unit."""
        if velocity is None:
            return
        # Floats, not arrays: this runs for every object of every frame.
        vx, vy = velocity.tolist()
        if not (math.isfinite(vx) and math.isfinite(vy)):
            return
        grid = self.grid
        (x, y), (x1, y1) = begin, end
        step_x, step_y = x1 - x, y1 - y
        steps = math.ceil(min(2.0 * max(abs(step_x), abs(step_y)) / grid.cell, MAX_PLACES)) or 1
        for number in range(steps):
            share = (number + 0.5) / steps
            column = (x + share * step_x - grid.x) / grid.cell
            row = (y + share * step_y - grid.y) / grid.cell
            if 0.0 <= row < grid.rows and 0.0 <= column < grid.columns and self._counts(
                    segment.begin + np.float32(share) * (segment.end - segment.begin)):
                self.field.add(int(row), int(column), (vx, vy), segment.amount / steps, standing)

    def decay(self, factor: float) -> None:
        """Multiply all sums by `factor`, 0 to 1."""
        self.field.decay(factor)

    def reset(self) -> None:
        """Forget all flow."""
        self.field.reset()

    def arrays(self) -> Arrays:
        """Return a copy of the planes, (PLANES, rows, columns) float32, by its name."""
        return {self.NAME: self.field.planes}

    def facts(self) -> Dict[str, Any]:
        """Return where the cells are."""
        return {self.NAME: self.grid.plain()}

    @classmethod
    def saves(cls, name: str) -> bool:
        """Return whether an array of this name belongs to this kind."""
        return name == cls.NAME

    def restore(self, arrays: Arrays) -> None:
        """Replace all sums by a saved array."""
        self.field.restore(arrays[self.NAME])

    def merge(self, other: '_FlowLayer', factor: float = 1.0) -> None:
        """Add the flow of another layer of the same grid, multiplied by `factor`."""
        self.field.merge(other.field, factor)

    @classmethod
    def check(cls, layer: Optional[Layer], arrays: Arrays, facts: Mapping[str, Any]) -> None:
        """Raise HeatError where flow is wanted, and was not saved or has other cells."""
        problem = None if layer is None else layer.misfit(arrays, facts)
        if problem:
            raise HeatError(problem)

    def misfit(self, arrays: Arrays, facts: Mapping[str, Any]) -> Optional[str]:
        """Return why saved heat has no flow that can be restored here, None if it has."""
        if self.NAME not in arrays:
            return 'it was saved without flow'
        if (facts.get(self.NAME) != self.grid.plain()
                or arrays[self.NAME].shape != (PLANES, *self.grid.shape)):
            return ("the cells of its flow (flow_resolution, ground.extent, the picture's size) "
                    "differ from the node's")
        return None

    def empty(self) -> Arrays:
        """Return what `arrays` returns without any flow."""
        return {self.NAME: np.zeros((PLANES, *self.grid.shape), np.float32)}


class PictureFlow(_FlowLayer):
    """How objects move in the picture, in px and px/s; an object is where its foot is."""

    NAME = 'flow_picture'
    FACTS = (NAME,)
    OF_PICTURE = True

    @classmethod
    def made_for(cls, options: HeatOptions, height: int, width: int,
                 counts: CountsAt) -> Optional['PictureFlow']:
        """Return an empty layer where `flow` is set."""
        if not options.flow:
            return None
        cell = max(1, round(max(height, width) / CELLS))
        return cls(FlowGrid.over((0, 0, width, height), cell, 'px'), counts)

    def add(self, segment: DwellSegment) -> None:
        """Add how one object has moved between two frames."""
        self._spread(segment, _foot(segment.begin), _foot(segment.end), segment.velocity,
                     _standing_in_picture(segment))


class FloorFlow(_FlowLayer):
    """How objects move on the floor, in m and m/s."""

    NAME = 'flow_floor'
    FACTS = (NAME,)

    def __init__(self, grid: FlowGrid, counts: CountsAt):
        """Create an empty layer; `counts` tells for a box whether it counts."""
        super().__init__(grid, counts)
        self._still = True

    def camera_moved(self) -> None:
        """Judge from now on by the floor alone what stands: the picture moves."""
        self._still = False

    @classmethod
    def made_for(cls, options: HeatOptions, height: int, width: int,
                 counts: CountsAt) -> Optional['FloorFlow']:
        """Return an empty layer where `flow` is set and there is a floor; raises HeatError."""
        if not options.flow or options.ground is None:
            return None
        return cls(floor_grid(options), counts)

    def add(self, segment: DwellSegment) -> None:
        """Add how one object has moved between two frames."""
        way = segment.floor_way()
        if way is None:
            return
        # Far away a pixel is worth so much floor that jitter alone is faster than STANDING.
        stands = self._still and _stands_in_picture(segment)
        self._spread(segment, *way.tolist(), segment.floor_velocity,
                     math.inf if stands else STANDING)


def floor_grid(options: HeatOptions) -> FlowGrid:
    """Return the cells of the flow on a ground plane; raises HeatError for too many."""
    return FlowGrid.over(options.ground.extent, options.flow_resolution, 'm')


def _standing_in_picture(segment: DwellSegment) -> float:
    """Return the speed in px/s below which an object stands in the picture."""
    left, top, right, bottom = segment.end.tolist()
    return STANDING_IN_PICTURE * max(right - left, bottom - top)


def _stands_in_picture(segment: DwellSegment) -> bool:
    # With an unknown velocity, NaN, no comparison is true.
    return segment.velocity is not None and (
        math.hypot(*segment.velocity.tolist()) < _standing_in_picture(segment))


def _foot(box: np.ndarray) -> Point:
    """Return the middle of a box's lowest row of pixels, x y in px."""
    left, _, right, bottom = box.tolist()
    return (left + right) / 2, bottom - 0.5
