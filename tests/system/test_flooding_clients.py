"""Clients that send as fast as they can, read the answers or not: they are paused at the socket.
Redis and nginx hold a bounded part of it, every message is answered or refused, and nobody else
notices."""

import re
import time
from contextlib import ExitStack

import pytest

from chaos.scripts import Script
from harness.paced import PacedReader, read_all
from harness.process import wait_for
from harness.raw_ws import BINARY, TEXT, frame
from harness.stack import shared_stack
from held import LOCATIONS, connections, key, keys, redis_calls, redis_memory_kib

KIB, MIB = 1024, 1024 * 1024
LANE_ENTRIES = 512            # mailbox.h: kMaxMailEntries
LANE_BYTES = 8 * MIB          # kMaxMailBytes
CHOKED = LANE_ENTRIES // 2    # kChokedFill
WINDOW = 32                   # kMaxUnansweredMail
UNANSWERED_BYTES = MIB        # kMaxUnansweredBytes
QUEUE_KIB = 256 + 128 + 64    # send_limit, connection.h: kReplyHeadroomBytes, a batch
FREE_REFUSALS = 8              # kFreeRefusals
TICK_S = 0.5                   # hub.h: kTickMs
FLOOD_S = 3.0

# What is sent again and again, and the types of the events that answer one.
KINDS = {
    "questions": (frame(TEXT, '{"type":"ask","message":"chunks=2 tools=0"}'),
                  ("response_complete", "error")),
    "pings": (frame(TEXT, '{"type":"ping","t":1}'), ("pong", "error")),
    "binary": (frame(BINARY, b"\x00" * 100), ("error",)),
    "garbage": (frame(TEXT, "{" * 50), ("error",)),
    "large": (frame(TEXT, "[" + "1," * 30000 + "1]"), ("error",)),
}


class Flooder(PacedReader):
    """Sends one kind of frame whenever the socket takes it; counts what comes back for it."""

    def __init__(self, port, path, kind, **form):
        self.answers, self.codes = 0, {}
        self.message, self.answered_by = KINDS[kind]
        self.flooding = False
        self.rest = b""
        super().__init__(port, path, **form)

    def pump(self):
        while self.flooding and self.closed is None:
            self.rest = self.rest or memoryview(self.message)
            try:
                self.rest = self.rest[self.ws.socket.send(self.rest):]
            except BlockingIOError:
                break
        super().pump()

    def take_event(self, event):
        super().take_event(event)
        kind = event["type"]
        self.answers += kind in self.answered_by
        if kind == "error":
            self.codes[event["code"]] = self.codes.get(event["code"], 0) + 1

    def come_back(self):
        """Leaves what is still in the socket behind, and follows the session again."""
        self.flooding = False
        self.ws.reset()
        self.connect(resume=(self.token, self.last))


@pytest.fixture(scope="module")
def stack(data_dir):
    yield from shared_stack(data_dir, workers=1, apps="chat,bench", locations=LOCATIONS,
                            settings={"text_window": "0ms"})


@pytest.fixture
def clients(stack):
    with ExitStack() as open_ones:
        yield lambda kind, *arguments, **form: open_ones.enter_context(
            kind(*arguments, **form))
    wait_for(lambda: connections(stack) == 0, "nginx has let the clients go", 15)


def lane(stack, session):
    """Entries and bytes of a session's in lane."""
    lane_key = key(stack, "i", session)
    if not lane_key:
        return 0, 0
    size = stack.redis.command("HGET", key(stack, "s", session), "ibytes")
    return stack.redis.command("XLEN", lane_key), int(size or 0)


def flood(flooders, seconds, each_tick=None):
    for one in flooders:
        one.flooding = True
    end = time.monotonic() + seconds
    read_all(flooders, lambda: time.monotonic() > end, seconds + 10, each_tick=each_tick)
    for one in flooders:
        one.flooding = False


def ended(stack):
    """Of each connection that has ended: messages that nginx has read."""
    return [int(count) for count in re.findall(r"session ended: .* in (\d+) messages",
                                               stack.nginx.log.text())]


