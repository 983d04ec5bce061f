"""How many connections and sessions there may be, over all nginx processes: whoever is over a limit
is told so in HTTP, and nobody else notices."""

import os
import signal
import time

import pytest

from harness.http import request
from harness.metrics import scrape, Watched
from harness.process import wait_for
from harness.raw_ws import RawWs, Refused, new_key, request_text, upgrade_headers
from harness.sockets import owner_of

REAL_IP = """
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;
"""
LOCATIONS = REAL_IP + """
    location = /ws/echo { mr_ws echo; mr_ws_max_connections_per_subject 0; }
    location = /ws/process { mr_ws echo; mr_ws_max_connections 3; }
    location = /ws/rate { mr_ws echo; mr_ws_connection_rate 5; }
    location = /ws/address { mr_ws echo; mr_ws_max_connections_per_address 3; }
    location = /ws/subject {
        mr_ws chat;
        mr_ws_subject $arg_user;
        mr_ws_max_connections_per_subject 3;
    }
    location = /ws/sessions {
        mr_ws chat;
        mr_ws_subject $arg_user;
        mr_ws_max_connections_per_subject 0;
        mr_ws_max_sessions_per_subject 2;
    }
    location = /ws/quick { mr_ws echo; mr_ws_handshake_timeout 1s; }
"""


@pytest.fixture
def own(make_stack):
    return make_stack(apps="chat,echo", locations=LOCATIONS)


@pytest.fixture
def pair(make_stack):
    return make_stack(apps="chat,echo", locations=LOCATIONS, processes=2)


def refused(port, path, **form):
    with pytest.raises(Refused) as caught:
        RawWs.open(port, path, **form)
    return caught.value.response


def address(text):
    return [("X-Real-IP", text)]


def hits(limit):
    return f'mr_ws_limit_hits_total{{limit="{limit}"}}'


def others_are_served(port):
    with RawWs.open(port, headers=address("198.51.100.99")) as ws:
        ws.text("still serving")
        assert ws.message().payload == b"still serving"
        ws.close()


# limit, path, headers of each client that counts together, status, Retry-After
ROWS = [
    ("process_connections", "/ws/process", [], 503),
    ("address_connections", "/ws/address", address("192.0.2.1"), 429),
    ("subject_connections", "/ws/subject?user=anna", [], 429),
]


@pytest.mark.parametrize("limit, path, headers, status", ROWS, ids=[row[0] for row in ROWS])
def test_the_fourth_of_three(own, limit, path, headers, status):
    port = own.nginx.http_port
    clients = [RawWs.open(port, path, headers=headers) for _ in range(3)]
    watched = Watched(port)
    answer = refused(port, path, headers=headers)
    assert answer.status == status
    assert int(answer.headers["retry-after"]) > 0
    watched.wait({hits(limit): 1, 'mr_ws_connections_refused_total{reason="limit"}': 1,
                  f'mr_ws_handshakes_failed_total{{status="{status}"}}': 1})
    others_are_served(port)
    clients.pop().close()
    wait_for(lambda: scrape(port)["mr_ws_connections"] == 2, "one is gone")
    with RawWs.open(port, path, headers=headers) as ws:
        assert refused(port, path, headers=headers).status == status
        ws.close()
    for ws in clients:
        ws.drop()
    wait_for(lambda: scrape(port)["mr_ws_zone_names"] == 0, "nothing is kept for who is gone")


def test_a_process_keeps_a_sixteenth_of_its_connections_by_default(make_stack):
    """Four of 64: whoever comes is told, and plain requests are answered."""
    stack = make_stack(apps="echo", connections=64)
    port = stack.nginx.http_port
    clients = []
    answer = None
    while answer is None:
        assert len(clients) < 64
        try:
            clients.append(RawWs.open(port))
        except Refused as error:
            answer = error.response
    assert len(clients) > 45
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert scrape(port)[hits("process_connections")] == 1
    assert request(port, "/healthz").status == 200
    clients[0].text("still here")
    assert clients[0].message().payload == b"still here"
    for ws in clients:
        ws.drop()


