"""Objects in frames by an Ultralytics YOLO model."""

from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence

import numpy as np

from yolo_heatmap_ros.choices import Acceleration
from yolo_heatmap_ros.detectors.class_names import ClassNames, find_classes
from yolo_heatmap_ros.detectors.export_cache import ImageSize
from yolo_heatmap_ros.detectors.interface import ClassFilter, Tracker
from yolo_heatmap_ros.detectors.to_hide import counted, ToHide, wider
from yolo_heatmap_ros.detectors.tracking import (
    FEATURES, find_tracker, NO_TRACKER, SUPPRESSED, TrackerFactory, Untracked, upright)
from yolo_heatmap_ros.detectors.weights import load_model
from yolo_heatmap_ros.errors import ModelError
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.text import one_line

BACKENDS = {'pytorch': ('.pt', '.yaml', '.yml'), 'openvino': '_openvino_model', 'onnx': '.onnx',
            'tensorrt': '.engine', 'torchscript': '.torchscript', 'ncnn': '_ncnn_model'}
"""Endings of the names of models by the backend that runs them."""


class YoloDetector(ClassFilter):
    """
    A loaded model.

    `conf`, `iou`, `max_det`, `classes`, `outlines` and `to_hide` may change between frames.
    """

    def __init__(self, weights: str, device: str = '', imgsz: ImageSize = 640, conf: float = 0.25,
                 iou: float = 0.7, max_det: int = 300, classes: ClassNames = (),
                 tracker: str = '', accelerate: str = Acceleration.NONE, threads: int = 0,
                 weights_sha256: str = '', prompts: Sequence[str] = (),
                 log: Callable[[str], None] = lambda line: None):
        """
        Load the model and run it once, so that the first frame is not a slow one.

        `accelerate` is an `Acceleration`; `log` gets a line on the outcome.  `threads` are
        PyTorch's on the CPU; 0 leaves them to Ultralytics, which spares a core for the rest of
        the machine.  Weights with another SHA-256 than `weights_sha256` are not loaded.
        `imgsz` is the longer side of the model's input in px, or (height, width).  `prompts` are
        the classes of an open-vocabulary model (YOLO-World, YOLOE), by text.
        `tracker` is what `make_tracker` will make.  Raises ModelError, one line, for weights,
        device, classes or tracker that cannot be used.
        """
        self._tracker = find_tracker(tracker)
        self._log = log
        self._loaded = load_model(weights, accelerate, imgsz, device, log, weights_sha256, prompts)
        self._model, self.names, self.sha256 = self._loaded[:3]
        self.task = self._model.task
        self.device = device
        self.imgsz = imgsz
        self.conf = conf
        self.iou = iou
        self.max_det = max_det
        self.classes = classes
        self.outlines = False
        self.to_hide: Optional[ToHide] = None
        self._trackers: Optional[TrackerFactory] = None
        try:
            height, width = (imgsz, imgsz) if isinstance(imgsz, int) else imgsz
            self._model.predict(np.zeros((height, width, 3), np.uint8), **self.options())
        except Exception as error:  # torch's, a backend's, or a missing package's
            message = one_line(error)
            if 'device' in message.lower() or 'cuda' in message.lower():
                message = f"device '{device}' cannot be used here, try 'cpu' ({message})"
            raise ModelError(f"weights '{weights}': {message}") from error
        self._say_size()
        if self.backend == 'pytorch' and self.device_name == 'cpu' and device and (
                not device.lower().startswith('cpu')):
            # Ultralytics takes the CPU in place of some devices without a word.
            raise ModelError(f"device '{device}' is not there: try 'cpu'")
        if self._tracker != NO_TRACKER:
            self._trackers = TrackerFactory(self._model.predictor)
        if threads:
            import torch
            torch.set_num_threads(threads)

    def _say_size(self) -> None:
        """Log the size of the model's input where it is not the one that was asked for."""
        used = tuple(self._model.predictor.imgsz)
        wanted = (self.imgsz,) * 2 if isinstance(self.imgsz, int) else tuple(self.imgsz)
        if used != wanted:
            why = ('a multiple of its stride' if self.backend == 'pytorch' else
                   'the size that it was exported for')
            self._log(f'imgsz {self.imgsz}: the model takes {used[0]} x {used[1]} px (height x '
                      f'width), {why}')

    @property
    def device_name(self) -> str:
        """Return where the model runs, such as `cpu` or `cuda:0`."""
        return str(self._model.predictor.device)

    @property
    def backend(self) -> str:
        """Return what runs the model: `pytorch`, or the format of an export."""
        suffix = Path(str(self._model.ckpt_path or self._model.model)).name
        for backend, ending in BACKENDS.items():
            if suffix.endswith(ending):
                return backend
        return 'other'

    def class_ids(self, wanted: ClassNames) -> List[int]:
        """Return the ids of classes given by id or name; raises ModelError for unknown ones."""
        return find_classes(wanted, self.names, self._log)

    def options(self) -> Dict[str, Any]:
        """Return the options of a prediction, by Ultralytics' names."""
        options = {'conf': self.conf, 'iou': self.iou, 'max_det': self.max_det,
                   'imgsz': self.imgsz if isinstance(self.imgsz, int) else list(self.imgsz),
                   'classes': self._classes or None, 'verbose': False}
        if self.device:
            options['device'] = self.device
        if self._tracker != NO_TRACKER:
            # In this mode models extract what trackers need; boxes are the same.
            options['mode'] = 'track'
            if self._tracker:
                options['tracker'] = self._tracker
        return options

    def detect(self, frame: np.ndarray) -> Detections:
        """
        Return the objects in a frame, (H, W, 3) uint8 BGR, without tracks.

        With `outlines` set, those of a segmentation model come with the boxes.  Raises
        ModelError, one line, if the model fails on this frame.
        """
        return self.detect_batch([frame], self.options(), [self.outlines], self.to_hide)[0]

    def detect_batch(self, frames: List[np.ndarray], options: Dict[str, Any],
                     outlines: List[bool],
                     to_hide: Optional[ToHide] = None) -> List[Detections]:
        """
        Return the objects in each of several frames, see `detect`.

        Frames of one size go through the model together.  `options` are a prediction's, `outlines`
        tell for each frame whether they are wanted, `to_hide` what is wanted as `hidden`.  Raises
        ModelError.
        """
        try:
            results = all_results = self._model.predict(
                frames, **(options if to_hide is None else wider(options, to_hide)))
            if len(results) != len(frames):
                raise ModelError(f'{len(frames)} frames gave {len(results)} results')
            if to_hide is not None:
                results = [counted(result, options) for result in results]
                if self._trackers is not None:
                    self._trackers.take(results, options)
            suppressed = (self._trackers.suppressed() if self._trackers is not None
                          else [None] * len(results))
            found = [with_cues(to_detections(result, wanted), result, dropped)
                     for result, wanted, dropped in zip(results, outlines, suppressed)]
            if to_hide is not None:
                for one, result, wanted in zip(found, all_results, outlines):
                    one.hidden = to_hide.of(to_detections(result, wanted))
            return found
        except Exception as error:  # torch's or a backend's
            raise ModelError(f'the model fails on this frame: {one_line(error)}') from error

    def make_tracker(self) -> Tracker:
        """Return a tracker for one camera, of the kind given to the constructor."""
        return Untracked() if self._trackers is None else self._trackers.make()


