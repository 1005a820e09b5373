"""Compressed image messages to and from arrays, as image_transport's `compressed` plugin does."""

from io import BytesIO
import struct

import cv2
import numpy as np
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from sensor_msgs.msg import CompressedImage

from yolo_heatmap_ros.choices import ImageFormat
from yolo_heatmap_ros.errors import ImageError
from yolo_heatmap_ros.ros.messages.images import MAX_PIXELS
from yolo_heatmap_ros.text import printable

SUFFIX = '/compressed'
"""What follows the name of the raw topic."""
# By the first bytes: who reads the header, and how many pixels a byte can hold at most.  A block
# of 8 x 8 takes a JPEG a bit at least; zlib packs 1 to 1032, with 8 pixels in a byte of a PNG.
_READERS = {b'\xff\xd8\xff': (JpegImageFile, 1_000),
            b'\x89PNG\r\n\x1a\n': (PngImageFile, 10_000)}


def from_compressed(message: CompressedImage) -> np.ndarray:
    """
    Return the picture of a message, (H, W, 3) uint8 BGR.

    Raises ImageError, one line, for what is none, and before it is unpacked for what would not
    fit into memory.
    """
    kind = message.format
    if 'compressedDepth' in kind:
        raise ImageError(f"format '{printable(kind)}' is not supported: compressedDepth packs "
                         "depth in a way of its own; use the raw topic, or 'compressed'")
    for magic, (reader, pixels_per_byte) in _READERS.items():
        if bytes(message.data[:len(magic)]) == magic:
            break
    else:
        raise ImageError(f"{len(message.data)} bytes of format '{printable(kind)}' are no JPEG or "
                         'PNG')
    try:
        # Only the header is read here: a small message may unpack to a picture without end.
        picture = reader(BytesIO(message.data))
        width, height = picture.size
        # Chunks of a PNG say how long they are, and OpenCV makes room for that before it looks.
        picture.verify()
    except (OSError, ValueError, SyntaxError, struct.error) as error:
        raise ImageError(_damaged(message)) from error
    if width * height > min(MAX_PIXELS, pixels_per_byte * len(message.data)):
        raise ImageError(f'the picture is too large: width {width}, height {height}, of '
                         f'{len(message.data)} bytes')
    try:
        frame = cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        frame = None
    if frame is None:
        raise ImageError(_damaged(message))
    # The plugin turns RGB around before it packs, and says so; others may not.
    return np.ascontiguousarray(frame[:, :, ::-1]) if 'compressed rgb' in kind else frame


def _damaged(message: CompressedImage) -> str:
    return (f"{len(message.data)} bytes of format '{printable(message.format)}' cannot be "
            'decoded: they are damaged, or end too early')


def fill_compressed(message: CompressedImage, pixels: np.ndarray, kind: str, jpeg_quality: int,
                    png_level: int) -> None:
    """
    Pack `pixels`, (H, W, 3) uint8 BGR, into a message.

    `kind` is `jpeg` or `png`, `jpeg_quality` 1 to 100, `png_level` 0 (fast) to 9 (small).
    """
    options = {ImageFormat.JPEG: (cv2.IMWRITE_JPEG_QUALITY, jpeg_quality),
               ImageFormat.PNG: (cv2.IMWRITE_PNG_COMPRESSION, png_level)}[kind]
    message.format = f'bgr8; {kind} compressed bgr8'
    suffix = '.jpg' if kind == ImageFormat.JPEG else '.png'
    message.data = cv2.imencode(suffix, pixels, options)[1].tobytes()
