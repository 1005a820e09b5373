"""The heat of one camera on disk: written whole or not at all, and read back."""

from datetime import datetime, timezone
import os
from pathlib import Path
import shutil
from typing import Any, Dict, List, Mapping, NamedTuple
import zipfile

import cv2
import numpy as np
import yaml

from yolo_heatmap_ros.errors import DamagedSnapshot, SnapshotError
from yolo_heatmap_ros.heat.accumulator import HeatState
from yolo_heatmap_ros.heat.layers import KINDS, known_array
from yolo_heatmap_ros.heat.regions import RegionCount
from yolo_heatmap_ros.text import one_line
from yolo_heatmap_ros.yaml_text import load_yaml

FORMAT = 1
"""Version of what `write` writes; others are refused."""
PREFIX, BACKUP_PREFIX = 'heat-', 'reset-'
FACTS = tuple(name for kind in KINDS for name in kind.FACTS)
"""What layers say about arrays of the same name, which have a size of their own."""
_WRITING = '.writing-'


class Snapshot(NamedTuple):
    """The heat of one camera at one resolution, and the node's `parameters` by name."""

    state: HeatState
    parameters: Dict[str, Any]


def write(folder: Path, snapshot: Snapshot, pictures: Mapping[str, np.ndarray], keep: int,
          backup: bool = False) -> Path:
    """
    Write a snapshot, and `pictures` (uint8 BGR) as PNG, to a new folder in `folder`.

    That folder appears when everything in it is on the disk.  The `keep` newest stay; a `backup`
    is not found by `newest`.  Raises SnapshotError.
    """
    now = datetime.now(timezone.utc)
    name = f"{BACKUP_PREFIX if backup else PREFIX}{now.strftime('%Y%m%dT%H%M%S.%fZ')}"
    temporary = folder / f'{_WRITING}{os.getpid()}-{name}'
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_unfinished(folder)
        temporary.mkdir()
        try:
            _write_files(temporary, snapshot, pictures, now)
            _sync(temporary)
            temporary.rename(folder / name)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        _sync(folder)
        for old in _all(folder, BACKUP_PREFIX if backup else PREFIX)[keep:]:
            shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise SnapshotError(f'cannot write to {folder}: {error.strerror or error}; check '
                            'snapshot_dir, its permissions and the space on its disk') from error
    return folder / name


def _write_files(folder: Path, snapshot: Snapshot, pictures: Mapping[str, np.ndarray],
                 now: datetime) -> None:
    state = snapshot.state
    height, width = state.shape
    with (folder / 'heat.npz').open('wb') as file:
        np.savez_compressed(file, **state.arrays)
        _sync_file(file)
    about = {'format': FORMAT, 'saved': now.isoformat(), 'width': width, 'height': height,
             'unit': state.unit, 'frames': state.frames, 'began': state.began,
             'ended': state.ended, 'regions': state.regions, 'parameters': snapshot.parameters,
             **{name: state.facts.get(name) for name in FACTS}}
    with (folder / 'snapshot.yaml').open('w') as file:
        yaml.safe_dump(about, file, sort_keys=False)
        _sync_file(file)
    for name, picture in pictures.items():
        with (folder / f'{name}.png').open('wb') as file:
            file.write(cv2.imencode('.png', picture)[1].tobytes())
            _sync_file(file)


def _sync_file(file) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_unfinished(folder: Path) -> None:
    """Remove what killed processes have left unfinished."""
    for path in folder.glob(f'{_WRITING}*'):
        process = path.name.removeprefix(_WRITING).split('-')[0]
        # This process writes one at a time, and an earlier one may have had the same id.
        if process == str(os.getpid()) or not Path('/proc', process).exists():
            shutil.rmtree(path, ignore_errors=True)


def _all(folder: Path, prefix: str) -> List[Path]:
    """Return the complete snapshots, newest first; their names are times."""
    return sorted(folder.glob(f'{prefix}*'), reverse=True)


def newest(folder: Path) -> List[Path]:
    """Return the folders of all complete snapshots, newest first."""
    return _all(folder, PREFIX)


def read(folder: Path) -> Snapshot:
    """
    Return what `write` wrote to this folder.

    Raises SnapshotError for another format, DamagedSnapshot for anything else.
    """
    try:
        about = load_yaml((folder / 'snapshot.yaml').read_text())
        if about['format'] != FORMAT:
            raise SnapshotError(f"it has format {about['format']}, and this version reads "
                                f'{FORMAT}')
        with np.load(folder / 'heat.npz', allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        shape = (about['height'], about['width'])
        for name, heat in arrays.items():
            # The floor has a size of its own.
            if heat.dtype != np.float32 or (heat.shape != shape and name not in FACTS) or not (
                    np.isfinite(heat).all() and (heat >= 0).all()):
                raise DamagedSnapshot(f"'{name}' in heat.npz is not the heat of "
                                      f'{shape[1]} x {shape[0]} pixels')
        state = HeatState(arrays, about['unit'], about['frames'], about['began'], about['ended'],
                          about['regions'], {name: about.get(name) for name in FACTS})
        for count in state.regions.values():
            RegionCount(**count)  # a TypeError for anything else
        if not all(known_array(name) for name in arrays):
            raise DamagedSnapshot(f"heat.npz holds unknown arrays: {', '.join(arrays)}")
        state.shape  # a KeyError if there is no heat of the picture
        return Snapshot(state, about['parameters'])
    except SnapshotError:
        raise
    except (OSError, EOFError, AttributeError, KeyError, TypeError, ValueError,
            zipfile.BadZipFile) as error:
        raise DamagedSnapshot(f'it is damaged ({one_line(error)})') from error
