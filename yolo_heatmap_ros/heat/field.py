"""Heat per pixel, with decay."""

from typing import Optional, Tuple

import cv2
import numpy as np

from yolo_heatmap_ros.heat.extents import Extents
from yolo_heatmap_ros.heat.kernels import Patch

NEGLIGIBLE = 1e-6
"""Heat that has decayed below this is treated as zero."""
SPLIT = 16.0
"""Heat from which a float32 alone would lose what is added in small steps."""
WHOLE_SPLIT = 2.0 ** 23
"""The same, for heat in whole numbers, which a float32 holds without any loss until then."""
STEPS = 160
"""How many times as much as what is added a float32 may hold without losing much of it."""
_SMALLEST_GAIN = 2.0 ** -60


class HeatField:
    """
    Heat per pixel of one camera.

    The heat is `values * gain`: (H, W) float32, changed in place, times a number.  Decay changes
    the number alone, and later heat is stored divided by it.  `hot` are the tiles that hold heat,
    `changed` those whose values have changed since `changed.clear()`.

    Once they are large, `values` are the rounded sum of two parts: a float64 of what was there,
    and a float32 of what has been added since, which is moved there before it gets large itself.
    So a second counts after a year as it does on the first day.
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
        self._split_at = SPLIT
        self._old: Optional[np.ndarray] = None
        self._recent: Optional[np.ndarray] = None
        self._most_recent = 0.0

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
        if self._old is None:
            return self.values * np.float32(self.gain)
        return (self._exact() * self.gain).astype(np.float32)

    def _exact(self) -> np.ndarray:
        """Return the values before they are rounded, (H, W) float64, a new array."""
        if self._old is None:
            return self.values.astype(np.float64)
        return self._old + self._recent

    def deposit(self, patch: Patch, amount: float = 1.0) -> None:
        """Add the heat of a patch, `amount` where it is hottest."""
        region = self.values[patch.rows, patch.columns]
        cv2.scaleAdd(patch.heat, amount / self.gain, region, dst=region)
        self._maximum = max(self._maximum, float(region.max()))
        self.hot.add(patch.rows, patch.columns)
        self.changed.add(patch.rows, patch.columns)
        if self._old is not None:
            region = self._recent[patch.rows, patch.columns]
            cv2.scaleAdd(patch.heat, amount / self.gain, region, dst=region)
            self._most_recent = max(self._most_recent, float(region.max()))
            if self._most_recent * self.gain >= max(SPLIT, STEPS * amount):
                self._set(self._exact())
        elif self._maximum * self.gain >= self._split_at:
            self._split_if_needed()

    def _split_if_needed(self) -> None:
        """Go on in two parts, unless all values are whole numbers that a float32 holds."""
        if self._maximum < WHOLE_SPLIT and self.gain == 1.0 and (
                np.rint(self.values) == self.values).all():
            self._split_at = min(2.0 * self._split_at, WHOLE_SPLIT)
        else:
            self._set(self._exact())

    def _set(self, exact: np.ndarray) -> None:
        """Take over values, (H, W) float64; what has been added before is part of them."""
        np.copyto(self.values, exact, casting='same_kind')
        self._take_stock()
        if self._old is None and self._maximum * self.gain < self._split_at:
            return
        self._old = exact
        if self._recent is None:
            self._recent = np.zeros(self.shape, np.float32)
        self._recent.fill(0.0)
        self._most_recent = 0.0

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
        exact = self._exact() * _SMALLEST_GAIN
        exact[exact * self.gain < NEGLIGIBLE] = 0.0
        self._set(exact)

    def restore(self, heat: np.ndarray) -> None:
        """Replace all heat by `heat`, (H, W) float32."""
        self._join()
        self.gain = 1.0
        self._set(heat.astype(np.float64))

    def merge(self, other: 'HeatField', factor: float = 1.0) -> None:
        """Add the heat of another field of the same shape, multiplied by `factor`."""
        self._set(self._exact() + other._exact() * (factor * other.gain / self.gain))

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
        self._join()
        self.values.fill(0.0)
        self.gain = 1.0
        self._maximum = self._minimum = 0.0
        self.hot.clear()
        self.changed.add_all()

    def _join(self) -> None:
        """Go on without parts: all values will be small."""
        self._split_at = SPLIT
        self._old = self._recent = None
        self._most_recent = 0.0
