"""conf-examples/access.conf, each of its three ways, with a service that is asked."""

import http.server

import pytest

from backend import Backend
from harness.jwt import key, key_set, token
from harness.raw_ws import RawWs, Refused
from test_access_rules import basic, owner
from test_coexistence import Example


class Sessions(http.server.BaseHTTPRequestHandler):
    """Knows one cookie."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        known = self.path == "/session" and "sid=known" in self.headers.get("Cookie", "")
        self.send_response(204 if known else 401)
        if known:
            self.send_header("X-User", "alice")
        self.end_headers()


@pytest.fixture
def example(make_stack):
    stack = make_stack(apps="echo")
    with Backend(Sessions) as service:
        example = Example("access.conf", stack, service)
        keys = key_set("example.jwks", [key("RS256").jwk(kid="1"), key("ES256").jwk(kid="2")])
        (example.prefix / "tls/id.jwks").write_text(keys.read_text())
        (example.prefix / "tls/users").write_text("bob:{PLAIN}secret\n")
        # Slower than any machine, so that the limit does not depend on how fast this one is.
        text = example.config.read_text()
        assert "rate=10r/s" in text
        example.config.write_text(text.replace("rate=10r/s", "rate=1r/m"))
        with example:
            yield example


def refused(example, path, **form):
    with pytest.raises(Refused) as refusal:
        RawWs.open(example.port, path, tls=True, **form)
    return refusal.value.response.status


def test_the_example(example):
    said = {"iss": "https://id.example", "header": {"kid": "1"}}
    good = token("RS256", **said)
    assert refused(example, "/ws/chat") == 401
    assert refused(example, "/ws/chat", headers=[("Cookie", "session_token=x")]) == 401
    for form in ({"headers": [("Authorization", f"Bearer {good}")]},
                 {"headers": [("Cookie", f"session_token={good}")]},
                 {"headers": [("Authorization", "Bearer " + token(
                     "ES256", iss="https://id.example", header={"kid": "2"}))]}):
        assert owner(example.stack, example.port, "/ws/chat", tls=True, **form) == "alice"

    assert refused(example, "/ws/asked") == 401
    assert refused(example, "/ws/asked", headers=[("Cookie", "sid=unknown")]) == 401
    assert owner(example.stack, example.port, "/ws/asked", tls=True,
                 headers=[("Cookie", "sid=known")]) == "alice"

    assert refused(example, "/ws/staff") == 401
    assert owner(example.stack, example.port, "/ws/staff", tls=True,
                 headers=[basic("bob")]) == "staff:bob"


def test_its_limit_on_handshakes(example):
    """One address may open 21 connections at once."""
    good = [("Authorization", "Bearer " + token("RS256", iss="https://id.example",
                                                header={"kid": "1"}))]
    for _ in range(21):
        RawWs.open(example.port, "/ws/chat", tls=True, headers=good).drop()
    assert refused(example, "/ws/chat", headers=good) == 429
    assert refused(example, "/ws/staff") == 401, "the limit is of one location"
