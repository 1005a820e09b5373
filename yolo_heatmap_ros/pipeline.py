"""The whole way of a frame: objects, heat, pictures."""

from typing import Dict, List, Optional, Tuple

import cv2
import numpy as np

from yolo_heatmap_ros.detectors.weights import ModelError
from yolo_heatmap_ros.detectors.yolo import Detections, YoloTracker
from yolo_heatmap_ros.drawing.renderer import halves, HeatRenderer
from yolo_heatmap_ros.heat.accumulation import HeatAccumulator, HeatOptions, SECONDS
from yolo_heatmap_ros.heat.clock import Step
from yolo_heatmap_ros.heat.field import HeatField

MASK = 'mask'
MAX_SIZES = 4
"""Sizes of frames whose heat is kept; where there are more, that of the fewest frames goes."""


class HeatmapPipeline:
    """
    One camera's model, heat and renderer.

    `accumulator` has the heat of frames of the last size.  Frames of another have their own heat,
    and do not cost that of the others.  `legend` draws a colour bar on the pictures; it may change
    between frames.
    """

    def __init__(self, tracker: YoloTracker, renderer: HeatRenderer,
                 options: Optional[HeatOptions] = None, legend: bool = False):
        """
        Begin without heat; the first frame decides the field's size.

        Raises ModelError where the model cannot give what the options need.
        """
        self.tracker = tracker
        self.renderer = renderer
        self.options = HeatOptions() if options is None else options
        self.legend = legend
        self.accumulator: Optional[HeatAccumulator] = None
        self._aside: List[HeatAccumulator] = []
        self._last_frame: Optional[np.ndarray] = None
        self.options_changed()

    def options_changed(self) -> None:
        """Take over changed `options`; raises ModelError as the constructor does."""
        check_kernel(self.options.kernel, self.tracker)
        options, tracker = self.options, self.tracker
        tracker.outlines = options.kernel == MASK
        # How long a tracker takes to make up its mind must not count for less time.
        tracker.unconfirmed = options.heat_unit == SECONDS or bool(options.regions)

    @property
    def accumulators(self) -> List[HeatAccumulator]:
        """Return the heat of all sizes, that of the last frame first."""
        return [] if self.accumulator is None else [self.accumulator, *self._aside]

    @property
    def field(self) -> Optional[HeatField]:
        """Return the heat that is drawn, or None before the first frame."""
        return None if self.accumulator is None else self.accumulator.total

    @property
    def shape(self) -> Optional[Tuple[int, int]]:
        """Return the field's (H, W) in px, or None before the first frame."""
        return None if self.accumulator is None else self.accumulator.shape

    def update(self, frame: np.ndarray, stamp: float = 0.0) -> Detections:
        """Find the objects of a frame, (H, W, 3) uint8 BGR of `stamp` s, and add their heat."""
        detections = self.detect(frame)
        self.deposit(frame, detections, stamp)
        return detections

    def detect(self, frame: np.ndarray) -> Detections:
        """
        Return the objects of the next frame, (H, W, 3) uint8 BGR; the heat stays as it is.

        Raises ModelError, one line, where the model fails on this frame.
        """
        if self.shape not in (None, frame.shape[:2]):
            self.tracker.forget_tracks()
        return self.tracker.track(frame)

    def deposit(self, frame: np.ndarray, detections: Detections, stamp: float = 0.0) -> Step:
        """
        Add the heat of a frame's objects at `stamp`, in s; return the step of time.

        A size that has not been seen yet begins a fresh field.
        """
        if self.shape != frame.shape[:2]:
            self._take_up(*frame.shape[:2])
        self._last_frame = frame
        return self.accumulator.update(detections, stamp)

    def _take_up(self, height: int, width: int) -> None:
        """Go on with the heat of frames of this size, in px, and put that of the others aside."""
        known = {one.shape: one for one in self.accumulators}
        wanted = known.pop((height, width), None)
        self._aside = sorted(known.values(), key=lambda one: one.frames,
                             reverse=True)[:MAX_SIZES - 1]
        self.accumulator = (HeatAccumulator(height, width, self.options) if wanted is None
                            else wanted)

    def render(self, frame: np.ndarray, heatmap: Optional[np.ndarray] = None,
               composite: Optional[np.ndarray] = None) -> None:
        """
        Draw the pictures that are wanted of `frame`, (H, W, 3) uint8 BGR, and its heat.

        `heatmap`, (H, W, 3), gets the frame with the heat over it; `composite`, (H, 2 W, 3), the
        frame and right of it its heatmap.  Both uint8 BGR, written in place.
        """
        if composite is not None:
            self.renderer.side_by_side(frame, self.field, composite)
            self._annotate(halves(composite)[1])
            if heatmap is not None:
                np.copyto(heatmap, halves(composite)[1])
        elif heatmap is not None:
            self.renderer.overlay(frame, self.field, heatmap)
            self._annotate(heatmap)

    def _annotate(self, heatmap: np.ndarray) -> None:
        if self.accumulator.regions is not None:
            self.accumulator.regions.draw(heatmap)
        if self.legend:
            self.renderer.draw_legend(self.field, self.options.heat_unit, heatmap)

    def last_pictures(self) -> Dict[str, np.ndarray]:
        """Return heatmap and composite of the last frame by name; none before the first."""
        frame = self._last_frame
        if frame is None or frame.shape[:2] != self.shape:
            return {}
        height, width = frame.shape[:2]
        pictures = {'heatmap': np.empty((height, width, 3), np.uint8),
                    'composite': np.empty((height, 2 * width, 3), np.uint8)}
        self.render(frame, **pictures)
        return pictures

    def heat(self, scale: float = 1.0) -> np.ndarray:
        """
        Return the heat, float32 in its unit: (H, W), or smaller where `scale` is below 1.

        A pixel of a smaller one holds the mean of those that it stands for.
        """
        heat = self.field.heat()
        if scale < 1.0:
            heat = cv2.resize(heat, scaled(*self.shape, scale)[::-1], interpolation=cv2.INTER_AREA)
        return heat

    def reset(self) -> None:
        """Forget all heat."""
        self._aside = []
        if self.accumulator is not None:
            self.accumulator.reset()


def scaled(height: int, width: int, scale: float) -> Tuple[int, int]:
    """Return the size in px of a picture that is published smaller, at least one pixel."""
    return max(1, round(height * scale)), max(1, round(width * scale))


def check_kernel(kernel: str, tracker: YoloTracker) -> None:
    """Raise ModelError where a kernel needs what the model does not find."""
    if kernel == MASK and tracker.task != 'segment':
        raise ModelError(f"kernel '{MASK}' needs a segmentation model, and this is one for "
                         f"'{tracker.task}': take weights such as 'yolo11n-seg.pt', or another "
                         'kernel')
