"""Turn the recordings of many cameras into histories and heat, with many processes; no ROS."""

import argparse
from dataclasses import replace
from datetime import tzinfo
import os
from pathlib import Path
import signal
import sys
import threading
import time
from typing import Any, Dict, List, Optional, Tuple

import cv2
import filelock
import numpy as np
from tqdm import tqdm

from yolo_heatmap_ros.archive.cluster import Cluster, Failed
from yolo_heatmap_ros.archive.final_heat import total_of, write_final
from yolo_heatmap_ros.archive.known_contents import KnownContents
from yolo_heatmap_ros.archive.model_files import ModelFile, not_sent, packed
from yolo_heatmap_ros.archive.recordings import find_recordings, Recording, TimePattern
from yolo_heatmap_ros.archive.segment_work import (
    Job, last_picture, process, public_picture, read_contents, SegmentResult)
from yolo_heatmap_ros.archive.segments import (
    cut, in_order, job_of, lead_in_of, ROUNDED, Segment, Timed)
from yolo_heatmap_ros.archive.track_joins import joins_of, uncount
from yolo_heatmap_ros.build_pipeline import ALL
from yolo_heatmap_ros.choices import Anonymize, Background
from yolo_heatmap_ros.config.command_line import add_options, configuration_of, HISTORY_PERIOD
from yolo_heatmap_ros.content_hash import sha256_of
from yolo_heatmap_ros.detectors.weights import local_weights
from yolo_heatmap_ros.errors import ArchiveError, HeatmapError, SourceError
from yolo_heatmap_ros.media.contents import Contents
from yolo_heatmap_ros.media.source import ROUNDING
from yolo_heatmap_ros.storage.archived_segments import ArchivedSegment, heat_of, segments_in
from yolo_heatmap_ros.storage.history import shown
from yolo_heatmap_ros.storage.history_file import file_of, SUFFIX
from yolo_heatmap_ros.storage.history_writer import HistoryWriter
from yolo_heatmap_ros.time_zones import parse_time, time_zone

SEGMENT = 600.0
"""Seconds of a segment, by default."""
STALL = 300.0
"""Seconds without progress after which a worker is taken for stuck, by default."""
REPORTED = 60.0
"""Seconds between lines of progress where there is no terminal."""
MAX_NAME = 200
"""Longest name of a camera's file, in bytes: others beside it have longer ones."""
SAMPLES = 100
"""Number of folders in which workers look whether they can read what is there."""
HOUR = 3600.0
_OPTIONS = ({'value_range', 'max_rate', 'history_epoch', 'history_keep', *ALL}
            - {'on_time_jump', 'half_life', 'weights_sha256'})
# The heat of an archive has no present from which to decay.


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='archive', description='Turn the recordings of many cameras into the history and '
        'the heat of each, in segments, with all cores or the workers of a Dask cluster.',
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument('inputs', nargs='+', metavar='input', help='videos, rosbag2 recordings, '
                        "folders of them, patterns ('site/*/*.mp4'), or manifests (CSV with the "
                        'columns file, camera, begin)')
    parser.add_argument('--history', required=True, metavar='FOLDER', help='where the history of '
                        'each camera is, and its heat; what is done already is not done again')
    time_group = parser.add_argument_group('which camera, and when')
    time_group.add_argument('--camera', metavar='NAME', help='whose recordings these are; else '
                            "{camera} of --time-pattern, or the name of a recording's folder")
    time_group.add_argument('--time-pattern', metavar='PATTERN', help='when a recording began, in '
                            "its path: '{camera}_%%Y%%m%%d_%%H%%M%%S', as of strptime")
    time_group.add_argument('--begin', metavar='TIME', help='when the only recording began, as '
                            '2026-11-25T08:00')
    time_group.add_argument('--timezone', default='UTC', metavar='ZONE', help='of times that do '
                            'not say theirs')
    time_group.add_argument('--topic', default='', help='the image topic of rosbag2 recordings; '
                            'empty: the first one')
    work = parser.add_argument_group('the work')
    work.add_argument('--segment', type=float, default=SEGMENT, metavar='S', help='length of the '
                      'parts that are shared out, in s')
    work.add_argument('--workers', type=int, default=0, metavar='N', help='processes to start, '
                      'each with one core; 0: one for each core')
    work.add_argument('--scheduler', default='', metavar='ADDRESS', help='use the workers of this '
                      'Dask scheduler, as tcp://host:8786')
    work.add_argument('--resources', default='', metavar='NAME=N', help='what a worker must offer '
                      "for a segment, as GPU=1; see 'dask worker --resources'")
    work.add_argument('--stall', type=float, default=STALL, metavar='S', help='a worker without '
                      'progress for so long, in s, is ended, and its segment tried again')
    add_options(parser, _OPTIONS)
    return parser


