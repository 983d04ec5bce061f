"""Queries are written by a language model and run by BigQuery: what the worker sends to the
emulator, which is as strict as the real ones, and what the client is told."""

import json
import sqlite3

import pytest

from chat import Chat
from harness.process import wait_for
from harness.protocol import check_v2_events
from harness.stack import shared_stack
from owners import owner

QUESTION = "How much have we invoiced on the Harbor Point project?"
SQL = "SELECT i.number, i.amount FROM invoices AS i JOIN vendors v ON v.id = i.vendor ORDER BY 1"
PREFIX = "/bigquery/v2/projects/emulated-project"
FIELDS = [{"name": "number", "type": "STRING", "mode": "NULLABLE"},
          {"name": "amount", "type": "NUMERIC", "description": "in USD"}]
TABLE = {"fields": FIELDS, "description": "What we invoice", "rows": [["A-1", "1200.50"],
                                                                    ["A-2", None]]}


def settings_for(emulator):
    return {**emulator.bigquery_settings(), "bigquery_wait": "100ms"}


@pytest.fixture(scope="module")
def shared(data_dir, running_emulator):
    yield from shared_stack(data_dir, apps="chat", settings=settings_for(running_emulator))


def written(*queries):
    """OpenAI writes these queries, the last one from then on."""
    replies = [{"answer": {"sql": sql, "title": "Invoices",
                           "columns": [{"name": "amount", "kind": "money"}]}} for sql in queries]
    return {"queue": replies[:-1], "default": replies[-1]}


def sent(emulator, endpoint):
    """Without those that came with a token which the emulator has forgotten since the last test."""
    return [one for one in emulator.requests("bigquery")
            if one["endpoint"] == endpoint and one["status"] != 401]


def tool_of(events):
    [done] = [event for event in events
              if event["type"] == "tool_complete" and event["tool"] == "bigquery"]
    return done


def no_secret_in(stack, *texts):
    for text in (*texts, *(worker.log.text() for worker in stack.workers)):
        assert "Bearer" not in text and "PRIVATE KEY" not in text and "ya29" not in text


def test_a_turn_with_a_model_and_bigquery(shared, emulator, data_dir):
    emulator.script(openai=written(SQL), bigquery={"default": {"answer": TABLE}})
    with Chat(shared) as chat:
        events = chat.answer(QUESTION)
        check_v2_events(events)
        assert events[-1]["status"] == "ok"
    done = tool_of(events)
    assert done["status"] == "ok" and done["rows"] == 2 and done["truncated"] is False
    assert done["preview"] == {"sql": SQL, "columns": ["number", "amount"],
                               "rows": [["A-1", 1200.5], ["A-2", None]]}
    [asked] = emulator.requests("openai")
    assert "GoogleSQL" in asked["body"] and "TABLE invoices (of projects, by project_code)" in \
        asked["body"] and "in USD" in asked["body"]

    for record in emulator.requests("bigquery"):
        assert (record["problem"], record["notes"], record["secure"]) == ("", [], True)
        assert record["headers"]["authorization"].startswith("Bearer ")
        assert record["headers"]["traceparent"]
        assert record["query"] == "prettyPrint=false"
    assert [one["path"] for one in sent(emulator, "table")] == [
        f"{PREFIX}/datasets/sales/tables/{name}" for name in ("invoices", "vendors")]
    database = sqlite3.connect(f"file:{data_dir}/demo.db?mode=ro", uri=True)
    [[code]] = database.execute("SELECT code FROM projects WHERE name = 'Harbor Point'").fetchall()
    database.close()
    statement = {
        "query": "WITH `invoices` AS (SELECT * FROM `emulated-project.sales.invoices` WHERE "
                 "CAST(`project_code` AS STRING) IN UNNEST(@mr_projects)), "
                 f"`vendors` AS (SELECT * FROM `emulated-project.sales.vendors`)\n{SQL}",
        "useLegacySql": False, "useQueryCache": True, "maximumBytesBilled": "10000000000",
        "parameterMode": "NAMED",
        "queryParameters": [{"name": "mr_projects",
                             "parameterType": {"type": "ARRAY", "arrayType": {"type": "STRING"}},
                             "parameterValue": {"arrayValues": [{"value": code}]}}]}
    [dry] = sent(emulator, "insert")
    assert dry["path"] == f"{PREFIX}/jobs"
    assert dry["json"] == {
        "jobReference": {"projectId": "emulated-project", "location": "EU"},
        "configuration": {"dryRun": True, "labels": {"app": "mr-worker"}, "query": statement}}
    [run] = sent(emulator, "query")
    assert run["path"] == f"{PREFIX}/queries"
    assert len(run["json"].pop("requestId")) == 36
    assert run["json"] == {
        **statement, "location": "EU", "maxResults": 500, "timeoutMs": 100,
        "jobTimeoutMs": "30000", "labels": {"app": "mr-worker"},
        "formatOptions": {"useInt64Timestamp": True}}
    no_secret_in(shared, json.dumps(events))


