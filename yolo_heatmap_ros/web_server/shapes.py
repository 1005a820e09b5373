"""Regions, lines, ignored areas and ground points, drawn on the page."""

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from aiohttp import web
import numpy as np
import yaml

from yolo_heatmap_ros.config.heatmap import HEATMAP_PARAMETERS
from yolo_heatmap_ros.config.shapes import MAX_POINTS, MAX_PX
from yolo_heatmap_ros.web_server.answers import answer_of, finite, in_thread, json_of, told
from yolo_heatmap_ros.web_server.cameras import Camera, Cameras, SETTINGS

SHAPES = ('regions', 'lines', 'ignored_areas')
WORDS = {'regions': 'region', 'lines': 'line', 'ignored_areas': 'ignored area'}
GROUND = ('ground.points_px', 'ground.points_m')
MAX_SHAPES = 100
"""Shapes of one kind, at most."""
MAX_NAME = 100
JOINERS = {0x200c: None, 0x200d: None}
"""Not printable by themselves, but part of names in Persian or Hindi, and of emoji."""
DIGITS = 5
"""Decimals of fractions: a tenth of a px of a picture of ten thousand."""
_SPECS = {spec.name: spec for spec in HEATMAP_PARAMETERS}
Points = List[List[float]]


class ShapesApi:
    """Handles the requests on what is drawn."""

    def __init__(self, cameras: Cameras):
        """Take the cameras."""
        self._cameras = cameras

    async def get(self, request: web.Request) -> web.Response:
        """Return all shapes, those in the picture as fractions of its width and height."""
        camera = self._cameras.of(request)
        values = await _values_of(camera, SHAPES)
        shapes = {name: _SPECS[name].checked(values[name] or '') for name in SHAPES}
        if camera.kind == 'floor':
            extent = (await _values_of(camera, ['ground.extent']))['ground.extent']
            return web.json_response({
                **{kind: {name: _plain(points) for name, points in named.items()}
                   for kind, named in shapes.items()},
                'unit': 'm', 'extent': _SPECS['ground.extent'].checked(extent or '')})
        ground = await _values_of(camera, GROUND)
        points_px, points_m = (_SPECS[name].checked(ground[name] or '') for name in GROUND)
        size = None
        if points_px or any((points > 1.0).any() for named in shapes.values()
                            for points in named.values()):
            size = await _frame_size(camera)
        return web.json_response({
            **{kind: {name: _plain(_fractions(points, size)) for name, points in named.items()}
               for kind, named in shapes.items()},
            'ground': {'points_px': _plain(np.array(points_px) / size) if points_px else [],
                       'points_m': points_m},
            'unit': 'px'})

    async def put(self, request: web.Request) -> web.Response:
        """Replace all shapes at once, and keep them for the node's next start."""
        camera = self._cameras.of(request)
        content = await json_of(request)
        if set(content) != set(SHAPES):
            raise web.HTTPBadRequest(text=f"the body has not exactly {', '.join(SHAPES)}")
        shapes = {kind: _named(kind, content[kind], camera.kind == 'floor') for kind in SHAPES}
        values = {kind: as_parameter(named) for kind, named in shapes.items()}
        success, reason = await answer_of(
            lambda answer: camera.client.set_parameters(values, answer))
        camera.refresh()
        if not success:
            return told(False, reason)
        _, kept = await answer_of(camera.client.keep_shapes)
        return told(True, f'{_counted(shapes)}; {kept}')

    async def put_ground(self, request: web.Request) -> web.Response:
        """Set the ground points, or remove them; the node's pipeline starts again."""
        camera = self._cameras.of(request)
        content = await json_of(request)
        if set(content) != {'points_px', 'points_m'}:
            raise web.HTTPBadRequest(text='the body has not exactly points_px, points_m')
        points_px = _points('points_px', content['points_px'], 1.0, least=0)
        points_m = _points('points_m', content['points_m'], MAX_PX, least=0)
        if camera.kind == 'floor':
            raise web.HTTPBadRequest(text='a floor node has no ground points')
        if camera.changing_ground.locked():
            return told(False, 'the floor is being set already: wait until that is done')
        async with camera.changing_ground:
            if points_px:
                points_px = np.round(np.array(points_px) * await _frame_size(camera), 2).tolist()
            success, message = await in_thread(
                lambda: camera.found.set_ground(points_px, points_m))
        camera.refresh()
        return told(success, message)

    async def as_yaml(self, request: web.Request) -> web.Response:
        """Return what is drawn, and the colours, as `params_file` takes them."""
        camera = self._cameras.of(request)
        names = [*SHAPES, *SETTINGS, *(() if camera.kind == 'floor' else GROUND)]
        values = await _values_of(camera, names)
        text = yaml.safe_dump(
            {camera.name: {'ros__parameters': {
                name: '' if value is None else value for name, value in values.items()}}},
            sort_keys=False, allow_unicode=True, width=float('inf'))
        return web.Response(text=text, content_type='text/plain')


