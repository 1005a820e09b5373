"""Loading models, classes, trackers, and what becomes of a model's results."""

import hashlib
import json
import os
from pathlib import Path
import shutil
import subprocess
import sys
from types import SimpleNamespace

import cv2
from following import Following
import numpy as np
import pytest
import torch
from ultralytics import YOLO
from ultralytics.engine.results import Results
import yaml
from yolo_heatmap_ros.config.heatmap import HEATMAP_PARAMETERS
from yolo_heatmap_ros.content_hash import sha256_of
from yolo_heatmap_ros.detectors import weights as weights_module
from yolo_heatmap_ros.detectors.tracking import find_tracker
from yolo_heatmap_ros.detectors.weights import download_folder, find_weights, fingerprint
from yolo_heatmap_ros.detectors.yolo import to_detections, YoloDetector
from yolo_heatmap_ros.drawing.renderer import HeatRenderer
from yolo_heatmap_ros.errors import ModelError, ParameterError
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.heat.options import HeatOptions
from yolo_heatmap_ros.pipeline import HeatmapPipeline


@pytest.fixture(scope='module')
def tracker(street):
    return YoloDetector(str(street / 'street.pt'), device='cpu')


def test_names_and_task(tracker):
    assert tracker.names == {0: 'person', 1: 'car'}
    assert tracker.task == 'detect'
    assert tracker.device_name == 'cpu'


@pytest.mark.parametrize('wanted, ids', [
    (['person'], [0]), (['Car', 'person'], [1, 0]), ([1], [1]), (['1'], [1]), ([], [])])
def test_classes(tracker, wanted, ids):
    assert tracker.class_ids(wanted) == ids


@pytest.mark.parametrize('wanted', [['dog'], [2], ['-1'], ['person', 'bus']])
def test_unknown_class_names_what_is_known(tracker, wanted):
    with pytest.raises(ModelError, match='unknown class.*0 person, 1 car'):
        tracker.class_ids(wanted)


def test_only_wanted_classes_count(street, street_frames):
    tracker = Following(str(street / 'street.pt'), classes=['person'])
    found = [tracker.track(frame) for frame in street_frames[60:75]]
    assert sum(map(len, found)) > 20
    assert all((detections.class_id == 0).all() for detections in found)


def test_tracks_keep_their_ids(street, street_frames):
    tracker = Following(str(street / 'street.pt'))
    found = [set(tracker.track(frame).track_id) for frame in street_frames[:20]]
    assert len(found[18] & found[19]) >= 0.7 * len(found[19]) > 2
    assert -1 not in found[19]


def test_without_tracker_every_detection_counts_at_once(street, street_frames):
    found = Following(str(street / 'street.pt'), tracker='none').track(street_frames[0])
    assert len(found) > 5
    assert (found.track_id == -1).all()


def test_another_resolution_begins_anew(street, street_frames):
    pipeline = HeatmapPipeline(YoloDetector(str(street / 'street.pt')), HeatRenderer())
    for frame in street_frames[:10]:
        pipeline.update(frame)
    assert pipeline.shape == (480, 640)
    pipeline.update(street_frames[10][:300, :400])
    assert pipeline.shape == (300, 400)


def test_oriented_boxes_are_enclosed():
    """cx, cy, w, h, angle in radians, confidence, class."""
    rows = torch.tensor([[50.0, 40.0, 40.0, 20.0, np.pi / 2, 0.9, 1.0]])
    result = Results(np.zeros((100, 120, 3), np.uint8), 'x', {0: 'a', 1: 'b'}, obb=rows)
    found = to_detections(result)
    np.testing.assert_allclose(found.xyxy, [[40.0, 20.0, 60.0, 60.0]], atol=1e-4)
    assert (found.class_id[0], found.track_id[0]) == (1, -1)


def test_oriented_model_runs(tmp_path, street_frames):
    """An architecture with random weights: what it finds is arbitrary, but it must run."""
    model = YOLO('yolo11n-obb.yaml')
    model.save(tmp_path / 'obb.pt')
    for tracker in 'none', 'bytetrack':
        detector = YoloDetector(str(tmp_path / 'obb.pt'), tracker=tracker, conf=0.0, max_det=5,
                                imgsz=320)
        found = detector.detect(street_frames[0])
        assert detector.task == 'obb'
        assert found.xyxy.shape == (5, 4)
        assert found.oriented.shape == (5, 5)
        Following(detector).track(street_frames[0])


