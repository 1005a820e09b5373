"""A grid of metres on the floor of a picture, and people of a known height on it."""

from typing import Iterator, List, Optional, Tuple

import cv2
import numpy as np

from yolo_heatmap_ros.drawing.labels import draw_label, font_scale_for
from yolo_heatmap_ros.heat.camera import Camera

AHEAD, ACROSS, HORIZON, POLE, BOX = (
    (0, 220, 255), (255, 200, 60), (255, 255, 255), (60, 60, 255), (120, 255, 120))
"""Colours, BGR: of lines at one distance, of lines away from the camera, and of the rest."""
SPACINGS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
_MOST_LINES = 16
_SAMPLES = 200
"""Points of a line, which lens distortion bends."""
_TICK = 0.12
"""Width of the ends of a pole, as a share of its height."""
_SHIFT = 4
"""Binary digits of OpenCV's coordinates after the point."""


def spacing_for(extent: Tuple[float, float, float, float]) -> float:
    """Return the metres between lines that suit an extent (x_min, y_min, x_max, y_max) in m."""
    span = max(extent[2] - extent[0], extent[3] - extent[1])
    return next((one for one in SPACINGS if span / one <= _MOST_LINES), SPACINGS[-1])


def draw_metre_grid(picture: np.ndarray, matrix: np.ndarray, camera: Camera,
                    extent: Tuple[float, float, float, float],
                    spacing: Optional[float] = None) -> None:
    """
    Draw lines on the floor of `picture`, (H, W, 3) uint8 BGR, with their x and y in m.

    `matrix`, (3, 3), is the homography from undistorted px to m, positive below the horizon;
    `extent` is (x_min, y_min, x_max, y_max) in m.  The horizon is drawn too, if it is in sight.
    """
    spacing = spacing or spacing_for(extent)
    font_scale = font_scale_for(picture.shape[0])
    to_pixels = np.linalg.inv(matrix)
    x0, y0, x1, y1 = extent
    labels: List[Tuple[str, np.ndarray]] = []
    for x in _multiples(x0, x1, spacing):
        line = np.column_stack((np.full(_SAMPLES, x), np.linspace(y0, y1, _SAMPLES)))
        pixels = floor_to_pixels(to_pixels, camera, line)
        _draw(picture, pixels, AHEAD, font_scale)
        labels += _label(picture, pixels, f'x {x:g} m', 0)
    for y in _multiples(y0, y1, spacing):
        line = np.column_stack((np.linspace(x0, x1, _SAMPLES), np.full(_SAMPLES, y)))
        pixels = floor_to_pixels(to_pixels, camera, line)
        _draw(picture, pixels, ACROSS, font_scale)
        labels += _label(picture, pixels, f'y {y:g} m', 1)
    pixels = camera.distorted(_horizon(matrix, picture.shape[1]))
    _draw(picture, pixels, HORIZON, font_scale)
    labels += _label(picture, pixels, 'horizon', 0)
    _write(picture, labels, font_scale)


def draw_poles(picture: np.ndarray, poles: np.ndarray, boxes: np.ndarray) -> None:
    """
    Draw people as poles and as boxes on `picture`, (H, W, 3) uint8 BGR.

    `poles` (N, 2, 2) are feet and heads, `boxes` (N, 4) the xyxy that they should fill, in px;
    poles that are not finite are left out.
    """
    thin = max(1, round(font_scale_for(picture.shape[0])))
    for pole, box in zip(poles, boxes):
        cv2.rectangle(picture, *np.round(box).astype(int).reshape(2, 2).tolist(), BOX, thin,
                      cv2.LINE_AA)
        if not np.isfinite(pole).all():
            continue
        up = pole[1] - pole[0]
        side = _TICK * np.array((-up[1], up[0]))
        for ends in (pole, (pole[0] - side, pole[0] + side), (pole[1] - side, pole[1] + side)):
            cv2.line(picture, *_fixed(np.array(ends)).tolist(), POLE, 2 * thin, cv2.LINE_AA,
                     _SHIFT)


def floor_to_pixels(to_pixels: np.ndarray, camera: Camera, places: np.ndarray) -> np.ndarray:
    """
    Return the pixels, (N, 2), of places (N, 2) in m on the floor; NaN behind the camera.

    `to_pixels`, (3, 3), is the homography from m to undistorted px, positive before the camera.
    """
    u, v, depth = to_pixels @ np.c_[places, np.ones(len(places))].T
    with np.errstate(divide='ignore', invalid='ignore'):
        pixels = np.where(depth > 0.0, (u, v) / depth, np.nan).T
    shown = np.isfinite(pixels).all(axis=1)
    pixels[shown] = camera.distorted(pixels[shown])
    return pixels


def _multiples(low: float, high: float, spacing: float) -> Iterator[float]:
    for number in range(int(np.ceil(low / spacing - 1e-9)), int(high / spacing + 1e-9 + 1)):
        if low - 1e-9 <= number * spacing <= high + 1e-9:
            yield number * spacing


def _horizon(matrix: np.ndarray, width: int) -> np.ndarray:
    """Return undistorted px, (N, 2), on the horizon; none where it is upright in the picture."""
    a, b, c = matrix[2]
    if abs(b) <= abs(a):
        return np.empty((0, 2))
    u = np.linspace(-0.5 * width, 1.5 * width, _SAMPLES)
    return np.column_stack((u, -(a * u + c) / b))


def _draw(picture: np.ndarray, pixels: np.ndarray, colour: Tuple[int, int, int],
          font_scale: float) -> None:
    """Draw those parts of a line, (N, 2) px, that are in the picture or near it."""
    thin = max(1, round(font_scale))
    size = np.array(picture.shape[1::-1])
    near = ((pixels > -size) & (pixels < 2 * size)).all(axis=1)  # false for NaN
    # Consecutive points that are near, without those between two parts.
    for part in np.split(np.arange(len(pixels)), np.flatnonzero(np.diff(near)) + 1):
        if len(part) > 1 and near[part[0]]:
            for shade, thickness in (((0, 0, 0), 3 * thin), (colour, thin)):
                cv2.polylines(picture, [_fixed(pixels[part])], False, shade, thickness,
                              cv2.LINE_AA, _SHIFT)


def _fixed(pixels: np.ndarray) -> np.ndarray:
    return np.round(pixels * (1 << _SHIFT)).astype(np.int32)


def _label(picture: np.ndarray, pixels: np.ndarray, text: str,
           axis: int) -> List[Tuple[str, np.ndarray]]:
    """Return a label at a line's leftmost (axis 0) or lowest (axis 1) point in the picture."""
    height, width = picture.shape[:2]
    shown = pixels[((pixels >= 0) & (pixels < (width, height))).all(axis=1)]
    if not len(shown):
        return []
    return [(text, shown[np.argmin(shown[:, 0]) if axis == 0 else np.argmax(shown[:, 1])])]


def _write(picture: np.ndarray, labels: List[Tuple[str, np.ndarray]], font_scale: float) -> None:
    """Write labels where they do not cover each other, and inside the picture."""
    height, width = picture.shape[:2]
    taken: List[Tuple[float, float, float, float]] = []
    for text, place in labels:
        (wide, tall), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, font_scale, 1)
        left = min(max(place[0] + 3, 2), width - wide - 2)
        base = min(max(place[1] - 3, tall + 2), height - 4)
        area = (left, base - tall, left + wide, base)
        if any(area[0] < other[2] and other[0] < area[2] and area[1] < other[3]
               and other[1] < area[3] for other in taken):
            continue
        taken.append(area)
        draw_label(picture, text, (round(left), round(base)), font_scale)
