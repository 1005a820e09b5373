"""Odd requests to the page: bytes of every kind that somebody may send, the same in each run."""

import base64
import json
import random
import string
from urllib.parse import quote

CAMERA = '/api/cameras/yolo_heatmap'
CHANGES = [
    ('PATCH', 'settings', {'alpha': 0.9, 'colormap': 'HOT'}), ('POST', 'save', {}),
    ('POST', 'reset', {}), ('POST', 'pause', {'paused': True}),
    ('PUT', 'shapes', {'regions': {'odd': [[0, 0], [1, 0], [1, 1]]}, 'lines': {},
                       'ignored_areas': {}}),
    ('PUT', 'ground', {'points_px': [[0, 0.5], [1, 0.5], [1, 1], [0, 1]],
                       'points_m': [[0, 5], [5, 5], [5, 0], [0, 0]]})]
"""Requests that change something, from somebody who may."""
METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT', 'get',
           'PROPFIND', 'X' * 500, 'G\u00cbT', '', 'PO ST']
READ = ['/', '/api/cameras', CAMERA, '/api/openapi.json', '/static/app.js', '/static/openapi.json',
        '/stream', '/api/live', *(f'{CAMERA}/{name}' for name in (
            'picture.jpg', 'stream', 'counts', 'legend', 'floor', 'floor.png', 'shapes',
            'parameters.yaml', 'history', 'history/counts', 'history/heat', 'history/heat.png',
            'history/events'))]
ODD_PATHS = [
    '', '*', '//', '/..', '/static/../../../etc/passwd', '/static/..%2f..%2fweb_token',
    '/static/%2e%2e/%2e%2e/etc/passwd', '/static//etc/passwd', '/static/\\..\\..\\web_token',
    '/static/app.js%00.png', '/static/%00', '/static/' + 'a' * 7000,
    '/api/cameras/../../web_token',
    '/api/cameras/%2e%2e%2fweb_token', '/api/cameras/yolo_heatmap%2fsave', f'{CAMERA}/../reset',
    f'{CAMERA}%00/reset', f'{CAMERA}/history/..', f'{CAMERA}/history/%2e%2e/%2e%2e/reset',
    '/api/cameras/\u0000', '/api/cameras/\u202e', '/%ff%fe', '/%', '/%zz',
    '/api/cameras/' + '%41' * 2000,
    'http://evil.example/api/cameras', 'http://127.0.0.1/api/cameras', 'file:///etc/passwd',
    '/a b', '/;/?#', '/api/live/', '/API/CAMERAS', '/api/cameras//reset', '/.git/config',
    '/wp-login.php', '/?token=' + 'x' * 3000, '/?token=%00%ff', '/?token=',
    '/?token=a&token=b']
NAMES = ['from', 'to', 'hours', 'weekdays', 'timezone', 'view', 'classes', 'region', 'by',
         'format', 'colormap', 'background', 'limit', 'before_s', 'kind', 'place', 'width',
         'part', 'token', 'against_from', 'against_hours', '', '__proto__']
VALUES = ['', 'today', '2026-11-25', '9999-12-31T23:59', '-1', '0', '1', '1e309', 'NaN', 'inf',
          '99999999999999999999', '8-10', '22-6', 'mon-sun', 'UTC', 'Europe/Berlin',
          '../../etc/passwd', '/etc/passwd', '\u0000', '\ud800', '\u0660', "' OR 1=1 --",
          '"; DROP TABLE bins; --', '%', '%s%n', '{{7*7}}', '<script>', 'a' * 3000, 'day', 'week',
          'csv', 'live', 'JET', '[]', '{}', '\r\nSet-Cookie: a=b', 'true', '0001-01-01', '-']
HEADERS = [
    ('Host', 'evil.example'), ('Host', ''), ('Host', '127.0.0.1:1'), ('Host', '[::1'),
    ('Host', 'localhost, evil.example'), ('Host', 'x' * 3000), ('Host', 'localhost\u0000'),
    ('Origin', 'http://evil.example'), ('Origin', 'null'), ('Origin', 'http://['), ('Origin', ''),
    ('Cookie', 'yolo_heatmap_0=1; ' * 50), ('Cookie', '=;=;"'), ('Cookie', 'a=' + '\u00ff' * 999),
    ('Authorization', 'Bearer'), ('Authorization', 'Bearer ' + 'x' * 43),
    ('Authorization', 'Basic ' + 'eDp4'), ('Authorization', 'bearer \u00e9'),
    ('Content-Length', '-1'), ('Content-Length', '999999999999'), ('Content-Length', '1e3'),
    ('Content-Length', '5, 7'), ('Transfer-Encoding', 'chunked'),
    ('Transfer-Encoding', 'gzip, chunked'), ('Content-Encoding', 'gzip'),
    ('Content-Encoding', 'br'), ('Content-Type', 'text/plain'),
    ('Content-Type', 'application/x-www-form-urlencoded'), ('Content-Type', 'multipart/form-data'),
    ('Content-Type', 'application/json; charset=utf-7'), ('Content-Type', ';;='),
    ('Range', 'bytes=9-1'),
    ('Expect', '100-continue'), ('Expect', 'odd'), ('Upgrade', 'websocket'), ('Upgrade', 'h2c'),
    ('Connection', 'Upgrade'), ('Connection', 'keep-alive, close'),
    ('X-Forwarded-For', '192.0.2.1'), ('X-Forwarded-Host', 'evil.example'),
    ('Forwarded', 'for=x'), ('X-HTTP-Method-Override', 'POST'), ('If-None-Match', '"' * 999),
    ('Accept', '\u0007'), ('X' * 200, 'y' * 7000), ('a b', 'c')]
