"""Objects in a frame by an Ultralytics YOLO model, tracked from frame to frame."""

from dataclasses import dataclass
import logging
import os
from pathlib import Path
import time
from typing import Callable, List, Sequence, Union
import warnings

import numpy as np

from yolo_heatmap_ros.acceleration import AccelerationError, AUTO, choose_backend, exported, NONE

TASKS_WITH_BOXES = ('detect', 'segment', 'pose', 'obb')
NO_TRACKER = 'none'


class ModelError(ValueError):
    """A model, one of its classes, a tracker or a device that cannot be used; one line."""


@dataclass
class Detections:
    """
    Objects in one frame.

    `xyxy` (N, 4) float32 boxes in px; an oriented box is given by the upright box around it.
    `class_id` (N,) int64, `confidence` (N,) float32, `track_id` (N,) int64, -1 without tracker.
    """

    xyxy: np.ndarray
    class_id: np.ndarray
    confidence: np.ndarray
    track_id: np.ndarray

    @classmethod
    def from_boxes(cls, xyxy: np.ndarray) -> 'Detections':
        """Wrap boxes, (N, 4), of class 0, full confidence and no track."""
        count = len(xyxy)
        return cls(np.asarray(xyxy, np.float32).reshape(-1, 4), np.zeros(count, np.int64),
                   np.ones(count, np.float32), np.full(count, -1, np.int64))

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.xyxy)


def _ultralytics():
    # On a robot an upgrade at run time can break other packages; and torch is slow to import.
    os.environ.setdefault('YOLO_AUTOINSTALL', 'false')
    import ultralytics
    return ultralytics


def _one_line(error: BaseException) -> str:
    text = ' '.join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:200] + '…'


def download_folder() -> Path:
    """Return where weights that Ultralytics downloads by name are kept."""
    cache = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(cache) / 'yolo_heatmap_ros'


def find_weights(weights: str) -> Path:
    """
    Return the file or folder that `weights` means.

    A path is taken as it is (`~` is expanded).  A bare name that is not in the working directory,
    such as `yolo12n.pt`, is one of Ultralytics' own, in `download_folder()`: there it may not be
    yet.  Raises ModelError for a path that does not exist.
    """
    path = Path(weights).expanduser()
    if not weights.strip():
        raise ModelError("weights is empty: give a file, or a name such as 'yolo12n.pt'")
    if path.exists() or (path.suffix in ('.yaml', '.yml') and path.name == weights):
        return path
    if path.name == weights and path.suffix == '.pt':
        return download_folder() / weights
    raise ModelError(f"weights '{weights}': no such file ({path.absolute()}); give a path that "
                     "exists, or a name such as 'yolo12n.pt' to download it")


def _download(weights: str, path: Path) -> None:
    from ultralytics.utils.downloads import attempt_download_asset, GITHUB_ASSETS_NAMES
    if path.name not in GITHUB_ASSETS_NAMES:
        raise ModelError(f"weights '{weights}': neither a file in the working directory nor a "
                         'model that Ultralytics offers; give the path of a file')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        attempt_download_asset(str(path))
    except Exception as error:  # urllib's, requests' and Ultralytics' own
        raise ModelError(f"weights '{weights}': cannot be downloaded to {path.parent} "
                         f'({_one_line(error)}); give the path of a file') from error
    if not path.exists():
        raise ModelError(f"weights '{weights}': the download to {path.parent} left no file; give "
                         'the path of one')


def _load(weights: str, accelerate: str, imgsz: int, device: str, log: Callable[[str], None]):
    path = find_weights(weights)
    _ultralytics()
    from ultralytics.utils import LOGGER
    if not path.exists() and path.suffix == '.pt':
        _download(weights, path)
    # What is worth saying of loading and predicting is raised.
    LOGGER.setLevel(logging.CRITICAL)
    if path.is_file() and not os.access(path, os.R_OK):
        raise ModelError(f"weights '{weights}': no permission to read {path.absolute()}")
    model, names = _open(weights, path)
    if accelerate != NONE:
        faster = _accelerate(path, accelerate, imgsz, device, log)
        if faster != path:
            model, names = _open(weights, faster)
    return model, names


