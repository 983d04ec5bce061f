"""A strict probe of an endpoint, as a stranger would make it: the questions conformance suites leave
out and on which known servers differ. Each check is a line of the tables or a test of its own;
ws and wss. Deflate has its own."""

import pytest

from conformance_cases import fragments, more, text
from harness.raw_ws import (BINARY, CLOSE, CONTINUATION, Ended, PING, PONG, RawWs, TEXT,
                            close_payload, frame, request_text, upgrade_headers)

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
GOOD_CLOSE = frame(CLOSE, close_payload(1000))


# --- handshake: what makes it another request, and the only acceptable status

def headers(port, *, replace=(), without=(), more=()):
    new = dict(replace)
    return [(name, new.get(name, value)) for name, value in upgrade_headers(port, KEY)
            if name not in without] + list(more)


HANDSHAKES = [
    ("as it should be", {}, 101),
    ("tokens in other cases", {"replace": [("Upgrade", "WEBSOCKET"), ("Connection", "upgrade")]},
     101),
    ("connection a list", {"replace": [("Connection", "keep-alive , Upgrade")]}, 101),
    ("upgrade a list", {"replace": [("Upgrade", "foo/1, websocket")]}, 101),
    ("names of headers in other cases", {"without": ["Upgrade"],
                                         "more": [("uPGRADE", "websocket")]}, 101),
    ("no upgrade", {"without": ["Upgrade"]}, 426),
    ("another upgrade", {"replace": [("Upgrade", "h2c")]}, 400),
    ("no connection", {"without": ["Connection"]}, 400),
    ("connection without the token", {"replace": [("Connection", "close, foo")]}, 400),
    ("no version", {"without": ["Sec-WebSocket-Version"]}, 426),
    ("version 12", {"replace": [("Sec-WebSocket-Version", "12")]}, 426),
    ("version 14", {"replace": [("Sec-WebSocket-Version", "14")]}, 426),
    ("version a list", {"replace": [("Sec-WebSocket-Version", "8, 13")]}, 426),
    ("no key", {"without": ["Sec-WebSocket-Key"]}, 400),
    ("key too short", {"replace": [("Sec-WebSocket-Key", "c2hvcnQ=")]}, 400),
    ("key too long", {"replace": [("Sec-WebSocket-Key", KEY[:-2] + "AAAA==")]}, 400),
    ("key not base64", {"replace": [("Sec-WebSocket-Key", "?" * 22 + "==")]}, 400),
    ("key twice, the same", {"more": [("Sec-WebSocket-Key", KEY)]}, 400),
    ("key twice, two", {"more": [("Sec-WebSocket-Key", KEY[::-1])]}, 400),
    ("no host", {"without": ["Host"]}, 400),
    ("foreign origin", {"more": [("Origin", "https://evil.example")]}, 403),
    ("origin null", {"more": [("Origin", "null")]}, 403),
    ("two origins", {"more": [("Origin", "https://evil.example"), ("Origin", "null")]}, 403),
    ("a body announced", {"more": [("Content-Length", "1")]}, 400),
    ("a chunked body announced", {"more": [("Transfer-Encoding", "chunked")]}, 400),
    ("an extension nobody knows", {"more": [("Sec-WebSocket-Extensions", "x-foo; a=1")]}, 101),
    ("a subprotocol nobody knows", {"more": [("Sec-WebSocket-Protocol", "foo")]}, 101),
    ("a subprotocol that is no token", {"more": [("Sec-WebSocket-Protocol", "a b")]}, 400),
]
REQUEST_LINES = [("POST", "HTTP/1.1", 405), ("PUT", "HTTP/1.1", 405), ("HEAD", "HTTP/1.1", 405),
                 ("GET", "HTTP/1.0", 400)]


def shake(port, tls, data, body=True):
    with RawWs(port, tls=tls) as ws:
        ws.send(data)
        response = ws.read_response(body=body)
        if response.status == 101:
            ws.text("through")
            assert ws.message().payload == b"through"
            ws.close()
        else:
            ws.expect_end()  # whatever was sent behind it is never taken for a request
        return response


@pytest.mark.parametrize("form, status", [row[1:] for row in HANDSHAKES],
                         ids=[row[0] for row in HANDSHAKES])
def test_handshake(port, tls, form, status):
    body = b"0\r\n\r\n" if "chunked" in str(form) else b"b" if "Content-Length" in str(form) else b""
    response = shake(port, tls, request_text("/ws/echo", headers(port, **form)) + body)
    assert response.status == status, response.body
    if "version" in str(form).lower() and status == 426:
        assert response.headers["sec-websocket-version"] == "13"
    if status == 101:
        assert "sec-websocket-extensions" not in response.headers
        assert "sec-websocket-protocol" not in response.headers


