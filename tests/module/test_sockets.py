"""How the connection behaves under the frames: pieces, half-closed and reset sockets, clients that
read slowly or not at all."""

import socket
import ssl
import time

import pytest

from frame_cases import fragments
from harness.process import memory_kib, wait_for
from harness.raw_ws import (BINARY, CLOSE, Ended, RawWs, TEXT, close_payload, frame, new_key,
                            request_text, upgrade_headers)
from harness.tls import certificate


def serving(stack):
    with RawWs.open(stack.nginx.http_port) as ws:
        ws.text("still serving")
        assert ws.message().payload == b"still serving"
        ws.close()


def private_kib(stack):
    return sum(memory_kib(pid, "Private_Dirty") for pid in stack.nginx.worker_pids())


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_frames_cut_anywhere(port, tls, size):
    stream = (frame(TEXT, "α" * 50) + frame(TEXT, b"first", fin=False) + frame(9, b"ping")
              + frame(0, b"second") + frame(BINARY, bytes(range(256))))
    with RawWs.open(port, tls=tls) as ws:
        ws.send_pieces(stream, size)
        got = [ws.message().payload for _ in range(3)]
        assert got == ["α".encode() * 50, b"firstsecond", bytes(range(256))]
        ws.close()


def test_half_a_frame_and_the_end(stack):
    with RawWs.open(stack.nginx.http_port) as ws:
        ws.send(frame(TEXT, b"x" * 100)[:50])
        ws.half_close()
        ws.expect_end()
    serving(stack)


def test_a_message_right_before_the_half_close_reaches_the_worker(stack):
    """The client has said all it had to say; nothing promises the echo, but no error either."""
    with RawWs.open(stack.nginx.http_port) as ws:
        ws.send(frame(TEXT, b"last words"))
        ws.half_close()
        try:
            while True:
                assert ws.frame().payload in (b"last words",)
        except Ended:
            pass
    serving(stack)


def test_the_answer_to_a_close_reaches_a_half_closed_client(stack):
    with RawWs.open(stack.nginx.http_port) as ws:
        ws.send(frame(CLOSE, close_payload(1000)))
        ws.half_close()
        assert ws.frame().code == 1000
        ws.expect_end()


@pytest.mark.parametrize("moment", ["idle", "in a frame", "with an echo on its way", "closing"])
def test_a_reset_disturbs_nobody(port, tls, stack, moment):
    for _ in range(5):
        ws = RawWs.open(port, tls=tls)
        if moment == "in a frame":
            ws.send(frame(TEXT, b"x" * 1000)[:500])
        elif moment == "with an echo on its way":
            ws.send(frame(TEXT, b"x" * 1000) * 20)
        elif moment == "closing":
            ws.send(frame(CLOSE, close_payload(1000)))
        ws.reset()
    serving(stack)


def test_tls_cut_without_notice(stack):
    """The TCP connection ends under TLS without its close_notify."""
    ws = RawWs.open(stack.nginx.https_port, tls=True)
    ws.text("x")
    ws.message()
    descriptor = ws.socket.detach()
    socket.close(descriptor)
    serving(stack)


def test_tls_ends_in_order(stack):
    """Behind the Close frame the server's close_notify, then the end."""
    with RawWs.open(stack.nginx.https_port, tls=True) as ws:
        ws.send(frame(CLOSE, close_payload(1000)))
        assert ws.frame().code == 1000
        assert ws.socket.recv(1) == b"", "an orderly end, not an SSLEOFError"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_versions(stack, version):
    context = ssl.create_default_context(cafile=str(certificate() / "cert.pem"))
    context.minimum_version = context.maximum_version = version
    plain = socket.create_connection(("127.0.0.1", stack.nginx.https_port), timeout=10)
    with context.wrap_socket(plain, server_hostname="localhost") as secure:
        secure.sendall(request_text("/ws/echo", upgrade_headers(0, new_key()))
                       + frame(TEXT, b"early"))
        data = b""
        while not data.endswith(b"\x81\x05early"):
            piece = secure.recv(4096)
            assert piece, data
            data += piece


def test_a_slow_reader_gets_everything_in_order_and_costs_little(stack):
    """A client sends 24 MiB and reads nothing until all is sent; nginx holds a bounded part."""
    port = stack.nginx.http_port
    before = private_kib(stack)
    payload = bytes(range(256)) * 64  # 16 KiB
    count = 1536
    with RawWs.open(port, receive_buffer=8192, limit_s=60) as ws:
        sent = [number.to_bytes(4, "big") + payload for number in range(count)]
        stream = b"".join(frame(BINARY, one) for one in sent)
        ws.socket.setblocking(False)
        at, highest, stalled_since = 0, 0, time.monotonic()
        while at < len(stream) and time.monotonic() - stalled_since < 2.0:
            try:
                at += ws.socket.send(stream[at:at + 65536])
                stalled_since = time.monotonic()
            except BlockingIOError:
                highest = max(highest, private_kib(stack) - before)
        # Either all went in, or the socket pushed back. Now read, and send the rest meanwhile.
        received = 0
        deadline = time.monotonic() + 60
        while received < count:
            assert time.monotonic() < deadline, f"{received} of {count} messages"
            try:
                at += ws.socket.send(stream[at:at + 65536]) if at < len(stream) else 0
            except BlockingIOError:
                pass
            ws.socket.setblocking(True)
            got = ws.message()
            assert got.payload == sent[received], f"message {received} is not in its place"
            received += 1
            ws.socket.setblocking(False)
        ws.socket.setblocking(True)
        ws.close()
    assert highest < 8 * 1024, f"{highest} KiB"
    serving(stack)


def test_a_reader_that_stops_for_good_is_cut_off(stack):
    """/ws/impatient: nothing taken for 1 s while something waits."""
    with RawWs.open(stack.nginx.http_port, "/ws/impatient", receive_buffer=4096) as ws:
        ws.socket.setblocking(False)
        data = frame(BINARY, b"x" * 32768)
        began = time.monotonic()
        cut = False
        while not cut:
            assert time.monotonic() - began < 20, "it is kept for ever"
            try:
                ws.socket.send(data)
            except BlockingIOError:
                time.sleep(0.02)
            except OSError:
                cut = True
    serving(stack)


def test_memory_of_gone_connections_comes_back(stack):
    """Clients with a message in frames and an echo each; after warming up nothing grows. Ten at a
    time: what many at once free stays with the heap for a while, and would hide a leak."""
    def clients_come_and_go(count):
        for _ in range(count // 10):
            clients = [RawWs.open(stack.nginx.http_port) for _ in range(10)]
            for ws in clients:
                ws.send(fragments(BINARY, b"x" * 8192, 1000))
            for ws in clients:
                ws.message()
                ws.drop()
        wait_for(lambda: not stack.redis.command("PUBSUB", "SHARDCHANNELS", "*:oc:*"),
                 "no session is followed any more")
        return private_kib(stack)
    before = clients_come_and_go(500)
    after = clients_come_and_go(1500)
    assert after - before < 300, f"0.2 KiB per connection is lost: {before} KiB before, {after} after"
