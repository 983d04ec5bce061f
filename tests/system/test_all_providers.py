"""All external providers in one turn: what each is asked, field by field, and what the client is
told. Names by Gemini, projects and rows by BigQuery, the plan, the merge and the answer by OpenAI,
queries by Anthropic, documents by Vertex AI Search, the CRM by HubSpot, a chart by Power BI."""

import json

import pytest

from chat import Chat
from harness.emulator import KEY, MODEL
from harness.protocol import check_v2_events, text_of
from harness.stack import shared_stack
from semantic_model import DAX, SCHEMA

QUESTION = "What do we know about the ferry job: invoices, documents, CRM contacts? Draw it."
CODE = "NPT-07"
LOOKUP = {"fields": [{"name": name, "type": "STRING"} for name in ("c0", "c1", "c2", "c3")],
          "rows": [["4711", "North Pier Terminal", CODE, "the ferry job"],
                   ["4712", "Quarry Hill School", "QHS-12", None]]}
NO_ROWS = {"fields": [{"name": "amount", "type": "NUMERIC"}], "rows": [],
           "description": "What we invoice"}
SQL = "SELECT i.amount FROM invoices AS i"
TOOLS = ("claude_sql", "vertex_search", "hubspot", "powerbi")
ON_THE_WIRE = ("bigquery", "vertex_search", "hubspot", "powerbi")


@pytest.fixture(scope="module")
def shared(data_dir, running_emulator, tmp_path_factory):
    schema = tmp_path_factory.mktemp("powerbi") / "schema.json"
    schema.write_text(json.dumps(SCHEMA))
    here = running_emulator
    models = {f"{name}_{part}": value for name, path in (
        ("openai", "/openai/v1"), ("anthropic", "/anthropic"), ("gemini", "/gemini/v1beta"))
        for part, value in (("base_url", here.url(path)), ("api_key", KEY), ("model", MODEL))}
    yield from shared_stack(data_dir, apps="chat", settings={
        **here.bigquery_settings(), **here.vertex_search_settings(), **here.hubspot_settings(),
        **here.powerbi_settings(schema), **models,
        **{task: "auto" for task in ("extractor", "router", "sql_writer", "merger", "responder")},
        "bigquery_project_lookup": "sales.v_project_lookup", "bigquery_wait": "100ms",
        "vertex_search_project_field": "project_code", "hubspot_project_property": "project_code",
        "powerbi_project_column": "Projects[Code]"})


def script():
    plan = {"calls": [{"tool": tool, "input": "contacts" if tool == "hubspot" else "the ferry job"}
                      for tool in TOOLS], "reasoning": "All of them know something."}
    found = {"id": "d1", "document": {"id": "d1", "structData": {"project_code": CODE},
                                      "derivedStructData": {"title": "Pier report",
                                                            "link": "https://docs.example/d1"}}}
    contact = {"id": "7", "properties": {"firstname": "Ada", "lastname": "Moor",
                                         "project_code": CODE.lower()}}
    month = {"Projects[Code]": CODE, "Invoices[Month]": "2026-01-01T00:00:00", "[@Total]": 10.5}
    return {
        "gemini": {"default": {"answer": {"names": ["the ferry job"], "from_history": False}}},
        "openai": {"rules": [{"when": {"body": '"name":"route"'}, "answer": plan},
                             {"when": {"body": '"name":"findings"'},
                              "answer": {"summary": "All is well.", "insights": ["One chart."]}}],
                   "default": {"tokens": 20}},
        "anthropic": {"rules": [
            {"when": {"body": "EVALUATE"}, "answer": {
                "dax": DAX, "title": "By month", "columns": [
                    {"name": "Month", "kind": "month"}, {"name": "Total", "kind": "money"}]}}],
            "default": {"answer": {"sql": SQL, "title": "Invoices", "columns": [
                {"name": "amount", "kind": "money"}]}}},
        "bigquery": {"rules": [{"when": {"body": "v_project_lookup"}, "answer": LOOKUP}],
                     "default": {"answer": NO_ROWS}},
        "search": {"default": {"answer": {"results": [found], "totalSize": 1}}},
        "hubspot": {"default": {"answer": {"results": [contact]}}},
        "powerbi": {"default": {"answer": {"results": [{"tables": [{"rows": [
            month, {**month, "Invoices[Month]": "2026-02-01T00:00:00"}]}]}]}}},
    }


@pytest.fixture(scope="module")
def turn(shared, running_emulator):
    """The events of the turn, and what was asked meanwhile by provider."""
    running_emulator.reset()
    running_emulator.script(**script())
    with Chat(shared) as chat:
        events = chat.answer(QUESTION)
    asked = {}
    for record in running_emulator.requests():
        asked.setdefault(record["provider"], []).append(record)
    return events, asked


