"""The page beside two cameras and their floor: all are found, lost and found again."""

import asyncio
import json
import os
from pathlib import Path
from socket import SHUT_RDWR
import struct
import threading

import cv2
import numpy as np
import pytest
from rcl_interfaces.srv import GetParameters, SetParametersAtomically
from ros_processes import Elsewhere, image_message, NodeProcess, parameters_request
from sensor_msgs.msg import Image
from web_client import address_of, Client, wait_for

aiohttp = pytest.importorskip('aiohttp', reason='the page needs aiohttp')

FRONT, BACK, FLOOR = 'front.yolo_heatmap', 'back.yolo_heatmap', 'yolo_floor'
CAMERA = f'/api/cameras/{FRONT}'
REGIONS = {'door': [[0.1, 0.5], [0.9, 0.5], [0.9, 0.95], [0.1, 0.95]]}
GROUND = {'points_px': [[0.1, 0.5], [0.9, 0.5], [1.0, 1.0], [0.0, 1.0]],
          'points_m': [[0, 5], [8, 5], [8, 0], [0, 0]]}


class Site:
    """Two heatmap nodes, a floor node and a page that finds them, in a `with` block."""

    def __init__(self, folder, street, frames):
        self._home = {'ROS_HOME': str(folder)}
        self._weights = str(street / 'street.pt')
        self._messages = [image_message(frame) for frame in frames[:30]]
        self._nodes = {}
        self.showing = threading.Event()
        self._ending = threading.Event()

    def start(self, name):
        """Start the heatmap node of a camera."""
        self._nodes[name] = NodeProcess(
            'heatmap_node', {'weights': self._weights, 'imgsz': 320, 'heat_unit': 'seconds'},
            arguments=['-r', f'__ns:=/{name}'], **self._home)
        self._nodes[name].wait_for_output('listening to')

    def kill(self, name):
        """End a node without a word."""
        self._nodes[name].__exit__()

    def __enter__(self):
        self._elsewhere = Elsewhere()
        self.node = self._elsewhere.__enter__().node
        try:
            for name in ('front', 'back'):
                self.start(name)
            self._nodes['floor'] = NodeProcess('floor_node', {
                'heatmap_nodes': '[/front/yolo_heatmap]', 'ground.extent': '[0, 0, 8, 5]'},
                **self._home)
            self.viewer = NodeProcess('web_viewer', {'port': 0, 'heatmap_node': 'all'},
                                      **self._home)
            self.client = Client(address_of(self.viewer)).with_cookie()
        except BaseException:
            self._close()
            raise
        self._thread = threading.Thread(target=self._show)
        self._thread.start()
        self.showing.set()
        return self

    def _show(self):
        publishers = [self.node.create_publisher(Image, f'/{name}/image', 1)
                      for name in ('front', 'back')]
        number = 0
        while not self._ending.wait(0.1):
            if not self.showing.is_set():
                continue
            message = self._messages[number % len(self._messages)]
            message.header.stamp = self.node.get_clock().now().to_msg()
            for publisher in publishers:
                publisher.publish(message)
            number += 1

    def __exit__(self, kind, *_):
        self._ending.set()
        self._thread.join()
        try:
            if kind is None:
                assert self.viewer.stop() == 0, self.viewer.output()
                assert 'Traceback' not in self.viewer.output(), self.viewer.output()
        finally:
            self._close()

    def _close(self):
        for process in (*self._nodes.values(), getattr(self, 'viewer', None)):
            if process is not None:
                process.__exit__()
        self._elsewhere.__exit__(None, None, None)


@pytest.fixture(scope='module')
def site(tmp_path_factory, street, street_frames):
    """Return a site, see `Site`."""
    with Site(tmp_path_factory.mktemp('site'), street, street_frames) as site:
        assert wait_for(lambda: [state['id'] for state in site.client.get(
            '/api/cameras').content['cameras']] == [BACK, FRONT, FLOOR])
        yield site