def test_other_names_and_addresses_have_limits_of_their_own(own):
    port = own.nginx.http_port
    for number in range(3):
        clients = [RawWs.open(port, "/ws/address", headers=address(f"192.0.2.{number}"))
                   for _ in range(3)]
        clients += [RawWs.open(port, f"/ws/subject?user=user{number}") for _ in range(3)]
        for ws in clients:
            ws.close()
    with RawWs.open(port, "/ws/subject") as ws:  # nobody in particular
        ws.close()


ADDRESSES = [
    ("one IPv4 address", ["192.0.2.1"] * 3, "192.0.2.1", True),
    ("its neighbour", ["192.0.2.1"] * 3, "192.0.2.2", False),
    ("IPv4 in IPv6", ["192.0.2.1"] * 3, "::ffff:192.0.2.1", True),
    ("one IPv6 network", ["2001:db8::1", "2001:db8::2", "2001:db8::ffff:1"], "2001:db8::3", True),
    ("another one", ["2001:db8::1"] * 3, "2001:db8:0:1::1", False),
]


@pytest.mark.parametrize("open_from, last, is_refused", [row[1:] for row in ADDRESSES],
                         ids=[row[0] for row in ADDRESSES])
def test_what_counts_as_one_address(own, open_from, last, is_refused):
    port = own.nginx.http_port
    clients = [RawWs.open(port, "/ws/address", headers=address(one)) for one in open_from]
    if is_refused:
        assert refused(port, "/ws/address", headers=address(last)).status == 429
    else:
        RawWs.open(port, "/ws/address", headers=address(last)).close()
    for ws in clients:
        ws.drop()


def test_new_connections_per_second(own):
    """A burst of five, then one every 200 ms."""
    port = own.nginx.http_port
    watched = Watched(port)
    began = time.monotonic()
    taken, answers = [], []
    for _ in range(60):
        try:
            taken.append(RawWs.open(port, "/ws/rate"))
        except Refused as error:
            answers.append(error.response)
    took_s = time.monotonic() - began
    assert 5 <= len(taken) <= 6 + took_s * 5
    assert answers and all(answer.status == 503 for answer in answers)
    assert {answer.headers["retry-after"] for answer in answers} == {"1"}
    watched.wait({hits("connection_rate"): len(answers)})
    others_are_served(port)
    wait_for(lambda: can_open(port, "/ws/rate"), "the next ones are taken")
    for ws in taken:
        ws.drop()


def opened(port, path, **form):
    """A connection, or None if it is refused."""
    try:
        return RawWs.open(port, path, **form)
    except Refused:
        return None


def can_open(port, path, **form):
    ws = opened(port, path, **form)
    if ws:
        ws.close()
    return ws is not None


# --- sessions of a subject


def test_sessions_of_a_subject(own):
    """Any number of connections of two sessions, and no third session."""
    port = own.nginx.http_port
    path = "/ws/sessions?user=anna"
    clients = [RawWs.open(port, path, protocols=["mr.v2"]) for _ in range(2)]
    token = clients[0].event()["resume_token"]
    watched = Watched(port)
    answer = refused(port, path, protocols=["mr.v2"])
    assert answer.status == 429 and "sessions" in answer.body.decode()
    watched.wait({hits("subject_sessions"): 1})
    resume = ["mr.v2", f"mr.resume.{token}.0-0"]
    clients += [RawWs.open(port, path, protocols=resume) for _ in range(4)]
    bad = ["mr.v2", f"mr.resume.{token[:-2]}AA.0-0"]
    assert refused(port, path, protocols=bad).status == 429, "that would be a new one"
    with RawWs.open(port, "/ws/sessions?user=bert", protocols=["mr.v2"]) as ws:
        ws.close()
    clients.pop(1).close()
    wait_for(lambda: can_open(port, path, protocols=["mr.v2"]), "a session has ended")
    for ws in clients:
        ws.drop()
    wait_for(lambda: scrape(port)["mr_ws_zone_names"] == 0, "nothing is kept for who is gone")


# --- over all processes


def both_processes(stack, path, count, **form):
    """`count` connections, at least one in each of two processes."""
    port = stack.nginx.http_port
    for _ in range(50):
        clients = [RawWs.open(port, path, **form) for _ in range(count)]
        if len({owner_of(ws, stack) for ws in clients}) == 2:
            return clients
        for ws in clients:
            ws.close()
        wait_for(lambda: scrape(port)["mr_ws_zone_names"] == 0, "they are gone")
    raise AssertionError("one process takes all connections")


