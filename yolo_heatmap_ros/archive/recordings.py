"""Which recordings there are, of which camera, and when each began."""

import csv
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from glob import glob
import os
from pathlib import Path
import re
from typing import Dict, Iterator, List, Optional, Tuple

from yolo_heatmap_ros.errors import ArchiveError
from yolo_heatmap_ros.media.bags import is_bag, SUFFIXES as RECORDING_SUFFIXES
from yolo_heatmap_ros.media.image_files import naturally
from yolo_heatmap_ros.media.sources import VIDEO_SUFFIXES
from yolo_heatmap_ros.text import one_line
from yolo_heatmap_ros.time_zones import parse_time

MANIFEST_SUFFIX = '.csv'
COLUMNS = ('file', 'camera', 'begin')
CAMERA = '{camera}'
"""What stands for the camera's name in a time pattern."""
_DIGITS = {'Y': '[0-9]{4}', 'y': '[0-9]{2}', 'm': '[0-9]{2}', 'd': '[0-9]{2}', 'H': '[0-9]{2}',
           'I': '[0-9]{2}', 'p': '[AaPp][Mm]', 'M': '[0-9]{2}', 'S': '[0-9]{2}',
           'j': '[0-9]{3}', 'f': '[0-9]{1,6}', 'b': '[A-Za-z]{3}', 'z': '(?:Z|[+-][0-9:]{4,6})',
           '%': '%'}
"""What `strptime` reads for each of its directives, as a regular expression."""


@dataclass(frozen=True)
class Recording:
    """
    A video or rosbag2 recording of a camera.

    `path` is absolute.  `begin` is the time of its first frame in s since 1970 UTC, None where
    only the recording itself may say it.
    """

    path: str
    camera: str
    begin: Optional[float] = None


class TimePattern:
    """Reads when a recording began, and of which camera it is, from its path."""

    def __init__(self, pattern: str, zone: tzinfo):
        """
        Take directives of `strptime` and `{camera}`, as '{camera}_%Y%m%d_%H%M%S'.

        Times without an offset are in `zone`.  Raises ArchiveError for what cannot be read.
        """
        self._pattern, self._zone = pattern, zone
        words, names = [], 0
        for text in re.split(r'(\{camera\}|%.)', pattern, flags=re.DOTALL):
            if text == CAMERA:
                names += 1
                words.append('(?P<camera>[^/]+?)')
            elif text.startswith('%') and text[1:] not in _DIGITS:
                raise ArchiveError(
                    f"--time-pattern '{pattern}': '{text}' cannot be read from a name; there is "
                    f"{', '.join(f'%{letter}' for letter in _DIGITS)} and {CAMERA}")
            else:
                words.append(_DIGITS[text[1:]] if text.startswith('%') else re.escape(text))
        if names > 1 or not re.search('%[Yy]', pattern):
            raise ArchiveError(f"--time-pattern '{pattern}': needs a year (%Y), and at most one "
                               f"{CAMERA}, as '{CAMERA}_%Y%m%d_%H%M%S'")
        self._expression = re.compile(''.join(words))

    def read(self, path: str) -> Tuple[Optional[str], Optional[float]]:
        """Return the camera's name and the begin, in s since 1970 UTC; None if unknown."""
        for found in self._expression.finditer(path):
            camera = found.groupdict().get('camera')
            pattern = self._pattern.replace(CAMERA, (camera or '').replace('%', '%%'))
            try:
                when = datetime.strptime(found[0], pattern)
            except ValueError:
                continue  # the 45th of a month
            when = when if when.tzinfo else when.replace(tzinfo=self._zone)
            return camera, when.timestamp()
        return None, None


def find_recordings(inputs: List[str], zone: tzinfo, camera: Optional[str] = None,
                    pattern: Optional[TimePattern] = None) -> Tuple[List[Recording], List[str]]:
    """
    Return the recordings in files, folders, patterns and manifests, and a line on each problem.

    The camera is that of a manifest, `camera`, that of the `pattern`, or the name of the folder in
    the folder that was given, else of the one that a recording is in.
    """
    found: Dict[str, Recording] = {}
    problems: List[str] = []
    for text in inputs:
        several = _matching(text)
        if not several:
            problems.append(f"'{text}': no such file or folder, and no pattern that matches one; "
                            'give videos, recordings, folders of them, or a manifest')
        for path, folder in several:
            if path.suffix.lower() == MANIFEST_SUFFIX:
                listed, wrong = _of_manifest(path, zone)
                problems += wrong
                for one in listed:
                    if one.begin is None and pattern is not None:
                        one = replace(one, begin=pattern.read(one.path)[1])
                    found[one.path] = one
            else:
                named, begin = (None, None) if pattern is None else pattern.read(str(path))
                found.setdefault(str(path), Recording(str(path), camera or named or folder, begin))
    return list(found.values()), problems


def _matching(text: str) -> List[Tuple[Path, str]]:
    """Return the recordings that an input names, absolute, each with the name of its folder."""
    path = Path(os.path.expanduser(text))
    if not os.path.exists(path):
        return [one for name in sorted(glob(str(path), recursive=True), key=_natural_path)
                for one in _matching(name)]
    path = Path(os.path.abspath(path))
    if path.is_dir() and not is_bag(path):
        return list(_in_folder(path))
    return [(path, path.parent.name)]


def _natural_path(name: str) -> Tuple:
    return tuple(naturally(Path(part)) for part in Path(name).parts)


def _in_folder(folder: Path) -> Iterator[Tuple[Path, str]]:
    """Yield the recordings below a folder, in natural order."""
    for place, folders, files in os.walk(folder):
        inside = Path(place)
        bags = [name for name in folders if is_bag(inside / name)]
        folders[:] = [name for name in folders if name not in bags and not name.startswith('.')]
        folders.sort(key=lambda name: naturally(Path(name)))
        videos = [name for name in files if not name.startswith('.') and
                  Path(name).suffix.lower() in (*VIDEO_SUFFIXES, *RECORDING_SUFFIXES)]
        below = inside.relative_to(folder).parts
        for name in sorted((*bags, *videos), key=lambda name: naturally(Path(name))):
            yield inside / name, below[0] if below else folder.name


def _of_manifest(path: Path, zone: tzinfo) -> Tuple[List[Recording], List[str]]:
    recordings: List[Recording] = []
    problems: List[str] = []
    try:
        with path.open(newline='', encoding='utf-8-sig') as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            missing = [name for name in COLUMNS[:2] if name not in (reader.fieldnames or ())]
            if missing:
                return [], [f"'{path}': no column {' and no '.join(missing)}; its first line must "
                            f"be {','.join(COLUMNS)}"]
            for row in reader:
                place = f"'{path}', line {reader.line_num}"
                values = [(row.get(name) or '').strip() for name in COLUMNS]
                if not values[0] or not values[1]:
                    problems.append(f'{place}: needs a file and a camera')
                    continue
                file_path = os.path.join(path.parent, os.path.expanduser(values[0]))
                try:
                    begin = parse_time(values[2], zone) if values[2] else None
                except ValueError:
                    problems.append(f"{place}: '{values[2]}' is not a time such as "
                                    '2026-11-25T08:00 or 2026-11-25T08:00+01:00')
                    continue
                recordings.append(Recording(os.path.abspath(file_path), values[1], begin))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        problems.append(f"'{path}': not a manifest that can be read ({one_line(error)})")
    return recordings, problems
