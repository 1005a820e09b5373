"""Regions: their polygons, what is inside, and who comes and goes; also against the truth."""

from dataclasses import replace
import json
import sys

import numpy as np
import pytest
from yolo_heatmap_ros.config.shapes import parse_polygons
from yolo_heatmap_ros.drawing.regions import draw_regions
from yolo_heatmap_ros.heat.accumulator import HeatAccumulator
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.heat.options import HeatOptions
from yolo_heatmap_ros.heat.regions import RegionCount

SIZE = (240, 320)
LEFT_HALF = {'left': np.array([[0, 0], [160, 0], [160, 240], [0, 240]], np.float32)}


def person_at(x, y, track_id=1):
    """Return one person, 20 x 60 px, who stands at x, y."""
    detections = Detections.from_boxes([(x - 10, y - 60, x + 10, y)])
    detections.track_id[:] = track_id
    return detections


def counts_of(places, regions=LEFT_HALF, **options):
    """Return the count of the region `left` after one person was at these x, y, 0.1 s apart."""
    heat = HeatAccumulator(*SIZE, HeatOptions(regions=regions, **options))
    for number, place in enumerate(places):
        heat.update(person_at(*place), number / 10)
    return heat.regions.counts['left']


def totals(count):
    """Return a count without that of its classes."""
    return replace(count, by_class={})


def test_a_person_walks_through():
    count = counts_of([(x, 200) for x in range(300, 20, -2)])
    assert (count.objects, count.tracks, count.entries, count.exits) == (1, 1, 1, 0)
    assert count.occupancy == pytest.approx((160 - 22) / 20, abs=0.1)
    count = counts_of([*((x, 200) for x in range(300, 20, -2)), *((x, 200) for x in range(
        20, 300, 2))])
    assert (count.objects, count.tracks, count.entries, count.exits) == (0, 1, 1, 1)


def test_who_appears_inside_has_not_entered():
    count = counts_of([(50, 200)] * 10)
    assert (count.objects, count.tracks, count.entries, count.exits) == (1, 1, 0, 0)


def test_jitter_on_the_border_counts_once():
    rng = np.random.default_rng(1)
    walk = [(x + rng.normal(0, 0.7), 200) for x in np.linspace(170, 150, 400)]
    count = counts_of(walk)
    assert (count.tracks, count.entries, count.exits) == (1, 1, 0)


def crossings(width, height, places):
    """Return entries and exits after one object of this size stood at these x."""
    heat = HeatAccumulator(*SIZE, HeatOptions(regions=LEFT_HALF))
    for number, x in enumerate(places):
        detections = Detections.from_boxes([(x - width / 2, 200 - height, x + width / 2, 200)])
        detections.track_id[:] = 1
        heat.update(detections, number / 10)
    count = heat.regions.counts['left']
    return count.entries, count.exits


@pytest.mark.parametrize('width, height, margin', [(6, 15, 2), (20, 60, 2), (60, 200, 6),
                                                   (80, 40, 4)])
def test_a_border_is_crossed_when_a_margin_lies_behind_it(width, height, margin):
    """A tenth of the shorter side, and 2 px or more: small boxes jitter by a pixel too."""
    outside, inside = 160 + margin, 160 - margin
    jitter = [outside - 1, inside + 1] * 5
    assert crossings(width, height, [200, *jitter]) == (0, 0)
    assert crossings(width, height, [200, *jitter, inside]) == (1, 0)
    assert crossings(width, height, [200, inside, *jitter]) == (1, 0)
    assert crossings(width, height, [200, inside, *jitter, outside]) == (1, 1)


def test_on_the_border_is_inside():
    """As far as no margin is at stake: of objects that are new, and of those without a track."""
    assert counts_of([(160, 200)]).objects == 1
    assert totals(counts_of([(160, 200, -1)] * 11)) == RegionCount(
        1, 0, 0, 0, pytest.approx(1.0))
    assert counts_of([(161, 200)]).objects == 0
    regions = HeatAccumulator(*SIZE, HeatOptions(regions=LEFT_HALF)).regions
    assert regions.contain(person_at(160, 200).xyxy[0])
    assert not regions.contain(person_at(160.5, 200).xyxy[0])


