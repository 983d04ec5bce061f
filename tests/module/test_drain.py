"""Reload, quit and worse with open sessions: everyone is told with 1001, the old processes go, and
no log line is grave."""

import os
import signal
import threading
import time

import pytest

from harness.process import wait_for
from harness.raw_ws import CLOSE, Ended, RawWs, Refused, TEXT
from harness.sockets import owner_of

# How many of each kind: path, TLS, subprotocols.
CROWD = [(200, "/ws/chat", False, ("mr.v2",)), (100, "/ws/chat", True, ("mr.v2",)),
         (50, "/ws/chat", False, ()), (50, "/ws/chat", True, ()),
         (50, "/ws/echo", False, ()), (50, "/ws/echo", True, ())]


def gather(stack):
    clients = []
    for count, path, tls, protocols in CROWD:
        port = stack.nginx.https_port if tls else stack.nginx.http_port
        for _ in range(count):
            ws = RawWs.open(port, path, tls=tls, protocols=protocols)
            ws.v2 = bool(protocols)
            if path == "/ws/chat":
                assert ws.event()["type"] == "connected"
            clients.append(ws)
    return clients


def assert_told(ws):
    got, data = ws.close_frame(20)
    assert got.code == 1001, (got.code, got.payload)
    events = [one.json for one in data]
    if ws.v2:
        assert [event["type"] for event in events] == ["going_away"]
        assert 0 < events[0]["reconnect_in_ms"] <= 1000 and events[0]["reason"] == "reload"
    else:
        assert events == []
    ws.expect_end()
    ws.drop()


def newcomer_of(stack, old):
    """A session with a worker of the new configuration: in the first moments old ones accept too,
    and answer 503 or close with 1001."""
    def connect():
        try:
            ws = RawWs.open(stack.nginx.http_port)
        except (Refused, Ended, ConnectionResetError):
            return None
        if owner_of(ws, stack) in [worker.pid for worker in old]:
            ws.drop()
            return None
        return ws
    return wait_for(connect, "a new worker serves")


@pytest.fixture
def stack(make_stack):
    return make_stack(apps="echo", drain="500ms")


def test_reload_with_500_sessions(stack):
    clients = gather(stack)
    old = stack.nginx.reload()
    with newcomer_of(stack, old) as newcomer:  # served while the others are being closed
        newcomer.text("new")
        assert newcomer.message().payload == b"new"
        for ws in clients:
            assert_told(ws)
        wait_for(lambda: not any(worker.alive() for worker in old), "the old worker is gone", 20)
        newcomer.text("still here")
        assert newcomer.message().payload == b"still here"
        newcomer.close()


def test_quit_with_500_sessions(stack):
    clients = gather(stack)
    stack.nginx.quit()
    for ws in clients:
        assert_told(ws)
    assert stack.nginx.wait_gone() == 0


def test_terminate_tells_as_well(stack):
    clients = [RawWs.open(stack.nginx.http_port) for _ in range(50)]
    stack.nginx.worker_processes()
    stack.nginx.process.send(signal.SIGTERM)
    for ws in clients:
        assert ws.close_frame()[0].code == 1001
        ws.drop()
    assert stack.nginx.wait_gone() == 0


def test_sessions_close_over_half_of_the_window_and_not_all_at_once(make_stack):
    stack = make_stack(apps="echo", drain="4s")
    clients = [RawWs.open(stack.nginx.http_port) for _ in range(60)]
    stack.nginx.reload()
    order = []
    began = time.monotonic()
    while len(order) < len(clients):
        assert time.monotonic() - began < 20
        for ws in [ws for ws in clients if ws not in order and ws.readable()]:
            assert ws.frame().code == 1001
            order.append(ws)
            ws.at = time.monotonic() - began
            ws.drop()
    early = sum(ws.at < 1.0 for ws in clients)
    assert 5 <= early <= 55, f"{early} of 60 in the first half of that"


def test_a_drain_of_no_length_closes_at_once(make_stack):
    stack = make_stack(apps="echo", drain="0")
    clients = [RawWs.open(stack.nginx.http_port) for _ in range(50)]
    stack.nginx.reload()
    for ws in clients:
        assert ws.frame().code == 1001
        ws.drop()


