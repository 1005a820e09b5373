"""Events: each thing that happens once, when and where it happened."""

import numpy as np
import pytest
from yolo_heatmap_ros.heat.accumulator import HeatAccumulator
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.heat.options import HeatOptions

SIZE = (240, 320)
HALF = {'left': np.array([[0, 0], [160, 0], [160, 240], [0, 240]], np.float32)}


def happened(sightings, regions=HALF, resumed=None, **options):
    """Return all events after one person was at x at these stamps; None: nobody was seen."""
    heat = HeatAccumulator(*SIZE, HeatOptions(regions=regions, **options))
    heat.clock.resume(resumed)
    events = []
    for stamp, x in sightings:
        detections = Detections.from_boxes([] if x is None else [(x - 10, 100, x + 10, 160)])
        detections.track_id[:] = 1
        heat.update(detections, stamp)
        events += heat.new_events()
        assert heat.new_events() == []
    return [(str(event.kind), event.place, round(event.stamp, 2), round(event.seconds, 2))
            for event in events]


def test_in_and_out():
    """At the moment in which the border lay a margin behind, between two frames."""
    sightings = [(float(number), 260 - 40 * number) for number in range(5)]
    sightings += [(5.0 + number, 100 + 40 * number) for number in range(5)]
    assert happened(sightings, max_gap=3.0) == [
        ('entry', 'left', 2.55, 0.0), ('exit', 'left', 6.55, 4.0)]


def test_a_stay_is_told_once():
    sightings = [(number / 2, 200 if number < 4 else 60) for number in range(40)]
    events = happened(sightings, dwell_alert=5.0)
    entry, stay = events
    assert stay[:2] == ('stay', 'left') and 5.0 < stay[3] < 5.6
    assert stay[2] - entry[2] == pytest.approx(stay[3])
    # Also of one who has been inside from the first frame; a second stay is another.
    sightings = [(number / 2, 60) for number in range(20)]
    sightings += [(10 + number / 2, 220) for number in range(4)]
    sightings += [(12 + number / 2, 60) for number in range(20)]
    assert [event[0] for event in happened(sightings, dwell_alert=5.0)] == [
        'stay', 'exit', 'entry', 'stay']
    assert 'stay' not in [event[0] for event in happened(sightings)]


@pytest.mark.parametrize('memory', [0.0, 20.0])
def test_a_stay_is_as_long_as_it_was_seen(memory):
    """A longer gap than `max_gap` does not end it, but adds nothing."""
    sightings = [(number / 2, None if 10 <= number < 22 else 60) for number in range(40)]
    event, = happened(sightings, dwell_alert=8.0, track_memory=memory)
    assert event[0] == 'stay' and 8.0 < event[3] < 9.0 and event[2] == pytest.approx(
        event[3] + 6.5, abs=0.6)
    before = [(number / 10, 60) for number in range(20)]
    after = [(3600 + number / 10, 60) for number in range(20)]
    assert happened(before + after, dwell_alert=10.0, track_memory=memory) == []


def test_saved_heat_that_ended_later_than_the_stamps_begin():
    """Those of a camera that counts from its start: times must not be negative."""
    walk = [(10.0 + number / 10, 60 + 5 * number) for number in range(40)]
    fresh = happened(walk, dwell_alert=1.0)
    resumed = happened(walk, dwell_alert=1.0, resumed=1000.0)
    assert [event[:2] for event in resumed] == [event[:2] for event in fresh]
    assert all(one[3] == pytest.approx(other[3], abs=0.11) for one, other in zip(resumed, fresh))


def test_nothing_is_told_of_a_track_before_it_is_confirmed():
    """Then all of it is, with the time of each."""
    walk = [(0.0, 200), (0.1, 150), (0.2, 100), (0.3, 60)]
    assert happened(walk) == []
    later = [*walk, (0.4, 60), (0.5, 60)]
    assert [event[:2] for event in happened(later)] == [('entry', 'left')]
    assert happened(later)[0][2] < 0.2


