"""The view that asks the history, in a real browser: what it shows is what the file holds."""

from datetime import datetime, timezone
import json
import time
from urllib.parse import urlencode

import cv2
from history_view import (
    address, check, choose, counts, day, midnight, number, opened, settled, total)
import numpy as np
from page_site import DAY, DAYS, HOUR, ID, NAME, SHOWN_DAY
import pytest
from yolo_heatmap_ros.storage.history import History, When
from yolo_heatmap_ros.storage.history_file import file_of


def test_times_of_the_buttons_and_of_the_address(site, browser):
    """Counts are those of the file; a shared address shows the same."""
    opened(browser, site, span='yesterday')
    check(browser, total(site, -1, 0))
    browser.find('[aria-label="Times to choose"] button:nth-child(2)')
    assert browser.text('[aria-pressed=true]') == 'Yesterday'
    opened(browser, site, **{'from': day(-4), 'to': day(-2)}, hours='8-10')
    check(browser, total(site, -4, -2, frozenset((8, 9))))
    assert '8–10 h' in browser.text('.summary')
    browser.every('[aria-label="Times to choose"] button')[1].click()
    settled(browser, span='yesterday')
    assert 'from' not in address(browser)
    check(browser, total(site, -1, 0, frozenset((8, 9))))


def test_the_slider_by_mouse_finger_and_keys(site, browser):
    opened(browser, site, **{'from': day(-DAYS), 'to': day(1)})
    first, last = browser.every('[role=slider]')
    assert first.get_attribute('aria-valuetext').split(': ')[1] == (
        '18.1 h watched, Entries, crossing')
    # Keys: the page asks once the keys rest.
    browser.run('arguments[0].focus()', first)
    browser.keys(*'\ue014\ue014\ue014')  # arrow to the right
    browser.run('arguments[0].focus()', last)
    browser.keys('\ue00e')  # a page up: a week
    browser.keys('\ue012')
    settled(browser, **{'from': day(3 - DAYS), 'to': day(0)})
    check(browser, total(site, 3 - DAYS, 0))
    assert first.get_attribute('aria-valuenow') == '3'
    # The mouse moves a handle by two days.
    strip = browser.find('.slider-strip').rect
    width = strip['width'] / (DAYS + 1)
    middle = strip['y'] + strip['height'] / 2

    def mouse(kind, x):
        browser.cdp('Input.dispatchMouseEvent', type=f'mouse{kind}', x=x, y=middle, button='left',
                    buttons=1, clickCount=1)
    mouse('Pressed', strip['x'] + 3 * width)
    for step in range(1, 11):
        mouse('Moved', strip['x'] + (3 + 0.22 * step) * width)
    mouse('Released', strip['x'] + 5.2 * width)
    settled(browser, **{'from': day(5 - DAYS), 'to': day(0)})
    # A click is a day, and a finger that is drawn over others chooses them.
    browser.size(400, 800, touch=True)
    settled(browser)
    strip = browser.find('.slider-strip').rect
    width, middle = strip['width'] / (DAYS + 1), strip['y'] + strip['height'] / 2

    def touch(kind, *points):
        browser.cdp('Input.dispatchTouchEvent', type=f'touch{kind}',
                    touchPoints=[{'x': x, 'y': middle} for x in points])
    touch('Start', strip['x'] + 1.5 * width)
    touch('End')
    settled(browser, **{'from': day(1 - DAYS), 'to': day(2 - DAYS)})
    touch('Start', strip['x'] + 8.5 * width)
    for step in range(1, 9):
        touch('Move', strip['x'] + (8.5 + 0.5 * step) * width)
    touch('End')
    settled(browser, **{'from': day(8 - DAYS), 'to': day(13 - DAYS)})
    check(browser, total(site, 8 - DAYS, 13 - DAYS))
    assert browser.overflow() <= 0


