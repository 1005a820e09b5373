"""Writes the history of one camera: each bin whole or not at all; and thins old bins."""

from collections import defaultdict
from datetime import datetime, timezone
import json
from pathlib import Path
import sqlite3
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Tuple

import filelock
import numpy as np

from yolo_heatmap_ros.errors import HistoryError
from yolo_heatmap_ros.heat.time_bins import TimeBin
from yolo_heatmap_ros.storage.archived_segments import (
    add_segment, ArchivedSegment, join_tracks, Repeated, SEGMENTS)
from yolo_heatmap_ros.storage.field_codec import (
    add_layers, decode, encode, encode_floats, flow_layers)
from yolo_heatmap_ros.storage.history_file import (
    APPLICATION, check_version, CLASS, errors_of, file_of, FLOOR, FLOW, SCHEMA, VERSION,
    VERSION_OF_FLOW)
from yolo_heatmap_ros.text import printable

HOUR, DAY = 3600.0, 86400.0
HOURS_FOR = 10.0
"""Bins are thinned to hours once they are older than `keep` days, to days after so many times."""
SETTLED = 2 * DAY
"""Seconds after the end of a month before its sums are made."""
BUSY = 5.0
"""Seconds to wait for a reader that blocks a write."""
_MONTH = "strftime('%Y-%m', bins.begin, 'unixepoch')"
_SUMMED_UP = ('EXISTS (SELECT 1 FROM months WHERE months.view = bins.view '
              f'AND months.month = {_MONTH})')


