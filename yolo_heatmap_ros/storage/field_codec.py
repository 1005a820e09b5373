"""Fields of heat as bytes: 16 or 24 bits a cell, compressed; and sums of flow."""

import struct
from typing import Dict, Hashable, Iterable, Mapping, Tuple
import zlib

import numpy as np

from yolo_heatmap_ros.errors import HistoryError
from yolo_heatmap_ros.heat.flow_field import STANDING, SUMS

MAX_CELLS = 1 << 26
_HEAD = struct.Struct('<IIBd')
_FLOATS = 0x83
"""In place of the bytes a cell: three of a float32, see `encode_floats`."""
_DROPPED = 8
"""Bits of a float32 that are left out."""


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
    return _packed(steps, size, size, top)


def encode_floats(field: np.ndarray) -> bytes:
    """
    Return a field, (rows, columns) of values from 0 on, as bytes, 24 bits a cell.

    What `decode` returns differs by at most 1 / 65,536 of each value, however small: ratios of two
    fields are right in each cell, and what is zero in one of them only was so before.
    """
    bits = np.ascontiguousarray(field, np.float32).view(np.uint32)
    rounded = (bits + (1 << _DROPPED - 1)) >> _DROPPED
    return _packed(rounded, _FLOATS, 3, float(field.max()) if field.size else 0.0)


def _packed(steps: np.ndarray, kind: int, size: int, top: float) -> bytes:
    """Return whole numbers, (rows, columns) uint32, as `size` bytes each, compressed."""
    # The high bytes of neighbours are alike, and all of them together compress well.
    planes = steps.astype('<u4').view(np.uint8).reshape(-1, 4).T[:size]
    return _HEAD.pack(*steps.shape, kind, top) + zlib.compress(planes.tobytes())


def decode(data: bytes) -> np.ndarray:
    """Return the field, (rows, columns) float32; raises HistoryError for other bytes."""
    try:
        rows, columns, kind, top = _HEAD.unpack_from(data)
        size = 3 if kind == _FLOATS else kind
        if rows * columns > MAX_CELLS or size not in (2, 3) or not 0.0 <= top < np.inf:
            raise ValueError('an impossible head')
        content = zlib.decompressobj().decompress(data[_HEAD.size:], size * rows * columns)
        planes = np.frombuffer(content, np.uint8).reshape(size, rows * columns)
    except (struct.error, zlib.error, ValueError) as error:
        raise HistoryError(f'its heat is damaged ({error})') from error
    if kind == _FLOATS:
        values = np.zeros((rows * columns, 4), np.uint8)
        values[:, 1:] = planes.T
        values = values.view('<f4').astype(np.float32).reshape(rows, columns)
        if not (np.isfinite(values) & (values >= 0.0)).all():
            raise HistoryError('its heat is damaged (impossible values)')
        return values
    steps = planes[0].astype(np.float32)
    for place in range(1, size):
        steps += np.float32(256 ** place) * planes[place]
    return (steps * np.float32(top / _largest(size))).reshape(rows, columns)


def flow_layers(planes: np.ndarray) -> Dict[str, np.ndarray]:
    """
    Return the planes of a `FlowField`, (PLANES, rows, columns), as fields of one kind each.

    The sums by name, (8 * rows, columns), one direction below the other, and `STANDING`, (rows,
    columns), each to be encoded by `encode_floats`: a rarely used cell beside a busy one keeps
    its velocity.
    """
    layers = {name: np.concatenate(planes[kind:-1:len(SUMS)]) for kind, name in enumerate(SUMS)}
    return {**layers, STANDING: planes[-1]}


def flow_planes(layers: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the planes, float32, of which `flow_layers` has made these; KeyError, ValueError."""
    standing = layers[STANDING]
    sums = [layers[name].reshape(-1, *standing.shape) for name in SUMS]
    planes = np.stack(sums, axis=1).reshape(-1, *standing.shape)
    return np.concatenate((planes, standing[np.newaxis])).astype(np.float32)


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