def _open(weights: str, path: Path):
    """Return a model and its class names; raises ModelError for one that cannot be used."""
    from ultralytics import YOLO
    from ultralytics.utils import YAML
    task = None
    metadata = path / 'metadata.yaml'
    if metadata.is_file():
        task = YAML.load(metadata).get('task')
    try:
        model = YOLO(str(path), task=task)
        # Exported models are only opened by the first prediction; a broken one fails here.
        names = dict(model.names)
    except Exception as error:  # whatever unpickling and the backends raise
        raise ModelError(f"weights '{weights}': not a model that Ultralytics can load "
                         f'({_one_line(error)})') from error
    if model.task not in TASKS_WITH_BOXES:
        raise ModelError(f"weights '{weights}': a model for '{model.task}' finds no boxes; use "
                         f"one for {', '.join(TASKS_WITH_BOXES)}")
    return model, names


def _export(weights: Path, export_format: str, imgsz: int, device: str) -> None:
    """Export weights beside themselves; Ultralytics' own exporter, at full precision."""
    from ultralytics import YOLO
    options = {'device': device} if device else {}
    # A dynamic shape lets wide pictures run without padding, as the weights themselves do.
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', FutureWarning)  # of torch's tracer, to its own developers
        YOLO(str(weights)).export(format=export_format, imgsz=imgsz,
                                  dynamic=export_format != 'engine', verbose=False, **options)


def _accelerate(path: Path, wanted: str, imgsz: int, device: str,
                log: Callable[[str], None]) -> Path:
    """Return the export of a `.pt` file that `wanted` asks for, or the file itself."""
    import torch
    try:
        backend = choose_backend(wanted, device, torch.cuda.is_available())
    except AccelerationError as error:
        raise ModelError(str(error)) from error
    if path.suffix != '.pt' or backend == NONE:
        if wanted not in (NONE, backend):
            why = ('is exported already' if path.suffix != '.pt' else
                   'no faster backend is installed for this device')
            log(f"accelerate '{wanted}': '{path.name}' runs as it is, {why}")
        return path
    begin = time.monotonic()
    try:
        result = exported(path, backend, imgsz, device, _ultralytics().__version__, _export)
    except Exception as error:  # the exporter's own, or the disk's
        if wanted != AUTO:
            raise ModelError(f"accelerate '{wanted}': the export failed ({_one_line(error)}); "
                             "choose 'auto' or 'none'") from error
        log(f"accelerate 'auto': the export to {backend} failed ({_one_line(error)}); "
            f"'{path.name}' runs as it is")
        return path
    log(f"accelerate '{wanted}': {result} ({time.monotonic() - begin:.1f} s)")
    return result


def find_tracker(tracker: str) -> str:
    """
    Return `none`, the path of a tracker's YAML file, or '' for Ultralytics' default.

    Ultralytics' own are known by name, with or without `.yaml`.  Raises ModelError for others.
    """
    if tracker.strip().lower() in ('', NO_TRACKER):
        return tracker.strip().lower()
    folder = Path(_ultralytics().__file__).parent / 'cfg' / 'trackers'
    known = sorted(path.stem for path in folder.glob('*.yaml'))
    if tracker.removesuffix('.yaml') in known:
        return str(folder / f"{tracker.removesuffix('.yaml')}.yaml")
    path = Path(tracker).expanduser()
    if path.is_file():
        return str(path)
    raise ModelError(f"unknown tracker '{tracker}': choose one of "
                     f"{', '.join((NO_TRACKER, *known))}, or give the path of a tracker's YAML")


def to_detections(result, only_tracks: bool = False) -> Detections:
    """
    Return what one `ultralytics.engine.results.Results` holds.

    With `only_tracks`, boxes that no track has confirmed are left out.
    """
    found = result.boxes if result.obb is None else result.obb
    if found is None or not len(found) or (only_tracks and not found.is_track):
        return Detections.from_boxes(np.empty((0, 4)))
    if result.obb is None:
        boxes = found.xyxy.cpu().numpy()
    else:
        corners = found.xyxyxyxy.cpu().numpy()
        boxes = np.concatenate((corners.min(axis=1), corners.max(axis=1)), axis=1)
    tracks = (found.id.cpu().numpy().astype(np.int64) if found.is_track
              else np.full(len(found), -1, np.int64))
    return Detections(boxes, found.cls.cpu().numpy().astype(np.int64),
                      found.conf.cpu().numpy(), tracks)