class HistoryWriter:
    """
    Appends bins to the file of a camera, for as long as it is open the only one to do so.

    A bin is one transaction: after a crash the file holds all that were committed.
    `view_of_last` is the view of the last bin.
    """

    def __init__(self, folder: Path, camera: str, keep: float = 0.0):
        """
        Open or create the file; bins older than `keep` days are thinned, none if that is 0.

        Raises HistoryError, one line, if it is of another version, damaged, or in use.
        """
        self.path = file_of(folder, camera)
        self._camera = camera
        self._keep = keep
        self.view_of_last = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = filelock.FileLock(f'{self.path}.lock', timeout=0)
            self._lock.acquire()
        except filelock.Timeout as error:
            raise HistoryError(f"'{self.path}': another process writes to it; give one of them "
                               'another history_dir or node name') from error
        except OSError as error:
            raise HistoryError(f"'{folder}': {error.strerror or error}; check history_dir and its "
                               'permissions') from error
        try:
            with errors_of(self.path):
                self._open()
        except HistoryError:
            self._lock.release()
            raise

    def _open(self) -> None:
        # All statements come from one thread at a time, and begin transactions themselves.
        self._database = sqlite3.connect(self.path, timeout=BUSY, isolation_level=None,
                                         check_same_thread=False)
        try:
            # Without a table it is new, or a disk was full when it was made.
            if not self._database.execute('SELECT COUNT(*) FROM sqlite_master').fetchone()[0]:
                self._database.executescript(
                    f'PRAGMA journal_mode = WAL; BEGIN; {SCHEMA} '
                    f'PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; '
                    'COMMIT;')
            check_version(self._database)
            row = self._database.execute('SELECT name FROM camera').fetchone()
            if row is None:
                self._database.execute('INSERT INTO camera VALUES (?)', (self._camera,))
            elif row[0] != self._camera:
                raise HistoryError(f"is the history of '{printable(row[0])}', whose name looks "
                                   f"like '{printable(self._camera)}'; give another history_dir "
                                   'or name')
            self._database.execute('PRAGMA journal_mode = WAL')
            self._database.execute('PRAGMA synchronous = FULL')
        except (sqlite3.Error, HistoryError):
            self._database.close()
            raise

    def append(self, one: TimeBin, model: str, epoch: str = '') -> None:
        """
        Add a bin, with names instead of class ids; `epoch` names where the camera stood.

        Raises HistoryError, and leaves the file as it was, if it cannot be written.
        """
        self._open_again()
        with errors_of(self.path), self._transaction():
            self._append(one, model, epoch)

    def append_segment(self, segment: ArchivedSegment, bins: Iterable[TimeBin], model: str,
                       epoch: str = '') -> bool:
        """
        Add all of a segment of an archive, or return False if it is there already.

        Raises HistoryError, and leaves the file as it was, if it cannot be written.
        """
        self._open_again()
        with errors_of(self.path):
            self._database.executescript(SEGMENTS)
            with self._transaction():
                if not add_segment(self._database, segment):
                    return False
                for one in bins:
                    # Some are parts of a period: with more digits, their sum is as exact.
                    self._append(one, model, epoch, 3)
        return True

    def join_tracks(self, numbers: Mapping[int, int], repeated: Iterable[Repeated]) -> None:
        """Join tracks that go on in the next segment, see `archived_segments.join_tracks`."""
        with errors_of(self.path):
            self._database.executescript(SEGMENTS)
            with self._transaction():
                join_tracks(self._database, numbers, repeated)

    def _open_again(self) -> None:
        """Open a new file where somebody has removed this one."""
        if not self.path.exists():
            self._database.close()
            with errors_of(self.path):
                self._open()

    def _append(self, one: TimeBin, model: str, epoch: str, size: int = 2) -> None:
        facts = json.dumps({'epoch': epoch, 'width': one.shape[1], 'height': one.shape[0],
                            'cell': one.cell, **one.facts}, sort_keys=True)
        heat = {CLASS + name: of_class for name, of_class in one.heat.items()}
        if one.floor is not None:
            heat[FLOOR] = one.floor
        if one.flow is not None:
            heat.update((FLOW + name, sums) for name, sums in flow_layers(one.flow).items())
            self._database.execute(f'PRAGMA user_version = {VERSION_OF_FLOW}')
        layers = {layer: _encoded(layer, field, size) for layer, field in heat.items()}
        self.view_of_last = view = self._view(facts)
        bin_id = self._insert_bin(
            (view, one.begin, one.period, one.began, one.ended, one.watched, one.frames,
             model, one.jumped), layers, list(_rows_of(one)))
        self._database.executemany(
            'INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
            ([bin_id, *(event[key] for key in (
                'stamp', 'kind', 'place', 'track', 'class', 'x', 'y', 'seconds'))]
             for event in one.events))
        self._add_to_month(view, one.begin, layers)

    def _add_to_month(self, view: int, begin: float, layers: Mapping[str, bytes]) -> None:
        """Add a bin to the sums of its month, if they have been made already."""
        where = 'WHERE view = ? AND month = ?'
        month = view, month_of(begin)
        if not self._database.execute(f'SELECT 1 FROM months {where} LIMIT 1', month).fetchone():
            return
        for layer, data in layers.items():
            for slot in (slot_of(begin), -1):
                key = (*month, slot, layer)
                row = self._database.execute(
                    f'SELECT data FROM months {where} AND slot = ? AND layer = ?', key).fetchone()
                self._database.execute(f'DELETE FROM months {where} AND slot = ? AND layer = ?',
                                       key)
                heat = decode(data) + (decode(row[0]) if row else 0.0)
                self._database.execute('INSERT INTO months VALUES (?, ?, ?, ?, ?)',
                                       (*key, _encoded(layer, heat, 3 if slot < 0 else 2)))

    def _transaction(self) -> 'sqlite3.Connection':
        self._database.execute('BEGIN IMMEDIATE')
        return self._database  # which commits or rolls back at the end of a `with`

    def _view(self, facts: str) -> int:
        self._database.execute('INSERT OR IGNORE INTO views (facts) VALUES (?)', (facts,))
        return self._database.execute('SELECT id FROM views WHERE facts = ?',
                                      (facts,)).fetchone()[0]

    def _insert_bin(self, values: Sequence[Any], layers: Mapping[str, bytes],
                    counts: Iterable[Tuple[str, str, str, float]]) -> int:
        bin_id = self._database.execute(
            'INSERT INTO bins (view, begin, period, began, ended, watched, frames, model, jumped) '
            'VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)', values).lastrowid
        self._database.executemany('INSERT INTO heat VALUES (?, ?, ?)',
                                   ((bin_id, layer, data) for layer, data in layers.items()))
        self._database.executemany('INSERT INTO counts VALUES (?, ?, ?, ?, ?)',
                                   ((bin_id, *row) for row in counts))
        return bin_id

    def covers(self, time: float) -> bool:
        """Return whether a bin has frames of before and after a time, in s since 1970 UTC."""
        with errors_of(self.path):
            return self._database.execute(
                'SELECT 1 FROM bins WHERE began <= ? AND ended > ? LIMIT 1',
                (time, time)).fetchone() is not None

    def maintain(self, now: float) -> bool:
        """
        Do one step of what keeps queries fast and the file small; return whether there is more.

        `now` is in s since 1970 UTC.  Sums of a month that is over, by hour of the week; old bins
        as hours, older ones as days.  Raises HistoryError.
        """
        with errors_of(self.path):
            return self._sum_up_a_month(now) or (
                self._keep > 0.0 and (self._thin(now - self._keep * DAY, HOUR)
                                      or self._thin(now - HOURS_FOR * self._keep * DAY, DAY)))

    def _sum_up_a_month(self, now: float) -> bool:
        rows = self._database.execute(
            f'SELECT DISTINCT view, {_MONTH} AS month FROM bins WHERE begin < ? AND period <= ? '
            f'AND NOT {_SUMMED_UP} ORDER BY begin LIMIT 1',
            (now - SETTLED, HOUR)).fetchall()
        for view, month in rows:
            if month_of(now - SETTLED) <= month:
                return False
            self._sum_up(view, month)
        return bool(rows)

    def _sum_up(self, view: int, month: str) -> None:
        sums: Dict[Tuple[int, str], np.ndarray] = {}
        for begin, layer, data in self._database.execute(
                'SELECT begin, layer, data FROM bins JOIN heat ON heat.bin = bins.id '
                f'WHERE view = ? AND {_MONTH} = ? ORDER BY begin, began, bins.id', (view, month)):
            heat = decode(data)
            add_layers(sums, (((slot, layer), heat) for slot in (slot_of(begin), -1)))
        if not sums:
            sums[-1, ''] = np.zeros((0, 0))  # it has been done
        with self._transaction():
            self._database.executemany('INSERT INTO months VALUES (?, ?, ?, ?, ?)', (
                (view, month, slot, layer, _encoded(layer, heat, 3 if slot < 0 else 2))
                for (slot, layer), heat in sums.items()))

    def _thin(self, before: float, period: float) -> bool:
        """Merge the oldest bins that fill the same longer period; return whether there were."""
        # Days no longer know their hours: the sums of a month by its hours are made before.
        found = self._database.execute(
            'SELECT view, CAST(begin / :period AS INTEGER) AS longer FROM bins '
            f'WHERE period < :period AND begin < :before AND (:period <= :hour OR {_SUMMED_UP}) '
            'GROUP BY view, longer ORDER BY longer LIMIT 1',
            {'period': period, 'hour': HOUR, 'before': before - before % period}).fetchone()
        if found is None:
            return False
        view, longer = found
        rows = self._database.execute(
            'SELECT id, began, ended, watched, frames, model, jumped FROM bins WHERE view = ? '
            'AND period < ? AND CAST(begin / ? AS INTEGER) = ?',
            (view, period, period, longer)).fetchall()
        ids, began, ended, watched, frames, models, jumped = zip(*rows)
        marks = ', '.join('?' * len(ids))
        sums: Dict[str, np.ndarray] = {}
        add_layers(sums, ((layer, decode(data)) for layer, data in self._database.execute(
            f'SELECT layer, data FROM heat WHERE bin IN ({marks})', ids)))
        counts: Dict[Tuple[str, str, str], float] = defaultdict(float)
        for *key, value in self._database.execute(
                f'SELECT place, class, what, value FROM counts WHERE bin IN ({marks})', ids):
            counts[tuple(key)] += value
        models = sorted({one for model in models for one in model.split('; ')})
        with self._transaction():
            new = self._insert_bin(
                (view, longer * period, period, min(began), max(ended), sum(watched), sum(frames),
                 '; '.join(models), max(jumped)),
                {layer: _encoded(layer, heat, 3 if period >= DAY else 2)
                 for layer, heat in sums.items()},
                ((*key, value) for key, value in counts.items()))
            if period >= DAY:
                self._database.execute(f'DELETE FROM events WHERE bin IN ({marks})', ids)
            else:
                self._database.execute(f'UPDATE events SET bin = ? WHERE bin IN ({marks})',
                                       (new, *ids))
            for table, column in (('heat', 'bin'), ('counts', 'bin'), ('bins', 'id')):
                self._database.execute(f'DELETE FROM {table} WHERE {column} IN ({marks})', ids)
        return True

    def close(self) -> None:
        """Close the file; other processes may write to it then."""
        self._database.close()
        self._lock.release()


def _encoded(layer: str, field: np.ndarray, size: int) -> bytes:
    """Return a layer, (rows, columns), as bytes: heat with `size` bytes a cell."""
    return encode_floats(field) if layer.startswith(FLOW) else encode(field, size)


def month_of(time: float) -> str:
    """Return the UTC month of a time, in s since 1970 UTC, as '2026-11'."""
    return datetime.fromtimestamp(time, timezone.utc).strftime('%Y-%m')


def slot_of(time: float) -> int:
    """Return the hour of the week in UTC, 0 from Monday 0 h on, of a time in s since 1970 UTC."""
    return int(time // HOUR + 72) % 168  # 1970 began on a Thursday


def _rows_of(one: TimeBin) -> Iterable[Tuple[str, str, str, float]]:
    """Yield place, class ('' for all), what is counted, and how often, where that is not 0."""
    for place, count in {**one.regions, **one.lines}.items():
        by_class: List[Tuple[str, Mapping[str, float]]] = [('', count)]
        by_class += count['by_class'].items()
        for name, totals in by_class:
            for what, value in totals.items():
                if what not in ('objects', 'by_class') and value:
                    yield place, name, what, float(value)
