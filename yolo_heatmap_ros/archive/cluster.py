"""The processes that work on segments: those of Dask, here or on other machines."""

from contextlib import suppress
from dataclasses import dataclass
import logging
from multiprocessing import resource_tracker
import os
import platform
import re
import signal
import socket
import tempfile
import time
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple
import uuid
import warnings

import yolo_heatmap_ros
from yolo_heatmap_ros.errors import ArchiveError, HeatmapError, ModelError, ParameterError
from yolo_heatmap_ros.text import one_line

TRIES = 3
"""How often something is tried that fails, or whose worker dies."""
CONNECTING = 10.0
"""Seconds to wait for a scheduler."""
SETTINGS = {
    'distributed.scheduler.allowed-failures': TRIES - 1,
    # A worker that dies is held against all that it was given: one segment each.
    'distributed.scheduler.worker-saturation': 1.0,
    # Dask sets it: giving memory back at once takes a model nearly as long as its work.
    'distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_': None,
}


@dataclass(frozen=True)
class Failed:
    """Why something has failed for good, in one line; `everywhere` if all the rest will, too."""

    reason: str
    everywhere: bool = False


@dataclass(frozen=True)
class SentModel:
    """Gets the weights that the client has given to the scheduler under a name; on a worker."""

    name: str

    def __call__(self) -> bytes:
        """Return them, packed."""
        from distributed import get_client
        return get_client().get_dataset(self.name)


def dask() -> Any:
    """Import `distributed`, which is optional; raises ArchiveError without it."""
    try:
        import distributed
    except ImportError as error:
        raise ArchiveError("archive needs the package distributed: 'pip install distributed "
                           "bokeh'") from error
    return distributed


class Cluster:
    """A scheduler and its workers; `dashboard` is the address of Dask's page, empty without."""

    def __init__(self, workers: int = 0, scheduler: str = '',
                 resources: Optional[Mapping[str, float]] = None):
        """
        Start `workers` processes here, one for each core if 0, or use those of a `scheduler`.

        `resources` are what a worker must offer for a segment.  Raises ArchiveError where the
        scheduler is not there, or does not fit.
        """
        distributed = dask()
        _quieten()
        warnings.filterwarnings('ignore', module='distributed')
        self.remote = bool(scheduler)
        self._resources = dict(resources or {})
        self._own: Any = None
        self._folder = tempfile.TemporaryDirectory(prefix='archive-')
        self._kept: List[str] = []
        if scheduler:
            self._client = _connected(scheduler)
        else:
            self._client = self._started(distributed, workers)
        self.address = scheduler
        self.dashboard = ''
        if self.remote or _has_bokeh():
            self.dashboard = self._client.dashboard_link or ''

    def _started(self, distributed: Any, workers: int) -> Any:
        import dask.config
        from dask.system import CPU_COUNT
        with dask.config.set(SETTINGS):
            # Workers inherit the mask: on Ctrl-C, it is this process that ends them.  What is
            # started with the first of them would take the mask off.
            resource_tracker.ensure_running()
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                self._own = distributed.LocalCluster(
                    n_workers=workers or CPU_COUNT, threads_per_worker=1, processes=True,
                    host='127.0.0.1', dashboard_address='127.0.0.1:0' if _has_bokeh() else None,
                    silence_logs=logging.CRITICAL, local_directory=self._folder.name)
                client = distributed.Client(self._own, set_as_default=False)
            except (OSError, RuntimeError, TimeoutError) as error:
                raise ArchiveError(f'the workers could not be started ({one_line(error)}); check '
                                   'the memory that is left, and start again') from error
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if hasattr(os, 'sched_setaffinity'):
            # Where a worker dies just now, the one that takes its place gets the plugin.
            with suppress(OSError):
                client.register_plugin(_core_plugin(distributed))
        return client

    def keep(self, content: bytes) -> SentModel:
        """Give weights, packed, to the scheduler until the end; return how a worker gets them."""
        name = f'weights-{uuid.uuid4().hex}'
        self._client.publish_dataset(content, name=name)
        self._kept.append(name)
        return SentModel(name)

    def check(self, paths: Sequence[str]) -> List[str]:
        """Return a line on each host whose workers cannot be used, or cannot read all `paths`."""
        found = self._client.run(about_worker, list(paths), on_error='return')
        problems: Dict[str, None] = {}
        for address, about in found.items():
            if isinstance(about, BaseException):
                problems[f'worker {address}: {one_line(about)}; install yolo_heatmap_ros and what '
                         'it needs there'] = None
                continue
            host, version, unreadable = about
            host = f"{host} ({address.split('://')[-1].rpartition(':')[0]})"
            if version != yolo_heatmap_ros.__version__:
                problems[f'host {host}: has yolo_heatmap_ros {version}, and this client '
                         f'{yolo_heatmap_ros.__version__}: use the same'] = None
            for path, reason in unreadable[:1]:
                more = f', and {len(unreadable) - 1} more' if len(unreadable) > 1 else ''
                problems[f"host {host}: cannot read '{path}' ({reason}{more}): recordings must "
                         'have the same path on all hosts'] = None
        return list(problems)

    @property
    def workers(self) -> int:
        """Return how many workers there are now."""
        return len(self._client.scheduler_info(n_workers=-1)['workers'])

    def each(self, function: Callable, items: Sequence[Any], *common: Any,
             ) -> Iterator[Tuple[Any, Any]]:
        """
        Yield (item, result of `function(item, *common)`) as they come, or (item, `Failed`).

        Raises ArchiveError if the scheduler is gone.
        """
        from distributed import as_completed
        options = {'resources': self._resources} if self._resources else {}
        futures = self._client.map(
            _called, items, function=function, common=common, pure=False, retries=TRIES - 1,
            batch_size=1000, **options)
        waiting = {future.key: item for future, item in zip(futures, items)}
        coming = as_completed(futures, loop=self._client.loop)
        del futures
        for future in coming:
            item = waiting.pop(future.key)
            if future.cancelled() or future.status == 'lost':
                raise ArchiveError(f"the scheduler '{self.address or 'here'}' is gone: what is "
                                   'done is kept; the same command does the rest')
            error = future.exception()
            yield item, future.result() if error is None else Failed(
                _reason(error), isinstance(error, (ModelError, ParameterError)))
            future.release()

    def close(self) -> None:
        """End the client, and the processes that were started here."""
        for name in self._kept:
            with suppress(OSError, RuntimeError, TimeoutError):  # of a scheduler that is gone
                self._client.unpublish_dataset(name)
        self._client.close()
        if self._own is not None:
            self._own.close()
        self._folder.cleanup()


