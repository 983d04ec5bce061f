"""A TCP proxy that misbehaves on demand, for the links of clients and of Redis.

Listens on a loopback port and passes everything on to a TCP port or a unix socket. All proxies of
a test run share one event loop in one thread; controls have taken effect when they return.

    with Proxy(redis.socket) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}"
        proxy.set_mode("latency", delay_ms=50, jitter_ms=20)
        proxy.cut_after(100)    # the reply that holds the 100th byte from now on stays half a reply
        proxy.reset_all()

Modes: "pass"; "stall" (nothing moves, nothing is lost, ends are not told either); "blackhole"
(what is sent is lost and nobody is told; a link that has lost bytes is reset when the mode ends);
"reset" (whoever connects or sends is reset); "slice" (pieces of `piece` bytes, each its own write);
"latency" (`delay_ms` ± `jitter_ms`, order kept). All but "pass" and "reset" can be limited to one
direction: "up" is from the one who connected, "down" is the way back.
"""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections import deque
from concurrent.futures import Future
from pathlib import Path

MODES = ("pass", "stall", "blackhole", "reset", "slice", "latency")
EOF = None
CONTROL_LIMIT_S = 10.0
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER of zero seconds: RST instead of FIN


class Loop:
    """The background thread."""

    shared = None
    lock = threading.Lock()

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, name="proxies", daemon=True).start()

    @classmethod
    def get(cls):
        with cls.lock:
            if cls.shared is None:
                cls.shared = cls()
            return cls.shared

    def call(self, function, *arguments):
        """Runs it on the loop; its result, or what it raised."""
        done = Future()

        def run():
            try:
                done.set_result(function(*arguments))
            except BaseException as error:  # handed to the caller
                done.set_exception(error)

        self.loop.call_soon_threadsafe(run)
        return done.result(CONTROL_LIMIT_S)

    def wait(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(CONTROL_LIMIT_S)


class End(asyncio.Protocol):
    """One socket of a link."""

    def __init__(self, link):
        self.link = link
        self.transport = None
        self.connected = False  # at some time
        self.eof = False        # read to its end
        self.flow_out = None  # what this end reads goes there
        self.flow_in = None   # what this end is to write comes from there

    def connection_made(self, transport):
        self.transport = transport
        self.connected = True

    def data_received(self, data):
        self.link.hello = self.link.hello or data
        self.flow_out.feed(data)

    def eof_received(self):
        if not self.eof:
            self.eof = True
            self.flow_out.feed(EOF)
        return True  # half-closed; the other direction goes on

    def connection_lost(self, error):
        self.transport = None
        self.link.end_lost()

    def pause_writing(self):
        self.flow_in.choke(True)

    def resume_writing(self):
        self.flow_in.choke(False)

    def abort(self):
        if self.transport is not None:
            peer = self.transport.get_extra_info("socket")
            if peer is not None and peer.family != socket.AF_UNIX:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self.transport.abort()


class Accepted(asyncio.Protocol):
    """Where asyncio puts a new connection; hands it to the link's own end at once."""

    def __init__(self, link):
        self.link = link

    def connection_made(self, transport):
        transport.set_protocol(self.link.client)
        self.link.client.connection_made(transport)
        self.link.accepted()


class Flow:
    """The bytes of one link in one direction, in order. `queue` holds what may not go out yet."""

    def __init__(self, link, name, source, target):
        self.link, self.proxy, self.name = link, link.proxy, name
        self.source, self.target = source, target
        source.flow_out, target.flow_in = self, self
        self.queue = deque()  # (due, bytes or EOF)
        self.timer = None
        self.last_due = 0.0
        self.choked = False
        self.lost_bytes = False
        self.ended = False

    def mode(self):
        return self.link.mode() if self.proxy.direction in (self.name, "both") else "pass"

    def feed(self, data):
        if self.proxy.rewriter and self.name == "up" and data is not EOF:
            data = self.proxy.rewriter(data)
        mode = self.mode()
        if self.link.mute and data is EOF:
            self.link.abort()  # the client has had enough of it
            return
        if self.link.mute or mode == "blackhole":
            self.lost_bytes = True
            return
        if mode == "reset":
            self.link.abort()
            return
        if mode == "pass" and not self.queue and data is not EOF and self.target.transport:
            self.write(data)
            return
        due = 0.0
        if mode == "latency":
            delay = self.proxy.delay_ms + random.uniform(-1, 1) * self.proxy.jitter_ms
            due = max(self.last_due, self.proxy.loop.time() + max(delay, 0) / 1000)
            self.last_due = due
        self.queue.append((due, data))
        self.hold()
        self.pump()

    def choke(self, choked):
        self.choked = choked
        self.hold()

    def hold(self):  # no more than what is on its way: a stalled link costs one read
        if self.source.transport is None or self.source.eof:
            return
        if self.choked or (self.queue and self.mode() in ("stall", "slice")):
            self.source.transport.pause_reading()
        else:
            self.source.transport.resume_reading()

    def stop(self):
        self.queue.clear()
        self.wake(None)

    def wake(self, timer):
        if self.timer is not None:
            self.timer.cancel()
        self.timer = timer

    def pump(self):
        self.wake(None)
        while self.queue and self.target.transport is not None and not self.link.mute:
            mode = self.mode()
            due, data = self.queue[0]
            if mode in ("stall", "blackhole"):
                return
            if mode == "latency" and due > self.proxy.loop.time():
                self.wake(self.proxy.loop.call_at(due, self.pump))
                return
            self.queue.popleft()
            if mode == "slice" and data is not EOF and len(data) > self.proxy.piece:
                rest = memoryview(data)  # slicing it copies nothing
                self.queue.appendleft((due, rest[self.proxy.piece:]))
                self.write(rest[:self.proxy.piece])
                self.wake(self.proxy.loop.call_later(0, self.pump))
                return
            self.write(data)
        if not self.queue:
            self.hold()

    def write(self, data):
        target = self.target.transport
        if data is EOF:
            self.ended = True
            with contextlib.suppress(OSError):  # it has been reset meanwhile, as it will be told
                target.write_eof()
            self.link.close_if_over()
            return
        allowed, cut = self.proxy.spend(self.name, len(data))
        target.write(data if allowed == len(data) else data[:allowed])
        if cut:
            self.proxy.loop.call_soon(self.link.abort)  # behind the write

    def over(self):  # nothing will come out of it any more
        return self.ended or (self.source.transport is None and not self.queue)


class Link:
    """One connection through the proxy."""

    def __init__(self, proxy):
        self.proxy = proxy
        self.hello = b""     # the first piece either side has sent
        self.mute = False    # half-open: upstream is gone and the client is not told
        self.dialed = False
        self.aborted = False
        self.client, self.server = End(self), End(self)
        self.up = Flow(self, "up", self.client, self.server)
        self.down = Flow(self, "down", self.server, self.client)

    def mode(self):
        return self.proxy.mode if self.proxy.only in self.hello else "pass"

    def accepted(self):
        self.proxy.links.add(self)
        self.proxy.accepted += 1
        if self.mode() == "reset":
            self.abort()
        else:
            self.dial()

    def dial(self):
        """Connects upstream, unless nothing may get there now."""
        if not self.dialed and self.up.mode() not in ("stall", "blackhole"):
            self.dialed = True
            asyncio.ensure_future(self._dial(), loop=self.proxy.loop)

    async def _dial(self):
        loop, upstream = self.proxy.loop, self.proxy.upstream
        try:
            if isinstance(upstream, tuple):
                await loop.create_connection(lambda: self.server, *upstream)
            else:
                await loop.create_unix_connection(lambda: self.server, str(upstream))
        except OSError:
            self.abort()
            return
        if self.aborted or self.client.transport is None:
            self.abort()
        else:
            self.up.pump()

    def hidden(self):  # the end of one side is not told to the other
        return self.mute or self.mode() in ("stall", "blackhole")

    def end_lost(self):
        ends = (self.client.transport, self.server.transport)
        if ends == (None, None):
            self.proxy.links.discard(self)
        elif not self.hidden():
            self.close_when_sent()

    def close_when_sent(self):
        """One end is gone: what it had sent still arrives, what was sent to it is lost."""
        for flow in (self.up, self.down):
            if flow.target.transport is None:
                flow.queue.clear()
                flow.ended = True
            elif flow.source.transport is None and flow.queue:
                flow.queue.append((flow.last_due, EOF))
                flow.pump()
        self.close_if_over()

    def close_if_over(self):
        if self.up.over() and self.down.over():
            for end in (self.client, self.server):
                if end.transport is not None:
                    end.transport.close()

    def mode_changed(self):
        if self.mute:
            return
        lost_bytes = self.up.lost_bytes or self.down.lost_bytes
        lost_end = self.client.transport is None or (
            self.dialed and self.server.transport is None and self.server.connected)
        if self.mode() == "reset" or (not self.hidden() and (lost_bytes or lost_end)):
            self.abort()
            return
        self.dial()
        for flow in (self.up, self.down):
            flow.hold()
            flow.pump()

    def go_mute(self):
        self.mute = True
        self.server.abort()

    def abort(self):
        self.aborted = True
        for flow in (self.up, self.down):
            flow.stop()
        self.client.abort()
        self.server.abort()
        self.proxy.links.discard(self)


class Proxy:
    """`upstream`: (host, port), or the path of a unix socket; may be changed, for new links.
    Started by the constructor."""

    def __init__(self, upstream):
        self.host = Loop.get()
        self.loop = self.host.loop
        self.upstream = upstream if isinstance(upstream, tuple) else Path(upstream)
        self.links = set()
        self.mode, self.direction, self.only = "pass", "both", b""
        self.delay_ms = self.jitter_ms = 0.0
        self.piece = 1
        self.rewriter = None
        self.budget = {"up": None, "down": None}  # bytes until the cut
        self.bytes = {"up": 0, "down": 0}         # passed on so far
        self.accepted = 0
        self.cuts = 0
        self.server = self.host.wait(self._listen())
        self.port = self.server.sockets[0].getsockname()[1]

    async def _listen(self):
        return await self.loop.create_server(
            lambda: Accepted(Link(self)), "127.0.0.1", 0, backlog=1024)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Closes the port and resets every link."""
        self.host.call(self._close)

    def _close(self):
        self.server.close()
        self._reset_all()

    # --- controls

    def set_mode(self, mode, *, direction="both", only=b"", delay_ms=0.0, jitter_ms=0.0, piece=1):
        """`only`: the links whose first piece held that; the others pass."""
        assert mode in MODES and direction in ("up", "down", "both"), (mode, direction)
        self.host.call(self._set_mode, mode, direction, only, delay_ms, jitter_ms, piece)

    def _set_mode(self, mode, direction, only, delay_ms, jitter_ms, piece):
        self.mode, self.direction, self.only = mode, direction, only
        self.delay_ms, self.jitter_ms, self.piece = delay_ms, jitter_ms, piece
        for link in list(self.links):
            link.mode_changed()

    def rewrite(self, rewriter):
        """What is sent up becomes `rewriter(bytes)`, piece by piece; None: no more."""
        self.host.call(setattr, self, "rewriter", rewriter)

    def reset_all(self, only=b""):
        """RST to both ends of every link (whose first piece held `only`); new ones are served as
        the mode says."""
        self.host.call(self._reset_all, only)

    def _reset_all(self, only=b""):
        for link in [link for link in self.links if only in link.hello]:
            link.abort()

    def half_open_all(self, only=b""):
        """Every link (whose first piece held `only`) loses its upstream, and the one who connected
        is not told: what he sends disappears, nothing comes back. New ones are served."""
        self.host.call(lambda: [link.go_mute() for link in list(self.links) if only in link.hello])

    def cut_after(self, count, direction="down"):
        """The link that passes the count-th byte from now on, over all links, is reset right
        behind it; once."""
        def arm():
            self.budget[direction] = count
        self.host.call(arm)

    def spend(self, name, size):
        """How many of `size` bytes may pass, and whether the link is cut behind them."""
        left = self.budget[name]
        allowed = size if left is None else min(left, size)
        self.bytes[name] += allowed
        if left is None or allowed < left:
            self.budget[name] = None if left is None else left - allowed
            return allowed, False
        self.budget[name] = None
        self.cuts += 1
        return allowed, True
