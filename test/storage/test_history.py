"""A history on disk: sums over any time, crashes, full disks, and files that are none."""

from datetime import datetime, timedelta, timezone
import os
from pathlib import Path
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from yolo_heatmap_ros.errors import HistoryError
from yolo_heatmap_ros.heat.flow_field import FlowField, FlowGrid, FlowMap, PLANES
from yolo_heatmap_ros.heat.time_bins import TimeBin
from yolo_heatmap_ros.storage.cliff_map import cliff_map, read_cliff_map, write_cliff_map
from yolo_heatmap_ros.storage.field_codec import decode, encode, encode_floats
from yolo_heatmap_ros.storage.history import files_in, History, When
from yolo_heatmap_ros.storage.history_export import write_cliff, write_npz
from yolo_heatmap_ros.storage.history_file import file_of
from yolo_heatmap_ros.storage.history_writer import HistoryWriter, HOUR, slot_of

MONDAY = datetime(2026, 8, 3, tzinfo=timezone.utc).timestamp()
BERLIN = ZoneInfo('Europe/Berlin')
FACTS = {'unit': 'seconds', 'kernel': 'disc', 'ignore_stationary': 0.0, 'anchor': 'foot',
         'regions': {'hall': [[0, 0], [9, 0], [9, 9]]}, 'lines': {'gate': [[0, 0], [9, 9]]},
         'ground': None}


