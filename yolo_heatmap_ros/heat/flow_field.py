"""How objects move, by place: a histogram of eight directions with speeds for each cell."""

from dataclasses import asdict, dataclass
import math
from typing import Any, Dict, Sequence, Tuple

import cv2
import numpy as np

from yolo_heatmap_ros.errors import HeatError

DIRECTIONS = 8
"""The first is around +x, and each next one 45 degrees further towards +y."""
SUMS = ('seconds', 'low', 'high', 'way', 'squares')
"""What is summed for each direction, see `FlowField`."""
STANDING = 'standing'
PLANES = DIRECTIONS * len(SUMS) + 1
MAX_CELLS = 1 << 18
"""Larger grids are refused: one would take more than 86 MB."""
_SECTOR = 2.0 * math.pi / DIRECTIONS
_SMALLEST_GAIN = 2.0 ** -60
NEGLIGIBLE = 1e-6
"""Seconds that have decayed below this are treated as none."""
PRIOR = 4.0
"""Seconds for which the directions of all cells together count in each of them."""
NEIGHBOURHOOD = 1.0
"""Standard deviation, in cells, of the Gaussian by which neighbours count in a cell."""
UNSEEN = 0.05
"""Seconds in each direction that count as seen somewhere, so that none is impossible."""


@dataclass(frozen=True)
class FlowGrid:
    """
    Where the cells of a flow are: squares with a side of `cell`, in `unit`, 'm' or 'px'.

    The first row begins at `y`, the first column at `x`.  Metres are of the floor, y to the left
    of x, so that directions go counter-clockwise seen from above; pixels are of the picture, y
    downwards, so that they go clockwise as one looks at it.
    """

    x: float
    y: float
    cell: float
    rows: int
    columns: int
    unit: str

    def __post_init__(self):
        """Raise HeatError for a grid without cells, or with too many."""
        if self.rows < 1 or self.columns < 1 or not self.cell > 0.0:
            raise HeatError(f'flow: {self.rows} x {self.columns} cells of {self.cell} {self.unit}')
        if self.rows * self.columns > MAX_CELLS:
            raise HeatError(f'flow: {self.rows} x {self.columns} cells of {self.cell} {self.unit} '
                            'are too many: choose a larger flow_resolution, or a smaller '
                            'ground.extent')

    @classmethod
    def over(cls, extent: Sequence[float], cell: float, unit: str) -> 'FlowGrid':
        """Return the grid of an area, (x_min, y_min, x_max, y_max); raises HeatError."""
        x0, y0, x1, y1 = extent
        return cls(float(x0), float(y0), float(cell), math.ceil((y1 - y0) / cell - 1e-9),
                   math.ceil((x1 - x0) / cell - 1e-9), unit)

    @property
    def shape(self) -> Tuple[int, int]:
        """Return (rows along y, columns along x)."""
        return self.rows, self.columns

    def centres(self) -> np.ndarray:
        """Return the centres of all cells, (rows, columns, 2) float64 x y in its unit."""
        return np.stack(np.meshgrid(self.x + (np.arange(self.columns) + 0.5) * self.cell,
                                    self.y + (np.arange(self.rows) + 0.5) * self.cell), axis=-1)

    def plain(self) -> Dict[str, Any]:
        """Return what saved flow must match, as plain values: the arguments of a grid."""
        return asdict(self)


class FlowMap:
    """
    A flow at one moment, by cell.

    `grid` says where the cells are.  All arrays are float64, and of those in motion:
    `histogram`, (8, rows, columns) s by direction; `way` and `squares`, of the same shape, the
    sums of speed * seconds and of speed^2 * seconds; `displacements`, (8, rows, columns, 2), those
    of velocity * seconds.  `standing` are the seconds of the others, (rows, columns).  Lengths are
    in the unit of the grid.
    """

    def __init__(self, planes: np.ndarray, grid: FlowGrid):
        """Take the planes of a `FlowField`; raises HeatError if they are not of the grid."""
        if planes.shape != (PLANES, *grid.shape):
            raise HeatError(f'flow of {planes.shape} values is not that of {grid.rows} x '
                            f'{grid.columns} cells')
        self.grid = grid
        sums = planes[:-1].reshape(DIRECTIONS, len(SUMS), *grid.shape).astype(np.float64)
        self.histogram, low, high, self.way, self.squares = (sums[:, kind]
                                                             for kind in range(len(SUMS)))
        self.standing = planes[-1].astype(np.float64)
        self.displacements = (low[..., None] * _EDGES[:, 0, None, None]
                              + high[..., None] * _EDGES[:, 1, None, None])

    @property
    def moving(self) -> np.ndarray:
        """Return the seconds in motion, (rows, columns)."""
        return self.histogram.sum(axis=0)

    @property
    def seconds(self) -> np.ndarray:
        """Return the seconds of all whose velocity was known, (rows, columns)."""
        return self.moving + self.standing

    @property
    def velocity(self) -> np.ndarray:
        """Return the mean over all seconds, (rows, columns, 2), those that stand with 0."""
        return _ratio(self.displacements.sum(axis=0), self.seconds[..., None])

    @property
    def speed(self) -> np.ndarray:
        """Return the mean over all seconds, (rows, columns), those that stand with 0."""
        return _ratio(self.way.sum(axis=0), self.seconds)

    @property
    def overall_directions(self) -> np.ndarray:
        """Return the share of each direction in the motion of all cells together, (8,)."""
        seconds = self.histogram.sum(axis=(1, 2)) + UNSEEN
        return seconds / seconds.sum()

    def directions(self, neighbourhood: float = NEIGHBOURHOOD) -> np.ndarray:
        """
        Return how likely each direction is for who moves in a cell, (8, rows, columns).

        By the seconds in the cell and in its neighbours, which count less with their distance: by
        a Gaussian with a standard deviation of `neighbourhood` cells, 1 for the cell itself; 0 for
        the cell alone.  `overall_directions` are the prior, with the weight of `PRIOR` seconds.
        """
        seconds = self.histogram
        if neighbourhood:
            scale = 2.0 * math.pi * neighbourhood ** 2
            seconds = np.stack([scale * cv2.GaussianBlur(
                one, (0, 0), neighbourhood, borderType=cv2.BORDER_CONSTANT) for one in seconds])
        seconds = seconds + PRIOR * self.overall_directions[:, None, None]
        return seconds / seconds.sum(axis=0)

    def main_stream(self) -> Tuple[np.ndarray, np.ndarray]:
        """
        Return the stream of each cell in which objects spend the most time.

        Its seconds, (rows, columns), and mean velocity, (rows, columns, 2), 0 where nothing moves.
        A stream is one of the eight directions with both of its neighbours: where some come and
        others go, the mean of all would show neither.
        """
        around = (-1, 0, 1)
        seconds = sum(np.roll(self.histogram, step, axis=0) for step in around)
        main = seconds.argmax(axis=0)
        displacement = sum(np.take_along_axis(
            self.displacements, ((main + step) % DIRECTIONS)[None, ..., None], axis=0)[0]
            for step in around)
        return seconds.max(axis=0), _ratio(displacement, seconds.max(axis=0)[..., None])


