"""Redis Pub/Sub for the peers in Python: one connection per process for all its channels, and one
bounded queue per client, so that a slow client holds up nobody else. MR_PEER_REDIS is the path of
Redis' unix socket."""

import asyncio
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

    async def start(self, message):
        await self.redis.publish(START_CHANNEL, message)

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