class Archive:
    """One run of the command."""

    def __init__(self, arguments: argparse.Namespace):
        """Check the options; raises HeatmapError."""
        self._arguments = arguments
        self._folder = Path(os.path.expanduser(arguments.history))
        self._check()
        self._zone = _zone(arguments.timezone)
        self._parameters = configuration_of(arguments, _OPTIONS, {
            'history_period': arguments.history_period or HISTORY_PERIOD})
        self._resources = _resources(arguments.resources)
        self._cluster: Optional[Cluster] = None
        self._problems: List[str] = []
        self._done_before = 0
        self._notes: Dict[str, None] = {}

    def _check(self) -> None:
        arguments = self._arguments
        for name, low in (('segment', 1.0), ('stall', 1.0), ('workers', 0)):
            if not low <= getattr(arguments, name) < 1e6:
                raise ArchiveError(f'--{name} {getattr(arguments, name):g}: must be from {low:g} '
                                   'to 1e6')
        if arguments.scheduler and arguments.workers:
            raise ArchiveError('--workers and --scheduler do not go together: the workers of a '
                               'scheduler are started with it')
        if arguments.resources and not arguments.scheduler:
            raise ArchiveError('--resources needs --scheduler: workers that are started here '
                               'offer none')

    def run(self) -> int:
        """Do all that is missing; return the exit code."""
        begin = time.monotonic()
        pattern = None
        if self._arguments.time_pattern is not None:
            pattern = TimePattern(self._arguments.time_pattern, self._zone)
        recordings, wrong = find_recordings(self._arguments.inputs, self._zone,
                                            self._arguments.camera, pattern)
        for line in wrong:
            self._problem(line)
        if not recordings:
            raise ArchiveError('; '.join(self._problems)
                               or 'there is no recording in what was given')
        recordings = self._with_begin(recordings)
        weights = local_weights(self._parameters['weights'], _say)
        if not weights.exists():
            raise ArchiveError(f"weights '{weights}': an archive needs a file or folder")
        model = ModelFile(str(weights), sha256_of(weights))
        lock = self._lock()
        try:
            self._model = model
            planned = self._planned(self._contents(recordings), model)
            missing = self._missing(planned)
            done = self._process(missing, model)
            seconds = time.monotonic() - begin
            for camera, segments in planned.items():
                try:
                    self._finish(camera, segments)
                except HeatmapError as error:
                    self._problem(f"camera '{camera}': {error}")
            video = sum(segment.length for segment in done)
            print(f'{video / HOUR:.2f} h of video in {seconds:.0f} s, {video / seconds:.1f} x '
                  f'real time; {len(done)} segments done, '
                  f'{self._done_before} were done before')
        finally:
            if self._cluster is not None:
                self._cluster.close()
            lock.release()
        for line in self._problems:
            _say(f'archive: missing: {line}')
        return 1 if self._problems else 0

    def _problem(self, line: str) -> None:
        self._problems.append(line)

    def _note(self, line: str) -> None:
        if line not in self._notes:
            self._notes[line] = None
            _say(line)

    def _lock(self) -> filelock.FileLock:
        lock = filelock.FileLock(self._folder / 'archive.lock', timeout=0)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except filelock.Timeout as error:
            raise ArchiveError(f"'{self._folder}': another archive command writes there; wait for "
                               'it, or give another --history') from error
        except OSError as error:
            raise ArchiveError(f"--history '{self._folder}': {error.strerror or error}; check the "
                               'folder and its permissions') from error
        return lock

    def _with_begin(self, recordings: List[Recording]) -> List[Recording]:
        """Give the only recording the begin of --begin."""
        text = self._arguments.begin
        if text is None:
            return recordings
        if len(recordings) > 1:
            raise ArchiveError(f'--begin is for one recording, and there are {len(recordings)}; '
                               'give --time-pattern, or a manifest')
        try:
            return [replace(recordings[0], begin=parse_time(text, self._zone))]
        except ValueError as error:
            raise ArchiveError(f"--begin '{text}': not a time such as 2026-11-25T08:00 or "
                               '2026-11-25T08:00+01:00') from error

    def _workers(self) -> Cluster:
        """Return the cluster, which is started when it is needed."""
        if self._cluster is None:
            self._cluster = Cluster(self._arguments.workers, self._arguments.scheduler,
                                    self._resources)
            where = f'; see {self._cluster.dashboard}' if self._cluster.dashboard else ''
            count = self._cluster.workers
            _say(f'{count} workers'
                 + (f' of {self._cluster.address}' if self._cluster.remote else '')
                 + (', waiting for some' if not count else '') + where)
        return self._cluster

    def _contents(self, recordings: List[Recording]) -> Dict[Recording, Contents]:
        """Return what the recordings hold, but those that cannot be read."""
        found: Dict[Recording, Contents] = {}
        topic, segment = self._arguments.topic, self._arguments.segment
        wanted = f'{topic} {segment}'
        known = KnownContents(self._folder)
        try:
            unknown = []
            for one in recordings:
                contents = known.get(one.path, wanted)
                if contents is None:
                    unknown.append(one)
                else:
                    found[one] = contents
            if not unknown:
                return found
            cluster = self._workers()
            if cluster.remote:
                folders = {os.path.dirname(one.path): one.path for one in unknown}
                unusable = cluster.check(list(folders.values())[:SAMPLES])
                if unusable:
                    raise ArchiveError('; '.join(unusable))
            with tqdm(total=len(unknown), unit=' recordings', desc='reading',
                      disable=None) as bar:
                for one, contents in cluster.each(read_contents, unknown, topic, segment,
                                                  self._arguments.stall):
                    bar.update()
                    if isinstance(contents, Failed):
                        self._problem(contents.reason if one.path in contents.reason else
                                      f"'{one.path}': {contents.reason}")
                        continue
                    found[one] = contents
                    known.put(one.path, wanted, contents)
        finally:
            known.close()
        return {one: found[one] for one in recordings if one in found}

    def _planned(self, found: Dict[Recording, Contents],
                 model: ModelFile) -> Dict[str, List[Segment]]:
        """Return the segments of each camera."""
        by_camera: Dict[str, List[Timed]] = {}
        files: Dict[str, str] = {}
        for recording, contents in found.items():
            name = file_of(self._folder, recording.camera).name
            owner = files.setdefault(name, recording.camera)
            if owner != recording.camera or len(name.encode()) > MAX_NAME:
                self._problem(f"'{recording.path}': the name of camera '{recording.camera[:40]}' "
                              + (f"looks like that of '{owner}' on disk"
                                 if owner != recording.camera else 'is too long')
                              + '; give another')
                continue
            begin = contents.origin if recording.begin is None else recording.begin
            if begin is None:
                self._problem(f"'{recording.path}': does not say when it began; give "
                              '--time-pattern, a manifest with its begin, or --begin')
                continue
            by_camera.setdefault(recording.camera, []).append(Timed(recording, contents, begin))
            if len(contents.topics) > 1:
                self._note(f"topic '{contents.topic}' of {', '.join(contents.topics)}; see "
                           '--topic')
        job = job_of(self._parameters, model.sha256)
        planned: Dict[str, List[Segment]] = {}
        for camera, recordings in by_camera.items():
            kept, overlapping = in_order(recordings)
            for one, other in overlapping:
                self._problem(
                    f"'{one.recording.path}' ({self._range(one.begin, one.end)}) overlaps "
                    f"'{other.recording.path}' ({self._range(other.begin, other.end)}) of camera "
                    f"'{camera}'; give one of them, or another begin")
            planned[camera] = cut(kept, lead_in_of(self._parameters),
                                  self._parameters['max_gap'], job)
            hours = sum(one.contents.end for one in kept) / HOUR
            _say(f"camera '{camera}': {len(kept)} recordings of {hours:.2f} h, "
                 f'{self._range(kept[0].begin, kept[-1].end)}')
        return planned

    def _range(self, begin: float, end: float) -> str:
        return f'{shown(begin, self._zone)} to {shown(end, self._zone)}'

    def _missing(self, planned: Dict[str, List[Segment]]) -> List[Segment]:
        """Return the segments that are not done, and can be."""
        missing: List[Segment] = []
        for camera, segments in planned.items():
            try:
                missing += self._missing_of(camera, segments)
            except HeatmapError as error:  # of its file: the others can go on
                self._problem(f"camera '{camera}': {error}")
        return missing

    def _missing_of(self, camera: str, segments: List[Segment]) -> List[Segment]:
        path = file_of(self._folder, camera)
        there = {one.identity: one for one in segments_in(path)}
        own = {one.identity for one in segments}
        others = [one for one in there.values() if one.identity not in own]
        wanted = [one for one in segments if one.identity not in there]
        for one in segments:
            done = there.get(one.identity)
            if one.tail is not None and done is not None and not done.tracks['tail']:
                self._note(f"'{one.path}' was done before the recording that it follows, "
                           f"'{one.tail.path}': a track in both counts twice")
        self._done_before += len(segments) - len(wanted)
        if not wanted:
            return []
        refused: Dict[str, None] = {}
        writer = HistoryWriter(self._folder, camera)
        try:
            for one in wanted:
                if any(_overlap(one, other) > _allowed(one, other) for other in others) or (
                        not there and writer.covers(one.began + one.length / 2)):
                    refused[one.path] = None
        finally:
            writer.close()
        for file in refused:
            self._problem(f"'{file}': '{path}' has this time already, by another model, other "
                          'options or cuts, or of another file; give another --history')
        return [one for one in wanted if one.path not in refused]

    def _process(self, missing: List[Segment], model: ModelFile) -> List[Segment]:
        """Let the workers do what is missing, and keep each result as it comes; return what is."""
        if not missing:
            return []
        cluster = self._workers()
        job, fetch = self._job(cluster, model)
        done: List[Segment] = []
        with _Progress(missing) as progress:
            for segment, result in cluster.each(process, missing, job, fetch):
                if isinstance(result, Failed):
                    if result.everywhere:
                        raise ArchiveError(result.reason)
                    self._problem(f'{_described(segment)}: {result.reason}')
                else:
                    for note in result.notes:
                        self._note(note)
                    self._keep(segment, result)
                    done.append(segment)
                progress.update(segment)
        return done

    def _job(self, cluster: Cluster, model: ModelFile) -> Tuple[Job, Any]:
        """Return what workers do, and what gets them the weights."""
        fetch: Any = not_sent
        if cluster.remote:
            fetch = cluster.keep(packed(Path(model.path)))
        return Job(self._parameters, model, self._arguments.stall, cluster.remote), fetch

    def _keep(self, segment: Segment, result: SegmentResult) -> None:
        writer = HistoryWriter(self._folder, segment.camera)
        try:
            writer.append_segment(
                ArchivedSegment(segment.identity, segment.path, segment.began, segment.ended,
                                result.frames, result.skipped, result.tracks, result.heats),
                result.bins, self._parameters['weights'], self._parameters['history_epoch'])
        finally:
            writer.close()

    def _finish(self, camera: str, segments: List[Segment]) -> None:
        """Write the heat of a camera, with pictures; tell its counts."""
        path = file_of(self._folder, camera)
        there = {one.identity: one for one in segments_in(path)}
        own = [one for one in segments if one.identity in there]
        done = [there[one.identity] for one in own]
        if not own:
            return
        joins = joins_of(done)
        writer = HistoryWriter(self._folder, camera, self._parameters['history_keep'])
        try:
            writer.join_tracks(*joins)
            while len(own) == len(segments) and writer.maintain(time.time()):
                pass
        finally:
            writer.close()
        sums = total_of(heat_of(path, {one.identity for one in own}), self._parameters)
        if not sums:
            self._problem(f"camera '{camera}': no frame in what is done")
            return
        uncount(sums, joins.repeated)
        written = write_final(self._folder / path.name.removesuffix(SUFFIX), camera, sums,
                              self._picture(own[-1]), self._parameters)
        damaged = sum(one.skipped for one in done)
        print(f"camera '{camera}': {sum(one.frames for one in done)} frames"
              + (f', {damaged} more are damaged' if damaged else '')
              + f', {len(own)} of {len(segments)} segments: {path}, {written}')
        for one in sums:
            for line in one.state().described(with_size=len(sums) > 1):
                print(f'  {line}')

    @property
    def _hides(self) -> bool:
        return (self._parameters['anonymize'] != Anonymize.NONE
                or self._parameters['background'] != Background.FRAME)

    def _picture(self, segment: Segment) -> Optional[np.ndarray]:
        """
        Return the last frame of a segment, (H, W, 3) uint8 BGR, None where that fails.

        Where not all may be shown, it is what may be.
        """
        value_range = self._parameters['value_range']
        try:
            if self._hides:
                cluster = self._workers()
                picture = next(iter(cluster.each(public_picture, [segment],
                                                 *self._job(cluster, self._model))))[1]
            elif os.path.exists(segment.path):
                picture = last_picture(segment, value_range)
            else:  # only workers can read it
                picture = next(iter(self._workers().each(last_picture, [segment],
                                                         value_range)))[1]
        except SourceError as error:
            picture = Failed(str(error))
        if isinstance(picture, Failed):
            self._note(f'no picture of the heat: {picture.reason}')
            return None
        return cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)


