"""Lines: what crosses them, which way, and how often; also against the truth."""

from dataclasses import replace
import json

import numpy as np
import pytest
from yolo_heatmap_ros.config.shapes import parse_lines
from yolo_heatmap_ros.drawing.lines import draw_lines
from yolo_heatmap_ros.heat.accumulator import HeatAccumulator
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.heat.events import EventKind
from yolo_heatmap_ros.heat.options import HeatOptions

SIZE = (240, 320)
GATE = {'gate': np.array([[160, 20], [160, 220]], np.float32)}
"""Down the middle: right of the way down is the left half of the picture."""


def object_at(x, y, width=20, height=60, track_id=1, class_id=0):
    """Return one object that stands at x, y."""
    detections = Detections.from_boxes([(x - width / 2, y - height, x + width / 2, y)])
    detections.track_id[:], detections.class_id[:] = track_id, class_id
    return detections


def heat_of(places, lines=GATE, period=None, **options):
    """Return the heat after one person was at these x, y; None for a frame without one."""
    period = period or max(0.1, 1.0 / len(places))  # long enough to count
    heat = HeatAccumulator(*SIZE, HeatOptions(lines=lines, **options))
    for number, place in enumerate(places):
        detections = Detections.from_boxes([]) if place is None else object_at(*place)
        heat.update(detections, number * period)
    return heat


def crossings(places, lines=GATE, **options):
    """Return forward and backward crossings of the line `gate`."""
    count = heat_of(places, lines, **options).lines.counts['gate']
    return count.forward, count.backward


def walk(*corners, step=5.0):
    """Return places along straight ways between corners."""
    places = [corners[0]]
    for begin, end in zip(corners, corners[1:]):
        count = max(1, round(np.hypot(end[0] - begin[0], end[1] - begin[1]) / step))
        places += [tuple(np.add(begin, np.subtract(end, begin) * index / count))
                   for index in range(1, count + 1)]
    return places


def test_forward_is_from_the_left_to_the_right_along_the_line():
    assert crossings(walk((260, 120), (60, 120))) == (1, 0)
    assert crossings(walk((60, 120), (260, 120))) == (0, 1)
    turned = {'gate': GATE['gate'][::-1].copy()}
    assert crossings(walk((60, 120), (260, 120)), turned) == (1, 0)
    across = {'gate': np.array([[20, 120], [300, 120]], np.float32)}  # its right is below
    assert crossings(walk((150, 60), (150, 200)), across) == (1, 0)


def test_nobody_needs_to_be_seen_on_the_line():
    assert crossings([(260, 120), (240, 120), (60, 120), (60, 120)], period=1.0) == (1, 0)


def test_past_its_ends_is_no_crossing():
    assert crossings(walk((260, 10), (60, 10))) == (0, 0)
    assert crossings(walk((260, 230), (60, 230))) == (0, 0)
    around = walk((260, 120), (180, 120), (180, 235), (100, 235), (100, 120))
    assert crossings(around) == (0, 0)


def test_jitter_on_the_line_counts_once():
    rng = np.random.default_rng(2)
    places = [(x + rng.normal(0, 0.7), 120) for x in np.linspace(175, 145, 400)]
    assert crossings(places) == (1, 0)
    assert crossings([(200, 120), *[(158.5, 120), (161.5, 120)] * 10, (200, 120)]) == (0, 0)


@pytest.mark.parametrize('size, margin', [((6, 15), 2), ((60, 200), 6), ((80, 40), 4)])
def test_a_crossing_is_certain_a_margin_behind_the_line(size, margin):
    heat = HeatAccumulator(*SIZE, HeatOptions(lines=GATE))
    for number, x in enumerate([200] * 6 + [158] * 3):
        heat.update(object_at(x if number < 6 else 160 - margin + 0.5, 120, *size), number / 10)
    assert heat.lines.counts['gate'].forward == 0
    heat.update(object_at(160 - margin, 120, *size), 1.0)
    assert heat.lines.counts['gate'].forward == 1


def test_there_and_back_again():
    assert crossings(walk((260, 120), (60, 120), (260, 120), (60, 120))) == (2, 1)


