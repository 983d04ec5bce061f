"""Requests to `POST /v1/chat` before any question is asked: what is refused, and with what; the body
in every form that HTTP has; HTTP/1.0, 1.1 and 2; pages of other origins."""

import json
import subprocess
import time

import pytest

from harness.http_chat import JSON, SSE, HttpClient, question
from harness.nginx import free_ports
from harness.raw_ws import RawWs, request_text
from harness.stack import shared_stack
from harness.tls import certificate

KIB = 1024
APP = "https://app.example"
LOCATIONS = """
    location = /ws/chat { mr_ws chat; }
    location = /v1/chat { mr_ws_http chat; client_max_body_size 4m; mr_ws_max_message 1m; }
    location = /v1/filed { mr_ws_http chat; client_body_in_file_only clean; }
    location = /v1/tight { mr_ws_http chat; client_body_buffer_size 1k; client_max_body_size 4m; }
    location = /v1/small { mr_ws_http chat; mr_ws_max_message 4k; }
    location = /v1/cors { mr_ws_http chat; mr_ws_cors on; mr_ws_origin same https://app.example; }
    location = /v1/any { mr_ws_http chat; mr_ws_cors on; mr_ws_origin any; }
    location = /v1/off { mr_ws_http off; return 200 "plain"; }
"""


@pytest.fixture(scope="module")
def stack(data_dir):
    yield from shared_stack(data_dir, apps="chat", locations=LOCATIONS,
                            settings={"local_tokens_per_second": 0})


@pytest.fixture
def client(stack):
    with HttpClient(stack.nginx.http_port) as one:
        yield one


HELLO = question("Hello")


def good(got):
    assert got.status == 200, (got.status, got.body)
    assert got.json["response"] and got.json["status"] == "ok"
    return got


def refused(got, status, code):
    assert got.status == status, (got.status, got.body)
    error = got.json["error"]
    assert list(error) == ["code", "message", "trace_id"] and error["code"] == code and (
        error["message"])
    assert got.headers["content-type"] == "application/json"
    return got


# ---- what is refused

@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_methods(client, method):
    client.send(request_text("/v1/chat", [("Host", "localhost")], method))
    if method == "HEAD":
        got = client.head()
        assert got.status == 405
    else:
        got = refused(client.response(), 405, "method_not_allowed")
    assert got.headers["allow"] == "POST"


def test_a_websocket_is_not_opened_here(client):
    client.send(request_text("/v1/chat", [
        ("Host", "localhost"), ("Connection", "Upgrade"), ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]))
    refused(client.response(), 405, "method_not_allowed")


@pytest.mark.parametrize("headers, status, code", [
    ([], 415, "unsupported_media_type"),
    ([("Content-Type", "text/plain")], 415, "unsupported_media_type"),
    ([("Content-Type", "application/x-www-form-urlencoded")], 415, "unsupported_media_type"),
    ([("Content-Type", "application/jsonx")], 415, "unsupported_media_type"),
    (JSON + JSON, 415, "unsupported_media_type"),
    ([*JSON, ("Accept", "text/html")], 406, "not_acceptable"),
    ([*JSON, ("Accept", "application/json;q=0, text/html")], 406, "not_acceptable"),
    ([*JSON, ("Origin", "https://evil.example")], 403, "forbidden"),
    ([*JSON, ("MR-Resume-Token", "rubbish")], 403, "bad_resume"),
    ([*JSON, ("MR-Resume-Token", "x" * 4000)], 403, "bad_resume"),
    ([*JSON, ("MR-Resume-Token", "a"), ("MR-Resume-Token", "b")], 400, "bad_request"),
    ([*SSE, ("Last-Event-ID", "1-1")], 400, "bad_request"),
    ([*JSON, ("Last-Event-ID", "1-1"), ("MR-Resume-Token", "a")], 406, "not_acceptable"),
    ([*SSE, ("Last-Event-ID", "1-1"), ("MR-Resume-Token", "a.b")], 403, "bad_resume"),
])
def test_headers(client, headers, status, code):
    refused(client.post(HELLO, headers).response(), status, code)
    good(client.post(HELLO).response())  # and the connection is as good as before


@pytest.mark.parametrize("accept, stream", [
    ("*/*", False), ("application/json", False), ("application/*", False),
    ("text/event-stream", True), ("text/event-stream, */*", True),
    ("TEXT/Event-Stream", True), ("text/event-stream;q=0.5, application/json", False),
    ("application/json;q=0.5, text/event-stream", True),
    ("text/event-stream;q=0, */*;q=0.1", False),
])
def test_accept_chooses_the_form(stack, accept, stream):
    with HttpClient(stack.nginx.http_port) as one:
        one.post(HELLO, [*JSON, ("Accept", accept)])
        kind = one.head().headers["content-type"]
    assert kind == ("text/event-stream" if stream else "application/json")


