"""Which pages may open a connection (Origin, RFC 6454): against cross-site hijacking."""

import pytest

from harness.raw_ws import RawWs, Refused

# Location, scheme of the server, Origin ("{port}" is the server's), allowed?
ROWS = [
    # the default: the same host
    ("/ws/echo", "ws", None, True),
    ("/ws/echo", "ws", "http://localhost:{port}", True),
    ("/ws/echo", "wss", "https://localhost:{port}", True),
    ("/ws/echo", "ws", "http://LOCALHOST:{port}", True),
    ("/ws/echo", "wss", "http://localhost:{port}", False),
    ("/ws/echo", "ws", "https://localhost:{port}", True),  # TLS may end in front of us
    ("/ws/echo", "ws", "http://localhost", False),
    ("/ws/echo", "ws", "http://localhost:1", False),
    ("/ws/echo", "ws", "http://evil.example:{port}", False),
    ("/ws/echo", "ws", "http://localhost.evil.example:{port}", False),
    ("/ws/echo", "ws", "http://evil.example/localhost:{port}", False),
    ("/ws/echo", "ws", "http://localhost:{port}@evil.example", False),
    ("/ws/echo", "ws", "http://localhost:{port}/", False),
    ("/ws/echo", "ws", "http://xlocalhost:{port}", False),
    ("/ws/echo", "ws", "localhost:{port}", False),
    ("/ws/echo", "ws", "null", False),
    ("/ws/echo", "ws", "", False),
    ("/ws/echo", "ws", "file://", False),
    ("/ws/echo", "ws", "chrome-extension://abcdef", False),
    ("/ws/echo", "ws", "http://localhost:99999", False),
    # any
    ("/ws/any-origin", "ws", "http://evil.example", True),
    ("/ws/any-origin", "ws", "null", True),
    # a list
    ("/ws/listed", "ws", "https://app.example.com", True),
    ("/ws/listed", "ws", "https://APP.Example.com", True),
    ("/ws/listed", "ws", "https://app.example.com:443", True),
    ("/ws/listed", "ws", "https://app.example.com:444", False),
    ("/ws/listed", "ws", "http://app.example.com", False),
    ("/ws/listed", "ws", "https://x.app.example.com", False),
    ("/ws/listed", "ws", "https://a.example.org", True),
    ("/ws/listed", "ws", "http://a.example.org", True),
    ("/ws/listed", "ws", "https://a.b.example.org", True),
    ("/ws/listed", "ws", "https://example.org", False),
    ("/ws/listed", "ws", "https://aexample.org", False),
    ("/ws/listed", "ws", "https://a.example.org:8443", False),
    ("/ws/listed", "ws", "https://a.example.org.evil.example", False),
    ("/ws/listed", "ws", "http://local.test:8080", True),
    ("/ws/listed", "ws", "http://local.test", False),
    ("/ws/listed", "ws", "https://x.wild.example:1234", True),
    ("/ws/listed", "ws", "http://x.wild.example:1234", False),
    ("/ws/listed", "ws", "http://plain.example", True),
    ("/ws/listed", "ws", "https://plain.example", True),
    ("/ws/listed", "ws", "http://localhost:{port}", False),  # not "same" any more
    ("/ws/listed", "ws", None, True),
    # both
    ("/ws/same-or-listed", "ws", "http://localhost:{port}", True),
    ("/ws/same-or-listed", "ws", "https://app.example.com", True),
    ("/ws/same-or-listed", "ws", "https://b.example.com", False),
]


@pytest.mark.parametrize("path, scheme, origin, allowed", ROWS)
def test_origin(stack, path, scheme, origin, allowed):
    tls = scheme == "wss"
    port = stack.nginx.https_port if tls else stack.nginx.http_port
    headers = [] if origin is None else [("Origin", origin.format(port=port))]
    if allowed:
        with RawWs.open(port, path, tls=tls, headers=headers) as ws:
            ws.close()
    else:
        with pytest.raises(Refused) as refusal:
            RawWs.open(port, path, tls=tls, headers=headers)
        assert refusal.value.response.status == 403


def test_two_origins_are_refused(stack):
    port = stack.nginx.http_port
    good = ("Origin", f"http://localhost:{port}")
    with pytest.raises(Refused) as refusal:
        RawWs.open(port, headers=[good, ("Origin", "http://evil.example")])
    assert refusal.value.response.status == 403


def test_the_refusal_does_not_repeat_what_was_sent(stack):
    with pytest.raises(Refused) as refusal:
        RawWs.open(stack.nginx.http_port, headers=[("Origin", "http://<script>.example")])
    assert b"script" not in refusal.value.response.body
