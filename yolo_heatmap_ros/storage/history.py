"""Reads the history of a camera: sums over any range, hours and weekdays."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone, tzinfo
import json
import math
from pathlib import Path
import sqlite3
from typing import Any, Callable, Collection, Dict, FrozenSet, Hashable, Iterator, List
from typing import NamedTuple, Optional, Set, Tuple

import numpy as np

from yolo_heatmap_ros.errors import HeatError, HistoryError, NothingWatched, QuestionError
from yolo_heatmap_ros.heat.flow_field import FlowGrid, FlowMap
from yolo_heatmap_ros.heat.time_bins import cells_of
from yolo_heatmap_ros.storage.field_codec import add_layers, decode, flow_planes
from yolo_heatmap_ros.storage.history_file import (
    check_version, CLASS, connected, errors_of, FLOOR, FLOW, SUFFIX)
from yolo_heatmap_ros.storage.history_writer import HOUR, month_of, slot_of

THREADS = 2
"""Unpacking heat leaves Python's lock to others."""
BATCH = 64
STEPS = 10_000
"""SQLite's steps, about a millisecond of them, between looks whether to stop."""
MAX_TIME = 2e11
"""Latest time in s since 1970 UTC, about the year 8300."""
WEEK = 7 * 24 * HOUR
_QUARTER = HOUR / 4
"""Offsets of time zones are multiples of this, in s."""


