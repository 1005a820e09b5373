"""The page, in a real browser and by plain requests."""

from collections import deque
from http.client import HTTPConnection
import json
import re
import shutil
import socket
import threading
import time
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import cv2
import numpy as np
import pytest
from rcl_interfaces.srv import GetParameters
from ros_processes import image_message, NodeProcess, spin_until
from sensor_msgs.msg import Image
from yolo_heatmap_ros.ros.barrier import GuardedNode
from yolo_heatmap_ros.ros.heatmap_client import HeatmapClient
from yolo_heatmap_ros.storage.snapshots import newest

pytest.importorskip('aiohttp')


@pytest.fixture
def page(node, street, street_frames, tmp_path):
    """Return the page's address while a camera runs, and the camera's switch."""
    heatmap = NodeProcess('heatmap_node', {
        'weights': str(street / 'street.pt'), 'imgsz': 320,
        'snapshot_dir': str(tmp_path / 'heat')})
    viewer = NodeProcess('web_viewer', {'port': 0}, fresh=True)
    running, stop = threading.Event(), threading.Event()
    with heatmap, viewer:
        heatmap.wait_for_output('listening to')
        viewer.wait_for_output('the page is at')
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
        yield re.search(r'the page is at (\S+)', viewer.output()).group(1), running
        stop.set()
        thread.join()
        assert viewer.stop() == 0
        assert heatmap.stop() == 0
        assert 'Traceback' not in viewer.output()


def get(address):
    with urlopen(address, timeout=10) as answer:
        return answer.read()


def post(address, content, content_type='application/json'):
    request = Request(address, json.dumps(content).encode(), {'Content-Type': content_type})
    with urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def wait_for(condition, timeout=20.0):
    end = time.monotonic() + timeout
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.2)
    return value