def check_idle(stack, sessions):
    """Nothing is left of the flood: no mail, no owner, no doorbell."""
    for session in sessions:
        wait_for(lambda: key(stack, "i", session) is None and not stack.redis.command(
            "HEXISTS", key(stack, "s", session), "own"), f"{session} is idle", 20)
    bells = [jobs for jobs in keys(stack, "mr:*:jobs") if stack.redis.command("XLEN", jobs)]
    assert not bells, "a doorbell is left"


def still_works(flooders, script):
    for one in flooders:
        one.ask(script)
    read_all(flooders, lambda: all(one.answered == len(one.checks) for one in flooders), 30,
             "an answer behind the flood")


class Watch:
    """The most that Redis, nginx and any in lane have held."""

    def __init__(self, stack, flooders):
        self.stack, self.flooders = stack, flooders
        self.before = redis_memory_kib(stack), stack.nginx.memory_kib()
        self.redis_kib = self.nginx_kib = self.entries = self.bytes = 0
        self.looked = 0.0

    def look(self):
        if time.monotonic() - self.looked < 0.25:
            return
        self.looked = time.monotonic()
        self.redis_kib = max(self.redis_kib, redis_memory_kib(self.stack) - self.before[0])
        self.nginx_kib = max(self.nginx_kib, self.stack.nginx.memory_kib() - self.before[1])
        for one in self.flooders:
            entries, size = lane(self.stack, one.session)
            self.entries, self.bytes = max(self.entries, entries), max(self.bytes, size)


