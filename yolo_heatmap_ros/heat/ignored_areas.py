"""Areas in which objects are taken as not found: posters, mirrors, a street behind a window."""

from typing import List, Mapping

import cv2
import numpy as np

from yolo_heatmap_ros.choices import Anchor
from yolo_heatmap_ros.heat.crossings import anchor_of, in_px, is_outside


class IgnoredAreas:
    """The ignored areas of one picture."""

    def __init__(self, areas: Mapping[str, np.ndarray], height: int, width: int,
                 anchor: Anchor = Anchor.FOOT):
        """
        Take areas for a picture of `height` rows and `width` columns in px.

        `areas` are polygons, (N, 2) x y by name, in px, or in fractions where none is above 1.
        """
        self._size = height, width
        self._anchor = anchor
        self.polygons = {name: in_px(area, height, width) for name, area in areas.items()}

    def outside(self, boxes: np.ndarray) -> np.ndarray:
        """Return which boxes, (N, 4) xyxy in px, have their anchor in none of them, (N,) bool."""
        return np.array([not self._contain(*anchor_of(box, self._anchor)) for box in boxes], bool)

    def outside_at(self, places: np.ndarray) -> np.ndarray:
        """Return which places, (N, 2) x y in px, are in none of the areas, (N,) bool."""
        return np.array([not self._contain(*place) for place in places.tolist()], bool)

    def _contain(self, x: float, y: float) -> bool:
        return any(cv2.pointPolygonTest(polygon, (x, y), False) >= 0.0
                   for polygon in self.polygons.values())

    def warnings(self) -> List[str]:
        """Return a line on each area in which nothing can ever be seen."""
        height, width = self._size
        return [f"ignored area '{name}' lies outside the picture of {width} x {height} pixels: "
                'nothing is ignored in it' for name, polygon in self.polygons.items()
                if is_outside(polygon, height, width)]
