"""Charts out of Power BI's semantic model: what the worker asks Entra ID and Power BI, which the
emulator takes as strictly as the real ones, and what the client is told."""

import json

import pytest

from chat import Chat
from harness.emulator import ENTRA_CLIENT, ENTRA_SECRET
from harness.process import wait_for
from harness.protocol import check_v2_events
from harness.stack import shared_stack
from semantic_model import DAX, SCHEMA

QUESTION = "Draw what we have invoiced on the Harbor Point project by month"
SCOPE = "https://analysis.windows.net/powerbi/api/.default"


@pytest.fixture(scope="module")
def shared(data_dir, running_emulator, tmp_path_factory):
    schema = tmp_path_factory.mktemp("powerbi") / "schema.json"
    schema.write_text(json.dumps(SCHEMA))
    yield from shared_stack(data_dir, apps="chat", settings={
        **running_emulator.openai_settings(), "router": "openai", "responder": "embedded",
        "local_tokens_per_second": 0, "openai_retries": 0, "powerbi_retries": 1,
        **running_emulator.powerbi_settings(schema), "powerbi_project_column": "Projects[Code]"})


@pytest.fixture
def code(company):
    return company("SELECT code FROM projects WHERE name = 'Harbor Point'")[0][0]


def model(dax=DAX):
    """What the language model says as the router and as the writer of DAX."""
    plan = {"calls": [{"tool": "powerbi", "input": "invoiced by month, as a line"}],
            "reasoning": "The semantic model knows it."}
    query = {"dax": dax, "title": "Invoiced by month", "columns": [
        {"name": "Month", "kind": "month"}, {"name": "Total", "kind": "money"}]}
    return {"rules": [{"when": {"body": '"dax_query"'}, "answer": query}],
            "default": {"answer": plan}}


def rows(code, count=3):
    return {"results": [{"tables": [{"rows": [
        {"Projects[Code]": code, "Invoices[Month]": f"2026-{1 + i:02}-01T00:00:00",
         "[@Total]": 1000.5 * (i + 1)} for i in range(count)]}]}]}


def powerbi_of(events):
    [done] = [event for event in events
              if event["type"] == "tool_complete" and event["tool"] == "powerbi"]
    return done


def test_a_chart_of_the_semantic_model(shared, emulator, code):
    emulator.script(openai=model(), powerbi={"default": {"answer": rows(code)}})
    with Chat(shared) as chat:
        events = chat.answer(QUESTION)
        check_v2_events(events)
    assert events[-1]["status"] == "ok"
    done = powerbi_of(events)
    assert (done["status"], done["rows"], done["truncated"]) == ("ok", 3, False)
    assert done["preview"]["dax"] == DAX
    assert done["preview"]["columns"] == ["Month", "Total", "Code"]
    assert done["preview"]["rows"][0] == ["2026-01-01", 1000.5, code]
    [chart] = [event for event in events if event["type"] == "chart"]
    assert chart["title"] == "Invoiced by month" and len(chart["rows"]) == 3
    assert chart["spec"]["mark"]["type"] == "line"
    assert chart["spec"]["usermeta"]["x"] == "Month" and chart["spec"]["usermeta"]["y"] == ["Total"]
    [token] = emulator.ended("entra", 1)
    assert (token["problem"], token["notes"], token["secure"]) == ("", [], True)
    assert token["path"] == "/entra/emulated-tenant/oauth2/v2.0/token"
    assert token["headers"]["content-type"] == "application/x-www-form-urlencoded"
    [query] = emulator.ended("powerbi", 1)
    assert (query["problem"], query["notes"], query["secure"]) == ("", [], True)
    assert query["method"] == "POST"
    assert query["path"] == "/powerbi/v1.0/myorg/groups/w-1/datasets/d-1/executeQueries"
    assert query["headers"]["authorization"].startswith("Bearer ")
    assert query["headers"].get("traceparent", "00-").startswith("00-")
    assert query["json"] == {
        "queries": [{"query": "EVALUATE CALCULATETABLE(TOPN(501, "
                              f"{DAX.removeprefix('EVALUATE')}), "
                              f"TREATAS({{\"{code}\"}}, 'Projects'[Code]))"}],
        "serializerSettings": {"includeNulls": True}}
    route, dax = [json.dumps(one["json"]) for one in emulator.ended("openai", 2)]
    assert "semantic model of its own" in route and "'Invoices'[Month]" in route
    assert "'Invoices'[Month]" in dax and code in dax
    token_text = query["headers"]["authorization"].removeprefix("Bearer ")
    assert ENTRA_SECRET not in str(events) and token_text not in str(events)
    for worker in shared.workers:
        assert ENTRA_SECRET not in worker.log.text() and token_text not in worker.log.text()
    assert ENTRA_CLIENT in token["body"] and f"client_secret={ENTRA_SECRET}" in token["body"]
    assert SCOPE.replace(":", "%3A").replace("/", "%2F") in token["body"]


def test_rows_of_another_project_are_not_shown(shared, emulator):
    emulator.script(openai=model(), powerbi={"default": {"answer": rows("XX-9")}})
    with Chat(shared) as chat:
        events = chat.answer(QUESTION)
        check_v2_events(events)
    failed = powerbi_of(events)
    assert (failed["status"], failed["error"]["code"]) == ("error", "filter_not_applicable")
    assert "XX-9" not in str(events) and not [e for e in events if e["type"] == "chart"]


def test_a_query_that_widens_the_filter_is_never_sent(shared, emulator):
    wide = "EVALUATE CALCULATETABLE('Invoices', REMOVEFILTERS('Projects'))"
    emulator.script(openai=model(wide))
    with Chat(shared) as chat:
        events = chat.answer(QUESTION)
        check_v2_events(events)
    assert "was refused" in powerbi_of(events)["error"]["message"]
    assert len(emulator.ended("openai", 3)) == 3, "it is written anew once"
    assert not emulator.requests("powerbi")


def test_a_failure_is_said_with_its_cure_in_the_log(shared, emulator, code):
    """A token that is refused is replaced once; then Entra ID refuses the secret."""
    emulator.script(openai=model(), powerbi={"queue": [{"status": 401, "error": {"empty": True}}],
                                             "default": {"answer": rows(code)}},
                    entra={"default": {"status": 401, "error": {"code": 7000222}}})
    with Chat(shared) as chat:
        events = chat.answer(QUESTION)
        check_v2_events(events)
    assert "Entra ID refused us access" in powerbi_of(events)["error"]["message"]
    assert events[-1]["status"] != "error", "a tool fails no turn"
    logs = [worker.log for worker in shared.workers]
    wait_for(lambda: any("the client secret has expired" in log.text() for log in logs),
             "the cure is in the log", 20)
    assert all(ENTRA_SECRET not in log.text() for log in logs)
