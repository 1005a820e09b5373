"""Image messages to arrays and back, against OpenCV's own conversions."""

import array

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import Image
from yolo_heatmap_ros.images import ImageError, Picture, to_frame

RNG = np.random.default_rng(3)
BGR = RNG.integers(0, 256, (6, 10, 3), np.uint8)
WIDE = RNG.integers(0, 65536, (6, 10, 3)).astype(np.uint16)
GREY = RNG.integers(0, 256, (6, 10), np.uint8)


def message_of(pixels, encoding, padding=0, big_endian=False):
    rows = np.ascontiguousarray(pixels.astype(pixels.dtype.newbyteorder('>'))
                                if big_endian else pixels)
    rows = rows.view(np.uint8).reshape(pixels.shape[0], -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=99)
    return Image(height=pixels.shape[0], width=pixels.shape[1], step=rows.shape[1],
                 encoding=encoding, is_bigendian=int(big_endian), data=rows.tobytes())


ENCODINGS = {
    'bgr8': (BGR, BGR),
    '8UC3': (BGR, BGR),
    'rgb8': (BGR[:, :, ::-1], BGR),
    'bgra8': (cv2.cvtColor(BGR, cv2.COLOR_BGR2BGRA), BGR),
    'rgba8': (cv2.cvtColor(BGR, cv2.COLOR_BGR2RGBA), BGR),
    'mono8': (GREY, cv2.cvtColor(GREY, cv2.COLOR_GRAY2BGR)),
    '8UC1': (GREY, cv2.cvtColor(GREY, cv2.COLOR_GRAY2BGR)),
    'bayer_rggb8': (GREY, cv2.cvtColor(GREY, cv2.COLOR_BayerBG2BGR)),
    'bayer_grbg8': (GREY, cv2.cvtColor(GREY, cv2.COLOR_BayerGB2BGR)),
    'bayer_gbrg8': (GREY, cv2.cvtColor(GREY, cv2.COLOR_BayerGR2BGR)),
    'bayer_bggr8': (GREY, cv2.cvtColor(GREY, cv2.COLOR_BayerRG2BGR)),
    '8UC4': (cv2.cvtColor(BGR, cv2.COLOR_BGR2BGRA), BGR),
}


@pytest.mark.parametrize('padding', [0, 5])
@pytest.mark.parametrize('encoding', ENCODINGS)
def test_encodings(encoding, padding):
    """Colours as OpenCV converts them; `step` may be larger than the row."""
    pixels, expected = ENCODINGS[encoding]
    frame = to_frame(message_of(pixels, encoding, padding))
    assert np.array_equal(frame, expected)
    assert frame.flags.c_contiguous


@pytest.mark.parametrize('big_endian', [False, True])
@pytest.mark.parametrize('encoding', ['bgr16', '16UC3', 'rgb16', 'bgra16', 'rgba16', '16UC4',
                                      'mono16', '16UC1'])
def test_sixteen_bits(encoding, big_endian):
    """The high byte decides, whichever comes first."""
    alpha = np.zeros((6, 10, 1), np.uint16)
    pixels = WIDE[:, :, ::-1] if encoding.startswith('rgb') else WIDE
    if encoding in ('bgra16', 'rgba16', '16UC4'):
        pixels = np.concatenate((pixels, alpha), axis=2)
    expected = WIDE
    if encoding in ('mono16', '16UC1'):
        pixels, expected = WIDE[:, :, 0], np.repeat(WIDE[:, :, :1], 3, axis=2)
    frame = to_frame(message_of(pixels, encoding, big_endian=big_endian))
    assert np.abs(frame.astype(float) - expected / 257.0).max() <= 1.0


def test_padding_of_the_last_row_may_be_missing():
    message = message_of(BGR, 'bgr8', padding=7)
    message.data = message.data[:-7]
    assert np.array_equal(to_frame(message), BGR)


@pytest.mark.parametrize('change, reason', [
    ({'step': 29}, 'step 29 is less than the 30 bytes'),
    ({'data': array.array('B', bytes(100))}, '100 bytes of data are too few'),
    ({'data': array.array('B')}, '0 bytes'),
    ({'width': 0}, 'empty'),
    ({'height': 0}, 'empty'),
    ({'encoding': 'jpeg'}, "'jpeg' is not supported.*bgr8"),
    ({'encoding': ''}, 'not supported'),
    ({'width': 65535, 'height': 65535, 'step': 65535 * 3}, 'too large'),
    ({'step': 4000000000}, 'too few'),
])
def test_messages_without_a_picture(change, reason):
    message = message_of(BGR, 'bgr8')
    for name, value in change.items():
        setattr(message, name, value)
    with pytest.raises(ImageError, match=reason) as error:
        to_frame(message)
    assert '\n' not in str(error.value)


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


def test_a_red_pixel_of_a_bayer_pattern_is_red():
    """Patterns have other names in ROS than in OpenCV: a colour tells which is meant."""
    raw = np.zeros((8, 8), np.uint8)
    raw[0::2, 0::2] = 200  # the R of rggb
    assert to_frame(message_of(raw, 'bayer_rggb8'))[4, 4].tolist() == [0, 0, 200]


def test_a_pattern_smaller_than_its_period_is_refused():
    """An error of OpenCV becomes one of this package, or the picture is converted."""
    try:
        assert to_frame(message_of(GREY[:1, :1], 'bayer_rggb8')).shape == (1, 1, 3)
    except ImageError as error:
        assert 'bayer_rggb8' in str(error)
