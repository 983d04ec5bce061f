"""Spoken audio: published, never logged. It stands in order among the logged events, comes to those
who have everything before it, to nobody later, and does not pile up in front of a slow reader."""

import time

import pytest

from harness.lanes import followed_lane
from harness.metrics import scrape
from harness.process import wait_for
from harness.raw_ws import BINARY, TEXT, RawWs
from harness.stack import shared_stack

LOCATIONS = "location = /ws/chat { mr_ws chat; } location = /ws/narrow { mr_ws chat; mr_ws_send_limit 64k; }"
EPOCH = 1000
DROPPED = 'mr_ws_limit_hits_total{limit="live"}'


@pytest.fixture(scope="module")
def stack(data_dir):
    yield from shared_stack(data_dir, apps="echo", locations=LOCATIONS)


def opened(stack, path="/ws/chat", protocols=("mr.v2",), **form):
    ws = RawWs.open(stack.nginx.http_port, path, protocols=list(protocols), **form)
    connected = ws.event()
    lane = followed_lane(stack.redis, connected["session_id"])
    return ws, lane, connected


def heard(ws):
    """The next message: the id of an event, or audio."""
    got = ws.message()
    return got.payload if got.opcode == BINARY else got.json["id"]


def test_order_among_logged_events(stack):
    ws, lane, _ = opened(stack)
    lane.claim(EPOCH, (0, 0))
    lane.live(EPOCH, 1, b"before the first")
    lane.event(EPOCH, 1)
    lane.live(EPOCH, 2, b"one")
    lane.live(EPOCH, 2, b"two")
    lane.event(EPOCH, 2, terminal=True)
    lane.live(EPOCH, 3, b"behind the end")
    lane.event(EPOCH, 3, turn=2)
    assert [heard(ws) for _ in range(7)] == [b"before the first", "1000-1", b"one", b"two", "1000-2",
                                             b"behind the end", "1000-3"]
    ws.close()


def test_audio_shows_what_is_missing_and_never_overtakes_it(stack):
    ws, lane, _ = opened(stack)
    lane.claim(EPOCH, (0, 0))
    lane.event(EPOCH, 1, publish=False)
    lane.live(EPOCH, 2, b"not heard")  # its place is not reached yet
    assert heard(ws) == "1000-1", "the log was read because of it"
    lane.live(EPOCH, 2, b"heard")
    lane.live(EPOCH, 1, b"too late")
    lane.live(EPOCH - 1, 1, b"of a ghost")
    lane.event(EPOCH, 2)
    assert [heard(ws) for _ in range(2)] == [b"heard", "1000-2"]
    ws.close()


def test_a_resume_has_none(stack):
    ws, lane, connected = opened(stack)
    lane.claim(EPOCH, (0, 0))
    lane.event(EPOCH, 1)
    lane.live(EPOCH, 2, b"once")
    lane.event(EPOCH, 2)
    assert [heard(ws) for _ in range(3)] == ["1000-1", b"once", "1000-2"]
    ws.drop()
    resume = f"mr.resume.{connected['resume_token']}.1000-1"
    again, lane, greeting = opened(stack, protocols=("mr.v2", resume))
    assert greeting["recovered"]
    assert heard(again) == "1000-2"
    lane.live(EPOCH, 3, b"from now on")
    lane.event(EPOCH, 3, terminal=True)
    assert [heard(again) for _ in range(2)] == [b"from now on", "1000-3"]
    again.close()


def test_a_client_of_v1_has_none(stack):
    ws, lane, _ = opened(stack, protocols=())
    lane.claim(EPOCH, (0, 0))
    lane.live(EPOCH, 1, b"not for it")
    lane.event(EPOCH, 1, terminal=True)
    got = ws.message()
    assert got.opcode == TEXT and got.json["id"] == "1000-1"
    ws.close()


def test_a_takeover_goes_on_in_order(stack):
    ws, lane, _ = opened(stack)
    lane.claim(EPOCH, (0, 0))
    lane.event(EPOCH, 1)
    lane.claim(EPOCH + 1, (EPOCH, 1))
    lane.live(EPOCH, 2, b"of the first owner")
    lane.live(EPOCH + 1, 1, b"of the second")
    lane.event(EPOCH + 1, 1, terminal=True)
    assert [heard(ws) for _ in range(3)] == ["1000-1", b"of the second", "1001-1"]
    ws.close()


def test_a_slow_reader_loses_audio_and_no_event(stack):
    ws, lane, _ = opened(stack, "/ws/narrow", receive_buffer=4096)
    lane.claim(EPOCH, (0, 0))
    piece = bytes(16_000)
    before = scrape(stack.nginx.http_port)[DROPPED]
    deadline = time.monotonic() + 20
    while scrape(stack.nginx.http_port)[DROPPED] == before:
        assert time.monotonic() < deadline, "nothing was dropped"
        lane.live(EPOCH, 1, piece)
    queued = scrape(stack.nginx.http_port)["mr_ws_queued_bytes"]
    assert queued <= 64 * 1024 + len(piece) + 16
    lane.event(EPOCH, 1, terminal=True)
    got = b""
    while isinstance(got, bytes):
        got = heard(ws)
    assert got == "1000-1"
    wait_for(lambda: scrape(stack.nginx.http_port)["mr_ws_queued_bytes"] == 0, "all is read", 10)
    lane.live(EPOCH, 2, b"heard again")
    assert heard(ws) == b"heard again"
    ws.close()
