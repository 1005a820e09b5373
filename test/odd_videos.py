"""Video files as phones, browsers and broken disks make them, built from given frames."""

from fractions import Fraction
import struct

import av
import numpy as np

ROTATIONS = {90: (0, 65536, -65536, 0), 180: (-65536, 0, 0, -65536), 270: (0, -65536, 65536, 0)}
"""The first numbers of a track's matrix by how far players turn it clockwise, in degrees."""


def encode(path, frames, times=None, codec='libx264', rate=10, **options):
    """Write frames, (H, W, 3) uint8 BGR, at their times in s, evenly where None."""
    _encode(str(path), frames, times, codec, rate, options)
    return path


class _Pipe:
    """What an encoder can only write to, so that nothing at the beginning is filled in later."""

    def __init__(self, file):
        self.write = file.write


def encode_piped(path, frames, codec='libx264', rate=10, **options):
    """Write frames as through a pipe: the file does not say how long it is."""
    with path.open('wb') as file:
        _encode(_Pipe(file), frames, None, codec, rate, options)
    return path


def _encode(target, frames, times, codec, rate, options):
    with av.open(target, 'w', format=options.pop('format', None)) as container:
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = 'yuvj420p' if codec == 'mjpeg' else 'yuv420p'
        stream.codec_context.time_base = Fraction(1, 1000 if times else rate)
        for number, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format='bgr24')
            picture.pts = round(times[number] * 1000) if times else number
            picture.time_base = stream.codec_context.time_base
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def turned(path, degrees):
    """Let an MP4 say that it is to be turned clockwise."""
    data = bytearray(path.read_bytes())
    matrix = data.index(b'tkhd') + 4 + 40
    a, b, c, d = ROTATIONS[degrees]
    data[matrix:matrix + 36] = struct.pack('>9i', a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def damaged(path, begin, end, seed=0):
    """Replace a part of a file, given in fractions of its length, by noise."""
    data = bytearray(path.read_bytes())
    first, last = int(begin * len(data)), int(end * len(data))
    data[first:last] = np.random.default_rng(seed).bytes(last - first)
    path.write_bytes(data)
    return path
