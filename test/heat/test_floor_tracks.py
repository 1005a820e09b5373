"""Tracks on a floor: whatever several cameras see of a person, it is one."""

import itertools
import time

import numpy as np
import pytest
from yolo_heatmap_ros.heat.assignment import assigned, MAX_EXACT
from yolo_heatmap_ros.heat.floor_cameras import inside, MAX_CAMERAS, SILENT
from yolo_heatmap_ros.heat.floor_classes import MAX_CLASSES
from yolo_heatmap_ros.heat.floor_fusion import MAX_TRACKS
from yolo_heatmap_ros.heat.floor_tracks import (
    FloorSightings, FloorTracker, LONE, MAX_PENDING, MAX_SIGHTINGS)

HALL = np.array(((-10.0, -10.0), (10.0, -10.0), (10.0, 10.0), (-10.0, 10.0)))
WEST = np.array(((-10.0, -10.0), (0.0, -10.0), (0.0, 10.0), (-10.0, 10.0)))
NOISE = 0.05


def sightings(camera, stamp, places, ids=None, view=HALL, noise=NOISE, names=None):
    """Return what a camera sees: places in m, with its own ids."""
    places = np.asarray(places, np.float64).reshape(-1, 2)
    count = len(places)
    return FloorSightings(
        camera, stamp, places, np.tile(np.eye(2) * noise ** 2, (count, 1, 1)),
        np.full(count, -1) if ids is None else np.asarray(ids), names or ('person',) * count,
        np.full(count, 0.9, np.float32), view)


class Camera:
    """
    Looks at a floor at `rate` Hz, from `phase` s on.

    Its stamps are `clock` s wrong, what it sends arrives `latency` s later, and what it sees is
    `shift` m off; `sees` chooses the people by number and stamp.
    """

    def __init__(self, name, rate=10.0, phase=0.0, clock=0.0, latency=0.03, shift=(0.0, 0.0),
                 view=HALL, ids=True, misses=0.0, sees=lambda number, stamp: True):
        self.name, self.rate, self.phase, self.clock = name, rate, phase, clock
        self.latency, self.shift, self.view, self.ids = latency, shift, view, ids
        self.misses, self.sees = misses, sees

    def sets(self, people, begin, end, rng):
        """Yield (received, set) between two times, of `people`: places by number at a time."""
        count = int(np.ceil((end - begin) * self.rate - 1e-9))
        for index in range(count):
            now = begin + self.phase + index / self.rate
            seen = [(number, place) for number, place in enumerate(people(now))
                    if self.sees(number, now) and rng.random() >= self.misses]
            places = np.array([place for _, place in seen]).reshape(-1, 2)
            yield now + self.latency, sightings(
                self.name, now + self.clock,
                places + rng.normal(0.0, NOISE, places.shape) + self.shift,
                [100 * ord(self.name[0]) + number if self.ids else -1 for number, _ in seen],
                self.view)


def watched(tracker, cameras, people, seconds, begin=1000.0, seed=0, steady=None):
    """
    Return the frames of a tracker while cameras look at people.

    Its own clock is by `steady` s apart from that of the stamps; None if it knows only its own.
    """
    rng = np.random.default_rng(seed)
    sets = sorted((one for camera in cameras
                   for one in camera.sets(people, begin, begin + seconds, rng)),
                  key=lambda one: one[0])
    frames = []
    for received, one in sets:
        own = received + (steady or 0.0)
        frames += tracker.advance(own)
        tracker.put(one, own, None if steady is None else received)
    return frames + tracker.advance(begin + seconds + 2.0 + (steady or 0.0))


def crowd(now):
    """Return where eight people are who walk to and fro at 1.2 m/s, 2 m apart, (8, 2) m."""
    rows = np.arange(8)
    way = np.abs((1.2 * (now + 3.7 * rows)) % 28.0 - 14.0) - 7.0
    return np.stack((way, 2.0 * rows - 7.0), axis=1)


def standing(*places):
    """Return people who stand still."""
    return lambda now: np.array(places)


def four(**options):
    """Return four cameras that keep step with each other."""
    return [Camera(name, **options) for name in 'abcd']


def errors(frame, people):
    """Return how far off each person's nearest track is, in m."""
    away = frame.positions[frame.seen][:, None] - people(frame.stamp)
    return np.hypot(*np.moveaxis(away, -1, 0)).min(axis=0)


def test_one_person_of_four_cameras_is_one():
    """From the second step on at the latest, with one number, and at the true place."""
    def walker(now):
        return np.array([(1.2 * (now - 1000.0) - 5.0, 1.0)])

    frames = watched(FloorTracker(), four(), walker, 8.0)
    assert len(frames) == 80
    assert {tuple(one.track_ids) for one in frames} == {(1,)}
    assert all(one.cameras.tolist() == [4] and one.seen.all() for one in frames)
    late = frames[20:]
    assert np.median([errors(one, walker) for one in late]) < 0.06
    assert np.abs(np.mean([one.velocities[0] for one in late], axis=0) - (1.2, 0.0)).max() < 0.1
    assert frames[-1].class_names == ('person',)
    # As certain as four cameras make it, and no more than they are.
    assert 0.02 < np.sqrt(np.trace(frames[-1].covariances[0])) < 0.15


