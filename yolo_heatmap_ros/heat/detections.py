"""Objects in one frame, as detectors and trackers pass them on."""

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

import numpy as np

SAME_OBJECT = 0.5
"""Intersection over union from which two boxes of a class count as the same object."""


@dataclass
class Detections:
    """
    Objects in one frame.

    `xyxy` (N, 4) float32 boxes in px; an oriented box is represented by its upright bounding box,
    and itself in `oriented`, (N, 5) float32 centre x y, width, height in px and angle in rad.
    `class_id` (N,) int64, `confidence` (N,) float32.  `track_id` (N,) int64 is -1 for objects
    without a track; `confirmed` (N,) bool is false for objects that a tracker has not confirmed
    yet.  `outlines`, an (M, 2) float32 array in px for each object, come from segmentation models.
    `not_finite` counts boxes with NaN or infinite corners, which are left out.  `cues` are what a
    detector extracts for its own tracker, such as appearance features, by the tracker's names.
    `hidden` are the objects that pictures must not show, whether they count or not; None where
    nobody has asked for them.
    """

    xyxy: np.ndarray
    class_id: np.ndarray
    confidence: np.ndarray
    track_id: np.ndarray
    confirmed: np.ndarray
    outlines: Optional[List[np.ndarray]] = None
    oriented: Optional[np.ndarray] = None
    not_finite: int = 0
    cues: Dict[str, Any] = field(default_factory=dict)
    hidden: Optional['Detections'] = None

    @classmethod
    def from_boxes(cls, xyxy: np.ndarray) -> 'Detections':
        """Wrap boxes, (N, 4), as objects of class 0 with full confidence and without tracks."""
        count = len(xyxy)
        return cls(np.asarray(xyxy, np.float32).reshape(-1, 4), np.zeros(count, np.int64),
                   np.ones(count, np.float32), np.full(count, -1, np.int64),
                   np.ones(count, bool))

    def apart_from(self, others: 'Detections') -> 'Detections':
        """Return the objects that match none of `others` in class and overlap."""
        overlap = intersection_over_union(self.xyxy, others.xyxy)
        same = (overlap >= SAME_OBJECT) & (self.class_id[:, None] == others.class_id)
        return self.those(~same.any(axis=1))

    def those(self, wanted: np.ndarray) -> 'Detections':
        """
        Return the objects at `wanted`: a mask, (N,) bool, or indices.

        `cues` and `hidden` are dropped.
        """
        indices = np.flatnonzero(wanted) if wanted.dtype == bool else wanted
        return Detections(
            self.xyxy[indices], self.class_id[indices], self.confidence[indices],
            self.track_id[indices], self.confirmed[indices],
            None if self.outlines is None else [self.outlines[index] for index in indices],
            None if self.oriented is None else self.oriented[indices], self.not_finite)

    def __add__(self, others: 'Detections') -> 'Detections':
        """Return these objects and others together."""
        outlines = None
        if self.outlines is not None and others.outlines is not None:
            outlines = self.outlines + others.outlines
        return Detections(*(np.concatenate((getattr(self, name), getattr(others, name)))
                            for name in ('xyxy', 'class_id', 'confidence', 'track_id',
                                         'confirmed')), outlines,
                          not_finite=max(self.not_finite, others.not_finite))

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.xyxy)


def intersection_over_union(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return (N, M) for boxes (N, 4) and (M, 4), xyxy."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = [(both[:, 2:] - both[:, :2]).prod(axis=1) for both in (boxes, others)]
    return shared / np.maximum(areas[0][:, None] + areas[1] - shared, 1e-9)
