"""Pings by the server, idle timeout, and what counts as a sign of life. /ws/lively: ping after 1 s,
idle after 3 s; /ws/unpinged: no pings, idle after 2 s."""

import time

import pytest

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
