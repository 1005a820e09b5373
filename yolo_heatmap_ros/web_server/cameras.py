"""The cameras that the page shows: their state, and where a request finds them."""

import asyncio
from concurrent.futures import Executor
import json
import time
from typing import Any, Callable, Dict, List, Optional

from aiohttp import web

from yolo_heatmap_ros.config.heatmap import HEATMAP_PARAMETERS
from yolo_heatmap_ros.errors import ParameterError
from yolo_heatmap_ros.ros.camera_finder import FoundNode
from yolo_heatmap_ros.web_server.count_series import CountSeries
from yolo_heatmap_ros.web_server.health import Health, health_of
from yolo_heatmap_ros.web_server.pictures import Pictures

STATE_PERIOD = 1.0
ASK_PERIOD = 2.0
"""Seconds between requests for a node's parameters: others may change them as well."""
SETTINGS = ('colormap', 'alpha', 'normalize', 'percentile', 'scale_max')
KINDS = ('regions', 'lines')
PRIVACY = ('anonymize', 'anonymize_classes', 'background')
"""Parameters that say what pictures may show."""
FACTS = {'drawn shapes', 'paused', 'picture (px)', 'scale low', 'scale high'}
"""Figures of a node that are in other places of its state."""
_SPECS = {spec.name: spec for spec in HEATMAP_PARAMETERS}


def id_of(name: str) -> str:
    """Return a camera's id: the full name of its node with dots."""
    return name.strip('/').replace('/', '.')


class Camera:
    """One heatmap or floor node, as the page sees it."""

    def __init__(self, found: FoundNode, pool: Executor):
        """Take the node, and the threads that scale its pictures."""
        self.found = found
        self.name, self.feed, self.client = found.name, found.feed, found.client
        self.id = id_of(found.name)
        self.kind = 'camera'
        self.pictures = Pictures(found.feed, pool)
        self.series = {kind: CountSeries(kind) for kind in KINDS}
        self.changing_ground = asyncio.Lock()
        self.settings: Dict[str, Any] = {}
        self.unit = ''
        self.flow = False
        self.counts: Dict[str, Dict[str, Any]] = {kind: {} for kind in KINDS}
        self._drawn: Dict[str, Any] = {}
        self._names: Optional[Dict[str, Any]] = None
        self._arrived = {kind: float('-inf') for kind in KINDS}
        self._ask_at = float('-inf')
        self._knows_kind = False
        self._privacy: Optional[Dict[str, Any]] = None

    @property
    def health(self) -> Health:
        """Return how its node is."""
        return health_of(self.name, self.client.ready, time.monotonic() - self.feed.heard_at,
                         self.feed.level, self.feed.message)

    def tick(self) -> None:
        """Take counts into the series, and ask for parameters; call it once a second."""
        for kind in KINDS:
            arrived, counts = self.feed.counts(kind)
            if arrived != self._arrived[kind]:
                self._arrived[kind] = arrived
                self.series[kind].add(time.time(), counts)
                self.counts[kind] = counts
        if time.monotonic() >= self._ask_at:
            self.refresh()

    def refresh(self) -> None:
        """Ask for the parameters now."""
        self._ask_at = time.monotonic() + ASK_PERIOD
        if not self.client.ready:
            # Another node may come under its name.
            self._knows_kind = False
            self.feed.forget_frame_size()
            return
        self.client.get_parameters(SETTINGS, self._take_settings)
        self.client.get_parameters(['flow', 'heat_unit'], self._take_kind)
        self.client.get_parameters(KINDS, self._take_names)
        self.client.get_parameters(PRIVACY, self._take_privacy)
        if not self._knows_kind:
            self.client.get_parameters(['heatmap_nodes'], self._take_floor)

    # Answers come in the executor's thread: each replaces one thing.

    def _take_settings(self, values: Dict[str, Any], reason: str) -> None:
        if values:
            values['colormap'] = str(values['colormap']).upper().removeprefix('COLORMAP_')
            self.settings = values

    def _take_privacy(self, values: Dict[str, Any], reason: str) -> None:
        if values and values != self._privacy:
            if self._privacy is not None:
                self.feed.forget_picture()
            self._privacy = values

    def _take_kind(self, values: Dict[str, Any], reason: str) -> None:
        if values:
            self.flow = bool(values['flow'])
            self.kind, self.unit, self._knows_kind = 'camera', str(values['heat_unit']), True

    def _take_names(self, values: Dict[str, Any], reason: str) -> None:
        if values == self._drawn:
            return
        self._drawn = values
        try:
            self._names = {kind: _SPECS[kind].checked(values[kind] or '') for kind in KINDS}
        except (KeyError, ParameterError):
            self._names = None

    def _take_floor(self, values: Dict[str, Any], reason: str) -> None:
        if values:
            self.kind, self.unit, self.flow = 'floor', 'seconds', False
            self._knows_kind = True

    def plain(self) -> Dict[str, Any]:
        """Return its state as the page gets it."""
        picture, size = self.pictures.newest, self.pictures.size or self.feed.frame_size
        figures = self.feed.figures
        return {
            'id': self.id, 'name': self.name, 'kind': self.kind, 'health': self.health.plain(),
            'figures': {key: value for key, value in figures.items() if key not in FACTS},
            'picture': size and {'width': size[0], 'height': size[1]},
            'age_s': picture and round(time.monotonic() - picture.arrived_at, 1),
            'settings': {**self.settings, 'unit': self.unit, 'paused': 'paused' in figures},
            **{kind: self._shown(kind) for kind in KINDS},
            'events': list(self.feed.events), 'has_floor': self.feed.has_floor,
            'has_flow': self.flow, 'drawn': figures.get('drawn shapes', '')}

    def _shown(self, kind: str) -> Dict[str, Any]:
        """Return the counts of those places that the node still has."""
        names = self._names
        return {name: count for name, count in self.counts[kind].items()
                if names is None or name in names[kind]}


