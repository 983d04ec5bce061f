"""Coming back: from every point of a finished and of a running answer, after reload, and when the
log no longer knows the place."""

import os
import signal
import time

import pytest

from chat import LONG_QUESTION, Chat, merged
from harness.protocol import check_v2_events, text_of
from harness.process import wait_for
from harness.raw_ws import Ended

QUESTION = "How much have we invoiced on the Harbor Point project, and what is still open?"


def test_from_every_event_of_a_finished_conversation(stack):
    with Chat(stack) as chat:
        whole = chat.answer(QUESTION) + chat.answer("and compared with last year?")
        token = chat.token
    check_v2_events(whole)
    for at in range(-1, len(whole)):
        place = whole[at]["id"] if at >= 0 else "0-0"
        with Chat(stack, tls=at % 2 == 0, resume=(token, place)) as back:
            assert back.session == chat.session
            assert back.greeting["recovered"] is True
            rest = [back.event() for _ in whole[at + 1:]]
            assert rest == whole[at + 1:], f"resumed behind event {at}"
            back.send(type="ping", t=at)  # nothing else comes
            assert back.event()["type"] == "pong"


def test_from_every_event_of_a_running_answer(slow_stack):
    """At each event another client comes back from there; all end with the same text."""
    others = []
    with Chat(slow_stack) as chat:
        chat.ask(LONG_QUESTION)
        whole = []
        while not whole or whole[-1]["type"] != "response_complete":
            whole.append(chat.event())
            if len(whole) <= 40:
                others.append((len(whole), Chat(slow_stack, tls=len(whole) % 3 == 0,
                                                resume=(chat.token, chat.last))))
        text = text_of(whole)
        check_v2_events(whole)
        for count, other in others:
            with other:
                assert other.greeting["recovered"] is True
                rest = [] if count == len(whole) else other.until("response_complete")
                assert whole[:count] + rest == whole, f"resumed behind event {count}"
                assert text_of(merged(whole[:count], rest)) == text
    assert len(others) >= 20


def test_coming_back_again_and_again(slow_stack):
    """One client, cut after every third event without a word, until the answer is whole."""
    chat = Chat(slow_stack)
    chat.ask(LONG_QUESTION)
    parts, rounds = [], 0
    while True:
        part = []
        try:
            while len(part) < 3 and not (part and part[-1]["type"] == "response_complete"):
                part.append(chat.event())
        finally:
            chat.ws.reset()
        parts.append(part)
        if part[-1]["type"] == "response_complete":
            break
        rounds += 1
        chat = Chat(slow_stack, tls=rounds % 2 == 0, resume=chat)
        assert chat.greeting["recovered"] is True
    events = [event for part in parts for event in part]
    assert merged(*parts) == events, "nothing came twice"
    check_v2_events(events)
    assert rounds >= 5


@pytest.mark.parametrize("epochs_ahead", [None, 1_000_000])
def test_a_place_the_log_does_not_know_gets_the_snapshot(stack, epochs_ahead):
    """From long ago, or from a future that Redis has forgotten."""
    with Chat(stack) as chat:
        whole = chat.answer(QUESTION)
        token = chat.token
    # It follows the end of the answer; until then the log is told from its beginning.
    wait_for(lambda: stack.redis.command("KEYS", f"mr:*:snap:{chat.session}"), "the snapshot")
    epoch = int(whole[0]["id"].split("-")[0])
    place = f"{epoch + epochs_ahead}-5" if epochs_ahead else "1-1"
    with Chat(stack, resume=(token, place)) as back:
        assert back.greeting["recovered"] is False and back.session == chat.session
        snapshot = back.event()
        assert snapshot["type"] == "text_snapshot"
        assert snapshot["content"] == text_of(whole)
        assert snapshot["sources"] == whole[-1]["sources"]
        assert {phase["phase"] for phase in snapshot["phases"]} >= {"routing", "response"}
        check_v2_events(back.answer("Hello"))


def test_a_running_answer_from_a_place_the_log_does_not_know(slow_stack):
    with Chat(slow_stack) as chat:
        chat.ask(LONG_QUESTION)
        chat.until("text_chunk")
        with Chat(slow_stack, resume=(chat.token, "1-1")) as back:
            assert back.greeting["recovered"] is False
            theirs = chat.until("response_complete")
            events = back.until("response_complete")
            start = max((i for i, e in enumerate(events) if e["type"] == "text_snapshot"),
                        default=-1)
            text = events[start]["content"] if start >= 0 else ""
            for event in events[start + 1:]:
                if event["type"] == "text_chunk":
                    assert event["offset"] == len(text), "the text goes on where the snapshot ends"
                    text += event["content"]
            assert len(text) == theirs[-1]["text_length"]


def test_a_new_session_resumed_at_its_very_beginning(stack):
    with Chat(stack) as chat:
        token = chat.token
    with Chat(stack, resume=(token, "0-0")) as back:
        assert back.session == chat.session
        check_v2_events(back.answer(QUESTION))


