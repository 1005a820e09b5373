"""What a worker does: the heat, counts and history of one segment of a recording."""

from contextlib import closing
from dataclasses import dataclass, field
import faulthandler
import math
import os
import sys
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

import cv2
import numpy as np

from yolo_heatmap_ros.archive.model_files import local_file, ModelFile
from yolo_heatmap_ros.archive.recordings import Recording
from yolo_heatmap_ros.archive.segments import Segment
from yolo_heatmap_ros.build_pipeline import DETECTION, make_pipeline, MODEL
from yolo_heatmap_ros.choices import Anonymize, Background
from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.detectors.interface import Detector
from yolo_heatmap_ros.detectors.yolo import YoloDetector
from yolo_heatmap_ros.errors import ArchiveError, ModelError, SourceError
from yolo_heatmap_ros.heat.clock import RateLimit
from yolo_heatmap_ros.heat.events import Event, EventKind
from yolo_heatmap_ros.heat.time_bins import TimeBin
from yolo_heatmap_ros.heat.tracks import TrackMark
from yolo_heatmap_ros.media.contents import Contents, contents_of
from yolo_heatmap_ros.media.source import ROUNDING, Source
from yolo_heatmap_ros.media.sources import open_source
from yolo_heatmap_ros.pipeline import HeatmapPipeline
from yolo_heatmap_ros.storage.archived_segments import packed_heat

NUMBERS = 1000
"""Numbers of tracks of a segment begin with its begin in ms since 1970 UTC, times this."""
FAILING = 0.1
"""Share of frames on which the model may fail: more is no matter of the frames."""
LOOK = 1.0
"""Seconds between two signs of life at least: each starts a thread."""
LAST = 2.0
"""Seconds before the end of a segment in which its last frame is."""
SHOWN, SHOWN_RATE = 60.0, 4.0
"""Seconds of a segment, and their frames per second, that show what may be shown of its end."""
_own = threading.local()


@dataclass(frozen=True)
class Job:
    """
    What all segments of an archive have in common.

    A worker that gets no further for `stall` s is stuck, and ends; if it has a log of its own
    (`logs`), it says there where it was.
    """

    parameters: Configuration
    model: ModelFile
    stall: float
    logs: bool = False


@dataclass
class SegmentResult:
    """
    What was seen in a segment.

    `heats` are copies of the heat of each resolution as `packed_heat` returns them, with times in
    s since 1970 UTC.  `tracks` are as in `ArchivedSegment`.  `frames` is the number of those that
    count, `skipped` of damaged ones and of those on which the model failed.  `notes` are lines for
    the user.
    """

    frames: int = 0
    skipped: int = 0
    bins: List[TimeBin] = field(default_factory=list)
    heats: List[Tuple[Dict[str, Any], bytes]] = field(default_factory=list)
    tracks: Dict[str, Any] = field(default_factory=dict)
    notes: List[str] = field(default_factory=list)


class Watch:
    """Ends the process if it gets no further for some time: native code cannot be interrupted."""

    def __init__(self, seconds: float, logs: bool = False):
        """Begin to watch; say on stderr where it was stuck, if `logs`."""
        self._seconds = seconds
        self._file = sys.__stderr__ if logs else open(os.devnull, 'w')
        self.alive()

    def alive(self) -> None:
        """Take note that it got further."""
        self._next = time.monotonic() + LOOK
        faulthandler.dump_traceback_later(self._seconds, exit=True, file=self._file)

    def look(self) -> None:
        """Take note, if the last time is a while ago."""
        if time.monotonic() >= self._next:
            self.alive()

    def stop(self) -> None:
        """Watch no longer."""
        faulthandler.cancel_dump_traceback_later()
        if self._file is not sys.__stderr__:
            self._file.close()


def read_contents(recording: Recording, topic: str, segment: float, stall: float) -> Contents:
    """Return what a recording holds, see `contents_of`; `stall` as in `Job`."""
    watch = Watch(stall)
    try:
        return contents_of(recording.path, topic, segment, watch.look)
    finally:
        watch.stop()


def process(segment: Segment, job: Job, fetch: Callable[[], bytes],
            make_detector: Optional[Callable[..., Detector]] = None) -> SegmentResult:
    """
    Return what was seen in a segment.

    `fetch` gets the weights where this machine has no such file; `make_detector` loads them.
    Raises HeatmapError, one line, where the recording or the model cannot be used.
    """
    result = SegmentResult()
    # No frame is shown here.
    parameters = job.parameters.changed({'anonymize': Anonymize.NONE,
                                         'background': Background.FRAME})
    pipeline = make_pipeline(parameters, result.notes.append,
                             make_detector or (lambda **_: _detector(job, fetch)))
    pipeline.set_time_origin(segment.origin)
    watch = Watch(job.stall, job.logs)
    try:
        _run(segment, job.parameters, pipeline, result, watch)
    finally:
        watch.stop()
    return result


def _detector(job: Job, fetch: Callable[[], bytes]) -> YoloDetector:
    """Return the thread's own model, loaded once."""
    options = {name: job.parameters[name] for name in (*MODEL, *DETECTION)
               if name not in ('weights', 'weights_sha256', 'threads')}
    key = job.model.sha256, repr(options)
    if getattr(_own, 'key', None) != key:
        _own.key = _own.detector = None
        _own.detector = YoloDetector(str(local_file(job.model, fetch)),
                                     threads=job.parameters['threads'] or 1, **options)
        _own.key = key
    return _own.detector


