"""nginx's own access phases in front of a WebSocket: what they refuse never gets to the module, what
they let through is judged further, and the name they establish can own sessions."""

import base64
import shutil
import ssl
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness.jwt import key, token
from harness.process import wait_for
from harness.raw_ws import RawWs, Refused
from harness.stack import shared_stack
from harness.tls import certificate

# The identity service is a server of its own: 204 with a name for whoever shows a known badge.
HTTP = """
    map $http_x_badge $badge_of {{ default ''; gold alice; silver bob; }}
    map $badge_of $badge_status {{ default 204; '' 401; }}
    server {{
        listen unix:{directory}/auth.sock;
        location / {{
            if ($badge_status = 401) {{ return 401; }}
            if ($http_x_badge = silver) {{ set $forbidden $http_x_forbid; }}
            if ($forbidden) {{ return 403; }}
            add_header X-User $badge_of;
            return 204;
        }}
    }}
    limit_req_zone $server_name zone=handshakes:1m rate=1r/m;
    limit_req_status 429;
    limit_conn_zone $server_name zone=open:1m;
"""
LOCATIONS = """
    ssl_verify_client optional;
    ssl_client_certificate {directory}/client.pem;
    location = /auth {{
        internal;
        proxy_pass http://unix:{directory}/auth.sock:/;
        proxy_pass_request_body off;
    }}
    location = /ws/echo {{ mr_ws echo; }}
    location = /ws/asked {{
        auth_request /auth;
        auth_request_set $user $upstream_http_x_user;
        mr_ws_subject $user;
        mr_ws chat;
    }}
    location = /ws/asked-and-token {{
        auth_request /auth;
        mr_ws_jwt_key_file {secret} HS256;
        mr_ws chat;
    }}
    location = /ws/denied {{ deny all; mr_ws chat; }}
    location = /ws/allowed {{ allow 127.0.0.1; deny all; mr_ws chat; }}
    location = /ws/password {{
        auth_basic "chat";
        auth_basic_user_file {directory}/users;
        mr_ws_subject $remote_user;
        mr_ws chat;
    }}
    location = /ws/password-or-badge {{
        satisfy any;
        auth_basic "chat";
        auth_basic_user_file {directory}/users;
        auth_request /auth;
        mr_ws_subject $remote_user;
        mr_ws chat;
    }}
    location = /ws/password-and-badge {{
        satisfy all;
        auth_basic "chat";
        auth_basic_user_file {directory}/users;
        auth_request /auth;
        mr_ws chat;
    }}
    location = /ws/any-and-token {{
        satisfy any;
        allow 127.0.0.1;
        auth_basic "chat";
        auth_basic_user_file {directory}/users;
        mr_ws_jwt_key_file {secret} HS256;
        mr_ws chat;
    }}
    location = /ws/slow {{ limit_req zone=handshakes burst=1 nodelay; mr_ws chat; }}
    location = /ws/certificate {{ mr_ws_subject $ssl_client_s_dn; mr_ws chat; }}
    location = /ws/prefixed {{ mr_ws_subject "user:$http_x_name"; mr_ws chat; }}
    location = /ws/header {{ mr_ws_subject $http_x_name; mr_ws chat; }}
"""


def client_certificate(directory):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/O=Example/CN=alice", "-keyout",
         directory / "client.key", "-out", directory / "client.pem"],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def directory():
    made = Path(tempfile.mkdtemp(prefix="mr-access-"))
    (made / "users").write_text("alice:{PLAIN}secret\n")
    client_certificate(made)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def stack(data_dir, directory):
    names = {"directory": directory, "secret": key("HS256").file}
    yield from shared_stack(data_dir, apps="echo", http=HTTP.format(**names),
                            locations=LOCATIONS.format(**names))


