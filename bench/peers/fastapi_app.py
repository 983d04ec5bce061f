"""A peer: FastAPI on uvicorn, events from another process by Redis Pub/Sub, as in asgi.py.

    MR_PEER_REDIS=/path/redis.sock uvicorn fastapi_app:app --uds /path/asgi.sock --loop uvloop
"""

import asyncio
import json

from channels import channels
from fastapi import FastAPI, WebSocket

app = FastAPI()


async def pump(queue, socket):
    while (data := await queue.get()) is not None:
        await socket.send_text(data.decode())
    await socket.close(1008)


@app.websocket("/ws")
async def serve(socket: WebSocket):
    await socket.accept()
    channel = task = None
    try:
        async for start in socket.iter_text():  # until the client is gone
            if channel is None:
                channel = f"peer:{json.loads(start)['session']}"
                queue = await channels.follow(channel)
                task = asyncio.create_task(pump(queue, socket))
            await channels.start(start)
    finally:
        if task is not None:
            task.cancel()
            await channels.leave(channel)
