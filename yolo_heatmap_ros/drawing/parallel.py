"""Work on large pictures, shared among cores."""

from concurrent.futures import ThreadPoolExecutor
import os
from typing import Callable, List, Sequence, TypeVar

CORES = min(4, os.cpu_count() or 1)
"""More cores than this wait for memory, not for each other."""
WORTH_SHARING = 1_000_000
"""Pixels below which a picture is done before another thread has begun."""

Piece = TypeVar('Piece')
_pool = ThreadPoolExecutor(max(1, CORES - 1), thread_name_prefix='sharing')


def at_once(work: Callable[[Piece], None], pieces: Sequence[Piece]) -> None:
    """Call `work` with every piece, the first here and each other in a thread of its own."""
    pending = [_pool.submit(work, piece) for piece in pieces[1:]]
    try:
        work(pieces[0])
    finally:
        for one in pending:
            one.result()


def cores_for(pixels: int) -> int:
    """Return among how many cores so many pixels are worth sharing."""
    return CORES if pixels >= WORTH_SHARING else 1


def bands(height: int, width: int) -> List[slice]:
    """Return slices of rows that cover a picture, one for each core that is worth it."""
    count = cores_for(height * width)
    edges = [height * number // count for number in range(count + 1)]
    return [slice(*pair) for pair in zip(edges[:-1], edges[1:])]
