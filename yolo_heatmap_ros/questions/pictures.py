"""Answers of a history as pictures: heat per hour watched, differences, charts."""

import math
from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence

import numpy as np

from yolo_heatmap_ros.drawing.charts import bar_chart
from yolo_heatmap_ros.drawing.history_pictures import (
    difference_picture, heat_picture, per_pixel, small_multiples)
from yolo_heatmap_ros.errors import QuestionError
from yolo_heatmap_ros.limits import MAX_PIXELS
from yolo_heatmap_ros.storage.history import HistorySum
from yolo_heatmap_ros.storage.history_writer import HOUR
from yolo_heatmap_ros.storage.normal_times import COUNTED


def unit_of(summed: HistorySum) -> str:
    """Return the unit of heat per hour watched."""
    unit = summed.facts['unit']
    return f"{'s' if unit == 'seconds' else unit}/h"


def rate_of(summed: HistorySum) -> np.ndarray:
    """Return the heat per hour watched of all cells, (rows, columns) float64."""
    return summed.total() / max(summed.watched / HOUR, 1e-9)


class Drawn(NamedTuple):
    """A picture, (H, W, 3) uint8 BGR, and the value of its last colour, in the unit of heat."""

    pixels: np.ndarray
    top: float


def picture_of(sums: Sequence[HistorySum], colormap: str,
               background: Optional[np.ndarray] = None) -> Drawn:
    """Return the picture of one time, or of two the difference; raises QuestionError."""
    facts, unit = sums[0].facts, unit_of(sums[0])
    if facts['width'] * facts['height'] > MAX_PIXELS:
        raise QuestionError(f"a picture of {facts['width']} x {facts['height']} px is too large")
    heats = [_per_pixel(summed, rate_of(summed)) for summed in sums]
    if len(heats) == 2:
        difference = heats[0] - heats[1]
        return Drawn(difference_picture(difference, unit, background),
                     float(np.abs(difference).max()))
    return Drawn(heat_picture(heats[0], unit, colormap, 0.0, background), float(heats[0].max()))


def multiples_of(parts: Mapping[str, HistorySum], colormap: str,
                 background: Optional[np.ndarray] = None) -> np.ndarray:
    """Return small pictures, (H, W, 3) uint8 BGR, on one scale."""
    rates = {label: rate_of(summed) for label, summed in parts.items()}
    first = next(iter(parts.values()))
    top = max(float(cells.max()) for cells in rates.values()) / first.facts['cell'] ** 2
    return small_multiples(
        (str(label), heat_picture(_per_pixel(first, cells), unit_of(first), colormap, top,
                                  background, legend=number == 0))
        for number, (label, cells) in enumerate(rates.items()))


def _per_pixel(summed: HistorySum, cells: np.ndarray) -> np.ndarray:
    facts = summed.facts
    return per_pixel(cells, facts['cell'], facts['height'], facts['width'])


def chart_of(by: str, parts: Mapping[str, HistorySum]) -> np.ndarray:
    """Return a chart of counts, (H, W, 3) uint8 BGR; raises QuestionError without counts."""
    series: Dict[str, List[float]] = {}
    for place in sorted({place for summed in parts.values() for place in summed.counts}):
        for what in COUNTED:
            values = [summed.counts.get(place, {}).get('', {}).get(what, 0.0)
                      / (summed.watched / HOUR) if summed.watched else math.nan
                      for summed in parts.values()]
            if any(values):
                series[f"{place}: {what}{' (s)' if what == 'occupancy' else ''}"] = values
    if not series:
        raise QuestionError('a chart is of counts: there are no regions and no lines; add '
                            '--multiples for heat')
    return bar_chart([str(part) for part in parts], series, f'by {by}, per hour watched', '1/h')
