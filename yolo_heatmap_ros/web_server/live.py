"""The live connection of a page: states once a second, and pictures as fast as it draws them."""

import asyncio
from dataclasses import dataclass
import json
import struct
import time
from typing import Any, Dict, List, Tuple

from aiohttp import web, WSMsgType

from yolo_heatmap_ros.web_server.cameras import Camera, Cameras, STATE_PERIOD
from yolo_heatmap_ros.web_server.streams import Viewers

MAX_MESSAGE = 16384
"""Bytes of a message of a browser, at most."""
MAX_WATCHED = 128
MESSAGE_PERIOD = 0.002
"""Seconds between two messages of a browser: one that sends more waits, and nobody else."""
WATCH_PERIOD = 0.05
"""Seconds after a message that changes what it wants."""
HIDDEN_AFTER = 5.0
"""Seconds after which a page that has not drawn its last picture is not being looked at."""
HEARTBEAT = 20.0
"""Seconds between pings, which find browsers that have gone without a word."""


@dataclass
class _Watch:
    """What a browser wants to see of one camera, and how far it is."""

    camera: Camera
    width: int
    sent: int = 0
    under_way: bool = False
    sent_at: float = 0.0


class Live:
    """Serves live connections."""

    def __init__(self, cameras: Cameras, viewers: Viewers):
        """Take the cameras, and the count of those who watch."""
        self._cameras = cameras
        self._viewers = viewers

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one browser until it leaves."""
        with self._viewers.another():
            # JPEGs cannot be compressed any further.
            socket = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=MAX_MESSAGE,
                                           compress=False)
            await socket.prepare(request)
            browser = _Browser(self._cameras, socket)
            parts = [asyncio.ensure_future(part) for part in (
                browser.listen(), browser.send_states(), browser.send_pictures())]
            try:
                await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for part in parts:
                    part.cancel()
                ends = await asyncio.gather(*parts, return_exceptions=True)
                browser.close()
            await socket.close()
            for end in ends:
                if isinstance(end, Exception) and not isinstance(end, ConnectionError):
                    raise end
        return socket


class _Browser:
    """One live connection."""

    def __init__(self, cameras: Cameras, socket: web.WebSocketResponse):
        self._cameras = cameras
        self._socket = socket
        self._wanted: List[Any] = []
        self._watches: Dict[Tuple[str, int], _Watch] = {}
        self._news = asyncio.Event()

    async def listen(self) -> None:
        """Follow what the browser wants, until it leaves or sends what makes no sense."""
        async for message in self._socket:
            if message.type != WSMsgType.TEXT:
                break
            try:
                content = json.loads(message.data)
            except (ValueError, RecursionError):
                break
            if not isinstance(content, dict):
                break
            pause = MESSAGE_PERIOD
            if isinstance(content.get('watch'), list):
                self._wanted, pause = content['watch'][:MAX_WATCHED], WATCH_PERIOD
                self._watch()
            elif 'drawn' in content:
                self._drawn(content)
            await asyncio.sleep(pause)

    def _watch(self) -> None:
        before, self._watches = self._watches, {}
        for entry in self._wanted:
            entry = entry if isinstance(entry, dict) else {}
            camera, width = self._cameras.find(entry.get('id')), entry.get('width', 0)
            if camera is None or not isinstance(width, int) or not 0 <= width <= 65535:
                continue
            key = camera.id, width
            known = before.get(key)
            watch = self._watches[key] = (
                known if known is not None and known.camera is camera else _Watch(camera, width))
            if not watch.under_way or time.monotonic() < watch.sent_at + HIDDEN_AFTER:
                camera.pictures.watch()
        for watch in before.values():
            watch.camera.pictures.ignore(self._news.set)
        for watch in self._watches.values():
            watch.camera.pictures.listen(self._news.set)
        self._news.set()

    def _drawn(self, content: Dict[str, Any]) -> None:
        camera_id, width = content.get('id'), content.get('width', 0)
        watch = None if not isinstance(camera_id, str) or not isinstance(width, int) else (
            self._watches.get((camera_id, width)))
        if watch is not None:
            watch.under_way = False
            watch.camera.pictures.watch()
            self._news.set()

    async def send_states(self) -> None:
        """Send the states once a second."""
        while not self._socket.closed:
            self._watch()  # again, for cameras that have just come
            await self._socket.send_str(self._cameras.states())
            await asyncio.sleep(STATE_PERIOD)

    async def send_pictures(self) -> None:
        """Send each watch its newest picture, once the browser has drawn the one before."""
        while not self._socket.closed:
            now, later = time.monotonic(), float('inf')
            self._news.clear()
            for watch in tuple(self._watches.values()):
                at = None if watch.under_way else (
                    watch.camera.pictures.newer_at(watch.sent, watch.width))
                if at is not None and at <= now:
                    await self._send(watch)
                elif at is not None:
                    later = min(later, at)
            try:
                await asyncio.wait_for(self._news.wait(), max(later - time.monotonic(), 0.0)
                                       if later < float('inf') else None)
            except asyncio.TimeoutError:
                pass

    async def _send(self, watch: _Watch) -> None:
        try:
            shown = await watch.camera.pictures.shown(watch.width)
        except ValueError:  # what has come is no picture
            newest = watch.camera.pictures.newest
            watch.sent = watch.sent if newest is None else newest.number
            return
        if shown.number <= watch.sent:
            return
        watch.sent, watch.under_way, watch.sent_at = shown.number, True, time.monotonic()
        header = json.dumps({'id': watch.camera.id, 'width': watch.width, 'number': shown.number,
                             'stamp': shown.stamp, 'type': shown.kind}).encode()
        await self._socket.send_bytes(
            b''.join((struct.pack('>I', len(header)), header, shown.data)))

    def close(self) -> None:
        """Be woken no more."""
        for watch in self._watches.values():
            watch.camera.pictures.ignore(self._news.set)
