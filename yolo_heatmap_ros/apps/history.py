"""Ask the history of a camera: heat and counts of any time, also compared; without ROS."""

import argparse
from datetime import datetime, timedelta, tzinfo
import math
import os
from pathlib import Path
import sys
from typing import Callable, Dict, FrozenSet, Hashable, List, Optional, Sequence, Set, Tuple

import cv2
import numpy as np

from yolo_heatmap_ros.drawing.charts import bar_chart
from yolo_heatmap_ros.drawing.colormaps import colormap_code
from yolo_heatmap_ros.drawing.history_pictures import (
    difference_picture, heat_picture, per_pixel, polygon_mask, small_multiples)
from yolo_heatmap_ros.errors import HeatmapError, HistoryError
from yolo_heatmap_ros.storage.history import Bin, files_in, History, HistorySum, shown, When
from yolo_heatmap_ros.storage.history_export import WRITERS
from yolo_heatmap_ros.storage.history_writer import HOUR
from yolo_heatmap_ros.storage.normal_times import COUNTED
from yolo_heatmap_ros.time_zones import parse_time, time_zone

WEEKDAYS = ('mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun')
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
    what.add_argument('--by', choices=['hour', 'weekday', 'day'], help='a row for each')
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
    zone = _zone(arguments.timezone)
    _check(arguments)
    with History(_file(Path(os.path.expanduser(arguments.path)), arguments.camera)) as history:
        when = _when(arguments, zone)
        parts: Dict[Hashable, HistorySum] = {}
        wants_heat = arguments.output is not None and (
            not arguments.by or arguments.multiples or arguments.output.suffix != '.png')
        if arguments.by:
            parts = _groups(history, arguments, when, wants_heat)
        else:
            parts[_title(when)] = history.total(when, arguments.view, wants_heat)
            if _compares(arguments):
                other = _when(arguments, zone, 'compare_')
                if other == when:
                    raise HistoryError('--compare-…: that is the same time as the first; give '
                                       'another')
                parts[f'against {_title(other)}'] = history.total(other, arguments.view,
                                                                  wants_heat)
                _same_view(parts, history.path)
        if when.hours is not None or arguments.by == 'hour':
            _warn_of_days(history, when)
        known = history.classes() | {name for summed in parts.values()
                                     for by_class in summed.counts.values() for name in by_class}
    for summed in parts.values():
        _choose(summed, arguments, known, history.path)
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
                             or _compares(arguments)):
        raise HistoryError('--output …xml: a CLiFF-map is of one time, and of all classes and '
                           'places; leave out --classes, --region, --by and --compare-…')
    if arguments.multiples and not arguments.by:
        raise HistoryError('--multiples needs --by hour, weekday or day')
    if arguments.by and _compares(arguments):
        raise HistoryError('--by and --compare-… do not go together; ask twice')
    try:
        colormap_code(arguments.colormap)
    except ValueError as error:
        raise HistoryError(f'--colormap: {error}') from error


def _compares(arguments: argparse.Namespace) -> bool:
    return any(getattr(arguments, f'compare_{name}') is not None
               for name in ('from', 'to', 'hours', 'weekdays'))


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


def _zone(name: str) -> tzinfo:
    try:
        return time_zone(name)
    except ValueError as error:
        raise HistoryError(f'--timezone {error}') from error


def _when(arguments: argparse.Namespace, zone: tzinfo, prefix: str = '') -> When:
    """Return the time that is asked for; what the other one does not say is that of the first."""
    def given(name: str) -> Optional[str]:
        value = getattr(arguments, prefix + name)
        return value if value is not None else getattr(arguments, name)

    def option(name: str) -> str:
        own = prefix and getattr(arguments, prefix + name) is not None
        return f"--{'compare-' if own else ''}{name}"
    begin, end = (unlimited if given(name) is None else _time(given(name), zone, option(name))
                  for name, unlimited in (('from', -math.inf), ('to', math.inf)))
    if begin >= end:
        raise HistoryError(f"{option('from')} {given('from')} is not before {option('to')} "
                           f"{given('to')}")
    return When(begin, end, _numbers(given('hours'), 24, (), option('hours')),
                _numbers(given('weekdays'), 7, WEEKDAYS, option('weekdays')), zone)


