"""Heat in seconds, heat that fades, time that jumps, tracks that stay: the core, without ROS."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from yolo_heatmap_ros.detectors.yolo import YoloDetector
from yolo_heatmap_ros.heat.accumulator import HeatAccumulator
from yolo_heatmap_ros.heat.clock import FrameClock
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.heat.dwell import TrackPath
from yolo_heatmap_ros.heat.options import HeatOptions
from yolo_heatmap_ros.heat.regions import RegionCount
from yolo_heatmap_ros.heat.tracks import MAX_TRACKS, TrackMemory

SIZE = (240, 320)
BOX = (50.0, 60.0, 90.0, 120.0)
AT_BOX = (90, 70)


def tracked(*boxes, ids=None):
    detections = Detections.from_boxes(boxes)
    detections.track_id = np.array(range(len(boxes)) if ids is None else ids, np.int64)
    return detections


NOTHING = tracked()


def accumulate(sightings, **options):
    """Return the heat of (stamp, detections) pairs."""
    heat = HeatAccumulator(*SIZE, HeatOptions(**options))
    for stamp, detections in sightings:
        heat.update(detections, stamp)
    return heat


# --- Units ---

def uneven(rng, end):
    """Return stamps from 0 to `end` s at uneven intervals of at most 1 s."""
    stamps = np.cumsum(rng.uniform(0.01, 1.0, int(4 * end)))
    return [0.0, *stamps[stamps < end].tolist(), end]


def test_seconds_are_seconds_at_every_rate():
    """An object that stays for 10 s adds 10 s, however many frames there are."""
    rng = np.random.default_rng(1)
    for stamps in (np.arange(0, 10.01, 0.1), np.arange(0, 10.01, 0.5), uneven(rng, 10.0)):
        heat = accumulate([(stamp, tracked(BOX)) for stamp in stamps], heat_unit='seconds')
        assert heat.total.heat().max() == pytest.approx(10.0, abs=1e-4)
        frames = accumulate([(stamp, tracked(BOX)) for stamp in stamps])
        assert frames.total.heat().max() == len(stamps)


def test_untracked_objects_count_their_seconds_too():
    sightings = [(stamp, Detections.from_boxes([BOX])) for stamp in np.arange(0, 5.01, 0.25)]
    assert accumulate(sightings, heat_unit='seconds').total.heat().max() == pytest.approx(5.0)


def test_a_gap_is_no_occupancy():
    stamps = [0.0, 0.5, 1.0, 31.0, 31.5]
    heat = accumulate([(stamp, tracked(BOX)) for stamp in stamps], heat_unit='seconds')
    assert heat.total.heat().max() == pytest.approx(1.5)
    wide = accumulate([(stamp, tracked(BOX)) for stamp in stamps], heat_unit='seconds',
                      max_gap=60.0)
    assert wide.total.heat().max() == pytest.approx(31.5)


def test_a_moving_track_leaves_its_time_along_its_way():
    """With two sightings a second apart, no place between them is left out, and no time is."""
    begin, end = np.array(BOX), np.array(BOX) + (160, 0, 160, 0)
    heat = accumulate([(0.0, tracked(begin)), (1.0, tracked(end))], heat_unit='seconds',
                      kernel='foot').total.heat()
    along = heat[119, 80:220]
    assert along.min() > 0.05
    assert along.max() < 0.3
    disc = accumulate([(0.0, tracked(begin)), (1.0, tracked(begin))], heat_unit='seconds',
                      kernel='foot').total.heat()
    assert heat.sum() == pytest.approx(disc.sum(), rel=1e-3)


@pytest.mark.parametrize('distance, places', [(0.0, 1), (4.0, 1), (4.5, 2), (8.0, 2), (9.0, 3),
                                              (124.0, 31), (128.0, 32), (1000.0, 32)])
def test_places_along_a_way(distance, places):
    """Evenly spaced, the first and the last half a space from the ends of the way."""
    begin = np.array(BOX, np.float32)
    end = begin + np.float32(distance) * np.array((0, -1, 0, -1), np.float32)
    boxes = TrackPath(0, begin, end, 1.0).boxes()
    expected = -distance * (np.arange(places) + 0.5) / places
    assert boxes.shape == (places, 4) and boxes.dtype == np.float32
    np.testing.assert_allclose(boxes[:, 1] - begin[1], expected, rtol=1e-5)
    np.testing.assert_allclose(boxes[:, [0, 2]], begin[[0, 2]] + np.zeros((places, 2)))


def test_an_outline_moves_with_its_object():
    """An outline as large as its box leaves along the way what the box leaves."""
    begin, way = np.array(BOX), np.array((32.0, -16.0, 32.0, -16.0))
    sightings = [(0.0, tracked(begin)), (1.0, tracked(begin + way))]
    for _, detections in sightings:
        x1, y1, x2, y2 = detections.xyxy[0] - (0, 0, 1, 1)  # pixels on an outline belong to it
        detections.outlines = [np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)], np.float32)]
    outlines, boxes = (accumulate(sightings, heat_unit='seconds', kernel=kernel).total.heat()
                       for kernel in ('mask', 'box'))
    assert boxes.max() == 1.0
    assert np.array_equal(outlines, boxes)


def test_unconfirmed_objects_count_in_seconds_alone():
    detections = tracked(BOX)
    detections.confirmed[:] = False
    sightings = [(0.0, detections), (1.0, detections)]
    assert accumulate(sightings).total.maximum == 0.0
    assert accumulate(sightings, heat_unit='seconds').total.maximum == pytest.approx(1.0)


def agreement(heat, reference):
    """Return the ratio of the totals, and the relative L1 difference after a blur of 8 px."""
    blurred = [cv2.GaussianBlur(one, (0, 0), 8) for one in (heat, reference)]
    return (heat.sum() / reference.sum(),
            np.abs(blurred[0] - blurred[1]).sum() / blurred[1].sum())


def at_rates(detector, sightings, rate):
    """Yield name, share of the frames, and heat in seconds and frames of a video at each rate."""
    frames = len(sightings)
    chosen = {'full': range(frames), 'half': range(0, frames, 2), 'third': range(0, frames, 3),
              'random half': sorted(np.random.default_rng(0).choice(frames, frames // 2, False))}
    for name, numbers in chosen.items():
        tracker = detector.make_tracker()
        tracker.keep_unconfirmed = True
        heats = [HeatAccumulator(*sightings[0][0].shape[:2], HeatOptions(heat_unit=unit))
                 for unit in ('seconds', 'frames')]
        for number in numbers:
            picture, found = sightings[number]
            detections = tracker.track(found, picture)
            for heat in heats:
                heat.update(detections, 1000.0 + number / rate)
        yield (name, len(numbers) / frames, *(heat.total.heat() for heat in heats))


def assert_independent_of_the_rate(heats):
    _, _, seconds, frames = next(heats)
    assert seconds.max() > 1.0
    for name, share, less, fewer in heats:
        total, difference = agreement(less, seconds)
        assert total == pytest.approx(1.0, abs=0.05), name
        assert difference < 0.10, name
        # Frames are fewer, and fewer still because of the confirmation delay.
        assert share * 0.5 < fewer.sum() / frames.sum() < share * 1.1, name


def test_the_embedded_clip_at_all_rates(street_sightings):
    detector, sightings = street_sightings
    assert len(sightings) == 360
    assert_independent_of_the_rate(at_rates(detector, sightings, 15.0))


def test_the_real_video_at_all_rates(real_data):
    pytest.importorskip('openvino')
    detector = YoloDetector(str(real_data / 'yolo11n_int8_openvino_model'), device='cpu')
    capture = cv2.VideoCapture(str(real_data / 'vtest.avi'))
    pictures = [capture.read()[1] for _ in range(300)]
    sightings = [(picture, detector.detect(picture)) for picture in pictures]
    assert_independent_of_the_rate(at_rates(detector, sightings, 10.0))


# --- Fading ---

@pytest.mark.parametrize('half_life', [0.5, 3.0, 600.0])
@pytest.mark.parametrize('spacing', ['even', 'uneven'])
def test_one_half_after_one_half_life(half_life, spacing):
    """Without objects, at the last of many stamps."""
    heat = accumulate([(0.0, tracked(BOX))], half_life=half_life, max_gap=half_life)
    before = heat.total.heat()
    steps = np.full(40, half_life / 40)
    if spacing == 'uneven':
        steps = np.random.default_rng(3).uniform(0.01, 1.0, 40)
        steps *= half_life / steps.sum()
    for stamp in np.cumsum(steps):
        heat.update(NOTHING, stamp)
    after = heat.total.heat()
    assert np.abs(after - 0.5 * before).max() <= 0.001 * before.max()
    assert np.array_equal(after > 0, before > 0)


def test_fading_needs_no_pass_over_the_picture():
    heat = accumulate([(0.0, tracked(BOX))], half_life=5.0)
    values = heat.total.values.copy()
    for number in range(100):
        heat.update(NOTHING, 0.1 * number)
    assert np.array_equal(heat.total.values, values)


def test_fading_while_it_is_added_is_exact():
    """
    An object that stays: heat tends to half_life / ln 2.

    The integral of 2^(-t / h) from 0 to T is h / ln 2 (1 - 2^(-T / h)).
    """
    for stamps in (np.arange(0, 20.01, 0.1), np.arange(0, 20.01, 1.0),
                   uneven(np.random.default_rng(4), 20.0)):
        heat = accumulate([(stamp, tracked(BOX)) for stamp in stamps], heat_unit='seconds',
                          half_life=4.0)
        expected = 4.0 / np.log(2.0) * (1.0 - 0.5 ** (20.0 / 4.0))
        assert heat.total.heat().max() == pytest.approx(expected, rel=1e-4)


def test_heat_fades_for_months():
    """Stored numbers stay in range: against the sum of the same heat in double precision."""
    heat = HeatAccumulator(*SIZE, HeatOptions(half_life=60.0, max_gap=1e5))
    rng = np.random.default_rng(5)
    stamp, expected = 0.0, 0.0
    for number in range(2000):
        step = float(rng.choice([1.0, 60.0, 3600.0]))
        stamp += step
        expected = expected * 0.5 ** (step / 60.0) + 1.0
        heat.update(tracked(BOX), stamp)
        assert heat.total.heat()[AT_BOX] == pytest.approx(expected, rel=1e-5)
        assert heat.total.gain > 1e-20
        assert np.isfinite(heat.total.values).all()
    heat.update(NOTHING, stamp + 10_000)
    assert not heat.total.values.any()  # nothing measurable is left
    assert heat.total.maximum == 0.0


def test_nothing_is_left_of_old_heat_where_others_stay():
    """Old heat is gone for good once it is negligible, while new heat goes on beside it."""
    heat = HeatAccumulator(*SIZE, HeatOptions(half_life=1.0, kernel='box'))
    heat.update(tracked((200.0, 150.0, 260.0, 200.0)), 0.0)
    for number in range(1, 70):
        heat.update(tracked(BOX), number)
    field = heat.total
    assert field.gain > 2.0 ** -60  # it was scaled back, and what was there with it
    assert field.heat()[AT_BOX] == pytest.approx(2.0)
    assert not field.values[150:200, 200:260].any()
    assert [(rows.start, rows.stop, columns.start, columns.stop) for rows, columns in field.hot
            ] == [(0, 64, 0, 128), (64, 128, 0, 128)]


def test_faint_heat_is_kept_until_it_is_negligible():
    """Down to a millionth, also when the numbers behind it are scaled back."""
    heat = HeatAccumulator(*SIZE, HeatOptions(half_life=1.0, kernel='box', max_gap=100.0))
    for number in range(60):
        heat.update(tracked(BOX), number)
    faint = tracked((200.0, 150.0, 260.0, 200.0))
    heat.update(faint, 60.0)
    heat.update(NOTHING, 79.5)
    assert heat.total.gain > 2.0 ** -60
    assert heat.total.heat()[160, 210] == pytest.approx(0.5 ** 19.5)  # 1.3e-6
    heat.update(NOTHING, 80.5)
    assert heat.total.maximum == 0.0 and heat.total.gain == 1.0


# --- Time that jumps ---

def test_a_source_that_begins_anew():
    """A loop of 10 s, three times: what was added stays, the jump adds nothing."""
    loop = [(stamp, tracked(BOX)) for stamp in np.arange(100.0, 110.01, 0.5)]
    keep = accumulate(loop * 3, heat_unit='seconds')
    # The first frame after a jump has no time, and the jump is believed with the second.
    assert keep.total.heat().max() == pytest.approx(30.0, abs=0.01)
    reset = accumulate(loop * 3, heat_unit='seconds', on_time_jump='reset')
    assert reset.total.heat().max() == pytest.approx(10.0, abs=0.51)


@pytest.mark.parametrize('wrong', [0.0, 4e9, 50.0, 1e7])
def test_one_wrong_stamp_harms_nothing(wrong):
    """Neither fades all heat nor forgets it, and adds no time."""
    stamps = [*np.arange(1000.0, 1010.0, 0.5), wrong, *np.arange(1010.0, 1020.01, 0.5)]
    heat = accumulate([(stamp, tracked(BOX)) for stamp in stamps], heat_unit='seconds',
                      half_life=1e6, on_time_jump='reset')
    assert heat.total.heat().max() == pytest.approx(20.0, abs=0.51)


def test_stamps_that_stand_still():
    heat = accumulate([(0.0, tracked(BOX))] * 50, heat_unit='seconds', half_life=1.0)
    assert heat.total.maximum == 0.0
    frames = accumulate([(0.0, tracked(BOX))] * 50, half_life=1.0)
    assert frames.total.heat().max() == 50.0


def test_the_clock():
    clock = FrameClock()
    assert clock.advance(100.0, 2.0) == (0.0, 0.0, 0.0)
    assert clock.advance(101.0, 2.0) == (1.0, 1.0, 0.0)
    assert clock.advance(100.9, 2.0) == (0.0, 0.0, 0.0)  # late
    assert clock.advance(101.5, 2.0) == (0.5, 0.5, 0.0)
    assert clock.advance(111.5, 2.0) == (0.0, 0.0, 0.0)  # doubtful
    assert clock.advance(112.5, 2.0) == (11.0, 1.0, 0.0)  # confirmed
    assert clock.advance(5.0, 2.0) == (0.0, 0.0, 0.0)
    assert clock.advance(5.5, 2.0) == (0.0, 0.5, 107.0)
    slow = FrameClock()
    elapsed = [slow.advance(stamp, 2.0).elapsed for stamp in np.arange(0.0, 60.0, 5.0)]
    assert sum(elapsed) >= 50.0  # a camera slower than max_gap lets time pass too


def test_late_frames_are_no_jump():
    """Frames that overtake each other by less than a fifth of a second, several in a row."""
    clock = FrameClock()
    for stamp in (100.0, 99.85, 99.9, 99.81, 99.95):
        assert clock.advance(stamp, 2.0) == (0.0, 0.0, 0.0)
    assert clock.now == 100.0
    assert clock.advance(100.25, 2.0) == (0.25, 0.25, 0.0)


def test_half_a_second_back_is_a_jump():
    clock = FrameClock()
    assert [clock.advance(stamp, 2.0) for stamp in (100.0, 99.5, 99.75)] == [
        (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.25, 0.25)]
    assert clock.now == 99.75


@pytest.mark.parametrize('stamps, last', [
    ((0.0, 2.0), (2.0, 2.0, 0.0)),  # a gap of max_gap is watched
    ((0.0, 5.0, 7.0), (7.0, 2.0, 0.0)),  # also after a gap that is not
    ((0.0, 5.0, 10.0), (10.0, 0.0, 0.0)),  # a camera slower than max_gap
    ((0.0, 5.0, 10.0, 15.0), (0.0, 0.0, 0.0)),
    ((0.0, 5.0, 10.0, 15.0, 20.0), (10.0, 0.0, 0.0)),
    ((100.0, 5.0, 5.0), (0.0, 0.0, 95.0)),  # the frame that confirms has the same stamp
    ((100.0, 50.0, 40.0), (0.0, 0.0, 0.0)),  # back again: the one before confirms nothing
    ((100.0, 50.0, 40.0, 41.0), (0.0, 1.0, 59.0)),
    ((100.0, 5.0, 10.0), (0.0, 0.0, 0.0)),
    ((100.0, 5.0, 100.5, 6.0), (0.0, 0.0, 0.0)),  # wrong now and then: each is a single one
    ((100.0, 5.0, 100.5, 6.0, 101.0), (0.5, 0.5, 0.0)),
])
def test_steps_of_time(stamps, last):
    clock = FrameClock()
    steps = [clock.advance(stamp, 2.0) for stamp in stamps]
    assert steps[-1] == last


@pytest.mark.parametrize('on_time_jump, frames, began', [('keep', 6, 10.0), ('reset', 1, 10.5)])
def test_a_jump_back_begins_anew(on_time_jump, frames, began):
    """The heat that is kept has begun with the time that it is now."""
    heat = accumulate([(stamp, tracked(BOX)) for stamp in (100.0, 100.5, 101.0, 101.5)],
                      on_time_jump=on_time_jump, half_life=1e9)
    assert (heat.frames, heat.began, heat.clock.now) == (4, 100.0, 101.5)
    for stamp in (10.0, 10.5):
        heat.update(tracked(BOX), stamp)
    assert (heat.frames, heat.began, heat.clock.now) == (frames, 10.5, 10.5)
    assert heat.total.heat().max() == pytest.approx(frames)


# --- Tracks ---

@pytest.mark.parametrize('unit, expected', [('seconds', 4.5), ('frames', 10.0)])
def test_from_which_frame_on_a_parked_car_adds_nothing(unit, expected):
    """At 2 Hz and after 5 s that is the frame at 5.0 s, and none before it."""
    heat = accumulate([(number / 2, tracked(BOX)) for number in range(40)], heat_unit=unit,
                      ignore_stationary=5.0)
    assert heat.total.heat().max() == expected


def seen(memory, boxes, ids, stamp, interval, inherit=False, max_gap=2.0):
    """Return what a memory makes of boxes of class 0."""
    return memory.see(boxes, ids, [0] * len(boxes), stamp, interval, max_gap, 5.0, inherit)


def still(memory, stamp, *boxes, ids=(1,), inherit=True):
    """Return for how long objects have stayed where they are at `stamp`."""
    return seen(memory, np.array(boxes, np.float32).reshape(-1, 4), ids, stamp, 0.5, inherit).still


@pytest.mark.parametrize('place, box, shorter', [
    (BOX, BOX, 40), (BOX, (60, 75, 80, 105), 20), ((60, 75, 80, 105), BOX, 20),
    ((50, 60, 110, 100), (50, 60, 110, 100), 40)])
@pytest.mark.parametrize('way', [(1, 0), (-0.6, -0.8)])
def test_a_track_leaves_its_place(place, box, shorter, way):
    """When its centre is half the shorter side of the smaller box away."""
    for share, expected in ((0.49, 2.0), (0.51, 0.0)):
        memory = TrackMemory()
        assert still(memory, 10.0, place) == [0.0]
        assert still(memory, 12.0, np.array(box) + share * shorter * np.tile(way, 2)) == [expected]


def test_a_parked_car_behind_a_crowd():
    """It is lost for 5 s, in which a hundred others come, are lost, and stand elsewhere."""
    memory = TrackMemory()
    for number in range(11):
        still(memory, number / 2, BOX, ids=[0])
    for number in range(100):
        corner = 150 + number, 10 + number
        still(memory, 5.0 + number / 20, (*corner, corner[0] + 20, corner[1] + 50),
              ids=[1 + number])
    assert still(memory, 10.0, BOX, ids=[-1]) == [10.0]
    assert still(memory, 10.0, BOX, ids=[500], inherit=False) == [0.0]
    assert still(memory, 10.5, BOX, ids=[501]) == [0.5]  # the last that was there
    assert still(memory, 10.5, (150.0, 10.0, 170.0, 60.0), ids=[502]) == [5.5]


def test_nobody_inherits_the_place_of_one_who_is_there():
    memory = TrackMemory()
    still(memory, 0.0, BOX)
    assert still(memory, 5.0, BOX, BOX, ids=[1, 2]) == [5.0, 0.0]
    assert still(memory, 6.0, BOX, BOX, ids=[3, 1]) == [1.0, 6.0]  # but that of one who left


def test_how_long_a_track_is_remembered():
    """For 10 s after it was last seen."""
    memory = TrackMemory()
    still(memory, 0.0, BOX)
    still(memory, 1.0, BOX)
    still(memory, 11.0, ids=[])
    assert len(memory) == 1
    still(memory, 11.5, ids=[])
    assert len(memory) == 0


@pytest.mark.parametrize('missed', [1, 3])
def test_a_track_that_returns_has_been_on_its_way(missed):
    """For up to max_gap, and once it has been seen twice again: then all the time is its own."""
    there, boxes = np.array(BOX, np.float32) + 30, np.array([BOX], np.float32)
    gap = 0.5 * (missed + 1)
    for max_gap in (gap, gap - 0.1):
        memory = TrackMemory()
        seen(memory, boxes, [1], 10.0, 0.5, max_gap=max_gap)
        for number in range(missed):
            seen(memory, boxes[:0], [], 10.5 + 0.5 * number, 0.5, max_gap=max_gap)
        back = seen(memory, there[np.newaxis], [1], 10.0 + gap, 0.5, max_gap=max_gap)
        path, = back.paths
        assert np.array_equal(path.begin, there) and np.array_equal(path.end, there)
        assert path.seconds == 0.5
        again = seen(memory, there[np.newaxis] + 1, [1], 10.5 + gap, 0.5, max_gap=max_gap)
        if max_gap < gap:
            assert back.ways == [[]] and len(again.paths) == len(again.ways[0]) == 1
            continue
        assert back.ways == [None]
        before, after = again.paths
        assert np.array_equal(before.begin, boxes[0]) and np.array_equal(before.end, there)
        assert (before.seconds, before.age) == (gap - 0.5, 1.0)
        assert np.array_equal(after.begin, there) and after.seconds == 0.5
        assert [stamp for _, stamp in again.ways[0]] == [10.0, 10.0 + gap]


def test_from_one_frame_to_the_next():
    memory, there = TrackMemory(), np.array(BOX, np.float32) + 30
    seen(memory, np.array([BOX], np.float32), [1], 10.0, 0.5)
    sighting = seen(memory, there[np.newaxis], [1], 10.5, 0.5)
    path, = sighting.paths
    assert np.array_equal(path.begin, BOX) and np.array_equal(path.end, there)
    (begin, stamp), = sighting.ways[0]
    assert (path.seconds, stamp) == (0.5, 10.0) and np.array_equal(begin, BOX)


def test_time_that_another_id_has_counted_is_not_counted_again():
    """A tracker confuses two who hide each other: one vanishes where the other appears."""
    memory, box = TrackMemory(), np.array([BOX], np.float32)
    seconds = []
    for stamp, ids in ((10.0, [1]), (10.5, [2]), (11.0, [2]), (11.5, [1]), (12.0, [1])):
        sighting = seen(memory, box, ids, stamp, 0.5)
        seconds.append(sum(path.seconds for path in sighting.paths))
    assert sum(seconds) == 2.5 and seconds[-1] == 0.5


def test_a_track_that_stays_stops_adding_heat_until_it_moves():
    """With a jitter of some px; a walker is not held for a parked car."""
    rng = np.random.default_rng(6)
    car, walker = np.array((150.0, 50.0, 230.0, 100.0)), np.array(BOX)
    heat = HeatAccumulator(*SIZE, HeatOptions(heat_unit='seconds', ignore_stationary=5.0,
                                              kernel='box'))
    for number in range(201):  # 20 s
        jitter = rng.normal(0, 2, (2, 4))
        heat.update(tracked(car + jitter[0], walker + jitter[1] + 0.6 * number * np.array(
            (0, 1, 0, 1))), number / 10)
    values = heat.total.heat()
    assert values[75, 190] == pytest.approx(5.0, abs=0.3)
    assert values[:, 70].sum() / 60 == pytest.approx(20.0, rel=0.05)  # 60 px high
    for number in range(20):
        heat.update(tracked(car + (-3.0 * number, 0, -3.0 * number, 0)), 20.1 + number / 10)
    assert heat.total.heat()[75, 130] > 0.5


def test_a_wrong_stamp_ages_nothing():
    """A driver that loses its clock for one frame: who has just come stays new."""
    totals = []
    for wrong in (None, 25, 30):
        heat = HeatAccumulator(*SIZE, HeatOptions(heat_unit='seconds', ignore_stationary=5.0))
        for number in range(45):
            stamp = 100.0 + number / 10
            heat.update(tracked(BOX), 86_400.0 if number == wrong else stamp)
        totals.append(heat.total.heat()[AT_BOX])
    assert totals[1:] == pytest.approx([totals[0]] * 2, abs=0.3)


def test_a_parked_car_under_another_id_is_still_parked():
    """As it is when a tracker loses and finds it again, or has not made up its mind."""
    heat = HeatAccumulator(*SIZE, HeatOptions(heat_unit='seconds', ignore_stationary=5.0))
    for number in range(400):
        ids = [number // 100 if number % 100 < 90 else -1]
        heat.update(NOTHING if number % 100 > 95 else tracked(BOX, ids=ids), number / 10)
    assert heat.total.heat()[AT_BOX] == pytest.approx(5.0, abs=0.3)


def test_tracks_without_end_take_no_more_memory():
    """Ids grow for days: a few are remembered, and what is remembered goes with its time."""
    memory = TrackMemory()
    boxes = np.tile(np.array(BOX, np.float32), (5, 1))
    for number in range(5000):
        seen(memory, boxes, range(5 * number, 5 * number + 5), number / 10, 0.1)
    assert len(memory) <= 505
    for number in range(3000):  # stamps that stand still
        seen(memory, boxes, range(5 * number, 5 * number + 5), 500.0, 0.0)
    assert len(memory) <= MAX_TRACKS


# --- Layers ---

def test_layers_of_classes():
    people, cars = tracked(BOX), tracked((150.0, 50.0, 230.0, 100.0), ids=[7])
    cars.class_id[:] = 2
    heat = accumulate([(0.1 * number, both) for number in range(10) for both in (people, cars)],
                      per_class=True, half_life=10.0)
    assert sorted(heat.classes.fields) == [0, 2]
    fields = heat.classes.fields
    assert np.allclose(fields[0].heat() + fields[2].heat(), heat.total.heat())
    heat.show_classes([2])
    assert np.allclose(heat.total.heat(), heat.classes.fields[2].heat())
    assert heat.total.heat()[AT_BOX] == 0.0
    heat.show_classes([])
    assert heat.total.heat()[AT_BOX] > 5.0
    assert set(heat.state().arrays) == {'heat', 'layer_0', 'layer_2'}
    heat.reset()
    assert not heat.classes.fields


def test_a_class_drawn_alone_needs_its_layer():
    heat = accumulate([(0.0, tracked(BOX))])
    heat.show_classes([5])
    assert heat.total.heat()[AT_BOX] == 1.0


# --- Options and counts ---

DOOR = {'door': np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)}


def totals(count):
    """Return a count without that of its classes."""
    return replace(count, by_class={})


def test_new_regions_count_from_zero():
    """Who is inside when they are new has not entered; other options leave counts alone."""
    options = HeatOptions(regions=DOOR)
    heat = HeatAccumulator(*SIZE, options)
    for number in range(5):
        heat.update(tracked(BOX), number / 2)
    heat.reconfigure(replace(options, half_life=60.0))
    assert totals(heat.regions.counts['door']) == RegionCount(1, 1, 0, 0, 2.0)
    heat.reconfigure(replace(options, regions={'hall': DOOR['door']}), ['regions'])
    assert heat.regions.counts == {'hall': RegionCount()}
    heat.update(tracked(BOX), 2.5)
    assert totals(heat.regions.counts['hall']) == RegionCount(1, 1, 0, 0, 0.5)
    # Nor has who was outside of another region that had the same name.
    corner = np.array([[0, 0], [0.1, 0], [0.1, 0.1], [0, 0.1]], np.float32)
    heat.reconfigure(replace(options, regions={'hall': corner}), ['regions'])
    heat.update(tracked(BOX), 3.0)
    assert heat.regions.counts['hall'] == RegionCount()
    heat.reconfigure(replace(options, regions={'hall': DOOR['door']}), ['regions'])
    heat.update(tracked(BOX), 3.5)
    assert heat.regions.counts['hall'].entries == 0
    heat.reconfigure(HeatOptions(), ['regions'])
    assert heat.regions is None


def test_reset_forgets_all_but_the_time():
    heat = accumulate([(10.0 + number / 2, tracked(BOX)) for number in range(5)],
                      heat_unit='seconds', per_class=True, regions=DOOR, half_life=9.0)
    assert heat.state().facts == {}
    heat.reset()
    assert (heat.frames, heat.began, heat.clock.now) == (0, 12.0, 12.0)
    assert heat.regions.counts['door'] == RegionCount()
    assert heat.total.maximum == 0.0 and heat.total.gain == 1.0 and not list(heat.total.hot)
    heat.update(tracked(BOX), 12.5)
    assert heat.frames == 1
    assert heat.total.heat().max() == pytest.approx(0.5, rel=0.02)


def test_a_state_is_a_copy():
    """What is added later is not in it."""
    heat = accumulate([(0.0, tracked(BOX))], per_class=True, regions=DOOR)
    state = heat.state()
    assert state.shape == SIZE
    heat.update(tracked(BOX, BOX), 0.5)
    assert state.arrays['heat'].max() == state.arrays['layer_0'].max() == 1.0
    assert (state.frames, state.regions['door']['objects']) == (1, 1)


def test_classes_beyond_the_memory_for_them_share_a_layer(monkeypatch):
    """Nothing is lost of the total, and one line says what cannot be shown on its own."""
    monkeypatch.setattr('yolo_heatmap_ros.heat.layers.classes.MAX_BYTES',
                        3 * SIZE[0] * SIZE[1] * 4)
    options = HeatOptions(per_class=True)
    heat, lines = HeatAccumulator(*SIZE, options), []
    for class_id in range(8):
        detections = tracked(BOX)
        detections.class_id[:] = class_id
        heat.update(detections, 0.1 * class_id)
        lines += heat.new_warnings()
    assert len(lines) == 1 and lines[0].startswith('per_class: 3 classes of this resolution fill')
    assert len(heat.classes.fields) == 4
    assert np.array_equal(heat.classes.sum_of([]), heat.total.heat())
    assert heat.classes.sum_of([1])[AT_BOX] == 1.0 and not heat.classes.sum_of([5]).any()
    again = HeatAccumulator(*SIZE, options)
    again.restore(heat.state())
    again.merge(heat)
    assert np.array_equal(again.classes.sum_of([]), 2.0 * heat.total.heat())
