"""A detector and its tracker in one object, for tests that need tracked objects alone."""

from yolo_heatmap_ros.detectors.yolo import YoloDetector


class Following:
    """Detects and tracks the objects in the frames of one camera."""

    def __init__(self, weights, keep_unconfirmed=False, **options):
        """Load weights, or take a detector that is there."""
        self.detector = YoloDetector(weights, **options) if isinstance(weights, str) else weights
        self._tracker = self.detector.make_tracker()
        self._tracker.keep_unconfirmed = keep_unconfirmed

    def track(self, frame):
        """Return the tracked objects of the next frame."""
        return self._tracker.track(self.detector.detect(frame), frame)
