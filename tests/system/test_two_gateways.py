"""Two nginx of their own on one Redis: a session belongs to neither. Cut here, resumed there."""

import json

import pytest

from beside import Beside
from chat import LONG_QUESTION, Chat, merged
from harness.protocol import check_v2_events, text_of

QUESTION = "How much have we invoiced on the Harbor Point project, and what is still open?"


@pytest.fixture
def gateways(make_stack):
    """The stack and the gateway beside it."""
    stack = make_stack(apps="chat", workers=2,
                       settings={"local_tokens_per_second": 25, "lease": "1500ms"})
    with Beside(stack) as beside:
        yield stack, beside


def without_times(events):
    """What two runs of the same question have in common: order, places, texts."""
    return [(event["type"], event.get("phase"), event.get("tool")) for event in events
            if event["type"] not in ("text_chunk", "queued")]


@pytest.mark.parametrize("every", [1, 2, 5])
def test_cut_after_every_kth_event_and_resumed_at_the_other(gateways, every):
    with Chat(gateways[0]) as chat:
        reference = chat.answer(LONG_QUESTION)
    chat = Chat(gateways[0])
    chat.ask(LONG_QUESTION)
    parts = [[]]
    while True:
        parts[-1].append(chat.event())
        if parts[-1][-1]["type"] == "response_complete":
            break
        if len(parts[-1]) == every:
            chat.ws.reset()
            chat = Chat(gateways[len(parts) % 2], tls=len(parts) % 4 < 2, resume=chat)
            assert chat.greeting["recovered"] is True
            parts.append([])
    chat.ws.drop()
    events = [event for part in parts for event in part]
    assert len(parts) >= 10 // every
    assert merged(*parts) == events, "nothing came twice"
    assert len(check_v2_events(events)) == 1
    assert text_of(events) == text_of(reference)
    assert without_times(events) == without_times(reference)
    assert events[-1]["status"] == "ok"


def test_two_tabs_at_two_gateways(gateways):
    here, there = gateways
    with Chat(here) as first:
        first.ask(LONG_QUESTION)
        mine = first.until("text_chunk")
        with Chat(there, resume=(first.token, "0-0")) as second:
            theirs = second.until("response_complete")
            mine += first.until("response_complete")
            assert mine == theirs
            second.ask("Hello")
            assert first.until("response_complete") == second.until("response_complete")


def test_cancelled_from_the_other_gateway(gateways):
    here, there = gateways
    with Chat(here) as first:
        first.ask(LONG_QUESTION)
        events = first.until("text_chunk")
        with Chat(there, resume=first) as second:
            second.send(type="cancel")
            rest = second.until("response_complete")
        events += first.until("response_complete")
        assert events[-1] == rest[-1] and rest[-1]["status"] == "cancelled"
        check_v2_events(events)


def test_a_message_id_is_known_at_the_other_gateway(gateways):
    here, there = gateways
    with Chat(here) as first:
        first.answer("Hello", message_id="once")
    with Chat(there, resume=first) as second:
        second.ask("Hello", message_id="once")
        second.ask(QUESTION, message_id="other")
        events = second.until("response_complete")
        assert [e["message_id"] for e in events if e["type"] == "turn_start"] == ["other"]
        assert second.greeting["recovered"] is True


def test_the_gateway_goes_for_good_and_the_other_takes_its_session(gateways):
    """The one that holds the session is ended at once, with the answer half sent."""
    stack, other = gateways
    chat = Chat(stack)
    chat.ask(LONG_QUESTION)
    parts = [chat.until("text_chunk")]
    stack.nginx.stop()
    chat.ws.drop()
    with Chat(other, resume=chat) as back:
        assert back.greeting["recovered"] is True and back.session == chat.session
        parts.append(back.until("response_complete"))
    events = merged(*parts)
    assert events == [event for part in parts for event in part]
    check_v2_events(events)
    assert events[-1]["status"] == "ok"


def test_a_wrong_token_sees_nothing_of_a_running_answer(slow_stack):
    """A token of another session, one changed, one expired: a new session, the question of which
    is answered, and not one event of the other's."""
    with Chat(slow_stack) as chat, Chat(slow_stack) as stranger:
        chat.ask(LONG_QUESTION)
        events = chat.until("text_chunk")
        session, expiry, mac = chat.token.split(".")
        mine = stranger.token.split(".")
        for token in (f"{session}.{expiry}.{mine[2]}",
                      f"{session}.{expiry}.{'B' if mac[0] == 'A' else 'A'}{mac[1:]}",
                      f"{session}.1.{mac}"):
            with Chat(slow_stack, resume=(token, "0-0")) as other:
                assert other.greeting["recovered"] is False
                assert other.session not in (session, stranger.session)
                other.send(type="ping", t=1)
                assert other.event()["type"] == "pong", "the first thing it hears is its own"
        events += chat.until("response_complete")
        check_v2_events(events)
        assert session not in json.dumps(stranger.answer("Hello"))
