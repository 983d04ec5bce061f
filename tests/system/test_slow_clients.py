"""Clients that read slowly, hardly, or not at all: their answers wait in Redis, not in memory; they
get every byte; nobody else notices."""

import time
from contextlib import ExitStack

import pytest

from chaos.scripts import Script
from harness.paced import PacedReader, read_all
from harness.process import wait_for
from harness.proxy import Proxy
from harness.stack import shared_stack
from held import LOCATIONS, connections, key, redis_calls, unsent_bytes, worker_rss_kib

KIB, MIB = 1024, 1024 * 1024
SEND_LIMIT_KIB = 256
BATCH_KIB = 64   # shared/envelope.h: kMaxBatchBytes
EVENT_KIB = 20   # a chunk of 16 KiB in its JSON
BACKLOG_KIB = 128  # turn_host.h: kMaxAnswerBacklogBytes
UNSENT_KIB = 64  # detach.cpp: kUnsentBytes
PAGE_KIB = 6400  # kMaxPageEntries batches, for a moment, once per process
FIRST_PAGE_KIB = 2 * 16 * BATCH_KIB  # kFirstPageEntries, as bytes and as a reply
TLS_KIB = 48     # OpenSSL's state and one record
WINDOW_S = 8
CUT = "the client took no data within mr_ws_send_timeout"

# Of a location: what one slow client may cost nginx. The queue stops one batch above the limit, and
# its block grows by a quarter.
def queue_kib(send_limit_kib, tls=False):
    return 1.25 * (send_limit_kib + BATCH_KIB + EVENT_KIB) + (TLS_KIB if tls else 0)


MORE = """
    location = /ws/patient {
        mr_ws bench;
        mr_ws_send_timeout 5s;
        mr_ws_ping_interval 2s;
        mr_ws_idle_timeout 6s;
    }
    location = /ws/narrow { mr_ws bench; mr_ws_send_limit 64k; }
    location = /ws/stuck { mr_ws bench; mr_ws_send_timeout 2s; }
    location = /ws/watched { mr_ws bench; mr_ws_ping_interval 1s; mr_ws_idle_timeout 3s; }
"""


@pytest.fixture(scope="module")
def stack(data_dir):
    yield from shared_stack(data_dir, workers=2, apps="chat,bench", locations=LOCATIONS + MORE,
                            settings={"resume_window": f"{WINDOW_S}s", "text_window": "0ms"})


@pytest.fixture
def clients(stack):
    """Opens readers; drops them at the end, and waits until nginx has noticed."""
    with ExitStack() as open_ones:
        yield lambda *arguments, **form: open_ones.enter_context(PacedReader(*arguments, **form))
    wait_for(lambda: connections(stack) == 0, "nginx has let the clients go", 15)


def ports(stack):
    """Plain and TLS in turn."""
    return [(stack.nginx.http_port, False), (stack.nginx.https_port, True)]


def answered(readers):
    return lambda: all(reader.answered == len(reader.checks) for reader in readers)


def any_closed(readers):
    return any(reader.closed is not None for reader in readers)


def test_five_megabytes_at_a_kilobyte_per_second(stack, clients):
    """For longer than the send timeout, the idle timeout and the log's own life behind its turn;
    nginx's queue is full all the time. Then the rest as fast as it comes, every byte checked."""
    # A TLS client's side reads whole records of 16 KiB: at 1 KiB/s it would be seen to read every
    # 16 s only.
    plain, tls = [clients(port, "/ws/patient", tls=tls, pace=6 * KIB if tls else KIB,
                          receive_buffer=1024) for port, tls in ports(stack)]
    before = stack.nginx.memory_kib()
    for reader in (plain, tls):
        reader.ask(Script(7, chunks=320, size=16384, rate=0))
    began, held = time.monotonic(), []

    def look():
        held.append((stack.nginx.memory_kib() - before, unsent_bytes(stack)))
        time.sleep(0.1)

    read_all([plain, tls], lambda: any_closed([plain, tls]) or
             time.monotonic() - began > WINDOW_S + 5, 30, each_tick=look)
    assert plain.closed is None and tls.closed is None, "both read, however slowly"
    assert plain.bytes < 20 * KIB and tls.bytes < 100 * KIB
    assert max(kib for kib, _ in held) < FIRST_PAGE_KIB + queue_kib(SEND_LIMIT_KIB) + \
        queue_kib(SEND_LIMIT_KIB, True)
    for unsent in (unsent for _, unsent in held[1:]):
        assert len(unsent) == 2 and max(unsent) < 2 * UNSENT_KIB * KIB, "the kernel hoards nothing"
    for reader in (plain, tls):
        reader.set_pace(None)
    read_all([plain, tls], answered([plain, tls]), 30)
    assert plain.bytes > 5 * MIB and tls.bytes > 5 * MIB


