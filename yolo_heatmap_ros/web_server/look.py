"""What can be seen of the cameras: states, pictures, counts, the legend."""

import time

from aiohttp import web
import cv2
import numpy as np

from yolo_heatmap_ros.drawing.colormaps import colormap_code
from yolo_heatmap_ros.web_server.access import Access
from yolo_heatmap_ros.web_server.cameras import Cameras, KINDS
from yolo_heatmap_ros.web_server.count_series import PERIOD
from yolo_heatmap_ros.web_server.pictures import PARTS
from yolo_heatmap_ros.web_server.streams import stream, Viewers

LEGEND_COLOURS = 16


class LookApi:
    """Handles the requests that only read."""

    def __init__(self, access: Access, cameras: Cameras, viewers: Viewers):
        """Take who judges requests, the cameras, and the count of those who watch."""
        self._access = access
        self._cameras = cameras
        self._viewers = viewers

    async def cameras(self, request: web.Request) -> web.Response:
        """Return the states of all cameras, and whether this browser may change something."""
        return web.json_response({'cameras': [one.plain() for one in self._cameras.in_order()],
                                  'may_change': self._access.may_change(request)})

    async def camera(self, request: web.Request) -> web.Response:
        """Return the state of one camera."""
        return web.json_response(self._cameras.of(request).plain())

    async def picture(self, request: web.Request) -> web.Response:
        """Return the newest picture, or a part of it, of the `width` that one half shall have."""
        pictures = self._cameras.of(request).pictures
        part, width = request.query.get('part', 'composite'), request.query.get('width', '0')
        if part not in PARTS:
            raise web.HTTPBadRequest(text=f"part is not one of {', '.join(PARTS)}")
        if not (width.isascii() and width.isdecimal() and int(width[:6]) <= 65535):
            raise web.HTTPBadRequest(text='width is not a whole number from 0 to 65535')
        if await pictures.recent() is None:
            raise web.HTTPNotFound(text='no picture has come yet')
        try:
            shown = await pictures.shown(int(width), part)
        except ValueError as error:
            raise web.HTTPNotFound(text='what has come is no picture') from error
        return web.Response(body=shown.data, content_type=shown.kind,
                            headers={'X-Stamp': f'{shown.stamp:.9f}'})

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Stream the pictures of a camera."""
        return await stream(request, self._cameras.of(request), self._viewers)

    async def first_stream(self, request: web.Request) -> web.StreamResponse:
        """Stream the pictures of the first camera."""
        return await stream(request, self._cameras.first(), self._viewers)

    async def counts(self, request: web.Request) -> web.Response:
        """Return what has been counted in the last hour, by periods."""
        camera, now = self._cameras.of(request), time.time()
        return web.json_response({
            'period_s': PERIOD, 'end_s': (now // PERIOD + 1) * PERIOD,
            **{kind: camera.series[kind].plain(now) for kind in KINDS}})

    async def legend(self, request: web.Request) -> web.Response:
        """Return the colours and what they stand for."""
        camera = self._cameras.of(request)
        figures, colormap = camera.feed.figures, camera.settings.get('colormap')
        try:
            low, high = float(figures['scale low']), float(figures['scale high'])
            code = colormap_code(str(colormap))
        except (KeyError, ValueError) as error:
            raise web.HTTPNotFound(text='no heat has been coloured yet') from error
        levels = np.linspace(0, 255, LEGEND_COLOURS).round().astype(np.uint8)
        return web.json_response({
            'low': low, 'high': high, 'unit': camera.unit,
            'colours': [f'#{red:02x}{green:02x}{blue:02x}' for blue, green, red in
                        cv2.applyColorMap(levels, code).reshape(-1, 3).tolist()]})
