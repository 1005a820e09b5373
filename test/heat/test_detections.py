"""Objects of a frame: chosen, put together, and told apart."""

import numpy as np
import pytest
from yolo_heatmap_ros.heat.detections import Detections

BOXES = [(0, 0, 10, 10), (20, 20, 40, 60), (100, 50, 130, 90)]


def objects(numbers=(0, 1, 2)):
    """Return objects all of whose values say which they are."""
    numbers = np.array(numbers, np.int64)
    detections = Detections.from_boxes(np.array(BOXES, np.float32)[numbers])
    detections.class_id, detections.track_id = numbers + 10, numbers + 20
    detections.confidence = (numbers / 10).astype(np.float32)
    detections.confirmed = numbers != 1
    detections.outlines = [np.full((3 + number, 2), number, np.float32) for number in numbers]
    detections.oriented = np.full((len(numbers), 5), numbers[:, np.newaxis], np.float32)
    detections.not_finite = 2
    return detections


def assert_are(detections, expected):
    assert len(detections) == len(expected)
    for name in ('xyxy', 'class_id', 'confidence', 'track_id', 'confirmed'):
        assert np.array_equal(getattr(detections, name), getattr(expected, name)), name
    assert [len(outline) for outline in detections.outlines] == [
        len(outline) for outline in expected.outlines]
    assert detections.not_finite == 2


def test_boxes_alone():
    detections = Detections.from_boxes(BOXES)
    assert len(detections) == 3 and detections.xyxy.dtype == np.float32
    assert (detections.class_id == 0).all() and (detections.confidence == 1.0).all()
    assert (detections.track_id == -1).all() and detections.confirmed.all()
    assert Detections.from_boxes([]).xyxy.shape == (0, 4)


@pytest.mark.parametrize('wanted', [np.array([False, True, True]), np.array([1, 2])])
def test_some_are_chosen(wanted):
    assert_are(objects().those(wanted), objects([1, 2]))
    assert objects().those(wanted).oriented[:, 0].tolist() == [1.0, 2.0]


def test_some_are_chosen_in_another_order():
    assert_are(objects().those(np.array([2, 0])), objects([2, 0]))


def test_two_groups_together():
    assert_are(objects([0]) + objects([1, 2]), objects())
    plain = objects([1])
    plain.outlines, plain.not_finite = None, 5
    for both in (objects([0]) + plain, plain + objects([0])):
        assert both.outlines is None and both.not_finite == 5


@pytest.mark.parametrize('box, class_id, apart', [
    ((0, 0, 10, 10), 10, False),
    ((0, 0, 10, 10), 11, True),  # of another class
    ((0, 0, 10, 20), 10, False),  # overlaps by a half
    ((0, 0, 10, 20.5), 10, True),
    ((5, 0, 15, 10), 10, True),
    ((3, 0, 13, 10), 10, False),  # 70 of 130 px
    ((0, 4, 10, 14), 10, True),  # 60 of 140 px
    ((10, 0, 20, 10), 10, True),
    ((-40, -40, -10, -10), 10, True),  # both differences are negative: no area is shared
])
def test_the_same_object_found_twice(box, class_id, apart):
    other = Detections.from_boxes([BOXES[2], box])
    other.class_id[:] = (12, class_id)
    assert_are(objects([0, 1, 2]).apart_from(other), objects([0, 1] if apart else [1]))
    assert_are(objects().apart_from(Detections.from_boxes([])), objects())
