"""The newest picture of a camera, in the sizes that browsers ask for."""

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass
import struct
import time
from typing import Callable, Dict, Optional, Set, Tuple

import cv2
import numpy as np

from yolo_heatmap_ros.drawing.renderer import halves
from yolo_heatmap_ros.ros.camera_feed import CameraFeed, Picture

WIDTHS = (160, 240, 320, 480, 640, 960, 1280)
"""Widths of one half in px to which pictures are scaled; others get the next larger one."""
SMALL_PERIOD = 0.5
"""Seconds for which a scaled picture is the newest one: it is made at most that often."""
FIRST_WITHIN = 3.0
"""Seconds to wait for a picture after the camera was not watched."""
FRESH = 2.0
"""Seconds for which the last picture of a camera that is not watched is good enough."""
QUALITY = 80
"""Of scaled JPEGs, in percent."""
PARTS = ('composite', 'original', 'heatmap')
_REDUCED = ((8, cv2.IMREAD_REDUCED_COLOR_8), (4, cv2.IMREAD_REDUCED_COLOR_4),
            (2, cv2.IMREAD_REDUCED_COLOR_2))


@dataclass(frozen=True)
class Shown:
    """A picture as a browser gets it; `width` is that of one half, 0 for full size."""

    number: int
    stamp: float
    width: int
    data: bytes
    kind: str


class Pictures:
    """
    Keeps the newest picture of one camera, and scales it once for all browsers.

    All methods but `size` belong to the server's thread.
    """

    def __init__(self, feed: CameraFeed, pool: Executor):
        """Take what the camera publishes, and the threads that scale."""
        self._feed = feed
        self._pool = pool
        self._listeners: Set[Callable[[], None]] = set()
        self._scaled: Dict[Tuple[str, int], Tuple[float, int, asyncio.Task]] = {}
        self._size: Tuple[Optional[Picture], Tuple[int, int]] = (None, (0, 0))

    @property
    def newest(self) -> Optional[Picture]:
        """Return the newest picture as it has come."""
        return self._feed.picture

    @property
    def size(self) -> Optional[Tuple[int, int]]:
        """Return width and height in px of one half of the newest composite, None without one."""
        picture = self._feed.picture
        if picture is None:
            return None
        if picture is not self._size[0]:
            width, height = size_of(picture.data)
            self._size = picture, (width // 2, height)
        return self._size[1] if self._size[1][0] else None

    def listen(self, wake: Callable[[], None]) -> None:
        """Call `wake` whenever there is a new picture."""
        self._listeners.add(wake)

    def ignore(self, wake: Callable[[], None]) -> None:
        """Call it no more."""
        self._listeners.discard(wake)

    def announce(self) -> None:
        """Wake all who listen."""
        for wake in tuple(self._listeners):
            wake()

    def watch(self) -> None:
        """Keep pictures coming for some seconds."""
        self._feed.watch()

    async def recent(self) -> Optional[Picture]:
        """Return the newest picture; wait for one if the camera has not been watched."""
        self.watch()
        end = time.monotonic() + FIRST_WITHIN
        oldest = time.monotonic() - FRESH
        while self.newest is None or self.newest.arrived_at < oldest:
            if time.monotonic() > end:
                break
            await asyncio.sleep(0.05)
        return self.newest

    def width_for(self, width: int) -> int:
        """Return the width in which a picture of this width is shown; 0 is full size."""
        if width <= 0:
            return 0
        fitting = next((one for one in WIDTHS if one >= width), 0)
        full = self.size
        return 0 if full is not None and fitting >= full[0] else fitting

    async def shown(self, width: int = 0, part: str = 'composite') -> Shown:
        """
        Return the newest picture; raises ValueError if there is none.

        `width` is that of one half in px, 0 for full size; `part` is one of `PARTS`.
        """
        picture = self.newest
        if picture is None:
            raise ValueError('there is no picture')
        width = self.width_for(width)
        if not width and part == 'composite':
            return Shown(picture.number, picture.stamp, 0, picture.data, picture.kind)
        made_at, _, task = self._scaled.get((part, width), (float('-inf'), 0, None))
        if task is None or time.monotonic() - made_at >= SMALL_PERIOD or (
                task.done() and task.exception() is not None):
            # Not awaited itself: a browser that goes away must not cancel it for others.
            task = asyncio.ensure_future(self._make(picture, width, part))
            self._scaled[part, width] = time.monotonic(), picture.number, task
        return await asyncio.shield(task)

    def newer_at(self, number: int, width: int) -> Optional[float]:
        """Return when a picture after `number` may be shown, by `time.monotonic`, or None."""
        picture = self.newest
        if picture is None or picture.number <= number:
            return None
        width = self.width_for(width)
        made_at, made, _ = self._scaled.get(('composite', width), (0.0, 0, None))
        return made_at + SMALL_PERIOD if width and made <= number else 0.0

    async def _make(self, picture: Picture, width: int, part: str) -> Shown:
        data = await asyncio.get_running_loop().run_in_executor(
            self._pool, scaled, picture.data, width, part)
        return Shown(picture.number, picture.stamp, width, data, 'image/jpeg')


def scaled(data: bytes, width: int, part: str) -> bytes:
    """
    Return a composite, a JPEG or PNG, as a JPEG of one of its `PARTS`.

    `width` is that of one half in px, 0 for the size it has.  Raises ValueError for no picture.
    """
    pixels = pixels_of(data, width, part)
    half = pixels.shape[1] // (2 if part == 'composite' else 1)
    try:
        if width and half != width:
            height = max(1, round(pixels.shape[0] * width / half))
            columns = width * (2 if part == 'composite' else 1)
            pixels = cv2.resize(pixels, (columns, height), interpolation=cv2.INTER_AREA)
        return cv2.imencode('.jpg', pixels, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))[1].tobytes()
    except (cv2.error, ZeroDivisionError) as error:
        raise ValueError('the composite cannot be scaled') from error


def pixels_of(data: bytes, width: int, part: str) -> np.ndarray:
    """
    Return one of the `PARTS` of a composite, (H, W, 3) uint8 BGR.

    Each half has `width` px or more, all that it has for 0.  Raises ValueError for no picture.
    """
    full = size_of(data)[0] // 2
    flag = next((flag for divisor, flag in _REDUCED if width and full // divisor >= width),
                cv2.IMREAD_COLOR)
    try:
        composite = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    except cv2.error:  # nothing at all, or a header of more px than any picture has
        composite = None
    if composite is None:
        raise ValueError('the composite is no picture')
    if part == 'composite':
        return composite
    original, heatmap = halves(composite)
    return original if part == 'original' else heatmap


def size_of(data: bytes) -> Tuple[int, int]:
    """Return width and height of a JPEG or PNG in px by its header, (0, 0) for anything else."""
    try:
        if data[:8] == b'\x89PNG\r\n\x1a\n':
            return struct.unpack('>II', data[16:24])
        at = 2 if data[:2] == b'\xff\xd8' else len(data)
        while at + 9 <= len(data):
            marker, length = struct.unpack('>xBH', data[at:at + 4])
            if 0xc0 <= marker <= 0xcf and marker not in (0xc4, 0xc8, 0xcc):
                height, width = struct.unpack('>HH', data[at + 5:at + 9])
                return width, height
            at += 2 + length
    except struct.error:
        pass
    return 0, 0