async def _values_of(camera: Camera, names: Sequence[str]) -> Dict[str, Any]:
    """Return parameters of a node; raises what says that there are none."""
    values, reason = await answer_of(
        lambda answer: camera.client.get_parameters(list(names), answer), {})
    if not values:
        raise web.HTTPServiceUnavailable(text=reason)
    return values


async def _frame_size(camera: Camera) -> np.ndarray:
    """Return width and height of the frames in px; raises what says that none has come."""
    size = camera.feed.frame_size
    if size is None:
        raise web.HTTPConflict(text='no picture has come yet, so that its size is not known: try '
                                    'again when the camera runs')
    return np.array(size, np.float64)


def _plain(points: Any) -> Points:
    return np.round(np.asarray(points, np.float64), DIGITS).tolist()


def _fractions(points: np.ndarray, size: Optional[np.ndarray]) -> np.ndarray:
    """Return points as fractions: those of which no coordinate is above 1 are."""
    return points / size if (points > 1.0).any() else points


def _named(kind: str, content: Any, metres: bool) -> Dict[str, Points]:
    """Return shapes of one kind by name; raises what refuses others."""
    if not isinstance(content, dict):
        raise web.HTTPBadRequest(text=f'{kind} is not an object of points by name')
    if len(content) > MAX_SHAPES:
        raise web.HTTPBadRequest(text=f'{kind} has {len(content)} entries, more than {MAX_SHAPES}')
    named: Dict[str, Points] = {}
    for given, points in content.items():
        name = given.strip()
        shown = name.translate(JOINERS)
        if not shown or len(name) > MAX_NAME or not shown.isprintable():
            raise web.HTTPBadRequest(text=f'{kind}: a name must have 1 to {MAX_NAME} printable '
                                          'characters')
        if name in named:
            raise web.HTTPBadRequest(text=f"{kind}: two are called '{name}'")
        named[name] = _points(f"{WORDS[kind]} '{name}'", points, MAX_PX if metres else 1.0,
                              least=2 if kind == 'lines' else 3)
    return named


def _points(what: str, content: Any, most: float, least: int) -> Points:
    """Return points; raises what refuses all that is not a list of pairs up to `most`."""
    if not isinstance(content, list) or not all(
            isinstance(point, list) and len(point) == 2 and all(map(finite, point))
            for point in content):
        raise web.HTTPBadRequest(text=f'{what} is not a list of points [x, y]')
    if not least <= len(content) <= MAX_POINTS:
        raise web.HTTPBadRequest(text=f'{what} has {len(content)} points, and not {least} to '
                                      f'{MAX_POINTS}')
    lowest = 0.0 if most == 1.0 else -most
    if not all(lowest <= value <= most for point in content for value in point):
        raise web.HTTPBadRequest(text=f'{what} has a coordinate that is not from {lowest:g} to '
                                      f'{most:g}')
    return [[round(float(value), DIGITS) for value in point] for point in content]


def as_parameter(named: Mapping[str, Points]) -> str:
    """Return shapes as the parameters take them: a list, which `ros2 param` leaves as it is."""
    if not named:
        return ''
    return yaml.safe_dump([{name: points} for name, points in named.items()],
                          default_flow_style=True, width=float('inf'), allow_unicode=True).strip()


def _counted(shapes: Mapping[str, Mapping[str, Points]]) -> str:
    counts: List[Tuple[int, str]] = [(len(named), WORDS[kind]) for kind, named in shapes.items()]
    return ', '.join(f"{count} {word}{'s' * (count != 1)}" for count, word in counts
                     if count) or 'nothing is drawn'
