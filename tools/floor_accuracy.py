"""What measurements of places on the floor share: matching, maps of the truth, errors."""

from typing import List, Tuple

import cv2
import numpy as np
from yolo_heatmap_ros.heat.kernels import disc_patch

SAME = 0.3
"""Intersection over union from which a found person is a true one."""
RESOLUTION, RADIUS = 0.1, 0.3
"""Of the map, in m, as the node's defaults."""


def feet_of(boxes: np.ndarray) -> np.ndarray:
    """Return the middles of the lower edges of boxes, (N, 4) xyxy, (N, 2)."""
    return np.stack(((boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]), axis=1)


def overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the intersection over union of boxes, (N, 4) and (M, 4) xyxy, (N, M)."""
    first, second = first[:, None], second[None]
    low = np.maximum(first[..., :2], second[..., :2])
    shared = np.maximum(np.minimum(first[..., 2:], second[..., 2:]) - low, 0).prod(axis=-1)
    areas = [(one[..., 2:] - one[..., :2]).prod(axis=-1) for one in (first, second)]
    return shared / (areas[0] + areas[1] - shared)


def pairs_of(found: np.ndarray, true: np.ndarray) -> List[Tuple[int, int]]:
    """Return which found box is which true one, best overlap first."""
    overlap = overlaps(found, true)
    pairs = []
    while overlap.size and overlap.max() >= SAME:
        row, column = np.unravel_index(overlap.argmax(), overlap.shape)
        pairs.append((int(row), int(column)))
        overlap[row], overlap[:, column] = 0.0, 0.0
    return pairs


def deposited(places: np.ndarray, extent: Tuple[float, ...], shape: Tuple[int, int],
              radius: float = RADIUS) -> np.ndarray:
    """Return the map of a disc for each place, (N, 2) m, as the node makes it, (rows, columns)."""
    grid = np.zeros(shape, np.float32)
    cells = round(radius / RESOLUTION)
    for column, row in np.floor((places - extent[:2]) / RESOLUTION).astype(int).tolist():
        patch = disc_patch(row, column, cells, *shape)
        if patch is not None:
            grid[patch.rows, patch.columns] += patch.heat
    return grid


def correlation(first: np.ndarray, second: np.ndarray, where: np.ndarray, blur: float) -> float:
    """Return r of two maps in the cells `where`, after a blur of both with this sigma in m."""
    if blur:
        first, second = (cv2.GaussianBlur(np.nan_to_num(one), (0, 0), blur / RESOLUTION)
                         for one in (first, second))
    return float(np.corrcoef(first[where], second[where])[0, 1])


def report(errors: np.ndarray, label: str) -> None:
    """Print what errors in m are."""
    if len(errors):
        print(f'{label}: {len(errors)}, mean {errors.mean():.3f} m, median '
              f'{np.median(errors):.3f} m, 95 % {np.percentile(errors, 95):.2f} m, '
              f'over 1 m {np.mean(errors > 1.0):.1%}')
