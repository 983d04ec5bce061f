"""Workers that die, freeze or are stopped, idle and in the middle of an answer: somebody else goes
on, the client sees one answer without gap or repetition."""

import time

import pytest

from chat import LONG_QUESTION, Chat
from faults import check_resynced, to_the_end
from harness.protocol import check_text, check_v1_turn, check_v2_events, text_of
from harness.process import wait_for
from harness.raw_ws import RawWs
from owners import owner

QUESTION = "How much have we invoiced on the Harbor Point project, and what is still open?"
SETTINGS = {"local_tokens_per_second": 40, "lease": "1s"}


@pytest.fixture
def stack(make_stack):
    return make_stack(apps="chat", workers=2, settings=SETTINGS)


def whole_text(stack):
    with Chat(stack) as chat:
        return text_of(chat.answer(LONG_QUESTION))


def test_killed_while_idle(stack):
    with Chat(stack) as chat:
        chat.answer(QUESTION)
        stack.workers[0].kill()
        chat.answer(QUESTION)
        with Chat(stack) as other:
            check_v2_events(other.answer(QUESTION))


def test_each_of_two_is_enough(stack):
    """Kill one, ask; start it again, kill the other, ask."""
    for worker in stack.workers:
        worker.kill()
        for _ in range(4):
            with Chat(stack) as chat:
                check_v2_events(chat.answer("Hello"))
        worker.start()


@pytest.mark.parametrize("moment", ["first event", "phase_complete", "tool_start", "text_chunk"])
def test_killed_in_the_middle(stack, moment):
    reference = whole_text(stack)
    with Chat(stack) as chat:
        chat.ask(LONG_QUESTION)
        events = [chat.event()] if moment == "first event" else chat.until(moment)
        owner(stack, chat.session).kill()
        events += chat.until("response_complete")
    turns = check_v2_events(events)
    assert len(turns) == 1
    attempts = [event["attempt"] for event in events if event["type"] == "attempt"]
    assert attempts in ([2], []), attempts  # [] when it had ended before the kill
    assert events[-1]["status"] == "ok"
    assert text_of(events) == reference
    phases = [event["phase"] for event in events if event["type"] == "phase_complete"]
    assert len(phases) == len(set(phases)), "finished phases are not told twice"


def test_v1_does_not_notice(stack):
    with RawWs.open(stack.nginx.http_port, "/ws/chat") as ws:
        session = ws.event()["session_id"]
        ws.json({"message": LONG_QUESTION})
        events = ws.events_until("text_chunk")
        owner(stack, session).kill()
        events += ws.events_until("response_complete")
        check_v1_turn(events)


def test_frozen_beyond_its_lease(stack):
    """The owner stops for longer than its lease and then goes on writing: it is fenced."""
    reference = whole_text(stack)
    with Chat(stack) as chat:
        chat.ask(LONG_QUESTION)
        events = chat.until("text_chunk")
        frozen = owner(stack, chat.session)
        frozen.freeze()
        events += chat.until("attempt")
        frozen.thaw()
        events += chat.until("response_complete")
        check_v2_events(events)
        assert text_of(events) == reference
        chat.answer("Hello")


def test_frozen_for_less_than_its_lease(stack):
    with Chat(stack) as chat:
        chat.ask(LONG_QUESTION)
        events = chat.until("text_chunk")
        frozen = owner(stack, chat.session)
        frozen.freeze()
        until = time.monotonic() + 0.4
        wait_for(lambda: time.monotonic() > until, "less than the lease")
        frozen.thaw()
        events += chat.until("response_complete")
    check_v2_events(events)
    assert "attempt" not in [event["type"] for event in events]


def test_stopped_gracefully_in_the_middle(stack):
    """SIGTERM: the answer ends there or is handed over; the client sees no difference."""
    reference = whole_text(stack)
    with Chat(stack) as chat:
        chat.ask(LONG_QUESTION)
        events = chat.until("text_chunk")
        worker = owner(stack, chat.session)
        worker.process.send(15)
        events += chat.until("response_complete")
        assert events[-1]["status"] == "ok" and text_of(events) == reference
        check_v2_events(events)
        assert worker.process.wait() == 0
        chat.answer("Hello")


def test_stopped_with_no_time_left_hands_over(make_stack):
    stack = make_stack(apps="chat", workers=2, settings={**SETTINGS, "drain": "200ms"})
    reference = whole_text(stack)
    with Chat(stack) as chat:
        chat.ask(LONG_QUESTION)
        events = chat.until("text_chunk")
        worker = owner(stack, chat.session)
        worker.process.send(15)
        events += chat.until("response_complete")
        assert worker.process.wait() == 0
        assert text_of(events) == reference
        check_v2_events(events)


