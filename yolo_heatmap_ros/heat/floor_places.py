"""Where a camera has shown that it sees objects: its view goes on behind walls and shelves."""

import numpy as np

CELL = 1.0
"""Side of a cell of the floor, in m."""
BODY = 0.3
"""So far around its place, in m, an object is seen as well: no wall is nearer than that."""
CELLS = 64
"""So many cells along x and y are remembered; those as many further on share their memory."""
REMEMBERED = 1800.0
"""Seconds after which a place where nothing has been seen again is forgotten."""


class SeenPlaces:
    """The cells of a floor in which one camera has seen objects lately."""

    def __init__(self):
        """Begin with none."""
        self._cells = np.zeros((CELLS, CELLS, 2), np.int64)
        self._stamps = np.full((CELLS, CELLS), -np.inf)

    def add(self, places: np.ndarray, stamp: float) -> None:
        """Remember places, (N, 2) m, in which it has seen something at `stamp` in s."""
        corners = np.array(((-BODY, -BODY), (-BODY, BODY), (BODY, -BODY), (BODY, BODY)))
        cells = cells_of((places[:, None] + corners).reshape(-1, 2))
        row, column = cells.T % CELLS
        self._cells[row, column], self._stamps[row, column] = cells, stamp

    def include(self, places: np.ndarray, stamp: float) -> np.ndarray:
        """Return which places, (N, 2) m, are in its cells at `stamp` in s, (N,) bool."""
        cells = cells_of(places)
        row, column = cells.T % CELLS
        return ((self._cells[row, column] == cells).all(axis=1)
                & (np.abs(stamp - self._stamps[row, column]) <= REMEMBERED))

    def are_near(self, places: np.ndarray, stamp: float) -> np.ndarray:
        """Return which places, (N, 2) m, are in its cells or right beside, (N,) bool."""
        around = np.mgrid[-1:2, -1:2].reshape(2, 9, 1).transpose(1, 2, 0) * CELL
        return self.include((places + around).reshape(-1, 2), stamp).reshape(9, -1).any(axis=0)

    def centres(self) -> np.ndarray:
        """Return the middles of its cells, (N, 2) float64 in m."""
        return (self._cells[np.isfinite(self._stamps)] + 0.5) * CELL

    def keep(self, wanted: np.ndarray) -> None:
        """Forget all cells but those wanted, (N,) bool in the order of `centres`."""
        row, column = np.nonzero(np.isfinite(self._stamps))
        self._stamps[row[~wanted], column[~wanted]] = -np.inf

    def clear(self) -> None:
        """Forget all cells."""
        self._stamps[:] = -np.inf


def cells_of(places: np.ndarray) -> np.ndarray:
    """Return the cells, (N, 2) int64, in which places are, (N, 2) m."""
    return np.floor(places / CELL).astype(np.int64)
