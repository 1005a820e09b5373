"""Heatmap nodes for several cameras in one process, on models that they share."""

import sys
import threading
import time
from typing import List, Optional, Tuple

import rclpy
from rclpy.exceptions import NameValidationException, ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.parameter import Parameter

from yolo_heatmap_ros.config.cameras import Camera, read_cameras
from yolo_heatmap_ros.config.specs import filled_text, ParameterSpec, Settable
from yolo_heatmap_ros.detectors.shared_detector import ModelPool
from yolo_heatmap_ros.errors import CamerasError, HeatmapError, ParameterError
from yolo_heatmap_ros.nodes.heatmap_node import HeatmapNode
from yolo_heatmap_ros.ros.barrier import GuardedNode
from yolo_heatmap_ros.ros.executable import nothing_to_lose, run_node
from yolo_heatmap_ros.ros.parameters import NodeParameters
from yolo_heatmap_ros.text import one_line, printable

JOIN_TIMEOUT = 5.0
"""Seconds that a camera has to finish its frame."""
RESTART_PERIOD = 1.0
"""Seconds before a camera is spun again after an error of rclpy."""
PARAMETERS = (
    ParameterSpec(
        'cameras', '',
        'A YAML file with the cameras: {parameters: {…}, cameras: [{name: …, image: …, '
        'parameters: {…}}, …]}; see config/cameras.yaml.', filled_text, Settable.AT_START),
)


class CameraGroup(GuardedNode):
    """Makes one heatmap node for each camera of the file, each with its own thread."""

    def __init__(self):
        """Read the file; raises ParameterError if it lists no usable camera."""
        # Before rclpy's constructor: if that raises, it destroys the node.
        self._running: List[Tuple[HeatmapNode, SingleThreadedExecutor, threading.Thread]] = []
        super().__init__('yolo_heatmap_cameras')
        try:
            path = NodeParameters(self, PARAMETERS, lambda changes: None).value('cameras')
            self._cameras = read_cameras(path, self.get_logger().error)
        except CamerasError as error:
            raise ParameterError(f"parameter 'cameras': {error}") from error
        self._pool = ModelPool()

    def start(self) -> bool:
        """Configure and activate all nodes; return whether any succeeded."""
        for camera in self._cameras:
            node = self._make(camera)
            if node is None:
                continue
            executor = SingleThreadedExecutor()
            executor.add_node(node)
            self._running.append((node, executor, threading.Thread(
                target=_spin, args=(executor, node), name=camera.name, daemon=True)))
        for _, _, thread in self._running:
            thread.start()
        return bool(self._running)

    def _make(self, camera: Camera) -> Optional[HeatmapNode]:
        """Return a camera's node, activated if it autostarts; None if it cannot start."""
        node, reason = None, 'see above'
        space = f"{self.get_namespace().rstrip('/')}/{camera.name}"
        try:
            node = HeatmapNode(
                self._pool.make_detector,
                # Separate remapping rules: the process-wide ones, for example from a launch file
                # that puts a robot's name before all, would give every camera the same name.
                cli_args=['--ros-args', '-r', f'image:={camera.image}', '-r', f'__ns:={space}',
                          '-r', '__node:=yolo_heatmap'],
                parameter_overrides=[Parameter(name, value=value)
                                     for name, value in camera.parameters.items()])
            if not node.autostart or node.bring_up():
                return node
        # rcl's, on a topic's name; rclpy's, on a value, a parameter, a namespace; and ours
        except (RuntimeError, ValueError, TypeError, ParameterException,
                NameValidationException, HeatmapError) as error:
            reason = one_line(error)
        except Exception as error:  # a value that rclpy cannot hold, or a bug: costs this camera
            self.barrier.report(f"starting camera '{printable(camera.name)}'", error)
            reason = one_line(error)
        if node is not None:
            self.barrier.guard(node.destroy_node)()
        self.get_logger().error(f"camera '{printable(camera.name)}' cannot be started: {reason}; "
                                'the others go on')
        return None

    def destroy_node(self) -> None:
        """Release all nodes."""
        for node, executor, thread in self._running:
            executor.shutdown(timeout_sec=0)
            thread.join(timeout=JOIN_TIMEOUT)
            node.destroy_node()
        super().destroy_node()


def _spin(executor: SingleThreadedExecutor, node: HeatmapNode) -> None:
    while True:
        try:
            executor.spin()
            return
        except ExternalShutdownException:
            return
        except Exception as error:  # of rclpy itself: callbacks have the barrier of their node
            if not rclpy.ok():  # a signal has shut the context down while it waited
                return
            node.barrier.report('spinning', error)
            time.sleep(RESTART_PERIOD)


def _work(group: CameraGroup) -> int:
    with nothing_to_lose():
        if not group.start():
            return int(rclpy.ok())  # else a signal has ended it
    rclpy.spin(group)
    return 0


def main(args: Optional[List[str]] = None) -> int:
    """Run the nodes until told to end; return the exit code."""
    return run_node(CameraGroup, _work, args, __doc__, PARAMETERS)


if __name__ == '__main__':
    sys.exit(main())
