"""ROS image messages to and from arrays."""

import array
import sys

from cv_bridge import CvBridge, CvBridgeError
import cv2
import numpy as np
from sensor_msgs.msg import Image

MAX_PIXELS = 1 << 28
"""Pictures above this size are refused: no camera has them, but a broken header may."""

# Bytes per pixel of the encodings that cv_bridge turns into bgr8.
_PIXEL_BYTES = {
    'mono8': 1, '8UC1': 1, 'mono16': 2, '16UC1': 2,
    'rgb8': 3, 'bgr8': 3, '8UC3': 3, 'rgba8': 4, 'bgra8': 4, '8UC4': 4,
    'rgb16': 6, 'bgr16': 6, '16UC3': 6, 'rgba16': 8, 'bgra16': 8, '16UC4': 8,
    'bayer_rggb8': 1, 'bayer_bggr8': 1, 'bayer_gbrg8': 1, 'bayer_grbg8': 1,
}
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
    rows = np.lib.stride_tricks.as_strided(pixels, (height, row), (step, 1), writeable=False)
    if encoding in ('bgr8', '8UC3'):
        return np.ascontiguousarray(rows).reshape(height, width, 3)
    if message.is_bigendian != (sys.byteorder == 'big') and encoding.endswith(('16', '16UC1',
                                                                               '16UC3', '16UC4')):
        rows = np.ascontiguousarray(rows).view(np.uint16).byteswap().view(np.uint8)
    plain = Image(height=height, width=width, step=row, encoding=_MEANING.get(encoding, encoding),
                  is_bigendian=int(sys.byteorder == 'big'))
    plain.data = _bytes(np.ascontiguousarray(rows))
    try:
        frame = _bridge.imgmsg_to_cv2(plain, 'bgr8')
    except (CvBridgeError, cv2.error) as error:
        raise ImageError(f"encoding '{encoding}' cannot be converted to bgr8: "
                         f"{' '.join(str(error).split())}") from error
    return np.ascontiguousarray(frame)


def _bytes(pixels: np.ndarray) -> array.array:
    data = array.array('B')
    data.frombytes(memoryview(pixels).cast('B'))
    return data


class Picture:
    """A bgr8 message that is drawn into, and published, again and again without a copy."""

    def __init__(self):
        """Begin with an empty picture."""
        self.message = Image(encoding='bgr8')
        self._pixels = np.empty((0, 0, 3), np.uint8)

    def pixels(self, height: int, width: int) -> np.ndarray:
        """Return the message's pixels, (height, width, 3) uint8, as a writable view on its data."""
        if self._pixels.shape[:2] != (height, width):
            self.message.height, self.message.width = height, width
            self.message.step = width * 3
            # The message keeps a copy of what it is given: the view must be one on that.
            self.message.data = array.array('B', bytes(height * width * 3))
            self._pixels = np.frombuffer(self.message.data, np.uint8).reshape(height, width, 3)
        return self._pixels
