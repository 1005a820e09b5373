"""Detections to and from vision_msgs/Detection2DArray, an optional dependency."""

from collections import OrderedDict
import math
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

from std_msgs.msg import Header

from yolo_heatmap_ros.detectors.interface import ClassFilter
from yolo_heatmap_ros.detectors.to_hide import ToHide
from yolo_heatmap_ros.detectors.tracking import Untracked
from yolo_heatmap_ros.errors import ParameterError
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.limits import MAX_BOX_PX
from yolo_heatmap_ros.text import printable

try:
    from vision_msgs.msg import (
        BoundingBox2D, Detection2D, Detection2DArray, ObjectHypothesis, ObjectHypothesisWithPose,
        Point2D, Pose2D)
except ImportError:
    Detection2DArray = None

MISSING = ('vision_msgs is not installed: install ros-$ROS_DISTRO-vision-msgs for detections as a '
           'topic')
MAX_NAMES = 10_000
"""Maximum number of remembered classes and ids, if a detector keeps inventing new ones."""
MAX_LENGTH = 256
"""Maximum length of a class name and of an id."""


def detections_message(detections: Detections, names: Dict[int, str], header: Header):
    """Return a Detection2DArray: class names, scores, track ids, centres and sizes in px."""
    message = Detection2DArray(header=header)
    for box, class_id, confidence, track_id in zip(
            detections.xyxy.astype(float), detections.class_id.tolist(),
            detections.confidence.tolist(), detections.track_id.tolist()):
        hypothesis = ObjectHypothesis(class_id=names.get(class_id, str(class_id)),
                                      score=confidence)
        center = Pose2D(position=Point2D(x=(box[0] + box[2]) / 2, y=(box[1] + box[3]) / 2))
        message.detections.append(Detection2D(
            header=header, id=str(track_id) if track_id >= 0 else '',
            results=[ObjectHypothesisWithPose(hypothesis=hypothesis)],
            bbox=BoundingBox2D(center=center, size_x=box[2] - box[0], size_y=box[3] - box[1])))
    return message


class DetectionReader(ClassFilter):
    """
    Reads another node's detections, in place of a model and with a model's parameters.

    `names` are the classes seen so far, by ids that are assigned here.
    """

    task = 'detections of another node'
    device_name = backend = 'another node'

    def __init__(self, conf: float = 0.25, max_det: int = 300,
                 classes: Sequence[Union[int, str]] = ()):
        """Accept the `max_det` best detections of at least `conf`, of `classes` by name."""
        self.conf = conf
        self.iou = 1.0
        self.max_det = max_det
        self.outlines = False
        self.to_hide: Optional[ToHide] = None
        self.names: Dict[int, str] = {}
        self._ids: 'OrderedDict[str, int]' = OrderedDict()
        self._next_id = 1 << 40
        self._by_name: Dict[str, int] = {}
        self.classes = classes

    def class_ids(self, wanted: Sequence[Union[int, str]]) -> List[int]:
        """Return the ids of names, assigning new ones: any name may still arrive."""
        return [self._class_id(str(name)) for name in wanted]

    def _class_id(self, name: str) -> int:
        if name.lower() not in self._by_name and len(self.names) < MAX_NAMES:
            self._by_name[name.lower()] = len(self.names)
            self.names[len(self.names)] = name
        return self._by_name.get(name.lower(), MAX_NAMES)

    def _track_id(self, text: str) -> int:
        """Return the number of an id, an assigned one if it is not numeric, -1 if it is empty."""
        if not text:
            return -1
        if text.isdecimal() and len(text) < 12:
            return int(text)
        number = self._ids.pop(text, None)
        if number is None:
            number, self._next_id = self._next_id, self._next_id + 1
        self._ids[text] = number
        if len(self._ids) > MAX_NAMES:
            self._ids.popitem(last=False)
        return number

    def read(self, message, refused: Callable[[str], None]) -> Detections:
        """
        Return the detections of a Detection2DArray that count.

        `refused` is called with a line about each detection that cannot be used.
        """
        rows, hidden = [], []
        for detection in message.detections:
            best = max((result.hypothesis for result in detection.results
                        if not math.isnan(result.hypothesis.score)),
                       key=lambda hypothesis: hypothesis.score, default=None)
            if best is None or not best.class_id.strip():
                refused('a detection without a class: results[].hypothesis needs a class name as '
                        'class_id, and a score')
                continue
            if max(len(best.class_id), len(detection.id)) > MAX_LENGTH:
                refused(f"'{printable(best.class_id)}', id '{printable(detection.id)}': a name or "
                        f'an id is longer than {MAX_LENGTH} characters')
                continue
            box = _upright(detection.bbox)
            if box is None:
                refused(f"the box of a '{printable(best.class_id)}' is invalid: NaN, infinite or "
                        'too large numbers, or a negative size')
                continue
            class_id = self._class_id(best.class_id.strip())
            row = (box, class_id, best.score, self._track_id(detection.id))
            if best.score >= self.conf and (not self._classes or class_id in self._classes):
                rows.append(row)
            if self.to_hide is not None and (not self.to_hide.classes
                                             or class_id in self.to_hide.classes):
                hidden.append(row)  # of any confidence: they are few, as another node has chosen
        result = _detections(sorted(rows, key=lambda row: -row[2])[:self.max_det])
        if self.to_hide is not None:
            result.hidden = _detections(hidden)
        return result

    def make_tracker(self) -> Untracked:
        """Return a tracker that does nothing: ids come with the detections."""
        return Untracked()


def detection_reader(conf: float, max_det: int, classes: Sequence[Union[int, str]],
                     **model: Any) -> DetectionReader:
    """Return a reader for the parameters of a model; raises ParameterError without vision_msgs."""
    if Detection2DArray is None:
        raise ParameterError(f"parameter 'detector': {MISSING}")
    return DetectionReader(conf, max_det, classes)


def _detections(rows: Sequence[Tuple[Any, ...]]) -> Detections:
    """Return rows of box, id of the class, score and id of the track as detections."""
    result = Detections.from_boxes([row[0] for row in rows])
    result.class_id[:] = [row[1] for row in rows]
    result.confidence[:] = [row[2] for row in rows]
    result.track_id[:] = [row[3] for row in rows]
    return result


def _upright(box) -> Optional[List[float]]:
    """Return x1, y1, x2, y2 in px of the upright box around a turned one, or None."""
    x, y, theta = box.center.position.x, box.center.position.y, box.center.theta
    # In this form the check rejects NaN, which fails every comparison.
    if not (abs(x) <= MAX_BOX_PX and abs(y) <= MAX_BOX_PX and 0.0 <= box.size_x <= MAX_BOX_PX
            and 0.0 <= box.size_y <= MAX_BOX_PX and math.isfinite(theta)):
        return None
    cosine, sine = abs(math.cos(theta)), abs(math.sin(theta))
    width = box.size_x * cosine + box.size_y * sine
    height = box.size_x * sine + box.size_y * cosine
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
