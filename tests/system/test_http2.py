"""HTTP/2 towards providers of data: what is asked side by side shares a connection, and what happens
to one request happens to it alone. What a model says has connections of its own."""

import pytest

from chat import Chat
from harness.process import wait_for
from harness.protocol import check_v2_events
from harness.stack import shared_stack

QUESTION = "Which CRM contacts work at {}"


def settings_of(emulator, http2):
    return emulator.hubspot_settings() | emulator.openai_settings() | {
        "hubspot_searches_per_second": 0, "provider_http2": http2}


@pytest.fixture(scope="module")
def shared(data_dir, running_emulator):
    yield from shared_stack(data_dir, apps="chat", settings=settings_of(running_emulator, "true"))


@pytest.fixture(scope="module")
def without(data_dir, running_emulator):
    yield from shared_stack(data_dir, apps="chat", settings=settings_of(running_emulator, "false"))


def ask_side_by_side(stack, companies):
    """The events of one turn for each, all under way together."""
    chats = [Chat(stack) for _ in companies]
    try:
        for chat, company in zip(chats, companies):
            chat.ask(QUESTION.format(company))
        turns = [chat.until("response_complete") for chat in chats]
    finally:
        for chat in chats:
            chat.ws.drop()
    for events in turns:
        check_v2_events(events)
    return turns


def crm_status(events):
    return [event["status"] for event in events
            if event["type"] == "tool_complete" and event["tool"] == "hubspot"]


def names_of(record):
    return record["json"]["query"]


def test_searches_share_a_connection_and_answers_have_their_own(shared, emulator):
    emulator.script(hubspot={"default": {"first_byte_ms": 300}}, openai={"default": {"tokens": 3}})
    turns = ask_side_by_side(shared, ["Quillon", "Zephyrine", "Vandoor", "Yttria"])
    assert [crm_status(events) for events in turns] == [["ok"]] * 4
    searches, answers = emulator.ended("hubspot", 4), emulator.ended("openai", 4)
    assert len(searches) == 4 and {one["version"] for one in searches} == {"2"}
    assert len({one["connection"] for one in searches}) == 1
    assert {one["version"] for one in answers} == {"1.1"}


def test_a_stream_that_breaks_off_is_asked_again_and_disturbs_nobody(shared, emulator):
    emulator.script(openai={"default": {"tokens": 3}}, hubspot={
        "default": {"first_byte_ms": 300}, "queue": [{"when": {"body": "Zephyrine"}, "cut_at": 0}]})
    turns = ask_side_by_side(shared, ["Quillon", "Zephyrine", "Vandoor"])
    assert [crm_status(events) for events in turns] == [["ok"]] * 3
    searches = emulator.ended("hubspot", 4)
    assert sorted(map(names_of, searches)) == ["Quillon", "Vandoor", "Zephyrine", "Zephyrine"]
    assert len({one["connection"] for one in searches}) == 1


def test_a_cancelled_search_is_reset_alone(shared, emulator):
    emulator.script(openai={"default": {"tokens": 3}},
                    hubspot={"rules": [{"when": {"body": "Zephyrine"}, "hang": True}]})
    with Chat(shared) as stopped, Chat(shared) as other:
        stopped.ask(QUESTION.format("Zephyrine"))
        wait_for(lambda: emulator.requests("hubspot"), "the search has been sent")
        assert crm_status(other.answer(QUESTION.format("Quillon"))) == ["ok"]
        stopped.send(type="cancel")
        stopped.until("response_complete")
        assert crm_status(other.answer(QUESTION.format("Vandoor"))) == ["ok"]
    [hanging, first, second] = emulator.ended("hubspot", 3)
    assert [one["outcome"] for one in (hanging, first, second)] == ["gone", "whole", "whole"]
    assert hanging["connection"] == first["connection"] == second["connection"]


def test_it_is_an_option(without, emulator):
    emulator.script(openai={"default": {"tokens": 3}})
    ask_side_by_side(without, ["Quillon"])
    assert {one["version"] for one in emulator.ended("hubspot", 1)} == {"1.1"}
