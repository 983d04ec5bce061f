"""Counters of what becomes of messages, of ways back to a session, of output that is too much, and of
the zone: each is brought about, and moves by what happened, and nothing else does."""

import json
import struct

import pytest

from harness.lanes import events_bytes, followed_lane
from harness.metrics import Watched, closed, hits, scrape
from harness.process import wait_for
from harness.raw_ws import RawWs, TEXT
from test_resume_token import token as resume_token

ACCEPTED = "mr_ws_connections_accepted_total"
CREATED = "mr_ws_sessions_created_total"
STORED = "mr_ws_mail_stored_total"
MOST_MAIL = 512    # mailbox.h: kMaxMailEntries
MOST_JOBS = 10000  # mailbox.h: kMaxJobs
OUTPUT_HEADROOM = 8 << 20  # connection.h: kOutputHeadroomBytes
LOCATIONS = """
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;
    location = /ws/chat { mr_ws chat; }
    location = /ws/named { mr_ws chat; mr_ws_subject $arg_user; }
    location = /ws/tight { mr_ws chat; mr_ws_send_limit 4k; }
    location = /ws/address { mr_ws echo; mr_ws_max_connections_per_address 10; }
"""


def refused(reason, count=1):
    return {f'mr_ws_mail_refused_total{{reason="{reason}"}}': count}


def resumed(outcome, count=1):
    return {f'mr_ws_resumes_total{{outcome="{outcome}"}}': count}


@pytest.fixture
def own(make_stack):
    """Nobody but the test reads what clients send, and nobody else leads a session."""
    return make_stack(workers=0, locations=LOCATIONS)


class Client(RawWs):
    """Greeted, and its lane followed."""

    @classmethod
    def greeted(cls, stack, path="/ws/chat", *protocols, **form):
        ws = cls.open(stack.nginx.http_port, path, protocols=["mr.v2", *protocols], limit_s=20,
                      **form)
        ws.greeting = ws.event()
        assert ws.greeting["type"] == "connected"
        ws.session = ws.greeting["session_id"]
        ws.lane = followed_lane(stack.redis, ws.session)
        return ws

    def key(self, kind):
        """The name of a key of its session, or of its partition."""
        tag = self.lane.channel.split(":")[1]
        return f"mr:{tag}:{kind}" + ("" if kind in ("jobs", "w") else f":{self.session}")

    def ask(self, count=1):
        for _ in range(count):
            self.json({"type": "ask", "message": "Is anybody there?"})

    def errors(self, count):
        return [self.events_until("error", 20)[-1]["code"] for _ in range(count)]


def keep_a_worker(stack, ws):
    """A lease that does not end: mail is taken, and waits."""
    stack.redis.command("ZADD", ws.key("w"), 10**15, "somebody")


def fill(stack, key, count):
    script = "for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], '1-*', 'd', 'x') end"
    stack.redis.command("EVAL", script, "1", key, count)


def test_a_lane_that_is_full(own):
    with Client.greeted(own) as ws:
        keep_a_worker(own, ws)
        fill(own, ws.key("i"), MOST_MAIL)
        watched = Watched(own.nginx.http_port)
        ws.ask(3)
        assert ws.errors(3) == ["rate_limited"] * 3
        watched.wait_only(refused("lane_full", 3))


def test_more_sessions_wait_than_are_admitted(own):
    with Client.greeted(own) as ws:
        keep_a_worker(own, ws)
        fill(own, ws.key("jobs"), MOST_JOBS)
        watched = Watched(own.nginx.http_port)
        ws.ask(2)
        assert ws.errors(2) == ["busy"] * 2
        watched.wait_only(refused("busy", 2))
        own.redis.command("XTRIM", ws.key("jobs"), "MAXLEN", "=", MOST_JOBS - 1)
        ws.ask()
        watched.wait_only({**refused("busy", 2), STORED: 1})


def test_a_session_that_somebody_else_wrote_to_first(own):
    """Two in a session that nobody has written to, the second with a resume token that was forged."""
    with Client.greeted(own, "/ws/named?user=alice") as ws:
        keep_a_worker(own, ws)
        forged = f"mr.resume.{resume_token(ws.session, subject='mallory')}.0-0"
        with Client.greeted(own, "/ws/named?user=mallory", forged) as other:
            assert other.session == ws.session
            watched = Watched(own.nginx.http_port)
            ws.ask()
            watched.wait_only({STORED: 1})
            other.ask()
            assert other.close_frame()[0].code == 1008
            watched.wait_only({STORED: 1, **refused("not_owner"), **closed(1008)})


def test_mail_that_redis_refuses(own):
    with Client.greeted(own) as ws:
        keep_a_worker(own, ws)
        watched = Watched(own.nginx.http_port)
        own.redis.command("CONFIG", "SET", "maxmemory", "1")
        ws.ask(2)
        assert ws.errors(2) == ["relay_unavailable"] * 2
        watched.wait_only(refused("error", 2))
        own.redis.command("CONFIG", "SET", "maxmemory", "0")
        ws.ask()
        watched.wait_only({**refused("error", 2), STORED: 1})


def test_scripts_that_redis_has_forgotten(own):
    """The first message is refused, and the script loaded again for the next."""
    with Client.greeted(own) as ws:
        keep_a_worker(own, ws)
        watched = Watched(own.nginx.http_port)
        own.redis.command("SCRIPT", "FLUSH")
        ws.ask()
        assert ws.errors(1) == ["relay_unavailable"]
        watched.wait_only(refused("error"))
        ws.ask()
        watched.wait_only({**refused("error"), STORED: 1})