class Cameras:
    """All cameras by id."""

    def __init__(self, pool: Executor):
        """Begin without any; `pool` are the threads that scale pictures."""
        self._pool = pool
        self._cameras: Dict[str, Camera] = {}
        self._states = ''

    def add(self, found: FoundNode) -> None:
        """Show a node."""
        camera = Camera(found, self._pool)
        self._cameras[camera.id] = camera

    def remove(self, found: FoundNode) -> None:
        """Show it no more."""
        self._cameras.pop(id_of(found.name), None)

    def announce(self, name: str) -> None:
        """Tell those who wait for it that a node has a new picture."""
        camera = self._cameras.get(id_of(name))
        if camera is not None:
            camera.pictures.announce()

    def by_id(self, camera_id: str) -> Camera:
        """Return a camera; raises what says that there is none."""
        camera = self._cameras.get(camera_id)
        if camera is None:
            raise web.HTTPNotFound(text='there is no such camera: see api/cameras')
        return camera

    def of(self, request: web.Request) -> Camera:
        """Return the camera in a request's path; raises as `by_id`."""
        return self.by_id(request.match_info['id'])

    def find(self, camera_id: Any) -> Optional[Camera]:
        """Return a camera, None if there is none."""
        return self._cameras.get(camera_id) if isinstance(camera_id, str) else None

    def first(self) -> Camera:
        """Return the first camera; raises what says that there is none."""
        return next(iter(self.in_order()), None) or self.by_id('')

    def in_order(self) -> List[Camera]:
        """Return the cameras by name."""
        return [self._cameras[key] for key in sorted(self._cameras)]

    def states(self) -> str:
        """Return the states of all cameras as JSON, at most a period old."""
        if not self._states:
            self._states = json.dumps({'cameras': [one.plain() for one in self.in_order()]})
        return self._states

    def tick(self, report: Callable[[str, Exception], None]) -> None:
        """Follow all cameras; call it once a second.  `report` gets unexpected errors."""
        for camera in self.in_order():
            try:
                camera.tick()
            except Exception as error:  # of one camera
                report(f"following '{camera.name}'", error)
        self._states = ''
