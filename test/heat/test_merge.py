"""Heat of parts, merged, against the heat of the whole."""

import json

import numpy as np
import pytest
from yolo_heatmap_ros.errors import HeatError
from yolo_heatmap_ros.heat.accumulator import HeatAccumulator
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.heat.ground import GroundPlane
from yolo_heatmap_ros.heat.options import HeatOptions

RATE = 15.0
REGIONS = {'left': np.array([[0, 100], [320, 100], [320, 480], [0, 480]], np.float32)}
LINES = {'across': np.array([[40, 330], [600, 330]], np.float32)}
PLANE = GroundPlane(np.array([[0.02, 0, 0], [0, 0.02, 0], [0, 0, 1.0]]), 0.1, (0, 0, 12.8, 9.6))
CUT = 170
LEAD_IN = 75
"""5 s: as long as lost objects are remembered."""


@pytest.fixture(scope='module')
def clip(street):
    """Return the true objects of each frame of the embedded clip, with their ids."""
    rows = json.loads((street / 'street_truth.json').read_text())['frames']['rows']
    frames = []
    for objects in rows:
        detections = Detections.from_boxes(np.array([row[2:6] for row in objects], np.float32))
        detections.track_id = np.array([row[0] for row in objects], np.int64)
        detections.class_id = np.array([row[1] for row in objects], np.int64)
        frames.append(detections)
    return frames


def heat_of(clip, begin, end, options, lead_in=LEAD_IN):
    """Accumulate frames from `begin` to before `end`, after a lead-in that does not count."""
    heat = HeatAccumulator(480, 640, options)
    for number in range(max(0, begin - lead_in), begin):
        heat.warm_up(clip[number], number / RATE)
    for number in range(begin, end):
        heat.update(clip[number], number / RATE)
    return heat


@pytest.mark.parametrize('options', [
    {}, {'heat_unit': 'seconds'}, {'heat_unit': 'seconds', 'half_life': 4.0},
    {'half_life': 4.0, 'kernel': 'foot'},
    {'heat_unit': 'seconds', 'regions': REGIONS, 'lines': LINES},
    {'heat_unit': 'seconds', 'per_class': True, 'ground': PLANE, 'half_life': 30.0},
    {'flow': True, 'ground': PLANE, 'half_life': 30.0}],
    ids=lambda options: '-'.join(options) or 'default')
@pytest.mark.parametrize('later_first', [False, True])
def test_two_halves_are_the_whole(clip, options, later_first):
    options = HeatOptions(**options)
    whole = heat_of(clip, 0, len(clip), options)
    halves = [heat_of(clip, 0, CUT, options), heat_of(clip, CUT, len(clip), options)]
    merged, other = reversed(halves) if later_first else halves
    merged.merge(other)
    expected, found = whole.state(), merged.state()
    assert found.arrays.keys() == expected.arrays.keys()
    for name, heat in expected.arrays.items():
        assert heat.max() > 0.1, name
        np.testing.assert_allclose(found.arrays[name], heat, rtol=1e-5, atol=1e-5)
    assert (found.frames, found.began, found.ended) == (
        expected.frames, expected.began, expected.ended)
    for name, count in expected.regions.items():
        assert found.regions[name].pop('occupancy') == pytest.approx(count.pop('occupancy'))
        for of_class in (count['by_class'], found.regions[name]['by_class']):
            for totals in of_class.values():
                totals['occupancy'] = pytest.approx(totals['occupancy'])
        assert count['entries'] > 0 and count['tracks'] > 0
    assert found.regions == expected.regions
    assert found.lines == expected.lines
    assert all(count['forward'] for count in expected.lines.values())


def test_a_frame_that_leads_in_does_not_count():
    """It says who is where and since when, so that the next one can: a walker who enters."""
    heat = HeatAccumulator(480, 640, HeatOptions(heat_unit='seconds', kernel='box',
                                                 per_class=True, regions=REGIONS))
    walker, sitter = (330, 200, 350, 300), (10, 200, 50, 300)
    for number, box in enumerate((walker, walker, (300, 200, 320, 300))):
        detections = Detections.from_boxes([sitter, box])
        detections.track_id[:] = (1, 2)
        if number < 2:
            heat.warm_up(detections, 5.0 + number)
            assert (heat.frames, heat.began, heat.clock.now) == (0, None, 5.0 + number)
            assert heat.total.maximum == 0.0 and not heat.classes.fields
            count = heat.regions.counts['left']
            assert (count.tracks, count.entries, count.occupancy) == (0, 0, 0.0)
        else:
            heat.update(detections, 5.0 + number)
    assert (heat.frames, heat.began, heat.clock.now) == (1, 7.0, 7.0)
    assert heat.total.heat()[250, 30] == 1.0
    count = heat.regions.counts['left']
    assert (count.objects, count.tracks, count.entries, count.exits) == (2, 1, 1, 0)


