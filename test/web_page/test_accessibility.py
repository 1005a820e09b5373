"""All views of the page: keyboards, screen readers, phones, light and dark."""

from page_site import ID
import pytest

VIEWS = ('live', 'draw', 'history')
READY = {'live': 'main canvas', 'draw': 'svg.shapes',
         'history': '.week td[role=gridcell]'}
TARGETS = 'button, a[href], input, select, textarea, summary, [role=slider], [role=tab]'
"""What somebody touches; others have these roles only inside of a larger one."""


def opened(browser, site, view):
    """Open a view, and wait until it shows what the node and the history have."""
    browser.visit(f'{site.address}/?view={view}&camera={ID}')
    browser.find(READY[view])
    browser.wait(lambda: not browser.every('[aria-busy=true]'), 'answers')
    # What fades in has the contrast of neither before nor after.
    browser.wait(lambda: browser.run('return !document.getAnimations().length'), 'the end')


@pytest.mark.parametrize('scheme', ['light', 'dark'])
@pytest.mark.parametrize('view', VIEWS)
def test_nothing_serious_is_found(site, browser, view, scheme):
    """Neither by axe in wide and narrow windows, nor is there anything beside the window."""
    browser.media(scheme)
    for width, height in ((1280, 900), (400, 800)):
        browser.size(width, height)
        opened(browser, site, view)
        assert not browser.serious_findings(), (view, scheme, width)
        assert browser.overflow() <= 0, (view, width)


@pytest.mark.parametrize('view', VIEWS)
def test_keys_reach_everything(site, browser, view):
    """The Tab key reaches all that can be used, in its order, and where it is can be seen."""
    opened(browser, site, view)
    browser.run("""
        // What is drawn anew is the same for somebody who uses it.
        const nameOf = one => `${one.tagName} ${one.id} ${one.getAttribute('aria-label')} ${
          one.closest('label')?.textContent} ${one.textContent} ${one.value ?? ''}`;
        window.usable = [...document.querySelectorAll(
          'a[href], button, input, select, textarea, summary, [tabindex]')].filter(one =>
            one.tabIndex >= 0 && !one.disabled && one.checkVisibility({visibilityProperty: true})
            && !(one.type === 'radio' && !one.checked)).map(nameOf);
        [window.reached, window.backwards] = [[], []];
        let last = document.body;
        document.addEventListener('focusin', event => {
          window.reached.push(nameOf(event.target));
          if (last.isConnected && event.target.compareDocumentPosition(last)
              & Node.DOCUMENT_POSITION_FOLLOWING)
            window.backwards.push(nameOf(event.target));
          last = event.target;
        });
        document.activeElement.blur();""")
    hidden = []
    for _ in range(4 * browser.run('return window.usable.length')):  # a date is several stops
        browser.keys('\ue004')
        where = browser.run("""
            const one = document.activeElement;
            if (one === document.body) return null;
            const style = getComputedStyle(one);
            const shown = style.opacity === '0' ? getComputedStyle(one.closest('label')) : style;
            return [shown.outlineStyle, one.outerHTML.slice(0, 100)];""")
        if where is None:  # it begins again
            break
        if where[0] == 'none':
            hidden.append(where[1])
    assert not browser.run(
        'return window.usable.filter(name => !window.reached.includes(name))')
    assert not hidden
    assert not browser.run('return window.backwards')


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


@pytest.mark.parametrize('view', VIEWS)
def test_nothing_moves_for_those_who_do_not_want_it(site, browser, view):
    browser.media(reduced_motion=True)
    opened(browser, site, view)
    moving = browser.run("""
        return [...document.querySelectorAll('*')].filter(one => {
          const style = getComputedStyle(one);
          return [style.transitionDuration, style.animationDuration].some(
            times => times.split(',').some(time => parseFloat(time) > 0.01));
        }).map(one => one.outerHTML.slice(0, 100));""")
    assert not moving


@pytest.mark.alone
@pytest.mark.parametrize('view', VIEWS)
def test_the_first_paint_comes_within_a_second(site, browser, view):
    opened(browser, site, view)
    paint = browser.wait(lambda: browser.run(
        'return performance.getEntriesByName("first-contentful-paint")[0]?.startTime'))
    assert paint < 1000