def test_hours_of_the_week_are_a_table_and_a_filter(site, browser):
    opened(browser, site, span='all', place='kerb', what='forward')
    cells = browser.run("""
        return [...document.querySelectorAll('.week td[role=gridcell]')].map(
            cell => [cell.getAttribute('aria-label'), cell.textContent]);""")
    assert len(cells) == 168
    monday = total(site, -DAYS, 1, frozenset((12,)), frozenset((0,)))
    rate = monday.counts['kerb']['']['forward'] / monday.watched * HOUR
    shown = dict(cells)
    label = f'mon 12 to 13 h: {rate:.1f} an hour'
    assert label in shown and abs(number(shown[label]) - rate) < 0.51, sorted(shown)
    assert shown['tue 3 to 4 h: not watched'] == '·'
    # By keys: from 8 h on Monday to 10 h on Tuesday, and Enter; once more brings all back.
    browser.run("document.querySelector('.week td[tabindex=\"0\"]').focus()")
    browser.keys('\ue015', '\ue014', '\ue014')
    assert browser.focused().get_attribute('aria-label').startswith('tue 10 ')
    browser.keys('\ue007')
    settled(browser, hours='10-11', weekdays='tue')
    check(browser, total(site, -DAYS, 1, frozenset((10,)), frozenset((1,))))
    assert browser.run('return document.querySelectorAll("[aria-selected=true]").length') == 1
    assert browser.focused().get_attribute('aria-label').startswith('tue 10 ')
    browser.keys(' ')
    settled(browser)
    assert 'hours' not in address(browser)
    # Another place and quantity: the bars of the days are of it, too.
    choose(browser, 'Place', 'crossing')
    settled(browser, place='crossing')
    assert 'Entries per hour watched: crossing' in browser.text('.week caption')
    assert 'Entries, crossing' in browser.text('.slider-tip')


def test_one_time_against_another(site, browser, tmp_path):
    opened(browser, site, **{'from': day(-2), 'to': day(0)}, background='none')
    plain = picture(browser)
    choose(browser, 'Compare with', 'the days before')
    settled(browser, against='before')
    one, other = total(site, -2, 0), total(site, -4, -2)
    check(browser, one)
    row = counts(browser)['crossing Entries']
    assert number(row[2]) == other.counts['crossing']['']['entries']
    change = 100 * (one.counts['crossing']['']['entries'] / one.watched
                    / (other.counts['crossing']['']['entries'] / other.watched) - 1)
    assert number(row[4].replace('−', '-').replace('%', '')) == pytest.approx(change, abs=0.51)
    assert 'A less B' in browser.find('img.heat').get_attribute('alt')
    assert not np.array_equal(picture(browser), plain)
    choose(browser, 'Compare with', 'another time …')
    settled(browser, against='own', against_from=day(-9))
    choose(browser, 'Compare with', 'nothing')
    settled(browser)
    assert not [name for name in address(browser) if name.startswith('against')]
    assert np.array_equal(picture(browser), plain)


def picture(browser):
    """Return the picture of heat that is shown, (48, 64, 4) uint8."""
    browser.wait(lambda: browser.run(
        'const one = document.querySelector("img.heat"); return one.complete '
        '&& one.naturalWidth'), 'the picture')
    pixels = browser.run("""
        const image = document.querySelector('img.heat');
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [64, 48];
        const context = canvas.getContext('2d');
        context.drawImage(image, 0, 0, 64, 48);
        return Array.from(context.getImageData(0, 0, canvas.width, canvas.height).data);""")
    return np.array(pixels, np.uint8).reshape(48, 64, 4)


def test_events_by_kind_and_place_page_by_page(site, browser):
    opened(browser, site, **{'from': day(SHOWN_DAY), 'to': day(SHOWN_DAY + 1)})
    with History(file_of(site.history_folder, NAME)) as history:
        events = history.events(When(midnight(SHOWN_DAY), midnight(SHOWN_DAY) + DAY))[::-1]

    def shown():
        return browser.run('return [...document.querySelectorAll(".events tbody tr")].map('
                           'row => [...row.cells].map(cell => cell.textContent))')
    assert len(shown()) == 25
    times = [datetime.fromtimestamp(one[0], timezone.utc).strftime('%H:%M:%S') for one in events]
    assert [row[0][-8:] for row in shown()] == times[:25]
    newer, older = browser.every('.pager button')
    older.click()
    assert [row[0][-8:] for row in shown()] == times[25:50]
    for _ in range(20):
        browser.wait(lambda: older.get_attribute('aria-disabled') == 'false')
        older.click()
    assert [row[0][-8:] for row in shown()] == times[525:550]  # beyond the first answer
    choose(browser, 'What', 'Forward')
    settled(browser, kind='forward')
    assert {(row[1], row[2]) for row in shown()} == {('Forward', 'kerb')}
    choose(browser, 'Where', 'crossing')
    settled(browser, at='crossing')
    assert not shown() and 'no events' in browser.text('.pager')


