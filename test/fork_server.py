"""
Starts the processes of a test run; nodes without importing everything again for each.

A process of its own imports what every node imports, and does nothing more: no thread of Python,
no ROS context, no model. It forks for each node, which then runs as `python -m MODULE` would. It
also starts what needs an interpreter of its own, and ends with all that it has started when the
tests end, however they end.
"""

import ctypes
import faulthandler
import gc
import importlib
import json
import os
from pathlib import Path
import re
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings

EXECUTABLES = [f'yolo_heatmap_ros.{name}' for name in (
    'nodes.floor_node', 'nodes.heatmap_node', 'nodes.playback_node', 'nodes.heatmap_cameras',
    'apps.calibrate', 'apps.viewer', 'apps.web_viewer', 'apps.render')]
HEAVY = ['torch', 'torchvision', 'ultralytics.models.yolo', 'ultralytics.trackers',
         'ultralytics.engine.results', 'ultralytics.engine.predictor', 'cv2', 'lap', 'rclpy',
         'cv_bridge', 'scipy.optimize', 'aiohttp.web']
"""What the executables import, or their libraries when the first frame comes."""
HARMLESS = ('ROS_', 'FASTDDS_', 'FASTRTPS_', 'RMW_', 'XDG_', 'DISPLAY', 'PYTEST_', 'COLUMNS',
            'LINES', 'CUBLAS_', 'TORCHINDUCTOR_')
"""
Variables that nothing reads while it is imported.

A model that has run in a test leaves the last two.
"""
SIZE = 1 << 20
"""Bytes of a message at most."""
PR_SET_PDEATHSIG = 1


class Child:
    """What `subprocess.Popen` is, for a process that the server has started."""

    def __init__(self, server, pid):
        self._server = server
        self.pid = pid
        self.returncode = None

    def poll(self):
        """Return the exit code, negative for a signal, or None while it runs."""
        if self.returncode is None:
            self.returncode = self._server.ask({'poll': self.pid})['code']
        return self.returncode

    def wait(self, timeout=None):
        """Return the exit code once it has ended."""
        end = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired(f'process {self.pid}', timeout)
            time.sleep(0.005)
        return self.returncode

    def send_signal(self, number):
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        """End it at once."""
        self.send_signal(signal.SIGKILL)


class ForkServer:
    """The test's end of the server, which starts with the first process."""

    def __init__(self):
        self._lock = threading.Lock()
        self._socket = None

    def start(self, command, environment, output, errors, fresh=False):
        """Start a command that prints to two files; `fresh`: by an interpreter of its own."""
        fresh = fresh or command[:2] != [sys.executable, '-m'] or command[2] not in EXECUTABLES
        with self._lock:
            if self._socket is None:
                self._begin()
        answer = self.ask({'command': command, 'environment': environment, 'fresh': fresh,
                           'folder': os.getcwd()}, [output.fileno(), errors.fileno()])
        return Child(self, answer['pid'])

    def run(self, module, *arguments, fresh=False):
        """Run a module as `python -m` does, to its end; return a `subprocess.CompletedProcess`."""
        command = [sys.executable, '-m', f'yolo_heatmap_ros.{module}', *map(str, arguments)]
        with tempfile.TemporaryFile('w+') as output, tempfile.TemporaryFile('w+') as errors:
            code = self.start(command, dict(os.environ), output, errors, fresh).wait(120)
            texts = []
            for file in (output, errors):
                file.seek(0)
                texts.append(file.read())
        return subprocess.CompletedProcess(command, code, *texts)

    def ask(self, request, files=()):
        """Send a request and return its answer."""
        with self._lock:
            socket.send_fds(self._socket, [json.dumps(request).encode()], files)
            answer = self._socket.recv(SIZE)
        if not answer:
            raise RuntimeError('the fork server has died')
        return json.loads(answer)

    def close(self):
        """End all that was started; returns when it has ended."""
        with self._lock:
            if self._socket is not None:
                self._socket.close()
                self._process.wait()
                self._socket = None

    def _begin(self):
        self._socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(other.fileno())], pass_fds=[other.fileno()],
                stdout=subprocess.DEVNULL)


