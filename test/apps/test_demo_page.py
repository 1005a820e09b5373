"""The demo with the page: from one command to a region that counts, and to a clean end."""

import re
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from web_client import CAMERA, Client, wait_for

pytest.importorskip('aiohttp', reason='the page needs aiohttp')


def start(folder, *arguments):
    return subprocess.Popen(
        [sys.executable, '-m', 'yolo_heatmap_ros.apps.demo', '--web', '--output', str(folder),
         *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_it_plays_until_it_is_told_to_end(tmp_path):
    demo, lines = start(tmp_path / 'out', '--port', '0'), []
    reader = threading.Thread(target=lambda: lines.extend(demo.stdout))
    reader.start()
    try:
        found = wait_for(lambda: re.search(r'Open (http://\S+) in', ''.join(lines)), 60.0)
        client = Client(found.group(1)).with_cookie()
        assert wait_for(lambda: client.state()['health']['message'] == 'frames arrive', 60.0)
        shapes = {'regions': {'all': [[0, 0.3], [1, 0.3], [1, 1], [0, 1]]}, 'lines': {},
                  'ignored_areas': {}}
        assert client.ask('PUT', f'{CAMERA}/shapes', shapes).content['success']
        assert wait_for(lambda: client.state()['regions'].get('all', {}).get('objects'))
        assert client.state()['settings']['unit'] == 'seconds'
        kept = tmp_path / 'out' / 'ros_home' / 'yolo_heatmap_ros'
        assert (kept / 'drawn' / 'yolo_heatmap.yaml').is_file()
        assert list((kept / 'history').iterdir())
        for _ in range(3):  # as those press Ctrl-C who cannot wait
            demo.send_signal(signal.SIGINT)
            time.sleep(0.1)
        assert demo.wait(30.0) == 0, ''.join(lines)
    finally:
        demo.kill()
        reader.join()
    assert 'Traceback' not in ''.join(lines)


def test_a_port_that_is_taken(tmp_path):
    """One line says so, and nothing goes on without the page."""
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        demo = start(tmp_path, '--port', str(taken.getsockname()[1]))
        output = demo.communicate(timeout=60)[0]
    assert demo.returncode == 1
    assert len(output.splitlines()) == 1 and 'cannot be used (Address already in use)' in output
