"""The interface of frame sources."""

from typing import NamedTuple, Optional

import numpy as np

STILL_RATE = 10.0
"""Frames per second of pictures that have no rate of their own."""


class Header(NamedTuple):
    """The stamp in s and ns (as ROS counts them), and the frame_id, of a recorded message."""

    sec: int
    nanosec: int
    frame_id: str


class Source:
    """
    Where frames come from.

    `rate` is the native frame rate in Hz, 0 if it is uneven or unknown; then `mean_rate` is the
    average, 0 if that is unknown too.  `total` is the number of frames, 0 if it has no end; `live`
    sources cannot skip or repeat frames.
    `unusable` counts those that could not be decoded, and were passed over.  `header` is that of
    the last frame, where frames have been recorded with one.
    """

    rate = STILL_RATE
    mean_rate = 0.0
    total = 0
    live = False
    unusable = 0
    header: Optional[Header] = None

    @property
    def elapsed(self) -> float:
        """Return the seconds from the first frame to the last that was read, where `rate` is 0."""
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

    def rewind(self) -> bool:
        """Start again from the first frame; return False if that is not possible."""
        return False

    def close(self) -> None:
        """Release files and devices."""
