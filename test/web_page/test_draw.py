"""The view that draws, in a real browser: mouse, finger and keys; the node has what it saves."""

import time

from page_site import ID, LINES, NAME, REGIONS
import pytest
from rcl_interfaces.srv import GetParameters, SetParametersAtomically
from ros_processes import parameters_request
import yaml

ENTER, ESCAPE, DELETE, RIGHT, TAB = '\ue007', '\ue00c', '\ue017', '\ue014', '\ue004'
CONTROL, SHIFT = '\ue009', '\ue008'
CORNERS = [(0.1, 0.64), (0.9, 0.64), (0.9, 0.95), (0.1, 0.95)]
"""Of a part of the pavement where somebody always is; fractions of the picture."""
SHAPES = ('regions', 'lines', 'ignored_areas')


@pytest.fixture
def drawing(site, browser):
    """Return the view, with the node as it was started."""
    drawing = Drawing(site, browser)
    drawing.ask(SetParametersAtomically, 'set_parameters_atomically', parameters_request(
        {'regions': str(REGIONS), 'lines': str(LINES), 'ignored_areas': ''}))
    return drawing


class Drawing:
    """What a user does in the view, and what the node has of it."""

    def __init__(self, site, browser):
        self.site, self.browser = site, browser
        self.clicks = 0

    def ask(self, kind, service, request):
        """Call a service of the node, from the thread that does not spin."""
        client = self.site.node.create_client(kind, f'{NAME}/{service}')
        try:
            assert client.wait_for_service(20.0)
            future = client.call_async(request)
            self.browser.wait(future.done, service)
            return future.result()
        finally:
            self.site.node.destroy_client(client)

    def visit(self):
        """Open the view by its address and wait until there is a picture."""
        self.browser.visit(f'{self.site.address}/?view=draw&camera={ID}')
        self.ready()

    def ready(self):
        """Wait until there is a picture, and stays where it is: clicks go to places."""
        self.browser.find('svg.shapes')
        self.browser.wait(lambda: not self.browser.every('.waiting:not([hidden])'), 'a picture')

        def still():
            before = self.box()
            time.sleep(0.3)
            return self.box() == before
        self.browser.wait(still, 'a picture that stays where it is')

    def box(self):
        """Return left, top, width and height of the picture in the window."""
        return self.browser.run("""
            const drawing = document.querySelector('svg.shapes');
            drawing.scrollIntoView({block: 'center'});
            const box = drawing.getBoundingClientRect();
            return [box.left, box.top, box.width, box.height];""")

    def place(self, point):
        """Return where a point of the picture, in fractions of it, is in the window."""
        left, top, width, height = self.box()
        return left + point[0] * width, top + point[1] * height

    def mouse(self, kind, point, count=1):
        """Move, press or release the mouse at a point of the picture."""
        x, y = self.place(point)
        self.browser.cdp('Input.dispatchMouseEvent', type=f'mouse{kind}', x=x, y=y,
                         button='none' if kind == 'Moved' else 'left', clickCount=count)

    def click(self, point):
        """Click at a point of the picture."""
        self.mouse('Pressed', point)
        self.mouse('Released', point)
        self.clicks += 1

    def touch(self, *points):
        """Put a finger on the picture, move it from point to point, and lift it."""
        for number, point in enumerate(points):
            x, y = self.place(point)
            self.browser.cdp('Input.dispatchTouchEvent', touchPoints=[{'x': x, 'y': y}],
                             type='touchMove' if number else 'touchStart')
        self.browser.cdp('Input.dispatchTouchEvent', type='touchEnd', touchPoints=[])

    def press(self, selector):
        """Click on a control, shown or behind its label."""
        self.browser.run('document.querySelector(arguments[0]).click()', selector)
        self.clicks += 1

    def tool(self, kind):
        """Choose what is drawn."""
        self.press(f'.segments input[value={kind}]')

    def keys_with(self, modifier, key):
        """Press a key while another one is held."""
        from selenium.webdriver import ActionChains
        ActionChains(self.browser.driver).key_down(modifier).send_keys(key).key_up(
            modifier).perform()

    def names(self):
        """Return the names in the list."""
        return self.browser.run('return [...document.querySelectorAll(".entry-head input")].map('
                                'one => one.value)')

    def points(self, name):
        """Return how many points a shape has on the picture, and where its first one is in px."""
        return self.browser.run("""
            const [name] = arguments;
            const entry = [...document.querySelectorAll('.entry')].find(
              one => one.querySelector('.entry-head input')?.value === name);
            const inputs = [...entry.querySelectorAll('.points input')].map(
              one => Number(one.value));
            return [inputs.length / 2, inputs.slice(0, 2)];""", name)

    def save(self, says):
        """Save and wait for what the page says then."""
        self.press('.button.primary')
        self.browser.wait(lambda: says in self.browser.text('#status'), says)

    def on_node(self, *names):
        """Return parameters of the node, as YAML reads them."""
        values = self.ask(GetParameters, 'get_parameters',
                          GetParameters.Request(names=list(names))).values
        return [yaml.safe_load(value.string_value) or [] for value in values]

    def shapes_on_node(self):
        """Return the node's shapes by name."""
        return {name: points for shapes in self.on_node(*SHAPES)
                for shape in shapes for name, points in shape.items()}


