"""What the pipeline needs of detectors and trackers, whatever is behind them."""

from typing import Dict, List, Optional, Protocol

import numpy as np

from yolo_heatmap_ros.detectors.class_names import ClassNames
from yolo_heatmap_ros.detectors.to_hide import ToHide
from yolo_heatmap_ros.heat.detections import Detections


class Tracker(Protocol):
    """
    The second step: follows objects from frame to frame, so frames must come in order.

    With `keep_unconfirmed`, detections that no track has claimed stay too.
    """

    keep_unconfirmed: bool

    def track(self, detections: Detections, frame: np.ndarray) -> Detections:
        """Return the tracked objects of the next frame, (H, W, 3) uint8 BGR."""

    def reset(self) -> None:
        """Forget all tracks, as after a change of resolution."""


class Detector(Protocol):
    """
    The first step: finds objects in single frames, in any order and anywhere.

    `names` are class names by id; `task` is Ultralytics' name of what the model does; `backend`
    and `device_name` say how and where it runs.  `conf`, `iou`, `max_det`, `classes`,
    `outlines` and `to_hide`, the objects that `Detections.hidden` is to hold, may change between
    frames.
    """

    names: Dict[int, str]
    task: str
    backend: str
    device_name: str
    conf: float
    iou: float
    max_det: int
    classes: ClassNames
    outlines: bool
    to_hide: Optional[ToHide]

    def detect(self, frame: np.ndarray) -> Detections:
        """Return the objects in a frame, (H, W, 3) uint8 BGR; raises ModelError."""

    def make_tracker(self) -> Tracker:
        """Return a tracker for the detections of one camera."""

    def class_ids(self, wanted: ClassNames) -> List[int]:
        """Return the ids of classes given by id or name; raises ModelError for unknown ones."""


class ClassFilter:
    """Mixin that keeps `classes` as ids; `class_ids` of the class it is mixed into maps names."""

    @property
    def classes(self) -> List[int]:
        """Return the ids of the classes that count; empty for all."""
        return self._classes

    @classes.setter
    def classes(self, wanted: ClassNames) -> None:
        self._classes = self.class_ids(wanted)
