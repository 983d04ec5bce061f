"""A peer: WebSockets on uvicorn, events from another process by Redis Pub/Sub. Plain ASGI, without a
framework on top; one Redis connection per process for all its channels, and one bounded queue per
client, so that a slow client holds up nobody else.

    MR_PEER_REDIS=/path/redis.sock uvicorn asgi:app --uds /path/asgi.sock --loop uvloop --http httptools
"""

import asyncio
import json
import os

import redis.asyncio

START_CHANNEL = "peer:start"
MAX_QUEUED = 10_000  # events of one client; then it is cut off


class Channels:
    """Who waits for which channel."""

    def __init__(self, path):
        self.redis = redis.asyncio.Redis(unix_socket_path=path)
        self.pubsub = self.redis.pubsub(ignore_subscribe_messages=True)
        self.queues = {}
        self.reader = None

    async def follow(self, channel):
        queue = self.queues[channel] = asyncio.Queue(MAX_QUEUED)
        await self.pubsub.subscribe(channel)
        if self.reader is None or self.reader.done():  # it ends with the last subscription
            self.reader = asyncio.create_task(self.read())
        return queue

    async def leave(self, channel):
        self.queues.pop(channel, None)
        await self.pubsub.unsubscribe(channel)

    async def read(self):
        async for message in self.pubsub.listen():
            channel = message["channel"].decode()
            queue = self.queues.get(channel)
            if queue is not None:
                try:
                    queue.put_nowait(message["data"])
                except asyncio.QueueFull:
                    queue.get_nowait()
                    queue.put_nowait(None)


channels = Channels(os.environ["MR_PEER_REDIS"])


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
            await channels.redis.publish(START_CHANNEL, start)
    finally:
        if task is not None:
            task.cancel()
            await channels.leave(channel)


async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()  # websocket.connect
        await serve(receive, send)
