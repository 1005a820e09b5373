"""Identities: whose a box is, whatever the tracker says, at any rate."""

import numpy as np
import pytest
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.heat.ground import GroundPlane
from yolo_heatmap_ros.heat.identities import (
    CONFIRMATION, Identities, MAX_LOST, MAX_TRACKER_IDS)
from yolo_heatmap_ros.heat.motion import (
    ACCELERATION, FloorSpace, Motion, PictureSpace, RELAXATION)

HEIGHT, WIDTH = 480, 640
UNTRACKED, UNCONFIRMED = 'untracked', None


def objects(*places, ids=None, size=(24, 70)):
    """Return objects that stand at x, y, with a tracker's ids; None: not confirmed by it."""
    detections = Detections.from_boxes([(x - size[0] / 2, y - size[1], x + size[0] / 2, y)
                                        for x, y in places])
    if ids == UNTRACKED:
        return detections
    ids = [UNCONFIRMED] * len(places) if ids is None else ids
    detections.confirmed = np.array([one is not None for one in ids], bool)
    detections.track_id = np.array([-1 if one is None else one for one in ids], np.int64)
    return detections


class Camera:
    """Shows objects to identities, at `now` s."""

    def __init__(self, space=None, memory=5.0):
        self.identities = Identities(space or PictureSpace(HEIGHT, WIDTH))
        self.memory = memory

    def __call__(self, now, *places, ids=None, frame=None):
        """Return numbers, and which are confirmed."""
        found = self.identities.identify(objects(*places, ids=ids), now, self.memory, frame)
        self.confirmed = found.confirmed.tolist()
        return found.numbers.tolist()


@pytest.mark.parametrize('period', [0.03, 0.1, 0.25, 0.5, 1.0])
def test_a_walker_is_one_at_any_rate(period):
    """40 px/s, 1 size a second, with a detector's jitter and a tracker that confirms nothing."""
    rng, camera = np.random.default_rng(0), Camera()
    seen = set()
    for number in range(int(8 / period)):
        place = (100 + 40 * number * period, 300) + rng.normal(0, 2, 2)
        seen.update(camera(number * period, place))
        confirmed = number * period >= CONFIRMATION - 1e-6
        assert camera.confirmed == [confirmed], number
    assert len(seen) == 1


@pytest.mark.parametrize('period, most', [(0.1, 13), (0.3, 13), (0.5, 17)])
def test_a_crowd_of_walkers(period, most):
    """Twelve people on straight ways through each other, a third of the boxes missing."""
    rng = np.random.default_rng(1)
    begin = np.stack((rng.uniform(80, 560, 12), np.linspace(120, 450, 12)), axis=1)
    speed = np.stack((rng.choice((-1, 1), 12) * rng.uniform(10, 30, 12), np.zeros(12)), axis=1)
    camera, owners = Camera(), [set() for _ in begin]
    for number in range(int(6 / period)):
        there = np.flatnonzero(rng.random(12) > 1 / 3)
        places = begin[there] + speed[there] * number * period
        places += rng.normal(0, 1.5, places.shape)
        for index, identity in zip(there, camera(number * period, *places)):
            owners[index].add(identity)
    assert sum(len(one) for one in owners) <= most
    assert len(set().union(*owners)) >= 12


def test_a_new_id_of_the_tracker_is_joined():
    camera = Camera()
    for number in range(10):
        one, = camera(number / 10, (100 + 4 * number, 300), ids=[5])
    assert camera(3.0, (160, 302), ids=[9]) == [one]
    # Both ids at once are two objects; the one where the object was goes on.
    both = camera(3.1, (162, 302), (300, 300), ids=[9, 5])
    assert both[0] == one and both[1] != one


def test_how_long_a_lost_object_is_remembered():
    for memory, gone, same in ((5.0, 4.9, True), (5.0, 5.2, False), (1.0, 1.5, False)):
        camera = Camera(memory=memory)
        for number in range(8):
            one, = camera(number / 10, (200, 300))
        for number in range(1, int(gone * 10)):
            camera(0.7 + number / 10)
        assert (camera(0.7 + gone, (200, 300)) == [one]) == same


