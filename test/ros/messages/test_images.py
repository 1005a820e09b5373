"""Image messages to arrays and back, against cv_bridge."""

import numpy as np
import pytest
from sensor_msgs.msg import Image
from yolo_heatmap_ros.errors import ImageError
from yolo_heatmap_ros.ros.messages.images import Picture, to_frame

RNG = np.random.default_rng(3)
BGR = RNG.integers(0, 256, (6, 10, 3), np.uint8)


def message_of(pixels, encoding, padding=0, big_endian=False):
    """Return a message of pixels, (H, W) or (H, W, C), with `padding` bytes after each row."""
    if big_endian:
        pixels = pixels.astype(pixels.dtype.newbyteorder('>'))
    rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(pixels.shape[0], -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=99)
    return Image(height=pixels.shape[0], width=pixels.shape[1], step=rows.shape[1],
                 encoding=encoding, is_bigendian=int(big_endian), data=rows.tobytes())


@pytest.mark.parametrize('size', [(6, 10), (1, 1), (241, 321)])
@pytest.mark.parametrize('padding', [0, 5])
@pytest.mark.parametrize('encoding, channels', [
    ('mono8', 1), ('rgb8', 3), ('bgr8', 3), ('rgba8', 4), ('bgra8', 4)])
def test_pixels_are_those_of_cv_bridge(encoding, channels, padding, size):
    bridge = pytest.importorskip('cv_bridge').CvBridge()
    pixels = RNG.integers(0, 256, (*size, channels) if channels > 1 else size, np.uint8)
    # PyPI's cv_bridge does not know of padding.
    expected = bridge.imgmsg_to_cv2(message_of(pixels, encoding), 'bgr8')
    assert np.array_equal(to_frame(message_of(pixels, encoding, padding)), expected)


@pytest.mark.parametrize('big_endian', [False, True])
def test_the_byte_order_of_a_message_counts(big_endian):
    frame = to_frame(message_of(np.array([[0x1234]], np.uint16), 'mono16', 0, big_endian))
    assert frame.tolist() == [[[0x12] * 3]]


def test_the_range_of_values_counts():
    depth = np.array([[1000, 2000]], np.uint16)
    assert to_frame(message_of(depth, '16UC1'), (0, 10000))[0, :, 0].tolist() == [26, 51]


def test_a_message_without_a_picture_is_refused():
    message = message_of(BGR, 'bgr8')
    message.encoding = 'jpeg'
    with pytest.raises(ImageError, match="'jpeg' is not supported"):
        to_frame(message)


def test_picture_is_drawn_in_place():
    picture = Picture()
    pixels = picture.pixels(6, 10)
    pixels[:] = BGR
    assert picture.pixels(6, 10) is pixels
    assert (picture.message.height, picture.message.width, picture.message.step) == (6, 10, 30)
    assert picture.message.encoding == 'bgr8'
    assert np.array_equal(to_frame(picture.message), BGR)
    assert picture.pixels(4, 5).shape == (4, 5, 3)
    assert len(picture.message.data) == 60
