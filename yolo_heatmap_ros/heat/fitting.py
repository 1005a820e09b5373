"""What of saved heat fits a node whose floor or flow is another one by now."""

from dataclasses import replace
from typing import List, Tuple

from yolo_heatmap_ros.heat.accumulator import HeatAccumulator, HeatState
from yolo_heatmap_ros.heat.layers.base import Layer
from yolo_heatmap_ros.heat.layers.floor import FloorLayer, GROUND


def fitted(state: HeatState, heat: HeatAccumulator,
           floor_may_differ: bool) -> Tuple[HeatState, List[str]]:
    """
    Return what `heat` can restore of saved heat, and a line on what is left out, if anything is.

    Flow, and heat on the floor if `floor_may_differ`, begin empty where they do not fit: they must
    not cost the heat of the picture.
    """
    lines = []
    misfit = FloorLayer.misfit(heat.floor, state.arrays, state.facts) if floor_may_differ else None
    if misfit:
        if heat.floor is None:
            lines.append('heat on the floor is left out, and the rest is restored: there is no '
                         'floor any more')
            state = replace(state, facts={**state.facts, GROUND: None})
        else:
            lines.append(f'heat on the floor begins empty, and the rest is restored: {misfit}')
            state = _emptied(state, heat.floor)
    problem = None
    for layer in (heat.flow, heat.floor_flow):
        wrong = None if layer is None else layer.misfit(state.arrays, state.facts)
        if wrong is None and layer is not None and layer is heat.floor_flow:
            wrong = misfit  # its places are those of the other floor
        if wrong:
            problem = wrong
            state = _emptied(state, layer)
    if problem is not None:
        lines.append(f'flow begins empty, and the rest is restored: {problem}')
    return state, lines


def _emptied(state: HeatState, layer: Layer) -> HeatState:
    """Return saved heat in which a layer is as it was at its beginning."""
    return replace(state, arrays={**state.arrays, **layer.empty()},
                   facts={**state.facts, **layer.facts()})
