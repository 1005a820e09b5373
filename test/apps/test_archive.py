"""The command `archive`: with real workers, killed, stuck, full disks, and bad input."""

import os
from pathlib import Path
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import cv2
import numpy as np
from odd_videos import encode
import pytest
from two_hosts import ADDRESSES, HostsError, NAMES, TwoHosts
from yolo_heatmap_ros.apps import archive as archive_module
from yolo_heatmap_ros.apps.archive import main
from yolo_heatmap_ros.apps.render import main as render
from yolo_heatmap_ros.archive import cluster as cluster_module
from yolo_heatmap_ros.storage.history import History, When
from yolo_heatmap_ros.storage.snapshots import newest, read

pytest.importorskip('distributed')
ROOT = Path(__file__).resolve().parents[2]
OPTIONS = ('--imgsz', '160', '--max-rate', '5', '--conf', '0.05', '--heat-unit', 'seconds',
           '--segment', '3', '--lines', '{middle: [[0.5, 0], [0.5, 1]]}',
           '--regions', '{left: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}')
ALL_TIME = When(0.0, 4e9)


def command(*arguments):
    return [sys.executable, '-m', 'yolo_heatmap_ros.apps.archive', *map(str, arguments)]


def run(*arguments, code=0, **options):
    """Run the command in a process of its own; return what it printed, and its errors."""
    done = subprocess.run(command(*arguments), capture_output=True, text=True, cwd=ROOT,
                          timeout=300, **options)
    assert done.returncode == code, done.stdout + done.stderr
    assert 'Traceback' not in done.stderr, done.stderr
    return done.stdout, done.stderr


def heat(folder, camera='hall'):
    return read(newest(folder / camera)[0]).state


def history(folder, camera='hall'):
    with History(folder / f'{camera}.history.sqlite') as opened:
        total = opened.total(ALL_TIME)
        return total.heat, total.counts, total.frames, opened.events(ALL_TIME)


def assert_same(folder, other, camera='hall'):
    """Compare two archives to the bit."""
    one, two = heat(folder, camera), heat(other, camera)
    assert one.frames == two.frames and one.regions == two.regions and one.lines == two.lines
    assert one.arrays.keys() == two.arrays.keys() and one.arrays['heat'].max() > 0
    for name in one.arrays:
        assert np.array_equal(one.arrays[name], two.arrays[name])
    (fields, counts, frames, events), (*others, other_events) = (
        history(folder, camera), history(other, camera))
    assert frames == others[2] and events == other_events
    assert fields.keys() == others[0].keys()
    for name in fields:
        assert np.array_equal(fields[name], others[0][name])
    for place, by_class in others[1].items():
        for name, numbers in by_class.items():
            assert counts[place][name] == pytest.approx(numbers, rel=1e-12)


@pytest.fixture(scope='module')
def site(tmp_path_factory, street_frames):
    """Return a folder with three recordings of one camera, and one of another."""
    folder = tmp_path_factory.mktemp('site')
    frames = [np.ascontiguousarray(frame[::2, ::2]) for frame in street_frames]
    for name, begin in (('hall_20261125_080000', 0), ('hall_20261125_080009', 30),
                        ('hall_20261125_081500', 60), ('door_20261125_080000', 0)):
        encode(folder / f'{name}.mp4', [*frames[begin:], *frames[:begin]], g='10', bf='0')
    return folder


@pytest.fixture(scope='module')
def common(site, street):
    """Return inputs and options of all runs."""
    return (site, '--weights', street / 'street.pt', '--time-pattern', '{camera}_%Y%m%d_%H%M%S',
            *OPTIONS)


@pytest.fixture(scope='module')
def reference(tmp_path_factory, common):
    """Return the folder of an archive that was made undisturbed, and what was printed."""
    folder = tmp_path_factory.mktemp('reference') / 'history'
    return folder, *run(*common, '--history', folder, '--workers', 2)


