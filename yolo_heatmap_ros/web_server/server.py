"""Runs the page in a thread of its own, with an event loop."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
import contextlib
import logging
import os
from pathlib import Path
import threading
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from yolo_heatmap_ros.choices import TokenUse
from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.errors import ParameterError
from yolo_heatmap_ros.ros.camera_finder import FoundNode
from yolo_heatmap_ros.ros.package_share import share_folder
from yolo_heatmap_ros.ros.snapshot_keeper import own_folder
from yolo_heatmap_ros.text import one_line
from yolo_heatmap_ros.web_server.access import Access
from yolo_heatmap_ros.web_server.application import make_application, Report
from yolo_heatmap_ros.web_server.cameras import Cameras, STATE_PERIOD
from yolo_heatmap_ros.web_server.connections import Connections
from yolo_heatmap_ros.web_server.static_files import StaticFiles
from yolo_heatmap_ros.web_server.tokens import read_or_make, readable_by_others, Token

WORKERS = 2
"""Threads that scale pictures."""
KEPT_ALIVE = 30.0
"""Seconds for which an idle connection stays open."""
ENDS_WITHIN = 2.0
HARMLESS = (HttpProcessingError, web.RequestPayloadError, ConnectionError)
"""Errors of what others send: whoever can connect could fill the log with them."""


class _Errors(logging.Handler):
    """Reports what aiohttp would log as errors, but those of what others send."""

    def __init__(self, report: Report):
        super().__init__(logging.ERROR)
        self._report = report

    def emit(self, record: logging.LogRecord) -> None:
        """Report the exception of a record."""
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, HARMLESS):
            self._report('serving', error or RuntimeError(record.getMessage()))


class WebServer:
    """
    Serves the page.

    `add`, `remove` and `announce` may be called from any thread.
    """

    def __init__(self, configuration: Configuration, report: Report):
        """
        Read the token and the page's files, see `config.web`; raises ParameterError.

        `report` is called with unexpected errors.
        """
        self._configuration = configuration
        self._report = report
        self.token_file = _own(configuration['web_token_file'], 'web_token')
        self._token, self.new_token = read_or_make(self.token_file)
        self._access = Access(
            configuration['host'], configuration['allowed_hosts'], Token(self._token),
            configuration['request_rate'], configuration['token'] == TokenUse.ALWAYS)
        self._scaling = ThreadPoolExecutor(WORKERS, thread_name_prefix='scaling')
        self._cameras = Cameras(self._scaling)
        self._files = StaticFiles(share_folder('web'))
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(self._take_error)
        self._server: Optional[asyncio.AbstractServer] = None
        self._failed = ''
        self._started = threading.Event()
        self._ending: 'asyncio.Event'
        self._watching: List[asyncio.Future] = []
        self._thread = threading.Thread(target=self._serve, name='web', daemon=True)

    def start(self) -> str:
        """Serve, and return the address of the page; raises ParameterError if it cannot be."""
        self._thread.start()
        self._started.wait()
        if self._failed:
            raise ParameterError(self._failed)
        host, port = self._addresses()[0][:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    @property
    def token(self) -> str:
        """Return the token."""
        return self._token

    @property
    def token_is_readable(self) -> bool:
        """Return whether other users of this machine can read the token's file."""
        return readable_by_others(self.token_file)

    @property
    def beyond_this_machine(self) -> bool:
        """Return whether other machines can connect."""
        return self._access.beyond_this_machine

    def add(self, found: FoundNode) -> None:
        """Show a node."""
        self._do(self._cameras.add, found)

    def remove(self, found: FoundNode) -> None:
        """Show it no more."""
        self._do(self._cameras.remove, found)

    def announce(self, name: str) -> None:
        """Say that a node has a new picture."""
        self._do(self._cameras.announce, name)

    def close(self) -> None:
        """End; browsers are not waited for."""
        if self._thread.is_alive():
            self._do(self._ending.set)
            self._thread.join(ENDS_WITHIN)
        self._scaling.shutdown(wait=False, cancel_futures=True)

    def _do(self, work: Callable, *arguments) -> None:
        with contextlib.suppress(RuntimeError):  # the server has ended
            self._loop.call_soon_threadsafe(work, *arguments)

    def _addresses(self) -> List[Tuple]:
        return [socket.getsockname() for socket in self._server.sockets]

    # --- In the server's thread ---

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._run())
        finally:
            self._started.set()
            self._loop.close()

    async def _run(self) -> None:
        self._ending = asyncio.Event()
        connections = Connections()
        runner = web.AppRunner(
            make_application(self._access, self._cameras, self._files, connections,
                             self._report, _own(self._configuration['history_dir'], 'history')),
            access_log=None, keepalive_timeout=KEPT_ALIVE, logger=self._logger())
        await runner.setup()
        connections.server = runner.server
        host, port = self._configuration['host'], self._configuration['port']
        try:
            self._server = await self._loop.create_server(connections, host, port)
        except Exception as error:  # the system's, or of a name that no host can have
            reason = getattr(error, 'strerror', None) or one_line(error)
            self._failed = (f"parameters 'host' and 'port': cannot serve on {host}, port {port} "
                            f'({reason}); choose another port, or 0')
            await runner.cleanup()
            return
        self._access.listens_on(self._addresses())
        self._started.set()
        for part in (connections.watch(), self._tick()):
            self._watching.append(asyncio.ensure_future(part))
        await self._ending.wait()
        self._server.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=ENDS_WITHIN / 2)

    def _logger(self) -> logging.Logger:
        logger = logging.Logger('web')  # not among all others: nobody else shall print it
        logger.addHandler(_Errors(self._report))
        return logger

    def _take_error(self, loop: asyncio.AbstractEventLoop, context: Dict[str, Any]) -> None:
        """Report what would be printed otherwise."""
        error = context.get('exception')
        if not isinstance(error, HARMLESS):
            self._report('serving', error or RuntimeError(context['message']))

    async def _tick(self) -> None:
        while True:
            begin = time.monotonic()
            self._cameras.tick(self._report)
            await asyncio.sleep(max(0.1, STATE_PERIOD - (time.monotonic() - begin)))


def _own(given: str, name: str) -> Path:
    """Return a path that a parameter gives, or else that of `name` in the package's folder."""
    return Path(os.path.expanduser(given)) if given else own_folder() / name
