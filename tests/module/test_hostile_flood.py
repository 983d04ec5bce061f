"""Ten thousand hostile connections of mixed kinds: afterwards the process has the memory and the
descriptors it had before, and a client in between has noticed nothing."""

import os
import random
import time

from conformance_cases import more, text
from harness.deflate_ws import RSV1, deflated
from harness.process import wait_for
from harness.raw_ws import (BINARY, CLOSE, Ended, PING, RawWs, TEXT, close_payload, frame, new_key,
                            request_text, upgrade_headers)

COUNT = 10_000
WARM_UP = 1500
OFFER = ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")

BOMB = deflated(b"\0" * 2**22, 9)
FRAMES = [  # sent behind a good handshake on /ws/deflate
    text(b"a", mask=None), frame(3), text(b"\xff\xff"), text(b"a", rsv=2),
    frame(BINARY, declared=1 << 40), frame(PING, b"p" * 126), frame(CLOSE, b"\x03"),
    text(b"never", fin=False) + more(b"ends", fin=False) * 50,
    text(b"cut in the mid", declared=60000), frame(PING, b"half")[:3],
    frame(BINARY, b"x" * 60000),
    frame(BINARY, BOMB, rsv=RSV1), frame(TEXT, b"\xff" * 50, rsv=RSV1),
    frame(BINARY, deflated(os.urandom(30000))[:20000], fin=False, rsv=RSV1),
    frame(TEXT, deflated(b"a fine message " * 100), rsv=RSV1) + frame(TEXT, b"", rsv=RSV1),
    frame(CLOSE, close_payload(1000)) + text(b"late") * 10, b"\x16\x03\x01" * 40,
]


def handshake(port, *more_headers):
    return request_text("/ws/deflate", upgrade_headers(port, new_key(), more=more_headers))


def attack(port, dice, tls):
    """One connection; how it ends is drawn by lot as well."""
    with RawWs(port, tls=tls) as ws:
        try:
            kind = dice.randrange(len(FRAMES) + 4)
            ending = dice.choice(["drop", "reset", "half-close", "read"])
            if kind < len(FRAMES):
                ws.send(handshake(port, OFFER) + FRAMES[kind])
            elif kind == len(FRAMES):
                ws.send(handshake(port)[:dice.randrange(1, 150)])
                ending = "drop"  # nginx would wait for the rest
            elif kind == len(FRAMES) + 1:
                ws.send(handshake(port, ("Sec-WebSocket-Extensions", ";;=")))
            elif kind == len(FRAMES) + 2:
                ws.send(b"\x81\x85" + dice.randbytes(300) + b"\r\n\r\n")
            else:
                ws.send(handshake(port, OFFER))
            if ending == "reset":
                ws.reset()
            elif ending == "half-close" and not tls:
                ws.half_close()
                while True:
                    ws._more(time.monotonic() + ws.limit_s)
            elif ending == "read":
                ws.read_response(body=False)
        except (Ended, OSError):
            pass


def state(stack):
    """Memory and descriptors, when the last connection has gone."""
    pid, = stack.nginx.worker_pids()

    def descriptors():
        return len(os.listdir(f"/proc/{pid}/fd"))
    wait_for(lambda: not stack.redis.command("PUBSUB", "SHARDCHANNELS", "*:oc:*"),
             "no session is followed any more")
    last = [descriptors()]

    def settled():
        last.append(descriptors())
        return last[-1] == last[-2] and descriptors() < 60
    wait_for(settled, "the sockets are closed")
    return stack.nginx.memory_kib(), descriptors()


def test_a_flood_leaves_nothing_behind(make_stack):
    # A process of its own: memory that larger messages have left to the heap would hide a leak.
    stack = make_stack(apps="echo", locations="location = /ws/deflate { mr_ws echo; "
                                              "mr_ws_deflate on; mr_ws_max_frame 256k; }")
    dice = random.Random(4)
    plain, secure = stack.nginx.http_port, stack.nginx.https_port

    def flood(count):
        for number in range(count):
            tls = number % 10 == 0
            attack(secure if tls else plain, dice, tls)

    flood(WARM_UP)
    memory, descriptors = state(stack)
    with RawWs.open(plain, "/ws/deflate") as calm:
        for part in range(10):
            flood(COUNT // 10)
            calm.text(f"part {part}")
            assert calm.message().payload == f"part {part}".encode()
        calm.close()
    memory_behind, descriptors_behind = state(stack)
    assert descriptors_behind <= descriptors
    grown = memory_behind - memory
    assert grown < 1024, f"0.1 KiB per connection is lost: {memory} KiB before, {memory_behind} after"
    print(f"memory {memory} -> {memory_behind} KiB, descriptors {descriptors} -> {descriptors_behind}")
