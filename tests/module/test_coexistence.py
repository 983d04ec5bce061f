"""The module beside what nginx does otherwise: static files, a proxied backend with its own
WebSockets and streams, keep-alive, limits, real addresses; and the examples of conf-examples/."""

import hashlib
import re
import shutil
import socket
import tempfile
from pathlib import Path

import pytest

from backend import Backend
from conformance_cases import fragments
from harness.nginx import free_ports, user_line
from harness.paths import MODULE, NGINX, ROOT
from harness.process import Process, wait_for
from harness.raw_ws import RawWs, Refused, TEXT, new_key, request_text, upgrade_headers
from harness.stack import shared_stack
from harness.tls import certificate

LOCATIONS = """
    location = /ws/echo {{ mr_ws echo; }}
    location = /ws/one {{ mr_ws echo; limit_conn each 1; }}
    location = /ws/guarded-204 {{ mr_ws echo; auth_request /auth-204; }}
    location = /ws/guarded-401 {{ mr_ws echo; auth_request /auth-401; }}
    location = /ws/guarded-403 {{ mr_ws echo; auth_request /auth-403; }}
    location = /auth-204 {{ internal; return 204; }}
    location = /auth-401 {{ internal; return 401; }}
    location = /auth-403 {{ internal; return 403; }}
    location = /ws/denied {{ mr_ws echo; deny all; }}
    location = /ws/real {{ mr_ws echo; set_real_ip_from 127.0.0.1; real_ip_header X-Real-IP; }}
    location = /ws/sub {{ if ($arg_off) {{ return 418; }} mr_ws echo; }}
    location /static/ {{ alias {static}/; }}
    location / {{
        proxy_pass http://127.0.0.1:{backend};
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection_upgrade;
        proxy_buffering off;
    }}
"""
HTTP = """
    map $http_upgrade $connection_upgrade { default upgrade; '' close; }
    limit_conn_zone $server_name zone=each:1m;
    limit_conn_status 429;
    client_max_body_size 10m;
"""


@pytest.fixture(scope="module")
def backend():
    with Backend() as server:
        yield server


@pytest.fixture(scope="module")
def site(data_dir, backend):
    with tempfile.TemporaryDirectory(prefix="mr-static-") as static:
        Path(static, "file.txt").write_text("a file")
        yield from shared_stack(data_dir, apps="echo", http=HTTP,
                                locations=LOCATIONS.format(static=static, backend=backend.port))


def get(ws, path, method="GET", body=b"", more=()):
    headers = [("Host", "localhost"), *more]
    if body:
        headers.append(("Content-Length", str(len(body))))
    ws.send(request_text(path, headers, method) + body)
    return ws.read_response()


def test_everything_is_served_side_by_side(site):
    for port, tls in ((site.nginx.http_port, False), (site.nginx.https_port, True)):
        with RawWs.open(port, tls=tls) as ours, RawWs.open(port, "/own-ws", tls=tls) as theirs, \
                RawWs(port, tls=tls) as plain:
            for _ in range(3):  # the plain connection is kept alive
                ours.text("through redis")
                theirs.text("through the proxy")
                assert get(plain, "/static/file.txt").body == b"a file"
                assert get(plain, "/any?x=1").body == b"backend /any?x=1"
                upload = b"u" * 3_000_000
                assert get(plain, "/upload", "POST", upload).body.decode() == \
                    hashlib.sha256(upload).hexdigest()
                assert ours.message().payload == b"through redis"
                assert theirs.message().payload == b"THROUGH THE PROXY"
            ours.close()


def test_the_event_stream_of_the_backend_is_unbroken(site):
    with RawWs(site.nginx.http_port) as ws:
        ws.send(request_text("/events", [("Host", "localhost"), ("Connection", "close")]))
        assert ws.read_response().headers["content-type"] == "text/event-stream"
        wanted = b"data: 0\n\ndata: 1\n\ndata: 2\n\n"
        wait_for(lambda: _read_on(ws) or ws.received.count(b"data:") == 3, "three events")
        assert re.sub(rb"[0-9a-f]+\r\n|\r\n", b"", bytes(ws.received)) == wanted


def _read_on(ws):
    if ws.readable():
        data = ws.socket.recv(4096)
        ws.received += data
    return False


