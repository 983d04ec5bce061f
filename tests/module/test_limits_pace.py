"""How fast and how slowly a client may send: it is held back, and closed only when that does not
help; one whose bytes trickle in is closed. A second client notices nothing of either."""

import select
import threading
import time

import pytest

from harness.metrics import scrape, Watched
from harness.process import wait_for
from harness.raw_ws import BINARY, CLOSE, CONTINUATION, PING, PONG, RawWs, TEXT, frame
from harness.stack import shared_stack

LOCATIONS = """
    location = /ws/echo { mr_ws echo; }
    location = /ws/frames { mr_ws echo; mr_ws_frame_rate 100; }
    location = /ws/bytes { mr_ws echo; mr_ws_byte_rate 64k; mr_ws_max_frame 1m; }
    location = /ws/short-grace {
        mr_ws echo;
        mr_ws_frame_rate 100;
        mr_ws_rate_grace 1s;
        mr_ws_send_limit 8m;
    }
    location = /ws/slow { mr_ws echo; mr_ws_message_timeout 1s; }
    location = /ws/slow-and-paced {
        mr_ws echo;
        mr_ws_message_timeout 1s;
        mr_ws_byte_rate 64k;
        mr_ws_max_frame 1m;
    }
    location = /ws/pings {
        mr_ws echo;
        mr_ws_ping_interval 1s;
        mr_ws_idle_timeout 30s;
        mr_ws_max_unanswered_pings 2;
    }
"""


@pytest.fixture(scope="module")
def own(data_dir):
    yield from shared_stack(data_dir, apps="echo", locations=LOCATIONS)


@pytest.fixture
def port(own):
    return own.nginx.http_port


@pytest.fixture
def watched(port):
    wait_for(lambda: scrape(port)["mr_ws_connections"] == 0, "connections of before are gone")
    return Watched(port)


def hits(limit):
    return f'mr_ws_limit_hits_total{{limit="{limit}"}}'


class Bystander:
    """Another client, that asks and is answered all the while."""

    def __init__(self, port):
        self.ws = RawWs.open(port)
        self.trips = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over.is_set():
            self.ws.text(f"{self.trips}")
            assert self.ws.message().payload == f"{self.trips}".encode()
            self.trips += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.over.set()
        self.thread.join()
        if kind is None:
            assert self.trips > 0
            self.ws.close()
        self.ws.drop()


def test_too_many_frames_are_held_back_and_all_answered(port, watched):
    """300 frames at 100 per second: the first 100 at once, the others take two seconds."""
    with Bystander(port), RawWs.open(port, "/ws/frames") as ws:
        began = time.monotonic()
        ws.send(frame(PING, b"p") * 300)
        for _ in range(300):
            assert ws.frame().opcode == PONG
        assert time.monotonic() - began >= 1.9
        ws.close()
    assert watched.moved()[hits("frame_rate")] > 0
    assert hits("rate_grace") not in watched.moved()
    watched.wait({'mr_ws_connections_paused{by="rate"}': 0})


def test_too_many_bytes_are_held_back_and_all_come_back(port, watched):
    payload = bytes(i % 251 for i in range(192 * 1024))
    with Bystander(port), RawWs.open(port, "/ws/bytes", limit_s=20) as ws:
        began = time.monotonic()
        ws.binary(payload)
        assert ws.message().payload == payload
        assert time.monotonic() - began >= 1.0
        ws.close()
    assert watched.moved()[hits("byte_rate")] > 0


def test_whoever_is_held_back_counts_as_paused(port, watched):
    with RawWs.open(port, "/ws/bytes", limit_s=20) as ws:
        ws.send(frame(BINARY, b"x" * 262144)[:200_000])
        paused = 'mr_ws_connections_paused{by="rate"}'
        wait_for(lambda: watched.moved().get(paused) == 1, "it is held back")
        ws.reset()
    watched.wait({paused: 0, "mr_ws_connections": 0})


def test_within_the_rate_nobody_is_held_back(port, watched):
    with RawWs.open(port, "/ws/frames") as ws:
        ws.send(frame(PING, b"p") * 99)
        for _ in range(99):
            assert ws.frame().opcode == PONG
        ws.close()
    assert hits("frame_rate") not in watched.moved()


def test_a_flood_that_does_not_end_is_closed(port, watched):
    """Held back for more than mr_ws_rate_grace without a break."""
    with Bystander(port), RawWs.open(port, "/ws/short-grace", limit_s=15) as ws:
        ws.socket.setblocking(False)
        flood = frame(PING, b"p") * 1000
        deadline = time.monotonic() + 15
        code = None
        while code is None:
            assert time.monotonic() < deadline
            try:
                ws.socket.send(flood)
            except BlockingIOError:
                select.select([ws.socket], [ws.socket], [], 1)
            except OSError:
                break
            code = next((got.code for got in take(ws) if got.opcode == CLOSE), None)
        assert code == 1008
    watched.wait({hits("rate_grace"): 1, 'mr_ws_connections_closed_total{code="1008"}': 1})


