"""Redis absent, killed, frozen, cut, refusing: the client gets a named error, the connection stays,
nginx never blocks, and everything works again by itself."""

import time

import pytest

from harness.raw_ws import RawWs, request_text

RECOVERY_S = 20
ERROR_S = 8  # holding a command for 2 s, finding a link stalled in 2-3 s, and a busy machine
UNAVAILABLE = "The service is temporarily unavailable, please try again in a moment"
LOCATIONS = """
    location = /ws/chat { mr_ws chat; }
    location = /ws/strict { mr_ws chat; mr_ws_compat strict; }
    location = /ws/echo { mr_ws echo; }
    location = /static { return 200 "static"; }
"""


@pytest.fixture
def stack(make_stack):
    return make_stack(apps="echo", locations=LOCATIONS)


def recovers(ws):
    """The very connection that got the error works again."""
    deadline = time.monotonic() + RECOVERY_S
    number = 0
    while True:
        assert time.monotonic() < deadline, "the session does not recover"
        probe = f"probe {number}"
        number += 1
        ws.text(probe)
        try:
            while True:
                payload = ws.message(3).payload
                if payload == probe.encode():
                    return
                if b'"error"' in payload:
                    time.sleep(0.1)
                    break  # told that it is not back yet
        except TimeoutError:
            pass


def assert_unavailable(ws):
    """v2 and lenient v1: an error, and the turn's proper end."""
    events = ws.events_until("response_complete", ERROR_S)
    events = [event for event in events if event["type"] != "queued"]
    assert [event["type"] for event in events] == ["error", "text_chunk", "response_complete"]
    error, chunk, end = events
    assert error["message"] == UNAVAILABLE and error["code"] == "relay_unavailable"
    assert error["fatal"] is False and error["retry_after_ms"] > 0
    assert chunk["content"] == "I encountered an issue: " + UNAVAILABLE
    assert end["status"] == "error" and end["sources"] == []


def static_is_served(stack):
    with RawWs(stack.nginx.http_port, limit_s=2) as ws:
        ws.send(request_text("/static", [("Host", "localhost"), ("Connection", "close")]))
        assert ws.read_response().body == b"static"


class Session:
    """An echo session to see the recovery on, and questions in each dialect to see the error."""

    def __init__(self, stack):
        port = stack.nginx.http_port
        self.echo = RawWs.open(port)
        self.v1 = RawWs.open(port, "/ws/chat")
        self.v2 = RawWs.open(stack.nginx.https_port, "/ws/chat", tls=True, protocols=["mr.v2"])
        self.strict = RawWs.open(port, "/ws/strict")
        self.all = [self.echo, self.v1, self.v2, self.strict]
        for ws in self.all[1:]:
            assert ws.event()["type"] == "connected"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for ws in self.all:
            ws.drop()

    def all_told(self, stack):
        for ws in self.all[1:]:
            ws.json({"message": "Is anybody there?"})
        static_is_served(stack)
        assert_unavailable(self.v1)
        assert_unavailable(self.v2)
        assert self.strict.message(ERROR_S).payload == \
            f'{{"type":"error","message":"{UNAVAILABLE}"}}'.encode()
        static_is_served(stack)

    def all_recover(self):
        recovers(self.echo)
        for ws in self.all[1:]:
            ws.close()
        self.echo.close()


def echo_works(session):
    session.echo.text("before")
    assert session.echo.message().payload == b"before"


def test_down_when_nginx_starts(data_dir, make_stack):
    stack = make_stack(apps="echo", locations=LOCATIONS)
    for part in (stack.nginx, *stack.workers, stack.redis):
        part.stop()
    stack.nginx.start()
    with Session(stack) as session:
        session.all_told(stack)
        stack.redis.start()
        for worker in stack.workers:
            worker.start()
        session.all_recover()


def test_killed_and_started_again(stack):
    with Session(stack) as session:
        echo_works(session)
        stack.redis.kill()
        session.all_told(stack)
        stack.redis.start()
        session.all_recover()


def test_restarted_between_two_questions(stack):
    with Session(stack) as session:
        echo_works(session)
        stack.redis.restart()
        session.all_recover()


def test_frozen_while_asking(stack):
    with Session(stack) as session:
        echo_works(session)
        stack.redis.freeze()
        session.all_told(stack)
        stack.redis.thaw()
        session.all_recover()


