"""Bins of history: together they are all of the heat and all of the counts."""

import numpy as np
import pytest
from yolo_heatmap_ros.choices import HeatUnit
from yolo_heatmap_ros.heat.accumulator import HeatAccumulator
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.heat.ground import GroundPlane
from yolo_heatmap_ros.heat.options import HeatOptions
from yolo_heatmap_ros.heat.time_bins import block_sums

SIZE = (241, 322)
SHAPES = {
    'regions': {'left': np.array([[0, 0], [160, 0], [160, 240], [0, 240]], np.float32)},
    'lines': {'gate': np.array([[200, 0], [200, 240]], np.float32)}}
PLANE = GroundPlane(np.diag((0.01, 0.01, 1.0)), 0.1, (0.0, 0.0, 3.2, 2.4), 0.2)


def walkers(number, count=6):
    """Return objects of two classes, that walk to and fro with different periods."""
    phases = (np.arange(count) * 0.37 + number * (0.004 + 0.001 * np.arange(count))) % 1.0
    x = 20 + 280 * np.abs(2 * phases - 1)
    y = 60 + 28 * np.arange(count)
    detections = Detections.from_boxes(np.stack((x - 8, y - 40, x + 8, y), axis=1))
    detections.track_id[:] = np.arange(count)
    detections.class_id[:] = np.arange(count) % 2
    return detections


def heat_of(period, frames=400, step=0.13, begin=1000.0, **options):
    """Return the heat after walkers were seen, and the bins."""
    heat = HeatAccumulator(*SIZE, HeatOptions(
        heat_unit=HeatUnit.SECONDS, history_period=period, ground=PLANE, track_memory=0.0,
        dwell_alert=3.0, flow=True, **SHAPES, **options))
    bins, events = [], []
    for number in range(frames):
        heat.update(walkers(number), begin + number * step)
        bins += heat.new_bins()
        events += heat.new_events()
    heat.close_bins()
    return heat, bins + heat.new_bins(), events


def summed(dictionaries):
    total = {}
    for one in dictionaries:
        for key, value in one.items():
            total[key] = summed((total.get(key, {}), value)) if isinstance(
                value, dict) else total.get(key, 0) + value
    return total


@pytest.mark.parametrize('period', [1.0, 7.0, 60.0, 3600.0])
@pytest.mark.parametrize('half_life', [0.0, 20.0])
def test_the_sum_of_all_bins_is_everything(period, half_life):
    """Whatever the period, and whether or not the heat that is drawn decays."""
    heat, bins, events = heat_of(period, half_life=half_life)
    whole, _, _ = heat_of(0.0)
    cells = sum(sum(one.heat.values()) for one in bins)
    expected = block_sums(whole.total.heat(), 4)
    np.testing.assert_allclose(cells, expected, rtol=1e-5, atol=1e-5 * expected.max())
    floor = sum(one.floor for one in bins)
    np.testing.assert_allclose(floor, whole.floor.field.heat(), rtol=1e-5, atol=1e-4)
    flow = whole.floor_flow.field.planes
    np.testing.assert_allclose(sum(one.flow for one in bins), flow, rtol=1e-5, atol=1e-5)
    assert flow[-1].any() and flow[0].any()  # some turn, and most walk to the right or left
    counts = summed(one.regions['left'] for one in bins)
    true = whole.regions.state()['left']
    assert counts['occupancy'] == pytest.approx(true['occupancy'])
    assert all(counts[key] == true[key] for key in ('tracks', 'entries', 'exits'))
    lines, line = summed(one.lines['gate'] for one in bins), whole.lines.state()['gate']
    assert lines == line and line['forward'] > 3
    assert sorted(event[:4] for one in bins for event in one.events) == sorted(
        event[:4] for event in events)
    assert sum(one.watched for one in bins) == pytest.approx(399 * 0.13)
    assert sum(one.frames for one in bins) == 400
    assert all(one.begin % period == 0 for one in bins)


def test_an_event_is_in_the_bin_in_which_it_has_happened():
    """Although a track is confirmed, and a crossing certain, only later."""
    for period in (3.0, 10.0):
        _, bins, _ = heat_of(period)
        for one in bins:
            assert all(one.begin <= event.stamp < one.begin + period for event in one.events)
        assert sum(len(one.events) for one in bins) > 20


def test_time_that_jumps_makes_bins_of_its_own():
    heat = HeatAccumulator(*SIZE, HeatOptions(history_period=60.0, **SHAPES))
    stamps = [*np.arange(0, 30, 0.5), *np.arange(7200, 7230, 0.5), *np.arange(600, 630, 0.5)]
    for number, stamp in enumerate(stamps):
        heat.update(walkers(number), stamp)
    heat.close_bins()
    bins = heat.new_bins()
    assert [one.begin for one in bins] == [0.0, 7200.0, 600.0]
    assert [one.jumped > 0 for one in bins] == [False, False, True]
    assert all(one.watched < 31 for one in bins) and sum(one.frames for one in bins) == 180


def test_what_is_set_begins_a_new_bin_and_a_reset_does_not():
    options = HeatOptions(history_period=60.0, heat_unit=HeatUnit.SECONDS, **SHAPES)
    heat = HeatAccumulator(*SIZE, options)
    for number in range(100):
        if number == 30:
            heat.reset()
        if number == 60:
            heat.reconfigure(HeatOptions(**{**vars(options), 'regions': {
                'right': SHAPES['regions']['left'] + (150, 0)}}), ['regions'])
        heat.update(walkers(number), number / 10)
    heat.close_bins()
    bins = heat.new_bins()
    assert [list(one.regions) for one in bins] == [['left'], ['right']]
    assert [one.frames for one in bins] == [60, 40]


def test_the_origin_of_time():
    heat = HeatAccumulator(*SIZE, HeatOptions(history_period=3600.0))
    heat.set_time_origin(1.6e9)
    heat.update(walkers(0), 10.0)
    heat.close_bins()
    one, = heat.new_bins()
    assert one.began == 1.6e9 + 10 and one.begin == 1.6e9 + 10 - (1.6e9 + 10) % 3600
