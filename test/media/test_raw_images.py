"""Raw images to arrays, against OpenCV's own conversions."""

import cv2
import numpy as np
import pytest
from yolo_heatmap_ros.errors import ImageError
from yolo_heatmap_ros.media.raw_images import decode_raw

RNG = np.random.default_rng(3)
BGR = RNG.integers(0, 256, (6, 10, 3), np.uint8)
WIDE = RNG.integers(0, 65536, (6, 10, 3)).astype(np.uint16)
GREY = RNG.integers(0, 256, (6, 10), np.uint8)


def raw(pixels, encoding, padding=0, big_endian=False):
    """Return the arguments of `decode_raw`, by name, for an array of pixels."""
    rows = np.ascontiguousarray(pixels.astype(pixels.dtype.newbyteorder('>'))
                                if big_endian else pixels)
    rows = rows.view(np.uint8).reshape(pixels.shape[0], -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=99)
    return {'data': rows.tobytes(), 'height': pixels.shape[0], 'width': pixels.shape[1],
            'step': rows.shape[1], 'encoding': encoding, 'big_endian': big_endian}


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


YUV = RNG.integers(0, 256, (6, 10, 2), np.uint8)
PLANES = RNG.integers(0, 256, (9, 10), np.uint8)
ENCODINGS.update({
    'uyvy': (YUV, cv2.cvtColor(YUV, cv2.COLOR_YUV2BGR_UYVY)),
    'yuv422': (YUV, cv2.cvtColor(YUV, cv2.COLOR_YUV2BGR_UYVY)),
    'yuyv': (YUV, cv2.cvtColor(YUV, cv2.COLOR_YUV2BGR_YUY2)),
    'yuv422_yuy2': (YUV, cv2.cvtColor(YUV, cv2.COLOR_YUV2BGR_YUY2)),
})


@pytest.mark.parametrize('padding', [0, 5])
@pytest.mark.parametrize('encoding', ENCODINGS)
def test_encodings(encoding, padding):
    """Colours as OpenCV converts them; `step` may be larger than the row."""
    pixels, expected = ENCODINGS[encoding]
    frame = decode_raw(**raw(pixels, encoding, padding))
    assert np.array_equal(frame, expected)
    assert frame.flags.c_contiguous


@pytest.mark.parametrize('big_endian', [False, True])
@pytest.mark.parametrize('encoding', ['bgr16', '16UC3', 'rgb16', 'bgra16', 'rgba16', '16UC4',
                                      'mono16'])
def test_sixteen_bits(encoding, big_endian):
    """The high byte decides, whichever comes first."""
    alpha = np.zeros((6, 10, 1), np.uint16)
    pixels = WIDE[:, :, ::-1] if encoding.startswith('rgb') else WIDE
    if encoding in ('bgra16', 'rgba16', '16UC4'):
        pixels = np.concatenate((pixels, alpha), axis=2)
    expected = WIDE
    if encoding == 'mono16':
        pixels, expected = WIDE[:, :, 0], np.repeat(WIDE[:, :, :1], 3, axis=2)
    frame = decode_raw(**raw(pixels, encoding, big_endian=big_endian))
    assert np.abs(frame.astype(float) - expected / 257.0).max() <= 1.0


@pytest.mark.parametrize('padding', [0, 6])
@pytest.mark.parametrize('encoding, code', [('nv12', cv2.COLOR_YUV2BGR_NV12),
                                            ('nv21', cv2.COLOR_YUV2BGR_NV21)])
def test_two_planes(encoding, code, padding):
    image = {**raw(PLANES, encoding, padding), 'height': 6}
    assert np.array_equal(decode_raw(**image), cv2.cvtColor(PLANES, code))


@pytest.mark.parametrize('padding', [0, 6])
def test_two_planes_of_full_colours(padding):
    """Against nv12 where four neighbours have one colour, and ITU-R BT.601 everywhere."""
    luminance = RNG.integers(16, 236, (6, 10), np.uint8)
    colours = RNG.integers(16, 241, (6, 10, 2), np.uint8)

    def frame_of(colours):
        planes = np.concatenate((
            np.pad(luminance, ((0, 0), (0, padding))).ravel(),
            np.pad(colours.reshape(6, 20), ((0, 0), (0, 2 * padding))).ravel()))
        return decode_raw(planes.tobytes(), 6, 10, 10 + padding, 'nv24')
    coarse = colours[::2, ::2]
    expected = cv2.cvtColor(np.concatenate((luminance, coarse.reshape(3, 10))),
                            cv2.COLOR_YUV2BGR_NV12)
    assert np.array_equal(frame_of(coarse.repeat(2, axis=0).repeat(2, axis=1)), expected)
    y, u, v = 1.164 * (luminance - 16.0), colours[..., 0] - 128.0, colours[..., 1] - 128.0
    exact = np.stack((y + 2.018 * u, y - 0.391 * u - 0.813 * v, y + 1.596 * v), axis=2)
    assert np.abs(frame_of(colours) - np.clip(exact, 0, 255)).max() <= 1.6


