"""A model from a file, a name to download, or an export of it for a faster backend."""

import hashlib
import logging
import os
from pathlib import Path
import sys
import tempfile
import time
from typing import Callable
import warnings

from yolo_heatmap_ros.choices import Acceleration
from yolo_heatmap_ros.detectors.export_cache import choose_backend, exported, user_cache
from yolo_heatmap_ros.errors import ModelError
from yolo_heatmap_ros.text import one_line

METADATA = 'metadata.yaml'
"""The file that Ultralytics writes into every folder with an exported model."""
TASKS_WITH_BOXES = ('detect', 'segment', 'pose', 'obb')


def ultralytics():
    """
    Import the module late, because that takes seconds, with its auto-installer off.

    Its reports on usage and crashes are off as well, in this process only: a robot says nothing
    to others unasked.
    """
    # On a robot an upgrade at run time can break other packages.
    os.environ.setdefault('YOLO_AUTOINSTALL', 'false')
    import ultralytics
    from ultralytics.utils import SETTINGS
    # Not by SETTINGS' own way, which writes the user's file.
    dict.__setitem__(SETTINGS, 'sync', False)
    for name in ('ultralytics.utils.events', 'ultralytics.hub.utils'):
        events = getattr(sys.modules.get(name), 'events', None)
        if events is not None:  # else it reads the setting once it is imported
            events.enabled = False
    return ultralytics


def download_folder() -> Path:
    """Return the folder of weights that Ultralytics downloads by name."""
    return user_cache()


def find_weights(weights: str) -> Path:
    """
    Return the file or folder that `weights` means.

    `~` in a path is expanded.  A bare name that is not in the working directory, such as
    `yolo12n.pt`, means Ultralytics' own weights in `download_folder()`, which may still have to be
    downloaded.  Raises ModelError for a path that does not exist, and for a folder without a
    model.
    """
    if not weights.strip():
        raise ModelError("weights is empty: give a file, or a name such as 'yolo12n.pt'")
    path = Path(os.path.expanduser(weights))
    if os.path.isdir(path) and not (path / METADATA).is_file():
        raise ModelError(f"weights '{weights}': a folder without {METADATA}, so no model that "
                         'Ultralytics has exported; give the path of a file, or of such a folder')
    # os.path treats names too long for a file as missing, where pathlib raises.
    if os.path.exists(path) or (path.suffix in ('.yaml', '.yml') and path.name == weights):
        return path
    if path.name == weights and path.suffix == '.pt':
        return download_folder() / weights
    raise ModelError(f"weights '{weights}': no such file ({path.absolute()}); give a path that "
                     "exists, or a name such as 'yolo12n.pt' to download it")