def test_requests(page, tmp_path):
    address, running = page
    assert b'Object heatmap' in get(f'{address}/')
    assert wait_for(lambda: not json.loads(get(f'{address}/state'))['stopped'])
    with urlopen(f'{address}/stream', timeout=10) as stream:
        assert stream.headers['Content-Type'].startswith('multipart/x-mixed-replace')
        content = stream.read(200_000)
    begin = content.index(b'\xff\xd8')
    picture = cv2.imdecode(np.frombuffer(content[begin:], np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (480, 1280, 3)
    assert post(f'{address}/save', {})['success']
    assert newest(tmp_path / 'heat')
    assert post(f'{address}/colormap', {'name': 'HOT'}) == {'success': True,
                                                            'message': 'colormap HOT'}
    refused = post(f'{address}/colormap', {'name': 'blue'})
    assert not refused['success'] and "unknown colormap 'blue'" in refused['message']
    assert post(f'{address}/reset', {})['message'] == 'all heat is reset'
    for path, content, kind, status in (
            ('colormap', {}, 'application/json', 400), ('colormap', [], 'application/json', 400),
            ('reset', {}, 'text/plain', 415), ('nothing', {}, 'application/json', 404)):
        with pytest.raises(HTTPError) as caught:
            post(f'{address}/{path}', content, kind)
        assert caught.value.code == status
    for body in (b'\xff', b'{"name": "\\ud800"}', b'[' * 100_000):
        with pytest.raises(HTTPError) as caught:
            urlopen(Request(f'{address}/colormap', body, {'Content-Type': 'application/json'}),
                    timeout=10)
        assert caught.value.code == 400
    state = wait_for(lambda: (now := json.loads(get(f'{address}/state')))['figures'].get(
        'rate out (Hz)') and now['colormap'] == 'HOT' and now)
    assert state['figures']['model'].endswith('street.pt')
    running.clear()
    assert wait_for(lambda: 'the pictures stopped' in get(f'{address}/state').decode())


def asked(address, method, path, headers):
    """Return status and headers of the response to a request with such headers."""
    connection = HTTPConnection(urlsplit(address).netloc, timeout=10)
    connection.request(method, path, b'{}' if method == 'POST' else None,
                       {'Content-Type': 'application/json', **headers})
    response = connection.getresponse()
    connection.close()
    return response.status, response.headers


def test_pages_of_other_sites_reach_nothing(page):
    """Neither by a name that points here, nor by a form, nor in a frame."""
    address, _ = page
    port = urlsplit(address).port
    own = socket.gethostname()
    for host in (f'127.0.0.1:{port}', f'localhost:{port}', f'LocalHost:{port}', f'[::1]:{port}',
                 f'{own}:{port}', '192.168.1.5'):
        assert asked(address, 'GET', '/state', {'Host': host})[0] == 200, host
    for host in ('evil.example', f'evil.example:{port}', f'127.0.0.1.evil.example:{port}', ''):
        for method, path in (('GET', '/state'), ('GET', '/stream'), ('POST', '/reset')):
            assert asked(address, method, path, {'Host': host})[0] == 403, host
    for origin, status in (('http://evil.example', 403), ('null', 403), (address, 200),
                           ('http://127.0.0.1:1', 403)):
        assert asked(address, 'POST', '/reset', {'Origin': origin})[0] == status
    for odd in ({'Host': '['}, {'Origin': 'http://['}):
        assert asked(address, 'POST', '/reset', odd)[0] == 403
    headers = asked(address, 'GET', '/', {})[1]
    assert "frame-ancestors 'none'" in headers['Content-Security-Policy']
    assert headers['X-Frame-Options'] == 'DENY'


def test_behind_a_proxy():
    """It asks under a name of its own, and browsers under one that is allowed."""
    with NodeProcess('web_viewer', {'port': 0, 'allowed_hosts': '[robot.example]'}) as viewer:
        viewer.wait_for_output('the page is at')
        address = re.search(r'the page is at (\S+)', viewer.output()).group(1)
        for headers, status in (
                ({'Origin': 'https://robot.example'}, 200), ({'Host': 'robot.example:8443'}, 200),
                ({'Host': 'robot.example', 'Origin': 'https://robot.example:8443'}, 200),
                ({'Origin': 'https://robot.example.evil'}, 403)):
            assert asked(address, 'POST', '/reset', headers)[0] == status, headers
        assert viewer.stop() == 0


def opened(address):
    """Return a connection that has asked for the stream."""
    connection = socket.create_connection((urlsplit(address).hostname, urlsplit(address).port), 10)
    connection.sendall(b'GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n')
    return connection


def test_reloads_while_the_camera_is_down(page):
    """A stream whose browser has gone makes room, although no picture comes."""
    address, running = page
    assert wait_for(lambda: not json.loads(get(f'{address}/state'))['stopped'])
    running.clear()
    time.sleep(1.0)
    for _ in range(3):
        for connection in [opened(address) for _ in range(18)]:
            connection.recv(1)
            connection.close()
        time.sleep(2.5)
    with urlopen(f'{address}/stream', timeout=10) as stream:
        assert stream.status == 200


def test_viewers_that_never_read(page):
    """They are dropped, and leave room for those who do."""
    address, _ = page
    assert wait_for(lambda: not json.loads(get(f'{address}/state'))['stopped'])
    idle = [opened(address) for _ in range(20)]

    def is_served():
        try:
            with urlopen(f'{address}/stream', timeout=10) as stream:
                return len(stream.read(1000)) == 1000
        except HTTPError as error:
            assert error.code == 503
            return False
    assert not is_served()
    assert wait_for(is_served, 60.0)
    for connection in idle:
        connection.close()


def test_a_name_that_no_host_can_have():
    with NodeProcess('web_viewer', {'port': 0, 'host': 'a' * 70}) as viewer:
        assert viewer.wait(20.0) == 1
        assert "parameters 'host' and 'port': cannot serve on aaa" in viewer.output()
        assert 'Traceback' not in viewer.output()


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


def test_in_a_browser(page, tmp_path):
    """At the width of a desktop and of a phone; a choice of colours takes effect."""
    webdriver = pytest.importorskip('selenium.webdriver')
    driver_path = shutil.which('chromedriver')
    if driver_path is None:
        pytest.skip('chromedriver is not installed: apt install chromium-driver')
    address, running = page
    options = webdriver.ChromeOptions()
    for argument in ('--headless=new', '--no-sandbox', '--disable-gpu'):
        options.add_argument(argument)
    browser = webdriver.Chrome(options, webdriver.ChromeService(driver_path))
    try:
        browser.set_window_size(1280, 900)
        browser.set_page_load_timeout(20)
        browser.get(address)

        def text(element):
            return browser.find_element('id', element).text
        assert wait_for(lambda: text('state') == 'live')
        width = 'return document.getElementById("picture").naturalWidth'
        assert wait_for(lambda: browser.execute_script(width) == 1280)
        assert wait_for(lambda: 'rate out (Hz)' in text('figures'))
        browser.save_screenshot(str(tmp_path / 'desktop.png'))
        shown = cv2.imread(str(tmp_path / 'desktop.png'))
        assert shown[100:500].std() > 20  # a picture, not a black box
        from selenium.webdriver.support.select import Select
        Select(browser.find_element('id', 'colormap')).select_by_visible_text('HOT')
        assert wait_for(lambda: text('state') == 'colormap HOT')
        browser.find_element('id', 'save').click()
        assert wait_for(lambda: text('state').startswith('saved to'))
        browser.set_window_size(400, 800)
        time.sleep(1.0)
        overflow = 'return document.documentElement.scrollWidth - window.innerWidth'
        assert browser.execute_script(overflow) <= 0
        browser.save_screenshot(str(tmp_path / 'phone.png'))
        running.clear()
        assert wait_for(lambda: text('state').startswith('the pictures stopped'))
        assert 'stopped' in browser.find_element('tag name', 'body').get_attribute('class')
        errors = [entry for entry in browser.get_log('browser') if entry['level'] == 'SEVERE'
                  and 'favicon' not in entry['message']]
        assert not errors
    finally:
        browser.quit()


def test_a_port_that_is_taken():
    with NodeProcess('web_viewer', {'port': 0}) as first:
        first.wait_for_output('the page is at')
        port = int(re.search(r'http://\S+:(\d+)', first.output()).group(1))
        with NodeProcess('web_viewer', {'port': port}) as second:
            assert second.wait() == 1
            assert f'cannot serve on 127.0.0.1, port {port}' in second.output()
            assert 'Traceback' not in second.output()
        assert first.stop() == 0


@pytest.mark.faults
def test_a_node_that_is_no_heatmap_node(street):
    with NodeProcess('playback_node', {'source': str(street / 'street.mp4'), 'loop': True}), \
            NodeProcess('web_viewer', {'port': 0, 'heatmap_node': 'playback'}) as viewer:
        viewer.wait_for_output('the page is at')
        time.sleep(3.0)  # it asks for the colormap once a second
        address = re.search(r'the page is at (\S+)', viewer.output()).group(1)
        assert json.loads(get(f'{address}/state'))['stopped']
        assert 'no service' in post(f'{address}/save', {})['message']
        assert viewer.stop() == 0


@pytest.mark.faults
@pytest.mark.parametrize('name', ['a b', '/', 'x' * 5_000])
def test_what_is_no_name_of_a_node(name):
    with NodeProcess('web_viewer', {'port': 0, 'heatmap_node': name}) as viewer:
        assert viewer.wait() == 1
        assert "parameter 'heatmap_node': '" in viewer.output()
        assert len(viewer.output()) < 1_200 and len(viewer.output().splitlines()) == 1
