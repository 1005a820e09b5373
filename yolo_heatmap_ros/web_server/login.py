"""The page itself, and the form that asks for the token where it is needed."""

from urllib.parse import urlencode

from aiohttp import web

from yolo_heatmap_ros.web_server.access import Access
from yolo_heatmap_ros.web_server.static_files import PAGE, StaticFiles

FORM = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Object heatmap: token needed</title>
</head>
<body>
<main>
<h1>Object heatmap</h1>
<p>{reason}</p>
<form method="get" action="">
<p><label for="token">Token</label>
<input id="token" name="token" type="password" required autocomplete="current-password"></p>
<p><button>Open the page</button></p>
</form>
<p>The token is in the file that the log of web_viewer names.</p>
</main>
</body>
</html>
"""
NEEDED = 'This page needs the token. If you have just followed a link with it, load this again.'
WRONG = 'That is not the token.'


class Login:
    """Handles the address of the page."""

    def __init__(self, access: Access, files: StaticFiles):
        """Take who judges requests, and the files of the page."""
        self._access = access
        self._files = files

    async def page(self, request: web.Request) -> web.Response:
        """Return the page to those who may read it, and the form to all others."""
        given = request.query.get('token')
        if given is not None:
            if not self._access.is_right(request, given.strip()):
                return self._form(WRONG)
            # Without the token, which would stay in the browser's list of pages.
            rest = urlencode([pair for pair in request.query.items() if pair[0] != 'token'])
            response: web.Response = web.Response(
                status=303, headers={'Location': f'./?{rest}' if rest else './'})
            self._access.give_cookie(request, response, everywhere=True)
            return response
        if not self._access.is_protected(request):
            response = self._files.respond(request, PAGE)
            if not self._access.has_cookie(request):
                self._access.give_cookie(request, response, everywhere=False)
            return response
        if not self._access.knows_token(request):
            return self._form(NEEDED)
        return self._files.respond(request, PAGE)

    def _form(self, reason: str) -> web.Response:
        return web.Response(status=401, text=FORM.format(reason=reason), content_type='text/html',
                            headers={'Cache-Control': 'no-store'})
