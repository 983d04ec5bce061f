"""Redis and nginx going while real answers stream: every question gets its one end, and a drain
that is long enough cuts nobody."""

import select
import time

import pytest

from chat import LONG_QUESTION, Chat
from faults import QUESTION, RECOVERY_S, asked_again, shown
from harness.protocol import check_text, check_v1_turn, check_v2_events, text_of
from harness.process import wait_for
from harness.raw_ws import RawWs

SLOW = {"local_tokens_per_second": 25, "lease": "1500ms"}


def test_redis_frozen_in_the_middle_of_an_answer(make_stack):
    """For less than the lease: a pause, then the same answer."""
    stack = make_stack(apps="chat", workers=2, settings={**SLOW, "lease": "10s"})
    with Chat(stack) as chat:
        reference = text_of(chat.answer(LONG_QUESTION))
        chat.ask(LONG_QUESTION)
        events = chat.until("text_chunk")
        stack.redis.freeze()
        with pytest.raises(TimeoutError):
            while True:  # what was under way still comes, then nothing
                events.append(chat.event(0.5))
        stack.redis.thaw()
        events += chat.until("response_complete")
        assert shown(events) == reference and events[-1]["status"] == "ok"
        check_v2_events([event for event in events if event.get("turn_id")])


def test_redis_restarted_with_its_data_in_the_middle_of_an_answer(make_stack):
    stack = make_stack(apps="chat", workers=2, settings=SLOW,
                       redis=["appendonly yes", "appendfsync always"])
    assert stack.redis.command("CONFIG", "GET", "appendonly")[1] == "yes"
    with Chat(stack) as chat:
        reference = text_of(chat.answer(LONG_QUESTION))
        chat.ask(LONG_QUESTION)
        events = chat.until("text_chunk")
        stack.redis.restart()
        events += chat.until("response_complete")
        assert events[-1]["status"] == "ok"
        assert shown(events) == reference
        asked_again(chat)


def test_redis_restarted_empty_in_the_middle_of_an_answer(make_stack):
    """All that was stored is gone. The spinner does not stay, for either protocol."""
    stack = make_stack(apps="chat", workers=2, settings=SLOW)
    with Chat(stack) as chat, RawWs.open(stack.nginx.http_port, "/ws/chat") as v1:
        v1.event()
        chat.ask(LONG_QUESTION)
        v1.json({"message": LONG_QUESTION})
        chat.until("text_chunk")
        v1.events_until("text_chunk")
        stack.redis.restart()
        ends = [chat.until("response_complete")[-1], v1.events_until("response_complete")[-1]]
        assert {end["status"] for end in ends} <= {"ok", "partial", "error"}
        asked_again(chat)


def test_redis_gone_while_asking(make_stack):
    stack = make_stack(apps="chat", settings={"local_tokens_per_second": 0})
    with Chat(stack) as chat, RawWs.open(stack.nginx.http_port, "/ws/chat") as v1:
        v1.event()
        whole = text_of(chat.answer(QUESTION))
        stack.redis.kill()
        v1.json({"message": QUESTION})
        said = chat.answer(QUESTION)
        assert [e["code"] for e in said if e["type"] == "error"] == ["relay_unavailable"]
        assert said[-1]["status"] == "error"
        kinds = [event["type"] for event in v1.events_until("response_complete")]
        assert kinds == ["error", "text_chunk", "response_complete"]
        stack.redis.start()
        stack.wait_linked()
        # A snapshot of the turn before may come first; and a worker that finds out late that the data
        # is gone tells what it has begun anew.
        events = asked_again(chat)
        turn = [event for event in events if event.get("turn_id") == events[-1]["turn_id"]]
        assert shown(turn) == whole
        check_v2_events(chat.answer(QUESTION))
        v1.json({"message": QUESTION})
        check_v1_turn(v1.events_until("response_complete"))


def closes(clients):
    """Code and last events of each. Read as they come: who lets a close lie is cut off."""
    told = {}
    deadline = time.monotonic() + 60
    while len(told) < len(clients):
        assert time.monotonic() < deadline, f"{len(told)} of {len(clients)} closed"
        waiting = [ws for ws in clients if ws not in told]
        select.select([ws.socket for ws in waiting], [], [], 1)
        for ws in [ws for ws in waiting if ws.readable()]:
            got, data = ws.close_frame()
            told[ws] = (got.code, [one.json["type"] for one in data])
            ws.drop()
    return told


@pytest.mark.parametrize("how", ["reload", "quit"])
def test_running_answers_end_before_the_drain_closes(make_stack, how):
    """Both protocols, with and without TLS: 1001 comes behind the terminal event, never before."""
    stack = make_stack(apps="chat", workers=2, drain="20s",
                       settings={**SLOW, "local_tokens_per_second": 60})
    chats = [Chat(stack, tls=number % 2 == 0) for number in range(6)]
    v1 = [RawWs.open(stack.nginx.http_port, "/ws/chat"),
          RawWs.open(stack.nginx.https_port, "/ws/chat", tls=True)]
    for ws in v1:
        ws.event()
        ws.json({"message": LONG_QUESTION})
    for chat in chats:
        chat.ask(LONG_QUESTION)
    heads = [chat.until("text_chunk") for chat in chats]
    v1_heads = [ws.events_until("text_chunk") for ws in v1]
    old = stack.nginx.worker_processes()
    stack.nginx.reload() if how == "reload" else stack.nginx.quit()
    for chat, events in zip(chats, heads):
        events += chat.until("response_complete")
        assert events[-1]["status"] == "ok"
        check_v2_events(events)
    for ws, events in zip(v1, v1_heads):
        check_v1_turn(events + ws.events_until("response_complete"))
    told = closes([*(chat.ws for chat in chats), *v1])
    for chat in chats:
        assert told[chat.ws] == (1001, ["going_away"])
    for ws in v1:
        assert told[ws] == (1001, [])
    wait_for(lambda: not any(worker.alive() for worker in old), "the old worker is gone", 20)


def test_cancelled_behind_every_event(slow_stack):
    """The stop button right behind the n-th event, for each n of the phases and into the text: one
    end each time, every tool completed, and the session goes on."""
    with Chat(slow_stack) as chat:
        chat.ask(LONG_QUESTION)
        whole = chat.until("text_chunk")
        chat.send(type="cancel")
        chat.until("response_complete", status="cancelled")
        for count in range(1, len(whole) + 3):
            chat.ask(LONG_QUESTION)
            events = [chat.event() for _ in range(count)]
            chat.send(type="cancel")
            events += chat.until("response_complete")
            assert events[-1]["status"] == "cancelled", f"behind event {count}"
            assert [e["by"] for e in events if e["type"] == "cancelled"] == ["user"]
            assert check_text(events)
            assert len(check_v2_events(events)) == 1
        chat.answer("Hello")
