"""What the tests of the page share: a browser, and a page beside a real node with a history."""

from browser import Browser
from page_site import PageSite
import pytest


@pytest.fixture(scope='session')
def chromium(tmp_path_factory):
    """Return the browser of all tests of a worker."""
    chromium = Browser(tmp_path_factory.mktemp('downloads'))
    yield chromium
    chromium.driver.quit()


@pytest.fixture
def browser(chromium):
    """
    Return a browser that has never seen the page.

    At the end nothing may have failed in its scripts, nor asked for anything on another host.
    """
    chromium.fresh()
    yield chromium
    assert not chromium.errors()
    assert not chromium.foreign_requests()
    chromium.driver.get('about:blank')  # else the page goes on beside the tests of others


@pytest.fixture(scope='module')
def site(tmp_path_factory, street, street_frames):
    """Return a page, with its node, camera and weeks of history, see `PageSite`."""
    pytest.importorskip('aiohttp', reason='the page needs aiohttp')
    with PageSite(tmp_path_factory.mktemp('site'), street, street_frames) as site:
        yield site
