"""Who is whom: pairs of rows and columns with the lowest sum of costs."""

from typing import Dict, Iterable, List, Tuple

import numpy as np

MAX_EXACT = 32
"""Groups of more rows or columns that compete are paired best first: the exact way is cubic."""
MAX_PAIRS = 20000
"""With more possible pairs than that, all are."""


def assigned(costs: np.ndarray, most: float) -> np.ndarray:
    """
    Return pairs of a row and a column, (K, 2) int64, with the lowest sum of `costs` - `most`.

    `costs` is (N, M) float64.  Each row and column is in one pair at most, and pairs that cost
    `most` or more in none.  Rows and columns that compete are solved exactly, group by group, by
    shortest augmenting paths (H. W. Kuhn, The Hungarian method for the assignment problem, Naval
    Research Logistics Quarterly 2, 1955; with potentials); groups larger than `MAX_EXACT` best
    first.
    """
    rows, columns = np.nonzero(costs < most)
    if not len(rows):
        return np.empty((0, 2), np.int64)
    if len(rows) > MAX_PAIRS:
        return np.array(best_first(costs, most), np.int64).reshape(-1, 2)
    alone = ((np.bincount(rows)[rows] == 1) & (np.bincount(columns)[columns] == 1))
    pairs = list(zip(rows[alone].tolist(), columns[alone].tolist()))
    for some_rows, some_columns in _groups(zip(rows[~alone].tolist(), columns[~alone].tolist())):
        part = np.minimum(costs[np.ix_(some_rows, some_columns)] - most, 0.0)
        solved = _exact(part) if max(part.shape) <= MAX_EXACT else best_first(part, 0.0)
        pairs += [(some_rows[row], some_columns[column]) for row, column in solved]
    return np.array(pairs, np.int64).reshape(-1, 2)


def _groups(pairs: Iterable[Tuple[int, int]]) -> List[Tuple[List[int], List[int]]]:
    """Return the connected parts of a graph of rows and columns, as the rows and columns."""
    neighbours: Dict[Tuple[bool, int], List[Tuple[bool, int]]] = {}
    for row, column in pairs:
        neighbours.setdefault((True, row), []).append((False, column))
        neighbours.setdefault((False, column), []).append((True, row))
    groups, visited = [], set()
    for begin in neighbours:
        if begin in visited:
            continue
        visited.add(begin)
        group = [begin]
        for one in group:  # grows meanwhile
            new = [other for other in neighbours[one] if other not in visited]
            visited.update(new)
            group += new
        groups.append((sorted({index for is_row, index in group if is_row}),
                       sorted({index for is_row, index in group if not is_row})))
    return groups


def _exact(costs: np.ndarray) -> List[Tuple[int, int]]:
    """Return the pairs of the lowest sum of costs, (N, M), none of them positive."""
    rows, real = costs.shape
    # A column for each row that pairs it with nothing.
    table = np.c_[costs, np.zeros((rows, rows))].tolist()
    columns = real + rows
    row_price, column_price = [0.0] * (rows + 1), [0.0] * (columns + 1)
    owner, way = [rows] * (columns + 1), [0] * (columns + 1)
    for row in range(rows):
        # The last column is where the path begins.
        owner[columns], at = row, columns
        slack, done = [np.inf] * (columns + 1), [False] * (columns + 1)
        while owner[at] != rows:
            done[at] = True
            here = owner[at]
            smallest, following = np.inf, -1
            for column in range(columns):
                if done[column]:
                    continue
                reduced = table[here][column] - row_price[here] - column_price[column]
                if reduced < slack[column]:
                    slack[column], way[column] = reduced, at
                if slack[column] < smallest:
                    smallest, following = slack[column], column
            for column in range(columns + 1):
                if done[column]:
                    row_price[owner[column]] += smallest
                    column_price[column] -= smallest
                else:
                    slack[column] -= smallest
            at = following
        while at != columns:
            owner[at] = owner[way[at]]
            at = way[at]
        owner[columns] = rows
    return [(owner[column], column) for column in range(real)
            if owner[column] != rows and costs[owner[column], column] < 0.0]


def best_first(costs: np.ndarray, below: float = np.inf) -> List[Tuple[int, int]]:
    """Return pairs of a row and a column whose cost, of (N, M), is below that, lowest first."""
    pairs = np.argwhere(costs < below)
    found, rows, columns = [], set(), set()
    for row, column in pairs[np.argsort(costs[tuple(pairs.T)], kind='stable')].tolist():
        if row not in rows and column not in columns:
            rows.add(row)
            columns.add(column)
            found.append((row, column))
    return found