def test_an_archive(reference, common):
    folder, out, errors = reference
    assert "camera 'hall': 3 recordings of 0.01 h, 2026-11-25 08:00 to 2026-11-25 08:15" in errors
    assert re.search(r'2 workers; see http://127\.0\.0\.1:\d+/status', errors)
    assert re.search(r"camera 'hall': 135 frames, 9 of 9 segments: .*hall\.history\.sqlite", out)
    assert '12 segments done, 0 were done before' in out and 'x real time' in out
    assert re.search(r'region left: \d+ objects, \d+ entries', out)
    assert sorted(path.name for path in folder.glob('*.history.sqlite')) == [
        'door.history.sqlite', 'hall.history.sqlite']
    fields, counts, frames, events = history(folder)
    assert frames == 135 and counts['left']['']['tracks'] and events
    last = newest(folder / 'hall')[0]
    picture = cv2.imread(str(last / 'composite.png'))
    assert picture.shape == (240, 640, 3) and (picture[:, :320] != picture[:, 320:]).any()
    state = read(last).state
    assert state.ended - state.began == pytest.approx(908.8)
    # Once more: nothing is left to do.
    before = history(folder)
    out, _ = run(*common, '--history', folder, '--workers', 1)
    assert '0 segments done, 12 were done before' in out
    assert history(folder)[2:] == before[2:]


def test_it_is_what_render_finds(reference, site, street, tmp_path, capsys):
    assert render([str(site / 'door_20261125_080000.mp4'), '--snapshot', str(tmp_path / 'heat'),
                   '--history', str(tmp_path / 'history'), '--begin', '2026-11-25T08:00',
                   '--camera', 'door', '--weights', str(street / 'street.pt'),
                   *(option for option in OPTIONS if option not in ('--segment', '3'))]) == 0
    expected, found = read(newest(tmp_path / 'heat')[0]).state, heat(reference[0], 'door')
    assert found.frames == expected.frames == 45
    assert np.abs(found.arrays['heat'] - expected.arrays['heat']).sum() <= (
        0.01 * expected.arrays['heat'].sum())
    for kind in ('regions', 'lines'):
        for place, count in getattr(expected, kind).items():
            for key in set(count) - {'by_class', 'objects'}:
                assert getattr(found, kind)[place][key] == pytest.approx(count[key], rel=0.02)


def workers_of(process):
    """Return the processes of the workers that a client has started."""
    found = []
    for status in Path('/proc').glob('[0-9]*/status'):
        try:
            if f'PPid:\t{process.pid}\n' in status.read_text() and (
                    b'spawn_main' in (status.parent / 'cmdline').read_bytes()):
                found.append(int(status.parent.name))
        except OSError:
            pass
    return found


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_twenty_kills(reference, common, tmp_path):
    """Of workers and of the client, at random moments: the same as without, to the bit."""
    rng = random.Random(19)
    kills, folder = 0, tmp_path / 'history'
    while True:
        process = subprocess.Popen(command(*common, '--history', folder, '--workers', 2),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                   cwd=ROOT)
        while kills < 20 and process.poll() is None:
            time.sleep(rng.uniform(0.5, 4.0))
            victims = workers_of(process)
            kills += 1
            if rng.random() < 0.3 or not victims:
                process.kill()
                break
            os.kill(rng.choice(victims), signal.SIGKILL)
        errors = process.communicate(timeout=300)[1]
        assert 'Traceback' not in errors, errors
        if process.returncode == 0:
            break
        assert process.returncode in (-signal.SIGKILL, 1), errors
    assert_same(folder, reference[0])
    assert_same(folder, reference[0], 'door')


def wait_for_no_process_of(group):
    """Wait until a process group is gone."""
    until = time.monotonic() + 20.0
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail('it has left processes')


def test_a_signal_while_workers_start(common, tmp_path):
    process = subprocess.Popen(command(*common, '--history', tmp_path / 'h', '--workers', 2),
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                               cwd=ROOT, start_new_session=True)
    while not workers_of(process):
        time.sleep(0.05)
        assert process.poll() is None
    # Dask would have it set, which makes models nearly twice as slow.
    assert b'MALLOC_TRIM' not in Path('/proc', str(workers_of(process)[0]), 'environ').read_bytes()
    os.killpg(process.pid, signal.SIGINT)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and 'Traceback' not in errors, errors
    wait_for_no_process_of(process.pid)


