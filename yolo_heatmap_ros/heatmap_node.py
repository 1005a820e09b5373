"""The lifecycle node `yolo_heatmap`: camera images in, heat and its pictures out."""

import sys
import time
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

from diagnostic_msgs.msg import DiagnosticArray
import rclpy
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import CompressedImage, Image
from std_srvs.srv import Trigger

from yolo_heatmap_ros.accumulation import RESET, SECONDS
from yolo_heatmap_ros.compressed import from_compressed, SUFFIX
from yolo_heatmap_ros.executable import run
from yolo_heatmap_ros.heat.clock import Step
from yolo_heatmap_ros.heatmap_parameters import HEATMAP_SETTINGS
from yolo_heatmap_ros.image_subscription import ImageSubscription
from yolo_heatmap_ros.images import ImageError, to_frame
from yolo_heatmap_ros.managed_node import logged, ManagedNode
from yolo_heatmap_ros.parameters import ParameterError, Parameters
from yolo_heatmap_ros.picture_publisher import PicturePublisher
from yolo_heatmap_ros.pipeline import HeatmapPipeline
from yolo_heatmap_ros.pipeline_settings import change_pipeline, make_pipeline
from yolo_heatmap_ros.region_report import to_message
from yolo_heatmap_ros.snapshot import SnapshotError
from yolo_heatmap_ros.snapshot_keeper import SnapshotKeeper
from yolo_heatmap_ros.weights import ModelError

LOG_PERIOD = 5.0
"""Seconds between log lines of one kind."""
TIMELESS_FRAMES = 30
"""Frames without a step of time after which that is worth a warning."""
NOTHING_FOUND_AFTER = 10.0
"""Seconds of frames after which a model that has found nothing is worth a warning."""


