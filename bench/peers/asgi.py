"""A peer: WebSockets on uvicorn, events from another process by Redis Pub/Sub. Plain ASGI, without a
framework on top.

    MR_PEER_REDIS=/path/redis.sock uvicorn asgi:app --uds /path/asgi.sock --loop uvloop --http httptools
"""

import asyncio
import json

from channels import channels


async def pump(queue, send):
    while (data := await queue.get()) is not None:
        await send({"type": "websocket.send", "text": data.decode()})
    await send({"type": "websocket.close", "code": 1008})


async def serve(receive, send):
    await send({"type": "websocket.accept"})
    channel = task = None
    try:
        while (message := await receive())["type"] == "websocket.receive":
            start = message["text"]
            if channel is None:
                channel = f"peer:{json.loads(start)['session']}"
                queue = await channels.follow(channel)
                task = asyncio.create_task(pump(queue, send))
            await channels.start(start)
    finally:
        if task is not None:
            task.cancel()
            await channels.leave(channel)


async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()  # websocket.connect
        await serve(receive, send)
