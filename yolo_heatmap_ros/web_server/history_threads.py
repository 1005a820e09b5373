"""The threads that read histories: few, and nobody can keep them busy for ever."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
import threading
import time
from typing import Any, Callable

from aiohttp import web

THREADS = 2
MAX_WAITING = 64
"""Questions that are being answered or wait for it, at most: ten open pages ask as many."""
WITHIN = 20.0
"""Seconds for an answer, with the time that the question waits."""
Work = Callable[[Callable[[], bool]], Any]
"""It gets what says whether to stop: nobody waits for it any longer."""


class HistoryThreads:
    """Answers questions to histories beside the server's thread."""

    def __init__(self, within: float = WITHIN):
        """Give each question at most `within` s."""
        self._within = within
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix='asking')
        self._places = threading.BoundedSemaphore(MAX_WAITING)

    async def run(self, work: Work) -> Any:
        """Return what `work` returns; raises what it raises, and what refuses too much."""
        if not self._places.acquire(blocking=False):
            raise web.HTTPServiceUnavailable(
                text='too many questions to histories at once: ask again',
                headers={'Retry-After': '2'})
        end, left = time.monotonic() + self._within, threading.Event()

        def stop() -> bool:
            return left.is_set() or time.monotonic() > end
        job = self._pool.submit(work, stop)
        job.add_done_callback(lambda _: self._places.release())
        try:
            return await asyncio.wait_for(asyncio.wrap_future(job), self._within)
        except asyncio.TimeoutError as error:
            raise web.HTTPServiceUnavailable(
                text=f'no answer within {self._within:g} s: ask about a shorter time',
                headers={'Retry-After': '2'}) from error
        finally:
            left.set()