def test_a_narrow_band_is_entered_and_left_between_two_frames():
    """24 px high, nobody is ever seen in it; and one that is narrower than a box's margins."""
    for width in (24, 3):
        band = {'band': np.array([[150, 0], [150 + width, 0], [150 + width, 240], [150, 240]],
                                 np.float32)}
        for step in (1, 7, 40, 70):
            places = list(range(290, 30, -step))
            sightings = [(number * step / 70, x) for number, x in enumerate(places)]
            kinds = [event[0] for event in happened(sightings, band)]
            assert kinds == ['entry', 'exit'], (width, step)


@pytest.mark.parametrize('gap, kinds', [(1.5, ['entry']), (2.5, [])])
def test_a_gap_within_max_gap_is_bridged(gap, kinds):
    """The time too, once it is back."""
    heat = HeatAccumulator(*SIZE, HeatOptions(regions=HALF, heat_unit='seconds'))
    events, occupancy = [], []
    stamps = [0.1 * number for number in range(11)] + [1.0 + gap, 1.1 + gap]
    # Frames come all the time; the person is hidden.
    for stamp in sorted({*stamps, *np.round(np.arange(1.1, 1.0 + gap, 0.1), 3).tolist()}):
        x = 175 if stamp <= 1.0 else 145 if stamp >= 1.0 + gap - 1e-6 else None
        detections = Detections.from_boxes([] if x is None else [(x - 10, 100, x + 10, 160)])
        detections.confirmed[:] = False
        heat.update(detections, stamp)
        events += [str(event.kind) for event in heat.new_events()]
        occupancy.append(heat.regions.counts['left'].occupancy)
    assert events == kinds
    assert heat.regions.counts['left'].tracks == 1
    assert occupancy[-3] == 0.0
    assert occupancy[-1] == pytest.approx(gap / 2 + 0.1 if kinds else 0.2, abs=0.06)
    seconds = heat.total.heat().max()
    assert seconds > 0.0


def test_what_does_not_return_adds_nothing():
    heat = HeatAccumulator(*SIZE, HeatOptions(regions=HALF, heat_unit='seconds'))
    for number in range(40):
        there = number <= 10
        detections = Detections.from_boxes([(50, 100, 70, 160)] if there else [])
        detections.confirmed[:] = False
        heat.update(detections, number / 10)
    assert heat.regions.counts['left'].occupancy == pytest.approx(1.0)


def test_heat_that_is_bridged_decays_as_if_it_had_been_seen():
    """The exact integral, whether the path comes in one piece or in twenty."""
    totals = []
    for seen in (range(41), (*range(11), *range(30, 41))):
        heat = HeatAccumulator(*SIZE, HeatOptions(heat_unit='seconds', half_life=1.5))
        for number in range(41):
            detections = Detections.from_boxes([(50, 100, 70, 160)] if number in seen else [])
            detections.confirmed[:] = False
            heat.update(detections, number / 10)
        totals.append(heat.total.heat().max())
    assert totals[0] == pytest.approx(totals[1], rel=1e-5)


def test_classes_of_regions():
    """Each track counts as what it was most often; time counts as what it was seen as."""
    heat = HeatAccumulator(*SIZE, HeatOptions(regions=HALF))
    for number in range(11):
        detections = Detections.from_boxes([(50, 100, 70, 160), (100, 100, 140, 130)])
        detections.confirmed[:] = False
        detections.class_id[:] = (0, 2 if number % 5 else 7)
        heat.update(detections, number / 10)
    by_class = heat.state().regions['left']['by_class']
    assert {number: count['tracks'] for number, count in by_class.items()} == {0: 1, 2: 1, 7: 0}
    assert by_class[0]['occupancy'] == pytest.approx(1.0)
    assert by_class[2]['occupancy'] + by_class[7]['occupancy'] == pytest.approx(1.0)