def with_cues(detections: Detections, result: Any, suppressed: Any) -> Detections:
    """Add what the tracker wants of an Ultralytics result besides boxes."""
    features = getattr(result, 'feats', None)
    # They are aligned with all boxes of the result.
    if features is not None and not detections.not_finite:
        detections.cues[FEATURES] = features
    if suppressed is not None:
        detections.cues[SUPPRESSED] = suppressed
    return detections


def to_detections(result: Any, outlines: bool = False) -> Detections:
    """
    Return what one `ultralytics.engine.results.Results` holds.

    Boxes with NaN or infinite corners are left out and counted: one of them can spoil what a
    tracker knows of all objects, for good.
    """
    found = result.boxes if result.obb is None else result.obb
    if found is None or not len(found):
        empty = Detections.from_boxes(np.empty((0, 4)))
        empty.outlines = [] if outlines else None
        empty.oriented = None if result.obb is None else np.empty((0, 5), np.float32)
        return empty
    data = found.data.cpu().numpy()
    oriented = None if result.obb is None else data[:, :5]
    shapes = None
    if outlines:
        shapes = ([np.empty((0, 2), np.float32)] * len(data) if result.masks is None
                  else list(result.masks.xy))
    detections = Detections(
        data[:, :4] if oriented is None else upright(oriented), data[:, -1].astype(np.int64),
        data[:, -2], np.full(len(data), -1, np.int64), np.ones(len(data), bool), shapes, oriented)
    usable = np.isfinite(data).all(axis=1)
    if not usable.all():
        detections = detections.those(usable)
        detections.not_finite = int((~usable).sum())
    return detections
