"""Outlines of ignored areas on a picture."""

import cv2
import numpy as np

from yolo_heatmap_ros.drawing.labels import font_scale_for
from yolo_heatmap_ros.heat.ignored_areas import IgnoredAreas

DASH = 8.0
"""Length in px of a dash, and of the gap after it, at the font's usual size."""
GREY = (160, 160, 160)


def draw_ignored_areas(picture: np.ndarray, areas: IgnoredAreas) -> None:
    """Outline areas on `picture`, (H, W, 3) uint8 BGR, by dashes: less striking than regions."""
    font_scale = font_scale_for(picture.shape[0])
    thin = max(1, round(font_scale))
    for polygon in areas.polygons.values():
        for begin, end in zip(polygon, np.roll(polygon, -1, axis=0)):
            for dash in _dashes(begin, end, max(DASH * font_scale, 2.0)):
                cv2.line(picture, *dash, GREY, thin, cv2.LINE_AA)


def _dashes(begin: np.ndarray, end: np.ndarray, length: float):
    """Return the dashes of a side, as pairs of points in whole px."""
    count = min(max(1, round(float(np.hypot(*(end - begin))) / length)), 1000)
    places = [tuple(np.round(begin + share * (end - begin)).astype(int).tolist())
              for share in np.linspace(0.0, 1.0, count + 1)]
    return list(zip(places[::2], places[1::2]))
