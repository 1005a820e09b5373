"""What is shown depends on what was there before, however the stamps are."""

import numpy as np
import pytest
from yolo_heatmap_ros.choices import Anonymize, Background
from yolo_heatmap_ros.drawing.anonymize import FLAT
from yolo_heatmap_ros.drawing.public_picture import Privacy, PublicPicture
from yolo_heatmap_ros.heat.detections import Detections

SOMEBODY = Detections.from_boxes(np.array([(50.0, 40.0, 70.0, 90.0)]))
NOBODY = Detections.from_boxes(np.empty((0, 4)))
INSIDE = (slice(40, 90), slice(50, 70))


@pytest.fixture
def frame():
    return np.random.default_rng(3).integers(0, 120, (120, 160, 3), np.uint8)


def shown(public, frame, found, stamp):
    return public.of(frame, found, np.ones(len(found), bool), stamp)


def covered(picture):
    return bool((picture[INSIDE] == FLAT).all())


def test_stamps_that_stand_still(frame):
    """Of a camera without a clock: who has gone is given up, and what is kept does not grow."""
    public = PublicPicture(Privacy(Anonymize.FILL, motion=False))
    assert covered(shown(public, frame, SOMEBODY, 0.0))
    assert covered(shown(public, frame, NOBODY, 0.0))
    for _ in range(40):
        last = shown(public, frame, NOBODY, 0.0)
    assert np.array_equal(last, frame)
    clean = PublicPicture(Privacy(background=Background.CLEAN))
    for _ in range(200):
        last = shown(clean, frame, NOBODY, 0.0)
    assert np.array_equal(last, frame)


@pytest.mark.parametrize('stamp', [99.9, 50.0, 0.0])
def test_stamps_that_go_back(frame, stamp):
    """A clock that is set, or a bag that begins again, shows nobody who was lost just then."""
    public = PublicPicture(Privacy(Anonymize.FILL, motion=False))
    for number in range(3):
        shown(public, frame, SOMEBODY, 100.0 + number / 10)
    for number in range(5):
        assert covered(shown(public, frame, NOBODY, stamp + number / 10))
    assert not covered(shown(public, frame, NOBODY, stamp + 2.0))


@pytest.mark.parametrize('change', [{'motion': False}, {'hold': 2.0}, {'classes': ()}])
def test_other_options_between_two_frames(frame, change):
    """Whoever is lost at that moment stays hidden."""
    public = PublicPicture(Privacy(Anonymize.FILL))
    shown(public, frame, SOMEBODY, 0.0)
    public.change(Privacy(**{'anonymize': Anonymize.FILL, **change}))
    assert covered(shown(public, frame, NOBODY, 0.1))


def test_somebody_whose_box_is_nowhere_is_not_learned(frame):
    """A background must not learn from a frame in which somebody is anywhere."""
    nowhere = Detections.from_boxes(np.empty((0, 4)))
    nowhere.not_finite = 1
    for privacy in (Privacy(background=Background.CLEAN), Privacy(Anonymize.BLUR)):
        public = PublicPicture(privacy)
        for number in range(40):
            assert (shown(public, frame, nowhere, number / 2) == FLAT).all()
        assert not public._background.known.any()