def test_a_token_of_another_position_or_session(stack):
    with HttpClient(stack.nginx.http_port) as one:
        token = good(one.post(HELLO).response()).headers["mr-resume-token"]
        changed = token[:-1] + ("A" if token[-1] != "A" else "B")
        refused(one.post(HELLO, [*JSON, ("MR-Resume-Token", changed)]).response(), 403,
                "bad_resume")
        for place in ("x", "1", "1-", "-1", "01-1", "1-1-1", "9" * 30 + "-1"):
            lines = [*SSE, ("MR-Resume-Token", token), ("Last-Event-ID", place)]
            refused(one.post(b"", lines).response(), 403, "bad_resume")


# ---- the body

def test_empty(client):
    refused(client.post(b"").response(), 400, "bad_json")


def test_no_length_at_all(client):
    refused(client.post(b"", length=False).response(), 400, "bad_json")


@pytest.mark.parametrize("path", ["/v1/chat", "/v1/filed", "/v1/tight"])
@pytest.mark.parametrize("size", [1, 900, 1024, 5000, 30000])
def test_any_length_in_memory_or_in_a_file(client, path, size):
    """The padding is part of the question: had it been lost, JSON would be broken."""
    body = json.dumps({"message": "Hello", "padding": "x" * size}).encode()
    good(client.post(body, path=path).response())


def test_large_bodies_reach_the_worker_whole(client):
    """Beyond every buffer: the worker reads the end of it."""
    body = b'{"padding":"' + b"x" * (700 * KIB) + b'","message":"Hello"}'
    good(client.post(body, path="/v1/tight").response())
    refused(client.post(body[:-1], path="/v1/tight").response(), 400, "bad_json")


def test_too_large(stack):
    for path, size in (("/v1/small", 4097), ("/v1/chat", 1024 * KIB + 1)):
        with HttpClient(stack.nginx.http_port) as one:
            refused(one.post(b"x" * size, path=path).response(), 413, "too_large")


