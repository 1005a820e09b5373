"""Which heat has the first and the last colour."""

from dataclasses import dataclass
import math
from typing import Tuple

import numpy as np

from yolo_heatmap_ros.heat.field import HeatField

MAX, PERCENTILE, FIXED = 'max', 'percentile', 'fixed'
NORMALIZATIONS = (MAX, PERCENTILE, FIXED)
_SAMPLES = 1 << 16


@dataclass
class HeatScale:
    """
    How heat is stretched over the colours; all may change between frames.

    `normalize` is `max`: from the smallest to the largest heat, as in `ultralytics.solutions`;
    `percentile`: from 0 to that `percentile` of the heat where there is any, so that one hot spot
    leaves colours to the rest; `fixed`: from 0 to `scale_max`, in the heat's unit.
    """

    normalize: str = MAX
    percentile: float = 95.0
    scale_max: float = 100.0

    def limits(self, field: HeatField) -> Tuple[float, float]:
        """Return the values (see `HeatField.values`) of the first and the last colour."""
        if self.normalize == FIXED:
            return 0.0, self.scale_max / field.gain
        if self.normalize == PERCENTILE and field.maximum > 0.0:
            return 0.0, self._percentile_of(field)
        return field.minimum, field.maximum

    def _percentile_of(self, field: HeatField) -> float:
        """Return the percentile of a regular sample of the hot pixels."""
        stride = max(1, math.isqrt(field.values.size // _SAMPLES))
        sample = field.values[::stride, ::stride]
        hot = sample[sample > 0.0]
        if not len(hot):  # all heat lies between the samples
            return field.maximum
        rank = min(int(len(hot) * self.percentile / 100.0), len(hot) - 1)
        return float(np.partition(hot, rank)[rank])
