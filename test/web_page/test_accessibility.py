"""All views of the page: for keyboards, screen readers, phones, and whoever likes it dark."""

from page_site import ID
import pytest

VIEWS = ('live', 'draw', 'history')
READY = {'live': 'main canvas', 'draw': 'main canvas, main svg',
         'history': '.week td[role=gridcell]'}
TARGETS = 'button, a[href], input, select, textarea, summary, [role=slider], [role=tab]'
"""What somebody touches; others have these roles only inside of a larger one."""


def opened(browser, site, view):
    """Open a view, and wait until it shows what the node and the history have."""
    browser.visit(f'{site.address}/?view={view}&camera={ID}')
    browser.find(READY[view])
    browser.wait(lambda: not browser.every('[aria-busy=true]'), 'answers')


@pytest.mark.parametrize('scheme', ['light', 'dark'])
@pytest.mark.parametrize('view', VIEWS)
def test_nothing_serious_is_found(site, browser, view, scheme):
    """Neither by axe in wide and narrow windows, nor is there anything beside the window."""
    browser.media(scheme)
    opened(browser, site, view)
    for width, height in ((1280, 900), (400, 800)):
        browser.size(width, height)
        assert not browser.serious_findings(), (view, scheme, width)
        assert browser.overflow() <= 0, (view, width)


@pytest.mark.parametrize('view', VIEWS)
def test_keys_reach_everything(site, browser, view):
    """The Tab key reaches all that can be used, in its order, and where it is can be seen."""
    opened(browser, site, view)
    browser.run("""
        window.usable = () => [...document.querySelectorAll(
          'a[href], button, input, select, textarea, summary, [tabindex]')].filter(one =>
            one.tabIndex >= 0 && !one.disabled && one.checkVisibility({visibilityProperty: true})
            && !(one.type === 'radio' && !one.checked));
        window.reached = [];
        document.addEventListener('focusin', event => window.reached.push(event.target));
        document.activeElement.blur();""")
    count = browser.run('return window.usable().length')
    hidden = []
    for _ in range(4 * count):  # fields of a date are several stops
        browser.keys('\ue004')
        where = browser.run("""
            const one = document.activeElement;
            if (one === document.body || window.reached.length > 1 && one === window.reached[0])
              return null;
            const style = getComputedStyle(one);
            const shown = style.opacity === '0' ? getComputedStyle(one.closest('label')) : style;
            return [shown.outlineStyle, one.outerHTML.slice(0, 100)];""")
        if where is None:
            break
        if where[0] == 'none':
            hidden.append(where[1])
    missed = browser.run('return window.usable().filter(one => !window.reached.includes(one))'
                         '.map(one => one.outerHTML.slice(0, 100))')
    assert not missed and not hidden
    assert browser.run("""
        const order = window.reached.map(one => window.usable().indexOf(one));
        return order.every((place, number) => !number || place >= order[number - 1]
                           || place < 0 || number === order.length - 1);""")


@pytest.mark.parametrize('view', VIEWS)
def test_fingers_reach_everything(site, browser, view):
    """On a phone each target is 44 px high or wide, and no side is less than 24 px."""
    browser.size(400, 800, touch=True)
    opened(browser, site, view)
    small = browser.run("""
        return [...document.querySelectorAll(arguments[0])].filter(
          one => one.checkVisibility({visibilityProperty: true})).map(one => {
            const {width, height} = (one.closest('label.target, .row label') ?? one)
              .getBoundingClientRect();
            return [Math.max(width, height) < 44 || Math.min(width, height) < 24, width, height,
                    one.outerHTML.slice(0, 120)];
          }).filter(([isSmall, width]) => isSmall && width > 1).map(one => one.slice(1));""",
                        TARGETS)
    assert not small
    assert browser.overflow() <= 0


def test_nothing_moves_for_those_who_do_not_want_it(site, browser):
    browser.media(reduced_motion=True)
    for view in VIEWS:
        opened(browser, site, view)
        moving = browser.run("""
            return [...document.querySelectorAll('*')].filter(one => {
              const style = getComputedStyle(one);
              return [style.transitionDuration, style.animationDuration].some(
                times => times.split(',').some(time => parseFloat(time) > 0.01));
            }).map(one => one.outerHTML.slice(0, 100));""")
        assert not moving, view


@pytest.mark.alone
def test_the_first_paint_comes_within_a_second(site, browser):
    for view in VIEWS:
        opened(browser, site, view)
        paint = browser.wait(lambda: browser.run(
            'return performance.getEntriesByName("first-contentful-paint")[0]?.startTime'))
        assert paint < 1000, (view, paint)
        assert browser.run("""
            return performance.getEntriesByType('resource').every(
              one => new URL(one.name).origin === location.origin
                     || one.name.startsWith('blob:'));""")