def test_access_rules_come_first(site):
    port = site.nginx.http_port
    for path, status in (("/ws/denied", 403), ("/ws/guarded-401", 401),
                         ("/ws/guarded-403", 403), ("/ws/sub?off=1", 418)):
        with pytest.raises(Refused) as refusal:
            RawWs.open(port, path)
        assert refusal.value.response.status == status
    for path in ("/ws/guarded-204", "/ws/sub"):
        with RawWs.open(port, path) as ws:
            ws.text("let in")
            assert ws.message().payload == b"let in"
            ws.close()


def test_a_detached_connection_still_counts_where_nginx_counts_requests(site):
    """limit_conn counts while the request lives; a detached session has given its request back, so
    the limit guards the handshake only. Both sessions live, and closing them leaves no trace."""
    port = site.nginx.http_port
    with RawWs.open(port, "/ws/one") as first:
        first.text("one")
        assert first.message().payload == b"one"
        with RawWs.open(port, "/ws/one") as second:
            second.text("two")
            assert second.message().payload == b"two"
            second.close()
        first.close()


def test_the_log_names_the_real_client(site):
    with RawWs.open(site.nginx.http_port, "/ws/real", headers=[("X-Real-IP", "192.0.2.7")]) as ws:
        ws.close()
    wait_for(lambda: re.search(r"session ended: .*client: 192\.0\.2\.7", site.nginx.log.text()),
             "the session's line with the client's address")


@pytest.mark.parametrize("tls", [False, True])
def test_a_mirrored_handshake_is_answered_before_the_mirror(make_stack, tls):
    """The request cannot be freed while its copy is under way; the client has its answer."""
    with socket.create_server(("127.0.0.1", 0)) as mirror:
        stack = make_stack(apps="echo", locations=f"""
            location = /ws/echo {{ mr_ws echo; mirror /copy; }}
            location = /copy {{ internal; proxy_pass http://127.0.0.1:{mirror.getsockname()[1]}; }}""")
        port = stack.nginx.https_port if tls else stack.nginx.http_port
        with RawWs.open(port, tls=tls) as ws:
            mirror.settimeout(20)
            copy, _ = mirror.accept()
            with copy:
                ws.text("hello")
                copy.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            assert ws.message().payload == b"hello"


def test_the_access_log_has_the_size_of_the_answer(make_stack, tmp_path):
    log = tmp_path / "sizes.log"
    stack = make_stack(apps="echo", http="log_format sizes '$status $bytes_sent';",
                       locations=f"location = /ws/echo {{ mr_ws echo; access_log {log} sizes; }}")
    port = stack.nginx.http_port
    with RawWs(port) as ws:
        ws.send(request_text("/ws/echo", upgrade_headers(port, new_key())))
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += ws.socket.recv(1)
    wait_for(lambda: log.read_text() == f"101 {len(answer)}\n", "it is logged")


def test_a_request_behind_the_session_is_not_answered(site):
    """Bytes behind the Close frame are never taken for HTTP (request smuggling)."""
    with RawWs.open(site.nginx.http_port) as ws:
        ws.send_frame(0x8, b"\x03\xe8")
        ws.send(request_text("/static/file.txt", [("Host", "localhost")]))
        assert ws.frame().code == 1000
        ws.expect_end()


# --- conf-examples/

class Example:
    """One file of conf-examples/ with the lines its README says one has to adapt."""

    def __init__(self, name, stack, backend):
        self.prefix = stack.directory / "example"
        self.port = free_ports(1)[0]
        text = (ROOT / "conf-examples" / name).read_text()
        text = text.replace("modules/ngx_mr_ws_module.so", str(MODULE))
        text = text.replace("redis://127.0.0.1:6379", stack.redis.url)
        text = text.replace("127.0.0.1:8000", f"127.0.0.1:{backend.port}")
        text = re.sub(r"listen 127\.0\.0\.1:\d+", f"listen 127.0.0.1:{self.port}", text)
        text = re.sub(r"worker_rlimit_nofile \d+;", "", text)  # not ours to raise everywhere
        text = text.replace("alias web/", f"alias {ROOT}/web/").replace(
            "root web/", f"root {ROOT}/web/")
        (self.prefix / "tls").mkdir(parents=True)
        for file in ("cert.pem", "key.pem"):
            shutil.copy(certificate() / file, self.prefix / "tls" / file)
        self.config = self.prefix / "nginx.conf"
        self.config.write_text(user_line() + "\n" + text)
        self.stack = stack

    def __enter__(self):
        self.process = Process("example", [
            NGINX, "-p", self.prefix, "-c", self.config, "-e", self.stack.nginx.log.path,
            "-g", f"pid {self.prefix}/nginx.pid; daemon off; "
                  f"error_log {self.stack.nginx.log.path} info;"], self.stack.nginx.console)
        wait_for(self._listens, "the example listens")
        return self

    def _listens(self):
        assert self.process.alive(), self.stack.nginx.console.text()
        try:
            RawWs(self.port).drop()
            return True
        except ConnectionRefusedError:
            return False

    def __exit__(self, *_):
        self.process.stop()