def test_all_die_and_another_one_comes(stack):
    reference = whole_text(stack)
    with Chat(stack) as chat:
        chat.ask(LONG_QUESTION)
        events = chat.until("text_chunk")
        for worker in stack.workers:
            worker.kill()
        stack.add_worker("worker-new")
        events += chat.until("response_complete")
        check_v2_events(events)
        assert text_of(events) == reference


def test_killed_again_and_again_is_given_up_with_an_error(make_stack):
    stack = make_stack(apps="chat", workers=3, settings={**SETTINGS, "max_attempts": 2,
                                                         "local_tokens_per_second": 5})
    with Chat(stack) as chat:
        chat.ask(LONG_QUESTION)
        events = chat.until("text_chunk")
        owner(stack, chat.session).kill()
        events += chat.until("attempt")
        events += chat.until("text_chunk")
        owner(stack, chat.session).kill()
        events += chat.until("response_complete")
        assert events[-1]["status"] == "error"
        assert "attempts_exhausted" in [e["code"] for e in events if e["type"] == "error"]
        check_text(events)
        chat.answer("Hello")


def released(stack, session):
    """Nobody holds the session in hand any more."""
    key = stack.redis.command("KEYS", f"*:s:{session}")[0]
    return not stack.redis.command("HGET", key, "own")


def test_a_question_waits_for_the_next_worker_and_is_told_so(make_stack):
    """The only worker is killed between two questions; its lease still runs."""
    stack = make_stack(apps="chat", settings={"local_tokens_per_second": 0, "lease": "3s"})
    with Chat(stack) as chat:
        chat.answer(QUESTION)
        wait_for(lambda: released(stack, chat.session), "the session is given up")
        stack.workers[0].kill()
        chat.ask(QUESTION)
        assert chat.until("queued")[-1]["waited_ms"] >= 1000
        stack.add_worker("worker-new")
        check_v2_events([e for e in chat.until("response_complete") if e["type"] != "queued"])


def test_a_question_to_a_dead_owner_is_answered_by_the_next(make_stack):
    """Killed with the session still in hand."""
    stack = make_stack(apps="chat", settings={"local_tokens_per_second": 0, "lease": "1s"})
    with Chat(stack) as chat:
        chat.answer(QUESTION)
        stack.workers[0].kill()
        chat.ask(QUESTION)
        stack.add_worker("worker-new")
        check_v2_events([e for e in chat.until("response_complete") if e["type"] != "queued"])


def test_no_worker_at_all_is_said_and_the_session_survives(make_stack):
    stack = make_stack(apps="chat", settings={"local_tokens_per_second": 0})
    with Chat(stack) as chat, RawWs.open(stack.nginx.http_port, "/ws/chat") as v1:
        v1.event()
        chat.answer(QUESTION)
        stack.workers[0].stop()
        deadline = time.monotonic() + 20  # its last lease counts for some seconds
        while True:
            chat.ask(QUESTION)
            events = chat.until("response_complete", 30)
            codes = [event["code"] for event in events if event["type"] == "error"]
            if codes:
                break
            assert time.monotonic() < deadline
        assert codes == ["no_worker"] and events[-1]["status"] == "error"
        v1.json({"message": QUESTION})
        said = v1.events_until("response_complete")
        assert [e["type"] for e in said] == ["error", "text_chunk", "response_complete"]
        assert said[0]["message"].startswith("No worker is available")
        stack.add_worker("worker-new")
        check_v2_events([e for e in chat.answer(QUESTION) if e.get("turn_id")])
        v1.json({"message": QUESTION})
        check_v1_turn(v1.events_until("response_complete"))


def test_two_workers_share_the_work(make_stack):
    stack = make_stack(apps="chat", workers=2, settings=SETTINGS)
    chats = [Chat(stack) for _ in range(24)]
    for chat in chats:
        chat.ask("Hello")
        chat.until("turn_start")
    for chat in chats:
        chat.until("response_complete")
        chat.ws.drop()
    done = [worker.log.text().count('"turn ended"') for worker in stack.workers]
    assert sum(done) == 24 and min(done) >= 4, done


def test_redis_wiped_in_the_middle_tells_the_answer_anew(stack):
    """Redis comes back empty: what was lost is said, then the turn is told anew and goes on."""
    reference = whole_text(stack)
    with Chat(stack) as chat:
        chat.ask(LONG_QUESTION)
        chat.until("text_chunk")
        stack.redis.restart()
        lost = chat.until("connected")[-1]
        assert lost["recovered"] is False and lost["session_id"] == chat.session
        events = [lost] + to_the_end(chat)
        check_resynced(events, reference)
        chat.answer("Hello")
