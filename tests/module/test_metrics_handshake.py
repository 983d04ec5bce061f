"""Counters of handshakes that become no connection: each is brought about, and moves by what happened,
and nothing else does."""

import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from harness.http import request
from harness.http_chat import JSON, question
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
    location = /v1/chat { mr_ws_http chat; send_timeout 1s; }
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


class Repeated:
    """Between a TLS client and nginx: passes on what somebody else could send again, which is the
    ClientHello, the early data, and (`sealed` 2) the end of it, all at once; the Finished never."""

    HANDSHAKE, SEALED = 22, 23  # content types of records, RFC 8446 section 5.1

    def __init__(self, upstream, sealed):
        self.upstream, self.sealed = upstream, sealed
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.passed_on = threading.Event()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        client, _ = self.listener.accept()
        server = socket.create_connection(("127.0.0.1", self.upstream))
        threading.Thread(target=self.back, args=(server, client), daemon=True).start()
        with client, server, client.makefile("rb") as records:
            held, sealed = b"", 0
            while header := records.read(5):
                record = header + records.read(int.from_bytes(header[3:5], "big"))
                sealed += record[0] == self.SEALED
                held += record
                if record[0] == self.HANDSHAKE or (record[0] == self.SEALED and sealed == self.sealed):
                    server.sendall(held)
                    held = b""
                    if sealed == self.sealed:
                        self.passed_on.set()

    @staticmethod
    def back(server, client):
        try:
            while data := server.recv(65536):
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the client has gone


def handshake_text(port):
    return request_text("/ws/echo", upgrade_headers(port, new_key()))


def question_text(port):
    body = question("Hello")
    lines = [("Host", f"localhost:{port}"), *JSON, ("Content-Length", str(len(body))),
             ("Connection", "close")]
    return request_text("/v1/chat", lines, "POST") + body


@pytest.mark.parametrize("sealed, text, counted", [
    (1, handshake_text, refusals("handshake", 425)),
    (2, handshake_text, refusals("handshake", 425)),
    (1, question_text, {'mr_ws_http_requests_total{status="425"}': 1}),
    (2, question_text, {'mr_ws_http_requests_total{status="408"}': 1})],  # nobody takes the 425
    ids=["handshake", "handshake with the end", "question", "question with the end"])
def test_early_data(own, watched, tmp_path, sealed, text, counted):
    """What comes in early data could be somebody's repetition, as long as the client's Finished has not
    come; nginx's `in_early` ends before that. (So does its writing: behind the end of early
    data the 425 waits for the Finished.)"""
    port = own.nginx.https_port
    session, early = tmp_path / "session", tmp_path / "early"
    client = ["openssl", "s_client", "-tls1_3", "-ign_eof", "-connect"]
    subprocess.run([*client, f"127.0.0.1:{port}", "-sess_out", session], timeout=20, check=True,
                   input=b"GET /healthz HTTP/1.0\r\n\r\n", capture_output=True)
    early.write_bytes(text(port))
    repeated = Repeated(port, sealed)
    words = [*client, f"127.0.0.1:{repeated.port}", "-sess_in", session, "-early_data", early]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as attempt:
        try:
            assert repeated.passed_on.wait(20)
            if sealed == 1:
                assert b"HTTP/1.1 425 Too Early" in attempt.communicate(timeout=20)[0]
        finally:
            attempt.kill()
    watched.wait(counted)
    assert "mr_ws_mail_stored_total" not in watched.moved()


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
