"""Heat accumulated over time."""

import numpy as np

from yolo_heatmap_ros.heat.kernels import disc_in_box


class HeatField:
    """
    Heat per pixel of one camera.

    `values` is (H, W) float32 in units of `kernels.HEAT_PER_FRAME`; it is changed in place.
    """

    def __init__(self, height: int, width: int):
        """Create an empty field of `height` rows and `width` columns, both in px."""
        self.values = np.zeros((height, width), np.float32)

    @property
    def shape(self):
        """Return (H, W) in px."""
        return self.values.shape

    def deposit(self, boxes: np.ndarray) -> None:
        """Add the heat of one frame: one disc for each row of `boxes`, (N, 4) xyxy in px."""
        for box in boxes:
            placed = disc_in_box(box, *self.values.shape)
            if placed is not None:
                rows, columns, heat = placed
                region = self.values[rows, columns]
                np.add(region, heat, out=region)

    def reset(self) -> None:
        """Forget all heat."""
        self.values.fill(0.0)
