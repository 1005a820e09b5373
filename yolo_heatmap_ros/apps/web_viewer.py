"""A web page with the composite, for machines without a ROS desktop."""

import asyncio
import contextlib
import ipaddress
import socket
import sys
import threading
import time
from typing import Any, Callable, Dict, List, Optional
from urllib.parse import urlsplit

from diagnostic_msgs.msg import DiagnosticArray
import rclpy
from sensor_msgs.msg import CompressedImage

from yolo_heatmap_ros.config.specs import filled_text, number, ParameterSpec, Settable
from yolo_heatmap_ros.drawing.colormaps import COLORMAPS
from yolo_heatmap_ros.errors import ParameterError
from yolo_heatmap_ros.ros.barrier import GuardedNode
from yolo_heatmap_ros.ros.executable import run_node
from yolo_heatmap_ros.ros.heatmap_client import Answer, HeatmapClient
from yolo_heatmap_ros.ros.image_subscription import ImageSubscription
from yolo_heatmap_ros.ros.messages.compressed import SUFFIX
from yolo_heatmap_ros.ros.package_share import share_folder
from yolo_heatmap_ros.ros.parameters import NodeParameters
from yolo_heatmap_ros.text import one_line

try:
    from aiohttp import web
except ImportError:
    web = None

STOPPED_AFTER = 3.0
"""Seconds without a picture after which the page shows a warning."""
ANSWER_TIMEOUT = 5.0
"""Seconds that the page waits for a response of the heatmap node."""
MAX_STREAMS = 20
"""Maximum number of browsers with a picture stream at the same time."""
WRITE_TIMEOUT = 10.0
"""Seconds that a browser has to take a picture, before its stream is closed."""
GONE_CHECK_PERIOD = 1.0
"""Seconds between checks, while there is no new picture, whether a browser is still there."""
BOUNDARY = 'picture'
HEADERS = {
    'Content-Security-Policy': "default-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
    'X-Frame-Options': 'DENY', 'X-Content-Type-Options': 'nosniff'}
"""No page of another site may show this one in a frame, and have its buttons pressed."""


def _as_names(value: Any) -> List[str]:
    """Accept a list of host names, or such a list as text."""
    if isinstance(value, str):
        value = value.strip().removeprefix('[').removesuffix(']').replace(',', ' ').split()
    names = [] if value is None else list(value) if not isinstance(value, (int, float)) else [0]
    if any(not isinstance(name, str) for name in names):
        raise ValueError(f'{value!r} is not a list of host names')
    return [name.strip('\'"').lower() for name in names]


PARAMETERS = (
    ParameterSpec('heatmap_node', 'yolo_heatmap', 'The name of the heatmap node to show.',
                  filled_text, Settable.AT_START),
    ParameterSpec(
        'host', '127.0.0.1',
        "The address to listen on: '127.0.0.1': this machine only; '0.0.0.0': all networks, "
        'without a password.', filled_text, Settable.AT_START),
    number('port', 8080, 'The port to listen on; 0: a free one, see the log.', 0, 65535,
           Settable.AT_START),
    ParameterSpec(
        'allowed_hosts', '',
        "Further host names under which browsers may reach the page, as '[robot1.example]', for "
        "instance behind a proxy. IP addresses, 'localhost' and this machine's own name are "
        'always allowed.', _as_names, Settable.AT_START),
)