@pytest.mark.parametrize('big_endian', [False, True])
@pytest.mark.parametrize('pattern', ['rggb', 'bggr', 'gbrg', 'grbg'])
def test_sixteen_bits_of_a_bayer_pattern(pattern, big_endian):
    """As the eight high bits of it, but for the rounding."""
    wide = WIDE[:, :, 0]
    eight = cv2.convertScaleAbs(wide, alpha=255.0 / 65535.0)
    frame = decode_raw(**raw(wide, f'bayer_{pattern}16', big_endian=big_endian))
    assert np.array_equal(frame, decode_raw(**raw(eight, f'bayer_{pattern}8')))


@pytest.mark.parametrize('big_endian', [False, True])
def test_depth_in_metres(big_endian):
    """The given range goes to 0 to 255; what is no measurement is black."""
    depth = np.array([[0.5, 1.0, 2.0, 3.0, 9.0], [np.nan, np.inf, -np.inf, 1.5, 0.0]], np.float32)
    image = raw(depth, '32FC1', big_endian=big_endian)
    frame = decode_raw(**image, value_range=(1.0, 3.0))
    assert frame.shape == (2, 5, 3)
    assert np.array_equal(frame[..., 0], frame[..., 2])
    assert frame[..., 0].tolist() == [[0, 0, 128, 255, 255], [0, 0, 0, 64, 0]]
    own = decode_raw(**image)
    assert own[..., 0].tolist() == [[14, 28, 57, 85, 255], [0, 0, 0, 42, 0]]
    nothing = raw(np.full((2, 5), np.nan, np.float32), '32FC1')
    assert not decode_raw(**nothing).any()
    flat = raw(np.full((2, 5), 2.0, np.float32), '32FC1')
    assert decode_raw(**flat).shape == (2, 5, 3)


@pytest.mark.parametrize('big_endian', [False, True])
def test_depth_in_millimetres(big_endian):
    depth = np.array([[0, 1000, 2000], [3000, 0, 5000]], np.uint16)
    frame = decode_raw(**raw(depth, '16UC1', big_endian=big_endian))
    assert frame[..., 1].tolist() == [[0, 0, 64], [128, 0, 255]]
    frame = decode_raw(**raw(depth, '16UC1'), value_range=(0, 10000))
    assert frame[..., 1].tolist() == [[0, 26, 51], [76, 0, 128]]


@pytest.mark.parametrize('encoding', ['uyvy', 'yuyv', 'nv12', 'nv21'])
def test_shared_colours_need_pairs_of_pixels(encoding):
    with pytest.raises(ImageError, match=f'9 x 6 pixels cannot be {encoding}'):
        decode_raw(bytes(400), 6, 9, 18, encoding)


def test_padding_of_the_last_row_may_be_missing():
    image = raw(BGR, 'bgr8', padding=7)
    image['data'] = image['data'][:-7]
    assert np.array_equal(decode_raw(**image), BGR)


def test_bgr8_without_padding_is_a_view():
    image = raw(BGR, 'bgr8')
    frame = decode_raw(**image)
    assert np.shares_memory(frame, np.frombuffer(image['data'], np.uint8))
    assert not frame.flags.writeable


@pytest.mark.parametrize('change, reason', [
    ({'step': 29}, 'step 29 is less than the 30 bytes'),
    ({'data': bytes(100)}, '100 bytes of data are too few'),
    ({'data': b''}, '0 bytes'),
    ({'width': 0}, 'empty'),
    ({'height': 0}, 'empty'),
    ({'encoding': 'jpeg'}, "'jpeg' is not supported.*bgr8"),
    ({'encoding': ''}, 'not supported'),
    ({'width': 65535, 'height': 65535, 'step': 65535 * 3}, 'too large'),
    ({'step': 4000000000}, 'too few'),
])
def test_bytes_without_a_picture(change, reason):
    with pytest.raises(ImageError, match=reason) as error:
        decode_raw(**{**raw(BGR, 'bgr8'), **change})
    assert '\n' not in str(error.value)


def test_a_red_pixel_of_a_bayer_pattern_is_red():
    """Patterns have other names in ROS than in OpenCV: a colour tells which is meant."""
    pixels = np.zeros((8, 8), np.uint8)
    pixels[0::2, 0::2] = 200  # the R of rggb
    assert decode_raw(**raw(pixels, 'bayer_rggb8'))[4, 4].tolist() == [0, 0, 200]


def test_a_pattern_smaller_than_its_period_is_refused():
    """An error of OpenCV becomes one of this package, or the picture is converted."""
    try:
        assert decode_raw(**raw(GREY[:1, :1], 'bayer_rggb8')).shape == (1, 1, 3)
    except ImageError as error:
        assert 'bayer_rggb8' in str(error)
