"""Ultralytics' trackers as a step of their own, apart from detection."""

from copy import copy
import os
from pathlib import Path
import threading
from typing import Any, Callable, Dict, List

import numpy as np

from yolo_heatmap_ros.detectors.weights import ultralytics
from yolo_heatmap_ros.errors import ModelError
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.text import one_line
from yolo_heatmap_ros.yaml_text import load_yaml

NO_TRACKER = 'none'
"""Name of the tracker that follows nothing."""
_making = threading.Lock()
FEATURES, SUPPRESSED = 'feats', 'dets_del'
"""Cues by the names that trackers know: appearance, and what non-maximum suppression dropped."""


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
    # os.path does not raise for text that cannot be a path.
    path = os.path.expanduser(tracker)
    if os.path.isfile(path):
        _check_options(tracker, Path(path), folder, known)
        return path
    raise ModelError(f"unknown tracker '{tracker}': choose one of "
                     f"{', '.join((NO_TRACKER, *known))}, or give the path of a tracker's YAML")


def _check_options(tracker: str, path: Path, folder: Path, known: List[str]) -> None:
    """
    Raise ModelError for a tracker's YAML that lacks what Ultralytics' own of this type has.

    Trackers ask for some of it only when the first objects come.
    """
    try:
        options = load_yaml(path.read_text())
    except (OSError, ValueError) as error:
        raise ModelError(f"tracker '{tracker}': {one_line(error)}") from error
    kind = options.get('tracker_type') if isinstance(options, dict) else None
    if kind not in known:
        raise ModelError(f"tracker '{tracker}': its tracker_type is {kind!r}, not one of "
                         f"{', '.join(known)}")
    missing = load_yaml((folder / f'{kind}.yaml').read_text()).keys() - options.keys()
    if missing:
        raise ModelError(f"tracker '{tracker}': lacks {', '.join(sorted(missing))}; start from "
                         f"Ultralytics' {kind}.yaml")


class Untracked:
    """A tracker that follows nothing: every detection counts at once."""

    keep_unconfirmed = False

    def track(self, detections: Detections, frame: np.ndarray) -> Detections:
        """Return the detections as they are."""
        return detections

    def reset(self) -> None:
        """Do nothing: there are no tracks."""


class TrackerFactory:
    """
    Makes trackers of the kind that a predictor is configured for.

    Ultralytics' own set-up runs once, because it also attaches the hooks by which a detector
    extracts what its tracker needs besides boxes.
    """

    def __init__(self, predictor: Any):
        """Take an `ultralytics` predictor that has run in mode `track`; raises ModelError."""
        try:
            # Imports `lap`, which Ultralytics does not declare.
            from ultralytics.trackers.track import on_predict_start
            on_predict_start(predictor)
            self._pattern = predictor.trackers[0]
        except Exception as error:  # of YAML, a missing key or package, or a ReID model
            raise ModelError(f"tracker '{predictor.args.tracker}': {one_line(error)}") from error
        self._predictor = predictor

    def make(self) -> 'ObjectTracker':
        """Return a tracker without tracks."""
        return ObjectTracker(type(self._pattern), self._pattern.args)

    def take(self, results: List[Any], options: Dict[str, Any]) -> None:
        """Let the last results be these, as of a prediction with other options."""
        self._predictor.results = results
        for name in ('conf', 'classes', 'max_det'):
            setattr(self._predictor.args, name, options[name])

    def suppressed(self) -> List[Any]:
        """Return what the tracker needs from suppressed boxes, for each frame of the batch."""
        extras = getattr(type(self._pattern), 'compute_frame_extras', None)
        nothing = [None] * len(self._predictor.results)
        if extras is None:
            return nothing
        import torch
        # Of tensors that the prediction has made in this mode.
        with torch.inference_mode():
            return extras(self._predictor) or nothing


