"""Objects in a frame by an Ultralytics YOLO model, tracked from frame to frame."""

from dataclasses import dataclass
import os
from pathlib import Path
from typing import Callable, List, Optional, Sequence, Union

import numpy as np

from yolo_heatmap_ros.detectors.export_cache import NONE
from yolo_heatmap_ros.detectors.weights import load_model, ModelError, ultralytics
from yolo_heatmap_ros.errors import one_line

NO_TRACKER = 'none'
BACKENDS = {'pytorch': ('.pt', '.yaml', '.yml'), 'openvino': '_openvino_model', 'onnx': '.onnx',
            'tensorrt': '.engine', 'torchscript': '.torchscript', 'ncnn': '_ncnn_model'}
"""Endings of the names of models, by what runs them."""
SAME_OBJECT = 0.5
"""Intersection over union from which on two boxes of a class are taken for one object."""


@dataclass
class Detections:
    """
    Objects in one frame.

    `xyxy` (N, 4) float32 boxes in px; an oriented box is given by the upright box around it.
    `class_id` (N,) int64, `confidence` (N,) float32.  `track_id` (N,) int64 is -1 where no track
    is; `confirmed` (N,) bool is false where a tracker has not made up its mind yet.
    `outlines`, one (M, 2) float32 in px for each object, come from segmentation models.
    `not_finite` counts boxes that a broken model has returned with corners that are no numbers.
    """

    xyxy: np.ndarray
    class_id: np.ndarray
    confidence: np.ndarray
    track_id: np.ndarray
    confirmed: np.ndarray
    outlines: Optional[List[np.ndarray]] = None
    not_finite: int = 0

    @classmethod
    def from_boxes(cls, xyxy: np.ndarray) -> 'Detections':
        """Wrap boxes, (N, 4), of class 0, full confidence and no track."""
        count = len(xyxy)
        return cls(np.asarray(xyxy, np.float32).reshape(-1, 4), np.zeros(count, np.int64),
                   np.ones(count, np.float32), np.full(count, -1, np.int64),
                   np.ones(count, bool))

    def apart_from(self, others: 'Detections') -> 'Detections':
        """Return those that are not on one of `others`: of another class, or overlapping less."""
        overlap = _intersection_over_union(self.xyxy, others.xyxy)
        same = (overlap >= SAME_OBJECT) & (self.class_id[:, None] == others.class_id)
        return self.those(~same.any(axis=1))

    def those(self, wanted: np.ndarray) -> 'Detections':
        """Return those where `wanted`, (N,) bool, is true."""
        return Detections(
            self.xyxy[wanted], self.class_id[wanted], self.confidence[wanted],
            self.track_id[wanted], self.confirmed[wanted],
            None if self.outlines is None else
            [self.outlines[index] for index in np.flatnonzero(wanted)])

    def __add__(self, others: 'Detections') -> 'Detections':
        """Return these and others together."""
        outlines = None
        if self.outlines is not None and others.outlines is not None:
            outlines = self.outlines + others.outlines
        return Detections(*(np.concatenate((getattr(self, name), getattr(others, name)))
                            for name in ('xyxy', 'class_id', 'confidence', 'track_id',
                                         'confirmed')), outlines)

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.xyxy)


