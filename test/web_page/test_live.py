"""The view that shows cameras live, in a real browser; what is lost comes back by itself."""

import time
from urllib.parse import parse_qs, urlsplit

from page_site import ID, REGIONS
import pytest
from ros_processes import NodeProcess
from web_client import Client

DIALOG = 'dialog[open]'
MARK = '.panel-head .mark'
ESCAPE = '\ue00c'
PIXELS = """
const canvas = document.querySelector('.stage canvas');
const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
"""


def opened(browser, address, **state):
    """Open the view and wait for a picture."""
    query = '&'.join(f'{name}={value}' for name, value in {'view': 'live', **state}.items())
    browser.visit(f'{address}/?{query}')
    pictured(browser)


def pictured(browser):
    """Wait for a picture."""
    browser.find('.stage canvas')
    browser.wait(lambda: not browser.every('.waiting:not([hidden])'), 'a picture')


def mean(browser):
    """Return the mean colour of the picture that is shown."""
    return browser.run(PIXELS + """
        const sums = [0, 0, 0];
        data.forEach((value, place) => { if (place % 4 < 3) sums[place % 4] += value; });
        return sums.map(sum => 4 * sum / data.length);""")


def stands_still(browser):
    """Return whether no picture comes for half a second."""
    before = mean(browser)
    time.sleep(0.5)
    return mean(browser) == before


def choose(browser, label, value):
    """Choose a value of the list, or enter it in the field, with this label."""
    browser.run("""
        const [label, value] = arguments;
        const input = [...document.querySelectorAll('.field')].find(
          one => one.textContent.startsWith(label)).querySelector('select, input');
        input.value = value;
        input.dispatchEvent(new Event('input', {bubbles: true}));
        input.dispatchEvent(new Event('change', {bubbles: true}));""", label, value)


def press(browser, text):
    """Click on the button that says this, once it can be used."""
    def button():
        return next((one for one in browser.every('button') if one.text == text
                     and one.is_displayed() and one.is_enabled()), None)
    browser.wait(button, text).click()


def settings(site):
    """Return how the node's pictures are coloured, as the API says."""
    return Client(site.address).state()['settings']


def tracks(site):
    """Return how many tracks have been on the pavement."""
    return Client(site.address).state()['regions']['pavement']['tracks']


def test_pictures_counts_and_health_come(site, browser):
    opened(browser, site.address)
    first = mean(browser)
    browser.wait(lambda: mean(browser) != first, 'the next picture')
    assert browser.run('return document.querySelector(".stage canvas").width') == 1280
    browser.wait(lambda: browser.text(MARK) == 'Working', 'the health')
    browser.wait(lambda: browser.text('.legend').endswith('of presence'), 'the legend')
    browser.wait(lambda: browser.text('.card[aria-label=pavement] .main dd') not in ('', '0'),
                 'somebody on the pavement')
    browser.wait(lambda: browser.every('.events-now li'), 'an event')
    plots = browser.wait(lambda: browser.every('.card[aria-label=kerb] .plot svg'), 'a plot')
    assert plots[0].get_attribute('aria-label').startswith('Forward (up) and backward, the last')
    assert 'camera=' + ID in browser.driver.current_url


def test_each_may_look_in_another_way(site, browser):
    """As the address says; without heat the overlay is the original, with all the heatmap."""
    opened(browser, site.address, mode='original')
    site.showing.clear()
    try:
        browser.wait(lambda: stands_still(browser), 'a still picture')
        means = {'original': mean(browser)}
        for mode in ('heat', 'overlay', 'both'):
            browser.run('document.querySelector(`.segments input[value=${arguments[0]}]`).click()',
                        mode)
            means[mode] = mean(browser)
            if mode == 'overlay':
                choose(browser, 'Opacity, for you', 0)
                means['none'] = mean(browser)
    finally:
        site.showing.set()
    assert means['overlay'] == means['heat'] != means['original']
    assert means['none'] == pytest.approx(means['original'], abs=0.01)
    assert means['both'] == pytest.approx(
        [(one + two) / 2 for one, two in zip(means['original'], means['heat'])], abs=0.01)
    state = parse_qs(urlsplit(browser.driver.current_url).query)
    assert state['mode'] == ['both'] and state['opacity'] == ['0']
    browser.find('a[data-view=draw]').click()
    browser.find('svg.shapes')
    browser.driver.back()
    pictured(browser)
    assert browser.every('a[data-view=live][aria-current]')
    browser.driver.forward()
    browser.find('svg.shapes')


def test_colours_are_changed_for_everybody(site, browser):
    opened(browser, site.address)
    browser.wait(lambda: browser.every('.live select:not(:disabled)'), 'controls')
    choose(browser, 'Colormap', 'HOT')
    browser.wait(lambda: settings(site)['colormap'] == 'HOT', 'the colormap')
    choose(browser, 'Scale ends at', 'fixed')
    browser.wait(lambda: settings(site)['normalize'] == 'fixed', 'the scale')
    choose(browser, 'Top of the scale', 30)
    browser.wait(lambda: '30 s of presence' in browser.text('.legend'), 'the legend')
    choose(browser, 'Top of the scale', -1)
    browser.wait(lambda: 'from 0.001' in browser.text('.status.failed'), 'why it is refused')
    assert settings(site)['scale_max'] == 30.0
    choose(browser, 'Scale ends at', 'max')
    browser.wait(lambda: settings(site)['normalize'] == 'max', 'the scale')


