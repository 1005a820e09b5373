"""Streams of pictures for what has no scripts: MJPEG, as in an `<img>`."""

import asyncio
from contextlib import contextmanager
from typing import Iterator

from aiohttp import web

from yolo_heatmap_ros.web_server.cameras import Camera

MAX_VIEWERS = 40
"""Streams and live connections at the same time, at most."""
GONE_CHECK_PERIOD = 1.0
"""Seconds between checks, while there is no new picture, whether a browser is still there."""
BOUNDARY = 'picture'


class Viewers:
    """Counts those who watch."""

    def __init__(self):
        """Begin with nobody."""
        self._count = 0

    @contextmanager
    def another(self) -> Iterator[None]:
        """Count one more while the block lasts; raises what refuses one too many."""
        if self._count >= MAX_VIEWERS:
            raise web.HTTPServiceUnavailable(text='too many viewers: close other pages')
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1


async def stream(request: web.Request, camera: Camera, viewers: Viewers) -> web.StreamResponse:
    """Stream the newest picture; a slow browser skips some."""
    pictures, news = camera.pictures, asyncio.Event()
    with viewers.another():
        response = web.StreamResponse(headers={
            'Content-Type': f'multipart/x-mixed-replace; boundary={BOUNDARY}'})
        await response.prepare(request)
        sent, separator = None, f'\r\n--{BOUNDARY}\r\n'.encode()
        pictures.listen(news.set)
        try:
            await response.write(separator)
            while request.transport is not None:  # else the browser has gone
                pictures.watch()
                picture = pictures.newest
                if picture is None or picture is sent:
                    await _wait(news)
                    continue
                sent = picture
                head = (f'Content-Type: {picture.kind}\r\n'
                        f'Content-Length: {len(picture.data)}\r\n\r\n')
                # Browsers show a picture once the next separator has arrived.
                await response.write(head.encode() + picture.data + separator)
        except ConnectionError:  # the browser has gone, or does not read
            pass
        finally:
            pictures.ignore(news.set)
    return response


async def _wait(news: asyncio.Event) -> None:
    news.clear()
    try:
        await asyncio.wait_for(news.wait(), GONE_CHECK_PERIOD)
    except asyncio.TimeoutError:
        pass
