"""Pictures of a history: heat per hour, differences, and small multiples."""

from typing import Iterable, Optional, Sequence, Tuple

import cv2
import numpy as np

from yolo_heatmap_ros.choices import Normalization
from yolo_heatmap_ros.drawing.colour_range import ColourRange
from yolo_heatmap_ros.drawing.labels import draw_label, font_scale_for
from yolo_heatmap_ros.drawing.legend import Legend
from yolo_heatmap_ros.drawing.renderer import HeatRenderer
from yolo_heatmap_ros.heat.crossings import in_px
from yolo_heatmap_ros.heat.field import HeatField

GREY = 48
"""Of the picture where there is no background."""
LESS, SAME, MORE = (190, 90, 20), (225, 225, 225), (30, 30, 200)
"""BGR of the ends and the middle of the scale of differences: blue, white, red."""
FAINT = 0.02
"""Differences below this share of the largest let the background through."""
GAP = 6
"""Pixels between small multiples."""


def per_pixel(cells: np.ndarray, cell: int, height: int, width: int) -> np.ndarray:
    """Return heat of a picture's size, (H, W) float32, from the sums of cells of `cell` px."""
    rows, columns = cells.shape
    whole = cv2.resize(cells.astype(np.float32) / np.float32(cell * cell),
                       (columns * cell, rows * cell), interpolation=cv2.INTER_LINEAR)
    return np.maximum(whole[:height, :width], 0.0)


def heat_picture(heat: np.ndarray, unit: str, colormap: str = 'JET', top: float = 0.0,
                 background: Optional[np.ndarray] = None, legend: bool = True) -> np.ndarray:
    """
    Return a picture, (H, W, 3) uint8 BGR, of heat, (H, W) float32 in `unit`.

    `top` is the value of the last colour, 0 for the largest.
    """
    field = HeatField(*heat.shape)
    field.restore(heat)
    colours = ColourRange(Normalization.FIXED, scale_max=top or float(heat.max()) or 1.0)
    renderer = HeatRenderer(colormap, 0.5 if background is not None else 0.8, colours)
    picture = np.empty((*heat.shape, 3), np.uint8)
    renderer.overlay(_background(background, *heat.shape), field, picture)
    if legend:
        renderer.draw_legend(field, unit, picture)
    return picture


def difference_picture(difference: np.ndarray, unit: str,
                       background: Optional[np.ndarray] = None) -> np.ndarray:
    """
    Return a picture, (H, W, 3) uint8 BGR, of differences, (H, W) float32 in `unit`.

    Red is more, blue less, on one scale that is the same on both sides of zero.
    """
    top = float(np.abs(difference).max()) or 1.0
    palette = diverging_palette()
    levels = np.round(127.5 + 127.5 * difference / top).astype(np.uint8)
    colours = palette[levels, 0]
    opacity = np.clip(np.abs(difference) / (FAINT * top), 0.0, 1.0)[..., None] * 0.85
    picture = _background(background, *difference.shape)
    picture = (picture * (1.0 - opacity) + colours * opacity).astype(np.uint8)
    Legend().draw(picture, palette, -top, top, unit, False)
    return picture


def diverging_palette() -> np.ndarray:
    """Return 256 colours, (256, 1, 3) uint8 BGR: from less over the same to more."""
    places = np.linspace(0.0, 2.0, 256)
    channels = [np.interp(places, (0.0, 1.0, 2.0), ends) for ends in zip(LESS, SAME, MORE)]
    return np.stack(channels, axis=1).round().astype(np.uint8)[:, None]


def small_multiples(pictures: Iterable[Tuple[str, np.ndarray]], columns: int = 6,
                    width: int = 320) -> np.ndarray:
    """Return pictures, (H, W, 3) uint8 BGR of one size, side by side with their labels."""
    tiles = []
    for label, picture in pictures:
        height = round(picture.shape[0] * width / picture.shape[1])
        tile = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        draw_label(tile, label, (6, 18), font_scale_for(height, 0.5))
        tiles.append(np.pad(tile, ((0, GAP), (0, GAP), (0, 0)), constant_values=255))
    columns = min(columns, len(tiles))
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
    return np.vstack([np.hstack(tiles[begin:begin + columns])
                      for begin in range(0, len(tiles), columns)])


def polygon_mask(points: Sequence[Tuple[float, float]], height: int, width: int) -> np.ndarray:
    """Return which pixels, (H, W) bool, are in a polygon in px or, up to 1, in fractions."""
    corners = in_px(np.array(points, np.float32), height, width)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 1)
    return mask.astype(bool)


def _background(given: Optional[np.ndarray], height: int, width: int) -> np.ndarray:
    if given is None:
        return np.full((height, width, 3), GREY, np.uint8)
    return cv2.resize(given, (width, height), interpolation=cv2.INTER_AREA)