@pytest.mark.parametrize('ids', [True, False])
def test_rates_and_phases_of_cameras_differ(ids):
    """Nothing is simultaneous, a tenth is missing, and every set is used."""
    cameras = [Camera('a', 10.0, ids=ids, misses=0.1), Camera('b', 7.0, 0.031, ids=ids,
                                                              latency=0.15, misses=0.1),
               Camera('c', 4.0, 0.053, ids=ids, latency=0.02, misses=0.1)]
    tracker = FloorTracker()
    frames = watched(tracker, cameras, crowd, 12.0)
    late = [one for one in frames if one.stamp > 1002.0]
    assert np.mean([one.seen.sum() for one in late]) == pytest.approx(8.0, abs=0.2)
    assert len(set(np.concatenate([one.track_ids for one in late]))) <= 9
    assert np.median(np.concatenate([errors(one, crowd) for one in late])) < 0.1
    stamps = np.array([one.stamp for one in frames])
    assert (np.diff(stamps) > 0.0).all() and len(frames) <= 121
    assert {one.late for one in tracker.statistics().values()} == {0}


def test_two_hertz():
    """A step of a walker is longer than the way to the next person's place."""
    frames = watched(FloorTracker(), four(rate=2.0, misses=0.1), crowd, 30.0)
    assert len(frames) == 60
    late = frames[4:]
    assert np.mean([one.seen.sum() for one in late]) == pytest.approx(8.0, abs=0.1)
    assert len(set(np.concatenate([one.track_ids for one in late]))) == 8


def test_waits_for_those_that_come_late_but_not_for_ever():
    """A step is due a window and the delay after its first set; what comes later is counted."""
    tracker = FloorTracker(rate=10.0, delay=0.2)
    tracker.put(sightings('a', 10.0, [(0, 0)]), 10.02)
    assert tracker.advance(10.31) == []
    tracker.put(sightings('b', 9.99, [(0, 0.05)]), 10.31)
    (frame,) = tracker.advance(10.33)
    assert frame.cameras.tolist() == [2] and frame.stamp == 10.0
    tracker.put(sightings('c', 10.01, [(5, 5)]), 10.34)
    assert tracker.advance(11.0) == []
    assert [one.late for one in tracker.statistics().values()] == [0, 0, 1]


def test_sets_are_used_in_order_of_stamps():
    """As they would be if they had come in order."""
    places = [(0.0, 0.0), (0.12, 0.0), (0.24, 0.0), (0.36, 0.0)]
    results = []
    for order in ((0, 1, 2, 3), (2, 0, 3, 1)):
        tracker = FloorTracker()
        for index in order:
            tracker.put(sightings('abcd'[index], 5.0 + 0.1 * index, [places[index]]), 5.4)
        results.append(tracker.advance(9.0)[-1])
    assert np.allclose(results[0].positions, results[1].positions)
    assert np.allclose(results[0].velocities, results[1].velocities)


def test_rate_bounds_the_steps():
    """Cameras at 30 Hz make ten steps a second, at the last stamp of each."""
    frames = watched(FloorTracker(rate=10.0), four(rate=30.0), crowd, 3.0)
    assert 29 <= len(frames) <= 31


def test_a_tracker_that_swaps_ids():
    """Of two who pass by each other, one camera takes each for the other one from then on."""
    def passing(now):
        x = 1.2 * (now - 1005.0)
        return np.array([(x, 0.0), (-x, 0.5)])

    class Swapping(Camera):

        def sets(self, people, begin, end, rng):
            for received, one in super().sets(people, begin, end, rng):
                if one.stamp > 1005.0:
                    one.track_ids[:] = one.track_ids[::-1].copy()
                yield received, one

    frames = watched(FloorTracker(), [Swapping('a'), Camera('b'), Camera('c', ids=False)], passing,
                     10.0)
    assert {tuple(one.track_ids) for one in frames} == {(1, 2)}
    first, last = frames[0].positions, frames[-1].positions
    assert (first[0] @ (1, 0)) * (last[0] @ (1, 0)) < 0  # each has gone on its way


