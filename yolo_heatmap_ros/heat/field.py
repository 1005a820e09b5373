"""Heat per pixel, with decay."""

from typing import Tuple

import cv2
import numpy as np

from yolo_heatmap_ros.heat.extents import Extents
from yolo_heatmap_ros.heat.kernels import Patch

NEGLIGIBLE = 1e-6
"""Heat that has decayed below this is treated as zero."""
_SMALLEST_GAIN = 2.0 ** -60


class HeatField:
    """
    Heat per pixel of one camera.

    The heat is `values * gain`: (H, W) float32, changed in place, times a number.  Decay changes
    the number alone, and later heat is stored divided by it.  `hot` are the tiles that hold heat,
    `changed` those whose values have changed since `changed.clear()`.
    """

    def __init__(self, height: int, width: int):
        """Create an empty field of `height` rows and `width` columns, both in px."""
        self.values = np.zeros((height, width), np.float32)
        self.gain = 1.0
        self.hot = Extents(height, width)
        self.changed = Extents(height, width)
        self._maximum = 0.0
        self._minimum = 0.0
        self._coldest = (0, 0)

    @property
    def shape(self) -> Tuple[int, int]:
        """Return (H, W) in px."""
        return self.values.shape

    @property
    def maximum(self) -> float:
        """Return the largest of `values`."""
        return self._maximum

    @property
    def minimum(self) -> float:
        """Return the smallest of `values`."""
        # Values only grow: the minimum stands as long as the pixel that had it is unchanged.
        if self.values[self._coldest] != self._minimum:
            self._coldest = np.unravel_index(np.argmin(self.values), self.shape)
            self._minimum = float(self.values[self._coldest])
        return self._minimum

    def heat(self) -> np.ndarray:
        """Return a copy of the heat, (H, W) float32."""
        return self.values * np.float32(self.gain)

    def deposit(self, patch: Patch, amount: float = 1.0) -> None:
        """Add the heat of a patch, `amount` where it is hottest."""
        region = self.values[patch.rows, patch.columns]
        cv2.scaleAdd(patch.heat, amount / self.gain, region, dst=region)
        self._maximum = max(self._maximum, float(region.max()))
        self.hot.add(patch.rows, patch.columns)
        self.changed.add(patch.rows, patch.columns)

    def decay(self, factor: float) -> None:
        """Multiply all heat by `factor`, 0 to 1."""
        self.gain *= factor
        if self._maximum * self.gain < NEGLIGIBLE:
            if self._maximum:
                self.reset()
            self.gain = 1.0
        elif self.gain < _SMALLEST_GAIN:
            self._rescale()

    def _rescale(self) -> None:
        """Scale gain and values back before the values overflow."""
        # A power of two: values keep every digit.
        self.gain /= _SMALLEST_GAIN
        self.values *= np.float32(_SMALLEST_GAIN)
        self.values[self.values * np.float32(self.gain) < NEGLIGIBLE] = 0.0
        self._take_stock()

    def restore(self, heat: np.ndarray) -> None:
        """Replace all heat by `heat`, (H, W) float32."""
        np.copyto(self.values, heat)
        self.gain = 1.0
        self._take_stock()

    def merge(self, other: 'HeatField', factor: float = 1.0) -> None:
        """Add the heat of another field of the same shape, multiplied by `factor`."""
        cv2.scaleAdd(other.values, factor * other.gain / self.gain, self.values, dst=self.values)
        self._take_stock()

    def _take_stock(self) -> None:
        """Recompute extremes and hot tiles after values have changed everywhere."""
        self._maximum = float(self.values.max())
        self._minimum = float(self.values.min())
        self.hot.add_all()
        everything, _ = list(self.hot), self.hot.clear()
        for rows, columns in everything:
            for part in self.hot.tiles_of(rows, columns):
                if self.values[part].any():
                    self.hot.add(*part)
        self.changed.add_all()

    def reset(self) -> None:
        """Forget all heat."""
        self.values.fill(0.0)
        self.gain = 1.0
        self._maximum = self._minimum = 0.0
        self.hot.clear()
        self.changed.add_all()
