"""The file of a history: an SQLite database, its schema and its errors; see docs/history.md."""

from contextlib import contextmanager
from pathlib import Path
import re
import sqlite3
from typing import Iterator

from yolo_heatmap_ros.errors import HistoryError
from yolo_heatmap_ros.text import one_line

APPLICATION = 0x59484D48
VERSION, VERSION_OF_FLOW = 1, 2
"""
Versions of the schema; files of others are refused.

Releases that know only the first would take flow for heat: a file with flow is of the second.
"""
SUFFIX = '.history.sqlite'
FLOOR = 'floor'
CLASS = 'class:'
"""What comes before the class's name in the name of a layer; the floor's is `FLOOR`."""
FLOW = 'flow:'
"""What comes before the name of a sum of flow in that of a layer, see `flow_layers`."""
SCHEMA = """
CREATE TABLE camera (name TEXT NOT NULL);
CREATE TABLE views (id INTEGER PRIMARY KEY, facts TEXT NOT NULL UNIQUE);
CREATE TABLE bins (
    id INTEGER PRIMARY KEY, view INTEGER NOT NULL REFERENCES views(id),
    begin REAL NOT NULL, period REAL NOT NULL, began REAL NOT NULL, ended REAL NOT NULL,
    watched REAL NOT NULL, frames INTEGER NOT NULL, model TEXT NOT NULL, jumped REAL NOT NULL);
CREATE INDEX bins_begin ON bins(begin);
CREATE TABLE heat (bin INTEGER NOT NULL REFERENCES bins(id), layer TEXT NOT NULL,
    data BLOB NOT NULL);
CREATE INDEX heat_bin ON heat(bin);
CREATE TABLE counts (bin INTEGER NOT NULL REFERENCES bins(id), place TEXT NOT NULL,
    class TEXT NOT NULL, what TEXT NOT NULL, value REAL NOT NULL,
    PRIMARY KEY (bin, place, class, what)) WITHOUT ROWID;
CREATE TABLE events (bin INTEGER NOT NULL REFERENCES bins(id), stamp REAL NOT NULL,
    kind TEXT NOT NULL, place TEXT NOT NULL, track INTEGER NOT NULL, class TEXT NOT NULL,
    x REAL NOT NULL, y REAL NOT NULL, seconds REAL NOT NULL);
CREATE INDEX events_stamp ON events(stamp);
CREATE TABLE months (view INTEGER NOT NULL REFERENCES views(id), month TEXT NOT NULL,
    slot INTEGER NOT NULL, layer TEXT NOT NULL, data BLOB NOT NULL);
CREATE INDEX months_month ON months(view, month, slot);
"""


def file_of(folder: Path, camera: str) -> Path:
    """Return the path of a camera's file; `camera` is the full name of its node."""
    name = re.sub(r'[^\w.-]', '_', camera.strip('/').replace('/', '.')) or 'camera'
    name = re.sub(r'^\.+', '_', name)  # `..` is another folder
    return folder / f'{name}{SUFFIX}'


@contextmanager
def errors_of(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into HistoryError, one line with the path."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise HistoryError(f"'{path}': {error}; check the folder, its permissions and the space "
                           'on its disk') from error
    except sqlite3.DatabaseError as error:
        raise HistoryError(f"'{path}' is damaged, or no history ({error}); move it "
                           'away') from error
    except HistoryError as error:
        if str(error).startswith(f"'{path}'"):
            raise
        raise HistoryError(f"'{path}': {error}") from error
    except (KeyError, OverflowError, TypeError, ValueError) as error:  # values of another kind
        raise HistoryError(f"'{path}' is damaged ({one_line(error)}); move it away") from error


def check_version(database: sqlite3.Connection) -> None:
    """Raise HistoryError for a file of another program or version."""
    application, = database.execute('PRAGMA application_id').fetchone()
    version, = database.execute('PRAGMA user_version').fetchone()
    if application != APPLICATION:
        raise HistoryError('is not a history of heat; give another folder')
    if version not in (VERSION, VERSION_OF_FLOW):
        raise HistoryError(f'is of version {version} of the schema, and this program knows '
                           f'{VERSION} and {VERSION_OF_FLOW}: use the release that wrote it, or '
                           'another folder')


def connected(path: Path) -> sqlite3.Connection:
    """Open a file to read, while others may write to it."""
    for how in ('mode=ro', 'immutable=1'):
        database = sqlite3.connect(f'file:{_quoted(path)}?{how}', uri=True, timeout=5.0,
                                   check_same_thread=False, isolation_level=None)
        try:
            database.execute('PRAGMA temp_store = MEMORY')
            database.execute('SELECT 1 FROM sqlite_master').fetchone()
            return database
        except sqlite3.OperationalError:
            database.close()
            # In a folder that is read-only, what nobody writes to can be read like this.
            if how != 'mode=ro' or Path(f'{path}-wal').exists():
                raise


def _quoted(path: Path) -> str:
    return str(path).replace('%', '%25').replace('?', '%3f').replace('#', '%23')
