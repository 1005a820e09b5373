"""The map of the floor as a picture, and its hotspots."""

import asyncio
import time
from typing import Optional, Tuple

from aiohttp import web
import cv2
import numpy as np

from yolo_heatmap_ros.drawing.colormaps import colormap_code
from yolo_heatmap_ros.ros.camera_feed import Floor
from yolo_heatmap_ros.web_server.answers import in_thread
from yolo_heatmap_ros.web_server.cameras import Camera, Cameras

MAP_WITHIN = 3.0
"""Seconds to wait for a map that nobody has wanted before."""


class FloorApi:
    """Handles the requests on floors."""

    def __init__(self, cameras: Cameras):
        """Take the cameras."""
        self._cameras = cameras
        self._drawn: Tuple[Optional[tuple], bytes] = (None, b'')

    async def get(self, request: web.Request) -> web.Response:
        """Return where the map lies, and the hotspots in m."""
        camera = self._cameras.of(request)
        floor = await _map_of(camera)
        rows, columns = floor.cells.shape
        return web.json_response({
            'resolution': round(floor.resolution, 6), 'width': columns, 'height': rows,
            'origin': list(floor.origin), 'frame_id': floor.frame_id,
            'hotspots': list(camera.feed.hotspots)})

    async def picture(self, request: web.Request) -> web.Response:
        """Return the map in the camera's colours, y upwards; unknown cells are transparent."""
        camera = self._cameras.of(request)
        floor = await _map_of(camera)
        colormap = str(camera.settings.get('colormap', 'JET'))
        key = (camera.id, floor.number, colormap)
        last = self._drawn
        if key != last[0]:
            last = self._drawn = key, await in_thread(lambda: drawn(floor, colormap))
        return web.Response(body=last[1], content_type='image/png')


async def _map_of(camera: Camera) -> Floor:
    """Return the newest map; raises what says that there is none."""
    camera.feed.watch_floor()
    end = time.monotonic() + MAP_WITHIN
    while camera.feed.floor is None and camera.feed.has_floor and time.monotonic() < end:
        await asyncio.sleep(0.05)
    if camera.feed.floor is None:
        raise web.HTTPNotFound(text='no map of the floor yet' if camera.feed.has_floor else
                               'this camera has no floor: see the ground points')
    return camera.feed.floor


def drawn(floor: Floor, colormap: str) -> bytes:
    """Return a map as a PNG, a px for each cell, in the colours of a colormap."""
    cells = floor.cells[::-1]
    levels = (np.clip(cells, 0, 100).astype(np.uint16) * 255 // 100).astype(np.uint8)
    colours = cv2.applyColorMap(levels, colormap_code(colormap))
    alpha = np.where(cells < 0, 0, 255).astype(np.uint8)
    return cv2.imencode('.png', np.dstack((colours, alpha)))[1].tobytes()
