"""The service that the steps of scripted turns are done at: waits as long as it is asked to, and knows
by its id every step that was done. A step whose turn has gone on to a later phase must never be
asked for again: its result was in a checkpoint."""

import asyncio

STEPS_BEFORE = {  # what a client that sees this phase begin knows to be done
    "routing": ("project_resolution",),
    "merge": ("routing", "t"),
    "response": ("merge",),
}


class Upstream:
    def __init__(self, world):
        self.world = world
        self.calls = {}    # (turn, step): times asked for
        self.over = {}     # turn: kinds of step that are over
        self.server = None
        self.tasks = set()  # one for each connection

    async def start(self, port=0):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", port, backlog=512)
        return self.server.sockets[0].getsockname()[1]

    async def stop(self):
        self.server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def serve(self, reader, writer):
        self.tasks.add(asyncio.current_task())
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
                body = await reader.readexactly(int(fields["content-length"]))
                await self.step(fields["idempotency-key"], int(body.partition(b"=")[2]))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.tasks.discard(asyncio.current_task())
            writer.close()

    async def step(self, key, milliseconds):
        turn, _, step = key.partition("/")
        again = self.calls.get((turn, step), 0)
        self.calls[turn, step] = again + 1
        self.world.counts["steps"] += 1
        if again:
            self.world.counts["steps asked for again"] += 1
        kind = "t" if step[0] == "t" and step[1:].isdigit() else step
        if kind in self.over.get(turn, ()):
            self.world.violation(f"step {key} is done again, {again} times before, though the turn "
                                 "had gone on behind it")
        await asyncio.sleep(milliseconds / 1000)

    def phase_began(self, turn, phase):
        """A client has seen it."""
        done = STEPS_BEFORE.get(phase)
        if done:
            self.over.setdefault(turn, set()).update(done)
