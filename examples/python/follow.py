"""Follows a room by the plain protocol, and misses nothing when the connection breaks: it resumes from its cursor."""
import asyncio
import json
import random
import sys

import websockets

# A bug, a token that is not taken, an operator's will: to try again would help nobody.
FINAL = {4400, 4401, 4403}


async def listen(socket, room, cursor):
    """Tells what comes until the connection ends. Returns the cursor of the last message."""
    # `null` is the same as absent: the first time the newest 10 messages come instead.
    await socket.send(json.dumps({'type': 'join', 'id': 1, 'room': room, 'since': cursor, 'history': 10}))
    try:
        async for text in socket:
            frame = json.loads(text)
            if frame['type'] == 'message':
                print(f"{frame['from']}: {frame['content']}", flush=True)
                # What is ephemeral has none.
                cursor = frame.get('cursor', cursor)
            elif frame['type'] == 'joined':
                print(f"-- joined, {frame.get('replay', 0)} to catch up with", flush=True)
                if frame.get('replay', 0) == 0:
                    cursor = frame.get('cursor')
            elif frame['type'] == 'gap':
                print(f"-- something is missing here: {frame['reason']}", flush=True)
                cursor = frame.get('cursor')
            elif frame['type'] == 'error':
                if not frame['retryable']:
                    sys.exit(f"{frame['reason']}: {frame['message']}")
                print(f"-- {frame['reason']}", flush=True)
                await socket.close()
    except websockets.ConnectionClosed:
        pass
    return cursor


async def main(url, room):
    cursor = None
    # Connects anew, with back-off, each time it is gone round.
    async for socket in websockets.connect(url):
        cursor = await listen(socket, room, cursor)
        if socket.close_code in FINAL:
            sys.exit(f'{socket.close_code} {socket.close_reason}')
        print('-- away', flush=True)
        # Jitter: who was cut off together does not come back together.
        await asyncio.sleep(random.random())


try:
    asyncio.run(main(*sys.argv[1:]))
except KeyboardInterrupt:
    pass
