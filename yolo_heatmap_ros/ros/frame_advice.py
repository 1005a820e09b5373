"""Warnings to the user about frames, logged once or throttled."""

import time
from typing import Optional

from yolo_heatmap_ros.choices import FramePolicy, HeatUnit, OnTimeJump
from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.heat.clock import Step
from yolo_heatmap_ros.pipeline import HeatmapPipeline
from yolo_heatmap_ros.ros.frame_statistics import FrameStatistics, Outcome

LOG_PERIOD = 5.0
"""Seconds between log lines of one kind."""
TIMELESS_FRAMES = 30
"""Number of frames with the same stamp after which a warning is logged."""
RARE_FRAMES = 10
"""Number of frames in a row after gaps longer than max_gap after which a warning is logged."""
NOTHING_FOUND_AFTER = 10.0
"""Seconds of frames without any detection after which a warning is logged."""


class FrameAdvice:
    """Checks the frames of one configuration of the node, and logs warnings."""

    def __init__(self, logger, configuration: Configuration, pipeline: HeatmapPipeline,
                 statistics: FrameStatistics):
        """Take the node's logger, its parameters, and what to check."""
        self._logger = logger
        self.configuration = configuration
        self._pipeline = pipeline
        self._statistics = statistics
        self._first_frame_at: Optional[float] = None
        self._found_any = False
        self._time_passes = False
        self._after_gaps = 0

    def on_unusable(self, error: Exception) -> None:
        """Log why a frame was skipped."""
        self._statistics.last_error = str(error)
        self._logger.warning(
            f'frame skipped, {self._statistics.counts[Outcome.UNUSABLE]} so far: {error}',
            throttle_duration_sec=LOG_PERIOD)

    def on_refused(self, reason: str) -> None:
        """Log why a detection from another node was skipped."""
        self._logger.warning(f'detection skipped: {reason}', throttle_duration_sec=LOG_PERIOD)

    def on_not_finite(self, number: int) -> None:
        """Log that the model returned boxes with NaN or infinite corners."""
        if number:
            self._logger.warning(f'{number} boxes of this frame have corners that are NaN or '
                                 'infinite, and add no heat: the model or its export is broken',
                                 throttle_duration_sec=LOG_PERIOD)

    def on_size(self, height: int, width: int) -> None:
        """Log that the resolution of frames, in px, has changed."""
        if self._pipeline.shape in (None, (height, width)):
            return
        known = (height, width) in self._pipeline.shapes
        self._logger.warning(
            f'the resolution changed to {width} x {height}: its heat '
            f"{'continues' if known else 'starts from zero'}, and that of the previous resolution "
            'is kept',
            throttle_duration_sec=LOG_PERIOD)

    def on_processed(self, step: Step, found: int) -> None:
        """Check a frame's time step, and the number of objects found in it."""
        self._watch_time(step)
        self._watch_for_nothing(found)
        skipped = self._statistics.counts[Outcome.SKIPPED]
        if skipped and self.configuration['frame_policy'] == FramePolicy.ALL:
            self._logger.warning(
                f'{skipped} frames lost so far: the camera is faster than the model, and the '
                f"queue of {self.configuration['queue_depth']} frames (queue_depth) is full",
                throttle_duration_sec=LOG_PERIOD)

    def _watch_time(self, step: Step) -> None:
        if step.jumped_back:
            reset = self.configuration['on_time_jump'] == OnTimeJump.RESET
            what = 'is reset' if reset else 'is kept'
            self._logger.warning(
                f'the stamps of the images went back by {step.jumped_back:.1f} s: the heat {what} '
                '(on_time_jump)', throttle_duration_sec=LOG_PERIOD)
        self._time_passes |= step.elapsed > 0.0
        self._watch_gaps(step)
        processed = self._statistics.counts[Outcome.PROCESSED]
        if not self._time_passes and processed == TIMELESS_FRAMES and (
                self._counts_time or self.configuration['half_life']):
            self._logger.warning(
                'the stamps of the images stand still: no dwell time and no crossing is counted, '
                'and heat does not decay; the camera driver must set header.stamp')

    @property
    def _counts_time(self) -> bool:
        return bool(self.configuration['heat_unit'] == HeatUnit.SECONDS
                    or self.configuration['regions'] or self.configuration['lines'])

    def _watch_gaps(self, step: Step) -> None:
        self._after_gaps = 0 if step.interval else self._after_gaps + 1
        if self._after_gaps >= RARE_FRAMES and self._time_passes and self._counts_time:
            self._logger.warning(
                f'the last {self._after_gaps} frames came more than '
                f"{self.configuration['max_gap']} s (max_gap) after the one before: no dwell time "
                'and no crossing is counted; use a faster model, or a larger max_gap or max_rate',
                throttle_duration_sec=LOG_PERIOD)

    def on_unmatched(self, number: int) -> None:
        """Log that no detections came for images of `detector: topic`."""
        self._logger.warning(
            f'{number} images dropped, {self._statistics.counts[Outcome.SKIPPED]} so far: no '
            "detections with their stamps arrived in time; the detector must copy the image's "
            'header.stamp', throttle_duration_sec=LOG_PERIOD)

    def _watch_for_nothing(self, found: int) -> None:
        if self._found_any:
            return
        now = time.monotonic()
        self._found_any = found > 0
        if self._first_frame_at is None:
            self._first_frame_at = now
        elif not found and now - self._first_frame_at >= NOTHING_FOUND_AFTER:
            self._found_any = True  # once is enough
            detector = self._pipeline.detector
            counted = ([detector.names[i] for i in detector.classes]
                       or list(detector.names.values()))
            if not counted:  # nothing has come, so no class is known: it may be empty there
                self._logger.info(f'no object in {NOTHING_FOUND_AFTER:.0f} s of frames')
                return
            names = ', '.join(counted[:10]) + (', …' if len(counted) > 10 else '')
            self._logger.warning(
                f'no object found in {NOTHING_FOUND_AFTER:.0f} s of frames: looking for {names} '
                f'with conf {detector.conf}; lower conf, or check weights and classes')
