"""A session belongs to the subject that wrote to it first: nobody else gets it back, reads it or
writes to it, whatever they hold."""

import pytest

from harness.jwt import key, token
from harness.lanes import OutLane
from harness.process import wait_for
from harness.raw_ws import RawWs
from harness.stack import shared_stack
from test_resume_token import token as resume_token

LOCATIONS = """
    location = /ws/chat {{ mr_ws chat; mr_ws_jwt_key_file {secret} HS256; }}
    location = /ws/guest {{
        mr_ws chat;
        mr_ws_jwt_key_file {secret} HS256;
        mr_ws_jwt_required off;
    }}
    location = /ws/header {{ mr_ws chat; mr_ws_subject $http_x_name; }}
    location = /ws/plain {{ mr_ws chat; }}
    location = /ws/echo {{ mr_ws echo; }}
"""


@pytest.fixture(scope="module")
def stack(data_dir):
    yield from shared_stack(data_dir, apps="echo",
                            locations=LOCATIONS.format(secret=key("HS256").file))


def access(subject):
    return f"bearer.{token(aud=None, sub=subject)}"


class Client(RawWs):
    def greet(self):
        self.greeting = self.event()
        assert self.greeting["type"] == "connected"
        self.session = self.greeting["session_id"]
        return self

    def resume(self, position="0-0"):
        """What brings its session back."""
        return f"mr.resume.{self.greeting['resume_token']}.{position}"


def client(port, *protocols, path="/ws/chat", tls=False, headers=()):
    return Client.open(port, path, tls=tls, protocols=("mr.v2", *protocols),
                       headers=headers).greet()


def forged(session, subject, position="0-0"):
    """Signed by the gateway's own secret: for whom that has leaked to, or two gateways that share
    it but not their users."""
    return f"mr.resume.{resume_token(session, subject=subject)}.{position}"


def meta(stack, session):
    return next(iter(stack.redis.command("KEYS", f"mr:*:s:{session}")), None)


def ask(stack, ws):
    """One more question in the session's mail, or none: (mail, owner)."""
    before = waiting(stack, ws.session)
    ws.json({"message": "a question"})
    wait_for(lambda: waiting(stack, ws.session) == before + 1, "the question is mail")
    return stack.redis.command("HGET", meta(stack, ws.session), "sub")


def answered(stack, ws):
    """The session has a question and an answer, which the client has; its out lane."""
    ask(stack, ws)
    lane = OutLane(stack.redis, ws.session)
    lane.claim(1, (0, 0))
    lane.event(1, 1, terminal=True)
    assert ws.event()["id"] == "1-1"
    return lane


def waiting(stack, session):
    names = stack.redis.command("KEYS", f"mr:*:i:{session}")
    return sum(stack.redis.command("XLEN", name) for name in names)


def test_the_first_mail_makes_the_owner(stack, port, tls):
    with client(port, access("alice"), tls=tls) as ws:
        assert meta(stack, ws.session) is None, "nothing is written before"
        assert ask(stack, ws) == "alice"
        assert ask(stack, ws) == "alice"


@pytest.mark.parametrize("name", ["CN=Jörg,O=A \"B\" C", "a" * 255, "' OR 1=1 --", "{p00}:*", "0"])
def test_names_are_kept_as_they_are(stack, name):
    with client(stack.nginx.http_port, access(name)) as ws:
        owner = ask(stack, ws)
        assert owner.encode("latin-1").decode() == name


def test_the_owner_comes_back_in_another_tab(stack, port, tls):
    with client(port, access("alice"), tls=tls) as ws:
        ask(stack, ws)
        with client(port, access("alice"), ws.resume(), tls=tls) as tab:
            assert tab.session == ws.session
            assert ask(stack, tab) == "alice"


