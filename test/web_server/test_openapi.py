"""The description of the API: it has every route, and real answers are as it says."""

import json
from pathlib import Path

from page_site import ID, PageSite
import pytest
from web_client import Client, wait_for

pytest.importorskip('aiohttp', reason='the page needs aiohttp')
jsonschema = pytest.importorskip('jsonschema', reason='jsonschema is not installed')

from yolo_heatmap_ros.web_server.access import Access  # noqa: E402
from yolo_heatmap_ros.web_server.application import make_application  # noqa: E402
from yolo_heatmap_ros.web_server.cameras import Cameras  # noqa: E402
from yolo_heatmap_ros.web_server.connections import Connections  # noqa: E402
from yolo_heatmap_ros.web_server.static_files import StaticFiles  # noqa: E402
from yolo_heatmap_ros.web_server.tokens import Token  # noqa: E402

WEB = Path(__file__).parents[2] / 'web'
DOCUMENT = json.loads((WEB / 'openapi.json').read_text())
CAMERA, NOWHERE = f'/api/cameras/{ID}', '/api/cameras/nowhere'
GROUND = {'points_px': [[0.0, 0.6], [1.0, 0.6], [1.0, 1.0], [0.0, 1.0]],
          'points_m': [[0, 6], [6, 6], [6, 0], [0, 0]]}
SHAPES = {'regions': {'pavement': [[0.0, 0.6], [1.0, 0.6], [1.0, 1.0]]},
          'lines': {'kerb': [[0.1, 0.6], [0.9, 0.6]]}, 'ignored_areas': {}}
ASKED = [
    ('page', '/', 200), ('page', '/?token=wrong', 401), ('file', '/static/index.html', 200),
    ('file', '/static/nothing.js', 404), ('document', '/api/openapi.json', 200),
    ('cameras', '/api/cameras', 200), ('camera', CAMERA, 200), ('camera', NOWHERE, 404),
    ('picture', f'{CAMERA}/picture.jpg?part=heatmap&width=320', 200),
    ('picture', f'{CAMERA}/picture.jpg?part=all', 400), ('counts', f'{CAMERA}/counts', 200),
    ('legend', f'{CAMERA}/legend', 200), ('floor', f'{CAMERA}/floor', 200),
    ('floorPicture', f'{CAMERA}/floor.png', 200), ('shapes', f'{CAMERA}/shapes', 200),
    ('parameters', f'{CAMERA}/parameters.yaml', 200), ('history', f'{CAMERA}/history', 200),
    ('history', f'{CAMERA}/history?timezone=Mars/Olympus', 400),
    ('historyCounts', f'{CAMERA}/history/counts?by=week&view=1', 200),
    ('historyCounts', f'{CAMERA}/history/counts?by=day&format=csv&view=1', 200),
    ('historyCounts', f'{CAMERA}/history/counts?to=2001-01-01', 404),
    ('historyPicture', f'{CAMERA}/history/heat.png?view=1&background=live', 200),
    ('historyHeat', f'{CAMERA}/history/heat?view=1', 200),
    ('historyHeat', f'{CAMERA}/history/heat?view=1&hours=6-12&against_hours=12-20', 200),
    ('historyEvents', f'{CAMERA}/history/events?limit=2', 200),
    ('historyEvents', f'{CAMERA}/history/events?format=csv', 200)]
CHANGED = [
    ('changeSettings', 'settings', {'alpha': 0.4}, 200), ('changeSettings', 'settings', {}, 400),
    ('save', 'save', {}, 200), ('pause', 'pause', {'paused': False}, 200),
    ('pause', 'pause', {}, 400), ('putShapes', 'shapes', SHAPES, 200),
    ('putShapes', 'shapes', {}, 400), ('putGround', 'ground', GROUND, 200),
    ('reset', 'reset', {}, 200), ('reset', 'reset', [], 400)]
STREAMS = {'live', 'stream', 'firstStream'}
"""Answers that do not end: other tests look at them."""


def operations():
    """Yield the id, method, path and description of each request that the document knows."""
    for path, methods in DOCUMENT['paths'].items():
        for method, operation in methods.items():
            yield operation['operationId'], method.upper(), path, operation


def test_every_route_is_described(tmp_path):
    application = make_application(
        Access('127.0.0.1', (), Token('x' * 20), 1.0), Cameras(None), StaticFiles(WEB),
        Connections(), lambda *error: None, tmp_path)
    routes = {(route.method, route.resource.canonical) for route in application.router.routes()
              if route.method != 'HEAD'}
    assert {(method, path) for _, method, path, _ in operations()} == routes
    asked = {name for name, *_ in ASKED + CHANGED}
    assert {name for name, *_ in operations()} - STREAMS == asked


@pytest.fixture(scope='module')
def client(tmp_path_factory, street, street_frames):
    """Return a client that may change something."""
    with PageSite(tmp_path_factory.mktemp('site'), street, street_frames) as site:
        client = Client(site.address).with_cookie()
        assert wait_for(lambda: client.state(ID)['regions'] and client.state(ID)['picture'])
        yield client


def check(name, answer, status):
    """Compare an answer with what the document says of it."""
    assert answer.status == status, (name, answer.body[:500])
    operation = next(one for key, _, _, one in operations() if key == name)
    described = operation['responses'][str(status)]
    if '$ref' in described:
        described = DOCUMENT['components']['responses'][described['$ref'].rpartition('/')[2]]
    kind = answer.headers['Content-Type'].partition(';')[0]
    assert kind in described['content'] or '*/*' in described['content'], (name, kind)
    assert set(described.get('headers', {})) <= set(answer.headers), name
    schema = described['content'].get(kind, {}).get('schema', {})
    if kind == 'application/json' and schema:
        jsonschema.Draft202012Validator(
            {**schema, 'components': DOCUMENT['components']}).validate(
                json.loads(answer.body, parse_constant=pytest.fail))


def test_answers_are_as_described(client):
    for name, path, content, status in CHANGED:
        method = next(one for key, one, _, _ in operations() if key == name)
        answer = client.ask(method, f'{CAMERA}/{path}', content)
        check(name, answer, status)
        assert status != 200 or answer.content['success'], (name, answer.content)
    check('reset', Client(client.address).ask('POST', f'{CAMERA}/reset', {}), 401)
    assert wait_for(lambda: client.state(ID)['has_floor'])
    client.get(f'{CAMERA}/picture.jpg')
    assert wait_for(lambda: client.get(f'{CAMERA}/legend').status == 200)
    for name, path, status in ASKED:
        check(name, client.get(path), status)


def test_the_schemas_are_strict():
    """An answer with something more, or something less, is noticed."""
    schema = {'$ref': '#/components/schemas/Told', 'components': DOCUMENT['components']}
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid({'success': True, 'message': ''})
    assert not validator.is_valid({'success': True})
    assert not validator.is_valid({'success': True, 'message': '', 'more': 1})