def test_who_comes_back_is_counted_once_in_tracks():
    count = counts_of([(x, 200) for x in (200, 100, 200, 100, 200, 200)])
    assert (count.objects, count.tracks, count.entries, count.exits) == (0, 1, 2, 2)


def test_counts_of_a_snapshot_go_on():
    """Whatever regions are called now: counts belong to a name."""
    heat = HeatAccumulator(*SIZE, HeatOptions(regions=LEFT_HALF))
    for number in range(11):
        heat.update(person_at(100, 200), number / 10)
    again = HeatAccumulator(*SIZE, HeatOptions(regions={**LEFT_HALF, 'new': LEFT_HALF['left']}))
    again.update(person_at(100, 200), 0.0)
    again.restore(heat.state())
    assert {name: totals(count) for name, count in again.regions.counts.items()} == {
        'left': RegionCount(1, 1, 0, 0, pytest.approx(1.0)), 'new': RegionCount()}
    assert again.regions.counts['left'].by_class == heat.regions.counts['left'].by_class
    for number in range(7):
        again.update(person_at(100, 200, track_id=2), 1.5 + number / 10)
    assert again.regions.counts['left'].tracks == 2


def test_many_people_and_ids_without_end():
    heat = HeatAccumulator(*SIZE, HeatOptions(regions=LEFT_HALF))
    for number in range(2000):
        heat.update(person_at(300 - 20 * (number % 15), 200, number // 15), number / 10)
    count = heat.regions.counts['left']
    assert (count.entries, count.tracks) == (133, 133)


def test_the_anchor():
    """A person who stands in a region with the feet alone is in it, unless the centre counts."""
    floor = {'left': np.array([[0, 190], [320, 190], [320, 240], [0, 240]], np.float32)}
    assert counts_of([(100, 200)], floor).objects == 1
    assert counts_of([(100, 200)], floor, region_anchor='center').objects == 0
    assert counts_of([(100, 221)], floor, region_anchor='center').objects == 1


def test_objects_without_a_tracker():
    heat = HeatAccumulator(*SIZE, HeatOptions(regions=LEFT_HALF))
    for number in range(11):
        heat.update(Detections.from_boxes([(50, 50, 70, 100), (250, 50, 270, 100)]), number / 10)
    assert totals(heat.regions.counts['left']) == RegionCount(1, 0, 0, 0, pytest.approx(1.0))


def test_heat_is_only_inside():
    heat = HeatAccumulator(*SIZE, HeatOptions(regions=LEFT_HALF, kernel='box'))
    heat.update(Detections.from_boxes([(100, 50, 220, 100)]), 0.0)
    values = heat.total.heat()
    assert values[60, 100:160].min() == 1.0
    assert values[:, 161:].max() == 0.0


def test_regions_that_overlap_add_heat_once():
    both = {**LEFT_HALF, 'all': np.array([[0, 0], [320, 0], [320, 240], [0, 240]], np.float32)}
    heat = HeatAccumulator(*SIZE, HeatOptions(regions=both, kernel='box'))
    heat.update(person_at(100, 200), 0.0)
    assert heat.total.heat().max() == 1.0
    assert heat.regions.counts['left'].objects == heat.regions.counts['all'].objects == 1


def test_polygons_in_px_and_in_fractions():
    text = '{door: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]], hall: [[10, 10], [90, 10], [90, 200]]}'
    regions = parse_polygons(text)
    assert list(regions) == ['door', 'hall']
    heat = HeatAccumulator(*SIZE, HeatOptions(regions={'left': regions['door']}))
    assert np.array_equal(heat.regions.mask[:, :160], np.ones((240, 160)))
    assert not heat.regions.mask[:, 162:].any()
    assert parse_polygons('') == parse_polygons('{}') == {}


@pytest.mark.parametrize('text, reason', [
    ('{door: [[0, 0], [1, 1]]}', "region 'door' is not a list of three or more"),
    ('{door: [[0, 0], [1, 1], [2, 2]]}', "region 'door' has no area"),
    ('{door: [[0, 0], [1, 1], [.nan, 2]]}', "region 'door' has a coordinate that is not"),
    ('{door: [[0, 0], [1, 1], [1.0e9, 2]]}', "region 'door' has a coordinate that is not"),
    ('{door: [[0, 0], [1, a], [3, 2]]}', "region 'door' is not a list"),
    ('{door: [[0, 0], [1], [3, 2]]}', "region 'door' is not a list"),
    ('{door: 5}', "region 'door' is not a list"),
    ('{door: [[0, 0], [9, 9], [9, 0], [0, 9]]}', "region 'door' has sides that cross each other"),
    ('{door: [[0, 0], [9, 5], [9, 0], [0, 9]]}', "region 'door' has sides that cross each other"),
    ('{door: [' + '[0, 0], ' * 1001 + '[9, 9]]}', "region 'door' has 1002 points, more than 1000"),
    ('{door: *a}', 'is not YAML'),
    # 324 characters from which aliases make 9^9 values.
    ('{a: &a [1, 2], b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a], c: &c [*b, *b, *b, *b, *b, *b, '
     '*b, *b, *b], d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c], e: &e [*d, *d, *d, *d, *d, *d, *d, '
     '*d, *d], f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e], g: [*f, *f, *f, *f, *f, *f, *f]}',
     'has more than 100000 values: YAML aliases multiply'),
    ('&a {door: *a}', 'has more than 100000 values'),
    ('[[0, 0], [1, 1], [3, 2]]', 'is not of the form'),
    ('{door: [[0, 0', 'is not YAML'),
])
def test_polygons_that_are_none(text, reason):
    with pytest.raises(ValueError, match=reason) as caught:
        parse_polygons(text)
    assert '\n' not in str(caught.value)


def test_polygons_that_only_touch_themselves():
    assert list(parse_polygons('{L: [[0, 0], [9, 0], [9, 4], [4, 4], [4, 9], [0, 9], [0, 9]]}'))


@pytest.mark.parametrize('outside', [[[-90, 10], [-50, 10], [-50, 90]],
                                     [[900, 10], [950, 10], [950, 90]]])
def test_a_region_outside_the_picture_is_said_once(outside):
    regions = {'left': LEFT_HALF['left'], 'away': np.array(outside, np.float32)}
    heat = HeatAccumulator(*SIZE, HeatOptions(regions=regions))
    line, = heat.new_warnings()
    assert line.startswith("region 'away' lies outside the picture of 320 x 240 pixels")
    assert heat.new_warnings() == []
    heat.reconfigure(HeatOptions(regions={'left': LEFT_HALF['left']}), ['regions'])
    assert heat.new_warnings() == []
    heat.reconfigure(HeatOptions(regions=regions), ['regions'])
    assert heat.new_warnings() == [line]


def test_a_region_that_stays_where_it_is_goes_on_counting():
    """Also when others come and go, and when it is given in fractions, which are rounded."""
    heat = HeatAccumulator(*SIZE, HeatOptions(regions=LEFT_HALF))

    def walk(begin, *places):
        for number, x in enumerate(places):
            heat.update(person_at(x, 200), begin + number / 10)
        return heat.regions.counts['left']
    before = walk(0.0, *range(300, 50, -5))
    assert (before.tracks, before.entries, before.exits) == (1, 1, 0)
    seconds = before.occupancy
    fractions = np.array([[0, 0], [0.4999, 0], [0.4999, 1], [0, 1]], np.float32)
    heat.reconfigure(HeatOptions(regions={'right': LEFT_HALF['left'] + (160, 0),
                                          'left': fractions}), ['regions'])
    after = walk(5.0, *range(50, 300, 5))
    assert (after.tracks, after.entries, after.exits) == (1, 1, 1)
    assert after.occupancy > seconds + 1.0
    assert heat.regions.counts['right'].entries == 1
    heat.reconfigure(HeatOptions(regions={'left': LEFT_HALF['left'] * 0.9}), ['regions'])
    assert totals(heat.regions.counts['left']) == RegionCount()
    walk(10.0, *range(300, 50, -5))
    heat.reconfigure(HeatOptions(regions={'left': LEFT_HALF['left'] * 0.9},
                                 region_anchor='center'), ['region_anchor'])
    assert totals(heat.regions.counts['left']) == RegionCount()


def test_outline_and_name_are_drawn():
    heat = HeatAccumulator(*SIZE, HeatOptions(
        regions={'left': LEFT_HALF['left'] * 0.5 + 20}))
    picture = np.full((*SIZE, 3), 100, np.uint8)
    draw_regions(picture, heat.regions)
    assert (picture[20:140, 100] > 200).all()  # the right edge
    assert (picture[60, 30:90] == 100).all()  # nothing inside
    assert (picture[:, 120:] == 100).all()


# --- The embedded clip, whose truth is in metres ---

GROUND = {'zebra': (13.0, 20.0, -3.0, 0.0), 'road': (13.0, 20.0, -14.0, 14.0),
          'near': (9.0, 13.0, -8.0, 8.0)}
"""Rectangles on the ground: x from, to, y from, to, in m."""


@pytest.fixture(scope='module')
def truth(street):
    return json.loads((street / 'street_truth.json').read_text())


@pytest.fixture(scope='module')
def polygons(street):
    """Return the rectangles as the camera sees them."""
    sys.path.insert(0, str(street.parent / 'tools'))
    from street import project
    return {name: project([(x0, y0, 0), (x0, y1, 0), (x1, y1, 0), (x1, y0, 0)])[:, :2].astype(
        np.float32) for name, (x0, x1, y0, y1) in GROUND.items()}


def counts_on_the_ground(rows, rectangle):
    """Count by positions in metres: no picture, no boxes."""
    x0, x1, y0, y1 = rectangle
    was_inside, seen = {}, set()
    count = RegionCount()
    for frame in rows:
        count.objects = 0
        for number, *_, x, y in frame:
            inside = x0 <= x <= x1 and y0 <= y <= y1
            count.entries += inside and not was_inside.get(number, inside)
            count.exits += not inside and was_inside.get(number, False)
            was_inside[number] = inside
            count.objects += inside
            count.occupancy += inside / 15.0
            if inside:
                seen.add(number)
    count.tracks = len(seen)
    return count


def test_counts_of_the_true_boxes_are_the_truth(truth, polygons):
    """Boxes and ids of the truth against its positions in metres."""
    heat = HeatAccumulator(480, 640, HeatOptions(regions=polygons))
    for number, frame in enumerate(truth['frames']['rows']):
        detections = Detections.from_boxes([row[2:6] for row in frame])
        detections.track_id = np.array([row[0] for row in frame], np.int64)
        heat.update(detections, number / 15.0)
    for name, rectangle in GROUND.items():
        count, true = heat.regions.counts[name], counts_on_the_ground(
            truth['frames']['rows'], rectangle)
        assert true.tracks >= 8
        assert (count.entries, count.exits) == (true.entries, true.exits), name
        # A car that is in the picture for less than half a second does not count.
        assert 0 <= true.tracks - count.tracks <= 1, name
        assert count.occupancy == pytest.approx(true.occupancy, rel=0.05), name


def test_counts_of_the_embedded_model(street_tracks, truth, polygons):
    """The whole chain, with groups on the zebra that hide each other."""
    heat = HeatAccumulator(480, 640, HeatOptions(regions=polygons))
    for number, tracks in enumerate(street_tracks):
        heat.update(tracks, number / 15.0)
    for name, rectangle in GROUND.items():
        count, true = heat.regions.counts[name], counts_on_the_ground(
            truth['frames']['rows'], rectangle)
        assert count.occupancy == pytest.approx(true.occupancy, rel=0.03), name
        assert abs(count.tracks - true.tracks) <= 2, name
        least = 1 if name == 'zebra' else 2
        assert abs(count.entries - true.entries) <= least, name
        assert abs(count.exits - true.exits) <= least, name