def test_the_resume_token_is_for_its_subject(stack, port, tls):
    """A stranger with somebody's resume token gets a session of their own, and no reason."""
    with client(port, access("alice"), tls=tls) as ws:
        lane = answered(stack, ws)
        with client(port, access("mallory"), ws.resume(), tls=tls) as thief:
            assert thief.session != ws.session and thief.greeting["recovered"] is False
            lane.event(1, 2, terminal=True)
            assert ws.event()["id"] == "1-2"
            thief.send_frame(0x9, b"nothing came")
            assert thief.frame().payload == b"nothing came"
        with client(port, ws.resume(), path="/ws/guest", tls=tls) as guest:
            assert guest.session != ws.session
        with client(port, ws.resume(), path="/ws/plain", tls=tls) as guest:
            assert guest.session != ws.session
        with client(port, access("alice"), ws.resume(), tls=tls) as back:
            assert back.session == ws.session


@pytest.mark.parametrize("subject, path", [("mallory", "/ws/chat"), ("", "/ws/guest"),
                                           ("mallory", "/ws/header")])
def test_a_stranger_with_a_valid_signature_reads_nothing(stack, port, tls, subject, path):
    with client(port, access("alice"), tls=tls) as ws:
        lane = answered(stack, ws)
        offers = [access(subject)] if path == "/ws/chat" else []
        with Client.open(port, path, tls=tls, headers=[("X-Name", subject)],
                         protocols=("mr.v2", *offers, forged(ws.session, subject))) as thief:
            close, data = thief.close_frame()
            assert close.code == 1008 and close.payload[2:] == b"not the owner of this session"
            assert not any(b"place" in message.payload for message in data)
            thief.expect_end()
        wait_for(lambda: f"session {ws.session} belongs to another subject"
                 in stack.nginx.log.text(), "the log says so")
        lane.event(1, 2, terminal=True)
        assert ws.event()["id"] == "1-2", "the owner's connection is untouched"


def test_a_stranger_with_a_valid_signature_writes_nothing(stack):
    """In the session before its first question: whoever asks first owns it."""
    port = stack.nginx.http_port
    with client(port, access("alice")) as ws:
        with client(port, access("mallory"), forged(ws.session, "mallory")) as thief:
            assert thief.session == ws.session, "nobody has written to it"
            assert ask(stack, ws) == "alice"
            thief.json({"message": "a question of mine"})
            thief.expect_close(1008)
            assert waiting(stack, ws.session) == 1
        assert ask(stack, ws) == "alice"


def test_an_anonymous_session_gets_no_owner_later(stack):
    port = stack.nginx.http_port
    with client(port, path="/ws/guest") as ws:
        assert ask(stack, ws) is None
        with Client.open(port, "/ws/chat", protocols=("mr.v2", access("mallory"),
                                                      forged(ws.session, "mallory"))) as thief:
            thief.expect_close(1008)
        with client(port, ws.resume(), path="/ws/guest") as back:
            assert back.session == ws.session
            assert ask(stack, back) is None


def test_a_name_from_nginx_owns_as_well(stack):
    port = stack.nginx.http_port
    named = {"path": "/ws/header", "headers": [("X-Name", "alice")]}
    with client(port, **named) as ws:
        assert ask(stack, ws) == "alice"
        with client(port, ws.resume(), **named) as tab:
            assert tab.session == ws.session
        with client(port, ws.resume(), path="/ws/header", headers=[("X-Name", "bob")]) as other:
            assert other.session != ws.session
        with client(port, ws.resume(), path="/ws/header") as nobody:
            assert nobody.session != ws.session


def test_without_redis_a_resume_is_put_off(make_stack):
    """Who owns the session cannot be asked; later it can, and it is the same session."""
    stack = make_stack(apps="echo", locations=LOCATIONS.format(secret=key("HS256").file))
    port = stack.nginx.http_port
    with client(port, access("alice")) as ws, client(port, path="/ws/plain") as plain:
        stack.redis.kill()
        with Client.open(port, "/ws/chat",
                         protocols=("mr.v2", access("alice"), ws.resume())) as back:
            back.expect_close(1013, 20)
        with client(port, access("alice")) as fresh:
            assert fresh.session != ws.session, "new sessions are opened as ever"
        with client(port, plain.resume(), path="/ws/plain") as tab:
            assert tab.session == plain.session, "and so are those that have no names to ask for"
        stack.redis.start()
        stack.wait_linked()
        with client(port, access("alice"), ws.resume()) as back:
            assert back.session == ws.session
