"""The link of nginx to Redis breaks while mail is on its way: nobody knows whether it was stored, so it
is sent again, and the in lane takes it once. The client notices nothing."""

import pytest

from harness.raw_ws import RawWs

RECOVERY_S = 10


@pytest.fixture
def stack(make_stack):
    return make_stack(apps="echo")


def echoes(ws, count):
    return [ws.message(RECOVERY_S).payload.decode() for _ in range(count)]


@pytest.mark.parametrize("direction, pieces", [("up", [1, 20, 200, 450, 700]),
                                               ("down", [1, 3, 6, 9, 15])])
def test_cut_anywhere_in_command_or_reply(stack, proxy, direction, pieces):
    """The command is cut, or its reply: stored or not, each message comes back once, in order."""
    with RawWs.open(stack.nginx.http_port) as ws:
        ws.text("before")
        assert echoes(ws, 1) == ["before"]
        for piece in pieces:
            cuts = proxy.cuts
            proxy.cut_after(piece, direction)
            sent = [f"{piece}-{i}" for i in range(5)]
            for text in sent:
                ws.text(text)
            assert echoes(ws, len(sent)) == sent
            assert proxy.cuts > cuts, "the link was cut"
            stack.wait_linked()
        ws.close()


def test_stored_but_not_confirmed(stack, proxy):
    """Redis has the mail and its answers are held back until the link is given up: still one echo, and
    a second connection of the gateway with mail of its own is kept apart."""
    with RawWs.open(stack.nginx.http_port) as one, RawWs.open(stack.nginx.http_port) as two:
        for ws in (one, two):
            ws.text("before")
            assert echoes(ws, 1) == ["before"]
        proxy.set_mode("stall", direction="down")
        one.text("first of one")
        two.text("first of two")
        one.text("second of one")
        proxy.set_mode("reset")
        proxy.set_mode("pass")
        assert echoes(one, 2) == ["first of one", "second of one"]
        assert echoes(two, 1) == ["first of two"]
        for ws in (one, two):
            ws.text("after")
            assert echoes(ws, 1) == ["after"]
            ws.close()


def test_too_long_without_redis_is_said(stack, proxy):
    """Repeating has an end: the client is told."""
    with RawWs.open(stack.nginx.http_port) as ws:
        ws.text("before")
        assert echoes(ws, 1) == ["before"]
        proxy.set_mode("reset")
        ws.text("lost")
        assert '"relay_unavailable"' in echoes(ws, 1)[0]
        proxy.set_mode("pass")
        stack.wait_linked()
        ws.text("after")
        assert echoes(ws, 1) == ["after"]
        ws.close()
