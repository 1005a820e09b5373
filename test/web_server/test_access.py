"""Who may read and change what: a real server, without cameras."""

import re
import socket
import stat
import time
from urllib.parse import urlsplit

import pytest
from web_client import Client, wait_for, web_configuration

pytest.importorskip('aiohttp', reason='the page needs aiohttp')

from yolo_heatmap_ros.web_server import connections  # noqa: E402
from yolo_heatmap_ros.web_server.server import WebServer  # noqa: E402

PROXY = {'X-Forwarded-For': '192.0.2.7', 'X-Forwarded-Proto': 'https'}
CHANGE = ('POST', '/api/cameras/nobody/reset')
"""It reaches a handler, which knows no such camera: 404."""


@pytest.fixture
def serve(tmp_path):
    """Return a function that starts a server, and returns a client and the token."""
    servers, errors = [], []

    def start(**values):
        servers.append(WebServer(web_configuration(tmp_path, **values), lambda *error:
                                 errors.append(error)))
        address = servers[-1].start()
        return Client(f'http://127.0.0.1:{urlsplit(address).port}'), servers[-1].token
    yield start
    for server in servers:
        server.close()
    assert not errors


def test_on_this_machine(serve):
    """Reading is free; changes need the page's cookie or the token."""
    client, token = serve()
    page = client.get('/')
    assert page.status == 200 and b'<html' in page.body
    assert client.get('/api/cameras').content == {'cameras': [], 'may_change': False}
    refused = client.ask(*CHANGE, {})
    assert refused.status == 401 and 'token' in refused.content['error']
    cookie = page.headers['Set-Cookie']
    assert all(part in cookie for part in ('HttpOnly', 'SameSite=Strict', 'Path=/'))
    assert f'_{urlsplit(client.address).port}=' in cookie and token not in cookie
    assert 'Secure' not in cookie
    for known in (client.with_cookie(), client.with_token(token)):
        assert known.get('/api/cameras').content['may_change']
        assert known.ask(*CHANGE, {}).status == 404
    assert 'Set-Cookie' not in client.with_cookie().get('/').headers


@pytest.mark.parametrize('values, headers', [
    ({'token': 'always'}, {}), ({'allowed_hosts': '[robot.example]'}, {}),
    ({'host': '0.0.0.0'}, {}), ({}, PROXY), ({}, {'Via': '1.1 nginx'}),
    ({}, {'Forwarded': 'for=192.0.2.7'}), ({}, {'X-Real-IP': '192.0.2.7'}),
    ({}, {'X-Forwarded-Server': 'proxy'}), ({}, {'Host': '192.168.1.5:8080'}),
    ({}, {'Host': '[2001:db8::7]'})])
def test_where_the_token_is_needed(serve, values, headers):
    """From elsewhere, and through a proxy, nothing is said without it."""
    client, token = serve(**values)
    client.headers.update(headers)
    form = client.get('/')
    assert form.status == 401 and b'name="token"' in form.body and b'<script' not in form.body
    assert 'Set-Cookie' not in form.headers
    for path in ('/api/cameras', '/static/index.html', '/stream', '/api/live', '/nothing'):
        answer = client.get(path)
        assert answer.status == 401 and answer.headers['WWW-Authenticate'] == 'Bearer', path
    assert client.ask(*CHANGE, {}).status == 401
    assert client.with_token(token).ask(*CHANGE, {}).status == 404
    # The cookie of a browser beside the node opens nothing here.
    near, _ = serve()
    stolen = near.get('/').headers['Set-Cookie'].partition(';')[0].partition('=')[2]
    name = f'yolo_heatmap_{urlsplit(client.address).port}'
    assert client.get('/api/cameras', Cookie=f'{name}={stolen}').status == 401
    login = client.get(f'/?token={token}&view=draw')
    assert login.status == 303 and login.headers['Location'] == './?view=draw'
    cookie = login.headers['Set-Cookie']
    assert ('Secure' in cookie) == ('X-Forwarded-Proto' in headers)
    client.headers['Cookie'] = cookie.partition(';')[0]
    assert client.get('/').status == 200
    assert client.get('/api/cameras').content['may_change']
    assert client.ask(*CHANGE, {}).status == 404


def test_a_proxy_that_adds_no_header(serve):
    """As nginx, unless it is told to: it still speaks HTTP/1.0."""
    client, _ = serve()
    with socket.create_connection(urlsplit(client.address).netloc.split(':'), 10) as proxy:
        proxy.sendall(b'GET /api/cameras HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n')
        assert b' 401 ' in proxy.recv(1000)


