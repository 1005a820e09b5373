"""The lifecycle node `yolo_heatmap`: camera images in, heatmap and composite out."""

import sys
import time
from typing import Any, Dict, List, Optional

import rclpy
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

from yolo_heatmap_ros.detection import YoloTracker
from yolo_heatmap_ros.executable import run
from yolo_heatmap_ros.heat.render import HeatRenderer
from yolo_heatmap_ros.image_subscription import ImageSubscription
from yolo_heatmap_ros.images import ImageError, to_frame
from yolo_heatmap_ros.managed_node import logged, ManagedNode
from yolo_heatmap_ros.parameters import HEATMAP_SETTINGS, ParameterError, Parameters
from yolo_heatmap_ros.picture_publisher import PicturePublisher
from yolo_heatmap_ros.pipeline import HeatmapPipeline
from yolo_heatmap_ros.weights import ModelError

LOG_PERIOD = 5.0
"""Seconds between log lines of one kind."""
NOTHING_FOUND_AFTER = 10.0
"""Seconds of frames after which a model that has found nothing is worth a warning."""
MODEL_SETTINGS = ('conf', 'iou', 'max_det', 'classes')
RENDER_SETTINGS = ('colormap', 'alpha')


class HeatmapNode(ManagedNode):
    """Accumulates where a YOLO model sees objects, and publishes it as pictures."""

    def __init__(self, **kwargs):
        """Declare parameters and `~/reset`; the model is loaded by `configure`."""
        super().__init__('yolo_heatmap', **kwargs)
        self._pipeline: Optional[HeatmapPipeline] = None
        self._subscription: Optional[ImageSubscription] = None
        self._pictures: Optional[PicturePublisher] = None
        self._processed = 0
        self._unusable = 0
        self._first_frame_at: Optional[float] = None
        self._found_any = False
        self._settings = Parameters(self, HEATMAP_SETTINGS, self._change,
                                    lambda: self._pipeline is not None)
        self.create_service(Trigger, '~/reset', self._reset)

    @property
    def autostart(self) -> bool:
        """Tell whether the node is to bring itself up."""
        return self._settings.value('autostart')

    @logged
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the model and create the publishers."""
        try:
            values = self._settings.values()
            tracker = YoloTracker(**{name: values[name] for name in (
                'weights', 'device', 'imgsz', 'tracker', 'accelerate', 'threads',
                *MODEL_SETTINGS)},
                log=self.get_logger().info)
            self._pipeline = HeatmapPipeline(
                tracker, HeatRenderer(values['colormap'], values['alpha']))
        except (ModelError, ParameterError) as error:
            self.get_logger().error(f'cannot configure: {error}')
            return TransitionCallbackReturn.FAILURE
        self._values = values
        # Who wants every frame wants every picture too.
        self._depth = values['queue_depth'] if values['frame_policy'] == 'all' else 1
        self._found_any, self._first_frame_at = False, None
        self._pictures = PicturePublisher(self, self._pipeline, self._depth)
        self.get_logger().info(
            f"model '{values['weights']}': {tracker.task}, {len(tracker.names)} classes, on "
            f'{tracker.device_name}')
        return super().on_configure(state)

    @logged
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begin to take images."""
        result = super().on_activate(state)
        self._subscription = ImageSubscription(
            self, 'image', self._on_image, self._values['image_reliability'], self._depth)
        outputs = ', '.join(f"'{topic}'" for topic in self._pictures.topics)
        self.get_logger().info(f"listening to '{self._subscription.topic}', publishing {outputs}")
        return result

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
            self._pictures.close()
            self._pictures = None
        self._pipeline = None

    def _change(self, changes: Dict[str, Any]) -> None:
        if self._pipeline is None:
            return
        self._pictures.wait_until_drawn()
        tracker, renderer = self._pipeline.tracker, self._pipeline.renderer
        if 'classes' in changes:
            tracker.class_ids(changes['classes'])  # refused before anything is changed
        for name, value in changes.items():
            if name in MODEL_SETTINGS:
                setattr(tracker, name, value)
            elif name in RENDER_SETTINGS:
                setattr(renderer, name, value)

    def _reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if self._pipeline is None:
            response.message = 'not configured: there is no heat'
        else:
            self._pictures.wait_until_drawn()
            self._pipeline.reset()
            response.success, response.message = True, 'all heat is forgotten'
            self.get_logger().info(response.message)
        return response

    def _on_image(self, message: Image) -> None:
        try:
            frame = to_frame(message)
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
        self._pipeline.deposit(frame, detections)
        self._pictures.show(frame, message.header)
        self._processed += 1
        self._watch_for_nothing(len(detections))
        if self._subscription.skipped and self._values['frame_policy'] == 'all':
            self.get_logger().warning(
                f'{self._subscription.skipped} frames lost so far: the camera is faster than the '
                f'model, and more than queue_depth {self._depth} wait',
                throttle_duration_sec=LOG_PERIOD)

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
