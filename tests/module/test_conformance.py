"""The numbered conformance cases over a real connection, through Redis and the echo worker and back:
the same frames, the same order, the same close code. Under the limits of the conformance profile
everything is strict; under those of production ten cases, named here, may end early."""

import time

import pytest

from conformance_cases import OPEN, Rounds, core, limits
from harness.raw_ws import CLOSE, RawWs

CORE = core()
LIMITS = limits()
RELAYED = {"3.2", "3.3", "3.4", "4.1.3", "4.1.4", "4.1.5", "4.2.3", "4.2.4", "4.2.5", "5.15"}
CLASSES = {"1": 16, "2": 11, "3": 7, "4": 10, "5": 20, "6": 145, "7": 37, "9": 54, "10": 1}
LIMIT_S = 60  # a shared machine, 16 MiB through Redis; nothing is judged by it


def numbers(cases):
    return [case.number for case in cases]


def test_the_tables_are_complete():
    every = numbers(CORE + LIMITS)
    assert len(every) == len(set(every)) == 301
    assert {name: sum(one.split(".")[0] == name for one in every) for name in CLASSES} == CLASSES
    assert {case.number for case in CORE if case.relayed} == RELAYED


def send(ws, case):
    if case.chop:
        ws.send_pieces(case.sent, case.chop)
    else:
        ws.send(case.sent)


def frames_until_close(ws):
    frames = []
    while True:
        got = ws.frame()
        if got.opcode == CLOSE:
            return frames, got.code
        assert got.fin, "the server does not fragment"
        frames.append((got.opcode, got.payload))


def run(ws, case, early_end_allowed):
    if isinstance(case, Rounds):
        for _ in range(case.count):
            ws.send_frame(case.opcode, case.payload)
            got = ws.frame()
            assert (got.opcode, got.payload) == (case.opcode, case.payload)
        return ws.close()
    send(ws, case)
    if case.end is OPEN:
        for opcode, payload in case.back:
            got = ws.frame()
            assert (got.opcode, got.fin) == (opcode, True)
            assert got.payload == payload, f"{len(got.payload)} bytes"
        return ws.close()
    frames, code = frames_until_close(ws)
    assert code == case.end
    assert frames == case.back or (early_end_allowed and not frames)
    return ws.expect_end()


@pytest.mark.parametrize("case", CORE, ids=numbers(CORE))
def test_core(port, tls, case):
    with RawWs.open(port, "/ws/conformance", tls=tls) as ws:
        run(ws, case, case.crossing)


@pytest.mark.parametrize("case", LIMITS, ids=numbers(LIMITS))
def test_limits(port, tls, case):
    with RawWs.open(port, "/ws/conformance", tls=tls, limit_s=LIMIT_S) as ws:
        run(ws, case, False)


@pytest.mark.parametrize("case", CORE, ids=numbers(CORE))
def test_core_under_production_limits(port, tls, case):
    small = len(case.sent) < 2**18
    with RawWs.open(port, "/ws/echo" if small else "/ws/large", tls=tls) as ws:
        run(ws, case, case.crossing or case.number in RELAYED)


def test_large_messages_of_several_clients_at_once(stack):
    """More than Redis keeps for a subscriber: what it drops is read from the log."""
    port = stack.nginx.http_port
    clients = [RawWs.open(port, "/ws/conformance", limit_s=LIMIT_S) for _ in range(4)]
    payloads = [bytes([i]) * (16 << 20) for i in range(len(clients))]
    for ws, payload in zip(clients, payloads):
        ws.binary(payload)
    for ws, payload in zip(clients, payloads):
        assert ws.message().payload == payload
    for ws in clients:
        ws.close()


def test_a_violation_does_not_hold_a_connection_for_ever(stack):
    """No worker answers any more: the grace ends, with the code of the violation."""
    case = next(case for case in CORE if case.number == "3.2")
    for worker in stack.workers:
        worker.freeze()
    try:
        with RawWs.open(stack.nginx.http_port, "/ws/conformance") as ws:
            ws.send(case.sent)
            frames, code = frames_until_close(ws)
            assert (frames, code) == ([], 1002)
            ws.expect_end()
    finally:
        for worker in stack.workers:
            worker.thaw()
    with RawWs.open(stack.nginx.http_port) as ws:
        ws.text("again")
        assert ws.message().payload == b"again"
        ws.close()


def test_all_answers_owed_come_before_the_close(stack):
    """Not only the last one, and nothing behind the violation counts."""
    from conformance_cases import text
    with RawWs.open(stack.nginx.http_port, "/ws/conformance") as ws:
        ws.send(b"".join(text(b"%d" % i) for i in range(50)) + text(rsv=4) + text(b"late") * 5)
        frames, code = frames_until_close(ws)
        assert [payload for _, payload in frames] == [b"%d" % i for i in range(50)]
        assert code == 1002
        ws.expect_end()
