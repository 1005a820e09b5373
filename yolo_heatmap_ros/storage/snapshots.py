"""The heat of one camera on disk: written whole or not at all, and read back."""

from contextlib import contextmanager, ExitStack, suppress
from datetime import datetime, timedelta, timezone
import fcntl
import hashlib
import io
import math
import os
from pathlib import Path
import re
import shutil
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional
import uuid

import cv2
import numpy as np
import yaml

from yolo_heatmap_ros.choices import HeatUnit
from yolo_heatmap_ros.errors import DamagedSnapshot, SnapshotError
from yolo_heatmap_ros.heat.accumulator import HeatState
from yolo_heatmap_ros.heat.layers import KINDS, known_array
from yolo_heatmap_ros.heat.lines import LineCount
from yolo_heatmap_ros.heat.regions import RegionCount
from yolo_heatmap_ros.text import one_line
from yolo_heatmap_ros.yaml_text import load_yaml

FORMAT = 1
"""Version of what `write` writes; others are refused."""
PREFIX, BACKUP_PREFIX = 'heat-', 'reset-'
FACTS = tuple(name for kind in KINDS for name in kind.FACTS)
"""What layers say about arrays of the same name, which have a size of their own."""
_TIME = '%Y%m%dT%H%M%S.%fZ'
_WRITING = '.writing-'
_CHECKSUM = re.compile(rb'^sha256: ([0-9a-f]{64})\n\Z', re.MULTILINE)
_CAMERA = re.compile(r'^camera: (.*)$', re.MULTILINE)


class Snapshot(NamedTuple):
    """
    The heat of one camera at one resolution, and the node's `parameters` by name.

    `camera` is the full name of the node, empty without one.
    """

    state: HeatState
    parameters: Dict[str, Any]
    camera: str = ''


def plain_values(parameters: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the parameters that YAML can represent: not enums, although they are strings."""
    return {name: str(value) if isinstance(value, str) else value
            for name, value in parameters.items() if isinstance(value, (bool, int, float, str))}


def write(folder: Path, snapshot: Snapshot, pictures: Mapping[str, np.ndarray], keep: int,
          backup: bool = False) -> Path:
    """
    Write a snapshot, and `pictures` (uint8 BGR) as PNG, to a new folder in `folder`.

    That folder appears when everything in it is on the disk.  The `keep` newest of the camera
    stay; a `backup` is not found by `newest`.  Raises SnapshotError.
    """
    prefix = BACKUP_PREFIX if backup else PREFIX
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_unfinished(folder)
        with _unfinished(folder) as temporary:
            _write_files(temporary, snapshot, pictures)
            sync_folder(temporary)
            written = _publish(temporary, folder, prefix)
        sync_folder(folder)
        for old in _all(folder, prefix, snapshot.camera)[keep:]:
            shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise SnapshotError(f'cannot write to {folder}: {error.strerror or error}; check '
                            'snapshot_dir, its permissions and the space on its disk') from error
    return written


@contextmanager
def _unfinished(folder: Path) -> Iterator[Path]:
    """Make a folder to write in that others leave alone as long as this process writes in it."""
    while True:
        temporary = folder / f'{_WRITING}{uuid.uuid4().hex}'
        temporary.mkdir()
        with ExitStack() as locks:
            with suppress(FileNotFoundError):
                locks.enter_context(_locked(temporary, fcntl.LOCK_EX))
            if not temporary.exists():
                continue  # another process has taken it for that of a dead one
            try:
                yield temporary
            except BaseException:
                shutil.rmtree(temporary, ignore_errors=True)
                raise
            return


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[bool]:
    """Lock a folder, if it can be; a lock ends with its process, in any container."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, how)
            locked = True
        except OSError:  # locked by others, or on a file system without locks
            locked = False
        yield locked
    finally:
        os.close(descriptor)


def _publish(temporary: Path, folder: Path, prefix: str) -> Path:
    """
    Give a complete folder its name, and return it.

    The name is the time, or later where the clock has been set back: the newest is last by name.
    """
    while True:
        time = datetime.now(timezone.utc)
        newest_times = [_time_of(path, prefix) for path in _all(folder, prefix)[:1]]
        if newest_times and newest_times[0] >= time:
            time = newest_times[0] + timedelta(microseconds=1)
        target = folder / f'{prefix}{time.strftime(_TIME)}'
        try:
            temporary.rename(target)
            return target
        except OSError:
            if not target.exists():
                raise
            # Another camera was faster: the next name.


def _write_files(folder: Path, snapshot: Snapshot, pictures: Mapping[str, np.ndarray]) -> None:
    state = snapshot.state
    height, width = state.shape
    heat = io.BytesIO()
    np.savez_compressed(heat, **state.arrays)
    about = yaml.safe_dump({
        'format': FORMAT, 'saved': datetime.now(timezone.utc).isoformat(),
        'camera': snapshot.camera, 'width': width, 'height': height, 'unit': state.unit,
        'frames': state.frames, 'began': state.began, 'ended': state.ended,
        'regions': state.regions, 'lines': state.lines, 'parameters': snapshot.parameters,
        **{name: state.facts.get(name) for name in FACTS}}, sort_keys=False).encode()
    about += b'sha256: ' + _checksum(about, heat.getvalue()) + b'\n'
    files = {'heat.npz': heat.getvalue(), 'snapshot.yaml': about}
    for name, picture in pictures.items():
        files[f'{name}.png'] = cv2.imencode('.png', picture)[1].tobytes()
    for name, content in files.items():
        with (folder / name).open('wb') as file:
            file.write(content)
            _sync_file(file)


def _checksum(about: bytes, heat: bytes) -> bytes:
    """Return the SHA-256 of both files; that of the YAML ends before its checksum."""
    return hashlib.sha256(about + heat).hexdigest().encode()


def _sync_file(file) -> None:
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk; raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_unfinished(folder: Path) -> None:
    """Remove what killed processes have left unfinished."""
    for path in folder.glob(f'{_WRITING}*'):
        # It may just have been finished.
        with suppress(OSError), _locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB) as locked:
            if locked:
                shutil.rmtree(path, ignore_errors=True)


