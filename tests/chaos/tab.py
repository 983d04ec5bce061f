"""One viewer's connection to a session, kept up over every break: reconnects to any gateway, resumes
behind the last event it has, and keeps every event it was sent for the verdict."""

import asyncio
import json

from harness.raw_ws import BINARY
from wire import Wire, WireError

PATH = "/ws/bench"
NO_EVENT = (0, 0)
RETRY_S = (0.05, 0.6)
LONG_GAP = 1000  # events; beyond it a resume may begin with a snapshot


def parse_id(text):
    epoch, _, seq = text.partition("-")
    return int(epoch), int(seq)


class Tab:
    """`session.take(tab, event)` gets every event in order, `session.joined(tab)` every greeting."""

    def __init__(self, session, name, *, gateway, tls=False, v2=True, path=PATH):
        self.session, self.name, self.path = session, name, path
        self.on_binary = None  # of the wire
        self.gateway, self.tls, self.v2 = gateway, tls, v2
        self.world, self.rng = session.world, session.rng
        self.last = NO_EVENT
        self.events = []      # (id, bytes) since the log was last compared
        self.complete_from = NO_EVENT  # everything behind it is in `events`
        self.replaced = []    # the same of before a snapshot
        self.wire = None
        self.wanted = False   # to be connected
        self.task = None
        self.connects = 0
        self.up = asyncio.Event()    # connected and greeted
        self.gone = asyncio.Event()  # not connected any more

    def start(self):
        self.wanted = True
        self.task = asyncio.create_task(self.keep_connected())

    async def stop(self):
        self.wanted = False
        wire, self.wire = self.wire, None
        if wire is not None:
            wire.deaf = True
            wire.close()
            if wire.transport is not None:
                wire.transport.close()
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)

    # --- connecting

    def protocols(self):
        if not self.v2:
            return []
        if self.session.token is None:
            return ["mr.v2"]
        return ["mr.v2", f"mr.resume.{self.session.token}.{self.last[0]}-{self.last[1]}"]

    async def keep_connected(self):
        while self.wanted:
            self.gone.clear()
            await self.connect()
            if self.wire is not None:
                await self.gone.wait()
            await asyncio.sleep(self.rng.uniform(*RETRY_S))
            if self.rng.random() < 0.3:
                self.gateway = self.rng.randrange(len(self.world.gateways))

    async def connect(self):
        port = self.world.port(self.gateway, self.tls)
        try:
            wire = await Wire.open(port, self.path, self.protocols(), self.on_text, self.on_end,
                                   tls=self.tls, on_binary=self.on_binary)
            self.connects += 1
            self.wire = None if wire.deaf else wire  # it may have ended already
        except (OSError, WireError, TimeoutError):
            self.wire = None
            self.world.counts["connects refused"] += 1

    def on_end(self, wire, code):
        self.world.counts[f"closed {code}"] += 1
        if wire is self.wire:
            self.wire = None
            self.up.clear()
            self.session.lost(self)
            self.gone.set()

    # --- events

    def on_text(self, wire, payload):
        if wire is not self.wire and self.wire is not None:
            return  # of one that was given up
        event = json.loads(payload)
        self.world.counts["events"] += 1
        kind = event["type"]
        if kind == "connected":
            self.greeted(event)
            return
        if "id" in event:
            self.take_numbered(kind, parse_id(event["id"]), payload)
        self.session.take(self, event)

    def greeted(self, event):
        self.up.set()
        self.session.joined(self, event)

    def take_numbered(self, kind, got, payload):
        if kind == "text_snapshot":
            # What it stands for replaces everything before it. Redis keeps its data in this world:
            # only a long gap may be bridged so.
            self.world.counts["snapshots"] += 1
            if got[0] == self.last[0] and got[1] - self.last[1] < LONG_GAP:
                self.session.violation(f"{self.name}: a snapshot of {got} instead of the events "
                                       f"behind {self.last}")
            self.replaced.append((self.complete_from, self.events))
            self.events = []
            self.last = self.complete_from = got
            return
        if got <= self.last:
            self.session.violation(f"{self.name}: {kind} {got} repeated, already at {self.last}")
        elif self.v2 and got[0] == self.last[0] and got[1] != self.last[1] + 1:
            self.session.violation(f"{self.name}: gap between {self.last} and {got}")
        self.last = max(self.last, got)
        self.events.append((got, payload))

    def send(self, value):
        if self.wire is not None and self.up.is_set():
            self.wire.text(json.dumps(value))
            return True
        return False

    def send_binary(self, data):
        if self.wire is not None and self.up.is_set():
            self.wire.send(BINARY, data)

    # --- what is done to it

    def reset(self):
        if self.wire is not None:
            self.wire.abort()

    def abandon(self):
        """A half-open connection is left behind; the tab comes back by another one."""
        wire, self.wire = self.wire, None
        if wire is not None:
            wire.abandon()
            self.world.left_open.append(wire)
            self.up.clear()
            self.session.lost(self)
            self.gone.set()

    async def stall(self, seconds):
        wire = self.wire
        if wire is not None:
            wire.pause()
            await asyncio.sleep(seconds)
            wire.resume()
