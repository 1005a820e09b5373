"""The floor as a picture from above, so that what counts in pictures counts on the floor."""

from dataclasses import dataclass
from typing import Optional, Tuple

import cv2
import numpy as np

from yolo_heatmap_ros.heat.floor_view import FloorView
from yolo_heatmap_ros.heat.ground import GroundPlane
from yolo_heatmap_ros.limits import MAX_BOX_PX

FOOT_SHARE = 4.0
"""Width of an object's box, in radii of its disc of heat, as the kernel `foot` draws it."""


@dataclass(frozen=True)
class MapPicture:
    """
    A rectangle of the floor seen from above, x to the right and y up, a cell of it in each px.

    `extent` is (x_min, y_min, x_max, y_max) in m, `resolution` the size of a cell in m, `radius`
    that of the disc of heat around an object in m.  Raises HeatError as `GroundPlane` does.
    """

    extent: Tuple[float, float, float, float]
    resolution: float
    radius: float

    @property
    def shape(self) -> Tuple[int, int]:
        """Return (height, width) in px."""
        return GroundPlane(None, self.resolution, self.extent, self.radius).shape

    @property
    def matrix(self) -> np.ndarray:
        """Return the homography, (3, 3) float64, from px to m."""
        cell = self.resolution
        return np.array([[cell, 0.0, self.extent[0]],
                         [0.0, -cell, self.extent[1] + self.shape[0] * cell],
                         [0.0, 0.0, 1.0]])

    def pixels(self, places: np.ndarray) -> np.ndarray:
        """Return where places, (N, 2) m, are in the picture, (N, 2) float64 px."""
        origin = self.matrix[:2, 2]
        return (places - origin) / self.resolution * (1.0, -1.0)

    def boxes(self, places: np.ndarray) -> np.ndarray:
        """Return boxes, (N, 4) float32 xyxy in px, that stand at places, (N, 2) m."""
        feet = np.clip(self.pixels(places), -MAX_BOX_PX / 2, MAX_BOX_PX / 2)
        width = max(FOOT_SHARE * self.radius / self.resolution, 2.0)
        return np.c_[feet - (width / 2, width), feet + (width / 2, 0.0)].astype(np.float32)


@dataclass(frozen=True)
class MapView(FloorView):
    """The floor in a `picture` from above; cameras see `areas` of it, (M, 2) m polygons each."""

    picture: Optional[MapPicture] = None
    areas: Tuple[np.ndarray, ...] = ()

    @property
    def is_unknown(self) -> bool:
        """Return whether no camera has said yet what it sees."""
        return not self.areas

    def footprint(self, height: int, width: int, reach: float) -> np.ndarray:
        """Return corners, (M, 2) m, around which the cameras see the floor, however far."""
        return np.concatenate((np.empty((0, 2)), *self.areas))

    def shows(self, metres: np.ndarray, height: int, width: int) -> np.ndarray:
        """Return which places, (N, 2) m, a camera sees, (N,) bool."""
        seen = np.zeros(len(metres), bool)
        cells = np.floor(self.picture.pixels(metres))
        there = ((cells >= 0) & (cells < (width, height))).all(axis=1)
        if not there.any():
            return seen
        # Only the part of the map that is asked for: a camera may move in a large building.
        low = cells[there].min(axis=0)
        columns, rows = (cells[there].max(axis=0) - low + 1).astype(int).tolist()
        mask = np.zeros((rows, columns), np.uint8)
        for area in self.areas:
            corners = np.clip(self.picture.pixels(area) - low, -MAX_BOX_PX, MAX_BOX_PX)
            cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 1)
        column, row = (cells[there] - low).astype(int).T
        seen[there] = mask[row, column] > 0
        return seen

    def shows_as(self, other: FloorView, height: int, width: int) -> bool:
        """Return whether the cameras saw the same areas in another view."""
        return isinstance(other, MapView) and len(self.areas) == len(other.areas) and all(
            np.array_equal(one, two) for one, two in zip(self.areas, other.areas))
