"""What every executable does around its node: start, one-line errors, a clean end."""

import gc
import signal
import sys
import textwrap
import time
from typing import Callable, List, Optional, Sequence

import rclpy
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.utilities import remove_ros_args

from yolo_heatmap_ros.config.specs import ParameterSpec
from yolo_heatmap_ros.errors import HeatmapError, StartError
from yolo_heatmap_ros.ros.transport import use_image_profile
from yolo_heatmap_ros.text import one_line, OWN_LENGTH


SHUTDOWN_TIMEOUT = 1.0
"""Seconds that rclpy has to shut down after a signal."""


class Stopped(BaseException):
    """
    SIGINT or SIGTERM has come.

    Not KeyboardInterrupt: one that passes through the C code of an import, and be it caught later,
    lets Python end as killed by SIGINT.
    """


def _stop(number: int, frame) -> None:
    # A terminal's Ctrl-C and a launch system's signal come both; one is enough.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Stopped


def run_node(make_node: Callable[[], Node], work: Callable[[Node], int],
             args: Optional[List[str]], about: str, specs: Sequence[ParameterSpec]) -> int:
    """
    Run an executable that takes ROS arguments alone; see `run`.

    `--help` prints what it is `about`, and its parameters.
    """
    try:
        own = remove_ros_args(sys.argv if args is None else ['', *args])[1:]
    except RuntimeError:  # what rclpy cannot parse is reported by `run`
        own = []
    if {'-h', '--help'} & set(own):
        print(_help(about, specs))
        return 0
    if own:
        print(f"arguments: '{own[0]}' is not known: parameters and remappings follow --ros-args, "
              "as in '--ros-args -p name:=value -r from:=to'; see --help", file=sys.stderr)
        return 1
    return run(make_node, work, args)


def _help(about: str, specs: Sequence[ParameterSpec]) -> str:
    lines = [' '.join(about.split()), '',
             'usage: --ros-args -p NAME:=VALUE … -r FROM:=TO … --params-file FILE', '',
             'parameters (default):']
    for spec in specs:
        lines.append(f'  {spec.name} ({spec.default!r})')
        lines.extend(textwrap.wrap(spec.description, 92, initial_indent='      ',
                                   subsequent_indent='      '))
    return '\n'.join(lines)


def run(make_node: Callable[[], Node], work: Callable[[Node], int],
        args: Optional[List[str]] = None) -> int:
    """
    Make a node and let `work` spin it; return the exit code of the process.

    SIGINT and SIGTERM end it at any time, also while a model is loaded, with 0; arguments and
    parameters that cannot be used end it with 1 and one line.
    """
    # rclpy's own handlers call the ones that they find.
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    node = None

    def make() -> Node:
        nonlocal node
        try:
            node = make_node()
        except RuntimeError as error:  # rclpy's, of names and of DDS; in an enclave, of its keys
            if not rclpy.ok():
                raise
            raise StartError(f'the node cannot be created: {_first_of(error)}') from error
        return node
    try:
        try:
            return _run(make, work, args)
        except RuntimeError:  # rclpy's, of a context that a signal has shut down
            if rclpy.ok():
                raise
            return 0
        except (ParameterException, HeatmapError) as error:
            logger = get_logger('start') if node is None else node.get_logger()
            logger.fatal(one_line(error, OWN_LENGTH))
            return 1
    except (Stopped, ExternalShutdownException):
        _wait_for_shutdown()
        return 0
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
        # Python looks for cycles among all objects of PyTorch again and again as it ends.
        gc.freeze()


def _wait_for_shutdown() -> None:
    """Let rclpy's own thread shut the context down before the nodes on it are destroyed."""
    end = time.monotonic() + SHUTDOWN_TIMEOUT
    while rclpy.ok() and time.monotonic() < end:
        time.sleep(0.005)


def _first_of(error: RuntimeError) -> str:
    """Return what rcl says is wrong, without the places in its source that follow."""
    return ' '.join(str(error).split(', at /')[0].split())


def _run(make_node: Callable[[], Node], work: Callable[[Node], int],
         args: Optional[List[str]]) -> int:
    slower = use_image_profile()
    try:
        rclpy.init(args=args)
    except RuntimeError as error:  # rclpy's RCLError and its kin
        print(f'arguments: {_first_of(error)}', file=sys.stderr)
        return 1
    if slower:
        get_logger('transport').warning(slower)
    return work(make_node())
