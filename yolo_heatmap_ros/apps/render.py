"""Render the heatmap of a video, image or recording: the pipeline as a command, without ROS."""

import argparse
import math
import os
from pathlib import Path
import sys
import time
from typing import Iterator, List, Optional, Tuple

import cv2
import numpy as np
from tqdm import tqdm

from yolo_heatmap_ros.build_pipeline import ALL, make_pipeline
from yolo_heatmap_ros.choices import HeatUnit
from yolo_heatmap_ros.config.command_line import add_options, configuration_of, HISTORY_PERIOD
from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.errors import HeatmapError, RenderError
from yolo_heatmap_ros.heat.clock import RateLimit
from yolo_heatmap_ros.media.image_files import IMAGE_SUFFIXES
from yolo_heatmap_ros.media.source import ROUNDING, Source, STILL_RATE, without_credentials
from yolo_heatmap_ros.media.sources import open_sources
from yolo_heatmap_ros.media.video_writer import VideoWriter
from yolo_heatmap_ros.pipeline import HeatmapPipeline
from yolo_heatmap_ros.storage.event_file import EventFile
from yolo_heatmap_ros.storage.history_writer import HistoryWriter
from yolo_heatmap_ros.storage.snapshots import plain_values, Snapshot, write
from yolo_heatmap_ros.time_zones import parse_time

WINDOW_TITLE = 'yolo_heatmap: q or ESC closes'
CLOSING_KEYS = (ord('q'), 27)
KEEP = 100_000
"""Number of snapshots to keep in a folder: all."""
_OPTIONS = {'value_range', 'max_rate', 'history_epoch', 'history_keep', *ALL} - {'on_time_jump'}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='render', description='Draw a heatmap of where objects have been over a video, an '
        'image or a recording, side by side with the original or on its own.',
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument('paths', nargs='+', metavar='path',
                        help='one or more inputs: videos, images, folders of them, patterns '
                        "('cam1/*.mp4'), URLs or rosbag2 recordings, played one after the other; "
                        'then the output, a video or an image, unless there is only one path, '
                        'or --history or --output is given')
    parser.add_argument('--output', '-o', help='the output: then all paths are inputs')
    parser.add_argument('--heatmap-only', action='store_true', help='leave out the original')
    parser.add_argument('--start', type=float, default=0.0, metavar='S',
                        help='start at this time in seconds')
    parser.add_argument('--end', type=float, default=math.inf, metavar='S',
                        help='end at this time in seconds')
    parser.add_argument('--topic', default='', help='the image topic of a recording; empty: the '
                        'first one in it')
    parser.add_argument('--show', action='store_true', help='show a window; q or ESC closes it')
    parser.add_argument('--snapshot', metavar='FOLDER',
                        help='save the final heat there: heat.npz, heatmap.png with a legend')
    parser.add_argument('--events', metavar='FILE',
                        help='write entries, exits, crossings and stays there, each with its '
                        'time: .csv, or .jsonl for JSON lines')
    parser.add_argument('--history', metavar='FOLDER',
                        help='add heat, counts and events to the history there, in bins of '
                        f'--history-period, {HISTORY_PERIOD:.0f} s if that is not given')
    parser.add_argument('--begin', metavar='TIME', help='for --history: when the input was '
                        "recorded, as '2026-11-25T08:00', in UTC, or '2026-11-25T08:00+01:00'; "
                        'else the time in recordings and videos that say it')
    parser.add_argument('--camera', default='camera', metavar='NAME',
                        help='for --history: whose history it is')
    add_options(parser, _OPTIONS)
    return parser


def _configuration(arguments: argparse.Namespace) -> Configuration:
    """Return all parameters of the node; raises ParameterError."""
    given = {}
    if arguments.history and not arguments.history_period:
        given['history_period'] = HISTORY_PERIOD
    elif arguments.history_period and not arguments.history:
        raise RenderError('--history-period needs --history FOLDER')
    return configuration_of(arguments, _OPTIONS, given)


