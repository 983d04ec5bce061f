"""What an idle connection costs nginx, plain and under TLS, with permessage-deflate and without:
growth of private memory over many clients, each of which has had a message echoed before."""

import gc

import pytest

from harness.deflate_ws import DeflateWs
from harness.process import wait_for
from harness.raw_ws import RawWs, TEXT

CLIENTS = {"ws": 1000, "wss": 300}
PAYLOAD = b"The invoices of the Harbor Point project, all that are open. " * 40
BOUND = {"ws": 850, "wss": 15_600}  # bytes
DEFLATE_BOUND = {"ws": 36, "wss": 128}  # bytes that deflate may add; OpenSSL's vary by more


def exchange(ws, deflate):
    if deflate:
        ws.send_message(TEXT, PAYLOAD, 100)
    else:
        ws.send_frame(TEXT, PAYLOAD)
    got = ws.message()
    assert (got.payload, got.rsv1) == (PAYLOAD, deflate)


def connect(port, tls, deflate):
    kind = DeflateWs if deflate else RawWs
    ws = kind.open(port, "/ws/deflate", tls=tls)
    exchange(ws, deflate)
    return ws


def no_session_left(stack):
    wait_for(lambda: not stack.redis.command("PUBSUB", "SHARDCHANNELS", "*:oc:*"),
             "no session is followed any more")


def cost(stack, port, tls, deflate, count):
    """Bytes per connection. A first ten warm up what is allocated once."""
    for ws in [connect(port, tls, deflate) for _ in range(10)]:
        ws.drop()
    no_session_left(stack)
    before = stack.nginx.memory_kib()
    clients = [connect(port, tls, deflate) for _ in range(count)]
    grown = stack.nginx.memory_kib() - before
    for ws in clients:
        ws.drop()
    no_session_left(stack)
    gc.collect()
    return grown * 1024 / count


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_deflate_costs_an_idle_connection_nothing(make_stack, scheme):
    found = {}
    for deflate in (False, True):  # a process of its own each: what one leaves helps the other
        stack = make_stack(apps="echo", locations="location = /ws/deflate { mr_ws echo; "
                                                  "mr_ws_deflate on; }")
        tls = scheme == "wss"
        port = stack.nginx.https_port if tls else stack.nginx.http_port
        found[deflate] = cost(stack, port, tls, deflate, CLIENTS[scheme])
    print(f"{scheme}: {found[False]:.0f} bytes, with deflate {found[True]:.0f}")
    assert found[True] < BOUND[scheme]
    assert found[True] - found[False] < DEFLATE_BOUND[scheme]
