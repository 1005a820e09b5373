"""ROS image messages to and from arrays."""

import array
import sys

import cv2
from cv_bridge import CvBridge, CvBridgeError
import numpy as np
from sensor_msgs.msg import Image

MAX_PIXELS = 1 << 28
"""Pictures above this size are refused: no camera has them, but a broken header may."""

# Bytes per pixel of the encodings that can be turned into bgr8.
_PIXEL_BYTES = {
    'mono8': 1, '8UC1': 1, 'mono16': 2, '16UC1': 2,
    'rgb8': 3, 'bgr8': 3, '8UC3': 3, 'rgba8': 4, 'bgra8': 4, '8UC4': 4,
    'rgb16': 6, 'bgr16': 6, '16UC3': 6, 'rgba16': 8, 'bgra16': 8, '16UC4': 8,
    'bayer_rggb8': 1, 'bayer_bggr8': 1, 'bayer_gbrg8': 1, 'bayer_grbg8': 1,
}
# Not every build of cv_bridge knows all four.  ROS names the first two pixels of the first row,
# OpenCV those of the second row from the second column on.
_BAYER = {'bayer_rggb8': cv2.COLOR_BayerBG2BGR, 'bayer_bggr8': cv2.COLOR_BayerRG2BGR,
          'bayer_gbrg8': cv2.COLOR_BayerGR2BGR, 'bayer_grbg8': cv2.COLOR_BayerGB2BGR}
# Plain OpenCV types say nothing of colour: taken as OpenCV's own order.
_MEANING = {'8UC1': 'mono8', '16UC1': 'mono16', '8UC3': 'bgr8', '16UC3': 'bgr16',
            '8UC4': 'bgra8', '16UC4': 'bgra16'}

_bridge = CvBridge()


class ImageError(ValueError):
    """A message that holds no usable picture; one line."""


def to_frame(message: Image) -> np.ndarray:
    """
    Return the picture of a message, (H, W, 3) uint8 BGR.

    A bgr8 message is not copied: the result is a read-only view on its data where the rows have
    no padding.  Raises ImageError where size, step, data or encoding do not fit together.
    """
    height, width, step = message.height, message.width, message.step
    encoding = message.encoding
    if encoding not in _PIXEL_BYTES:
        raise ImageError(f"encoding '{encoding}' is not supported: use one of "
                         f"{', '.join(_PIXEL_BYTES)}")
    if height == 0 or width == 0:
        raise ImageError(f'the picture is empty: width {width}, height {height}')
    if height * width > MAX_PIXELS:
        raise ImageError(f'the picture is too large: width {width}, height {height}')
    row = width * _PIXEL_BYTES[encoding]
    if step < row:
        raise ImageError(f'step {step} is less than the {row} bytes of {width} {encoding} pixels')
    # The padding of the last row may be left out.
    if len(message.data) < step * (height - 1) + row:
        raise ImageError(f'{len(message.data)} bytes of data are too few for {height} rows of '
                         f'step {step}')
    pixels = np.frombuffer(message.data, np.uint8)
    rows = np.ascontiguousarray(
        np.lib.stride_tricks.as_strided(pixels, (height, row), (step, 1), writeable=False))
    if encoding in ('bgr8', '8UC3'):
        return rows.reshape(height, width, 3)
    try:
        if encoding in _BAYER:
            return cv2.cvtColor(rows, _BAYER[encoding])
        return _by_cv_bridge(rows, width, encoding, message.is_bigendian)
    except (CvBridgeError, cv2.error) as error:
        raise ImageError(f"encoding '{encoding}' cannot be converted to bgr8: "
                         f"{' '.join(str(error).split())}") from error


def _by_cv_bridge(rows: np.ndarray, width: int, encoding: str, big_endian: bool) -> np.ndarray:
    """Return rows of bytes, (H, bytes per row) uint8 without padding, as (H, W, 3) uint8 BGR."""
    encoding = _MEANING.get(encoding, encoding)
    if encoding.endswith('16'):
        rows = _to_eight_bits(rows, big_endian)
        encoding = f"{encoding.removesuffix('16')}8"
    plain = Image(height=rows.shape[0], width=width, step=rows.shape[1], encoding=encoding,
                  is_bigendian=int(sys.byteorder == 'big'), data=rows.tobytes())
    return np.ascontiguousarray(_bridge.imgmsg_to_cv2(plain, 'bgr8'))


def _to_eight_bits(rows: np.ndarray, big_endian: bool) -> np.ndarray:
    """Scale 16-bit values, given as bytes, to 8 bits as cv_bridge's C++ does: by 255 / 65535."""
    values = rows.view('>u2' if big_endian else '<u2').astype(np.uint16, copy=False)
    return cv2.convertScaleAbs(values, alpha=255.0 / 65535.0)


class Picture:
    """A message that is drawn into, and published, again and again without a copy."""

    def __init__(self, encoding: str = 'bgr8'):
        """Begin with an empty picture of encoding `bgr8` or `32FC1`."""
        self.message = Image(encoding=encoding, is_bigendian=int(sys.byteorder == 'big'))
        self._dtype, self._channels = {'bgr8': (np.uint8, (3,)),
                                       '32FC1': (np.float32, ())}[encoding]
        self._pixels = np.empty((0, 0))

    def pixels(self, height: int, width: int) -> np.ndarray:
        """Return the pixels, (H, W, 3) uint8 or (H, W) float32, a writable view on the message."""
        if self._pixels.shape[:2] != (height, width):
            shape = (height, width, *self._channels)
            size = int(np.prod(shape)) * np.dtype(self._dtype).itemsize
            self.message.height, self.message.width = height, width
            self.message.step = size // height
            # The message keeps a copy of what it is given: the view must be one on that.
            self.message.data = array.array('B', bytes(size))
            self._pixels = np.frombuffer(self.message.data, self._dtype).reshape(shape)
        return self._pixels
