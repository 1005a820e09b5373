"""The range of heat that the colours cover."""

from dataclasses import dataclass
import math
from typing import Tuple

import numpy as np

from yolo_heatmap_ros.choices import Normalization
from yolo_heatmap_ros.heat.field import HeatField

FAINT = 0.01
"""Heat below it, in its unit, has decayed: many such pixels must not decide what is red."""
_SAMPLES = 1 << 16


@dataclass(frozen=True)
class ColourRange:
    """
    How heat is mapped to colours.

    `normalize` is `max`: from the smallest to the largest heat, as in `ultralytics.solutions`;
    `percentile`: from 0 to that `percentile` of the non-zero heat, so that one hot spot does
    not take up the whole scale; `fixed`: from 0 to `scale_max`, in the heat's unit.
    """

    normalize: Normalization = Normalization.MAX
    percentile: float = 95.0
    scale_max: float = 100.0

    def limits(self, field: HeatField) -> Tuple[float, float]:
        """Return the values (see `HeatField.values`) of the first and the last colour."""
        if self.normalize == Normalization.FIXED:
            return 0.0, self.scale_max / field.gain
        if self.normalize == Normalization.PERCENTILE and field.maximum > 0.0:
            return 0.0, self._percentile_of(field)
        return field.minimum, field.maximum

    def _percentile_of(self, field: HeatField) -> float:
        """Return the percentile over a regular sample of the hot pixels."""
        stride = max(1, math.isqrt(field.values.size // _SAMPLES))
        sample = field.values[::stride, ::stride]
        hot = sample[sample > FAINT / field.gain]
        if not len(hot):
            hot = sample[sample > 0.0]
        if not len(hot):  # all heat lies between the samples
            return field.maximum
        rank = min(int(len(hot) * self.percentile / 100.0), len(hot) - 1)
        return float(np.partition(hot, rank)[rank])
