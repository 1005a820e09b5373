"""Sizes and parts of composites, and how often they are scaled."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from yolo_heatmap_ros.ros.camera_feed import Picture

pytest.importorskip('aiohttp', reason='the page needs aiohttp')

from yolo_heatmap_ros.web_server import pictures  # noqa: E402


def composite(height=480, width=640, kind='.jpg'):
    """Return a file of a black frame beside a white heatmap."""
    pixels = np.zeros((height, 2 * width, 3), np.uint8)
    pixels[:, width:] = 255
    return cv2.imencode(kind, pixels)[1].tobytes()


@pytest.mark.parametrize('kind', ['.jpg', '.png'])
def test_size_by_the_header(kind):
    assert pictures.size_of(composite(30, 40, kind)) == (80, 30)
    data = composite(30, 40, kind)
    for length in range(0, 200):
        assert pictures.size_of(data[:length]) in ((0, 0), (80, 30))
    assert pictures.size_of(b'\xff\xd8' + b'\xff\x00\x00\x00' * 50) == (0, 0)


@pytest.mark.parametrize('part, shape, mean', [
    ('composite', (240, 640), 127.5), ('original', (240, 320), 0), ('heatmap', (240, 320), 255)])
@pytest.mark.parametrize('kind', ['.jpg', '.png'])
def test_parts(part, shape, mean, kind):
    shown = cv2.imdecode(np.frombuffer(pictures.scaled(composite(kind=kind), 320, part), np.uint8),
                         cv2.IMREAD_COLOR)
    assert shown.shape[:2] == shape and abs(shown.mean() - mean) < 3
    full = pictures.pixels_of(composite(kind=kind), 0, part)
    assert full.shape[0] == 480 and abs(full.mean() - mean) < 3


SLIVER = cv2.imencode('.png', np.zeros((9, 1, 3), np.uint8))[1].tobytes()
"""A picture without halves."""
ENORMOUS = composite(30, 40, '.png')[:16] + b'\0\1\0\0' * 2 + composite(30, 40, '.png')[24:]
"""A picture that says that it has 4 G px."""


@pytest.mark.parametrize('kind', ['.jpg', '.png'])
@pytest.mark.parametrize('height, width', [(1, 1), (2, 500), (2160, 3840), (2000, 161)])
def test_odd_sizes(height, width, kind):
    """Each is scaled or left as it is, grey ones too, and all halves are of one size."""
    pixels = np.zeros((height, 2 * width), np.uint8)
    data = cv2.imencode(kind, pixels)[1].tobytes()
    assert pictures.size_of(data) == (2 * width, height)
    for part in pictures.PARTS:
        shown = cv2.imdecode(np.frombuffer(pictures.scaled(data, 160, part), np.uint8),
                             cv2.IMREAD_COLOR)
        assert shown.shape[1] == (320 if part == 'composite' else 160)


@pytest.mark.parametrize('data', [b'', b'no picture', composite()[:300], SLIVER, ENORMOUS])
def test_what_is_no_picture(data):
    with pytest.raises(ValueError):
        pictures.scaled(data, 160, 'composite')


class Feed:
    """As a camera's feed: its picture is what a test says."""

    def __init__(self):
        self.picture = None
        self.watch = lambda: None

    def show(self, data):
        number = 1 if self.picture is None else self.picture.number + 1
        self.picture = Picture(number, 0.0, data, 'image/jpeg', 0.0)


def test_scaled_once_for_all_browsers(monkeypatch):
    """However many ask, twice a second; the full size goes through untouched."""
    made = []
    original = pictures.scaled
    monkeypatch.setattr(pictures, 'scaled',
                        lambda *given: made.append(given[1:]) or original(*given))

    async def ask():
        feed = Feed()
        with ThreadPoolExecutor(2) as pool:
            shown = pictures.Pictures(feed, pool)
            assert shown.newest is shown.size is None
            feed.show(composite())
            assert shown.size == (640, 480)
            every = await asyncio.gather(*(shown.shown(width) for width in (300, 320, 310) * 10))
            assert {(one.number, one.width) for one in every} == {(1, 320)}
            assert (await shown.shown()).data is feed.picture.data
            assert (await shown.shown(700)).width == 0  # not enlarged
            feed.show(composite())
            assert shown.newer_at(1, 0) == 0.0 and shown.newer_at(2, 0) is None
            assert (await shown.shown(320)).number == 1  # still the newest small one
            assert shown.newer_at(1, 320) > 0.0  # later
            assert shown.newer_at(0, 320) == 0.0  # there is one that this browser has not seen
            await asyncio.sleep(pictures.SMALL_PERIOD)
            assert (await shown.shown(320)).number == 2
            feed.show(b'no picture')
            await asyncio.sleep(pictures.SMALL_PERIOD)
            with pytest.raises(ValueError):
                await shown.shown(320)
            feed.show(composite())
            assert (await shown.shown(320)).number == 4  # at once after one that has failed
    asyncio.run(ask())
    assert made == [(320, 'composite')] * 4


def test_those_who_wait_are_woken():
    shown, woken = pictures.Pictures(SimpleNamespace(picture=None), None), []
    shown.listen(woken.append)
    shown._listeners = {lambda: woken.append(1)}
    shown.announce()
    assert woken == [1]
