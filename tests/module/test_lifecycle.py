"""Where nginx listens and how it is set up: several servers and locations with settings of their own,
IPv6, unix sockets, the PROXY protocol, one process and four."""

import re

import pytest

from harness.nginx import free_ports
from harness.process import wait_for
from harness.raw_ws import Ended, PING, RawWs, Refused
from harness.tls import certificate
from test_resume_token import connected

SETTINGS = """
    mr_ws_max_message 3k;
    server {{
        listen 127.0.0.1:{http_port};
        server_name inner.test;
        mr_ws_max_message 2k;
        mr_ws_origin https://app.inner.test;
        mr_ws_ping_interval 1s;
        location = /ws/echo {{ mr_ws echo; }}
        location = /ws/tight {{ mr_ws echo; mr_ws_max_message 1k; mr_ws_origin any; }}
    }}
    server {{
        listen 127.0.0.1:{http_port};
        server_name bare.test;
        location / {{ return 200 "no websocket here"; }}
    }}
"""
IN_NAMED = ("inner.test", "/ws/echo"), ("inner.test", "/ws/tight")
LIMITS = [("localhost", "/ws/echo", 3072), (*IN_NAMED[0], 2048), (*IN_NAMED[1], 1024)]


@pytest.fixture
def listening(make_stack):
    """A stack with further lines in http{}, which may say {port}, {http_port} and {dir}: `stack.port`
    is theirs."""
    def make(lines):
        stack = make_stack(apps="echo", start=False)
        stack.port = free_ports(1)[0]
        text = stack.nginx.text

        def written():  # the other ports are chosen when nginx is started
            stack.nginx.http = lines.format(port=stack.port, http_port=stack.nginx.http_port,
                                            dir=stack.nginx.directory)
            return text()
        stack.nginx.text = written
        return stack.start()
    return make


def echoes(ws, text="hello"):
    ws.text(text)
    assert ws.message().payload == text.encode()


def open_at(stack, name, path, origin=None):
    """A session with the server of that name."""
    return RawWs.open(stack.nginx.http_port, path, host=name,
                      headers=[("Origin", origin)] if origin else [])


def test_each_server_and_location_has_its_own_limits(listening):
    stack = listening(SETTINGS)
    sessions = [open_at(stack, name, path) for name, path, _ in LIMITS]
    for ws, (_, _, limit) in zip(sessions, LIMITS):  # all open at once in one process
        echoes(ws, "x" * limit)
    for ws, (_, _, limit) in zip(sessions, LIMITS):
        ws.text("x" * (limit + 1))
        ws.expect_close(1009)
        ws.drop()


def test_each_server_and_location_has_its_own_origins(listening):
    stack = listening(SETTINGS)
    for name, path, origin, allowed in [
            ("localhost", "/ws/echo", "https://app.inner.test", False),
            ("inner.test", "/ws/echo", "https://app.inner.test", True),
            ("inner.test", "/ws/echo", "http://inner.test", False),
            ("inner.test", "/ws/tight", "https://anyone.test", True)]:
        if allowed:
            with open_at(stack, name, path, origin) as ws:
                echoes(ws)
                ws.close()
        else:
            with pytest.raises(Refused) as refusal:
                open_at(stack, name, path, origin)
            assert refusal.value.response.status == 403
    with pytest.raises(Refused) as refusal:
        open_at(stack, "bare.test", "/ws/echo")
    assert refusal.value.response.body == b"no websocket here"


def test_pings_follow_the_server_block(listening):
    stack = listening(SETTINGS)
    with open_at(stack, "inner.test", "/ws/echo") as pinged:
        assert pinged.frame().opcode == PING


def ended_line(stack, address):
    return wait_for(lambda: re.search(rf"session ended: .*client: {re.escape(address)},",
                                      stack.nginx.log.text()), f"a line of client {address}")


IPV6 = "server {{ listen [::1]:{port}; location / {{ mr_ws echo; }} }}"


def test_ipv6(listening):
    stack = listening(IPV6)
    with RawWs.open(stack.port, address="::1",
                    headers=[("Origin", f"http://localhost:{stack.port}")]) as ws:
        echoes(ws)
        ws.close()
    ended_line(stack, "::1")


