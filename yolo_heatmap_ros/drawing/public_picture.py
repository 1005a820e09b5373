"""What may be shown of a camera's frames."""

from dataclasses import dataclass
from typing import Optional, Sequence, Tuple, Union

import cv2
import numpy as np

from yolo_heatmap_ros.choices import Anonymize, Background
from yolo_heatmap_ros.drawing.anonymize import FLAT, hide, part_of
from yolo_heatmap_ros.drawing.clean_background import CleanBackground
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.heat.hidden_boxes import HiddenBoxes

SMALL = 384
"""Largest width in px at which movement is looked for: enough, and cheap for large pictures."""
SPECK, REACH = 3, 13
"""Sizes in px, of that width: of specks that are no movement, and of what is hidden around it."""
TICK = 1.0 / 30.0
"""Seconds from one frame to the next where the stamps stand still, or go back."""


@dataclass(frozen=True)
class Privacy:
    """
    What may be shown of frames.

    `anonymize`: how objects of `classes` (ids or names; empty: all) are made unreadable.  `conf`:
    the confidence from which they are looked for.  `hold`: seconds for which one that was lost
    stays hidden.  `motion`: hide what moves before a still background, too.  `background`: the
    frames, or a picture without people that is learned from them.
    """

    anonymize: Anonymize = Anonymize.NONE
    background: Background = Background.FRAME
    classes: Sequence[Union[int, str]] = ('person',)
    conf: float = 0.05
    hold: float = 1.0
    motion: bool = True

    @property
    def hides(self) -> bool:
        """Return whether frames are not shown as they are."""
        return self.anonymize != Anonymize.NONE or self.background == Background.CLEAN


class PublicPicture:
    """Makes of each frame of one camera what may be shown of it."""

    def __init__(self, privacy: Privacy):
        """Begin before the first frame."""
        self.privacy = privacy
        self._boxes = HiddenBoxes(privacy.hold)
        self._background: Optional[CleanBackground] = None
        self._shape: Optional[Tuple[int, int]] = None
        self._stamp, self._ahead = -np.inf, 0.0

    def change(self, privacy: Privacy) -> None:
        """Continue with other options; what is known of objects and background stays."""
        if (privacy.background, privacy.motion) != (self.privacy.background, self.privacy.motion):
            self._background = None
        self.privacy = privacy
        self._boxes.hold = privacy.hold
        if self._shape is not None and self._background is None:
            self._begin_background(*self._shape)

    def of(self, frame: np.ndarray, found: Detections, sure: np.ndarray,
           stamp: float) -> np.ndarray:
        """
        Return what may be shown of the next frame, (H, W, 3) uint8 BGR, of `stamp`, in s.

        `found` are the objects to hide, `sure`, (N,) bool, which of them are no guess.  What is
        returned is never the frame itself; that of a learned background changes with the next
        frame.
        """
        shape = frame.shape[:2]
        if shape != self._shape:
            self._shape = shape
            self._boxes = HiddenBoxes(self.privacy.hold)
            self._begin_background(*shape)
        now = self._time(stamp)
        hidden = self._boxes.update(_within(found.xyxy, *shape), sure, now)
        boxes = hidden.together()
        if found.not_finite:  # somebody is somewhere
            return (self._background.picture if self.privacy.background == Background.CLEAN
                    else np.full_like(frame, FLAT))
        if self.privacy.background == Background.CLEAN:
            self._learn(frame, boxes, now)
            return self._background.picture
        moving = self._moving(frame, boxes, now) if self._background is not None else None
        return hide(frame, self.privacy.anonymize, boxes, moving, found.outlines)

    def _time(self, stamp: float) -> float:
        """
        Return the time of a frame in s, always later than that of the frame before.

        Where time stood still nobody would ever be given up, and where it went back everybody.
        """
        if stamp <= self._stamp:
            self._ahead += self._stamp - stamp + TICK
        self._stamp = stamp
        return stamp + self._ahead

    def _begin_background(self, height: int, width: int) -> None:
        self._background = None
        if self.privacy.background == Background.CLEAN:
            self._background = CleanBackground(height, width)
        elif self.privacy.motion:
            factor = min(1.0, SMALL / width)
            self._background = CleanBackground(max(1, round(height * factor)),
                                               max(1, round(width * factor)))

    def _learn(self, frame: np.ndarray, boxes: np.ndarray, stamp: float) -> None:
        """Learn from a frame of the size of the background, where `boxes` leave it free."""
        if not self._background.is_due(stamp):
            return
        free = np.full(frame.shape[:2], 255, np.uint8)
        for box in boxes:
            free[part_of(box, *frame.shape[:2])] = 0
        self._background.learn(frame, free, stamp)

    def _moving(self, frame: np.ndarray, boxes: np.ndarray,
                stamp: float) -> Optional[np.ndarray]:
        """Return where something moves, 255 in (H, W) uint8; None if nothing does."""
        background = self._background
        height, width = background.known.shape
        small = frame if frame.shape[:2] == (height, width) else cv2.resize(
            frame, (width, height), interpolation=cv2.INTER_AREA)
        moving = cv2.morphologyEx(background.moving(small), cv2.MORPH_OPEN,
                                  np.ones((SPECK, SPECK), np.uint8))
        moving = cv2.dilate(moving, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (REACH, REACH)))
        moving |= background.doubtful()  # somebody may stand there who has been there all the time
        self._learn(small, boxes * np.tile((width / frame.shape[1], height / frame.shape[0]), 2),
                    stamp)
        if not cv2.countNonZero(moving):
            return None
        return cv2.resize(moving, frame.shape[1::-1], interpolation=cv2.INTER_NEAREST)


def _within(boxes: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return boxes, (N, 4) xyxy in px, cut off where no margin reaches into the picture."""
    size = np.tile((width, height), 2)
    return np.clip(boxes, -size, 2 * size)