def basic(name="alice", password="secret"):
    return ("Authorization", "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode())


def status(port, path, *, tls=False, headers=(), protocols=()):
    """What the handshake is answered with."""
    try:
        with RawWs.open(port, path, tls=tls, headers=headers, protocols=protocols) as ws:
            assert ws.event()["type"] == "connected"
            ws.close()
            return 101
    except Refused as refusal:
        return refusal.response.status


def owner(stack, port, path, *, tls=False, headers=()):
    """Whose the session is, once it is written to."""
    with RawWs.open(port, path, tls=tls, headers=headers, protocols=("mr.v2",)) as ws:
        session = ws.event()["session_id"]
        ws.json({"message": "a question"})
        wait_for(lambda: stack.redis.command("KEYS", f"mr:*:s:{session}"), "the question is mail")
        name = stack.redis.command("KEYS", f"mr:*:s:{session}")[0]
        return stack.redis.command("HGET", name, "sub")


GOLD, SILVER = ("X-Badge", "gold"), ("X-Badge", "silver")
TOKEN = "bearer token of the test"  # stands for one in the table

ROWS = [  # path, headers, answer
    ("/ws/asked", [], 401),
    ("/ws/asked", [("X-Badge", "brass")], 401),
    ("/ws/asked", [SILVER, ("X-Forbid", "1")], 403),
    ("/ws/asked", [GOLD], 101),
    ("/ws/asked-and-token", [GOLD], 401),
    ("/ws/asked-and-token", [TOKEN], 401),
    ("/ws/asked-and-token", [GOLD, TOKEN], 101),
    ("/ws/denied", [], 403),
    ("/ws/allowed", [], 101),
    ("/ws/password", [], 401),
    ("/ws/password", [basic(password="wrong")], 401),
    ("/ws/password", [basic()], 101),
    ("/ws/password-or-badge", [], 401),
    ("/ws/password-or-badge", [basic()], 101),
    ("/ws/password-or-badge", [GOLD], 101),
    ("/ws/password-and-badge", [basic()], 401),
    ("/ws/password-and-badge", [GOLD], 401),
    ("/ws/password-and-badge", [basic(), GOLD], 101),
    # `satisfy any` is among nginx's own rules: a token of ours is asked for in any case.
    ("/ws/any-and-token", [], 401),
    ("/ws/any-and-token", [TOKEN], 101),
    ("/ws/header", [], 101),
    ("/ws/header", [("X-Name", "n" * 255)], 101),
    ("/ws/header", [("X-Name", "n" * 256)], 403),
    ("/ws/header", [("X-Name", "a\tb")], 403),
    ("/ws/header", [("X-Name", "J\xf6rg")], 403),  # Latin-1 is not UTF-8
]


@pytest.mark.parametrize("path, headers, expected", ROWS)
def test_who_is_let_in(port, tls, path, headers, expected):
    sent = [("Authorization", f"Bearer {token(aud=None)}") if header is TOKEN else header
            for header in headers]
    assert status(port, path, tls=tls, headers=sent) == expected


def test_a_password_goes_with_a_token_in_the_subprotocol(stack):
    """One Authorization line can hold one of them."""
    answer = status(stack.nginx.http_port, "/ws/any-and-token", headers=[basic()],
                    protocols=("mr.v2", f"bearer.{token(aud=None)}"))
    assert answer == 101


def test_the_challenge_is_of_whoever_refuses(stack):
    port = stack.nginx.http_port
    for path, headers, challenge in (("/ws/password", [], 'Basic realm="chat"'),
                                     ("/ws/asked-and-token", [GOLD], 'Bearer realm="mr_ws"')):
        with pytest.raises(Refused) as refusal:
            RawWs.open(port, path, headers=headers)
        assert refusal.value.response.headers["www-authenticate"] == challenge


def test_handshakes_are_limited_by_nginx(stack):
    port = stack.nginx.http_port
    assert [status(port, "/ws/slow") for _ in range(4)] == [101, 101, 429, 429]
    assert status(port, "/ws/allowed") == 101, "others are not concerned"


@pytest.mark.parametrize("path, headers, name", [
    ("/ws/asked", [GOLD], "alice"),
    ("/ws/asked", [SILVER], "bob"),
    ("/ws/password", [basic()], "alice"),
    ("/ws/password-or-badge", [basic()], "alice"),
    ("/ws/password-or-badge", [GOLD], None),
    ("/ws/asked-and-token", [GOLD, TOKEN], "alice"),
    ("/ws/prefixed", [("X-Name", "alice")], "user:alice"),
    ("/ws/header", [("X-Name", "J\xc3\xb6rg")], "J\xc3\xb6rg"),
    ("/ws/header", [], None),
    ("/ws/certificate", [], None),
])
def test_the_name_that_owns(stack, port, tls, path, headers, name):
    sent = [("Authorization", f"Bearer {token(aud=None)}") if header is TOKEN else header
            for header in headers]
    assert owner(stack, port, path, tls=tls, headers=sent) == name


def test_the_name_of_a_certificate_owns(stack, directory):
    context = ssl.create_default_context(cafile=str(certificate() / "cert.pem"))
    context.load_cert_chain(directory / "client.pem", directory / "client.key")
    name = owner(stack, stack.nginx.https_port, "/ws/certificate", tls=context)
    assert name == "CN=alice,O=Example"
