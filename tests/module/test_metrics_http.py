"""/metrics of questions over HTTP: each number moves for the reason it names, and for that alone."""

import os
import signal

import pytest

from harness.http_chat import JSON, SSE, Events, HttpClient, question
from harness.lanes import events_bytes, followed_lane
from harness.metrics import Watched, scrape
from harness.process import wait_for
from harness.raw_ws import request_text

LOCATIONS = """
    location = /v1/chat { mr_ws_http chat; client_max_body_size 8k; mr_ws_max_message 4k; }
    location = /v1/cors { mr_ws_http chat; mr_ws_cors on; }
    location = /v1/impatient { mr_ws_http chat; mr_ws_http_timeout 1s; }
    location = /v1/tight { mr_ws_http chat; mr_ws_send_limit 4k; }
    location = /v1/slow-body { mr_ws_http chat; client_body_timeout 1s; }
    location = /v1/token { mr_ws_http chat; mr_ws_jwt_key_file {secret} HS256; }
"""
OBJECTS = 'mr_ws_http_requests_in_flight{form="object"}'
STREAMS = 'mr_ws_http_requests_in_flight{form="stream"}'


@pytest.fixture
def own(make_stack):
    stack = make_stack(start=False, apps="chat", settings={"lease": "60s"})
    stack.nginx.locations = LOCATIONS.replace("{secret}", str(stack.nginx.secret))
    return stack.start()


@pytest.fixture
def watched(own):
    return Watched(own.nginx.http_port)


def status(code):
    return f'mr_ws_http_requests_total{{status="{code}"}}'


def ended(reason):
    return f'mr_ws_http_streams_ended_total{{reason="{reason}"}}'


def of_http(watched):
    return {key: value for key, value in watched.moved().items()
            if key.startswith("mr_ws_http_requests_") or key.startswith("mr_ws_http_streams_")}


def test_one_object_from_its_beginning_to_its_end(own, watched):
    own.workers[0].freeze()
    with HttpClient(watched.port) as client:
        client.post(question("Hello"))
        watched.wait({OBJECTS: 1, STREAMS: 0, status(200): 0})
        own.workers[0].thaw()
        got = client.response()
        assert got.status == 200
        watched.wait({OBJECTS: 0, status(200): 1, "mr_ws_http_request_seconds_count": 1,
                      "mr_ws_http_events_total": 0})
    moved = watched.moved()
    lines = [("Host", "localhost"), *JSON, ("Content-Length", str(len(question("Hello"))))]
    sent = len(request_text("/v1/chat", lines, "POST")) + len(question("Hello"))
    assert moved['mr_ws_http_bytes_total{direction="in"}'] == sent
    assert 0 < moved['mr_ws_http_bytes_total{direction="out"}'] - len(got.body) < 1000
    assert 0 < moved["mr_ws_http_request_seconds_sum"] < 60
    assert of_http(watched) == {status(200): 1}


def test_a_stream_from_its_beginning_to_its_end(own, watched):
    own.workers[0].freeze()
    with Events(watched.port, question("Hello")) as stream:
        events = stream.until("connected")
        watched.wait({STREAMS: 1, OBJECTS: 0})
        own.workers[0].thaw()
        events += stream.all()
    watched.wait({STREAMS: 0, "mr_ws_http_events_total": len(events)})
    assert of_http(watched) == {status(200): 1, ended("completed"): 1}


def post(watched, path="/v1/chat", body=b"", headers=JSON, **form):
    with HttpClient(watched.port) as client:
        return client.post(body, headers, path, **form).response().status


REFUSED = [
    (400, {"body": b""}), (400, {"body": b"{"}), (401, {"path": "/v1/token"}),
    (403, {"headers": [*JSON, ("Origin", "https://evil.example")]}),
    (406, {"headers": [*JSON, ("Accept", "text/html")]}), (413, {"body": b"x" * 5000}),
    (415, {"headers": []}),
]


@pytest.mark.parametrize("code, form", REFUSED, ids=range(len(REFUSED)))
def test_what_is_refused_counts_by_its_status(watched, code, form):
    assert post(watched, **form) == code
    watched.wait({status(code): 1, OBJECTS: 0})
    assert of_http(watched) == {status(code): 1}


