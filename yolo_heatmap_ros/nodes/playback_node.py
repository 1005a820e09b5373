"""The node `playback`: a video, image, folder, camera, stream or bag as an image topic."""

import array
import sys
import threading
import time
from typing import Any, Dict, List, Optional

import numpy as np
import rclpy
from rclpy.clock import Clock as RosClock, ClockType
from rclpy.duration import Duration
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.task import Future
from rclpy.time import Time
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from std_srvs.srv import SetBool

from yolo_heatmap_ros.choices import StampSource
from yolo_heatmap_ros.config.playback import PLAYBACK_PARAMETERS
from yolo_heatmap_ros.errors import ParameterError, SourceError
from yolo_heatmap_ros.media.raw_images import RawImage
from yolo_heatmap_ros.media.source import Source, STILL_RATE, without_credentials
from yolo_heatmap_ros.media.sources import open_source
from yolo_heatmap_ros.ros.barrier import GuardedNode
from yolo_heatmap_ros.ros.executable import run_node
from yolo_heatmap_ros.ros.messages.images import Picture
from yolo_heatmap_ros.ros.parameters import NodeParameters
from yolo_heatmap_ros.ros.sim_time import watch_clock

LOG_PERIOD = 5.0
"""Seconds between progress lines."""
RECONNECT_PERIOD = 1.0
"""Seconds between attempts to open a stream again."""
POLL_PERIOD = 0.05
"""Polling interval of the player thread in seconds."""
LAST_FRAME_TIMEOUT = 2.0
"""Seconds in which reliable subscribers can fetch the last frame before the process ends."""
LEAST_PERIOD = 1e-3
"""Minimum seconds between frames, for those recorded with equal stamps."""
MOST_PERIOD = 3600.0
"""Maximum seconds between frames."""
LONG_GAP = 5.0
"""Seconds until the next frame from which the log says that it takes so long."""
MAX_SKIP = 1.0
"""Maximum seconds of frames skipped at once if decoding is slower than the rate."""


