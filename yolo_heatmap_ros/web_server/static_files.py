"""The files of the page: a fixed list, read once, so that no request reaches the file system."""

import hashlib
from pathlib import Path
from typing import Dict, NamedTuple

from aiohttp import web

from yolo_heatmap_ros.errors import ParameterError

TYPES = {'.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css',
         '.svg': 'image/svg+xml', '.png': 'image/png', '.ico': 'image/x-icon',
         '.json': 'application/json', '.webmanifest': 'application/manifest+json'}
PAGE = 'index.html'


class _File(NamedTuple):
    content: bytes
    kind: str
    etag: str


class StaticFiles:
    """The files of one folder."""

    def __init__(self, folder: Path):
        """Read all files of known types; raises ParameterError if the page is not there."""
        self._files: Dict[str, _File] = {}
        for path in sorted(folder.glob('*')):
            if path.suffix in TYPES and path.is_file():
                content = path.read_bytes()
                self._files[path.name] = _File(content, TYPES[path.suffix],
                                               hashlib.sha256(content).hexdigest()[:32])
        if PAGE not in self._files:
            raise ParameterError(f"the page '{folder / PAGE}' is missing: install the package "
                                 'again')

    def respond(self, request: web.Request, name: str) -> web.Response:
        """Return a file, or that the browser has it already; raises what says there is none."""
        file = self._files.get(name)
        if file is None:
            raise web.HTTPNotFound(text='there is no such file')
        headers = {'ETag': f'"{file.etag}"', 'Cache-Control': 'no-cache'}
        if file.etag in request.headers.get('If-None-Match', ''):
            return web.Response(status=304, headers=headers)
        charset = 'utf-8' if not file.kind.startswith('image/') else None
        return web.Response(body=file.content, content_type=file.kind, charset=charset,
                            headers=headers)

    def content(self, name: str) -> bytes:
        """Return the content of a file that must be there."""
        return self._files[name].content
