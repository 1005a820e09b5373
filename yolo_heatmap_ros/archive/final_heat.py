"""The heat of a camera over all segments of an archive, and its pictures."""

from pathlib import Path
from typing import Dict, Iterable, List, Mapping, Optional, Tuple

import numpy as np

from yolo_heatmap_ros.build_pipeline import COLOURS, OPTIONS, parameters_of, RANGE
from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.drawing.colour_range import ColourRange
from yolo_heatmap_ros.drawing.renderer import HeatRenderer
from yolo_heatmap_ros.heat.accumulator import HeatAccumulator, HeatState
from yolo_heatmap_ros.heat.options import HeatOptions
from yolo_heatmap_ros.pipeline import draw_heat
from yolo_heatmap_ros.storage.snapshots import plain_values, Snapshot, write

KEEP = 1
"""Number of snapshots to keep of each camera: that of the last run."""


def total_of(states: Iterable[HeatState], parameters: Configuration) -> List[HeatAccumulator]:
    """
    Return the sum of heat and counts by resolution, that of the last state as the last.

    Counts by class are by the class's name.
    """
    options = HeatOptions(**parameters_of(parameters, OPTIONS))
    sums: Dict[Tuple[int, int], HeatAccumulator] = {}
    for state in states:
        one = HeatAccumulator(*state.shape, options)
        one.restore(state)
        known = sums.pop(state.shape, None)
        if known is not None:
            known.merge(one)
        sums[state.shape] = known or one
    return list(sums.values())


def write_final(folder: Path, camera: str, sums: List[HeatAccumulator],
                frame: Optional[np.ndarray], parameters: Configuration) -> Path:
    """
    Write the heat of each resolution as a snapshot, with pictures over `frame` where it fits.

    Returns the folder of the last one.  Raises SnapshotError.
    """
    written = folder
    for one in sums:
        pictures: Mapping[str, np.ndarray] = {}
        if frame is not None and frame.shape[:2] == one.shape:
            pictures = _pictures(one, frame, parameters)
        written = write(folder, Snapshot(one.state(), plain_values(parameters), camera), pictures,
                        KEEP + len(sums) - 1)
    return written


def _pictures(heat: HeatAccumulator, frame: np.ndarray,
              parameters: Configuration) -> Dict[str, np.ndarray]:
    renderer = HeatRenderer(**parameters_of(parameters, COLOURS),
                            colour_range=ColourRange(**parameters_of(parameters, RANGE)))
    height, width = frame.shape[:2]
    pictures = {'heatmap': np.empty((height, width, 3), np.uint8),
                'composite': np.empty((height, 2 * width, 3), np.uint8)}
    draw_heat(renderer, heat, frame, True, **pictures)
    return pictures
