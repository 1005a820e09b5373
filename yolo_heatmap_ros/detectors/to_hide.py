"""Objects that a picture must not show, from the same run of the model as those that count."""

from typing import Any, Dict, NamedTuple, Sequence

import numpy as np

from yolo_heatmap_ros.heat.detections import Detections

MOST = 300
"""Number of objects that are asked for beyond those that count."""


class ToHide(NamedTuple):
    """Which objects are to be hidden: `classes` by id, all if empty, from `conf` on."""

    classes: Sequence[int]
    conf: float

    def of(self, found: Detections) -> Detections:
        """Return those of all that a model has found."""
        return found.those(_matching(found.confidence, found.class_id, self.conf, self.classes))


def wider(options: Dict[str, Any], to_hide: ToHide) -> Dict[str, Any]:
    """Return options of a prediction, by Ultralytics' names, that finds those objects, too."""
    classes = None
    if options['classes'] and to_hide.classes:
        classes = sorted({*options['classes'], *to_hide.classes})
    return {**options, 'conf': min(options['conf'], to_hide.conf), 'classes': classes,
            'max_det': options['max_det'] + MOST}


def counted(result: Any, options: Dict[str, Any]) -> Any:
    """
    Return of an Ultralytics result of `wider` options what `options` alone would have found.

    That is the same: boxes of less confidence suppress none of more.
    """
    found = result.boxes if result.obb is None else result.obb
    if found is None:
        return result
    data = found.data.cpu().numpy()
    indices = np.flatnonzero(_matching(data[:, -2], data[:, -1].astype(np.int64), options['conf'],
                                       options['classes']))[:options['max_det']]
    part = result[indices]
    features = getattr(result, 'feats', None)
    if features is not None:
        part.feats = features[indices]
    return part


def _matching(confidence: np.ndarray, class_id: np.ndarray, conf: float,
              classes: Sequence[int]) -> np.ndarray:
    # In single precision, as Ultralytics compares.
    above = confidence > np.float32(conf)
    return above & np.isin(class_id, list(classes)) if classes else above
