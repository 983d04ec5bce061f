"""The v2 protocol over the whole stack: its sequence, stopping, idempotency, serial turns."""

import time

import pytest

from chat import LONG_QUESTION, Chat
from harness.process import wait_for
from harness.protocol import check_text, check_v2_events, text_of, units

QUESTION = "How much have we invoiced on the Harbor Point project, and what is still open?"


def kinds(events):
    return [event["type"] for event in events]


def test_the_sequence_of_a_question(stack):
    with Chat(stack) as chat:
        events = chat.answer(QUESTION, message_id="m-1")
    turns = check_v2_events(events)
    assert len(turns) == 1
    start, end = events[0], events[-1]
    assert start["type"] == "turn_start" and start["message_id"] == "m-1"
    assert start["attempt"] == 1 and start["queue_ms"] >= 0
    phases = [event for event in events if event["type"] == "phase_start"]
    assert [event["index"] for event in phases] == list(range(1, len(phases) + 1))
    assert {event["total"] for event in phases} == {len(phases)}
    for event in events:
        if event["type"] == "phase_complete":
            assert event["status"] in ("ok", "degraded", "skipped", "error")
            assert event["duration_ms"] >= 0
        if event["type"] == "tool_complete":
            assert event["status"] == "ok" and event["attempts"] >= 1
            assert event["duration_ms"] >= 0
        if event["type"] == "tool_start":
            assert event["timeout_ms"] > 0 and "args" in event and event["name"]
    assert "sources" in kinds(events)
    assert end["status"] == "ok" and end["text_length"] == units(text_of(events))
    timings = end["timings"]
    assert timings["total_ms"] >= timings["first_token_ms"] >= 0 and timings["queue_ms"] >= 0
    assert end["trace_id"]


def test_a_chart_comes_with_its_specification(stack):
    with Chat(stack) as chat:
        events = chat.answer("Show me a chart of the invoices of Harbor Point by year")
    check_v2_events(events)
    charts = [event for event in events if event["type"] == "chart"]
    assert charts and charts[0]["spec"] and charts[0]["rows"] and charts[0]["chart_id"]


def test_text_outside_ascii_keeps_its_offsets(stack):
    with Chat(stack) as chat:
        events = chat.answer("Wie läuft Harbor Point? 🏗️ — „Überblick“ bitte", message_id="ü🏗️")
    assert events[0]["message_id"] == "ü🏗️"
    check_v2_events(events)


def test_the_same_message_id_is_answered_once(stack):
    with Chat(stack) as chat:
        first = chat.answer(QUESTION, message_id="once")
        chat.ask(QUESTION, message_id="once")
        chat.ask("Hello", message_id="other")
        rest = chat.until("response_complete")
        assert [event["message_id"] for event in rest if event["type"] == "turn_start"] == ["other"]
    assert len(check_v2_events(first + rest)) == 2


def test_questions_wait_for_each_other(stack):
    """Five at once: five turns, one after the other, in the order asked."""
    with Chat(stack) as chat:
        for number in range(5):
            chat.ask(QUESTION, message_id=f"q{number}")
        events = []
        for _ in range(5):
            events += chat.until("response_complete")
    turns = check_v2_events(events)
    assert [turn[0]["message_id"] for turn in turns.values()] == [f"q{n}" for n in range(5)]
    borders = [event["turn_id"] for event in events if "turn_id" in event and event["turn_id"]]
    changes = sum(a != b for a, b in zip(borders, borders[1:]))
    assert changes == 4, "turns are not mixed"


def test_on_busy_reject(slow_stack):
    with Chat(slow_stack) as chat:
        chat.ask(LONG_QUESTION)
        chat.until("text_chunk")
        chat.ask("Hello", on_busy="reject", message_id="no")
        refused = chat.until("error")[-1]
        assert refused["code"] == "busy" and refused["message_id"] == "no"
        chat.send(type="cancel")
        chat.until("response_complete", status="cancelled")


def test_on_busy_cancel(slow_stack):
    with Chat(slow_stack) as chat:
        chat.ask(LONG_QUESTION)
        events = chat.until("text_chunk")
        chat.ask("Hello", on_busy="cancel", message_id="next")
        events += chat.until("response_complete", status="cancelled")
        assert [event["by"] for event in events if event["type"] == "cancelled"] == ["superseded"]
        events += chat.until("response_complete", status="ok")
    assert len(check_v2_events(events)) == 2


def test_cancel_in_the_middle_of_the_text(slow_stack):
    with Chat(slow_stack) as chat:
        chat.ask(LONG_QUESTION)
        events = chat.until("text_chunk")
        chat.send(type="cancel")
        asked = time.monotonic()
        events += chat.until("response_complete")
        assert time.monotonic() - asked < 2.0
        assert kinds(events)[-2:] == ["cancelled", "response_complete"]
        assert events[-2]["by"] == "user" and events[-1]["status"] == "cancelled"
        check_v2_events(events)
        chat.answer("Hello")


def test_cancel_by_turn_and_by_a_wrong_turn(slow_stack):
    with Chat(slow_stack) as chat:
        chat.ask(LONG_QUESTION)
        events = chat.until("text_chunk")
        chat.send(type="cancel", turn_id="another")
        events += chat.until("cancelled", turn_id="another")
        events += chat.until("text_chunk")  # it goes on
        chat.send(type="cancel", turn_id=events[0]["turn_id"])
        chat.until("response_complete", status="cancelled")


