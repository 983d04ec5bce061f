"""Questions over HTTP under the limits of connections: a request in flight counts as a WebSocket
does, from its headers to the end of its answer, and one too many is told so in JSON."""

import subprocess
import time

import pytest

from harness.http_chat import JSON, Events, HttpClient, question
from harness.metrics import Watched, scrape
from harness.process import wait_for
from harness.nginx import free_ports
from harness.raw_ws import RawWs, Refused
from harness.tls import certificate

LIMITED = {
    "process": "mr_ws_max_connections 3;",
    "address": "mr_ws_max_connections_per_address 3;",
    "subject": "mr_ws_max_connections_per_subject 3;",
    "rate": "mr_ws_connection_rate 5;",
    "sessions": "mr_ws_max_connections_per_subject 0; mr_ws_max_sessions_per_subject 2;",
}
LOCATIONS = """
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;
    mr_ws_subject $arg_user;
    location = /v1/chat { mr_ws_http chat; }
""" + "".join(f"""
    location = /ws/{name} {{ mr_ws chat; {limit} }}
    location = /v1/{name} {{ mr_ws_http chat; {limit} }}
""" for name, limit in LIMITED.items())


@pytest.fixture
def own(make_stack):
    return make_stack(apps="chat", locations=LOCATIONS, settings={"lease": "60s"})


def hits(limit):
    return f'mr_ws_limit_hits_total{{limit="{limit}"}}'


def hold(port, path, headers=()):
    """A request that is in flight for as long as its body does not end."""
    client = HttpClient(port)
    client.post(b"", [*JSON, *headers, ("Content-Length", "10"), ("Expect", "100-continue")], path,
                length=False)
    got = client.head()
    if got.status != 100:
        got.body = client.take(int(got.headers["content-length"]))
        client.close()
        raise Refused(got)
    return client


def is_taken(port, path, headers=()):
    try:
        hold(port, path, headers).close()
        return True
    except Refused:
        return False


def refused(port, path, headers=()):
    """A whole question that is one too many; the connection is as good as before."""
    with HttpClient(port) as client:
        got = client.post(question("Hello"), [*JSON, *headers], path).response()
        again = client.post(b"", [*JSON, ("X-Real-IP", "198.51.100.9")], "/v1/chat").response()
        assert (again.status, again.json["error"]["code"]) == (400, "bad_json")
    assert got.headers["content-type"] == "application/json"
    assert list(got.json["error"]) == ["code", "message", "trace_id"]
    return got


ROWS = [
    ("process_connections", "process", [], 503, "busy"),
    ("address_connections", "address", [("X-Real-IP", "192.0.2.1")], 429, "rate_limited"),
    ("subject_connections", "subject?user=anna", [], 429, "rate_limited"),
]


@pytest.mark.parametrize("limit, path, headers, status, code", ROWS, ids=[row[0] for row in ROWS])
def test_the_fourth_of_three_is_told_so(own, limit, path, headers, status, code):
    """Two questions and a WebSocket: neither a third question nor a second WebSocket."""
    port = own.nginx.http_port
    ws = RawWs.open(port, f"/ws/{path}", headers=headers)
    held = [hold(port, f"/v1/{path}", headers) for _ in range(2)]
    watched = Watched(port)
    got = refused(port, f"/v1/{path}", headers)
    assert got.status == status and got.json["error"]["code"] == code
    assert got.headers["retry-after"] == "5" and len(got.json["error"]["trace_id"]) == 32
    with pytest.raises(Refused) as caught:
        RawWs.open(port, f"/ws/{path}", headers=headers)
    assert caught.value.response.status == status
    watched.wait({hits(limit): 2})
    held.pop().close()
    wait_for(lambda: is_taken(port, f"/v1/{path}", headers), "a question that is gone makes room")
    ws.close()
    for client in held:
        client.close()
    wait_for(lambda: scrape(port)["mr_ws_zone_names"] == 0, "nothing is kept for who is gone")


def test_one_after_the_other_is_one_at_a_time(own):
    """An answer that is out does not count any more, on a connection that is kept alive."""
    with HttpClient(own.nginx.http_port) as client:
        for _ in range(10):
            got = client.post(question("Hello"), path="/v1/subject?user=anna").response()
            assert got.status == 200, got.body


