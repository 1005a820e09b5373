"""What a user should hear about the frames: each thing once, or now and then."""

import time
from typing import Any, Mapping, Optional

from yolo_heatmap_ros.heat.accumulation import RESET, SECONDS
from yolo_heatmap_ros.heat.clock import Step
from yolo_heatmap_ros.pipeline import HeatmapPipeline
from yolo_heatmap_ros.ros.frame_statistics import FrameStatistics, PROCESSED, SKIPPED, UNUSABLE

LOG_PERIOD = 5.0
"""Seconds between log lines of one kind."""
TIMELESS_FRAMES = 30
"""Frames without a step of time after which that is worth a warning."""
NOTHING_FOUND_AFTER = 10.0
"""Seconds of frames after which a model that has found nothing is worth a warning."""


class FrameAdvice:
    """Watches the frames of one configuration of the node, and logs what is worth it."""

    def __init__(self, logger, values: Mapping[str, Any], pipeline: HeatmapPipeline,
                 statistics: FrameStatistics):
        """Take the node's logger, its parameters by name, and what is watched."""
        self._logger = logger
        self._values = values
        self._pipeline = pipeline
        self._statistics = statistics
        self._first_frame_at: Optional[float] = None
        self._found_any = False
        self._time_passes = False

    def on_unusable(self, error: Exception) -> None:
        """Say why a frame was skipped."""
        self._statistics.last_error = str(error)
        self._logger.warning(
            f'frame skipped, {self._statistics.counts[UNUSABLE]} so far: {error}',
            throttle_duration_sec=LOG_PERIOD)

    def on_refused(self, reason: str) -> None:
        """Say why a detection of another node does not count."""
        self._logger.warning(f'detection skipped: {reason}', throttle_duration_sec=LOG_PERIOD)

    def on_not_finite(self, number: int) -> None:
        """Say where a model returns boxes that are none."""
        if number:
            self._logger.warning(f'{number} boxes of this frame have corners that are NaN or '
                                 'infinite, and add no heat: the model or its export is broken',
                                 throttle_duration_sec=LOG_PERIOD)

    def on_size(self, height: int, width: int) -> None:
        """Say where a frame, in px, is not of the size of the last."""
        if self._pipeline.shape in (None, (height, width)):
            return
        known = any(one.shape == (height, width) for one in self._pipeline.accumulators)
        self._logger.warning(
            f'the resolution changed to {width} x {height}: its heat '
            f"{'goes on' if known else 'begins'}, that of the resolution before is kept",
            throttle_duration_sec=LOG_PERIOD)

    def on_processed(self, step: Step, found: int) -> None:
        """Look at a frame's step of time, and the number of objects in it."""
        self._watch_time(step)
        self._watch_for_nothing(found)
        skipped = self._statistics.counts[SKIPPED]
        if skipped and self._values['frame_policy'] == 'all':
            self._logger.warning(
                f'{skipped} frames lost so far: the camera is faster than the model, and more '
                f"than queue_depth {self._values['queue_depth']} wait",
                throttle_duration_sec=LOG_PERIOD)

    def _watch_time(self, step: Step) -> None:
        if step.jumped_back:
            what = 'begins anew' if self._values['on_time_jump'] == RESET else 'stays'
            self._logger.warning(
                f'the stamps of the images went back by {step.jumped_back:.1f} s: the heat {what} '
                '(on_time_jump)', throttle_duration_sec=LOG_PERIOD)
        self._time_passes |= step.elapsed > 0.0
        processed = self._statistics.counts[PROCESSED]
        if not self._time_passes and processed == TIMELESS_FRAMES and (
                self._values['heat_unit'] == SECONDS or self._values['half_life']):
            self._logger.warning(
                'the stamps of the images stand still: no seconds are counted, and nothing fades; '
                'the camera driver must set header.stamp')

    def _watch_for_nothing(self, found: int) -> None:
        if self._found_any:
            return
        now = time.monotonic()
        self._found_any = found > 0
        if self._first_frame_at is None:
            self._first_frame_at = now
        elif not found and now - self._first_frame_at >= NOTHING_FOUND_AFTER:
            self._found_any = True  # once is enough
            tracker = self._pipeline.tracker
            counted = [tracker.names[i] for i in tracker.classes] or list(tracker.names.values())
            names = ', '.join(counted[:10]) + (', …' if len(counted) > 10 else '')
            self._logger.warning(
                f'no object found in {NOTHING_FOUND_AFTER:.0f} s of frames: looking for {names} '
                f'with conf {tracker.conf}; lower conf, or check weights and classes')