@pytest.mark.parametrize('which', [signal.SIGINT, signal.SIGTERM])
def test_signals(common, tmp_path, which):
    process = subprocess.Popen(command(*common, '--history', tmp_path / 'h', '--workers', 1),
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                               cwd=ROOT, start_new_session=True)
    for line in process.stderr:
        if line.startswith("camera 'door'"):
            break
    time.sleep(2.0)
    os.killpg(process.pid, which)  # as a terminal does
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 130, errors
    assert errors.splitlines()[-1] == ('archive: interrupted: what is done is kept, and the same '
                                       'command does the rest')
    assert 'Traceback' not in errors
    wait_for_no_process_of(process.pid)


@pytest.mark.faults
def test_broken_and_stuck_files(reference, common, site, tmp_path):
    """Each is told in a line, the rest goes on; what hangs is given up after three times."""
    broken = tmp_path / 'other_20261125_080000.mp4'
    broken.write_bytes(b'nothing that is a video')
    stuck = tmp_path / 'stuck_20261125_080000.mp4'
    os.mkfifo(stuck)
    out, errors = run(common[0], broken, stuck, *common[1:], '--history', tmp_path / 'h',
                      '--workers', 2, '--stall', 6, code=1)
    lines = [line for line in errors.splitlines() if line.startswith('archive: missing: ')]
    assert len(lines) == 2
    assert any(f"'{broken}': not a video or image that can be decoded" in line for line in lines)
    assert any('stuck_2026' in line and 'died 3 times' in line for line in lines)
    assert_same(tmp_path / 'h', reference[0])


@pytest.mark.faults
def test_a_full_disk(reference, common, tmp_path):
    if os.geteuid() or subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=600k', 'none',
                                       tmp_path], capture_output=True).returncode:
        pytest.skip('needs root, to mount a small disk')
    try:
        _, errors = run(*common, '--history', tmp_path / 'h', '--workers', 1, code=1)
        assert 'the space on its disk' in errors.splitlines()[-1]
        subprocess.run(['mount', '-o', 'remount,size=50m', tmp_path], check=True)
        run(*common, '--history', tmp_path / 'h', '--workers', 1)
        assert_same(tmp_path / 'h', reference[0])
    finally:
        subprocess.run(['umount', '-l', tmp_path], check=True)


