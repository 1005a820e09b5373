"""Opens a video, an image, a folder or pattern of them, a camera, a stream or a recording."""

from glob import glob
import os
from pathlib import Path
import re
from typing import List, Optional, Sequence, Tuple

import cv2
import numpy as np

from yolo_heatmap_ros.errors import SourceError
from yolo_heatmap_ros.media.bags import Bag, is_bag, SUFFIXES as RECORDING_SUFFIXES
from yolo_heatmap_ros.media.chain import Chain
from yolo_heatmap_ros.media.image_files import IMAGE_SUFFIXES, Images, naturally, open_image
from yolo_heatmap_ros.media.source import Source, without_credentials
from yolo_heatmap_ros.media.video_file import open_video

VIDEO_SUFFIXES = ('.3gp', '.avi', '.flv', '.gif', '.h264', '.h265', '.hevc', '.m2ts', '.m4v',
                  '.mjpeg', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.mts', '.ogv', '.ts',
                  '.webm', '.wmv')
"""Files that are played if they are alone in a folder."""
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


def open_source(source: str, topic: str = '', value_range: Sequence[float] = ()) -> Source:
    """
    Open a file, folder, pattern of names, camera (index or /dev/video*), URL or recording.

    A recording is the folder of a rosbag2 recording, or a file of one; `topic` is its topic of
    images, where empty its first one.  Other sources have no topics.  `value_range`, (lowest,
    highest), is that of depth images, and of images with 16 bits.  Raises SourceError, one line,
    where the source cannot be opened or decoded.
    """
    source = source.strip()
    path = Path(os.path.expanduser(source))
    if source and '://' not in source and is_bag(path) and os.path.exists(path):
        return Bag(path, topic, value_range)
    if _INDEX.fullmatch(source) or source.startswith('/dev/video') or '://' in source:
        stream = Live(source)
        if '://' not in source or not stream.ends:
            return stream
        stream.close()
        return open_video(source)
    if not source or not os.path.exists(path):
        matching = [Path(name) for name in glob(str(path), recursive=True)] if source else []
        if not matching:
            raise SourceError(f"'{source}': no such file or folder; give a video, an image, a "
                              'folder of images, a camera index or a URL')
        return _open_several(sorted(matching, key=naturally), topic, value_range)
    if path.is_dir():
        videos = sorted((one for one in path.iterdir() if one.suffix.lower() in VIDEO_SUFFIXES),
                        key=naturally)
        if videos and not any(one.suffix.lower() in IMAGE_SUFFIXES for one in path.iterdir()):
            return _open_several(videos, topic, value_range)
        recorded = sorted((one for one in path.iterdir() if one.suffix in RECORDING_SUFFIXES),
                          key=naturally)
        if recorded:  # whose metadata.yaml was never written, as of a process that was killed
            return _open_several(recorded, topic, value_range)
        return Images(path, value_range=value_range)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return open_image(path, value_range)
    return open_video(str(path))


def open_sources(sources: List[str], topic: str = '',
                 value_range: Sequence[float] = ()) -> Source:
    """Open one or several sources, to be played one after the other; see `open_source`."""
    if len(sources) == 1:
        return open_source(sources[0], topic, value_range)
    return _open_several([Path(source) for source in sources], topic, value_range)


def _open_several(paths: List[Path], topic: str, value_range: Sequence[float]) -> Source:
    if all(path.suffix.lower() in IMAGE_SUFFIXES for path in paths):
        return Images(paths[0].parent, paths, value_range)

    if not topic and any(map(is_bag, paths)):
        topic, paths = _common_topic(paths)

    def open_part(path: Path) -> Source:
        part = open_source(str(path), topic, value_range)
        if part.live or part.still:
            part.close()
            raise SourceError(f"'{without_credentials(str(path))}': cannot be one of several "
                              'sources: only videos, recordings and folders have an end')
        return part
    return Chain(paths, open_part) if len(paths) > 1 else open_part(paths[0])


def _common_topic(paths: List[Path]) -> Tuple[str, List[Path]]:
    """Return the topic of the first recording with images, and the paths that have it, or none."""
    topic, playable, reason = '', [], None
    for path in paths:
        if not is_bag(path):
            playable.append(path)
            continue
        try:
            part = Bag(path, topic)
        except SourceError as error:  # a part without such images
            reason = error
            continue
        topic = part.topic
        playable.append(path)
        part.close()
    if not topic:
        raise reason
    return topic, playable
