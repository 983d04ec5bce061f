"""Classes 12 and 13 over a real connection, through Redis and the echo worker and back."""

import pytest

from deflate_cases import cases
from harness.deflate_ws import DeflateWs

CASES = list(cases())
MIN_SIZE = 1024  # mr_ws_deflate_min_size


def test_the_tables_are_complete():
    numbers = [case.number for case in CASES]
    assert len(set(numbers)) == len(numbers)
    assert sum(one.startswith("12.") for one in numbers) == 90
    assert sum(one.startswith("13.") for one in numbers) == 126


@pytest.mark.parametrize("case", CASES, ids=[case.number for case in CASES])
def test_case(port, tls, case):
    with DeflateWs.open(port, "/ws/deflate-patient", offer=case.offer, tls=tls, limit_s=30) as ws:
        wanted = 9 if "server_max_window_bits=9" in case.offer else 15
        assert ws.server_bits == wanted
        assert "server_no_context_takeover" in ws.agreed
        for payload in case.messages():
            ws.send_message(case.opcode, payload, case.frame)
            got = ws.message()
            assert got.opcode == case.opcode
            assert got.payload == payload, f"{len(got.payload)} bytes"
            assert not got.rsv1 or len(payload) >= MIN_SIZE
        ws.close()
