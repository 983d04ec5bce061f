"""A client that comes in the first moment of an nginx process, before its link to Redis has told how
mail is addressed: the partitions of this Redis, the hash of the script. Its mail waits; it is neither
refused nor stored where nobody looks, and whose a session is, is not asked there either."""

import pytest

from harness.jwt import key
from harness.process import wait_for
from harness.raw_ws import RawWs
from test_session_owner import LOCATIONS, Client, access, answered, client, forged

FOREIGN_PARTITIONS = 4  # not what the gateway would choose


@pytest.fixture
def stack(make_stack):
    return make_stack(apps="echo", settings={"partitions": FOREIGN_PARTITIONS},
                      locations=LOCATIONS.format(secret=key("HS256").file))


@pytest.fixture
def unlinked(stack, proxy):
    """nginx has been started anew and hears nothing of Redis yet."""
    proxy.set_mode("stall")
    stack.nginx.stop()
    stack.nginx.start()
    return stack


@pytest.mark.parametrize("messages", [1, 100])
def test_mail_waits_for_the_first_link(unlinked, proxy, messages):
    sent = [f"early-{number}" for number in range(messages)]
    with RawWs.open(unlinked.nginx.http_port) as ws:
        for text in sent:
            ws.text(text)
        proxy.set_mode("pass")
        assert [ws.message(10).payload.decode() for _ in sent] == sent
        ws.close()


def test_a_client_that_leaves_at_once(unlinked, proxy):
    """What waits for Redis goes with its client, and the next one is served."""
    with RawWs.open(unlinked.nginx.http_port) as ws:
        ws.text("lost with its client")
        ws.reset()
    proxy.set_mode("pass")
    unlinked.wait_linked()
    with RawWs.open(unlinked.nginx.http_port) as ws:
        ws.text("x")
        assert ws.message(10).payload == b"x"
        ws.close()


def test_without_redis_mail_is_refused_at_last(unlinked, proxy):
    def ready():
        return unlinked.nginx.log.text().count("commands link ready")

    before = ready()
    with RawWs.open(unlinked.nginx.http_port) as ws:
        ws.text("lost")
        assert b'"relay_unavailable"' in ws.message(10).payload
        proxy.set_mode("pass")
        wait_for(lambda: ready() > before, "mail can be addressed")
        ws.text("after")
        assert ws.message(10).payload == b"after"
        ws.close()


def test_a_stranger_is_known_as_one(stack, proxy):
    """With a resume token of their own for the session of somebody else, as the first to come."""
    with client(stack.nginx.http_port, access("alice")) as ws:
        answered(stack, ws)
    proxy.set_mode("stall")
    stack.nginx.stop()
    stack.nginx.start()
    with Client.open(stack.nginx.http_port, "/ws/chat", protocols=(
            "mr.v2", access("mallory"), forged(ws.session, "mallory"))) as thief:
        proxy.set_mode("pass")
        close, data = thief.close_frame()
        assert close.code == 1008 and close.payload[2:] == b"not the owner of this session"
        assert not any(b"place" in message.payload for message in data)
