"""The whole way of a frame: objects, heat, pictures."""

from typing import Optional

import numpy as np

from yolo_heatmap_ros.detection import Detections, YoloTracker
from yolo_heatmap_ros.heat.field import HeatField
from yolo_heatmap_ros.heat.render import HeatRenderer, side_by_side


class HeatmapPipeline:
    """One camera's model, heat and renderer."""

    def __init__(self, tracker: YoloTracker, renderer: HeatRenderer):
        """Begin without heat; the first frame decides the field's size."""
        self.tracker = tracker
        self.renderer = renderer
        self.field: Optional[HeatField] = None

    def update(self, frame: np.ndarray) -> Detections:
        """
        Find the objects of a frame, (H, W, 3) uint8 BGR, and add their heat.

        A frame of another size than the last one begins a fresh field.
        """
        shape = frame.shape[:2]
        if self.field is None or self.field.shape != shape:
            if self.field is not None:
                self.tracker.forget_tracks()
            self.field = HeatField(*shape)
        detections = self.tracker.track(frame)
        self.field.deposit(detections.xyxy)
        return detections

    def heatmap(self, frame: np.ndarray, out: np.ndarray) -> None:
        """Write the frame with the heat over it to `out`, (H, W, 3) uint8 BGR."""
        self.renderer.overlay(frame, self.field.values, out)

    def composite(self, frame: np.ndarray, out: np.ndarray) -> None:
        """Write the frame, and its heatmap right of it, to `out`, (H, 2 W, 3) uint8 BGR."""
        side_by_side(frame, self.field.values, self.renderer, out)

    def reset(self) -> None:
        """Forget all heat."""
        if self.field is not None:
            self.field.reset()
