"""The lifecycle node `yolo_heatmap`: camera images in, heat and its pictures out."""

import itertools
import sys
from typing import Any, Callable, Dict, List, Optional

import numpy as np
import rclpy
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from std_msgs.msg import Header
from std_srvs.srv import SetBool

from yolo_heatmap_ros.build_pipeline import change_pipeline, make_pipeline
from yolo_heatmap_ros.choices import DetectorKind, FramePolicy
from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.config.heatmap import HEATMAP_PARAMETERS
from yolo_heatmap_ros.detectors.interface import Detector
from yolo_heatmap_ros.detectors.yolo import YoloDetector
from yolo_heatmap_ros.errors import HeatmapError
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.pipeline import HeatmapPipeline
from yolo_heatmap_ros.ros.counts_publisher import CountsPublisher
from yolo_heatmap_ros.ros.diagnostics import BEST_EFFORT, DiagnosticsReporter, RELIABLE
from yolo_heatmap_ros.ros.executable import nothing_to_lose, run_node
from yolo_heatmap_ros.ros.floor_publisher import FloorPublisher
from yolo_heatmap_ros.ros.floor_views import FloorViews
from yolo_heatmap_ros.ros.frame_advice import FrameAdvice
from yolo_heatmap_ros.ros.frame_input import FrameInput
from yolo_heatmap_ros.ros.frame_statistics import Outcome
from yolo_heatmap_ros.ros.heat_services import HeatServices
from yolo_heatmap_ros.ros.history_keeper import HistoryKeeper
from yolo_heatmap_ros.ros.managed_node import guarded, ManagedNode
from yolo_heatmap_ros.ros.messages.detections import (
    Detection2DArray, detection_reader, detections_message, MISSING)
from yolo_heatmap_ros.ros.messages.images import seconds_of
from yolo_heatmap_ros.ros.parameters import NodeParameters
from yolo_heatmap_ros.ros.picture_publisher import PicturePublisher
from yolo_heatmap_ros.ros.positions_publisher import PositionsPublisher
from yolo_heatmap_ros.ros.shape_keeper import ShapeKeeper
from yolo_heatmap_ros.ros.sim_time import watch_clock
from yolo_heatmap_ros.ros.snapshot_keeper import SnapshotKeeper
from yolo_heatmap_ros.text import one_line, OWN_LENGTH

MAX_AGE = 3600.0
"""Seconds from which an image belongs to a recording, and its age is no latency."""