@pytest.mark.parametrize('cue', ['ids', 'classes', 'none'])
def test_ids_and_classes_tell_objects_apart(cue):
    """Two that change places from step to step, 0.3 m apart at 2 Hz: only these tell which is."""
    tracker = FloorTracker()
    for index in range(20):
        stamp = 0.5 * index
        places = [(0.0, 0.0), (0.0, 0.3)][::-1 if index % 2 else 1]
        for camera in 'ab':
            tracker.put(sightings(camera, stamp, places, (5, 6) if cue == 'ids' else None,
                                  names=('person', 'dog') if cue == 'classes' else None), stamp)
    frames = tracker.advance(99.0)
    assert all(one.seen.sum() == 2 for one in frames)
    changes = [frame.positions[0, 1] < frame.positions[1, 1] for frame in frames[10:]]
    assert len(set(changes)) == (1 if cue == 'none' else 2)


def test_two_tracks_of_a_person_become_one():
    """Two cameras 1.5 m apart on a person, until they agree; no camera sees both at once."""
    class Settling(Camera):

        def sets(self, people, begin, end, rng):
            for received, one in super().sets(people, begin, end, rng):
                off = max(1.5 - 0.5 * (one.stamp - 1000.0), 0.0)
                yield received, sightings('b', one.stamp, one.positions + (0.0, off), [7])

    frames = watched(FloorTracker(), [Camera('a'), Settling('b')], standing((0.0, 0.0)), 8.0)
    assert max(len(one.track_ids) for one in frames) == 2
    assert [one.track_ids.tolist() for one in frames[-20:]] == [[1]] * 20
    assert frames[-1].cameras.tolist() == [2]


def test_two_people_close_together_stay_two():
    """A camera that sees both at once is enough, though another sees only one of them."""
    cameras = [Camera('a'), Camera('b', sees=lambda number, _: number == 0)]
    frames = watched(FloorTracker(), cameras, standing((0.0, 0.0), (0.3, 0.0)), 8.0)
    assert all(one.seen.sum() == 2 for one in frames[2:])


def ghost(view=HALL, passes=True, turns=False):
    """
    Return how many are seen at each step; from 1011 s on, one of four takes a poster for a person.

    Somebody has passed there until then; the others have `view`, and may have turned meanwhile.
    """
    class Other(Camera):

        def sets(self, people, begin, end, rng):
            for received, one in super().sets(people, begin, end, rng):
                turned = turns and 1006.5 < one.stamp < 1007.5
                yield received, sightings(self.name, one.stamp, one.positions,
                                          view=WEST if turned else one.view)

    def people(now):
        return np.array([(-5.0, 0.0), (5.2, 5.2), (min(1.2 * (now - 1000.0), 7.0), 5.5)])

    def sees(number, now):
        return number == 0 or number == 2 and passes and now < 1006.5

    cameras = [Camera('a', 5.0, sees=lambda number, now: sees(number, now)
                      or number == 1 and now > 1011.0),
               *(Other(name, 5.0, view=view, sees=sees) for name in 'bcd')]
    return [int(one.seen.sum()) for one in watched(FloorTracker(), cameras, people, LONE + 14.0)]


def test_what_one_of_many_cameras_sees_is_not_believed_for_ever():
    """A poster, where others have seen somebody before; elsewhere it may be hidden from them."""
    counts = ghost()
    assert counts[60:95] == [2] * 35 and counts[-10:] == [1] * 10
    assert ghost(view=WEST)[60:] == ghost(passes=False)[60:] == [2] * (len(counts) - 60)


def test_a_camera_that_has_turned_must_show_again_what_it_sees():
    """As that of a robot, from which a wall may hide now what it saw from elsewhere."""
    counts = ghost(turns=True)
    assert counts[60:] == [2] * (len(counts) - 60)


def test_who_sits_down_is_still_there():
    """All three have seen her come; then a desk hides her from two of them, for half a minute."""
    def people(now):
        return np.array([(-5.0, 0.0), (min(1.2 * (now - 1000.0), 6.0), 5.0)])

    def hidden(number, now):
        return number == 0 or now < 1008.0

    cameras = [Camera('a', 5.0), Camera('b', 5.0, sees=hidden), Camera('c', 5.0, sees=hidden)]
    frames = watched(FloorTracker(), cameras, people, 40.0)
    assert {int(one.seen.sum()) for one in frames[2:]} == {2}


def wandering(rooms, seconds, seed, rate=5.0):
    """Return people who wander, one in each of `rooms` (x0, y0, x1, y1) in m, for a time in s."""
    rng = np.random.default_rng(seed)
    low, high = np.array(rooms, float)[:, :2], np.array(rooms, float)[:, 2:]
    places, way = rng.uniform(low, high), np.zeros((len(low), 2))
    path = []
    for _ in range(int((seconds + 1.0) * rate)):
        way = 0.9 * way + 0.1 * rng.normal(0.0, 2.0, way.shape)
        beyond = (places + way / rate < low) | (places + way / rate > high)
        way = np.where(beyond, -way, way)
        places = np.clip(places + way / rate, low, high)
        path.append(places)
    return lambda now: path[int(round((now - 1000.0) * rate))]