class HeatmapNode(ManagedNode):
    """Accumulates where a YOLO model sees objects, and publishes it as data and pictures."""

    def __init__(self, **kwargs):
        """Declare parameters and services; the model is loaded by `configure`."""
        super().__init__('yolo_heatmap', **kwargs)
        self._pipeline: Optional[HeatmapPipeline] = None
        self._subscription: Optional[ImageSubscription] = None
        self._pictures: Optional[PicturePublisher] = None
        self._snapshots: Optional[SnapshotKeeper] = None
        self._regions = None
        self._processed = 0
        self._unusable = 0
        self._first_frame_at: Optional[float] = None
        self._found_any = False
        self._time_passes = False
        self._settings = Parameters(self, HEATMAP_SETTINGS, self._change,
                                    lambda: self._pipeline is not None)
        for name, answer in (('reset', self._reset), ('save', self._save), ('load', self._load)):
            self.create_service(Trigger, f'~/{name}', self._answering(answer))

    @property
    def autostart(self) -> bool:
        """Tell whether the node is to bring itself up."""
        return self._settings.value('autostart')

    @logged
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the model and create the publishers."""
        try:
            values = self._settings.values()
            self._pipeline = make_pipeline(values, self.get_logger().info)
        except (ModelError, ParameterError) as error:
            self.get_logger().error(f'cannot configure: {error}')
            return TransitionCallbackReturn.FAILURE
        self._values = values
        # Who wants every frame wants every picture too.
        self._depth = values['queue_depth'] if values['frame_policy'] == 'all' else 1
        self._found_any, self._first_frame_at = False, None
        self._pictures = PicturePublisher(self, self._pipeline, self._depth, values)
        self._regions = self.create_lifecycle_publisher(DiagnosticArray, '~/regions', self._depth)
        self._snapshots = SnapshotKeeper(self, self._pipeline, values, self._settings.given,
                                         self._pictures.wait_until_drawn)
        tracker = self._pipeline.tracker
        self.get_logger().info(
            f"model '{values['weights']}': {tracker.task}, {len(tracker.names)} classes, on "
            f'{tracker.device_name}')
        if values['resume']:
            self._resume()
        return super().on_configure(state)

    @logged
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begin to take images."""
        result = super().on_activate(state)
        self._subscription = ImageSubscription(
            self, *self._input(), self._on_image, self._values['image_reliability'], self._depth)
        outputs = ', '.join(f"'{topic}'" for topic in self._pictures.topics)
        self.get_logger().info(f"listening to '{self._subscription.topic}', publishing {outputs}")
        return result

    def _input(self) -> Tuple[type, str]:
        """Return the type and the topic of the images that are wanted."""
        if self._values['input_transport'] == 'raw':
            return Image, 'image'
        # As image_transport does: remapping the raw topic's name is enough.
        return CompressedImage, self.resolve_topic_name('image') + SUFFIX

    @logged
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Take no more images; the heat stays."""
        self._unsubscribe()
        self._pictures.wait_until_published()
        return super().on_deactivate(state)

    @logged
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let go of the model and the heat."""
        self._release()
        return super().on_cleanup(state)

    @logged
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let go of everything."""
        self._release()
        return super().on_shutdown(state)

    def destroy_node(self) -> None:
        """Let go of everything, whatever the state."""
        self._release()
        super().destroy_node()

    @logged
    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Go back to the unconfigured state after a transition that broke."""
        self._release()
        return super().on_error(state)

    def _unsubscribe(self) -> None:
        if self._subscription is not None:
            self._subscription.destroy()
            if self.context.ok():  # else the logger could not publish it
                self.get_logger().info(
                    f'{self._processed} frames processed, {self._subscription.skipped} skipped, '
                    f'{self._unusable} unusable')
            self._subscription = None

    def _release(self) -> None:
        self._unsubscribe()
        if self._pictures is not None:
            self._snapshots.close()
            self._pictures.close()
            self.destroy_lifecycle_publisher(self._regions)
            self._pictures = self._snapshots = self._regions = None
        self._pipeline = None

    def _change(self, changes: Dict[str, Any]) -> None:
        if self._pipeline is None:
            return
        self._pictures.wait_until_drawn()
        change_pipeline(self._pipeline, changes)
        self._values.update(changes)
        self._snapshots.keep = self._values['snapshot_keep']

    def _resume(self) -> None:
        try:
            self.get_logger().info(f'resumed from {self._snapshots.load()}')
        except SnapshotError as error:
            self.get_logger().warning(f'nothing is resumed: {error}')

    def _answering(self, answer: Callable[[], str]) -> Callable:
        """Return a service callback that gives what `answer` returns, or why it cannot."""
        def callback(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            try:
                if self._pipeline is None:
                    raise SnapshotError('not configured: there is no heat')
                response.message = answer()
                response.success = True
                self.get_logger().info(response.message)
            except SnapshotError as error:
                response.message = str(error)
                self.get_logger().error(response.message)
            return response
        return callback

    def _reset(self) -> str:
        kept = ''
        if self._values['reset_keeps_copy'] and self._pipeline.accumulator is not None:
            kept = f'; a copy is in {self._snapshots.save(aside=True)}'
        self._pictures.wait_until_drawn()
        self._pipeline.reset()
        if self._values['autosave_period']:
            self._snapshots.save_soon()  # a crash must not bring the heat back
        return f'all heat is forgotten{kept}'

    def _save(self) -> str:
        return f'saved to {self._snapshots.save()}'

    def _load(self) -> str:
        return f'loaded from {self._snapshots.load()}'

    def _on_image(self, message: Union[Image, CompressedImage]) -> None:
        try:
            if isinstance(message, CompressedImage):
                frame = from_compressed(message)
            else:
                frame = to_frame(message, self._values['value_range'])
            if self._pipeline.shape not in (None, frame.shape[:2]):
                height, width = frame.shape[:2]
                self.get_logger().warning(
                    f'the resolution changed to {width} x {height}: the heat begins anew',
                    throttle_duration_sec=LOG_PERIOD)
            detections = self._pipeline.detect(frame)
        except (ImageError, ModelError) as error:
            self._unusable += 1
            self.get_logger().warning(f'frame skipped, {self._unusable} so far: {error}',
                                      throttle_duration_sec=LOG_PERIOD)
            return
        self._pictures.wait_until_drawn()
        stamp = message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec
        step = self._pipeline.deposit(frame, detections, stamp)
        self._pictures.show(frame, message.header)
        if self._pipeline.accumulator.regions is not None:
            self._regions.publish(to_message(self._pipeline.accumulator.regions, message.header))
        self._processed += 1
        self._watch_time(step)
        self._watch_for_nothing(len(detections))
        if self._subscription.skipped and self._values['frame_policy'] == 'all':
            self.get_logger().warning(
                f'{self._subscription.skipped} frames lost so far: the camera is faster than the '
                f'model, and more than queue_depth {self._depth} wait',
                throttle_duration_sec=LOG_PERIOD)

    def _watch_time(self, step: Step) -> None:
        if step.jumped_back:
            what = 'begins anew' if self._values['on_time_jump'] == RESET else 'stays'
            self.get_logger().warning(
                f'the stamps of the images went back by {step.jumped_back:.1f} s: the heat {what} '
                '(on_time_jump)', throttle_duration_sec=LOG_PERIOD)
        self._time_passes |= step.elapsed > 0.0
        if not self._time_passes and self._processed == TIMELESS_FRAMES and (
                self._values['heat_unit'] == SECONDS or self._values['half_life']):
            self.get_logger().warning(
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
            self.get_logger().warning(
                f'no object found in {NOTHING_FOUND_AFTER:.0f} s of frames: looking for {names} '
                f'with conf {tracker.conf}; lower conf, or check weights and classes')


def _work(node: HeatmapNode) -> int:
    if node.autostart and not node.bring_up():
        return 1
    rclpy.spin(node)
    return 0


def main(args: Optional[List[str]] = None) -> int:
    """Run the node until it is told to end; return the exit code."""
    return run(HeatmapNode, _work, args)


if __name__ == '__main__':
    sys.exit(main())