def _frames(source: Source, start: float, end: float,
            max_rate: float) -> Iterator[Tuple[float, np.ndarray]]:
    """
    Yield (stamp in s, frame) from `start` to before `end`, by the times of the source.

    At most `max_rate` of them a second, unless that is 0.
    """
    begin, limit = time.monotonic(), RateLimit()
    if not source.live and not source.skip_to(start):
        return
    while source.live or source.coming < end - ROUNDING:
        if not source.live and not limit.takes(source.coming, max_rate):
            if not source.skip():
                return
            continue
        frame = source.read()
        if frame is None:
            return
        stamp = time.monotonic() - begin if source.live else source.elapsed
        if stamp >= end - ROUNDING:
            return
        if stamp >= start - ROUNDING and (not source.live or limit.takes(stamp, max_rate)):
            yield stamp, frame


class Sink:
    """Where pictures go: a video, an image (of the last picture), a window, or several of them."""

    def __init__(self, path: Optional[Path], rate: float, window: bool):
        """Open the outputs; raises VideoError or RenderError for an unknown format."""
        self._path = path
        self._image = path is not None and path.suffix.lower() in IMAGE_SUFFIXES
        if self._image and not cv2.haveImageWriter(str(path)):
            raise RenderError(f"'{path}': no encoder for '{path.suffix}' is installed; write a "
                              'PNG or JPEG')
        self._video = None if path is None or self._image else VideoWriter(path, rate)
        self._window = window
        self._last: Optional[np.ndarray] = None
        self._began: Optional[float] = None

    def put(self, picture: np.ndarray, stamp: float) -> bool:
        """
        Write a picture, (H, W, 3) uint8 BGR, of `stamp`, in s.

        Returns False if the window was closed.
        """
        if self._video is not None:
            if self._began is None:
                self._began, self._shape = stamp, picture.shape[:2]
            self._video.write(_fitted(picture, *self._shape), stamp - self._began)
        self._last = picture if self._image else None
        if not self._window:
            return True
        try:
            cv2.imshow(WINDOW_TITLE, picture)
            return cv2.waitKey(1) & 0xFF not in CLOSING_KEYS
        except cv2.error as error:
            raise RenderError('--show: OpenCV cannot open a window here; omit it, or use a '
                              'non-headless OpenCV on a desktop') from error

    def close(self) -> None:
        """Finish the file; raises VideoError or RenderError if it cannot be written."""
        if self._window:
            cv2.destroyAllWindows()
        if self._video is not None:
            self._video.close()
        if self._last is not None and not cv2.imwrite(str(self._path), self._last):
            raise RenderError(f"'{self._path}': cannot be written; check the folder and its "
                              'permissions')

    @property
    def codec(self) -> str:
        """Return the codec of the file."""
        return self._path.suffix[1:].upper() if self._image else self._video.codec


