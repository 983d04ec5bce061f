"""permessage-deflate over real connections: what is agreed upon, what is compressed, and what
becomes of everything a hostile peer may send (RFC 7692)."""

import os
import re
from pathlib import Path

import pytest

from conformance_cases import fragments, more, text
from harness.deflate_ws import BROWSER, DeflateWs, RSV1, compressed_frames, deflated
from harness.paths import SANITIZED
from harness.raw_ws import (BINARY, CLOSE, CONTINUATION, PING, PONG, RawWs, TEXT, close_payload,
                            frame)

LINE = "Invoice of the Harbor Point project, still open. "
PROSE = (LINE * 400).encode()
NO_TAKEOVER = {"server_no_context_takeover": None, "client_no_context_takeover": None}


# --- agreement

OFFERS = [  # the offer, what has to be agreed upon (None: nothing)
    ("permessage-deflate", {}),
    (BROWSER, {}),
    ("permessage-deflate; server_no_context_takeover; client_no_context_takeover", {}),
    ("permessage-deflate; server_max_window_bits=9", {"server_max_window_bits": 9}),
    ("permessage-deflate; server_max_window_bits=\"10\"", {"server_max_window_bits": 10}),
    ("permessage-deflate; client_max_window_bits=9", {"client_max_window_bits": 9}),
    ("permessage-deflate; server_max_window_bits=12; client_max_window_bits=11",
     {"server_max_window_bits": 12, "client_max_window_bits": 11}),
    ("permessage-bzip2, permessage-deflate", {}),
    ("permessage-deflate; server_max_window_bits=99, permessage-deflate", {}),
    ("permessage-deflate; server_max_window_bits=8", None),
    ("permessage-deflate; server_max_window_bits=16", None),
    ("permessage-deflate; server_max_window_bits=010", None),
    ("permessage-deflate; server_max_window_bits", None),
    ("permessage-deflate; client_max_window_bits=7", None),
    ("permessage-deflate; client_max_window_bits=16", None),
    ("permessage-deflate; client_max_window_bits; client_max_window_bits", None),
    ("permessage-deflate; server_no_context_takeover=true", None),
    ("permessage-deflate; client_no_context_takeover; client_no_context_takeover", None),
    ("permessage-deflate; foo", None),
    ("permessage-deflate; foo=1", None),
    ("PERMESSAGE-DEFLATE", None),
    ("permessage-bzip2", None),
]


@pytest.mark.parametrize("offer, agreed", OFFERS)
def test_offer(port, tls, offer, agreed):
    with DeflateWs.open(port, offer=offer, tls=tls) as ws:
        assert ws.agreed == (None if agreed is None else {**NO_TAKEOVER, **agreed})
        if ws.agreed is None:
            ws.send_frame(TEXT, PROSE)
        else:
            ws.send_message(TEXT, PROSE)
        got = ws.message()
        assert (got.payload, got.rsv1) == (PROSE, agreed is not None)
        ws.close()


def test_the_configured_window_is_the_largest(port, tls):
    for offer, agreed in ((BROWSER, {"client_max_window_bits": 10}), ("permessage-deflate", {}),
                          ("permessage-deflate; server_max_window_bits=15",
                           {"server_max_window_bits": 10})):
        with DeflateWs.open(port, "/ws/deflate-small", offer=offer, tls=tls) as ws:
            assert ws.agreed == {**NO_TAKEOVER, **agreed}
            ws.send_message(TEXT, PROSE[:5000])
            assert ws.message().payload == PROSE[:5000]
            ws.close()


def test_an_offer_in_the_second_header(port, tls):
    with DeflateWs.open(port, offer="foo", tls=tls,
                        headers=[("Sec-WebSocket-Extensions", "permessage-deflate")]) as ws:
        assert ws.agreed == NO_TAKEOVER
        ws.close()


def test_off_is_off(port, tls):
    with DeflateWs.open(port, "/ws/echo", tls=tls) as ws:
        assert ws.agreed is None
        ws.send(compressed_frames(TEXT, deflated(b"hello")))
        ws.expect_close(1002)


