"""JPEG and PNG to and from arrays, with formats as image_transport's `compressed` plugin does."""

from io import BytesIO

import cv2
import numpy as np
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from yolo_heatmap_ros.errors import ImageError
from yolo_heatmap_ros.limits import MAX_PIXELS
from yolo_heatmap_ros.text import printable

# By the first bytes: who reads the header, and how many pixels a byte can hold at most.  A block
# of 8 x 8 takes a JPEG a bit at least; zlib packs 1 to 1032, with 8 pixels in a byte of a PNG.
_READERS = {b'\xff\xd8\xff': (JpegImageFile, 1_000),
            b'\x89PNG\r\n\x1a\n': (PngImageFile, 10_000)}


def decode_compressed(data, kind: str) -> np.ndarray:
    """
    Return the picture in the bytes of a JPEG or PNG file, (H, W, 3) uint8 BGR.

    `data` is any buffer of bytes, `kind` the format of a sensor_msgs/CompressedImage: it says
    whether red and blue are swapped.  Raises ImageError, one line, for bytes that are no picture,
    and before they are unpacked for those whose picture would not fit into memory.
    """
    if 'compressedDepth' in kind:
        raise ImageError(f"format '{printable(kind)}' is not supported: compressedDepth packs "
                         "depth in a way of its own; use the raw topic, or 'compressed'")
    for magic, (reader, pixels_per_byte) in _READERS.items():
        if bytes(data[:len(magic)]) == magic:
            break
    else:
        raise ImageError(f"{len(data)} bytes of format '{printable(kind)}' are no JPEG or PNG")
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
        frame = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        frame = None
    if frame is None:
        raise ImageError(_damaged(data, kind))
    # The plugin swaps RGB to BGR before encoding, and records that in the format.
    return np.ascontiguousarray(frame[:, :, ::-1]) if 'compressed rgb' in kind else frame


def _damaged(data, kind: str) -> str:
    return (f"{len(data)} bytes of format '{printable(kind)}' cannot be decoded: they are "
            'damaged, or end too early')


def encode_jpeg(pixels: np.ndarray, quality: int) -> bytes:
    """Return (H, W, 3) uint8 BGR as a JPEG file; `quality` is 1 to 100."""
    return cv2.imencode('.jpg', pixels, (cv2.IMWRITE_JPEG_QUALITY, quality))[1].tobytes()


def encode_png(pixels: np.ndarray, level: int) -> bytes:
    """Return (H, W, 3) uint8 BGR as a PNG file; `level` is 0 (fast) to 9 (small)."""
    return cv2.imencode('.png', pixels, (cv2.IMWRITE_PNG_COMPRESSION, level))[1].tobytes()
