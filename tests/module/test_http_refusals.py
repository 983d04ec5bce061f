"""What nginx itself refuses in a location of `mr_ws_http` is JSON as every other error there; other
locations keep nginx's pages, and `error_page` has the last word."""

import pytest

from harness.http import request
from harness.http_chat import JSON, HttpClient, question
from harness.metrics import Watched
from harness.raw_ws import request_text
from harness.stack import shared_stack
from test_http_chat_requests import chunked, refused
from test_session_log import Sessions

APP = "https://app.example"
TRACE = "0af7651916cd43dd8448eb211c80319c"
LOCATIONS = """
    client_max_body_size 8k;
    location = /v1/chat { mr_ws_http chat; }
    location = /v1/denied { mr_ws_http chat; deny all; }
    location = /v1/password { mr_ws_http chat; auth_basic "chat"; auth_basic_user_file /dev/null; }
    location = /v1/asked { mr_ws_http chat; auth_request /judge; }
    location = /v1/crowded { mr_ws_http chat; limit_req zone=one; }
    location = /v1/crowded-429 { mr_ws_http chat; limit_req zone=two; limit_req_status 429; }
    location = /v1/cors { mr_ws_http chat; mr_ws_cors on; mr_ws_origin https://app.example; }
    location = /v1/page { mr_ws_http chat; error_page 413 /too-long; }
    location = /v1/short { mr_ws_http chat; return 404; }
    location = /v1/words { mr_ws_http chat; return 413 "words of its own"; }
    location = /v1/off { mr_ws_http off; return 403; }
    location = /judge { internal; return 500; }
    location = /too-long { internal; return 200 "a page of its own"; }
    location = /plain { return 403; }
    location /upload/ { proxy_pass http://127.0.0.1:9; }
"""
HTTP = """
    limit_req_zone one zone=one:64k rate=1r/m;
    limit_req_zone two zone=two:64k rate=1r/m;
    gzip on;
    gzip_types application/json;
"""


@pytest.fixture(scope="module")
def stack(data_dir):
    yield from shared_stack(data_dir, apps="chat", http=HTTP, locations=LOCATIONS)


@pytest.fixture
def port(stack):
    return stack.nginx.http_port


def post(port, path, body=b"", headers=JSON, **form):
    with HttpClient(port) as client:
        return client.post(body, headers, path, **form).response()


LARGE = b"x" * (8 * 1024 + 1)


def counted(watched, status):
    watched.wait({f'mr_ws_http_requests_total{{status="{status}"}}': 1})


def test_a_body_above_client_max_body_size(port):
    watched = Watched(port)
    trace = [("Traceparent", f"00-{TRACE}-b7ad6b7169203331-01")]
    got = refused(post(port, "/v1/chat", LARGE, [*JSON, *trace]), 413, "too_large")
    assert got.json["error"]["trace_id"] == TRACE
    assert got.headers["cache-control"] == "no-store" and b"<" not in got.body
    counted(watched, 413)


def test_a_body_that_is_never_sent(port):
    """Its length is enough; the client is told before it sends anything."""
    with HttpClient(port) as client:
        client.post(b"", [*JSON, ("Content-Length", "100000"), ("Expect", "100-continue")],
                    length=False)
        refused(client.response(), 413, "too_large")


def test_chunks_above_client_max_body_size(stack, port):
    watched = Watched(port)
    with HttpClient(port) as client:
        client.post(b"", [*JSON, ("Transfer-Encoding", "chunked")], length=False)
        client.send(chunked(LARGE * 2, 1000))
        got = refused(client.response(), 413, "too_large")
    assert len(got.json["error"]["trace_id"]) == 32
    counted(watched, 413)


@pytest.mark.parametrize("sent", [b"zz\r\n", b"5\r\nabcdefg\r\n"])
def test_chunks_that_are_none(port, sent):
    watched = Watched(port)
    with HttpClient(port) as client:
        client.post(b"", [*JSON, ("Transfer-Encoding", "chunked")], length=False)
        client.send(sent)
        refused(client.response(), 400, "bad_request")
    counted(watched, 400)


def test_it_has_a_line_in_the_session_log(make_stack):
    stack = make_stack(start=False, apps="chat", workers=0, http=HTTP)
    stack.nginx.locations = f"mr_ws_session_log {stack.directory}/sessions.log;" + LOCATIONS
    log = Sessions(stack.start())
    with HttpClient(log.port) as client:
        client.post(b"", [*JSON, ("Transfer-Encoding", "chunked")], length=False)
        client.send(chunked(LARGE * 2, 1000))
        refused(client.response(), 413, "too_large")
    line, = log.wait(1)
    assert (line["code"], line["closed_by"], line["reason"]) == (413, "server", "too_large")


@pytest.mark.parametrize("path, status, code", [
    ("/v1/denied", 403, "forbidden"), ("/v1/password", 401, "bad_token"),
    ("/v1/asked", 500, "internal"), ("/v1/short", 404, "bad_request")])
def test_other_modules_of_nginx(port, path, status, code):
    watched = Watched(port)
    got = refused(post(port, path, question("Hello")), status, code)
    assert ("www-authenticate" in got.headers) == (status == 401)
    counted(watched, "other" if status == 404 else status)


@pytest.mark.parametrize("path, status, code", [
    ("/v1/crowded", 503, "busy"), ("/v1/crowded-429", 429, "rate_limited")])
def test_limit_req(port, path, status, code):
    post(port, path)
    got = refused(post(port, path), status, code)
    assert got.headers["retry-after"] == "2"


def test_head_has_the_header_of_the_answer_and_no_body(port):
    with HttpClient(port) as client:
        client.send(request_text("/v1/denied", [("Host", "localhost")], "HEAD"))
        got = client.head()
        assert got.status == 403 and got.headers["content-type"] == "application/json"
        assert int(got.headers["content-length"]) > 0
        refused(client.post(b"").response(), 400, "bad_json")


def test_a_page_of_an_allowed_origin_may_read_it(port):
    got = refused(post(port, "/v1/cors", LARGE, [*JSON, ("Origin", APP)]), 413, "too_large")
    assert got.headers["access-control-allow-origin"] == APP
    with HttpClient(port) as client:
        client.post(b"", [*JSON, ("Origin", APP), ("Transfer-Encoding", "chunked")], "/v1/cors",
                    length=False)
        client.send(b"zz\r\n")
        head = client.take_until(b"\r\n\r\n").decode().lower()
    assert head.startswith("http/1.1 400") and head.count("access-control-allow-origin") == 1
    foreign = post(port, "/v1/cors", LARGE, [*JSON, ("Origin", "https://evil.example")])
    assert refused(foreign, 413, "too_large")
    assert not [name for name in foreign.headers if name.startswith("access-control")]


def test_a_page_named_by_error_page_stays(port):
    assert post(port, "/v1/page", LARGE).body == b"a page of its own"
    assert post(port, "/v1/words").body == b"words of its own"


@pytest.mark.parametrize("path, status", [("/plain", 403), ("/v1/off", 403), ("/nothing", 404)])
def test_other_locations_keep_the_pages_of_nginx(port, path, status):
    got = request(port, path)
    assert got.status == status and got.headers["content-type"] == "text/html"
    assert b"<html>" in got.body


def test_uploads_elsewhere_keep_their_413(port):
    got = post(port, "/upload/x", LARGE)
    assert got.status == 413 and b"<html>" in got.body