def take(ws):
    """The frames that are there; of a non-blocking socket."""
    frames = []
    try:
        ws.received += ws.socket.recv(1 << 20)
    except BlockingIOError:
        pass
    while len(ws.received) >= 2 and len(ws.received) >= 2 + (ws.received[1] & 0x7F):
        ws.socket.setblocking(True)
        frames.append(ws.frame())
        ws.socket.setblocking(False)
    return frames


def heard(ws, seconds):
    """The frames that come within this time, all of which passes."""
    frames, end = [], time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        try:
            frames.append(ws.frame(left))
        except TimeoutError:
            break
    return frames


def test_now_and_then_too_fast_is_never_closed(port, watched):
    with RawWs.open(port, "/ws/short-grace") as ws:
        for _ in range(3):
            ws.send(frame(PING, b"p") * 130)
            for _ in range(130):
                assert ws.frame().opcode == PONG
            began = time.monotonic()
            while time.monotonic() - began < 1.2:  # a break, in which it stays within the rate
                ws.send_frame(PING, b"q")
                assert ws.frame().opcode == PONG
                assert not heard(ws, 0.05)
        ws.close()
    assert watched.moved()[hits("frame_rate")] >= 2
    assert hits("rate_grace") not in watched.moved()


# --- bytes that trickle in

TRICKLES = [
    ("a header", frame(TEXT, b"x" * 200), 1),
    ("a frame", frame(TEXT, b"x" * 120), 1),
    ("a long frame", frame(BINARY, b"x" * 60000), 1),
    ("a ping", frame(PING, b"p" * 100), 1),
    ("fragments", frame(TEXT, b"x", fin=False) + frame(CONTINUATION, b"y", fin=False) * 40, 7),
    ("fragments with pings between", frame(TEXT, b"x", fin=False) + frame(PING) * 40, 6),
]


@pytest.mark.parametrize("sent, step", [row[1:] for row in TRICKLES],
                         ids=[row[0] for row in TRICKLES])
def test_what_trickles_in_is_closed(port, watched, sent, step):
    with Bystander(port), RawWs.open(port, "/ws/slow") as ws:
        began = time.monotonic()
        at = 0
        closed = None
        while closed is None:
            assert time.monotonic() - began < 6
            ws.send(sent[at:at + step] if at < len(sent) else b"")
            at += step
            try:
                got = ws.frame(0.1)
                closed = got.code if got.opcode == CLOSE else None
            except TimeoutError:
                pass
        assert closed == 1008
        assert time.monotonic() - began > 0.9  # nginx's clock may be some ms behind
    watched.wait({hits("message_timeout"): 1})


def test_whole_messages_may_come_as_slowly_as_they_like(port, watched):
    """Each within its time, one directly behind the other."""
    with RawWs.open(port, "/ws/slow") as ws:
        data = frame(TEXT, b"x" * 10) * 12  # 16 bytes each
        began, echoes = time.monotonic(), []
        for at in range(0, len(data), 6):
            ws.send(data[at:at + 6])
            echoes += heard(ws, 0.1)
        assert time.monotonic() - began > 2.5
        while len(echoes) < 12:
            echoes.append(ws.frame())
        assert [echo.payload for echo in echoes] == [b"x" * 10] * 12
        ws.close()
    assert hits("message_timeout") not in watched.moved()


def test_what_has_just_begun_is_not_slow(port, watched):
    """Whenever its connection is looked at: also within the millisecond of its first bytes. Here
    something begins in every few of them, on each of many connections."""
    data = frame(PING, b"x" * 10)
    clients = [RawWs.open(port, "/ws/slow") for _ in range(100)]
    for ws in clients:
        ws.send(data[:9])
    for _ in range(600):
        for ws in clients:
            ws.send(data[9:] + data[:9])
        for ws in clients:
            got = ws.frame()
            assert (got.opcode, got.payload) == (PONG, b"x" * 10)
    for ws in clients:
        ws.drop()
    assert hits("message_timeout") not in watched.moved()


def test_a_message_that_we_hold_back_has_its_time(port, watched):
    """256 KiB at 64 KiB per second, at a timeout of one second."""
    payload = b"x" * 262144
    with RawWs.open(port, "/ws/slow-and-paced", limit_s=20) as ws:
        ws.binary(payload)
        assert ws.message().payload == payload
        ws.close()
    assert hits("message_timeout") not in watched.moved()


# --- pings


def test_pings_that_are_not_answered(port, watched):
    with RawWs.open(port, "/ws/pings") as ws:
        pings = 0
        while (got := ws.frame(8)).opcode == PING:
            pings += 1
        assert (got.opcode, got.code, pings) == (CLOSE, 1008, 2)
    watched.wait({hits("unanswered_pings"): 1})


def test_pings_that_are_answered(port, watched):
    with RawWs.open(port, "/ws/pings") as ws:
        for _ in range(4):
            assert ws.frame(8).opcode == PING
            ws.send_frame(PONG)
        ws.close()
    assert hits("unanswered_pings") not in watched.moved()