def test_a_client_that_offers_nothing_gets_nothing(port, tls):
    with RawWs.open(port, "/ws/deflate", tls=tls) as ws:
        ws.send_frame(TEXT, PROSE)
        assert ws.message().payload == PROSE
        ws.send_frame(TEXT, b"a", rsv=RSV1)
        ws.expect_close(1002)


# --- messages

@pytest.mark.parametrize("size, compressed", [(0, False), (1, False), (1023, False), (1024, True),
                                              (20000, True), (256 * 1024, True)])
def test_only_what_is_long_enough_is_compressed(port, tls, size, compressed):
    payload = os.urandom(size).hex().encode()[:size]
    with DeflateWs.open(port, tls=tls) as ws:
        for opcode in (TEXT, BINARY):
            ws.send_message(opcode, payload)
            got = ws.message()
            assert (got.opcode, got.payload == payload, got.rsv1) == (opcode, True, compressed)
        ws.close()


def test_what_does_not_get_shorter_is_sent_as_it_is(port, tls):
    payload = os.urandom(5000)
    with DeflateWs.open(port, tls=tls) as ws:
        ws.send_message(BINARY, payload)
        got = ws.message()
        assert (got.payload, got.rsv1) == (payload, False)
        ws.close()


@pytest.mark.parametrize("frame_bytes", [0, 1, 7, 100])
@pytest.mark.parametrize("chop", [0, 1])
def test_cut_anywhere(port, tls, frame_bytes, chop):
    payload = PROSE[:4001]
    with DeflateWs.open(port, tls=tls) as ws:
        data = compressed_frames(TEXT, deflated(payload), frame_bytes)
        ws.send_pieces(data, 1) if chop else ws.send(data)
        assert ws.message().payload == payload
        ws.close()


def test_compressed_and_plain_messages_take_turns(port, tls):
    with DeflateWs.open(port, tls=tls) as ws:
        for i in range(50):
            payload = PROSE[:i * 60]
            if i % 2:
                ws.send(fragments(TEXT, payload, 100))
            else:
                ws.send_message(TEXT, payload, 100)
            assert ws.message().payload == payload
        ws.close()


def test_control_frames_inside_a_compressed_message(port, tls):
    packed = deflated(PROSE)
    with DeflateWs.open(port, tls=tls) as ws:
        ws.send(frame(TEXT, packed[:20], fin=False, rsv=RSV1) + frame(PING, b"p")
                + more(packed[20:]))
        got = ws.frame()
        assert (got.opcode, got.payload, got.rsv1) == (PONG, b"p", False)
        assert ws.message().payload == PROSE
        ws.close()


@pytest.mark.parametrize("level", range(10))
def test_every_level_of_a_client(port, tls, level):
    with DeflateWs.open(port, tls=tls) as ws:
        ws.send_message(TEXT, PROSE, level=level)  # 0: stored blocks
        assert ws.message().payload == PROSE
        ws.close()


def test_connections_with_different_windows_share_the_compressor(port, tls):
    offers = [f"permessage-deflate; server_max_window_bits={bits}" for bits in range(9, 16)]
    clients = [DeflateWs.open(port, offer=offer, tls=tls) for offer in offers]
    for turn in range(3):
        for number, ws in enumerate(clients):
            ws.send_message(TEXT, PROSE + b"%d %d" % (turn, number))
        for number, ws in enumerate(clients):
            got = ws.message()
            assert (got.payload, got.rsv1) == (PROSE + b"%d %d" % (turn, number), True)
    for ws in clients:
        ws.close()


def test_many_messages_arrive_at_the_same_time(port, tls):
    """More than there are idle inflaters, byte by byte in turns."""
    clients = [DeflateWs.open(port, tls=tls) for _ in range(12)]
    streams = [compressed_frames(TEXT, deflated(PROSE[i:2000 + i])) for i in range(12)]
    for at in range(max(map(len, streams))):
        for ws, stream in zip(clients, streams):
            ws.send(stream[at:at + 1])
    for i, ws in enumerate(clients):
        assert ws.message().payload == PROSE[i:2000 + i]
        ws.close()