def test_wrong_tokens(serve):
    """They are told apart from the right one, and soon not even looked at."""
    client, token = serve(token='always')
    assert client.get('/?token=').status == client.get('/?token=%ff%00').status == 401
    assert b'not the token' in client.get('/?token=wrong').body
    statuses = [client.with_token(f'wrong{number}').get('/api/cameras').status
                for number in range(12)]
    assert statuses[0] == 401 and statuses[-1] == 429
    assert client.get(f'/?token={token}').status == 429  # it may be one guess of many
    slow = client.get(f'/?token={token}')
    assert slow.headers['Retry-After'] == '5'
    assert wait_for(lambda: client.get(f'/?token={token}').status == 303, 10.0)


def test_too_many_requests(serve):
    client, _ = serve(request_rate=5.0)
    statuses = [client.get('/api/cameras').status for _ in range(30)]
    assert statuses[:20] == [200] * 20 and 429 in statuses
    refused = wait_for(lambda: (now := client.get('/api/cameras')).status == 429 and now, 5.0)
    assert 'request_rate' in refused.content['error']
    assert wait_for(lambda: client.get('/api/cameras').status == 200, 5.0)


def test_a_flood_of_requests(serve):
    """Refusing costs less than answering: each connection waits."""
    client, _ = serve(request_rate=1.0)
    with opened(client) as flood:
        flood.sendall(b'GET /api/cameras HTTP/1.1\r\nHost: localhost\r\n\r\n' * 1000)
        time.sleep(1.0)
        assert flood.recv(1 << 20).count(b'HTTP/1.1 ') < 20


