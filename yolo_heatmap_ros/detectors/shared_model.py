"""One loaded model for several cameras, which take turns."""

from concurrent.futures import Future
import queue
import threading
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from yolo_heatmap_ros.detectors.weights import ModelError
from yolo_heatmap_ros.detectors.yolo import CameraTracks, ClassChoice, Detections, YoloTracker

BATCHING_BACKENDS = ('pytorch',)
"""Backends that take any number of frames at once; exports are made for one."""
PER_CAMERA = ('conf', 'iou', 'max_det', 'classes')


class _Request(NamedTuple):
    camera: 'SharedTracker'
    frame: np.ndarray
    options: Dict[str, Any]
    result: Future


class SharedModel:
    """
    Runs the frames of several cameras through one model, in a thread of its own.

    All frames that wait are taken at once, and each camera waits for its own: none can be there
    twice, so that a fast camera does not starve a slow one.  Frames of one size and of the same
    options go through the model together.
    """

    def __init__(self, model: YoloTracker):
        """Take a loaded model and start the thread."""
        self.model = model
        self._requests: 'queue.SimpleQueue[_Request]' = queue.SimpleQueue()
        threading.Thread(target=self._work, name='model', daemon=True).start()

    def submit(self, camera: 'SharedTracker', frame: np.ndarray) -> Future:
        """Ask for the results of a camera's frame."""
        request = _Request(camera, frame, camera.options(), Future())
        self._requests.put(request)
        return request.result

    def _work(self) -> None:
        while True:
            waiting = [self._requests.get()]
            while not self._requests.empty():
                waiting.append(self._requests.get())
            for group in self._groups(waiting):
                self._run(group)

    def _groups(self, requests: List[_Request]) -> List[List[_Request]]:
        if self.model.backend not in BATCHING_BACKENDS:
            return [[request] for request in requests]
        groups: Dict[str, List[_Request]] = {}
        for request in requests:
            groups.setdefault(repr((request.frame.shape, request.options)), []).append(request)
        return list(groups.values())

    def _run(self, group: List[_Request]) -> None:
        try:
            results = self.model.results([request.frame for request in group], group[0].options,
                                         [request.camera.tracks for request in group])
        except ModelError as error:
            for request in group:
                request.result.set_exception(error)
            return
        for request, result in zip(group, results):
            request.result.set_result(result)


class SharedTracker(ClassChoice):
    """What `YoloTracker` is for one camera, on a model that others use too."""

    def __init__(self, shared: SharedModel, conf: float = 0.25, iou: float = 0.7,
                 max_det: int = 300, classes: Sequence[Union[int, str]] = ()):
        """Begin without tracks; raises ModelError for unknown classes."""
        self._shared = shared
        self.tracks = CameraTracks()
        self.conf = conf
        self.iou = iou
        self.max_det = max_det
        self.classes = classes
        self.unconfirmed = self.outlines = False

    def __getattr__(self, name: str):
        """Return what is of the model, such as `names`, `task` and `backend`."""
        if name in ('names', 'task', 'device_name', 'backend', 'class_ids', 'sha256'):
            return getattr(self._shared.model, name)
        raise AttributeError(name)

    def options(self) -> Dict[str, Any]:
        """Return what Ultralytics is asked for, by its names."""
        return {**self._shared.model.options(), 'conf': self.conf, 'iou': self.iou,
                'max_det': self.max_det, 'classes': self._classes or None}

    def track(self, frame: np.ndarray) -> Detections:
        """Return the objects of the camera's next frame; see `YoloTracker.track`."""
        result, before = self._shared.submit(self, frame).result()
        return self._shared.model.detections(result, before, self.unconfirmed, self.outlines)

    def forget_tracks(self) -> None:
        """Begin anew, as after a change of resolution."""
        self.tracks.forget()


class ModelPool:
    """Loads each model once, for all cameras that ask for the same."""

    def __init__(self):
        """Begin without models."""
        self._models: Dict[Tuple, SharedModel] = {}
        self._lock = threading.Lock()

    def make_tracker(self, log: Callable[[str], None] = lambda line: None,
                     **values: Any) -> SharedTracker:
        """Return a tracker as `YoloTracker` would be, with the same arguments."""
        own = {name: values.pop(name) for name in PER_CAMERA if name in values}
        key = tuple(sorted(values.items()))
        with self._lock:
            shared: Optional[SharedModel] = self._models.get(key)
            if shared is None:
                shared = self._models[key] = SharedModel(YoloTracker(**values, log=log))
        return SharedTracker(shared, **own)
