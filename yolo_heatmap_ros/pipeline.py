"""The whole way of a frame: objects, heat, pictures."""

from typing import Optional, Tuple

import numpy as np

from yolo_heatmap_ros.detection import Detections, YoloTracker
from yolo_heatmap_ros.heat.field import HeatField
from yolo_heatmap_ros.heat.render import halves, HeatRenderer


class HeatmapPipeline:
    """One camera's model, heat and renderer."""

    def __init__(self, tracker: YoloTracker, renderer: HeatRenderer):
        """Begin without heat; the first frame decides the field's size."""
        self.tracker = tracker
        self.renderer = renderer
        self.field: Optional[HeatField] = None

    @property
    def shape(self) -> Optional[Tuple[int, int]]:
        """Return the field's (H, W) in px, or None before the first frame."""
        return None if self.field is None else self.field.shape

    def update(self, frame: np.ndarray) -> Detections:
        """Find the objects of a frame, (H, W, 3) uint8 BGR, and add their heat."""
        detections = self.detect(frame)
        self.deposit(frame, detections)
        return detections

    def detect(self, frame: np.ndarray) -> Detections:
        """
        Return the objects of the next frame, (H, W, 3) uint8 BGR; the heat stays as it is.

        Raises ModelError, one line, where the model fails on this frame.
        """
        if self.shape not in (None, frame.shape[:2]):
            self.tracker.forget_tracks()
        return self.tracker.track(frame)

    def deposit(self, frame: np.ndarray, detections: Detections) -> None:
        """Add the heat of a frame's objects; another size than before begins a fresh field."""
        if self.shape != frame.shape[:2]:
            self.field = HeatField(*frame.shape[:2])
        self.field.deposit(detections.xyxy)

    def render(self, frame: np.ndarray, heatmap: Optional[np.ndarray] = None,
               composite: Optional[np.ndarray] = None) -> None:
        """
        Draw the pictures that are wanted of `frame`, (H, W, 3) uint8 BGR, and its heat.

        `heatmap`, (H, W, 3), gets the frame with the heat over it; `composite`, (H, 2 W, 3), the
        frame and right of it its heatmap.  Both uint8 BGR, written in place.
        """
        if composite is not None:
            self.renderer.side_by_side(frame, self.field, composite)
            if heatmap is not None:
                np.copyto(heatmap, halves(composite)[1])
        elif heatmap is not None:
            self.renderer.overlay(frame, self.field, heatmap)

    def reset(self) -> None:
        """Forget all heat."""
        if self.field is not None:
            self.field.reset()
