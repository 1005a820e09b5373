"""What handlers share: JSON from browsers, and answers from nodes."""

import asyncio
import json
import math
import threading
from typing import Any, Callable, Dict, Tuple

from aiohttp import web

MAX_BODY = 65536
"""Bytes of a request's body, at most."""
BODY_WITHIN = 10.0
"""Seconds that a browser has to send it."""
ANSWER_WITHIN = 5.0
"""Seconds to wait for a response of a node."""


async def json_of(request: web.Request) -> Dict[str, Any]:
    """Return the JSON object in the body; raises what refuses anything else."""
    # Against CSRF: pages of other sites can send forms here, but not JSON.
    if request.content_type != 'application/json':
        raise web.HTTPUnsupportedMediaType(text='send application/json')
    try:
        body = await asyncio.wait_for(request.read(), BODY_WITHIN)
        content = json.loads(body.decode(), parse_constant=_refuse)
        json.dumps(content, ensure_ascii=False).encode()  # JSON allows lone surrogates, ROS not
    except asyncio.TimeoutError as error:
        raise web.HTTPRequestTimeout(text='the body does not come') from error
    except web.RequestPayloadError as error:
        raise web.HTTPBadRequest(text='the body is broken') from error
    # Errors of JSON and of Unicode are ValueErrors.
    except (ValueError, RecursionError) as error:
        raise web.HTTPBadRequest(text='the body is not JSON') from error
    if not isinstance(content, dict):
        raise web.HTTPBadRequest(text='the body is not a JSON object')
    return content


def _refuse(constant: str) -> None:
    raise ValueError(f'{constant} is not JSON')


def finite(value: Any) -> bool:
    """Return whether this is a number that is finite."""
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and (
            math.isfinite(value))
    except OverflowError:  # of an integer that no float holds
        return False


async def answer_of(ask: Callable[[Callable], None], otherwise: Any = False) -> Tuple[Any, str]:
    """
    Ask a node, and return its answer and message.

    `ask` gets what is called with both, from any thread.  If nothing comes for `ANSWER_WITHIN`,
    the answer is `otherwise`.
    """
    loop = asyncio.get_running_loop()
    answered: 'asyncio.Future' = loop.create_future()

    def answer(result: Any, message: str) -> None:
        loop.call_soon_threadsafe(
            lambda: answered.done() or answered.set_result((result, message)))
    ask(answer)
    try:
        return await asyncio.wait_for(answered, ANSWER_WITHIN)
    except asyncio.TimeoutError:
        return otherwise, 'the heatmap node does not answer'


async def in_thread(work: Callable[[], Any]) -> Any:
    """
    Return what `work` returns, or raise what it raises, from a thread of its own.

    A thread that waits for a node does not keep the process from ending, as one of a pool would.
    """
    loop = asyncio.get_running_loop()
    done: 'asyncio.Future' = loop.create_future()

    def do() -> None:
        try:
            end, result = done.set_result, work()
        except Exception as error:  # raised again where it is awaited
            end, result = done.set_exception, error
        loop.call_soon_threadsafe(lambda: done.done() or end(result))
    threading.Thread(target=do, name='waiting', daemon=True).start()
    return await done


def told(success: bool, message: str) -> web.Response:
    """Return how a request to a node has ended."""
    return web.json_response({'success': success, 'message': message})
