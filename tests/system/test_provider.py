"""A language model outside writes the answer: what it says arrives once and in order, whatever it
or a worker does on the way. The rest of a turn stays embedded."""

import ssl

import pytest

from chat import Chat
from harness.process import wait_for
from harness.protocol import check_v2_events, text_of
from harness.provider import MODEL, Provider, Reply, words
from harness.tls import certificate
from owners import owner

QUESTION = "How much have we invoiced on the Harbor Point project, and what is still open?"
KEY = "sk-test-5f2b8c1d"


@pytest.fixture
def stack(make_stack, provider):
    return make_stack(apps="chat", workers=2,
                      settings={**provider.settings(), "openai_api_key": KEY, "lease": "1500ms"})


def test_the_answer_is_the_models(stack, provider):
    with Chat(stack) as chat:
        events = chat.answer(QUESTION)
        check_v2_events(events)
        assert text_of(events) == "".join(words(40))
        assert events[-1]["status"] == "ok"
        usage = [event for event in events if event["type"] == "usage"]
        assert [(e["provider"], e["model"], e["input_tokens"], e["output_tokens"])
                for e in usage] == [("openai", MODEL, 100, 40)]
        chat.answer("And what about last year?")
    first, second = provider.exchanges
    assert first.question == QUESTION and first.delivered is None
    assert first.request["model"] == MODEL and first.headers["authorization"] == f"Bearer {KEY}"
    assert "Harbor Point" in first.messages[-1]["content"].partition("Findings:")[2]
    roles = [message["role"] for message in second.messages]
    assert roles == ["system", "user", "assistant", "user"]
    assert second.messages[1]["content"] == QUESTION
    for log in (worker.log.text() for worker in stack.workers):
        assert KEY not in log and "a language model is asked" in log


@pytest.mark.parametrize("repeat", [0, 25, -1], ids=["goes on", "repeats the end", "starts over"])
def test_a_killed_worker_is_not_seen(stack, provider, repeat):
    """The next one gives the model what was delivered; what it repeats of that is cut."""
    provider.reply = Reply(tokens=100, rate=40, repeat=repeat)
    with Chat(stack) as chat:
        chat.ask(QUESTION)
        events = []
        while len(text_of(events)) < 300:
            events += chat.until("text_chunk")
        owner(stack, chat.session).kill()
        events += chat.until("response_complete")
        check_v2_events(events)
        assert text_of(events) == "".join(words(100))
        assert [event["attempt"] for event in events if event["type"] == "attempt"] == [2]
    first, second = provider.exchanges
    assert first.closed is not None and not first.whole
    assert second.delivered and "".join(words(100)).startswith(second.delivered)


@pytest.mark.parametrize("reply, says", [
    (Reply(status=401, error={"type": "invalid_request_error", "message": KEY}), "refused us"),
    (Reply(status=429, error={"type": "insufficient_quota"}), "quota"),
    (Reply(status=503, headers={"retry-after-ms": "1"}), "has a problem"),
], ids=["bad key", "quota", "overloaded"])
def test_a_refusal_is_said_in_the_answer(stack, provider, reply, says):
    provider.reply = reply
    with Chat(stack) as chat:
        events = chat.answer(QUESTION)
        check_v2_events(events)
        assert text_of(events).startswith("I encountered an issue: ") and says in text_of(events)
        assert events[-1]["status"] == "error"
        provider.reply = Reply()
        assert chat.answer("Again: " + QUESTION)[-1]["status"] == "ok"
    logs = "".join(worker.log.text() for worker in stack.workers)
    assert KEY not in logs and "language model call failed" in logs


@pytest.mark.parametrize("broken", [{"cut_at": 20}, {"reset_at": 20}], ids=["cut", "reset"])
def test_an_answer_that_breaks_off_keeps_its_text(stack, provider, broken):
    """No second try: the user has read the first one."""
    provider.reply = Reply(rate=200, **broken)
    with Chat(stack) as chat:
        events = chat.answer(QUESTION)
        check_v2_events(events)
        assert text_of(events).startswith("".join(words(20)))
        assert "broke off" in text_of(events) and events[-1]["status"] == "partial"
    assert len(provider.exchanges) == 1


def test_a_failure_before_the_first_word_is_tried_again(stack, provider):
    provider.then(Reply(status=503, headers={"retry-after-ms": "1"}), Reply(reset_at=0))
    with Chat(stack) as chat:
        events = chat.answer(QUESTION)
        assert text_of(events) == "".join(words(40)) and events[-1]["status"] == "ok"
    assert len(provider.exchanges) == 3


def test_a_silent_model_costs_its_timeout(make_stack, provider):
    provider.reply = Reply(hang_at=10)
    stack = make_stack(apps="chat", settings={**provider.settings(), "openai_idle_timeout": "1s"})
    with Chat(stack) as chat:
        events = chat.answer(QUESTION)
        check_v2_events(events)
        assert text_of(events).startswith("".join(words(10)))
        assert "in time" in text_of(events) and events[-1]["status"] == "partial"
    wait_for(lambda: provider.exchanges[0].closed, "its socket is closed")


def test_over_tls_with_a_ca_of_its_own(make_stack):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate() / "cert.pem", certificate() / "key.pem")
    with Provider(context=context) as provider:
        trusting = make_stack(apps="chat", settings={
            **provider.settings(), "provider_ca_file": certificate() / "cert.pem"})
        with Chat(trusting) as chat:
            assert text_of(chat.answer(QUESTION)) == "".join(words(40))
        strict = make_stack(apps="chat", settings=provider.settings())
        with Chat(strict) as chat:
            assert "could not be reached" in text_of(chat.answer(QUESTION))
        assert len(provider.exchanges) == 1, "nothing was said to a stranger"
