"""Compressed image messages to and from arrays, as image_transport's `compressed` plugin does."""

from typing import Sequence

import numpy as np
from sensor_msgs.msg import CompressedImage

from yolo_heatmap_ros.choices import ImageFormat
from yolo_heatmap_ros.media.compressed_images import decode_compressed, encode_jpeg, encode_png

SUFFIX = '/compressed'
"""What follows the name of the raw topic."""


def from_compressed(message: CompressedImage, value_range: Sequence[float] = ()) -> np.ndarray:
    """
    Return the picture of a message, (H, W, 3) uint8 BGR.

    `value_range`, (lowest, highest), is that of depth and thermal images, see `decode_raw`.
    Raises ImageError, one line, for a message that holds no picture, or one that is too large.
    """
    return decode_compressed(message.data, message.format, value_range)


def fill_compressed(message: CompressedImage, pixels: np.ndarray, kind: str, jpeg_quality: int,
                    png_level: int) -> None:
    """
    Compress `pixels`, (H, W, 3) uint8 BGR, into a message.

    `kind` is `jpeg` or `png`, `jpeg_quality` 1 to 100, `png_level` 0 (fast) to 9 (small).
    """
    message.format = f'bgr8; {kind} compressed bgr8'
    message.data = (encode_jpeg(pixels, jpeg_quality) if kind == ImageFormat.JPEG else
                    encode_png(pixels, png_level))
