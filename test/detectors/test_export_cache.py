"""Exports of a model: made once, whole or not at all, and finding the same objects."""

import importlib.util
import os
from pathlib import Path
import subprocess
import sys
import time

import numpy as np
import pytest
from yolo_heatmap_ros.detectors.export_cache import (
    cache_folder, choose_backend, exported, missing_packages)
from yolo_heatmap_ros.detectors.yolo import YoloDetector
from yolo_heatmap_ros.errors import BackendError, ModelError

pytestmark = pytest.mark.skipif(importlib.util.find_spec('openvino') is None,
                                reason='openvino is not installed')


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    return tmp_path / 'cache'


SCRIPT = """
import sys
from yolo_heatmap_ros.detectors.yolo import YoloDetector
from yolo_heatmap_ros.errors import ModelError
try:
    YoloDetector(sys.argv[1], accelerate=sys.argv[2], imgsz=320, log=print)
except ModelError as error:
    print('refused:', error)
"""


def start(weights, wanted='openvino', **environment):
    return subprocess.Popen([sys.executable, '-W', 'ignore', '-c', SCRIPT, str(weights), wanted],
                            env={**os.environ, **environment}, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def written():
    """Return the files of the cache, and when each was written."""
    return {path: path.stat().st_mtime_ns for path in cache_folder().rglob('*')
            if path.suffix in ('.bin', '.xml', '.yaml')}


def test_made_once(street):
    lines = []
    YoloDetector(str(street / 'street.pt'), accelerate='auto', imgsz=320, log=lines.append)
    assert len(lines) == 1
    assert "accelerate 'auto': " in lines[0]
    made = sorted(path.name for path in cache_folder().iterdir())
    assert len(made) == 1
    assert made[0].startswith('street-openvino-320-')
    files = written()
    YoloDetector(str(street / 'street.pt'), accelerate='openvino', imgsz=320)
    assert written() == files  # not made again
    # Another size is another export; an exported model is used as it is.
    YoloDetector(str(street / 'street.pt'), accelerate='auto', imgsz=256)
    assert len(list(cache_folder().iterdir())) == 2
    folder = next((cache_folder() / made[0]).iterdir())
    tracker = YoloDetector(str(folder), imgsz=320, accelerate='auto', log=lines.append)
    assert tracker.names == {0: 'person', 1: 'car'}
    assert lines[-1].endswith('runs as it is, is exported already')


def test_same_objects_at_full_precision(street, tmp_path):
    """
    Boxes within a pixel.

    By itself OpenVINO computes at half precision on processors that are made for that: the hint
    that keeps it from doing so is the test's.
    """
    script = """
import sys
import cv2
import numpy as np
import openvino
compile_model = openvino.Core.compile_model
def precise(core, model, device_name=None, config=None):
    hint = {'INFERENCE_PRECISION_HINT': openvino.Type.f32}
    return compile_model(core, model, device_name=device_name, config={**(config or {}), **hint})
openvino.Core.compile_model = precise
from yolo_heatmap_ros.detectors.yolo import YoloDetector
capture = cv2.VideoCapture(sys.argv[1] + '/street.mp4')
frames = [capture.read()[1] for _ in range(12)]
found = [[detector.detect(frame) for frame in frames] for detector in (
    YoloDetector(sys.argv[1] + '/street.pt', tracker='none', device='cpu', accelerate=wanted)
    for wanted in ('none', 'openvino'))]
for plain, fast in zip(*found):
    assert len(plain) == len(fast) > 3, (len(plain), len(fast))
    distance = np.abs(plain.xyxy[:, None] - fast.xyxy[None]).max(axis=2).min(axis=1)
    assert distance.max() < 1.0, distance
"""
    run = subprocess.run([sys.executable, '-W', 'ignore', '-c', script, str(street)], text=True,
                         timeout=200,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert run.returncode == 0, run.stdout


def test_two_processes_at_once(street):
    processes = [start(street / 'street.pt') for _ in range(2)]
    for process in processes:
        output = process.communicate(timeout=120)[0]
        assert process.returncode == 0, output
        assert "accelerate 'openvino': " in output
    assert len(list(cache_folder().iterdir())) == 1
    YoloDetector(str(street / 'street.pt'), accelerate='openvino', imgsz=320)


def test_killed_in_the_middle(street):
    process = start(street / 'street.pt')
    while not list(cache_folder().glob('unfinished-*/*')) if cache_folder().is_dir() else True:
        time.sleep(0.01)
        assert process.poll() is None, process.communicate()[0]
    process.kill()
    process.communicate()
    left, = cache_folder().iterdir()
    assert left.name.startswith('unfinished-')
    YoloDetector(str(street / 'street.pt'), accelerate='openvino', imgsz=320)
    made, = cache_folder().iterdir()
    assert made.name.startswith('street-openvino-320-')


def test_full_disk(street, tmp_path):
    """With `auto` the plain weights run; with a backend by name it is an error; one line each."""
    if subprocess.run(['unshare', '--mount', 'true'], capture_output=True).returncode != 0:
        pytest.skip('no permission to make a mount namespace')
    folder = tmp_path / 'full'
    folder.mkdir()
    script = f'mount -t tmpfs -o size=1500k tmpfs {folder} && exec "$@"'
    for wanted, expected in (('auto', 'failed'), ('openvino', "refused: accelerate 'openvino'")):
        run = subprocess.run(
            ['unshare', '--mount', 'sh', '-c', script, 'sh', sys.executable, '-W', 'ignore', '-c',
             SCRIPT, str(street / 'street.pt'), wanted], text=True, timeout=120,
            env={**os.environ, 'XDG_CACHE_HOME': str(folder)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert run.returncode == 0, run.stdout
        assert expected in run.stdout
        assert len(run.stdout.strip().splitlines()) == 1, run.stdout


def test_choice():
    assert choose_backend('none', '', True) == 'none'
    assert choose_backend('auto', 'cpu', True) == 'openvino'
    assert choose_backend('auto', '', False) == 'openvino'
    assert choose_backend('auto', 'mps', False) == 'none'
    if missing_packages('tensorrt'):
        assert choose_backend('auto', '0', True) == 'none'
        with pytest.raises(BackendError, match="'tensorrt' needs .*tensorrt.*'auto'"):
            choose_backend('tensorrt', '0', True)


def test_missing_backend_is_one_line(street):
    if not missing_packages('tensorrt'):
        pytest.skip('tensorrt is installed')
    with pytest.raises(ModelError, match="accelerate 'tensorrt' needs"):
        YoloDetector(str(street / 'street.pt'), accelerate='tensorrt')


EXPORTER = """
from pathlib import Path
import sys
import time
from yolo_heatmap_ros.detectors.export_cache import exported
def export(path, *_):
    with open(sys.argv[2], 'a') as log:
        log.write('made\\n')
    time.sleep(0.5)
    (path.parent / 'made').touch()
print(exported(Path(sys.argv[1]), 'openvino', 320, 'cpu', '1', export))
"""


def test_one_process_exports_and_the_others_wait(tmp_path):
    weights, log = tmp_path / 'x.pt', tmp_path / 'log'
    weights.write_bytes(b'weights')
    processes = [subprocess.Popen([sys.executable, '-c', EXPORTER, str(weights), str(log)],
                                  text=True, stdout=subprocess.PIPE) for _ in range(4)]
    results = {process.communicate(timeout=60)[0] for process in processes}
    assert [process.returncode for process in processes] == [0] * 4
    assert len(results) == 1 and Path(results.pop().strip()).is_file()
    assert log.read_text() == 'made\n'


def test_failed_export_leaves_nothing(tmp_path):
    weights = tmp_path / 'x.pt'
    weights.write_bytes(b'weights')

    def fail(path, *_):
        (path.parent / 'part').write_bytes(bytes(1000))
        raise RuntimeError('no')
    with pytest.raises(RuntimeError):
        exported(weights, 'openvino', 320, 'cpu', '1', fail)
    assert not list(cache_folder().iterdir())


def test_key_tells_content_and_version_apart(tmp_path):
    def export(path, *_):
        (path.parent / 'made').touch()
    made = set()
    for content, version, imgsz in ((b'a', '1', 320), (b'b', '1', 320), (b'a', '2', 320),
                                    (b'a', '1', 640)):
        weights = tmp_path / 'x.pt'
        weights.write_bytes(content)
        made.add(exported(weights, 'openvino', imgsz, 'cpu', version, export))
    assert len(made) == 4
    assert np.unique([path.parent for path in made]).size == 4
