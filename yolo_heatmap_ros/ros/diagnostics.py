"""The node's health on `/diagnostics`, in the format of diagnostic_updater."""

import math
import time
from typing import Callable, Dict, Tuple

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType

from yolo_heatmap_ros.ros.barrier import GuardedNode
from yolo_heatmap_ros.ros.frame_statistics import FrameStatistics, Outcome, WINDOW

PERIOD = 1.0
"""Seconds between reports."""
STALE_AFTER = 5.0
"""Seconds without a frame after which the status is STALE."""

RELIABLE, BEST_EFFORT = 'reliable', 'best effort'
MUCH_LOST = 0.05
"""The share of frames that are lost on the way from which that deserves a warning."""
IDLE = 0.7
"""The share of the time below which the node is not so busy that it skips frames itself."""
HINT_PERIOD = 60.0
"""Seconds between log lines on lost frames."""
OK, WARN, ERROR, STALE = (DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR,
                          DiagnosticStatus.STALE)


class DiagnosticsReporter:
    """Publishes one status of the node per second, in every lifecycle state."""

    def __init__(self, node: GuardedNode, facts: Callable[[], Dict[str, str]]):
        """
        Start reporting.

        `facts` returns further values by name: `state` is the node's lifecycle state; `paused` is
        set only while it is paused, `unusual` while something is, `problem` while something else
        deserves a warning, and `every frame` only if a lost frame deserves a warning;
        `reliability` is `RELIABLE` or `BEST_EFFORT`, that of the subscription.
        """
        self._node = node
        self._facts = facts
        self.statistics = FrameStatistics()
        self._since = time.monotonic()
        self._last = float('-inf')
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self._timer = node.create_timer(PERIOD, self._report,
                                        clock=Clock(clock_type=ClockType.STEADY_TIME))

    def count(self, kind: str, number: int = 1, age: float = float('nan')) -> None:
        """Count frames; see `FrameStatistics.count`."""
        now = time.monotonic()
        self._last = now
        self.statistics.count(kind, now, number, age)

    def work(self, seconds: float) -> None:
        """Remember that a frame took so long."""
        self.statistics.work(time.monotonic(), seconds)

    def restart(self) -> None:
        """Restart all counts from zero, for a new configuration."""
        self.statistics = FrameStatistics()
        self._since, self._last = time.monotonic(), float('-inf')

    def _report(self) -> None:
        now = time.monotonic()
        facts = self._facts()
        recent = self.statistics.recent(now)
        watched = min(WINDOW, max(now - self._since, PERIOD))
        median, high = self.statistics.ages(now)
        level, message = self._judged(facts, recent, now)
        values = {
            **facts,
            'rate in (Hz)': f'{sum(recent.values()) / watched:.1f}',
            'rate out (Hz)': f'{recent[Outcome.PROCESSED] / watched:.1f}',
            **{f'frames {kind}': str(count)
               for kind, count in self.statistics.counts.items()},
            'latency p50 (ms)': _milliseconds(median), 'latency p95 (ms)': _milliseconds(high),
            'unexpected errors': str(self._node.barrier.count),
            'last error': self.statistics.last_error}
        name = self._node.get_fully_qualified_name().strip('/')
        status = DiagnosticStatus(
            level=level, name=f'{name}: frames', message=message,
            hardware_id=facts.get('topic', ''),
            values=[KeyValue(key=key, value=value) for key, value in values.items()])
        array = DiagnosticArray(status=[status])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)

    def _judged(self, facts: Dict[str, str], recent: Dict[str, int],
                now: float) -> Tuple[bytes, str]:
        if now - self._node.barrier.last_at < WINDOW:
            return ERROR, (f'{self._node.barrier.count} unexpected errors so far, '
                           'see the log of the node')
        if facts['state'] != 'active' or 'paused' in facts:
            return OK, 'paused' if 'paused' in facts else facts['state']
        if now - max(self._last, self._since) > STALE_AFTER:
            return STALE, f"no image on '{facts.get('topic')}' for {STALE_AFTER:.0f} s"
        if recent[Outcome.UNUSABLE]:
            level = WARN if recent[Outcome.PROCESSED] else ERROR
            return level, (f'{recent[Outcome.UNUSABLE]} frames unusable: '
                           f'{self.statistics.last_error}')
        if recent[Outcome.SKIPPED] and not recent[Outcome.PROCESSED]:
            return ERROR, (f'{recent[Outcome.SKIPPED]} frames lost in {WINDOW:.0f} s, and none '
                           'processed: see the log of the node')
        if self._loses_on_the_way(facts, recent, now):
            message = (f'{recent[Outcome.SKIPPED]} of {sum(recent.values())} frames lost on the '
                       'way, while the node had time for them: the topic is best effort, and '
                       'parts of large pictures are dropped')
            self._node.get_logger().warning(
                f'{message}; let the camera publish reliably, or smaller pictures, or compressed '
                "ones (input_transport), see docs/troubleshooting.md, 'best effort'",
                throttle_duration_sec=HINT_PERIOD)
            return WARN, message
        if recent[Outcome.SKIPPED] and 'every frame' in facts:
            return WARN, (f'{recent[Outcome.SKIPPED]} frames lost: the camera is faster than the '
                          'model')
        if 'problem' in facts:
            return WARN, facts['problem']
        if 'unusual' in facts:
            return WARN, f"unusual: {facts['unusual']}"
        return OK, 'frames arrive' if recent[Outcome.PROCESSED] else 'waiting for the first frame'

    def _loses_on_the_way(self, facts: Dict[str, str], recent: Dict[str, int],
                          now: float) -> bool:
        watched = min(WINDOW, max(now - self._since, PERIOD))
        return (facts.get('reliability') == BEST_EFFORT
                and recent[Outcome.SKIPPED] > MUCH_LOST * sum(recent.values())
                and self.statistics.worked(now) < IDLE * watched)


def _milliseconds(seconds: float) -> str:
    return f'{1000 * seconds:.1f}' if math.isfinite(seconds) else ''