def test_the_client_is_told_what_each_has_found(turn):
    events, _ = turn
    check_v2_events(events)
    done = {event["tool"]: event for event in events if event["type"] == "tool_complete"}
    assert {tool: done[tool]["status"] for tool in done} == dict.fromkeys(ON_THE_WIRE, "ok")
    assert {tool: done[tool]["rows"] for tool in ("bigquery", "hubspot", "powerbi")} == {
        "bigquery": 0, "hubspot": 1, "powerbi": 2}
    found = next(event["data"] for event in events
                 if event["type"] == "phase_complete" and "projects" in (event["data"] or {}))
    assert found["projects"] == ["North Pier Terminal"]
    [chart] = [event for event in events if event["type"] == "chart"]
    assert chart["title"] == "By month"
    end = events[-1]
    assert end["status"] == "ok" and len(text_of(events).split()) == 20
    assert any(source["title"] == "Pier report" for source in end["sources"])


def test_each_was_asked_and_took_what_it_was_sent(turn, shared):
    _, asked = turn
    assert set(asked) == {"gemini", "openai", "anthropic", "google", "bigquery", "search",
                          "hubspot", "entra", "powerbi"}
    traces = set()
    for provider, records in asked.items():
        for record in records:
            assert (record["problem"], record["notes"], record["secure"]) == ("", [], True), record
            assert record["outcome"] == "whole" and record["status"] == 200, record
            if provider not in ("google", "entra"):
                traces.add(record["headers"]["traceparent"].split("-")[1])
    assert len(traces) == 1, "one trace from the client to every provider"
    logs = "".join(worker.log.text() for worker in shared.workers)
    assert KEY not in logs and "PRIVATE KEY" not in logs and "emulated-secret" not in logs


def test_models_were_asked_for_their_tasks(turn):
    _, asked = turn
    [names] = asked["gemini"]
    assert names["path"] == f"/gemini/v1beta/models/{MODEL}:generateContent"
    assert names["headers"]["x-goog-api-key"] == KEY
    assert names["json"]["generationConfig"]["responseMimeType"] == "application/json"
    assert QUESTION in names["body"]
    route, merge, answer = asked["openai"]
    assert [bool(one["json"].get("stream")) for one in (route, merge, answer)] == [
        False, False, True]
    for one in route, merge, answer:
        assert one["path"] == "/openai/v1/chat/completions" and one["json"]["model"] == MODEL
        assert one["headers"]["authorization"] == f"Bearer {KEY}"
        assert "temperature" not in one["json"] and "max_tokens" not in one["json"]
    assert answer["json"]["stream_options"] == {"include_usage": True}
    assert "North Pier Terminal" in route["body"]
    for found in "Pier report", "Ada Moor", "10.5":
        assert found in merge["body"] and found in answer["body"]
    assert "All is well." in answer["body"]
    queries = asked["anthropic"]
    assert len(queries) == 2
    for one in queries:
        assert one["path"] == "/anthropic/v1/messages" and one["json"]["model"] == MODEL
        assert one["headers"]["x-api-key"] == KEY
        assert one["headers"]["anthropic-version"] == "2023-06-01"
        assert one["json"]["output_config"]["format"]["type"] == "json_schema"


def test_data_was_asked_for_this_project_alone(turn):
    _, asked = turn
    lookup, *rest = [one for one in asked["bigquery"] if one["endpoint"] == "query"]
    assert "`emulated-project.sales.v_project_lookup`" in lookup["json"]["query"]
    [run] = rest
    assert run["json"]["query"].endswith(SQL) and run["json"]["useLegacySql"] is False
    assert run["json"]["queryParameters"][0]["parameterValue"] == {"arrayValues": [{"value": CODE}]}
    [dry] = [one for one in asked["bigquery"] if one["endpoint"] == "insert"]
    assert dry["json"]["configuration"]["dryRun"] is True
    [search] = asked["search"]
    assert search["json"]["filter"] == f'project_code: ANY("{CODE}")'
    assert search["json"]["query"] == "the ferry job"
    [contacts] = asked["hubspot"]
    assert contacts["path"] == "/hubspot/crm/v3/objects/contacts/search"
    assert contacts["json"]["filterGroups"] == [{"filters": [
        {"propertyName": "project_code", "operator": "IN", "values": [CODE.lower()]}]}]
    [token] = asked["entra"]
    assert token["path"] == "/entra/emulated-tenant/oauth2/v2.0/token"
    [chart] = asked["powerbi"]
    assert chart["path"] == "/powerbi/v1.0/myorg/groups/w-1/datasets/d-1/executeQueries"
    [query] = chart["json"]["queries"]
    assert CODE in query["query"] and "TREATAS" in query["query"] and "TOPN" in query["query"]
    assert chart["json"]["serializerSettings"] == {"includeNulls": True}
