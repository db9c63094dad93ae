# A client by Debian's python3-websockets, told over stdin what to do: a JSON object a line. What comes is told over
# stdout in the same way. test/helpers/strangers.ts has the words.
import asyncio
import base64
import json
import sys

import websockets


def tell(**what):
    print(json.dumps(what), flush=True)


async def obey(socket):
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=2 ** 22)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        order = json.loads(line)
        # What is sent to a connection that has just ended is lost; that it has ended is told anyhow.
        try:
            if 'text' in order:
                await socket.send(order['text'])
            elif 'parts' in order:
                await socket.send(order['parts'])
            elif 'bytes' in order:
                await socket.send(base64.b64decode(order['bytes']))
            elif 'close' in order:
                await socket.close(order['close'], order['reason'])
        except websockets.ConnectionClosed:
            return


async def main(url):
    # Pings of its own would be signs of life.
    async with websockets.connect(url, ping_interval=None) as socket:
        tell(open=True)
        orders = asyncio.create_task(obey(socket))
        try:
            async for message in socket:
                tell(frame=message)
        except websockets.ConnectionClosed:
            pass
        orders.cancel()
        tell(closed=socket.close_code, reason=socket.close_reason)


asyncio.run(main(sys.argv[1]))
