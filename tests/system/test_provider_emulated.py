"""The worker's language model over TLS against the provider emulator, as strict as the real one:
the answer arrives whole in every form it may have on the wire, and every failure is said."""

import pytest

from chat import Chat
from harness.emulator import KEY, MODEL
from harness.process import wait_for
from harness.protocol import check_v2_events, text_of
from harness.stack import shared_stack

QUESTION = "How much have we invoiced on the Harbor Point project, and what is still open?"


def settings(emulator):
    return {**emulator.openai_settings(), "openai_idle_timeout": "3s"}


@pytest.fixture(scope="module")
def shared(data_dir, running_emulator):
    yield from shared_stack(data_dir, apps="chat", settings=settings(running_emulator))


@pytest.fixture
def stack(shared, emulator):
    return shared


def words(count):
    return "".join(f"word{i:04} " for i in range(count))


def test_the_request_is_one_that_openai_takes(stack, emulator):
    with Chat(stack) as chat:
        events = chat.answer(QUESTION)
        check_v2_events(events)
        assert text_of(events) == words(40) and events[-1]["status"] == "ok"
        usage = [event for event in events if event["type"] == "usage"]
        assert [(e["provider"], e["model"], e["input_tokens"], e["output_tokens"])
                for e in usage] == [("openai", MODEL, 100, 40)]
    [record] = emulator.ended("openai")
    assert (record["problem"], record["notes"], record["secure"]) == ("", [], True)
    assert record["path"] == "/openai/v1/chat/completions" and record["outcome"] == "whole"
    assert record["headers"]["authorization"] == f"Bearer {KEY}"
    assert record["headers"]["accept"] == "text/event-stream" and record["headers"]["user-agent"]
    assert record["json"]["stream_options"] == {"include_usage": True}
    assert all(KEY not in worker.log.text() for worker in stack.workers)


@pytest.mark.parametrize("how", [
    {"split": 1, "text": "žluťoučký kůň 😀 end "}, {"newline": "crlf"}, {"newline": "cr"},
    {"merge": 9}, {"bom": True}, {"comments": 1}, {"empties": 1}, {"pings": 1}, {"unknown": True},
    {"data_lines": True}, {"tight": True}, {"usage": False}, {"json_instead": True},
    {"last_blank": False},
], ids=lambda how: next(iter(how)))
def test_the_answer_arrives_in_every_form(stack, emulator, how):
    emulator.script(openai={"default": how})
    with Chat(stack) as chat:
        events = chat.answer(QUESTION)
        check_v2_events(events)
        assert text_of(events).strip() == how.get("text", words(40)).strip()
        assert events[-1]["status"] == "ok"


@pytest.mark.parametrize("how, asked", [
    ({"unverified": True}, 2), ({"unsupported": "stream_options"}, 2)],
    ids=["may not stream", "no stream options"])
def test_what_a_model_does_not_take_is_dropped_once(make_stack, emulator, how, asked):
    """A worker of its own: it remembers."""
    emulator.script(openai={"default": how})
    with Chat(make_stack(apps="chat", settings=settings(emulator))) as chat:
        for _ in range(2):
            events = chat.answer(QUESTION)
            assert text_of(events) == words(40) and events[-1]["status"] == "ok"
    assert [one["status"] for one in emulator.ended("openai", 3)] == [400] + [200] * asked


@pytest.mark.parametrize("how, status", [
    ({"cut_at": 10}, "partial"), ({"reset_at": 10, "rate": 200}, "partial"),
    ({"end_at": 10}, "partial"),
    ({"stall_at": 10}, "partial"), ({"error_at": 10, "error": {"message": "no"}}, "partial"),
    ({"end_at": 10, "inside": True}, "partial")], ids=lambda how: str(how)[:24])
def test_what_was_said_before_a_failure_is_kept(stack, emulator, how, status):
    emulator.script(openai={"default": how})
    with Chat(stack) as chat:
        events = chat.answer(QUESTION)
        check_v2_events(events)
        assert text_of(events).startswith(words(10)) and events[-1]["status"] == status
    assert len(emulator.ended("openai")) == 1, "no second try once the user has read some"


@pytest.mark.parametrize("how, says", [
    ({"status": 401}, "refused us"), ({"status": 404}, "model"),
    ({"status": 429, "error": {"code": "insufficient_quota", "type": "insufficient_quota"}},
     "quota"),
    ({"status": 503, "headers": {"retry-after-ms": "1"}}, "has a problem"),
], ids=["key", "model", "quota", "overloaded"])
def test_a_refusal_is_said(stack, emulator, how, says):
    emulator.script(openai={"default": how})
    with Chat(stack) as chat:
        events = chat.answer(QUESTION)
        check_v2_events(events)
        assert says in text_of(events) and events[-1]["status"] == "error"
    assert all(KEY not in worker.log.text() for worker in stack.workers)


def test_a_failure_before_the_first_word_is_tried_again(stack, emulator):
    emulator.script(openai={"queue": [{"status": 429, "headers": {"retry-after-ms": "1"}},
                                      {"reset_at": 0}]})
    with Chat(stack) as chat:
        events = chat.answer(QUESTION)
        assert text_of(events) == words(40) and events[-1]["status"] == "ok"
    assert [one["outcome"] for one in emulator.ended("openai", 3)] == ["whole", "reset", "whole"]


def test_a_turn_that_is_stopped_closes_its_stream(stack, emulator):
    emulator.script(openai={"default": {"tokens": 5000, "rate": 40}})
    with Chat(stack) as chat:
        chat.ask(QUESTION)
        chat.until("text_chunk")
        chat.send(type="cancel")
        chat.until("response_complete")
    [record] = wait_for(lambda: [one for one in emulator.requests("openai") if one["closed"]],
                        "the stream is closed", 20)
    assert record["outcome"] == "gone" and 0 < record["tokens"] < 5000