def test_the_node_is_paused_saved_and_reset(site, browser):
    """A reset is asked about first, and Escape is a No."""
    opened(browser, site.address)
    press(browser, 'Pause')
    browser.wait(lambda: browser.text(MARK) == 'Paused', 'the pause')
    press(browser, 'Resume')
    browser.wait(lambda: browser.text(MARK) == 'Working', 'that it goes on')
    browser.wait(lambda: tracks(site) > 15, 'some tracks')
    press(browser, 'Reset …')
    browser.find(DIALOG)
    browser.keys(ESCAPE)
    browser.wait(lambda: not browser.every(DIALOG), 'the end of the question')
    press(browser, 'Save')
    browser.wait(lambda: 'saved' in browser.text('#status'), 'that it is saved')
    assert browser.run("""
        return performance.getEntriesByType('resource').map(one => one.name.split('/').at(-1))
          .filter(name => ['pause', 'save', 'reset'].includes(name));""") == [
              'pause', 'pause', 'save']
    press(browser, 'Reset …')
    press(browser, 'Reset')
    browser.wait(lambda: tracks(site) < 15, 'the reset')


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_it_fits_its_window(site, browser, scheme):
    """The switch goes before what the system prefers, also after a reload."""
    browser.media(scheme)
    for view in ('live', 'draw'):
        for width, height in ((1280, 900), (400, 800)):
            browser.size(width, height)
            browser.visit(f'{site.address}/?view={view}')
            pictured(browser)
            assert browser.overflow() <= 0, (view, width)
    back = 'return getComputedStyle(document.body).backgroundColor'
    before = browser.run(back)
    browser.find('#theme').click()
    after = browser.run(back)
    assert after != before
    browser.visit(site.address)
    assert browser.run(back) == after


def test_a_lost_node_is_told_and_comes_back(site, browser):
    opened(browser, site.address)
    site.stop_node()
    browser.wait(lambda: browser.text(MARK) == 'Not there', 'that it is gone', timeout=30.0)
    assert 'Start the node' in browser.text('.health')
    assert all(not one.is_enabled() for one in browser.every('.panel-foot button'))
    site.start_node()
    browser.wait(lambda: browser.text(MARK) == 'Working', 'the node', timeout=30.0)
    first = mean(browser)
    browser.wait(lambda: mean(browser) != first, 'new pictures')
    assert browser.text('.card[aria-label=pavement] h3') == 'pavement'


def test_a_lost_server_is_told_and_comes_back(site, browser):
    """Without the cookie that page may only look, and says why."""
    opened(browser, site.address)
    assert not browser.every('#read-only:not([hidden])')
    assert site.viewer.stop() == 0
    browser.wait(lambda: 'No connection' in browser.text('#connection'), 'that it is lost')
    browser.cdp('Network.clearBrowserCookies')
    site.viewer = NodeProcess('web_viewer', {'port': urlsplit(site.address).port},
                              ROS_HOME=str(site.home))
    site.viewer.wait_for_output('the page is at')
    browser.wait(lambda: not browser.every('#connection:not([hidden])'), 'the connection',
                 timeout=30.0)
    first = mean(browser)
    browser.wait(lambda: mean(browser) != first, 'new pictures')
    browser.find('#read-only')
    browser.wait(lambda: not any(one.is_enabled() for one in browser.every(
        '.panel-foot button, .live .fields select')), 'disabled controls')


def test_several_cameras_are_a_wall(site, browser, street):
    """A click makes one large; one of them knows the floor, and shows it from above."""
    with NodeProcess('heatmap_node', {
            'weights': str(street / 'street.pt'), 'imgsz': 320, 'device': 'cpu',
            'heat_unit': 'seconds', 'regions': str(REGIONS),
            'ground.points_px': '[[20, 460], [620, 460], [600, 300], [40, 300]]',
            'ground.points_m': '[[0, 0], [8, 0], [8, 6], [0, 6]]'},
            {'__ns': '/back', 'image': '/image'}, ROS_HOME=str(site.home)) as back, \
            NodeProcess('web_viewer', {'port': 0, 'heatmap_node': 'all'},
                        ROS_HOME=str(site.home)) as viewer:
        viewer.wait_for_output('the page is at')
        back.wait_for_output('listening to')
        address = viewer.output().split('the page is at ')[1].split()[0]
        opened(browser, address, camera=ID)
        tiles = browser.wait(lambda: len(browser.every('.tile')) == 2
                             and browser.every('.tile'), 'both cameras')
        browser.wait(lambda: browser.run("""
            return [...document.querySelectorAll('.tile canvas')].every(
              one => one.width === 240);"""), 'small pictures')
        other = next(one for one in tiles if 'back' in one.text)
        other.send_keys('\ue007')
        browser.wait(lambda: 'camera=back.yolo_heatmap' in browser.driver.current_url, 'it')
        pictured(browser)
        browser.find('.floor-map img')
        assert ' m × ' in browser.text('.floor')