@pytest.mark.parametrize('step', [2.0, 9.0, 30.0, 75.0])
def test_a_bent_line_at_any_rate(step):
    """In through one side of a corner and out through the other; and through the corner itself."""
    bent = {'gate': np.array([[60, 200], [160, 60], [260, 200]], np.float32)}
    inside, above = (160, 150), (160, 20)
    assert sum(crossings(walk((20, 120), inside, inside, (300, 120), step=step), bent)) == 2
    assert crossings(walk((20, 120), (300, 120), step=step), bent) == (1, 1)
    assert crossings(walk(above, inside, step=step), bent) in ((1, 0), (0, 1))
    assert sum(crossings(walk(above, (160, 59), inside, (160, 61), above, step=step), bent)) == 2


def test_it_returns_within_max_gap_or_crosses_nothing():
    hidden = [*walk((280, 120), (200, 120)), *[None] * 10, (110, 120), (100, 120)]
    assert crossings(hidden) == (1, 0)
    assert crossings(hidden, max_gap=0.9) == (0, 0)
    assert crossings(hidden[:-2]) == (0, 0)  # it has not returned


def test_what_was_pending_when_it_was_lost_is_not_counted_later():
    places = [(200, 120)] * 6 + [(159, 120)] + [None] * 30 + [(60, 120)] * 3
    assert crossings(places) == (0, 0)


def test_past_an_end_that_was_passed_within_the_jitter():
    """Who walks along a line and past its end has crossed it only if he is beyond it then."""
    beside = [(161.5, y) for y in range(150, 210, 5)]
    assert crossings([*beside, (159.5, 215), (159.5, 225), (159.5, 240), (159.5, 260)]) == (0, 0)
    assert crossings([*beside, (159.5, 215), (159.5, 221), (161, 222.5), (163, 221),
                      (170, 200)]) == (0, 0)
    assert crossings([*beside, (159.5, 215), (159, 216), (157, 217)]) == (1, 0)
    assert crossings(walk((166, 205), (150, 225), step=2)) == (1, 0)  # a slanted way is one


@pytest.mark.parametrize('memory', [0.0, 5.0])
@pytest.mark.parametrize('gap', [2.5, 60.0, -30.0])
def test_nothing_is_known_of_the_way_through_a_gap_between_frames(memory, gap):
    """The first frame after it is in doubt: its stamp must not be taken for that before it."""
    heat = HeatAccumulator(*SIZE, HeatOptions(lines=GATE, regions={
        'left': np.array([[0, 0], [155, 0], [155, 240], [0, 240]], np.float32)},
        track_memory=memory))
    for number in range(10):
        heat.update(object_at(180, 120), number / 10)
    for number in range(10):
        heat.update(object_at(140, 120), 0.9 + gap + number / 10)
    assert (heat.lines.counts['gate'].forward, heat.lines.counts['gate'].backward) == (0, 0)
    assert heat.regions.counts['left'].entries == 0
    assert heat.new_events() == []


@pytest.mark.parametrize('before, after', [(0.0, 5.0), (5.0, 0.0)])
def test_numbers_change_with_track_memory(before, after):
    """The tracker's ids 2 and 1 are the objects 1 and 2, which stay where they are."""
    heat = HeatAccumulator(*SIZE, HeatOptions(lines=GATE, track_memory=before))
    both = Detections.from_boxes([(100, 60, 120, 120), (200, 60, 220, 120)])
    both.track_id[:] = 2, 1
    for number in range(30):
        if number == 15:
            heat.reconfigure(HeatOptions(lines=GATE, track_memory=after), ['track_memory'])
        heat.update(both, number / 10)
    assert heat.lines.counts['gate'].forward == heat.lines.counts['gate'].backward == 0


def test_an_id_that_two_objects_have_is_of_the_first():
    heat = HeatAccumulator(*SIZE, HeatOptions(lines=GATE, track_memory=0.0))
    both = Detections.from_boxes([(100, 60, 120, 120), (200, 60, 220, 120)])
    both.track_id[:] = 7
    for number in range(30):
        heat.update(both, number / 10)
    assert heat.lines.counts['gate'].forward == heat.lines.counts['gate'].backward == 0


