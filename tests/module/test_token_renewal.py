"""Access tokens of open connections: the end of one is the end of the connection, unless the client
brings the next one in time. Tokens never get to Redis."""

import json

import pytest

from harness.jwt import key, token
from harness.process import wait_for
from harness.raw_ws import RawWs
from harness.stack import shared_stack

LOCATIONS = """
    location = /ws/chat {{ mr_ws chat; mr_ws_jwt_key_file {secret} HS256; mr_ws_jwt_leeway 0; }}
    location = /ws/guest {{
        mr_ws chat;
        mr_ws_jwt_key_file {secret} HS256;
        mr_ws_jwt_required off;
    }}
    location = /ws/strict {{
        mr_ws chat;
        mr_ws_compat strict;
        mr_ws_jwt_key_file {secret} HS256;
    }}
    location = /ws/named {{
        mr_ws chat;
        mr_ws_jwt_key_file {secret} HS256;
        mr_ws_jwt_required off;
        mr_ws_subject $http_x_name;
    }}
    location = /ws/echo {{ mr_ws echo; }}
"""


@pytest.fixture(scope="module")
def stack(data_dir):
    yield from shared_stack(data_dir, apps="echo",
                            locations=LOCATIONS.format(secret=key("HS256").file))


class Client(RawWs):
    """Greeted; `session` is its id."""

    def greet(self):
        event = self.event()
        assert event["type"] == "connected"
        self.session = event["session_id"]
        self.resume_token = event.get("resume_token")
        return self

    def renew(self, text):
        self.json({"type": "auth", "token": text})
        return self.event()


def client(port, text, path="/ws/chat", *, tls=False, protocols=("mr.v2",), headers=()):
    offered = (*protocols, f"bearer.{text}") if text else protocols
    return Client.open(port, path, tls=tls, protocols=offered, headers=headers).greet()


def good(**more):
    return token(**{"aud": None, **more})


def mail(stack, session):
    """How much of the session's mail is in Redis."""
    return sum(stack.redis.command("XLEN", name)
               for name in stack.redis.command("KEYS", f"mr:*:i:{session}"))


@pytest.mark.parametrize("protocols", [(), ("mr.v2",)])
def test_the_end_of_a_token_closes(port, tls, protocols):
    with client(port, good(expires_in=2), tls=tls, protocols=protocols) as ws:
        close, _ = ws.close_frame(10)
        assert close.code == 1008 and close.payload[2:] == b"access token expired"
        ws.expect_end()


def test_a_client_without_a_token_stays(stack):
    """Longer than one whose token ends."""
    port = stack.nginx.http_port
    with client(port, None, "/ws/guest") as guest, client(port, good(expires_in=1)) as other:
        other.expect_close(1008, 10)
        guest.send_frame(0x9, b"still")
        assert guest.frame().payload == b"still"


def test_a_new_token_keeps_the_connection(port, tls):
    with client(port, good(expires_in=2), tls=tls) as ws:
        event = ws.renew(good(expires_in=100))
        assert list(event) == ["type", "token_expires_in_ms"] and event["type"] == "authenticated"
        assert 98_000 <= event["token_expires_in_ms"] <= 101_000
        with client(port, good(expires_in=4), tls=tls) as clock:
            clock.expect_close(1008, 15)
        ws.send_frame(0x9, b"still here")
        assert ws.frame().payload == b"still here"


def test_the_new_token_counts_even_if_it_ends_sooner(stack):
    with client(stack.nginx.http_port, good(expires_in=100)) as ws:
        assert ws.renew(good(expires_in=1))["type"] == "authenticated"
        ws.expect_close(1008, 10)


def test_v1_clients_renew_in_silence(stack):
    with client(stack.nginx.http_port, good(), protocols=("mr.v1",)) as ws:
        ws.json({"type": "auth", "token": good()})
        ws.send_frame(0x9, b"no answer in between")
        assert ws.frame().payload == b"no answer in between"


@pytest.mark.parametrize("text", [
    '{"type":"auth","token":"%s"}', '{ "type" : "auth" , "token" : "%s" }',
    '{"token":"%s","type":"auth"}', '{"x":[1,{}],"token":"%s","type":"auth","y":null}',
    '\n{"type":\t"auth","token":"%s"}\n'])
def test_forms_of_the_message(stack, text):
    with client(stack.nginx.http_port, good()) as ws:
        ws.text(text % good())
        assert ws.event()["type"] == "authenticated"


def test_a_message_in_pieces(stack):
    with client(stack.nginx.http_port, good()) as ws:
        text = json.dumps({"type": "auth", "token": good()}).encode()
        ws.send_frame(0x1, text[:10], fin=False)
        ws.send_frame(0x0, text[10:50], fin=False)
        ws.send_frame(0x0, text[50:])
        assert ws.event()["type"] == "authenticated"


BAD = [
    ("expired", lambda: {"token": good(expires_in=-1)}, "it has expired"),
    ("another secret", lambda: {"token": good(by=key("HS256", "foreign"))},
     "its signature is wrong"),
    ("another subject", lambda: {"token": good(sub="mallory")}, "it is of another subject"),
    ("for another audience", lambda: {"token": good(aud="mail")}, 'its "aud" does not fit'),
    ("empty", lambda: {"token": ""}, "it is not three parts"),
    ("no text", lambda: {"token": 1}, 'there is no text "token"'),
    ("none", lambda: {}, 'there is no text "token"'),
]


@pytest.mark.parametrize("make, reason", [pytest.param(make, reason, id=name)
                                          for name, make, reason in BAD])
def test_a_bad_new_token_changes_nothing(stack, port, tls, make, reason):
    seen = len(stack.nginx.log.text())
    with client(port, good(), tls=tls) as ws:
        ws.json({"type": "auth", **make()})
        event = ws.event()
        assert event["type"] == "error" and event["code"] == "bad_token"
        assert event["fatal"] is False
        assert f"new access token not accepted: {reason}" in stack.nginx.log.text()[seen:]
        assert ws.renew(good())["type"] == "authenticated"


def test_many_bad_tokens_close(stack):
    with client(stack.nginx.http_port, good()) as ws:
        for _ in range(8):
            assert ws.renew("rubbish")["code"] == "bad_token"
        ws.expect_close(1008)


def test_nobody_becomes_somebody_else(stack):
    """Whoever came without a token, or under a name that nginx gave, keeps that."""
    port = stack.nginx.http_port
    with client(port, None, "/ws/guest") as guest:
        assert guest.renew(good())["code"] == "bad_token"
    with client(port, None, "/ws/named", headers=[("X-Name", "alice")]) as named:
        assert named.renew(good())["code"] == "bad_token"


def test_strict_v1_clients_get_the_original_error(stack):
    with client(stack.nginx.http_port, good(), "/ws/strict", protocols=("mr.v1",)) as ws:
        assert ws.renew("rubbish") == {"type": "error",
                                       "message": "This access token is not accepted"}


def test_tokens_stay_out_of_redis(stack):
    with client(stack.nginx.http_port, good()) as ws:
        ws.renew(good())
        ws.renew("rubbish")
        assert mail(stack, ws.session) == 0
        for count, other in enumerate((
                '{"message":"what is \\"auth\\"?"}', '{"type":"ask","message":"auth","x":"auth"}',
                '{"type":"authenticate"}', '{"kind":"auth"}', '["auth"]', '"auth"',
                '{"type":"auth"', '{"type":"auth","type":"auth"}', '{"a":{"type":"auth"}}')):
            ws.text(other)
            wait_for(lambda: mail(stack, ws.session) == count + 1, f"{other} is mail")

