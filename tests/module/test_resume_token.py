"""The v2 subprotocol and the resume token in it: who gets a session back, and who gets a new one
without being told why (wire.md 1; shared/token.h has the format)."""

import base64
import hashlib
import hmac
import re
import time

import pytest

from harness.nginx import SECRET
from harness.process import wait_for
from harness.raw_ws import RawWs

SESSION = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
DAY_S = 24 * 3600


def token(session, expires=None, secret=SECRET, subject=""):
    """Made here from the description of the format, not by the product."""
    expiry = f"{int(time.time()) + 3600 if expires is None else expires:x}"
    fields = b"".join(part.encode() + b"\0" for part in ("mr1", session, expiry, subject))
    mac = hmac.new(secret.encode(), fields, hashlib.sha256).digest()
    return f"{session}.{expiry}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def connected(port, *protocols, path="/ws/chat", tls=False):
    with RawWs.open(port, path, tls=tls, protocols=protocols) as ws:
        event = ws.event()
        assert event["type"] == "connected"
        event["selected"] = ws.response.headers.get("sec-websocket-protocol")
        ws.close()
    return event


def test_v1_is_greeted_with_additional_fields(port, tls):
    event = connected(port, tls=tls)
    assert list(event)[:2] == ["type", "session_id"]
    assert SESSION.fullmatch(event["session_id"])
    assert event["v"] == 1 and event["recovered"] is False and event["selected"] is None


def test_v1_strict_is_greeted_with_the_original_bytes(stack):
    with RawWs.open(stack.nginx.http_port, "/ws/strict") as ws:
        payload = ws.message().payload
        assert re.fullmatch(rb'{"type":"connected","session_id":"[0-9a-f-]{36}"}', payload)


def test_v2_is_greeted_with_everything_the_client_needs(port, tls):
    event = connected(port, "mr.v2", tls=tls)
    assert event["selected"] == "mr.v2"
    assert event["v"] == 2 and event["recovered"] is False
    assert event["heartbeat_ms"] == 25000 and event["max_frame_bytes"] == 65536
    assert "resume" in event["features"]
    session, expiry, mac = event["resume_token"].split(".")
    assert session == event["session_id"]
    assert abs(int(expiry, 16) - time.time() - DAY_S) < 60
    assert event["resume_token"] == token(session, int(expiry, 16))


def test_sessions_are_not_guessable(stack):
    ids = {connected(stack.nginx.http_port, "mr.v2")["session_id"] for _ in range(50)}
    assert len(ids) == 50


def test_the_token_of_the_greeting_brings_the_session_back(port, tls):
    first = connected(port, "mr.v2", tls=tls)
    again = connected(port, "mr.v2", f"mr.resume.{first['resume_token']}.0-0", tls=tls)
    assert again["session_id"] == first["session_id"]
    assert again["selected"] == "mr.v2", "the token is never repeated by the server"


def test_a_token_survives_reload(make_stack):
    stack = make_stack(apps="echo")
    first = connected(stack.nginx.http_port, "mr.v2")
    stack.nginx.reload()
    again = connected(stack.nginx.http_port, "mr.v2", f"mr.resume.{first['resume_token']}.0-0")
    assert again["session_id"] == first["session_id"]


def test_a_rotated_secret_ends_the_tokens_of_the_old_one(make_stack):
    """At a reload with another key: a new session, as for any wrong token; and back again."""
    stack = make_stack(apps="echo")
    port = stack.nginx.http_port
    first = connected(port, "mr.v2")
    offer = f"mr.resume.{first['resume_token']}.0-0"
    stack.nginx.secret.write_text("the key of the resume tokens from now on\n")
    old = stack.nginx.reload()
    wait_for(lambda: not any(worker.alive() for worker in old), "the old key is gone")
    second = connected(port, "mr.v2", offer)
    assert second["session_id"] != first["session_id"] and second["recovered"] is False
    again = connected(port, "mr.v2", f"mr.resume.{second['resume_token']}.0-0")
    assert again["session_id"] == second["session_id"]
    stack.nginx.secret.write_text(SECRET + "\n")
    old = stack.nginx.reload()
    wait_for(lambda: not any(worker.alive() for worker in old), "the new key is gone")
    assert connected(port, "mr.v2", offer)["session_id"] == first["session_id"]


