"""mr_ws_session_log for questions over HTTP: one line per request that was let in, however it ends."""

import signal

import pytest

from harness.http_chat import JSON, Events, HttpClient, question
from harness.process import wait_for
from harness.raw_ws import RawWs, request_text
from test_session_log import Sessions

TRACE = "0af7651916cd43dd8448eb211c80319c"
HEADERS = [("traceparent", f"00-{TRACE}-b7ad6b7169203331-01"), ("X-Real-IP", "192.0.2.7")]
LOCATIONS = """
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;
    mr_ws_session_log {directory}/sessions.log;
    mr_ws_subject $arg_user;
    location = /ws/chat { mr_ws chat; }
    location = /v1/chat { mr_ws_http chat; }
    location = /v1/impatient { mr_ws_http chat; mr_ws_http_timeout 1s; }
    location = /v1/full { mr_ws_http chat; mr_ws_max_connections 1; }
    location = /v1/silent { mr_ws_http chat; mr_ws_session_log off; }
    location = /v1/slow-body { mr_ws_http chat; client_body_timeout 1s; }
"""


@pytest.fixture
def own(make_stack):
    stack = make_stack(start=False, apps="chat", settings={"lease": "60s"})
    stack.nginx.locations = LOCATIONS.replace("{directory}", str(stack.directory))
    return stack.start()


def post(port, path, body, headers=JSON):
    """The answer, and how many bytes the request and the answer had."""
    with HttpClient(port) as client:
        got = client.post(body, headers, path).response()
        lines = [("Host", "localhost"), *headers, ("Content-Length", str(len(body)))]
        return got, len(request_text(path, lines, "POST")) + len(body)


def test_one_object(own):
    log = Sessions(own)
    got, size = post(log.port, "/v1/chat?user=anna", question("Hello"), [*JSON, *HEADERS])
    assert got.status == 200
    line, = log.wait(1)
    assert (line["address"], line["subject"], line["trace"]) == ("192.0.2.7", "anna", TRACE)
    assert (line["app"], line["kind"], line["version"]) == ("chat", "http_object", 2)
    assert line["session"] == got.json["session_id"]
    assert (line["code"], line["closed_by"], line["reason"]) == (200, "server", "")
    assert (line["messages_in"], line["messages_out"], line["turns"]) == (1, 1, 1)
    assert (line["frames_in"], line["frames_out"]) == (0, 0)
    assert line["bytes_in"] == size
    assert len(got.body) < line["bytes_out"] < len(got.body) + 1000
    assert 0 <= line["duration_ms"] < 30_000


def test_a_stream(own):
    log = Sessions(own)
    with Events(log.port, question("Hello"), path="/v1/chat?user=bert") as stream:
        events = stream.all()
    line, = log.wait(1)
    assert (line["kind"], line["subject"]) == ("http_stream", "bert")
    assert line["session"] == events[0]["session_id"]
    assert (line["code"], line["closed_by"], line["reason"]) == (200, "server", "")
    assert (line["messages_in"], line["messages_out"]) == (1, len(events))
    assert line["bytes_out"] > sum(len(event) for event in events)
    with Events(log.port, path="/v1/chat?user=bert", resume=stream) as again:
        again.all()
    line = log.wait(2)[-1]
    assert (line["messages_in"], line["messages_out"]) == (0, 1), "nothing was asked"


def test_one_line_each_on_a_connection_that_is_kept(own):
    log = Sessions(own)
    with HttpClient(log.port) as client:
        sizes = [len(client.post(question("Hello")).response().body) for _ in range(3)]
    lines = log.wait(3)
    assert [line["code"] for line in lines] == [200] * 3
    assert all(size < line["bytes_out"] < size + 1000 for size, line in zip(sizes, lines))


def gone_before_the_answer(own, port):
    own.workers[0].freeze()
    with RawWs.open(port, "/ws/chat", protocols=["mr.v2"]) as ws, HttpClient(port) as client:
        token = ws.event()["resume_token"]
        client.post(question("Hello"), [*JSON, ("MR-Resume-Token", token)])
        session = token.split(".")[0]
        wait_for(lambda: any(own.redis.command("XLEN", key) for key in own.redis.command(
            "KEYS", f"mr:*:i:{session}")), "it is asked")
        ws.close()
    own.workers[0].thaw()


