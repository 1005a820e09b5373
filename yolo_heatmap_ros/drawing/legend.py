"""The colour bar with its values."""

from typing import Tuple

import cv2
import numpy as np

from yolo_heatmap_ros.choices import HeatUnit
from yolo_heatmap_ros.drawing.labels import font_scale_for

_TICKS = 3


def in_units(largest: float, unit: str) -> Tuple[float, str]:
    """Return a divisor for heat, and the resulting unit, that keep numbers short."""
    if unit == HeatUnit.SECONDS:
        for seconds, name in ((3600.0, 'h'), (60.0, 'min')):
            if largest >= 2 * seconds:
                return seconds, name
        return 1.0, 's'
    return 1.0, unit


def format_number(value: float) -> str:
    """Format a number with three digits, without an exponent unless it is very large."""
    short = abs(value) < 1000 or abs(value) >= 1e6
    return f'{value:.3g}' if short else f'{value:.0f}'


class Legend:
    """A colour bar, redrawn only when its labels or colours change."""

    def __init__(self):
        """Start with nothing drawn."""
        self._key = None
        self._picture = np.empty((0, 0, 3), np.uint8)

    def draw(self, picture: np.ndarray, palette: np.ndarray, low: float, high: float, unit: str,
             clipped: bool) -> None:
        """
        Draw the bar in the lower right corner of `picture`, (H, W, 3) uint8 BGR.

        `palette` (256, 1, 3) uint8 BGR runs from `low` to `high`, heat in `unit`; with `clipped`,
        hotter pixels have the last colour too.  Pictures too small for the bar stay unchanged.
        """
        divisor, name = in_units(high, unit)
        values = np.linspace(high, low, _TICKS) / divisor
        labels = [format_number(value) for value in values]
        labels[0] = f'>= {labels[0]}' if clipped else labels[0]
        key = (picture.shape, palette.tobytes(), *labels, name)
        if key != self._key:
            self._key, self._picture = key, _drawn(picture.shape[0], palette, labels, name)
        height, width = self._picture.shape[:2]
        if height <= picture.shape[0] and width <= picture.shape[1]:
            picture[-height:, -width:] = self._picture


def _drawn(picture_height: int, palette: np.ndarray, labels, unit: str) -> np.ndarray:
    font_scale = font_scale_for(picture_height)
    thin = max(1, round(font_scale))
    bar_height, bar_width = max(80, picture_height // 3), round(30 * font_scale)
    texts = [*labels, unit]
    sizes = [cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, font_scale, thin)[0]
             for text in texts]
    text_width, line = max(size[0] for size in sizes), max(size[1] for size in sizes)
    gap = line // 2 + 2
    panel = np.full((bar_height + 4 * gap + 2 * line, text_width + bar_width + 3 * gap, 3), 32,
                    np.uint8)
    top = 2 * gap + line + line // 2
    levels = np.linspace(255, 0, bar_height).round().astype(int)
    panel[top:top + bar_height, -gap - bar_width:panel.shape[1] - gap] = palette[levels]

    def text(words: str, width: int, base: int) -> None:
        cv2.putText(panel, words, (gap + text_width - width, base), cv2.FONT_HERSHEY_SIMPLEX,
                    font_scale, (255, 255, 255), thin, cv2.LINE_AA)
    text(unit, sizes[-1][0], gap + line)
    for index, (label, (width, _)) in enumerate(zip(labels, sizes)):
        text(label, width, top + round(bar_height * index / (_TICKS - 1)) + line // 2)
    return panel
