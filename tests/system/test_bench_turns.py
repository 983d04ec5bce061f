"""Scripted turns, whose course is known: what a turn owes its client when its owner dies in a step."""

import pytest

from chat import Chat
from harness.protocol import check_v2_events
from test_takeover import owner

LOCATIONS = "location = /ws/chat { mr_ws bench; }"
LONG_TOOLS = "tools=3 tool_ms=20000 chunks=5"


@pytest.fixture
def stack(make_stack):
    return make_stack(apps="bench", workers=2, locations=LOCATIONS,
                      settings={"lease": "1s", "max_attempts": 2})


def until_tools_run(chat):
    return chat.until("tool_start", call_id="t3")


def test_a_stop_ends_the_tools_of_a_dead_owner(stack):
    with Chat(stack) as chat:
        chat.ask(LONG_TOOLS)
        events = until_tools_run(chat)
        owner(stack, chat.session).kill()
        chat.send(type="cancel")
        events += chat.until("response_complete")
    check_v2_events(events)
    assert events[-1]["status"] == "cancelled"
    ends = [event for event in events if event["type"] == "tool_complete"]
    assert [end["status"] for end in ends] == ["cancelled"] * 3


def test_given_up_after_too_many_owners_ends_the_tools_too(stack):
    with Chat(stack) as chat:
        chat.ask(LONG_TOOLS)
        events = until_tools_run(chat)
        owner(stack, chat.session).kill()
        events += chat.until("attempt")
        stack.add_worker("worker-new")
        owner(stack, chat.session).kill()
        events += chat.until("response_complete")
    check_v2_events(events)
    assert events[-1]["status"] == "error"
    assert "attempts_exhausted" in [e["code"] for e in events if e["type"] == "error"]


def test_a_script_that_is_none_is_refused_by_name(stack):
    with Chat(stack) as chat:
        events = chat.answer("hello")
        assert events[-1]["status"] == "error"
        text = "".join(e.get("content", "") for e in events) + str([e for e in events
                                                                    if e["type"] == "error"])
        assert "could not" in text, events
        check_v2_events(chat.answer("chunks=3"))