def test_an_id_that_jumps_to_somebody_else():
    """The tracker lost its object, and took another one for it; that one is known already."""
    camera = Camera()
    for number in range(10):
        walker, sitter = camera(number / 10, (100 + 5 * number, 300), (400, 300), ids=[1, 2])
    assert camera(1.0, (150, 300), (400, 300), ids=[None, 1]) == [walker, sitter]
    # Where nothing explains it better, the tracker is believed: the camera may have moved.
    camera = Camera()
    for number in range(10):
        one, = camera(number / 10, (100, 300), ids=[1])
    assert camera(1.0, (300, 300), ids=[1]) == [one]


def test_who_has_left_the_picture_does_not_come_back_as_another():
    """One leaves to the right; 1.5 s later somebody comes in there."""
    camera = Camera()
    for number in range(11):
        one, = camera(number / 10, (580 + 5 * number, 300))
    for number in range(1, 15):
        camera(1.0 + number / 10)
    assert camera(2.5, (620, 300)) != [one]
    # One who waits at the border has not left.
    camera = Camera()
    for number in range(11):
        one, = camera(number / 10, (630, 300))
    camera(1.5)
    assert camera(2.5, (628, 300)) == [one]


def test_a_part_of_an_object_is_no_new_one():
    camera = Camera()
    for number in range(8):
        camera(number / 10, (200, 300))
    parts = Detections.from_boxes([(188, 230, 212, 300), (190, 232, 210, 265)])
    parts.confirmed[:] = False
    numbers = camera.identities.identify(parts, 0.8, 5.0).numbers
    assert numbers[0] >= 1 and numbers[1] == -1


def test_what_is_not_tracked_stays_so():
    """With `tracker: none`, or detections of another node that have no ids."""
    camera = Camera()
    for number in range(8):
        assert camera(number / 10, (200, 300), ids=UNTRACKED) == [-1]


def test_a_box_that_flickers_is_not_confirmed():
    camera = Camera()
    for number in range(60):
        camera(number / 10, *([(200, 300)] if number % 4 == 0 else []))
        assert not any(camera.confirmed)


def test_colours_tell_two_lost_ones_apart():
    """Side by side, both lost, and back where either could be."""
    frame = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    camera = Camera()

    def show(now, red, blue):
        frame[:] = 120
        for (x, y), colour in ((red, (0, 0, 220)), (blue, (220, 0, 0))):
            frame[y - 70:y, x - 12:x + 12] = colour
        return camera(now, red, blue, frame=frame)
    for number in range(10):
        red, blue = show(number / 10, (200, 300), (240, 300))
    camera(1.0, frame=frame)
    assert show(2.5, (222, 300), (214, 300)) == [red, blue]
    camera(2.6, frame=frame)
    assert show(4.0, (214, 300), (222, 300)) == [red, blue]


PLANE = GroundPlane(np.array([[1.0, 0, -320], [0, 0, 1000.0], [0, 1.0, -100]]) / 1.0, 0.5,
                    (-50, 2, 50, 40))
"""A camera that looks along the floor: the horizon is at v = 100, and y = 1000 / (v - 100) m."""


def test_motion_in_metres():
    """A walker at an even speed away from the camera: px slow down, metres do not."""
    camera = Camera(FloorSpace(PLANE.view, HEIGHT, WIDTH))
    seen = set()
    for number in range(14):
        if 4 <= number < 7:
            camera(number / 2)
            continue
        v = 100 + 1000 / (3.0 + 0.6 * number)
        high = 1.7 * (v - 100) / 2.0
        detections = Detections.from_boxes([(320 - high / 6, v - high, 320 + high / 6, v)])
        detections.confirmed[:] = False
        seen.update(camera.identities.identify(detections, number / 2, 5.0).numbers.tolist())
    assert len(seen) == 1


@pytest.mark.filterwarnings('error')
def test_above_the_horizon_the_tracker_is_believed():
    camera = Camera(FloorSpace(PLANE.view, HEIGHT, WIDTH))
    numbers = {camera(number / 10, (300, y), ids=[4])[0]
               for number, y in enumerate((60, 62, 99, 140, 60, 300, 310))}
    assert len(numbers) == 1
    assert camera(2.0, (300, 50)) == [-1]  # nowhere on the floor, and without an id


