"""
Coverage-guided fuzzing of what decodes messages, by Atheris (`pip install atheris`).

`tools/fuzz.py test/fuzz_corpus -max_total_time=60` begins with the inputs of a folder, and adds to
it what reaches new code; any other argument is libFuzzer's.  With single files they are only
tried.  `decode` is what is fuzzed; tests call it without Atheris too.
"""

from pathlib import Path
import sys

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == '__main__':
    try:
        import atheris
    except ImportError:
        sys.exit("fuzzing needs Atheris: 'pip install atheris'")
    with atheris.instrument_imports(include=['yolo_heatmap_ros']):
        from yolo_heatmap_ros.ros.messages import compressed, images
else:
    from yolo_heatmap_ros.ros.messages import compressed, images
import numpy as np  # noqa: E402
from sensor_msgs.msg import CompressedImage, Image  # noqa: E402

ENCODINGS = (*sorted(images._PIXEL_BYTES), 'h264', '')
FORMATS = ('jpeg', 'png', 'bgr8; jpeg compressed bgr8', 'rgb8; png compressed rgb8',
           '16UC1; compressedDepth png')
RANGES = ((), (0.0, 1.0), (0.5, 8.0))
_view_of_rows = images._rows


def _checked_rows(pixels: np.ndarray, count: int, length: int, step: int) -> np.ndarray:
    assert (count - 1) * step + length <= pixels.size, 'rows reach beyond the data'
    return _view_of_rows(pixels, count, length, step)


images._rows = _checked_rows


def message_of(data: bytes):
    """
    Return the message that an input stands for.

    Its first byte chooses the kind and the encoding; of a raw picture the next nine are height,
    width, step (two bytes each), their scale, byte order, and range.  The rest is the data.
    """
    head, rest = data[:10].ljust(10, b'\0'), data[10:]
    if head[0] & 0x80:
        return CompressedImage(format=FORMATS[head[1] % len(FORMATS)], data=rest)
    scale = 16 if head[7] & 0x80 else 0
    height, width, step = (int.from_bytes(head[i:i + 2], 'little') << scale for i in (1, 3, 5))
    return Image(height=height, width=width, step=step, is_bigendian=head[7] & 1,
                 encoding=ENCODINGS[head[0] % len(ENCODINGS)], data=rest)


def decode(data: bytes) -> str:
    """Decode an input; return what came of it.  Only ImageError is allowed to be raised."""
    message = message_of(data)
    try:
        if isinstance(message, CompressedImage):
            frame = compressed.from_compressed(message)
        else:
            frame = images.to_frame(message, RANGES[data[8:9][0] % 3 if len(data) > 8 else 0])
            assert frame.shape == (message.height, message.width, 3)
    except images.ImageError as error:
        assert '\n' not in str(error) and len(str(error)) < 500
        return 'refused'
    assert frame.dtype == np.uint8 and frame.ndim == 3 and frame.shape[2] == 3 and frame.size
    assert frame.flags.c_contiguous and frame.size <= 3 * images.MAX_PIXELS
    return 'decoded'


if __name__ == '__main__':
    atheris.Setup(sys.argv, lambda data: decode(data) and None)
    atheris.Fuzz()