async def live(site, watch, until, acknowledge=True, timeout=30.0):
    """Watch cameras until a condition on (states by id, pictures so far) holds."""
    states, pictures = {}, []
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(f'{site.client.address}/api/live') as socket:
            await socket.send_json({'watch': watch})
            end = asyncio.get_running_loop().time() + timeout
            while not until(states, pictures):
                assert asyncio.get_running_loop().time() < end, (states, len(pictures))
                message = await socket.receive(timeout=10.0)
                if message.type == aiohttp.WSMsgType.TEXT:
                    states = {state['id']: state
                              for state in json.loads(message.data)['cameras']}
                    continue
                assert message.type == aiohttp.WSMsgType.BINARY, message
                length, = struct.unpack('>I', message.data[:4])
                header = json.loads(message.data[4:4 + length])
                pictures.append((header, message.data[4 + length:]))
                if acknowledge:
                    await socket.send_json({'drawn': header['number'], 'id': header['id'],
                                            'width': header['width']})
    return states, pictures


def watched(site, watch, until, **options):
    return asyncio.run(live(site, watch, until, **options))


def test_states_and_pictures_of_all(site):
    """One large picture and small ones of all, which come less often."""
    states, pictures = watched(
        site, [{'id': FRONT, 'width': 0}, {'id': FRONT, 'width': 200}, {'id': BACK, 'width': 200},
               {'id': 'nobody', 'width': 200}, {'id': FLOOR, 'width': 0}, 7],
        lambda states, pictures: states and sum(
            header['width'] == 0 and header['id'] == FRONT for header, _ in pictures) >= 15)
    by_watch = {}
    for header, data in pictures:
        by_watch.setdefault((header['id'], header['width']), []).append(header['number'])
        shape = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape
        if header['id'] != FLOOR:
            assert shape == ((480, 1280, 3) if not header['width'] else (180, 480, 3))
        assert header['type'] == 'image/jpeg' and header['stamp'] > 1e9
    assert all(numbers == sorted(set(numbers)) for numbers in by_watch.values())
    assert set(by_watch) >= {(FRONT, 0), (FRONT, 200), (BACK, 200)}
    assert len(by_watch[FRONT, 200]) < 0.6 * len(by_watch[FRONT, 0])
    assert {one['kind'] for one in states.values()} <= {'camera', 'floor'}
    assert wait_for(lambda: site.client.state(FLOOR)['kind'] == 'floor')
    assert site.client.state(FRONT)['kind'] == 'camera'
    assert site.client.state(FRONT)['name'] == '/front/yolo_heatmap'


def test_one_picture_is_under_way(site):
    """A browser that draws nothing gets no second one, and still hears how things are."""
    count = []

    def until(states, pictures):
        count.append(states)
        return len(count) > 5
    _, pictures = watched(site, [{'id': FRONT, 'width': 0}], until, acknowledge=False)
    assert len(pictures) == 1


@pytest.mark.parametrize('message', [
    '[]', '{', 'null', '[' * 10_000, '{"watch": 7}', '{"watch": [{"id": [], "width": {}}]}',
    '{"watch": [{"id": "front.yolo_heatmap", "width": 1e400}]}', '{"drawn": 1, "id": {}}',
    'x' * 20_000, b'\0\1'])
def test_odd_messages(site, message):
    """The connection may end; the server goes on."""
    async def send():
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(f'{site.client.address}/api/live') as socket:
                await (socket.send_bytes if isinstance(message, bytes) else socket.send_str)(
                    message)
                await socket.receive(timeout=5.0)
    asyncio.run(send())
    assert site.client.get('/api/cameras').status == 200


def test_a_flood_of_messages(site):
    """It waits in its own connection, and takes no time from others."""
    async def flood():
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(f'{site.client.address}/api/live') as socket:
                async def send():
                    while True:
                        await socket.send_str('{"watch": []}')
                sending = asyncio.ensure_future(send())
                await asyncio.sleep(2.0)
                sending.cancel()
                socket.get_extra_info('socket').shutdown(SHUT_RDWR)  # it would wait its turn
    used = cpu_of(site.viewer)
    asyncio.run(flood())
    assert cpu_of(site.viewer) - used < 1.0


def cpu_of(process):
    """Return the seconds of CPU that a process has used."""
    times = Path(f'/proc/{process.pid}/stat').read_text().rpartition(')')[2].split()[11:13]
    return sum(map(int, times)) / os.sysconf('SC_CLK_TCK')