def test_frozen_for_a_moment_is_not_noticed(stack):
    with Session(stack) as session:
        echo_works(session)
        stack.redis.freeze()
        session.echo.text("held")
        static_is_served(stack)
        stack.redis.thaw()
        assert session.echo.message().payload == b"held"


@pytest.mark.parametrize("kind", ["commands", "subscriptions"])
def test_a_link_is_cut(stack, kind):
    with Session(stack) as session:
        echo_works(session)
        links = [client for client in stack.redis.clients("nginx") if client in
                 stack.redis.clients(kind)]
        assert len(links) == 1
        for link in links:
            stack.redis.command("CLIENT", "KILL", "ID", link)
        session.echo.text("over the new link")
        assert session.echo.message(RECOVERY_S).payload == b"over the new link"
        stack.wait_linked()


def test_every_connection_is_cut_again_and_again(stack):
    """Echoes while all links of nginx and worker are cut five times: each message comes back once,
    in order, or the client was told that it did not go through."""
    with RawWs.open(stack.nginx.http_port, limit_s=RECOVERY_S) as ws:
        for round_number in range(5):
            stack.redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            stack.redis.command("CLIENT", "KILL", "TYPE", "pubsub")
            sent = [f"{round_number}-{i}".encode() for i in range(20)]
            for payload in sent:
                ws.text(payload.decode())
            back, errors = [], 0
            while len(back) + errors < len(sent):
                payload = ws.message().payload
                if b'"error"' in payload:
                    errors += 1
                else:
                    back.append(payload)
            assert back == [payload for payload in sent if payload in back], "order, none twice"
            stack.wait_linked()
            recovers(ws)
        ws.close()


REFUSALS = {
    "out of memory": (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
    "read-only": (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
}


@pytest.mark.parametrize("how", REFUSALS)
def test_writes_refused(stack, how):
    refuse, allow = REFUSALS[how]
    with Session(stack) as session:
        echo_works(session)
        stack.redis.command(*refuse)
        session.all_told(stack)
        stack.redis.command(*allow)
        session.all_recover()


def test_wrong_password(make_stack):
    stack = make_stack(apps="echo", locations=LOCATIONS)
    stack.redis.command("CONFIG", "SET", "requirepass", "the right one")
    stack.redis.password = "the right one"
    stack.nginx.redis_url = stack.redis.url + "?password=a%20wrong%20one"
    stack.nginx.stop()
    stack.nginx.start()
    with Session(stack) as session:
        session.all_told(stack)
        log = stack.nginx.log.text()
        assert "WRONGPASS" in log, "the cause is named"
        assert "wrong one" not in log and "wrong%20one" not in log, "the password is not"
        stack.redis.command("ACL", "SETUSER", "default", ">a wrong one")
        session.all_recover()


def test_the_right_password(make_stack):
    stack = make_stack(apps="echo", locations=LOCATIONS)
    stack.redis.command("CONFIG", "SET", "requirepass", "s3 cret")
    stack.redis.password = "s3 cret"
    stack.nginx.redis_url = stack.redis.url + "?password=s3%20cret"
    stack.nginx.stop()
    stack.nginx.start()
    with RawWs.open(stack.nginx.http_port) as ws:
        recovers(ws)
        ws.close()


def test_another_number_of_partitions_is_refused_with_a_reason(make_stack, watch):
    """mr:config says 16; a deployment that was cut differently must not be mixed with it."""
    stack = make_stack(apps="echo", locations=LOCATIONS)
    worker = stack.make_worker("worker-other")
    worker.settings["partitions"] = 32
    stack.workers.append(worker)
    worker.spawn()
    assert worker.process.wait() == 1
    assert "set up for 16 partitions, the setting is 32" in worker.log.text()


def test_many_sessions_find_their_lanes_again(stack):
    """1,000 sessions are resubscribed after Redis was restarted."""
    clients = [RawWs.open(stack.nginx.http_port) for _ in range(1000)]
    for ws in clients[::100]:
        ws.text("before")
        assert ws.message().payload == b"before"
    stack.redis.restart()
    stack.wait_linked()
    recovers(clients[0])
    for number, ws in enumerate(clients[1:]):
        ws.text(f"after {number}")
    for number, ws in enumerate(clients[1:]):
        assert ws.message(RECOVERY_S).payload == f"after {number}".encode()
        ws.drop()
    clients[0].close()