COUNTED = [("/ws/address", {"headers": address("192.0.2.1")}), ("/ws/subject?user=anna", {})]


@pytest.mark.parametrize("path, form", COUNTED, ids=["address", "subject"])
def test_two_processes_count_together(pair, path, form):
    port = pair.nginx.http_port
    clients = both_processes(pair, path, 3, **form)
    for _ in range(10):
        assert refused(port, path, **form).status == 429
    clients.pop().close()
    wait_for(lambda: can_open(port, path, **form), "one is gone")
    for ws in clients:
        ws.drop()


@pytest.mark.parametrize("path, form", COUNTED, ids=["address", "subject"])
def test_a_killed_process_leaves_no_counts_behind(pair, watch, path, form):
    watch.allow(r"worker process \d+ exited on signal 9")
    port = pair.nginx.http_port
    clients = both_processes(pair, path, 3, **form)
    assert refused(port, path, **form).status == 429
    victim = owner_of(clients[-1], pair)
    left = [ws for ws in clients if owner_of(ws, pair) != victim]
    os.kill(victim, signal.SIGKILL)
    again = [wait_for(lambda: opened(port, path, **form), "its connections do not count any more")
             for _ in range(3 - len(left))]
    assert refused(port, path, **form).status == 429, "those of the other one still do"
    for ws in clients + again:
        ws.drop()
    wait_for(lambda: scrape(port)["mr_ws_zone_names"] == 0, "nothing is kept for who is gone")


def test_a_reload_keeps_the_counts(pair):
    """Old processes that drain go on counting."""
    port = pair.nginx.http_port
    pair.nginx.drain = "30s"
    pair.nginx.write()
    old = pair.nginx.reload()
    wait_for(lambda: not any(process.alive() for process in old), "the old ones are gone")
    clients = [RawWs.open(port, "/ws/subject?user=anna") for _ in range(3)]
    for ws in clients:
        assert ws.event()["type"] == "connected"
    before = {process.pid for process in pair.nginx.reload()}
    held = [ws for ws in clients if owner_of(ws, pair) in before]
    assert held == clients
    if scrape(port)["mr_ws_connections"] == 3:  # none of them has been drained yet
        assert refused(port, "/ws/subject?user=anna").status == 429
    for ws in clients:
        ws.drop()
    wait_for(lambda: can_open(port, "/ws/subject?user=anna"), "they are gone")


def test_a_full_zone_lets_in_and_says_so(make_stack):
    stack = make_stack(apps="echo", http="mr_ws_zone_size 256k;", connections=8192,
                       locations=LOCATIONS)
    port = stack.nginx.http_port
    clients = []
    while scrape(port)["mr_ws_zone_full_total"] == 0:
        assert len(clients) < 4000
        for _ in range(100):
            number = len(clients)
            where = address(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
            clients.append(RawWs.open(port, "/ws/address", headers=where))
    assert "the shared zone is full" in stack.nginx.log.text()
    assert 500 < scrape(port)["mr_ws_zone_names"] < len(clients)
    others_are_served(port)
    for ws in clients:
        ws.drop()
    wait_for(lambda: scrape(port)["mr_ws_zone_names"] == 0, "all of it is given back")
    clients = [RawWs.open(port, "/ws/address", headers=address("192.0.2.1")) for _ in range(3)]
    assert refused(port, "/ws/address", headers=address("192.0.2.1")).status == 429
    for ws in clients:
        ws.drop()


# --- a handshake that takes long


def test_a_handshake_that_trickles_in(own):
    port = own.nginx.http_port
    watched = Watched(port)
    text = request_text("/ws/quick", upgrade_headers(port, new_key()))
    with RawWs(port) as slow:
        began = time.monotonic()
        at = 0
        while time.monotonic() - began < 1.5:
            if at < len(text) - 1:
                slow.send(text[at:at + 1])
                at += 1
            with RawWs.open(port, "/ws/quick") as ws:  # others are not touched
                ws.close()
        slow.send(text[at:])
        assert slow.read_response().status == 408
    watched.wait({hits("handshake_timeout"): 1,
                  'mr_ws_connections_refused_total{reason="timeout"}': 1,
                  'mr_ws_handshakes_failed_total{status="408"}': 1})