def asked(site, kind, service, request):
    """Return what a service of a node answers."""
    client = site.node.create_client(kind, service)
    assert client.wait_for_service(10.0)
    answered = threading.Event()
    call = client.call_async(request)
    call.add_done_callback(lambda future: answered.set())
    assert answered.wait(10.0)
    site.node.destroy_client(client)
    return call.result()


def values_of(site, *names):
    """Return parameters of the front node."""
    return [value.string_value for value in asked(
        site, GetParameters, '/front/yolo_heatmap/get_parameters',
        GetParameters.Request(names=list(names))).values]


def test_a_picture_that_may_not_be_shown_any_more(site):
    """It is forgotten once the node hides people, also while no new one comes."""
    picture = f'/api/cameras/{BACK}/picture.jpg'

    def anonymize(how):
        assert asked(site, SetParametersAtomically,
                     '/back/yolo_heatmap/set_parameters_atomically',
                     parameters_request({'anonymize': how})).result.successful
    assert wait_for(lambda: site.client.get(picture).status == 200)
    try:
        site.showing.clear()
        anonymize('fill')
        assert wait_for(lambda: site.client.get(picture).status == 404)
    finally:
        site.showing.set()
    assert wait_for(lambda: site.client.get(picture).status == 200)
    anonymize('none')


def test_shapes(site):
    """What is drawn counts, is seen again, is kept, and comes as parameters."""
    client = site.client
    shapes = {'regions': REGIONS, 'lines': {'a: b': [[0.5, 0.5], [0.5, 1.0]], 'Tür': [
        [0, 0.7], [1, 0.7]], 'می\u200cخواهم': [[0, 0.1], [1, 0.1]]}, 'ignored_areas': {}}
    done = client.ask('PUT', f'{CAMERA}/shapes', shapes).content
    assert done['success'], done
    assert done['message'].startswith('1 region, 3 lines; kept for the next start in ')
    seen = client.get(f'{CAMERA}/shapes').content
    assert {kind: seen[kind] for kind in shapes} == shapes and seen['unit'] == 'px'
    state = wait_for(lambda: (now := client.state(FRONT))['regions'].get('door', {}).get(
        'tracks') and len(now['lines']) == 3 and now['drawn'] and now)
    assert state['drawn'].startswith('kept for the next start in')
    series = wait_for(lambda: (now := client.get(f'{CAMERA}/counts').content)['regions'] and now)
    assert series['period_s'] == 10.0 and len(series['regions']['door']['objects']) == 360
    text = client.get(f'{CAMERA}/parameters.yaml')
    assert text.headers['Content-Type'].startswith('text/plain')
    assert b'/front/yolo_heatmap:\n  ros__parameters:\n    regions:' in text.body
    assert 'Tür' in text.body.decode()


@pytest.mark.parametrize('change, words', [
    ({'regions': []}, 'not an object'), ({'regions': {'a': [[0, 0], [1, 1]]}}, '2 points'),
    ({'regions': {'a': [[0, 0], [1, 1], [1, 2]]}}, 'not from 0 to 1'),
    ({'regions': {'a': [[0, 0], [1, 1], [1, '0']]}}, 'not a list of points'),
    ({'regions': {'a': [[0, 0], [1, 1], [1, 10 ** 400]]}}, 'not a list of points'),
    ({'regions': {'a': [[0, 0], [1, 1], [1, True]]}}, 'not a list of points'),
    ({'regions': {'': REGIONS['door']}}, 'a name must have'),
    ({'regions': {'a\nb': REGIONS['door']}}, 'a name must have'),
    ({'regions': {'\u200d': REGIONS['door']}}, 'a name must have'),
    ({'regions': {'a' * 101: REGIONS['door']}}, 'a name must have'),
    ({'regions': {'a': REGIONS['door'], ' a': REGIONS['door']}}, 'two are called'),
    ({'lines': {'a': [[0, 0]]}}, '1 points'),
    ({'lines': {f'{number}': [[0, 0], [1, 1]] for number in range(101)}}, 'more than 100'),
    ({'other': {}}, 'exactly'), ({'ground': {}}, 'exactly')])