def test_downloads(site, browser):
    opened(browser, site, **{'from': day(-3), 'to': day(-1)}, background='none')
    names = browser.run('return [...document.querySelectorAll("a[download]")].map('
                        'one => one.download)')
    days = f'{day(-3)}_to_{day(-1)}'
    assert names == [f'{ID}_{part}' for part in (
        f'heat_{days}.png', f'heat_{days}.json', f'counts_{days}.csv', f'counts_{days}.json',
        f'week_{days}.csv', f'events_{days}.csv')]
    browser.cdp('Browser.setDownloadBehavior', behavior='allow',
                downloadPath=str(browser.downloads))
    for link in browser.every('a[download]'):
        browser.run('arguments[0].click()', link)
    saved = {name: browser.downloaded(name) for name in names}
    heat = cv2.imdecode(np.frombuffer(saved[names[0]], np.uint8), cv2.IMREAD_COLOR)
    assert heat.shape == (480, 640, 3)
    cells = json.loads(saved[names[1]])
    assert np.shape(cells['values']) == (cells['rows'], cells['columns']) == (60, 80)
    lines = saved[names[2]].decode().splitlines()
    entries = total(site, -3, -1).counts['crossing']['']['entries']
    head = lines[0].split(',')
    rows = [dict(zip(head, line.split(','))) for line in lines[1:]]
    assert sum(float(row['value']) for row in rows if (
        row['place'], row['class'], row['what']) == ('crossing', '', 'entries')) == entries
    assert any(row['part'] == day(-2) for row in rows)
    assert json.loads(saved[names[3]])['rows']


def test_only_the_last_answer_is_shown(site, browser):
    """However fast somebody chooses, and however late answers come."""
    opened(browser, site, span='all')
    browser.run("""
        // The earlier they are asked, the later answers come, also those that nobody wants now.
        const real = window.fetch, begun = performance.now();
        window.fetch = async address => {
          await new Promise(done => setTimeout(done, 2000 - (performance.now() - begun) * 2));
          return real(address);
        };""")
    for number_ in (0, 3, 1):
        browser.every('[aria-label="Times to choose"] button')[number_].click()
        time.sleep(0.35)
    settled(browser, span='yesterday')
    time.sleep(1.5)
    check(browser, total(site, -1, 0))


def test_what_cannot_be_answered_is_said(site, browser):
    opened(browser, site, span='all')
    browser.visit(f'{site.address}/?' + urlencode(
        {'view': 'history', 'camera': ID, 'zone': 'UTC', 'from': '2020-01-01',
         'to': '2020-01-02'}))
    browser.wait(lambda: 'nothing was watched then' in browser.text('.history .failed'))
    browser.every('[aria-label="Times to choose"] button')[3].click()
    settled(browser, span='all')
    assert not any(one.is_displayed() for one in browser.every('.history .failed'))
    # Another time zone: the same hours are those of another day.
    opened(browser, site, span='all', zone='Asia/Kolkata')
    assert browser.find('[role=slider]').get_attribute('aria-valuetext').startswith(
        datetime.fromisoformat(day(-DAYS)).strftime('%a'))


def test_a_camera_without_a_history(site, browser):
    """The page tells how to switch it on, also while the node is there without one."""
    file = file_of(site.history_folder, NAME)
    site.stop_node()
    away = file.with_suffix('.away')
    file.rename(away)
    try:
        site.start_node(history_period=0.0)
        browser.visit(f'{site.address}/?' + urlencode({'view': 'history', 'camera': ID}))
        browser.find('.history-off')
        assert 'history_period: 300.0' in browser.text('.history-off pre')
        browser.find('.history-off button').click()
        browser.wait(lambda: any(word in browser.text('[role=status]')
                                 for word in ('copied', 'selected')))
    finally:
        site.stop_node()
        away.rename(file)
        site.start_node()
