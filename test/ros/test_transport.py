"""The shared memory of Fast DDS: chosen where it fits, and not left behind."""

import fcntl
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import pytest
from ros_processes import NodeProcess
from yolo_heatmap_ros.ros.transport import (
    profile_variable, PROFILE_VARIABLES, remove_orphaned_segments, SEGMENT_MB, SETTLING_TIME,
    SHARED_MEMORY, use_image_profile)

pytestmark = pytest.mark.skipif(not SHARED_MEMORY.is_dir(), reason='there is no /dev/shm here')


def test_profile_is_set_where_fast_dds_looks_for_it():
    environment = {}
    assert use_image_profile(environment) == ''
    (name, profile), = environment.items()
    assert name == profile_variable() in PROFILE_VARIABLES
    assert Path(profile).is_file()


@pytest.mark.parametrize('chosen', [
    {'RMW_IMPLEMENTATION': 'rmw_cyclonedds_cpp'}, {PROFILE_VARIABLES[0]: '/my.xml'},
    {PROFILE_VARIABLES[1]: ''}, {'FASTDDS_BUILTIN_TRANSPORTS': 'UDPv4'}])
def test_what_the_user_has_chosen_stays(chosen):
    environment = dict(chosen)
    assert use_image_profile(environment) == ''
    assert environment == chosen


def test_nodes_use_it_and_killed_ones_leave_nothing(street):
    """A living node's segment stays, a killed one's goes with the next look."""
    with NodeProcess('playback_node', {'source': str(street / 'street.mp4'),
                                       'wait_for_subscribers': 1}, fresh=True) as process:
        process.wait_for_output('waiting for 1 subscriber')
        segments = [path for path in process.shared_memory() if '_port' not in path.name]
        own = [*segments, *(path.with_name(f'{path.name}_el') for path in segments)]
        size = max(path.stat().st_size for path in segments)
        assert size == pytest.approx(SEGMENT_MB * 1e6, rel=0.06)
        time.sleep(SETTLING_TIME)
        remove_orphaned_segments()
        assert all(path.exists() for path in own)
        assert process.stop(signal.SIGKILL) == -signal.SIGKILL
        remove_orphaned_segments()
        assert not any(path.exists() for path in own)


def test_what_is_an_orphan(tmp_path):
    """Neither what a process holds, nor what is so new that it may be about to, nor ports."""
    for name in ('fastrtps_dead', 'fastdds_dead', 'fastrtps_living', 'fastrtps_new',
                 'fastrtps_port7411'):
        for path in (tmp_path / name, tmp_path / f'{name}_el'):
            path.touch()
            if name != 'fastrtps_new':
                os.utime(path, (0, 0))
    with (tmp_path / 'fastrtps_living_el').open() as living:
        fcntl.flock(living, fcntl.LOCK_EX)
        assert remove_orphaned_segments(tmp_path) == 2
    assert {path.name.removesuffix('_el') for path in tmp_path.iterdir()} == {
        'fastrtps_living', 'fastrtps_new', 'fastrtps_port7411'}


def test_small_shared_memory_is_told(tmp_path):
    """In a mount namespace of its own, as in a container with Docker's default of 64 MB."""
    script = ('mount -t tmpfs -o size=64m tmpfs /dev/shm && exec "$0" -m '
              'yolo_heatmap_ros.nodes.playback_node --ros-args -p source:=/no/such.mp4')
    probe = subprocess.run(['unshare', '--mount', 'true'], capture_output=True)
    if probe.returncode != 0:
        pytest.skip('no permission to make a mount namespace')
    run = subprocess.run(['unshare', '--mount', 'sh', '-c', script, sys.executable],
                         capture_output=True, text=True, timeout=60, env=os.environ)
    assert run.returncode == 1
    assert 'MB are free in /dev/shm, too few for the shared memory' in run.stdout + run.stderr
    assert 'Failed to create segment' not in run.stdout + run.stderr
