"""
Coverage-guided fuzzing of the decoding of images, by Atheris (`pip install atheris`).

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
        from yolo_heatmap_ros.media import compressed_images, raw_images
else:
    from yolo_heatmap_ros.media import compressed_images, raw_images
import numpy as np  # noqa: E402

ENCODINGS = (*sorted(raw_images.PIXEL_BYTES), 'h264', '')
FORMATS = ('jpeg', 'png', 'bgr8; jpeg compressed bgr8', 'rgb8; png compressed rgb8',
           '16UC1; compressedDepth png')
RANGES = ((), (0.0, 1.0), (0.5, 8.0))
_view_of_rows = raw_images._rows


def _checked_rows(pixels: np.ndarray, count: int, length: int, step: int) -> np.ndarray:
    assert (count - 1) * step + length <= pixels.size, 'rows reach beyond the data'
    return _view_of_rows(pixels, count, length, step)


raw_images._rows = _checked_rows


def _decode_raw(data: bytes) -> np.ndarray:
    """
    Decode an input as a raw image.

    The first byte chooses the encoding; the next six are height, width and step (two bytes each),
    then come scale and byte order, and the range.  The rest is the data.
    """
    head, rest = data[:10].ljust(10, b'\0'), data[10:]
    scale = 16 if head[7] & 0x80 else 0
    height, width, step = (int.from_bytes(head[i:i + 2], 'little') << scale for i in (1, 3, 5))
    frame = raw_images.decode_raw(rest, height, width, step, ENCODINGS[head[0] % len(ENCODINGS)],
                                  bool(head[7] & 1), RANGES[head[8] % len(RANGES)])
    assert frame.shape == (height, width, 3)
    return frame


def _decode_compressed(data: bytes) -> np.ndarray:
    """Decode an input as a compressed image: the second byte chooses the format."""
    head, rest = data[:10].ljust(10, b'\0'), data[10:]
    return compressed_images.decode_compressed(rest, FORMATS[head[1] % len(FORMATS)])


def decode(data: bytes) -> str:
    """
    Decode an input; return what came of it.  Only ImageError is allowed to be raised.

    The highest bit of the first byte tells compressed images from raw ones.
    """
    try:
        frame = (_decode_compressed if data[:1] >= b'\x80' else _decode_raw)(data)
    except raw_images.ImageError as error:
        assert '\n' not in str(error) and len(str(error)) < 500
        return 'refused'
    assert frame.dtype == np.uint8 and frame.ndim == 3 and frame.shape[2] == 3 and frame.size
    assert frame.flags.c_contiguous and frame.size <= 3 * raw_images.MAX_PIXELS
    return 'decoded'


if __name__ == '__main__':
    atheris.Setup(sys.argv, lambda data: decode(data) and None)
    atheris.Fuzz()