RAW = [
    b'', b'\r\n', b'\r\n' * 999, b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + b'\x00' * 300,
    b'SSH-2.0-OpenSSH_9.2\r\n', b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', b'GET /\r\n\r\n',
    b'GET / HTTP/9.9\r\n\r\n', b'GET / HTTP/1.1\r\n', b'GET / HTTP/1.1\nHost: localhost\n\n',
    b'GET / HTTP/1.1\r\nHost: localhost\r\n folded: x\r\n\r\n', b'\xff' * 5000,
    b'GET / HTTP/1.1\r\n' + b'A: b\r\n' * 3000 + b'\r\n', b'GET ' + b'/' * 99999, b'\x00' * 9999,
    b'POST ' + CAMERA.encode() + b'/reset HTTP/1.1\r\nHost: localhost\r\n'
    b'Content-Type: application/json\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n'
    b'2\r\n{}\r\n0\r\n\r\n',
    b'GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90\r\n\r\nPOST ' + CAMERA.encode()
    + b'/reset HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}',
    *(b'POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n' + size
      for size in (b'ffffffffffffffff\r\n', b'-2\r\nxx\r\n'))]
NO_OBJECTS = ['', ' ', '{', '[', 'null', 'true', '1', '"x"', '[]', '[{}]', '{}{}', '{"a":}',
              "{'a': 1}", 'NaN', '{"a": NaN}', '{"a": -Infinity}', '{"a": "\\ud800"}',
              '[' * 30_000, '{"a":' * 9_000, '\ufeff{}', '{"a": 1', '\u0000',
              '{"a": "' + 'x' * 70_000 + '"}']
"""Bodies that nothing takes."""
ODD_VALUES = [None, True, -1, 10**400, 1e308, '', 'x' * 5000, '\u202e', '\u0000', '../..', [],
              [[]], {}, {'a': {'b': {}}}, [[0, 0]], [[0, 0], [1, 'x']], [[0, 0], [1, 1], [2, 2]],
              [None] * 3000,
              {'x' * 300: [[0, 0], [1, 0], [1, 1]]}, {'a': [[0, 0], [1e308, 1], [1, 1]]},
              {'\n': [[0, 0], [1, 0], [1, 1]]}, {'a': [[0, 0]] * 3000}]


def odd_request(rng):
    """Return bytes of somebody who has neither the token nor the cookie."""
    kind = rng.random()
    if kind < 0.08:
        return rng.choice(RAW) if rng.random() < 0.5 else noise(rng, rng.randrange(3000))
    if kind < 0.16:
        return socket_with(rng)
    if kind < 0.35:  # what would change something, if they had
        method, path, content = rng.choice(CHANGES)
        return request(method, f'{CAMERA}/{path}', odd_headers(rng, 0.6), json.dumps(content))
    path = rng.choice(READ) if rng.random() < 0.6 else rng.choice(ODD_PATHS)
    if rng.random() < 0.5:
        path += '?' + '&'.join(
            f'{rng.choice(NAMES)}={quote(rng.choice(VALUES), errors="surrogatepass")}'
            for _ in range(rng.randrange(1, 5)))
    if rng.random() < 0.1:
        path = mutated(rng, path)
    method = 'GET' if rng.random() < 0.6 else rng.choice(METHODS)
    body = rng.choice(NO_OBJECTS) if rng.random() < 0.3 else ''
    data = request(method, path, odd_headers(rng, 0.5), body)
    return mutated_bytes(rng, data) if rng.random() < 0.1 else data


