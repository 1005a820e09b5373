"""The history of a camera: the requests about it, and what they say where there is no answer."""

import gzip
from pathlib import Path
from typing import Callable, Optional

from aiohttp import web
import numpy as np

from yolo_heatmap_ros.errors import HistoryError, NothingWatched, QuestionError
from yolo_heatmap_ros.storage.history import History
from yolo_heatmap_ros.storage.history_file import file_of
from yolo_heatmap_ros.web_server import history_answers
from yolo_heatmap_ros.web_server.cameras import Camera, Cameras
from yolo_heatmap_ros.web_server.history_query import (
    as_queries, COMPARED, Question, question_of)
from yolo_heatmap_ros.web_server.history_threads import HistoryThreads
from yolo_heatmap_ros.web_server.pictures import pixels_of

Answer = Callable[[History, Question], web.Response]
LEAST_PACKED = 4096
"""Bytes of what is worth compressing."""
RUNS = ('ok', 'warn')
"""Levels of health at which a new picture can be waited for."""


class HistoryApi:
    """Handles the requests about histories, which only read; the nodes write meanwhile."""

    def __init__(self, cameras: Cameras, folder: Path):
        """Take the cameras, and the folder of their histories."""
        self._cameras = cameras
        self._folder = folder
        self._threads = HistoryThreads()

    async def overview(self, request: web.Request) -> web.Response:
        """Return which days were watched, and what can be asked for."""
        return await self._answer(request, history_answers.overview)

    async def counts(self, request: web.Request) -> web.Response:
        """Return counts, in total or by parts of the time."""
        return await self._answer(request, history_answers.counts, 'by', 'format')

    async def picture(self, request: web.Request) -> web.Response:
        """Return heat, or the difference of two times, as a PNG."""
        camera = self._cameras.of(request)
        newest = await _newest(camera) if request.query.get('background') == 'live' else None

        def draw(history: History, question: Question) -> web.Response:
            question.one('background', 'none', 'live')
            return history_answers.heat_picture(history, question, _background(newest))
        return await self._answer(request, draw, 'colormap', 'background', *COMPARED)

    async def heat(self, request: web.Request) -> web.Response:
        """Return heat, or the difference of two times, by cells."""
        return await self._answer(request, history_answers.heat_cells, 'format', *COMPARED)

    async def events(self, request: web.Request) -> web.Response:
        """Return events, the newest first."""
        return await self._answer(request, history_answers.events, 'limit', 'before_s', 'kind',
                                  'place', 'format')

    async def _answer(self, request: web.Request, answer: Answer, *more: str) -> web.Response:
        """Return what `answer` says of the question of a request, which may ask `more`."""
        camera = self._cameras.of(request)
        path = file_of(self._folder, camera.name)
        accepted = request.headers.get('Accept-Encoding', '')

        def work(stop: Callable[[], bool]) -> web.Response:
            try:
                question = question_of(request.query, *more)
                if not path.is_file():
                    return _failed(404, f"'{camera.name}' keeps no history: its parameter "
                                   'history_period says how many seconds are kept together, as '
                                   '300.0', off=True)
                with History(path, stop) as history:
                    return _packed(answer(history, question), accepted)
            except HistoryError as error:
                text = as_queries(str(error), path)
                if isinstance(error, NothingWatched):
                    return _failed(404, text, nothing=True)
                return _failed(400 if isinstance(error, QuestionError) else 503, text)
        return await self._threads.run(work)


async def _newest(camera: Camera) -> Optional[bytes]:
    """Return the newest composite, and wait for one if the camera runs."""
    pictures = camera.pictures
    picture = await pictures.recent() if camera.health.level in RUNS else pictures.newest
    return None if picture is None else picture.data


def _background(composite: Optional[bytes]) -> Optional[np.ndarray]:
    """Return the camera's half of a composite: what of its picture may be shown."""
    try:
        return None if composite is None else pixels_of(composite, 0, 'original')
    except ValueError:
        return None


def _packed(response: web.Response, accepted: str) -> web.Response:
    """Compress long text for those who accept it: the hours of a week have hundreds of kB."""
    if 'gzip' in accepted and response.content_type != 'image/png' and (
            len(response.body) > LEAST_PACKED):
        response.body = gzip.compress(response.body, 5)
        response.headers.update({'Content-Encoding': 'gzip', 'Vary': 'Accept-Encoding'})
    return response


def _failed(status: int, text: str, **more: bool) -> web.Response:
    return web.json_response({'error': text, **more}, status=status)
