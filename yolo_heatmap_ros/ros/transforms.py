"""Poses from TF, received in a thread of their own; tf2_ros is an optional dependency."""

from concurrent.futures import ThreadPoolExecutor
from typing import Tuple

from builtin_interfaces.msg import Time as TimeMessage
import numpy as np
from rclpy.duration import Duration
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.time import Time

from yolo_heatmap_ros.errors import TransformError
from yolo_heatmap_ros.ros.barrier import GuardedNode
from yolo_heatmap_ros.text import one_line, printable

try:
    from tf2_py import TransformException
    from tf2_ros import Buffer, TransformListener
except ImportError:
    Buffer = None

MISSING = 'tf2_ros is not installed: install ros-$ROS_DISTRO-tf2-ros-py'
KEPT = 10.0
"""Seconds for which transforms are kept: the time that an image may take, and more."""
MAX_LENGTH = 300
"""Characters of tf2's own words."""


class Transforms:
    """
    Listens to /tf and /tf_static for one node.

    The thread of a node that is busy with a model would receive transforms too late for the frame
    that waits for them.
    """

    def __init__(self, node: GuardedNode):
        """Start listening, in the namespace of a node; raises TransformError without tf2_ros."""
        if Buffer is None:
            raise TransformError(MISSING)
        self._buffer = Buffer(Duration(seconds=KEPT))
        # A name of its own, whatever name the process was given for its node.
        self._node = GuardedNode(
            f'{node.get_name()}_transforms', namespace=node.get_namespace(), context=node.context,
            cli_args=['--ros-args', '-r', f'__node:={node.get_name()}_transforms',
                      '-r', f'__ns:={node.get_namespace()}'],
            enable_rosout=False, start_parameter_services=False)
        self._listener = TransformListener(self._buffer, self._node)
        self._executor = SingleThreadedExecutor(context=node.context)
        self._executor.add_node(self._node)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix='transforms')
        self._thread.submit(node.barrier.guard(self._spin))

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            pass

    def pose(self, target: str, source: str, stamp: TimeMessage,
             timeout: float) -> Tuple[np.ndarray, np.ndarray]:
        """
        Return rotation (3, 3) and translation (3,) m of p_target = R p_source + t at `stamp`.

        Waits up to `timeout` s for it.  Raises TransformError, one line, if it is not known.
        """
        # For a stamp of 0 tf2 would return the latest one.
        if stamp.sec < 0 or not stamp.sec and not stamp.nanosec:
            raise TransformError('the images have no header.stamp: the camera driver must set it')
        time = Time.from_msg(stamp)
        try:
            found = self._buffer.lookup_transform(target, source, time,
                                                  Duration(seconds=timeout)).transform
        except TransformException as error:
            said = one_line(error, MAX_LENGTH).rstrip('.')
            if not said[:1].isalnum() and said[:1] not in ('"', "'"):  # tf2 names no reason
                said = f'TF does not connect the two yet{said}'
            raise TransformError(self._reason(target, source, time) or said) from error
        rotation, translation = found.rotation, found.translation
        pose = (rotation_of(rotation.x, rotation.y, rotation.z, rotation.w),
                np.array((translation.x, translation.y, translation.z)))
        if not all(np.isfinite(one).all() for one in pose):
            raise TransformError(f"the transform from '{printable(source)}' to "
                                 f"'{printable(target)}' is not finite")
        return pose

    def _reason(self, target: str, source: str, time: Time) -> str:
        """Return how far TF is from a time, nothing if the frames are not connected."""
        try:
            latest = self._buffer.get_latest_common_time(target, source)
        except TransformException:
            return ''
        apart = 1e-9 * (time.nanoseconds - latest.nanoseconds)
        between = f"TF from '{printable(target)}' to '{printable(source)}'"
        if apart > 0.0:
            return (f'{between} is {apart:.3g} s behind the images: it comes late (raise '
                    'ground.tf_timeout), has stopped, or the clocks of two hosts are apart')
        if -apart > KEPT:
            # Time may have gone back, as in a bag that begins again: tf2 would refuse all later
            # transforms, since they are older than those that it has.
            self._buffer.clear()
        return (f'{between} does not reach back to the images, which are {-apart:.3g} s before '
                'its latest: it has just begun, the images come late, or the clocks of two hosts '
                'are apart')

    def close(self) -> None:
        """Stop listening."""
        self._executor.shutdown(timeout_sec=0)
        self._thread.shutdown()
        self._listener.unregister()
        self._node.destroy_node()


def rotation_of(x: float, y: float, z: float, w: float) -> np.ndarray:
    """Return the rotation matrix, (3, 3), of a quaternion of any length; NaN for one of zeros."""
    length = np.sqrt(x * x + y * y + z * z + w * w) or np.nan
    x, y, z, w = (one / length for one in (x, y, z, w))
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]])