def test_a_region_is_drawn_counts_and_is_still_there(drawing):
    """From the page as it opens, six clicks and Enter: the steps are in docs/drawing.md."""
    browser = drawing.browser
    browser.visit(drawing.site.address)
    browser.find('main canvas')
    browser.find('a[data-view=draw]').click()
    drawing.ready()
    for corner in CORNERS:
        drawing.click(corner)
    browser.keys(ENTER)
    assert drawing.names() == ['pavement', 'crossing', 'kerb', 'region 1']
    drawing.save('3 regions, 1 line; kept for the next start in')
    assert drawing.clicks + 1 <= 7
    points = drawing.shapes_on_node()['region 1']
    assert points == [pytest.approx(corner, abs=0.01) for corner in CORNERS]
    browser.find('a[data-view=live]').click()
    card = '.card[aria-label="region 1"] .main dd'
    browser.wait(lambda: browser.text(card).isdecimal() and int(browser.text(card)) > 0,
                 'somebody in the region')
    browser.find('a[data-view=draw]').click()
    browser.visit(browser.driver.current_url)
    drawing.ready()
    assert 'region 1' in drawing.names()
    assert not browser.text('.draw-side .mark')


def test_steps_are_undone_and_made_again(drawing):
    browser = drawing.browser
    drawing.visit()
    for corner in CORNERS[:3]:
        drawing.click(corner)
    assert len(browser.every('.pending .dot')) == 3
    drawing.keys_with(CONTROL, 'z')
    assert len(browser.every('.pending .dot')) == 2
    drawing.click(CORNERS[2])
    drawing.click(CORNERS[0])  # the first corner closes it
    assert 'region 1' in drawing.names()
    browser.find('[aria-label="Delete region 1"]').click()
    assert 'region 1' not in drawing.names()
    drawing.keys_with(CONTROL, 'z')
    assert 'region 1' in drawing.names()
    for _ in range(4):
        drawing.keys_with(CONTROL, 'z')
    assert 'region 1' not in drawing.names() and not browser.text('.draw-side .mark')
    for _ in range(4):
        browser.run("[...document.querySelectorAll('.button')].find("
                    "one => one.textContent === 'Redo').click()")
    assert 'region 1' in drawing.names()


def test_points_are_moved_put_in_and_removed(drawing):
    """By mouse, and by keys alone: Tab goes from point to point."""
    browser = drawing.browser
    drawing.visit()
    drawing.tool('move')
    drawing.click((0.5, 0.9))
    assert browser.every('.entry.selected')
    count, (x, y) = drawing.points('pavement')
    assert (count, x, y) == (4, 20, 300)
    corner, target = (20 / 640, 300 / 480), (0.2, 0.7)
    drawing.mouse('Pressed', corner)
    for point in ((0.1, 0.65), target):
        drawing.mouse('Moved', point)
    drawing.mouse('Released', target)
    assert drawing.points('pavement')[1] == pytest.approx([128, 336], abs=1)
    drawing.keys_with(SHIFT, RIGHT)
    browser.keys(RIGHT)
    assert drawing.points('pavement')[1] == pytest.approx([139, 336], abs=1)
    side = (620 / 640, 380 / 480)
    for kind, point in (('Pressed', side), ('Moved', (0.9, 0.8)), ('Released', (0.9, 0.8))):
        drawing.mouse(kind, point)
    assert drawing.points('pavement')[0] == 5
    browser.keys(DELETE)
    assert drawing.points('pavement')[0] == 4
    browser.find('.handle').click()
    browser.keys(TAB)
    assert browser.run('return document.activeElement.dataset.point') == '1'
    browser.keys(ESCAPE)
    assert not browser.every('.entry.selected')


def test_a_region_by_keys_alone(drawing):
    """It is put in the middle, moved by the arrow keys, and saved."""
    browser = drawing.browser
    drawing.visit()
    browser.run('[...document.querySelectorAll(".draw button")].find('
                'one => one.textContent === "Put in the middle").focus()')
    browser.keys(ENTER)
    assert drawing.points('region 1') == [4, pytest.approx([256, 192], abs=1)]
    drawing.keys_with(SHIFT, RIGHT)
    assert drawing.points('region 1')[1] == pytest.approx([266, 192], abs=1)
    browser.run('document.querySelector(".button.primary").focus()')
    browser.keys(ENTER)
    browser.wait(lambda: 'saved' in browser.text('#status'), 'saved')
    assert len(drawing.shapes_on_node()['region 1']) == 4