def test_events_of_the_gateway_are_compressed_as_well(port, tls):
    with DeflateWs.open(port, "/ws/deflate-all", tls=tls, protocols=["mr.v2"]) as ws:
        got = ws.message()
        assert got.rsv1 and got.json["type"] == "connected"
        ws.close()


# --- what a hostile peer sends: on /ws/deflate (256 KiB) and the code it is closed with

def stored(payload):
    size = len(payload)
    return b"\0" + size.to_bytes(2, "little") + (size ^ 0xFFFF).to_bytes(2, "little") + payload


HELLO = deflated(b"hello")
HOSTILE = [
    ("rsv1 on a continuation", frame(TEXT, HELLO, fin=False, rsv=RSV1)
     + frame(CONTINUATION, b"a", rsv=RSV1), 1002),
    ("rsv1 on a continuation of a plain message", text(b"a", fin=False)
     + frame(CONTINUATION, b"a", rsv=RSV1), 1002),
    ("rsv1 on a ping", frame(PING, HELLO, rsv=RSV1), 1002),
    ("rsv1 on a pong", frame(PONG, HELLO, rsv=RSV1), 1002),
    ("rsv1 on a close", frame(CLOSE, close_payload(1000), rsv=RSV1), 1002),
    ("rsv2 beside rsv1", frame(TEXT, HELLO, rsv=6), 1002),
    ("rsv3 beside rsv1", frame(TEXT, HELLO, rsv=5), 1002),
    ("reserved opcode with rsv1", frame(3, HELLO, rsv=RSV1), 1002),
    ("unmasked", frame(TEXT, HELLO, rsv=RSV1, mask=None), 1002),
    ("nothing compressed", frame(TEXT, b"", rsv=RSV1), 1007),
    ("garbage", frame(TEXT, b"\xff" * 100, rsv=RSV1), 1007),
    ("reserved block type", frame(BINARY, b"\x07", rsv=RSV1), 1007),
    ("stored block with the wrong complement",
     frame(BINARY, b"\0\x05\0\0\0hello\0", rsv=RSV1), 1007),
    ("distance in front of the beginning", frame(BINARY, b"\x02\x50\x7a\x00", rsv=RSV1), 1007),
    ("cut short", frame(TEXT, deflated(PROSE)[:50], rsv=RSV1), 1007),
    ("cut short in its last byte", frame(TEXT, deflated(PROSE)[:-1], rsv=RSV1), 1007),
    ("zlib header", frame(TEXT, b"\x78\x9c" + HELLO, rsv=RSV1), 1007),
    ("text that is not UTF-8", frame(TEXT, deflated(b"\xce\xba\xed\xa0\x80"), rsv=RSV1), 1007),
    ("text that ends inside a code point", frame(TEXT, deflated(b"\xf0\x9f\x98"), rsv=RSV1), 1007),
    ("impossible byte in an unfinished frame",
     frame(TEXT, stored(b"fine \xed\xa0"), declared=60000, rsv=RSV1), 1007),
    ("impossible byte in an unfinished message",
     frame(TEXT, stored(b"fine \xc0"), fin=False, rsv=RSV1), 1007),
    ("inflates to one byte too many", frame(BINARY, deflated(os.urandom(4096) * 64 + b"x"),
                                            rsv=RSV1), 1009),
    ("bomb", frame(BINARY, deflated(b"\0" * 200 * 2**20, 9)[:200_000], rsv=RSV1), 1009),
    ("bomb in many frames", compressed_frames(BINARY, deflated(b"\0" * 50 * 2**20, 9), 1000), 1009),
    ("above the ratio", frame(BINARY, deflated(b"\0" * 200_000, 9), rsv=RSV1), 1009),
    ("2^40 bytes announced", frame(BINARY, b"", declared=1 << 40, rsv=RSV1), 1009),
    ("too many fragments", frame(BINARY, HELLO, fin=False, rsv=RSV1)
     + more(b"", fin=False) * 2000, 1008),
]


