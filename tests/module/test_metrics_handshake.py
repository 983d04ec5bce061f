"""Counters of handshakes that become no connection: each is brought about, and moves by what happened,
and nothing else does."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from harness.http import request
from harness.jwt import key, token
from harness.metrics import Watched, closed, hits, refusals
from harness.paths import ROOT, SANITIZED
from harness.process import wait_for
from harness.raw_ws import Ended, RawWs, Refused, new_key, request_text, upgrade_headers
from harness.sockets import find_owner, unread_bytes

sys.path.insert(0, str(ROOT / "tests/torture"))
from table import Table  # noqa: E402

ACCEPTED = "mr_ws_connections_accepted_total"
CREATED = "mr_ws_sessions_created_total"
LOCATIONS = """
    ssl_early_data on;
    location = /ws/echo { mr_ws echo; }
    location = /ws/token { mr_ws echo; mr_ws_jwt_key_file %s HS256; }
    location = /ws/trickle { mr_ws echo; mr_ws_handshake_timeout 1s; limit_rate 1; }
    location = /ws/one { mr_ws echo; mr_ws_subject $arg_user; mr_ws_max_sessions_per_subject 1; }
"""


@pytest.fixture
def own(make_stack):
    return make_stack(apps="echo", locations=LOCATIONS % key("HS256").file)


@pytest.fixture
def port(own):
    return own.nginx.http_port


@pytest.fixture
def watched(port):
    return Watched(port)


@pytest.mark.parametrize("headers", [
    [], [("Authorization", "Bearer no.token.atall")],
    [("Authorization", f"Bearer {token(aud=None, expires_in=-300)}")]],
    ids=["none", "nonsense", "expired"])
def test_a_token_that_is_missing_or_not_good(watched, port, headers):
    with pytest.raises(Refused) as refused:
        RawWs.open(port, "/ws/token", headers=headers)
    assert refused.value.response.status == 401
    watched.wait_only(refusals("token", 401))


def test_early_data(own, watched, tmp_path):
    """A handshake inside of TLS 1.3 early data could be somebody's repetition of one."""
    server = f"127.0.0.1:{own.nginx.https_port}"
    session, early = tmp_path / "session", tmp_path / "early"
    client = ["openssl", "s_client", "-connect", server, "-tls1_3", "-ign_eof"]
    subprocess.run([*client, "-sess_out", session], check=True, capture_output=True, timeout=20,
                   input=b"GET /healthz HTTP/1.0\r\n\r\n")
    text = request_text("/ws/echo", upgrade_headers(own.nginx.https_port, new_key()))
    early.write_bytes(text)
    done = subprocess.run([*client, "-sess_in", session, "-early_data", early], input=b"",
                          capture_output=True, timeout=20, check=False)
    assert b"HTTP/1.1 425 Too Early" in done.stdout, done.stdout[-2000:] + done.stderr[-500:]
    watched.wait_only(refusals("handshake", 425))


def test_a_process_that_is_shutting_down(own, watched, port):
    """It has read half of the request when it is told to go."""
    text = request_text("/ws/echo", upgrade_headers(port, new_key()))
    with RawWs(port) as ws:
        ws.send(text[:-10])
        wait_for(lambda: find_owner(ws, own) and unread_bytes(ws) == 0, "half is read")
        old, = own.nginx.reload()
        wait_for(lambda: f"{old.pid}#{old.pid}: gracefully shutting down" in own.nginx.log.text(),
                 "the old process is on its way out")
        ws.send(text[-10:])
        response = ws.read_response()
        assert response.status == 503 and int(response.headers["retry-after"]) > 0
    watched.wait_only(refusals("draining", 503))
    wait_for(lambda: not old.alive(), "the old process is gone")


@pytest.mark.parametrize("goes", ["the client", "nobody"])
def test_an_answer_that_is_not_out(watched, port, goes):
    """The 101 leaves at a byte per second, and mr_ws_handshake_timeout is over before its end."""
    with RawWs(port) as ws:
        ws.send(request_text("/ws/trickle", upgrade_headers(port, new_key())))
        wait_for(ws.readable, "it begins")
        if goes == "the client":
            ws.reset()
        else:
            with pytest.raises(Ended):
                ws.read_response()
    watched.wait_only({'mr_ws_connections_refused_total{reason="aborted"}': 1})


@contextmanager
def frozen(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_two_sessions_of_one_subject_that_begin_at_once(own, watched, port):
    """Both are admitted before either is counted: the second one is closed instead of refused."""
    clients = [RawWs(port) for _ in range(2)]
    pid = own.nginx.worker_pids()[0]
    for ws in clients:
        wait_for(lambda ws=ws: find_owner(ws, own), "it is accepted")
    with frozen(pid):
        for ws in clients:
            ws.send(request_text("/ws/one?user=anna", upgrade_headers(port, new_key())))
        wait_for(lambda: all(unread_bytes(ws) for ws in clients), "both have asked")
    for ws in clients:
        assert ws.read_response().status == 101
    watched.wait_only({ACCEPTED: 2, CREATED: 2, **hits("subject_sessions"), **closed(1008)})
    served = []
    for ws in clients:
        try:
            ws.text("still here")
            served.append(ws.message().payload == b"still here")
        except (Ended, ConnectionError) as error:
            assert "1008" in str(error) and "too many sessions" in str(error)
            served.append(False)
        ws.drop()
    assert sorted(served) == [False, True]


# --- memory


@pytest.fixture
def short(make_stack, tmp_path, watch):
    if SANITIZED:
        pytest.skip("the sanitizer has the allocations")
    watch.allow(r"\[(emerg|alert|crit)\] .*(malloc|memalign)\(.*failed|could not allocate new pool|"
                r"Cannot allocate memory")
    table = Table(tmp_path)
    stack = make_stack(apps="echo", env=table.env)
    stack.table = table
    table.pid = stack.nginx.worker_pids()[0]
    return stack


def try_handshake(port):
    """The status, or None where nginx just closes."""
    try:
        with RawWs.open(port) as ws:
            return ws.response.status
    except Refused as refused:
        return refused.response.status
    except (Ended, ConnectionError):
        return None


def test_no_memory_for_a_connection(short):
    """Each allocation of a handshake fails once, whoever needs it. The first ones are nginx's own: it
    has no memory for the request, and nothing is counted."""
    port = short.nginx.http_port
    assert try_handshake(port) == 101
    request(port, "/metrics")  # what is allocated once
    statuses, at = [], 0
    while True:
        wait_for(lambda: Watched(port).before["mr_ws_connections"] == 0, "it is gone")
        watched = Watched(port)
        short.table.arm(at, at)
        statuses.append(try_handshake(port))
        failed = short.table.disarm()[1]
        if statuses[-1] == 503:
            watched.wait_only(refusals("memory", 503))
        elif statuses[-1] is None and 503 in statuses:  # the answer could not be made
            watched.wait_only({'mr_ws_connections_refused_total{reason="memory"}': 1})
        if not failed:
            break
        at += 1
        assert at < 200
    assert statuses[-1] == 101
    assert 503 in statuses and None in statuses[statuses.index(503):], statuses