def test_the_shutdown_timeout_has_the_last_word(make_stack):
    stack = make_stack(apps="echo", drain="1h", main="worker_shutdown_timeout 1s;")
    clients = [RawWs.open(stack.nginx.http_port) for _ in range(20)]
    clients += [RawWs.open(stack.nginx.https_port, tls=True) for _ in range(20)]
    old = stack.nginx.reload()
    for ws in clients:
        assert ws.frame().code == 1001
        ws.drop()
    wait_for(lambda: not any(worker.alive() for worker in old), "the old worker is gone", 10)


def test_clients_that_ignore_the_close_keep_no_old_worker(make_stack):
    stack = make_stack(apps="echo", drain="100ms")
    silent = [RawWs.open(stack.nginx.http_port) for _ in range(10)]
    silent += [RawWs.open(stack.nginx.https_port, tls=True) for _ in range(10)]
    old = stack.nginx.reload()
    wait_for(lambda: not any(worker.alive() for worker in old), "the old worker is gone", 15)
    for ws in silent:
        assert ws.frame().code == 1001
        ws.drop()


def test_reloads_in_a_row_with_clients_coming(make_stack):
    """Twenty reloads while two threads connect, echo and leave: whoever meets a worker that is going
    is told so (503, or 1001), and at the end one generation of workers is left and the master holds no
    more open files than before."""
    stack = make_stack(apps="echo", drain="100ms", processes=2)
    stop = threading.Event()
    served, trouble = [0, 0], []

    def client(number, port, tls):
        while not stop.is_set():
            try:
                with RawWs.open(port, tls=tls) as ws:
                    ws.text("x")
                    got = ws.frame()
                    if got.opcode == CLOSE:
                        assert got.code == 1001
                    else:
                        assert (got.opcode, got.payload) == (TEXT, b"x")
                        served[number] += 1
            except Refused as refusal:  # by a worker that is told to go with the request half read
                if refusal.response.status != 503:
                    trouble.append(repr(refusal))
            except (Ended, ConnectionResetError):
                pass  # the same, before anything was read
            except Exception as error:  # noqa: BLE001 - every other loss is a failure
                trouble.append(repr(error))
                return

    threads = [threading.Thread(target=client, args=(0, stack.nginx.http_port, False)),
               threading.Thread(target=client, args=(1, stack.nginx.https_port, True))]
    for thread in threads:
        thread.start()
    try:
        for count in range(20):
            before = list(served)
            stack.nginx.reload()
            if count == 1:
                files = open_files(stack.nginx.process.pid)
            wait_for(lambda before=before: trouble or all(
                now > then for now, then in zip(served, before)), "both clients are served", 20)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not trouble, trouble[:3]
    wait_for(lambda: len(stack.nginx.worker_processes()) == 2, "one generation is left", 20)
    assert open_files(stack.nginx.process.pid) <= files


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_a_killed_nginx_worker_takes_only_its_own_sessions(make_stack, watch):
    watch.allow(r"\[alert\] .* worker process \d+ exited on signal 9")
    stack = make_stack(apps="echo", processes=2)
    first, second = stack.nginx.worker_pids()
    clients = []
    deadline = time.monotonic() + 20
    while {owner for owner, _ in clients} != {first, second}:  # until both have some
        assert time.monotonic() < deadline, "one worker got nothing"
        ws = RawWs.open(stack.nginx.http_port)
        clients.append((owner_of(ws, stack), ws))
    os.kill(first, signal.SIGKILL)
    for owner, ws in clients:
        if owner == first:
            with pytest.raises(Ended):
                ws.frame()
        else:
            ws.text("alive")
            assert ws.message().payload == b"alive"
        ws.drop()
    wait_for(lambda: len(stack.nginx.worker_pids()) == 2, "another worker has been started")
    with RawWs.open(stack.nginx.http_port) as ws:
        ws.text("again")
        assert ws.message().payload == b"again"