def test_pages_of_other_sites(serve):
    """They reach nothing, neither by a name that points here, nor from a browser, nor a frame."""
    client, token = serve()
    port = urlsplit(client.address).port
    own = socket.gethostname()
    for host in (f'127.0.0.1:{port}', f'localhost:{port}', f'LocalHost:{port}', f'[::1]:{port}',
                 f'{own}:{port}', '127.0.0.5'):
        assert client.get('/api/cameras', Host=host).status == 200, host
    known = client.with_token(token)
    for host in ('evil.example', f'evil.example:{port}', f'127.0.0.1.evil.example:{port}', '',
                 '[', 'evil.example@127.0.0.1', '127.0.0.1/evil.example', 'localhost.',
                 'localhost:x', '0x7f000001', '127.1'):
        for method, path in (('GET', '/'), ('GET', '/stream'), ('GET', '/api/live'), CHANGE):
            answer = known.ask(method, path, {} if method == 'POST' else None, {'Host': host})
            assert answer.status == 403, host
    for site, mode, status in (('cross-site', 'no-cors', 403), ('same-site', 'cors', 403),
                               ('cross-site', 'navigate', 200), ('same-origin', 'cors', 200),
                               ('none', 'navigate', 200)):
        headers = {'Sec-Fetch-Site': site, 'Sec-Fetch-Mode': mode}
        assert client.get('/api/cameras', **headers).status == status, headers
    socket_headers = {'Upgrade': 'websocket', 'Connection': 'Upgrade',
                      'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'A' * 22 + '=='}
    for origin, right in (('http://evil.example', False), ('null', False),
                          ('http://127.0.0.1:1', False), ('http://[', False), ('', False),
                          (client.address, True)):
        assert known.ask(*CHANGE, {}, {'Origin': origin}).status == (404 if right else 403)
        if not right:
            assert known.get('/api/live', Origin=origin, **socket_headers).status == 403
    for content_type in ('text/plain', 'application/x-www-form-urlencoded', ''):
        answer = known.ask('POST', '/api/cameras/x/pause', headers={'Content-Type': content_type},
                           body='{}')
        assert answer.status in (404, 415)


def test_behind_a_proxy(serve):
    """It asks under a name of its own, and browsers under one that is allowed."""
    client, token = serve(allowed_hosts='[robot.example]')
    known = client.with_token(token)
    for headers, status in (
            ({'Origin': 'https://robot.example'}, 404), ({'Host': 'robot.example:8443'}, 404),
            ({'Host': 'robot.example', 'Origin': 'https://robot.example:8443'}, 404),
            ({'Origin': 'https://robot.example.evil'}, 403)):
        assert known.ask(*CHANGE, {}, headers).status == status, headers


def test_every_answer_is_guarded(serve):
    client, token = serve()
    known = client.with_token(token)
    for answer in (client.get('/'), client.get('/static/index.html'), client.get('/nothing'),
                   client.get('/api/cameras'), client.ask('PUT', '/api/cameras', {}),
                   known.ask(*CHANGE, body=b'x' * 70_000, headers={
                       'Content-Type': 'application/json'})):
        policy = answer.headers['Content-Security-Policy']
        assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy
        assert 'unsafe' not in policy
        assert answer.headers['X-Frame-Options'] == 'DENY'
        assert answer.headers['X-Content-Type-Options'] == 'nosniff'
        assert answer.headers['Referrer-Policy'] == 'no-referrer'
        assert answer.headers['Cache-Control'] in ('no-store', 'no-cache')


def test_no_path_reaches_the_file_system(serve):
    client, _ = serve()
    page = client.get('/static/index.html')
    assert page.status == 200 and page.body == client.get('/').body
    known = {'If-None-Match': page.headers['ETag']}
    assert client.get('/static/index.html', **known).status == 304
    for name in ('..', '../setup.py', '%2e%2e%2fsetup.py', '..%2fsetup.py', '%2fetc%2fpasswd',
                 'index.html%00', 'INDEX.HTML', './index.html%2f', '%ff', 'a' * 5000):
        assert client.get(f'/static/{name}').status in (400, 404), name


def test_connections_that_say_nothing(serve, monkeypatch):
    """They are closed, and so are those that send a head for ever; others are served on."""
    monkeypatch.setattr(connections, 'REQUEST_AFTER', 0.5)
    monkeypatch.setattr(connections, 'CHECK_PERIOD', 0.2)
    monkeypatch.setattr(connections, 'MAX_CONNECTIONS', 20)
    client, _ = serve()
    host, port = urlsplit(client.address).netloc.split(':')
    silent = [socket.create_connection((host, int(port)), 10) for _ in range(20)]
    for index, one in enumerate(silent):
        if index % 2:
            one.sendall(b'GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ')
    time.sleep(0.1)
    over = socket.create_connection((host, int(port)), 10)
    assert ended(over)  # one too many
    assert all(map(ended, silent))
    assert client.get('/').status == 200


def test_there_is_room_for_other_addresses(serve, monkeypatch):
    """One that holds all connections that it gets keeps nobody else out."""
    monkeypatch.setattr(connections, 'MAX_CONNECTIONS', 20)
    monkeypatch.setattr(connections, 'MAX_OF_SENDER', 10)
    client, _ = serve()
    held = [opened(client, '127.0.0.2') for _ in range(30)]
    assert client.get('/').status == 200
    assert sum(map(ended, held[10:])) == 20
    for one in held[:10]:
        one.close()
    assert wait_for(lambda: answers(client, '127.0.0.2'), 5.0)


def opened(client, source='127.0.0.1'):
    """Return a connection from an address of this machine."""
    host, port = urlsplit(client.address).netloc.split(':')
    return socket.create_connection((host, int(port)), 10, (source, 0))


def answers(client, source):
    """Tell whether a request from an address of this machine is answered."""
    with opened(client, source) as connection:
        connection.sendall(b'GET /static/none HTTP/1.1\r\nHost: localhost\r\n\r\n')
        try:
            return b' 404 ' in connection.recv(1000)
        except ConnectionResetError:
            return False


def test_what_is_no_request(serve, capfd):
    """It is refused, and fills no log: least of all with a token that somebody has mistyped."""
    client, token = serve()
    head = (f'POST /api/cameras/x/reset HTTP/1.1\r\nHost: localhost\r\n'
            f'Authorization: Bearer {token}\r\nContent-Type: application/json\r\n').encode()
    for parts in ((b'GET /?token=secret x HTTP/1.1\r\nHost: localhost\r\n\r\n',),
                  (b'GET / HTTP/1.1\r\n\r\n',), (b'\x16\x03\x01 hello\r\n\r\n',),
                  (b'GET / HTTP/1.1\r\nX: ' + b'a' * 10_000 + b'\r\n\r\n',),
                  (b'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',),
                  (head + b'Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\n', b'x' * 9)):
        with opened(client) as connection:
            for part in parts:
                connection.sendall(part)
                time.sleep(0.05)
            assert b' 40' in connection.recv(15), parts
    assert capfd.readouterr().err == ''


def ended(connection):
    """Wait until the other side has closed a connection."""
    try:
        return connection.recv(1) == b''
    except ConnectionResetError:
        return True
    finally:
        connection.close()


def test_the_token_s_file(serve, tmp_path):
    _, token = serve()
    path = tmp_path / 'token'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert re.fullmatch(r'[\w-]{43}\n', path.read_text())
    assert serve()[1] == token