def test_how_long_it_has_been_lost_speaks_against_a_lost_object():
    """Walkers leave by a door in the picture, and others come out of it a while later."""
    camera = Camera()
    for number in range(11):
        one, = camera(number / 10, (200 + 5 * number, 300))
    for number in range(1, 38):
        camera(1.0 + number / 10)
    assert camera(4.8, (260, 300)) != [one]
    camera = Camera()
    for number in range(11):
        one, = camera(number / 10, (200 + 5 * number, 300))
    camera(1.1)
    assert camera(2.0, (285, 300)) == [one]


def test_where_an_unseen_object_is_expected():
    """Mean and covariance are those of many simulated walkers."""
    motion, rng = Motion(np.zeros(2), 1.0, 0.0), np.random.default_rng(0)
    for number in range(1, 8):
        motion.see(np.array((0.15 * number, 0.0)), 1.0, number / 10)
    seen, later = motion.expected(0.7), motion.expected(2.2)
    variance, both, speed = seen.variances
    place, velocity = rng.multivariate_normal((seen.position[0], seen.velocity[0]),
                                              ((variance, both), (both, speed)), 100000).T
    for _ in range(300):
        place += 0.005 * velocity
        velocity += (-0.005 / RELAXATION * velocity
                     + ACCELERATION * np.sqrt(0.005) * rng.standard_normal(len(place)))
    assert later.position[0] == pytest.approx(place.mean(), abs=0.03)
    assert later.velocity[0] == pytest.approx(velocity.mean(), abs=0.03)
    assert later.variances == pytest.approx(
        (place.var(), np.cov(place, velocity)[0, 1], velocity.var()), rel=0.03)


def test_as_many_objects_as_there_are():
    """Those of the last frame are not lost, however many there are."""
    places = [(30 * (number % 20), 80 * (number // 20)) for number in range(400)]
    for ids in (UNCONFIRMED, list(range(400))):
        camera = Camera()
        numbers = {tuple(camera(number / 10, *places, ids=ids)) for number in range(8)}
        assert len(numbers) == 1 and len(set(*numbers)) == 400 and all(camera.confirmed)


def test_memory_is_bounded_when_stamps_stand_still():
    camera = Camera()
    for number in range(3 * MAX_LOST):
        camera(0.0, (50 + 540 * (number % 97) / 97, 80 + 380 * (number % 89) / 89), ids=[number])
    assert len(camera.identities._known) <= MAX_LOST + 2


def test_memory_is_bounded():
    camera = Camera()
    for number in range(3 * MAX_LOST):
        camera(1e-3 * number, (50 + 540 * (number % 97) / 97, 80 + 380 * (number % 89) / 89),
               ids=[number])
    known = camera.identities._known
    assert len(known) <= MAX_LOST + 1
    assert len(camera.identities._by_tracker_id) <= MAX_TRACKER_IDS * len(known)
    camera(100.0)
    assert not known and not camera.identities._by_tracker_id


@pytest.mark.parametrize('periods', [[0.1] * 40, [0.05, 0.3, 0.02, 0.13] * 10, [1.0] * 8])
def test_a_motion_filter_at_uneven_times(periods):
    """An even speed is found whatever the times; what is not seen is expected more widely."""
    motion, now = Motion(np.array((0.0, 50.0)), 40.0, 0.0), 0.0
    for period in periods:
        now += period
        motion.see(np.array((30.0 * now, 50.0)), 40.0, now)
    expected = motion.expected(now)
    assert expected.velocity == pytest.approx((30.0, 0.0), abs=8.0)
    assert expected.position == pytest.approx((30.0 * now, 50.0), abs=4.0)
    variances = [motion.expected(now + later).variances[0] for later in (0.0, 0.5, 1.0, 3.0)]
    assert variances == sorted(variances) and variances[0] < 1.01 * (0.1 * 40.0) ** 2
    # A person who is not seen may have stopped: nobody is expected a mile away.
    assert motion.expected(now + 60.0).position[0] - 30.0 * now < 40.0
