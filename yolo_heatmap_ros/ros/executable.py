"""What all executables share: startup, one-line errors, clean shutdown."""

import gc
import os
import signal
import sys
import textwrap
import threading
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
from yolo_heatmap_ros.ros.barrier import GuardedNode
from yolo_heatmap_ros.ros.transport import use_image_profile
from yolo_heatmap_ros.text import one_line, OWN_LENGTH


SHUTDOWN_TIMEOUT = 1.0
"""Seconds to wait for rclpy to shut down after a signal."""
REPEATED_AFTER = 1.0
"""Seconds after which another signal ends the process at once; before that, it is the same one."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(BaseException):
    """
    SIGINT or SIGTERM was received.

    Not a KeyboardInterrupt: if one passes through C code during an import, Python exits as if
    killed by SIGINT, even if the exception is caught later.
    """


def _stop(number: int, frame) -> None:
    _ignore_signals()
    raise Stopped


def _unraisable(unraisable) -> None:
    """
    Treat the exceptions that Python ignores, after a signal.

    A signal that came during a callback whose exceptions are ignored is repeated.  One that came
    during a constructor, as rclpy's executors have, leaves an object whose `__del__` misses
    attributes: that says nothing about the node.
    """
    if not isinstance(unraisable.exc_value, Stopped):
        if _signalled() and isinstance(unraisable.exc_value, AttributeError):
            return
        sys.__unraisablehook__(unraisable)
        return
    for number in SIGNALS:
        signal.signal(number, _stop)
    again = threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGTERM))
    again.daemon = True
    again.start()


def _ignore_signals() -> None:
    # On Ctrl-C both the terminal and the launch system send a signal; one is enough.
    for number in SIGNALS:
        signal.signal(number, _ignore)  # SIG_IGN would hide it from `_end_on_repeated_signal`


def _ignore(number: int, frame) -> None:
    pass


def _signalled() -> bool:
    return signal.getsignal(SIGNALS[0]) is not _stop


def _end_on_repeated_signal() -> None:
    """
    Let a second signal end the process at once, whatever its threads wait for.

    Python's own handlers run only between two steps of the main thread.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def watch() -> None:
        first = None
        while number := os.read(reader, 1):
            if number[0] not in SIGNALS:
                continue
            first = first or time.monotonic()
            if time.monotonic() - first > REPEATED_AFTER:
                os.write(2, b'ended at once by a second signal: heat that was not saved is lost\n')
                os._exit(1)
    threading.Thread(target=watch, name='signals', daemon=True).start()


def run_node(make_node: Callable[[], Node], work: Callable[[Node], int],
             args: Optional[List[str]], about: str, specs: Sequence[ParameterSpec]) -> int:
    """
    Run an executable that takes only ROS arguments; see `run`.

    `--help` prints `about` and the parameters.
    """
    try:
        own = remove_ros_args(sys.argv if args is None else ['', *args])[1:]
    except RuntimeError:  # `run` reports what rclpy cannot parse
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
    Create a node and let `work` spin it; return the exit code of the process.

    SIGINT and SIGTERM end it with 0 at any time, even while a model is loading; invalid arguments
    and parameters end it with 1 and a one-line message.  If it does not end, a second signal ends
    it with 1 at once.
    """
    _end_on_repeated_signal()
    sys.unraisablehook = _unraisable
    # rclpy's handlers chain to those that were installed before.
    for number in SIGNALS:
        signal.signal(number, _stop)
    node = None

    def make() -> Node:
        nonlocal node
        try:
            node = make_node()
        except RuntimeError as error:  # of rcl, on names, DDS or an enclave's keys
            if not rclpy.ok():
                raise
            raise StartError(f'the node cannot be created: {_first_of(error)}') from error
        return node
    try:
        try:
            return _run(make, work, args)
        except RuntimeError:  # of rclpy, after a signal has shut the context down
            if rclpy.ok():
                raise
            return 0
        except (ParameterException, HeatmapError) as error:
            logger = get_logger('start') if node is None else node.get_logger()
            logger.fatal(one_line(error, OWN_LENGTH))
            return 1
    except (Stopped, ExternalShutdownException):
        _ignore_signals()
        _wait_for_shutdown()
        return 0
    finally:
        _ignore_signals()
        if node is not None:
            node.destroy_node()
        GuardedNode.destroy_left()
        rclpy.try_shutdown()
        # At exit Python would search all of PyTorch's objects for cycles, several times.
        gc.freeze()
        for number in SIGNALS:  # Python resets its own handlers before its last steps
            signal.signal(number, signal.SIG_IGN)


def _wait_for_shutdown() -> None:
    """Let rclpy's own thread shut the context down before the nodes on it are destroyed."""
    end = time.monotonic() + SHUTDOWN_TIMEOUT
    while rclpy.ok() and time.monotonic() < end:
        time.sleep(0.005)


def _first_of(error: RuntimeError) -> str:
    """Return rcl's error message without the source locations at its end."""
    return ' '.join(str(error).split(', at /')[0].split())


def _run(make_node: Callable[[], Node], work: Callable[[Node], int],
         args: Optional[List[str]]) -> int:
    slower = use_image_profile()
    try:
        rclpy.init(args=args)
    except RuntimeError as error:  # RCLError and others of rclpy
        print(f'arguments: {_first_of(error)}', file=sys.stderr)
        return 1
    if slower:
        get_logger('transport').warning(slower)
    return work(make_node())
