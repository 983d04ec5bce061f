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
import threading
from concurrent.futures import Future
from pathlib import Path

from harness.proxy_link import Accepted, Link

MODES = ("pass", "stall", "blackhole", "reset", "slice", "latency")
CONTROL_LIMIT_S = 10.0


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
