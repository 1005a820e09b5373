"""Makes parts of a picture unreadable."""

from typing import Iterator, List, Optional, Tuple

import cv2
import numpy as np

from yolo_heatmap_ros.choices import Anonymize

CELLS = 8
"""Number of cells along the longer side of a box: a person's head is about one of them."""
LEAST_CELL = 4
"""Smallest side of a cell in px."""
CELLS_ACROSS = 40
"""Number of cells across a whole picture, at most, where something is hidden without a box."""
STEP = 4
"""Each so manieth pixel tells how large something is that has no box."""
FLAT = 128
"""The grey of what is filled, in each channel."""
OUTLINE_MARGIN = 0.05
"""What is added around an outline, as a share of the height of its box."""
LEAST_OUTLINE = 0.4
"""Share of a box's sides that an outline must reach: else it is only a part of somebody."""
Part = Tuple[slice, slice]
"""Rows and columns of a picture."""


def hide(frame: np.ndarray, how: Anonymize, boxes: np.ndarray, moving: Optional[np.ndarray] = None,
         outlines: Optional[List[np.ndarray]] = None) -> np.ndarray:
    """
    Return a copy of a frame, (H, W, 3) uint8 BGR, in which nobody can be recognised.

    `boxes`, (N, 4) xyxy in px, are hidden, and what is not 0 in `moving`, (H, W) uint8.  Of a
    silhouette the `outlines`, an (M, 2) array in px for each of the first boxes, stand for the
    boxes; a box without one is filled.
    """
    picture = frame.copy()
    if how in (Anonymize.BLUR, Anonymize.PIXELATE):
        # The largest cells come last: no small box may show more of what lies in a large one.
        for cell, part, mask in sorted(_cells(boxes, moving, *frame.shape[:2]),
                                       key=lambda one: one[0]):
            cv2.copyTo(_coarse(frame[part], cell, how == Anonymize.BLUR), mask, picture[part])
        return picture
    if moving is not None:
        cv2.copyTo(np.full_like(frame, FLAT), moving, picture)
    for index, box in enumerate(boxes):
        outline = outlines[index] if outlines is not None and index < len(outlines) else ()
        if how == Anonymize.SILHOUETTE and len(outline) > 2 and _is_whole(outline, box):
            _fill_outline(picture, outline, box)
        else:
            picture[part_of(box, *frame.shape[:2])] = FLAT
    return picture


def _cells(boxes: np.ndarray, moving: Optional[np.ndarray], height: int,
           width: int) -> Iterator[Tuple[int, Part, Optional[np.ndarray]]]:
    """Yield the side of cells in px, the part, and where in it they are; None: everywhere."""
    if moving is not None:
        x, y, columns, rows = cv2.boundingRect(moving)
        part = slice(y, y + rows), slice(x, x + columns)
        _, _, found, _ = cv2.connectedComponentsWithStats(
            np.ascontiguousarray(moving[::STEP, ::STEP]))
        largest = STEP * found[1:, cv2.CC_STAT_WIDTH:cv2.CC_STAT_HEIGHT + 1].max(initial=0)
        yield max(1, width // CELLS_ACROSS, -(-int(largest) // CELLS)), part, moving[part]
    for box in boxes:
        rows, columns = part = part_of(box, height, width)
        longest = max(rows.stop - rows.start, columns.stop - columns.start)
        if rows.stop > rows.start and columns.stop > columns.start:
            yield max(LEAST_CELL, -(-longest // CELLS)), part, None


def part_of(box: np.ndarray, height: int, width: int) -> Part:
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


def _is_whole(outline: np.ndarray, box: np.ndarray) -> bool:
    """Return whether an outline, (M, 2), is about as large as a box, (4,) xyxy."""
    return bool((np.ptp(outline, axis=0) >= LEAST_OUTLINE * (box[2:] - box[:2])).all())


def _fill_outline(picture: np.ndarray, outline: np.ndarray, box: np.ndarray) -> None:
    points = [np.rint(outline).astype(np.int32)]
    colour = (FLAT,) * 3
    margin = max(1, round(float(OUTLINE_MARGIN * (box[3] - box[1]))))
    cv2.fillPoly(picture, points, colour)
    cv2.polylines(picture, points, True, colour, 2 * margin + 1)
