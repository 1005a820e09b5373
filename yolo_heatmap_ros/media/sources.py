"""Frames from a video file, an image, a folder of images, a camera, a stream or a recording."""

import os
from pathlib import Path
import re
from typing import Optional

import cv2
import numpy as np

from yolo_heatmap_ros.errors import SourceError
from yolo_heatmap_ros.media.bags import Bag, is_bag
from yolo_heatmap_ros.media.image_files import IMAGE_SUFFIXES, Images, open_image
from yolo_heatmap_ros.media.source import Source, without_credentials
from yolo_heatmap_ros.media.video_file import open_video

_INDEX = re.compile('[0-9]{1,3}')


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
        return open_video(source)
    if not source or not os.path.exists(path):
        raise SourceError(f"'{source}': no such file or folder; give a video, an image, a folder "
                          'of images, a camera index or a URL')
    if path.is_dir():
        return Images(path)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return open_image(path)
    return open_video(str(path))
