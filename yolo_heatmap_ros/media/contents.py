"""What a video or recording holds, found without decoding it: its length, where it can be cut."""

from dataclasses import dataclass
import math
from pathlib import Path
from typing import Callable, List, Optional, Sequence, Tuple

import av

from yolo_heatmap_ros.content_hash import sha256_of
from yolo_heatmap_ros.errors import SourceError
from yolo_heatmap_ros.limits import EARLIEST
from yolo_heatmap_ros.media.bags import Bag
from yolo_heatmap_ros.media.source import Source, STILL_RATE, without_credentials
from yolo_heatmap_ros.media.sources import open_source
from yolo_heatmap_ros.media.video_file import MAX_SPACING, VideoFile

SHORTEST = 0.25
"""A rest that is shorter than this share of a segment belongs to the segment before."""
LATEST = 0.5
"""A cut waits for a key frame for at most this share of a segment."""


@dataclass(frozen=True)
class Contents:
    """
    A recording.

    `sha256` of its file, or folder, in hex.  `end`, in s, is the end of the last frame; the first
    one is at 0.  `spacing` is the usual time between frames in s.  `cuts`, in s, are where it may
    be cut: none where its times do not allow to begin there.  `origin` is the time of the first
    frame in s since 1970 UTC, None where it does not say that.  `topic` is that of a rosbag2
    recording, of all its `topics` with images.
    """

    sha256: str
    end: float
    spacing: float
    cuts: Tuple[float, ...] = ()
    origin: Optional[float] = None
    topic: str = ''
    topics: Tuple[str, ...] = ()


def contents_of(path: str, topic: str, segment: float,
                alive: Callable[[], None] = lambda: None) -> Contents:
    """
    Return what a video or rosbag2 recording holds, to be cut about every `segment` s.

    `alive` is called now and then while it is read.  Raises SourceError, one line, where it cannot
    be opened or has no frame.
    """
    source = open_source(path, topic)
    try:
        if source.live or source.still:
            raise SourceError(f"'{without_credentials(path)}': not a recording; give videos, "
                              'rosbag2 recordings, or folders of them')
        spacing = 1.0 / (source.rate or source.mean_rate or STILL_RATE)
        keys: Optional[List[float]] = []
        if isinstance(source, VideoFile):
            end, keys = _packets(path, source, alive)
        elif isinstance(source, Bag):
            end = source.last()
        else:
            end = source.total * spacing - spacing
            keys = None
        if math.isnan(end):
            end = _played(source, alive)
        end += spacing
        cuts = () if keys is None else tuple(cuts_of(end, keys, segment))
        origin = source.origin
        if origin is not None and origin < EARLIEST:
            origin = None  # of a simulation, or of a clock that was never set
        return Contents(_hash(path, alive), end, spacing, cuts, origin, source.topic,
                        tuple(source.topics))
    finally:
        source.close()


def _hash(path: str, alive: Callable[[], None]) -> str:
    try:
        return sha256_of(Path(path), alive)
    except OSError as error:
        raise SourceError(f"'{path}': cannot be read: {error.strerror or error}") from error


def _played(source: Source, alive: Callable[[], None]) -> float:
    """Return the time of the last frame, in s, of a file that has to be played for that."""
    while source.skip():
        alive()
    return source.elapsed


def _packets(path: str, source: VideoFile,
             alive: Callable[[], None]) -> Tuple[float, Optional[List[float]]]:
    """
    Return the time of a video's last frame, in s, NaN if unknown, and those of its key frames.

    No key frames (None) where times are missing or jump, so that it must be read in one go.
    """
    times: List[float] = []
    keys: List[float] = []
    try:
        with av.open(path) as container:
            stream = container.streams.video[0]
            for packet in container.demux(stream):
                alive()
                if not packet.size:
                    continue  # the end
                if packet.pts is None:
                    return math.nan, None
                time = float(packet.pts * stream.time_base) - source.began
                times.append(time)
                if packet.is_keyframe:
                    keys.append(time)
    except (av.FFmpegError, OSError, ValueError, IndexError):
        return math.nan, None  # a damaged file: reading passes over such places
    times.sort()
    spacings = [after - before for before, after in zip(times, times[1:])]
    if not times or math.isnan(source.began) or not all(
            0.0 < spacing <= MAX_SPACING for spacing in spacings):
        return math.nan, None
    return times[-1], sorted(keys)


def cuts_of(end: float, key_frames: Sequence[float], segment: float) -> List[float]:
    """
    Return where to cut a recording of `end` s about every `segment` s, in s.

    At the first key frame from there on, unless that is far: what comes after a cut is decoded
    from the key frame before it.
    """
    cuts: List[float] = []
    wanted = segment
    remaining = iter([*key_frames, math.inf])
    key = next(remaining)
    while wanted <= end - SHORTEST * segment:
        while key < wanted:
            key = next(remaining)
        cut = key if key <= min(wanted + LATEST * segment, end - SHORTEST * segment) else wanted
        cuts.append(cut)
        wanted = cut + segment
    return cuts
