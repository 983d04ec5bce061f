"""Tools that take their time: side by side they cost what the slowest one does, and one that never
answers costs its limit and nothing else. What overlaps is told by the emulator's own clock."""

import pytest

from chat import Chat
from harness.emulator import KEY, MODEL
from harness.protocol import check_v2_events, text_of
from harness.stack import shared_stack

QUESTION = "What are our contracts worth, and which CRM deals are open?"
PAUSE_MS = 2000     # of each tool; nothing but an overlap hides it
SILENCE_S = 2
PLAN = {"reasoning": "Both know something.",
        "calls": [{"tool": "claude_sql", "input": "contract values"},
                  {"tool": "hubspot", "input": "open deals"},
                  {"tool": "vertex_search", "input": "contracts"}]}
QUERY = {"sql": "SELECT name, contract_value FROM projects;", "title": "Contracts",
         "columns": [{"name": "name", "kind": "text"},
                     {"name": "contract_value", "kind": "money"}]}


@pytest.fixture(scope="module")
def shared(data_dir, running_emulator):
    """A model chooses the tools and writes the query, and the embedded one stands behind it."""
    settings = {**running_emulator.openai_settings(), **running_emulator.hubspot_settings(),
                "router": "openai,embedded", "sql_writer": "openai,embedded",
                "responder": "embedded", "local_tokens_per_second": 0, "openai_retries": 0,
                "openai_first_byte_timeout": f"{PAUSE_MS // 1000 + SILENCE_S}s"}
    yield from shared_stack(data_dir, apps="chat", settings=settings)


def scripted(emulator, query, search):
    """The plan at once; the query and the search as told."""
    emulator.script(
        openai={"rules": [{"when": {"body": '"calls"'}, "answer": PLAN},
                          {"when": {"body": '"columns"'}, "answer": QUERY, **query}]},
        hubspot={"rules": [{"when": {"path": "/search"}, **search}]})


def kinds(events, kind):
    return [event for event in events if event["type"] == kind]


def answered(shared):
    with Chat(shared) as chat:
        events = chat.answer(QUESTION, 60)
    check_v2_events(events)
    assert events[-1]["status"] == "ok" and text_of(events)
    assert len(kinds(events, "tool_start")) == 3
    return events


def requests(emulator):
    """The one for the query and the one for the deals."""
    records = emulator.requests()
    [query] = [one for one in records if '"columns"' in one["body"]]
    [search] = [one for one in records if one["endpoint"] == "search"]
    return query, search


def test_tools_run_side_by_side(shared, emulator):
    scripted(emulator, {"first_byte_ms": PAUSE_MS}, {"first_byte_ms": PAUSE_MS})
    events = answered(shared)
    done = {event["tool"]: event for event in kinds(events, "tool_complete")}
    assert {event["status"] for event in done.values()} == {"ok"}
    query, search = requests(emulator)
    # Each was asked while the other had not begun to answer.
    assert query["arrived"] < search["first_byte"] and search["arrived"] < query["first_byte"]
    order = [event["type"] for event in events if event["type"].startswith("tool_")]
    assert order[:3] == ["tool_start"] * 3, "all begin before one ends"
    # Nobody waits for the others: the embedded search is over before either has said a word.
    assert kinds(events, "tool_complete")[0]["tool"] == "vertex_search"
    # One after the other they would have taken the sum of their times.
    took = kinds(events, "tool_complete")[-1]["ts"] - kinds(events, "tool_start")[0]["ts"]
    tools = events[-1]["timings"]["tools"]
    assert set(tools) == set(done)
    assert max(tools.values()) <= took + 1 and PAUSE_MS <= took < sum(tools.values()), tools


def test_a_tool_that_hangs_costs_its_limit(shared, emulator):
    """The model that writes the query never answers. The deals are there meanwhile, and then the
    embedded writer does what the model did not."""
    scripted(emulator, {"hang": True}, {})
    events = answered(shared)
    done = [event["tool"] for event in kinds(events, "tool_complete")]
    assert done[-1] == "bigquery" and set(done[:2]) == {"hubspot", "vertex_search"}
    assert {event["status"] for event in kinds(events, "tool_complete")} == {"ok"}
    query, search = requests(emulator)
    assert query["closed"] is not None and query["outcome"] == "gone", "it was hung up on"
    assert search["ended"] < query["closed"]
    tools = events[-1]["timings"]["tools"]
    assert tools["hubspot"] < tools["bigquery"], tools
    assert tools["bigquery"] <= events[-1]["timings"]["total_ms"]
    [worker] = shared.workers
    assert len(worker.logged("language model call failed", fault="timeout")) == 1
    assert len(worker.logged("provider failed, the next one is asked", task="sql_writer")) == 1


def test_a_tool_that_fails_does_not_wait_for_one_that_hangs(shared, emulator):
    """Both fail, each for itself: the turn answers with what is left."""
    scripted(emulator, {"hang": True}, {"status": 403})
    events = answered(shared)
    [first, *_] = [event for event in kinds(events, "tool_complete")
                   if event["tool"] != "vertex_search"]
    assert first["tool"] == "hubspot" and first["error"]["code"] == "bad_request"
    assert KEY not in str(events) and MODEL not in text_of(events)
