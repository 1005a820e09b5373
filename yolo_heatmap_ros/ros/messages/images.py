"""Image messages to and from arrays."""

import array
import sys
from typing import Sequence

import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from yolo_heatmap_ros.media.raw_images import decode_raw


def to_frame(message: Image, value_range: Sequence[float] = ()) -> np.ndarray:
    """
    Return the picture of a message, (H, W, 3) uint8 BGR.

    `value_range`, (lowest, highest), is that of depth and thermal images, see `decode_raw`.  A
    bgr8 message is not copied: the result is a read-only view on its data where the rows have no
    padding.  Raises ImageError where size, step, data and encoding do not fit together.
    """
    return decode_raw(message.data, message.height, message.width, message.step,
                      message.encoding, bool(message.is_bigendian), value_range)


def seconds_of(header: Header) -> float:
    """Return the stamp of a header in s."""
    return header.stamp.sec + 1e-9 * header.stamp.nanosec


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