@pytest.mark.parametrize("chop", [0, 1], ids=["whole", "bytewise"])
@pytest.mark.parametrize("sent, code", [row[1:] for row in HOSTILE],
                         ids=[row[0] for row in HOSTILE])
def test_hostile(port, tls, sent, code, chop):
    with DeflateWs.open(port, tls=tls) as ws:
        try:
            ws.send_pieces(sent, 1) if chop and len(sent) < 2000 else ws.send(sent)
        except OSError:
            pass  # closed already
        assert ws.expect_close(code) == []
    with DeflateWs.open(port, tls=tls) as ws:  # the next one finds everything in order
        ws.send_message(TEXT, PROSE)
        assert ws.message().payload == PROSE
        ws.close()


def peak_kib(pid):
    line, = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(line)


@pytest.mark.skipif(SANITIZED, reason="a sanitizer keeps memory of its own")
@pytest.mark.parametrize("ratio", [0, 100])
def test_bombs_cost_no_more_memory_than_a_message(make_stack, ratio):
    """200 MiB in 200 KiB, again and again; the limit of a message is 256 KiB."""
    stack = make_stack(apps="echo", locations=f"""location = /ws/deflate {{
        mr_ws echo; mr_ws_deflate on; mr_ws_deflate_max_ratio {ratio};
        mr_ws_max_frame 256k; mr_ws_max_message 256k; }}""")
    pid, = stack.nginx.worker_pids()
    bomb = deflated(b"\0" * 200 * 2**20, 9)[:200_000]
    with DeflateWs.open(stack.nginx.http_port) as ws:  # the compressor and an inflater
        ws.send_message(BINARY, os.urandom(100 * 1024).hex().encode())
        assert ws.message().rsv1
        ws.close()
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak counts from here
    before = peak_kib(pid)
    for _ in range(50):
        with DeflateWs.open(stack.nginx.http_port) as ws:
            ws.send(frame(BINARY, bomb, rsv=RSV1))
            assert ws.expect_close(1009) == []
    assert peak_kib(pid) - before < 1024


def test_short_runs_are_free_of_the_ratio(port, tls):
    with DeflateWs.open(port, tls=tls) as ws:
        ws.send_message(BINARY, b"\0" * 65536, level=9)
        assert ws.message().payload == b"\0" * 65536
        ws.close()


def test_the_ratio_can_be_switched_off(port, tls):
    with DeflateWs.open(port, "/ws/deflate-patient", tls=tls, limit_s=60) as ws:
        for mib in (1, 16):
            payload = b"\0" * (mib * 2**20)
            ws.send_message(BINARY, payload, level=9)
            got = ws.message()
            assert got.payload == payload
            assert got.rsv1 == (mib == 1), "what is very long is sent as it is"
        ws.close()


def test_an_answer_of_the_chat(make_stack):
    """The same events as without compression, in both versions of the protocol."""
    stack = make_stack(apps="chat", settings={"local_tokens_per_second": 0}, locations="""
        location = /ws/chat { mr_ws chat; }
        location = /ws/deflate { mr_ws chat; mr_ws_deflate on; mr_ws_deflate_min_size 200; }""")
    port = stack.nginx.http_port
    for protocols in ([], ["mr.v2"]):
        answers = []
        for path, kind in (("/ws/chat", RawWs), ("/ws/deflate", DeflateWs)):
            with kind.open(port, path, protocols=protocols) as ws:
                ws.json({"message": "How many projects do we have?"})
                events = ws.events_until("response_complete")
                answers.append("".join(event.get("content", "") for event in events))
                ws.close()
        assert answers[0] == answers[1] != ""


def test_answers_owed_come_in_front_of_a_violation_inside_the_data(port, tls):
    with DeflateWs.open(port, "/ws/deflate-patient", tls=tls) as ws:
        ws.send(compressed_frames(TEXT, deflated(PROSE)) + frame(TEXT, b"\xff\xff", rsv=RSV1)
                + text(b"late") + frame(PING, b"late"))
        assert ws.message().payload == PROSE
        assert ws.expect_close(1007) == []
