"""The routes of the page and its API, and what every request goes through."""

import asyncio
from pathlib import Path
from typing import Awaitable, Callable

from aiohttp import web

from yolo_heatmap_ros.errors import HeatmapError
from yolo_heatmap_ros.web_server.access import Access, CHANGING, HEADERS
from yolo_heatmap_ros.web_server.answers import MAX_BODY
from yolo_heatmap_ros.web_server.cameras import Cameras
from yolo_heatmap_ros.web_server.connections import Connections
from yolo_heatmap_ros.web_server.floor import FloorApi
from yolo_heatmap_ros.web_server.history_api import HistoryApi
from yolo_heatmap_ros.web_server.live import Live
from yolo_heatmap_ros.web_server.login import Login
from yolo_heatmap_ros.web_server.look import LookApi
from yolo_heatmap_ros.web_server.settings import SettingsApi
from yolo_heatmap_ros.web_server.shapes import ShapesApi
from yolo_heatmap_ros.web_server.static_files import StaticFiles
from yolo_heatmap_ros.web_server.streams import Viewers

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Report = Callable[[str, Exception], None]
"""Called with where an unexpected error has come up, and with it."""
CAMERA = '/api/cameras/{id}'
SLOWED_BY = 0.2
"""Seconds after which one request too many is refused; its connection is not read meanwhile."""
DEFAULT_TEXT = '404: Not Found'
NOTHING_HERE = 'there is nothing at this address: see api/openapi.json'


def make_application(access: Access, cameras: Cameras, files: StaticFiles,
                     connections: Connections, report: Report,
                     histories: Path) -> web.Application:
    """Return the application; `connections` hears of each request, `histories` is a folder."""
    application = web.Application(middlewares=[_guard(access, connections, report)],
                                  client_max_size=MAX_BODY)
    application.on_response_prepare.append(_add_headers)
    login, viewers = Login(access, files), Viewers()
    look, live = LookApi(access, cameras, viewers), Live(cameras, viewers)
    settings, shapes = SettingsApi(cameras), ShapesApi(cameras)
    floor, history = FloorApi(cameras), HistoryApi(cameras, histories)

    async def static(request: web.Request) -> web.Response:
        return files.respond(request, request.match_info['name'])

    async def document(request: web.Request) -> web.Response:
        return files.respond(request, 'openapi.json')
    application.add_routes([
        web.get('/', login.page),
        web.get('/static/{name}', static),
        web.get('/api/openapi.json', document),
        web.get('/stream', look.first_stream, allow_head=False),
        web.get('/api/live', live.serve, allow_head=False),
        web.get('/api/cameras', look.cameras),
        web.get(CAMERA, look.camera),
        web.get(f'{CAMERA}/picture.jpg', look.picture),
        web.get(f'{CAMERA}/stream', look.stream, allow_head=False),
        web.get(f'{CAMERA}/counts', look.counts),
        web.get(f'{CAMERA}/legend', look.legend),
        web.get(f'{CAMERA}/floor', floor.get),
        web.get(f'{CAMERA}/floor.png', floor.picture),
        web.get(f'{CAMERA}/shapes', shapes.get),
        web.put(f'{CAMERA}/shapes', shapes.put),
        web.put(f'{CAMERA}/ground', shapes.put_ground),
        web.get(f'{CAMERA}/parameters.yaml', shapes.as_yaml),
        web.get(f'{CAMERA}/history', history.overview),
        web.get(f'{CAMERA}/history/heat.png', history.picture),
        web.get(f'{CAMERA}/history/heat', history.heat),
        web.get(f'{CAMERA}/history/counts', history.counts),
        web.get(f'{CAMERA}/history/events', history.events),
        web.patch(f'{CAMERA}/settings', settings.change),
        web.post(f'{CAMERA}/save', settings.save),
        web.post(f'{CAMERA}/reset', settings.reset),
        web.post(f'{CAMERA}/pause', settings.pause)])
    return application


def _guard(access: Access, connections: Connections, report: Report):
    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        connections.heard_of(request)
        try:
            access.check(request)
            if request.path != '/':  # where the token is asked for
                access.check_reader(request)
            if request.method in CHANGING:
                access.check_changer(request)
            return await handler(request)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            if error.status == web.HTTPTooManyRequests.status_code:
                await asyncio.sleep(SLOWED_BY)  # or refusing would cost more than answering
            kept = {name: value for name, value in error.headers.items()
                    if name in ('Allow', 'Retry-After', 'WWW-Authenticate')}
            text = NOTHING_HERE if error.text == DEFAULT_TEXT else error.text
            return web.json_response({'error': text}, status=error.status, headers=kept)
        except HeatmapError as error:
            return web.json_response({'error': str(error)}, status=409)
        except ConnectionError:
            raise
        except Exception as error:
            report(f'{request.method} {request.path}', error)
            return web.json_response({'error': 'unexpected error: see the log of web_viewer'},
                                     status=500)
    return guarded


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
    response.headers.setdefault('Cache-Control', 'no-store')
