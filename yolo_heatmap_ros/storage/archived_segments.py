"""Which segments of an archive are in a history, and the heat of each at full resolution."""

from contextlib import closing
import io
import json
from pathlib import Path
import sqlite3
from typing import (
    Any, Collection, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Tuple)
import zipfile

import numpy as np

from yolo_heatmap_ros.errors import HistoryError
from yolo_heatmap_ros.heat.accumulator import HeatState
from yolo_heatmap_ros.storage.history_file import check_version, connected, errors_of

SEGMENTS = """
CREATE TABLE IF NOT EXISTS segments (identity TEXT PRIMARY KEY, file TEXT NOT NULL,
    began REAL NOT NULL, ended REAL NOT NULL, frames INTEGER NOT NULL, skipped INTEGER NOT NULL,
    tracks TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS segment_heat (segment TEXT NOT NULL REFERENCES segments(identity),
    about TEXT NOT NULL, heat BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS repeated (track INTEGER NOT NULL, place TEXT NOT NULL,
    PRIMARY KEY (track, place)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS segment_heat_segment ON segment_heat(segment);
"""


class ArchivedSegment(NamedTuple):
    """
    A part of a recording whose heat, counts and events are in a history.

    `began` and `ended` are in s since 1970 UTC.  `heats` are what `packed_heat` returns, one for
    each resolution.  `tracks` are plain values: marks of the tracks at its `begin` and `end` (see
    `TrackMark`), and number, region, class and time of the first `visits` of the former.
    """

    identity: str
    file: str
    began: float
    ended: float
    frames: int
    skipped: int
    tracks: Dict[str, Any]
    heats: List[Tuple[Dict[str, Any], bytes]] = []


class Repeated(NamedTuple):
    """
    A track's visit of a region that an earlier segment has counted.

    `stamp` is in s since 1970 UTC.
    """

    track: int
    place: str
    class_name: str
    stamp: float


def add_segment(database: sqlite3.Connection, segment: ArchivedSegment) -> bool:
    """Add a segment in the transaction that is open; return False if it is there already."""
    added = database.execute('INSERT OR IGNORE INTO segments VALUES (?, ?, ?, ?, ?, ?, ?)',
                             (*segment[:-2], json.dumps(segment.tracks))).rowcount
    if added:
        database.executemany('INSERT INTO segment_heat VALUES (?, ?, ?)', (
            (segment.identity, json.dumps(about), heat) for about, heat in segment.heats))
    return bool(added)


def join_tracks(database: sqlite3.Connection, numbers: Mapping[int, int],
                repeated: Iterable[Repeated]) -> None:
    """
    Give tracks that go on in a later segment one number, and count their visits once.

    In the transaction that is open; what has been done before is not done again.
    """
    if numbers:
        database.execute('CREATE TEMP TABLE IF NOT EXISTS renumbered '
                         '(old INTEGER PRIMARY KEY, new INTEGER)')
        database.execute('DELETE FROM renumbered')
        database.executemany('INSERT INTO renumbered VALUES (?, ?)', numbers.items())
        database.execute('UPDATE events SET track = (SELECT new FROM renumbered WHERE old = track)'
                         ' WHERE track IN (SELECT old FROM renumbered)')
    for one in repeated:
        if not database.execute('INSERT OR IGNORE INTO repeated VALUES (?, ?)',
                                (one.track, one.place)).rowcount:
            continue
        # It was counted in the period of its time, or in the first one of its segment.
        database.execute(
            "UPDATE counts SET value = value - 1 WHERE place = :place AND what = 'tracks' "
            'AND class IN (:nobody, :name) AND bin = (SELECT bins.id FROM bins JOIN counts '
            "ON counts.bin = bins.id WHERE place = :place AND what = 'tracks' AND class = :name "
            'AND value >= 1 AND begin + period > :stamp AND begin < :stamp + 60 '
            'ORDER BY begin, began DESC LIMIT 1)',
            {'place': one.place, 'nobody': '', 'name': one.class_name, 'stamp': one.stamp})


def segments_in(path: Path) -> List[ArchivedSegment]:
    """Return the segments in a history, in order of time, without heat; raises HistoryError."""
    if not path.exists():
        return []
    with errors_of(path), closing(connected(path)) as database:
        check_version(database)
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'segments'").fetchone():
            return []
        return [ArchivedSegment(*row, json.loads(tracks)) for *row, tracks in database.execute(
            'SELECT identity, file, began, ended, frames, skipped, tracks FROM segments '
            'ORDER BY began')]


def heat_of(path: Path, identities: Collection[str]) -> Iterator[HeatState]:
    """Yield the heat of segments, in order of time, of each resolution; raises HistoryError."""
    with errors_of(path), closing(connected(path)) as database:
        wanted = set(identities)
        for identity, about, heat in database.execute(
                'SELECT segment, about, heat FROM segments JOIN segment_heat '
                'ON segment_heat.segment = segments.identity ORDER BY began, segment_heat.rowid'):
            if identity in wanted:
                yield unpacked_heat(json.loads(about), heat)


def packed_heat(state: HeatState, origin: float = 0.0) -> Tuple[Dict[str, Any], bytes]:
    """
    Return a copy of heat as plain values, and its arrays in NumPy's compressed format.

    `origin` is added to its times, in s.
    """
    content = io.BytesIO()
    np.savez_compressed(content, **state.arrays)
    about = {'unit': state.unit, 'frames': state.frames, 'began': state.began + origin,
             'ended': state.ended + origin, 'regions': state.regions, 'lines': state.lines,
             'facts': state.facts}
    return about, content.getvalue()


def unpacked_heat(about: Dict[str, Any], content: bytes) -> HeatState:
    """Return what `packed_heat` has packed; raises HistoryError for other bytes."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return HeatState(arrays, **about)
    except (OSError, EOFError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise HistoryError(f'the heat of a segment is damaged ({error})') from error