def render(arguments: argparse.Namespace) -> int:
    """Render as the command line says; return the exit code."""
    inputs, output_path = list(arguments.paths), arguments.output
    # A pattern of recordings for a history must not overwrite the last of them.
    if output_path is None and len(inputs) > 1 and not arguments.history:
        output_path = inputs.pop()
    path = None if output_path is None else Path(os.path.expanduser(output_path))
    if path is None and not (arguments.show or arguments.snapshot or arguments.events
                             or arguments.history):
        raise RenderError('nothing to do: give an output, --show, --snapshot, --events or '
                          '--history')
    if not 0.0 <= arguments.start < arguments.end:
        raise RenderError(f'--start {arguments.start:g} is not before --end {arguments.end:g}')
    if path is not None and not path.parent.is_dir():
        raise RenderError(f"'{path}': there is no folder '{path.parent}'")
    configuration = _configuration(arguments)
    counts = bool(configuration['regions'] or configuration['lines'])
    if arguments.events and not counts:
        raise RenderError('--events: events are of regions and lines; give --regions or --lines')
    _warn_of_gaps(configuration, counts)
    source = open_sources(inputs, arguments.topic, configuration['value_range'])
    if len(source.topics) > 1:
        _say(f"topic '{source.topic}' of {', '.join(source.topics)}; see --topic")
    if path is not None and any(Path(os.path.expanduser(one)).resolve() == path.resolve()
                                for one in inputs):
        raise RenderError(f"'{path}': is the input itself; give another output")
    still = source.still
    native = source.rate or source.mean_rate or STILL_RATE
    rate = min(native, configuration['max_rate'] or native)
    output = Sink(path, rate, arguments.show)
    pipeline = make_pipeline(configuration, _say)
    history = None
    if arguments.history:
        history = _Recorder(arguments, configuration, pipeline)
    events = None
    if arguments.events:
        events = EventFile(Path(os.path.expanduser(arguments.events)), pipeline.class_name)
    total = source.total - math.ceil(arguments.start * native) if source.total else None
    if total and rate < native:
        total = math.ceil(total * rate / native)
    if math.isfinite(arguments.end):
        total = min(total or math.inf, math.ceil((arguments.end - arguments.start) * rate))
    begin, count, advised = time.monotonic(), 0, ''
    try:
        frames = _frames(source, arguments.start, arguments.end,
                         configuration['max_rate'])
        with tqdm(total=1 if still else total, unit=' frames', disable=None) as progress:
            for stamp, frame in frames:
                if pipeline.shape not in (None, frame.shape[:2]):
                    _say(f'from {stamp:.1f} s on, frames are of {frame.shape[1]} x '
                         f'{frame.shape[0]} pixels: each resolution has its own heat')
                if source.advice and not advised:
                    _say(advised := source.advice)
                if history is not None:
                    history.before_frame(source)
                pipeline.update(frame, stamp)
                happened = pipeline.new_events()
                if events is not None:
                    events.write(happened)
                if history is not None:
                    history.write()
                count += 1
                progress.update()
                picture = _picture(pipeline, frame, arguments.heatmap_only)
                if not output.put(picture, stamp) or (still and not arguments.show):
                    break
    except KeyboardInterrupt:
        print('interrupted: the frames rendered so far are kept', file=sys.stderr)
    finally:
        source.close()
        output.close()
        if events is not None:
            events.close()
        if history is not None:
            history.close()
    if not count:
        raise RenderError(f"'{without_credentials(inputs[0])}': no frame between --start "
                          'and --end')
    seconds = time.monotonic() - begin
    # With max_rate, their number is known only about.
    of_all = f' of {total}' if total and math.isfinite(total) and rate == native else ''
    print(f'{count}{of_all} frames in {seconds:.1f} s, {count / seconds:.1f} fps'
          + (f', {source.unusable} damaged' if source.unusable else '')
          + ('' if path is None else f': {path} ({output.codec})'))
    _print_counts(pipeline)
    if arguments.snapshot:
        _save(pipeline, Path(os.path.expanduser(arguments.snapshot)), configuration)
    return 0


def _warn_of_gaps(configuration: Configuration, counts: bool) -> None:
    rate, max_gap = configuration['max_rate'], configuration['max_gap']
    if rate and rate * max_gap < 1.0 and (
            counts or configuration['heat_unit'] == HeatUnit.SECONDS):
        _say(f'max_rate {rate:g} Hz leaves {1 / rate:.3g} s between frames, more than max_gap '
             f'({max_gap:g} s): no dwell time and no crossing is counted; give a larger --max-gap '
             'or --max-rate')