def _download(weights: str, path: Path, log: Callable[[str], None]) -> None:
    from ultralytics.utils.downloads import attempt_download_asset, GITHUB_ASSETS_NAMES
    if path.name not in GITHUB_ASSETS_NAMES:
        raise ModelError(f"weights '{weights}': neither a file in the working directory nor a "
                         'model that Ultralytics offers; give the path of a file')
    log(f"downloading '{weights}' to {path.parent}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A partial file of an interrupted download must not be mistaken for the model.
        with tempfile.TemporaryDirectory(prefix='download-', dir=path.parent) as folder:
            arriving = Path(folder, path.name)
            attempt_download_asset(str(arriving))
            if arriving.exists():
                arriving.replace(path)
    except Exception as error:  # urllib's, requests' and Ultralytics' own
        raise ModelError(f"weights '{weights}': cannot be downloaded to {path.parent} "
                         f'({one_line(error)}); give the path of a file') from error
    if not path.exists():
        raise ModelError(f"weights '{weights}': the download to {path.parent} left no file; give "
                         'the path of one')


def sha256_of(path: Path) -> str:
    """Return the SHA-256, in hex, of a file, or of the names and contents of a folder's files."""
    digest = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(path.rglob('*')):
        if file.is_file():
            if file != path:
                digest.update(str(file.relative_to(path)).encode() + b'\0')
            with file.open('rb') as content:
                while chunk := content.read(1 << 20):
                    digest.update(chunk)
    return digest.hexdigest()


def load_model(weights: str, accelerate: str, imgsz: int, device: str, log: Callable[[str], None],
               sha256: str = ''):
    """
    Return the `ultralytics.YOLO` for `weights`, its class names by id, and the SHA-256.

    `accelerate` is an `Acceleration`, for an input of `imgsz` px on `device`; `log` gets a line on
    the outcome.  With a `sha256`, weights with another one are not loaded.  Raises ModelError, one
    line.
    """
    path = find_weights(weights)
    ultralytics()
    from ultralytics.utils import LOGGER
    if not os.path.exists(path) and path.suffix == '.pt':
        _download(weights, path, log)
    # Problems of loading and predicting are raised, not logged.
    LOGGER.setLevel(logging.CRITICAL)
    try:
        found = sha256_of(path) if path.exists() else ''
    except OSError as error:
        raise ModelError(f"weights '{weights}': cannot be read: {error.strerror} "
                         f'({path.absolute()})') from error
    if sha256 and found != sha256:
        raise ModelError(f"weights '{weights}': the SHA-256 is {found}, and weights_sha256 is "
                         f'{sha256}: not loaded')
    model, names = _open(weights, path)
    if accelerate != Acceleration.NONE:
        faster = _accelerate(path, accelerate, imgsz, device, log)
        if faster != path:
            model, names = _open(weights, faster)
    return model, names, found


def _open(weights: str, path: Path):
    """Return a model and its class names; raises ModelError for one that cannot be used."""
    from ultralytics import YOLO
    from ultralytics.utils import YAML
    task = None
    metadata = path / METADATA
    if metadata.is_file():
        task = YAML.load(metadata).get('task')
    try:
        model = YOLO(str(path), task=task)
        # Exported models are opened by the first use; a broken one fails here.
        names = dict(model.names)
    except Exception as error:  # whatever unpickling and the backends raise
        raise ModelError(f"weights '{weights}': not a model that Ultralytics can load "
                         f'({one_line(error)})') from error
    if model.task not in TASKS_WITH_BOXES:
        raise ModelError(f"weights '{weights}': a model for '{model.task}' finds no boxes; use "
                         f"one for {', '.join(TASKS_WITH_BOXES)}")
    return model, names


def _export(weights: Path, export_format: str, imgsz: int, device: str) -> None:
    """Export weights into their own folder by Ultralytics' exporter, at full precision."""
    from ultralytics import YOLO
    options = {'device': device} if device else {}
    # A dynamic shape lets wide pictures run without padding, as the weights themselves do.
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', FutureWarning)  # from torch's tracer, for its developers
        YOLO(str(weights)).export(format=export_format, imgsz=imgsz,
                                  dynamic=export_format != 'engine', verbose=False, **options)


def _accelerate(path: Path, wanted: str, imgsz: int, device: str,
                log: Callable[[str], None]) -> Path:
    """Return the export of a `.pt` file for the backend `wanted`, or the file itself."""
    import torch
    backend = choose_backend(wanted, device, torch.cuda.is_available())
    if path.suffix != '.pt' or backend == Acceleration.NONE:
        if wanted not in (Acceleration.NONE, backend):
            why = ('is exported already' if path.suffix != '.pt' else
                   'no faster backend is installed for this device')
            log(f"accelerate '{wanted}': '{path.name}' runs as it is, {why}")
        return path
    begin = time.monotonic()
    try:
        result = exported(path, backend, imgsz, device, ultralytics().__version__, _export)
    except Exception as error:  # the exporter's own, or the disk's
        if wanted != Acceleration.AUTO:
            raise ModelError(f"accelerate '{wanted}': the export failed ({one_line(error)}); "
                             "choose 'auto' or 'none'") from error
        log(f"accelerate 'auto': the export to {backend} failed ({one_line(error)}); "
            f"'{path.name}' runs as it is")
        return path
    log(f"accelerate '{wanted}': {result} ({time.monotonic() - begin:.1f} s)")
    return result