def test_new_lines_leave_what_waits_for_regions():
    """Both wait until a track is confirmed; only what is put elsewhere starts over."""
    left = {'left': np.array([[0, 0], [160, 0], [160, 240], [0, 240]], np.float32)}
    for changed in ('lines', 'regions'):
        options = HeatOptions(lines=GATE, regions=left, track_memory=5.0)
        heat = HeatAccumulator(*SIZE, options)
        for number in range(10):
            if number == 4:
                moved = {name: shape + 2 for name, shape in getattr(options, changed).items()}
                heat.reconfigure(replace(options, **{changed: moved}), [changed])
            heat.update(object_at(175 - 15 * number, 120), number / 10)
        assert heat.regions.counts['left'].entries == (changed == 'lines')
        assert heat.lines.counts['gate'].forward == (changed == 'regions')


def test_classes_and_events():
    """By the class that a track was most often; each event once, when and where it happened."""
    heat = HeatAccumulator(*SIZE, HeatOptions(lines=GATE))
    events = []
    seen_as = (2, 2, 7, 2, 2, 2, 2, 7, 2, 2)
    for number, (x, class_id) in enumerate(zip(range(200, 100, -10), seen_as)):
        heat.update(object_at(x, 120, class_id=class_id), 50.0 + number / 10)
        events += heat.new_events()
    count, = heat.lines.counts.values()
    assert count.by_class == {2: {'forward': 1, 'backward': 0}}
    event, = events
    assert event.kind == EventKind.FORWARD and event.place == 'gate' and event.class_id == 2
    # Crossed at once in the middle between the frames at 50.3 s (170) and 50.5 s (150).
    assert (event.stamp, event.x, event.y) == pytest.approx((50.4, 160.0, 120.0))
    assert event.track_id == heat.objects.track_id[0]


def test_state_restore_and_merge():
    heat = heat_of(walk((260, 120), (60, 120), (260, 120)))
    state = heat.state()
    assert state.lines == {'gate': {'forward': 1, 'backward': 1, 'by_class': {
        0: {'forward': 1, 'backward': 1}}}}
    again = HeatAccumulator(*SIZE, HeatOptions(lines={**GATE, 'new': GATE['gate']}))
    again.restore(state)
    assert again.state().lines['gate'] == state.lines['gate']
    assert again.state().lines['new'] == {'forward': 0, 'backward': 0, 'by_class': {}}
    other = heat_of(walk((260, 120), (60, 120)))
    other.merge(heat)
    assert other.state().lines['gate'] == {'forward': 2, 'backward': 1, 'by_class': {
        0: {'forward': 2, 'backward': 1}}}
    assert heat.state().lines == state.lines
    heat.reset()
    assert heat.state().lines['gate'] == {'forward': 0, 'backward': 0, 'by_class': {}}


def test_new_lines_leave_the_counts_of_regions():
    """And new regions those of lines; what is the same person stays the same."""
    options = {'regions': {'all': np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)}}
    heat = heat_of(walk((260, 120), (60, 120)), **options)
    assert heat.regions.counts['all'].tracks == 1
    heat.reconfigure(HeatOptions(lines={'new': GATE['gate']}, **options), ['lines'])
    for number, place in enumerate(walk((60, 120), (260, 120))):
        heat.update(object_at(*place), 10.0 + number / 10)
    assert heat.regions.counts['all'].tracks == 2  # 5 s later: another track
    assert {name: (one.forward, one.backward) for name, one in heat.lines.counts.items()} == {
        'new': (0, 1)}
    heat.reconfigure(HeatOptions(lines={'new': GATE['gate']}), ['regions'])
    assert heat.regions is None and heat.lines.counts['new'].backward == 1


def test_a_line_that_stays_where_it_is_goes_on_counting():
    """Who is just on it when others are added crosses it once; turned, it begins at zero."""
    places = walk((260, 120), (60, 120))
    heat = HeatAccumulator(*SIZE, HeatOptions(lines=GATE))
    for number, place in enumerate([*places, *places[::-1]]):
        if place[0] == 160:
            heat.reconfigure(HeatOptions(lines={
                **GATE, f'other {number}': GATE['gate'] - (50, 0)}), ['lines'])
        heat.update(object_at(*place), number / 10)
    count = heat.lines.counts['gate']
    assert (count.forward, count.backward) == (1, 1)
    heat.reconfigure(HeatOptions(lines={'gate': GATE['gate'][::-1].copy()}), ['lines'])
    assert heat.state().lines['gate'] == {'forward': 0, 'backward': 0, 'by_class': {}}


