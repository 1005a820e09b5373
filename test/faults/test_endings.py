"""Signals and kills at every moment, what they leave behind, and starts that cannot work."""

import os
from pathlib import Path
import random
import signal
import subprocess
import sys
import time

from fault_bench import BusyCamera, FaultBench
import numpy as np
import pytest
import rclpy
from ros_processes import change_state, NodeProcess
from yolo_heatmap_ros.errors import SnapshotError
from yolo_heatmap_ros.ros.transport import SETTLING_TIME, SHARED_MEMORY
from yolo_heatmap_ros.storage.snapshots import newest, read

pytestmark = pytest.mark.faults
NAME = '/yolo_heatmap'


def weights_of(street):
    """Return the parameters of a small and fast model: nobody looks at what it finds."""
    return {'weights': str(street / 'street.pt'), 'imgsz': 160}


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_signals_at_random_moments(street, street_frames, number):
    """From the first import on, while the model is loaded and while frames come: 0, no trace."""
    rng = random.Random(int(number))
    with BusyCamera(street_frames):
        for number_of_start in range(6):
            with NodeProcess('heatmap_node', weights_of(street),
                             fresh=True) as process:
                # Before Python has come to main, a signal is Python's.
                process.wait_for_start()
                if number_of_start % 3 == 1:
                    process.wait_for_library('libtorch')
                elif number_of_start % 3 == 2:
                    process.wait_for_output('listening to')
                time.sleep(1.5 * rng.random())
                code = process.stop(number)
                assert code == 0, (code, process.output())
                assert 'Traceback (' not in process.output(), process.output()


@pytest.mark.parametrize('steps', [('deactivate',), ('deactivate', 'cleanup')])
def test_signals_right_after_transitions(node, street, street_frames, steps):
    with BusyCamera(street_frames):
        for _ in range(4):
            with NodeProcess('heatmap_node', weights_of(street)) as process:
                process.wait_for_output('listening to')
                for step in steps:
                    assert change_state(node, NAME, step)
                assert process.stop() == 0, process.output()


def frames_in(folder):
    """Return how many frames the newest snapshot has, 0 where there is none."""
    for path in newest(folder):
        try:
            return read(path).state.frames
        except SnapshotError:  # removed in the meantime, to make room
            pass
    return 0


def test_killed_while_it_saves_all_the_time(node, street, street_frames, tmp_path):
    """At random moments by SIGKILL: it goes on with the heat that it has had, and adds to it."""
    rng, saved = random.Random(1), []
    options = {'snapshot_dir': str(tmp_path), 'autosave_period': 0.1, 'resume': True,
               'tracker': 'none', **weights_of(street)}
    with BusyCamera(street_frames):
        for number in range(5):
            with NodeProcess('heatmap_node', options) as process:
                process.wait_for_output('listening to')
                if number:
                    assert 'resumed from' in process.output()
                before, end = frames_in(tmp_path), time.monotonic() + 90.0
                while frames_in(tmp_path) <= before:
                    assert time.monotonic() < end, process.stacks()
                    time.sleep(0.05)
                time.sleep(rng.random())
                process.stop(signal.SIGKILL)
            saved.append(read(newest(tmp_path)[0]).state.arrays['heat'].sum())
    assert saved == sorted(saved) and saved[-1] > 2 * saved[0] > 0
    with NodeProcess('heatmap_node', options) as process:
        process.wait_for_output('listening to')
        assert process.stop() == 0
    assert not list(tmp_path.glob('.writing-*'))


def test_a_hundred_kills_leave_no_shared_memory(street):
    """Whatever dies is cleared away by the next start, or the one two seconds later."""
    if not SHARED_MEMORY.is_dir():
        pytest.skip('there is no /dev/shm here')
    taken, most = set(), 0

    def used():
        """Return the bytes of what these processes have had, and is there now."""
        there = {SHARED_MEMORY / name for name in os.listdir(SHARED_MEMORY)} & taken
        size = 0
        for path in there:
            try:
                size += path.stat().st_blocks * 512
            except FileNotFoundError:  # a port, which Fast DDS itself may remove at any time
                pass
        return size
    source = {'source': str(street / 'street.mp4'), 'wait_for_subscribers': 1}
    for _ in range(10):
        processes = [NodeProcess('playback_node', source) for _ in range(10)]
        for process in processes:
            process.wait_for_output('waiting for 1 subscriber')
            taken |= process.shared_memory()
        most = max(most, used())
        for process in processes:
            process.stop(signal.SIGKILL)
    assert len(taken) >= 100 and most > 10e6
    time.sleep(SETTLING_TIME)
    with NodeProcess('playback_node', source) as process:
        process.wait_for_output('waiting for 1 subscriber')
        assert process.stop() == 0
    print(f'{most / 1e6:.1f} MB with ten nodes, {used() / 1e6:.1f} MB after')
    assert used() < 2e6


def test_shared_memory_that_is_full(street, street_frames):
    """Other programs have taken it all: the node says so and works by another way."""
    if subprocess.run(['unshare', '--mount', 'true'], capture_output=True).returncode:
        pytest.skip('no permission to make a mount namespace')
    script = ('mount -t tmpfs -o size=200m tmpfs /dev/shm && '
              'head -c 195000000 /dev/zero > /dev/shm/other && exec "$0" -W ignore "$@"')
    test = ('import sys; sys.path[:0] = sys.argv[1:4]; import test_endings as t; '
            't.work_by_another_way(sys.argv[4])')
    run = subprocess.run(
        ['unshare', '--mount', 'sh', '-c', script, sys.executable, '-c', test,
         str(Path(__file__).parent), str(Path(__file__).parents[1]),
         str(Path(__file__).parents[2]), str(street)],
        capture_output=True, text=True, timeout=120, env=os.environ)
    assert run.returncode == 0, run.stdout + run.stderr
    assert 'survived' in run.stdout


def work_by_another_way(street):
    """Try a node where shared memory is full; runs in a process of its own."""
    rclpy.init()
    node = rclpy.create_node('test')
    frame = np.full((480, 640, 3), 90, np.uint8)
    bench = FaultBench(node, Path(street), [frame], fresh=True)
    assert 'MB are free in /dev/shm' in bench.process.output()
    for _ in range(5):
        bench.good_frame()
    bench.stop()
    print('survived')


@pytest.mark.parametrize('device', ['cuda:7', '0', 'mps', 'npu', 'tpu:0', '-1', 'a\nb'])
def test_a_device_that_this_machine_has_not(street, device):
    import torch
    if torch.cuda.is_available() and device == '0':
        pytest.skip('this machine has one')
    with NodeProcess('heatmap_node', {'weights': str(street / 'street.pt'),
                                      'device': device}) as process:
        assert process.wait() == 1
        lines = process.output().strip().splitlines()
        assert len(lines) == 1 and 'device' in lines[0], process.output()