class When(NamedTuple):
    """
    A choice of time.

    From `begin` to before `end`, in s since 1970 UTC; only in these `hours` (0 to 23) and on these
    `weekdays` (0 for Monday) of the time zone, all if None.
    """

    begin: float
    end: float
    hours: Optional[FrozenSet[int]] = None
    weekdays: Optional[FrozenSet[int]] = None
    zone: tzinfo = timezone.utc

    def takes(self, time: float, period: float) -> bool:
        """Return whether a bin that begins at a time, in s since 1970 UTC, belongs to it."""
        if not self.begin <= time < self.end:
            return False
        return self._takes_local(datetime.fromtimestamp(time, self.zone), period)

    def _takes_local(self, local: datetime, period: float) -> bool:
        if self.weekdays is not None and local.weekday() not in self.weekdays:
            return False
        # A bin of a day does not know its hours.
        return self.hours is None or (period <= HOUR and local.hour in self.hours)

    def seconds(self, first: float, last: float) -> float:
        """
        Return how many seconds belong to it.

        Without a begin from `first` on, without an end until `last`, in s since 1970 UTC.  Where
        clocks change within a choice of hours, that hour may be missing or too much.
        """
        begin = self.begin if math.isfinite(self.begin) else first
        end = min(self.end if math.isfinite(self.end) else last, MAX_TIME)
        if self.hours is None and self.weekdays is None:
            return end - begin
        weeks = (end - begin) // WEEK
        seconds = weeks * HOUR * (24 if self.hours is None else len(self.hours)) * (
            7 if self.weekdays is None else len(self.weekdays))
        time = begin + weeks * WEEK
        while time < end:
            until = min((time // _QUARTER + 1) * _QUARTER, end)
            if self._takes_local(datetime.fromtimestamp(time, self.zone), HOUR):
                seconds += until - time
            time = until
        return seconds

    def slots(self, month: str) -> Tuple[List[int], Set[int]]:
        """
        Return which hours of the week in UTC belong to it, in a month that is all in its range.

        The second ones belong to it in part, since clocks change in the month, or differ from UTC
        by half an hour.
        """
        if self.hours is None and self.weekdays is None:
            return list(range(168)), set()
        begin = datetime.fromisoformat(f'{month}-01').replace(tzinfo=timezone.utc)
        days = (begin + timedelta(days=day)
                for day in range((_next_month(begin) - begin).days + 1))
        offsets = {day.astimezone(self.zone).utcoffset() for day in days}
        all_of, some_of = [], set()
        for slot in range(168):
            monday = datetime(2024, 1, 1) + timedelta(hours=slot)
            taken = {self._takes_local(monday + offset + part, HOUR) for offset in offsets
                     for part in (timedelta(0), timedelta(minutes=59))}
            if taken == {True}:
                all_of.append(slot)
            elif True in taken:
                some_of.add(slot)
        return all_of, some_of


@dataclass
class Bin:
    """A bin of the file without its heat, see `TimeBin`."""

    number: int
    view: int
    begin: float
    period: float
    began: float
    ended: float
    watched: float
    frames: int
    model: str
    jumped: float


Counts = Dict[str, Dict[str, Dict[str, float]]]
"""Numbers by place, class ('' for all) and what is counted."""


@dataclass
class HistorySum:
    """
    What was seen in some bins.

    `heat`, (rows, columns) float32 by class, in the unit of `facts`; `floor` likewise.  `watched`
    in s; `began` and `ended` in s since 1970 UTC.  `facts` say how the camera looked at the time.
    `flow` is None where nothing has moved or stood, or it was not measured.  `span`, of a
    `History.total`, are the seconds of the time that was chosen, watched or not.
    """

    facts: Dict[str, Any]
    bins: List[Bin]
    heat: Dict[str, np.ndarray] = field(default_factory=dict)
    floor: Optional[np.ndarray] = None
    counts: Counts = field(default_factory=dict)
    flow: Optional[FlowMap] = None
    span: float = 0.0

    @property
    def watched(self) -> float:
        """Return the seconds that were observed."""
        return sum(one.watched for one in self.bins)

    @property
    def frames(self) -> int:
        """Return the number of frames."""
        return sum(one.frames for one in self.bins)

    @property
    def began(self) -> float:
        """Return when the first frame was, in s since 1970 UTC."""
        return min(one.began for one in self.bins)

    @property
    def ended(self) -> float:
        """Return when the last frame was, in s since 1970 UTC."""
        return max(one.ended for one in self.bins)

    def total(self) -> np.ndarray:
        """Return the heat of all classes, (rows, columns) float64."""
        shape = cells_of(self.facts['height'], self.facts['width'], self.facts['cell'])
        return sum((heat.astype(np.float64) for heat in self.heat.values()), np.zeros(shape))

    def take(self, layers: Dict[str, np.ndarray]) -> None:
        """Take the sums of layers, (rows, columns), by the names that they have in the file."""
        flow = {layer.removeprefix(FLOW): layers.pop(layer) for layer in list(layers)
                if layer.startswith(FLOW)}
        if flow:
            try:
                self.flow = FlowMap(flow_planes(flow), FlowGrid(**self.facts['flow']))
            except HeatError as error:
                raise HistoryError(str(error)) from error
        layers = {layer: heat.astype(np.float32) for layer, heat in layers.items()}
        self.floor = layers.pop(FLOOR, None)
        self.heat = {layer.removeprefix(CLASS): heat for layer, heat in layers.items()}


class History:
    """The file of one camera, to read; a node may write to it meanwhile."""

    def __init__(self, path: Path, stop: Optional[Callable[[], bool]] = None):
        """
        Open a file; raises HistoryError, one line.

        Once `stop` returns true, whatever is being read fails.
        """
        self.path = path
        if not path.is_file():
            raise HistoryError(f"'{path}': there is no such file")
        with errors_of(path):
            self._database = connected(path)
            self._database.set_progress_handler(stop, STEPS)
            try:
                check_version(self._database)
                row = self._database.execute('SELECT name FROM camera').fetchone()
                self.camera = row[0] if row else ''
                self._facts = {number: _checked(json.loads(facts)) for number, facts
                               in self._database.execute('SELECT id, facts FROM views')}
            except (sqlite3.Error, HistoryError, KeyError, TypeError, ValueError):
                self._database.close()
                raise

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> 'History':
        """Return itself."""
        return self

    def __exit__(self, *_) -> None:
        """Close the file."""
        self.close()

    def bins(self, when: Optional[When] = None) -> List[Bin]:
        """Return the bins of a choice of time, or all, in order of their begin."""
        begin, end = (-1e18, 1e18) if when is None else (when.begin, when.end)
        with errors_of(self.path):
            rows = self._database.execute(
                'SELECT id, view, begin, period, began, ended, watched, frames, model, jumped '
                'FROM bins WHERE begin >= ? AND begin < ? ORDER BY begin, began, id',
                (begin, end))
            bins = [Bin(*row) for row in rows]
            if not all(abs(one.begin) < MAX_TIME and one.view in self._facts for one in bins):
                raise HistoryError('a bin in it is damaged')
            return [one for one in bins if when is None or when.takes(one.begin, one.period)]

    def facts(self, view: int) -> Dict[str, Any]:
        """Return what the bins of a view have in common."""
        return self._facts[view]

    def choose(self, when: When, view: Optional[int] = None) -> List[Bin]:
        """
        Return bins that may be added up.

        Raises HistoryError where there are none, or where they are of several views and none is
        chosen.
        """
        bins = self.bins(when)
        if not bins:
            raise NothingWatched(f"'{self.path}': nothing was watched then; there is "
                                 f'{self._ranges(when.zone)}')
        views = sorted({one.view for one in bins})
        if view is not None:
            if view not in views:
                raise QuestionError(f"'{self.path}': view {view} has nothing then; there are "
                                    f"{', '.join(map(str, views))}")
            return [one for one in bins if one.view == view]
        if len(views) > 1:
            raise QuestionError(
                f"'{self.path}': the camera or what it counts has changed meanwhile; choose a "
                'shorter range, or one of --view ' + '; '.join(
                    f'{one}: {self._described(one, bins, when.zone)}' for one in views))
        return bins

    def _described(self, view: int, bins: List[Bin], zone: tzinfo) -> str:
        facts = self._facts[view]
        times = [one.begin for one in bins if one.view == view]
        epoch = f"epoch '{facts['epoch']}', " if facts.get('epoch') else ''
        return (f"{epoch}{facts['width']} x {facts['height']} px, regions "
                f"{', '.join(facts['regions']) or 'none'}, {shown(times[0], zone)} to "
                f'{shown(times[-1], zone)}')

    def _ranges(self, zone: tzinfo) -> str:
        """Return in words which ranges there are: gaps of more than a day are said."""
        ranges: List[List[float]] = []
        for one in self.bins():
            if ranges and one.begin - ranges[-1][1] <= 86400.0:
                ranges[-1][1] = max(ranges[-1][1], one.begin + one.period)
            else:
                ranges.append([one.begin, one.begin + one.period])
        texts = [f'{shown(begin, zone)} to {shown(end, zone)}' for begin, end in ranges]
        if len(texts) > 4:
            texts = [*texts[:2], f'{len(texts) - 3} more', texts[-1]]
        return ', '.join(texts) or 'nothing in it yet'

    def total(self, when: When, view: Optional[int] = None, heat: bool = True) -> HistorySum:
        """Return all that was seen in a choice of time; raises HistoryError, see `choose`."""
        with self._reading():
            bins = self.choose(when, view)
            result = HistorySum(self._facts[bins[0].view], bins)
            result.span = when.seconds(result.began, result.ended)
            result.counts = self._counts(bins, lambda one: 0).get(0, {})
            if heat:
                result.take(self._layers(when, bins))
        return result

    def groups(self, when: When, group: Callable[[Bin], Hashable], view: Optional[int] = None,
               heat: bool = False) -> Dict[Hashable, HistorySum]:
        """Return sums by what `group` says of each bin; None leaves a bin out."""
        grouped: Dict[Hashable, HistorySum] = {}
        with self._reading():
            for one in self.choose(when, view):
                key = group(one)
                if key is not None:
                    grouped.setdefault(key, HistorySum(self._facts[one.view], [])).bins.append(one)
            keys = {one.number: key for key, summed in grouped.items() for one in summed.bins}
            bins = [one for summed in grouped.values() for one in summed.bins]
            for key, counts in self._counts(bins, lambda one: keys[one.number]).items():
                grouped[key].counts = counts
            if heat:
                for summed in grouped.values():
                    summed.take(self._sum_of_bins([one.number for one in summed.bins]))
        return grouped

    def windows(self, bins: List[Bin], length: float, shrink: Callable[[np.ndarray], np.ndarray],
                ) -> Iterator[Tuple[float, float, Dict[Tuple[str, str], float], np.ndarray]]:
        """
        Yield what was seen in windows of at least `length` s; longer bins are windows themselves.

        Begin in s since 1970 UTC, and seconds watched; numbers of all classes by place and
        what is counted; the heat of all classes after `shrink`, float64.
        """
        grouped: Dict[Tuple[float, float], List[Bin]] = {}
        for one in bins:
            own = max(one.period, length)
            grouped.setdefault((one.begin // own * own, own), []).append(one)
        with errors_of(self.path):
            keys = {one.number: key for key, several in grouped.items() for one in several}
            counts = self._counts(bins, lambda one: keys[one.number])
            for key, several in grouped.items():
                layers = self._sum_of_bins([one.number for one in several], CLASS)
                numbers = {(place, what): value
                           for place, by_class in counts.get(key, {}).items()
                           for what, value in by_class.get('', {}).items()}
                facts = self._facts[several[0].view]
                empty = np.zeros(cells_of(facts['height'], facts['width'], facts['cell']))
                yield (key[0], sum(one.watched for one in several), numbers,
                       shrink(sum(layers.values(), empty)))

    def events(self, when: When) -> List[Tuple[Any, ...]]:
        """Return stamp, kind, place, track, class, x, y and seconds of all events, in order."""
        with errors_of(self.path):
            rows = self._database.execute(
                'SELECT stamp, kind, place, track, class, x, y, seconds FROM events '
                'WHERE stamp >= ? AND stamp < ? ORDER BY stamp', (when.begin, when.end))
            return [row for row in rows if when.takes(row[0], 0.0)]

    def newest_events(self, when: When, most: int, view: Optional[int] = None,
                      **wanted: Collection[str]) -> Tuple[List[Tuple[Any, ...]], bool]:
        """
        Return the newest events, newest first, and whether there are older ones.

        They are as those of `events`, at most `most`, and further ones of the same time as the
        last.  `wanted` are accepted values of `kind`, `place` and `class`; all if empty.
        """
        conditions, values = ['stamp >= ?', 'stamp < ?'], [when.begin, when.end]
        if view is not None:
            conditions.append('bin IN (SELECT id FROM bins WHERE view = ?)')
            values.append(view)
        for column in ('kind', 'place', 'class'):
            accepted = wanted.get(column)
            if accepted:
                conditions.append(f"{column} IN ({', '.join('?' * len(accepted))})")
                values += accepted
        found: List[Tuple[Any, ...]] = []
        with errors_of(self.path):
            for row in self._database.execute(
                    'SELECT stamp, kind, place, track, class, x, y, seconds FROM events WHERE '
                    f"{' AND '.join(conditions)} ORDER BY stamp DESC, rowid DESC", values):
                if not when.takes(row[0], 0.0):
                    continue
                if len(found) >= most and row[0] < found[-1][0]:
                    return found, True
                found.append(row)
        return found, False

    def _counts(self, bins: List[Bin], group: Callable[[Bin], Hashable],
                ) -> Dict[Hashable, Counts]:
        keys = {one: number for number, one in enumerate({group(one): None for one in bins})}
        self._database.execute('CREATE TEMP TABLE IF NOT EXISTS chosen '
                               '(bin INTEGER PRIMARY KEY, part INTEGER)')
        self._database.execute('DELETE FROM chosen')
        self._database.executemany('INSERT INTO chosen VALUES (?, ?)', (
            (one.number, keys[group(one)]) for one in bins))
        parts = list(keys)
        result: Dict[Hashable, Counts] = {}
        for part, place, name, what, value in self._database.execute(
                'SELECT part, place, class, what, SUM(value) FROM chosen JOIN counts '
                'ON counts.bin = chosen.bin GROUP BY part, place, class, what'):
            result.setdefault(parts[part], {}).setdefault(place, {}).setdefault(
                name, {})[what] = value
        return result

    def classes(self) -> Set[str]:
        """Return the names of all classes of which there is heat."""
        with errors_of(self.path):
            return {layer[len(CLASS):] for layer, in self._database.execute(
                'SELECT DISTINCT layer FROM heat') if layer.startswith(CLASS)}

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Read all of one state of the file, while others write to it."""
        with errors_of(self.path):
            self._database.execute('BEGIN')
            try:
                yield
            finally:
                self._database.rollback()

    def _layers(self, when: When, bins: List[Bin]) -> Dict[str, np.ndarray]:
        """Return the summed layers, by the sums of whole months where that is the same."""
        by_month: Dict[str, List[Bin]] = {}
        for one in bins:
            by_month.setdefault(month_of(one.begin), []).append(one)
        sums: Dict[str, np.ndarray] = {}
        single: List[int] = []
        rows: List[Tuple[str, bytes]] = []
        for month, of_month in by_month.items():
            if self._is_summed_up(when, bins[0].view, month):
                slots, in_part = when.slots(month)
                rows += self._rows_of_month(bins[0].view, month, slots)
                of_month = [one for one in of_month if slot_of(one.begin) in in_part]
            single += [one.number for one in of_month]
        add_layers(sums, self._sum_of_rows(rows).items())
        add_layers(sums, self._sum_of_bins(single).items())
        return sums

    def _is_summed_up(self, when: When, view: int, month: str) -> bool:
        """
        Return whether a month, all of which is in the range, has sums that can be used.

        Bins of days do not know their hours: they are not chosen by them, and the sums hold them.
        """
        begin = datetime.fromisoformat(f'{month}-01').replace(tzinfo=timezone.utc)
        first, last, longest = self._database.execute(
            'SELECT MIN(begin), MAX(begin), MAX(period) FROM bins '
            'WHERE view = ? AND begin >= ? AND begin < ?',
            (view, begin.timestamp(), _next_month(begin).timestamp())).fetchone()
        if longest > HOUR and (when.hours is not None or when.weekdays is not None):
            return False
        return when.begin <= first and last < when.end and self._database.execute(
            'SELECT 1 FROM months WHERE view = ? AND month = ? LIMIT 1',
            (view, month)).fetchone() is not None

    def _rows_of_month(self, view: int, month: str, slots: List[int],
                       ) -> List[Tuple[str, bytes]]:
        slots = [-1] if len(slots) == 168 else slots
        return self._database.execute(
            f"SELECT layer, data FROM months WHERE view = ? AND month = ? AND layer != '' AND "
            f"slot IN ({', '.join('?' * len(slots))})", (view, month, *slots)).fetchall()

    def _sum_of_bins(self, numbers: List[int], prefix: str = '') -> Dict[str, np.ndarray]:
        """Return the sums of layers, of those whose name begins with `prefix`."""
        rows: List[Tuple[str, bytes]] = []
        for begin in range(0, len(numbers), 900):  # SQLite's limit of marks
            part = numbers[begin:begin + 900]
            rows += self._database.execute(
                # In order of time, so that sums do not depend on who was faster.
                'SELECT layer, data FROM heat JOIN bins ON bins.id = heat.bin WHERE bin IN '
                f"({', '.join('?' * len(part))}) AND layer LIKE '{prefix}%' "
                'ORDER BY begin, began, bins.id',
                part).fetchall()
        return self._sum_of_rows(rows)

    def _sum_of_rows(self, rows: List[Tuple[str, bytes]]) -> Dict[str, np.ndarray]:
        """Return (rows, columns) float64 by layer."""
        batches = [rows[begin:begin + BATCH] for begin in range(0, len(rows), BATCH)]
        sums: Dict[str, np.ndarray] = {}
        with ThreadPoolExecutor(THREADS) as threads:
            for part in threads.map(_sum_of_batch, batches):
                add_layers(sums, part.items())
        return sums


def _sum_of_batch(rows: List[Tuple[str, bytes]]) -> Dict[str, np.ndarray]:
    sums: Dict[str, np.ndarray] = {}
    add_layers(sums, ((layer, decode(data)) for layer, data in rows))
    return sums


def _checked(facts: Dict[str, Any]) -> Dict[str, Any]:
    """Return what a view says; raises KeyError, TypeError or ValueError if it is damaged."""
    for name in ('width', 'height', 'cell'):
        if not 0 < int(facts[name]) < 1 << 20:
            raise ValueError(name)
    for name in ('regions', 'lines'):
        facts[name].keys()
    facts['unit'], facts['epoch']
    return facts


def _next_month(begin: datetime) -> datetime:
    return (begin + timedelta(days=32)).replace(day=1)


def files_in(folder: Path) -> List[Path]:
    """Return the histories in a folder, by name."""
    return sorted(path for path in folder.glob(f'*{SUFFIX}') if path.is_file())


def shown(time: float, zone: tzinfo) -> str:
    """Return a time in s since 1970 UTC as text, in a time zone."""
    return datetime.fromtimestamp(time, zone).strftime('%Y-%m-%d %H:%M')
