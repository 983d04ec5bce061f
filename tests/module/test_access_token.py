"""Access tokens at the handshake: who is let in, by which key, from which place, and what a client
is told that is not."""

import json
import time

import pytest

from harness.jwt import base64url, directory, key, key_set, token, token_of
from harness.process import wait_for
from harness.raw_ws import RawWs, Refused
from harness.stack import shared_stack

LOCATIONS = """
    location = /ws/echo {{ mr_ws echo; mr_ws_jwt_required off; }}
    location = /ws/chat {{ mr_ws chat; mr_ws_jwt_cookie session_token; }}
    location = /ws/set {{
        mr_ws chat;
        mr_ws_jwt_jwks_file {set};
        mr_ws_jwt_audience chat other;
        mr_ws_jwt_leeway 0;
    }}
    location = /ws/rsa {{ mr_ws chat; mr_ws_jwt_key_file {rs256} RS256; }}
    location = /ws/guest {{ mr_ws chat; mr_ws_jwt_required off; }}
"""
HTTP = """
    mr_ws_jwt_key_file {hs256} HS256;
    mr_ws_jwt_key_file {rs256} RS256;
    mr_ws_jwt_key_file {es256} ES256;
    mr_ws_jwt_issuer https://id.test;
    mr_ws_jwt_audience chat;
"""


def files():
    own = {name.lower(): key(name).file for name in ("HS256", "RS256", "ES256")}
    own["set"] = key_set("set.json", [
        key("RS256").jwk(kid="rsa-1", use="sig"),
        key("RS256", "second").jwk(kid="rsa-2", alg="RS256"),
        key("ES256").jwk(kid="ec-1"),
        key("RS256", "second").jwk(kid="for encryption", use="enc")])
    return own


@pytest.fixture(scope="module")
def stack(data_dir):
    made = files()
    yield from shared_stack(data_dir, apps="echo", locations=LOCATIONS.format(**made),
                            http=HTTP.format(**made))


def bearer(text):
    return [("Authorization", f"Bearer {text}")]


def let_in(port, path, *, tls=False, **form):
    with RawWs.open(port, path, tls=tls, **form) as ws:
        event = ws.event()
        assert event["type"] == "connected"
        event["selected"] = ws.response.headers.get("sec-websocket-protocol")
        ws.close()
    return event


def kept_out(port, path, *, tls=False, status=401, **form):
    with pytest.raises(Refused) as refusal:
        RawWs.open(port, path, tls=tls, **form)
    assert refusal.value.response.status == status
    return refusal.value.response


@pytest.mark.parametrize("algorithm", ["HS256", "RS256", "ES256"])
def test_a_good_token_of_each_algorithm(port, tls, algorithm):
    event = let_in(port, "/ws/chat", tls=tls, headers=bearer(token(algorithm)))
    assert 300_000 <= event["token_expires_in_ms"] <= 331_000, "the leeway of 30 s included"


@pytest.mark.parametrize("place", [
    lambda text: {"headers": [("Authorization", f"bearer   {text}")]},
    lambda text: {"headers": [("Cookie", f"a=b; session_token={text}")]},
    lambda text: {"headers": [("Cookie", "x=1"), ("Cookie", f"session_token={text};y=2")]},
    lambda text: {"protocols": ("mr.v2", f"bearer.{text}")},
    lambda text: {"protocols": (f"bearer.{text}", "mr.v2")},
    lambda text: {"headers": [("Authorization", "Basic YTpi"),
                              ("Cookie", f"session_token={text}")]},
    lambda text: {"headers": [*bearer(text), ("Cookie", "session_token=rubbish")]},
    lambda text: {"headers": [("Cookie", "session_token=rubbish")],
                  "protocols": ("mr.v2", f"bearer.{text}")},
])
def test_places_of_a_token(port, tls, place):
    event = let_in(port, "/ws/chat", tls=tls, **place(token()))
    assert event["selected"] in (None, "mr.v2"), "the token is never repeated by the server"


def test_a_browser_gets_its_protocol_back(port, tls):
    event = let_in(port, "/ws/chat", tls=tls, protocols=("mr.v2", f"bearer.{token()}"))
    assert event["selected"] == "mr.v2" and event["v"] == 2


def test_without_a_token(port, tls):
    response = kept_out(port, "/ws/chat", tls=tls)
    assert response.headers["www-authenticate"] == 'Bearer realm="mr_ws"'
    for headers in ([("Authorization", "Basic YTpi")], [("Cookie", "session_tokens=x")],
                    [("Cookie", "xsession_token=x")], [("Authorization", "Bearer")]):
        response = kept_out(port, "/ws/chat", tls=tls, headers=headers)
        assert "error" not in response.headers["www-authenticate"]


