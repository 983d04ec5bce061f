"""/metrics over several processes: one sum; reloads keep what was counted, and a killed process leaves
nothing behind that is gone with it."""

import os
import signal

import pytest

from harness.metrics import scrape
from harness.process import wait_for
from harness.raw_ws import RawWs
from harness.sockets import owner_of
from test_metrics import echo_text


@pytest.fixture
def pair(make_stack):
    return make_stack(processes=2, apps="echo", locations="location = /ws/echo { mr_ws echo; }")


def spread(stack, count=200):
    """Connections in both processes."""
    port = stack.nginx.http_port
    clients = []
    for _ in range(count):
        clients.append(RawWs.open(port))
        if len(clients) >= 2 and len({owner_of(ws, stack) for ws in clients}) == 2:
            return clients
    raise AssertionError("one process takes all connections")


def test_two_processes_are_one_sum(pair):
    port = pair.nginx.http_port
    clients = spread(pair)
    assert scrape(port)["mr_ws_processes"] == 2
    for ws in clients:
        echo_text(ws)
    for _ in range(20):  # whichever process answers
        page = scrape(port)
        assert page["mr_ws_connections"] == len(clients)
        assert page["mr_ws_connections_accepted_total"] == len(clients)
        assert page['mr_ws_messages_total{direction="in",type="text"}'] == len(clients)
    for ws in clients:
        ws.close()
    wait_for(lambda: scrape(port)["mr_ws_connections"] == 0, "all are gone")
    assert scrape(port)["mr_ws_connections_accepted_total"] == len(clients)


def test_a_reload_keeps_what_was_counted(pair):
    port = pair.nginx.http_port
    with RawWs.open(port) as ws:
        echo_text(ws)
        before = scrape(port)
        old = pair.nginx.reload()
        assert scrape(port)["mr_ws_start_time_seconds"] == before["mr_ws_start_time_seconds"]
        assert ws.close_frame()[0].code == 1001
    wait_for(lambda: not any(process.alive() for process in old), "the old processes are gone")
    with RawWs.open(port) as ws:
        echo_text(ws)
        after = scrape(port)
        assert after["mr_ws_processes"] == 2
        assert after["mr_ws_connections"] == 1
        assert after["mr_ws_connections_accepted_total"] == 2
        assert after['mr_ws_messages_total{direction="in",type="text"}'] == 2
        assert after['mr_ws_redis_links_up{link="commands"}'] == 2


def test_another_size_of_the_zone_begins_anew(pair):
    port = pair.nginx.http_port
    with RawWs.open(port) as ws:
        echo_text(ws)
    pair.nginx.http = "mr_ws_zone_size 1m;"
    pair.nginx.write()
    old = pair.nginx.reload()
    wait_for(lambda: not any(process.alive() for process in old), "the old processes are gone")
    assert scrape(port)["mr_ws_zone_bytes"] == 2**20
    assert scrape(port)["mr_ws_connections_accepted_total"] == 0


def test_a_killed_process_takes_its_gauges_with_it_and_leaves_its_counters(pair, watch):
    watch.allow(r"worker process \d+ exited on signal 9")
    port = pair.nginx.http_port
    clients = spread(pair)
    for ws in clients:
        echo_text(ws)
    owners = [owner_of(ws, pair) for ws in clients]
    victim = owners[-1]
    left = sum(owner != victim for owner in owners)
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: scrape(port)["mr_ws_connections"] == left, "its connections are not counted")
    wait_for(lambda: scrape(port)["mr_ws_processes"] == 2, "another one is in its place")
    page = scrape(port)
    assert page["mr_ws_connections_accepted_total"] == len(clients)
    assert page['mr_ws_messages_total{direction="in",type="text"}'] == len(clients)
    for ws, owner in zip(clients, owners):
        if owner != victim:
            echo_text(ws)
            ws.close()
    wait_for(lambda: scrape(port)["mr_ws_connections"] == 0, "all are gone")


def test_a_killed_process_that_nobody_replaces(pair, watch):
    """The slot of a process that drains when it is killed is not taken again."""
    watch.allow(r"worker process \d+ exited on signal 9")
    port = pair.nginx.http_port
    pair.nginx.drain = "60s"
    pair.nginx.write()
    old = pair.nginx.reload()
    wait_for(lambda: not any(process.alive() for process in old), "the old processes are gone")
    clients = spread(pair)
    old = pair.nginx.reload()
    # Until they have closed their listening sockets, the kernel may have woken one of them alone for
    # the next connection, which would then wait for another one to come.
    wait_for(lambda: all(f"{process.pid}#{process.pid}: gracefully shutting down"
                         in pair.nginx.log.text() for process in old), "the old ones drain")
    held = scrape(port)["mr_ws_connections"]
    assert held > 0
    for process in old:
        if process.alive():
            os.kill(process.pid, signal.SIGKILL)
    wait_for(lambda: scrape(port)["mr_ws_connections"] == 0, "nothing is left of them")
    assert scrape(port)["mr_ws_processes"] == 2
    for ws in clients:
        ws.drop()


def test_a_counter_never_goes_back(pair):
    """Over reloads, connections and a moment of everything else."""
    port = pair.nginx.http_port
    before = scrape(port)
    for round_ in range(3):
        with RawWs.open(port) as ws:
            echo_text(ws)
        if round_ == 1:
            pair.nginx.reload()
        now = scrape(port)
        for key, value in now.samples.items():
            family = key.partition("{")[0]
            if now.types.get(family) == "counter":
                assert value >= before[key], key
        before = now