def _called(item: Any, function: Callable, common: Tuple) -> Any:
    try:
        return function(item, *common)
    except HeatmapError as error:
        raise type(error)(f'{error} (on {socket.gethostname()})') from error


def about_worker(paths: List[str]) -> Tuple[str, str, List[Tuple[str, str]]]:
    """Return a worker's host, its version of this package, and which paths it cannot read, why."""
    unreadable = []
    for path in paths:
        try:
            if os.path.isdir(path):
                os.listdir(path)
            else:
                with open(path, 'rb') as file:
                    file.read(1)
        except OSError as error:
            unreadable.append((path, error.strerror or str(error)))
    return socket.gethostname(), yolo_heatmap_ros.__version__, unreadable


def _reason(error: BaseException) -> str:
    from distributed import KilledWorker
    if isinstance(error, KilledWorker):
        return (f'the worker died {TRIES} times in it: killed, out of memory, or without progress '
                'for as long as --stall says')
    return one_line(error, 1000) if isinstance(error, HeatmapError) else (
        f'{type(error).__name__}: {one_line(error)}')


def _quieten() -> None:
    """Leave it to this command to say in a line what Dask logs with tracebacks."""
    for name in ('distributed', 'distributed.client', 'tornado', 'tornado.application', 'asyncio',
                 *(name for name in logging.root.manager.loggerDict
                   if name.startswith('distributed.'))):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _connected(scheduler: str) -> Any:
    """Return a client of a scheduler; raises ArchiveError."""
    import distributed
    try:
        address = re.fullmatch(r'\w+://(.+):([0-9]{1,5})/?', scheduler)
        if address is None:
            raise ValueError('it is no address')
        # A client that cannot connect leaves threads with tracebacks.
        _wait_for(address[1].strip('[]'), int(address[2]))
        client = distributed.Client(scheduler, timeout=CONNECTING, set_as_default=False)
    except (OSError, OverflowError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise ArchiveError(f"--scheduler '{scheduler}': no scheduler of Dask answers there "
                           f"({one_line(error)}); start one with 'dask scheduler', and give its "
                           'address as tcp://HOST:8786') from error
    try:
        _check_versions(client, scheduler)
    except ArchiveError:
        client.close()
        raise
    return client


def _wait_for(host: str, port: int) -> None:
    """Wait until somebody answers there, for a while; raises OSError."""
    until = time.monotonic() + CONNECTING
    while True:
        try:
            return socket.create_connection((host, port), CONNECTING).close()
        except ConnectionRefusedError:
            if time.monotonic() >= until:
                raise
            time.sleep(0.2)


def _check_versions(client: Any, scheduler: str) -> None:
    """Raise ArchiveError where scheduler or workers have other versions that do not fit."""
    import distributed
    own = {'python': platform.python_version_tuple()[:2], 'distributed': distributed.__version__}
    found = client.get_versions()
    there = {f"the scheduler '{scheduler}'": found['scheduler'],
             **{f'the worker {address}': one for address, one in found['workers'].items()}}
    for name, versions in there.items():
        python = tuple(str(versions['host']['python']).split('.')[:2])
        release = versions['packages'].get('distributed')
        if (python, release) != (own['python'], own['distributed']):
            raise ArchiveError(
                f"{name} has distributed {release} on Python {'.'.join(python)}, and this client "
                f"{own['distributed']} on Python {'.'.join(own['python'])}: use the same")


def _pin_to_core(dask_worker: Any) -> None:
    """Keep a worker on one core: some backends start a thread for each core they may use."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[int(dask_worker.name) % len(cores)]})


def _core_plugin(distributed: Any) -> Any:
    class Core(distributed.WorkerPlugin):

        def setup(self, worker: Any) -> None:
            _pin_to_core(worker)
    return Core()


def _has_bokeh() -> bool:
    try:
        import bokeh  # noqa: F401
    except ImportError:
        return False
    return True
