"""What a v1 client is told, against figures written down here: the company's data is the same
everywhere, so a change of the generated data shows as well. And it is told while it happens."""

import json

import pytest

from chat import LONG_QUESTION
from harness.process import wait_for
from harness.protocol import check_v1_turn
from harness.raw_ws import RawWs

INVOICED, OPEN = "45,368,414", "7,712,021"
BOTH = "How much have we invoiced on the Harbor Point project, and what is still open?"


def ask(ws, message):
    ws.json({"message": message})
    return check_v1_turn(ws.events_until("response_complete"))


@pytest.mark.parametrize("message, facts, absent", [
    (BOTH, [INVOICED, OPEN], []),
    ("How much have we invoiced on the Harbor Point project?", [INVOICED], []),
    ("What is still unpaid at Harbor Point?", [OPEN], []),
    ("How much have we invoiced on the Castle in the Clouds project?", [], [INVOICED, OPEN]),
    ("Hello", [], [INVOICED, OPEN]),
])
def test_the_figures_of_an_answer(stack, message, facts, absent):
    with RawWs.open(stack.nginx.https_port, "/ws/chat", tls=True) as ws:
        ws.event()
        text = ask(ws, message).text
    for fact in facts:
        assert fact in text, text
    for fact in absent:
        assert fact not in text, text


def test_an_answer_from_documents_names_its_sources(stack):
    with RawWs.open(stack.nginx.http_port, "/ws/chat") as ws:
        ws.event()
        answer = ask(ws, "What do the inspection reports say about waterproofing at Harbor Point?")
    assert answer.sources and all(source["title"] and source["snippet"]
                                  for source in answer.sources)
    assert len({source["id"] for source in answer.sources}) == len(answer.sources)


def test_nothing_comes_between_two_turns(stack):
    """Exactly one terminal event: behind it the next frame is the next question's first."""
    with RawWs.open(stack.nginx.http_port, "/ws/chat") as ws:
        ws.event()
        texts = [ask(ws, BOTH).text for _ in range(5)]
        ws.json({"message": ""})
        assert ws.event()["code"] == "empty_message"
    assert len(set(texts)) == 1, "the same question, the same answer"


def ended(stack, session):
    return [line for worker in stack.workers for line in worker.log.text().splitlines()
            if session in line and json.loads(line)["msg"] == "turn ended"]


def test_the_text_is_streamed_not_sent_at_the_end(slow_stack):
    """The first chunk is here while no worker has ended the turn; the rest comes in many pieces."""
    with RawWs.open(slow_stack.nginx.http_port, "/ws/chat") as ws:
        session = ws.event()["session_id"]
        ws.json({"message": LONG_QUESTION})
        events = ws.events_until("text_chunk")
        assert not ended(slow_stack, session)
        events += ws.events_until("response_complete")
        wait_for(lambda: ended(slow_stack, session), "the worker says that it has ended")
    check_v1_turn(events)
    assert sum(event["type"] == "text_chunk" for event in events) >= 10