@pytest.mark.parametrize('wall', [0.0, 0.3, 0.5])
def test_a_wall_between_two_cameras_that_face_each_other(wall):
    """Views go through it, and cells as well; two more sit at it all the time, back to back."""
    rooms = [*[(wall - 3.0, 0.0, wall - 0.3, 4.0)] * 2, *[(wall + 0.3, 0.0, wall + 3.0, 4.0)] * 2]
    walking = wandering(rooms, 100.0, 3)

    def people(now):
        return np.r_[walking(now), [(wall - 0.35, 1.4), (wall + 0.35, 1.4)]]

    cameras = [Camera('a', 5.0, sees=lambda number, _: number in (0, 1, 4)),
               Camera('b', 5.0, sees=lambda number, _: number in (2, 3, 5))]
    tracker = FloorTracker()
    frames = watched(tracker, cameras, people, 100.0)
    assert tracker.new_warnings() == []
    assert np.mean([one.seen.sum() for one in frames[10:]]) == pytest.approx(6.0, abs=0.1)


def test_a_camera_comes_back_where_nothing_overlaps():
    """It was left out by mistake: nothing speaks against it any more."""
    tracker = FloorTracker()
    watched(tracker, [Camera('a', 5.0), Camera('b', 5.0, shift=(0.0, 1.0))], crowd, 25.0)
    assert sum(one.left_out for one in tracker.statistics().values()) == 1
    apart = [Camera('a', 2.0, sees=lambda number, _: number < 4),
             Camera('b', 2.0, sees=lambda number, _: number >= 4)]
    tracker.new_warnings()
    frames = watched(tracker, apart, lambda now: crowd(now) + np.repeat(
        [(0.0, -20.0), (0.0, 20.0)], 4, axis=0), 150.0, begin=1025.0)
    assert not any(one.left_out for one in tracker.statistics().values())
    assert frames[-1].seen.sum() == 8 and tracker.new_warnings() == []


def test_false_detections_are_no_people():
    """A twentieth of all boxes show nobody, anywhere on the floor."""
    class Wrong(Camera):

        def sets(self, people, begin, end, rng):
            for received, one in super().sets(people, begin, end, rng):
                false = rng.uniform(-10.0, 10.0, (rng.binomial(len(one.positions), 0.05), 2))
                yield received, sightings(self.name, one.stamp, np.r_[one.positions, false])

    cameras = [Wrong(name, 5.0, misses=0.1) for name in 'abcd']
    frames = watched(FloorTracker(), cameras, crowd, 15.0)[5:]
    assert np.mean([one.seen.sum() for one in frames]) == pytest.approx(8.0, abs=0.4)


def test_what_flickers_in_one_of_many_cameras_is_no_person():
    """Seen in one set of four, at one place."""
    cameras = [Camera('a', sees=lambda number, now: number == 0 or round(10 * now) % 4 == 0),
               *(Camera(name, sees=lambda number, _: number == 0) for name in 'bc')]
    frames = watched(FloorTracker(), cameras, standing((-5.0, 0.0), (5.0, 5.0)), 6.0)
    assert {len(one.track_ids) for one in frames} == {1}


def test_a_camera_that_lies_is_left_out_and_comes_back():
    """Its floor is 2 m off; it is said once, with its name, and people are not doubled."""
    tracker = FloorTracker()
    cameras = [*four(rate=5.0)[:3], Camera('liar', 5.0, shift=(1.4, 1.4))]
    frames = watched(tracker, cameras, crowd, 20.0)
    facts = tracker.statistics()
    assert facts['liar'].left_out and facts['liar'].contradicted > 0.6
    assert not any(facts[name].left_out for name in 'abc')
    assert max(facts[name].contradicted for name in 'abc') < 0.1
    (warning,) = tracker.new_warnings()
    assert warning.startswith("camera 'liar' contradicts the others") and '\n' not in warning
    assert 'calibration' in warning
    late = [one for one in frames if one.stamp > 1014.0]
    assert np.mean([len(one.track_ids) for one in late]) == pytest.approx(8.0, abs=0.1)
    assert max(one.cameras.max() for one in late) == 3
    frames = watched(tracker, [*four(rate=5.0)[:3], Camera('liar', 5.0)], crowd, 15.0,
                     begin=1020.0)
    assert not tracker.statistics()['liar'].left_out and tracker.new_warnings() == []
    assert frames[-1].cameras.max() == 4
    watched(tracker, cameras, crowd, 20.0, begin=1035.0)
    assert len(tracker.new_warnings()) == 1


def test_a_rotated_camera_is_left_out():
    """Without views, too: where it has seen people is where it looks."""
    class Rotated(Camera):

        def sets(self, people, begin, end, rng):
            for received, one in super().sets(people, begin, end, rng):
                yield received, sightings(self.name, one.stamp, one.positions[:, ::-1] * (1, -1),
                                          one.track_ids, None)

    tracker = FloorTracker()
    watched(tracker, [*four(rate=5.0, view=None)[:3], Rotated('x', 5.0)], crowd, 15.0)
    assert [name for name, one in tracker.statistics().items() if one.left_out] == ['x']