@pytest.mark.parametrize("method, version, status", REQUEST_LINES)
def test_request_line(port, tls, method, version, status):
    data = request_text("/ws/echo", headers(port), method, version)
    assert shake(port, tls, data, body=method != "HEAD").status == status


# --- frames: sent behind a good handshake; (frames that come back, code of the Close)

FLOWER = "\U0001f33c".encode()
FRAMES = [
    ("unmasked text", text(b"a", mask=None), [], 1002),
    ("unmasked ping", frame(PING, b"a", mask=None), [], 1002),
    ("unmasked close", frame(CLOSE, close_payload(1000), mask=None), [], 1002),
    ("5 bytes with a 16 bit length", text(b"hello", length_bits=16), [], 1002),
    ("5 bytes with a 64 bit length", text(b"hello", length_bits=64), [], 1002),
    ("65,535 bytes with a 64 bit length", text(b"*" * 65535, length_bits=64), [], 1002),
    ("empty with a 16 bit length", text(b"", length_bits=16), [], 1002),
    ("length with its top bit", text(declared=1 << 63, length_bits=64), [], 1002),
    ("length of all ones", text(declared=(1 << 64) - 1, length_bits=64), [], 1002),
    ("2^31 bytes announced", frame(BINARY, declared=1 << 31), [], 1009),
    ("2^40 bytes announced", frame(BINARY, declared=1 << 40), [], 1009),
    ("2^63 - 1 bytes announced", frame(BINARY, declared=(1 << 63) - 1), [], 1009),
    ("2^40 bytes in a continuation", frame(BINARY, b"a", fin=False)
     + frame(CONTINUATION, declared=1 << 40), [], 1009),
    ("rsv1 without an extension", text(b"a", rsv=4), [], 1002),
    ("rsv2", text(b"a", rsv=2), [], 1002),
    ("rsv3", text(b"a", rsv=1), [], 1002),
    ("rsv1 on a ping", frame(PING, rsv=4), [], 1002),
    ("rsv1 on a continuation", text(b"a", fin=False) + more(b"b", rsv=4), [], 1002),
    ("opcode 3", frame(3), [], 1002),
    ("opcode 11", frame(11), [], 1002),
    ("ping of 126 bytes", frame(PING, b"p" * 126), [], 1002),
    ("pong of 126 bytes", frame(PONG, b"p" * 126), [], 1002),
    ("ping of 64 KiB announced", frame(PING, declared=65536), [], 1002),
    ("ping without FIN", frame(PING, b"p", fin=False), [], 1002),
    ("close without FIN", frame(CLOSE, close_payload(1000), fin=False), [], 1002),
    ("continuation of nothing", more(b"a"), [], 1002),
    ("text inside a text", text(b"a", fin=False) + text(b"b"), [], 1002),
    ("close of one byte", frame(CLOSE, b"\x03"), [], 1002),
    ("close reason not UTF-8", frame(CLOSE, close_payload(1000, b"\xff\xfe")), [], 1007),
    ("close reason ends inside a code point", frame(CLOSE, close_payload(1000, FLOWER[:3])), [],
     1007),
    ("close code 999", frame(CLOSE, close_payload(999)), [], 1002),
    ("close code 1004", frame(CLOSE, close_payload(1004)), [], 1002),
    ("close code 1005", frame(CLOSE, close_payload(1005)), [], 1002),
    ("close code 1006", frame(CLOSE, close_payload(1006)), [], 1002),
    ("close code 1015", frame(CLOSE, close_payload(1015)), [], 1002),
    ("close code 2999", frame(CLOSE, close_payload(2999)), [], 1002),
    ("close code 5000", frame(CLOSE, close_payload(5000)), [], 1002),
    ("close code 3000", frame(CLOSE, close_payload(3000)), [], 3000),
    ("close code 4999", frame(CLOSE, close_payload(4999)), [], 4999),
    ("close without a code", frame(CLOSE), [], None),
    ("data behind a close", GOOD_CLOSE + text(b"late") + frame(PING, b"late"), [], 1000),
    ("garbage behind a close", GOOD_CLOSE + b"\xff" * 4096, [], 1000),
    ("two closes", GOOD_CLOSE + frame(CLOSE, close_payload(1001)), [], 1000),
    ("lone high surrogate", text(b"\xed\xa0\x80"), [], 1007),
    ("lone low surrogate", text(b"\xed\xbf\xbf"), [], 1007),
    ("surrogate pair as six bytes", text(b"\xed\xa0\xbd\xed\xb8\x80"), [], 1007),
    ("overlong slash", text(b"\xc0\xaf"), [], 1007),
    ("text ends inside a code point", text(FLOWER[:2]), [], 1007),
    ("message ends inside a code point", text(FLOWER[:1], fin=False) + more(FLOWER[1:3]), [], 1007),
    ("impossible byte in an unfinished frame", text(b"a\xff", declared=60000), [], 1007),
    ("flower over four frames", fragments(TEXT, FLOWER, 1), [(TEXT, FLOWER)], 1000),
    ("flower cut by a ping", text(FLOWER[:2], fin=False) + frame(PING, b"p") + more(FLOWER[2:]),
     [(PONG, b"p"), (TEXT, FLOWER)], 1000),
    ("empty frames", text(fin=False) + more(fin=False) * 20 + more(), [(TEXT, b"")], 1000),
    ("empty binary", frame(BINARY), [(BINARY, b"")], 1000),
    ("NUL and U+10FFFF", text(b"\0\xf4\x8f\xbf\xbf"), [(TEXT, b"\0\xf4\x8f\xbf\xbf")], 1000),
    ("ping of 125 bytes", frame(PING, b"p" * 125), [(PONG, b"p" * 125)], 1000),
    ("a message in front of a violation", text(b"whole") + frame(3), [(TEXT, b"whole")], 1002),
]