def test_a_tracker_follows_oriented_boxes(tmp_path):
    """Detections given by hand, of a box that turns: its track has the upright box around it."""
    YOLO('yolo11n-obb.yaml').save(tmp_path / 'obb.pt')
    tracker = YoloDetector(str(tmp_path / 'obb.pt'), tracker='bytetrack', imgsz=64).make_tracker()
    frame = np.zeros((100, 120, 3), np.uint8)
    for number in range(5):
        rows = torch.tensor([[50.0, 40.0, 40.0, 20.0, np.pi / 2 + number / 100, 0.9, 1.0]])
        found = to_detections(Results(frame, 'x', {0: 'a', 1: 'b'}, obb=rows))
        tracked = tracker.track(found, frame)
    assert (len(tracked), tracked.class_id[0]) == (1, 1)
    assert tracked.track_id[0] > 0 and tracked.confirmed.all()
    np.testing.assert_allclose(tracked.xyxy, found.xyxy, atol=2.0)


def test_detections_that_no_track_confirms_do_not_count(tracker):
    """But they follow where they are wanted, as what they are."""
    frame = np.zeros((100, 120, 3), np.uint8)
    rows = torch.tensor([[10.0, 10.0, 50.0, 50.0, 0.15, 0.0]])  # too doubtful for a new track
    found = to_detections(Results(frame, 'x', {0: 'a'}, boxes=rows))
    assert len(found) == 1
    own = tracker.make_tracker()
    assert len(own.track(found, frame)) == 0
    own.keep_unconfirmed = True
    kept = own.track(found, frame)
    assert len(kept) == 1 and not kept.confirmed.any() and kept.track_id[0] == -1


def test_missing_file_is_named():
    with pytest.raises(ModelError, match="'/no/such/model.pt': no such file"):
        find_weights('/no/such/model.pt')
    with pytest.raises(ModelError, match='empty'):
        find_weights(' ')


