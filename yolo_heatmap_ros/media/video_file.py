"""A video file or URL: frames at their own times, as the file has them."""

from datetime import datetime, timezone
from itertools import chain, dropwhile
import math
from typing import Iterable, Iterator, Mapping, Optional

import av
import cv2
import numpy as np

from yolo_heatmap_ros.errors import SourceError
from yolo_heatmap_ros.limits import EARLIEST
from yolo_heatmap_ros.media.source import ROUNDING, Source, without_credentials
from yolo_heatmap_ros.text import one_line

MAX_SPACING = 3600.0
"""Longest plausible interval between video frames in s; longer ones are ignored."""
DEFAULT_RATE = 25.0
"""Frames per second of files that do not say theirs."""
MAX_FAILURES = 1000
"""Failed attempts in a row, at a damaged place, after which the rest is given up."""
EARLIER = (0.0, 2.0, 20.0, 200.0)
"""Seconds by which to seek further back where a key frame is later than it should be."""
OPENCV_CODECS = ('h263', 'h263p', 'h261', 'flv1', 'msmpeg4v1', 'msmpeg4v2', 'msmpeg4v3',
                 'msmpeg4', 'wmv1', 'wmv2', 'rv10', 'rv20', 'mpeg1video', 'mpeg2video')
"""
Old codecs whose pixels depend, in their last digits, on the release of FFmpeg.

OpenCV decodes them, so that results are the same as with `cv2.VideoCapture`.
"""
_TURNS = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}


class VideoFile(Source):
    """
    Base of both file readers; decodes one frame ahead to know when it is due.

    `began` is the time of the first frame as the file has it, in s, NaN if it has none.
    """

    began: Optional[float]

    def __init__(self, path: str):
        """Open a path or URL; raises SourceError where it holds no frame."""
        self._path = path
        self._elapsed = self._next_elapsed = 0.0
        self._spacing: Optional[float] = None
        self._open()

    def _open(self) -> None:
        """Open the file at its first frame."""
        raise NotImplementedError

    def _advance(self) -> Optional[float]:
        """Decode the next frame; return its time in s, NaN if unknown, None at the end."""
        raise NotImplementedError

    @property
    def elapsed(self) -> float:
        """Return the seconds from the first frame to the last that was read or skipped."""
        return self._elapsed

    @property
    def coming(self) -> float:
        """Return the seconds from the first frame to the next to be read."""
        return self._next_elapsed

    @property
    def spacing(self) -> Optional[float]:
        """Return the seconds from the last frame to the next, None where the file lacks them."""
        return self._spacing

    def _start(self, rate: float, total: int) -> None:
        self.rate = rate if 0.1 <= rate <= 1000.0 else DEFAULT_RATE
        self.total = max(0, total)
        self._elapsed = self._next_elapsed = 0.0
        self._time = self.began = self._advance()
        if self._time is None:
            self.close()
            raise self._refused('no frame in it')

    def skip(self) -> bool:
        """Pass over one frame without converting it."""
        if self._time is None:
            return False
        before, self._time = self._time, self._advance()
        self._elapsed = self._next_elapsed
        self._spacing = None
        if self._time is not None:
            spacing = self._time - before
            self._spacing = spacing if 0.0 < spacing <= MAX_SPACING else None
            self._next_elapsed += self._spacing or 1.0 / self.rate
        return True

    def rewind(self) -> bool:
        """Reopen the file, which is exact where seeking is not."""
        self.close()
        self._open()
        return self._time is not None

    def seek(self, elapsed: float) -> bool:
        """
        Go on with the first frame at or after `elapsed` s; return False if there is none.

        By the times in the file: what it lacks, or where they jump, is not set right as in
        reading from the beginning.  Nothing before the last key frame is decoded.
        """
        if math.isnan(self.began) or not self._go_to(self.began + elapsed - ROUNDING):
            return self.rewind() and self.skip_to(elapsed)
        self._spacing = None
        if self._time is None:
            return False
        self._next_elapsed = self._time - self.began
        return self.skip_to(elapsed)

    def _go_to(self, time: float) -> bool:
        """Decode the first frame of a key frame at or before a time, in s, if there is one."""
        raise NotImplementedError

    def _refused(self, why: str) -> SourceError:
        return SourceError(f"'{without_credentials(self._path)}': not a video or image that can "
                           f'be decoded ({why}); check the file, or convert it to H.264 in MP4')


