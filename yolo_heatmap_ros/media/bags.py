"""The images of a rosbag2 recording, read by rosbags, which needs no ROS installation."""

from itertools import islice
import os
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from yolo_heatmap_ros.errors import ImageError, SourceError
from yolo_heatmap_ros.media.compressed_images import decode_compressed, unpack
from yolo_heatmap_ros.media.raw_images import decode_raw, MEASUREMENTS, RawImage
from yolo_heatmap_ros.media.source import Header, ROUNDING, Source
from yolo_heatmap_ros.text import one_line

IMAGE, COMPRESSED = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'
SUFFIXES = ('.db3', '.mcap')
DEPTH_SUFFIX = '/compressedDepth'
"""Ending of topics whose messages are no pictures, although their type says so."""
MEASURED = 100
"""Messages at the beginning of a recording that tell its rate."""


def is_bag(path: Path) -> bool:
    """Return whether a path is the folder of a recording, or a file of one."""
    return os.path.isfile(path / 'metadata.yaml') or path.suffix in SUFFIXES


class Bag(Source):
    """
    One image topic of a recording.

    `header` is that of the last frame's message; `original` is that message's content where it
    is a depth image, which loses by becoming a picture.  `unusable` counts messages that hold no
    picture; they are passed over.
    """

    def __init__(self, path: Path, topic: str = '', value_range: Sequence[float] = ()):
        """
        Open a recording (sqlite3 or mcap): its folder, or one of the files in it alone.

        An empty `topic` means the first one with images; `value_range` is that of depth images,
        see `decode_raw`.  Raises SourceError where the recording cannot be read, or has no such
        images.
        """
        try:
            from rosbags.highlevel import AnyReader
            from rosbags.typesys import get_typestore, Stores
        except ImportError as error:
            raise SourceError(f"'{path}': reading a recording needs the package rosbags: 'pip "
                              "install rosbags'") from error
        if not os.path.exists(path):
            raise SourceError(f"'{path}': no such file; give the folder of a recording, or a file "
                              'in it')
        try:
            self._reader = AnyReader([path], default_typestore=get_typestore(Stores.LATEST))
            self._reader.open()
        except Exception as error:  # rosbags', and those of SQLite, MCAP, YAML, Zstandard
            raise SourceError(f"'{path}': not a recording that can be read "
                              f'({one_line(error)})') from error
        self._path = path
        self._value_range = value_range
        images = [one for one in self._reader.connections if one.msgtype in (IMAGE, COMPRESSED)]
        try:
            self.topic = _chosen(images, topic)
        except SourceError as error:
            self._reader.close()
            raise SourceError(f"'{path}': {error}") from error
        self.topics = sorted({one.topic for one in images})
        self._connections = [one for one in images if one.topic == self.topic]
        self.total = sum(one.msgcount for one in self._connections)
        self.rate = 0.0
        self.header = Header(0, 0, '')
        self.original: Optional[RawImage] = None
        self.rewind()
        self._first = 0 if self._next is None else self._next[1]
        self.begin = self.origin = self._first * 1e-9
        self.mean_rate = self._measured_rate()

    def _measured_rate(self) -> float:
        """Return the average rate in Hz at the beginning, 0 where it cannot be told."""
        try:
            times = [time for _, time, _ in islice(
                self._reader.messages(connections=self._connections), MEASURED)]
        except Exception:  # of SQLite, MCAP or Zstandard: told when the damaged part is read
            return 0.0
        if len(times) < 2 or times[-1] <= times[0]:
            return 0.0
        return (len(times) - 1) / ((times[-1] - times[0]) * 1e-9)

    def last(self) -> float:
        """Return the seconds from the first image to the last one, or to the end if unknown."""
        end, back = self._reader.end_time, int(1e9)
        try:
            while True:
                begin = max(self._first, end - back)
                times = [time for _, time, _ in self._reader.messages(
                    connections=self._connections, start=begin)]
                if times or begin <= self._first:
                    break
                back *= 8
        except Exception:  # of SQLite, MCAP or Zstandard: told when the damaged part is read
            times = [end]
        return max(0, max(times, default=self._first) - self._first) * 1e-9

    @property
    def elapsed(self) -> float:
        """Return the seconds from the first frame to the last that was read, as recorded."""
        return (self._time - self._first) * 1e-9

    @property
    def coming(self) -> float:
        """Return the seconds from the first frame to the next to be read, as recorded."""
        return ((self._time if self._next is None else self._next[1]) - self._first) * 1e-9

    @property
    def spacing(self) -> Optional[float]:
        """Return the seconds from the last frame to the next, as they were recorded."""
        if self._next is None:
            return None
        return max(0.0, (self._next[1] - self._time) * 1e-9)

    def read(self) -> Optional[np.ndarray]:
        """Return the next frame, or None at the end; raises SourceError for damaged files."""
        while self._next is not None:
            connection, self._time, raw = self._next
            self._advance()
            try:
                message = self._reader.deserialize(raw, connection.msgtype)
            except Exception:  # rosbags raises many types for damaged bytes
                self.unusable += 1
                continue
            stamp = message.header.stamp
            self.header = Header(stamp.sec, stamp.nanosec, message.header.frame_id)
            try:
                return self._decoded(message, connection.msgtype)
            except ImageError:
                self.unusable += 1
        return None

    def skip(self) -> bool:
        """Pass over one frame without decoding it."""
        if self._next is None:
            return False
        self._time = self._next[1]
        self._advance()
        return True

    def _decoded(self, message: Any, kind: str) -> np.ndarray:
        """Return the picture of a message, (H, W, 3) uint8 BGR; raises ImageError."""
        self.original = None
        if kind == COMPRESSED:
            original = unpack(message.data, message.format)
            if original is None:
                return decode_compressed(message.data, message.format)
        else:
            original = RawImage(message.data, message.height, message.width, message.step,
                                message.encoding, bool(message.is_bigendian))
        frame = decode_raw(*original, value_range=self._value_range)
        if original.encoding in MEASUREMENTS:
            self.original = original
        return frame

    def _advance(self) -> None:
        try:
            self._next = next(self._messages, None)
        except Exception as error:  # of SQLite, MCAP or Zstandard
            raise SourceError(f"'{self._path}': the recording is damaged "
                              f"({one_line(error)}); 'ros2 bag convert' may save the "
                              'rest') from error

    def seek(self, elapsed: float) -> bool:
        """Go on with the first image at or after `elapsed` s; return False if there is none."""
        self._messages.close()
        self._messages = self._reader.messages(
            connections=self._connections, start=self._first + int((elapsed - ROUNDING) * 1e9))
        self._advance()
        return self._next is not None

    def rewind(self) -> bool:
        """Begin with the first image again."""
        self._messages = self._reader.messages(connections=self._connections)
        self._time = 0
        self._advance()
        return self._next is not None

    def close(self) -> None:
        """Close the recording."""
        self._messages.close()
        self._reader.close()


def _chosen(images: List[Any], wanted: str) -> str:
    """Return the topic to play; raises SourceError where there is none."""
    if not images:
        raise SourceError(f"no images on '{wanted or 'any topic'}'; it has no images at all")
    counts: Dict[str, int] = {}
    for one in images:
        counts[one.topic] = counts.get(one.topic, 0) + one.msgcount
    described = ', '.join(f'{topic} ({count} messages'
                          + (', a format of its own)' if topic.endswith(DEPTH_SUFFIX) else ')')
                          for topic, count in sorted(counts.items()))
    if wanted:
        if not counts.get(wanted):
            raise SourceError(f"no images on '{wanted}'; it has {described}")
        return wanted
    for one in images:
        if counts[one.topic] and not one.topic.endswith(DEPTH_SUFFIX):
            return one.topic
    raise SourceError(f'no topic with images that can be played; it has {described}')
