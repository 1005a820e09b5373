"""What the page changes on a node besides shapes: its colours, and saving, resetting, pausing."""

from typing import Any, Dict

from aiohttp import web

from yolo_heatmap_ros.config.heatmap import HEATMAP_PARAMETERS
from yolo_heatmap_ros.errors import ParameterError
from yolo_heatmap_ros.web_server.answers import answer_of, json_of, told
from yolo_heatmap_ros.web_server.cameras import Cameras, SETTINGS

_SPECS = {spec.name: spec for spec in HEATMAP_PARAMETERS}


class SettingsApi:
    """Handles the requests that change how a node works."""

    def __init__(self, cameras: Cameras):
        """Take the cameras."""
        self._cameras = cameras

    async def change(self, request: web.Request) -> web.Response:
        """Set some of `SETTINGS`, all or none."""
        camera = self._cameras.of(request)
        values = _checked(await json_of(request))
        success, reason = await answer_of(
            lambda answer: camera.client.set_parameters(values, answer))
        camera.refresh()
        if not success:
            return told(False, reason)
        return told(True, ', '.join(f'{name} {value}' for name, value in values.items()))

    async def save(self, request: web.Request) -> web.Response:
        """Save the heat."""
        camera = self._cameras.of(request)
        await json_of(request)
        return told(*await answer_of(camera.client.save))

    async def reset(self, request: web.Request) -> web.Response:
        """Reset the heat."""
        camera = self._cameras.of(request)
        await json_of(request)
        return told(*await answer_of(camera.client.reset))

    async def pause(self, request: web.Request) -> web.Response:
        """Pause or resume, as `paused` says."""
        camera = self._cameras.of(request)
        paused = (await json_of(request)).get('paused')
        if not isinstance(paused, bool):
            raise web.HTTPBadRequest(text='the body is not {"paused": true or false}')
        return told(*await answer_of(lambda answer: camera.client.enable(not paused, answer)))


def _checked(content: Dict[str, Any]) -> Dict[str, Any]:
    """Return values as the node takes them; raises what refuses others."""
    if not content or not set(content) <= set(SETTINGS):
        raise web.HTTPBadRequest(text=f"the body has not some of {', '.join(SETTINGS)} alone")
    values = {}
    for name, value in content.items():
        spec = _SPECS[name]
        try:
            checked = spec.checked(value)
        except ParameterError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        values[name] = checked if isinstance(spec.default, float) else str(checked)
    return values
