"""Answers of a history as files: NumPy, CSV, Parquet, Zarr, and CLiFF-maps of the flow."""

import csv
from pathlib import Path
from typing import Any, Callable, Dict, Hashable, Iterator, List, Mapping
import warnings

import numpy as np

from yolo_heatmap_ros.errors import HistoryError
from yolo_heatmap_ros.storage.cliff_map import cliff_map, write_cliff_map
from yolo_heatmap_ros.storage.history import HistorySum
from yolo_heatmap_ros.text import one_line

COLUMNS = ('part', 'place', 'class', 'what', 'value', 'per_hour', 'watched_s', 'frames')
Parts = Mapping[Hashable, HistorySum]


def rows_of(parts: Parts) -> Iterator[Dict[str, Any]]:
    """Yield each number as a row of `COLUMNS`; the class is empty for all classes together."""
    for part, summed in parts.items():
        hours = summed.watched / 3600.0
        about = {'part': str(part), 'watched_s': round(summed.watched, 3),
                 'frames': summed.frames}
        for place, by_class in sorted(summed.counts.items()):
            for name, numbers in sorted(by_class.items()):
                for what, value in sorted(numbers.items()):
                    yield {**about, 'place': place, 'class': name, 'what': what, 'value': value,
                           'per_hour': value / hours if hours else float('nan')}


def write_csv(path: Path, parts: Parts) -> None:
    """Write all counts as CSV."""
    with path.open('w', newline='', encoding='utf-8') as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(rows_of(parts))


def write_npz(path: Path, parts: Parts) -> None:
    """
    Write heat by part and class, (parts, rows, columns) float32, with the seconds watched.

    Flow by part, and once for all parts the x and y of the centres of its columns and rows.
    """
    arrays: Dict[str, np.ndarray] = {
        'parts': np.array([str(part) for part in parts]),
        'watched_s': np.array([summed.watched for summed in parts.values()]),
        'cell_px': np.array(_facts(parts)['cell'])}
    for name in _classes(parts):
        arrays[f'heat/{name}'] = _stacked(parts, name)
    floors = [summed.floor for summed in parts.values()]
    if all(floor is not None for floor in floors):
        arrays['floor'] = np.stack(floors)
    flows = [summed.flow for summed in parts.values()]
    if all(flow is not None for flow in flows):
        for name in ('histogram', 'standing', 'velocity', 'speed'):
            arrays[f'flow/{name}'] = np.stack([getattr(flow, name) for flow in flows])
        arrays['flow/directions'] = np.stack([flow.directions() for flow in flows])
        grid = flows[0].grid
        arrays['flow/x'], arrays['flow/y'] = grid.centres()[0, :, 0], grid.centres()[:, 0, 1]
        arrays['flow/cell'], arrays['flow/unit'] = np.array(grid.cell), np.array(grid.unit)
    with path.open('wb') as file:
        np.savez_compressed(file, **arrays)


def write_parquet(path: Path, parts: Parts) -> None:
    """Write all counts as Parquet; raises HistoryError without pyarrow."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise HistoryError(f"'{path}': Parquet needs pyarrow ({one_line(error)}): pip install "
                           "pyarrow, 'pyarrow<24' beside numpy 1") from error
    rows = list(rows_of(parts))
    table = pyarrow.table({column: [row[column] for row in rows] for column in COLUMNS})
    pyarrow.parquet.write_table(table, path)


def write_zarr(path: Path, parts: Parts) -> None:
    """Write heat as an xarray dataset in Zarr; raises HistoryError without both."""
    try:
        import xarray
        import zarr  # noqa: F401 (xarray needs it, and would say so in many lines)
    except ImportError as error:
        raise HistoryError(f"'{path}': Zarr needs xarray and zarr ({one_line(error)}): pip "
                           'install xarray zarr') from error
    if path.exists() and not any((path / name).exists() for name in ('zarr.json', '.zgroup')):
        raise HistoryError(f"'{path}' is there, and no Zarr store: give another name")
    facts, classes = _facts(parts), _classes(parts)
    heat = np.stack([_stacked(parts, name) for name in classes], axis=1)
    centres = {axis: facts['cell'] * (np.arange(size) + 0.5)
               for axis, size in (('y', heat.shape[2]), ('x', heat.shape[3]))}
    dataset = xarray.Dataset(
        {'heat': (('part', 'class', 'y', 'x'), heat, {'unit': facts['unit']}),
         'watched': ('part', [summed.watched for summed in parts.values()], {'unit': 's'})},
        {'part': [str(part) for part in parts], 'class': classes, **centres},
        {'width_px': facts['width'], 'height_px': facts['height'], 'cell_px': facts['cell']})
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # on names in the format that are not final
        dataset.to_zarr(path, mode='w')


def write_cliff(path: Path, parts: Parts) -> None:
    """Write the flow of the only part as a CLiFF-map; raises HistoryError if there is none."""
    summed, = parts.values()
    if summed.flow is None:
        raise HistoryError(f"'{path}': there is no flow of then; it is kept where the parameter "
                           "'flow' is true")
    write_cliff_map(path, cliff_map(summed.flow, summed.watched, summed.span))


WRITERS: Dict[str, Callable[[Path, Parts], None]] = {
    '.csv': write_csv, '.npz': write_npz, '.parquet': write_parquet, '.xml': write_cliff,
    '.zarr': write_zarr}


def _facts(parts: Parts) -> Dict[str, Any]:
    return next(iter(parts.values())).facts


def _classes(parts: Parts) -> List[str]:
    return sorted({name for summed in parts.values() for name in summed.heat}) or ['']


def _stacked(parts: Parts, name: str) -> np.ndarray:
    return np.stack([summed.heat.get(name, np.zeros(summed.total().shape)).astype(np.float32)
                     for summed in parts.values()])
