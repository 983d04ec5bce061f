"""A disconnect is no stop: whoever comes back in time finds the answer going on. When nobody follows
any more, over all tabs and gateways, it is cancelled once its time has run out, and the provider's
socket closes."""

import json
import time

import pytest

from beside import Beside
from chat import Chat, merged
from harness.process import wait_for
from harness.protocol import check_v2_events, text_of
from harness.provider import Reply, words
from harness.raw_ws import RawWs
from model import ENDLESS, QUESTION, asked, closed

WINDOW_S = 1.0


@pytest.fixture
def brief(make_stack, provider):
    """A stack that waits a second for those who have gone."""
    provider.reply = ENDLESS
    return make_stack(apps="chat", workers=2,
                      settings={**provider.settings(), "resume_window": f"{WINDOW_S:g}s"})


def ended(stack, session):
    """How the turns of a session have ended, as the workers log it."""
    lines = [json.loads(line) for worker in stack.workers
             for line in worker.log.text().splitlines() if line.startswith("{")]
    return [line["status"] for line in lines
            if line["msg"] == "turn ended" and line["session"] == session]


def at_least_the_window(exchange, since):
    assert closed(exchange) - since >= WINDOW_S


def test_a_disconnect_is_no_stop_until_the_window_has_passed(brief, provider):
    chat = Chat(brief)
    chat.ask(QUESTION)
    chat.until("text_chunk")
    exchange = asked(provider)
    gone = time.monotonic()
    chat.ws.drop()
    at_least_the_window(exchange, gone)
    wait_for(lambda: ended(brief, chat.session) == ["cancelled"], "its turn is cancelled")


def test_a_v1_client_that_goes_is_waited_for_too(brief, provider):
    ws = RawWs.open(brief.nginx.http_port, "/ws/chat")
    session = ws.event()["session_id"]
    ws.json({"message": QUESTION})
    exchange = asked(provider)
    gone = time.monotonic()
    ws.reset()
    at_least_the_window(exchange, gone)
    wait_for(lambda: ended(brief, session) == ["cancelled"], "its turn is cancelled")


def test_who_comes_back_in_time_gets_the_rest(brief, provider):
    provider.reply = Reply(tokens=120, rate=40)
    chat = Chat(brief)
    chat.ask(QUESTION)
    parts = [chat.until("text_chunk")]
    chat.ws.reset()
    with Chat(brief, resume=chat) as back:
        assert back.greeting["recovered"] is True
        parts.append(back.until("response_complete"))
    events = merged(*parts)
    check_v2_events(events)
    assert text_of(events) == "".join(words(120)) and events[-1]["status"] == "ok"
    assert asked(provider).whole


def test_of_several_tabs_only_the_last_counts(brief, provider):
    first = Chat(brief)
    first.ask(QUESTION)
    first.until("text_chunk")
    with Chat(brief, resume=first) as second:
        first.ws.reset()
        exchange = asked(provider)
        until = time.monotonic() + 2.5 * WINDOW_S
        while time.monotonic() < until:
            second.until("text_chunk")
        assert exchange.closed is None
        gone = time.monotonic()
    at_least_the_window(exchange, gone)


@pytest.mark.parametrize("stays", [0, 1], ids=["the first stays", "the second stays"])
def test_of_tabs_on_two_gateways_only_the_last_counts(brief, provider, stays):
    with Beside(brief) as there:
        tabs = [Chat(brief)]
        tabs[0].ask(QUESTION)
        tabs[0].until("text_chunk")
        tabs.append(Chat(there, resume=tabs[0]))
        tabs[1].until("text_chunk")
        exchange = asked(provider)
        tabs[1 - stays].ws.reset()
        until = time.monotonic() + 2.5 * WINDOW_S
        while time.monotonic() < until:
            tabs[stays].until("text_chunk")
        assert exchange.closed is None, "somebody still follows"
        gone = time.monotonic()
        tabs[stays].ws.reset()
        at_least_the_window(exchange, gone)


def test_moving_to_another_gateway_keeps_the_answer(brief, provider):
    """There first, then gone here: the detach comes behind the attach."""
    provider.reply = Reply(tokens=160, rate=40)
    with Beside(brief) as there:
        chat = Chat(brief)
        chat.ask(QUESTION)
        parts = [chat.until("text_chunk")]
        with Chat(there, resume=chat) as moved:
            parts.append(moved.until("text_chunk"))
            chat.ws.drop()
            parts.append(moved.until("response_complete"))
    events = merged(*parts)
    check_v2_events(events)
    assert text_of(events) == "".join(words(160)) and events[-1]["status"] == "ok"


def test_who_goes_before_the_question_is_claimed_is_waited_for(brief, provider):
    for worker in brief.workers:
        worker.freeze()
    chat = Chat(brief)
    chat.ask(QUESTION)
    wait_for(lambda: brief.redis.command("KEYS", f"mr:*:i:{chat.session}"), "it is in the lane")
    chat.ws.reset()
    key = brief.redis.command("KEYS", f"mr:*:i:{chat.session}")[0]
    wait_for(lambda: brief.redis.command("XLEN", key) == 2, "and so is the detach")
    for worker in brief.workers:
        worker.thaw()
    closed(asked(provider))
