"""Redis comes back empty, or is emptied while it runs, at each moment of a question's life: the loss
is announced, every phase and tool is told again, text is never mixed, and nobody waits for ever."""

import pytest

from chat import LONG_QUESTION, Chat
from faults import (FAST, LOCATIONS, QUESTION, RECOVERY_S, SLOW, Asking, all_ready, asked_again,
                    becomes, check_resynced, data_is_gone_is_said, logged, red_and_green, said, shown,
                    static_served, to_the_end)
from harness.process import wait_for
from harness.protocol import check_v1_turn, check_v2_events
from harness.raw_ws import RawWs


@pytest.mark.parametrize("moment", ["tool_complete", "text_chunk"])
def test_killed_without_persistence(make_stack, reference, moment):
    """In the middle of an answer of each dialect; the workers live and take the turns up again."""
    stack = make_stack(apps="chat", workers=2, settings=SLOW, locations=LOCATIONS)
    with Asking(stack, reference, until=moment) as asking:
        stack.redis.restart()
        asking.finish()
        static_served(stack)
        for events in asking.v2_events:
            check_resynced(events, reference)
        asking.v1_exact_or_ended()
        all_ready(stack)
        assert data_is_gone_is_said(stack)
        assert logged(stack, "redis had forgotten a running session, ringing for it anew")
        asking.go_on()


def test_killed_and_away_for_longer_than_the_lease(make_stack, reference):
    stack = make_stack(apps="chat", workers=2, settings=SLOW, locations=LOCATIONS)
    with Asking(stack, reference) as asking:
        stack.redis.kill()
        wait_for(lambda: len(logged(stack, "lease lapsed: dropping every session")) == 2,
                 "the workers fence themselves", RECOVERY_S)
        becomes(stack, "redis_down")
        static_served(stack)
        stack.redis.start()
        asking.finish()
        for events in asking.v2_events:
            check_resynced(events, reference)
        asking.v1_exact_or_ended()
        red_and_green(stack, "link is down: ")
        asking.go_on()


def test_flushed(make_stack, reference):
    """FLUSHALL while text streams: what comes next is stored in an empty log. Whoever was connected
    gets the rest of the answer; who resumes meanwhile gets a snapshot."""
    stack = make_stack(apps="chat", workers=2, settings=SLOW, locations=LOCATIONS)
    with Asking(stack, reference) as asking:
        stack.redis.command("FLUSHALL")
        wait_for(lambda: logged(stack, "lease lapsed: dropping every session"), "it is noticed",
                 RECOVERY_S)
        with Chat(stack, resume=asking.v2[0]) as late:
            late_events = [late.greeting] + to_the_end(late)
            assert shown(asking.v2_events[0] + late_events) == reference
        asking.finish()
        for events in asking.v2_events:
            assert shown(events) == reference and events[-1]["status"] == "ok"
        asking.v1_exact_or_ended()
        all_ready(stack)
        assert data_is_gone_is_said(stack)
        asking.go_on()


def test_flushed_again_and_again(make_stack, reference):
    """The worker that tells everything anew loses the data again before it is through."""
    stack = make_stack(apps="chat", workers=2, settings={**SLOW, "local_tokens_per_second": 25},
                       locations=LOCATIONS)
    with Chat(stack) as chat:
        chat.ask(LONG_QUESTION)
        events = chat.until("text_chunk")
        for _ in range(2):
            stack.redis.restart()
            events += chat.until("text_snapshot", RECOVERY_S)
            events += chat.until("text_chunk", RECOVERY_S)
        events += to_the_end(chat)
        check_resynced(events, reference)
        asked_again(chat)


