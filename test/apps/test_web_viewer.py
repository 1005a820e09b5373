"""The page's server beside a real node, by plain requests; browsers are in `test/web_page/`."""

from collections import deque
import socket
import threading
import time
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from rcl_interfaces.srv import GetParameters
from ros_processes import image_message, NodeProcess, spin_until
from sensor_msgs.msg import Image
from web_client import address_of, CAMERA, Client, wait_for
from yolo_heatmap_ros.ros.barrier import GuardedNode
from yolo_heatmap_ros.ros.heatmap_client import HeatmapClient
from yolo_heatmap_ros.storage.snapshots import newest

pytest.importorskip('aiohttp', reason='the page needs aiohttp')


@pytest.fixture
def page(node, street, street_frames, tmp_path):
    """Return a client of the page while a camera runs, and the camera's switch."""
    home = {'ROS_HOME': str(tmp_path)}
    heatmap = NodeProcess('heatmap_node', {
        'weights': str(street / 'street.pt'), 'imgsz': 320,
        'snapshot_dir': str(tmp_path / 'heat')}, **home)
    viewer = NodeProcess('web_viewer', {'port': 0}, fresh=True, **home)
    running, stop = threading.Event(), threading.Event()
    with heatmap, viewer:
        heatmap.wait_for_output('listening to')
        client = Client(address_of(viewer))
        camera = node.create_publisher(Image, 'image', 1)
        assert spin_until(node, camera.get_subscription_count)
        messages = [image_message(frame) for frame in street_frames[:30]]

        def show():
            number = 0
            while not stop.wait(0.1):
                if running.is_set():
                    message = messages[number % 30]
                    message.header.stamp = node.get_clock().now().to_msg()
                    camera.publish(message)
                    number += 1
        thread = threading.Thread(target=show)
        thread.start()
        running.set()
        try:
            assert wait_for(lambda: client.state()['health']['message'] == 'frames arrive')
            yield client, running
        finally:
            stop.set()
            thread.join()
        assert viewer.stop() == 0
        assert heatmap.stop() == 0
        assert 'Traceback' not in viewer.output(), viewer.output()