def test_new_ones_per_second(own):
    """A burst of five, then one every 200 ms; those with nothing in them are refused behind it."""
    port = own.nginx.http_port
    watched = Watched(port)
    began = time.monotonic()
    with HttpClient(port) as client:
        answers = [client.post(b"", path="/v1/rate").response() for _ in range(60)]
    took_s = time.monotonic() - began
    taken = [got for got in answers if got.status == 400]
    late = [got for got in answers if got.status != 400]
    assert 5 <= len(taken) <= 6 + took_s * 5
    assert late and {(got.status, got.json["error"]["code"], got.headers["retry-after"])
                     for got in late} == {(503, "busy", "1")}
    watched.wait({hits("connection_rate"): len(late)})


def test_sessions_of_a_subject(own):
    """Two of them, and a third question in one of these: no third session."""
    port, path = own.nginx.http_port, "/v1/sessions?user=anna"
    own.workers[0].freeze()
    streams = [Events(port, question("Hello"), path=path) for _ in range(2)]
    for stream in streams:
        stream.until("connected")
    got = refused(port, path)
    assert got.status == 429 and "sessions" in got.json["error"]["message"]
    token = ("MR-Resume-Token", streams[0].token)
    with Events(port, question("Hello"), path=path, headers=[token]) as same:
        same.until("connected")
    with Events(port, question("Hello"), path="/v1/sessions?user=bert") as other:
        other.until("connected")
    streams.pop().close()
    wait_for(lambda: is_taken(port, path), "a session has ended")
    own.workers[0].thaw()
    assert streams[0].until("response_complete")
    streams[0].close()
    wait_for(lambda: scrape(port)["mr_ws_zone_names"] == 0, "nothing is kept for who is gone")


def test_two_processes_count_together(make_stack):
    stack = make_stack(apps="chat", locations=LOCATIONS, processes=2)
    port, path = stack.nginx.http_port, "/v1/subject?user=anna"
    held = [hold(port, path) for _ in range(3)]
    for _ in range(10):
        assert refused(port, path).status == 429
    held.pop().close()
    wait_for(lambda: is_taken(port, path), "one is gone")
    for client in held:
        client.close()


def test_over_http2_each_request_counts(make_stack):
    """Five of them side by side in one connection, three of which are let in."""
    tls, (port,) = certificate(), free_ports(1)
    stack = make_stack(apps="chat", locations=LOCATIONS, settings={"lease": "60s"}, http=f"""
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_certificate {tls}/cert.pem;
        ssl_certificate_key {tls}/key.pem;
        {LOCATIONS}
    }}
    """)
    watched = Watched(stack.nginx.http_port)
    stack.workers[0].freeze()
    one = ["--silent", "--http2", "--cacert", tls / "cert.pem", "--max-time", "60", "--fail-early",
           "-H", "Content-Type: application/json", "-d", question("Hello").decode(),
           "--write-out", r"%{num_connects} %{http_version} %{http_code}\n", "--output", "/dev/null",
           f"https://localhost:{port}/v1/subject?user=anna"]
    words = [word for number in range(5) for word in (["--next"] if number else []) + one]
    with subprocess.Popen(["curl", "--parallel", *words], stdout=subprocess.PIPE, text=True) as curl:
        watched.wait({'mr_ws_http_requests_in_flight{form="object"}': 3,
                      hits("subject_connections"): 2})
        stack.workers[0].thaw()
        told = [line.split() for line in curl.communicate(timeout=90)[0].splitlines()]
    assert sorted(line[2] for line in told) == ["200"] * 3 + ["429"] * 2
    assert {line[1] for line in told} == {"2"}
    assert sum(int(line[0]) for line in told) == 1, "it was one connection"


def test_a_foreign_page_or_a_bad_form_counts_for_nobody(own):
    """What is refused for another reason is refused before."""
    port, path = own.nginx.http_port, "/v1/subject?user=anna"
    held = [hold(port, path) for _ in range(3)]
    with HttpClient(port) as client:
        got = client.post(question("Hello"), [("Content-Type", "text/plain")], path).response()
    assert got.status == 415
    for client in held:
        client.close()