def test_a_merged_field_knows_its_extremes(clip):
    one, other = (heat_of(clip, *part, HeatOptions()) for part in ((0, 40), (40, 80)))
    one.merge(other)
    field = one.total
    assert (field.maximum, field.minimum) == (field.values.max(), field.values.min())
    cold = np.ones(field.shape, bool)
    for region in field.hot:
        cold[region] = False
    assert not field.values[cold].any() and field.values[~cold].any()


@pytest.mark.parametrize('other', [
    HeatAccumulator(480, 641, HeatOptions()),
    HeatAccumulator(480, 640, HeatOptions(heat_unit='seconds')),
    HeatAccumulator(480, 640, HeatOptions(per_class=True)),
    HeatAccumulator(480, 640, HeatOptions(ground=PLANE))])
def test_what_cannot_be_merged_changes_nothing(clip, other):
    heat = heat_of(clip, 0, 20, HeatOptions())
    before = heat.total.heat()
    with pytest.raises(HeatError, match='cannot be merged'):
        heat.merge(other)
    assert np.array_equal(heat.total.heat(), before) and heat.frames == 20


@pytest.mark.parametrize('earlier_first', [False, True])
def test_what_is_known_of_a_merged_time(earlier_first):
    """Frames of both, from the first stamp to the last; who is there now, the later one knows."""
    options = HeatOptions(regions=REGIONS, half_life=5.0, kernel='box', per_class=True,
                          ground=PLANE)
    earlier, later = HeatAccumulator(480, 640, options), HeatAccumulator(480, 640, options)
    for heat, stamps, boxes in ((earlier, (1.0, 2.0, 3.0), [(10, 200, 50, 300)] * 3),
                                (later, (12.0, 13.0), [(10, 200, 50, 300)])):
        for stamp in stamps:
            detections = Detections.from_boxes(boxes)
            detections.track_id = np.arange(len(boxes))
            heat.update(detections, stamp)
    before = [heat.state().arrays for heat in (earlier, later)]
    one, other = (earlier, later) if earlier_first else (later, earlier)
    one.merge(other)
    assert (one.frames, one.began, one.clock.now) == (5, 1.0, 13.0)
    found = one.state().arrays
    assert found.keys() == {'heat', 'layer_0', 'ground'}
    for name, heat in found.items():
        assert heat.max() > 1.0  # in 10 s, two half-lives, a quarter of the earlier is left
        np.testing.assert_allclose(heat, 0.25 * before[0][name] + before[1][name], rtol=1e-5)
    count = one.regions.counts['left']
    assert (count.objects, count.tracks) == (1, 4)
    assert count.occupancy == pytest.approx(6.0 + 1.0)


def test_heat_of_other_regions_cannot_be_merged(clip):
    """It lies elsewhere, and has other counts."""
    plain, with_regions = (heat_of(clip, 0, 60, HeatOptions(regions=regions))
                           for regions in ({}, REGIONS))
    before = with_regions.regions.state()
    assert before['left']['tracks'] > 0
    for one, other in ((plain, with_regions), (with_regions, plain)):
        with pytest.raises(HeatError, match='lines or floor cannot be merged'):
            one.merge(other)
    assert with_regions.regions.state() == before and plain.regions is None


def test_another_floor_cannot_be_merged(clip):
    """Of the same size in cells, but elsewhere."""
    heat = heat_of(clip, 0, 20, HeatOptions(ground=PLANE))
    before = heat.state().arrays
    elsewhere = GroundPlane(PLANE.matrix, 0.1, (1, 0, 13.8, 9.6))
    assert elsewhere.shape == PLANE.shape
    with pytest.raises(HeatError, match='floor cannot be merged'):
        heat.merge(heat_of(clip, 20, 40, HeatOptions(ground=elsewhere)))
    for name, array in heat.state().arrays.items():
        assert np.array_equal(array, before[name])


def test_merging_nothing_changes_nothing(clip):
    heat, empty = heat_of(clip, 0, 20, HeatOptions(half_life=5.0)), HeatAccumulator(
        480, 640, HeatOptions(half_life=5.0))
    before = heat.state()
    heat.merge(empty)
    assert np.array_equal(heat.total.heat(), before.arrays['heat'])
    assert (heat.frames, heat.began, heat.clock.now) == (20, before.began, before.ended)
    empty.merge(heat)
    assert np.array_equal(empty.total.heat(), before.arrays['heat'])
    assert (empty.frames, empty.began, empty.clock.now) == (20, before.began, before.ended)
