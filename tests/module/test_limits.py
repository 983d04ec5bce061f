"""Limits on what a client may send: refused from the header, at once, without memory for it."""

import time

import pytest

from frame_cases import fragments
from harness.process import memory_kib
from harness.raw_ws import BINARY, CONTINUATION, PING, RawWs, TEXT, frame

AT_ONCE_S = 1.0

# Limits of /ws/small: frame 1k, message 4k, 8 fragments. Of /ws/echo: 64k, 1m, 1024.
ROWS = [
    ("frame at the limit", "/ws/small", frame(TEXT, b"x" * 1024), 1024),
    ("frame above it", "/ws/small", frame(TEXT, b"x" * 1025), 1009),
    ("frame above it, header only", "/ws/small", frame(BINARY, b"", declared=1025), 1009),
    ("frame far above it, header only", "/ws/small", frame(BINARY, b"", declared=1 << 40), 1009),
    ("continuation above it", "/ws/small",
     frame(TEXT, b"x", fin=False) + frame(CONTINUATION, b"", declared=1025), 1009),
    ("message at the limit", "/ws/small", fragments(TEXT, b"x" * 4096, 1024), 4096),
    ("message above it", "/ws/small", fragments(TEXT, b"x" * 4097, 1024), 1009),
    ("message above it, last header only", "/ws/small",
     fragments(TEXT, b"x" * 4096, 1024)[:-1028 - 4] + frame(CONTINUATION, b"x", fin=False)
     + frame(CONTINUATION, b"", declared=1024), 1009),
    ("fragments at the limit", "/ws/small", fragments(TEXT, b"x" * 8, 1), 8),
    ("fragments above it", "/ws/small", fragments(TEXT, b"x" * 9, 1), 1008),
    ("empty fragments above it", "/ws/small",
     frame(TEXT, fin=False) + frame(CONTINUATION, fin=False) * 8, 1008),
    ("pings count for nothing", "/ws/small",
     frame(TEXT, b"a", fin=False) + frame(PING) * 50 + frame(CONTINUATION, b"b"), 2),
    ("default frame at the limit", "/ws/echo", frame(BINARY, b"x" * 65536), 65536),
    ("default frame above it", "/ws/echo", frame(BINARY, b"x" * 65537), 1009),
    ("default message at the limit", "/ws/echo", fragments(BINARY, b"x" * 2**20, 65536), 2**20),
    ("default message above it", "/ws/echo", fragments(BINARY, b"x" * (2**20 + 1), 65536), 1009),
    ("default fragments at the limit", "/ws/echo", fragments(BINARY, b"x" * 1024, 1), 1024),
    ("default fragments above it", "/ws/echo", fragments(BINARY, b"x" * 1025, 1), 1008),
]


@pytest.mark.parametrize("path, sent, outcome", [row[1:] for row in ROWS],
                         ids=[row[0] for row in ROWS])
def test_limit(port, tls, path, sent, outcome):
    refused = outcome in (1008, 1009)
    with RawWs.open(port, path, tls=tls) as ws:
        began = time.monotonic()
        try:
            ws.send(sent)
        except OSError:
            assert refused, "the server may only end the connection when it refuses"
        if not refused:
            got = b""
            while len(got) < outcome:
                message = ws.message()
                got += message.payload
            assert len(got) == outcome
            ws.close()
            return
        assert ws.close_frame()[0].code == outcome
        assert time.monotonic() - began < AT_ONCE_S


def peak_kib(stack):
    return max(memory_kib(pid, "Private_Dirty") for pid in stack.nginx.worker_pids())


def test_declared_sizes_reserve_no_memory(stack):
    """A hundred clients that each announce the largest message and send nothing of it."""
    port = stack.nginx.http_port
    with RawWs.open(port, "/ws/large") as warm:
        warm.send_frame(BINARY, b"x" * 4096)
        warm.message()
    before = peak_kib(stack)
    clients = [RawWs.open(port, "/ws/large") for _ in range(100)]
    for ws in clients:
        ws.send(frame(BINARY, b"", declared=4 * 2**20))
    with RawWs.open(port, "/ws/large") as probe:
        probe.text("still serving")
        assert probe.message().payload == b"still serving"
    grown = peak_kib(stack) - before
    for ws in clients:
        ws.drop()
    assert grown < 4096, f"{grown} KiB for 400 MiB announced"