def _creation_time(metadata: Mapping[str, str]) -> Optional[float]:
    """Return when a file says that it was recorded, in s since 1970 UTC; cameras say 1970 too."""
    try:
        when = datetime.fromisoformat(metadata['creation_time'].strip().replace('Z', '+00:00'))
    except (KeyError, ValueError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=timezone.utc)
    return when.timestamp() if when.timestamp() >= EARLIEST else None


class FfmpegVideo(VideoFile):
    """A file that FFmpeg decodes, through PyAV: its times, rotation and resolutions are known."""

    def _open(self) -> None:
        try:
            self._container = av.open(self._path)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._refused(one_line(getattr(error, 'strerror', None) or error)) from error
        stream = next((one for one in self._container.streams.video if one.codec_context), None)
        if stream is None:
            self.close()
            raise self._refused('no video in it, or in a codec that this FFmpeg does not have')
        self.origin = _creation_time(self._container.metadata)
        stream.thread_type = 'AUTO'
        self._stream, self.codec = stream, stream.codec_context.name
        self._frame: Optional[av.VideoFrame] = None
        self._frames = self._decoded()
        rate, total = float(stream.average_rate or stream.guessed_rate or 0.0), stream.frames
        if not total and self._container.duration:
            total = round(self._container.duration / av.time_base * rate)
        self._start(rate, total)

    def _decoded(self, packets: Optional[Iterable[av.Packet]] = None) -> Iterator[av.VideoFrame]:
        """Yield the frames of the file, or of `packets` and after, past its damaged places."""
        failures = 0
        packets = iter(packets or self._container.demux(self._stream))
        while failures < MAX_FAILURES:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                frames = packet.decode()
            except (av.FFmpegError, OSError, ValueError):
                failures += 1
                self.unusable += 1
                packets = self._container.demux(self._stream)
                continue
            if frames:
                failures = 0
            yield from frames

    def _advance(self) -> Optional[float]:
        self._frame = next(self._frames, None)
        if self._frame is None:
            return None
        return math.nan if self._frame.time is None else self._frame.time

    def _go_to(self, time: float) -> bool:
        unit = float(self._stream.time_base)
        for earlier in EARLIER:
            if time - earlier <= self.began:
                return False
            try:
                self._container.seek(int((time - earlier) / unit), stream=self._stream)
                # Some formats are cut anywhere, and by the order of decoding.
                packets = dropwhile(lambda packet: not packet.is_keyframe,
                                    self._container.demux(self._stream))
                key = next(packets, None)
            except (av.FFmpegError, OSError, ValueError):
                return False
            if key is not None and key.pts is not None and key.pts * unit <= time:
                self._frames = self._decoded(chain([key], packets))
                self._time = self._advance()
                return True
        return False

    def read(self) -> Optional[np.ndarray]:
        """Return the next frame, turned as its file says, or None at the end of the file."""
        frame = self._frame
        if not self.skip():
            return None
        turn = _TURNS.get(getattr(frame, 'rotation', 0) % 360)
        picture = frame.to_ndarray(format='bgr24')
        return picture if turn is None else cv2.rotate(picture, turn)

    def close(self) -> None:
        """Release the decoder."""
        self._container.close()


class OpenCvVideo(VideoFile):
    """A file that OpenCV decodes."""

    def _open(self) -> None:
        self._capture = cv2.VideoCapture(self._path)
        self._start(self._capture.get(cv2.CAP_PROP_FPS),
                    int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))

    def _advance(self) -> Optional[float]:
        for _ in range(MAX_FAILURES):
            position = self._capture.get(cv2.CAP_PROP_POS_FRAMES)
            if self._capture.grab():
                return self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
            if self._capture.get(cv2.CAP_PROP_POS_FRAMES) <= position:
                return None
            self.unusable += 1
        return None

    def _go_to(self, time: float) -> bool:
        number = round((time + ROUNDING - self.began) * self.rate)
        if not 0 < number < self.total or not self._capture.set(cv2.CAP_PROP_POS_FRAMES, number):
            return False
        self._time = self._advance()
        return self._time is not None and self._time >= time

    def read(self) -> Optional[np.ndarray]:
        """Return the next frame, or None at the end of the file."""
        while self._time is not None:
            usable, frame = self._capture.retrieve()
            self.skip()
            if usable:
                return frame
            self.unusable += 1
        return None

    def close(self) -> None:
        """Release the decoder."""
        self._capture.release()


def open_video(path: str) -> VideoFile:
    """Open a video file or URL; raises SourceError, one line, where it cannot be decoded."""
    video = FfmpegVideo(path)
    if video.codec not in OPENCV_CODECS:
        return video
    video.close()
    old = OpenCvVideo(path)
    old.origin = video.origin
    return old
