"""Ten thousand odd requests to a real page beside a real node: nothing changes, nothing breaks."""

import asyncio
from collections import Counter
import threading
from urllib.parse import urlsplit

import numpy as np
from odd_requests import malformed_change, odd_request, seeded
from page_site import write_history
import pytest
from rcl_interfaces.srv import GetParameters, ListParameters
from ros_processes import call, Elsewhere, image_message, NodeProcess, state
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from web_client import address_of, Client, wait_for
from yolo_heatmap_ros.storage import snapshots

pytest.importorskip('aiohttp', reason='the page needs aiohttp')

NAME = '/yolo_heatmap'
REQUESTS = 10_000
AT_ONCE = 100
WITHIN = 2.0
"""Seconds to wait for an answer; to what is only the begin of a request there is none."""


class Site:
    """A node with heat, and the page beside it; the camera shows nothing any more."""

    def __init__(self, folder, node, client, processes):
        self.folder, self.node, self.client, self.processes = folder, node, client, processes

    def facts(self):
        """Return all that a request could have changed."""
        names = call(self.node, ListParameters, f'{NAME}/list_parameters',
                     ListParameters.Request()).result.names
        values = call(self.node, GetParameters, f'{NAME}/get_parameters',
                      GetParameters.Request(names=names)).values
        files = {path.relative_to(self.folder): path.read_bytes()
                 for path in sorted(self.folder.rglob('*'))
                 # SQLite makes both for those who read.
                 if path.is_file() and not path.name.endswith(('-shm', '-wal'))
                 and 'log' not in path.relative_to(self.folder).parts}
        return {'parameters': dict(zip(names, map(str, values))), 'state': state(self.node, NAME),
                'files': files, 'paused': self.client.state()['settings']['paused']}

    def heat(self):
        """Return the heat; saving it makes a file."""
        saved = call(self.node, Trigger, f'{NAME}/save', Trigger.Request())
        assert saved.success, saved.message
        return snapshots.read(snapshots.newest(self.folder / 'heat')[0]).state

    def check(self):
        """All still works, and has printed no traceback."""
        assert b'<html' in self.client.get('/').body
        assert wait_for(lambda: self.client.state()['health']['level'] == 'ok')
        assert self.client.state()['figures']['unexpected errors'] == '0'
        for process in self.processes:
            assert process.running
            assert 'Traceback' not in process.output(), process.output()[-5000:]
            assert 'unexpected error' not in process.output()


@pytest.fixture
def site(node, street, street_frames, tmp_path):
    home = {'ROS_HOME': str(tmp_path)}
    write_history(tmp_path / 'yolo_heatmap_ros' / 'history', street_frames[0].shape[:2])
    with Elsewhere() as camera, NodeProcess('heatmap_node', {
            'weights': str(street / 'street.pt'), 'imgsz': 320, 'heat_unit': 'seconds',
            'regions': '[pavement: [[20, 300], [620, 300], [620, 460], [20, 460]]]',
            'snapshot_dir': str(tmp_path / 'heat')}, **home) as heatmap, NodeProcess(
            'web_viewer', {'port': 0, 'request_rate': 1e6}, **home) as viewer:
        heatmap.wait_for_output('listening to')
        client = Client(address_of(viewer))
        publisher, stop = camera.node.create_publisher(Image, 'image', 1), threading.Event()
        messages = [image_message(frame) for frame in street_frames[:60]]
        empty = image_message(np.full_like(street_frames[0], 128))
        seen = threading.Event()

        def show():
            number = 0
            while not stop.wait(0.1):
                message = empty if seen.is_set() else messages[number % 60]
                message.header.stamp = camera.node.get_clock().now().to_msg()
                publisher.publish(message)
                number += 1
        thread = threading.Thread(target=show)
        thread.start()
        try:
            assert wait_for(lambda: client.state()['regions'].get('pavement', {}).get('tracks'))
            seen.set()
            assert wait_for(lambda: client.state()['regions']['pavement']['objects'] == 0)
            yield Site(tmp_path, node, client, (heatmap, viewer))
        finally:
            stop.set()
            thread.join()
        assert viewer.stop() == 0 and heatmap.stop() == 0


async def answers(address, requests):
    """Send requests, some at a time; return the status of each, 0 where nothing was said."""
    place, gate = urlsplit(address), asyncio.Semaphore(AT_ONCE)

    async def send(data):
        async with gate:
            reader, writer = await asyncio.open_connection(place.hostname, place.port)
            try:
                writer.write(data)
                line = await asyncio.wait_for(reader.readline(), WITHIN)
            except (ConnectionError, ValueError, asyncio.TimeoutError):
                line = b''
            finally:
                writer.transport.abort()
            return int(line.split()[1]) if line.startswith(b'HTTP/1.') else 0
    return await asyncio.gather(*map(send, requests))


def test_nothing_changes(site):
    """Neither by those who may change nothing, nor by nonsense of somebody who may."""
    heat, facts = site.heat(), site.facts()
    cookie = site.client.with_cookie().headers['Cookie']
    requests = [odd_request(seeded(number)) for number in range(REQUESTS)]
    statuses = asyncio.run(answers(site.client.address, requests))
    check(statuses, (200, 400, 401, 403, 404, 405), site, facts)
    nonsense = [malformed_change(seeded(number), cookie) for number in range(REQUESTS // 5)]
    statuses = asyncio.run(answers(site.client.address, nonsense))
    check(statuses, (400, 403, 413, 415), site, facts)
    after = site.heat()
    assert all(array.any() for array in heat.arrays.values())
    for name, array in heat.arrays.items():
        np.testing.assert_array_equal(after.arrays[name], array)


def check(statuses, expected, site, facts):
    """Compare all that could have changed; each kind of refusal was really reached."""
    counted = Counter(statuses)
    assert not [status for status in counted if status >= 500 and status != 503], counted
    assert all(counted[status] >= 10 for status in expected), counted
    assert counted[429] + counted[0] < 0.25 * len(statuses), counted
    site.check()
    now = site.facts()
    for name in facts:
        assert now[name] == facts[name], (name, difference(facts[name], now[name]))


def difference(one, other):
    """Return the names of values that differ."""
    return {name for name in {*one, *other} if one.get(name) != other.get(name)} if isinstance(
        one, dict) else (one, other)
