"""Heat as a picture: normalised, coloured, and blended over the frame."""

from typing import Optional, Tuple

import cv2
import numpy as np

from yolo_heatmap_ros.choices import Normalization
from yolo_heatmap_ros.drawing.colormaps import colormap_code
from yolo_heatmap_ros.drawing.colour_range import ColourRange
from yolo_heatmap_ros.drawing.legend import Legend
from yolo_heatmap_ros.drawing.parallel import bands, cores_for, in_parallel
from yolo_heatmap_ros.heat.field import HeatField


class HeatRenderer:
    """
    Overlays frames with the heat of a field, and caches its colours between frames.

    Only tiles whose heat has changed are recoloured, or all hot ones if the colour range has
    changed.  `colormap` (name), `alpha` (opacity of the colours, 0 to 1) and `colour_range` may
    change between frames.  `shown_range` is the heat of the first and the last colour of the last
    picture, None without heat.
    """

    def __init__(self, colormap: str = 'JET', alpha: float = 0.5,
                 colour_range: ColourRange = ColourRange()):
        """Choose the colours; raises ValueError for an unknown colormap."""
        self.colormap = colormap
        self.alpha = alpha
        self.colour_range = colour_range
        self.shown_range: Optional[Tuple[float, float]] = None
        self._legend = Legend()
        self._field: Optional[HeatField] = None

    @property
    def colormap(self) -> str:
        """Return the name as the user gave it."""
        return self._name

    @colormap.setter
    def colormap(self, name: str) -> None:
        code = colormap_code(name)
        # One row of colours per level, looked up in one pass for every frame.
        self._palette = cv2.applyColorMap(np.arange(256, dtype=np.uint8), code)
        self._name = name
        self._field = None

    def overlay(self, frame: np.ndarray, field: HeatField, out: np.ndarray) -> None:
        """
        Write `frame`, (H, W, 3) uint8 BGR, with the heat of `field`, (H, W), over it to `out`.

        `out` has the frame's shape and type; it may be a part of a larger picture.  Without any
        heat the frame is copied unchanged.
        """
        self._prepare(field)
        in_parallel(lambda rows: self._blend(frame, rows, out), bands(*field.shape))

    def side_by_side(self, frame: np.ndarray, field: HeatField, out: np.ndarray) -> None:
        """Write `frame`, and to its right its overlay, to `out`, (H, 2 W, 3)."""
        left, right = halves(out)

        def draw(rows: slice) -> None:
            np.copyto(left[rows], frame[rows])
            self._blend(frame, rows, right)
        self._prepare(field)
        in_parallel(draw, bands(*field.shape))

    def draw_legend(self, field: HeatField, unit: str, out: np.ndarray) -> None:
        """Draw the colour bar of the last picture on `out`, (H, W, 3) uint8 BGR."""
        if self._any_heat:
            low, high = (value * field.gain for value in self._range)
            clipped = self.colour_range.normalize != Normalization.MAX
            self._legend.draw(out, self._palette, low, high, unit, clipped)

    def _blend(self, frame: np.ndarray, rows: slice, out: np.ndarray) -> None:
        if self._any_heat:
            cv2.addWeighted(frame[rows], 1.0 - self.alpha, self._colours[rows], self.alpha, 0.0,
                            dst=out[rows])
        else:
            np.copyto(out[rows], frame[rows])

    def _prepare(self, field: HeatField) -> None:
        self._any_heat = field.maximum > 0.0
        if self._any_heat:
            self._colour(field)
        self.shown_range = tuple(
            float(value * field.gain) for value in self._range) if self._any_heat else None

    def _colour(self, field: HeatField) -> None:
        """Update `_colours`, (H, W, 3) uint8 BGR, from the field."""
        heat_range = self.colour_range.limits(field)
        if field is not self._field:
            self._colours = np.empty((*field.shape, 3), np.uint8)
            self._colours[:] = self._palette[0]
            self._field, self._range = field, None
        if heat_range[0] > 0.0:
            self._colour_everywhere(field.values)
        else:
            stale = field.changed
            if heat_range != self._range:
                stale.update(field.hot)
            regions = list(stale)
            cores = cores_for(sum((rows.stop - rows.start) * (columns.stop - columns.start)
                                  for rows, columns in regions))
            in_parallel(lambda share: self._colour_regions(field.values, heat_range[1], share),
                        [regions[first::cores] for first in range(cores)])
        self._range = heat_range
        field.changed.clear()

    def _colour_regions(self, heat: np.ndarray, maximum: float, regions) -> None:
        # The factor in double and the product in single precision, truncated: the same result as
        # cv2.normalize(…, NORM_MINMAX) and astype(uint8), in one pass.
        factor = np.float32(255.0 * (1.0 / maximum))
        clipped = self.colour_range.normalize != Normalization.MAX
        for region in regions:
            part = heat[region]
            levels = np.empty(part.shape, np.uint8)
            if clipped:
                np.minimum(part * factor, 255.0, out=levels, casting='unsafe')
            else:
                np.multiply(part, factor, out=levels, casting='unsafe')
            cv2.applyColorMap(levels, self._palette, dst=self._colours[region])

    def _colour_everywhere(self, heat: np.ndarray) -> None:
        """Colour a field without a cold pixel, whose minimum is not 0."""
        levels = cv2.normalize(heat, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
        cv2.applyColorMap(levels, self._palette, dst=self._colours)


def halves(composite: np.ndarray):
    """Return the left and right half of a composite, (H, 2 W, 3), as views on it."""
    width = composite.shape[1] // 2
    return composite[:, :width], composite[:, width:]