def test_both_redis_and_the_workers_lose_everything(make_stack):
    """Nobody knows of the turn any more: it is ended with a named error, in each dialect."""
    stack = make_stack(apps="chat", settings=SLOW, locations=LOCATIONS)
    with Chat(stack) as chat, RawWs.open(stack.nginx.http_port, "/ws/chat") as v1:
        v1.event()
        chat.ask(LONG_QUESTION)
        v1.json({"message": LONG_QUESTION})
        events, v1_events = chat.until("text_chunk"), v1.events_until("text_chunk")
        stack.workers[0].kill()
        stack.redis.restart()
        stack.workers[0].start()
        events = chat.until("response_complete", RECOVERY_S)
        assert events[-1]["status"] == "error"
        assert [e["recovered"] for e in events if e["type"] == "connected"] == [False]
        assert [e["code"] for e in events if e["type"] == "error"] == ["relay_unavailable"]
        v1_events += v1.events_until("response_complete", RECOVERY_S)
        kinds = [event["type"] for event in v1_events]
        assert kinds[kinds.index("error"):] == ["error", "text_chunk", "response_complete"]
        said(stack, "Redis has lost a question")
        check_v2_events(asked_again(chat))
        v1.json({"message": QUESTION})
        check_v1_turn(v1.events_until("response_complete", RECOVERY_S))


def test_the_same_words_again_while_the_answer_is_told_anew(make_stack, reference):
    """An empty Redis counts mail from one again: the same words from the same connection, without a
    `message_id`, are a second question all the same."""
    stack = make_stack(apps="chat", settings=SLOW, locations=LOCATIONS)
    with Chat(stack) as chat, RawWs.open(stack.nginx.http_port, "/ws/chat") as v1:
        v1.event()
        chat.ask(LONG_QUESTION)
        v1.json({"message": LONG_QUESTION})
        events, _ = chat.until("text_chunk"), v1.events_until("text_chunk")
        stack.redis.restart()
        events += chat.until("text_snapshot", RECOVERY_S)
        chat.ask(LONG_QUESTION)
        v1.events_until("response_complete", RECOVERY_S)
        v1.json({"message": LONG_QUESTION})
        events += to_the_end(chat)
        check_resynced(events, reference)
        check_v2_events(chat.until("response_complete", RECOVERY_S))
        check_v1_turn(v1.events_until("response_complete", RECOVERY_S))


def test_a_question_that_nobody_has_taken_yet(make_stack):
    """Stored, not picked up (the only worker is frozen), lost: told with a named error."""
    stack = make_stack(apps="chat", settings={**FAST, "lease": "20s"}, locations=LOCATIONS)
    with Chat(stack) as chat, RawWs.open(stack.nginx.http_port, "/ws/chat") as v1:
        v1.event()
        all_ready(stack)
        stack.workers[0].freeze()
        chat.ask(QUESTION)
        v1.json({"message": QUESTION})
        chat.until("queued")
        stack.redis.restart()
        told = chat.until("response_complete", RECOVERY_S)
        assert [e["code"] for e in told if e["type"] == "error"] == ["relay_unavailable"]
        kinds = [event["type"] for event in v1.events_until("response_complete", RECOVERY_S)]
        assert kinds == ["error", "text_chunk", "response_complete"]
        said(stack, "Redis has lost a question")
        stack.workers[0].thaw()
        check_v2_events(asked_again(chat))


def test_a_question_behind_a_running_answer(make_stack, reference):
    """The running turn is taken up again; the one that waited behind it is lost and said to be."""
    stack = make_stack(apps="chat", settings=SLOW, locations=LOCATIONS)
    with Chat(stack) as chat:
        chat.ask(LONG_QUESTION)
        events = chat.until("text_chunk")
        chat.ask(QUESTION)
        key = stack.redis.command("KEYS", f"*:s:{chat.session}")[0]
        lane = key.replace(":s:", ":i:")
        wait_for(lambda: stack.redis.command("XLEN", lane) == 1, "the second one waits")
        stack.redis.restart()
        events += to_the_end(chat)
        check_resynced(events, reference)
        told = chat.until("response_complete", RECOVERY_S)
        codes = [event["code"] for event in told if event["type"] == "error"]
        assert codes == ["relay_unavailable"] or told[-1]["status"] == "ok", told
        asked_again(chat)