def bin_at(begin, period=HOUR, seed=None, facts=FACTS, width=40):
    """Return a bin of a picture of 40 x 32 px whose heat and counts depend on `seed`."""
    rng = np.random.default_rng(int(begin) if seed is None else seed)
    heat = {name: (rng.random((8, width // 4)) * rng.integers(0, 2, (8, width // 4))).astype(
        np.float32) for name in ('person', 'car')}
    entries = int(rng.integers(0, 50))
    hall = {'objects': 1, 'tracks': entries + 1, 'entries': entries, 'exits': 3,
            'occupancy': 12.5, 'by_class': {'person': {
                'tracks': entries + 1, 'entries': entries, 'exits': 3, 'occupancy': 12.5}}}
    event = {'kind': 'entry', 'place': 'hall', 'stamp': begin + 1.0, 'track': 7,
             'class': 'person', 'x': 1.0, 'y': 2.0, 'seconds': 0.0}
    return TimeBin(begin, period, begin + 0.1, begin + period - 0.1, (32, width), 4, 0.0,
                   0.9 * period, 100, heat, None, {'hall': hall},
                   {'gate': {'forward': 2, 'backward': 0, 'by_class': {}}}, [event], facts)


def written(folder, bins, keep=0.0, now=None, camera='/cam/yolo_heatmap'):
    """Write bins, maintain the file, and return its path."""
    writer = HistoryWriter(folder, camera, keep)
    for one in bins:
        writer.append(one, 'yolo11n.pt')
    while now is not None and writer.maintain(now):
        pass
    writer.close()
    return writer.path


@pytest.fixture(scope='module')
def summer(tmp_path_factory):
    """Return 100 days of hours from a Monday in August on, and their file with sums of months."""
    bins = [bin_at(MONDAY + HOUR * number) for number in range(100 * 24)]
    return bins, written(tmp_path_factory.mktemp('summer'), bins, now=MONDAY + 101 * 86400)


def check(path, when, bins):
    with History(path) as history:
        summed = history.total(when)
    for name in ('person', 'car'):
        expected = sum(one.heat[name].astype(np.float64) for one in bins)
        np.testing.assert_allclose(summed.heat[name], expected, atol=1e-5 * expected.max())
    hall = summed.counts['hall']
    for key in ('tracks', 'entries', 'exits', 'occupancy'):
        assert hall[''][key] == hall['person'][key] == sum(
            one.regions['hall'][key] for one in bins)
    assert summed.counts['gate'][''] == {'forward': 2.0 * len(bins)}
    assert summed.watched == pytest.approx(sum(one.watched for one in bins))
    assert summed.frames == 100 * len(bins)


def test_reading_can_be_stopped(summer):
    """Whoever does not wait any longer lets others read."""
    bins, path = summer
    when = When(MONDAY, MONDAY + 100 * 86400)
    with History(path, lambda: True) as history:
        with pytest.raises(HistoryError, match='interrupted'):
            history.total(when)
    with History(path, lambda: False) as history:
        assert len(history.total(when).bins) == len(bins)


def test_newest_events(tmp_path):
    """Events of one frame stay together, so that whoever asks page by page misses none."""
    one, other = bin_at(MONDAY), bin_at(MONDAY + HOUR)
    event, = one.events
    one.events = [{**event, 'track': track, 'stamp': MONDAY + stamp, 'kind': kind}
                  for track, (stamp, kind) in enumerate(
                      [(1, 'entry'), (2, 'exit'), (2, 'entry'), (2, 'entry'), (3, 'exit')])]
    other.events = [{**event, 'track': 9, 'stamp': MONDAY + HOUR + 1, 'place': 'gate'}]
    everything = When(MONDAY, MONDAY + 2 * HOUR)
    with History(written(tmp_path, [one, other])) as history:
        def tracks(*arguments, **wanted):
            found, more = history.newest_events(*arguments, **wanted)
            return [row[3] for row in found], more
        assert tracks(everything, 9) == ([9, 4, 3, 2, 1, 0], False)
        assert tracks(everything, 3) == ([9, 4, 3, 2, 1], True)
        assert tracks(everything, 5) == ([9, 4, 3, 2, 1], True)
        assert tracks(everything._replace(end=MONDAY + 2), 5) == ([0], False)
        assert tracks(everything, 9, kind=['exit'], place=['hall']) == ([4, 1], False)
        assert tracks(everything._replace(hours=frozenset((1,))), 9) == ([9], False)
        assert tracks(everything, 9, 7) == ([], False)
        assert tracks(everything, 9, 1, **{'class': ['car']}) == ([], False)


def test_a_field_is_as_it_was():
    rng = np.random.default_rng(0)
    for field in (rng.random((7, 5)) * 1e6, np.zeros((3, 4)), rng.exponential(1e-3, (50, 60))):
        result = decode(encode(field))
        assert result.shape == field.shape and result.dtype == np.float32
        np.testing.assert_allclose(result, field, atol=field.max() / 131000)
        np.testing.assert_allclose(decode(encode(field, 3)), field, atol=field.max() / 1e7)
        assert not result[field == 0].any()
    for damaged in (b'', b'12345', encode(field)[:-9], encode(field)[:16] + b'x' * 40,
                    b'\xff' * 60):
        with pytest.raises(HistoryError, match='damaged'):
            decode(damaged)


@pytest.mark.parametrize('zone', [timezone.utc, BERLIN, ZoneInfo('Asia/Kolkata')])
@pytest.mark.parametrize('hours, weekdays', [
    (None, None), ({8, 9}, None), (None, {0, 1, 2, 3, 4}), ({22, 23, 0}, {5, 6})])
@pytest.mark.parametrize('begin, days', [(0, 100), (3.5, 40), (29, 1), (60, 0.25)])
def test_any_range(summer, zone, hours, weekdays, begin, days):
    """Whole months have sums of their own, and clocks change in October."""
    bins, path = summer
    start = MONDAY + begin * 86400
    when = When(start, start + days * 86400, hours and frozenset(hours),
                weekdays and frozenset(weekdays), zone)
    expected = []
    for one in bins:
        local = datetime.fromtimestamp(one.begin, zone)
        if start <= one.begin < when.end and (hours is None or local.hour in hours) and (
                weekdays is None or local.weekday() in weekdays):
            expected.append(one)
    if expected:
        check(path, when, expected)
    else:
        with History(path) as history, pytest.raises(HistoryError, match='nothing was watched'):
            history.total(when)


def test_old_bins_are_thinned_to_hours_and_then_to_days(tmp_path):
    """Sums stay, and hours of the week are known of whole months even of days."""
    bins = [bin_at(MONDAY + 900.0 * number, 900.0) for number in range(4 * 24 * 65)]
    now = MONDAY + 65 * 86400
    path = written(tmp_path, bins, keep=2.0, now=now)
    check(path, When(0, now), bins)
    with History(path) as history:
        periods = {one.period: one.begin for one in history.bins()}
        assert set(periods) == {900.0, 3600.0, 86400.0}
        assert len(history.bins()) < 45 + 18 * 24 + 49 * 4
        # August has lost its hours after 20 days, but not its sums.
        september = datetime(2026, 9, 1, tzinfo=timezone.utc).timestamp()
        when = When(MONDAY, september, frozenset({8}), frozenset({0}))
        assert not history.bins(when)
    with sqlite3.connect(path) as database:
        slots = database.execute("SELECT COUNT(DISTINCT slot) FROM months WHERE month = '2026-08'"
                                 ).fetchone()[0]
    assert slots == 169


def test_flow_is_thinned_and_summed_up_with_the_rest(tmp_path):
    grid = FlowGrid(-2.0, 1.0, 0.5, 3, 4, 'm')
    facts = {**FACTS, 'flow': grid.plain()}
    bins = [bin_at(MONDAY + 14400.0 * number, facts=facts) for number in range(6 * 40)]
    rng = np.random.default_rng(0)
    for one in bins[::7]:
        one.flow = rng.exponential(1.0, (PLANES, 3, 4)).astype(np.float32) * (
            rng.random((PLANES, 1, 1)) < 0.5)
    now = MONDAY + 40 * 86400
    path = written(tmp_path, bins, keep=1.0, now=now)
    check(path, When(0, now), bins)  # flow is no heat of a class
    for when in (When(0, now), When(0, now, None, frozenset({0, 4})), When(MONDAY, now - 86400)):
        chosen = [one for one in bins[::7] if when.takes(one.begin, one.period)]
        expected = FlowMap(sum(one.flow.astype(np.float64) for one in chosen), grid)
        with History(path) as history:
            found = history.total(when).flow
            assert history.classes() == {'person', 'car'}
        assert found.grid == grid
        for name in ('histogram', 'way', 'squares', 'displacements', 'standing'):
            values = getattr(expected, name)
            np.testing.assert_allclose(getattr(found, name), values, atol=1e-4 * values.max())


def test_floats_are_right_in_each_cell():
    rng = np.random.default_rng(0)
    field = 10.0 ** rng.uniform(-20.0, 20.0, (40, 50)) * rng.integers(0, 2, (40, 50))
    result = decode(encode_floats(field))
    assert result.shape == field.shape and result.dtype == np.float32
    np.testing.assert_allclose(result, field, rtol=1 / 65000)
    assert np.array_equal(decode(encode_floats(result)), result)
    data = encode_floats(field)
    for damaged in (data[:-9], data[:17], data[:17] + encode_floats(np.full((40, 50), -1.0))[17:],
                    data[:17] + encode_floats(np.full((40, 50), np.inf))[17:]):
        with pytest.raises(HistoryError, match='damaged'):
            decode(damaged)


def test_rare_cells_beside_busy_ones_keep_their_velocity(tmp_path):
    """Rounded to the busiest cell, seconds could be left without a way, and a map was NaN."""
    grid = FlowGrid(0.0, 0.0, 0.5, 40, 50, 'm')
    rng, field = np.random.default_rng(0), FlowField(40, 50)
    for angle in rng.uniform(-1.0, 1.0, 200):
        field.add(0, 0, (1.3 * np.cos(angle), 1.3 * np.sin(angle)), 54.0, 0.2)
    for number in range(1, 2000):
        angle, speed = rng.uniform(0.0, 7.0), rng.uniform(0.2, 1.5)
        field.add(number // 50, number % 50, (speed * np.cos(angle), speed * np.sin(angle)),
                  rng.uniform(0.003, 0.3), 0.2)
    bins = [bin_at(MONDAY + 900.0 * number, 900.0, facts={**FACTS, 'flow': grid.plain()})
            for number in range(12)]
    bins[1].flow = bins[6].flow = field.planes
    path = written(tmp_path, bins, keep=1.0, now=MONDAY + 40 * 86400)
    with History(path) as history:
        assert {one.period for one in history.bins()} == {86400.0}
        found = history.total(When(0, 1e12)).flow
    before = FlowMap(2.0 * field.planes, grid)
    np.testing.assert_allclose(found.speed, before.speed, rtol=1e-4)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        write_cliff_map(tmp_path / 'map.xml', cliff_map(found, 9000.0, 9000.0))
    for one, other in zip(read_cliff_map(tmp_path / 'map.xml').locations,
                          cliff_map(before, 9000.0, 9000.0).locations):
        assert len(one.mixture) == len(other.mixture) >= 1
        for part, expected in zip(one.mixture, other.mixture):
            assert part[:3] == pytest.approx(expected[:3], rel=1e-3, abs=1e-4)
            np.testing.assert_allclose(part.covariance, expected.covariance, rtol=0.05)
            assert np.linalg.det(part.covariance) > 0.0


@pytest.mark.parametrize('when, hours', [
    (When(-np.inf, np.inf), 96.0), (When(-np.inf, np.inf, frozenset({8, 9})), 8.0),
    (When(MONDAY, MONDAY + 20 * 86400.0), 480.0),
    (When(MONDAY, MONDAY + 20 * 86400.0, frozenset({8, 9})), 40.0),
    (When(MONDAY - 1e9, MONDAY, frozenset({8}), frozenset({0, 1})), 2 * 1e9 / 86400.0 / 7.0),
    (When(MONDAY + 9.5 * HOUR, MONDAY + 86400.0, frozenset({8, 9})), 0.5),
    (When(MONDAY, MONDAY + 86400.0, frozenset({0}), None, ZoneInfo('Asia/Kolkata')), 1.0),
    # Two Sundays in October, on the second of which clocks show 2 h twice.
    (When(MONDAY + 75 * 86400, MONDAY + 84 * 86400, frozenset({2}), frozenset({6}), BERLIN), 3.0),
    (When(MONDAY, 2.5e11, frozenset({8})), (2e11 - MONDAY) / 86400.0)])
def test_how_much_time_is_chosen(when, hours):
    found = when.seconds(MONDAY, MONDAY + 4 * 86400.0) / HOUR
    assert found == pytest.approx(hours, abs=1.5 if hours > 999 else 0.0)


@pytest.mark.parametrize('hours, days, share', [
    (None, None, 1.0), (frozenset({8, 9}), None, 1.0), (None, 20, 0.25),
    (frozenset({8, 9}), 20, 0.25)])
def test_a_cliff_map_says_which_share_of_the_chosen_time_was_watched(tmp_path, hours, days, share):
    """Five days are watched throughout; hours that were not chosen are no part of the time."""
    grid = FlowGrid(0.0, 0.0, 0.5, 1, 1, 'm')
    field = FlowField(1, 1)
    field.add(0, 0, (1.0, 0.0), 60.0, 0.2)
    bins = [bin_at(MONDAY + HOUR * number, facts={**FACTS, 'flow': grid.plain()})
            for number in range(5 * 24)]
    for one in bins:
        one.watched, one.flow = HOUR, field.planes
    when = When(-np.inf, np.inf, hours) if days is None else When(
        MONDAY, MONDAY + days * 86400.0, hours)
    with History(written(tmp_path, bins)) as history:
        write_cliff(tmp_path / 'map.xml', {'all': history.total(when)})
    only, = read_cliff_map(tmp_path / 'map.xml').locations
    assert only.watched == pytest.approx(share, rel=1e-3)
    assert only.motion == pytest.approx(60.0 / HOUR, rel=1e-3)


def test_arrays_say_where_the_cells_of_flow_are(tmp_path):
    grid = FlowGrid(-2.0, 1.0, 0.5, 3, 4, 'm')
    one = bin_at(MONDAY, facts={**FACTS, 'flow': grid.plain()})
    one.flow = np.ones((PLANES, 3, 4), np.float32)
    with History(written(tmp_path, [one])) as history:
        summed = history.total(When(0, 1e12))
    write_npz(tmp_path / 'x.npz', {'all': summed})
    with np.load(tmp_path / 'x.npz') as arrays:
        assert arrays['flow/x'].tolist() == [-1.75, -1.25, -0.75, -0.25]
        assert arrays['flow/y'].tolist() == [1.25, 1.75, 2.25]
        assert arrays['flow/cell'] == 0.5 and arrays['flow/unit'] == 'm'
        np.testing.assert_allclose(arrays['flow/directions'], np.full((1, 8, 3, 4), 0.125))


def test_only_flow_makes_a_file_that_older_releases_refuse(tmp_path):
    """They would take it for the heat of classes; other files they can read as before."""
    def version(path):
        with sqlite3.connect(path) as database:
            return database.execute('PRAGMA user_version').fetchone()[0]
    path = written(tmp_path, [bin_at(MONDAY)])
    assert version(path) == 1
    grid = FlowGrid(0.0, 0.0, 4.0, 8, 10, 'px')
    moving = bin_at(MONDAY + HOUR, facts={**FACTS, 'flow': grid.plain()})
    moving.flow = np.ones((PLANES, 8, 10), np.float32)
    assert written(tmp_path, [moving]) == path and version(path) == 2
    with History(path) as history:
        assert history.total(When(MONDAY, MONDAY + HOUR)).flow is None
        assert history.total(When(MONDAY + HOUR, 1e12)).flow.moving.max() == pytest.approx(8.0)
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM heat WHERE layer = 'flow:low'")
    with History(path) as history, pytest.raises(HistoryError, match='damaged'):
        history.total(When(MONDAY + HOUR, 1e12))


def test_days_do_not_know_their_hours(tmp_path):
    """Heat and counts are of the same bins, also in a month that is days in part."""
    bins = [bin_at(MONDAY + HOUR * number) for number in range(60 * 24)]
    path = written(tmp_path, bins, keep=4.0, now=MONDAY + 61 * 86400)
    hours = frozenset({8, 9})
    with History(path) as history:
        kept = {one.begin for one in history.bins() if one.period == HOUR}
        assert 30 * 24 < len(kept) < 50 * 24
        assert history.classes() == {'person', 'car'}
    check(path, When(0, 1e12, hours), [
        one for one in bins if one.begin in kept and one.begin % 86400 // HOUR in hours])
    check(path, When(0, 1e12, None, frozenset({6})), [
        one for one in bins if datetime.fromtimestamp(one.begin, timezone.utc).weekday() == 6])


def test_reading_while_the_node_thins(tmp_path):
    """A question is answered by one state of the file."""
    bins = [bin_at(MONDAY + 900.0 * number, 900.0) for number in range(4 * 24 * 4)]
    path = written(tmp_path, bins)
    writer = HistoryWriter(tmp_path, '/cam/yolo_heatmap', 1.0)
    answers, done = set(), threading.Event()

    def thin():
        while writer.maintain(MONDAY + 30 * 86400):
            pass
        done.set()
    thread = threading.Thread(target=thin)
    thread.start()
    with History(path) as history:
        while not done.is_set():
            summed = history.total(When(0, 1e12))
            answers.add((summed.frames, summed.counts['hall']['']['entries'],
                         round(float(summed.total().sum()))))
    thread.join()
    writer.close()
    frames, entries, heats = zip(*answers)
    assert set(frames) == {100 * len(bins)} and len(set(entries)) == 1
    assert max(heats) - min(heats) <= 1


def test_files_that_come_and_go(tmp_path):
    """Without a table a file is new; one that was removed is made again; names may look alike."""
    path = file_of(tmp_path, 'cam')
    sqlite3.connect(path).execute('PRAGMA journal_mode = WAL').connection.close()
    writer = HistoryWriter(tmp_path, 'cam')
    writer.append(bin_at(MONDAY), 'm.pt')
    assert writer.covers(MONDAY + 60) and not writer.covers(MONDAY - 60)
    for one in tmp_path.glob('cam.history.sqlite*'):
        if not one.name.endswith('.lock'):
            one.unlink()
    writer.append(bin_at(MONDAY + HOUR), 'm.pt')
    writer.close()
    check(path, When(0, 1e12), [bin_at(MONDAY + HOUR)])
    with pytest.raises(HistoryError, match="is the history of 'cam', whose name looks like"):
        HistoryWriter(tmp_path, '/cam')


@pytest.mark.parametrize('statement', [
    "UPDATE views SET facts = '{'", "UPDATE views SET facts = '{}'", 'UPDATE bins SET view = 77',
    'UPDATE bins SET begin = 1e15', "UPDATE heat SET data = 'text'",
    "UPDATE views SET facts = x'ff'"])
def test_values_that_make_no_sense(tmp_path, statement):
    path = written(tmp_path, [bin_at(MONDAY)])
    with sqlite3.connect(path) as database:
        database.execute(statement)
    with pytest.raises(HistoryError, match='damaged') as error, History(path) as history:
        history.total(When(-1e18, 1e18))
    assert len(str(error.value).splitlines()) == 1


def test_a_late_bin_is_in_the_sums_of_its_month(tmp_path):
    bins = [bin_at(MONDAY + HOUR * number) for number in range(31 * 24)]
    path = written(tmp_path, bins, now=MONDAY + 60 * 86400)
    late = bin_at(MONDAY + 5 * HOUR, seed=77)
    writer = HistoryWriter(tmp_path, '/cam/yolo_heatmap')
    writer.append(late, 'yolo11n.pt')
    writer.close()
    check(path, When(0, 1e12), [*bins, late])
    check(path, When(0, 1e12, frozenset({5})), [
        *(one for one in bins if one.begin % 86400 == 5 * HOUR), late])


def test_groups_and_events(summer):
    bins, path = summer
    with History(path) as history:
        when = When(MONDAY, MONDAY + 14 * 86400)
        by_hour = history.groups(when, lambda one: int(one.begin % 86400 // HOUR), heat=True)
        events = history.events(When(MONDAY, MONDAY + 86400, frozenset({3, 4})))
    assert list(by_hour) == list(range(24))
    for hour, summed in by_hour.items():
        own = [one for one in bins[:14 * 24] if one.begin % 86400 == hour * HOUR]
        assert summed.counts['hall']['']['entries'] == sum(
            one.regions['hall']['entries'] for one in own)
        np.testing.assert_allclose(summed.heat['car'], sum(one.heat['car'] for one in own),
                                   atol=1e-4)
    assert [event[:4] for event in events] == [
        (MONDAY + hour * HOUR + 1.0, 'entry', 'hall', 7) for hour in (3, 4)]


def test_what_has_changed_is_never_added_up(tmp_path):
    moved = {**FACTS, 'regions': {'hall': [[1, 1], [9, 0], [9, 9]]}}
    bins = [bin_at(MONDAY), bin_at(MONDAY + HOUR, facts=moved),
            bin_at(MONDAY + 2 * HOUR, width=80)]
    path = written(tmp_path, bins)
    with History(path) as history:
        with pytest.raises(HistoryError, match='has changed meanwhile.*--view 1: 40 x 32 px') as e:
            history.total(When(0, 1e12))
        assert len(str(e.value).splitlines()) == 1
        assert history.total(When(0, 1e12), view=2).frames == 100
        with pytest.raises(HistoryError, match='view 9 has nothing then; there are 1, 2, 3'):
            history.total(When(0, 1e12), view=9)
        with pytest.raises(HistoryError, match='there is 2026-08-03 00:00 to 2026-08-03 03:00'):
            history.total(When(0, 1000))


@pytest.mark.parametrize('content, reason', [
    (b'no database', 'is damaged, or no history'), (b'', 'is not a history of heat')])
def test_files_that_are_no_history(tmp_path, content, reason):
    path = file_of(tmp_path, 'cam')
    path.write_bytes(content)
    with pytest.raises(HistoryError, match=reason):
        History(path)
    if content:
        with pytest.raises(HistoryError, match=reason):
            HistoryWriter(tmp_path, 'cam')
        assert path.read_bytes() == content


def test_other_versions_and_other_writers(tmp_path):
    path = written(tmp_path, [bin_at(MONDAY)], camera='cam')
    writer = HistoryWriter(tmp_path, 'cam')
    with pytest.raises(HistoryError, match='another process writes to it'):
        HistoryWriter(tmp_path, 'cam')
    with History(path) as history:  # reading is another thing
        writer.append(bin_at(MONDAY + HOUR), 'yolo11n.pt')
        assert len(history.bins()) == 2
    writer.close()
    with sqlite3.connect(path) as database:
        database.execute('PRAGMA user_version = 9')
    for program in (lambda: HistoryWriter(tmp_path, 'cam'), lambda: History(path)):
        with pytest.raises(HistoryError, match='version 9 .* knows 1 and 2'):
            program()
    assert files_in(tmp_path) == [path]


def test_a_damaged_page(tmp_path):
    path = written(tmp_path, [bin_at(MONDAY + HOUR * number) for number in range(50)])
    with path.open('r+b') as file:
        file.seek(20000)
        file.write(b'\xa5' * 60000)
    with History(path) as history, pytest.raises(HistoryError, match='damaged'):
        history.total(When(0, 1e12))


WRITE = """
import sys
sys.path[:0] = sys.argv[1:3]
from test_history import bin_at, MONDAY, HOUR, HistoryWriter
from pathlib import Path
writer = HistoryWriter(Path(sys.argv[3]), 'cam', 1.0)
number = int(sys.argv[4])
while True:
    writer.append(bin_at(MONDAY + HOUR / 4 * number, HOUR / 4), 'm.pt')
    print(number, flush=True)
    number += 1
    if number % 7 == 0:
        writer.maintain(MONDAY + HOUR / 4 * number + 3 * 86400)
"""


def test_killed_at_any_moment(tmp_path):
    """What was committed is there, whole, and the next process goes on with it."""
    rng, number = random.Random(5), 0
    for _ in range(20):
        process = subprocess.Popen(
            [sys.executable, '-W', 'ignore', '-c', WRITE, str(Path(__file__).parent),
             os.environ.get('PYTHONPATH', ''), str(tmp_path), str(number)],
            stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == f'{number}\n'
        time.sleep(rng.uniform(0.0, 0.05))
        process.send_signal(signal.SIGKILL)
        printed = [number, *map(int, process.stdout.read().split())]
        process.wait()
        path = file_of(tmp_path, 'cam')
        with History(path) as history:
            summed = history.total(When(0, 1e12))
        # The one that was being written may be there, too.
        count = summed.frames // 100
        assert count in (len(range(printed[-1] + 1)), len(range(printed[-1] + 2)))
        check(path, When(0, 1e12), [bin_at(MONDAY + HOUR / 4 * one, HOUR / 4)
                                    for one in range(count)])
        number = count


def test_a_full_disk(tmp_path):
    """A bin that does not fit leaves the file as it was; once there is space, it goes on."""
    writer = HistoryWriter(tmp_path, 'cam')
    writer.append(bin_at(MONDAY), 'm.pt')
    pages, = writer._database.execute('PRAGMA page_count').fetchone()
    writer._database.execute(f'PRAGMA max_page_count = {pages}')
    number = 1
    with pytest.raises(HistoryError, match='full; check the folder, .* space on its disk'):
        for number in range(1, 1000):
            writer.append(bin_at(MONDAY + number * HOUR), 'm.pt')
    check(writer.path, When(0, 1e12), [bin_at(MONDAY + one * HOUR) for one in range(number)])
    writer._database.execute('PRAGMA max_page_count = 100000')
    writer.append(bin_at(MONDAY + number * HOUR), 'm.pt')
    check(writer.path, When(0, 1e12), [bin_at(MONDAY + one * HOUR) for one in range(number + 1)])
    writer.close()


def test_hours_of_the_week():
    for number in range(0, 400, 7):
        moment = datetime(2026, 8, 3, tzinfo=timezone.utc) + timedelta(hours=number)
        assert slot_of(moment.timestamp()) == moment.weekday() * 24 + moment.hour


def test_a_folder_that_is_read_only(tmp_path):
    """As of a backup: no file can be made beside it."""
    if os.getuid() == 0:
        pytest.skip('root may write everywhere')
    path = written(tmp_path, [bin_at(MONDAY)])
    tmp_path.chmod(0o500)
    try:
        check(path, When(0, 1e12), [bin_at(MONDAY)])
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize('size', [2, 3])
def test_the_hottest_cell_is_kept(size):
    """In float32 its steps were one too many for 24 bits, and became none."""
    rng = np.random.default_rng(0)
    for _ in range(500):
        field = rng.random((3, 4)).astype(np.float32) * np.float32(rng.uniform(0.1, 1e4))
        found = decode(encode(field, size))
        assert np.abs(found - field).max() <= field.max() * (1 / 256 ** size + 2e-7)
