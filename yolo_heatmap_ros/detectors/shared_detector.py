"""One loaded model for several cameras, which take turns."""

from concurrent.futures import Future
import queue
import threading
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple
import weakref

import numpy as np

from yolo_heatmap_ros.detectors.class_names import ClassNames
from yolo_heatmap_ros.detectors.interface import ClassFilter, Tracker
from yolo_heatmap_ros.detectors.to_hide import ToHide
from yolo_heatmap_ros.detectors.weights import fingerprint
from yolo_heatmap_ros.detectors.yolo import YoloDetector
from yolo_heatmap_ros.heat.detections import Detections

BATCHING_BACKENDS = ('pytorch',)
"""Backends that take any number of frames at once; exports are made for one."""
JOIN_TIMEOUT = 5.0
"""Seconds that a model which nobody uses any longer has to finish its frames."""
PER_CAMERA = ('conf', 'iou', 'max_det', 'classes')


class _Request(NamedTuple):
    frame: np.ndarray
    options: Dict[str, Any]
    outlines: bool
    result: Future
    to_hide: Optional[ToHide] = None


class SharedModel:
    """
    Runs the frames of several cameras through one model, in its own thread.

    All waiting frames are taken at once, and each camera waits for its result: none can be in the
    queue twice, so a fast camera does not starve a slow one.  Frames of the same size and options
    go through the model together.  The thread ends, and the model is released, when no camera has
    this object any more.
    """

    def __init__(self, detector: YoloDetector):
        """Take a loaded model and start the thread."""
        self.detector = detector
        self._requests: 'queue.SimpleQueue[Optional[_Request]]' = queue.SimpleQueue()
        # The thread must not hold this object: then it would never be released.
        thread = threading.Thread(target=_work, args=(detector, self._requests), name='model',
                                  daemon=True)
        thread.start()
        # Not at exit: PyTorch aborts the process if a thread runs while Python ends.
        weakref.finalize(self, _end, thread, self._requests).atexit = False

    def submit(self, frame: np.ndarray, options: Dict[str, Any], outlines: bool,
               to_hide: Optional[ToHide] = None) -> Future:
        """Ask for the detections in a frame; see `YoloDetector.detect_batch`."""
        request = _Request(frame, options, outlines, Future(), to_hide)
        self._requests.put(request)
        return request.result


def _end(thread: threading.Thread,
         requests: 'queue.SimpleQueue[Optional[_Request]]') -> None:
    requests.put(None)
    thread.join(JOIN_TIMEOUT)


def _work(detector: YoloDetector, requests: 'queue.SimpleQueue[Optional[_Request]]') -> None:
    while True:
        waiting = [requests.get()]
        while not requests.empty():
            waiting.append(requests.get())
        if None in waiting:
            return
        try:
            for group in _groups(detector, waiting):
                _run(detector, group)
        except Exception as error:  # no camera may wait for ever
            for request in waiting:
                if not request.result.done():
                    request.result.set_exception(error)


def _groups(detector: YoloDetector, requests: List[_Request]) -> List[List[_Request]]:
    if detector.backend not in BATCHING_BACKENDS:
        return [[request] for request in requests]
    groups: Dict[str, List[_Request]] = {}
    for request in requests:
        key = repr((request.frame.shape, request.options, request.to_hide))
        groups.setdefault(key, []).append(request)
    return list(groups.values())


def _run(detector: YoloDetector, group: List[_Request]) -> None:
    try:
        found = detector.detect_batch(
            [request.frame for request in group], group[0].options,
            [request.outlines for request in group], group[0].to_hide)
    except Exception as error:  # it belongs to the cameras that wait, and to their barriers
        if len(group) == 1:
            group[0].result.set_exception(error)
            return
        for request in group:  # only that whose frame it is
            _run(detector, [request])
        return
    for request, detections in zip(group, found):
        request.result.set_result(detections)


class SharedDetector(ClassFilter):
    """A `YoloDetector` for one camera, on a model that others use too."""

    def __init__(self, shared: SharedModel, conf: float = 0.25, iou: float = 0.7,
                 max_det: int = 300, classes: ClassNames = ()):
        """Take the model; raises ModelError for unknown classes."""
        self._shared = shared
        self.conf = conf
        self.iou = iou
        self.max_det = max_det
        self.classes = classes
        self.outlines = False
        self.to_hide: Optional[ToHide] = None

    def __getattr__(self, name: str) -> Any:
        """Delegate to the model: `names`, `task`, `backend`, `device_name`, `sha256`."""
        if name in ('names', 'task', 'device_name', 'backend', 'class_ids', 'sha256'):
            return getattr(self._shared.detector, name)
        raise AttributeError(name)

    def options(self) -> Dict[str, Any]:
        """Return the options of a prediction, by Ultralytics' names."""
        return {**self._shared.detector.options(), 'conf': self.conf, 'iou': self.iou,
                'max_det': self.max_det, 'classes': self._classes or None}

    def detect(self, frame: np.ndarray) -> Detections:
        """Return the objects in a frame of the camera; see `YoloDetector.detect`."""
        return self._shared.submit(frame, self.options(), self.outlines, self.to_hide).result()

    def make_tracker(self) -> Tracker:
        """Return the camera's own tracker."""
        return self._shared.detector.make_tracker()


class ModelPool:
    """
    Loads each model once, for all cameras that ask for the same.

    A model that no camera uses any more is released.  If its file has changed, a camera that is
    configured after that gets the new one, and the others keep theirs.
    """

    def __init__(self):
        """Begin without models."""
        self._models: 'weakref.WeakValueDictionary[Tuple, SharedModel]' = (
            weakref.WeakValueDictionary())
        self._lock = threading.Lock()

    def make_detector(self, log: Callable[[str], None] = lambda line: None,
                      **parameters: Any) -> SharedDetector:
        """Return a detector like `YoloDetector`, with the same arguments; raises ModelError."""
        own = {name: parameters.pop(name) for name in PER_CAMERA if name in parameters}
        key = (fingerprint(parameters['weights']), *sorted(parameters.items()))
        with self._lock:
            shared: Optional[SharedModel] = self._models.get(key)
            if shared is None:
                shared = SharedModel(YoloDetector(**parameters, log=log))
                # After it was downloaded, the file is another than before.
                self._models[(fingerprint(parameters['weights']), *key[1:])] = shared
        return SharedDetector(shared, **own)
