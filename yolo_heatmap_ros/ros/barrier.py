"""The barrier around everything that runs in a node: a bug costs a callback, not the node."""

import functools
import threading
import time
import traceback
from typing import Any, Callable, Optional, Set, Tuple
import weakref

from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node

from yolo_heatmap_ros.text import one_line

LOG_PERIOD = 10.0
"""Seconds between log lines on unexpected errors that have been logged in full before."""
MAX_KNOWN = 100
"""Places in the code whose errors are logged with a traceback, at most."""


class Barrier:
    """
    Stops unexpected exceptions of one node: logs and counts them, and lets the node go on.

    The first exception of each place in the code is logged with its traceback, later ones as one
    throttled line.  `count` is their number, `last_at` the time of the last by `time.monotonic`.
    """

    def __init__(self, node: Node):
        """Begin with nothing counted."""
        self.count = 0
        self.last_at = float('-inf')
        # Not a cycle: a node whose constructor fails must leave the graph at once.
        self._node = weakref.ref(node)
        self._known: Set[Tuple] = set()
        self._lock = threading.Lock()

    def guard(self, work: Callable, otherwise: Callable = lambda *args: None) -> Callable:
        """Return `work` inside the barrier; `otherwise` gets its arguments if it raises."""
        @functools.wraps(work)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            try:
                return work(*args, **kwargs)
            except Exception as error:
                self.report(getattr(work, '__qualname__', repr(work)), error)
                return otherwise(*args)
        return guarded

    def report(self, where: str, error: Exception) -> None:
        """Log and count an exception that was caught at `where`."""
        node = self._node()
        if node is None or not node.context.ok():
            return  # a signal has shut the context down under the callback
        frames = traceback.extract_tb(error.__traceback__)
        key = (where, type(error), frames[-1][:2] if frames else None)
        with self._lock:
            self.count += 1
            self.last_at = time.monotonic()
            new = key not in self._known and len(self._known) < MAX_KNOWN
            if new:
                self._known.add(key)
        logger = node.get_logger()
        if new:
            described = ''.join(traceback.format_exception(error))
            logger.error(f'{where} failed unexpectedly; the node keeps running; this is a bug: '
                         f'{described}')
        else:
            logger.error(f'{where} failed again: {type(error).__name__}: {one_line(error)} '
                         f'({self.count} unexpected errors so far)',
                         throttle_duration_sec=LOG_PERIOD)


class GuardedNode(Node):
    """Mixin for nodes: their subscriptions, timers, services and checks run inside a barrier."""

    # rclpy's constructor creates services before any of ours could set this.
    _barrier: Optional[Barrier] = None
    _all: 'weakref.WeakSet[GuardedNode]' = weakref.WeakSet()

    def __init__(self, *args: Any, **kwargs: Any):
        """Create the node; see rclpy."""
        super().__init__(*args, **kwargs)
        self._all.add(self)

    @staticmethod
    def destroy_left() -> None:
        """
        Take all nodes of this process off the network whose own constructor was broken off.

        They are in cycles of references.  If one is left to the end of the process, Fast DDS
        destroys its endpoints while its threads still find others, and crashes at times.
        """
        for node in list(GuardedNode._all):
            node._leave()

    def _leave(self) -> None:
        """Destroy only rclpy's node: cleanup of subclasses needs what their constructors set."""
        Node.destroy_node(self)

    @property
    def barrier(self) -> Barrier:
        """Return the node's barrier."""
        if self._barrier is None:
            self._barrier = Barrier(self)
        return self._barrier

    def create_subscription(self, message_type: type, topic: str, callback: Callable,
                            *args: Any, **kwargs: Any):
        """Create a subscription; see rclpy."""
        return super().create_subscription(message_type, topic, self.barrier.guard(callback),
                                           *args, **kwargs)

    def create_timer(self, period: float, callback: Callable, *args: Any, **kwargs: Any):
        """Create a timer; see rclpy."""
        return super().create_timer(period, self.barrier.guard(callback), *args, **kwargs)

    def create_service(self, service_type: type, name: str, callback: Callable,
                       *args: Any, **kwargs: Any):
        """Create a service whose answer is a failure if the callback raises; see rclpy."""
        return super().create_service(
            service_type, name, self.barrier.guard(callback, _failed), *args, **kwargs)

    def add_on_set_parameters_callback(self, callback: Callable) -> None:
        """Add a check of parameters that refuses them if it raises; see rclpy."""
        super().add_on_set_parameters_callback(self.barrier.guard(
            callback, lambda parameters: SetParametersResult(
                successful=False, reason='the node failed to check it: see its log')))


def _failed(request: Any, response: Any) -> Any:
    """Return a response that says that the service has failed, where it has a place for that."""
    if hasattr(response, 'success'):
        response.success = False
    if hasattr(response, 'message'):
        response.message = 'unexpected error: see the log of the node'
    return response
