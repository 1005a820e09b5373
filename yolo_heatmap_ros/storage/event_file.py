"""Events of tracks in a file: CSV, or JSON lines."""

import csv
import json
from pathlib import Path
from typing import Callable, Sequence

from yolo_heatmap_ros.errors import RenderError
from yolo_heatmap_ros.heat.events import Event

FIELDS = ('kind', 'place', 'stamp', 'track', 'class', 'x', 'y', 'seconds')
"""The columns, see `heat.events.Event`; the stamp is in s from the beginning of the input."""
SUFFIXES = ('.csv', '.jsonl')


class EventFile:
    """Writes each event at once, so that an interrupted run leaves what has happened so far."""

    def __init__(self, path: Path, class_name: Callable[[int], str]):
        """Begin a file; its ending says the format.  Raises RenderError, one line."""
        self._path = path
        self._class_name = class_name
        if path.suffix.lower() not in SUFFIXES:
            raise RenderError(f"--events '{path}': the file must end in one of "
                              f"{', '.join(SUFFIXES)}")
        try:
            self._file = path.open('w', newline='', encoding='utf-8', buffering=1)
            self._table = None
            if path.suffix.lower() == '.csv':
                self._table = csv.DictWriter(self._file, FIELDS)
                self._table.writeheader()
        except OSError as error:
            raise self._failed(error) from error

    def write(self, events: Sequence[Event]) -> None:
        """Write events; raises RenderError if the disk is full."""
        try:
            for event in events:
                values = event.plain(self._class_name)
                if self._table is not None:
                    self._table.writerow(values)
                else:
                    self._file.write(json.dumps(values) + '\n')
        except OSError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Finish the file; raises RenderError if the disk is full."""
        try:
            self._file.close()
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> RenderError:
        return RenderError(f"--events '{self._path}': cannot be written "
                           f'({error.strerror or error}); check the folder, its permissions and '
                           'the space on its disk')
