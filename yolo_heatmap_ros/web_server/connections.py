"""Bounds on connections: their number, and how long one may keep the server waiting."""

import asyncio
import time
from typing import Dict, Optional, Set, Tuple

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from yolo_heatmap_ros.web_server.rates import sender_of

MAX_CONNECTIONS = 400
MAX_OF_SENDER = 200
"""Connections of one address, so that there is room for others."""
REQUEST_AFTER = 15.0
"""Seconds that a new connection has to send its first request's head."""
STUCK_AFTER = 10.0
"""Seconds without taking anything of what is sent, after which a connection is closed."""
CHECK_PERIOD = 2.0


class _Entrance(asyncio.Protocol):
    """Lets a new connection in, or closes it at once."""

    def __init__(self, connections: 'Connections'):
        """Take who knows all connections."""
        self._connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Decide."""
        handler = self._connections.handler_for(transport)
        if handler is None:
            transport.abort()
            return
        transport.set_protocol(handler)
        handler.connection_made(transport)


class Connections:
    """
    Makes the protocols of a server's connections, and drops those that only hold them.

    Nothing that waits for a browser needs a time limit of its own: if the browser does not read,
    its connection breaks, and so does whatever writes to it.
    """

    def __init__(self):
        """Begin without any; `server`, aiohttp's, must be set before the first one comes."""
        self.server: Optional[web.Server] = None
        self._silent: Dict[RequestHandler, float] = {}
        self._unsent: Dict[RequestHandler, Tuple[int, float]] = {}

    def __call__(self) -> asyncio.Protocol:
        """Return the protocol of a new connection."""
        return _Entrance(self)

    def handler_for(self, transport: asyncio.BaseTransport) -> Optional[RequestHandler]:
        """Return what handles a new connection, None if it is one too many."""
        present, sender = self.server.connections, _sender(transport)
        if len(present) >= MAX_CONNECTIONS or MAX_OF_SENDER <= sum(
                _sender(one.transport) == sender for one in present):
            return None
        handler = self.server()
        self._silent[handler] = time.monotonic()
        return handler

    def heard_of(self, request: web.Request) -> None:
        """Record that a connection has sent a request."""
        self._silent.pop(request.protocol, None)

    async def watch(self) -> None:
        """Drop connections that have had their time, until cancelled."""
        while True:
            await asyncio.sleep(CHECK_PERIOD)
            self.check(time.monotonic())

    def check(self, now: float) -> None:
        """Drop connections that have had their time at `now`, by `time.monotonic`."""
        drop: Set[RequestHandler] = set()
        for handler, since in list(self._silent.items()):
            if now - since > REQUEST_AFTER:
                del self._silent[handler]
                drop.add(handler)
        unsent: Dict[RequestHandler, Tuple[int, float]] = {}
        for handler in self.server.connections:
            size = 0 if handler.transport is None else handler.transport.get_write_buffer_size()
            if size:
                before, since = self._unsent.get(handler, (size, now))
                unsent[handler] = size, since if size == before else now
                if now - unsent[handler][1] > STUCK_AFTER:
                    drop.add(handler)
        self._unsent = unsent
        for handler in drop:
            if handler.transport is not None:
                handler.transport.abort()


def _sender(transport: Optional[asyncio.BaseTransport]) -> str:
    peer = None if transport is None else transport.get_extra_info('peername')
    return sender_of(peer[0]) if peer else ''