def _time_of(path: Path, prefix: str) -> Optional[datetime]:
    """Return the time in a snapshot's name, None for other folders."""
    try:
        return datetime.strptime(path.name, prefix + _TIME).replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def _all(folder: Path, prefix: str, camera: str = '') -> List[Path]:
    """Return the complete snapshots of a camera, or of all, newest first."""
    return sorted((path for path in folder.glob(f'{prefix}*')
                   if _time_of(path, prefix) is not None and _is_of(path, camera)), reverse=True)


def _is_of(folder: Path, camera: str) -> bool:
    """Return whether a snapshot may be this camera's: older ones do not say whose they are."""
    if not camera:
        return True
    try:
        found = _CAMERA.search((folder / 'snapshot.yaml').read_text(errors='replace'))
    except OSError:
        return True
    return found is None or found[1].strip('\'"') in ('', camera)


def newest(folder: Path, camera: str = '') -> List[Path]:
    """Return the folders of the complete snapshots of a camera, or of all, newest first."""
    return _all(folder, PREFIX, camera)


def read(folder: Path) -> Snapshot:
    """
    Return what `write` wrote to this folder.

    Raises SnapshotError for another format, DamagedSnapshot for anything else.
    """
    try:
        return _read(folder)
    except SnapshotError:
        raise
    except Exception as error:  # damage shows in zip, zlib, numpy and yaml in many ways
        raise DamagedSnapshot(f'it is damaged ({one_line(error)})') from error


def _read(folder: Path) -> Snapshot:
    described, packed = ((folder / name).read_bytes() for name in ('snapshot.yaml', 'heat.npz'))
    checksum = _CHECKSUM.search(described)  # the first versions wrote none
    if checksum and checksum[1] != _checksum(described[:checksum.start()], packed):
        raise DamagedSnapshot('it is damaged (checksum mismatch)')
    about = load_yaml(described.decode())
    if about['format'] != FORMAT:
        raise SnapshotError(f"it has format {about['format']}, and this version reads {FORMAT}")
    with np.load(io.BytesIO(packed), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    shape = (about['height'], about['width'])
    for name, heat in arrays.items():
        # The floor has a size of its own.
        if heat.dtype != np.float32 or (heat.shape != shape and name not in FACTS) or not (
                np.isfinite(heat).all() and (heat >= 0).all()):
            raise DamagedSnapshot(f"'{name}' in heat.npz is not the heat of "
                                  f'{shape[1]} x {shape[0]} pixels')
    if not all(known_array(name) for name in arrays):
        raise DamagedSnapshot(f"heat.npz holds unknown arrays: {', '.join(arrays)}")
    _check('unit', about['unit'] in list(HeatUnit))
    _check('frames', _is_count(about['frames']))
    for name in ('began', 'ended'):
        _check(name, about[name] is None or _is_number(about[name]))
    lines = about.get('lines') or {}  # the first versions had none
    _check_counts('regions', about['regions'], RegionCount)
    _check_counts('lines', lines, LineCount)
    _check('camera', isinstance(about.get('camera') or '', str))
    _check('parameters', isinstance(about['parameters'], dict))
    state = HeatState(arrays, about['unit'], about['frames'], about['began'], about['ended'],
                      about['regions'], lines, {name: about.get(name) for name in FACTS})
    state.shape  # a KeyError if there is no heat of the picture
    return Snapshot(state, about['parameters'], about.get('camera') or '')


def _check_counts(name: str, counts: Any, kind: type) -> None:
    """Raise DamagedSnapshot for what is no count of regions, or of lines, by name."""
    _check(name, isinstance(counts, dict))
    for place, count in counts.items():
        kind(**count)  # a TypeError for anything else
        of_classes = count.get('by_class', {})
        _check(f'{name}: {place}', isinstance(of_classes, dict))
        for totals in (count, *of_classes.values()):
            for key, value in totals.items():
                _check(f'{name}: {place}: {key}', key == 'by_class' or (
                    _is_number(value) and value >= 0.0 and (
                        key == 'occupancy' or _is_count(value))))


def _check(name: str, fits: bool) -> None:
    if not fits:
        raise DamagedSnapshot(f"it is damaged ('{name}' in snapshot.yaml)")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and (
        math.isfinite(value))


def _is_count(value: Any) -> bool:
    return _is_number(value) and isinstance(value, int) and value >= 0