class YoloTracker:
    """A model with its tracker; what it has seen so far lives in the tracker."""

    def __init__(self, weights: str, device: str = '', imgsz: int = 640, conf: float = 0.25,
                 iou: float = 0.7, max_det: int = 300, classes: Sequence[Union[int, str]] = (),
                 tracker: str = '', accelerate: str = NONE, threads: int = 0,
                 log: Callable[[str], None] = lambda line: None):
        """
        Load the model and run it once, so that the first frame is not a slow one.

        `accelerate` is `none`, `auto` or one of `acceleration.FORMATS`; `log` gets a line on what
        came of it.  `threads` are PyTorch's on the CPU; 0 leaves them to Ultralytics, which
        spares a core for the rest of the machine.  Raises ModelError, one line, for weights,
        device, classes or tracker that cannot be used.
        """
        self._tracker = find_tracker(tracker)
        self._model, self.names = _load(weights, accelerate, imgsz, device, log)
        self.task = self._model.task
        self.device = device
        self.imgsz = imgsz
        self.conf = conf
        self.iou = iou
        self.max_det = max_det
        self.classes = classes
        try:
            self._model.predict(np.zeros((imgsz, imgsz, 3), np.uint8), **self._options())
        except Exception as error:  # torch's, a backend's, or a missing package's
            message = _one_line(error)
            if 'device' in message.lower() or 'cuda' in message.lower():
                message = f"device '{device}' cannot be used here, try 'cpu' ({message})"
            raise ModelError(f"weights '{weights}': {message}") from error
        if threads:
            import torch
            torch.set_num_threads(threads)

    @property
    def device_name(self) -> str:
        """Return where the model runs, such as `cpu` or `cuda:0`."""
        return str(self._model.predictor.device)

    @property
    def classes(self) -> List[int]:
        """Return the ids of the classes that count; empty for all."""
        return self._classes

    @classes.setter
    def classes(self, wanted: Sequence[Union[int, str]]) -> None:
        self._classes = self.class_ids(wanted)

    def class_ids(self, wanted: Sequence[Union[int, str]]) -> List[int]:
        """Return the ids of classes given by id or name; raises ModelError for unknown ones."""
        by_name = {name.lower(): number for number, name in self.names.items()}
        ids = []
        for entry in wanted:
            key = str(entry).strip()
            number = by_name.get(key.lower(), int(key) if key.isdecimal() else None)
            if number not in self.names:
                known = ', '.join(f'{number} {name}' for number, name in self.names.items())
                known = known if len(known) < 400 else known[:400] + ', …'
                raise ModelError(f"unknown class '{entry}': this model knows {known}")
            ids.append(number)
        return ids

    def _options(self) -> dict:
        options = {'conf': self.conf, 'iou': self.iou, 'max_det': self.max_det,
                   'imgsz': self.imgsz, 'classes': self._classes or None, 'verbose': False}
        if self.device:
            options['device'] = self.device
        return options

    def track(self, frame: np.ndarray) -> Detections:
        """
        Return the objects of the next frame, (H, W, 3) uint8 BGR.

        With a tracker only confirmed tracks count, as in `ultralytics.solutions`.  Raises
        ModelError, one line, where the model fails on this frame.
        """
        try:
            if self._tracker == NO_TRACKER:
                return to_detections(self._model.predict(frame, **self._options())[0])
            choice = {'tracker': self._tracker} if self._tracker else {}
            result = self._model.track(frame, persist=True, **choice, **self._options())[0]
        except Exception as error:  # torch's, a backend's or the tracker's
            raise ModelError(f'the model fails on this frame: {_one_line(error)}') from error
        return to_detections(result, only_tracks=True)

    def forget_tracks(self) -> None:
        """Begin anew, as after a change of resolution, over which no object can be followed."""
        if self._model.predictor is not None and hasattr(self._model.predictor, 'trackers'):
            self._model.predictor.trackers = []
