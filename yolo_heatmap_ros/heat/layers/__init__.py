"""The kinds of heat, one file each; `KINDS` lists them in the order in which they are saved."""

from yolo_heatmap_ros.heat.layers.base import Layer
from yolo_heatmap_ros.heat.layers.classes import ClassLayers
from yolo_heatmap_ros.heat.layers.floor import FloorLayer
from yolo_heatmap_ros.heat.layers.total import TotalLayer

KINDS = (TotalLayer, ClassLayers, FloorLayer)


def known_array(name: str) -> bool:
    """Return whether one of the kinds saves an array of this name."""
    return any(kind.saves(name) for kind in KINDS)


__all__ = ['ClassLayers', 'FloorLayer', 'KINDS', 'known_array', 'Layer', 'TotalLayer']
