"""A single image, an animated one or one of several pages, or a folder of images."""

from contextlib import suppress
from pathlib import Path
import re
from typing import List, Optional, Tuple, Union

import cv2
import numpy as np
from PIL import Image

from yolo_heatmap_ros.errors import SourceError
from yolo_heatmap_ros.media.source import Source, STILL_RATE
from yolo_heatmap_ros.text import one_line

IMAGE_SUFFIXES = ('.apng', '.avif', '.bmp', '.heic', '.heif', '.jpeg', '.jpg', '.png', '.ppm',
                  '.tif', '.tiff', '.webp')
_MANY_PICTURES = ('.apng', '.png', '.tif', '.tiff', '.webp')
_PILLOW_ONLY = ('.avif', '.heic', '.heif')
# Ultralytics changes Pillow so that what it does not know asks for a further package.
_PILLOW_ERRORS = (OSError, ValueError, SyntaxError, ImportError, Image.DecompressionBombError)
_NUMBER = re.compile('([0-9]+)')


def naturally(path: Path) -> Tuple[Union[int, str], ...]:
    """Return a key that sorts names as people count: `frame2` before `frame10`."""
    parts = _NUMBER.split(path.name)
    # Text and numbers alternate, so that keys can be compared; the name decides between 1 and 01.
    return (*(int(part) if index % 2 else part.casefold() for index, part in enumerate(parts)),
            path.name)


class Images(Source):
    """A single image, repeated, or several: those of a folder, in natural order, or a list."""

    def __init__(self, path: Path, listed: Optional[List[Path]] = None):
        """Take an image or folder, or `listed` images; raises SourceError where there is none."""
        self._folder = path
        self._listed = listed
        self._passed = 0
        self._still: Optional[np.ndarray] = None
        if path.is_dir() or listed:
            self.rewind()
            if not self.total:
                raise SourceError(f"'{path}': no image in this folder "
                                  f"({', '.join(IMAGE_SUFFIXES)})")
        else:
            self.still = True
            self._still = read_image(path)
            if self._still is None:
                raise SourceError(f"'{path}': not an image that can be decoded; check the file, "
                                  'or convert it to PNG or JPEG')

    @property
    def elapsed(self) -> float:
        """Return the seconds from the first image to the last that was read or skipped."""
        return max(0, self._passed - 1) / self.rate

    @property
    def coming(self) -> float:
        """Return the seconds from the first image to the next to be read."""
        return self._passed / self.rate

    def read(self) -> Optional[np.ndarray]:
        """Return the next image; files that cannot be decoded are passed over."""
        if self._still is not None:
            self._passed += 1
            return self._still
        for path in self._rest:
            self._passed += 1
            frame = read_image(path)
            if frame is not None:
                return frame
            self.unusable += 1
        return None

    def skip(self) -> bool:
        """Pass over one image without decoding it."""
        self._passed += 1
        return self._still is not None or next(self._rest, None) is not None

    def rewind(self) -> bool:
        """Start over with the images that are in the folder now."""
        self._passed = 0
        if self._still is None:
            there = self._folder.iterdir() if self._folder.is_dir() else ()
            paths = self._listed or sorted(
                (path for path in there if path.suffix.lower() in IMAGE_SUFFIXES), key=naturally)
            self.total, self._rest = len(paths), iter(paths)
        return True


class Animation(Source):
    """An animated image (WebP, PNG), or one of several pages (TIFF)."""

    def __init__(self, path: Path):
        """Open the file; raises SourceError where it holds no picture."""
        self._path = path
        try:
            self._image = Image.open(path)
            self.total = self._image.n_frames
        except (AttributeError, *_PILLOW_ERRORS) as error:
            raise SourceError(f"'{path}': not an image that can be decoded "
                              f'({one_line(error)})') from error
        self.rewind()
        self.rate = 0.0
        self.mean_rate = STILL_RATE

    @property
    def elapsed(self) -> float:
        """Return the seconds from the first picture to the last that was read or skipped."""
        return self._elapsed

    @property
    def coming(self) -> float:
        """Return the seconds from the first picture to the next to be read."""
        return self._coming

    @property
    def spacing(self) -> Optional[float]:
        """Return for how many seconds the last picture is to be shown."""
        return self._coming - self._elapsed

    def read(self) -> Optional[np.ndarray]:
        """Return the next picture; those that cannot be decoded are passed over."""
        while self._number < self.total:
            self._elapsed = self._coming
            try:
                self._image.seek(self._number)
                picture = np.asarray(self._image.convert('RGB'))
                duration = self._image.info.get('duration', 0) / 1000.0
            except (EOFError, *_PILLOW_ERRORS):
                picture, duration = None, 0.0
                self.unusable += 1
            self._number += 1
            self._coming += duration or 1.0 / STILL_RATE
            if picture is not None:
                return np.ascontiguousarray(picture[:, :, ::-1])
        return None

    def rewind(self) -> bool:
        """Begin with the first picture again."""
        self._number, self._elapsed, self._coming = 0, 0.0, 0.0
        return True

    def close(self) -> None:
        """Close the file."""
        self._image.close()


def read_image(path: Path) -> Optional[np.ndarray]:
    """Return an image, (H, W, 3) uint8 BGR, or None if it cannot be decoded."""
    if path.suffix.lower() not in _PILLOW_ONLY:
        return cv2.imread(str(path))
    try:
        with Image.open(path) as image:
            return np.ascontiguousarray(np.asarray(image.convert('RGB'))[:, :, ::-1])
    except _PILLOW_ERRORS:
        return None


def open_image(path: Path) -> Source:
    """Open an image file; raises SourceError, one line, where it cannot be decoded."""
    pictures = 1
    if path.suffix.lower() in _MANY_PICTURES:
        # What Pillow does not know, OpenCV may.
        with suppress(*_PILLOW_ERRORS), Image.open(path) as image:
            pictures = getattr(image, 'n_frames', 1)
    return Animation(path) if pictures > 1 else Images(path)
