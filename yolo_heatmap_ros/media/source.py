"""The interface of frame sources."""

import re
from typing import NamedTuple, Optional, Sequence

import numpy as np

from yolo_heatmap_ros.media.raw_images import RawImage

STILL_RATE = 10.0
"""Frames per second of pictures that have no rate of their own."""
ROUNDING = 1e-3
"""Seconds by which times in files are rounded."""


def without_credentials(url: str) -> str:
    """
    Return a URL without user, password and query, where cameras take passwords too, for messages.

    Everything up to the last @ is removed, since a password may contain a slash or an @: losing
    the host is better than logging a secret.
    """
    return re.sub(r'(\w+://)(?:.*@)?([^?]*)(\?.*)?', lambda found: (
        found[1] + found[2] + ('?…' if found[3] else '')), url, flags=re.DOTALL)


class Header(NamedTuple):
    """The stamp in s and ns (as ROS counts them), and the frame_id, of a recorded message."""

    sec: int
    nanosec: int
    frame_id: str


class Source:
    """
    Where frames come from.

    `rate` is the native frame rate in Hz, 0 if it is uneven or unknown; then `mean_rate` is the
    average, 0 if that is unknown too.  `total` is the number of frames, 0 if it is unknown or has
    no end.  A `still` is one picture that is repeated without end; `live` sources cannot skip or
    repeat frames.
    `unusable` counts those that could not be decoded, and were passed over.  `header` is that of
    the last frame, where frames have been recorded with one; `original` is its content where that
    is no picture but depth.  `begin` is the time of the first frame in s since 1970, 0 if it
    is unknown; `origin` plus the `elapsed` of the last frame is the time at which that was
    recorded, in s since 1970 UTC, None if it is unknown.  `topic` is the one that is played of the
    `topics` of a recording.
    `advice` is a line for the user on frames so far, if there is something to say.
    """

    rate = STILL_RATE
    mean_rate = 0.0
    total = 0
    live = False
    still = False
    unusable = 0
    header: Optional[Header] = None
    original: Optional[RawImage] = None
    begin = 0.0
    origin: Optional[float] = None
    topic = ''
    topics: Sequence[str] = ()
    advice = ''

    @property
    def elapsed(self) -> float:
        """Return the seconds from the first frame to the last that was read or skipped."""
        return 0.0

    @property
    def coming(self) -> float:
        """Return the seconds from the first frame to the next to be read, unless it is `live`."""
        return 0.0

    @property
    def spacing(self) -> Optional[float]:
        """Return the seconds from the last frame to the next, where they are not even."""
        return None

    def read(self) -> Optional[np.ndarray]:
        """
        Return the next frame, (H, W, 3) uint8 BGR, or None if there is none (now).

        Raises SourceError where the source turns out to be damaged.
        """
        raise NotImplementedError

    def skip(self) -> bool:
        """Skip one frame; return False at the end."""
        return self.read() is not None

    def seek(self, elapsed: float) -> bool:
        """
        Go on with the first frame at or after `elapsed` s; return False if there is none.

        Formats that can do so do not decode what lies before.
        """
        return (not self.coming or self.rewind()) and self.skip_to(elapsed)

    def skip_to(self, elapsed: float) -> bool:
        """Skip the frames before `elapsed` s; return False at the end."""
        while self.coming < elapsed - ROUNDING:
            if not self.skip():
                return False
        return True

    def rewind(self) -> bool:
        """Start again from the first frame; return False if that is not possible."""
        return False

    def close(self) -> None:
        """Release files and devices."""