def test_unfinished_messages_take_what_was_sent_and_give_it_back(stack):
    """Twenty messages of 1 MiB without their last byte, then the clients go."""
    port = stack.nginx.http_port
    before = peak_kib(stack)
    clients = [RawWs.open(port) for _ in range(20)]
    body = fragments(BINARY, b"x" * 2**20, 65536)[:-1]
    for ws in clients:
        ws.send(body)
    with RawWs.open(port) as probe:
        probe.text("in order")
        assert probe.message().payload == b"in order"
    held = peak_kib(stack) - before
    for ws in clients:
        ws.drop()
    assert held < 20 * 1024 * 2.2, "never more than twice the bytes received"


def test_a_flood_of_pings_is_answered_or_paused_but_never_hoarded(stack):
    """20,000 pings from a client that does not read: every pong comes, memory stays bounded."""
    port = stack.nginx.http_port
    before = peak_kib(stack)
    count = 20_000
    with RawWs.open(port, receive_buffer=4096, limit_s=30) as ws:
        ws.socket.setblocking(False)
        data = frame(PING, b"p" * 125) * count
        sent = received = 0
        highest = before
        deadline = time.monotonic() + 30
        while received < count:
            assert time.monotonic() < deadline, f"{received} pongs of {count}"
            try:
                sent += ws.socket.send(data[sent:sent + 262144]) if sent < len(data) else 0
                progress = sent < len(data)
            except BlockingIOError:
                progress = False
            if not progress:
                highest = max(highest, peak_kib(stack))
                ws.socket.setblocking(True)
                for _ in range(500):
                    if received == count:
                        break
                    assert ws.frame().payload == b"p" * 125
                    received += 1
                ws.socket.setblocking(False)
        ws.socket.setblocking(True)
        assert highest - before < 4096, f"{highest - before} KiB"
        ws.close()


# --- large messages (Autobahn class 9) up to what production allows

LARGE = [(opcode, size, piece)
         for opcode in (TEXT, BINARY)
         for size, piece in ((64 * 1024, 64), (256 * 1024, 256), (256 * 1024, 65536),
                             (2**20, 1024), (2**20, 4096), (2**20, 65536))]


@pytest.mark.parametrize("opcode, size, piece", LARGE)
def test_a_large_message_in_frames(port, tls, opcode, size, piece):
    payload = bytes(32 + i % 90 for i in range(size))
    with RawWs.open(port, tls=tls) as ws:
        ws.send(fragments(opcode, payload, piece))
        got = ws.message()
        assert (got.opcode, got.payload == payload) == (opcode, True)
        ws.close()


@pytest.mark.parametrize("size", [2**20, 4 * 2**20])
def test_a_large_message_in_one_frame_where_it_is_allowed(port, tls, size):
    payload = bytes(i * 7 % 256 for i in range(size))
    with RawWs.open(port, "/ws/large", tls=tls, limit_s=20) as ws:
        ws.binary(payload)
        assert ws.message().payload == payload
        ws.close()


@pytest.mark.parametrize("chop", [64, 128, 1460])
def test_a_large_message_in_small_writes(port, tls, chop):
    payload = b"*" * 65536
    with RawWs.open(port, tls=tls) as ws:
        ws.send_pieces(frame(TEXT, payload), chop)
        assert ws.message().payload == payload
        ws.close()


@pytest.mark.parametrize("size", [0, 16, 64, 256, 1024, 4096])
def test_a_thousand_round_trips(port, tls, size):
    payload = b"*" * size
    with RawWs.open(port, tls=tls, limit_s=30) as ws:
        for _ in range(1000):
            ws.text(payload.decode())
            assert ws.message().payload == payload
        ws.close()


def test_a_thousand_messages_in_flight_keep_their_order(port, tls):
    with RawWs.open(port, tls=tls, limit_s=30) as ws:
        ws.send(b"".join(frame(TEXT, f"message {i}") for i in range(1000)))
        assert [ws.message().payload for _ in range(1000)] == \
            [f"message {i}".encode() for i in range(1000)]
        ws.close()