@pytest.mark.parametrize("name, tls", [("minimal.conf", False), ("full.conf", True),
                                       ("drop-in-after.conf", True)])
def test_an_example_answers_a_question(make_stack, backend, name, tls):
    stack = make_stack(apps="chat", settings={"local_tokens_per_second": 0})
    with Example(name, stack, backend) as example:
        with RawWs.open(example.port, "/ws/chat", tls=tls) as ws:
            assert ws.event()["type"] == "connected"
            ws.json({"message": "How many projects do we have?"})
            events = ws.events_until("response_complete")
            assert any(event["type"] == "text_chunk" for event in events)
            ws.close()
        if name != "minimal.conf":
            def says_ready():
                with RawWs(example.port, tls=True) as plain:
                    return get(plain, "/readyz").status == 200
            wait_for(says_ready, "/readyz says so")
        if name == "drop-in-after.conf":
            with RawWs(example.port, tls=True) as plain:
                assert get(plain, "/api").body == b"backend /api"
            with RawWs.open(example.port, "/ws/voice", tls=True) as theirs:
                theirs.text("still theirs")
                assert theirs.message().payload == b"STILL THEIRS"
        if name == "full.conf":
            with RawWs(example.port, tls=True) as plain:
                assert get(plain, "/").status == 200
                assert get(plain, "/ws/other").status == 404


def test_the_conformance_profile_takes_what_it_says(make_stack, backend):
    stack = make_stack(apps="echo")
    with Example("conformance.conf", stack, backend) as example:
        with RawWs.open(example.port, limit_s=60) as ws:
            payload = bytes(range(256)) * (16 * 4096)
            ws.binary(payload)
            assert ws.message().payload == payload
            ws.send(fragments(TEXT, b"f" * 65536, 1))
            assert ws.message().payload == b"f" * 65536
            ws.close()


def test_the_drop_in_before_proxies_everything(make_stack, backend):
    stack = make_stack(apps="echo")
    with Example("drop-in-before.conf", stack, backend) as example:
        with RawWs.open(example.port, "/ws/chat", tls=True) as theirs:
            theirs.text("theirs")
            assert theirs.message().payload == b"THEIRS"


def test_the_migration_changes_only_marked_lines():
    before, after = ((ROOT / "conf-examples" / f"drop-in-{which}.conf").read_text().splitlines()
                     for which in ("before", "after"))
    lines = [line for line in after if line.strip() and not line.startswith("#")]
    rest = iter(line for line in before if line.strip() and not line.startswith("#"))
    wanted = next(rest)
    added = []
    for line in lines:
        if line == wanted:
            wanted = next(rest, None)
        else:
            added.append(line)
    assert wanted is None, f"missing in the new file: {wanted}"
    inside = False
    for line in added:
        assert inside or "# new" in line, line
        inside = line.endswith("{ # new") or (inside and line.strip() != "}")


def test_full_conf_shows_every_directive():
    source = (ROOT / "ngx_mr_ws_module/module.cpp").read_text()
    directives = set(re.findall(r'ngx_string\("(mr_ws\w*)"\)', source))
    assert len(directives) >= 13
    shown = set(re.findall(r"^[ #]*(mr_ws\w*)[ ;]", (ROOT / "conf-examples/full.conf").read_text(),
                           re.MULTILINE))
    assert shown == directives


