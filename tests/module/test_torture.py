"""Memory runs out, at each allocation of each path of a request in turn: once, and from there on for a
while. The nginx worker lives on, whoever was served gets all of it or is told (an error status, or a
close), the next client is served as ever, and nothing is left behind.

A path of more allocations than its steps is walked with a stride; MR_TORTURE_STEPS sets another
number, 0 is every one."""

import os
import sys
import threading

import pytest

from harness.deflate_ws import DeflateWs
from harness.process import POLL_S, wait_for
from harness.paths import ROOT, SANITIZED
from harness.raw_ws import (BINARY, CLOSE, CONTINUATION, Ended, RawWs, Refused, TEXT, close_payload,
                            frame)

sys.path.insert(0, str(ROOT / "tests/torture"))
from table import NEVER, Table  # noqa: E402

STEPS = {"once": 14, "for a while": 4}
if "MR_TORTURE_STEPS" in os.environ:
    STEPS = dict.fromkeys(STEPS, int(os.environ["MR_TORTURE_STEPS"]) or NEVER)
OUTAGE_S = 0.3
PATIENCE_S = 10
LEAKED = 40  # allocations more than before, over a whole walk of dozens of failures
LOCATIONS = """
    location = /ws/chat { mr_ws chat; }
    location = /ws/echo { mr_ws echo; }
    location = /ws/deflate { mr_ws echo; mr_ws_deflate on; mr_ws_deflate_min_size 1; }
"""
NO_MEMORY = (r"\[(emerg|alert|crit)\] .*(malloc|memalign)\(.*failed|could not allocate new pool|"
             r"Cannot allocate memory")
CODES = (1001, 1011, 1012, 1013)  # of a close for want of memory

pytestmark = pytest.mark.skipif(SANITIZED, reason="the sanitizer has the allocations")


@pytest.fixture
def stack(make_stack, tmp_path, watch):
    watch.allow(NO_MEMORY)
    table = Table(tmp_path)
    stack = make_stack(locations=LOCATIONS, settings={"local_tokens_per_second": 0}, env=table.env)
    stack.table = table
    table.pid = stack.nginx.worker_pids()[0]
    return stack


class Told(Exception):
    """An error event says that the message was not taken."""


def expect(ws, payload):
    got = ws.message(PATIENCE_S)
    if got.opcode == TEXT and got.payload.startswith(b'{"type":"error"'):
        assert got.json["code"] == "relay_unavailable", got
        raise Told
    assert got.payload == payload


def hello(ws, text="hello"):
    ws.text(text)
    expect(ws, text.encode())


class Path:
    """`prepare` without failures, then `run` with them; what `prepare` returns `run` gets, and it is
    dropped at the end."""

    def prepare(self, stack):
        return None

    def run(self, stack, ws):
        raise NotImplementedError


class Handshake(Path):
    def run(self, stack, ws):
        with RawWs.open(stack.nginx.http_port, "/ws/chat", protocols=("mr.v2",),
                        limit_s=PATIENCE_S) as ws:
            assert ws.event()["type"] == "connected"


class HandshakeDeflate(Path):
    def run(self, stack, ws):
        with DeflateWs.open(stack.nginx.http_port, limit_s=PATIENCE_S) as ws:
            hello(ws)


class Echo(Path):
    """Message in, mail, delivery out."""
    path = "/ws/echo"
    client = RawWs

    def prepare(self, stack):
        return self.client.open(stack.nginx.http_port, self.path, limit_s=PATIENCE_S)

    def run(self, stack, ws):
        hello(ws)


class Fragments(Echo):
    """Buffers that have to grow, in and out."""

    def run(self, stack, ws):
        data = bytes(range(256)) * 160
        ws.send(frame(BINARY, data[:300], fin=False) + frame(CONTINUATION, data[300:20000], fin=False)
                + frame(CONTINUATION, data[20000:]))
        expect(ws, data)


class Deflated(Echo):
    path = "/ws/deflate"
    client = DeflateWs

    def run(self, stack, ws):
        ws.send_message(TEXT, b"a fine message " * 400)
        expect(ws, b"a fine message " * 400)


