"""Stop: whatever the turn is doing, from any connection on any gateway, across the death of a worker.
The proof is on the provider's side, where the socket of a stopped answer is closed."""

import ssl
import time

import pytest

from beside import Beside
from chat import Chat, merged
from harness.process import wait_for
from harness.protocol import check_v2_events, text_of
from harness.provider import Provider, Reply, words
from harness.tls import certificate
from model import ENDLESS, QUESTION, asked, closed
from owners import owner

@pytest.fixture
def stack(make_stack, provider):
    provider.reply = ENDLESS
    return make_stack(apps="chat", workers=2,
                      settings={**provider.settings(), "lease": "1s"})


def check_stopped(events, by="user"):
    """Acknowledged: `cancelled`, then the turn's one end, with some text before it."""
    check_v2_events(events)
    kinds = [event["type"] for event in events]
    assert kinds.count("cancelled") == 1 and kinds.count("response_complete") == 1
    assert kinds.index("cancelled") < kinds.index("response_complete")
    assert events[kinds.index("cancelled")]["by"] == by
    assert events[-1]["status"] == "cancelled" and text_of(events)


def stop(chat, number=0, **named):
    """By number: nothing named, the turn, the question."""
    chat.send(type="cancel", **([{}, {"turn_id": named.get("turn")},
                                 {"message_id": named.get("message")}][number]))


# ---- in every state of an answer

@pytest.mark.parametrize("reply", [Reply(hang=True), Reply(first_byte_s=60), Reply(hang_at=0)],
                         ids=["no head", "slow first byte", "no token"])
def test_while_the_first_word_is_awaited(stack, provider, reply):
    provider.reply = reply
    with Chat(stack) as chat:
        chat.ask(QUESTION)
        events = chat.until("phase_start", phase="response")
        exchange = asked(provider)
        stop(chat)
        events += chat.until("response_complete")
        check_stopped(events)
        assert text_of(events) == "Stopped."
        closed(exchange)
        provider.reply = Reply()
        assert text_of(chat.answer("And now?")) == "".join(words(40))


@pytest.mark.parametrize("how", range(3), ids=["bare", "by turn", "by question"])
def test_between_two_words(stack, provider, how):
    with Chat(stack) as chat:
        chat.ask(QUESTION, message_id="m-1")
        events = chat.until("text_chunk") + chat.until("text_chunk")
        stop(chat, how, turn=events[0]["turn_id"], message="m-1")
        events += chat.until("response_complete")
        check_stopped(events)
        assert "".join(words(5000)).startswith(text_of(events))
        closed(asked(provider))
        assert len(provider.exchanges) == 1


def test_over_tls(make_stack):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate() / "cert.pem", certificate() / "key.pem")
    with Provider(ENDLESS, context=context) as provider:
        stack = make_stack(apps="chat", settings={
            **provider.settings(), "provider_ca_file": certificate() / "cert.pem"})
        with Chat(stack) as chat:
            chat.ask(QUESTION)
            events = chat.until("text_chunk")
            stop(chat)
            check_stopped(events + chat.until("response_complete"))
            closed(asked(provider))


def test_when_the_model_has_fallen_silent(stack, provider):
    provider.reply = Reply(hang_at=5)
    with Chat(stack) as chat:
        chat.ask(QUESTION)
        events = chat.until("text_chunk")
        while text_of(events) != "".join(words(5)):
            events += chat.until("text_chunk")
        stop(chat)
        check_stopped(events + chat.until("response_complete"))
        closed(asked(provider))


def test_while_a_failed_request_waits_for_its_next_try(stack, provider):
    provider.reply = Reply(status=503, headers={"retry-after": "30"})
    with Chat(stack) as chat:
        chat.ask(QUESTION)
        events = chat.until("phase_start", phase="response")
        asked(provider)
        stop(chat)
        check_stopped(events + chat.until("response_complete"))
        assert len(provider.exchanges) == 1


def test_from_a_second_connection(stack, provider):
    """Every follower of the session gets the same end, the one that stopped it and the other."""
    with Chat(stack) as first:
        first.ask(QUESTION)
        events = first.until("text_chunk")
        with Chat(stack, resume=(first.token, "0-0")) as second:
            stop(second)
            theirs = second.until("response_complete")
        events += first.until("response_complete")
        check_stopped(events)
        assert theirs == events
        closed(asked(provider))


# ---- before there is a turn

@pytest.mark.parametrize("how", [0, 2], ids=["bare", "by question"])
def test_before_any_worker_has_claimed_it(stack, provider, how):
    with Chat(stack) as chat:
        for worker in stack.workers:
            worker.freeze()
        chat.ask(QUESTION, message_id="m-1")
        stop(chat, how, message="m-1")
        key = f"mr:*:i:{chat.session}"
        wait_for(lambda: [stack.redis.command("XLEN", lane) for lane
                          in stack.redis.command("KEYS", key)] == [2], "both are in the lane")
        for worker in stack.workers:
            worker.thaw()
        events = [e for e in chat.until("response_complete") if e["type"] != "queued"]
        check_stopped(events)
        assert {event["type"] for event in events} == {
            "turn_start", "cancelled", "text_chunk", "response_complete"}
        assert not provider.exchanges, "nothing was asked"
        provider.reply = Reply()
        assert chat.answer("And now?")[-1]["status"] == "ok"