def test_other_methods_and_preflights(watched):
    with HttpClient(watched.port) as client:
        client.send(request_text("/v1/chat", [("Host", "localhost")], "GET"))
        assert client.response().status == 405
        client.send(request_text("/v1/cors", [
            ("Host", "localhost"), ("Origin", "http://localhost"),
            ("Access-Control-Request-Method", "POST")], "OPTIONS"))
        assert client.response().status == 204
    watched.wait({status(405): 1, status(204): 1})


def gone_before_the_answer(own, watched):
    with HttpClient(watched.port) as client:
        client.post(question("Hello"))
        watched.wait({OBJECTS: 1, "mr_ws_mail_stored_total": 1})


def gone_in_the_body(own, watched):
    with HttpClient(watched.port) as client:
        client.post(b"x", [*JSON, ("Content-Length", "100")], length=False)
        watched.wait({OBJECTS: 1})


def a_body_that_does_not_come(own, watched):
    with HttpClient(watched.port) as client:
        client.post(b"x", [*JSON, ("Content-Length", "100")], "/v1/slow-body", length=False)
        assert not client.more()


def too_slow_an_answer(own, watched):
    assert post(watched, "/v1/impatient", question("Hello")) == 504


def nobody_there(own, watched):
    own.redis.stop()
    assert post(watched, body=question("Hello")) == 503


@pytest.mark.parametrize("end, code", [
    (gone_before_the_answer, 499), (gone_in_the_body, 499), (a_body_that_does_not_come, 408),
    (too_slow_an_answer, 504), (nobody_there, 503)])
def test_ends_without_an_answer(own, watched, end, code):
    own.workers[0].freeze()
    end(own, watched)
    watched.wait({status(code): 1, OBJECTS: 0})
    own.workers[0].thaw()
    assert of_http(watched) == {status(code): 1}


def cut(own, watched):
    with Events(watched.port, question("Hello")) as stream:
        stream.until("connected")


def silence(own, watched):
    with Events(watched.port, question("Hello"), path="/v1/impatient") as stream:
        stream.all()


def reload(own, watched):
    with Events(watched.port, question("Hello")) as stream:
        stream.until("connected")
        own.nginx.reload()
        assert stream.all()[-1]["type"] == "going_away"


def too_much_at_once(own, watched):
    """One batch, beyond what a stream may queue."""
    with Events(watched.port, question("Hello"), path="/v1/tight") as stream:
        stream.until("connected")
        mail, = wait_for(lambda: own.redis.command("KEYS", "mr:*:i:*"), "the question is stored")
        lane = followed_lane(own.redis, mail.rsplit(":", 1)[1])
        lane.claim(1, (0, 0))
        piece = b'{"type":"piece","text":"%s"}' % (b"x" * (1 << 20))
        own.redis.command("SPUBLISH", lane.channel, events_bytes(1, 1, [(0, 1, piece)] * 11))
        watched.wait({ended("failed"): 1})


@pytest.mark.parametrize("end, reason", [(cut, "aborted"), (silence, "timeout"),
                                         (reload, "drained"), (too_much_at_once, "failed")])
def test_streams_by_what_ended_them(own, watched, end, reason):
    own.workers[0].freeze()
    end(own, watched)
    watched.wait({ended(reason): 1, status(200): 1, STREAMS: 0})
    own.workers[0].thaw()
    assert of_http(watched) == {status(200): 1, ended(reason): 1}


def test_a_killed_process_takes_its_gauges_with_it(own, watch, watched):
    watch.allow(r"worker process \d+ exited on signal 9")
    own.workers[0].freeze()
    with Events(watched.port, question("Hello")) as stream, HttpClient(watched.port) as client:
        stream.until("connected")
        client.post(question("Hello"))
        watched.wait({STREAMS: 1, OBJECTS: 1})
        victim, = own.nginx.worker_processes()
        os.kill(victim.pid, signal.SIGKILL)
        wait_for(lambda: own.nginx.worker_pids() and not victim.alive(), "another one serves")
        wait_for(lambda: (scrape(watched.port)[STREAMS], scrape(watched.port)[OBJECTS]) == (0, 0),
                 "nothing is in flight")
    own.workers[0].thaw()


def test_refused_streams_have_not_begun(own, watched):
    own.redis.stop()
    assert post(watched, body=question("Hello"), headers=SSE) == 503
    watched.wait({status(503): 1, STREAMS: 0})
    assert of_http(watched) == {status(503): 1}