def test_shapes_that_are_refused(site, change, words):
    before = values_of(site, 'regions', 'lines', 'ignored_areas')
    answer = site.client.ask('PUT', f'{CAMERA}/shapes', {
        'regions': {}, 'lines': {}, 'ignored_areas': {}, **change})
    assert answer.status == 400 and words in answer.content['error']
    assert values_of(site, 'regions', 'lines', 'ignored_areas') == before


def test_shapes_that_the_node_refuses(site):
    """All or nothing: a good line is not taken with a bad region."""
    before = values_of(site, 'regions', 'lines', 'ignored_areas')
    answer = site.client.ask('PUT', f'{CAMERA}/shapes', {
        'regions': {'bow': [[0, 0], [1, 1], [1, 0], [0, 1]]}, 'lines': {
            'new': [[0, 0], [1, 1]]}, 'ignored_areas': {}}).content
    assert not answer['success'] and 'cross each other' in answer['message']
    assert values_of(site, 'regions', 'lines', 'ignored_areas') == before


def test_the_floor(site):
    """Ground points give the camera a floor, and a floor node's shapes are in metres."""
    client = site.client
    for wrong in ({'points_px': []}, {'points_px': [[0, 2]], 'points_m': []},
                  {'points_px': 7, 'points_m': []}):
        assert client.ask('PUT', f'{CAMERA}/ground', wrong).status == 400, wrong
    assert client.get(f'{CAMERA}/floor').status == 404
    one_line = {**GROUND, 'points_m': [[0, 0], [1, 0], [2, 0], [3, 0]]}
    refused = client.ask('PUT', f'{CAMERA}/ground', one_line).content
    assert not refused['success'] and 'nothing has changed' in refused['message']
    done = client.ask('PUT', f'{CAMERA}/ground', GROUND).content
    assert done['success'] and 'the floor is set' in done['message'], done
    assert wait_for(lambda: client.state(FRONT)['has_floor'])
    assert client.get(f'{CAMERA}/shapes').content['ground'] == GROUND
    floor = wait_for(lambda: (now := client.get(f'{CAMERA}/floor')).status == 200 and now.content)
    assert (floor['width'], floor['height'], floor['resolution']) == (80, 50, 0.1)
    png = cv2.imdecode(np.frombuffer(client.get(f'{CAMERA}/floor.png').body, np.uint8),
                       cv2.IMREAD_UNCHANGED)
    assert png.shape == (50, 80, 4)
    above = f'/api/cameras/{FLOOR}'
    assert client.ask('PUT', f'{above}/ground', GROUND).status == 400
    square = [[1.5, 1.5], [6.0, 1.5], [6.0, 4.0], [1.5, 4.0]]
    shapes = {'regions': {'hall': square}, 'lines': {}, 'ignored_areas': {}}
    done = client.ask('PUT', f'{above}/shapes', shapes).content
    assert done['success'], done
    assert client.get(f'{above}/shapes').content == {
        **shapes, 'unit': 'm', 'extent': [0.0, 0.0, 8.0, 5.0]}
    assert 'door' in client.get(f'{CAMERA}/shapes').content['regions']  # as before


def test_a_node_is_lost_and_found(site):
    """The live connection stays, says so, and shows its pictures again; drawn regions are back."""
    async def follow():
        steps = {'lost': lambda states, pictures: states.get(FRONT, {}).get(
            'health', {}).get('level') in ('gone', 'stale'),
            'found': lambda states, pictures: states[FRONT]['health']['level'] == 'ok' and (
                pictures[-1][0]['number'] > last)}
        last = 0

        def until(states, pictures):
            nonlocal last
            name = next(iter(steps), None)
            if name and steps[name](states, pictures):
                del steps[name]
                if name == 'lost':
                    last = pictures[-1][0]['number']
                    threading.Thread(target=site.start, args=('front',)).start()
            elif len(steps) == 2 and pictures:
                site.kill('front')
            return not steps
        await live(site, [{'id': FRONT, 'width': 0}], until, timeout=60.0)
    asyncio.run(follow())
    assert 'door' in wait_for(lambda: site.client.state(FRONT)['regions'])
