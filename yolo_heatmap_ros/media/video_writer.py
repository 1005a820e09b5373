"""Frames to a video file, each at its own time."""

from fractions import Fraction
from pathlib import Path
from typing import Optional

import av
import cv2
import numpy as np

from yolo_heatmap_ros.errors import VideoError
from yolo_heatmap_ros.text import one_line

VIDEO_SUFFIXES = ('.mp4', '.m4v', '.mov', '.avi', '.mkv')
CODECS = {'libx264': 'H.264', 'mpeg4': 'MPEG-4'}
"""Names of the encoders that are tried, in order, by FFmpeg's names for them."""
CLOCK = 90_000
"""Ticks per second of the frames' times, as is usual for video."""
_OPTIONS = {'libx264': {'preset': 'veryfast', 'crf': '20'}, 'mpeg4': {'qmin': '2', 'qmax': '5'}}


class VideoWriter:
    """
    Writes one video; the first frame decides its size.  `codec` is what frames are coded with.

    Always call `close`, even after an interrupt: it makes the file playable.
    """

    def __init__(self, path: Path, rate: float):
        """Begin a file at about `rate` Hz; raises VideoError for a suffix that is no video's."""
        if path.suffix.lower() not in VIDEO_SUFFIXES:
            raise VideoError(f"'{path}': give a file that ends in one of "
                             f"{', '.join(VIDEO_SUFFIXES)}")
        self._path = path
        self._rate = Fraction(rate).limit_denominator(1000)
        # An AVI has no times, only a rate.
        self._ticks = self._rate if path.suffix.lower() == '.avi' else Fraction(CLOCK)
        self._container: Optional[av.container.OutputContainer] = None
        self._shape = None
        self._last_tick = -1
        self.codec = ''

    def write(self, frame: np.ndarray, time: float) -> None:
        """
        Write a frame, (H, W, 3) uint8 BGR, to be shown at `time`, in s from the first one.

        Raises VideoError where that fails.
        """
        try:
            if self._shape is None:
                self._shape = frame.shape
                self._open(*frame.shape[:2])
            height, width = self._shape[:2]
            # Players want even sizes.
            frame = cv2.copyMakeBorder(frame, 0, height % 2, 0, width % 2, cv2.BORDER_CONSTANT)
            picture = av.VideoFrame.from_ndarray(frame, format='bgr24')
            self._last_tick = max(self._last_tick + 1, round(time * self._ticks))
            picture.pts, picture.time_base = self._last_tick, 1 / self._ticks
            self._container.mux(self._stream.encode(picture))
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._failed(error) from error

    def _open(self, height: int, width: int) -> None:
        self._container = av.open(str(self._path), 'w')
        encoder = next(name for name in CODECS if name in av.codecs_available)
        self.codec = CODECS[encoder]
        self._stream = self._container.add_stream(encoder, rate=self._rate,
                                                  options=_OPTIONS[encoder])
        self._stream.width, self._stream.height = width + width % 2, height + height % 2
        self._stream.pix_fmt = 'yuv420p'
        self._stream.codec_context.time_base = 1 / self._ticks

    def _failed(self, error: Exception) -> VideoError:
        why = getattr(error, 'strerror', None) or one_line(error)
        return VideoError(f"'{self._path}': cannot be written ({why}); check the folder, its "
                          'permissions and the space on its disk')

    def close(self) -> None:
        """End the file; raises VideoError where it could not be written."""
        if self._container is None:
            return
        container, self._container = self._container, None
        try:
            container.mux(self._stream.encode(None))
            container.close()
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._failed(error) from error
