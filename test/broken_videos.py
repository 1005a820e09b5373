"""Video files as interrupted copies, careless tools and phones leave them."""

import struct

import cv2


def write_video(path, frames, fourcc='MJPG', rate=20.0):
    """Write frames, (H, W, 3) uint8 BGR, to a file and return its path."""
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*fourcc), rate, (width, height))
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


def with_frame_count(path, count):
    """Let an AVI say that it has so many frames."""
    data = bytearray(path.read_bytes())
    header = data.index(b'avih') + 8
    data[header + 16:header + 20] = struct.pack('<I', count)
    stream = data.index(b'strh') + 8
    data[stream + 32:stream + 36] = struct.pack('<I', count)
    path.write_bytes(data)
    return path


def _with_box(data, names, content):
    """Return the boxes in `data` with the content of one replaced, and all sizes around it."""
    result, place = b'', 0
    while place < len(data):
        size = struct.unpack('>I', data[place:place + 4])[0] or len(data) - place
        kind, inner = data[place + 4:place + 8], data[place + 8:place + size]
        if kind == names[0]:
            inner = _with_box(inner, names[1:], content) if names[1:] else content
        result += struct.pack('>I', 8 + len(inner)) + kind + inner
        place += size
    return result


def with_spacings(path, seconds):
    """Give the frames of an MP4, whose index follows its pictures, these times between them."""
    # Without the edit list, which would cut off what is longer than before.
    data = path.read_bytes().replace(b'edts', b'free')
    header = data.index(b'mdhd') + 4
    scale = struct.unpack('>I', data[header + 12:header + 16])[0]
    entries = b''.join(struct.pack('>II', 1, round(spacing * scale)) for spacing in seconds)
    path.write_bytes(_with_box(data, (b'moov', b'trak', b'mdia', b'minf', b'stbl', b'stts'),
                               struct.pack('>II', 0, len(seconds)) + entries))
    return path