# --- the way back


def snapshot(since, last):
    """A value of the snapshot key (shared/envelope.h), of an answer that has ended."""
    event = json.dumps({"type": "text_snapshot", "id": f"{last[0]}-{last[1]}", "content": "all of it"})
    return struct.pack("<BBQQQQ", 1, 2, *since, *last) + event.encode()


WAYS = [("recovered", "1-1", False), ("snapshot", "1-1", True), ("lost", "1-1", True),
        ("lost", "9-9", False)]


@pytest.mark.parametrize("outcome, place, forgotten", WAYS,
                         ids=["the log has it", "a snapshot has", "nothing has", "from elsewhere"])
def test_the_way_back(own, outcome, place, forgotten):
    """`forgotten`: the log ends behind the place, and begins anew later."""
    with Client.greeted(own) as ws:
        token = ws.greeting["resume_token"]
        ws.lane.claim(1, (0, 0))
        ws.lane.event(1, 1)
        ws.lane.event(1, 2, terminal=True)
        assert [ws.event()["id"] for _ in range(2)] == ["1-1", "1-2"]
        ws.close()
    wait_for(lambda: scrape(own.nginx.http_port)["mr_ws_sessions"] == 0, "the session is left")
    if forgotten:
        ws.lane.set_back()
        own.redis.command("XADD", ws.lane.stream, "1-2", "d",
                          events_bytes(1, 2, [(4, 1, b'{"type":"place","id":"1-2"}')]))
        own.redis.command("XADD", ws.lane.stream, "2-1", "d",
                          events_bytes(2, 1, [(4, 2, b'{"type":"place","id":"2-1"}')]))
        own.redis.command("XDEL", ws.lane.stream, "1-2")
    if outcome == "snapshot":
        own.redis.command("SET", ws.key("snap"), snapshot((1, 2), (2, 1)))
    watched = Watched(own.nginx.http_port)
    with RawWs.open(own.nginx.http_port, "/ws/chat", protocols=["mr.v2", f"mr.resume.{token}.{place}"],
                    limit_s=20) as back:
        assert back.event()["recovered"] is (outcome == "recovered")
        watched.wait_only({ACCEPTED: 1, **resumed(outcome)})


def test_the_way_back_while_redis_is_away(own):
    port = own.nginx.http_port
    with Client.greeted(own) as ws:
        token = ws.greeting["resume_token"]
        ws.close()
    own.redis.stop()
    wait_for(lambda: scrape(port)['mr_ws_redis_links_up{link="commands"}'] == 0, "it is missed")
    watched = Watched(port)
    with RawWs.open(port, "/ws/chat", protocols=["mr.v2", f"mr.resume.{token}.1-1"],
                    limit_s=20) as back:
        assert back.event()["recovered"] is False
        watched.wait_only({ACCEPTED: 1, **resumed("lost")})
        back.close()
    own.redis.start()


# --- output


def test_a_batch_that_is_more_than_a_connection_may_queue(own):
    """What is published at once is queued at once: beyond the headroom the connection is closed, behind
    what it has."""
    piece = b'{"type":"piece","text":"%s"}' % (b"x" * (1 << 20))
    count = OUTPUT_HEADROOM // len(piece) + 3
    with Client.greeted(own, "/ws/tight") as ws:
        watched = Watched(own.nginx.http_port)
        ws.lane.claim(1, (0, 0))
        batch = events_bytes(1, 1, [(0, 1, piece)] * count)
        own.redis.command("SPUBLISH", ws.lane.channel, batch)
        close, pieces = ws.close_frame(30)
        assert close.code == 1013 and close.payload[2:] == b"client reads too slowly"
        assert OUTPUT_HEADROOM < sum(len(one.payload) for one in pieces) < len(piece) * count
        assert all((one.opcode, one.payload) == (TEXT, piece) for one in pieces)
        ws.drop()
    watched.wait_only({**hits("output"), **closed(1013)})
    watched.wait({"mr_ws_queued_bytes": 0, "mr_ws_connections": -1})


# --- the zone


def test_the_zone_is_as_large_as_it_is_said_to_be_and_gives_back_what_it_took(make_stack):
    stack = make_stack(apps="echo", locations=LOCATIONS, http="mr_ws_zone_size 512k;")
    port = stack.nginx.http_port
    empty = scrape(port)
    assert empty["mr_ws_zone_bytes"] == 512 * 1024
    assert 0 < empty["mr_ws_zone_free_bytes"] < empty["mr_ws_zone_bytes"]
    assert empty["mr_ws_zone_names"] == 0
    watched = Watched(port)
    clients = [RawWs.open(port, "/ws/address", headers=[("X-Real-IP", f"192.0.2.{number}")])
               for number in range(200)]
    watched.wait_only({ACCEPTED: 200, CREATED: 200})
    watched.wait({"mr_ws_zone_names": 200, "mr_ws_zone_bytes": 0})
    used = empty["mr_ws_zone_free_bytes"] - scrape(port)["mr_ws_zone_free_bytes"]
    assert 200 * 64 <= used <= 200 * 256, "a name takes some 200 bytes"
    for ws in clients:
        ws.drop()
    watched.wait({"mr_ws_zone_names": 0, "mr_ws_zone_free_bytes": 0})
