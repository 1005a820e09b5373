"""Arrows on a picture: where objects go, and how fast."""

import cv2
import numpy as np

from yolo_heatmap_ros.heat.flow_field import FlowMap

LEAST_SECONDS = 0.2
"""Seconds in motion from which a cell has an arrow, ..."""
LEAST_SHARE = 0.02
"""... and their share of those of the busiest cell."""
FAST = 90.0
"""Percentile of the speeds that has the longest arrow."""
LONGEST, SHORTEST = 0.95, 0.45
"""Lengths of arrows in cells."""
THICK, THIN = 0.16, 0.06
"""Widths of their shafts in cells."""
HEAD_LENGTH, HEAD_WIDTH = 0.4, 0.36
"""Size of their heads in cells."""
_SHIFT = 4
"""Binary digits of coordinates after the point: OpenCV draws between pixels."""


def draw_flow(picture: np.ndarray, flow: FlowMap) -> None:
    """
    Draw an arrow for each busy cell on `picture`, (H, W, 3) uint8 BGR; `flow` is in px of it.

    It shows the mean velocity of the stream with the most seconds in the cell: where some come and
    others go, the mean of all would show neither.  Busier cells have thicker arrows.
    """
    seconds, velocity = flow.main_stream()
    busy = seconds >= max(LEAST_SECONDS, LEAST_SHARE * float(seconds.max()))
    if not busy.any():
        return
    velocity, seconds = velocity[busy], seconds[busy]
    speeds = np.hypot(*velocity.T)
    lengths = flow.grid.cell * np.clip(LONGEST * speeds / np.percentile(speeds, FAST), SHORTEST,
                                       LONGEST)
    widths = flow.grid.cell * np.clip(THICK * np.sqrt(seconds / seconds.max()), THIN, THICK)
    shapes = _arrows(flow.grid.centres()[busy], velocity / speeds[:, None], lengths, widths,
                     flow.grid.cell)
    points = list(np.round((shapes - 0.5) * (1 << _SHIFT)).astype(np.int32))
    outline = 2 * max(1, round(flow.grid.cell / 24))
    cv2.polylines(picture, points, True, (0, 0, 0), outline, cv2.LINE_AA, _SHIFT)
    cv2.fillPoly(picture, points, (255, 255, 255), cv2.LINE_AA, _SHIFT)


def _arrows(middles: np.ndarray, ahead: np.ndarray, lengths: np.ndarray, widths: np.ndarray,
            cell: float) -> np.ndarray:
    """
    Return arrows as polygons, (N, 7, 2) px.

    `middles` (N, 2) px, `ahead` (N, 2) unit vectors; `lengths` and `widths` (N,) of the shafts and
    the size of a `cell`, in px.
    """
    head = np.minimum(HEAD_LENGTH * cell, 0.7 * lengths)
    side, tail, tip = widths / 2, -lengths / 2, lengths / 2
    base, wing = tip - head, np.full(len(lengths), HEAD_WIDTH * cell / 2)
    along = np.stack((tail, base, base, tip, base, base, tail), axis=1)
    across = np.stack((side, side, wing, np.zeros_like(side), -wing, -side, -side), axis=1)
    left = ahead[:, ::-1] * (1, -1)
    return (middles[:, None] + along[..., None] * ahead[:, None]
            + across[..., None] * left[:, None])
