"""ROS image messages to and from arrays."""

import array
import sys
from typing import Sequence

import cv2
from cv_bridge import CvBridge, CvBridgeError
import numpy as np
from sensor_msgs.msg import Image

from yolo_heatmap_ros.errors import ImageError
from yolo_heatmap_ros.text import printable

MAX_PIXELS = 1 << 26
"""
Pictures above this size are refused.

No video camera has 67 megapixels, but a broken header may; heat and pictures of them take 1 GB.
"""

# Bytes per pixel of the first plane of the encodings that can be turned into bgr8.
_PIXEL_BYTES = {
    'mono8': 1, '8UC1': 1, 'mono16': 2,
    'rgb8': 3, 'bgr8': 3, '8UC3': 3, 'rgba8': 4, 'bgra8': 4, '8UC4': 4,
    'rgb16': 6, 'bgr16': 6, '16UC3': 6, 'rgba16': 8, 'bgra16': 8, '16UC4': 8,
    'bayer_rggb8': 1, 'bayer_bggr8': 1, 'bayer_gbrg8': 1, 'bayer_grbg8': 1,
    'bayer_rggb16': 2, 'bayer_bggr16': 2, 'bayer_gbrg16': 2, 'bayer_grbg16': 2,
    'uyvy': 2, 'yuv422': 2, 'yuyv': 2, 'yuv422_yuy2': 2,
    'nv12': 1, 'nv21': 1, 'nv24': 1,
    '16UC1': 2, '32FC1': 4,
}
# Rows of all planes, as a multiple of the height.
_PLANES = {'nv12': 1.5, 'nv21': 1.5, 'nv24': 3.0}
# Not every build of cv_bridge knows all of these.  For Bayer patterns ROS names the first two
# pixels of the first row, OpenCV those of the second row from the second column on.
_BY_OPENCV = {'bayer_rggb': cv2.COLOR_BayerBG2BGR, 'bayer_bggr': cv2.COLOR_BayerRG2BGR,
              'bayer_gbrg': cv2.COLOR_BayerGR2BGR, 'bayer_grbg': cv2.COLOR_BayerGB2BGR,
              'uyvy': cv2.COLOR_YUV2BGR_UYVY, 'yuv422': cv2.COLOR_YUV2BGR_UYVY,
              'yuyv': cv2.COLOR_YUV2BGR_YUY2, 'yuv422_yuy2': cv2.COLOR_YUV2BGR_YUY2,
              'nv12': cv2.COLOR_YUV2BGR_NV12, 'nv21': cv2.COLOR_YUV2BGR_NV21}
# Plain OpenCV types say nothing of colour: taken as OpenCV's own order.
_MEANING = {'8UC1': 'mono8', '8UC3': 'bgr8', '16UC3': 'bgr16', '8UC4': 'bgra8', '16UC4': 'bgra16'}
_MEASUREMENTS = {'16UC1': 'u2', '32FC1': 'f4'}

_bridge = CvBridge()


def to_frame(message: Image, value_range: Sequence[float] = ()) -> np.ndarray:
    """
    Return the picture of a message, (H, W, 3) uint8 BGR.

    Depth and thermal images, 32FC1 and 16UC1, become grey: `value_range`, (lowest, highest), goes
    to 0 to 255; where it is empty, the range of each image.  What is no measurement (NaN,
    infinite, and 0 in 16UC1, see REP 118) is black.

    A bgr8 message is not copied: the result is a read-only view on its data where the rows have
    no padding.  Raises ImageError where size, step, data or encoding do not fit together.
    """
    height, width, step = message.height, message.width, message.step
    encoding = message.encoding
    if encoding not in _PIXEL_BYTES:
        raise ImageError(f"encoding '{printable(encoding)}' is not supported: use one of "
                         f"{', '.join(_PIXEL_BYTES)}")
    if height == 0 or width == 0:
        raise ImageError(f'the picture is empty: width {width}, height {height}')
    if height * width > MAX_PIXELS:
        raise ImageError(f'the picture is too large: width {width}, height {height}')
    if encoding in _BY_OPENCV and not encoding.startswith('bayer') and (
            width % 2 or encoding in _PLANES and height % 2):
        raise ImageError(f'{width} x {height} pixels cannot be {encoding}: the colours of '
                         'neighbours are shared')
    row = width * _PIXEL_BYTES[encoding]
    if step < row:
        raise ImageError(f'step {step} is less than the {row} bytes of {width} {encoding} pixels')
    rows = round(height * _PLANES.get(encoding, 1))
    # The padding of the last row may be left out.
    if len(message.data) < step * (rows - 1) + row:
        raise ImageError(f'{len(message.data)} bytes of data are too few for {rows} rows of '
                         f'step {step}')
    pixels = np.frombuffer(message.data, np.uint8)
    if encoding == 'nv24':  # rows of colours are twice as long, padding and all
        content = np.concatenate((_rows(pixels, height, width, step).ravel(), _rows(
            pixels[height * step:], height, 2 * width, 2 * step).ravel())).reshape(rows, row)
    else:
        content = np.ascontiguousarray(_rows(pixels, rows, row, step))
    if encoding in ('bgr8', '8UC3'):
        return content.reshape(height, width, 3)
    try:
        return _converted(content, height, width, encoding, message.is_bigendian, value_range)
    except (CvBridgeError, cv2.error) as error:
        raise ImageError(f"encoding '{encoding}' cannot be converted to bgr8: "
                         f"{' '.join(str(error).split())}") from error


