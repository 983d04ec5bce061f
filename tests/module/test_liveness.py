"""Pings by the server, idle timeout, and what counts as a sign of life. /ws/lively: ping after 1 s,
idle after 3 s; /ws/unpinged: no pings, idle after 2 s."""

import signal
import time

import pytest

from harness.metrics import scrape
from harness.process import wait_for
from harness.raw_ws import CLOSE, Ended, PING, PONG, RawWs, TEXT, frame

SLACK_S = 2.5  # a connection is looked at once a second, and this machine is busy


def test_a_silent_client_is_pinged_and_kept_while_it_answers(port, tls):
    with RawWs.open(port, "/ws/lively", tls=tls) as ws:
        began = time.monotonic()
        for _ in range(4):
            got = ws.frame(1 + SLACK_S)
            assert (got.opcode, got.payload) == (PING, b"")
            ws.send_frame(PONG, got.payload)
        assert time.monotonic() - began > 3.0, "past the idle timeout"
        ws.text("alive")
        while ws.message().payload != b"alive":
            pass
        ws.close()


def test_a_client_that_does_not_answer_is_closed_with_1001(port, tls):
    with RawWs.open(port, "/ws/lively", tls=tls) as ws:
        began = time.monotonic()
        frames = []
        while not frames or frames[-1].opcode != CLOSE:
            frames.append(ws.frame(3 + SLACK_S))
        assert frames[-1].code == 1001
        assert [one.opcode for one in frames[:-1]].count(PING) >= 1
        assert time.monotonic() - began >= 2.9


@pytest.mark.parametrize("sign", ["pong", "ping", "text", "half a frame"])
def test_anything_received_is_a_sign_of_life(stack, sign):
    """For longer than the idle timeout, one byte or frame at a time."""
    slow = frame(TEXT, b"x" * 100)
    with RawWs.open(stack.nginx.http_port, "/ws/unpinged") as ws:
        began = time.monotonic()
        at = 0
        while time.monotonic() - began < 3.5:
            if sign == "half a frame":
                ws.send(slow[at:at + 1])
                at += 1
            else:
                ws.send_frame({"pong": PONG, "ping": PING, "text": TEXT}[sign], b"")
            try:
                assert ws.frame(0.5).opcode != CLOSE
            except TimeoutError:
                pass
        ws.send(slow[at:] if sign == "half a frame" else frame(TEXT, b"end"))
        wanted = b"x" * 100 if sign == "half a frame" else b"end"
        while ws.message().payload != wanted:
            pass
        ws.close()


def test_without_pings_a_silent_client_is_closed_all_the_same(port, tls):
    with RawWs.open(port, "/ws/unpinged", tls=tls) as ws:
        assert ws.frame(2 + SLACK_S).code == 1001
        ws.expect_end()


def test_a_client_that_never_ends_its_side_is_cut_off(stack):
    """The server has closed; the client neither answers nor goes."""
    with RawWs.open(stack.nginx.http_port, "/ws/unpinged") as ws:
        ws.send(frame(3))
        assert ws.frame().code == 1002
        with pytest.raises(Ended):
            ws.frame()
        began = time.monotonic()
        cut = False
        while not cut:
            assert time.monotonic() - began < 5 + SLACK_S, "it lingers for ever"
            try:  # what comes late is read and dropped until the server has had enough
                ws.send(b"x")
                time.sleep(0.1)
            except OSError:
                cut = True


IMPATIENT = """
    location = /ws/echo { mr_ws echo; mr_ws_ping_interval 1s; mr_ws_idle_timeout 2s; }
"""


def test_silence_is_not_the_clients_while_it_is_not_read_from(make_stack):
    """Redis stands still, so the client's messages wait and its pongs with them, for longer than the
    idle timeout."""
    stack = make_stack(apps="echo", locations=IMPATIENT)
    port = stack.nginx.http_port
    paused = 'mr_ws_connections_paused{by="relay"}'
    with RawWs.open(port, limit_s=20) as ws:
        ws.text("first")
        assert ws.message().payload == b"first"
        stack.redis.process.send(signal.SIGSTOP)
        try:
            ws.send(frame(TEXT, b"x") * 100)
            wait_for(lambda: scrape(port)[paused] == 1, "the relay has enough")
            for _ in range(3):  # the third one is due when the idle timeout is over
                got = ws.frame()
                assert got.opcode == PING, f"closed with {got.code} {got.payload[2:]!r}"
                ws.send_frame(PONG, got.payload)
        finally:
            stack.redis.process.send(signal.SIGCONT)
        wait_for(lambda: scrape(port)[paused] == 0, "it is read from again")
        wait_for(lambda: comes_back(ws, b"still here"), "echoes come back", 20)
        ws.close()


def comes_back(ws, payload):
    """Whether it is echoed. What had to wait for too long before it was refused."""
    ws.send_frame(TEXT, payload)
    try:
        while ws.message(2).payload != payload:
            pass
    except TimeoutError:
        return False
    return True