def test_two_hundred_slow_ones_beside_fast_ones(stack, clients):
    """Each slow one has an answer ten times what may wait for it in memory."""
    slow = [clients(port, "/ws/narrow", tls=tls, pace=10 * KIB, receive_buffer=8192)
            for _ in range(100) for port, tls in ports(stack)]
    fast = [clients(port, "/ws/bench", tls=tls) for _ in range(10) for port, tls in ports(stack)]
    before, worker_before = stack.nginx.memory_kib(), worker_rss_kib(stack)
    peak = [0, 0]
    looked = [0.0]

    def look():
        if time.monotonic() - looked[0] > 0.3:
            looked[0] = time.monotonic()
            peak[0] = max(peak[0], stack.nginx.memory_kib() - before)
            peak[1] = max(peak[1], worker_rss_kib(stack) - worker_before)

    size_kib = 640
    for number, reader in enumerate(slow):
        reader.ask(Script(number, chunks=160, size=4096, rate=0))
    for turn in range(3):
        for number, reader in enumerate(fast):
            reader.ask(Script(1000 * turn + number, chunks=100, size=80, rate=100))
        read_all(slow + fast, answered(fast), 40, "answers of the fast ones", look)
        assert not any(reader.answered for reader in slow), "none of the slow ones has its answer"
    assert all(key(stack, "h", reader.session) for reader in slow), "their turns are over long since"
    assert not any_closed(slow + fast)
    for reader in slow:
        reader.set_pace(200 * KIB)
    read_all(slow, answered(slow), 60, "answers of the slow ones", look)
    assert all(reader.bytes > size_kib * KIB for reader in slow)
    nginx_bound = PAGE_KIB + 100 * queue_kib(64) + 100 * queue_kib(64, True)
    assert nginx_bound < 200 * size_kib / 2, "the bound says something"
    assert peak[0] < nginx_bound
    # An answer stands in the worker twice until its turn has ended (view, provider), each time half
    # as large again while it grows; and waits in the lane and twice on the wire, up to the backlog.
    assert peak[1] < 200 * (2 * 1.5 * size_kib + 6 * BACKLOG_KIB)


def test_tabs_of_one_session_each_at_its_own_pace(stack, clients):
    """A slow tab, two fast ones and one that joins at the beginning when the answer is half out. The
    slow one does not hold the others back, not even when all have to read the log since the link
    was cut; and makes nobody read it again."""
    port, tls_port = stack.nginx.http_port, stack.nginx.https_port
    slow = clients(port, "/ws/narrow", pace=40 * KIB, receive_buffer=4096)
    script = Script(11, chunks=1500, size=600, rate=500)
    resume = {"resume": (slow.token, "0-0"), "expecting": [script]}
    fast = [clients(port, "/ws/bench", **resume),
            clients(tls_port, "/ws/bench", tls=True, **resume)]
    calls = redis_calls(stack, "xrange")
    slow.ask(script)
    read_all([slow, *fast], lambda: fast[0].bytes > 500 * KIB, 20, "half of the answer")
    late = clients(port, "/ws/bench", **resume)
    for link in stack.redis.clients("subscriptions"):
        if link in stack.redis.clients("mr-ws-nginx"):
            stack.redis.command("CLIENT", "KILL", "ID", link)
    read_all([slow, late, *fast], answered([late, *fast]), 20, "the fast tabs")
    assert slow.answered == 0 and slow.bytes < 300 * KIB
    # The late one's way up by pages of 16 to 100 entries, a read or two of each at joining and when
    # the link was cut, and of the slow one whenever half of its queue had gone.
    reads = redis_calls(stack, "xrange") - calls
    assert reads < 40 + 2 * slow.bytes / (32 * KIB)
    slow.set_pace(None)
    read_all([slow, *fast], answered([slow]), 20, "the slow tab")
    assert {reader.last for reader in (slow, late, *fast)} == {slow.last}


