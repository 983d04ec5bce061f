"""One connection through the proxy: its two sockets and the bytes between them, held, delayed, cut or
lost as the mode of its proxy says. All of it runs on the loop of the proxies (harness.proxy)."""

import asyncio
import contextlib
import random
import socket
import struct
from collections import deque

EOF = None
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER of zero seconds: RST instead of FIN


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
