"""Fields of heat as bytes: 16 or 24 bits a cell, compressed."""

import struct
from typing import Dict, Hashable, Iterable, Tuple
import zlib

import numpy as np

from yolo_heatmap_ros.errors import HistoryError

MAX_CELLS = 1 << 26
_HEAD = struct.Struct('<IIBd')


def encode(field: np.ndarray, size: int = 2) -> bytes:
    """
    Return a field, (rows, columns) of values from 0 on, as bytes.

    With a `size` of 2 bytes a cell, what `decode` returns differs by at most 1 / 131,070 of the
    largest value, with 3 by 1 / 33,554,430; zeros stay zeros.
    """
    top = float(field.max()) if field.size else 0.0
    steps = np.zeros(field.shape, np.uint32)
    if top > 0.0:
        # In float32, the hottest cell could be rounded to one step more than there is.
        steps = np.round(field.astype(np.float64) * (_largest(size) / top)).astype(np.uint32)
    # The high bytes of neighbours are alike, and all of them together compress well.
    planes = steps.astype('<u4').view(np.uint8).reshape(-1, 4).T[:size]
    return _HEAD.pack(*field.shape, size, top) + zlib.compress(planes.tobytes())


def decode(data: bytes) -> np.ndarray:
    """Return the field, (rows, columns) float32; raises HistoryError for other bytes."""
    try:
        rows, columns, size, top = _HEAD.unpack_from(data)
        if rows * columns > MAX_CELLS or size not in (2, 3) or not 0.0 <= top < np.inf:
            raise ValueError('an impossible head')
        content = zlib.decompressobj().decompress(data[_HEAD.size:], size * rows * columns)
        planes = np.frombuffer(content, np.uint8).reshape(size, rows * columns)
    except (struct.error, zlib.error, ValueError) as error:
        raise HistoryError(f'its heat is damaged ({error})') from error
    steps = planes[0].astype(np.float32)
    for place in range(1, size):
        steps += np.float32(256 ** place) * planes[place]
    return (steps * np.float32(top / _largest(size))).reshape(rows, columns)


def add_layers(sums: Dict[Hashable, np.ndarray],
               layers: Iterable[Tuple[Hashable, np.ndarray]]) -> None:
    """Add fields, (rows, columns), to the float64 sums of the same name."""
    for layer, heat in layers:
        if layer in sums:
            sums[layer] += heat
        else:
            sums[layer] = heat.astype(np.float64)


def _largest(size: int) -> int:
    return 256 ** size - 1
