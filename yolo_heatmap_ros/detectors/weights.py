"""A model from a file, a name to download, or an export of it for a faster backend."""

import glob
import logging
import os
from pathlib import Path
import shutil
import sys
import tempfile
import time
from typing import Any, Callable, Dict, NamedTuple, Optional, Sequence, Tuple
import warnings

from yolo_heatmap_ros.choices import Acceleration
from yolo_heatmap_ros.content_hash import sha256_of
from yolo_heatmap_ros.detectors.export_cache import choose_backend, exported, ImageSize, user_cache
from yolo_heatmap_ros.errors import ModelError
from yolo_heatmap_ros.text import one_line

LEFT_AFTER = 86_400.0
"""Seconds after which a copy of weights has been left by a process that was killed."""
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
    # Bypass SETTINGS' setter, which would rewrite the user's settings file.
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

    `~` in a path is expanded.  The bare name of a model that Ultralytics offers, such as
    `yolo12n.pt`, means the file in `download_folder()`, which may still have to be downloaded: a
    file of that name in whatever folder the node was started in could run code of somebody else.
    Raises ModelError for a path that does not exist, and for a folder without a model.
    """
    if not weights.strip():
        raise ModelError("weights is empty: give a file, or a name such as 'yolo12n.pt'")
    path = Path(os.path.expanduser(weights))
    if os.path.isdir(path) and not (path / METADATA).is_file():
        raise ModelError(f"weights '{weights}': a folder without {METADATA}, so no model that "
                         'Ultralytics has exported; give the path of a file, or of such a folder')
    if path.name == weights and path.suffix == '.pt' and _is_offered(weights):
        return download_folder() / weights
    # os.path treats names too long for a file as missing, where pathlib raises.
    if os.path.exists(path):
        return path.absolute()  # './yolo12n.pt' would become a bare name
    if path.suffix in ('.yaml', '.yml') and path.name == weights:
        return path
    raise ModelError(f"weights '{weights}': no such file ({path.absolute()}); give a path that "
                     "exists, or a name such as 'yolo12n.pt' to download it")


def local_weights(weights: str, log: Callable[[str], None]) -> Path:
    """Return the file or folder of `weights`, downloaded if need be; raises ModelError."""
    path = find_weights(weights)
    if not os.path.exists(path) and path.suffix == '.pt':
        ultralytics()
        _download(weights, path, log)
    return path


def _is_offered(name: str) -> bool:
    ultralytics()
    from ultralytics.utils.downloads import GITHUB_ASSETS_NAMES
    return name in GITHUB_ASSETS_NAMES


def _download(weights: str, path: Path, log: Callable[[str], None]) -> None:
    from ultralytics.utils.downloads import attempt_download_asset
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
                         f"({one_line(error)}); give the path of a file: './{weights}' for "
                         'that in the working directory') from error
    if not path.exists():
        raise ModelError(f"weights '{weights}': the download to {path.parent} left no file; give "
                         'the path of one')


def fingerprint(weights: str) -> Tuple:
    """
    Return what changes when the file or folder of `weights` does, without reading it.

    Raises ModelError where there is none, see `find_weights`.
    """
    path = find_weights(weights)
    files = sorted(path.rglob('*')) if path.is_dir() else [path]
    status = [(file, os.stat(file)) for file in files if file.is_file()]
    return tuple((str(file), one.st_ino, one.st_size, one.st_mtime_ns) for file, one in status)


def _private_copy(path: Path) -> tempfile.TemporaryDirectory:
    """Copy weights into a folder of their own, with the files that belong to an export."""
    place = user_cache() / 'checked'
    place.mkdir(parents=True, exist_ok=True)
    for left in place.iterdir():  # by processes that were killed
        if time.time() - left.stat().st_mtime > LEFT_AFTER:
            shutil.rmtree(left, ignore_errors=True)
    folder = tempfile.TemporaryDirectory(dir=place)
    if path.is_dir():
        shutil.copytree(path, Path(folder.name) / path.name)
    else:
        belonging = [] if path.suffix == '.pt' else path.parent.glob(f'{glob.escape(path.name)}?*')
        for file in (path, *belonging):
            shutil.copyfile(file, Path(folder.name) / file.name)
    return folder


class LoadedModel(NamedTuple):
    """An `ultralytics.YOLO`, its class names by id, and the SHA-256 of its weights in hex."""

    model: Any
    names: Dict[int, str]
    sha256: str
    folder: Optional[tempfile.TemporaryDirectory]
    """Where the weights are that have been checked, as long as this object lives."""


def load_model(weights: str, accelerate: str, imgsz: ImageSize, device: str,
               log: Callable[[str], None], sha256: str = '',
               prompts: Sequence[str] = ()) -> LoadedModel:
    """
    Load `weights`.

    `accelerate` is an `Acceleration`, for an input of `imgsz` px on `device`; `log` gets a line on
    the outcome.  With a `sha256`, weights with another one are not loaded.  `prompts` are the
    classes of an open-vocabulary model, by text.  Raises ModelError, one line.
    """
    path = local_weights(weights, log)
    ultralytics()
    from ultralytics.utils import LOGGER
    # Problems of loading and predicting are raised, not logged.
    LOGGER.setLevel(logging.CRITICAL)
    folder = None
    try:
        before = fingerprint(str(path)) if path.exists() else ()
        if sha256:
            # What is checked must be what is loaded, also if somebody swaps the file in between.
            folder = _private_copy(path)
            path = Path(folder.name) / path.name
        found = sha256_of(path) if path.exists() else ''
    except OSError as error:
        raise ModelError(f"weights '{weights}': cannot be read: {error.strerror} "
                         f'({path.absolute()})') from error
    if sha256 and found != sha256:
        raise ModelError(f"weights '{weights}': the SHA-256 is {found}, and weights_sha256 is "
                         f'{sha256}: not loaded')
    model, names = _open(weights, path)
    if prompts:
        names = _prompted(model, weights, prompts)
        if accelerate != Acceleration.NONE:
            log(f"accelerate '{accelerate}': a model with prompts runs as it is")
    elif accelerate != Acceleration.NONE:
        faster = _accelerate(path, accelerate, imgsz, device, log)
        if faster != path:
            model, names = _open(weights, faster)
    if not sha256 and path.exists() and fingerprint(str(path)) != before:
        raise ModelError(f"weights '{weights}': the file has changed while it was loaded; try "
                         'again')
    return LoadedModel(model, names, found, folder)


def _prompted(model: Any, weights: str, prompts: Sequence[str]) -> Dict[int, str]:
    """Set the classes of an open-vocabulary model; return their names by id."""
    if not hasattr(model, 'set_classes'):
        raise ModelError(f"weights '{weights}': 'prompts' needs an open-vocabulary model, "
                         'YOLO-World or YOLOE as .pt; this one has its classes (classes)')
    try:
        model.set_classes(list(prompts))
    except Exception as error:  # a package or file of the text encoder that is missing, torch's
        raise ModelError(f"weights '{weights}': the text encoder cannot read the prompts "
                         f'({one_line(error)}); it needs a package and a download, see '
                         'docs/troubleshooting.md') from error
    return dict(enumerate(prompts))


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


def _export(weights: Path, export_format: str, imgsz: ImageSize, device: str) -> None:
    """Export weights into their own folder by Ultralytics' exporter, at full precision."""
    from ultralytics import YOLO
    options = {'device': device} if device else {}
    # A dynamic shape lets wide pictures run without padding, as the weights themselves do.
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', FutureWarning)  # from torch's tracer, for its developers
        YOLO(str(weights)).export(format=export_format, imgsz=imgsz,
                                  dynamic=export_format != 'engine', verbose=False, **options)


def _accelerate(path: Path, wanted: str, imgsz: ImageSize, device: str,
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