def _intersection_over_union(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return (N, M) of boxes (N, 4) and (M, 4), xyxy."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = [(both[:, 2:] - both[:, :2]).prod(axis=1) for both in (boxes, others)]
    return shared / np.maximum(areas[0][:, None] + areas[1] - shared, 1e-9)


def find_tracker(tracker: str) -> str:
    """
    Return `none`, the path of a tracker's YAML file, or '' for Ultralytics' default.

    Ultralytics' own are known by name, with or without `.yaml`.  Raises ModelError for others.
    """
    if tracker.strip().lower() in ('', NO_TRACKER):
        return tracker.strip().lower()
    folder = Path(ultralytics().__file__).parent / 'cfg' / 'trackers'
    known = sorted(path.stem for path in folder.glob('*.yaml'))
    if tracker.removesuffix('.yaml') in known:
        return str(folder / f"{tracker.removesuffix('.yaml')}.yaml")
    # These do not raise for what cannot be a path.
    path = os.path.expanduser(tracker)
    if os.path.isfile(path):
        return path
    raise ModelError(f"unknown tracker '{tracker}': choose one of "
                     f"{', '.join((NO_TRACKER, *known))}, or give the path of a tracker's YAML")


def _finite(result) -> tuple:
    """Return a result without boxes whose corners are no numbers, and how many these were."""
    found = result.boxes if result.obb is None else result.obb
    if found is None:
        return result, 0
    usable = found.data.isfinite().all(dim=1)
    count = int((~usable).sum())
    return (result[usable] if count else result), count


def to_detections(result, only_tracks: bool = False, outlines: bool = False) -> Detections:
    """
    Return what one `ultralytics.engine.results.Results` holds.

    With `only_tracks`, boxes that no track has confirmed are left out; with `outlines`, those of
    a segmentation model come with the boxes.
    """
    found = result.boxes if result.obb is None else result.obb
    if found is None or not len(found) or (only_tracks and not found.is_track):
        empty = Detections.from_boxes(np.empty((0, 4)))
        empty.outlines = [] if outlines else None
        return empty
    if result.obb is None:
        boxes = found.xyxy.cpu().numpy()
    else:
        corners = found.xyxyxyxy.cpu().numpy()
        boxes = np.concatenate((corners.min(axis=1), corners.max(axis=1)), axis=1)
    tracks = (found.id.cpu().numpy().astype(np.int64) if found.is_track
              else np.full(len(found), -1, np.int64))
    shapes = None
    if outlines:
        shapes = ([np.empty((0, 2), np.float32)] * len(found) if result.masks is None
                  else list(result.masks.xy))
    return Detections(boxes, found.cls.cpu().numpy().astype(np.int64),
                      found.conf.cpu().numpy(), tracks, np.ones(len(found), bool), shapes)


class ClassChoice:
    """Which classes count; whoever inherits says in `class_ids` what is meant by their names."""

    @property
    def classes(self) -> List[int]:
        """Return the ids of the classes that count; empty for all."""
        return self._classes

    @classes.setter
    def classes(self, wanted: Sequence[Union[int, str]]) -> None:
        self._classes = self.class_ids(wanted)


class CameraTracks:
    """The tracker of one camera among several that share a model."""

    def __init__(self):
        """Begin without tracks."""
        self._tracker = None

    def of(self, pattern):
        """Return the tracker, the first time a new one of the kind of `pattern`."""
        if self._tracker is None:
            from ultralytics.trackers.basetrack import BaseTrack
            # Earlier releases count the ids of all trackers together, and a new one resets that.
            count = BaseTrack._count
            self._tracker = type(pattern)(args=pattern.args)
            BaseTrack._count = max(count, BaseTrack._count)
        return self._tracker

    def forget(self) -> None:
        """Begin anew."""
        self._tracker = None


class YoloTracker(ClassChoice):
    """
    A model with its tracker; what it has seen so far lives in the tracker.

    `conf`, `iou`, `max_det`, `classes`, `unconfirmed` and `outlines` may change between frames.
    """

    def __init__(self, weights: str, device: str = '', imgsz: int = 640, conf: float = 0.25,
                 iou: float = 0.7, max_det: int = 300, classes: Sequence[Union[int, str]] = (),
                 tracker: str = '', accelerate: str = NONE, threads: int = 0,
                 weights_sha256: str = '',
                 log: Callable[[str], None] = lambda line: None):
        """
        Load the model and run it once, so that the first frame is not a slow one.

        `accelerate` is `none`, `auto` or one of `acceleration.FORMATS`; `log` gets a line on what
        came of it.  `threads` are PyTorch's on the CPU; 0 leaves them to Ultralytics, which
        spares a core for the rest of the machine.  With `weights_sha256` other weights are not
        loaded.  Raises ModelError, one line, for weights, device, classes or tracker that cannot
        be used.
        """
        self._tracker = find_tracker(tracker)
        self._model, self.names, self.sha256 = load_model(weights, accelerate, imgsz, device, log,
                                                          weights_sha256)
        self.task = self._model.task
        self.device = device
        self.imgsz = imgsz
        self.conf = conf
        self.iou = iou
        self.max_det = max_det
        self.classes = classes
        self.unconfirmed = False
        self.outlines = False
        self._found: list = []
        self._batch: Optional[List[CameraTracks]] = None
        # Before the tracker's own, which leaves only its tracks.
        self._model.add_callback('on_predict_postprocess_end', self._before_tracking)
        try:
            self._model.predict(np.zeros((imgsz, imgsz, 3), np.uint8), **self.options())
        except Exception as error:  # torch's, a backend's, or a missing package's
            message = one_line(error)
            if 'device' in message.lower() or 'cuda' in message.lower():
                message = f"device '{device}' cannot be used here, try 'cpu' ({message})"
            raise ModelError(f"weights '{weights}': {message}") from error
        if self.backend == 'pytorch' and self.device_name == 'cpu' and device and (
                not device.lower().startswith('cpu')):
            # Ultralytics takes the CPU in place of some devices without a word.
            raise ModelError(f"device '{device}' is not there: try 'cpu'")
        if threads:
            import torch
            torch.set_num_threads(threads)

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

    def options(self) -> dict:
        """Return what Ultralytics is asked for, by its names."""
        options = {'conf': self.conf, 'iou': self.iou, 'max_det': self.max_det,
                   'imgsz': self.imgsz, 'classes': self._classes or None, 'verbose': False}
        if self.device:
            options['device'] = self.device
        return options

    def track(self, frame: np.ndarray) -> Detections:
        """
        Return the objects of the next frame, (H, W, 3) uint8 BGR.

        With a tracker only confirmed tracks count, as in `ultralytics.solutions`, unless
        `unconfirmed` is set: then the other detections follow them.  With `outlines` set, they
        come with those.  Raises ModelError, one line, where the model fails on this frame.
        """
        result, before = self.results([frame], self.options())[0]
        return self.detections(result, before, self.unconfirmed, self.outlines)

    def results(self, frames: List[np.ndarray], options: dict,
                trackers: Optional[List['CameraTracks']] = None) -> List[tuple]:
        """
        Return Ultralytics' results of frames, each with what was found before it was tracked.

        That is a result, and the number of boxes in it that were no numbers, and are left out.

        Frames of one size are given to the model together.  Without `trackers` they are those of
        one camera; else each belongs to the camera of its tracks.  Raises ModelError.
        """
        self._batch = trackers
        try:
            if self._tracker == NO_TRACKER:
                results = self._model.predict(frames, **options)
            else:
                choice = {'tracker': self._tracker} if self._tracker else {}
                results = self._model.track(frames, persist=True, **choice, **options)
            if len(self._found) != len(results) or len(results) != len(frames):
                raise ModelError(f'{len(frames)} frames gave {len(results)} results')
            return list(zip(results, self._found))
        except Exception as error:  # torch's, a backend's or the tracker's
            raise ModelError(f'the model fails on this frame: {one_line(error)}') from error
        finally:
            self._found, self._batch = [], None

    def detections(self, result, before: tuple, unconfirmed: bool, outlines: bool) -> Detections:
        """Return what counts of one of `results`; see `track`."""
        found, not_finite = before
        detections = to_detections(result, self._tracker != NO_TRACKER, outlines)
        if unconfirmed and self._tracker != NO_TRACKER:
            others = to_detections(found, outlines=outlines).apart_from(detections)
            others.confirmed[:] = False
            detections += others
        detections.not_finite = not_finite
        return detections

    def _before_tracking(self, predictor) -> None:
        # One box with a NaN can spoil what a tracker knows of all objects, and for good.
        self._found = [_finite(result) for result in predictor.results]
        predictor.results[:] = [result for result, _ in self._found]
        if self._batch is not None and self._tracker != NO_TRACKER:
            # As Ultralytics does for a list of streams: each frame has a tracker of its own.
            predictor.dataset.mode = 'stream'
            predictor.trackers = [tracks.of(predictor.trackers[0]) for tracks in self._batch]

    def forget_tracks(self) -> None:
        """Begin anew, as after a change of resolution, over which no object can be followed."""
        if self._model.predictor is not None and hasattr(self._model.predictor, 'trackers'):
            # Not emptied: earlier releases take an empty list for trackers that are there.
            del self._model.predictor.trackers