class PlaybackNode(GuardedNode):
    """Publishes the frames of a source on `image_raw`, paced by a steady clock."""

    def __init__(self, **kwargs):
        """Open the source; raises ParameterError if it cannot be opened."""
        # Before rclpy's constructor: if that raises, it destroys the node.
        self._stop = threading.Event()
        self._player = threading.Thread(target=self._play, name='player', daemon=True)
        super().__init__('playback', **kwargs)
        self._configuration = NodeParameters(
            self, PLAYBACK_PARAMETERS, self._change).configuration()
        self._name = without_credentials(self._configuration['source'])
        try:
            self._source = self._open()
        except SourceError as error:
            raise ParameterError(f"parameter 'source': {error}") from error
        self._publisher = self.create_publisher(
            Image, 'image_raw', QoSProfile(depth=10),
            qos_overriding_options=QoSOverridingOptions.with_default_policies())
        self.create_service(SetBool, '~/pause', self._pause)
        self._picture = Picture()
        self._paused = threading.Event()
        self._changed = threading.Event()
        self._position = self._published = self._skipped = 0
        self._advised = False
        watch_clock(self)
        self._finished = Future()
        self._source_clock: Optional[SourceClock] = None
        if self._configuration['clock']:
            self._source_clock = SourceClock(self._source.begin or time.time())
            self._clock_publisher = self.create_publisher(Clock, '/clock', QoSProfile(depth=10))
            self.create_timer(1.0 / self._configuration['clock'], self._publish_clock,
                              clock=RosClock(clock_type=ClockType.STEADY_TIME))

    def _open(self) -> Source:
        source = open_source(self._configuration['source'], self._configuration['topic'],
                             self._configuration['value_range'])
        if self._configuration['stamps'] == StampSource.ORIGINAL and source.header is None:
            source.close()
            raise ParameterError("parameter 'stamps': only recordings (rosbag2) have original "
                                 'stamps')
        for name in ('clock', 'start_offset'):
            if source.live and self._configuration[name]:
                source.close()
                raise ParameterError(f"parameter '{name}': a camera or stream has no time of its "
                                     'own: leave it at 0')
        return source

    def spin_to_end(self) -> int:
        """Play until the source ends; return the exit code of the process."""
        self._player.start()
        rclpy.spin_until_future_complete(self, self._finished)
        return self._finished.result()

    def destroy_node(self) -> None:
        """Stop the player thread before its publisher is destroyed."""
        self._stop.set()
        if self._player.is_alive():
            # A camera or stream can block in its driver; do not wait for it indefinitely.
            self._player.join(timeout=2.0)
        super().destroy_node()

    def _change(self, changes: Dict[str, Any]) -> None:
        self._configuration = self._configuration.changed(changes)
        self._changed.set()

    def _pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        (self._paused.set if request.data else self._paused.clear)()
        response.success, response.message = True, 'paused' if request.data else 'playing'
        self.get_logger().info(response.message)
        return response

    @property
    def rate(self) -> float:
        """Return the target frame rate in Hz; 0: as frames arrive."""
        return self._configuration['rate'] or self._source.rate * self._configuration['speed']

    def _publish_clock(self) -> None:
        self._clock_publisher.publish(Clock(clock=self._source_clock.now().to_msg()))

    def _play(self) -> None:
        code = 1  # also after an unexpected error of a decoder: the process must end
        try:
            self._wait_for_subscribers()
            code = self._play_live() if self._source.live else self._play_recorded()
            if not self._stop.is_set():
                self._publisher.wait_for_all_acked(Duration(seconds=LAST_FRAME_TIMEOUT))
        except SourceError as error:
            self.get_logger().fatal(str(error))
        except Exception as error:
            # Where a signal has shut the context down, publishing raises, and all is well.
            code = int(self.context.ok())
            self.barrier.report('playing', error)
        finally:
            self.barrier.guard(self._source.close)()
            self._finished.set_result(code)

    def _wait_for_subscribers(self) -> None:
        wanted = self._configuration['wait_for_subscribers']
        if wanted > self._publisher.get_subscription_count():
            topic = self._publisher.topic_name
            self.get_logger().info(f"waiting for {wanted} subscriber(s) of '{topic}'")
            while wanted > self._publisher.get_subscription_count():
                if self._stop.wait(POLL_PERIOD):
                    return
        unknown = 'no end' if self._source.still or self._source.live else 'until its end'
        total = f'{self._source.total} frames' if self._source.total else unknown
        recorded = 'as they come' if self._source.live else 'as they were recorded'
        rate = f'{self.rate:g} Hz' if self.rate else recorded
        topics = self._source.topics
        topic = (f", topic '{self._source.topic}' of {', '.join(topics)} (topic)"
                 if len(topics) > 1 else '')
        self.get_logger().info(f"playing '{self._name}' on '{self._publisher.topic_name}': "
                               f'{total}, {rate}{topic}')

    def _skip_offset(self) -> None:
        if self._source.still:
            return
        while not self._stop.is_set() and (
                self._source.coming < self._configuration['start_offset']) and (
                self._source.skip()):
            self._position += 1

    def _play_recorded(self) -> int:
        """Publish frames at their times; return the exit code at the end."""
        self._start_report()
        self._skip_offset()
        due, in_this_round = time.monotonic(), 0
        while not self._stop.is_set():
            if self._paused.is_set():
                self._stop.wait(POLL_PERIOD)
                due = time.monotonic()
                self._start_report()
                continue
            frame = self._source.read()
            if frame is None:
                if not in_this_round:
                    after = (f" after {self._configuration['start_offset']} s (start_offset)"
                             if self._configuration['start_offset'] else '')
                    self.get_logger().fatal(f"'{self._name}': no frame can be decoded{after}")
                    return 1
                if not self._configuration['loop']:
                    self._report(at_end=True)
                    return 0
                self._source.rewind()
                self._position = in_this_round = 0
                self._skip_offset()
                continue
            self._advise()
            in_this_round += 1
            self._position += 1
            due = self._wait_until(due)
            if self._stop.is_set():
                break
            self._publish(frame)
            self._report()
            period = self._period()
            if period > LONG_GAP:
                self.get_logger().info(f'the next frame comes in {period:.0f} s, as it was '
                                       'recorded (speed, rate)')
            due += period
            due += self._catch_up(time.monotonic() - due)
        return 0

    def _wait_until(self, due: float) -> float:
        """Wait until `due` or a parameter change; return the time to schedule from, in s."""
        while (left := due - time.monotonic()) > 0.0 and not self._stop.is_set():
            if self._changed.is_set():
                due = time.monotonic()
                break
            self._stop.wait(min(left, POLL_PERIOD))
        self._changed.clear()
        return due

    def _period(self) -> float:
        """Return the seconds until the next frame is due."""
        spacing, speed = self._source.spacing, self._configuration['speed']
        if spacing is not None and not self._configuration['rate']:
            return max(spacing / speed, LEAST_PERIOD)
        return min(1.0 / (self.rate or STILL_RATE * speed), MOST_PERIOD)

    def _advise(self) -> None:
        if self._source.advice and not self._advised:
            self._advised = True
            self.get_logger().warning(self._source.advice)

    def _catch_up(self, late: float) -> float:
        """Skip overdue frames; return by how many seconds that moves the next one."""
        moved, period = 0.0, self._period()
        while period <= late - moved:
            if not self._source.still:
                if not self._source.skip():
                    break
                self._position += 1
                self._skipped += 1
            period = self._period()
            moved += period
            if moved >= MAX_SKIP:
                return late
        return moved

    def _play_live(self) -> int:
        """Publish frames when they come, at most at `rate`, until the process is stopped."""
        self._start_report()
        due = time.monotonic()
        while not self._stop.is_set():
            frame = self._source.read()
            if frame is None:
                self._reconnect()
                self._start_report()
                continue
            self._position += 1
            now = time.monotonic()
            if self._changed.is_set():
                self._changed.clear()
                due = now
            if self._paused.is_set() or (self.rate and now < due):
                continue
            self._publish(frame)
            self._report()
            if self.rate:
                due = max(due + self._period(), now)
        return 0

    def _reconnect(self) -> None:
        self.get_logger().warning(f"'{self._name}': no more frames; opening it again")
        while not self._stop.wait(RECONNECT_PERIOD):
            if self._source.rewind():
                self.get_logger().info(f"'{self._name}': open again")
                return

    def _publish(self, frame: np.ndarray) -> None:
        if self._source.original is None:
            np.copyto(self._picture.pixels(*frame.shape[:2]), frame)
            message = self._picture.message
        else:
            message = _as_recorded(self._source.original)
        header = message.header
        if self._source_clock is not None:
            spacing = self._source.spacing
            self._source_clock.show(
                self._source.elapsed, self._configuration['speed'],
                1.0 / (self._source.rate or STILL_RATE) if spacing is None else spacing)
        if self._configuration['stamps'] == StampSource.ORIGINAL:
            header.stamp.sec, header.stamp.nanosec, header.frame_id = self._source.header
        else:
            header.stamp = (self._source_clock or self.get_clock()).now().to_msg()
            header.frame_id = self._configuration['frame_id']
        self._publisher.publish(message)
        self._published += 1

    def _start_report(self) -> None:
        self._reported_at, self._published_before = time.monotonic(), self._published

    def _report(self, at_end: bool = False) -> None:
        elapsed = time.monotonic() - self._reported_at
        if elapsed < LOG_PERIOD and not at_end:
            return
        total = self._source.total
        where = f'{self._position}/{total}' if total else f'{self._position}'
        hertz = (self._published - self._published_before) / max(elapsed, 1e-3)
        end = 'end of source: ' if at_end else ''
        unusable = self._source.unusable
        self.get_logger().info(f'{end}frame {where}, {hertz:.1f} Hz, {self._skipped} skipped'
                               + (f', {unusable} unusable' if unusable else ''))
        self._start_report()