def gone_in_the_stream(own, port):
    own.workers[0].freeze()
    with Events(port, question("Hello")) as stream:
        stream.until("connected")
    own.workers[0].thaw()


def gone_in_the_body(_, port):
    with HttpClient(port) as client:
        client.post(b'{"mess', [*JSON, ("Content-Length", "100"), ("Expect", "100-continue")],
                    length=False)
        assert client.head().status == 100


def too_slow_an_answer(own, port):
    own.workers[0].freeze()
    assert post(port, "/v1/impatient", question("Hello"))[0].status == 504
    own.workers[0].thaw()


def silence_in_the_stream(own, port):
    own.workers[0].freeze()
    with Events(port, question("Hello"), path="/v1/impatient") as stream:
        stream.all()
    own.workers[0].thaw()


def nothing_asked(_, port):
    assert post(port, "/v1/chat", b"")[0].status == 400


def refused_by_the_worker(_, port):
    assert post(port, "/v1/chat", b"{")[0].status == 400


def a_body_that_does_not_come(_, port):
    with HttpClient(port) as client:
        client.post(b"", [*JSON, ("Content-Length", "100")], "/v1/slow-body", length=False)
        assert not client.more()


def nobody_there(own, port):
    own.redis.stop()
    assert post(port, "/v1/chat", question("Hello"))[0].status == 503


ENDS = [
    (gone_before_the_answer, "http_object", 499, "client", "the client has gone"),
    (gone_in_the_stream, "http_stream", 200, "client", "the client has gone"),
    (gone_in_the_body, "http_object", 499, "client", "the client has gone"),
    (too_slow_an_answer, "http_object", 504, "server", "turn_timeout"),
    (silence_in_the_stream, "http_stream", 200, "server", "nothing came within mr_ws_http_timeout"),
    (nothing_asked, "http_object", 400, "server", "bad_json"),
    (refused_by_the_worker, "http_object", 400, "server", ""),
    (a_body_that_does_not_come, "http_object", 408, "server",
     "the question did not arrive in time"),
    (nobody_there, "http_object", 503, "server", "relay_unavailable"),
]


@pytest.mark.parametrize("end, kind, code, by, reason", ENDS, ids=[row[0].__name__ for row in ENDS])
def test_who_ended_it_and_why(own, end, kind, code, by, reason):
    log = Sessions(own)
    end(own, log.port)
    wait_for(lambda: any(line["kind"] != "websocket" for line in log.lines()), "its line")
    line, = [line for line in log.lines() if line["kind"] != "websocket"]
    assert (line["kind"], line["code"]) == (kind, code)
    assert (line["closed_by"], line["reason"]) == (by, reason)


def test_what_is_refused_or_not_logged_has_no_line(own):
    log = Sessions(own)
    with RawWs.open(log.port, "/ws/chat") as ws:
        assert post(log.port, "/v1/full", question("Hello"))[0].status == 503
        ws.close()
    assert post(log.port, "/v1/chat", b"x", [("Content-Type", "text/plain")])[0].status == 415
    assert post(log.port, "/v1/silent", question("Hello"))[0].status == 200
    assert post(log.port, "/v1/chat", question("Hello"))[0].status == 200
    assert [line["kind"] for line in log.wait(2)] == ["websocket", "http_object"]


def test_a_reload_and_a_stop_lose_no_line(own):
    log = Sessions(own)
    own.workers[0].freeze()
    with Events(log.port, question("Hello")) as stream:
        stream.until("connected")
        own.nginx.reload()
        assert stream.all()[-1]["type"] == "going_away"
        line, = log.wait(1)
        assert (line["code"], line["closed_by"], line["reason"]) == (200, "server", "draining")
    with Events(log.port, question("Hello")) as stream, HttpClient(log.port) as client:
        stream.until("connected")
        session = stream.token.split(".")[0]
        client.post(question("Hello"), [*JSON, ("MR-Resume-Token", stream.token)])
        wait_for(lambda: sum(own.redis.command("XLEN", key) for key in own.redis.command(
            "KEYS", f"mr:*:i:{session}")) == 2, "both are asked")
        own.nginx.process.send(signal.SIGTERM)
        own.nginx.wait_gone()
    lines = log.wait(3)[1:]
    assert sorted(line["kind"] for line in lines) == ["http_object", "http_stream"]
    assert {line["reason"] for line in lines} == {"server is stopping"}
    own.workers[0].thaw()
