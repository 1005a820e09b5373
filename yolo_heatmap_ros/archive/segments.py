"""Cuts recordings into segments, each with the identity by which its result is known."""

from dataclasses import asdict, dataclass, replace
import hashlib
import json
import math
import os
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from yolo_heatmap_ros.archive.recordings import Recording
from yolo_heatmap_ros.build_pipeline import DETECTION, OPTIONS
from yolo_heatmap_ros.content_hash import sha256_of
from yolo_heatmap_ros.media.contents import Contents

ROUNDED = 2.0
"""Seconds by which recordings may overlap: their names say whole seconds."""
LEAD_IN = 10.0
"""Shortest lead-in in s: a tracker follows by then whom it would have followed."""
COUNTED = ('imgsz', 'tracker', 'accelerate', 'prompts', *DETECTION, *OPTIONS, 'max_rate',
           'value_range', 'history_epoch')
"""The parameters on which heat and counts depend, beside the content of the weights."""
LATER = ('ignored_areas',)
"""Those of them that are empty in archives of earlier versions."""


@dataclass(frozen=True)
class Tail:
    """
    The end of the recording before, from `start` s on, to which a recording follows at once.

    `shift`, in s, is what is added to its times for those of the recording that follows; `origin`
    for its own ones, in s since 1970 UTC.
    """

    path: str
    topic: str
    start: float
    shift: float
    origin: float


@dataclass(frozen=True)
class Segment:
    """
    A part of a recording.

    `sha256` is that of the recording; `origin` plus the time of a frame is when it was recorded,
    in s since 1970 UTC.  What counts is from `start` to before `end`, in s of the recording;
    infinite for its end.  Before that, from `lead_in` on, and in `tail`, tracks are followed and
    nothing counts.
    """

    camera: str
    path: str
    topic: str
    sha256: str
    origin: float
    start: float
    end: float
    lead_in: float
    length: float
    tail: Optional[Tail] = None
    identity: str = ''

    @property
    def began(self) -> float:
        """Return where it begins, in s since 1970 UTC."""
        return self.origin + self.start

    @property
    def ended(self) -> float:
        """Return where it ends, in s since 1970 UTC."""
        return self.origin + self.start + self.length


class Timed(NamedTuple):
    """A recording, what it holds, and the time of its first frame in s since 1970 UTC."""

    recording: Recording
    contents: Contents
    begin: float

    @property
    def end(self) -> float:
        """Return the end of its last frame, in s since 1970 UTC."""
        return self.begin + self.contents.end


def lead_in_of(parameters: Mapping[str, Any]) -> float:
    """Return for how long before a segment tracks must be followed, in s, to count as they are."""
    return max(LEAD_IN, parameters['max_gap'] + parameters['track_memory'] + 1.0,
               parameters['dwell_alert'] + 1.0, parameters['ignore_stationary'] + 1.0)


def in_order(recordings: Sequence[Timed]) -> Tuple[List[Timed], List[Tuple[Timed, Timed]]]:
    """
    Return the recordings of one camera in order of time, and those that overlap others.

    Each of these comes with the one, begun before or with it, that is kept.
    """
    kept: List[Timed] = []
    overlapping = []
    for one in sorted(recordings, key=lambda one: (one.begin, one.recording.path)):
        if kept and kept[-1].end - one.begin > min(ROUNDED, one.contents.end / 2):
            overlapping.append((one, kept[-1]))
        else:
            kept.append(one)
    return kept, overlapping


def cut(recordings: Sequence[Timed], lead_in: float, max_gap: float,
        job: Mapping[str, Any]) -> List[Segment]:
    """
    Return the segments of one camera's recordings, in order of time.

    `lead_in` and `max_gap` are in s; `job` is what identifies the model and the parameters.
    """
    segments: List[Segment] = []
    before: Optional[Timed] = None
    for one in recordings:
        contents = one.contents
        tail = None if before is None else _tail(before, one, lead_in, max_gap)
        starts = (0.0, *contents.cuts)
        for start, end in zip(starts, (*contents.cuts, math.inf)):
            segment = Segment(
                one.recording.camera, one.recording.path, contents.topic, contents.sha256,
                one.begin, start, end, max(0.0, start - lead_in),
                min(end, contents.end) - start, tail if start < lead_in else None)
            segments.append(replace(segment, identity=_identity(segment, job)))
        before = one
    return segments


def _tail(before: Timed, one: Timed, lead_in: float, max_gap: float) -> Optional[Tail]:
    gap = one.begin - before.end
    if gap > max(max_gap, ROUNDED):
        return None
    contents = before.contents
    # Names say whole seconds: recordings that would overlap, or nearly touch, follow at once.
    shift = before.begin - one.begin if gap > ROUNDED / 2 else -contents.end
    return Tail(before.recording.path, contents.topic, max(0.0, contents.end - lead_in), shift,
                before.begin)


def job_of(parameters: Mapping[str, Any], model_sha256: str) -> Dict[str, Any]:
    """Return what identifies the model and the parameters of an archive, as plain values."""
    # What older versions did not know changes no result, nor identity, unless it is given.
    job = {'model': model_sha256, **{name: _plain(parameters[name]) for name in COUNTED
                                     if name not in LATER or parameters[name]}}
    tracker = os.path.expanduser(parameters['tracker'])
    if os.path.isfile(tracker):
        job['tracker'] = sha256_of(Path(tracker))
    return job


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, str) else value


def _identity(segment: Segment, job: Mapping[str, Any]) -> str:
    """
    Return a hash of what the result depends on: content, not paths.

    The tail is left out: what is done stays done when the recording before it comes later.
    """
    about = asdict(replace(segment, path='', tail=None))
    text = json.dumps({**about, 'job': job}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
