"""A client that knows only the original protocol (wire.md 2), on Debian's python3-websockets."""

import asyncio
import json
import re

import pytest
import websockets

from harness.protocol import FIELDS, V2_ONLY, check_compact, check_v1_turn
from harness.tls import client_context

LIMIT_S = 30


async def talk(url, questions, tls):
    """Raw frames per question, the greeting first."""
    async with websockets.connect(url, ssl=client_context() if tls else None) as ws:
        answers = [[await asyncio.wait_for(ws.recv(), LIMIT_S)]]
        for question in questions:
            await ws.send(json.dumps(question))
            frames = []
            while not frames or '"response_complete"' not in frames[-1][:40]:
                frames.append(await asyncio.wait_for(ws.recv(), LIMIT_S))
            answers.append(frames)
        return answers


def ask_all(stack, questions, *, tls=True, path="/ws/chat"):
    scheme, port = ("wss", stack.nginx.https_port) if tls else ("ws", stack.nginx.http_port)
    return asyncio.run(talk(f"{scheme}://localhost:{port}{path}", questions, tls))


def money(value):
    return f"{value:,.0f}"


# Question, projects, tools that have to be among the chosen, facts by reference query.
QUESTIONS = [
    ("How much have we invoiced on the Harbor Point project, and what is still open?",
     ["Harbor Point"], {"claude_sql"},
     "SELECT invoiced, outstanding FROM v_project_financials WHERE name = 'Harbor Point'"),
    ("What is still unpaid on Aurora Tower?", ["Aurora Tower"], {"claude_sql"},
     "SELECT outstanding FROM v_project_financials WHERE name = 'Aurora Tower'"),
    ("What do the inspection reports say about waterproofing at Harbor Point?",
     ["Harbor Point"], {"vertex_search"}, None),
    ("List our open deals", [], {"hubspot"}, None),
    ("how much hav we invoced on harbr pont", ["Harbor Point"], {"claude_sql"},
     "SELECT invoiced FROM v_project_financials WHERE name = 'Harbor Point'"),
    ("Show me a chart of the invoices of Harbor Point by year", ["Harbor Point"],
     {"claude_sql", "powerbi"}, None),
    ("Hello", [], set(), None),
    ("How much have we invoiced on the Castle in the Clouds project?", [], set(), None),
]


@pytest.mark.parametrize("tls", [True, False], ids=["wss", "ws"])
@pytest.mark.parametrize("question, projects, tools, query", QUESTIONS)
def test_a_question(stack, company, question, projects, tools, query, tls):
    greeting, frames = ask_all(stack, [{"message": question}], tls=tls)
    assert json.loads(greeting[0])["type"] == "connected"
    for frame in frames:
        check_compact(frame)
    answer = check_v1_turn(map(json.loads, frames))
    assert answer.projects == projects
    assert tools <= set(answer.tools)
    for value in company(query)[0] if query else ():
        assert money(value) in answer.text, answer.text


def test_five_questions_in_one_conversation(stack):
    messages = [{"message": row[0]} for row in QUESTIONS[:5]]
    answers = ask_all(stack, messages)[1:]
    texts = [check_v1_turn(map(json.loads, frames)).text for frames in answers]
    assert len(set(texts)) >= 4


def test_only_v1_events_reach_a_v1_client(stack):
    for frames in ask_all(stack, [{"message": QUESTIONS[0][0]}, {"message": QUESTIONS[5][0]}]):
        assert not {json.loads(frame)["type"] for frame in frames} & V2_ONLY


def test_strict_leaves_out_every_added_field(stack):
    """Byte for byte what the original sent: its fields, nothing else."""
    greeting, *answers = ask_all(stack, [{"message": row[0]} for row in QUESTIONS], path="/ws/strict")
    assert re.fullmatch(r'{"type":"connected","session_id":"[0-9a-f-]{36}"}', greeting[0])
    for frames in answers:
        check_v1_turn(map(json.loads, frames))
        for frame in frames:
            event = json.loads(frame)
            assert list(event) == FIELDS[event["type"]]
            check_compact(frame)


def test_strict_and_lenient_say_the_same(stack):
    message = [{"message": QUESTIONS[0][0]}]
    lenient = [json.loads(frame) for frame in ask_all(stack, message)[1]]
    strict = [json.loads(frame) for frame in ask_all(stack, message, path="/ws/strict")[1]]
    assert check_v1_turn(lenient).text == check_v1_turn(strict).text


def test_context_and_unknown_fields_are_taken(stack):
    context = {"previous_visualization": {"type": "bar", "data": [1, 2],
                                          "original_question": "invoices by year"}}
    for message in ({"message": "And what does it mean?", "context": context},
                    {"message": "Hello", "session_id": "whatever", "extra": {"a": [1]}},
                    {"message": "Hello", "context": {}}, {"message": "Hello", "context": None}):
        check_v1_turn(map(json.loads, ask_all(stack, [message])[1]))


def test_the_conversation_is_remembered(stack):
    _, first, second = ask_all(stack, [
        {"message": "How much have we invoiced on the Harbor Point project?"},
        {"message": "and compared with last year?"}])
    check_v1_turn(map(json.loads, first))
    assert check_v1_turn(map(json.loads, second)).projects == ["Harbor Point"]


def test_another_conversation_is_not(stack):
    ask_all(stack, [{"message": "How much have we invoiced on the Harbor Point project?"}])
    frames = ask_all(stack, [{"message": "and compared with last year?"}])[1]
    assert check_v1_turn(map(json.loads, frames)).projects == []