class _Progress:
    """Shows how far the work is: a bar on a terminal, else a line from time to time."""

    def __init__(self, segments: List[Segment]):
        self._count = len(segments)
        self._hours = sum(one.length for one in segments) / HOUR
        self._done, self._video = 0, 0.0
        self._began = self._told = time.monotonic()
        self._bar = tqdm(total=self._hours, disable=None, bar_format=(
            '{percentage:3.0f} %|{bar}| {n:.2f} of {total:.2f} h, {desc}, {remaining} left'))
        self._describe()

    def __enter__(self) -> '_Progress':
        return self

    def __exit__(self, *_) -> None:
        self._bar.close()

    def _describe(self) -> str:
        speed = self._video * HOUR / max(time.monotonic() - self._began, 1e-3)
        text = f'{self._done} of {self._count} segments, {speed:.1f} x real time'
        self._bar.set_description_str(text)
        return text

    def update(self, segment: Segment) -> None:
        self._done += 1
        self._video += segment.length / HOUR
        text = self._describe()
        self._bar.update(min(segment.length / HOUR, self._hours - self._bar.n))
        now = time.monotonic()
        if self._bar.disable and now - self._told > REPORTED:
            self._told = now
            left = (now - self._began) * (self._hours / self._video - 1.0)
            _say(f'{self._video:.2f} of {self._hours:.2f} h, {text}, {left / 60:.0f} min left')