def test_of_two_that_contradict_each_other_one_is_left_out():
    """Nobody can say which is right, and the warning says so."""
    tracker = FloorTracker()
    frames = watched(tracker, [Camera('a', 5.0), Camera('b', 5.0, shift=(0.0, 1.0))], crowd,
                     20.0)
    assert sum(one.left_out for one in tracker.statistics().values()) == 1
    (warning,) = tracker.new_warnings()
    assert "'a'" in warning and "'b'" in warning
    assert len(frames[-1].track_ids) == 8


def test_a_camera_is_not_blamed_for_what_is_hidden_from_others():
    """Half of the people stand behind a shelf that the others have in their view."""
    hidden = [Camera('a', 5.0), *(Camera(name, 5.0, sees=lambda number, _: number >= 4)
                                  for name in 'bc')]
    tracker = FloorTracker()
    watched(tracker, hidden, crowd, 20.0)
    assert not any(one.left_out for one in tracker.statistics().values())
    assert max(one.contradicted for one in tracker.statistics().values()) < 0.2
    # Nor is one that misses many.
    tracker = FloorTracker()
    watched(tracker, [*four(rate=5.0)[:3], Camera('x', 5.0, misses=0.7)], crowd, 20.0)
    assert not any(one.left_out for one in tracker.statistics().values())


@pytest.mark.parametrize('clock, words', [(-3.0, '3.0 s behind'), (3.0, '3.0 s ahead of')])
def test_clocks_of_two_hosts_are_apart(clock, words):
    """Said once with the difference, and the camera is left out until it is right."""
    tracker = FloorTracker()
    cameras = [*four(rate=5.0)[:3], Camera('x', 5.0, clock=clock)]
    frames = watched(tracker, cameras, crowd, 12.0)
    facts = tracker.statistics()
    assert facts['x'].left_out and facts['x'].offset == pytest.approx(-clock, abs=0.05)
    assert not any(facts[name].left_out for name in 'abc')
    (warning,) = tracker.new_warnings()
    assert warning.startswith("camera 'x'") and words in warning and '\n' not in warning
    late = [one for one in frames if 1004.0 < one.stamp < 1011.0]
    assert len(late) >= 34
    assert np.mean([len(one.track_ids) for one in late]) == pytest.approx(8.0, abs=0.1)
    frames = watched(tracker, [*four(rate=5.0)[:3], Camera('x', 5.0)], crowd, 12.0, begin=1012.0)
    assert not tracker.statistics()['x'].left_out
    assert frames[-1].cameras.max() == 4


@pytest.mark.parametrize('clock', [-3.0, -0.4, 0.4, 3.0])
@pytest.mark.parametrize('steady', [0.0, -999.0])
def test_two_cameras_with_clocks_apart(clock, steady):
    """The receiver's time tells which one is wrong, whatever its clock counts from."""
    tracker = FloorTracker()
    watched(tracker, [Camera('a', 5.0, clock=clock), Camera('b', 5.0)], crowd, 8.0, steady=steady)
    assert [one.left_out for one in tracker.statistics().values()] == [True, False]
    (warning,) = tracker.new_warnings()
    assert warning.startswith("camera 'a'") and "'b'" in warning and "host's time" in warning


@pytest.mark.parametrize('known', [True, False])
def test_two_clocks_and_none_that_is_right(known):
    """What is older would come too late: it is left out, and the warning names both."""
    tracker = FloorTracker()
    cameras = [Camera('a', 5.0, clock=53.0), Camera('b', 5.0, clock=50.0)]
    watched(tracker, cameras, crowd, 8.0, steady=0.0 if known else None)
    assert [one.left_out for one in tracker.statistics().values()] == [False, True]
    (warning,) = tracker.new_warnings()
    assert warning.startswith("camera 'b': its stamps are 3.0 s behind those of camera 'a'")
    assert 'nothing tells which' in warning


def test_a_recording_that_is_played_faster_is_no_clock_apart():
    """Ten times as fast, with cameras of different rates: stamps run away from the clock."""
    tracker = FloorTracker()
    rng = np.random.default_rng(0)
    sets = sorted((one for camera in (Camera('a'), Camera('b', 2.0), Camera('c', 5.0, 0.05))
                   for one in camera.sets(crowd, 1000.0, 1040.0, rng)), key=lambda one: one[0])
    for received, one in sets:
        tracker.advance(received / 10.0)
        tracker.put(one, received / 10.0)
    assert not any(one.left_out for one in tracker.statistics().values())
    assert tracker.new_warnings() == []