def picture_of(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def test_requests(page, tmp_path):
    client, running = page
    known = client.with_cookie()
    assert b'<html' in client.get('/').body
    for address in ('/stream', f'{CAMERA}/stream'):
        stream = opened(client, address)
        content = b''
        while b'\xff\xd9\r\n--picture\r\n' not in content:
            content += stream.recv(65536)
        stream.close()
        assert b'multipart/x-mixed-replace' in content
        assert picture_of(content[content.index(b'\xff\xd8'):]).shape == (480, 1280, 3)
    whole = client.get(f'{CAMERA}/picture.jpg')
    assert whole.headers['Content-Type'] == 'image/jpeg'
    assert picture_of(whole.body).shape == (480, 1280, 3)
    small = client.get(f'{CAMERA}/picture.jpg?part=heatmap&width=300')
    assert picture_of(small.body).shape == (240, 320, 3)
    for query in ('part=other', 'width=-1', 'width=1e3', 'width=99999999', 'width=%C2%B2'):
        assert client.get(f'{CAMERA}/picture.jpg?{query}').status == 400, query
    assert known.ask('POST', f'{CAMERA}/save', {}).content['success']
    assert newest(tmp_path / 'heat')
    settings = {'colormap': 'HOT', 'alpha': 1, 'normalize': 'fixed', 'scale_max': 5}
    assert known.ask('PATCH', f'{CAMERA}/settings', settings).content == {
        'success': True, 'message': 'colormap HOT, alpha 1.0, normalize fixed, scale_max 5.0'}
    for wrong, words in (({'colormap': 'blue'}, "unknown colormap 'blue'"),
                         ({'alpha': 2}, 'alpha'), ({'alpha': True}, 'alpha'),
                         ({'normalize': []}, 'normalize'), ({'weights': 'x.pt'}, 'alone'),
                         ({'alpha': 10 ** 400}, 'alpha'), ({}, 'alone')):
        refused = known.ask('PATCH', f'{CAMERA}/settings', wrong)
        assert refused.status == 400 and words in refused.content['error'], wrong
    assert known.ask('POST', f'{CAMERA}/pause', {'paused': True}).content['success']
    assert wait_for(lambda: client.state()['settings']['paused'])
    assert known.ask('POST', f'{CAMERA}/pause', {'paused': False}).content['success']
    assert known.ask('POST', f'{CAMERA}/pause', {'paused': 1}).status == 400
    assert known.ask('POST', f'{CAMERA}/reset', {}).content['message'] == 'all heat is reset'
    for method, path, body, kind, status in (
            ('POST', 'reset', b'{}', 'text/plain', 415),
            ('POST', 'nothing', b'{}', 'application/json', 404),
            ('GET', 'reset', None, 'application/json', 405),
            ('POST', 'reset', b'\xff', 'application/json', 400),
            ('POST', 'reset', b'[]', 'application/json', 400),
            ('POST', 'reset', b'{"a": "\\ud800"}', 'application/json', 400),
            ('POST', 'reset', b'{"a": NaN}', 'application/json', 400),
            ('POST', 'reset', b'[' * 60_000, 'application/json', 400),
            ('POST', 'reset', b'[' * 70_000, 'application/json', 413)):
        answer = known.ask(method, f'{CAMERA}/{path}', body=body, headers={'Content-Type': kind})
        assert answer.status == status and answer.content['error'], (path, body and body[:20])
    state = wait_for(lambda: (now := client.state())['settings']['colormap'] == 'HOT' and now)
    assert state['figures']['model'].endswith('street.pt')
    assert state['settings']['alpha'] == 1.0 and state['settings']['unit'] == 'frames'
    assert state['picture'] == {'width': 640, 'height': 480}
    client.get(f'{CAMERA}/picture.jpg')  # colours are made while somebody looks
    legend = wait_for(lambda: (now := client.get(f'{CAMERA}/legend')).status == 200 and (
        now.content['high'] == 5.0) and now.content)
    assert legend['low'] == 0.0 and legend['unit'] == 'frames'
    assert legend['colours'][0] == '#000000' and legend['colours'][-1] == '#ffffff'
    running.clear()
    assert wait_for(lambda: client.state()['health']['level'] == 'stale')
    assert 'no image on' in client.state()['health']['message']


def test_pictures_are_made_only_while_watched(page, node):
    """Nobody looks: the node has no subscriber of pictures, and encodes none."""
    client, _ = page

    def watching():
        return node.count_subscribers('/yolo_heatmap/composite/compressed')
    assert wait_for(lambda: not watching(), 10.0)
    assert client.get(f'{CAMERA}/picture.jpg').status == 200
    assert wait_for(watching)  # this node may hear of it after the page has its picture
    assert wait_for(lambda: not watching(), 10.0)


def opened(client, path='/stream'):
    """Return a connection that has asked for a stream."""
    place = urlsplit(client.address)
    connection = socket.create_connection((place.hostname, place.port), 10)
    connection.sendall(f'GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode())
    return connection


def test_reloads_while_the_camera_is_down(page):
    """A stream whose browser has gone makes room, although no picture comes."""
    client, running = page
    running.clear()
    time.sleep(1.0)
    for _ in range(3):
        for connection in [opened(client) for _ in range(36)]:
            connection.recv(1)
            connection.close()
        time.sleep(2.5)
    stream = opened(client)
    assert b' 200 OK' in stream.recv(1000)
    stream.close()


def test_viewers_that_never_read(page):
    """They are dropped, and leave room for those who do."""
    client, _ = page
    idle = [opened(client) for _ in range(40)]

    def is_served():
        with opened(client) as stream:
            head = stream.recv(1000)
        assert b' 200 OK' in head or b' 503 ' in head
        return b' 200 OK' in head
    assert not is_served()
    assert client.state()['health']['level'] == 'ok'  # pages are answered meanwhile
    assert wait_for(is_served, 60.0)
    for connection in idle:
        connection.close()


def test_a_name_that_no_host_can_have():
    with NodeProcess('web_viewer', {'port': 0, 'host': 'a' * 70}) as viewer:
        assert viewer.wait(20.0) == 1
        assert "parameters 'host' and 'port': cannot serve on aaa" in viewer.output()
        assert 'Traceback' not in viewer.output()


def test_the_token_is_logged_once(tmp_path):
    home = {'ROS_HOME': str(tmp_path)}
    with NodeProcess('web_viewer', {'port': 0, 'host': '0.0.0.0'}, **home) as viewer:
        assert address_of(viewer).startswith('http://0.0.0.0:')
        token = (tmp_path / 'yolo_heatmap_ros' / 'web_token').read_text().strip()
        viewer.wait_for_output(f'/?token={token}')
        assert f'http://{socket.gethostname()}:' in viewer.output()
        assert viewer.stop() == 0
    logs = list((tmp_path / 'log').iterdir())  # which other users can read
    assert logs and not any(token in log.read_text() for log in logs)
    (tmp_path / 'yolo_heatmap_ros' / 'web_token').chmod(0o644)
    with NodeProcess('web_viewer', {'port': 0}, **home) as viewer:
        viewer.wait_for_output('other users of this machine can read the token')
        assert token not in viewer.output()
        assert viewer.stop() == 0
    (tmp_path / 'yolo_heatmap_ros' / 'web_token').chmod(0o666)
    with NodeProcess('web_viewer', {'port': 0}, **home) as viewer:
        assert viewer.wait(20.0) == 1
        assert "parameter 'web_token_file': '" in viewer.output()
        assert len(viewer.output().splitlines()) == 1


def test_unanswered_requests_do_not_pile_up(node):
    """A service that never responds costs no more than those of the last seconds."""
    client = HeatmapClient(node, 'deaf')
    client._node = GuardedNode('asking')
    server = node.create_service(GetParameters, 'deaf/get_parameters', lambda *args: None)
    asking = client._services['get_parameters']
    assert wait_for(asking.service_is_ready)
    for _ in range(100):
        client.get_colormap(lambda success, name: None)
    assert len(asking._pending_requests) == 100
    client._waiting = deque((at - 60.0, *rest) for at, *rest in client._waiting)
    client.get_colormap(lambda success, name: None)
    assert len(asking._pending_requests) == 1
    client._node.destroy_node()
    node.destroy_service(server)


def test_a_port_that_is_taken():
    with NodeProcess('web_viewer', {'port': 0}) as first:
        port = urlsplit(address_of(first)).port
        with NodeProcess('web_viewer', {'port': port}) as second:
            assert second.wait() == 1
            assert f'cannot serve on 127.0.0.1, port {port}' in second.output()
            assert 'Traceback' not in second.output()
        assert first.stop() == 0


@pytest.mark.faults
def test_a_node_that_is_no_heatmap_node(street):
    with NodeProcess('playback_node', {'source': str(street / 'street.mp4'), 'loop': True}), \
            NodeProcess('web_viewer', {'port': 0, 'heatmap_node': 'playback'}) as viewer:
        client = Client(address_of(viewer))
        time.sleep(3.0)  # it asks for parameters
        state = client.state('playback')
        assert state['health']['level'] == 'gone' and 'is it running?' in state['health'][
            'message']
        camera, known = '/api/cameras/playback', client.with_cookie()
        assert 'no service' in known.ask('POST', f'{camera}/save', {}).content['message']
        assert client.get(f'{camera}/picture.jpg').status == 404
        for path in ('shapes', 'parameters.yaml'):
            assert client.get(f'{camera}/{path}').status in (409, 503)
        assert viewer.stop() == 0
        assert 'Traceback' not in viewer.output()


@pytest.mark.faults
@pytest.mark.parametrize('name', ['a b', '/', 'x' * 5_000, '[/front/yolo_heatmap, a b]', '[]',
                                  ','.join(f'/n{number}' for number in range(65))])
def test_what_is_no_name_of_a_node(name):
    with NodeProcess('web_viewer', {'port': 0, 'heatmap_node': name}) as viewer:
        assert viewer.wait() == 1
        assert "parameter 'heatmap_node': " in viewer.output()
        assert len(viewer.output()) < 1_200 and len(viewer.output().splitlines()) == 1
