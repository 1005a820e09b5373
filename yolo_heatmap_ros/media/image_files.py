"""A single image, an animated one or one of several pages, or a folder of images."""

from contextlib import suppress
from importlib import import_module
from pathlib import Path
import re
from typing import List, Optional, Sequence, Tuple, Union

import cv2
import numpy as np
from PIL import Image

from yolo_heatmap_ros.errors import SourceError
from yolo_heatmap_ros.media.source import Source, STILL_RATE
from yolo_heatmap_ros.text import one_line

IMAGE_SUFFIXES = ('.apng', '.avif', '.bmp', '.heic', '.heif', '.jpeg', '.jpg', '.png', '.ppm',
                  '.tif', '.tiff', '.webp')
_MANY_PICTURES = ('.apng', '.png', '.tif', '.tiff', '.webp')
HEIC_SUFFIXES = ('.heic', '.heif')
_PILLOW_ONLY = ('.avif', *HEIC_SUFFIXES)
DARK = 65535 // 4
"""Largest value of an image with 16 bits that looks as if it used only 14 of them or fewer."""
# Ultralytics patches Pillow so that unknown formats raise ImportError for a missing plugin.
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

    def __init__(self, path: Path, listed: Optional[List[Path]] = None,
                 value_range: Sequence[float] = ()):
        """
        Take an image or folder, or `listed` images; raises SourceError where there is none.

        `value_range` is that of images with 16 bits, see `to_picture`.
        """
        self._folder = path
        self._value_range = value_range
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
            self._still = self._read(path)
            if self._still is None:
                needs = ("; HEIC needs the package pi-heif: 'pip install pi-heif'"
                         if path.suffix.lower() in HEIC_SUFFIXES and not _knows_heic() else
                         '; check the file, or convert it to PNG or JPEG')
                raise SourceError(f"'{path}': not an image that can be decoded{needs}")

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
            frame = self._read(path)
            if frame is not None:
                return frame
            self.unusable += 1
        return None

    def _read(self, path: Path) -> Optional[np.ndarray]:
        image = load_image(path)
        if image is None:
            return None
        self.advice = self.advice or dark(path, image, self._value_range)
        return to_picture(image, self._value_range)

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

    def __init__(self, path: Path, value_range: Sequence[float] = ()):
        """Open the file; raises SourceError where it holds no picture; see `to_picture`."""
        self._path = path
        self._value_range = value_range
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
                picture = self._picture()
                duration = self._image.info.get('duration', 0) / 1000.0
            except (EOFError, *_PILLOW_ERRORS):
                picture, duration = None, 0.0
                self.unusable += 1
            self._number += 1
            self._coming += duration or 1.0 / STILL_RATE
            if picture is not None:
                return picture
        return None

    def _picture(self) -> np.ndarray:
        if not self._image.mode.startswith('I;16'):
            return np.ascontiguousarray(np.asarray(self._image.convert('RGB'))[:, :, ::-1])
        values = np.asarray(self._image).astype(np.uint16)
        self.advice = self.advice or dark(self._path, values, self._value_range)
        return to_picture(np.repeat(values[:, :, None], 3, axis=2), self._value_range)

    def rewind(self) -> bool:
        """Begin with the first picture again."""
        self._number, self._elapsed, self._coming = 0, 0.0, 0.0
        return True

    def close(self) -> None:
        """Close the file."""
        self._image.close()


def load_image(path: Path) -> Optional[np.ndarray]:
    """Return an image, (H, W, 3) uint8 or uint16 BGR, or None if it cannot be decoded."""
    if path.suffix.lower() not in _PILLOW_ONLY:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
        # Floating point, as of HDR, has no range to map: OpenCV's own reduction.
        known = image is None or image.dtype in (np.uint8, np.uint16)
        return image if known else cv2.imread(str(path))
    if path.suffix.lower() in HEIC_SUFFIXES:
        _knows_heic()
    try:
        with Image.open(path) as image:
            return np.ascontiguousarray(np.asarray(image.convert('RGB'))[:, :, ::-1])
    except _PILLOW_ERRORS:
        return None


def dark(path: Path, image: np.ndarray, value_range: Sequence[float]) -> str:
    """Return what to say of an image whose 16 bits are not used up, else an empty text."""
    if image.dtype != np.uint16 or value_range or image.max() > DARK:
        return ''
    return (f"'{path}' has 16 bits, but no value above {image.max()}: the picture is dark; give a "
            f"value_range (--value-range), as '[0, {image.max()}]'")


def to_picture(image: np.ndarray, value_range: Sequence[float] = ()) -> np.ndarray:
    """
    Return an image, (H, W, 3) uint8 or uint16 BGR, as (H, W, 3) uint8 BGR.

    Of 16 bits, `value_range`, (lowest, highest), is mapped to 0 to 255; where it is empty, all
    that 16 bits can hold is.
    """
    if image.dtype == np.uint8:
        return image
    low, high = value_range or (0.0, 65535.0)
    factor = 255.0 / (high - low)
    return np.clip(np.round((image.astype(np.float32) - low) * factor), 0, 255).astype(np.uint8)


def _knows_heic() -> bool:
    """Let Pillow read HEIC, if its plugin is installed; return whether it is."""
    for name in ('pi_heif', 'pillow_heif'):  # the second one can write, too
        try:
            import_module(name).register_heif_opener()
        except ImportError:
            continue
        return True
    return False


def open_image(path: Path, value_range: Sequence[float] = ()) -> Source:
    """
    Open an image file; `value_range` is that of images with 16 bits, see `to_picture`.

    Raises SourceError, one line, where it cannot be decoded.
    """
    pictures = 1
    if path.suffix.lower() in _MANY_PICTURES:
        # What Pillow does not know, OpenCV may.
        with suppress(*_PILLOW_ERRORS), Image.open(path) as image:
            pictures = getattr(image, 'n_frames', 1)
    return Animation(path, value_range) if pictures > 1 else Images(path, value_range=value_range)
