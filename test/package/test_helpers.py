"""What the tests themselves stand on: nodes that are forked, and domains that nobody shares."""

import os
from pathlib import Path
import re
import signal
import subprocess
import sys
import time

from domains import claim_domain, NoDomainError
import pytest
from ros_processes import NodeProcess, SERVER
from yolo_heatmap_ros.detectors.yolo import YoloDetector

TEST = Path(__file__).parents[1]


def facts(process):
    """Return what a process has from its start, but for memory and numbers."""
    status = Path(f'/proc/{process.pid}/status').read_text()
    files = {os.readlink(path) for path in Path(f'/proc/{process.pid}/fd').iterdir()}
    return {
        # But SIGUSR1, by which a forked one shows its stacks.
        'signals': [int(mask, 16) & ~(1 << (signal.SIGUSR1 - 1)) for mask in
                    re.findall(r'Sig(?:Blk|Ign|Cgt):\t(\w+)', status)],
        'folder': os.readlink(f'/proc/{process.pid}/cwd'),
        'group': os.getpgid(process.pid), 'session': os.getsid(process.pid),
        'files of the test': [name for name in files if 'pytest' in name]}


def test_forked_nodes_are_like_started_ones(street):
    """The same output, signals, places and exit codes."""
    seen = []
    for fresh in (True, False):
        with NodeProcess('playback_node', {'source': str(street / 'street.mp4'),
                                           'wait_for_subscribers': 1}, fresh=fresh) as process:
            process.wait_for_output('waiting for 1 subscriber')
            found = facts(process)
            assert process.stop(signal.SIGTERM) == 0
            output = re.sub(r'\[\d+\.\d+\]', '[time]', process.output())
        with NodeProcess('playback_node', {'source': ''}, fresh=fresh) as process:
            found['error'] = process.wait()
        with NodeProcess('playback_node', {'source': str(street / 'street.mp4'),
                                           'loop': True}, fresh=fresh) as process:
            process.wait_for_output('playing')
            found['killed'] = process.stop(signal.SIGKILL)
        seen.append({**found, 'output': output})
    assert seen[0] == seen[1]
    assert (seen[0]['error'], seen[0]['killed']) == (1, -signal.SIGKILL)


def test_a_model_that_has_run_makes_no_node_fresh(street, street_frames):
    """It leaves variables in the environment; a fork shows the command line of the server."""
    YoloDetector(str(street / 'street.pt'), imgsz=160, device='cpu').detect(street_frames[0])
    for given, fresh in (({}, False), ({'OMP_NUM_THREADS': '7'}, True)):
        with NodeProcess('playback_node', {'source': str(street / 'street.mp4'),
                                           'wait_for_subscribers': 1}, **given) as process:
            process.wait_for_output('waiting for 1 subscriber')
            command = Path(f'/proc/{process.pid}/cmdline').read_bytes()
            assert (b'fork_server.py' not in command) == fresh, command


@pytest.fixture(scope='module')
def variables():
    """Look what is left once a test has ended."""
    before = dict(os.environ)
    yield
    names = {name for name, _ in os.environ.items() ^ before.items()}
    assert names <= {'PYTEST_CURRENT_TEST'}, names


def test_variables_of_a_test_end_with_it(variables):
    os.environ['LEFT_BEHIND'] = '1'
    del os.environ['PATH']


@pytest.mark.parametrize('module', ['nodes.heatmap_node', 'nodes.playback_node', 'apps.render'])
def test_modules_run_as_main(module):
    """Help that a fork prints is what `python -m` prints."""
    fresh, forked = (SERVER.run(module, '--help', fresh=fresh) for fresh in (True, False))
    assert (forked.returncode, forked.stdout, forked.stderr) == (
        fresh.returncode, fresh.stdout, fresh.stderr)
    assert forked.returncode == 0 and len(forked.stdout) > 300


def test_variables_that_are_read_early_need_an_interpreter():
    """A variable that the server has not seen goes to a process that reads it as it starts."""
    with NodeProcess('playback_node', {'source': ''}, PYTHONVERBOSE='1') as process:
        assert process.wait() == 1
        assert 'import _frozen_importlib' in process.output()


ORPHANS = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from ros_processes import NodeProcess
nodes = [NodeProcess('playback_node', {'source': sys.argv[2], 'loop': True}, fresh=fresh)
         for fresh in (True, False)]
for node in nodes:
    node.wait_for_output('playing')
print(*(node.pid for node in nodes), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_no_node_outlives_tests_that_are_killed(street):
    run = subprocess.run([sys.executable, '-c', ORPHANS, str(TEST), str(street / 'street.mp4')],
                         capture_output=True, text=True, timeout=120)
    assert run.returncode == -signal.SIGKILL, run.stderr
    end = time.monotonic() + 20.0
    for number in run.stdout.split():
        while Path(f'/proc/{number}/cmdline').is_file() and Path(
                f'/proc/{number}/cmdline').read_bytes():
            assert time.monotonic() < end, f'process {number} is still there'
            time.sleep(0.05)


def test_a_domain_is_nobody_elses(tmp_path):
    one, first = claim_domain(tmp_path, range(1, 3))
    two, second = claim_domain(tmp_path, range(1, 3))
    assert {one, two} == {1, 2}
    with pytest.raises(NoDomainError, match='1 to 2 are taken by other test runs'):
        claim_domain(tmp_path, range(1, 3))
    second.close()
    again, third = claim_domain(tmp_path, range(1, 3))
    assert again == two
    first.close()
    third.close()


def test_a_domain_is_free_when_its_process_dies(tmp_path):
    script = ('import sys, os; sys.path.insert(0, sys.argv[1]); from pathlib import Path; '
              'from domains import claim_domain; kept = claim_domain(Path(sys.argv[2])); '
              'print(kept[0], flush=True); sys.stdin.read()')
    with subprocess.Popen([sys.executable, '-c', script, str(TEST), str(tmp_path)], text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == '1\n'
        domain, file = claim_domain(tmp_path)
        assert domain == 2
        file.close()
        other.kill()
    domain, file = claim_domain(tmp_path)
    assert domain == 1
    file.close()
