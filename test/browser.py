"""A Chromium without a window, with what tests of the page ask it; requests leave for nobody."""

from importlib.util import find_spec
import json
from pathlib import Path
import shutil
import time
from urllib.parse import urlsplit

import pytest

DRIVER = '/usr/bin/chromedriver'
OPTIONS = (
    '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--no-first-run', '--hide-scrollbars',
    '--disable-dev-shm-usage', '--lang=en', '--window-size=1280,900',
    # Whatever the page may ask of others stays on this machine, and is found in the log.
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost')
SERIOUS = ('serious', 'critical')
WORDS = """
const body = document.body.cloneNode(true);
for (const one of body.querySelectorAll('select, script, noscript, [hidden]')) one.remove();
return body.textContent.replace(/\\s+/g, ' ');
"""
FIND = """
axe.run(document, {resultTypes: ['violations', 'incomplete']}).then(found => JSON.stringify(
  ['violations', 'incomplete'].flatMap(kind => found[kind].map(one => [
    kind, one.impact, one.id, one.nodes.map(node =>
      `${node.target}: ${node.html.slice(0, 120)} ${node.failureSummary}`)]))))
"""
OWN = ('127.0.0.1', 'localhost', None)


class Browser:
    """One tab, which `fresh` brings back to how a browser is that has never seen the page."""

    def __init__(self, downloads):
        """Start Chromium, which saves downloads in a folder; skips without a chromedriver."""
        webdriver = pytest.importorskip('selenium.webdriver', reason='selenium is not installed')
        from selenium.webdriver.chrome.service import Service
        if not shutil.which(DRIVER):
            pytest.skip(f'no browser: {DRIVER} is not there (apt install chromium-driver)')
        options = webdriver.ChromeOptions()
        for argument in OPTIONS:
            options.add_argument(argument)
        options.set_capability('goog:loggingPrefs', {'browser': 'ALL', 'performance': 'ALL'})
        options.add_experimental_option('prefs', {'download.default_directory': str(downloads)})
        self.downloads = downloads
        self.driver = webdriver.Chrome(options=options, service=Service(DRIVER))

    def fresh(self):
        """Forget all pages and what they have kept; 1280 x 900 px, light."""
        self.driver.get('about:blank')
        self.cdp('Network.clearBrowserCookies')
        self.cdp('Storage.clearDataForOrigin', origin='*', storageTypes='all')
        self.size(1280, 900)
        self.media()
        for kind in ('browser', 'performance'):
            self.driver.get_log(kind)

    def cdp(self, command, **arguments):
        """Send a command of Chromium's own protocol and return its answer."""
        return self.driver.execute_cdp_cmd(command, arguments)

    def visit(self, address):
        """Open a page; what an earlier one has kept for this tab is still there."""
        self.driver.get(address)

    def size(self, width, height, touch=False):
        """Show the page in so many px, as on a phone where it has a touch screen."""
        self.cdp('Emulation.setDeviceMetricsOverride', width=width, height=height,
                 deviceScaleFactor=1, mobile=touch)
        self.cdp('Emulation.setTouchEmulationEnabled', enabled=touch, maxTouchPoints=5)

    def media(self, scheme='light', reduced_motion=False):
        """Prefer a scheme of colours, `light` or `dark`, and little motion if so asked."""
        self.cdp('Emulation.setEmulatedMedia', features=[
            {'name': 'prefers-color-scheme', 'value': scheme},
            {'name': 'prefers-reduced-motion',
             'value': 'reduce' if reduced_motion else 'no-preference'}])

    def run(self, script, *arguments):
        """Run JavaScript and return what it returns."""
        return self.driver.execute_script(script, *arguments)

    def find(self, selector):
        """Return the first element of a CSS selector once it is shown, within 20 s."""
        return self.wait(lambda: next((one for one in self.every(selector) if one.is_displayed()),
                                      None), selector)

    def every(self, selector):
        """Return all elements of a CSS selector, also none."""
        return self.driver.find_elements('css selector', selector)

    def text(self, selector):
        """Return all text of an element that is there, shown or not, or ''."""
        return self.run('return document.querySelector(arguments[0])?.textContent ?? ""',
                        selector)

    def wait(self, condition, what='', timeout=20.0):
        """Wait until a function returns something true, and return that."""
        from selenium.common.exceptions import StaleElementReferenceException
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            try:
                value = condition()
            except StaleElementReferenceException:  # the page has just drawn it anew
                value = None
            if value:
                return value
            time.sleep(0.05)
        raise AssertionError(f'{what or "it"} did not come; the page shows:\n'
                             + self.run(WORDS))

    def keys(self, *keys):
        """Press keys where the focus is: text, or names of `selenium.webdriver.Keys`."""
        from selenium.webdriver import ActionChains
        ActionChains(self.driver).send_keys(*keys).perform()

    def focused(self):
        """Return the element that has the focus."""
        return self.driver.switch_to.active_element

    def screenshot(self, path, whole=True):
        """Save what is shown, or all of the page, as PNG."""
        import base64
        shot = self.cdp('Page.captureScreenshot', format='png', captureBeyondViewport=whole)
        Path(path).write_bytes(base64.b64decode(shot['data']))

    def overflow(self):
        """Return by how many px the page is wider than its window."""
        return self.run('return document.documentElement.scrollWidth - window.innerWidth')

    def downloaded(self, name):
        """Return the content of a file that the page has let the browser save."""
        self.cdp('Browser.setDownloadBehavior', behavior='allow',
                 downloadPath=str(self.downloads))
        path = self.downloads / name
        self.wait(path.is_file, name)
        return path.read_bytes()

    def errors(self, network=False):
        """Return what the console has told since the last call; of failed requests if asked."""
        return [entry['message'] for entry in self.driver.get_log('browser')
                if entry['level'] == 'SEVERE' and (network or entry['source'] != 'network')]

    def foreign_requests(self):
        """Return the addresses on other hosts that were asked for since the last call."""
        asked = []
        for entry in self.driver.get_log('performance'):
            event = json.loads(entry['message'])['message']
            if event['method'] == 'Network.requestWillBeSent':
                asked.append(event['params']['request']['url'])
            elif event['method'] == 'Network.webSocketCreated':
                asked.append(event['params']['url'])
        return [address for address in asked if urlsplit(address).hostname not in OWN]

    def serious_findings(self):
        """Return what axe finds serious or critical in the page as it is: rule and elements."""
        # Not as a script of the page, which its CSP would not let in.
        if not self.run('return "axe" in window'):
            self.cdp('Runtime.evaluate', expression=axe_source())
        answer = self.cdp('Runtime.evaluate', awaitPromise=True, returnByValue=True,
                          expression=FIND)
        found = json.loads(answer['result']['value'])
        # A rule that has failed is inconclusive without any element: it has checked nothing.
        return [(rule, nodes) for kind, impact, rule, nodes in found
                if kind == 'violations' and impact in SERIOUS or not nodes]


def axe_source():
    """Return axe as JavaScript, from the newer of the packages that hold it; skips without one."""
    for name in ('axe_playwright_python', 'axe_core_python'):
        package = find_spec(name)
        if package is not None:
            return (Path(package.origin).parent / 'axe.min.js').read_text()
    pytest.skip('axe is not installed: pip install axe-core-python')
