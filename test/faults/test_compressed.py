"""Compressed images that are cut off, damaged, or lie about their size."""

import struct
import zlib

import cv2
from fault_bench import bench_of
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage

pytestmark = pytest.mark.faults


def png(width, height, rows=b''):
    """Return a PNG that says it has this size, with compressed rows as given."""
    def chunk(kind, data):
        return (struct.pack('>I', len(data)) + kind + data
                + struct.pack('>I', zlib.crc32(kind + data)))
    header = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', rows)
            + chunk(b'IEND', b''))


def packed(frame, suffix='.jpg'):
    return cv2.imencode(suffix, frame)[1].tobytes()


def compressed_message(frame, stamp):
    message = CompressedImage(format='jpeg', data=packed(frame))
    message.header.stamp.sec = stamp
    return message


@pytest.fixture(scope='module')
def bench(street, street_frames):
    yield from bench_of(street, street_frames, topic='image/compressed',
                        to_message=compressed_message, fresh=True, input_transport='compressed')


@pytest.fixture(scope='module')
def pictures(street_frames):
    return packed(street_frames[0]), packed(street_frames[0], '.png')


def test_messages_without_a_picture(bench, pictures):
    """Cut off, mislabelled, and bombs: each costs a line, and no memory to speak of."""
    jpeg, image = pictures
    unusable = [
        b'', b'\xff', b'\xff\xd8\xff', jpeg[:100], image[:20], image[:60], b'RIFF' + jpeg,
        jpeg[1:], png(60_000, 60_000), png(2 ** 31 - 1, 1), png(0, 0), b'GIF89a' + bytes(100),
        bytes(5000), png(20_000, 20_000, zlib.compress(bytes(1_000_000_000), 9))]
    before = bench.process.peak_memory_mb()
    for data in unusable:
        bench.camera.publish(CompressedImage(format='jpeg', data=data))
    bench.assert_survived()
    assert bench.counted() == {'processed': 1, 'unusable': len(unusable)}
    assert bench.process.peak_memory_mb() < before + 100


def test_damaged_messages(bench, pictures):
    """Flipped bytes and missing ends: used where a picture comes out, skipped otherwise."""
    noise = np.random.default_rng(0)

    def damaged(data):
        bad = bytearray(data)
        for place in noise.integers(len(bad), size=20):
            bad[place] = noise.integers(256)
        return bytes(bad)
    count = 0
    for data in pictures:
        for bad in (data[:len(data) // 2], data[:-2], *(damaged(data) for _ in range(20))):
            bench.camera.publish(CompressedImage(format='jpeg', data=bad))
            count += 1
    bench.assert_survived()
    assert sum(bench.counted().values()) == count + 1
    bench.stop()