def _overlap(one: Segment, other: ArchivedSegment) -> float:
    return min(one.ended, other.ended) - max(one.began, other.began)


def _allowed(one: Segment, other: ArchivedSegment) -> float:
    """Return by how many seconds two segments may overlap: names of files say whole seconds."""
    if one.path == other.file:
        return ROUNDING
    return min(ROUNDED, one.length / 2, (other.ended - other.began) / 2)


def _described(segment: Segment) -> str:
    return f"'{segment.path}', {segment.start:.1f} to {segment.start + segment.length:.1f} s"


def _zone(name: str) -> tzinfo:
    try:
        return time_zone(name)
    except ValueError as error:
        raise ArchiveError(f'--timezone {error}') from error


def _resources(text: str) -> Dict[str, float]:
    try:
        pairs = [part.split('=') for part in text.split(',') if part.strip()]
        return {name.strip(): float(number) for name, number in pairs}
    except ValueError as error:
        raise ArchiveError(f"--resources '{text}': give such as GPU=1") from error


def _say(line: str) -> None:
    tqdm.write(line, file=sys.stderr)


def main(args: Optional[List[str]] = None) -> int:
    """Run the command; return its exit code."""
    arguments = _parser().parse_args(args)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return Archive(arguments).run()
    except KeyboardInterrupt:
        print('archive: interrupted: what is done is kept, and the same command does the rest',
              file=sys.stderr)
        return 130
    except HeatmapError as error:
        print(f'archive: {error}', file=sys.stderr)
        return 1


if __name__ == '__main__':
    sys.exit(main())
