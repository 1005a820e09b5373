"""Drawing of large pictures in bands, on several cores."""

from concurrent.futures import ThreadPoolExecutor
import os
from typing import Callable, List, Sequence, TypeVar

CORES = min(4, os.cpu_count() or 1)
"""Maximum number of cores: memory bandwidth limits more."""
PARALLEL_FROM = 1_000_000
"""Number of pixels below which starting a thread costs more than it saves."""

Piece = TypeVar('Piece')
_pool = ThreadPoolExecutor(max(1, CORES - 1), thread_name_prefix='drawing')


def in_parallel(work: Callable[[Piece], None], pieces: Sequence[Piece]) -> None:
    """Call `work` for every piece: the first in this thread, the others in the pool."""
    pending = [_pool.submit(work, piece) for piece in pieces[1:]]
    try:
        work(pieces[0])
    finally:
        for one in pending:
            one.result()


def cores_for(pixels: int) -> int:
    """Return the number of cores worth using for this many pixels."""
    return CORES if pixels >= PARALLEL_FROM else 1


def bands(height: int, width: int) -> List[slice]:
    """Return slices of rows that cover a picture, one for each core worth using."""
    count = cores_for(height * width)
    edges = [height * number // count for number in range(count + 1)]
    return [slice(*pair) for pair in zip(edges[:-1], edges[1:])]