@pytest.mark.parametrize('clock', [0.0, 0.013])
def test_two_nodes_of_one_cameras_name(clock):
    """Two rooms under one name, their stamps equal or alternating."""
    tracker = FloorTracker()
    cameras = [Camera('a'), Camera('b', view=WEST), Camera('b', view=HALL, phase=clock)]
    watched(tracker, cameras, crowd, 5.0)
    (warning,) = tracker.new_warnings()
    assert warning.startswith("camera 'b'") and 'name of its own' in warning
    tracker = FloorTracker()
    watched(tracker, four(), crowd, 5.0)
    assert tracker.new_warnings() == []


def test_a_camera_that_falls_away():
    """The others go on, and it no longer counts as one that looks."""
    tracker = FloorTracker()
    frames = watched(tracker, four(rate=5.0), crowd, 5.0)
    assert frames[-1].cameras.tolist() == [4] * 8
    frames = watched(tracker, four(rate=5.0)[:1], crowd, LONE + 5.0, begin=1005.0)
    assert [one.cameras.tolist() for one in frames[5:]] == [[1] * 8] * (len(frames) - 5)
    assert frames[-1].track_ids.tolist() == list(range(1, 9))
    facts = tracker.statistics()
    assert facts['d'].age == pytest.approx(LONE + 5.0, abs=0.2) and not facts['d'].left_out


def test_who_leaves_is_predicted_and_then_forgotten():
    """For as long as the memory is; who comes back has the same number until then."""
    tracker = FloorTracker(memory=2.0)
    frames = watched(tracker, [Camera('a', sees=lambda number, now: not (
        1002.0 <= now < 1003.0 or now >= 1004.0))], standing((1.0, 2.0)), 8.0)
    assert frames[25].track_ids.tolist() == [1] and not frames[25].seen.any()
    assert frames[35].track_ids.tolist() == [1] and frames[35].seen.all()
    assert frames[58].track_ids.tolist() == [1] and len(frames[62].track_ids) == 0


def test_classes_stay_apart():
    """A person on a bicycle is both, and a track that is called something else once goes on."""
    tracker = FloorTracker()
    for index in range(30):
        stamp = 0.1 * index
        for camera in 'ab':
            name = 'truck' if index == 20 else 'car'
            tracker.put(sightings(camera, stamp, [(0, 0), (0.2, 0), (5, 5)],
                                  names=('person', 'bicycle', name)), stamp)
    frames = tracker.advance(9.0)
    assert sorted(frames[-1].class_names) == ['bicycle', 'car', 'person']
    assert {tuple(one.track_ids) for one in frames} == {(1, 2, 3)}


def called(words, places, steps=60):
    """Return the frames and the tracker of cameras with `words` for what is at `places`."""
    tracker, rng = FloorTracker(), np.random.default_rng(0)
    frames = []
    for index in range(steps):
        for camera, names in words.items():
            some = [number for number, name in enumerate(names) if name is not None]
            seen = np.array(places)[some] + rng.normal(0.0, NOISE, (len(some), 2))
            tracker.put(sightings(camera, 0.1 * index, seen, some,
                                  names=tuple(names[number] for number in some)), 0.1 * index)
        frames += tracker.advance(0.1 * index)
    return frames, tracker


def test_spelling_of_classes():
    """Case does not matter, and the first spelling stays."""
    frames, tracker = called({'a': ['person'] * 2, 'b': ['Person', 'PERSON ']}, [(0, 0), (3, 3)])
    assert {tuple(one.class_names) for one in frames} == {('person', 'person')}
    assert tracker.new_warnings() == []


@pytest.mark.parametrize('word', ['pedestrian', ''])
def test_cameras_call_the_same_objects_differently(word):
    """It is said once, with both cameras and names; the more frequent name stays."""
    places = [(0, 0), (3, 3), (-4, 2), (6, -1)]
    frames, tracker = called({'a': ['person'] * 4, 'b': [word] * 4, 'c': ['person'] * 4}, places)
    assert {len(one.track_ids) for one in frames[20:]} == {4}
    assert frames[-1].class_names == ('person',) * 4 and set(frames[-1].cameras) == {3}
    warnings = tracker.new_warnings()
    assert len(warnings) == bool(word)
    for name in ("'a'", "'b'", "'person'", "'pedestrian'") if word else ():
        assert name in warnings[0]


def test_classes_that_a_camera_tells_apart():
    """Somebody at a car's side, whom one camera sees and another one does not."""
    frames, tracker = called({'a': ['person', 'car', None], 'b': [None, None, 'car'],
                              'c': ['person', None, None]}, [(0, 0), (5, 5), (0.1, 0.1)])
    assert sorted(frames[-1].class_names) == ['car', 'car', 'person']
    assert tracker.new_warnings() == []


