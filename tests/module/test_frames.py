"""Every frame case over a real connection, through Redis and the echo worker and back: exact bytes,
exact close codes, in plain text and under TLS."""

import pytest

from frame_cases import OPEN, all_cases
from harness.raw_ws import CLOSE, PONG, RawWs

CASES = all_cases()


def test_names_are_told_apart():
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))


def split(frames):
    """Pongs come from nginx at once, messages through Redis: each keeps its own order."""
    return ([payload for opcode, payload in frames if opcode == PONG],
            [(opcode, payload) for opcode, payload in frames if opcode != PONG])


def collect(ws, count):
    frames = [ws.frame() for _ in range(count)]
    assert all(one.fin for one in frames), "the server does not fragment"
    return [(one.opcode, one.payload) for one in frames]


def collect_to_close(ws):
    frames = []
    while True:
        got = ws.frame()
        if got.opcode == CLOSE:
            return frames, got.code
        frames.append((got.opcode, got.payload))


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_case(port, tls, case):
    with RawWs.open(port, tls=tls) as ws:
        if case.chop:
            ws.send_pieces(case.sent, case.chop)
        else:
            ws.send(case.sent)
        if case.end is OPEN:
            assert split(collect(ws, len(case.back))) == split(case.back)
            ws.close()
            return
        frames, code = collect_to_close(ws)
        assert code == case.end
        assert frames in ([], case.owed), "only the message in front of the error may come"
        ws.expect_end()


def test_the_same_connection_takes_all_good_cases(port, tls):
    """No state is left behind by one message that could spoil the next."""
    with RawWs.open(port, tls=tls) as ws:
        for case in CASES:
            if case.end is OPEN:
                ws.send(case.sent)
                assert split(collect(ws, len(case.back))) == split(case.back), case.name
        ws.close()