class _Recorder:
    """Writes the history of a pipeline, at the times at which its input was recorded."""

    def __init__(self, arguments: argparse.Namespace, configuration: Configuration,
                 pipeline: HeatmapPipeline):
        """Check the options; raises RenderError."""
        self._pipeline = pipeline
        self._model = configuration['weights']
        self._epoch = configuration['history_epoch']
        self._keep = configuration['history_keep']
        self._folder = Path(os.path.expanduser(arguments.history))
        self._camera = arguments.camera
        self._given = None if arguments.begin is None else _time(arguments.begin)
        self._origin: Optional[float] = None
        self._file: Optional[HistoryWriter] = None

    def before_frame(self, source: Source) -> None:
        """Take the time at which the next frame was recorded; raises RenderError for none."""
        origin = self._time_of(source)
        if self._file is None:
            self._file = HistoryWriter(self._folder, self._camera, self._keep)
        if origin != self._origin:
            self._origin = origin
            if self._file.covers(origin + source.elapsed):
                _say(f"'{self._file.path}' has bins of this time already: what is rendered again "
                     'counts twice')
            self._pipeline.set_time_origin(origin)

    def _time_of(self, source: Source) -> float:
        origin = source.origin if self._given is None else self._given
        if origin is None:
            raise RenderError('--history: the input does not say when it was recorded; give '
                              '--begin 2026-11-25T08:00')
        return origin

    def write(self) -> None:
        """Write the periods that are over; raises HistoryError."""
        for one in self._pipeline.new_bins():
            self._file.append(one, self._model, self._epoch)

    def close(self) -> None:
        """Write the rest, thin old bins, and close the file; raises HistoryError."""
        if self._file is None:
            return
        try:
            self._pipeline.close_bins()
            self.write()
            while self._file.maintain(time.time()):
                pass
        finally:
            self._file.close()


def _time(text: str) -> float:
    try:
        return parse_time(text)
    except ValueError as error:
        raise RenderError(f"--begin '{text}': not a time such as 2026-11-25T08:00 or "
                          '2026-11-25T08:00+01:00') from error


def _print_counts(pipeline: HeatmapPipeline) -> None:
    states = [*pipeline.other_states(), pipeline.state()]
    for state in states:
        for line in state.described(with_size=len(states) > 1):
            print(line)


def _say(line: str) -> None:
    tqdm.write(line, file=sys.stderr)


def _fitted(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return a picture as large as fits, with black beside it, as (height, width, 3)."""
    if picture.shape[:2] == (height, width):
        return picture
    factor = min(height / picture.shape[0], width / picture.shape[1])
    inner = cv2.resize(picture, (max(1, min(width, round(picture.shape[1] * factor))),
                                 max(1, min(height, round(picture.shape[0] * factor)))))
    fitted = np.zeros((height, width, 3), np.uint8)
    top, left = (height - inner.shape[0]) // 2, (width - inner.shape[1]) // 2
    fitted[top:top + inner.shape[0], left:left + inner.shape[1]] = inner
    return fitted


def _picture(pipeline: HeatmapPipeline, frame: np.ndarray, heatmap_only: bool) -> np.ndarray:
    height, width = frame.shape[:2]
    picture = np.empty((height, width if heatmap_only else 2 * width, 3), np.uint8)
    pipeline.render(frame, **{'heatmap' if heatmap_only else 'composite': picture})
    return picture


def _save(pipeline: HeatmapPipeline, folder: Path, configuration: Configuration) -> None:
    pipeline.legend = True
    plain = plain_values(configuration)
    # The last resolution is the newest snapshot, which others would load.
    for state in pipeline.other_states():
        print(f'snapshot: {write(folder, Snapshot(state, plain), {}, KEEP)}')
    snapshot = Snapshot(pipeline.state(), plain)
    print(f'snapshot: {write(folder, snapshot, pipeline.last_pictures(), KEEP)}')


def main(args: Optional[List[str]] = None) -> int:
    """Run the command; return its exit code."""
    arguments = _parser().parse_args(args)
    try:
        return render(arguments)
    except KeyboardInterrupt:
        return 130
    except HeatmapError as error:
        print(f'render: {error}', file=sys.stderr)
        return 1


if __name__ == '__main__':
    sys.exit(main())