def test_a_cookie_counts_where_it_is_named(stack):
    kept_out(stack.nginx.http_port, "/ws/rsa",
             headers=[("Cookie", f"session_token={token('RS256')}")])


def changed(text):
    at = len(text) - 20
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:]


def unsigned():
    header = base64url(json.dumps({"alg": "none"}).encode())
    body = base64url(json.dumps({"iss": "https://id.test", "aud": "chat", "sub": "alice",
                                 "exp": int(time.time()) + 300}).encode())
    return f"{header}.{body}."


class PublicKeyAsSecret:
    """Signs as the classic attack does: HMAC by what everybody may read."""

    def sign(self, data):
        forger = key("HS256", "forger")
        forger.secret = key("RS256").public.read_text()
        return forger.sign(data)


BAD = [  # what is wrong, the token, what the log of the server says of it
    ("expired", lambda: token(expires_in=-31), "it has expired"),
    ("no expiry", lambda: token(exp=None), 'it has no "exp"'),
    ("not yet", lambda: token(nbf=int(time.time()) + 100), "it is not valid yet"),
    ("issuer", lambda: token(iss="https://other.test"), 'its "iss" is not mr_ws_jwt_issuer'),
    ("no issuer", lambda: token(iss=None), 'its "iss" is not'),
    ("audience", lambda: token(aud="mail"), 'its "aud" does not fit'),
    ("no audience", lambda: token(aud=None), 'its "aud" does not fit'),
    ("no subject", lambda: token(sub=None), 'its "sub" is missing'),
    ("subject with control characters", lambda: token(sub="a\nb"), 'its "sub" is missing'),
    ("long subject", lambda: token(sub="s" * 256), 'its "sub" is missing'),
    ("changed signature", lambda: changed(token()), "its signature is wrong"),
    ("another secret", lambda: token(by=key("HS256", "foreign")), "its signature is wrong"),
    ("another RSA key", lambda: token("RS256", by=key("RS256", "foreign")),
     "its signature is wrong"),
    ("another EC key", lambda: token("ES256", by=key("ES256", "foreign")),
     "its signature is wrong"),
    ("none", lambda: unsigned() + "AA", "there is no key for its algorithm"),
    ("none, unsigned", unsigned, "it is not three parts"),
    ("unknown algorithm", lambda: token("HS256", header={"alg": "HS512"}),
     "there is no key for its algorithm"),
    ("public key as secret", lambda: token(by=PublicKeyAsSecret()), "its signature is wrong"),
    ("algorithm of another key", lambda: token("RS256", header={"alg": "ES256"}),
     "its signature is wrong"),
    ("other kind of token", lambda: token(header={"typ": "logout+jwt"}), "its header is no JSON"),
    ("critical extension", lambda: token(header={"crit": ["exp"]}), "its header is no JSON"),
    ("duplicate claim",
     lambda: token_of({"alg": "HS256"}, b'{"iss":"https://id.test","aud":"chat","sub":"a",'
                      b'"sub":"b","exp":4000000000}', key("HS256")), "its payload is no JSON"),
    ("no JSON", lambda: token_of({"alg": "HS256"}, b"alice", key("HS256")),
     "its payload is no JSON"),
    ("truncated", lambda: token()[:-3], "its signature is wrong"),
    ("no base64", lambda: token().replace(".", ".~", 1), "it is not three parts"),
    ("two parts", lambda: token().rpartition(".")[0], "it is not three parts"),
    ("empty parts", lambda: "..", "it is not three parts"),
]


@pytest.mark.parametrize("make, reason", [pytest.param(make, reason, id=name)
                                          for name, make, reason in BAD])
def test_a_bad_token(stack, port, tls, make, reason):
    """The client learns that it is bad, the log learns why, and nobody reads the token there. Over
    TLS as well: what OpenSSL notes of a signature must not be taken for trouble of the socket."""
    text = make()
    seen = len(stack.nginx.log.text())
    response = kept_out(port, "/ws/chat", tls=tls, headers=bearer(text))
    assert response.headers["www-authenticate"] == 'Bearer realm="mr_ws", error="invalid_token"'
    assert response.body == b"A valid access token is needed.\n"
    log = stack.nginx.log.text()[seen:]
    assert f"access token in Authorization not accepted: {reason}" in log
    assert len(text) < 20 or text not in log


def test_an_oversized_token(stack):
    text = token(x="y" * 7000)
    assert 8192 < len(text)
    with pytest.raises(Refused) as refusal:
        RawWs.open(stack.nginx.http_port, "/ws/chat", headers=bearer(text))
    assert refusal.value.response.status == 400, "nginx's own bound on one header line"
    let_in(stack.nginx.http_port, "/ws/chat", headers=bearer(token(x="y" * 5000)))


