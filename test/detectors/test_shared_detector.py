"""Several cameras on one model: each sees what it would see alone."""

from concurrent.futures import Future
import gc
import shutil
import threading
import weakref

import cv2
from following import Following
import numpy as np
import pytest
from ultralytics import YOLO
from yolo_heatmap_ros.detectors.shared_detector import _Request, _run, ModelPool
from yolo_heatmap_ros.errors import ModelError


@pytest.fixture(scope='module')
def clips(street):
    """Return the first frames of three cameras: the clip, mirrored, and from later on."""
    capture = cv2.VideoCapture(str(street / 'street.mp4'))
    frames = [capture.read()[1] for _ in range(60)]
    return [frames[:30], [np.ascontiguousarray(frame[:, ::-1]) for frame in frames[:30]],
            frames[30:]]


def at_once(works):
    """Call functions in threads of their own, and return what they return."""
    results = [None] * len(works)

    def run(index):
        results[index] = works[index]()
    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize('tracker', ['', 'botsort', 'bytetrack', 'none'])
def test_each_camera_sees_what_it_would_see_alone(street, clips, tracker):
    weights = {'weights': str(street / 'street.pt'), 'device': 'cpu', 'tracker': tracker,
               'imgsz': 320}
    pool = ModelPool()
    shared = [Following(pool.make_detector(**weights), keep_unconfirmed=True) for _ in clips]
    found = at_once([lambda one=one, frames=frames: [one.track(frame) for frame in frames]
                     for one, frames in zip(shared, clips)])
    for frames, ours in zip(clips, found):
        alone = Following(keep_unconfirmed=True, **weights)
        ids = set()
        for frame, detections in zip(frames, ours):
            expected = alone.track(frame)
            assert len(detections) == len(expected)
            # Batches are computed in another order: the last digits may differ.
            assert np.allclose(detections.xyxy, expected.xyxy, atol=0.5)
            assert np.array_equal(detections.class_id, expected.class_id)
            assert np.array_equal(detections.confirmed, expected.confirmed)
            ids.update(zip(detections.track_id.tolist(), expected.track_id.tolist()))
        # The same tracks, whatever their numbers: some releases count over all cameras.
        assert len(ids) == len({one for one, _ in ids}) == len({other for _, other in ids})
        assert len(ids) > 5 or tracker == 'none'


def test_one_model_is_loaded_for_all(street):
    pool = ModelPool()
    weights = str(street / 'street.pt')
    one, two = (pool.make_detector(weights=weights, conf=conf) for conf in (0.3, 0.6))
    assert one._shared is two._shared
    assert pool.make_detector(weights=weights, imgsz=320)._shared is not one._shared
    assert (one.task, one.backend, one.device_name) == ('detect', 'pytorch', 'cpu')
    with pytest.raises(ModelError, match='unknown class'):
        one.classes = ['dog']


def test_a_model_that_nobody_uses_is_released(street):
    pool = ModelPool()
    one, two = (pool.make_detector(weights=str(street / 'street.pt')) for _ in range(2))
    model = weakref.ref(one._shared.detector)
    threads = threading.active_count()
    del one
    gc.collect()
    assert model() is not None
    del two
    gc.collect()
    # Its thread has ended, too: while a process ends, no thread may run.
    assert model() is None
    assert threading.active_count() == threads - 1


def test_a_changed_file_is_loaded_again(street, tmp_path):
    """By the next camera; the one that has the model keeps it."""
    weights = tmp_path / 'my.pt'
    shutil.copy(street / 'street.pt', weights)
    pool = ModelPool()
    before = pool.make_detector(weights=str(weights))
    assert pool.make_detector(weights=str(weights))._shared is before._shared
    YOLO('yolo11n.yaml').save(weights)
    after = pool.make_detector(weights=str(weights))
    assert (len(before.names), len(after.names)) == (2, 80)


def test_a_frame_that_fails_costs_its_camera_alone(street, clips):
    """Also if it goes through the model together with those of others."""
    pool = ModelPool()
    shared = pool.make_detector(weights=str(street / 'street.pt'), tracker='none')._shared
    frames, detect_batch = clips[2][:3], shared.detector.detect_batch
    bad = frames[1]

    def failing(batch, *arguments):
        if any(frame is bad for frame in batch):
            raise ModelError('the model fails on this frame')
        return detect_batch(batch, *arguments)
    shared.detector.detect_batch = failing
    options = shared.detector.options()
    requests = [_Request(frame, options, False, Future()) for frame in frames]
    _run(shared.detector, requests)
    assert [len(requests[index].result.result()) > 0 for index in (0, 2)] == [True, True]
    with pytest.raises(ModelError, match='fails on this frame'):
        requests[1].result.result()


def test_each_camera_has_options_of_its_own(street, clips):
    pool = ModelPool()
    cameras = [pool.make_detector(weights=str(street / 'street.pt'), tracker='none', conf=conf,
                                  classes=classes)
               for conf, classes in ((0.25, []), (0.8, []), (0.25, ['car']))]
    frames = clips[2][:8]
    found = at_once([lambda one=one: [one.detect(frame) for frame in frames] for one in cameras])
    everything, sure, cars = ([len(one) for one in each] for each in found)
    assert sum(sure) < sum(everything)
    assert all((one.confidence >= 0.8).all() for one in found[1])
    assert all((one.class_id == 1).all() for one in found[2])
    assert sum(cars) < sum(everything)


def test_sizes_that_differ_and_a_frame_that_fails(street, clips):
    pool = ModelPool()
    one, two = (Following(pool.make_detector(weights=str(street / 'street.pt')))
                for _ in range(2))
    small = [cv2.resize(frame, (320, 240)) for frame in clips[0]]
    found = at_once([lambda: [one.track(frame) for frame in clips[0]],
                     lambda: [two.track(frame) for frame in small]])
    assert sum(map(len, found[0])) > 50 and sum(map(len, found[1])) > 20
    assert found[1][-1].xyxy.max() <= 321
    with pytest.raises(ModelError, match='the model fails on this frame'):
        one.track(np.zeros((0, 0, 3), np.uint8))
    assert len(one.track(clips[0][-1])) > 0
