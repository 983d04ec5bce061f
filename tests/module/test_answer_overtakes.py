"""An answer may overtake the confirmation that its question is stored: they come over two links. The
question is answered then, and nobody is told later that it was lost; one that is lost is told."""

import json
import time

import pytest

from harness.http_chat import Events, question
from harness.lanes import followed_lane
from harness.metrics import scrape
from harness.process import wait_for
from harness.raw_ws import RawWs

LOCATIONS = "location = /ws/chat { mr_ws chat; } location = /v1/chat { mr_ws_http chat; }"
ASKED_AGAIN_S = 15  # nginx asks Redis after 5 s of silence
QUIET_S = 0.7


@pytest.fixture
def stack(make_stack):
    return make_stack(apps="echo", locations=LOCATIONS)


class Owner:
    """A session whose worker is played by the test."""

    def __init__(self, stack, v2):
        self.redis = stack.redis
        self.ws = RawWs.open(stack.nginx.http_port, "/ws/chat", protocols=["mr.v2"] if v2 else [])
        self.session = self.ws.event()["session_id"]
        self.lane = followed_lane(self.redis, self.session)
        self.mail = self.lane.meta.replace(":s:", ":i:")
        leases = self.lane.meta.rsplit(":s:", 1)[0] + ":w"
        self.redis.command("ZADD", leases, int(time.time() * 1000) + 600_000, "played")
        self.redis.command("HSET", self.lane.meta, "own", "played")

    def ask(self):
        self.ws.json({"message": "anything"})
        wait_for(lambda: self.redis.command("XLEN", self.mail) == 1, "the question is stored")

    def event(self, seq, terminal=False):
        self.lane.event(1000, seq, terminal=terminal)
        assert self.ws.event()["id"] == f"1000-{seq}"

    def done(self):
        self.redis.command("DEL", self.mail)
        self.redis.command("HDEL", self.lane.meta, "own")


@pytest.fixture(params=["v1", "v2"])
def owner(stack, proxy, request):
    made = Owner(stack, request.param == "v2")
    yield made
    made.ws.drop()


@pytest.mark.parametrize("confirmed", ["in the middle", "after the end"])
def test_an_answered_question_is_not_lost(stack, proxy, owner, confirmed):
    proxy.set_mode("stall", direction="down", only=b"commands")
    owner.ask()
    owner.lane.claim(1000, (0, 0))
    owner.event(1)
    if confirmed == "in the middle":
        proxy.set_mode("pass")
        stack.wait_linked()
    owner.event(2, terminal=True)
    proxy.set_mode("pass")
    owner.done()
    with stack.redis.monitor() as monitor:
        monitor.wait_for(lambda line: "evalsha" in line.lower() and owner.session in line)
        monitor.wait_for(lambda line: "XRANGE" in line and owner.session in line)
    with pytest.raises(TimeoutError):
        raise AssertionError(f"came uncalled for: {owner.ws.event(QUIET_S)}")
    assert "lost a question" not in stack.nginx.log.text()


def test_a_lost_question_is_told(stack, owner):
    owner.ask()
    stack.redis.command("FLUSHALL")
    told = [owner.ws.event(ASKED_AGAIN_S)]
    while told[-1]["type"] != "response_complete":
        told.append(owner.ws.event())
    assert "relay_unavailable" in json.dumps(told)
    assert "lost a question" in stack.nginx.log.text()


def test_a_stream_ends_with_its_answer(stack, proxy):
    """Confirmed in the middle of it; and nobody has to ask Redis whether that was all."""
    proxy.set_mode("stall", direction="down", only=b"commands")
    port = stack.nginx.http_port
    with Events(port, question("anything")) as stream:
        mail = wait_for(lambda: stack.redis.command("KEYS", "mr:*:i:*"), "the question is stored")
        lane = followed_lane(stack.redis, mail[0].rsplit(":", 1)[1])
        lane.claim(1000, (0, 0))
        lane.event(1000, 1)
        wait_for(lambda: scrape(port)["mr_ws_turns_begun_total"] == 1, "its first event is here")
        proxy.set_mode("pass")
        stream.until("place")
        proxy.set_mode("stall", direction="down", only=b"commands")
        lane.event(1000, 2, terminal=True)
        assert [event["id"] for event in stream.all(ASKED_AGAIN_S)] == ["1000-2"]