class FlowField:
    """
    Sums of how objects move by cell, of `rows` x `columns`.

    For each of eight directions, sums over the seconds of those that move in it: the seconds; the
    displacement (velocity * seconds) as a sum of the two edges of the direction's sector, 22.5
    degrees before and after its middle (`low` and `high`; no part of it is negative, which is how
    heat is stored); the way (speed * seconds); and squares (speed^2 * seconds).  And the seconds
    of those that stand.

    `planes` are (PLANES, rows, columns): the five of the first direction, of the second, …, then
    `standing`.
    """

    def __init__(self, rows: int, columns: int):
        """Create an empty field."""
        # In float64, so that a second counts after a year as it does on the first day.
        self._values = np.zeros((PLANES, rows, columns))
        self._gain = 1.0

    def add(self, row: int, column: int, velocity: Tuple[float, float], seconds: float,
            standing: float) -> None:
        """
        Add `seconds` in a cell with a velocity, x y in units per second.

        One that is slower than `standing` units per second stands.
        """
        vx, vy = velocity
        speed = math.hypot(vx, vy)
        seconds /= self._gain
        if speed < standing:
            self._values[-1, row, column] += seconds
            return
        direction = round(math.atan2(vy, vx) / _SECTOR) % DIRECTIONS
        (low_x, low_y), (high_x, high_y) = _UNMIX[direction]
        low, high = low_x * vx + low_y * vy, high_x * vx + high_y * vy
        begin = direction * len(SUMS)
        self._values[begin:begin + len(SUMS), row, column] += (
            seconds, max(low, 0.0) * seconds, max(high, 0.0) * seconds, speed * seconds,
            speed * speed * seconds)

    @property
    def planes(self) -> np.ndarray:
        """Return a copy, (PLANES, rows, columns) float32, in s and units."""
        return (self._values * self._gain).astype(np.float32)

    def decay(self, factor: float) -> None:
        """Multiply all sums by `factor`, 0 to 1; it costs next to nothing, see `HeatField`."""
        self._gain *= factor
        if self._gain < _SMALLEST_GAIN:
            self._values *= self._gain
            # All sums of a direction together: seconds without a way would have no velocity.
            sums = self._values[:-1].reshape(DIRECTIONS, len(SUMS), *self._values.shape[1:])
            sums *= sums[:, :1] >= NEGLIGIBLE
            self._values[-1] *= self._values[-1] >= NEGLIGIBLE
            self._gain = 1.0

    def reset(self) -> None:
        """Forget everything."""
        self._values.fill(0.0)
        self._gain = 1.0

    def restore(self, planes: np.ndarray) -> None:
        """Replace all sums by planes, (PLANES, rows, columns)."""
        self._values[:] = planes
        self._gain = 1.0

    def merge(self, other: 'FlowField', factor: float = 1.0) -> None:
        """Add the sums of another field of the same size, multiplied by `factor`."""
        self._values += other._values * (factor * other._gain / self._gain)


def _edges() -> np.ndarray:
    """Return the unit vectors at both edges of each sector, (8, 2 edges, 2)."""
    middles = np.arange(DIRECTIONS)[:, None] * _SECTOR
    angles = middles + np.array([-0.5, 0.5]) * _SECTOR
    return np.stack((np.cos(angles), np.sin(angles)), axis=-1)


def _ratio(sums: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    return np.divide(sums, seconds, out=np.zeros(np.broadcast_shapes(sums.shape, seconds.shape)),
                     where=np.broadcast_to(seconds > 0.0, sums.shape))


_EDGES = _edges()
_UNMIX = np.linalg.inv(_EDGES.transpose(0, 2, 1)).tolist()
"""By direction, the matrix from a velocity to its parts along both edges."""