def test_clients_that_read_nothing_are_closed_and_freed(stack, clients):
    """By mr_ws_send_timeout, with the memory their answers took; others are served meanwhile."""
    fast = clients(stack.nginx.http_port, "/ws/bench")
    rounds = []
    for _ in range(2):
        stuck = [clients(port, "/ws/stuck", tls=tls, pace=0, receive_buffer=4096)
                 for _ in range(10) for port, tls in ports(stack)]
        began = time.monotonic()
        for number, reader in enumerate(stuck):
            reader.ask(Script(number, chunks=64, size=16384, rate=0))
        fast.ask(Script(1, chunks=40, size=80, rate=20))
        read_all([fast], answered([fast]), 20, "the fast one's answer")
        wait_for(lambda: unsent_bytes(stack) == [0], "the stuck ones are closed", 15)
        assert time.monotonic() - began > 2
        rounds.append(stack.nginx.memory_kib())
        for reader in stuck:
            reader.set_pace(None)
        read_all(stuck, lambda: all(reader.closed for reader in stuck), 10, "they hear of it")
    assert stack.nginx.log.text().count(CUT) == 40
    assert rounds[1] - rounds[0] < 10 * queue_kib(SEND_LIMIT_KIB), "what was freed is used again"


def test_a_client_that_stopped_reading_comes_back_for_the_rest(stack, clients):
    script = Script(5, chunks=64, size=16384, rate=0)
    first = clients(stack.nginx.http_port, "/ws/stuck", pace=0, receive_buffer=4096)
    first.ask(script)
    wait_for(lambda: connections(stack) == 0, "it is closed", 15)
    first.set_pace(None)
    read_all([first], lambda: first.closed, 10, "the end")
    back = clients(stack.nginx.https_port, "/ws/bench", tls=True, resume=(first.token, first.last),
                   expecting=first.checks)
    read_all([back], answered([back]), 20)
    assert back.greeting["recovered"] is True and back.session == first.session


@pytest.mark.parametrize("mode, path, said", [
    ("stall", "/ws/stuck", CUT), ("blackhole", "/ws/watched", "close 1001 by server")])
def test_behind_a_proxy_that_has_stopped(stack, clients, mode, path, said):
    """The client reads, and nothing gets to it: the proxy takes no more (nothing is acknowledged),
    or takes it for nothing (no pong comes). The other tab of its session is served."""
    already = stack.nginx.log.text().count(said)
    with Proxy(("127.0.0.1", stack.nginx.http_port)) as proxy:
        cut = clients(proxy.port, path)
        beside = clients(stack.nginx.http_port, path, resume=(cut.token, "0-0"))
        proxy.set_mode(mode)
        beside.ask(Script(3, chunks=64, size=16384, rate=0))
        read_all([beside], answered([beside]), 20)
        read_all([beside], lambda: connections(stack) == 1, 15, "the one behind the proxy goes")
        assert beside.closed is None
    wait_for(lambda: stack.nginx.log.text().count(said) > already, "the log says why")


def test_half_open_connections_are_found_by_the_idle_timeout(stack, clients):
    with Proxy(("127.0.0.1", stack.nginx.http_port)) as proxy:
        gone = [clients(proxy.port, "/ws/watched") for _ in range(5)]
        there = clients(stack.nginx.http_port, "/ws/watched")
        assert connections(stack) == 6
        proxy.set_mode("blackhole")
        read_all([there], lambda: connections(stack) == 1, 15, "the half-open ones go")
        assert all(reader.closed is None for reader in [there, *gone])
