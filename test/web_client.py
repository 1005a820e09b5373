"""What a test says to the page by plain requests."""

from http.client import HTTPConnection
import json
import re
import time
from urllib.parse import urlsplit

from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.config.web import WEB_PARAMETERS

CAMERA = '/api/cameras/yolo_heatmap'


class Answer:
    """A response: its `status`, `headers` and `body`."""

    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def content(self):
        """Return what the JSON in the body says."""
        return json.loads(self.body)


class Client:
    """Sends requests to the page at `address`, with `headers`."""

    def __init__(self, address, **headers):
        self.address = address
        self.headers = headers

    def with_cookie(self):
        """Return a client that has opened the page before, as a browser does."""
        cookie = self.get('/').headers['Set-Cookie'].partition(';')[0]
        return Client(self.address, **self.headers, Cookie=cookie)

    def with_token(self, token):
        """Return a client that sends the token."""
        return Client(self.address, **self.headers, Authorization=f'Bearer {token}')

    def ask(self, method, path, content=None, headers=(), body=None):
        """Send a request; `content` goes as JSON, `body` as it is."""
        given = {**self.headers, **dict(headers)}
        if content is not None:
            body = json.dumps(content)
            given.setdefault('Content-Type', 'application/json')
        connection = HTTPConnection(urlsplit(self.address).netloc, timeout=20)
        try:
            connection.request(method, path, body, given)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, **headers):
        """Send a GET."""
        return self.ask('GET', path, headers=headers)

    def state(self, camera='yolo_heatmap'):
        """Return the state of a camera."""
        return self.get(f'/api/cameras/{camera}').content


def address_of(viewer):
    """Return the address that a `web_viewer` has logged."""
    viewer.wait_for_output('the page is at')
    return re.search(r'the page is at (\S+)', viewer.output()).group(1)


def wait_for(condition, timeout=20.0):
    """Return what `condition` returns once that is true, or in the end."""
    end = time.monotonic() + timeout
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.1)
    return value


def web_configuration(folder, **values):
    """Return the parameters of a page on a free port, with the token's file in a folder."""
    given = {'port': 0, 'web_token_file': str(folder / 'token'), **values}
    return Configuration({spec.name: spec.checked(given.get(spec.name, spec.default))
                          for spec in WEB_PARAMETERS})