def _run(segment: Segment, parameters: Configuration, pipeline: HeatmapPipeline,
         result: SegmentResult, watch: Watch) -> None:
    max_rate, value_range = parameters['max_rate'], parameters['value_range']
    tail = segment.tail
    if tail is not None:
        with closing(open_source(tail.path, tail.topic, value_range)) as source:
            for stamp, frame in frames(source, tail.start, math.inf, max_rate, watch.look):
                _take(pipeline.warm_up, frame, stamp + tail.shift, result)
    with closing(open_source(segment.path, segment.topic, value_range)) as source:
        damaged = result.skipped = 0
        marks: Optional[List[TrackMark]] = None
        visits: List[Event] = []
        for stamp, frame in frames(source, segment.lead_in, segment.end, max_rate,
                                   watch.look):
            if stamp < segment.start - ROUNDING:
                _take(pipeline.warm_up, frame, stamp, result)
                # What was not usable so far, the segment before has counted.
                damaged, result.skipped = source.unusable, 0
                continue
            if marks is None:
                marks = pipeline.track_marks()
            result.frames += _take(pipeline.update, frame, stamp, result)
            visits += [event for event in pipeline.new_events(visits=True)
                       if event.kind == EventKind.VISIT]
        if result.skipped > FAILING * (result.frames + result.skipped):
            raise ArchiveError(f"'{segment.path}': the model fails on {result.skipped} frames "
                               f'from {segment.start:.1f} s on ({result.notes[-1]})')
        result.skipped += source.unusable - damaged
        if source.advice:
            result.notes.append(source.advice)
    if not result.frames:
        text = (f"'{segment.path}': no frame that can be decoded from {segment.start:.1f} s on, "
                f'where {segment.length:.1f} s should be')
        if not segment.start:
            raise SourceError(text)
        result.notes.append(text)
    pipeline.close_bins()
    result.bins = pipeline.new_bins()
    numbers = round(1000 * segment.began) * NUMBERS
    for one in result.bins:
        for event in one.events:
            event['track'] += numbers
    marks = marks or []
    known = {mark.number for mark in marks}
    result.tracks = {
        'tail': segment.tail is not None,
        'begin': [_plain(mark, segment, numbers) for mark in marks],
        'end': [_plain(mark, segment, numbers) for mark in pipeline.track_marks()],
        'visits': [(event.track_id + numbers, event.place, pipeline.class_name(event.class_id),
                    event.stamp + segment.origin) for event in visits if event.track_id in known]}
    for state in (*pipeline.other_states(), pipeline.state()):
        if state is not None and state.frames:
            result.heats.append(packed_heat(state, segment.origin))


def _plain(mark: TrackMark, segment: Segment, numbers: int) -> Tuple[Any, ...]:
    """Return a mark with a number of its own among all segments, and a time since 1970 UTC."""
    stamp = mark.stamp + segment.origin
    if segment.tail is not None and mark.stamp < 0.0:
        stamp = mark.stamp - segment.tail.shift + segment.tail.origin
    return mark.number + numbers, stamp, mark.box, mark.visited


def _take(step: Callable[[np.ndarray, float], Any], frame: np.ndarray, stamp: float,
          result: SegmentResult) -> bool:
    """Let the pipeline take a frame; one on which the model fails is counted, and passed over."""
    try:
        step(frame, stamp)
        return True
    except ModelError as error:
        result.skipped += 1
        if not any(note.startswith(str(error)) for note in result.notes):
            result.notes.append(str(error))
        return False


def frames(source: Source, begin: float, end: float, max_rate: float,
           alive: Callable[[], None] = lambda: None) -> Iterator[Tuple[float, np.ndarray]]:
    """
    Yield (stamp in s, frame) from `begin` to before `end`, by the times of the source.

    Of all frames of the source, those are taken that `max_rate` (Hz; 0: all) leaves, wherever one
    begins.  `alive` is called for each of them.
    """
    limit = RateLimit()
    limit.takes(0.0, max_rate)
    if begin and not source.seek(begin):
        return
    while source.coming < end - ROUNDING:
        alive()
        if source.coming and not limit.takes(source.coming, max_rate):
            if not source.skip():
                return
            continue
        frame = source.read()
        if frame is None or source.elapsed >= end - ROUNDING:
            return
        yield source.elapsed, frame


def last_picture(segment: Segment, value_range: Sequence[float]) -> bytes:
    """Return the last frame of a segment as PNG; raises SourceError where there is none."""
    with closing(open_source(segment.path, segment.topic, value_range)) as source:
        for begin in (segment.start + segment.length - LAST, segment.start):
            last = None
            for _, last in frames(source, max(segment.start, begin), segment.end, 0.0):
                pass
            if last is not None:
                return cv2.imencode('.png', last)[1].tobytes()
    raise SourceError(f"'{segment.path}': no frame that can be decoded")


def public_picture(segment: Segment, job: Job, fetch: Callable[[], bytes]) -> bytes:
    """
    Return what may be shown of the end of a segment as PNG, by the parameters of a job.

    `fetch` as in `process`.  Raises HeatmapError, one line, where recording or model cannot be
    used.
    """
    pipeline = make_pipeline(job.parameters, lambda line: None, lambda **_: _detector(job, fetch))
    begin = max(segment.start, segment.start + segment.length - SHOWN)
    value_range = job.parameters['value_range']
    with closing(open_source(segment.path, segment.topic, value_range)) as source:
        for stamp, frame in frames(source, begin, segment.end, SHOWN_RATE):
            pipeline.update(frame, stamp)
    if pipeline.last_frame is None:
        raise SourceError(f"'{segment.path}': no frame that can be decoded")
    return cv2.imencode('.png', pipeline.last_frame)[1].tobytes()
