"""The kinds of heat, one file each; `KINDS` lists them in the order in which they are saved."""

from yolo_heatmap_ros.heat.layers.base import Layer
from yolo_heatmap_ros.heat.layers.classes import ClassLayers
from yolo_heatmap_ros.heat.layers.floor import FloorLayer
from yolo_heatmap_ros.heat.layers.flow import FloorFlow, PictureFlow
from yolo_heatmap_ros.heat.layers.total import TotalLayer

KINDS = (TotalLayer, ClassLayers, FloorLayer, PictureFlow, FloorFlow)


def known_array(name: str) -> bool:
    """Return whether one of the kinds saves an array of this name."""
    return any(kind.saves(name) for kind in KINDS)


__all__ = ['ClassLayers', 'FloorFlow', 'FloorLayer', 'KINDS', 'known_array', 'Layer',
           'PictureFlow', 'TotalLayer']