def test_too_many_names():
    """Those beyond are of no known class, and nothing grows."""
    tracker = FloorTracker()
    frames = []
    for index in range(2 * MAX_CLASSES):
        tracker.put(sightings('a', 0.1 * index, [(0, 0)], [1], names=(f'n{index}' * 99,)),
                    0.1 * index)
        frames += tracker.advance(0.1 * index)
    assert {len(one.track_ids) for one in frames[3:]} == {1}
    assert len(tracker._classes.names) == MAX_CLASSES


@pytest.mark.parametrize('sim_time', [False, True])
def test_a_recording_in_a_loop(sim_time):
    """Stamps jump back by 20 s: tracks begin anew, with new numbers, within half a second."""
    tracker = FloorTracker()
    rng = np.random.default_rng(0)
    frames = watched(tracker, four(), crowd, 20.0)
    before = set(np.concatenate([one.track_ids for one in frames]))
    since = 0.0 if sim_time else 22.0
    again = []
    for received, one in sorted((one for camera in four()
                                 for one in camera.sets(crowd, 1000.0, 1005.0, rng)),
                                key=lambda one: one[0]):
        again += tracker.advance(received + since)
        tracker.put(one, received + since)
    assert len(again) >= 42 and again[0].stamp < 1000.5
    assert [len(one.track_ids) for one in again[3:]] == [8] * (len(again) - 3)
    assert not before & set(np.concatenate([one.track_ids for one in again]))
    assert tracker.new_warnings() == []


def test_the_receivers_clock_is_set_back():
    """By 100 s, while stamps go on: what waits does not wait for so long."""
    tracker = FloorTracker()
    rng = np.random.default_rng(0)
    frames = []
    for received, one in sorted((one for camera in four()
                                 for one in camera.sets(crowd, 1000.0, 1006.0, rng)),
                                key=lambda one: one[0]):
        now = received - (100.0 if received > 1003.0 else 0.0)
        frames += tracker.advance(now)
        tracker.put(one, now)
    assert len(frames) >= 55 and frames[-1].track_ids.tolist() == list(range(1, 9))
    assert tracker.new_warnings() == []


def test_one_wrong_stamp_changes_nothing():
    """Of a driver that has lost its clock for a frame."""
    tracker = FloorTracker()
    watched(tracker, four(), crowd, 3.0)
    for wrong in (0.0, 4e9, np.nan, np.inf):
        tracker.put(sightings('a', wrong, [(0, 0)]), 1003.0)
    frames = watched(tracker, four(), crowd, 3.0, begin=1003.0)
    assert len(frames) == 30 and frames[-1].track_ids.tolist() == list(range(1, 9))


def test_what_is_not_finite_or_too_vague_is_left_out():
    """Counted, and the rest of the set is used."""
    tracker = FloorTracker()
    for index in range(3):
        one = sightings('a', 0.1 * index, [(np.nan, 0), (0, np.inf), (1e300, 0), (1, 1), (2, 2),
                                           (3, 3), (4, 4)])
        one.covariances[4] = np.nan
        one.covariances[5] *= 1e9
        one.covariances[6] = -np.eye(2)
        tracker.put(one, 0.1 * index)
    view = np.array(((0.0, np.nan), (1.0, 0.0), (1.0, 1.0)))
    tracker.put(sightings('b', 0.2, [(1, 1)], view=view), 0.2)
    frame = tracker.advance(9.0)[-1]
    assert frame.positions.shape == (1, 2) and np.allclose(frame.positions, 1.0, atol=0.1)
    facts = tracker.statistics()['a']
    assert facts.unusable == 18 and facts.vague == 6
    far, vague = sorted(tracker.new_warnings(), key=lambda line: 'known to' in line)
    assert '1e+300 m' in far and '100000 m' in far and far.startswith("camera 'a'")
    assert vague.startswith("camera 'a'") and '1.58e+03 m' in vague and 'than 3 m' in vague


@pytest.mark.filterwarnings('error')
def test_random_garbage():
    """Whatever comes in, what goes out is finite and in order of stamps."""
    rng, tracker, frames = np.random.default_rng(0), FloorTracker(), []
    for index in range(800):
        now, count = 0.01 * index, rng.integers(0, 6)
        stamp = rng.choice([now, now - 5.0, rng.uniform(-1e9, 1e9), np.nan, 1e308, -1e308])
        tracker.put(sightings(
            f'{rng.integers(5)}', stamp,
            rng.choice([0.0, 1.0, np.nan, 1e200, -np.inf], (count, 2)),
            rng.integers(-5, 5, count), rng.choice([0.0, np.nan, 1e308, 5.0],
                                                   (rng.integers(0, 5), 2)),
            rng.choice([0.0, 1e-200, 1e100, 0.1])), now)
        frames += tracker.advance(now)
    assert len(frames) > 20
    for frame in frames:
        for array in (frame.positions, frame.velocities, frame.covariances):
            assert np.isfinite(array).all()


