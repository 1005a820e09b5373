"""The view of the history as a test of it uses it: in UTC, compared with what the file holds."""

from datetime import datetime, timedelta, timezone
import time
from urllib.parse import parse_qs, urlencode, urlsplit

from page_site import HOUR, ID, NAME
import pytest
from yolo_heatmap_ros.storage.history import History, When
from yolo_heatmap_ros.storage.history_file import file_of


def day(number):
    """Return the date of a day in UTC, counted from today."""
    return (datetime.now(timezone.utc) + timedelta(days=number)).date().isoformat()


def midnight(number):
    """Return when a day begins, in s since 1970 UTC."""
    return datetime.fromisoformat(day(number)).replace(tzinfo=timezone.utc).timestamp()


def total(site, first, last, hours=None, weekdays=None):
    """Return what the file holds of days, counted from today; the last one is not part of it."""
    with History(file_of(site.history_folder, NAME)) as history:
        return history.total(When(midnight(first), midnight(last), hours, weekdays), heat=False)


def opened(browser, site, **state):
    """Open the view in UTC and wait until all is shown."""
    browser.visit(f'{site.address}/?' + urlencode(
        {'view': 'history', 'camera': ID, 'zone': 'UTC', **state}))
    browser.find('.week td[role=gridcell]')
    settled(browser)


def settled(browser, **state):
    """Wait until the address has these values, and all answers are shown."""
    browser.wait(lambda: all(address(browser).get(name) == value
                             for name, value in state.items()), state)
    time.sleep(0.3)  # it waits for further changes before it asks
    browser.wait(lambda: not browser.every('.history [aria-busy], .history[aria-busy]'), 'answers')


def address(browser):
    """Return the state that is in the page's address."""
    return {name: values[0] for name, values in
            parse_qs(urlsplit(browser.driver.current_url).query).items()}


def choose(browser, label, text):
    """Choose from the list with this label."""
    browser.run("""
        const [label, text] = arguments;
        const field = [...document.querySelectorAll('.history .field')].find(
            one => one.firstChild.textContent === label && one.offsetParent);
        const list = field.querySelector('select');
        list.value = [...list.options].find(one => one.text === text).value;
        list.dispatchEvent(new Event('change'));""", label, text)


def counts(browser):
    """Return the cells of the table of counts by place and row."""
    return browser.run("""
        const found = {};
        for (const body of document.querySelectorAll('.counts tbody'))
          for (const row of [...body.rows].slice(1))
            found[`${body.rows[0].textContent} ${row.cells[0].textContent}`] =
              [...row.cells].slice(1).map(cell => cell.textContent);
        return found;""")


def number(text):
    """Return the number that a cell shows."""
    return float(text.replace(',', ''))


def check(browser, summed):
    """Compare the table with a sum of the file."""
    shown = counts(browser)
    for place, row, what in (('crossing', 'Entries', 'entries'), ('kerb', 'Forward', 'forward'),
                             ('pavement', 'Dwell time (s)', 'occupancy')):
        value = summed.counts[place][''][what]
        count, rate = map(number, shown[f'{place} {row}'][:2])
        assert count == pytest.approx(value, abs=0.51), (place, what)
        assert rate == pytest.approx(value / summed.watched * HOUR, abs=0.06), (place, what)