def test_the_answer_goes_on_while_the_client_is_away(slow_stack):
    with Chat(slow_stack) as chat:
        chat.ask(LONG_QUESTION)
        first = chat.until("text_chunk")
    wait_for(lambda: slow_stack.redis.command(
        "EXISTS", slow_stack.redis.command("KEYS", f"*:h:{chat.session}*")[0])
        if slow_stack.redis.command("KEYS", f"*:h:{chat.session}*") else 0,
        "the answer has ended without anybody listening", 30)
    with Chat(slow_stack, resume=chat) as back:
        rest = back.until("response_complete")
        assert rest[-1]["status"] == "ok"
        check_v2_events(first + rest)


def test_nobody_comes_back_and_the_turn_is_cancelled(make_stack):
    stack = make_stack(apps="chat", settings={"local_tokens_per_second": 3, "resume_window": "1s"})
    with Chat(stack) as chat:
        chat.ask(LONG_QUESTION)
        chat.until("text_chunk")
    wait_for(lambda: "nobody came back, turn cancelled" in stack.workers[0].log.text(),
             "the turn is cancelled", 20)
    with Chat(stack, resume=chat) as back:
        events = back.until("response_complete")
        assert events[-1]["status"] == "cancelled"
        assert [e["by"] for e in events if e["type"] == "cancelled"] == ["disconnect"]


def test_coming_back_in_time_saves_the_turn(make_stack):
    stack = make_stack(apps="chat", settings={"local_tokens_per_second": 15, "resume_window": "1s"})
    chat = Chat(stack)
    chat.ask(LONG_QUESTION)
    events = chat.until("text_chunk")
    for _ in range(3):
        chat.ws.reset()
        chat = Chat(stack, resume=chat)
        until = time.monotonic() + 0.8
        while time.monotonic() < until:
            events.append(chat.event())
            if events[-1]["type"] == "response_complete":
                break
    if events[-1]["type"] != "response_complete":
        events += chat.until("response_complete")
    chat.ws.drop()
    assert events[-1]["status"] == "ok"
    check_v2_events(events)


# --- nginx goes, the answer does not

def follow(chat, parts, make_next):
    """Reads to the end of the answer, coming back whenever the connection ends."""
    while True:
        part = []
        parts.append(part)
        try:
            while not part or part[-1]["type"] != "response_complete":
                part.append(chat.event())
            return chat
        except Ended:
            chat.ws.drop()
            chat = wait_for(lambda: make_next(chat), "a new connection")


def come_back(stack):
    def attempt(chat):
        try:
            return Chat(stack, resume=chat)
        except Exception:  # noqa: BLE001 - refused while the processes change
            return None
    return attempt


def test_a_reload_lets_a_running_answer_end(make_stack):
    stack = make_stack(apps="chat", drain="6s", settings={"local_tokens_per_second": 25})
    with Chat(stack) as chat:
        chat.ask(LONG_QUESTION)
        events = chat.until("text_chunk")
        old = stack.nginx.reload()
        events += chat.until("response_complete")
        check_v2_events(events)
        assert chat.event()["type"] == "going_away"
        assert chat.ws.frame().code == 1001
    wait_for(lambda: not any(worker.alive() for worker in old), "the old worker is gone", 20)


def test_a_reload_with_a_short_window_is_survived_by_resuming(make_stack):
    stack = make_stack(apps="chat", drain="300ms", settings={"local_tokens_per_second": 25})
    chat = Chat(stack)
    chat.ask(LONG_QUESTION)
    parts = [chat.until("text_chunk")]
    stack.nginx.reload()
    follow(chat, parts, come_back(stack)).ws.drop()
    assert len(parts) >= 3
    check_v2_events(merged(*parts))


def test_a_killed_nginx_worker_is_survived_by_resuming(make_stack, watch):
    watch.allow(r"\[alert\] .* worker process \d+ exited on signal 9")
    stack = make_stack(apps="chat", settings={"local_tokens_per_second": 25})
    chat = Chat(stack)
    chat.ask(LONG_QUESTION)
    parts = [chat.until("text_chunk")]
    os.kill(stack.nginx.worker_pids()[0], signal.SIGKILL)
    follow(chat, parts, come_back(stack)).ws.drop()
    check_v2_events(merged(*parts))


@pytest.mark.parametrize("kind", ["commands", "subscriptions", "all"])
def test_cut_links_lose_and_repeat_nothing(slow_stack, kind):
    """The links to Redis are cut in the middle of the answer; the client does not notice."""
    with Chat(slow_stack) as chat:
        chat.ask(LONG_QUESTION)
        events = chat.until("text_chunk")
        clients = slow_stack.redis.clients("mr-ws-nginx")
        wanted = clients if kind == "all" else \
            [one for one in clients if one in slow_stack.redis.clients(kind)]
        for _ in range(2):
            for link in wanted:
                slow_stack.redis.command("CLIENT", "KILL", "ID", link)
            slow_stack.wait_linked()
            wanted = slow_stack.redis.clients("mr-ws-nginx")
            events.append(chat.event())
        events += chat.until("response_complete")
        check_v2_events(events)
        assert events[-1]["status"] == "ok"
