"""Remembers what recordings hold, so that they are read for that only once."""

from dataclasses import asdict
import json
import os
from pathlib import Path
import sqlite3
from typing import Dict, Optional

from yolo_heatmap_ros.errors import ArchiveError
from yolo_heatmap_ros.media.contents import Contents

NAME = 'recordings.sqlite'


class KnownContents:
    """What recordings held when they were last read, by path, size and time of change."""

    def __init__(self, folder: Path):
        """Open or create the file in a folder; raises ArchiveError."""
        self._path = folder / NAME
        self._states: Dict[str, str] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(self._path, timeout=5.0, isolation_level=None)
            self._database.execute(
                'CREATE TABLE IF NOT EXISTS contents (path TEXT, wanted TEXT, state TEXT, '
                'contents TEXT, PRIMARY KEY (path, wanted)) WITHOUT ROWID')
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> ArchiveError:
        return ArchiveError(f"'{self._path}': {getattr(error, 'strerror', None) or error}; check "
                            'the folder, its permissions and the space on its disk, or remove '
                            'the file')

    def get(self, path: str, wanted: str) -> Optional[Contents]:
        """Return what a recording that has not changed held, as `wanted`; None if unknown."""
        state = self._states[path] = _state(path)
        try:
            row = self._database.execute(
                'SELECT state, contents FROM contents WHERE path = ? AND wanted = ?',
                (path, wanted)).fetchone()
            if row is None or row[0] != state:
                return None
            about = json.loads(row[1])
        except (sqlite3.Error, ValueError) as error:
            raise self._unusable(error) from error
        return Contents(**{**about, 'cuts': tuple(about['cuts']),
                           'topics': tuple(about['topics'])})

    def put(self, path: str, wanted: str, contents: Contents) -> None:
        """Remember what a recording holds; raises ArchiveError."""
        state = self._states.get(path)
        if not state or state != _state(path):  # only workers can read it, or it is growing
            return
        try:
            self._database.execute('INSERT OR REPLACE INTO contents VALUES (?, ?, ?, ?)',
                                   (path, wanted, state, json.dumps(asdict(contents))))
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _state(path: str) -> str:
    """Return what changes when a file or folder does, empty where it cannot be read."""
    try:
        files = sorted(Path(path).rglob('*')) if os.path.isdir(path) else [Path(path)]
        status = [(file.name, os.stat(file)) for file in files]
    except OSError:
        return ''
    return json.dumps([(name, one.st_size, one.st_mtime_ns) for name, one in status])
