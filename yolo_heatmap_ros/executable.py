"""What every executable does around its node: start, one-line errors, a clean end."""

import signal
import sys
from typing import Callable, List, Optional

import rclpy
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException
from rclpy.logging import get_logger
from rclpy.node import Node

from yolo_heatmap_ros.settings import ParameterError
from yolo_heatmap_ros.transport import use_image_profile


def run(make_node: Callable[[], Node], work: Callable[[Node], int],
        args: Optional[List[str]] = None) -> int:
    """
    Make a node and let `work` spin it; return the exit code of the process.

    SIGINT and SIGTERM end it at any time, also while a model is loaded, with 0; arguments and
    parameters that cannot be used end it with 1 and one line.
    """
    # rclpy's own handlers call the ones that they find: both signals raise KeyboardInterrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    node = None
    slower = use_image_profile()
    try:
        try:
            rclpy.init(args=args)
        except RuntimeError as error:  # rclpy's RCLError and its kin
            # rcl names the argument first and the places in its source after it.
            print(f"arguments: {' '.join(str(error).split(', at /')[0].split())}", file=sys.stderr)
            return 1
        try:
            if slower:
                get_logger('transport').warning(slower)
            node = make_node()
            return work(node)
        except (ParameterException, ParameterError) as error:
            logger = get_logger('parameters') if node is None else node.get_logger()
            logger.fatal(' '.join(str(error).split()))
            return 1
    except (KeyboardInterrupt, ExternalShutdownException):
        return 0
    finally:
        # A terminal's Ctrl-C and a launch system's signal come both; one is enough.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