@pytest.mark.parametrize("host, origin, allowed", [
    ("[::1]:{port}", "http://[::1]:{port}", True), ("[::1]:{port}", "http://[::2]:{port}", False),
    ("[::1]", "http://[::1]", True)])
def test_origins_with_an_ipv6_address(listening, host, origin, allowed):
    stack = listening(IPV6)
    host, origin = (text.format(port=stack.port) for text in (host, origin))

    def connect():
        return RawWs.open(stack.port, "/", address="::1", host=host, headers=[("Origin", origin)])
    if allowed:
        with connect() as ws:
            echoes(ws)
    else:
        with pytest.raises(Refused):
            connect()


def test_unix_socket(listening):
    """As behind another proxy on the same machine."""
    stack = listening("server {{ listen unix:{dir}/ws.sock; location / {{ mr_ws echo; }} }}")
    socket = stack.nginx.directory / "ws.sock"
    sessions = [RawWs.open(0, address=socket) for _ in range(5)]
    for number, ws in enumerate(sessions):
        echoes(ws, f"{number} " + "x" * 40_000)
    for ws in sessions:
        ws.close()
    ended_line(stack, "unix:")
    left = RawWs.open(0, address=socket)
    old = stack.nginx.reload()
    assert left.close_frame()[0].code == 1001
    left.drop()
    wait_for(lambda: not any(worker.alive() for worker in old), "the old worker is gone", 20)
    with RawWs.open(0, address=socket) as ws:
        echoes(ws)
        ws.close()


PROXIED = ("server {{ listen 127.0.0.1:{port} proxy_protocol; set_real_ip_from 127.0.0.1;"
           " real_ip_header proxy_protocol; location / {{ mr_ws echo; }} }}")
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v2_line(source, destination):
    """Version 2 of the PROXY protocol: binary, TCP over IPv4."""
    addresses = b"".join(bytes(map(int, one.split("."))) for one in (source, destination))
    return SIGNATURE + b"\x21\x11\x00\x0c" + addresses + b"\x04\xd2\x00\x50"


@pytest.mark.parametrize("preface, address", [
    (b"PROXY TCP4 192.0.2.7 127.0.0.1 1234 80\r\n", "192.0.2.7"),
    (b"PROXY TCP6 2001:db8::7 ::1 1234 80\r\n", "2001:db8::7"),
    (v2_line("192.0.2.9", "127.0.0.1"), "192.0.2.9"),
    (b"PROXY UNKNOWN\r\n", "127.0.0.1")])
def test_proxy_protocol(listening, preface, address):
    """The log names whom the PROXY line names, until the session's end."""
    stack = listening(PROXIED)
    with RawWs.open(stack.port, preface=preface) as ws:
        echoes(ws)
        ws.close()
    ended_line(stack, address)


def test_proxy_protocol_in_front_of_tls(listening):
    tls = certificate()
    stack = listening(PROXIED.replace(
        " proxy_protocol;", f" ssl proxy_protocol; ssl_certificate {tls}/cert.pem;"
        f" ssl_certificate_key {tls}/key.pem;", 1))
    with RawWs.open(stack.port, tls=True, preface=b"PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n") as ws:
        echoes(ws)
        ws.close()
    ended_line(stack, "192.0.2.7")


def test_a_missing_proxy_line_is_no_session(listening):
    stack = listening(PROXIED)
    with pytest.raises(Ended):
        RawWs.open(stack.port)
    with RawWs.open(stack.nginx.http_port) as ws:
        echoes(ws)


@pytest.mark.parametrize("processes", [1, 4])
def test_sessions_of_all_processes_are_served(make_stack, processes):
    """Many sessions over all processes, and each comes back through whichever takes it."""
    stack = make_stack(apps="chat,echo", processes=processes)
    assert len(stack.nginx.worker_pids()) == processes
    sessions = [RawWs.open(stack.nginx.http_port) for _ in range(60)]
    for number, ws in enumerate(sessions):
        ws.text(f"of {number}")
    for number, ws in enumerate(sessions):
        assert ws.message().payload == f"of {number}".encode()
    first = connected(stack.nginx.http_port, "mr.v2")
    for _ in range(4 * processes):
        again = connected(stack.nginx.http_port, "mr.v2", f"mr.resume.{first['resume_token']}.0-0")
        assert again["session_id"] == first["session_id"]
    for ws in sessions:
        ws.close()