def _time(text: str, zone: tzinfo, option: str) -> float:
    midnight = datetime.now(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    words = {'today': midnight, 'yesterday': midnight - timedelta(days=1),
             'now': datetime.now(zone)}
    try:
        return words[text].timestamp() if text in words else parse_time(text, zone)
    except ValueError as error:
        raise HistoryError(f"{option} '{text}': not a time such as 2026-11-25, 2026-11-25T08:00, "
                           'today, yesterday or now') from error


def _numbers(text: Optional[str], count: int, names: Sequence[str],
             option: str) -> Optional[FrozenSet[int]]:
    """Return hours or weekdays: of '8-10' these are 8 and 9, of 'mon-wed' all three."""
    if text is None:
        return None
    numbers = set()
    try:
        for part in text.lower().split(','):
            ends = [names.index(end) if names else int(end) for end in part.strip().split('-')]
            if len(ends) == 1:
                ends.append(ends[0] if names else ends[0] + 1)
            begin, end = ends
            if not (0 <= begin < count and 0 <= end <= count) or begin == end and not names:
                raise ValueError(part)
            length = (end - begin) % count + bool(names)
            numbers.update((begin + step) % count for step in range(length or count))
    except ValueError as error:
        example = 'mon-fri or sat,sun' if names else '8-10 or 22-6'
        raise HistoryError(f"{option} '{text}': give such as {example}") from error
    return frozenset(numbers)


def _groups(history: History, arguments: argparse.Namespace, when: When,
            wants_heat: bool) -> Dict[Hashable, HistorySum]:
    def local(one: Bin) -> datetime:
        return datetime.fromtimestamp(one.begin, when.zone)
    by: Dict[str, Tuple[Callable[[Bin], Hashable], Callable[[Hashable], str]]] = {
        'hour': (lambda one: local(one).hour if one.period <= HOUR else None,
                 lambda key: f'{key:02} h'),
        'weekday': (lambda one: local(one).weekday(), lambda key: WEEKDAYS[key]),
        'day': (lambda one: local(one).date(), str)}
    group, label = by[arguments.by]
    parts = history.groups(when, group, arguments.view, wants_heat)
    if not parts:
        raise HistoryError(f"'{history.path}': all that is left of then are sums of days; ask "
                           '--by day or weekday')
    return {label(key): parts[key] for key in sorted(parts)}


def _same_view(parts: Dict[Hashable, HistorySum], path: Path) -> None:
    one, other = parts.values()
    if one.bins[0].view != other.bins[0].view:
        raise HistoryError(f"'{path}': the camera or what it counts has changed between the two "
                           f'times (view {one.bins[0].view} and {other.bins[0].view}): they '
                           'cannot be compared')


def _warn_of_days(history: History, when: When) -> None:
    days = sum(one.period > HOUR for one in history.bins(When(when.begin, when.end)))
    if days:
        print(f'history: {days} days are kept as days, without their hours, and are left out',
              file=sys.stderr)


def _choose(summed: HistorySum, arguments: argparse.Namespace, known: Set[str],
            path: Path) -> None:
    """Leave only the wanted classes and the wanted region; raises HistoryError."""
    wanted = set(arguments.classes)
    if wanted:
        unknown = wanted - known
        if unknown and known - {''}:
            raise HistoryError(f"--classes: nothing of {', '.join(sorted(unknown))} was ever "
                               f"seen; there is {', '.join(sorted(known - {''}))}")
        summed.heat = {name: heat for name, heat in summed.heat.items() if name in wanted}
        for place, by_class in summed.counts.items():
            own = [numbers for name, numbers in by_class.items() if name in wanted]
            summed.counts[place] = {'': {what: sum(numbers.get(what, 0.0) for numbers in own)
                                         for numbers in own for what in numbers}}
    region = arguments.region
    if region is None:
        return
    facts = summed.facts
    if region not in facts['regions'] and region not in facts['lines']:
        places = ', '.join([*facts['regions'], *facts['lines']]) or 'none'
        raise HistoryError(f"--region '{region}': '{path}' has {places} then")
    summed.counts = {region: summed.counts.get(region, {})}
    if region in facts['regions']:
        mask = polygon_mask(facts['regions'][region], facts['height'], facts['width'])
        cells = cv2.resize(mask.astype(np.float32), summed.total().shape[::-1],
                           interpolation=cv2.INTER_AREA)
        summed.heat = {name: heat * (cells > 0) for name, heat in summed.heat.items()}


def _title(when: When) -> str:
    words = []
    if math.isfinite(when.begin):
        words.append(f'from {shown(when.begin, when.zone)}')
    if math.isfinite(when.end):
        words.append(f'to {shown(when.end, when.zone)}')
    if when.hours is not None:
        words.append(f"{','.join(map(str, sorted(when.hours)))} h")
    if when.weekdays is not None:
        words.append(','.join(WEEKDAYS[day] for day in sorted(when.weekdays)))
    return ' '.join(words) or 'all'


def _described(parts: Dict[Hashable, HistorySum], zone: tzinfo) -> str:
    sums = parts.values()
    began, ended = (shown(time, zone) for time in (min(one.began for one in sums),
                                                   max(one.ended for one in sums)))
    models = sorted({one.model for summed in sums for one in summed.bins})
    return (f'{began} to {ended} ({zone}), {sum(one.watched for one in sums) / HOUR:.2f} h '
            f"watched, {sum(one.frames for one in sums)} frames, {', '.join(models)}")


def _print_table(parts: Dict[Hashable, HistorySum]) -> None:
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


def _write(arguments: argparse.Namespace, parts: Dict[Hashable, HistorySum]) -> None:
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


def _picture(arguments: argparse.Namespace, parts: Dict[Hashable, HistorySum]) -> np.ndarray:
    background = None
    if arguments.background is not None:
        background = cv2.imread(str(arguments.background))
        if background is None:
            raise HistoryError(f"--background '{arguments.background}': not a picture")
    if arguments.by and not arguments.multiples:
        return _chart(arguments.by, parts)
    facts = next(iter(parts.values())).facts
    unit = f"{'s' if facts['unit'] == 'seconds' else facts['unit']}/h"
    rates = {label: summed.total() / max(summed.watched / HOUR, 1e-9)
             for label, summed in parts.items()}

    def heat(cells: np.ndarray) -> np.ndarray:
        return per_pixel(cells, facts['cell'], facts['height'], facts['width'])
    if arguments.by:
        top = max(float(cells.max()) for cells in rates.values()) / facts['cell'] ** 2
        return small_multiples(
            (str(label), heat_picture(heat(cells), unit, arguments.colormap, top, background,
                                      legend=number == 0))
            for number, (label, cells) in enumerate(rates.items()))
    if len(rates) == 2:
        one, other = map(heat, rates.values())
        return difference_picture(one - other, unit, background)
    return heat_picture(heat(*rates.values()), unit, arguments.colormap, 0.0, background)


def _chart(by: str, parts: Dict[Hashable, HistorySum]) -> np.ndarray:
    series: Dict[str, List[float]] = {}
    for place in sorted({place for summed in parts.values() for place in summed.counts}):
        for what in COUNTED:
            values = [summed.counts.get(place, {}).get('', {}).get(what, 0.0)
                      / (summed.watched / HOUR) if summed.watched else math.nan
                      for summed in parts.values()]
            if any(values):
                series[f"{place}: {what}{' (s)' if what == 'occupancy' else ''}"] = values
    if not series:
        raise HistoryError('a chart is of counts: there are no regions and no lines; add '
                           '--multiples for heat')
    return bar_chart([str(part) for part in parts], series, f'by {by}, per hour watched', '1/h')


if __name__ == '__main__':
    sys.exit(main())
