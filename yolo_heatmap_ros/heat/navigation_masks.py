"""Heat on a floor as masks for Nav2's costmap filters: where to drive slowly, where not at all."""

import math
from typing import NamedTuple

import numpy as np

from yolo_heatmap_ros.heat.layers.floor import UNKNOWN

CLOSED = 100
"""Value of a cell that a keepout filter makes lethal."""
MARGIN_M = 2.0
"""Width of the border without a limit around a speed mask, in m; see `with_margin`."""


class FilterRule(NamedTuple):
    """
    How a filter reads a mask: value * `multiplier` + `base`.

    `kind` is the type in nav2_msgs/CostmapFilterInfo.
    """

    kind: int
    base: float
    multiplier: float


KEEPOUT_RULE = FilterRule(0, 0.0, 1.0)
"""The only base and multiplier that a keepout filter accepts."""
# With these, a value is by how many percent to slow down, and float32 holds every limit exactly.
SPEED_RULE = FilterRule(1, 100.0, -1.0)
"""Limits in percent of full speed: 100 less the value; the filter takes value 0 as no limit."""


def speed_mask(heat: np.ndarray, known: np.ndarray, low: float, high: float,
               slowest: int) -> np.ndarray:
    """
    Return a mask for a speed filter with `SPEED_RULE`, (rows, columns) int8, 0 to 100 - `slowest`.

    `heat` (rows, columns) float32 is finite, in the unit of `low` and `high`; `known` (rows,
    columns) bool.  The limit falls from full speed at `low` to `slowest`, in percent from 1 to 99,
    at `high` and above; with `low` at `high` or above it, all in one step at `high`.  Unknown
    cells have no limit: the filter reports a -1 as an error, and keeps the limit of the cell
    before.  (`slowest` cannot be 0: to the filter that is no limit.)
    """
    cells = np.rint(_share(heat, low, high) * np.float32(100 - slowest))
    return np.where(known, cells, 0).astype(np.int8)


def keepout_mask(heat: np.ndarray, known: np.ndarray, low: float, closed: float) -> np.ndarray:
    """
    Return a mask for a keepout filter, (rows, columns) int8: -1, or 1 to 100.

    `heat` (rows, columns) float32 is finite, in the unit of `low` and `closed`; `known` (rows,
    columns) bool.  Cells of `closed` and above are `CLOSED`.  From `low` to there, unless it is 0,
    values grow from 1 to 98, or 99 by rounding, and with them the cost.  All others are `UNKNOWN`,
    also where nobody has been: the filter passes over these, whereas a 0 would make cells free
    that the map does not know.
    """
    mask = np.full(heat.shape, UNKNOWN, np.int8)
    if 0.0 < low < closed:
        costly = known & (heat >= low)
        mask[costly] = 1 + np.floor(_share(heat[costly], low, closed) * np.float32(98))
    mask[known & (heat >= closed)] = CLOSED
    return mask


def _share(heat: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return where heat is between `low` and `high`, 0 to 1, as float32 of the same shape."""
    if low < high:
        return np.clip((heat - np.float32(low)) / np.float32(high - low), 0, 1)
    return (heat >= high).astype(np.float32)


def with_margin(mask: np.ndarray, resolution: float) -> np.ndarray:
    """
    Return a speed mask with `margin_cells` more cells of no limit at each side.

    Outside its mask a speed filter leaves the last limit in force: a robot must pass cells without
    a limit on its way out.  `resolution` is the size of a cell in m.
    """
    return np.pad(mask, margin_cells(resolution))


def margin_cells(resolution: float) -> int:
    """Return how many cells of this size in m are as wide as `MARGIN_M`, at least."""
    return math.ceil(MARGIN_M / resolution)
