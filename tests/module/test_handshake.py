"""The opening handshake: what is accepted, and with which status and headers everything else is
refused (RFC 6455 section 4.2, RFC 9110 section 15.5.22)."""

import base64
import json

import pytest

from harness.raw_ws import (RawWs, TEXT, accept_for, frame, new_key, request_text, upgrade_headers,
                            whole_frames)

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # the one of RFC 6455 section 1.3


def changed(*replace, without=(), more=()):
    """The right headers with some replaced, left out or added."""
    replaced = dict(replace)

    def make(port):
        headers = [(name, replaced.get(name, value)) for name, value in upgrade_headers(port, KEY)
                   if name not in without]
        return headers + list(more)
    return make


def key_of(size):
    return base64.b64encode(bytes(range(size))).decode()


WS_KEY, WS_VERSION, WS_PROTOCOL = (
    "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol")

# Name, headers, status, headers of the answer (None: must not be there).
HEADER_ROWS = [
    ("right", changed(), 101, {"sec-websocket-accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
                               "upgrade": "websocket", "sec-websocket-protocol": None}),
    ("upgrade in another case", changed(("Upgrade", "WebSocket")), 101, {}),
    ("upgrade in a list", changed(("Upgrade", "h2c, websocket")), 101, {}),
    ("upgrade with version of the protocol", changed(("Upgrade", "websocket/13")), 400, {}),
    ("upgrade to something else", changed(("Upgrade", "h2c")), 400, {}),
    ("upgrade that only begins right", changed(("Upgrade", "websockets")), 400, {}),
    ("upgrade empty", changed(("Upgrade", "")), 400, {}),
    ("no upgrade", changed(without=["Upgrade"]), 426, {"upgrade": "websocket"}),
    ("no upgrade and no connection", changed(without=["Upgrade", "Connection"]), 426,
     {"upgrade": "websocket"}),
    ("connection in another case", changed(("Connection", "uPGRADE")), 101, {}),
    ("connection in a list", changed(("Connection", "keep-alive, Upgrade")), 101, {}),
    ("connection in a list without blanks", changed(("Connection", "foo,Upgrade,bar")), 101, {}),
    ("connection in two headers", changed(("Connection", "keep-alive"),
                                          more=[("Connection", "Upgrade")]), 101, {}),
    ("connection keep-alive", changed(("Connection", "keep-alive")), 400, {}),
    ("connection close", changed(("Connection", "close")), 400, {}),
    ("connection empty", changed(("Connection", "")), 400, {}),
    ("connection that only contains it", changed(("Connection", "upgraded")), 400, {}),
    ("no connection", changed(without=["Connection"]), 400, {}),
    ("version 12", changed((WS_VERSION, "12")), 426, {"sec-websocket-version": "13"}),
    ("version 8", changed((WS_VERSION, "8")), 426, {"sec-websocket-version": "13"}),
    ("version 0", changed((WS_VERSION, "0")), 426, {"sec-websocket-version": "13"}),
    ("version 130", changed((WS_VERSION, "130")), 426, {"sec-websocket-version": "13"}),
    ("version 013", changed((WS_VERSION, "013")), 426, {"sec-websocket-version": "13"}),
    ("version +13", changed((WS_VERSION, "+13")), 426, {"sec-websocket-version": "13"}),
    ("version in a list", changed((WS_VERSION, "13, 8")), 426, {"sec-websocket-version": "13"}),
    ("version empty", changed((WS_VERSION, "")), 426, {"sec-websocket-version": "13"}),
    ("no version", changed(without=[WS_VERSION]), 426, {"sec-websocket-version": "13"}),
    ("version twice", changed(more=[(WS_VERSION, "13")]), 426, {"sec-websocket-version": "13"}),
    ("two versions", changed(more=[(WS_VERSION, "8")]), 426, {"sec-websocket-version": "13"}),
    ("key with blanks around", changed((WS_KEY, f" {KEY}  ")), 101, {}),
    ("no key", changed(without=[WS_KEY]), 400, {}),
    ("key empty", changed((WS_KEY, "")), 400, {}),
    ("key of 15 bytes", changed((WS_KEY, key_of(15))), 400, {}),
    ("key of 17 bytes", changed((WS_KEY, key_of(17))), 400, {}),
    ("key of 18 bytes, 24 characters", changed((WS_KEY, key_of(18))), 400, {}),
    ("key not base64", changed((WS_KEY, "dGhlIHNhbXBsZSBub25jZ!==")), 400, {}),
    ("key base64url", changed((WS_KEY, "dGhlIHNhbXBsZSBub25j-_==")), 400, {}),
    ("key without padding", changed((WS_KEY, KEY.rstrip("="))), 400, {}),
    ("key with bits behind its end", changed((WS_KEY, "dGhlIHNhbXBsZSBub25jZR==")), 400, {}),
    ("key twice", changed(more=[(WS_KEY, KEY)]), 400, {}),
    ("two keys", changed(more=[(WS_KEY, key_of(16))]), 400, {}),
    ("subprotocol unknown", changed(more=[(WS_PROTOCOL, "chat")]), 101,
     {"sec-websocket-protocol": None}),
    ("subprotocol v2", changed(more=[(WS_PROTOCOL, "mr.v2")]), 101,
     {"sec-websocket-protocol": "mr.v2"}),
    ("subprotocol v2 among others", changed(more=[(WS_PROTOCOL, "a, mr.v2, b")]), 101,
     {"sec-websocket-protocol": "mr.v2"}),
    ("subprotocol v2 in a second header", changed(more=[(WS_PROTOCOL, "a"),
                                                       (WS_PROTOCOL, "mr.v2")]), 101,
     {"sec-websocket-protocol": "mr.v2"}),
    ("subprotocol is case-sensitive", changed(more=[(WS_PROTOCOL, "MR.V2")]), 101,
     {"sec-websocket-protocol": None}),
    ("subprotocol no token", changed(more=[(WS_PROTOCOL, "mr v2")]), 400, {}),
    ("subprotocol empty", changed(more=[(WS_PROTOCOL, "")]), 400, {}),
    ("subprotocol only commas", changed(more=[(WS_PROTOCOL, ",,")]), 400, {}),
    ("extensions are declined", changed(more=[
        ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")]), 101,
     {"sec-websocket-extensions": None}),
    ("extensions malformed", changed(more=[("Sec-WebSocket-Extensions", ";;=,")]), 400, {}),
    ("extensions empty", changed(more=[("Sec-WebSocket-Extensions", "")]), 400, {}),
    ("body of known length", changed(more=[("Content-Length", "5")]), 400, {}),
    ("body of no bytes", changed(more=[("Content-Length", "0")]), 101, {}),
    ("body in chunks", changed(more=[("Transfer-Encoding", "chunked")]), 400, {}),
    ("no host", changed(without=["Host"]), 400, {}),
    ("large cookie", changed(more=[("Cookie", "x" * 6000)]), 101, {}),
    ("sixty more headers", changed(more=[(f"X-H{i}", "v") for i in range(60)]), 101, {}),
    ("trace context malformed", changed(more=[("traceparent", "00-zz")]), 101, {}),
]


def shake(port, data, tls=False, pieces=None):
    with RawWs(port, tls=tls) as ws:
        if pieces:
            ws.send_pieces(data, pieces)
        else:
            ws.send(data)
        response = ws.read_response()
        if response.status == 101:
            # It really is a WebSocket, and the frame is not lost.
            ws.text("through")
            assert ws.message().payload == b"through"
            ws.close()
        else:
            assert response.headers.get("connection") == "close", "it must not go on as HTTP"
            ws.expect_end()
        return response


def assert_headers(response, wanted):
    for name, value in wanted.items():
        assert response.headers.get(name) == value, name


def test_the_table_is_as_long_as_promised():
    assert len(HEADER_ROWS) + len(REQUEST_LINES) >= 60


@pytest.mark.parametrize("headers, status, wanted", [row[1:] for row in HEADER_ROWS],
                         ids=[row[0] for row in HEADER_ROWS])
def test_headers(port, tls, headers, status, wanted):
    names = [name for name, _ in headers(port)]
    body = b"12345" if status == 400 and "Content-Length" in names else \
        b"0\r\n\r\n" if "Transfer-Encoding" in names else b""
    response = shake(port, request_text("/ws/echo", headers(port)) + body, tls)
    assert response.status == status, response.body
    assert_headers(response, wanted)
    if status in (400, 426) and "host" not in response.body.decode().lower():
        assert response.body, "a refusal says why"


REQUEST_LINES = [
    ("GET", "/ws/echo", "HTTP/1.1", 101, {}),
    ("GET", "/ws/echo?x=1&session=y", "HTTP/1.1", 101, {}),
    ("GET", "http://localhost/ws/echo", "HTTP/1.1", 101, {}),
    ("GET", "/ws/../ws/./echo", "HTTP/1.1", 101, {}),
    ("GET", "/ws/echo", "HTTP/1.0", 400, {}),
    ("POST", "/ws/echo", "HTTP/1.1", 405, {"allow": "GET"}),
    ("PUT", "/ws/echo", "HTTP/1.1", 405, {"allow": "GET"}),
    ("DELETE", "/ws/echo", "HTTP/1.1", 405, {"allow": "GET"}),
    ("OPTIONS", "/ws/echo", "HTTP/1.1", 405, {"allow": "GET"}),
    ("PATCH", "/ws/echo", "HTTP/1.1", 405, {"allow": "GET"}),
    ("PROPFIND", "/ws/echo", "HTTP/1.1", 405, {"allow": "GET"}),
]


@pytest.mark.parametrize("method, path, version, status, wanted", REQUEST_LINES)
def test_request_line(stack, method, path, version, status, wanted):
    port = stack.nginx.http_port
    data = request_text(path, upgrade_headers(port, KEY), method, version)
    response = shake(port, data)
    assert response.status == status
    assert_headers(response, wanted)


def test_head_is_refused_without_a_body(stack):
    with RawWs(stack.nginx.http_port) as ws:
        ws.send(request_text("/ws/echo", upgrade_headers(ws.port, KEY), "HEAD"))
        response = ws.read_response(body=False)
        assert response.status == 405
        ws.expect_end()


def test_each_key_gets_its_own_answer(stack):
    for _ in range(20):
        key = new_key()
        port = stack.nginx.http_port
        response = shake(port, request_text("/ws/echo", upgrade_headers(port, key)))
        assert response.headers["sec-websocket-accept"] == accept_for(key)


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_the_request_in_pieces(port, tls, size):
    data = request_text("/ws/echo", upgrade_headers(port, KEY))
    assert shake(port, data, tls, pieces=size).status == 101


def test_a_location_switched_off_is_plain_http(stack):
    with RawWs(stack.nginx.http_port) as ws:
        ws.send(request_text("/ws/switched-off", upgrade_headers(ws.port, KEY)))
        response = ws.read_response()
        assert (response.status, response.body) == (200, b"plain")


def test_nothing_behind_a_refusal_is_taken_for_a_request(stack):
    """A socket whose upgrade failed may hold frames: they must never be parsed as HTTP."""
    smuggled = request_text("/ws/switched-off", [("Host", "localhost")])
    with RawWs(stack.nginx.http_port) as ws:
        headers = changed((WS_VERSION, "12"))(ws.port)
        ws.send(request_text("/ws/echo", headers) + smuggled)
        assert ws.read_response().status == 426
        ws.expect_end()


def test_the_greeting_is_in_the_packet_of_the_answer(port, tls):
    with RawWs.open(port, "/ws/chat", tls=tls) as ws:
        greeting, = whole_frames(ws.received)  # came with the 101, in one read
        assert json.loads(greeting.payload)["type"] == "connected"


@pytest.mark.parametrize("pieces", [None, 1, 5])
def test_frames_in_the_segment_of_the_handshake(port, tls, pieces):
    early = b"".join(frame(TEXT, f"early {i}") for i in range(20))
    data = request_text("/ws/echo", upgrade_headers(port, KEY)) + early
    with RawWs(port, tls=tls) as ws:
        if pieces:
            ws.send_pieces(data, pieces)
        else:
            ws.send(data)
        assert ws.read_response().status == 101
        for i in range(20):
            assert ws.message().payload == f"early {i}".encode()
        ws.close()


def test_a_broken_frame_in_the_segment_of_the_handshake(port, tls):
    with RawWs.open(port, tls=tls, early=frame(TEXT, "x", mask=None)) as ws:
        ws.expect_close(1002)
