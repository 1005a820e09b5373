"""JPEG and PNG to and from arrays, decoded by another library than the package's."""

from io import BytesIO
import struct
import zlib

import cv2
import numpy as np
from PIL import Image
import pytest
from yolo_heatmap_ros.errors import ImageError
from yolo_heatmap_ros.media.compressed_images import decode_compressed, encode_jpeg, encode_png
from yolo_heatmap_ros.media.raw_images import decode_raw


def test_there_and_back(street_frames):
    frame = street_frames[0]
    for level in (0, 9):
        assert np.array_equal(decode_compressed(encode_png(frame, level), 'png'), frame)
    data = encode_jpeg(frame, 95)
    decoded = decode_compressed(data, 'jpeg').astype(int)
    other = np.asarray(Image.open(BytesIO(data)).convert('RGB'))[:, :, ::-1]
    assert np.abs(decoded - other).max() <= 2
    assert np.abs(decoded - frame).mean() < 3
    assert len(encode_jpeg(frame, 20)) < 0.6 * len(data)


@pytest.mark.parametrize('said, turned', [
    ('bgr8; png compressed bgr8', False), ('rgb8; png compressed bgr8', False), ('png', False),
    ('rgb8; png compressed rgb8', True), ('', False)])
def test_formats_that_others_write(street_frames, said, turned):
    frame = street_frames[0]
    result = decode_compressed(encode_png(frame, 3), said)
    assert np.array_equal(result, frame[:, :, ::-1] if turned else frame)
    assert result.flags.c_contiguous


def test_grey_and_sixteen_bits_become_colour():
    grey = np.arange(200, dtype=np.uint8).reshape(10, 20)
    for values in (grey, grey.astype(np.uint16) * 257):
        data = cv2.imencode('.png', values)[1].tobytes()
        assert np.array_equal(decode_compressed(data, 'mono8; png compressed mono8'),
                              np.repeat(grey[:, :, None], 3, axis=2))


def bomb(width, height):
    """Return a PNG of a few bytes that says it is this large."""
    def chunk(kind, data):
        return (struct.pack('>I', len(data)) + kind + data
                + struct.pack('>I', zlib.crc32(kind + data)))
    header = struct.pack('>2I5B', width, height, 8, 2, 0, 0, 0)
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header)
            + chunk(b'IDAT', zlib.compress(bytes(1000))) + chunk(b'IEND', b''))


def test_what_is_no_picture(street_frames):
    png, jpeg = encode_png(street_frames[0], 3), encode_jpeg(street_frames[0], 95)
    for data, kind, reason in (
            (b'', 'jpeg', '0 bytes .* are no JPEG, PNG or TIFF'),
            (b'hello', 'jpeg', '5 bytes .* are no JPEG, PNG or TIFF'),
            (png, '16UC1; compressedDepth png', 'compressedDepth .*use the raw topic'),
            (bomb(60000, 60000), 'png', 'too large'),
            (png[:len(png) // 2], 'bgr8; png compressed bgr8', 'cannot be decoded'),
            (jpeg[:len(jpeg) // 2], 'bgr8; jpeg compressed bgr8', 'cannot be decoded')):
        with pytest.raises(ImageError, match=reason) as caught:
            decode_compressed(data, kind)
        assert '\n' not in str(caught.value)


def packed(values, suffix, *flags):
    return cv2.imencode(suffix, values, flags)[1].tobytes()


def test_depth_as_image_transport_packs_it():
    """A PNG of 16 bits, or a TIFF of floats: the range is that of the parameter, as for raw."""
    depth = np.array([[0, 500, 1000], [2000, 4000, 8000]], np.uint16)
    for data in packed(depth, '.png'), packed(depth, '.tiff'):
        assert np.array_equal(
            decode_compressed(data, '16UC1; png compressed ', (0.0, 4000.0))[:, :, 0],
            [[0, 32, 64], [128, 255, 255]])
        assert np.array_equal(decode_compressed(data, '16UC1; png compressed '),
                              decode_raw(depth.tobytes(), 2, 3, 6, '16UC1'))
    metres = np.array([[0.5, np.nan], [2.0, 4.0]], np.float32)
    assert np.array_equal(
        decode_compressed(packed(metres, '.tiff'), '32FC1; tiff compressed ', (0.0, 4.0)),
        decode_raw(metres.tobytes(), 2, 2, 8, '32FC1', value_range=(0.0, 4.0)))


@pytest.mark.parametrize('pattern', ['rggb', 'bggr', 'gbrg', 'grbg'])
def test_bayer_patterns(pattern):
    """As image_transport packs them: the pattern itself, in grey."""
    raw = np.random.default_rng(3).integers(0, 256, (8, 10), np.uint8)
    expected = decode_raw(raw.tobytes(), 8, 10, 10, f'bayer_{pattern}8')
    assert np.array_equal(
        decode_compressed(packed(raw, '.png'), f'bayer_{pattern}8; png compressed '), expected)
    wide = raw.astype(np.uint16) * 257
    assert np.array_equal(
        decode_compressed(packed(wide, '.png'), f'bayer_{pattern}16; png compressed '),
        decode_raw(wide.tobytes(), 8, 10, 20, f'bayer_{pattern}16'))
    smooth = np.full((8, 10), 100, np.uint8)
    jpeg = packed(smooth, '.jpg', cv2.IMWRITE_JPEG_QUALITY, 100)
    assert np.array_equal(decode_compressed(jpeg, f'bayer_{pattern}8; jpeg compressed '),
                          decode_raw(smooth.tobytes(), 8, 10, 10, f'bayer_{pattern}8'))


def test_bayer_that_a_driver_has_made_into_colours():
    colours = np.random.default_rng(4).integers(0, 256, (8, 10, 3), np.uint8)
    assert np.array_equal(
        decode_compressed(packed(colours, '.png'), 'bayer_rggb8; png compressed bgr8'), colours)


def test_tiff():
    """Another format of image_transport's plugin; a bomb is refused before it is unpacked."""
    frame = np.random.default_rng(5).integers(0, 256, (20, 30, 3), np.uint8)
    assert np.array_equal(
        decode_compressed(packed(frame, '.tiff'), 'bgr8; tiff compressed bgr8'), frame)
    buffer = BytesIO()
    Image.new('L', (9000, 9000)).save(buffer, 'TIFF', compression='tiff_deflate')
    with pytest.raises(ImageError, match='too large: width 9000, height 9000'):
        decode_compressed(buffer.getvalue(), 'mono8; tiff compressed mono8')
    with pytest.raises(ImageError, match='cannot be decoded'):
        decode_compressed(packed(frame, '.tiff')[:60], 'bgr8; tiff compressed bgr8')
