"""The shared memory of Fast DDS: chosen where it fits, and not left behind."""

import os
from pathlib import Path
import signal
import subprocess
import sys

import pytest
from ros_processes import NodeProcess
from yolo_heatmap_ros.ros.transport import (
    profile_variable, PROFILE_VARIABLES, remove_orphaned_segments, SEGMENT_MB, SHARED_MEMORY,
    use_image_profile)

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


def segments():
    return {path.name for kind in ('fastrtps_*', 'fastdds_*') for path in SHARED_MEMORY.glob(kind)
            if '_port' not in path.name}


def test_nodes_use_it_and_killed_ones_leave_nothing(monkeypatch, street):
    """A living node's segment stays, a killed one's goes with the next look."""
    monkeypatch.setattr('yolo_heatmap_ros.ros.transport.SETTLING_TIME', 0.0)
    remove_orphaned_segments()
    before = segments()
    with NodeProcess('playback_node', {'source': str(street / 'street.mp4'),
                                       'wait_for_subscribers': 1}) as process:
        process.wait_for_output('waiting for 1 subscriber')
        own = segments() - before
        size = max((SHARED_MEMORY / name).stat().st_size for name in own)
        assert size == pytest.approx(SEGMENT_MB * 1e6, rel=0.06)
        assert remove_orphaned_segments() == 0
        assert own <= segments()
        assert process.stop(signal.SIGKILL) == -signal.SIGKILL
        assert own <= segments()
        assert remove_orphaned_segments() == len(own) // 2  # a segment and its lock, each
        assert not own & segments()


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
