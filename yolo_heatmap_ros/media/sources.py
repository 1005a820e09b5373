"""Frames from a video file, an image, a folder of images, a camera, a stream or a recording."""

import math
import os
from pathlib import Path
import re
from typing import Optional

import cv2
import numpy as np

from yolo_heatmap_ros.errors import SourceError
from yolo_heatmap_ros.media.bags import Bag, is_bag
from yolo_heatmap_ros.media.source import Source

IMAGE_SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff', '.webp')
MAX_SPACING = 10.0
"""Longest plausible interval between video frames in s; longer ones are ignored."""
_INDEX = re.compile('[0-9]{1,3}')


def without_credentials(url: str) -> str:
    """
    Return a URL without user, password and query, where cameras take passwords too, for messages.

    Everything up to the last @ is removed, since a password may contain a slash or an @: losing
    the host is better than logging a secret.
    """
    return re.sub(r'(\w+://)(?:.*@)?([^?]*)(\?.*)?', lambda found: (
        found[1] + found[2] + ('?…' if found[3] else '')), url, flags=re.DOTALL)


class VideoFile(Source):
    """A file that OpenCV can decode, also one of a variable frame rate."""

    def __init__(self, path: str):
        """Open a path or URL; raises SourceError where it holds no frame."""
        self._path = path
        self._open()
        self.rate = self._capture.get(cv2.CAP_PROP_FPS)
        if not 0.1 <= self.rate <= 1000.0:
            self.rate = 25.0
        self.total = max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        if not self._any:
            raise SourceError(f"'{without_credentials(path)}': not a video or image that OpenCV "
                              'can decode; check the file, or convert it to H.264 in MP4')

    def _open(self) -> None:
        self._capture = cv2.VideoCapture(self._path)
        self._spacing = math.nan
        self._any = self._capture.grab()

    @property
    def spacing(self) -> Optional[float]:
        """Return the seconds from the last frame to the next, None where the file lacks them."""
        return self._spacing if 0.0 < self._spacing <= MAX_SPACING else None

    def read(self) -> Optional[np.ndarray]:
        """Return the next frame, or None at the end of the file."""
        usable, frame = self._capture.retrieve() if self._any else (False, None)
        self.skip()
        return frame if usable else None

    def skip(self) -> bool:
        """Pass over one frame without converting it."""
        # Decode one frame ahead: only then is its timestamp known.
        if not self._any:
            return False
        before = self._capture.get(cv2.CAP_PROP_POS_MSEC)
        self._any = self._capture.grab()
        self._spacing = (self._capture.get(cv2.CAP_PROP_POS_MSEC) - before) / 1000.0
        return True

    def rewind(self) -> bool:
        """Reopen the file, which is exact where seeking is not."""
        self.close()
        self._open()
        return self._any

    def close(self) -> None:
        """Release the decoder."""
        self._capture.release()


class Images(Source):
    """A single image, repeated, or the images of a folder, sorted by name."""

    def __init__(self, path: Path):
        """List the images; raises SourceError where none can be decoded."""
        self._folder = path
        self._still: Optional[np.ndarray] = None
        if path.is_dir():
            self.rewind()
            if not self.total:
                raise SourceError(f"'{path}': no image in this folder "
                                  f"({', '.join(IMAGE_SUFFIXES)})")
        else:
            self._still = cv2.imread(str(path))
            if self._still is None:
                raise SourceError(f"'{path}': not an image that OpenCV can decode")

    def read(self) -> Optional[np.ndarray]:
        """Return the next image; files that cannot be decoded are passed over."""
        if self._still is not None:
            return self._still
        for path in self._rest:
            frame = cv2.imread(str(path))
            if frame is not None:
                return frame
            self.unusable += 1
        return None

    def skip(self) -> bool:
        """Pass over one image without decoding it."""
        return self._still is not None or next(self._rest, None) is not None

    def rewind(self) -> bool:
        """Start over with the images that are in the folder now."""
        if self._still is None:
            there = self._folder.iterdir() if self._folder.is_dir() else ()
            paths = sorted(path for path in there if path.suffix.lower() in IMAGE_SUFFIXES)
            self.total, self._rest = len(paths), iter(paths)
        return True


class Live(Source):
    """A camera or stream, which delivers frames at its own pace."""

    rate = 0.0
    live = True

    def __init__(self, name: str):
        """Open it; raises SourceError where that fails."""
        self._name = name
        self._open()
        if not self._capture.isOpened():
            what = ('cannot be opened; check the address and the network' if '://' in name else
                    'no such camera; see /dev/video*')
            raise SourceError(f"'{without_credentials(name)}': {what}")

    def _open(self) -> None:
        self._capture = cv2.VideoCapture(int(self._name) if _INDEX.fullmatch(self._name)
                                         else self._name)

    @property
    def ends(self) -> bool:
        """Return whether the URL is a finite video rather than a live stream."""
        return self._capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0

    def read(self) -> Optional[np.ndarray]:
        """Return the next frame, or None while there is no connection."""
        usable, frame = self._capture.read()
        return frame if usable else None

    def rewind(self) -> bool:
        """Connect again."""
        self.close()
        self._open()
        return self._capture.isOpened()

    def close(self) -> None:
        """Release the device or connection."""
        self._capture.release()


def open_source(source: str, topic: str = '') -> Source:
    """
    Open a file, an image, a folder, a camera (index or /dev/video*), a URL or a recording.

    A recording is the folder of a rosbag2 recording, or the file in it; `topic` is its topic of
    images, where empty its first one.  Other sources have no topics.  Raises SourceError, one
    line, where the source cannot be opened or decoded.
    """
    source = source.strip()
    path = Path(os.path.expanduser(source))
    if source and '://' not in source and is_bag(path):
        return Bag(path, topic)
    if _INDEX.fullmatch(source) or source.startswith('/dev/video') or '://' in source:
        stream = Live(source)
        if '://' not in source or not stream.ends:
            return stream
        stream.close()
        return VideoFile(source)
    if not source or not os.path.exists(path):
        raise SourceError(f"'{source}': no such file or folder; give a video, an image, a folder "
                          'of images, a camera index or a URL')
    if path.is_dir() or path.suffix.lower() in IMAGE_SUFFIXES:
        return Images(path)
    return VideoFile(str(path))