def test_of_a_question_that_waits_behind_another(stack, provider):
    provider.reply = Reply(tokens=60, rate=40)
    with Chat(stack) as chat:
        chat.ask(QUESTION, message_id="m-1")
        events = chat.until("text_chunk")
        chat.ask(QUESTION, message_id="m-2")
        stop(chat, 2, message="m-2")
        events += chat.until("response_complete")
        assert events[-1]["status"] == "ok" and text_of(events) == "".join(words(60))
        check_stopped(chat.until("response_complete"))
        assert len(provider.exchanges) == 1


# ---- twice, too late

def test_twice_and_from_two_tabs_ends_one_turn(stack, provider):
    with Chat(stack) as first:
        first.ask(QUESTION, message_id="m-1")
        events = first.until("text_chunk")
        with Chat(stack, resume=(first.token, "0-0")) as second:
            for chat in (first, second, first):
                stop(chat, 2, message="m-1")
            events += first.until("response_complete")
            check_stopped(events)
            second.until("response_complete")
            provider.reply = Reply()
            rest = first.answer("And now?")
            assert rest[-1]["status"] == "ok"
            assert [e["type"] for e in rest].count("response_complete") == 1
        closed(asked(provider))


@pytest.mark.parametrize("how", range(3), ids=["bare", "by turn", "by question"])
def test_of_a_finished_turn_is_acknowledged(stack, provider, how):
    provider.reply = Reply()
    with Chat(stack) as chat:
        events = chat.answer(QUESTION, message_id="m-1")
        stop(chat, how, turn=events[0]["turn_id"], message="m-1")
        late = chat.until("cancelled")[-1]
        assert late["by"] == "user"
        assert late.get("turn_id") == (events[0]["turn_id"] if how == 1 else None)
        assert chat.answer("And now?")[-1]["status"] == "ok"


# ---- gateways

def test_from_another_nginx(stack, provider):
    with Beside(stack) as there, Chat(stack) as first:
        first.ask(QUESTION)
        events = first.until("text_chunk")
        with Chat(there, resume=first) as second:
            stop(second)
            rest = second.until("response_complete")
        events += first.until("response_complete")
        check_stopped(events)
        assert rest[-1] == events[-1]
        closed(asked(provider))


def test_from_another_process_of_the_same_nginx(make_stack, provider):
    provider.reply = ENDLESS
    stack = make_stack(apps="chat", processes=4, settings=provider.settings())
    with Chat(stack) as first:
        first.ask(QUESTION)
        events = first.until("text_chunk")
        tabs = [Chat(stack, resume=first) for _ in range(8)]
        stop(tabs[-1])
        events += first.until("response_complete")
        check_stopped(events)
        for tab in tabs:
            assert tab.until("response_complete")[-1] == events[-1]
            tab.ws.drop()
        closed(asked(provider))


# ---- workers that die

def test_after_a_takeover(stack, provider):
    with Chat(stack) as chat:
        chat.ask(QUESTION)
        events = chat.until("text_chunk")
        owner(stack, chat.session).kill()
        events += chat.until("attempt")
        events += chat.until("text_chunk")
        stop(chat)
        events += chat.until("response_complete")
        check_stopped(events)
        closed(asked(provider, 1))
        closed(asked(provider, 2))


@pytest.mark.parametrize("how", range(3), ids=["bare", "by turn", "by question"])
def test_survives_the_death_of_the_worker_that_got_it(stack, provider, how):
    """It is in the lane, its worker has not read it and never will."""
    with Chat(stack) as chat:
        chat.ask(QUESTION, message_id="m-1")
        events = chat.until("text_chunk")
        worker = owner(stack, chat.session)
        worker.freeze()
        stop(chat, how, turn=events[0]["turn_id"], message="m-1")
        lane = stack.redis.command("KEYS", f"mr:*:i:{chat.session}")
        wait_for(lambda: lane or stack.redis.command("KEYS", f"mr:*:i:{chat.session}"),
                 "the cancel is in the lane")
        worker.kill()
        events += chat.until("response_complete")
        check_stopped(events)
        closed(asked(provider))
        assert len(provider.exchanges) == 1, "the next owner asked for an answer"


@pytest.mark.parametrize("delay_ms", [0, 1, 2, 4, 8])
def test_survives_a_death_at_any_moment(stack, provider, delay_ms):
    with Chat(stack) as chat:
        chat.ask(QUESTION, message_id="m-1")
        events = chat.until("text_chunk")
        worker = owner(stack, chat.session)
        stop(chat, 2, message="m-1")
        time.sleep(delay_ms / 1000)  # the moment of the fault
        worker.kill()
        events += chat.until("response_complete")
        check_stopped(merged(events))
        for exchange in provider.exchanges:
            closed(exchange)
