"""Heat accumulated over time."""

from typing import Tuple

import numpy as np

from yolo_heatmap_ros.heat.extents import Extents
from yolo_heatmap_ros.heat.kernels import disc_in_box


class HeatField:
    """
    Heat per pixel of one camera.

    `values` is (H, W) float32 in units of `kernels.HEAT_PER_FRAME`; it is changed in place.
    `hot` are the parts that hold heat, `changed` those that got some since `changed.clear()`.
    """

    def __init__(self, height: int, width: int):
        """Create an empty field of `height` rows and `width` columns, both in px."""
        self.values = np.zeros((height, width), np.float32)
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
        """Return the largest heat."""
        return self._maximum

    @property
    def minimum(self) -> float:
        """Return the smallest heat."""
        # One pixel that has stayed as cold as all were proves the minimum: heat only grows.
        if self.values[self._coldest] != self._minimum:
            self._coldest = np.unravel_index(np.argmin(self.values), self.shape)
            self._minimum = float(self.values[self._coldest])
        return self._minimum

    def deposit(self, boxes: np.ndarray) -> None:
        """
        Add the heat of one frame: one disc for each row of `boxes`, (N, 4) xyxy in px.

        Boxes with NaN or infinite corners, which a broken model may return, add nothing.
        """
        for box in boxes[np.isfinite(boxes).all(axis=1)]:
            placed = disc_in_box(box, *self.shape)
            if placed is not None:
                rows, columns, heat = placed
                region = self.values[rows, columns]
                np.add(region, heat, out=region)
                self._maximum = max(self._maximum, float(region.max()))
                self.hot.add(rows, columns)
                self.changed.add(rows, columns)

    def reset(self) -> None:
        """Forget all heat."""
        self.values.fill(0.0)
        self._maximum = self._minimum = 0.0
        self.hot.clear()
        self.changed.add_all()
