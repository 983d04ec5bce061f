"""Who may ask over HTTP, under which name, and whose session it is: judged as for WebSockets."""

import base64
import hashlib
import hmac
import time

import pytest

from chat import LONG_QUESTION, Chat
from harness.http_chat import JSON, SSE, Events, HttpClient, ask, question
from harness.jwt import key, token
from harness.metrics import Watched
from harness.nginx import SECRET
from harness.protocol import check_v2_events
from harness.stack import shared_stack
from test_http_chat_stream import told

LOCATIONS = """
    location = /ws/chat {{ mr_ws chat; mr_ws_jwt_key_file {secret} HS256; mr_ws_jwt_leeway 0; }}
    location = /v1/chat {{
        mr_ws_http chat;
        mr_ws_jwt_key_file {secret} HS256;
        mr_ws_jwt_leeway 0;
        mr_ws_jwt_cookie access;
    }}
    location = /v1/named {{ mr_ws_http chat; mr_ws_subject $http_x_name; }}
    location = /v1/denied {{ mr_ws_http chat; deny all; }}
"""


@pytest.fixture(scope="module")
def site(data_dir):
    yield from shared_stack(data_dir, workers=2, apps="chat",
                            locations=LOCATIONS.format(secret=key("HS256").file),
                            settings={"local_tokens_per_second": 12})


@pytest.fixture
def client(site):
    with HttpClient(site.nginx.http_port) as one:
        yield one


HELLO = question("Hello")


def forged(session, subject):
    """By the description of the format: for whom the gateway's secret has leaked to."""
    expiry = f"{int(time.time()) + 3600:x}"
    fields = b"".join(part.encode() + b"\0" for part in ("mr1", session, expiry, subject))
    mac = hmac.new(SECRET.encode(), fields, hashlib.sha256).digest()
    return f"{session}.{expiry}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def bearer(**claims):
    return ("Authorization", f"Bearer {token(aud=None, **claims)}")


def test_without_a_token(client):
    got = client.post(HELLO).response()
    assert got.status == 401 and got.json["error"]["code"] == "bad_token"
    assert got.headers["www-authenticate"] == 'Bearer realm="mr_ws"'


def test_with_a_bad_one(client):
    got = client.post(HELLO, [*JSON, bearer(expires_in=-10)]).response()
    assert got.status == 401
    assert got.headers["www-authenticate"] == 'Bearer realm="mr_ws", error="invalid_token"'


@pytest.mark.parametrize("place", ["header", "cookie"])
def test_with_a_good_one(client, place):
    line = bearer() if place == "header" else ("Cookie", f"a=b; access={token(aud=None)}")
    assert client.post(HELLO, [*JSON, line]).response().status == 200


def test_the_subject_reaches_the_worker(site):
    got = ask(site.nginx.http_port, "Hello", headers=[*JSON, bearer(sub="carol")]).json
    meta = site.redis.command("KEYS", f"mr:*:s:{got['session_id']}")[0]
    assert site.redis.command("HGET", meta, "sub") == "carol"


def test_a_session_is_its_subjects(site, client):
    first = ask(site.nginx.http_port, "Hello", headers=[*JSON, bearer(sub="dora")])
    resume = ("MR-Resume-Token", first.headers["mr-resume-token"])
    for form in (JSON, SSE):
        got = client.post(HELLO, [*form, bearer(sub="mallory"), resume]).response()
        assert got.status == 403 and got.json["error"]["code"] == "bad_resume"
    got = client.post(HELLO, [*JSON, bearer(sub="dora"), resume]).response()
    assert got.status == 200 and got.json["session_id"] == first.json["session_id"]


def test_the_second_lock(site, client):
    """A resume token that was signed for somebody by the gateway's own key."""
    first = ask(site.nginx.http_port, "Hello", headers=[*JSON, bearer(sub="erin")]).json
    resume = ("MR-Resume-Token", forged(first["session_id"], "mallory"))
    place = ("Last-Event-ID", "0-0")
    for lines in ([*JSON, resume], [*SSE, resume], [*SSE, resume, place]):
        got = client.post(HELLO, [*lines, bearer(sub="mallory")]).response()
        assert got.status == 403 and got.json["error"]["code"] == "bad_resume", lines


def test_a_stream_ends_with_its_token(site):
    watched = Watched(site.nginx.http_port)
    with Events(site.nginx.http_port, question(LONG_QUESTION),
                headers=[bearer(sub="fay", expires_in=2)]) as stream:
        first = stream.all()
    assert first[-1]["type"] != "response_complete", "it was to end in the middle"
    watched.wait({'mr_ws_http_streams_ended_total{reason="token"}': 1})
    with Events(site.nginx.http_port, resume=stream, headers=[bearer(sub="fay")]) as again:
        events = told(first) + told(again.all())
    assert len(check_v2_events(events)) == 1 and events[-1]["status"] == "ok"


def test_one_object_outlives_its_token(site):
    got = ask(site.nginx.http_port, LONG_QUESTION, headers=[*JSON, bearer(expires_in=2)])
    assert got.status == 200 and got.json["status"] == "ok"


def test_the_session_is_the_same_over_a_websocket(site):
    first = ask(site.nginx.http_port, "Hello", headers=[*JSON, bearer(sub="gus")])
    with Chat(site, resume=(first.headers["mr-resume-token"], "0-0"),
              offers=[f"bearer.{token(aud=None, sub='gus')}"]) as chat:
        assert chat.session == first.json["session_id"]
        events = chat.until("response_complete")
        assert events[-1]["turn_id"] == first.json["turn_id"]


def test_names_from_nginx(client):
    got = client.post(HELLO, [*JSON, ("X-Name", "bad\x01name")], "/v1/named").response()
    assert got.status in (400, 403)


def test_nginx_rules_come_first(client):
    assert client.post(HELLO, [*JSON, bearer()], "/v1/denied").response().status == 403