def malformed_change(rng, cookie):
    """Return a change by somebody with the cookie that says nothing the page could mean."""
    method, path, content = rng.choice(CHANGES)
    headers = {'Cookie': cookie, 'Content-Type': 'application/json'}
    kind = rng.random()
    if kind < 0.2:  # another site's page, through the browser of somebody with the cookie
        headers['Origin'] = rng.choice(('http://evil.example', 'null', 'http://localhost:1'))
        return request(method, f'{CAMERA}/{path}', headers, json.dumps(content))
    if kind < 0.3:
        headers['Content-Type'] = rng.choice(
            ('text/plain', 'application/x-www-form-urlencoded', ''))
        return request(method, f'{CAMERA}/{path}', headers, json.dumps(content))
    if kind < 0.6 or not content:
        return request(method, f'{CAMERA}/{path}', headers, rng.choice(NO_OBJECTS))
    odd = dict(content)
    for name in rng.sample(sorted(odd), rng.randrange(1, len(odd) + 1)):
        odd[name] = rng.choice(ODD_VALUES)
    if rng.random() < 0.3:
        odd[rng.choice(NAMES)] = rng.choice(ODD_VALUES)
    if path == 'pause' and isinstance(odd['paused'], bool):
        odd['paused'] = str(odd['paused'])
    if path in ('shapes', 'ground'):
        odd['more'] = 1  # some odd values stand for nothing drawn
    return request(method, f'{CAMERA}/{path}', headers, json.dumps(odd))


def odd_headers(rng, share):
    """Return headers, odd ones in a share of the cases."""
    headers = {'Content-Type': 'application/json'} if rng.random() < 0.5 else {}
    while rng.random() < share:
        name, value = rng.choice(HEADERS)
        headers[name] = value
    return headers


def request(method, path, headers, body=''):
    """Return the bytes of a request."""
    data = body.encode(errors='surrogatepass')
    headers = {'Host': 'localhost', 'Content-Length': str(len(data)), 'Connection': 'close',
               **headers}
    head = ''.join((f'{method} {path} HTTP/1.1\r\n', *(
        f'{name}: {value}\r\n' for name, value in headers.items())))
    return head.encode(errors='surrogatepass') + b'\r\n' + data


def socket_with(rng):
    """Return the handshake of the live connection, and odd frames after it."""
    key = base64.b64encode(noise(rng, 16)).decode() if rng.random() < 0.9 else 'odd'
    frames = b''.join(frame(rng) for _ in range(rng.randrange(6)))
    version = '13' if rng.random() < 0.9 else '99'
    return request('GET', '/api/live', {
        'Connection': 'Upgrade', 'Upgrade': 'websocket', 'Sec-WebSocket-Key': key,
        'Sec-WebSocket-Version': version,
        'Sec-WebSocket-Extensions': 'permessage-deflate'}) + frames


def frame(rng):
    """Return a frame of a WebSocket: with any operation, masked or not, and any length."""
    payload = rng.choice((
        noise(rng, rng.randrange(200)), rng.choice(NO_OBJECTS).encode(errors='surrogatepass'),
        json.dumps({rng.choice(('watch', 'drawn', 'id', 'width', 'odd')): rng.choice(
            (*ODD_VALUES, [{'id': 'yolo_heatmap', 'width': rng.choice(ODD_VALUES)}],
             [{'id': rng.choice(ODD_VALUES)}] * 200))}).encode(errors='surrogatepass')))
    operation = rng.choice((0x81, 0x81, 0x81, 0x82, 0x01, 0x80, 0x88, 0x89, 0x8a, 0xf1, 0x8f))
    length = len(payload) if rng.random() < 0.9 else rng.randrange(1 << 63)
    masked = rng.random() < 0.9
    size = bytes([length | 128 * masked]) if length < 126 else (
        bytes([126 | 128 * masked]) + length.to_bytes(2, 'big') if length < 65536 else
        bytes([127 | 128 * masked]) + length.to_bytes(8, 'big'))
    mask = noise(rng, 4) if masked else b''
    data = payload if not masked else bytes(
        byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return bytes([operation]) + size + mask + data


def noise(rng, length):
    """Return random bytes."""
    return bytes(rng.randrange(256) for _ in range(length))


def mutated(rng, text):
    """Return text with a character of any kind somewhere in it."""
    at = rng.randrange(len(text) + 1)
    odd = rng.choice((*string.printable, '\u00e9', '\u2028', '\U0001f600', '%00', '..%2f'))
    return text[:at] + odd + text[at:]


def mutated_bytes(rng, data):
    """Return bytes some of which have been changed, removed or doubled."""
    data = bytearray(data)
    for _ in range(rng.randrange(1, 8)):
        at = rng.randrange(len(data) or 1)
        data[at:at + rng.choice((0, 1, 1, 5))] = noise(rng, rng.randrange(3))
    return bytes(data)


def seeded(number):
    """Return where the randomness of one request comes from."""
    return random.Random(number)
