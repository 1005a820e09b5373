"""The history over HTTP: the numbers of the command `history`, downloads, and what is refused."""

import asyncio
import gzip
import json
import threading
import time

import cv2
import numpy as np
from page_site import DAY, ID, NAME, PageSite
import pytest
from web_client import Client, wait_for
from yolo_heatmap_ros.apps.history import main
from yolo_heatmap_ros.storage.history import History, When
from yolo_heatmap_ros.storage.history_file import file_of

web = pytest.importorskip('aiohttp.web', reason='the page needs aiohttp')

from yolo_heatmap_ros.web_server import history_threads  # noqa: E402
from yolo_heatmap_ros.web_server.history_threads import HistoryThreads  # noqa: E402

HISTORY = f'/api/cameras/{ID}/history'


@pytest.fixture(scope='module')
def site(tmp_path_factory, street, street_frames):
    """Return a page beside a node that writes to a history of two weeks."""
    with PageSite(tmp_path_factory.mktemp('site'), street, street_frames) as site:
        client = Client(site.address)
        assert wait_for(lambda: client.state(ID)['health']['level'] == 'ok')
        yield site


@pytest.fixture
def ask(site):
    client = Client(site.address)

    def get(path, status=200):
        answer = client.get(f'{HISTORY}{path}')
        assert answer.status == status, answer.body[:1000]
        return answer
    return get


@pytest.fixture
def command(site, tmp_path):
    """Return a function that runs `history`, and returns what it has written."""
    def run(suffix, *arguments):
        output = tmp_path / f'out{suffix}'
        assert main([str(file_of(site.history_folder, NAME)), '--view', '1', *arguments,
                     '--output', str(output)]) == 0
        return output.read_bytes()
    return run


@pytest.mark.parametrize('query, arguments', [
    ('', []), ('&by=hour', ['--by', 'hour']), ('&by=weekday', ['--by', 'weekday']),
    ('&by=day&timezone=Asia/Kolkata', ['--by', 'day', '--timezone', 'Asia/Kolkata']),
    ('&by=week&region=kerb', ['--by', 'week', '--region', 'kerb']),
    ('&hours=8-10,14-18&weekdays=sat-mon&to=yesterday&classes=car&classes=person',
     ['--hours', '8-10,14-18', '--weekdays', 'sat-mon', '--to', 'yesterday', '--classes', 'car',
      'person'])])
def test_counts_are_those_of_the_command(ask, command, query, arguments):
    answer = ask(f'/counts?view=1&format=csv{query}')
    assert answer.body == command('.csv', *arguments)
    assert answer.headers['Content-Disposition'] == 'attachment'
    lines = answer.body.decode().splitlines()
    found = ask(f'/counts?view=1{query}')
    assert 'Content-Disposition' not in found.headers
    rows = found.content['rows']
    assert len(rows) == len(lines) - 1 > 3
    for row, line in zip(rows, lines[1:]):
        # The name of a time may have commas in it.
        assert ','.join(map(str, list(row.values())[3:])) in line or str(row['value']) in line


def test_hours_in_which_nothing_was_counted_were_watched(ask):
    rows = ask('/counts?view=1&by=day&classes=car').content['rows']
    assert all(row['watched_s'] > 0 for row in rows)
    row = rows[0]
    assert (row['place'], row['what'], row['value'], row['per_hour']) == ('', '', None, None)


def test_pictures_are_those_of_the_command(ask, command):
    for query, arguments in (
            ('&hours=8-10&colormap=HOT', ['--hours', '8-10', '--colormap', 'HOT']),
            ('&hours=8-10&against_hours=18-20', ['--hours', '8-10', '--compare-hours', '18-20']),
            ('&region=crossing&classes=car', ['--region', 'crossing', '--classes', 'car'])):
        answer = ask(f'/heat.png?view=1{query}')
        assert answer.body == command('.png', *arguments), query
        assert float(answer.headers['X-Heat-Top']) > 0 and answer.headers['X-Heat-Unit'] == 's/h'
    plain, over = (cv2.imdecode(np.frombuffer(ask(f'/heat.png?view=1&background={name}').body,
                                              np.uint8), cv2.IMREAD_COLOR)
                   for name in ('none', 'live'))
    assert plain.shape == over.shape == (480, 640, 3)
    assert np.abs(plain.astype(int) - over).mean() > 20


