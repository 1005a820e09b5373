"""JPEG, PNG and TIFF to arrays, and back, with formats as image_transport's `compressed` has."""

from io import BytesIO
import sys
from typing import Optional, Sequence

import cv2
import numpy as np
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from yolo_heatmap_ros.errors import ImageError
from yolo_heatmap_ros.limits import MAX_PIXELS
from yolo_heatmap_ros.media.raw_images import decode_raw, RawImage
from yolo_heatmap_ros.text import printable

# By the first bytes: who reads the header, and how many pixels a byte can hold at most.  A block
# of 8 x 8 takes a JPEG a bit at least; zlib packs 1 to 1032, with 8 pixels in a byte of a PNG.
_READERS = {b'\xff\xd8\xff': (JpegImageFile, 1_000),
            b'\x89PNG\r\n\x1a\n': (PngImageFile, 10_000),
            b'II*\0': (TiffImageFile, 10_000), b'MM\0*': (TiffImageFile, 10_000)}
# Encodings that are packed as they are, not as colours.
_BAYER = 'bayer_'
_UNCHANGED = ('16UC1', '32FC1')


def decode_compressed(data, kind: str, value_range: Sequence[float] = ()) -> np.ndarray:
    """
    Return the picture in the bytes of a JPEG, PNG or TIFF file, (H, W, 3) uint8 BGR.

    `data` is any buffer of bytes, `kind` the format of a sensor_msgs/CompressedImage: it begins
    with the encoding of the raw image, and says whether red and blue are swapped.  Depth images
    and Bayer patterns are converted as raw ones are, see `decode_raw`.  Raises ImageError, one
    line, for bytes that are no picture, and before they are unpacked for those whose picture would
    not fit into memory.
    """
    original = unpack(data, kind)
    if original is not None:
        return decode_raw(*original, value_range=value_range)
    frame = _unpacked(data, kind, cv2.IMREAD_COLOR)
    # The plugin swaps RGB to BGR before encoding, and records that in the format.
    return np.ascontiguousarray(frame[:, :, ::-1]) if 'compressed rgb' in kind else frame


def unpack(data, kind: str) -> Optional[RawImage]:
    """Return the depth image or Bayer pattern in such bytes, None for other pictures."""
    encoding = kind.split(';')[0].strip()
    if not (encoding in _UNCHANGED or encoding.startswith(_BAYER)):
        return None
    values = _unpacked(data, kind, cv2.IMREAD_UNCHANGED)
    if values.ndim == 3:  # the colours of a pattern, which a driver has made out of it
        return None
    bits = {'uint8': '8', 'uint16': '16'}.get(values.dtype.name, '')
    if not bits:
        values = values.astype(np.float32)
    if not encoding.startswith(_BAYER):
        encoding = {'8': 'mono8', '16': '16UC1'}.get(bits, '32FC1')
    elif bits:
        encoding = encoding.rstrip('0123456789') + bits
    return RawImage(values.tobytes(), *values.shape, values.strides[0], encoding,
                    sys.byteorder == 'big')


def _unpacked(data, kind: str, flags: int) -> np.ndarray:
    """Return what OpenCV makes of the bytes; raises ImageError, see `decode_compressed`."""
    if 'compressedDepth' in kind:
        raise ImageError(f"format '{printable(kind)}' is not supported: compressedDepth packs "
                         "depth in a way of its own; use the raw topic, or 'compressed'")
    for magic, (reader, pixels_per_byte) in _READERS.items():
        if bytes(data[:len(magic)]) == magic:
            break
    else:
        raise ImageError(f"{len(data)} bytes of format '{printable(kind)}' are no JPEG, PNG or "
                         'TIFF')
    try:
        # Read only the header: a small message can decompress to an enormous image.
        picture = reader(BytesIO(data))
        width, height = picture.size
        # OpenCV allocates the length that a PNG chunk declares before it checks it.
        picture.verify()
    except Exception as error:  # whatever damaged bytes raise in Pillow: fuzzing finds new kinds
        raise ImageError(_damaged(data, kind)) from error
    if width * height > min(MAX_PIXELS, pixels_per_byte * len(data)):
        raise ImageError(f'the picture is too large: width {width}, height {height}, of '
                         f'{len(data)} bytes')
    try:
        frame = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        frame = None
    if frame is None:
        raise ImageError(_damaged(data, kind))
    return frame


def _damaged(data, kind: str) -> str:
    return (f"{len(data)} bytes of format '{printable(kind)}' cannot be decoded: they are "
            'damaged, or end too early')


def encode_jpeg(pixels: np.ndarray, quality: int) -> bytes:
    """Return (H, W, 3) uint8 BGR as a JPEG file; `quality` is 1 to 100."""
    return cv2.imencode('.jpg', pixels, (cv2.IMWRITE_JPEG_QUALITY, quality))[1].tobytes()


def encode_png(pixels: np.ndarray, level: int) -> bytes:
    """Return (H, W, 3) uint8 BGR as a PNG file; `level` is 0 (fast) to 9 (small)."""
    return cv2.imencode('.png', pixels, (cv2.IMWRITE_PNG_COMPRESSION, level))[1].tobytes()
