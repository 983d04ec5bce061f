"""Many sessions at once: each gets its own answer, whole, in order, and nobody else's."""

import asyncio
import json
import random

import websockets

from harness.protocol import check_v2_events, text_of
from harness.tls import client_context

LIMIT_S = 60


async def converse(stack, number, questions, tls):
    """Asks one after the other; the events of all answers."""
    scheme, port = ("wss", stack.nginx.https_port) if tls else ("ws", stack.nginx.http_port)
    async with websockets.connect(f"{scheme}://localhost:{port}/ws/chat", subprotocols=["mr.v2"],
                                  ssl=client_context() if tls else None, open_timeout=LIMIT_S,
                                  max_queue=None) as ws:
        greeting = json.loads(await asyncio.wait_for(ws.recv(), LIMIT_S))
        answers = []
        for index, question in enumerate(questions):
            await ws.send(json.dumps({"type": "ask", "message": question,
                                      "message_id": f"{number}-{index}"}))
            events = []
            while not events or events[-1]["type"] != "response_complete":
                events.append(json.loads(await asyncio.wait_for(ws.recv(), LIMIT_S)))
            answers.append(events)
        return greeting["session_id"], answers


async def all_of(stack, scripts):
    return await asyncio.gather(*(converse(stack, number, script, number % 2 == 0)
                                  for number, script in enumerate(scripts)))


def projects(company, count):
    return [name for name, in company(f"SELECT name FROM projects ORDER BY id LIMIT {count}")]


def test_two_hundred_sessions_at_once(stack, company):
    """Questions about twenty projects, mixed; each answer equals the one given when alone, and
    names the right amount."""
    names = projects(company, 20)
    question = "How much have we invoiced on the {} project?".format
    alone = asyncio.run(all_of(stack, [[question(name)] for name in names]))
    reference = {name: text_of(answers[0]) for name, (_, answers) in zip(names, alone)}
    for name, text in reference.items():
        amount = company(f"SELECT invoiced FROM v_project_financials WHERE name = '{name}'")[0][0]
        assert f"{amount:,.0f}" in text, (name, text)
    dice = random.Random(1)
    scripts = [[dice.choice(names) for _ in range(2)] for _ in range(200)]
    results = asyncio.run(all_of(stack, [[question(name) for name in script]
                                         for script in scripts]))
    assert len({session for session, _ in results}) == 200
    for number, (script, (_, answers)) in enumerate(zip(scripts, results)):
        whole = [event for events in answers for event in events]
        turns = list(check_v2_events(whole).values())
        assert [turn[0]["message_id"] for turn in turns] == [f"{number}-0", f"{number}-1"]
        assert [text_of(events) for events in answers] == [reference[name] for name in script]


def test_a_burst_is_shared_by_the_workers(make_stack):
    """Two hundred questions before any is answered: neither worker takes nearly all of them."""
    stack = make_stack(apps="chat", workers=2, settings={"local_tokens_per_second": 25})
    asyncio.run(all_of(stack, [["Hello"]] * 200))
    done = [worker.log.text().count('"turn ended"') for worker in stack.workers]
    assert sum(done) == 200 and min(done) >= 30, done
