"""HTTP/2 towards providers: what is asked side by side shares a connection, and what happens to one
request happens to it alone."""

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


def test_what_is_asked_side_by_side_shares_a_connection(shared, emulator):
    emulator.script(hubspot={"default": {"first_byte_ms": 300}}, openai={"default": {"tokens": 3}})
    turns = ask_side_by_side(shared, ["Quillon", "Zephyrine", "Vandoor", "Yttria"])
    assert [crm_status(events) for events in turns] == [["ok"]] * 4
    searches, answers = emulator.ended("hubspot", 4), emulator.ended("openai", 4)
    assert len(searches) == len(answers) == 4
    assert {one["version"] for one in searches + answers} == {"2"}
    assert len({one["connection"] for one in searches}) == 1
    assert len({one["connection"] for one in answers}) == 1


def test_a_stopped_answer_is_reset_and_the_others_go_on(shared, emulator):
    emulator.script(openai={"default": {"tokens": 200, "rate": 50},
                            "rules": [{"when": {"body": "the long one"}, "tokens": 10000,
                                       "rate": 50}]})
    with Chat(shared) as stopped, Chat(shared) as other:
        other.ask("Hello, who are you?")
        other.until("text_chunk")
        stopped.ask("Hello, this is the long one")
        stopped.until("text_chunk")
        stopped.send(type="cancel")
        stopped.until("response_complete")
        [long_one] = wait_for(
            lambda: [one for one in emulator.requests("openai") if one["outcome"] == "gone"],
            "the emulator has seen the reset")
        events = other.until("response_complete")
    assert events[-1]["status"] == "ok"
    assert "".join(one["content"] for one in events
                   if one["type"] == "text_chunk").split()[-1] == "word0199"
    assert long_one["tokens"] < 10000
    assert {one["connection"] for one in emulator.ended("openai", 2)} == {long_one["connection"]}


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
    assert {one["version"] for one in emulator.ended("openai", 1)} == {"1.1"}
