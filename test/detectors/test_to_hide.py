"""What is to be hidden comes from the same run of the model, and changes nothing of the rest."""

from pathlib import Path

import numpy as np
import pytest
from yolo_heatmap_ros.detectors.shared_detector import ModelPool
from yolo_heatmap_ros.detectors.to_hide import ToHide
from yolo_heatmap_ros.detectors.tracking import find_tracker
from yolo_heatmap_ros.detectors.yolo import YoloDetector

CARS, PEOPLE, ALL = ToHide([1], 0.05), ToHide([0], 0.01), ToHide([], 0.3)


@pytest.fixture(scope='module')
def weights(street):
    return str(street / 'street.pt')


@pytest.mark.parametrize('options', [
    {'conf': 0.4, 'max_det': 3}, {'classes': ['car']}, {'iou': 0.1}, {'tracker': 'botsort'}])
def test_what_counts_is_the_same(weights, street_frames, options):
    detector = YoloDetector(weights, device='cpu', imgsz=320, **options)
    plain = detector.detect(street_frames[20])
    assert plain.hidden is None and len(plain)
    for to_hide in (CARS, PEOPLE, ALL):
        detector.to_hide = to_hide
        found = detector.detect(street_frames[20])
        for name in ('xyxy', 'class_id', 'confidence'):
            assert np.array_equal(getattr(found, name), getattr(plain, name))
        assert len(found.hidden) and (found.hidden.confidence > to_hide.conf).all()
        assert set(found.hidden.class_id) <= set(to_hide.classes or (0, 1))


def test_features_stay_with_their_boxes(weights, street_frames, tmp_path):
    """Those by which trackers know objects again."""
    options = Path(find_tracker('botsort')).read_text()
    path = tmp_path / 'reid.yaml'
    path.write_text(options.replace('with_reid: False', 'with_reid: True'))
    detector = YoloDetector(weights, device='cpu', imgsz=320, conf=0.4, tracker=str(path))
    plain = detector.detect(street_frames[20])
    detector.to_hide = PEOPLE
    found = detector.detect(street_frames[20])
    assert len(plain) and plain.cues.keys() == found.cues.keys() == {'feats'}
    for one, other in zip(plain.cues['feats'], found.cues['feats']):
        assert np.allclose(one, other)
    assert len(found.cues['feats']) == len(found) < len(found.hidden)


def test_cameras_that_share_a_model(weights, street_frames):
    """Each gets what it asks for, and the model runs once for both."""
    pool = ModelPool()
    plain, hiding = (pool.make_detector(weights=weights, device='cpu', imgsz=320)
                     for _ in range(2))
    hiding.to_hide = PEOPLE
    one, other = plain.detect(street_frames[20]), hiding.detect(street_frames[20])
    assert np.array_equal(one.xyxy, other.xyxy)
    assert one.hidden is None and len(other.hidden) > len(other)
