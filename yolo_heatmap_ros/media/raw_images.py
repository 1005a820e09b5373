"""Uncompressed images, as bytes with a size and an encoding, to arrays of BGR pixels."""

from typing import Any, NamedTuple, Sequence

import cv2
import numpy as np

from yolo_heatmap_ros.errors import ImageError
from yolo_heatmap_ros.limits import MAX_PIXELS
from yolo_heatmap_ros.text import printable

# Bytes per pixel of the first plane of the encodings (those of sensor_msgs/image_encodings.hpp)
# that can be decoded.
PIXEL_BYTES = {
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
# Two pixels share one pair of colour values.
_PACKED_YUV = {'uyvy': cv2.COLOR_YUV2BGR_UYVY, 'yuv422': cv2.COLOR_YUV2BGR_UYVY,
               'yuyv': cv2.COLOR_YUV2BGR_YUY2, 'yuv422_yuy2': cv2.COLOR_YUV2BGR_YUY2}
# OpenCV's code for the conversion to BGR, and the channels of the array that it takes.  For Bayer
# patterns ROS names the first two pixels of the first row, OpenCV those of the second row from
# the second column on.
_TO_BGR = {'mono8': (cv2.COLOR_GRAY2BGR, 1), 'rgb8': (cv2.COLOR_RGB2BGR, 3),
           'rgba8': (cv2.COLOR_RGBA2BGR, 4), 'bgra8': (cv2.COLOR_BGRA2BGR, 4),
           'bayer_rggb8': (cv2.COLOR_BayerBG2BGR, 1), 'bayer_bggr8': (cv2.COLOR_BayerRG2BGR, 1),
           'bayer_gbrg8': (cv2.COLOR_BayerGR2BGR, 1), 'bayer_grbg8': (cv2.COLOR_BayerGB2BGR, 1),
           'nv12': (cv2.COLOR_YUV2BGR_NV12, 1), 'nv21': (cv2.COLOR_YUV2BGR_NV21, 1),
           **{name: (code, 2) for name, code in _PACKED_YUV.items()}}
# Plain OpenCV types define no channel order: assume OpenCV's, BGR.
_MEANING = {'8UC1': 'mono8', '8UC3': 'bgr8', '16UC3': 'bgr16', '8UC4': 'bgra8', '16UC4': 'bgra16'}
MEASUREMENTS = {'16UC1': 'u2', '32FC1': 'f4'}
"""Encodings of depth and thermal images, with the types of their values."""


class RawImage(NamedTuple):
    """The arguments of `decode_raw`: the content of a sensor_msgs/Image."""

    data: Any
    height: int
    width: int
    step: int
    encoding: str
    big_endian: bool


def decode_raw(data, height: int, width: int, step: int, encoding: str, big_endian: bool = False,
               value_range: Sequence[float] = ()) -> np.ndarray:
    """
    Return the picture that bytes hold, (H, W, 3) uint8 BGR.

    `data` is any buffer of bytes: `height` rows of `width` pixels, with `step` bytes from the
    beginning of one row to that of the next.  `encoding` is a name of sensor_msgs/Image, and
    `big_endian` the byte order of values of more than one byte.

    Depth and thermal images, 32FC1 and 16UC1, become grey: `value_range`, (lowest, highest) in
    the unit of the values, is mapped to 0 to 255; where it is empty, the range of each image is.
    Values that are no measurement (NaN, infinite, and 0 in 16UC1, see REP 118) are black.

    bgr8 is not copied: where the rows have no padding, the result is a read-only view on `data`.
    Raises ImageError where size, step, data and encoding do not fit together.
    """
    if encoding not in PIXEL_BYTES:
        raise ImageError(f"encoding '{printable(encoding)}' is not supported: use one of "
                         f"{', '.join(PIXEL_BYTES)}")
    if height == 0 or width == 0:
        raise ImageError(f'the picture is empty: width {width}, height {height}')
    if height * width > MAX_PIXELS:
        raise ImageError(f'the picture is too large: width {width}, height {height}')
    halved = encoding in ('nv12', 'nv21')
    if (halved or encoding in _PACKED_YUV) and (width % 2 or halved and height % 2):
        raise ImageError(f'{width} x {height} pixels cannot be {encoding}: the colours of '
                         'neighbours are shared')
    row = width * PIXEL_BYTES[encoding]
    if step < row:
        raise ImageError(f'step {step} is less than the {row} bytes of {width} {encoding} pixels')
    rows = round(height * _PLANES.get(encoding, 1))
    # The padding of the last row may be left out.
    if len(data) < step * (rows - 1) + row:
        raise ImageError(f'{len(data)} bytes of data are too few for {rows} rows of step {step}')
    pixels = np.frombuffer(data, np.uint8)
    if encoding == 'nv24':  # rows of colours are twice as long, padding and all
        content = np.concatenate((_rows(pixels, height, width, step).ravel(), _rows(
            pixels[height * step:], height, 2 * width, 2 * step).ravel())).reshape(rows, row)
    else:
        content = np.ascontiguousarray(_rows(pixels, rows, row, step))
    try:
        return _converted(content, height, width, _MEANING.get(encoding, encoding), big_endian,
                          value_range)
    except cv2.error as error:
        raise ImageError(f"encoding '{encoding}' cannot be converted to bgr8: "
                         f"{' '.join(str(error).split())}") from error


def _rows(pixels: np.ndarray, count: int, length: int, step: int) -> np.ndarray:
    """Return a view on `count` rows of `length` bytes that begin every `step` bytes."""
    return np.lib.stride_tricks.as_strided(pixels, (count, length), (step, 1), writeable=False)


def _converted(rows: np.ndarray, height: int, width: int, encoding: str, big_endian: bool,
               value_range: Sequence[float]) -> np.ndarray:
    """Return rows of bytes, (rows, bytes) uint8 without padding, as (H, W, 3) uint8 BGR."""
    if encoding in MEASUREMENTS:
        values = rows.view(('>' if big_endian else '<') + MEASUREMENTS[encoding])
        return cv2.cvtColor(_to_grey(values.astype(np.float32), encoding == '16UC1', value_range),
                            cv2.COLOR_GRAY2BGR)
    if encoding == 'nv24':
        return _nv24(rows, height, width)
    if encoding.endswith('16'):
        encoding = encoding.removesuffix('16') + '8'
        rows = _to_eight_bits(rows, big_endian)
    if encoding == 'bgr8':
        return rows.reshape(height, width, 3)
    code, channels = _TO_BGR[encoding]
    return cv2.cvtColor(rows if channels == 1 else rows.reshape(height, width, channels), code)


def _to_grey(values: np.ndarray, zero_is_nothing: bool,
             value_range: Sequence[float]) -> np.ndarray:
    """Return measurements, (H, W) float32, as (H, W) uint8; see `decode_raw`."""
    measured = np.isfinite(values)
    if zero_is_nothing:
        measured &= values != 0
    if not measured.any():
        return np.zeros(values.shape, np.uint8)
    low, high = value_range or (float(values[measured].min()), float(values[measured].max()))
    factor = 255.0 / (high - low) if high > low else 0.0
    grey = np.clip((np.where(measured, values, low) - low) * factor, 0.0, 255.0)
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