def test_two_tokens_in_one_place(stack):
    port = stack.nginx.http_port
    good = token()
    kept_out(port, "/ws/chat", status=400, headers=[*bearer(good), *bearer(good)])
    kept_out(port, "/ws/chat", protocols=("mr.v2", f"bearer.{good}", f"bearer.{good}"))
    kept_out(port, "/ws/chat",
             headers=[("Cookie", f"session_token={good}; session_token={good}")])


def test_a_bad_token_is_not_made_up_for_by_another_place(stack):
    good = token()
    kept_out(stack.nginx.http_port, "/ws/chat",
             headers=[*bearer("rubbish"), ("Cookie", f"session_token={good}")])
    kept_out(stack.nginx.http_port, "/ws/chat", protocols=("mr.v2", f"bearer.{good}"),
             headers=bearer(changed(good)))


def test_keys_of_a_set(stack):
    port = stack.nginx.http_port
    first, second, ec = key("RS256"), key("RS256", "second"), key("ES256")
    for by, kid in ((first, "rsa-1"), (second, "rsa-2")):
        let_in(port, "/ws/set", headers=bearer(token("RS256", by=by, header={"kid": kid})))
    let_in(port, "/ws/set", headers=bearer(token("ES256", by=ec, aud=["x", "other"])))
    for by, header in ((first, {"kid": "rsa-2"}), (first, {"kid": "no such key"}), (first, {}),
                       (second, {"kid": "for encryption"}), (first, {"kid": "ec-1"})):
        kept_out(port, "/ws/set", headers=bearer(token("RS256", by=by, header=header)))
    kept_out(port, "/ws/set", headers=bearer(token()))  # the set has no secret
    kept_out(port, "/ws/set", headers=bearer(token("ES256", expires_in=-1)))  # no leeway here


def test_a_location_has_its_own_keys_or_the_inherited_ones(stack):
    let_in(stack.nginx.http_port, "/ws/rsa", headers=bearer(token("RS256")))
    kept_out(stack.nginx.http_port, "/ws/rsa", headers=bearer(token("ES256")))


def test_where_no_token_is_required(stack):
    port = stack.nginx.http_port
    assert "token_expires_in_ms" not in let_in(port, "/ws/guest")
    let_in(port, "/ws/guest", headers=bearer(token()))
    kept_out(port, "/ws/guest", headers=bearer(changed(token())))
    with RawWs.open(port, "/ws/echo") as ws:
        ws.text('{"type":"auth","token":"an echo gives everything back"}')
        assert b"an echo" in ws.message().payload
        ws.close()


def test_the_handshake_and_the_origin_are_judged_first(stack):
    port = stack.nginx.http_port
    kept_out(port, "/ws/chat", status=403, headers=[("Origin", "http://evil.example")])
    kept_out(port, "/ws/chat", status=403,
             headers=[("Origin", "http://evil.example"), *bearer(token())])


def test_keys_are_read_again_on_reload(make_stack):
    path = directory() / "rotating.json"
    old, new = key("RS256"), key("ES256")
    path.write_text(json.dumps({"keys": [old.jwk()]}))
    stack = make_stack(apps="echo", locations="location = /ws/chat { mr_ws chat; "
                       f"mr_ws_jwt_jwks_file {path}; mr_ws_jwt_audience chat; }}")
    port = stack.nginx.http_port
    let_in(port, "/ws/chat", headers=bearer(token("RS256")))
    kept_out(port, "/ws/chat", headers=bearer(token("ES256")))
    path.write_text(json.dumps({"keys": [new.jwk()]}))
    before = stack.nginx.reload()
    wait_for(lambda: not any(worker.alive() for worker in before), "the old keys are gone")
    let_in(port, "/ws/chat", headers=bearer(token("ES256")))
    kept_out(port, "/ws/chat", headers=bearer(token("RS256")))


def test_tokens_leave_no_memory_behind(stack):
    """Good and bad ones of each algorithm, again and again: what is held afterwards is what was held
    after the first rounds."""
    good = [token(name) for name in ("HS256", "RS256", "ES256")]
    port = stack.nginx.http_port

    def rounds(count):
        for _ in range(count):
            for text in good:
                let_in(port, "/ws/chat", headers=bearer(text))
                kept_out(port, "/ws/chat", headers=bearer(changed(text)))
                kept_out(port, "/ws/chat", headers=bearer(text[:-40]))
        wait_for(lambda: not stack.redis.command("PUBSUB", "SHARDCHANNELS", "mr:*:oc:*"),
                 "the sessions are gone")

    rounds(60)
    before = stack.nginx.memory_kib()
    rounds(240)
    assert stack.nginx.memory_kib() - before < 256, "for 2,160 tokens"
