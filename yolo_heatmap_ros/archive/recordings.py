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
           'j': '[0-9]{3}', 'f': '[0-9]{1,6}', 'b': '[A-Za-z]{3}', 'z': 'Z|[+-][0-9:]{4,6}'}
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
        self._zone = zone
        self._directives: List[str] = []
        words = []
        for text in re.split(r'(\{camera\}|%.)', pattern, flags=re.DOTALL):
            if text == CAMERA:
                # At the beginning of a pattern, the name begins with that of a folder or file.
                words.append(('' if any(words) else '(?<![^/])') + '(?P<camera>[^/]+?)')
            elif text == '%%':
                words.append('%')
            elif text.startswith('%'):
                if text[1:] not in _DIGITS:
                    raise ArchiveError(
                        f"--time-pattern '{pattern}': '{text}' cannot be read from a name; there "
                        f"is {', '.join(f'%{letter}' for letter in _DIGITS)} and {CAMERA}")
                words.append(f'({_DIGITS[text[1:]]})')
                self._directives.append(text)
            else:
                words.append(re.escape(text))
        if pattern.count(CAMERA) > 1 or not {'%Y', '%y'} & set(self._directives):
            raise ArchiveError(f"--time-pattern '{pattern}': needs a year (%Y), and at most one "
                               f"{CAMERA}, as '{CAMERA}_%Y%m%d_%H%M%S'")
        self._expression = re.compile(f"(?={''.join(words)})")

    def read(self, path: str) -> Tuple[Optional[str], Optional[float]]:
        """
        Return the camera's name and the begin, in s since 1970 UTC; None if unknown.

        Of several times in a path it is the last: that of the file, not of its folder.
        """
        for found in reversed(list(self._expression.finditer(path))):
            camera = found.groupdict().get('camera')
            texts = list(found.groups())
            if camera is not None:
                del texts[found.re.groupindex['camera'] - 1]
            parts: Dict[str, str] = {}
            if any(parts.setdefault(name, text) != text
                   for name, text in zip(self._directives, texts)):
                continue  # a folder of one day in one of another
            try:
                when = datetime.strptime(' '.join(parts.values()), ' '.join(parts))
                if not 1970 < when.year < 9000:
                    continue
                when = when if when.tzinfo else when.replace(tzinfo=self._zone)
                return camera, when.timestamp()
            except (ValueError, OverflowError):
                continue  # the 45th of a month
        return None, None


def find_recordings(inputs: List[str], zone: tzinfo, camera: Optional[str] = None,
                    pattern: Optional[TimePattern] = None) -> Tuple[List[Recording], List[str]]:
    """
    Return the recordings in files, folders, patterns and manifests, and a line on each problem.

    The camera is that of a manifest, `camera`, that of the `pattern`, or the name of the folder in
    the folder that was given, else of the one that a recording is in.
    """
    listed: Dict[Tuple[str, str], Recording] = {}
    found: Dict[str, Recording] = {}
    problems: List[str] = []
    for text in inputs:
        for path, folder in _matching(text, problems):
            try:
                str(path).encode()
            except UnicodeEncodeError:
                problems.append(f'{str(path)!r}: the name is not UTF-8; rename it')
                continue
            if path.suffix.lower() == MANIFEST_SUFFIX:
                for one in _of_manifest(path, zone, problems):
                    if one.begin is None and pattern is not None:
                        one = replace(one, begin=pattern.read(one.path)[1])
                    if listed.setdefault((one.path, one.camera), one) != one:
                        problems.append(f"'{path}': '{one.path}' of camera '{one.camera}' is "
                                        'given twice, with two begins: the second one is left '
                                        'out')
            else:
                named, begin = (None, None) if pattern is None else pattern.read(str(path))
                found.setdefault(str(path), Recording(str(path), camera or named or folder, begin))
    known = {path for path, _ in listed}
    return [*listed.values(), *(one for path, one in found.items() if path not in known)], problems


def _matching(text: str, problems: List[str]) -> List[Tuple[Path, str]]:
    """Return the recordings that an input names, absolute, each with the name of its folder."""
    path = Path(os.path.expanduser(text))
    names = [str(path)] if os.path.lexists(path) else sorted(glob(str(path), recursive=True),
                                                             key=_natural_path)
    if not names:
        problems.append(f"'{text}': no such file or folder, and no pattern that matches one; "
                        'give videos, recordings, folders of them, or a manifest')
    recordings: List[Tuple[Path, str]] = []
    for name in names:
        one = Path(os.path.abspath(name))
        try:
            os.stat(one)
        except OSError as error:
            problems.append(f"'{name}': {error.strerror or error}")
            continue
        if not one.is_dir() or _is_recording(one):
            recordings.append((one, one.parent.name))
            continue
        inside = list(_in_folder(one, problems))
        if not inside and name == text:
            problems.append(f"'{name}': no video or recording in this folder")
        recordings += inside
    return recordings


def _is_recording(folder: Path) -> bool:
    """Return whether a folder is one of rosbag2's; models have files of that name, too."""
    try:
        return is_bag(folder) and b'rosbag2' in (folder / 'metadata.yaml').read_bytes()
    except OSError:
        return False


def _natural_path(name: str) -> Tuple:
    return tuple(naturally(Path(part)) for part in Path(name).parts)


def _in_folder(folder: Path, problems: List[str]) -> Iterator[Tuple[Path, str]]:
    """Yield the recordings below a folder, in natural order."""
    def unreadable(error: OSError) -> None:
        problems.append(f"'{error.filename}': {error.strerror or error}")
    been = set()
    for place, folders, files in os.walk(folder, onerror=unreadable, followlinks=True):
        real = os.path.realpath(place)
        if real in been:  # a link to a folder that holds it
            folders.clear()
            continue
        been.add(real)
        inside = Path(place)
        bags = [name for name in folders if _is_recording(inside / name)]
        folders[:] = [name for name in folders if name not in bags and not name.startswith('.')]
        folders.sort(key=lambda name: naturally(Path(name)))
        videos = [name for name in files if not name.startswith('.') and (
            Path(name).suffix.lower() in VIDEO_SUFFIXES
            or Path(name).suffix in RECORDING_SUFFIXES)]
        below = inside.relative_to(folder).parts
        for name in sorted((*bags, *videos), key=lambda name: naturally(Path(name))):
            yield inside / name, below[0] if below else folder.name


def _of_manifest(path: Path, zone: tzinfo, problems: List[str]) -> List[Recording]:
    recordings: List[Recording] = []
    try:
        with path.open(newline='', encoding='utf-8-sig') as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            missing = [name for name in COLUMNS[:2] if name not in (reader.fieldnames or ())]
            if missing:
                problems.append(f"'{path}': no column {' and no '.join(missing)}; its first line "
                                f"must be {','.join(COLUMNS)}")
                return []
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
    return recordings