class ObjectTracker:
    """
    Follows the objects of one camera with one of Ultralytics' trackers.

    Only confirmed tracks count, as in `ultralytics.solutions`, unless `keep_unconfirmed` is set:
    then the detections that no track has claimed follow them.
    """

    def __init__(self, kind: type, options: Any):
        """Begin without tracks; `kind` is the tracker's class, `options` its configuration."""
        self.keep_unconfirmed = False
        self._kind, self._options = kind, options
        self.reset()

    def reset(self) -> None:
        """Forget all tracks, as after a change of resolution, over which none can be followed."""
        from ultralytics.trackers.basetrack import BaseTrack
        try:
            with _making:
                # Earlier releases count the ids of all trackers together; a new one resets that.
                count = getattr(BaseTrack, '_count', 0)
                self._tracker = self._kind(args=copy(self._options))
                BaseTrack._count = max(count, getattr(BaseTrack, '_count', 0))
        except Exception as error:  # of its ReID model
            raise ModelError(f'the tracker cannot be created: {one_line(error)}') from error

    def track(self, detections: Detections, frame: np.ndarray) -> Detections:
        """
        Return the tracked objects of the next frame, (H, W, 3) uint8 BGR.

        `detections` are those of the detector that has made this tracker.  Raises ModelError.
        """
        try:
            rows = self._tracker.update(_as_boxes(detections, frame.shape[:2]), frame,
                                        **detections.cues)
            tracked = _from_rows(detections, np.asarray(rows), frame.shape[:2])
        except Exception as error:  # of the tracker, or of its ReID model
            raise ModelError(f'the tracker fails on this frame: {one_line(error)}') from error
        if not self.keep_unconfirmed:
            return tracked
        others = detections.apart_from(tracked)
        others.confirmed[:] = False
        return tracked + others


def those_with_cues(detections: Detections,
                    chosen: Callable[[np.ndarray], np.ndarray]) -> Detections:
    """
    Return some of a detector's objects, with what their tracker needs of them.

    `chosen` takes boxes, (N, 4) xyxy in px, and returns which of them stay, (N,) bool.
    """
    wanted = chosen(detections.xyxy)
    if wanted.all() and SUPPRESSED not in detections.cues:
        return detections
    those = detections.those(wanted)
    for name, cue in detections.cues.items():
        if name == FEATURES and len(cue):
            cue = cue[wanted]
        elif name == SUPPRESSED:
            # Centre, size and perhaps the angle of each, and other arrays of that length.
            boxes = (upright(cue[0]) if cue[0].shape[1] == 5 else
                     np.c_[cue[0][:, :2] - cue[0][:, 2:] / 2, cue[0][:, :2] + cue[0][:, 2:] / 2])
            left = chosen(boxes)
            cue = tuple(array[left] for array in cue)
        those.cues[name] = cue
    return those


def _as_boxes(detections: Detections, shape):
    """Return detections as the numpy-backed `Boxes` or `OBB` that trackers take."""
    from ultralytics.engine.results import Boxes, OBB
    scores = np.c_[detections.confidence, detections.class_id].astype(np.float32)
    if detections.oriented is not None:
        return OBB(np.c_[detections.oriented, scores], shape)
    return Boxes(np.c_[detections.xyxy, scores], shape)


def _from_rows(detections: Detections, rows: np.ndarray, shape) -> Detections:
    """
    Return the objects of a tracker's output.

    `rows` are (N, 8) x1 y1 x2 y2, or (N, 9) x y w h angle, then id, score, class and the index of
    the detection.
    """
    if not len(rows):
        return detections.those(np.zeros(len(detections), bool))
    rows = rows.astype(np.float32)
    track_id, score, class_id, index = rows[:, -4:].T
    tracked = detections.those(index.astype(np.int64))
    tracked.track_id, tracked.confidence = track_id.astype(np.int64), score
    tracked.class_id = class_id.astype(np.int64)
    tracked.confirmed = np.ones(len(rows), bool)
    if detections.oriented is None:
        tracked.xyxy = np.clip(rows[:, :4], 0, np.array(shape[::-1] * 2, np.float32))
    else:
        tracked.oriented = rows[:, :5]
        tracked.xyxy = upright(tracked.oriented)
    return tracked


def upright(oriented: np.ndarray) -> np.ndarray:
    """Return the upright boxes, (N, 4) xyxy, around oriented ones, (N, 5) x y w h angle."""
    from ultralytics.utils.ops import xywhr2xyxyxyxy
    corners = xywhr2xyxyxyxy(oriented)
    return np.concatenate((corners.min(axis=1), corners.max(axis=1)), axis=1)
