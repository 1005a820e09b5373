"""Exports of a model for a faster backend, made once and kept in the user's cache."""

import hashlib
import importlib.util
from pathlib import Path
import shutil
import tempfile
from typing import Callable, Tuple, Union

from filelock import FileLock
import platformdirs

from yolo_heatmap_ros.choices import Acceleration
from yolo_heatmap_ros.errors import BackendError

ImageSize = Union[int, Tuple[int, int]]
"""Of a model's input, in px: the longer side, or (height, width)."""
UNFINISHED = 'unfinished-'
"""Prefix of the folder that an export is made in."""

# Ultralytics' name of the export format, and the packages that making and running it needs.
FORMATS = {
    Acceleration.OPENVINO: ('openvino', ('openvino',)),
    Acceleration.ONNX: ('onnx', ('onnx', 'onnxruntime')),
    Acceleration.TENSORRT: ('engine', ('onnx', 'tensorrt')),
}


def user_cache() -> Path:
    """Return the package's folder in the user's cache; on Linux in $XDG_CACHE_HOME or ~/.cache."""
    return platformdirs.user_cache_path('yolo_heatmap_ros', appauthor=False)


def cache_folder() -> Path:
    """Return the folder that exports are kept in."""
    return user_cache() / 'exports'


def missing_packages(backend: str) -> Tuple[str, ...]:
    """Return which Python packages a backend needs that are not installed."""
    return tuple(name for name in FORMATS[backend][1] if importlib.util.find_spec(name) is None)


def choose_backend(wanted: str, device: str, has_gpu: bool) -> str:
    """
    Return the backend for `wanted`, or `none` where `auto` finds no better one.

    Raises BackendError where a backend that was asked for by name is not installed.
    """
    if wanted == Acceleration.AUTO:
        on_gpu = has_gpu if device == '' else device not in ('cpu', 'mps')
        candidates = (Acceleration.TENSORRT,) if on_gpu else () if device == 'mps' else (
            Acceleration.OPENVINO, Acceleration.ONNX)
        return next((name for name in candidates if not missing_packages(name)), Acceleration.NONE)
    if wanted != Acceleration.NONE and missing_packages(wanted):
        raise BackendError(
            f"accelerate '{wanted}' needs the Python package(s) "
            f"{', '.join(missing_packages(wanted))}: install them, or choose 'auto' or 'none'")
    return wanted


def _key(weights: Path, backend: str, imgsz: ImageSize, device: str, version: str) -> str:
    digest = hashlib.sha256(weights.read_bytes())
    # An engine is made for one GPU; the other formats run anywhere.
    place = device or 'gpu' if backend == Acceleration.TENSORRT else 'any'
    size = imgsz if isinstance(imgsz, int) else 'x'.join(map(str, imgsz))
    digest.update(f'{backend} {size} {place} {version}'.encode())
    return f'{weights.stem}-{backend}-{size}-{digest.hexdigest()[:16]}'


def _finished(folder: Path) -> Path:
    return next(path for path in sorted(folder.iterdir()) if path.suffix != '.pt')


def exported(weights: Path, backend: str, imgsz: ImageSize, device: str, version: str,
             export: Callable[[Path, str, ImageSize, str], None]) -> Path:
    """
    Return the export of a `.pt` file, from the cache or made by `export` now.

    `export` gets a copy of the weights, Ultralytics' name of the format, `imgsz` and `device`,
    and leaves its result beside the copy.  An export appears in the cache whole or not at all,
    also where a process is killed or the disk is full.  One process exports at a time; the others
    wait, and find in the cache what was made meanwhile.  Raises OSError and whatever `export`
    raises.
    """
    cache = cache_folder()
    final = cache / _key(weights, backend, imgsz, device, version)
    if final.is_dir():
        return _finished(final)
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache.with_suffix('.lock')):
        if not final.is_dir():
            # The lock ends with the process that holds it: these were left by killed ones.
            for left in cache.glob(f'{UNFINISHED}*'):
                shutil.rmtree(left, ignore_errors=True)
            _make(final, weights, backend, imgsz, device, export)
    return _finished(final)


def _make(final: Path, weights: Path, backend: str, imgsz: ImageSize, device: str,
          export: Callable[[Path, str, ImageSize, str], None]) -> None:
    """Make an export in a temporary folder beside `final`, and rename that to `final`."""
    temporary = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=final.parent))
    try:
        copy = temporary / weights.name
        shutil.copyfile(weights, copy)
        export(copy, FORMATS[backend][0], imgsz, device)
        copy.unlink()
        for path in temporary.glob('*.onnx') if backend == Acceleration.TENSORRT else ():
            path.unlink()
        temporary.rename(final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
