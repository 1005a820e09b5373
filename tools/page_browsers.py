#!/usr/bin/env python3
"""
Look at the page as several browsers do, and print how many pictures each second got to them.

`tools/page_browsers.py http://127.0.0.1:8080 --count 10 --seconds 20` opens so many live sockets,
takes each picture, and asks for the next one at once.  Pictures are not decoded: browsers do that
on machines of their own.  With `--deaf` so many more never read what they are sent.
"""

import argparse
import asyncio
import json
import struct
from urllib.parse import quote

import aiohttp

PATIENCE = 30.0
"""Seconds to wait for the first picture."""


async def watch(session, address, camera, seconds, deaf=False):
    """Return the number of pictures, and of their bytes, in `seconds` after the first one."""
    count = size = 0
    async with session.ws_connect(f'{address}/api/live', max_msg_size=0) as socket:
        await socket.send_json({'watch': [{'id': camera, 'width': 0}]})
        if deaf:
            socket._response.connection.transport.pause_reading()
            await asyncio.sleep(PATIENCE + seconds)
            return 0, 0
        clock = asyncio.get_running_loop().time
        end = clock() + PATIENCE
        while (left := end - clock()) > 0.0:
            try:
                message = await socket.receive(left)
            except asyncio.TimeoutError:
                break
            if message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING,
                                aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.ERROR):
                raise SystemExit(f'the page has closed the socket: {message.data}')
            if message.type != aiohttp.WSMsgType.BINARY:
                continue
            length, = struct.unpack_from('>I', message.data)
            header = json.loads(message.data[4:4 + length])
            if not count:
                end = clock() + seconds
            count += 1
            size += len(message.data)
            await socket.send_json({'drawn': header['number'], 'id': header['id'],
                                    'width': header['width']})
    return count, size


async def look(options):
    """Print one JSON line: pictures per second by browser, and MB per second in all."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with session.get(options.address) as page:
            page.raise_for_status()
        camera = options.camera
        if not camera:
            async with session.get(f'{options.address}/api/cameras') as cameras:
                camera = (await cameras.json())['cameras'][0]['id']
        deaf = [asyncio.ensure_future(
            watch(session, options.address, quote(camera), options.seconds, True))
            for _ in range(options.deaf)]
        seen = await asyncio.gather(*(
            watch(session, options.address, camera, options.seconds)
            for _ in range(options.count)))
        for one in deaf:
            one.cancel()
        await asyncio.gather(*deaf, return_exceptions=True)
    print(json.dumps({
        'pictures_per_s': [round(count / options.seconds, 2) for count, _ in seen],
        'mb_per_s': round(sum(size for _, size in seen) / options.seconds / 1e6, 2)}), flush=True)


def main():
    """Open the sockets that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('address', help='of the page, as http://127.0.0.1:8080')
    parser.add_argument('--camera', default='', help='its id (default: the first one)')
    parser.add_argument('--count', type=int, default=10, help='browsers (default: 10)')
    parser.add_argument('--deaf', type=int, default=0, help='browsers that never read')
    parser.add_argument('--seconds', type=float, default=20.0)
    asyncio.run(look(parser.parse_args()))


if __name__ == '__main__':
    main()