class DaskCluster:
    """A scheduler and workers as users start them."""

    def __init__(self, folder, address='127.0.0.1', port=None, host=()):
        self._folder, self._host = folder, host
        self.port = port or _free_port()
        self.address = f'tcp://{address}:{self.port}'
        self._processes = []
        self._log = folder / 'scheduler.log'
        with open(self._log, 'w') as log:
            self._start('scheduler', '--host', address, '--port', str(self.port),
                        '--dashboard-address', f'{address}:0', log=log)

    def _start(self, *arguments, host=None, prelude='', log=subprocess.DEVNULL):
        environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'XDG_CACHE_HOME': str(
            self._folder / 'cache'), 'DASK_DISTRIBUTED__NANNY__PRE_SPAWN_ENVIRON':
            "{'MALLOC_TRIM_THRESHOLD_': None}"}
        # Not the shell but dask itself is to be killed.
        line = f'{prelude} exec {sys.executable} -m distributed.cli.dask_{arguments[0]} "$@"'
        process = subprocess.Popen(
            [*(self._host if host is None else host), 'bash', '-c', line, 'bash',
             *arguments[1:]], cwd=self._folder, env=environment, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=log)
        self._processes.append(process)
        return process

    def worker(self, *arguments, host=None, prelude=''):
        return self._start('worker', self.address, '--nthreads', '1', '--no-dashboard',
                           *arguments, host=host, prelude=prelude)

    def wait_for_workers(self, count):
        """Wait until so many have come to the scheduler."""
        until = time.monotonic() + 60.0
        while self._log.read_text().count('Register worker') < count:
            assert time.monotonic() < until, self._log.read_text()
            time.sleep(0.1)

    def kill_scheduler(self):
        os.killpg(self._processes[0].pid, signal.SIGKILL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self._processes:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()


def _free_port():
    with socket.socket() as found:
        found.bind(('127.0.0.1', 0))
        return found.getsockname()[1]


@pytest.mark.faults
@pytest.mark.timeout(600)
def test_a_scheduler_of_others_that_dies(reference, common, tmp_path):
    folder = tmp_path / 'h'
    with DaskCluster(tmp_path) as dask:
        dask.worker()
        process = subprocess.Popen(
            command(*common, '--history', folder, '--scheduler', dask.address),
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=ROOT)
        while not (folder / 'hall.history.sqlite').exists():
            time.sleep(0.2)
            assert process.poll() is None, process.stderr.read()
        time.sleep(4.0)
        dask.kill_scheduler()
        errors = process.communicate(timeout=120)[1]
        assert process.returncode == 1 and 'Traceback' not in errors
        assert re.search(r"the scheduler 'tcp://.*' is gone: what is done is kept",
                         errors.splitlines()[-1]), errors
    with DaskCluster(tmp_path, port=dask.port) as again:
        again.worker()
        run(*common, '--history', folder, '--scheduler', again.address)
    assert_same(folder, reference[0])
    assert_same(folder, reference[0], 'door')


@pytest.mark.faults
@pytest.mark.timeout(600)
def test_two_hosts(reference, common, street, tmp_path):
    """With a scheduler on one, workers on both, and the weights on one of them only."""
    weights = tmp_path / 'weights'
    weights.mkdir()
    shutil.copy(street / 'street.pt', weights)
    arguments = [weights / 'street.pt' if one == street / 'street.pt' else one for one in common]
    hosts = [('ip', 'netns', 'exec', name) for name in NAMES]
    try:
        with TwoHosts(0.0), DaskCluster(tmp_path, ADDRESSES[0], 8786, hosts[0]) as dask:
            dask.worker('--host', ADDRESSES[0])
            dask.worker('--host', ADDRESSES[1], host=hosts[1],
                        prelude=f'mount -t tmpfs none {weights};')
            done = subprocess.run(
                [*hosts[0], *command(*arguments, '--history', tmp_path / 'h', '--scheduler',
                                     dask.address)],
                capture_output=True, text=True, cwd=ROOT, timeout=120)
            assert done.returncode == 0, done.stdout + done.stderr
            sent = list((tmp_path / 'cache').glob('yolo_heatmap_ros/archive_models/*/street.pt'))
            assert len(sent) == 1
            # A host that does not see the recordings is named.
            dask.worker('--host', ADDRESSES[1], host=hosts[1],
                        prelude=f'mount -t tmpfs none {common[0]};')
            dask.wait_for_workers(3)
            refused = subprocess.run(
                [*hosts[0], *command(*arguments, '--history', tmp_path / 'other', '--scheduler',
                                     dask.address)],
                capture_output=True, text=True, cwd=ROOT, timeout=300)
            assert refused.returncode == 1
            assert re.search(rf'archive: host \S+ \({re.escape(ADDRESSES[1])}\): cannot read '
                             rf"'{common[0]}/.*' \(No such file or directory\): recordings must "
                             'have the same path', refused.stderr), refused.stderr
    except HostsError as error:
        pytest.skip(str(error))
    assert_same(tmp_path / 'h', reference[0])


# What is refused before anything is started.

@pytest.fixture
def refused(site, street, tmp_path, capsys):
    def ask(*arguments, code=1):
        assert main(['--history', str(tmp_path / 'h'), '--weights', str(street / 'street.pt'),
                     *OPTIONS, *map(str, arguments)]) == code
        captured = capsys.readouterr()
        lines = [line for line in captured.err.splitlines() if line.startswith('archive: ')]
        assert lines and 'Traceback' not in captured.err and 'ignored' not in captured.err
        return '\n'.join(lines)
    return ask


@pytest.mark.parametrize('arguments, message', [
    (['nothing.mp4'], "'nothing.mp4': no such file or folder"),
    (['--workers', '-1'], '--workers -1: must be from 0'),
    (['--segment', '0'], '--segment 0: must be from 1 to 1e6'),
    (['--stall', 'nan'], '--stall nan: must be from 1 to 1e6'),
    (['--resources', 'GPU=1'], '--resources needs --scheduler'),
    (['--workers', '2', '--scheduler', 'tcp://a:1'], 'do not go together'),
    (['--scheduler', 'tcp://127.0.0.1:9', '--resources', 'GPU'],
     "--resources 'GPU': give such as GPU=1"),
    (['--timezone', 'Nowhere'], "--timezone 'Nowhere' is unknown"),
    (['--begin', '2026-11-25T08:00'], '--begin is for one recording, and there are 4'),
    (['--time-pattern', '%H'], 'needs a year'),
    (['--scheduler', 'nonsense'], "--scheduler 'nonsense': no scheduler of Dask answers there"),
    (['--scheduler', 'tcp://127.0.0.1:9'], 'no scheduler of Dask answers there'),
    (['--heat-unit', 'hours'], "parameter 'heat_unit': 'hours' is not one of")])
def test_what_is_refused(refused, site, monkeypatch, arguments, message):
    monkeypatch.setattr(cluster_module, 'CONNECTING', 2.0)
    inputs = [] if arguments == ['nothing.mp4'] else [site]
    found = refused(*inputs, *arguments)
    assert message in found and found.count('\n') == 0


def test_without_dask(refused, site, monkeypatch):
    monkeypatch.setitem(sys.modules, 'distributed', None)
    assert refused(site) == ("archive: archive needs the package distributed: 'pip install "
                             "distributed bokeh'")


def test_a_scheduler_of_another_version(refused, site, tmp_path, monkeypatch):
    import distributed
    with DaskCluster(tmp_path) as dask:
        monkeypatch.setattr(distributed, '__version__', '1.0')
        assert re.fullmatch(r"archive: the scheduler 'tcp://.*' has distributed 20\S+ on Python "
                            r'3\.\d+, and this client 1\.0 on Python 3\.\d+: use the same',
                            refused(site, '--scheduler', dask.address))


def test_a_second_command_at_once(refused, site, tmp_path):
    import filelock
    (tmp_path / 'h').mkdir()
    with filelock.FileLock(tmp_path / 'h' / 'archive.lock'):
        assert 'another archive command writes there' in refused(site)


def test_times_that_are_unknown_or_taken(refused, site, tmp_path, common, reference):
    """All in one run, with one cluster: a line for each; the rest is done."""
    manifest = tmp_path / 'list.csv'
    names = ['hall_20261125_080000.mp4', 'hall_20261125_080009.mp4', 'door_20261125_080000.mp4']
    manifest.write_text('file,camera,begin\n' + ''.join(
        f'{site / name},{camera},{begin}\n' for name, camera, begin in zip(
            names, ('one', 'one', 'two'), ('2026-11-25T08:00', '2026-11-25T08:00:05', ''))))
    lines = refused(manifest, '--workers', 1).splitlines()
    assert len(lines) == 2
    assert any(f"'{site / names[1]}' (2026-11-25 08:00 to 2026-11-25 08:00) overlaps "
               f"'{site / names[0]}'" in line and "of camera 'one'" in line for line in lines)
    assert any(f"'{site / names[2]}': does not say when it began; give --time-pattern, a "
               'manifest with its begin, or --begin' in line for line in lines)
    assert heat(tmp_path / 'h', 'one').frames == 45
    # Other options or cuts would count the same time twice.
    folder = tmp_path / 'copy'
    shutil.copytree(reference[0], folder)
    before = history(folder)
    _, errors = run(*common, '--conf', 0.3, '--history', folder, '--workers', 1, code=1)
    missing = [line for line in errors.splitlines() if line.startswith('archive: missing')]
    assert len(missing) == 4 and all('has this time already' in line for line in missing)
    _, errors = run(*common, '--segment', 1.5, '--history', folder, '--workers', 1, code=1)
    assert errors.count('has this time already') == 4
    assert history(folder)[1:] == before[1:]


def test_classes_that_the_model_does_not_have(refused, site):
    """They end all, since they would fail everywhere."""
    found = refused(site, '--time-pattern', '{camera}_%Y%m%d_%H%M%S', '--classes', 'unicorn',
                    '--workers', 1)
    assert 'unicorn' in found and found.count('\n') == 0


def test_the_version_is_that_of_the_package():
    import yolo_heatmap_ros
    for file in ('setup.py', 'package.xml'):
        assert re.search(rf"version(=|>)'?{re.escape(yolo_heatmap_ros.__version__)}\b",
                         (ROOT / file).read_text())
    assert archive_module.SEGMENT > 0