def test_a_flood_of_every_kind_beside_others(stack, clients):
    reading = [clients(Flooder, stack.nginx.http_port, path, kind)
               for path in ("/ws/bench", "/ws/chat") for kind in KINDS]
    deaf = [clients(Flooder, stack.nginx.http_port, "/ws/bench", kind, pace=0, receive_buffer=4096)
            for kind in KINDS]
    flooders = reading + deaf
    others = [clients(PacedReader, stack.nginx.https_port, "/ws/bench", tls=True)
              for _ in range(4)]
    before = len(ended(stack))
    watch = Watch(stack, flooders)
    for number, reader in enumerate(others):
        for turn in range(2):
            reader.ask(Script(10 * number + turn, chunks=60, size=80, rate=50))
    for one in flooders:
        one.flooding = True
    end = time.monotonic() + FLOOD_S
    read_all(flooders + others,
             lambda: time.monotonic() > end and all(one.answered == 2 for one in others),
             30, "the others' answers", watch.look)
    assert not any(one.errors for one in others)
    assert not any("rate_limited" in one.codes for one in reading), "paused, not refused"
    assert watch.entries <= CHOKED + 2 * WINDOW, "long before the lane is full"
    assert watch.bytes <= LANE_BYTES // 2 + 2 * UNANSWERED_BYTES
    # Three lanes of large messages, what is on its way of them, and everybody's answers.
    assert watch.redis_kib < 3 * (LANE_BYTES // 2 + 4 * UNANSWERED_BYTES) // KIB + 8 * KIB
    # Each a queue at its bound; those of large messages their unanswered mail, on the wire in a buffer
    # that has doubled, and kept for a repetition in one of which half may be spent.
    assert watch.nginx_kib < len(flooders) * 1.25 * QUEUE_KIB + 4 * KIB + \
        3 * (2 + 4) * UNANSWERED_BYTES // KIB
    for one in flooders:
        one.come_back()
    wait_for(lambda: len(ended(stack)) == before + len(flooders), "the connections are counted")
    messages = sum(ended(stack)[before:])
    assert messages > 15 * 60, "more than is looked at at once"
    read_all(flooders, lambda: sum(one.answers for one in flooders) >= messages, 60,
             "an answer to each message")
    check_idle(stack, [one.session for one in flooders + others])
    read_all(flooders, lambda end=time.monotonic() + 0.3: time.monotonic() > end, 5)
    assert sum(one.answers for one in flooders) == messages, "and just one"
    still_works([one for one in flooders if one.form[1] == "/ws/bench"], Script(5, chunks=5))


def test_forty_tabs_flooding_one_session(stack, clients):
    """Together they fill the lane in spite of it: then messages are refused by name, and the lane
    stays within its bounds."""
    first = clients(Flooder, stack.nginx.http_port, "/ws/bench", "garbage")
    tabs = [first] + [clients(Flooder, stack.nginx.http_port, "/ws/bench", "garbage",
                              resume=(first.token, "0-0")) for _ in range(39)]
    watch = Watch(stack, [first])
    for tab in tabs:
        tab.flooding = True

    def refused():
        return [tab.codes.get("rate_limited", 0) for tab in tabs]

    began = time.monotonic()
    read_all(tabs, lambda: time.monotonic() > began + FLOOD_S and sum(refused()), FLOOD_S + 30,
             each_tick=watch.look)
    flooded_s = time.monotonic() - began
    assert CHOKED < watch.entries <= LANE_ENTRIES
    assert max(refused()) < WINDOW + FREE_REFUSALS + flooded_s / TICK_S + 1
    for tab in tabs:
        tab.come_back()
    read_all(tabs, lambda: key(stack, "i", first.session) is None, 30, "the lane is empty")
    still_works([first], Script(6, chunks=5))
    check_idle(stack, [first.session])


def test_a_flood_while_no_worker_lives(make_stack):
    """Kept for the next worker up to the lane's bound, as long as one may come back; then refused,
    at a pace."""
    stack = make_stack(apps="chat,bench", locations=LOCATIONS)
    with ExitStack() as open_ones:
        flooders = [open_ones.enter_context(Flooder(stack.nginx.http_port, "/ws/bench", kind))
                    for kind in ("pings", "questions", "large")]
        stack.workers[0].kill()
        watch = Watch(stack, flooders)
        for one in flooders:
            one.flooding = True
        end = time.monotonic() + FLOOD_S
        read_all(flooders, lambda: time.monotonic() > end, FLOOD_S + 10, each_tick=watch.look)
        assert watch.entries <= CHOKED + 2 * WINDOW and watch.bytes <= LANE_BYTES
        assert not any(one.answers for one in flooders)
        for leases in keys(stack, "mr:*:w"):
            stack.redis.command("DEL", leases)  # ten seconds later
        read_all(flooders, lambda: all("no_worker" in one.codes for one in flooders), 10)
        calls, until = redis_calls(stack, "evalsha"), time.monotonic() + 2
        read_all(flooders, lambda: time.monotonic() > until, 10)
        assert redis_calls(stack, "evalsha") - calls < len(flooders) * (2 / TICK_S + WINDOW + 4)
        for one in flooders:
            one.come_back()
        stack.add_worker("worker-2")
        read_all(flooders, lambda: not any(key(stack, "i", one.session) for one in flooders), 40,
                 "what was kept is answered")
        still_works(flooders, Script(6, chunks=5))
        check_idle(stack, [one.session for one in flooders])


def test_a_flood_while_redis_is_frozen(make_stack):
    """nginx holds what it has given to Redis and no more; every message is answered or refused."""
    stack = make_stack(apps="chat,bench", locations=LOCATIONS, settings={"lease": "15s"})
    with ExitStack() as open_ones:
        flooders = [open_ones.enter_context(Flooder(stack.nginx.http_port, "/ws/bench", kind))
                    for kind in ("pings", "garbage", "large")]
        still_works(flooders, Script(6, chunks=5))
        before = stack.nginx.memory_kib()
        for one in flooders:
            one.answers = 0
            one.flooding = True
        stack.redis.freeze()
        try:
            highest, end = 0, time.monotonic() + 6  # links are given up, and nothing waits any more
            while time.monotonic() < end:
                highest = max(highest, stack.nginx.memory_kib() - before)
                read_all(flooders, lambda end=time.monotonic() + 0.1: time.monotonic() > end, 5)
            refused = [one.codes.get("relay_unavailable", 0) for one in flooders]
        finally:
            stack.redis.thaw()
        assert highest < len(flooders) * (QUEUE_KIB + 3 * UNANSWERED_BYTES // KIB) + 4 * KIB
        assert 0 < min(refused) and max(refused) < 4 * WINDOW + 6 / TICK_S + FREE_REFUSALS
        for one in flooders:
            one.come_back()
        wait_for(lambda: len(ended(stack)) == len(flooders), "the connections are counted")
        messages = sum(ended(stack)) - len(flooders)  # without the questions
        read_all(flooders, lambda: sum(one.answers for one in flooders) >= messages, 30,
                 "an answer or a refusal to each message")
        still_works(flooders, Script(7, chunks=5))
        check_idle(stack, [one.session for one in flooders])
