"""The last hour of counts, and that a week of them takes no more memory than an hour."""

import math
import tracemalloc

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
import pytest
from yolo_heatmap_ros.ros.barrier import GuardedNode
from yolo_heatmap_ros.ros.camera_feed import _number, CameraFeed
from yolo_heatmap_ros.web_server.count_series import CountSeries, MAX_PLACES, PERIOD, PERIODS

NOON = 1_800_000_000.0


def counts(objects, entries, exits=0, occupancy=0.0):
    return {'door': {'objects': objects, 'entries': entries, 'exits': exits,
                     'occupancy': occupancy, 'tracks': 3, 'by_class': {}}}


def test_increments_by_period():
    """What had been counted before is in no period; objects are a mean; what is lower is new."""
    series = CountSeries('regions')
    for second, number, entries in ((1, 1, 100), (4, 3, 101), (12, 5, 104), (31, 0, 2),
                                    (32, 1, 3)):
        series.add(NOON + second, counts(number, entries, occupancy=0.5 * entries))
    door = series.plain(NOON + 39)['door']
    assert all(len(values) == PERIODS for values in door.values())
    assert door['entries'][-4:] == [1, 3, None, 3]
    assert door['objects'][-4:] == [2.0, 5.0, None, 0.5]
    assert door['occupancy'][-4:] == [0.5, 1.5, None, 1.5]
    assert door['entries'][:-4] == [None] * (PERIODS - 4)


def test_lines():
    series = CountSeries('lines')
    for second, forward in ((0, 7), (11, 9)):
        series.add(NOON + second, {'gate': {'forward': forward, 'backward': 0, 'by_class': {}}})
    assert series.plain(NOON + 11)['gate']['forward'][-2:] == [0, 2]


def test_an_hour_later():
    """Old periods are not taken for new ones, and places of which nothing is known are left."""
    series = CountSeries('regions')
    series.add(NOON, counts(1, 1))
    later = NOON + PERIOD * PERIODS
    assert series.plain(later - PERIOD)['door']['objects'][0] == 1.0
    assert series.plain(later) == {}
    series.add(later, counts(2, 5))
    door = series.plain(later)['door']
    assert door['entries'] == [None] * (PERIODS - 1) + [4]


@pytest.mark.parametrize('value', [None, 'x', math.nan, math.inf, []])
def test_odd_counts(value):
    series = CountSeries('regions')
    series.add(NOON, {'door': {'objects': value, 'entries': value}})
    series.add(NOON, {'door': {}})
    assert series.plain(NOON)['door']['entries'][-1] == 0


@pytest.mark.parametrize('text, number', [
    ('7', 7), ('-7', -7), ('0.5', 0.5), ('nan', None), ('inf', None), ('x', None), ('', None),
    ('9' * 400, None), ('9' * 5000, None), ('1e999', None), ('--5', None)])
def test_numbers_of_nodes(text, number):
    """What no float holds would end the sums."""
    assert _number(text) == number


def test_places_are_bounded():
    series = CountSeries('regions')
    for number in range(3 * MAX_PLACES):
        series.add(NOON + number, {f'{number}': counts(1, 1)['door']})
    assert len(series.plain(NOON + number)) == MAX_PLACES


def test_a_week_takes_no_memory(node):
    """Counts once in 10 s, and as many events, through the classes that keep them."""
    own = GuardedNode('page')
    feed, series = CameraFeed(own, '/yolo_heatmap', print), CountSeries('regions')
    event = DiagnosticArray(status=[DiagnosticStatus(
        name='door', message='entry', values=[KeyValue(key='track', value='7')])])
    tracemalloc.start()
    sizes = []
    for day in range(7):
        for second in range(0, 86400, 10):
            at = second + 86400 * day
            series.add(NOON + at, counts(at % 5, at // 7, at // 9, at / 3))
            feed._take_events(event)
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert sizes[-1] - sizes[0] < 20_000, sizes
    assert len(feed.events) == 20 and feed.events[-1]['track'] == 7
    feed.close()
    own.destroy_node()


def test_the_size_of_frames_outlives_a_new_configuration(node):
    """Ground points are fractions of it, and a node that has just been configured has no frame."""
    own = GuardedNode('page')
    feed = CameraFeed(own, '/yolo_heatmap', print)
    sizes = []
    for told in ('640 x 480', '', '800 x 600', '0 x 480', 'a x b'):
        feed.take_status(DiagnosticStatus(values=[KeyValue(key='picture (px)', value=told)]))
        sizes.append(feed.frame_size)
    assert sizes == [(640, 480), (640, 480), (800, 600), (800, 600), (800, 600)]
    feed.forget_frame_size()
    assert feed.frame_size is None
    feed.close()
    own.destroy_node()