class HeatmapNode(ManagedNode):
    """Accumulates where a YOLO model sees objects, and publishes it as data and pictures."""

    NAME = 'yolo_heatmap'
    PARAMETERS = HEATMAP_PARAMETERS

    def __init__(self, make_detector: Callable[..., Detector] = YoloDetector, **kwargs):
        """Declare parameters and services; `make_detector` loads the model in `configure`."""
        # Before rclpy's constructor: if that raises, it destroys the node.
        self._pipeline: Optional[HeatmapPipeline] = None
        self._advice: Optional[FrameAdvice] = None
        self._input: Optional[FrameInput] = None
        self._pictures: Optional[PicturePublisher] = None
        self._snapshots: Optional[SnapshotKeeper] = None
        self._floor: Optional[FloorPublisher] = None
        self._positions: Optional[PositionsPublisher] = None
        self._views: Optional[FloorViews] = None
        self._history: Optional[HistoryKeeper] = None
        self._counts: Optional[CountsPublisher] = None
        self._detections = None
        self._heat_services: Optional[HeatServices] = None
        super().__init__(self.NAME, **kwargs)
        self._make_detector = make_detector
        self._enabled = True
        self._numbers = itertools.count(1)  # over all configurations: a history has them all
        try:
            self._node_parameters = NodeParameters(self, self.PARAMETERS, self._change,
                                                   lambda: self._pipeline is not None)
            self._shapes = ShapeKeeper(self, self._node_parameters)
            self._heat_services = HeatServices(self)
            self.create_service(SetBool, '~/enable', self._enable)
            self._diagnostics = DiagnosticsReporter(self, self._facts)
            watch_clock(self)
        except Exception:
            self.destroy_node()  # else it stays in the graph until garbage is collected
            raise

    @property
    def autostart(self) -> bool:
        """Return whether the node is to configure and activate itself."""
        return self._node_parameters.value('autostart')

    @guarded
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the model and create the publishers."""
        try:
            configuration = self._configuration = self._read_configuration()
            self._pipeline = make_pipeline(configuration, self.get_logger().info,
                                           self._detector_maker(), self._warn)
            self._pipeline.numbers = self._numbers
            self._views = self._make_views()
            if configuration['history_period']:
                self._history = HistoryKeeper(self, self._pipeline, configuration,
                                              lambda message: self._counts.tell(message))
        except HeatmapError as error:
            self.get_logger().error(f'cannot configure: {one_line(error, OWN_LENGTH)}')
            self._release()
            return TransitionCallbackReturn.FAILURE
        # With every frame processed, every picture is to arrive as well.
        self._depth = (configuration['queue_depth']
                       if configuration['frame_policy'] == FramePolicy.ALL else 1)
        self._diagnostics.restart()
        self._advice = FrameAdvice(self.get_logger(), configuration, self._pipeline,
                                   self._diagnostics.statistics)
        self._input = self._make_input()
        self._pictures = PicturePublisher(self, self._pipeline, self._depth, configuration)
        self._counts = CountsPublisher(self, self._pipeline, self._depth)
        if self._pipeline.options.ground is not None:
            self._floor = FloorPublisher(self, self._pipeline, configuration)
            self._positions = self._make_positions()
        self._make_detections()
        self._snapshots = SnapshotKeeper(self, self._pipeline, configuration,
                                         self._node_parameters.given,
                                         self._pictures.wait_until_drawn)
        detector = self._pipeline.detector
        if configuration['detector'] == DetectorKind.TOPIC:
            self.get_logger().info(f'no model: {detector.task}')
        else:
            self.get_logger().info(
                f"model '{configuration['weights']}': {detector.task}, {len(detector.names)} "
                f'classes, {detector.backend} on {detector.device_name}, SHA-256 '
                f'{detector.sha256}')
        self._heat_services.serve(self._pipeline, self._snapshots, self._on_replaced_heat)
        if configuration['resume']:
            self._heat_services.resume()
        return super().on_configure(state)

    def _read_configuration(self) -> Configuration:
        """Return the values of all parameters; raises HeatmapError."""
        return self._node_parameters.configuration()

    def _detector_maker(self) -> Callable[..., Detector]:
        if self._configuration['detector'] == DetectorKind.TOPIC:
            return detection_reader
        return self._make_detector

    def _make_views(self) -> Optional[FloorViews]:
        """Return what tells how frames show the floor, None without a floor."""
        if self._pipeline.options.ground is None:
            return None
        return FloorViews(self, self._configuration)

    def _make_input(self) -> FrameInput:
        return FrameInput(self, self._configuration, self._depth, self._pipeline,
                          self._diagnostics, self._advice, self._process)

    def _make_positions(self) -> PositionsPublisher:
        return PositionsPublisher(self, self._pipeline, self._configuration)

    def _make_detections(self) -> None:
        if Detection2DArray is None:
            self.get_logger().info(f'no ~/detections: {MISSING}')
        else:
            self._detections = self.create_lifecycle_publisher(Detection2DArray, '~/detections',
                                                               self._depth)

    def _warn(self, line: str) -> None:
        """Log what users should know about the heat."""
        self.get_logger().warning(line)

    @guarded
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe to the images."""
        result = super().on_activate(state)
        if self._enabled:
            self._input.subscribe()
        outputs = ', '.join(f"'{topic}'" for topic in self._pictures.topics)
        inputs = ' and '.join(f"'{topic}'" for topic in self._input.topics)
        listening = f'listening to {inputs}' if self._enabled else 'paused, see ~/enable'
        self.get_logger().info(f'{listening}, publishing {outputs}')
        return result

    @guarded
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribe; the heat stays."""
        self._input.unsubscribe()
        self._pictures.wait_until_published()
        return super().on_deactivate(state)

    @guarded
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Release the model and the heat."""
        self._release()
        return super().on_cleanup(state)

    @guarded
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Release everything."""
        self._release()
        return super().on_shutdown(state)

    def destroy_node(self) -> None:
        """Release everything, whatever the state."""
        self._release()
        super().destroy_node()

    @guarded
    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Go back to the unconfigured state after a transition that broke."""
        self._release()
        return super().on_error(state)

    def _release(self) -> None:
        """Release what `configure` has made, also where it has broken halfway."""
        if self._input is not None:
            self._input.unsubscribe()
        for part in (self._snapshots, self._history, self._pictures, self._counts, self._floor,
                     self._positions, self._views):
            if part is not None:
                self.barrier.guard(part.close)()
        if self._detections is not None:
            self.destroy_lifecycle_publisher(self._detections)
        self._input = self._snapshots = self._pictures = self._floor = self._history = None
        self._counts = self._positions = self._views = self._detections = None
        if self._heat_services is not None:
            self._heat_services.serve(None, None)
        self._pipeline = self._advice = None  # and with them the model

    def _change(self, changes: Dict[str, Any]) -> None:
        if self._pipeline is None:
            return
        self._pictures.wait_until_published()  # what is shown no more must be out, too
        change_pipeline(self._pipeline, changes)
        self._configuration = self._configuration.changed(changes)
        for part in (self._advice, self._input, self._pictures, self._floor, self._snapshots,
                     self._history, self._views):
            if part is not None:
                part.configuration = self._configuration

    def _on_replaced_heat(self) -> None:
        if self._floor is not None and self._pictures.active:
            self._floor.refresh()

    def _enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._enabled = request.data
        if self._pictures is not None and self._pictures.active:
            if self._enabled:
                self._input.subscribe()
            else:
                self._input.unsubscribe()
        response.success = True
        response.message = 'resumed' if self._enabled else 'paused: the heat stays'
        self.get_logger().info(response.message)
        return response

    def _facts(self) -> Dict[str, str]:
        """Return what `/diagnostics` says beside the frames."""
        facts = {'state': self.state_label}
        if not self._enabled:
            facts['paused'] = 'see ~/enable'
        if self._shapes.summary:
            facts['drawn shapes'] = self._shapes.summary
        if self._pipeline is not None:
            facts['topic'] = self.resolve_topic_name('image')
            detector = self._pipeline.detector
            by_topic = self._configuration['detector'] == DetectorKind.TOPIC
            model = '' if by_topic else self._configuration['weights']
            facts.update(model=model, task=detector.task,
                         device=detector.device_name, backend=detector.backend)
            if self._history is not None and self._history.unusual:
                facts['unusual'] = self._history.unusual
            if self._views is not None and self._views.problem:
                facts['problem'] = self._views.problem
            if self._pipeline.shape is not None:
                facts['picture (px)'] = '{1} x {0}'.format(*self._pipeline.shape)
            if self._pipeline.renderer.shown_range is not None:
                facts['scale low'], facts['scale high'] = (
                    f'{value:.6g}' for value in self._pipeline.renderer.shown_range)
            if self._pipeline.camera_moved:
                facts['camera'] = 'moves: heat in the picture begins again each time'
            if self._input.topics:
                facts['reliability'] = RELIABLE if self._input.reliable else BEST_EFFORT
            if self._configuration['frame_policy'] == FramePolicy.ALL:
                facts['every frame'] = f'up to {self._depth} wait'
        return facts

    def _process(self, header: Header, frame: np.ndarray, detections: Detections) -> None:
        """Add the heat of a frame's objects, and publish the results."""
        self._advice.on_not_finite(detections.not_finite)
        self._pictures.wait_until_drawn()
        stamp = seconds_of(header)
        if self._history is not None:
            self._history.before_frame(header)
        view = None if self._views is None else self._views.view(header, frame.shape[:2])
        step = self._pipeline.add(frame, detections, stamp, view)
        self._pictures.show(self._pipeline.last_frame, header)
        self._counts.show(header)
        if self._detections is not None and self._detections.get_subscription_count():
            self._detections.publish(detections_message(
                self._pipeline.objects, self._pipeline.detector.names, header))
        if self._floor is not None:
            self._floor.show(header)
            self._positions.show(header)
        self._diagnostics.count(Outcome.PROCESSED, age=self._age(stamp))
        self._advice.on_processed(step, len(detections))

    def _age(self, stamp: float) -> float:
        """Return the age of a stamp by the node's clock, in s; NaN for stamps of another clock."""
        age = 1e-9 * self.get_clock().now().nanoseconds - stamp
        return age if 0.0 <= age < MAX_AGE else float('nan')


def work(node: HeatmapNode) -> int:
    """Start a node if it starts by itself, and spin it; return the exit code."""
    with nothing_to_lose():
        if node.autostart and not node.bring_up():
            return int(rclpy.ok())  # else a signal has ended it
    rclpy.spin(node)
    return 0


def main(args: Optional[List[str]] = None) -> int:
    """Run the node until it is told to end; return the exit code."""
    return run_node(HeatmapNode, work, args, __doc__, HEATMAP_PARAMETERS)


if __name__ == '__main__':
    sys.exit(main())
