"""
How much better a map of flow knows where people go than one histogram of all directions.

    python tools/flow.py [--cells 0.5 1 2]

Needs public truth (ETH and UCY; see docs/accuracy.md) in the folder that YOLO_HEATMAP_TRUTH names.
The people of a scene are split into two halves, at random or by time; the flow of one half,
gathered as the node gathers it, says how likely each direction of the other half's steps was, see
`FlowMap.directions`.  Its `PRIOR` and `NEIGHBOURHOOD` were chosen on the hotel.
"""

import argparse
from pathlib import Path
import sys
from typing import Dict, List, NamedTuple, Sequence, Tuple

from inputs import truth_folder
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from yolo_heatmap_ros.heat.dwell import DwellSegment  # noqa: E402
from yolo_heatmap_ros.heat.flow_field import DIRECTIONS, FlowGrid, FlowMap  # noqa: E402
from yolo_heatmap_ros.heat.layers.flow import FloorFlow, STANDING  # noqa: E402

SCENES = {'ETH': 'ETH/seq_eth_obsmat.txt', 'hotel': 'ETH/seq_hotel_obsmat.txt',
          'zara01': 'UCY/zara01_obsmat.txt'}
STEP = 0.4
"""Seconds between two observations of a person, in all of these scenes."""
SPLITS = 10
CELLS = (0.5, 1.0, 2.0)
_NOWHERE = np.zeros(4, np.float32)


class Step(NamedTuple):
    """How a person has moved between two observations: places (2, 2) m, and velocity (2,) m/s."""

    floor: np.ndarray
    velocity: np.ndarray


def people_of(path: Path) -> Dict[int, List[Step]]:
    """
    Return the steps of each person of a scene, in the order in which people appear.

    Columns of the file are frame, id, x, z, y, ….
    """
    table = np.loadtxt(path)
    frames = np.unique(table[:, 0])
    spacing = np.diff(frames).min()
    people: Dict[int, List[Step]] = {}
    numbers, first_rows = np.unique(table[np.argsort(table[:, 0], kind='stable'), 1],
                                    return_index=True)
    for number in numbers[np.argsort(first_rows)]:
        rows = table[table[:, 1] == number]
        rows = rows[np.argsort(rows[:, 0])]
        places = rows[:, [2, 4]]
        people[int(number)] = [
            Step(places[index:index + 2], (places[index + 1] - places[index]) / STEP)
            for index in np.flatnonzero(np.diff(rows[:, 0]) == spacing)]
    return people


def flow_of(steps: Sequence[Step], grid: FlowGrid) -> FlowMap:
    """Return the flow of some steps."""
    layer = FloorFlow(grid, lambda box: True)
    for one in steps:
        layer.add(DwellSegment(1, 0, 0.0, _NOWHERE, _NOWHERE, STEP, [], 1.0, one.floor, None,
                               one.velocity))
    return layer.flow()


def bits(seen: Sequence[Step], others: Sequence[Step],
         grid: FlowGrid) -> Tuple[float, float, float]:
    """
    Return the mean log-loss in bits of the directions of `others`, after those of `seen`.

    By the histogram of all that was seen; by that of the cell alone, and by that of the cell and
    its neighbours, with the first one as prior.
    """
    flow = flow_of(seen, grid)
    velocities = np.array([one.velocity for one in others])
    moving = np.hypot(*velocities.T) >= STANDING
    x, y = velocities[moving].T
    direction = np.round(np.arctan2(y, x) * DIRECTIONS / (2 * np.pi)).astype(int) % DIRECTIONS
    middles = np.array([one.floor for one in others])[moving].mean(axis=1)
    column, row = np.floor((middles - (grid.x, grid.y)) / grid.cell).astype(int).T
    probabilities = (flow.overall_directions[direction],
                     flow.directions(neighbourhood=0.0)[direction, row, column],
                     flow.directions()[direction, row, column])
    return tuple(float(np.mean(-np.log2(one))) for one in probabilities)


def losses_of(path: Path, cell: float, splits: int = SPLITS) -> np.ndarray:
    """
    Return what `bits` returns for both halves of each split at random, (2 * splits, 3).

    With 0 `splits`, for the half of the people that comes first and the other one, (2, 3).
    """
    people = people_of(path)
    places = np.concatenate([one.floor for steps in people.values() for one in steps])
    grid = FlowGrid.over((*places.min(axis=0) - 0.01, *places.max(axis=0) + 0.01), cell, 'm')
    losses = []
    orders = [np.random.default_rng(seed).permutation(sorted(people))
              for seed in range(splits)] or [list(people)]
    for order in orders:
        halves = [[one for number in half for one in people[number]]
                  for half in np.array_split(order, 2)]
        losses += [bits(*halves, grid), bits(*halves[::-1], grid)]
    return np.array(losses)


def main() -> None:
    """Print what is gained for each scene and size of cells."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--cells', nargs='+', type=float, default=CELLS, help='sizes in m')
    cells = parser.parse_args().cells
    missing = [file for file in SCENES.values() if not (truth_folder() / file).is_file()]
    if missing:
        sys.exit(f"flow: there is no '{truth_folder() / missing[0]}'; YOLO_HEATMAP_TRUTH names "
                 'the folder of public truth, see docs/accuracy.md')
    for name, file in SCENES.items():
        for cell in cells:
            for split, splits in (('random', SPLITS), ('time', 0)):
                losses = losses_of(truth_folder() / file, cell, splits)
                alone, around = (losses[:, 0] - losses[:, kind] for kind in (1, 2))
                print(f'{name:7} {cell:.1f} m, split by {split:6}: one histogram '
                      f'{losses[:, 0].mean():.2f} bit, cells better by {alone.mean():.3f} '
                      f'({alone.min():.3f} to {alone.max():.3f}), with neighbours by '
                      f'{around.mean():.3f} ({around.min():.3f} to {around.max():.3f}; '
                      f'{len(losses)} halves)', flush=True)


if __name__ == '__main__':
    main()