class ManyMessages(Echo):
    def run(self, stack, ws):
        ws.send(b"".join(frame(TEXT, b"%d" % number) for number in range(50)))
        for number in range(50):
            expect(ws, b"%d" % number)


class Closing(Echo):
    def run(self, stack, ws):
        ws.send_frame(CLOSE, close_payload(1000))
        assert ws.close_frame()[0].code in (1000, *CODES)
        ws.expect_end()


class Resume(Path):
    """A session that has an answer in its log comes back and reads it again."""

    def prepare(self, stack):
        with RawWs.open(stack.nginx.http_port, "/ws/chat", protocols=("mr.v2",)) as ws:
            self.token = ws.event()["resume_token"]
            ws.json({"type": "ask", "message": "How many projects do we have?"})
            self.events = ws.events_until("response_complete")
        return None

    def run(self, stack, ws):
        resume = f"mr.resume.{self.token}.0-0"
        with RawWs.open(stack.nginx.http_port, "/ws/chat", protocols=("mr.v2", resume),
                        limit_s=PATIENCE_S) as ws:
            if ws.event()["recovered"]:
                got = []
                while not got or got[-1]["type"] != "response_complete":
                    got.append(ws.event())
                ids = [event["id"] for event in got]
                assert ids == [event["id"] for event in self.events][-len(ids):]


class Reconnect(Echo):
    """Both links to Redis break and come back; a session that is open lives on, or is closed."""

    def run(self, stack, ws):
        before = set(stack.redis.clients("nginx"))
        for link in before:
            stack.redis.command("CLIENT", "KILL", "ID", link)

        wait_for(lambda: len(set(stack.redis.clients("nginx")) - before) >= 2, "the links are back")
        hello(ws)


PATHS = [Handshake, HandshakeDeflate, Echo, Fragments, Deflated, ManyMessages, Closing, Resume,
         Reconnect]


class Outage:
    """Memory is there again OUTAGE_S after the first failure."""

    def __init__(self, table):
        self.table = table
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.over.wait(POLL_S):
            if self.table.failed and self.table.armed:
                self.over.wait(OUTAGE_S)
                self.table.disarm()

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def survive(stack, path, first, last):
    """One walk over the path. How many allocations it asked for, and how many failed."""
    ws = path.prepare(stack)
    stack.table.arm(first, last)
    try:
        if last == NEVER != first:
            with Outage(stack.table):
                path.run(stack, ws)
        else:
            path.run(stack, ws)
    except Refused as refusal:
        assert refusal.response.status in (500, 503), refusal
    except Ended as end:  # by a close that says why, or by the end of the stream
        told = [code for code in CODES if f"closed with {code}" in str(end)]
        assert told or "closed with" not in str(end), end
    except (ConnectionResetError, BrokenPipeError, Told):
        pass
    finally:
        counts = stack.table.disarm()
        if ws:
            ws.drop()
    return counts


def still_serving(stack):
    assert stack.nginx.worker_pids() == [stack.table.pid], "the worker process has ended"
    with RawWs.open(stack.nginx.http_port) as ws:
        hello(ws)
        ws.close()


def at_rest(stack):
    """Allocations that the worker process holds when no session is left."""
    wait_for(lambda: not stack.redis.command("PUBSUB", "SHARDCHANNELS", "*:oc:*"),
             "no session is followed any more")
    return stack.table.live


@pytest.mark.parametrize("burst", STEPS)
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.__name__)
def test_no_memory(stack, path, burst):
    path = path()
    totals = []
    for _ in range(3):  # what is kept for good is made
        totals.append(survive(stack, path, NEVER, NEVER)[0])
        still_serving(stack)
    total = min(totals)  # of the path alone: timers and links ask for memory now and then as well
    assert total > 0, "the path asks for memory"
    before = at_rest(stack)
    stride = max(1, -(-total // STEPS[burst]))
    tried = 0
    for first in range(0, total, stride):
        _, failed = survive(stack, path, first, first if burst == "once" else NEVER)
        stack.wait_linked()
        still_serving(stack)
        tried += failed > 0
    assert tried >= total // stride // 2, f"{tried} of {total // stride} have failed"
    grown = at_rest(stack) - before
    assert grown < LEAKED, f"{grown} allocations more than before, after {tried} failures"