def test_a_line_counts_to_where_its_arrow_points(drawing):
    """Turned, it counts the other way; an ignored area is drawn as a region is."""
    browser = drawing.browser
    drawing.visit()
    drawing.tool('lines')
    drawing.click((0.2, 0.5))
    drawing.click((0.8, 0.5))
    drawing.click((0.8, 0.5))  # a double click ends it
    (first, second) = browser.run("""
        const tips = [];
        const tip = () => tips.push(document.querySelector('.selected .arrow')
          .getAttribute('d').match(/L([\\d.]+),([\\d.]+)/).slice(1).map(Number));
        tip();
        [...document.querySelectorAll('.button')].find(
          one => one.ariaLabel === 'Turn line 1: count the other way').click();
        tip();
        return tips;""")
    assert first[1] - second[1] == pytest.approx(56, abs=1)  # 28 px below, then above
    drawing.tool('ignored_areas')
    for corner in ((0.01, 0.01), (0.3, 0.01), (0.3, 0.2)):
        drawing.click(corner)
    browser.keys(ENTER)
    drawing.save('2 regions, 2 lines, 1 ignored area')
    shapes = drawing.shapes_on_node()
    assert shapes['line 1'] == [pytest.approx((0.8, 0.5), abs=0.01),
                                pytest.approx((0.2, 0.5), abs=0.01)]
    assert len(shapes['ignored area 1']) == 3


def test_what_makes_no_sense_is_marked_and_not_saved(drawing):
    browser = drawing.browser
    drawing.visit()
    for number in (0, 1, 3, 2):
        drawing.click(CORNERS[number])
    browser.keys(ENTER)
    assert len(browser.every('.shapes .bad')) == 1
    assert 'cross each other' in browser.text('.entry.selected .failed')
    drawing.save('region 1: its sides cross each other')
    drawing.keys_with(CONTROL, 'z')
    browser.keys(ESCAPE)
    name = browser.find('.entry-head input')
    name.clear()
    name.send_keys('crossing')
    assert 'same name' in browser.text('.entry .failed')
    drawing.save('another one has the same name')
    assert 'region 1' not in drawing.shapes_on_node()


def test_what_is_not_saved_survives_a_reload(drawing):
    browser = drawing.browser
    drawing.visit()
    for corner in CORNERS[:3]:
        drawing.click(corner)
    browser.keys(ENTER)
    name = browser.every('.entry-head input')[-1]
    name.clear()
    name.send_keys('entrance')
    assert browser.text('.draw-side .mark') == 'not saved yet'
    assert browser.run("""
        const leaving = new Event('beforeunload', {cancelable: true});
        return !window.dispatchEvent(leaving);""")
    drawing.visit()
    assert drawing.names()[-1] == 'entrance'
    assert browser.text('.draw-side .mark') == 'not saved yet'
    drawing.save('3 regions')
    assert 'entrance' in drawing.shapes_on_node()
    drawing.visit()
    assert not browser.text('.draw-side .mark')


def test_fingers_draw(drawing):
    """On a phone: taps set corners, and a finger drags one of them."""
    browser = drawing.browser
    browser.size(400, 800, touch=True)
    drawing.visit()
    for corner in (*CORNERS, CORNERS[0]):
        drawing.touch(corner)
    assert 'region 1' in drawing.names()
    drawing.touch(CORNERS[1], (0.8, 0.5), (0.6, 0.3))
    x, y = browser.run("""
        return [...document.querySelectorAll('.entry.selected .points input')].slice(2, 4).map(
          one => Number(one.value));""")
    assert (x, y) == (pytest.approx(384, abs=4), pytest.approx(144, abs=4))
    drawing.save('3 regions')


def test_parameters_are_copied(drawing):
    browser = drawing.browser
    drawing.visit()
    browser.find('[aria-label="Parameters"] .button').click()
    text = browser.wait(lambda: browser.find('textarea').get_attribute('value'), 'YAML')
    parameters = yaml.safe_load(text)[NAME]['ros__parameters']
    assert yaml.safe_load(parameters['lines']) == [{'kerb': LINES['kerb']}]


def test_the_floor_is_set_by_four_points(drawing):
    """The node starts its pipeline again, with the points and metres, and shows a floor."""
    browser = drawing.browser
    drawing.visit()
    drawing.tool('ground')
    for corner in ((0.05, 0.9), (0.95, 0.9), (0.8, 0.63), (0.2, 0.63)):
        drawing.click(corner)
    assert len(browser.every('.grid line')) > 8
    metres = browser.every('.entry.ground .points input')[6]
    metres.clear()
    metres.send_keys('8')
    browser.find('.draw-side > section > .button').click()
    browser.find('dialog .primary').click()
    browser.wait(lambda: 'saved: ' in browser.text('#status'), 'the floor', timeout=60)
    points_px, points_m = drawing.on_node('ground.points_px', 'ground.points_m')
    assert points_px[0] == [pytest.approx(0.05 * 640, abs=2), pytest.approx(0.9 * 480, abs=2)]
    assert points_m == [[0, 0], [8, 0], [4, 4], [0, 4]]
    browser.find('a[data-view=live]').click()
    browser.find('.floor-map img')
