"""Outlines of regions on a picture."""

import cv2
import numpy as np

from yolo_heatmap_ros.drawing.labels import draw_label, font_scale_for
from yolo_heatmap_ros.heat.regions import Regions


def draw_regions(picture: np.ndarray, regions: Regions) -> None:
    """Outline regions on `picture`, (H, W, 3) uint8 BGR, with their names and object counts."""
    font_scale = font_scale_for(picture.shape[0])
    thin = max(1, round(font_scale))
    for name, polygon in regions.polygons.items():
        points = np.round(polygon).astype(np.int32)
        for colour, thickness in (((0, 0, 0), 3 * thin), ((255, 255, 255), thin)):
            cv2.polylines(picture, [points], True, colour, thickness, cv2.LINE_AA)
        corner = points[np.argmin(points.sum(axis=1))]
        draw_label(picture, f'{name}: {regions.counts[name].objects}',
                   corner + (4, round(20 * font_scale)), font_scale)