def test_cancel_when_nothing_runs_is_acknowledged(stack):
    with Chat(stack) as chat:
        chat.send(type="cancel")
        assert chat.until("cancelled")[-1]["by"] == "user"
        chat.answer(QUESTION)
        chat.send(type="cancel")
        chat.until("cancelled")
        chat.answer(QUESTION)


def test_cancel_before_it_is_picked_up(make_stack):
    """No worker attends; question and cancel both wait in the mailbox."""
    stack = make_stack(apps="chat", settings={"local_tokens_per_second": 25})
    with Chat(stack) as chat:
        chat.answer("Hello")
        stack.workers[0].freeze()
        chat.ask(LONG_QUESTION, message_id="never")
        chat.send(type="cancel", message_id="never")
        stack.workers[0].thaw()
        events = chat.until("response_complete")
        assert events[-1]["status"] == "cancelled"
        assert "tool_start" not in kinds(events), "nothing was done for it"
        assert len(text_of(events)) > 0
        check_v2_events([event for event in events if event.get("turn_id")])


def test_cancel_at_any_moment(stack):
    """Fifty questions cancelled after 0 to 12 ms, wherever that hits: always one end, every tool
    completed, the cancel always acknowledged."""
    hit = set()
    with Chat(stack) as chat:
        for number in range(50):
            chat.ask(QUESTION, message_id=f"c{number}")
            pause_until = time.monotonic() + number % 25 * 0.0005
            while time.monotonic() < pause_until:
                pass
            chat.send(type="cancel", message_id=f"c{number}")
            events, seen = [], set()
            while not {"cancelled", "response_complete"} <= seen:
                events.append(chat.event())
                seen.add(events[-1]["type"])
            end = next(event for event in events if event["type"] == "response_complete")
            assert end["status"] in ("ok", "cancelled")
            turn = [event for event in events if event.get("turn_id") == end["turn_id"]
                    and not (event["type"] == "cancelled" and end["status"] == "ok")]
            check_v2_events(turn)
            if end["status"] == "cancelled":
                phases = [event["phase"] for event in turn if event["type"] == "phase_start"]
                hit.add(phases[-1] if phases else "before the first")
        chat.answer(QUESTION)
    assert hit, "at least one cancel came in time"


def test_ping(stack):
    with Chat(stack) as chat:
        for value in (12345, "text", 1.5):
            chat.send(type="ping", t=value)
            assert chat.until("pong")[-1]["t"] == value


def test_ping_during_an_answer(slow_stack):
    with Chat(slow_stack) as chat:
        chat.ask(LONG_QUESTION)
        events = chat.until("text_chunk")
        chat.send(type="ping", t=1)
        events += chat.until("pong")
        events += chat.until("response_complete")
        check_v2_events([event for event in events if event["type"] != "pong"])


def test_regenerate_with_and_without_a_new_text(stack):
    with Chat(stack) as chat:
        first = chat.answer(QUESTION)
        chat.send(type="regenerate", turn_id=first[0]["turn_id"])
        second = chat.until("response_complete")
        assert second[0]["turn_id"] != first[0]["turn_id"]
        assert text_of(second) == text_of(first)
        chat.send(type="regenerate", turn_id=second[0]["turn_id"], message="Hello")
        third = chat.until("response_complete")
        assert text_of(third) != text_of(first)
        chat.send(type="regenerate", turn_id="unknown")
        assert chat.until("error")[-1]["code"] == "bad_request"


@pytest.mark.parametrize("rating", [1, -1])
def test_feedback_is_stored_with_the_turn(stack, rating):
    with Chat(stack) as chat:
        turn = chat.answer("Hello")[0]["turn_id"]
        chat.send(type="feedback", turn_id=turn, rating=rating, comment="naja – ü")

        def stored():
            keys = stack.redis.command("KEYS", f"*:h:{chat.session}")
            entries = "".join(stack.redis.command("LRANGE", keys[0], 0, -1)) if keys else ""
            return f'"rating":{rating}' in entries.replace(" ", "")
        wait_for(stored, "the rating is in the history")


def test_feedback_for_nothing_is_refused(stack):
    with Chat(stack) as chat:
        chat.send(type="feedback", turn_id="unknown", rating=1)
        assert chat.until("error")[-1]["code"] == "bad_request"


def test_a_turn_that_takes_too_long_ends_with_an_error(make_stack):
    stack = make_stack(apps="chat", settings={"local_tokens_per_second": 2, "turn_budget": "1s"})
    with Chat(stack) as chat:
        events = chat.answer(LONG_QUESTION)
        assert events[-1]["status"] in ("error", "partial")
        assert check_text(events)


def test_two_tabs_see_the_same(slow_stack):
    """The second joins by the token and gets all from the beginning; both see the rest live, and
    both may ask and stop."""
    with Chat(slow_stack) as first:
        first.ask(LONG_QUESTION)
        here = first.until("text_chunk")
        with Chat(slow_stack, tls=False, resume=(first.token, "0-0")) as second:
            assert second.session == first.session
            there = second.until("text_chunk")
            second.send(type="cancel")
            here += first.until("response_complete")
            there += second.until("response_complete")
            assert [e for e in here if "id" in e] == [e for e in there if "id" in e]
            second.ask("Hello")
            assert first.until("response_complete")[-1] == second.until("response_complete")[-1]