def _rows(pixels: np.ndarray, count: int, length: int, step: int) -> np.ndarray:
    """Return a view on `count` rows of `length` bytes that begin every `step` bytes."""
    return np.lib.stride_tricks.as_strided(pixels, (count, length), (step, 1), writeable=False)


def _converted(rows: np.ndarray, height: int, width: int, encoding: str, big_endian: bool,
               value_range: Sequence[float]) -> np.ndarray:
    """Return rows of bytes, (rows, bytes) uint8 without padding, as (H, W, 3) uint8 BGR."""
    if encoding in _MEASUREMENTS:
        values = rows.view(('>' if big_endian else '<') + _MEASUREMENTS[encoding])
        return cv2.cvtColor(to_grey(values.astype(np.float32), encoding == '16UC1', value_range),
                            cv2.COLOR_GRAY2BGR)
    if encoding == 'nv24':
        return _nv24(rows, height, width)
    if encoding.endswith('16') or _MEANING.get(encoding, '').endswith('16'):
        encoding = _MEANING.get(encoding, encoding).removesuffix('16') + '8'
        rows = _to_eight_bits(rows, big_endian)
    code = _BY_OPENCV.get(encoding.removesuffix('8'))
    if code is not None:
        if encoding in ('uyvy', 'yuv422', 'yuyv', 'yuv422_yuy2'):
            rows = rows.reshape(height, width, 2)
        return cv2.cvtColor(rows, code)
    plain = Image(height=height, width=width, step=rows.shape[1],
                  encoding=_MEANING.get(encoding, encoding),
                  is_bigendian=int(sys.byteorder == 'big'), data=rows.tobytes())
    return np.ascontiguousarray(_bridge.imgmsg_to_cv2(plain, 'bgr8'))


def to_grey(values: np.ndarray, zero_is_nothing: bool, value_range: Sequence[float]) -> np.ndarray:
    """Return measurements, (H, W) float32, as (H, W) uint8; see `to_frame`."""
    measured = np.isfinite(values)
    if zero_is_nothing:
        measured &= values != 0
    if not measured.any():
        return np.zeros(values.shape, np.uint8)
    low, high = value_range or (float(values[measured].min()), float(values[measured].max()))
    scale = 255.0 / (high - low) if high > low else 0.0
    grey = np.clip((np.where(measured, values, low) - low) * scale, 0.0, 255.0)
    return np.where(measured, np.round(grey), 0).astype(np.uint8)


def _nv24(rows: np.ndarray, height: int, width: int) -> np.ndarray:
    """Convert colours of full resolution by OpenCV's NV12, on a picture of twice the size."""
    luminance = np.repeat(np.repeat(rows[:height], 2, axis=0), 2, axis=1)
    colours = rows[height:].reshape(height, 2 * width)
    return np.ascontiguousarray(cv2.cvtColor(np.concatenate((luminance, colours)),
                                             cv2.COLOR_YUV2BGR_NV12)[::2, ::2])


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
