"""Charts of counts over time, drawn by matplotlib."""

from typing import Mapping, Sequence

import numpy as np


def bar_chart(labels: Sequence[str], series: Mapping[str, Sequence[float]], title: str,
              unit: str) -> np.ndarray:
    """
    Return a chart, (H, W, 3) uint8 BGR, with one row of bars for each of the series.

    NaN is drawn as a hatched gap: nothing was watched.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    figure = Figure(figsize=(max(6.0, 0.32 * len(labels)), 1.2 + 1.5 * max(1, len(series))),
                    dpi=100, layout='constrained')
    figure.suptitle(title, fontsize=11)
    axes = figure.subplots(max(1, len(series)), 1, sharex=True, squeeze=False)[:, 0]
    places = np.arange(len(labels))
    for axis, (name, values) in zip(axes, series.items()):
        values = np.asarray(values, float)
        axis.bar(places, np.nan_to_num(values), color='#2b6ca3', width=0.8)
        top = float(np.nanmax(values)) if np.isfinite(values).any() else 1.0
        for place in places[np.isnan(values)]:
            axis.bar(place, top or 1.0, color='none', edgecolor='#bbbbbb', hatch='///',
                     linewidth=0.0)
        axis.set_title(name, fontsize=9, loc='left')
        axis.set_ylabel(unit, fontsize=8)
        axis.spines[['top', 'right']].set_visible(False)
        axis.tick_params(labelsize=8)
    shown = places[::max(1, len(labels) // 32)]
    axes[-1].set_xticks(shown, [labels[place] for place in shown],
                        rotation=0 if sum(map(len, labels)) <= 60 else 90)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., 2::-1])