class SourceClock:
    """The time of the source: that of the frame shown last, and how long ago that was."""

    def __init__(self, begin: float):
        """Stand at `begin`, the time of the first frame in s, until there is a frame."""
        self._begin = begin
        self._last = (begin, time.monotonic(), 0.0, 0.0)

    def show(self, elapsed: float, speed: float, spacing: float) -> None:
        """Show a frame, `elapsed` s after the first; the next one is due `spacing` s later."""
        self._last = (self._begin + elapsed, time.monotonic(), speed, spacing)

    def now(self) -> Time:
        """Return the time; it does not pass that of the next frame, as while playing pauses."""
        shown, at, speed, spacing = self._last
        seconds = shown + min((time.monotonic() - at) * speed, spacing)
        return Time(nanoseconds=round(1e9 * seconds))


def _as_recorded(original: RawImage) -> Image:
    return Image(height=original.height, width=original.width, step=original.step,
                 encoding=original.encoding, is_bigendian=int(original.big_endian),
                 data=array.array('B', bytes(original.data)))


def main(args: Optional[List[str]] = None) -> int:
    """Play to the end of the source, or until told to end; return the exit code."""
    return run_node(PlaybackNode, PlaybackNode.spin_to_end, args, __doc__, PLAYBACK_PARAMETERS)


if __name__ == '__main__':
    sys.exit(main())