def prepare():
    """Import what the nodes import; executables are imported again, as `__main__`."""
    for name in (*HEAVY, *EXECUTABLES):
        try:
            importlib.import_module(name)
        except ImportError:  # aiohttp, say: the node itself says what is missing
            pass
    for name in EXECUTABLES:
        sys.modules.pop(name, None)
    assert threading.active_count() == 1
    gc.freeze()  # all this is looked through no more, and its memory stays shared


def serve(connection):
    """Answer until the test ends; return None then, and in each child what it is to run."""
    children, prepared, begun_with = set(), False, dict(os.environ)
    while True:
        data, files, _, _ = socket.recv_fds(connection, SIZE, 2)
        if not data:
            for pid in children:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            return None
        request = json.loads(data)
        if 'poll' in request:
            pid, status = os.waitpid(request['poll'], os.WNOHANG)
            children.discard(pid)
            answer = {'code': os.waitstatus_to_exitcode(status) if pid else None}
        else:
            if not (prepared or request['fresh']):
                prepare()
                prepared = True
            if differs(request['environment'], begun_with):
                request['fresh'] = True
            parent, (begun, beginning) = os.getpid(), os.pipe()
            pid = fork()
            if not pid:
                connection.close()
                os.close(begun)
                become(request, files, parent)
                os.close(beginning)
                return request['command']
            for file in (*files, beginning):
                os.close(file)
            os.read(begun, 1)  # until it has become what it is to be: this end closes itself
            os.close(begun)
            children.add(pid)
            answer = {'pid': pid}
        connection.send(json.dumps(answer).encode())


def differs(environment, begun_with):
    """
    Tell whether the imports here could have been different in an environment.

    What they have set themselves may be there or not, as a test has imported the same or not.
    """
    return any(
        environment.get(name) not in (begun_with.get(name), os.environ.get(name))
        for name in environment.keys() | begun_with.keys() if not name.startswith(HARMLESS))


def fork():
    """
    Fork; return as `os.fork` does.

    The threads are those of OpenBLAS, which are made for this, and of LTTng, whose tracing every
    ROS library has: it must be told, or at exit the child ends threads that it does not have.
    """
    maps = Path('/proc/self/maps').read_text()
    found = re.search(r'(/.*/liblttng-ust[-.][0-9a-f.]*so.*)', maps)
    tracing = None if found is None else ctypes.CDLL(found[1])
    if not hasattr(tracing, 'ust_before_fork'):
        tracing = None
    signals = ctypes.create_string_buffer(128)  # a sigset_t
    if tracing is not None:
        tracing.ust_before_fork(signals)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', DeprecationWarning)
        pid = os.fork()
    if tracing is not None:
        (tracing.ust_after_fork_parent if pid else tracing.ust_after_fork_child)(signals)
    return pid


def become(request, files, parent):
    """Be in a child what a new process would be; does not return where it is `fresh`."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    for number, file in enumerate(files, start=1):
        os.dup2(file, number)
        os.close(file)
    os.chdir(request['folder'])
    if request['fresh']:
        for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        try:
            os.execvpe(request['command'][0], request['command'], request['environment'])
        except OSError as error:
            os.write(2, f"{request['command'][0]}: {error}\n".encode())
            os._exit(127)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(request['environment'])


def main():
    """Serve on the socket of the first argument."""
    sys.path[0] = os.getcwd()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: it concerns the children
    number = int(sys.argv[1])
    os.set_inheritable(number, False)
    with socket.socket(fileno=number) as connection:
        command = serve(connection)
    if command is not None:
        faulthandler.register(signal.SIGUSR1, all_threads=True)  # see `NodeProcess.stacks`
        # From here on, as `python -m` does.
        sys.path[0] = os.getcwd()
        sys.argv = command[2:]
        runpy.run_module(command[2], run_name='__main__', alter_sys=True)


if __name__ == '__main__':
    main()
