"""The heat of one camera on disk: written whole or not at all, and read back."""

from dataclasses import dataclass, field
from datetime import datetime, timezone
import os
from pathlib import Path
import shutil
from typing import Any, Dict, List, Mapping, Optional
import zipfile

import cv2
import numpy as np
import yaml

from yolo_heatmap_ros.errors import one_line
from yolo_heatmap_ros.heat.accumulation import HeatAccumulator
from yolo_heatmap_ros.yaml_text import load_yaml

FORMAT = 1
"""Version of what `write` writes; others are refused."""
PREFIX, ASIDE_PREFIX = 'heat-', 'reset-'
_WRITING = '.writing-'


class SnapshotError(ValueError):
    """A snapshot that cannot be written, read or used; one line."""


class DamagedSnapshot(SnapshotError):
    """A snapshot that was changed after it was written, or whose disk has failed."""


@dataclass
class Snapshot:
    """
    Heat with what it means.

    `heat` (H, W) float32 in `unit`; `layers` the same by class id.  `began` and `ended` are the
    stamps, in s, of the first frame and the last, `frames` their number.  `regions` and
    `parameters` are plain values by name.  `ground` (rows, columns) float32 is heat on the floor
    of `ground_geometry`, where there is one.
    """

    heat: np.ndarray
    unit: str
    frames: int
    began: Optional[float]
    ended: Optional[float]
    layers: Dict[int, np.ndarray] = field(default_factory=dict)
    regions: Dict[str, dict] = field(default_factory=dict)
    parameters: Dict[str, Any] = field(default_factory=dict)
    ground: Optional[np.ndarray] = None
    ground_geometry: Optional[Dict[str, object]] = None

    @classmethod
    def of(cls, accumulator: HeatAccumulator, parameters: Mapping[str, Any]) -> 'Snapshot':
        """Copy the heat of a camera as it is now."""
        return cls(accumulator.total.heat(), accumulator.options.heat_unit, accumulator.frames,
                   accumulator.began, accumulator.clock.now,
                   {number: layer.heat() for number, layer in accumulator.layers.items()},
                   {} if accumulator.regions is None else accumulator.regions.state(),
                   dict(parameters),
                   *((None, None) if accumulator.ground is None else
                     (accumulator.ground.field.heat(), accumulator.ground.geometry())))

    def restore(self, accumulator: HeatAccumulator) -> None:
        """
        Replace all heat of a camera by this.

        Raises SnapshotError, before anything is changed, where it does not fit.
        """
        options = accumulator.options
        if self.heat.shape != accumulator.shape:
            raise SnapshotError(f'it is of {_size(self.heat.shape)} pixels, and the camera gives '
                                f'{_size(accumulator.shape)}')
        if self.unit != options.heat_unit:
            raise SnapshotError(f"its heat_unit is '{self.unit}', and the node's "
                                f"'{options.heat_unit}'")
        if options.per_class and self.heat.any() and not self.layers:
            raise SnapshotError('it has no layers for per_class')
        geometry = None if accumulator.ground is None else accumulator.ground.geometry()
        if self.ground_geometry != geometry:
            raise SnapshotError('its ground plane (matrix, resolution, extent) is another than '
                                "the node's")
        accumulator.reset()
        accumulator.total.restore(self.heat)
        if options.per_class:
            for number, heat in self.layers.items():
                accumulator.layer(number).restore(heat)
        if accumulator.regions is not None:
            accumulator.regions.restore(self.regions)
        if accumulator.ground is not None:
            accumulator.ground.field.restore(self.ground)
        accumulator.frames, accumulator.began = self.frames, self.began
        accumulator.clock.now = self.ended


def _size(shape) -> str:
    return f'{shape[1]} x {shape[0]}'


def write(folder: Path, snapshot: Snapshot, pictures: Mapping[str, np.ndarray], keep: int,
          aside: bool = False) -> Path:
    """
    Write a snapshot, and `pictures` (uint8 BGR) as PNG, to a folder of its own in `folder`.

    That folder appears when all in it is on the disk.  The `keep` newest stay; one that is put
    `aside` is not found by `newest`.  Raises SnapshotError.
    """
    now = datetime.now(timezone.utc)
    name = f"{ASIDE_PREFIX if aside else PREFIX}{now.strftime('%Y%m%dT%H%M%S.%fZ')}"
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
        for old in _all(folder, ASIDE_PREFIX if aside else PREFIX)[keep:]:
            shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise SnapshotError(f'cannot write to {folder}: {error.strerror or error}; check '
                            'snapshot_dir, its permissions and the space on its disk') from error
    return folder / name


def _write_files(folder: Path, snapshot: Snapshot, pictures: Mapping[str, np.ndarray],
                 now: datetime) -> None:
    arrays = {f'layer_{number}': heat for number, heat in snapshot.layers.items()}
    if snapshot.ground is not None:
        arrays['ground'] = snapshot.ground
    with (folder / 'heat.npz').open('wb') as file:
        np.savez_compressed(file, heat=snapshot.heat, **arrays)
        _sync_file(file)
    about = {'format': FORMAT, 'saved': now.isoformat(), 'width': snapshot.heat.shape[1],
             'height': snapshot.heat.shape[0], 'unit': snapshot.unit, 'frames': snapshot.frames,
             'began': snapshot.began, 'ended': snapshot.ended, 'regions': snapshot.regions,
             'parameters': snapshot.parameters, 'ground': snapshot.ground_geometry}
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
    """Remove what processes have left that were killed while they wrote."""
    for path in folder.glob(f'{_WRITING}*'):
        process = path.name.removeprefix(_WRITING).split('-')[0]
        # This process writes one at a time; an earlier one may have had its number.
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
        with np.load(folder / 'heat.npz', allow_pickle=False) as arrays:
            fields = {name: arrays[name] for name in arrays.files}
        shape = (about['height'], about['width'])
        ground = fields.pop('ground', None)
        for name, heat in fields.items():
            if heat.dtype != np.float32 or heat.shape != shape or not (
                    np.isfinite(heat).all() and (heat >= 0).all()):
                raise DamagedSnapshot(f"'{name}' in heat.npz is not the heat of {_size(shape)} "
                                      'pixels')
        layers = {int(name.removeprefix('layer_')): heat for name, heat in fields.items()
                  if name != 'heat'}
        return Snapshot(fields['heat'], about['unit'], about['frames'], about['began'],
                        about['ended'], layers, about['regions'], about['parameters'], ground,
                        about['ground'])
    except SnapshotError:
        raise
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise DamagedSnapshot(f'it is damaged ({one_line(error)})') from error