def test_home_and_names(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.delenv('XDG_CACHE_HOME', raising=False)
    (tmp_path / 'my.pt').touch()
    assert find_weights('~/my.pt') == tmp_path / 'my.pt'
    assert find_weights('yolo12n.pt') == download_folder() / 'yolo12n.pt'
    assert download_folder() == tmp_path / '.cache' / 'yolo_heatmap_ros'


@pytest.mark.parametrize('content', [b'', b'not a model\n', b'PK\x03\x04broken'])
def test_file_that_is_no_model(tmp_path, content):
    path = tmp_path / 'broken.pt'
    path.write_bytes(content)
    with pytest.raises(ModelError, match='broken.pt.*not a model') as error:
        YoloDetector(str(path))
    assert '\n' not in str(error.value)


def test_truncated_model(tmp_path, street):
    path = tmp_path / 'half.pt'
    path.write_bytes((street / 'street.pt').read_bytes()[:500000])
    with pytest.raises(ModelError, match='half.pt.*not a model'):
        YoloDetector(str(path))


def test_name_that_ultralytics_does_not_offer():
    with pytest.raises(ModelError, match="'my_model.pt'.*give a path"):
        YoloDetector('my_model.pt')


def test_model_without_boxes(tmp_path):
    YOLO('yolo11n-cls.yaml').save(tmp_path / 'classify.pt')
    with pytest.raises(ModelError, match="'classify' finds no boxes"):
        YoloDetector(str(tmp_path / 'classify.pt'))


def test_trackers(tmp_path):
    assert find_tracker('none') == 'none'
    assert find_tracker('') == ''
    assert find_tracker('bytetrack').endswith('bytetrack.yaml')
    assert find_tracker('bytetrack.yaml').endswith('bytetrack.yaml')
    own = tmp_path / 'own.yaml'
    own.write_text(Path(find_tracker('bytetrack')).read_text())
    assert find_tracker(str(own)) == str(own)
    with pytest.raises(ModelError, match="unknown tracker 'nope'.*botsort"):
        find_tracker('nope')


@pytest.mark.parametrize('change, reason', [
    (lambda options: options.pop('fuse_score'), 'lacks fuse_score; start from .* bytetrack.yaml'),
    (lambda options: options.pop('tracker_type'), 'its tracker_type is None, not one of botsort'),
    (lambda options: options.update(tracker_type='mine'), "its tracker_type is 'mine', not one"),
    (lambda options: options.clear(), 'its tracker_type is None'),
])
def test_a_tracker_that_lacks_something(tmp_path, change, reason):
    """It is refused when the model is loaded, not when the first object comes."""
    options = yaml.safe_load(Path(find_tracker('bytetrack')).read_text())
    change(options)
    own = tmp_path / 'own.yaml'
    own.write_text(yaml.safe_dump(options))
    with pytest.raises(ModelError, match=reason) as caught:
        find_tracker(str(own))
    assert '\n' not in str(caught.value)


def test_device_that_is_not_there(street):
    if torch.cuda.device_count() > 7:
        pytest.skip('this machine has an eighth GPU')
    with pytest.raises(ModelError, match="device '7' cannot be used here, try 'cpu'"):
        YoloDetector(str(street / 'street.pt'), device='7')


def test_failure_on_a_frame_is_one_line(tracker):
    with pytest.raises(ModelError, match='fails on this frame'):
        tracker.detect(np.zeros((0, 0, 3), np.uint8))


@pytest.fixture(scope='module')
def segmentation(tmp_path_factory):
    """Return a segmentation model that is sure of itself: untrained, with biased classes."""
    torch.manual_seed(1)
    model = YOLO('yolo11n-seg.yaml')
    for layers in model.model.model[-1].cv3:
        layers[-1].bias.data += 12.0
    path = tmp_path_factory.mktemp('weights') / 'segmentation.pt'
    model.save(path)
    return path


def test_outlines_of_a_segmentation_model(segmentation, street_frames):
    """The heat of kernel `mask` is what Ultralytics' own polygons fill."""
    frame = street_frames[0]
    options = {'conf': 0.01, 'max_det': 4, 'imgsz': 640}
    expected = YOLO(str(segmentation)).predict(frame, verbose=False, **options)[0]
    assert len(expected) == 4
    tracker = YoloDetector(str(segmentation), tracker='none', **options)
    pipeline = HeatmapPipeline(tracker, HeatRenderer(), HeatOptions(kernel='mask'))
    detections = pipeline.update(frame)
    heat = np.zeros(frame.shape[:2], np.float32)
    for outline, polygon in zip(detections.outlines, expected.masks.xy):
        assert np.array_equal(outline, polygon)
        if len(polygon) >= 3:
            heat += cv2.fillPoly(np.zeros_like(heat), [np.round(polygon).astype(np.int32)], 1.0)
    assert heat.max() >= 1.0
    assert np.array_equal(pipeline.heat(), heat)


def test_outlines_need_a_segmentation_model(tracker):
    with pytest.raises(ModelError, match="kernel 'mask' needs a segmentation model, and this is "
                                         "one for 'detect'"):
        HeatmapPipeline(tracker, HeatRenderer(), HeatOptions(kernel='mask'))


def test_unconfirmed_detections_follow_the_tracks(street, street_frames):
    """Each object once: what is on a track is that track."""
    detector = YoloDetector(str(street / 'street.pt'))
    plain, more = Following(detector), Following(detector, keep_unconfirmed=True)
    unconfirmed = 0
    # One after the other: earlier releases of Ultralytics number the tracks of all trackers on.
    expected = [plain.track(frame) for frame in street_frames[:15]]
    first = None
    for frame, tracks in zip(street_frames, expected):
        detections = more.track(frame)
        first = detections.track_id[0] - tracks.track_id[0] if first is None else first
        count = int(detections.confirmed.sum())
        assert np.array_equal(detections.xyxy[:count], tracks.xyxy)
        assert np.array_equal(detections.track_id[:count], tracks.track_id + first)
        assert (detections.track_id[count:] == -1).all()
        unconfirmed += len(detections) - count
    assert unconfirmed > 10


def test_apart_from():
    one = Detections.from_boxes([(0, 0, 10, 10), (20, 20, 40, 40), (100, 0, 110, 10)])
    one.class_id[:] = (0, 0, 1)
    others = Detections.from_boxes([(1, 1, 10, 10), (100, 0, 110, 10), (38, 38, 60, 60)])
    left = one.apart_from(others)
    assert left.xyxy[:, 0].tolist() == [20, 100]
    assert len(one.apart_from(Detections.from_boxes([]))) == 3
    assert len(Detections.from_boxes([]).apart_from(one)) == 0
    assert len(one + others) == 6


def test_weights_that_are_pinned(street, tmp_path):
    """Others are refused before they are loaded: a pickle would have run its code."""
    weights, marker = tmp_path / 'evil.pt', tmp_path / 'ran'
    weights.write_bytes(b'cos\nsystem\n(S"touch ' + str(marker).encode() + b'"\ntR.')
    good = street / 'street.pt'
    digest = hashlib.sha256(good.read_bytes()).hexdigest()
    assert YoloDetector(str(good), device='cpu', weights_sha256=digest).sha256 == digest
    with pytest.raises(ModelError, match='and weights_sha256 is [0-9a-f]{64}: not loaded'):
        YoloDetector(str(weights), weights_sha256=digest)
    assert not marker.exists()


def test_sha256_of_a_folder(tmp_path):
    """Names count as well as contents."""
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a' / 'x').write_text('1')
    first = sha256_of(tmp_path / 'a')
    (tmp_path / 'a' / 'x').rename(tmp_path / 'a' / 'y')
    assert sha256_of(tmp_path / 'a') != first


QUIET = """
import socket
socket.getaddrinfo = lambda *arguments, **options: []  # as on a machine with a network
from yolo_heatmap_ros.detectors.weights import ultralytics
ultralytics()
from ultralytics.utils import ONLINE, SETTINGS
from ultralytics.utils.events import events
print(ONLINE, events.enabled, SETTINGS['sync'])
"""


def test_nothing_is_reported_to_others(tmp_path):
    """Neither usage nor crashes; the user's own settings stay."""
    environment = {**os.environ, 'YOLO_CONFIG_DIR': str(tmp_path)}
    ended = subprocess.run([sys.executable, '-c', QUIET], env=environment, capture_output=True,
                           text=True, timeout=120)
    assert ended.stdout.splitlines()[-1] == 'True False False', ended.stderr
    settings = next(tmp_path.rglob('settings.json'))
    assert json.loads(settings.read_text())['sync'] is True


def test_size_of_the_input(street, street_frames):
    """As one number or as height and width; where the model takes another one, that is said."""
    lines = []
    for size in (640, (384, 640)):
        detector = YoloDetector(str(street / 'street.pt'), imgsz=size, log=lines.append)
        assert len(detector.detect(street_frames[0])) > 5
    assert not lines
    assert YoloDetector(str(street / 'street.pt'), imgsz=(384, 640)).detect(
        street_frames[0])  # a list would not be a key of shared models
    YoloDetector(str(street / 'street.pt'), imgsz=500, log=lines.append)
    assert lines == ['imgsz 500: the model takes 512 x 512 px (height x width), a multiple of its '
                     'stride']


def test_size_of_an_export(street, tmp_path):
    """An export has one size, whatever is asked for."""
    pytest.importorskip('openvino')
    shutil.copy(street / 'street.pt', tmp_path / 'fixed.pt')
    exported = YOLO(str(tmp_path / 'fixed.pt')).export(format='openvino', imgsz=320, verbose=False)
    lines = []
    YoloDetector(exported, imgsz=640, log=lines.append)
    assert lines == ['imgsz 640: the model takes 320 x 320 px (height x width), the size that it '
                     'was exported for']


def test_a_size_that_is_none():
    spec = {one.name: one for one in HEATMAP_PARAMETERS}['imgsz']
    assert [spec.checked(value) for value in (640, '640', '[384, 640]', [384, 640], 640.0)] == [
        640, 640, (384, 640), (384, 640), 640]
    for value in (0, True, 'big', '[1, 2, 3]', [640, 1e9], 640.5, None, ''):
        with pytest.raises(ParameterError, match="parameter 'imgsz': "):
            spec.checked(value)


def test_prompts_need_an_open_vocabulary_model(street):
    with pytest.raises(ModelError, match="'prompts' needs an open-vocabulary model"):
        YoloDetector(str(street / 'street.pt'), prompts=('forklift',))


def test_prompts_without_the_text_encoder(tmp_path):
    """The encoder is a package and a download of its own: one line says so."""
    YOLO('yolov8s-worldv2.yaml').save(tmp_path / 'world.pt')
    with pytest.raises(ModelError, match='the text encoder cannot read the prompts') as caught:
        YoloDetector(str(tmp_path / 'world.pt'), prompts=('forklift',), imgsz=64)
    assert '\n' not in str(caught.value)


class NumberingEncoder:
    """Stands in for CLIP, which no machine without its download has: a vector for each text."""

    def tokenize(self, texts):
        return torch.arange(len(texts))

    def encode_text(self, tokens):
        return torch.nn.functional.one_hot(tokens, 512).float()


def test_prompts_are_the_classes(tmp_path, monkeypatch, street_frames):
    """A real YOLO-World with random weights: what it finds is arbitrary, under these names."""
    monkeypatch.setitem(sys.modules, 'ultralytics.nn.text_model', SimpleNamespace(
        build_text_model=lambda *args, **kwargs: NumberingEncoder()))
    YOLO('yolov8s-worldv2.yaml').save(tmp_path / 'world.pt')
    lines = []
    detector = YoloDetector(str(tmp_path / 'world.pt'), prompts=('forklift', 'red hat', 'dog'),
                            imgsz=64, conf=0.0, max_det=5, classes=['Red Hat'], tracker='none',
                            accelerate='auto', log=lines.append)
    assert detector.names == {0: 'forklift', 1: 'red hat', 2: 'dog'}
    assert detector.classes == [1]
    detector.classes = []
    assert set(detector.detect(street_frames[0]).class_id.tolist()) <= {0, 1, 2}
    assert lines[-1] == "accelerate 'auto': a model with prompts runs as it is"
    with pytest.raises(ModelError, match='unknown class .* 0 forklift, 1 red hat, 2 dog'):
        detector.classes = ['person']


def test_what_is_checked_is_what_is_loaded(street, tmp_path, monkeypatch):
    """Somebody swaps the file between the check and the load."""
    weights = tmp_path / 'my.pt'
    shutil.copy(street / 'street.pt', weights)
    good = sha256_of(weights)
    YOLO('yolo11n.yaml').save(tmp_path / 'other.pt')

    def swapping(weights_name, path):
        shutil.copy(tmp_path / 'other.pt', weights)
        return really(weights_name, path)
    really = weights_module._open
    monkeypatch.setattr(weights_module, '_open', swapping)
    assert len(YoloDetector(str(weights), weights_sha256=good).names) == 2
    shutil.copy(street / 'street.pt', weights)
    with pytest.raises(ModelError, match='has changed while it was loaded'):
        YoloDetector(str(weights))


def test_an_offered_name_is_not_looked_for_where_the_node_was_started(tmp_path, monkeypatch):
    """A file that somebody else has left there could run code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    for name in ('yolo12n.pt', 'my.pt'):
        (tmp_path / name).touch()
    assert find_weights('yolo12n.pt') == download_folder() / 'yolo12n.pt'
    assert find_weights('./yolo12n.pt').samefile(tmp_path / 'yolo12n.pt')
    assert fingerprint('./yolo12n.pt') == fingerprint(str(find_weights('./yolo12n.pt'))) != ()
    assert find_weights('my.pt').samefile(tmp_path / 'my.pt')
    with pytest.raises(ModelError, match="weights 'your.pt': no such file"):
        find_weights('your.pt')


def test_a_package_that_trackers_need(street, monkeypatch):
    """Ultralytics does not declare it, so that a workspace may lack it."""
    for name in [name for name in sys.modules if name.startswith('ultralytics.trackers')]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, 'lap', None)
    with pytest.raises(ModelError, match='tracker .*: .*lap'):
        YoloDetector(str(street / 'street.pt'))