def chunked(body, size):
    pieces = [body[i:i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@pytest.mark.parametrize("path", ["/v1/chat", "/v1/filed"])
@pytest.mark.parametrize("size", [1, 7, 4096])
def test_chunked(client, path, size):
    body = json.dumps({"message": "Hello", "padding": "y" * 3000}).encode()
    lines = [*JSON, ("Transfer-Encoding", "chunked")]
    client.post(b"", lines, path, length=False)
    client.send(chunked(body, size))
    good(client.response())


def test_chunked_and_too_large(stack):
    with HttpClient(stack.nginx.http_port) as one:
        one.post(b"", [*JSON, ("Transfer-Encoding", "chunked")], "/v1/small", length=False)
        one.send(chunked(b"x" * 5000, 1000))
        refused(one.response(), 413, "too_large")


def test_in_single_bytes(client):
    whole = request_text("/v1/chat", [("Host", "localhost"), *JSON,
                                      ("Content-Length", str(len(HELLO)))], "POST") + HELLO
    for i in range(len(whole)):
        client.send(whole[i:i + 1])
    good(client.response())


def test_expect_100_continue(client):
    lines = [*JSON, ("Expect", "100-continue"), ("Content-Length", str(len(HELLO)))]
    client.post(b"", lines, length=False)
    assert client.head().status == 100
    client.send(HELLO)
    good(client.response())


def test_pipelined(client):
    for _ in range(2):
        client.post(HELLO)
    for _ in range(2):
        good(client.response())


def test_a_client_that_goes_away_in_the_body(stack):
    for cut in (b'{"mess', b""):
        with HttpClient(stack.nginx.http_port) as one:
            one.post(cut, [*JSON, ("Content-Length", "100")], length=False)
    with HttpClient(stack.nginx.http_port) as one:
        good(one.post(HELLO).response())


def test_http_1_0(client):
    client.post(HELLO, version="HTTP/1.0")
    got = good(client.response())
    assert got.headers["content-length"] == str(len(got.body))
    assert not client.more(), "the connection ends"


def test_switched_off(client):
    assert client.post(HELLO, path="/v1/off").response().body == b"plain"


# ---- other origins

def preflight(client, path, origin):
    client.send(request_text(path, [
        ("Host", "localhost"), ("Origin", origin), ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "content-type, mr-resume-token")], "OPTIONS"))
    return client.response()


def test_preflight(client):
    got = preflight(client, "/v1/cors", APP)
    assert got.status == 204
    assert got.headers["access-control-allow-origin"] == APP
    assert got.headers["access-control-allow-methods"] == "POST"
    assert got.headers["access-control-allow-credentials"] == "true"
    assert got.headers["vary"] == "Origin"
    allowed = got.headers["access-control-allow-headers"].lower().split(", ")
    assert {"content-type", "authorization", "last-event-id", "mr-resume-token"} <= set(allowed)
    good(client.post(HELLO).response())


def test_preflight_of_a_foreign_page(client):
    got = refused(preflight(client, "/v1/cors", "https://evil.example"), 403, "forbidden")
    assert not [name for name in got.headers if name.startswith("access-control")]


def test_preflight_where_cors_is_off(client):
    got = refused(preflight(client, "/v1/chat", "http://localhost"), 405, "method_not_allowed")
    assert not [name for name in got.headers if name.startswith("access-control")]


def test_an_answer_that_a_page_may_read(client):
    got = good(client.post(HELLO, [*JSON, ("Origin", APP)], "/v1/cors").response())
    assert got.headers["access-control-allow-origin"] == APP
    assert "MR-Resume-Token" in got.headers["access-control-expose-headers"]
    bad = refused(client.post(b"{", [*JSON, ("Origin", APP)], "/v1/cors").response(), 400,
                  "bad_json")
    assert bad.headers["access-control-allow-origin"] == APP


def test_any_origin_without_cookies(client):
    got = good(client.post(HELLO, [*JSON, ("Origin", "https://x.example")], "/v1/any").response())
    assert got.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in got.headers


def test_a_page_of_another_origin_gets_no_headers_where_cors_is_off(client):
    refused(client.post(HELLO, [*JSON, ("Origin", APP)]).response(), 403, "forbidden")
    got = good(client.post(HELLO, [*JSON, ("Origin", "http://localhost")]).response())
    assert not [name for name in got.headers if name.startswith("access-control")]


# ---- HTTP/2

SLOW = question("Give me an overview of all open change orders, invoices and risks at Harbor Point.")


@pytest.fixture(scope="module")
def h2_port():
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def h2_stack(data_dir, h2_port):
    tls = certificate()
    server = f"""
    server {{
        listen 127.0.0.1:{h2_port} ssl http2;
        server_name localhost;
        ssl_certificate {tls}/cert.pem;
        ssl_certificate_key {tls}/key.pem;
        {LOCATIONS}
    }}
    """
    yield from shared_stack(data_dir, apps="chat", locations=LOCATIONS, http=server,
                            settings={"local_tokens_per_second": 40})


def curl(port, path, *words, limit_s=30):
    """Status with the protocol, and the body."""
    result = subprocess.run(
        ["curl", "--silent", "--http2", "--cacert", certificate() / "cert.pem", "--max-time",
         str(limit_s), "--write-out", "\n%{http_version} %{http_code}",
         f"https://localhost:{port}{path}", *words], stdout=subprocess.PIPE, timeout=60)
    body, _, told = result.stdout.rpartition(b"\n")
    return told.decode(), body


ASK = ["-H", "Content-Type: application/json", "-d", HELLO.decode()]


def test_h2_one_object(h2_stack, h2_port):
    told, body = curl(h2_port, "/v1/chat", *ASK)
    assert told == "2 200" and json.loads(body)["response"]


def test_h2_large_body_and_errors(h2_stack, h2_port, tmp_path):
    large = tmp_path / "body"
    large.write_bytes(b'{"padding":"' + b"x" * (700 * KIB) + b'","message":"Hello"}')
    words = ["-H", "Content-Type: application/json", "--data-binary", f"@{large}"]
    told, body = curl(h2_port, "/v1/tight", *words)
    assert told == "2 200" and json.loads(body)["response"]
    assert curl(h2_port, "/v1/chat")[0] == "2 405"
    assert curl(h2_port, "/v1/chat", "-d", "x")[0] == "2 415"
    assert curl(h2_port, "/v1/small", *words)[0] == "2 413"


def test_h2_stream(h2_stack, h2_port):
    told, body = curl(h2_port, "/v1/chat", *ASK, "-H", "Accept: text/event-stream", "--no-buffer")
    assert told == "2 200"
    events = [json.loads(part.split(b"data: ")[1]) for part in body.split(b"\n\n")[:-1]]
    kinds = [event["type"] for event in events]
    assert kinds[0] == "connected" and kinds[-1] == "response_complete"
    assert kinds.count("text_chunk") >= 1


def test_h2_a_client_that_goes_away(h2_stack, h2_port):
    """Cut in the middle, in both forms; the server goes on."""
    for accept in ("application/json", "text/event-stream"):
        words = ["-H", "Content-Type: application/json", "-d", SLOW.decode(), "-H",
                 f"Accept: {accept}"]
        curl(h2_port, "/v1/chat", *words, limit_s=0.5)
    assert curl(h2_port, "/v1/chat", *ASK)[0] == "2 200"


def test_h2_a_client_that_goes_away_cancels(h2_stack, h2_port):
    with RawWs.open(h2_stack.nginx.http_port, "/ws/chat", protocols=["mr.v2"]) as ws:
        token = ws.event()["resume_token"]
        curl(h2_port, "/v1/chat", "-H", "Content-Type: application/json", "-H",
             f"MR-Resume-Token: {token}", "-d", SLOW.decode(), limit_s=1)
        events = [ws.event()]
        while events[-1]["type"] != "response_complete":
            events.append(ws.event())
    assert events[-1]["status"] == "cancelled"
    assert [event["by"] for event in events if event["type"] == "cancelled"] == ["disconnect"]


def test_h2_websocket_is_refused_cleanly(h2_stack, h2_port):
    """An upgrade has no meaning there, RFC 9113 section 8.2.2: no hanging, no 101."""
    began = time.monotonic()
    told, body = curl(h2_port, "/ws/chat")
    assert told == "2 400" and b"HTTP/1.1" in body and time.monotonic() - began < 10
