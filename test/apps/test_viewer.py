"""The viewer's window on a virtual display: what it shows, and what its keys do."""

import shutil
import subprocess
import time

import cv2
import numpy as np
import pytest
from ros_processes import image_message, NodeProcess, Pictures, spin_until
from sensor_msgs.msg import Image
from yolo_heatmap_ros.ros.messages.images import to_frame
from yolo_heatmap_ros.storage.snapshots import newest

NAME = '/yolo_heatmap'


@pytest.fixture
def display(monkeypatch):
    """Start a display of 1400 x 700 px, and let this process and its children use it."""
    for program in ('Xvfb', 'xdotool', 'ffmpeg'):
        if shutil.which(program) is None:
            pytest.skip(f'{program} is not installed: apt install xvfb xdotool ffmpeg')
    # It chooses a number that is free, and writes it once it can be used.
    server = subprocess.Popen(['Xvfb', '-displayfd', '1', '-screen', '0', '1400x700x24'],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    name = f':{server.stdout.readline().strip()}'
    monkeypatch.setenv('DISPLAY', name)
    yield name
    server.terminate()
    server.wait()


def screenshot(display, folder):
    path = folder / 'screen.png'
    subprocess.run(['ffmpeg', '-loglevel', 'error', '-y', '-f', 'x11grab', '-video_size',
                    '1400x700', '-i', display, '-frames:v', '1', str(path)], check=True)
    return cv2.imread(str(path))


def press(key):
    windows = subprocess.run(['xdotool', 'search', '--name', 'yolo_heatmap'], capture_output=True,
                             text=True, check=True).stdout.split()
    subprocess.run(['xdotool', 'key', '--window', windows[-1], key], check=True)


def test_the_window_and_its_keys(node, street, street_frames, display, tmp_path):
    viewer = NodeProcess('viewer', {}, {'image': f'{NAME}/composite'}, fresh=True)
    heatmap = NodeProcess('heatmap_node', {
        'weights': str(street / 'street.pt'), 'imgsz': 320, 'frame_policy': 'all',
        'snapshot_dir': str(tmp_path / 'heat'), 'colormap': 'JET'})
    with viewer, heatmap:
        heatmap.wait_for_output('listening to')
        composites = Pictures(node, f'{NAME}/composite')
        camera = node.create_publisher(Image, 'image', 50)
        assert spin_until(node, lambda: camera.get_subscription_count()
                          and node.count_subscribers(f'{NAME}/composite') == 2)
        time.sleep(2.0)
        before = screenshot(display, tmp_path)
        assert (before == 32).all(axis=2).mean() > 0.1  # the window, still empty

        def show(number):
            count = len(composites)
            camera.publish(image_message(street_frames[number], number + 1))
            assert spin_until(node, lambda: len(composites) > count)
            time.sleep(0.5)
        for number in range(10):
            show(number)
        seen = screenshot(display, tmp_path)[:480, :1280]
        assert np.abs(seen.astype(int) - to_frame(composites.messages[-1])).mean() < 3
        press('c')
        viewer.wait_for_output('colormap MAGMA')  # OpenCV's next after JET
        show(10)
        seen = screenshot(display, tmp_path)[:440, :1280]  # above the message
        assert np.abs(seen.astype(int) - to_frame(composites.messages[-1])[:440]).mean() < 3
        press('s')
        viewer.wait_for_output('saved to')
        assert len(newest(tmp_path / 'heat')) == 1
        press('p')
        viewer.wait_for_output('paused: the heat stays')
        assert spin_until(node, lambda: not camera.get_subscription_count())
        press('p')
        viewer.wait_for_output('resumed')
        press('r')
        viewer.wait_for_output('all heat is reset')
        press('Escape')
        assert viewer.wait() == 0
        assert heatmap.stop() == 0


def test_a_key_without_a_heatmap_node(display):
    with NodeProcess('viewer') as viewer:
        time.sleep(4.0)
        press('s')
        viewer.wait_for_output('no service /yolo_heatmap/save: is the heatmap node running?')
        press('q')
        assert viewer.wait() == 0


@pytest.mark.faults
def test_odd_pictures(node, display):
    """It shows what it can, and says once what it cannot."""
    with NodeProcess('viewer') as viewer:
        camera = node.create_publisher(Image, 'image', 50)
        assert spin_until(node, camera.get_subscription_count)
        for shape in ((1, 60_000, 3), (60_000, 1, 3), (1, 1, 3), (2, 30_000, 3)):
            camera.publish(image_message(np.zeros(shape, np.uint8)))
            time.sleep(0.3)
        bad = image_message(np.zeros((9, 9, 3), np.uint8))
        bad.encoding = 'bad'
        for _ in range(60):
            camera.publish(bad)
            time.sleep(0.01)
        viewer.wait_for_output("picture skipped: encoding 'bad' is not supported")
        assert len(viewer.output().splitlines()) == 1
        press('q')
        assert viewer.wait() == 0