def test_cost_and_memory_are_bounded():
    """Ten thousand sightings in a frame, thousands of names, sets that nobody fetches."""
    rng = np.random.default_rng(0)
    tracker = FloorTracker()
    began = time.process_time()
    for index in range(5):
        places = rng.uniform(-0.5, 0.5, (10000, 2)) if index % 2 else rng.uniform(-50, 50,
                                                                                  (10000, 2))
        tracker.put(sightings('a', 0.1 * index, places, np.arange(10000)), 0.1 * index)
    frames = tracker.advance(1.0)
    assert time.process_time() - began < 5.0
    assert all(len(one.track_ids) <= MAX_TRACKS for one in frames)
    assert len(tracker._tracks) <= MAX_TRACKS
    assert str(MAX_SIGHTINGS) in ' '.join(tracker.new_warnings())
    for index in range(3000):
        tracker.put(sightings(f'camera {index}', 1.0, [(0, 0)]), 1.0)
    assert len(tracker.statistics()) == MAX_CAMERAS
    assert len(tracker.new_warnings()) == 1
    tracker.put(sightings('another', 2.0 + SILENT, [(0, 0)]), 2.0 + SILENT)
    assert 'another' in tracker.statistics() and len(tracker.statistics()) == MAX_CAMERAS
    tracker = FloorTracker()
    for index in range(2 * MAX_PENDING):
        tracker.put(sightings('a', 0.01 * index, [(0, 0)], [index]), 0.0)
    assert len(tracker._pending) == MAX_PENDING


def test_cost_of_seven_cameras():
    """25 people at 10 Hz take well below 20 ms of CPU a step."""
    rng = np.random.default_rng(0)
    places = rng.uniform(-9.0, 9.0, (25, 2))
    speeds = rng.normal(0.0, 0.5, (25, 2))
    tracker = FloorTracker()
    frames = []
    sets = sorted((one for name in 'abcdefg' for one in Camera(name, misses=0.1).sets(
        lambda now: places + speeds * (now - 1000.0), 1000.0, 1005.0, rng)),
        key=lambda one: one[0])
    began = time.process_time()
    for received, one in sets:
        tracker.put(one, received)
        frames += tracker.advance(received)
    assert (time.process_time() - began) / len(frames) < 0.02


def test_assignment_is_the_best_one():
    """Held against all others, for small tables."""
    rng = np.random.default_rng(0)
    for _ in range(60):
        costs = rng.normal(0.0, 3.0, rng.integers(1, 5, 2))
        pairs = assigned(costs, 1.0)
        assert all(len(set(column)) == len(pairs) for column in pairs.T)
        best = min((sum(min(costs[row, column] - 1.0, 0.0) for row, column in zip(rows, columns))
                    for count in [min(costs.shape)]
                    for rows in itertools.combinations(range(costs.shape[0]), count)
                    for columns in itertools.permutations(range(costs.shape[1]), count)))
        assert (costs[tuple(pairs.T)] - 1.0).sum() == pytest.approx(best)
        assert (costs[tuple(pairs.T)] < 1.0).all()
    assert len(assigned(np.full((3, 3), np.inf), 1.0)) == 0
    large = assigned(rng.random((2 * MAX_EXACT, 2 * MAX_EXACT)), 9.0)
    assert len(large) == 2 * MAX_EXACT


def test_inside_a_polygon():
    """Also one with a notch."""
    notch = np.array(((0, 0), (4, 0), (4, 4), (2, 1), (0, 4)), float)
    places = np.array(((2, 0.5), (2, 2), (0.2, 3), (5, 1), (-1, 1)))
    assert inside(notch, places).tolist() == [True, False, True, False, False]


@pytest.fixture(scope='module')
def wildtrack(truth):
    """Return the tool, and 60 frames of the truth that no constant was chosen on."""
    import wildtrack as tool
    return tool, tool.load(truth / 'WILDTRACK.tar.xz', slice(100, 160))


@pytest.mark.parametrize('trial, within', [
    ('exact boxes', 0.03), ('3 px, 10 % misses', 0.1), ('three call them pedestrians', 0.1)])
def test_people_of_wildtrack(wildtrack, trial, within):
    """Seven cameras on a crowd: each person is counted once, where she is."""
    tool, scene = wildtrack
    found = tool.measured(tool.Scene(scene.frames[:40], scene.views), tool.TRIALS[trial], 20)
    assert found.summed > 2.5
    assert found.count == pytest.approx(1.0, abs=within)
    assert found.error <= 0.15
    assert found.ghosts < (0.05 if 'call' in trial else 0.01)


def test_a_camera_of_wildtrack_is_off(wildtrack):
    """After some seconds, until it has contradicted the others often enough, it is left out."""
    tool, scene = wildtrack
    found = tool.measured(scene, tool.TRIALS['a camera is 2 m off, no ids'], 20, first=34)
    assert found.count == pytest.approx(1.0, abs=0.1)
    assert found.error <= 0.15 and found.ghosts < 0.05
