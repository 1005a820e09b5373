"""Frames to a video file: H.264 if ffmpeg is installed, else what OpenCV can write."""

from pathlib import Path
import shutil
import subprocess
from typing import Optional

import cv2
import numpy as np

from yolo_heatmap_ros.errors import VideoError

OPENCV_CODECS = {'.mp4': 'mp4v', '.m4v': 'mp4v', '.mov': 'mp4v', '.avi': 'MJPG', '.mkv': 'mp4v'}
"""Codecs by the suffixes of files, of those that every build of OpenCV can write."""


class VideoWriter:
    """
    Writes one video; the first frame decides its size.  `codec` is what frames are coded with.

    Always call `close`, even after an interrupt: it makes the file playable.
    """

    def __init__(self, path: Path, rate: float):
        """Begin a file at `rate` Hz; raises VideoError for a suffix that is no video's."""
        if path.suffix.lower() not in OPENCV_CODECS:
            raise VideoError(f"'{path}': give a file that ends in one of "
                             f"{', '.join(OPENCV_CODECS)}")
        self._path = path
        self._rate = rate
        self._encoder: Optional[subprocess.Popen] = None
        self._writer: Optional[cv2.VideoWriter] = None
        self._shape = None
        self.codec = OPENCV_CODECS[path.suffix.lower()]

    def write(self, frame: np.ndarray) -> None:
        """Write a frame, (H, W, 3) uint8 BGR; raises VideoError where that fails."""
        if self._shape is None:
            self._shape = frame.shape
            self._open(*frame.shape[:2])
        if frame.shape != self._shape:
            frame = cv2.resize(frame, self._shape[1::-1])
        if self._encoder is None:
            self._writer.write(frame)
            return
        try:
            self._encoder.stdin.write(np.ascontiguousarray(frame).data)
        except BrokenPipeError as error:
            raise VideoError(self._why()) from error

    def _open(self, height: int, width: int) -> None:
        ffmpeg = shutil.which('ffmpeg')
        if ffmpeg and _has_h264(ffmpeg):
            self.codec = 'H.264'
            # Its own session: Ctrl-C in the terminal is for this process, which closes the file.
            self._encoder = subprocess.Popen(
                [ffmpeg, '-loglevel', 'error', '-y', '-f', 'rawvideo', '-pix_fmt', 'bgr24',
                 '-s', f'{width}x{height}', '-r', f'{self._rate:.6f}', '-i', 'pipe:0',
                 # Players want even sizes and this pixel format.
                 '-vf', 'pad=ceil(iw/2)*2:ceil(ih/2)*2', '-c:v', 'libx264', '-preset', 'veryfast',
                 '-crf', '20', '-pix_fmt', 'yuv420p', '--', str(self._path)],
                stdin=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
            return
        self._writer = cv2.VideoWriter(
            str(self._path), cv2.VideoWriter_fourcc(*self.codec), self._rate, (width, height))
        if not self._writer.isOpened():
            raise VideoError(f"'{self._path}': cannot be written; check the folder, its "
                             'permissions and the space on its disk')

    def _why(self) -> str:
        lines = self._encoder.stderr.read().decode(errors='replace').strip().splitlines()
        return f"'{self._path}': cannot be written ({lines[-1] if lines else 'ffmpeg has ended'})"

    def close(self) -> None:
        """End the file; raises VideoError where it could not be written."""
        if self._writer is not None:
            self._writer.release()
            self._writer = None
        if self._encoder is not None:
            encoder = self._encoder
            try:
                encoder.stdin.close()
            except BrokenPipeError:
                pass
            if encoder.wait():
                raise VideoError(self._why())
            encoder.stderr.close()
            self._encoder = None


def _has_h264(ffmpeg: str) -> bool:
    encoders = subprocess.run([ffmpeg, '-hide_banner', '-encoders'], capture_output=True,
                              text=True).stdout
    return ' libx264 ' in encoders