SID = "11111111-2222-4333-8444-555555555555"
OTHER = "11111111-2222-4333-8444-555555555556"


def swapped(text, at):
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:]


# What is offered, and whether the session is given.
OFFERS = [
    ("right", lambda: f"mr.resume.{token(SID)}.0-0", True),
    ("right, somewhere in the log", lambda: f"mr.resume.{token(SID)}.1795000000-17", True),
    ("right, largest position", lambda: f"mr.resume.{token(SID)}.{2**64 - 1}-{2**64 - 1}", True),
    ("expired", lambda: f"mr.resume.{token(SID, int(time.time()) - 1)}.0-0", False),
    ("expired long ago", lambda: f"mr.resume.{token(SID, 1)}.0-0", False),
    ("another key", lambda: f"mr.resume.{token(SID, secret='another key of theirs')}.0-0", False),
    ("another subject", lambda: f"mr.resume.{token(SID, subject='someone')}.0-0", False),
    ("another session", lambda: f"mr.resume.{token(SID).replace(SID, OTHER)}.0-0", False),
    ("a later expiry", lambda: "mr.resume." + swapped(token(SID), 40) + ".0-0", False),
    ("signature, first character", lambda: "mr.resume." + swapped(token(SID), -43) + ".0-0", False),
    ("signature, last but one", lambda: "mr.resume." + swapped(token(SID), -2) + ".0-0", False),
    ("signature cut", lambda: f"mr.resume.{token(SID)[:-1]}.0-0", False),
    ("signature longer", lambda: f"mr.resume.{token(SID)}A.0-0", False),
    ("no signature", lambda: f"mr.resume.{SID}.ffffffff..0-0", False),
    ("no position", lambda: f"mr.resume.{token(SID)}", False),
    ("position empty", lambda: f"mr.resume.{token(SID)}.", False),
    ("position no number", lambda: f"mr.resume.{token(SID)}.a-b", False),
    ("position one number", lambda: f"mr.resume.{token(SID)}.5", False),
    ("position negative", lambda: f"mr.resume.{token(SID)}.1--1", False),
    ("position beyond 64 bit", lambda: f"mr.resume.{token(SID)}.{2**64}-0", False),
    ("nothing", lambda: "mr.resume.", False),
    ("only dots", lambda: "mr.resume.....", False),
    ("very long", lambda: "mr.resume." + "x" * 3000, False),
    ("session in capitals", lambda: f"mr.resume.{token(SID.replace('1', 'A'))}.0-0", False),
]


@pytest.mark.parametrize("offer, given", [row[1:] for row in OFFERS],
                         ids=[row[0] for row in OFFERS])
def test_offer(stack, offer, given):
    event = connected(stack.nginx.http_port, "mr.v2", offer())
    assert (event["session_id"] == SID) is given
    if not given:
        assert event["recovered"] is False and SESSION.fullmatch(event["session_id"])


def test_without_v2_there_is_no_resume(stack):
    event = connected(stack.nginx.http_port, f"mr.resume.{token(SID)}.0-0")
    assert event["session_id"] != SID and event["v"] == 1


def test_tokens_are_not_logged(stack):
    secret = token(SID)
    connected(stack.nginx.http_port, "mr.v2", f"mr.resume.{secret}.0-0")
    connected(stack.nginx.http_port, "mr.v2", f"mr.resume.{swapped(secret, -2)}.0-0")
    assert secret.rsplit(".", 1)[1][:40] not in stack.nginx.log.text()
