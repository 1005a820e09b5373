"""Parts of a picture, as sets of square tiles."""

from typing import Iterator, Tuple

import numpy as np

TILE = 64
"""Side of a tile, in px."""


class Extents:
    """A set of tiles; it iterates over rectangles: runs of tiles in bands of rows."""

    def __init__(self, height: int, width: int):
        """Start with no tile of a picture of `height` rows and `width` columns, both in px."""
        self._height, self._width = height, width
        # An empty tile at both ends of each band, so that every run has a start and an end.
        self._tiles = np.zeros((-(-height // TILE), -(-width // TILE) + 2), bool)

    def add(self, rows: slice, columns: slice) -> None:
        """Add a rectangle, given by its rows and columns in px."""
        self._tiles[rows.start // TILE:(rows.stop - 1) // TILE + 1,
                    columns.start // TILE + 1:(columns.stop - 1) // TILE + 2] = True

    def add_all(self) -> None:
        """Add the whole picture."""
        self.add(slice(0, self._height), slice(0, self._width))

    def update(self, other: 'Extents') -> None:
        """Add the tiles of another set of the same size."""
        self._tiles |= other._tiles

    def clear(self) -> None:
        """Remove all tiles."""
        self._tiles.fill(False)

    @staticmethod
    def tiles_of(rows: slice, columns: slice) -> Iterator[Tuple[slice, slice]]:
        """Yield the tiles of a rectangle that starts at a tile's corner."""
        for top in range(rows.start, rows.stop, TILE):
            for left in range(columns.start, columns.stop, TILE):
                yield (slice(top, min(top + TILE, rows.stop)),
                       slice(left, min(left + TILE, columns.stop)))

    def __iter__(self) -> Iterator[Tuple[slice, slice]]:
        """Yield (rows, columns) in px of every run of tiles."""
        bands, edges = np.nonzero(self._tiles[:, 1:] != self._tiles[:, :-1])
        for band, begin, end in zip(bands[::2].tolist(), edges[::2].tolist(),
                                    edges[1::2].tolist()):
            yield (slice(band * TILE, min((band + 1) * TILE, self._height)),
                   slice(begin * TILE, min(end * TILE, self._width)))
