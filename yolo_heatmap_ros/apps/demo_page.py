"""Play a video in a loop through the nodes, with the web page beside them, until Ctrl-C."""

import argparse
import os
from pathlib import Path
import signal
import socket
import subprocess
import sys
import time
from typing import List

from yolo_heatmap_ros.apps.demo import node_command, stop
from yolo_heatmap_ros.ros.package_share import source_or_clip, weights_for

HOST = '127.0.0.1'
HISTORY_PERIOD = 10.0
"""Seconds of a bin of the history: short, so that there soon is one to ask."""
POLL_PERIOD = 0.2


def show(options: argparse.Namespace) -> int:
    """
    Run the nodes and the page until Ctrl-C, or until one of them ends; return the exit code.

    What they keep, the history and what is drawn among it, is under the folder `output`.
    """
    home = Path(options.output).resolve() / 'ros_home'
    environment = {**os.environ, 'ROS_HOME': str(home)}
    try:
        port = _free_port(options.port)
    except OSError as error:
        print(f'demo: --port {options.port}: cannot be used ({error.strerror}); give another one, '
              'or 0', file=sys.stderr)
        return 1
    commands = (
        node_command('nodes.heatmap_node', {
            'weights': weights_for(options.source, options.weights),
            'colormap': options.colormap, 'heat_unit': 'seconds',
            'history_period': HISTORY_PERIOD}, {'image': 'image_raw'}),
        node_command('nodes.playback_node', {
            'source': source_or_clip(options.source), 'loop': True}, {}),
        node_command('apps.web_viewer', {'port': port}, {}))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    processes: List[subprocess.Popen] = []
    try:
        for command in commands:
            processes.append(subprocess.Popen(command, env=environment))
        _follow(processes, port, home)
    except KeyboardInterrupt:
        for number in (signal.SIGINT, signal.SIGTERM):  # another one would leave nodes running
            signal.signal(number, signal.SIG_IGN)
        codes = [stop(process) for process in processes]
        return int(any(codes))
    ended = [f"'{command[2]}' has ended (exit code {process.returncode})"
             for command, process in zip(commands, processes) if process.poll() is not None]
    for process in processes:
        stop(process)
    print(f"demo: {', '.join(ended)}; its last lines above say why, if it could", file=sys.stderr)
    return 1


def _follow(processes: List[subprocess.Popen], port: int, home: Path) -> None:
    """Say where the page is as soon as it is there; return when a process has ended."""
    told = False
    while all(process.poll() is None for process in processes):
        if not told and _answers(port):
            told = True
            print(f'\n  Open http://{HOST}:{port} in a browser.  Ctrl-C ends the demo; what is '
                  f'drawn and counted stays in {home}\n', flush=True)
        time.sleep(POLL_PERIOD)


def _answers(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), 1.0).close()
    except OSError:
        return False
    return True


def _free_port(wanted: int) -> int:
    """Return a port that is free, the one wanted unless that is 0; raises OSError if it is not."""
    with socket.socket() as found:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((HOST, wanted))
        return found.getsockname()[1]
