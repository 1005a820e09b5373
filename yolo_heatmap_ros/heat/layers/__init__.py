"""The kinds of heat, one file each; `KINDS` lists them in the order in which they are saved."""

from yolo_heatmap_ros.heat.layers.base import Layer
from yolo_heatmap_ros.heat.layers.classes import ClassLayers
from yolo_heatmap_ros.heat.layers.floor import FloorLayer
from yolo_heatmap_ros.heat.layers.total import TotalLayer

KINDS = (TotalLayer, ClassLayers, FloorLayer)

__all__ = ['ClassLayers', 'FloorLayer', 'KINDS', 'Layer', 'TotalLayer']