def test_parsing():
    lines = parse_lines('[gate: [[0, 0.5], [1, 0.5]], '
                        'way: [[10, 10], [10, 10], [90, 10], [9, 9]]]')
    assert {name: points.tolist() for name, points in lines.items()} == {
        'gate': [[0, 0.5], [1, 0.5]], 'way': [[10, 10], [90, 10], [9, 9]]}
    assert parse_lines('') == parse_lines('{}') == {}
    heat = HeatAccumulator(*SIZE, HeatOptions(lines=lines))
    assert heat.lines.points['gate'].tolist() == [[0, 120], [320, 120]]
    for text, reason in (
            ('{a: [[1, 2]]}', "line 'a' is not a list of two or more points"),
            ('{a: [[1, 2], [1, 2]]}', "line 'a' has no length: its points are one"),
            ('{a: [[1, 2], [.inf, 2]]}', "line 'a' has a coordinate that is not finite"),
            ('{a: [[1, 2], [3]]}', "line 'a' is not a list"), ('{a: }', "line 'a' is not a list"),
            ('7', "is not of the form '\\[name: \\[\\[x, y\\], \\[x, y\\]\\]"),
            ('[a: [[1, 2], [3, 4]], a: [[1, 2], [3, 4]]]', "has two lines called 'a'")):
        with pytest.raises(ValueError, match=reason) as caught:
            parse_lines(text)
        assert '\n' not in str(caught.value)


def test_a_line_outside_the_picture_is_said_once():
    far = {'far': np.array([[900, 10], [990, 10]], np.float32), **GATE}
    heat = HeatAccumulator(*SIZE, HeatOptions(lines=far))
    line, = heat.new_warnings()
    assert line == ("line 'far' lies outside the picture of 320 x 240 pixels: nothing is counted "
                    'on it')
    assert heat.new_warnings() == []


def test_drawing():
    """The line, its name and counts, and an arrow to its right."""
    heat = heat_of(walk((260, 120), (60, 120)))
    picture = np.full((*SIZE, 3), 90, np.uint8)
    draw_lines(picture, heat.lines)
    assert (picture[40:200, 160] > 220).all()
    arrow = picture[110:131, 130:156].max(axis=2) > 220
    assert arrow.any() and not (picture[110:131, 165:190].max(axis=2) > 220).any()
    label = picture[0:20, 164:260].max(axis=2) > 220
    assert label.sum() > 20


def test_the_embedded_clip_against_the_truth(street):
    """True boxes with their ids, at three rates: lines along the street and across it."""
    rows = json.loads((street / 'street_truth.json').read_text())['frames']['rows']
    rows = rows[:346]  # at all of these rates, 345 is the last one
    lines = {'across': np.array([[40, 330], [600, 330]], np.float32),
             'down': np.array([[320, 120], [320, 470]], np.float32)}
    paths = {}
    for objects in rows:
        for row in objects:
            paths.setdefault(row[0], []).append(((row[2] + row[4]) / 2, row[5]))
    expected = {name: [sum(way(path, line) == direction for path in paths.values())
                       for direction in (1, -1)] for name, line in lines.items()}
    assert sum(map(sum, expected.values())) > 10
    for step in (1, 3, 15):
        heat = HeatAccumulator(480, 640, HeatOptions(lines=lines))
        for number in range(0, len(rows), step):
            detections = Detections.from_boxes(
                np.array([row[2:6] for row in rows[number]], np.float32))
            detections.track_id = np.array([row[0] for row in rows[number]], np.int64)
            heat.update(detections, number / 15.0)
        for name, (forward, backward) in expected.items():
            count = heat.lines.counts[name]
            assert abs(count.forward - forward) <= 1, (step, name)
            assert abs(count.backward - backward) <= 1, (step, name)


def way(path, line):
    """Return 1 for a path that ends on the other side, on its right, -1 back, 0 for neither."""
    (ax, ay), (bx, by) = line
    net = 0
    for (x0, y0), (x1, y1) in zip(path, path[1:]):
        before, after = ((bx - ax) * (y - ay) - (by - ay) * (x - ax) >= 0
                         for x, y in ((x0, y0), (x1, y1)))
        a, b = ((x1 - x0) * (py - y0) - (y1 - y0) * (px - x0) >= 0
                for px, py in ((ax, ay), (bx, by)))
        net += (before != after and a != b) * (1 if after else -1)
    return net
