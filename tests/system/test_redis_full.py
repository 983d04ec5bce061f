"""Redis at its maxmemory with noeviction: before a question, at the question, in the middle of an
answer, for a moment and for long; and a full Redis that drains by itself."""

import pytest

from chat import LONG_QUESTION, Chat
from faults import (FAST, LOCATIONS, QUESTION, RECOVERY_S, SLOW, Asking, all_ready, asked_again,
                    becomes, check_resynced, logged, red_and_green, said, shown, static_served)
from harness.process import wait_for
from harness.protocol import check_v1_turn, check_v2_events
from harness.raw_ws import RawWs


def full(stack):
    stack.redis.command("CONFIG", "SET", "maxmemory", "1")


def free(stack):
    stack.redis.command("CONFIG", "SET", "maxmemory", "0")


def refused(events):
    assert [e["code"] for e in events if e["type"] == "error"] == ["relay_unavailable"]
    assert events[-1]["type"] == "response_complete" and events[-1]["status"] == "error"


def test_before_a_question_and_at_it(make_stack):
    stack = make_stack(apps="chat", settings=FAST, locations=LOCATIONS)
    all_ready(stack)
    with Chat(stack) as before:
        before.answer(QUESTION)
        full(stack)
        refused(before.answer(QUESTION))
        with Chat(stack) as chat, RawWs.open(stack.nginx.http_port, "/ws/chat") as v1:
            v1.event()
            refused(chat.answer(QUESTION))
            v1.json({"message": QUESTION})
            kinds = [event["type"] for event in v1.events_until("response_complete")]
            assert kinds == ["error", "text_chunk", "response_complete"]
            static_served(stack)
            becomes(stack, "writes_refused")
            said(stack, "mail refused: OOM command not allowed")
            free(stack)
            check_v2_events(asked_again(chat))
            check_v2_events(asked_again(before))
            v1.json({"message": QUESTION})
            check_v1_turn(v1.events_until("response_complete"))
    red_and_green(stack, "it refuses to be written to: OOM")


def test_for_a_moment_in_the_middle_of_an_answer(make_stack, reference):
    """Held back, then the same events under the same ids: nobody notices."""
    stack = make_stack(apps="chat", workers=2, settings=SLOW, locations=LOCATIONS)
    with Asking(stack, reference) as asking:
        full(stack)
        wait_for(lambda: logged(stack, "redis refuses events, trying again"), "it is said",
                 RECOVERY_S)
        free(stack)
        asking.all_exact()
        asking.go_on()
        assert not logged(stack, "session lost")


def test_for_long_in_the_middle_of_an_answer(make_stack, reference):
    """Longer than events are held back: the owner begins a new epoch with a snapshot, or ends the
    answer with an error; text is never mixed."""
    stack = make_stack(apps="chat", workers=2, settings=SLOW, locations=LOCATIONS)
    with Asking(stack, reference) as asking:
        full(stack)
        wait_for(lambda: len(logged(stack, "session lost",
                                    cause="redis refused events for too long")) == 4,
                 "each is given up", RECOVERY_S)
        becomes(stack, "writes_refused")
        static_served(stack)
        free(stack)
        asking.finish()
        for events in asking.v2_events:
            check_resynced(events, reference)
        # What was under way when Redis became full was published and not stored: whoever has seen
        # it has no place in the log any more.
        assert asking.v1_exact_or_ended() == 2
        red_and_green(stack, "it refuses to be written to: OOM")
        asking.go_on()
    warnings = [record for worker in stack.workers for record in worker.logged("lease not renewed")]
    assert not warnings, "a full Redis still takes leases"


def test_a_full_redis_drains(make_stack):
    """What frees memory is possible without any: mail that has been dealt with goes, finished
    sessions give up their doorbells and owners."""
    stack = make_stack(apps="chat", settings={**FAST, "linger": "2s"}, locations=LOCATIONS)
    with Chat(stack) as chat:
        chat.answer(LONG_QUESTION)
        key = stack.redis.command("KEYS", f"*:s:{chat.session}")[0]
        assert stack.redis.command("HGET", key, "own")
        full(stack)
        wait_for(lambda: not stack.redis.command("HGET", key, "own"), "it is finished", RECOVERY_S)
        jobs = key.split(":s:")[0] + ":jobs"
        assert stack.redis.command("XLEN", jobs) == 0
        assert stack.redis.command("KEYS", f"*:i:{chat.session}") == []
        free(stack)
        asked_again(chat)


def test_a_worker_stops_at_a_full_redis(make_stack, reference):
    """SIGTERM in the middle of an answer: the session is handed over although nothing can be
    written, and goes on at the other worker when memory is there."""
    stack = make_stack(apps="chat", workers=2, settings={**SLOW, "drain": "200ms"},
                       locations=LOCATIONS)
    with Chat(stack) as chat:
        chat.ask(LONG_QUESTION)
        events = chat.until("text_chunk")
        full(stack)
        for worker in stack.workers:
            worker.process.send(15)
        for worker in stack.workers:
            assert worker.process.wait() == 0
        free(stack)
        stack.add_worker("worker-3")
        events += chat.until("response_complete", RECOVERY_S)
        assert shown(events) == reference and events[-1]["status"] == "ok"
