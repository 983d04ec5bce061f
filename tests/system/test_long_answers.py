"""What stays of an answer of megabytes: the log holds it for a while; history, snapshot, checkpoint
and the worker's memory hold a bounded part."""

import time
from contextlib import ExitStack

import pytest

from chaos.scripts import Script
from chat import Chat
from harness.paced import AnswerCheck, PacedReader, read_all
from harness.process import wait_for
from harness.protocol import text_of
from harness.stack import shared_stack
from held import LOCATIONS, key, worker_rss_kib

HISTORY_BYTES = 64 * 1024      # history.h: kMaxHistoryTextBytes
SNAPSHOT_BYTES = 256 * 1024    # turn_host.h: kMaxSnapshotTextBytes
BACKLOG_KIB = 128              # turn_host.h: kMaxAnswerBacklogBytes
MAX_ANSWER_BYTES = 8 * 1024 * 1024
FIVE_MEGABYTES = Script(7, chunks=320, size=16384, rate=0)


@pytest.fixture(scope="module")
def stack(data_dir):
    yield from shared_stack(data_dir, workers=1, apps="chat,bench", locations=LOCATIONS,
                            settings={"lease": "10s"})


def ask(stack, chat, script, **more):
    """A whole answer, checked."""
    check = AnswerCheck(script)
    chat.send(type="ask", message=script.words, **more)
    return take(chat, check)


def take(chat, check):
    while check.end is None:
        event = chat.event()
        if event.get("turn_id"):
            check.take(event)
    return check.end


def stored(stack, session):
    """Bytes of each history entry, of the snapshot, of the session's hash."""
    history = stack.redis.command("LRANGE", key(stack, "h", session), 0, -1)
    snapshot = stack.redis.command("STRLEN", key(stack, "snap", session))
    meta = stack.redis.command("HGETALL", key(stack, "s", session))
    return [len(entry) for entry in history], snapshot, sum(map(len, meta))


def test_history_and_snapshot_are_bounded_and_still_of_use(stack):
    with Chat(stack, path="/ws/bench") as chat:
        first = ask(stack, chat, FIVE_MEGABYTES)
        wait_for(lambda: key(stack, "h", chat.session), "the history")
        history, snapshot, meta = stored(stack, chat.session)
        assert len(history) == 2 and max(history) < HISTORY_BYTES + 4096
        assert SNAPSHOT_BYTES < snapshot < 1.1 * SNAPSHOT_BYTES
        assert meta < 8192, "no checkpoint is left, and none held the answer"
        chat.send(type="feedback", turn_id=first["turn_id"], rating=1)
        chat.send(type="regenerate", turn_id=first["turn_id"])
        again = take(chat, AnswerCheck(FIVE_MEGABYTES))
        assert again["status"] == "ok" and again["turn_id"] != first["turn_id"]
        ask(stack, chat, Script(8, chunks=10))
        wait_for(lambda: len(stored(stack, chat.session)[0]) == 4, "the history of two turns")
        assert sum(stored(stack, chat.session)[0]) < 1.1 * HISTORY_BYTES


def test_while_it_is_written_the_checkpoint_stays_small(stack):
    script = Script(9, chunks=300, size=4096, rate=300)
    with Chat(stack, path="/ws/bench") as chat:
        chat.send(type="ask", message=script.words)
        check = AnswerCheck(script)
        while check.end is None:
            event = chat.event()
            if event.get("turn_id"):
                check.take(event)
            if check.units > 100_000 * (1 + check.snapshots):
                check.snapshots += 1  # looks some ten times
                assert stored_meta(stack, chat.session) < 16 * 1024


def stored_meta(stack, session):
    return sum(map(len, stack.redis.command("HGETALL", key(stack, "s", session))))


def test_a_lost_place_in_a_long_answer_gets_its_beginning_and_its_length(stack):
    """The log knows nothing of the place; the final snapshot says how much it leaves out."""
    with Chat(stack, path="/ws/bench") as chat:
        end = ask(stack, chat, FIVE_MEGABYTES)
        wait_for(lambda: key(stack, "h", chat.session), "the final snapshot, and the history")
        with Chat(stack, path="/ws/bench", resume=(chat.token, "1-1")) as back:
            assert back.greeting["recovered"] is False
            snapshot = back.event()
            assert snapshot["type"] == "text_snapshot" and snapshot["status"] == "ok"
            assert snapshot["text_length"] == end["text_length"]
            content = snapshot["content"]
            assert FIVE_MEGABYTES.text().startswith(content)
            assert 0 <= SNAPSHOT_BYTES - len(content.encode()) < 4
            ask(stack, back, Script(3, chunks=5))


def test_an_answer_that_does_not_end_is_cut(stack):
    script = Script(5, chunks=600, size=16384, rate=0)
    with Chat(stack, path="/ws/bench") as chat:
        chat.send(type="ask", message=script.words)
        events = chat.until("response_complete")
    text = text_of(events)
    assert events[-1]["status"] == "partial" and events[-1]["text_length"] == len(text)
    body, _, why = text.partition("\n\nI encountered an issue: ")
    assert script.text().startswith(body) and "longer than 8 MiB" in why
    assert MAX_ANSWER_BYTES - 16384 < len(body.encode()) <= MAX_ANSWER_BYTES


def test_frozen_redis_makes_the_answers_wait(stack):
    """Ten answers that nothing else would slow down: while Redis does not take them, they are not
    written on; worker and nginx stay as they are, and the answers are whole afterwards."""
    with ExitStack() as open_ones:
        readers = [open_ones.enter_context(PacedReader(stack.nginx.http_port, "/ws/bench"))
                   for _ in range(10)]
        for number, reader in enumerate(readers):
            reader.ask(Script(number, chunks=320, size=16384, rate=150))
        read_all(readers, lambda: all(reader.bytes > 300_000 for reader in readers), 20)
        before = worker_rss_kib(stack), stack.nginx.memory_kib()
        grown = [0, 0]
        stack.redis.freeze()
        try:
            until = time.monotonic() + 4  # the commands' deadline passes, and the link is given up
            while time.monotonic() < until:
                grown[0] = max(grown[0], worker_rss_kib(stack) - before[0])
                grown[1] = max(grown[1], stack.nginx.memory_kib() - before[1])
                read_all(readers, lambda end=time.monotonic() + 0.1: time.monotonic() > end, 5)
            assert not any(reader.answered for reader in readers)
        finally:
            stack.redis.thaw()
        # The backlog: in the lane, and twice (log, channel) on a wire whose buffer has doubled.
        assert grown[0] < 10 * 5 * BACKLOG_KIB + 4096, "of the 45 MiB that it could have written"
        assert grown[1] < 8192
        read_all(readers, lambda: all(reader.answered for reader in readers), 30)
