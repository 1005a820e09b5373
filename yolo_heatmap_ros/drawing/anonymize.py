"""Makes parts of a picture unreadable."""

from typing import List, Optional, Tuple

import cv2
import numpy as np

from yolo_heatmap_ros.choices import Anonymize

CELLS = 8
"""Number of cells along the longer side of a box: a person's head is about one of them."""
LEAST_CELL = 4
"""Smallest side of a cell in px."""
CELLS_ACROSS = 40
"""Number of cells across a whole picture where something is hidden that has no box."""
FLAT = 128
"""The grey of what is filled, in each channel."""
OUTLINE_MARGIN = 0.05
"""What is added around an outline, as a share of the height of its box."""


def hide(frame: np.ndarray, how: Anonymize, boxes: np.ndarray, moving: Optional[np.ndarray] = None,
         outlines: Optional[List[np.ndarray]] = None) -> np.ndarray:
    """
    Return a copy of a frame, (H, W, 3) uint8 BGR, in which nobody can be recognised.

    `boxes`, (N, 4) xyxy in px, are hidden, and what is not 0 in `moving`, (H, W) uint8.  Of a
    silhouette the `outlines`, an (M, 2) array in px for each of the first boxes, stand for the
    boxes; a box without one is filled.
    """
    picture = frame.copy()
    smooth = how == Anonymize.BLUR
    if moving is not None:
        x, y, width, height = cv2.boundingRect(moving)
        part = (slice(y, y + height), slice(x, x + width))
        cell = max(1, frame.shape[1] // CELLS_ACROSS)
        cv2.copyTo(_coarse(frame[part], cell, smooth) if _in_cells(how)
                   else np.full_like(frame[part], FLAT), moving[part], picture[part])
    for index, box in enumerate(boxes):
        outline = outlines[index] if outlines is not None and index < len(outlines) else ()
        if how == Anonymize.SILHOUETTE and len(outline) > 2:
            _fill_outline(picture, outline, box)
            continue
        rows, columns = part_of(box, *frame.shape[:2])
        part = frame[rows, columns]
        if not part.size:
            continue
        if _in_cells(how):
            cell = max(LEAST_CELL, -(-max(part.shape[:2]) // CELLS))
            picture[rows, columns] = _coarse(part, cell, smooth)
        else:
            picture[rows, columns] = FLAT
    return picture


def _in_cells(how: Anonymize) -> bool:
    return how in (Anonymize.BLUR, Anonymize.PIXELATE)


def part_of(box: np.ndarray, height: int, width: int) -> Tuple[slice, slice]:
    """Return rows and columns of a picture that a box, (4,) xyxy in px, touches."""
    low = np.clip(np.floor(box[:2]), 0, (width, height)).astype(int).tolist()
    high = np.clip(np.ceil(box[2:]), 0, (width, height)).astype(int).tolist()
    return slice(low[1], max(low[1], high[1])), slice(low[0], max(low[0], high[0]))


def _coarse(part: np.ndarray, cell: int, smooth: bool) -> np.ndarray:
    """
    Return a part of a picture in cells of about `cell` px.

    The mean of each cell is all that is left of it, also where cells run into each other
    (`smooth`): unlike a Gaussian blur, no filter brings back more.
    """
    height, width = part.shape[:2]
    means = cv2.resize(part, (-(-width // cell), -(-height // cell)),
                       interpolation=cv2.INTER_AREA)
    return cv2.resize(means, (width, height),
                      interpolation=cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST)


def _fill_outline(picture: np.ndarray, outline: np.ndarray, box: np.ndarray) -> None:
    points = [np.rint(outline).astype(np.int32)]
    colour = (FLAT,) * 3
    margin = max(1, round(float(OUTLINE_MARGIN * (box[3] - box[1]))))
    cv2.fillPoly(picture, points, colour)
    cv2.polylines(picture, points, True, colour, 2 * margin + 1)
