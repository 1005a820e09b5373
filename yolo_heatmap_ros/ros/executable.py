"""What all executables share: startup, one-line errors, clean shutdown."""

from contextlib import contextmanager
import gc
import os
import signal
import sys
import textwrap
import threading
import time
from typing import Callable, Iterator, List, Optional, Sequence

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


REPEATED_AFTER = 1.0
"""Seconds after which another signal ends the process at once; before that, it is the same one."""
GRACE = 0.3
"""Seconds that the main thread has to end by itself, after a signal while it starts."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)


_disposable = threading.Event()
_signals: List[int] = []


@contextmanager
def nothing_to_lose() -> Iterator[None]:
    """
    Let a signal end the process within `GRACE` while the block lasts, whatever it waits for.

    That is for the startup, in which a model is loaded or a camera opened, and no heat is there.
    """
    _disposable.set()
    try:
        yield
    finally:
        _disposable.clear()


def _handle(number: int, frame) -> None:
    """
    Do nothing, but have Python tell `_watch_signals`, and rclpy's handler shut its context down.

    An exception from here could come up in any C++ code that calls Python, and end the process
    there: std::terminate, in destructors.
    """
    _signals.append(number)


def _unraisable(unraisable) -> None:
    """
    Say nothing, after a signal, of the destructor of rclpy's executors.

    If the context is shut down while one is made, the destructor misses what was not made.
    """
    if not (_signals and isinstance(unraisable.exc_value, AttributeError)):
        sys.__unraisablehook__(unraisable)


def _watch_signals() -> None:
    """
    Follow up on signals in a thread of its own: the main thread may wait for something for ever.

    A second signal ends the process at once.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def watch() -> None:
        first = None
        while number := os.read(reader, 1):
            if number[0] not in SIGNALS:
                continue
            if first is None:
                first = time.monotonic()
                threading.Thread(target=_end_startup, name='end', daemon=True).start()
            # On Ctrl-C both the terminal and the launch system send a signal; that is one.
            elif time.monotonic() - first > REPEATED_AFTER:
                os.write(2, b'ended at once by a second signal: heat that was not saved is lost\n')
                os._exit(1)
    threading.Thread(target=watch, name='signals', daemon=True).start()


def _end_startup() -> None:
    """End the process if it is still starting, or begins to, after a signal."""
    while True:
        time.sleep(GRACE)
        if _disposable.is_set():
            break
    try:
        GuardedNode.destroy_left()
        rclpy.try_shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(0)  # the main thread cannot be told to return from wherever it is


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

    SIGINT and SIGTERM shut rclpy's context down, which ends whatever spins, with 0; see also
    `nothing_to_lose`.  Invalid arguments and parameters end it with 1 and a one-line message.  If
    it does not end, a second signal ends it with 1 at once.
    """
    _watch_signals()
    sys.unraisablehook = _unraisable
    # rclpy's handlers chain to those that were installed before.
    for number in SIGNALS:
        signal.signal(number, _handle)
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
        # Of rclpy, where a signal shuts the context down while it makes, or has just made, an
        # executor, which it then drops.
        except (RuntimeError, AttributeError):
            if rclpy.ok():
                raise
            return 0
        except (ParameterException, HeatmapError) as error:
            logger = get_logger('start') if node is None else node.get_logger()
            logger.fatal(one_line(error, OWN_LENGTH))
            return 1
    except ExternalShutdownException:
        return 0
    finally:
        if node is not None:
            node.destroy_node()
        GuardedNode.destroy_left()
        rclpy.try_shutdown()
        # At exit Python would search all of PyTorch's objects for cycles, several times.
        gc.freeze()
        for number in SIGNALS:  # Python resets its own handlers before its last steps
            signal.signal(number, signal.SIG_IGN)


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
    with nothing_to_lose():
        # rclpy has not heard of a signal that came before its handlers were there.
        node = None if _signals else make_node()
    return 0 if _signals else work(node)
