"""Ask the history of a camera: heat and counts of any time, also compared; without ROS."""

import argparse
from datetime import tzinfo
import os
from pathlib import Path
import sys
from typing import Dict, List, Optional

import cv2
import numpy as np

from yolo_heatmap_ros.drawing.colormaps import colormap_code
from yolo_heatmap_ros.errors import HeatmapError, HistoryError
from yolo_heatmap_ros.questions.pictures import chart_of, multiples_of, picture_of
from yolo_heatmap_ros.questions.sums import (
    BY, check_same_view, choose, days_without_hours, groups, known_classes)
from yolo_heatmap_ros.questions.times import compares, other_of, title, when_of, zone_of
from yolo_heatmap_ros.storage.history import files_in, History, HistorySum, shown
from yolo_heatmap_ros.storage.history_export import WRITERS
from yolo_heatmap_ros.storage.history_writer import HOUR

SHOWN = ('tracks', 'entries', 'exits', 'occupancy', 'forward', 'backward')
"""The columns of a table, where there is anything in them."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='history', description='Show what a camera has seen at some time: as a table, a '
        'picture of heat per hour watched, a difference of two times, or by hour, weekday or day.')
    parser.add_argument('path', help='the folder of histories, or a file in it')
    parser.add_argument('--camera', help='whose history, where the folder holds several')
    time = parser.add_argument_group('which time')
    for prefix, of in (('', ''), ('compare-', ' of the other time, to compare with; like that of '
                                              'the first one if not given')):
        time.add_argument(f'--{prefix}from', metavar='TIME',
                          help='begin, as 2026-11-25, 2026-11-25T08:00, today, yesterday or '
                          f'now{of}')
        time.add_argument(f'--{prefix}to', metavar='TIME',
                          help=f'end, which is not part of it{of}')
        time.add_argument(f'--{prefix}hours', metavar='H-H', help='only from one hour of the day '
                          f'to another: 8-10, 22-6, 8-10,14-18{of}')
        time.add_argument(f'--{prefix}weekdays', metavar='D-D', help='only these days: mon-fri, '
                          f'sat,sun{of}')
    time.add_argument('--timezone', default='UTC', metavar='ZONE',
                      help='of all times, as Europe/Berlin (default: UTC)')
    time.add_argument('--view', type=int, metavar='N', help='which one, where the camera or what '
                      'it counts has changed')
    what = parser.add_argument_group('what')
    what.add_argument('--classes', nargs='+', default=[], metavar='CLASS', help='only these')
    what.add_argument('--region', metavar='NAME', help='only what is in this region, or on this '
                      'line')
    what.add_argument('--by', choices=[*BY], help='a row for each; week: '
                      'for each hour of the week')
    what.add_argument('--multiples', action='store_true',
                      help='with --by: small pictures of heat instead of a chart')
    out = parser.add_argument_group('output')
    out.add_argument('--output', '-o', type=Path, metavar='FILE', help='a picture (.png), '
                     f"or data ({', '.join(WRITERS)}; .xml: flow, as a CLiFF-map)")
    out.add_argument('--background', type=Path, metavar='IMAGE', help='a picture of the camera')
    out.add_argument('--colormap', default='JET', help='an OpenCV name (default: JET)')
    return parser


def main(args: Optional[List[str]] = None) -> int:
    """Run the command; return its exit code."""
    arguments = _parser().parse_args(args)
    try:
        _ask(arguments)
        return 0
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # of `history … | head`; Python would fail again at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except HeatmapError as error:
        print(f'history: {error}', file=sys.stderr)
        return 1


def _ask(arguments: argparse.Namespace) -> None:
    zone = zone_of(arguments.timezone)
    _check(arguments)
    with History(_file(Path(os.path.expanduser(arguments.path)), arguments.camera)) as history:
        when = when_of(vars(arguments), zone)
        parts: Dict[str, HistorySum] = {}
        wants_heat = arguments.output is not None and (
            not arguments.by or arguments.multiples or arguments.output.suffix != '.png')
        if arguments.by:
            parts = groups(history, arguments.by, when, arguments.view, wants_heat)
        else:
            parts[title(when)] = history.total(when, arguments.view, wants_heat)
            if compares(vars(arguments)):
                other = other_of(vars(arguments), when)
                parts[f'against {title(other)}'] = history.total(other, arguments.view,
                                                                 wants_heat)
                check_same_view(parts, history.path)
        _warn_of_days(days_without_hours(history, when, arguments.by))
        known = known_classes(history, parts.values())
    for summed in parts.values():
        choose(summed, arguments.classes, arguments.region, known, history.path)
    if arguments.output is not None:
        _write(arguments, parts)
    print(f'{history.camera}: {_described(parts, zone)}')
    _print_table(parts)
    if arguments.output is not None:
        print(arguments.output)


def _check(arguments: argparse.Namespace) -> None:
    suffix = None if arguments.output is None else arguments.output.suffix.lower()
    if suffix not in (None, '.png', *WRITERS):
        raise HistoryError(f"--output '{arguments.output}': must end in .png, "
                           f"{', '.join(WRITERS)}")
    if suffix is not None and not arguments.output.parent.is_dir():
        raise HistoryError(f"--output '{arguments.output}': there is no folder "
                           f"'{arguments.output.parent}'")
    if suffix == '.xml' and (arguments.classes or arguments.region or arguments.by
                             or compares(vars(arguments))):
        raise HistoryError('--output …xml: a CLiFF-map is of one time, and of all classes and '
                           'places; leave out --classes, --region, --by and --compare-…')
    if arguments.multiples and not arguments.by:
        raise HistoryError('--multiples needs --by hour, weekday or day')
    if arguments.by and compares(vars(arguments)):
        raise HistoryError('--by and --compare-… do not go together; ask twice')
    try:
        colormap_code(arguments.colormap)
    except ValueError as error:
        raise HistoryError(f'--colormap: {error}') from error


def _file(path: Path, camera: Optional[str]) -> Path:
    if path.is_file():
        return path
    files = files_in(path) if path.is_dir() else []
    if not files:
        raise HistoryError(f"'{path}': no history is there")
    cameras, broken = {}, None
    for file in files:
        try:
            with History(file) as history:
                cameras[history.camera] = file
        except HistoryError as error:
            broken = error
    if broken is not None and (camera is None or not cameras):
        raise broken
    if camera is None and len(cameras) == 1:
        return files[0]
    if camera not in cameras:
        raise HistoryError(f"'{path}': " + (f"no history of '{camera}'" if camera else
                                            'holds several') + '; choose a --camera of '
                           + ', '.join(cameras))
    return cameras[camera]


def _warn_of_days(days: int) -> None:
    if days:
        print(f'history: {days} days are kept as days, without their hours, and are left out',
              file=sys.stderr)


def _described(parts: Dict[str, HistorySum], zone: tzinfo) -> str:
    sums = parts.values()
    began, ended = (shown(time, zone) for time in (min(one.began for one in sums),
                                                   max(one.ended for one in sums)))
    models = sorted({one.model for summed in sums for one in summed.bins})
    return (f'{began} to {ended} ({zone}), {sum(one.watched for one in sums) / HOUR:.2f} h '
            f"watched, {sum(one.frames for one in sums)} frames, {', '.join(models)}")


def _print_table(parts: Dict[str, HistorySum]) -> None:
    """Print numbers, and in brackets per hour watched."""
    rows = [('', 'place', 'watched h', *SHOWN)]
    for part, summed in parts.items():
        hours = summed.watched / HOUR
        for place, by_class in sorted(summed.counts.items()) or [('', {})]:
            numbers = by_class.get('', {})
            rows.append((str(part), place, f'{hours:.2f}', *(
                f'{numbers[what]:.0f} ({numbers[what] / hours:.1f}/h)'
                if what in numbers and hours else '' for what in SHOWN)))
    kept = [column for column in range(len(rows[0]))
            if column in (0, 2) or any(row[column] for row in rows[1:])]
    widths = {column: max(len(row[column]) for row in rows) for column in kept}
    for row in rows:
        print('  '.join(row[column].ljust(widths[column]) for column in kept).rstrip())


def _write(arguments: argparse.Namespace, parts: Dict[str, HistorySum]) -> None:
    suffix = arguments.output.suffix.lower()
    try:
        if suffix != '.png':
            WRITERS[suffix](arguments.output, parts)
            if suffix == '.xml' and next(iter(parts.values())).flow.grid.unit == 'px':
                print('history: without a floor, the CLiFF-map is of the picture: in px, y '
                      'downwards', file=sys.stderr)
            return
        # OpenCV does not notice that a disk is full.
        arguments.output.write_bytes(cv2.imencode('.png', _picture(arguments, parts))[1].tobytes())
    except OSError as error:
        raise HistoryError(f"--output '{arguments.output}': {error.strerror or error}; check the "
                           'folder, its permissions and the space on its disk') from error


def _picture(arguments: argparse.Namespace, parts: Dict[str, HistorySum]) -> np.ndarray:
    background = None
    if arguments.background is not None:
        background = cv2.imread(str(arguments.background))
        if background is None:
            raise HistoryError(f"--background '{arguments.background}': not a picture")
    if arguments.by and not arguments.multiples:
        return chart_of(arguments.by, parts)
    if arguments.by:
        return multiples_of(parts, arguments.colormap, background)
    return picture_of([*parts.values()], arguments.colormap, background).pixels


if __name__ == '__main__':
    sys.exit(main())
