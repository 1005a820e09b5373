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
            (b'', 'jpeg', '0 bytes .* are no JPEG or PNG'),
            (b'hello', 'jpeg', '5 bytes .* are no JPEG or PNG'),
            (png, '16UC1; compressedDepth png', 'compressedDepth .*use the raw topic'),
            (bomb(60000, 60000), 'png', 'too large'),
            (png[:len(png) // 2], 'bgr8; png compressed bgr8', 'cannot be decoded'),
            (jpeg[:len(jpeg) // 2], 'bgr8; jpeg compressed bgr8', 'cannot be decoded')):
        with pytest.raises(ImageError, match=reason) as caught:
            decode_compressed(data, kind)
        assert '\n' not in str(caught.value)
