"""Lines on a picture, with the crossings in both directions."""

import cv2
import numpy as np

from yolo_heatmap_ros.drawing.labels import draw_label, font_scale_for
from yolo_heatmap_ros.heat.lines import Lines


def draw_lines(picture: np.ndarray, lines: Lines) -> None:
    """
    Draw lines on `picture`, (H, W, 3) uint8 BGR, with their names and counts.

    An arrow across the middle of each shows which way is forward.
    """
    font_scale = font_scale_for(picture.shape[0])
    thin = max(1, round(font_scale))
    for name, points in lines.points.items():
        corners = np.round(points).astype(np.int32)
        middle, forward = _middle(points)
        tip = middle + forward * 24.0 * font_scale
        for colour, thickness in (((0, 0, 0), 3 * thin), ((255, 255, 255), thin)):
            cv2.polylines(picture, [corners], False, colour, thickness, cv2.LINE_AA)
            cv2.arrowedLine(picture, _rounded(middle), _rounded(tip), colour, thickness,
                            cv2.LINE_AA, tipLength=0.4)
        count = lines.counts[name]
        draw_label(picture, f'{name}: {count.forward} / {count.backward}',
                   corners[0] + (4, -round(6 * font_scale)), font_scale)


def _middle(points: np.ndarray):
    """Return the middle of a polyline's longest side, and the unit vector to its right, (2,)."""
    sides = np.diff(points, axis=0)
    lengths = np.hypot(*sides.T)
    longest = int(np.argmax(lengths))
    x, y = sides[longest] / lengths[longest]
    return (points[longest] + points[longest + 1]) / 2, np.array((-y, x))


def _rounded(point: np.ndarray):
    return tuple(np.round(point).astype(int).tolist())