def test_at_least_sixty_checks():
    assert len(HANDSHAKES) + len(REQUEST_LINES) + len(FRAMES) >= 60


def read_to_close(ws):
    frames = []
    while True:
        got = ws.frame()
        if got.opcode == CLOSE:
            ws.expect_end()
            return frames, got.code
        frames.append((got.opcode, got.payload))


@pytest.mark.parametrize("chop", [0, 1], ids=["whole", "bytewise"])
@pytest.mark.parametrize("sent, back, code", [row[1:] for row in FRAMES],
                         ids=[row[0] for row in FRAMES])
def test_frame(port, tls, sent, back, code, chop):
    with RawWs.open(port, "/ws/conformance", tls=tls) as ws:
        if chop and len(sent) < 300:
            ws.send_pieces(sent, chop)
        else:
            ws.send(sent)
        if code == 1000 and back:  # a good case: the client closes it
            assert [(got.opcode, got.payload) for got in (ws.frame() for _ in back)] == back
            ws.send(GOOD_CLOSE)
            back = []
        assert read_to_close(ws) == (back, code)


# --- the socket underneath

def test_the_handshake_byte_by_byte(port, tls):
    with RawWs(port, tls=tls) as ws:
        ws.send_pieces(request_text("/ws/echo", headers(port)), 1)
        assert ws.read_response().status == 101
        ws.close()


def test_frames_and_a_close_behind_the_handshake_in_one_write(port, tls):
    early = text(b"early") + frame(PING, b"early")
    with RawWs.open(port, "/ws/conformance", tls=tls, early=early) as ws:
        got = [(one.opcode, one.payload) for one in (ws.frame(), ws.frame())]
        assert sorted(got) == [(TEXT, b"early"), (PONG, b"early")]
        ws.close()


def test_half_a_handshake_and_gone(port, tls):
    data = request_text("/ws/echo", headers(port))
    for cut in (1, len(data) // 2, len(data) - 1):
        with RawWs(port, tls=tls) as ws:
            ws.send(data[:cut])
    shake(port, tls, data)


def test_a_half_closed_client_gets_its_pong(stack):
    """FIN together with data: what came in front of it counts."""
    with RawWs.open(stack.nginx.http_port) as ws:
        ws.send(frame(PING, b"last"))
        ws.half_close()
        got = ws.frame()
        assert (got.opcode, got.payload) == (PONG, b"last")
        with pytest.raises(Ended):
            ws.frame()


def test_a_half_closed_client_gets_its_close(stack):
    with RawWs.open(stack.nginx.http_port) as ws:
        ws.send(frame(CLOSE, close_payload(1000)))
        ws.half_close()
        assert read_to_close(ws) == ([], 1000)


def test_many_fragments_of_one_byte(port, tls):
    count = 20_000
    with RawWs.open(port, "/ws/conformance", tls=tls, limit_s=30) as ws:
        ws.send(fragments(BINARY, b"f" * count, 1))
        assert ws.message().payload == b"f" * count
        ws.close()


def test_a_message_that_never_ends_is_ended(port, tls):
    """Fragments without FIN, for ever: 1008 when there are too many."""
    with RawWs.open(port, tls=tls) as ws:
        try:
            ws.send(text(b"", fin=False) + more(b"", fin=False) * 5000)
        except OSError:
            pass  # the server may have closed already
        assert read_to_close(ws) == ([], 1008)


def test_a_violation_leaves_the_others_alone(port, tls):
    with RawWs.open(port, tls=tls) as calm:
        for _ in range(20):
            with RawWs.open(port, tls=tls) as wild:
                wild.send(frame(7))
                assert read_to_close(wild) == ([], 1002)
        calm.text("still here")
        assert calm.message().payload == b"still here"
        calm.close()