def test_what_is_refused_is_written_anew_once(shared, emulator):
    """By the guard before anything is sent; by BigQuery, whose words only the writer reads."""
    emulator.script(openai=written("SELECT i.x FROM sales.invoices AS i", SQL),
                    bigquery={"default": {"answer": TABLE}})
    with Chat(shared) as chat:
        done = tool_of(chat.answer(QUESTION))
        assert done["status"] == "ok" and done["preview"]["sql"] == SQL
        assert done["attempts"] >= 2  # or more, with a new token
        again = emulator.requests("openai")[1]
        assert "sales.invoices AS i" in again["body"] and "short names" in again["body"]
        assert len(sent(emulator, "insert")) == len(sent(emulator, "query")) == 1

        emulator.reset()
        emulator.script(openai=written("SELECT i.nosuch FROM invoices AS i", SQL), bigquery={
            "default": {"answer": TABLE},
            "queue": [{"when": {"path": "/jobs"}, "status": 400,
                       "error": {"reason": "invalidQuery", "message": "Unrecognized: nosuch"}}]})
        events = chat.answer(QUESTION)
        assert tool_of(events)["status"] == "ok"
        assert "Unrecognized: nosuch" in emulator.requests("openai")[1]["body"]
        assert "Unrecognized" not in json.dumps(events)

        emulator.reset()
        emulator.script(openai=written("SELECT i.nosuch FROM invoices AS i", SQL, SQL), bigquery={
            "default": {"status": 400, "error": {"reason": "invalidQuery", "message": "nosuch!"}}})
        events = chat.answer(QUESTION)
        done = tool_of(events)
        assert done["status"] == "error" and done["error"]["message"] == "the query is not valid"
        assert "nosuch!" not in json.dumps(events) and events[-1]["status"] == "ok"
        assert len(emulator.requests("openai")) == 2


def test_without_a_table_of_projects_nothing_is_asked(shared, emulator):
    emulator.script(openai=written("SELECT v.name FROM vendors v"))
    with Chat(shared) as chat:
        events = chat.answer(QUESTION)
        done = tool_of(events)
        assert done["status"] == "error" and "project filter" in done["error"]["message"]
        assert events[-1]["status"] == "ok"
    assert not sent(emulator, "insert") and not sent(emulator, "query")


def test_a_stopped_turn_stops_its_query(shared, emulator):
    emulator.script(openai=written(SQL),
                    bigquery={"default": {"answer": TABLE, "pending": 100_000}})
    with Chat(shared) as chat:
        chat.ask(QUESTION)
        wait_for(lambda: sent(emulator, "results"), "the query is asked for", 30)
        chat.send(type="cancel")
        chat.until("response_complete", status="cancelled")
        wait_for(lambda: sent(emulator, "cancel"), "the query is cancelled", 30)
    [cancel] = sent(emulator, "cancel")
    job = sent(emulator, "results")[0]["path"].rpartition("/")[2]
    assert cancel["path"] == f"{PREFIX}/jobs/{job}/cancel"
    assert cancel["query"] == "prettyPrint=false&location=EU" and cancel["problem"] == ""


def test_another_worker_finds_the_same_query(make_stack, emulator):
    emulator.script(openai=written(SQL), bigquery={"default": {"answer": TABLE, "pending": 8}})
    stack = make_stack(apps="chat", workers=2, settings={**settings_for(emulator), "lease": "1s"})
    with Chat(stack) as chat:
        chat.ask(QUESTION)
        wait_for(lambda: sent(emulator, "query"), "the query is sent", 30)
        owner(stack, chat.session).kill()
        events = chat.until("response_complete")
        assert events[-1]["status"] == "ok" and tool_of(events)["rows"] == 2
    first, second = sent(emulator, "query")
    assert first["json"] == second["json"] and first["json"]["requestId"]
    assert "requestId found its job again" in second["notes"]
    assert not sent(emulator, "cancel")