class WebViewer(GuardedNode):
    """Streams pictures to browsers, and forwards their requests to the heatmap node."""

    def __init__(self):
        """Subscribe; raises ParameterError without aiohttp."""
        # Before rclpy's constructor: if that raises, it destroys the node.
        self._loop = asyncio.new_event_loop()
        super().__init__('web_viewer')
        if web is None:
            raise ParameterError("the page needs the package aiohttp: 'pip install aiohttp', or "
                                 "'sudo apt install python3-aiohttp'")
        self._configuration = NodeParameters(
            self, PARAMETERS, lambda changes: None).configuration()
        name = self._configuration['heatmap_node']
        self._client = HeatmapClient(self, name)
        self._status_name = f"{self.resolve_topic_name(name).strip('/')}: frames"
        self._figures: Dict[str, str] = {}
        self._colormap = ''
        self._picture: Optional[bytes] = None
        self._arrived_at = float('-inf')
        self._count = self._streams = 0
        own = socket.gethostname().lower()
        self._hosts = {'localhost', own, f"{own.split('.')[0]}.local", self._configuration[
            'host'].lower(), *self._configuration['allowed_hosts']}
        self._news = asyncio.Condition()
        self._subscription = ImageSubscription(
            self, CompressedImage, f'{name}/composite{SUFFIX}', self._take, lambda number: None)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._take_diagnostics, 10)
        self.create_timer(1.0, lambda: self._client.get_colormap(self._take_colormap))
        self._started: 'asyncio.Future' = self._loop.create_future()
        self._server = threading.Thread(target=self._serve, name='web', daemon=True)
        self._server.start()

    # --- In the executor's thread ---

    def _take(self, message: CompressedImage) -> None:
        self._picture, self._arrived_at = bytes(message.data), time.monotonic()
        self._kind = 'image/png' if 'png' in message.format else 'image/jpeg'
        self._count += 1
        self._in_loop(self._announce())

    def _in_loop(self, work) -> None:
        if self._loop.is_running():
            asyncio.run_coroutine_threadsafe(work, self._loop)
        else:
            work.close()

    def _take_diagnostics(self, array: DiagnosticArray) -> None:
        for status in array.status:
            if status.name == self._status_name:
                values = {pair.key: pair.value for pair in status.values}
                self._figures = {'health': status.message, **{key: values[key] for key in (
                    'rate in (Hz)', 'rate out (Hz)', 'latency p50 (ms)', 'frames processed',
                    'model', 'device') if key in values}}

    def _take_colormap(self, success: bool, name: str) -> None:
        self._colormap = name if success else ''

    # --- In the server's thread ---

    async def _announce(self) -> None:
        async with self._news:
            self._news.notify_all()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        self._loop.run_forever()

    async def _start(self) -> None:
        @web.middleware
        async def guarded(request: 'web.Request', handler: Callable) -> 'web.StreamResponse':
            try:
                self._check_names(request)
                return await handler(request)
            except (web.HTTPException, ConnectionError):
                raise
            except Exception as error:
                self.barrier.report(f'{request.method} {request.path}', error)
                raise web.HTTPInternalServerError(
                    text='unexpected error: see the log of web_viewer') from error

        application = web.Application(middlewares=[guarded])
        application.add_routes([
            web.get('/', self._page), web.get('/stream', self._stream),
            web.get('/state', self._state), web.post('/save', self._save),
            web.post('/reset', self._reset), web.post('/colormap', self._set_colormap)])
        self._runner = web.AppRunner(application, access_log=None)
        host, port = self._configuration['host'], self._configuration['port']
        try:
            await self._runner.setup()
            await web.TCPSite(self._runner, host, port).start()
            self._started.set_result('')
        except Exception as error:  # the system's, or of a name that no host can have
            reason = getattr(error, 'strerror', None) or one_line(error)
            self._started.set_result(
                f"parameters 'host' and 'port': cannot serve on {host}, port {port} "
                f'({reason}); choose another port, or 0')

    def _check_names(self, request: 'web.Request') -> None:
        """
        Refuse requests that a page of another site sends through somebody's browser.

        Such a site can let its own name point to this machine (DNS rebinding): then the browser
        takes both for one site, but still sends that name.
        """
        origin = request.headers.get('Origin')
        try:
            host = urlsplit(f'//{request.host}').hostname or ''
            sender = None if origin is None else urlsplit(origin)
        except ValueError as error:
            raise web.HTTPForbidden(text='Host or Origin is not a valid name') from error
        if host not in self._hosts and not _is_address(host):
            raise web.HTTPForbidden(text=f"'{host}' is not a name of this page: see the parameter "
                                         'allowed_hosts of web_viewer')
        # A proxy may ask under another name than the browser.
        if sender is not None and request.method == 'POST' and sender.netloc != request.host and (
                sender.hostname not in self._configuration['allowed_hosts']):
            raise web.HTTPForbidden(text='the request comes from a page of another site')

    async def _page(self, request: 'web.Request') -> 'web.Response':
        page = (share_folder('web') / 'index.html').read_text()
        return web.Response(text=page, content_type='text/html', headers=HEADERS)

    async def _stream(self, request: 'web.Request') -> 'web.StreamResponse':
        """Stream the newest picture; a slow browser skips some."""
        if self._streams >= MAX_STREAMS:
            raise web.HTTPServiceUnavailable(text='too many viewers')
        response = web.StreamResponse(headers={
            'Content-Type': f'multipart/x-mixed-replace; boundary={BOUNDARY}',
            'Cache-Control': 'no-store'})
        await response.prepare(request)
        self._streams += 1
        sent, separator = 0, f'\r\n--{BOUNDARY}\r\n'.encode()
        try:
            await response.write(separator)
            while request.transport is not None:  # else the browser has gone
                if not await self._wait_for_news(sent):
                    continue
                sent, picture, kind = self._count, self._picture, self._kind
                head = f'Content-Type: {kind}\r\nContent-Length: {len(picture)}\r\n\r\n'
                # Browsers show a picture once the next separator has arrived.
                await asyncio.wait_for(response.write(head.encode() + picture + separator),
                                       WRITE_TIMEOUT)
        except ConnectionError:  # the browser has gone
            pass
        except asyncio.TimeoutError:
            if request.transport is not None:
                request.transport.abort()  # closing would wait for the browser to read the rest
        finally:
            self._streams -= 1
        return response

    async def _wait_for_news(self, sent: int) -> bool:
        """Wait for a picture after number `sent`, but not for long; return whether it is there."""
        with contextlib.suppress(asyncio.TimeoutError):
            async with self._news:
                await asyncio.wait_for(self._news.wait_for(lambda: self._count != sent),
                                       GONE_CHECK_PERIOD)
        return self._count != sent

    async def _state(self, request: 'web.Request') -> 'web.Response':
        age = time.monotonic() - self._arrived_at
        stopped = age > STOPPED_AFTER
        if not stopped:
            message = 'live'
        elif self._picture is None:
            message = f"no picture yet on '{self._subscription.topic}'"
        else:
            message = f'the pictures stopped {age:.0f} s ago'
        return web.json_response({
            'stopped': stopped, 'message': message, 'figures': self._figures,
            'colormap': self._colormap, 'colormaps': list(COLORMAPS)})

    async def _save(self, request: 'web.Request') -> 'web.Response':
        return await self._ask(request, self._client.save)

    async def _reset(self, request: 'web.Request') -> 'web.Response':
        return await self._ask(request, self._client.reset)

    async def _set_colormap(self, request: 'web.Request') -> 'web.Response':
        try:
            name = str((await request.json())['name'])
            name.encode()  # JSON allows lone surrogates, ROS does not
        # errors of JSON and of Unicode are ValueErrors
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise web.HTTPBadRequest(text='the body is not {"name": …}') from error
        return await self._ask(request, lambda answer: self._client.set_colormap(name, answer))

    async def _ask(self, request: 'web.Request',
                   ask: Callable[[Answer], None]) -> 'web.Response':
        # Against CSRF: pages of other sites can send forms here, but not JSON.
        if request.content_type != 'application/json':
            raise web.HTTPUnsupportedMediaType(text='send application/json')
        answered = self._loop.create_future()

        def answer(success: bool, message: str) -> None:
            self._loop.call_soon_threadsafe(
                lambda: answered.done() or answered.set_result((success, message)))
        ask(answer)
        try:
            success, message = await asyncio.wait_for(answered, ANSWER_TIMEOUT)
        except asyncio.TimeoutError:
            success, message = False, 'the heatmap node does not answer'
        return web.json_response({'success': success, 'message': message})

    # --- In any thread ---

    def wait_until_served(self) -> str:
        """Return the URL of the page; raises ParameterError if it cannot be served."""
        while not self._started.done():
            time.sleep(0.01)
        if self._started.result():
            raise ParameterError(self._started.result())
        host, port = self._runner.addresses[0][:2]
        return f'http://{host}:{port}'

    def destroy_node(self) -> None:
        """Stop the server, then destroy the node."""
        if self._loop.is_running():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._server.join(timeout=2.0)
        super().destroy_node()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _work(viewer: WebViewer) -> int:
    viewer.get_logger().info(f'the page is at {viewer.wait_until_served()}')
    rclpy.spin(viewer)
    return 0


def main(args: Optional[List[str]] = None) -> int:
    """Serve the page until told to end; return the exit code."""
    return run_node(WebViewer, _work, args, __doc__, PARAMETERS)


if __name__ == '__main__':
    sys.exit(main())