def test_heat_as_numbers(ask, site):
    with History(file_of(site.history_folder, NAME)) as history:
        one, other = (history.total(When(-np.inf, np.inf, frozenset(hours)), 1)
                      for hours in ((8, 9), (18, 19)))
    rates = [summed.total() / summed.watched * 3600 / 64 for summed in (one, other)]
    found = ask('/heat?view=1&hours=8-10&format=json')
    assert found.headers['Content-Disposition'] == 'attachment'
    content = found.content
    assert (content['cell_px'], content['rows'], content['columns']) == (8, 60, 80)
    assert content['unit_per_hour'] == 's/h'
    assert content['watched_s'] == [pytest.approx(one.watched)]
    np.testing.assert_allclose(content['values'], rates[0], atol=1e-5 * rates[0].max())
    less = ask('/heat?view=1&hours=8-10&against_hours=18-20').content
    np.testing.assert_allclose(less['values'], rates[0] - rates[1], atol=1e-5 * rates[0].max())


def test_events_page_by_page(ask, site):
    with History(file_of(site.history_folder, NAME)) as history:
        events = history.events(When(-np.inf, time.time() // DAY * DAY - DAY))[::-1]
    query, found = '/events?to=yesterday&limit=400', []
    while True:
        content = ask(query).content
        assert 400 <= len(content['events']) < 420 or not content['more']
        found += content['events']
        if not content['more']:
            break
        query = f"/events?to=yesterday&limit=400&before_s={found[-1]['stamp_s']}"
    assert len(found) == len(events) > 1000
    assert [one['stamp_s'] for one in found] == [event[0] for event in events]
    some = ask('/events?kind=forward&kind=entry&place=kerb&limit=10000&to=yesterday').content
    assert {(one['kind'], one['place']) for one in some['events']} == {('forward', 'kerb')}
    assert len(some['events']) == sum(event[1] == 'forward' for event in events)
    assert not ask('/events?classes=dog&to=yesterday').content['events']
    lines = ask('/events?format=csv&timezone=Asia/Kolkata').body.decode().splitlines()
    assert lines[0].startswith('time,stamp_s,kind,') and '+05:30,' in lines[1]


def test_an_overview(ask, site):
    content = ask('?timezone=Asia/Kolkata').content
    assert content['camera'] == NAME and content['classes'] == ['car', 'person']
    view = content['views'][0]
    assert (view['view'], view['width'], view['height']) == (1, 640, 480)
    assert view['regions'] == ['crossing', 'pavement'] and view['lines'] == ['kerb']
    with History(file_of(site.history_folder, NAME)) as history:
        assert content['begin_s'] == view['begin_s'] == history.bins()[0].begin
        watched = sum(one.watched for one in history.bins() if one.view == 1)
    days = [day['date'] for day in content['days']]
    assert days == sorted(set(days)) and len(days) >= 15
    assert sum(day['watched_s'] for day in content['days']) == pytest.approx(watched, abs=600)


@pytest.mark.parametrize('path, status, words', [
    ('/counts?from=soon', 400, "from 'soon': not a time such as 2026-11-25"),
    ('/counts?from=2026-11-02&to=2026-11-01', 400, 'from 2026-11-02 is not before to 2026-11-01'),
    ('/counts?hours=8-25', 400, "hours '8-25': give such as 8-10"),
    ('/counts?weekdays=fry', 400, "weekdays 'fry': give such as mon-fri"),
    ('/counts?timezone=../../etc/passwd', 400, "timezone '../../etc/passwd' is unknown"),
    ('/counts?view=one', 400, "view 'one': give a whole number"),
    ('/counts?view=7', 400, 'view 7 has nothing then; there are 1'),
    ('/counts?view=1&region=cellar', 400, "region 'cellar': the history has crossing, pavement"),
    ('/counts?view=1&classes=dog', 400, 'classes: nothing of dog was ever seen'),
    ('/counts?by=year', 400, "by 'year': give one of total, hour"),
    ('/counts?format=xml', 400, "format 'xml': give one of json, csv"),
    ('/counts?to=2001-01-01', 404, 'nothing was watched then; there is '),
    ('/counts?against_from=today', 400, "there is no query 'against_from' here"),
    ('/counts?view=1&view=1', 400, 'view is given twice'),
    ('/heat?hours=8&against_hours=8', 400, 'against_…: that is the same time as the first'),
    ('/heat?against_hours=x', 400, "against_hours 'x': give such as 8-10"),
    ('/heat.png?view=1&colormap=RAINBOWS', 400, 'colormap: unknown colormap'),
    ('/heat.png?view=1&background=/etc/passwd', 400, "background '/etc/passwd': give one of"),
    ('/events?limit=10001', 400, "limit '10001': give a whole number from 1 to 10000"),
    ('/events?before_s=inf', 400, "before_s 'inf': not a number")])
def test_questions_without_an_answer(ask, site, path, status, words):
    answer = ask(path, status)
    error = answer.content['error']
    assert words in error and '\n' not in error
    assert '--' not in error and str(site.history_folder) not in error
    assert answer.content.get('nothing', False) == ('nothing was watched' in error)


def test_files_that_are_not_there_or_broken(ask, site):
    """Only a known camera has a file; one that is damaged is said to be."""
    client = Client(site.address)
    for name in ('nobody', '..', '%2e%2e%2fweb_token', 'yolo_heatmap%00'):
        answer = client.get(f'/api/cameras/{name}/history')
        assert answer.status == 404 and 'off' not in answer.content
    path = file_of(site.history_folder, NAME)
    away = path.with_suffix('.away')
    path.rename(away)
    try:
        content = ask('', 404).content
        assert content['off'] and 'history_period' in content['error']
        path.write_bytes(b'no database at all, but long enough to be one' * 100)
        assert 'is damaged, or no history' in ask('/counts', 503).content['error']
        assert str(path.parent) not in ask('/counts', 503).content['error']
    finally:
        away.rename(path)


def test_threads_are_bounded(monkeypatch):
    """More questions than may wait are refused, and a long one ends in time."""
    monkeypatch.setattr(history_threads, 'MAX_WAITING', 3)
    stopped = []

    def work(stop):
        while not stop():
            time.sleep(0.01)
        time.sleep(0.2)  # so that the time is over before it is done
        stopped.append(True)

    async def ask_often():
        threads = HistoryThreads(0.5)
        return await asyncio.gather(*(threads.run(work) for _ in range(4)),
                                    return_exceptions=True), await threads.run(
            lambda stop: threading.current_thread().name)
    begin = time.monotonic()
    answers, name = asyncio.run(ask_often())
    assert time.monotonic() - begin < 3.0
    assert all(isinstance(one, web.HTTPServiceUnavailable) for one in answers)
    assert sorted('at once' in one.text for one in answers) == [False] * 3 + [True]
    assert 'no answer within 0.5 s' in answers[0].text
    assert name.startswith('asking')
    assert wait_for(lambda: len(stopped) == 2)  # the third was never begun


def test_long_answers_are_packed(ask, site):
    client = Client(site.address, **{'Accept-Encoding': 'gzip, br'})
    packed, plain = client.get(f'{HISTORY}/counts?view=1&by=week'), ask('/counts?view=1&by=week')
    assert packed.headers['Content-Encoding'] == 'gzip'
    assert gzip.decompress(packed.body) == plain.body and len(packed.body) < len(plain.body) / 8
    assert 'Content-Encoding' not in client.get(f'{HISTORY}/heat.png?view=1').headers


def test_json_has_no_nan(ask):
    for path in ('/counts?view=1&by=week', '/heat?view=1', '/events'):
        json.loads(ask(path).body, parse_constant=pytest.fail)
