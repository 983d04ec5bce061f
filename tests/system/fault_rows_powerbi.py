"""Rows of the table of faults: Power BI, and Entra ID that gives its tokens. OpenAI chooses the
tool and writes the DAX."""

import json
from email.utils import formatdate
from time import time

from fault_rows_models import HTML
from fault_rows_rest import JSON, LOG, Words, again, common, failed, found
from harness.emulator import ENTRA_SECRET
from provider_faults import PATIENCE, Block
from semantic_model import SCHEMA

QUESTION = "Draw what we have invoiced on the Harbor Point project by month ({})"
HARBOR_CODE = "MR-23-009"
OFTEN = "Power BI is asked too often at the moment"
NOT_ACCEPTED = "Power BI did not accept the query"
REFUSED = "Entra ID refused us access"
FILTER = "filter_not_applicable"
WORDS = Words("Power BI is not available at the moment", "Power BI's reply cannot be read",
              "Power BI refused us access", "in time", {"rows": 3, "truncated": False})


def result_of(rows, **more):
    return {"results": [{"tables": [{"rows": rows}], **more}]}


def rows_of(code=HARBOR_CODE, count=3):
    return [{"Projects[Code]": code, "Invoices[Month]": f"2026-{1 + i:02}-01T00:00:00",
             "[@Total]": 1000.5 * (i + 1)} for i in range(count)]


def refusals():
    empty = {"status": 401, "error": {"empty": True}}
    expired = {"status": 401, "error": {"code": "TokenExpired"}}
    dax = {"code": "DatasetExecuteQueriesError", "pbi": True}
    return [
        again(WORDS, "401 without a body, once", empty, "bad_request"),
        failed("401 without a body", empty, "bad_request", WORDS.no_access, requests=2),
        again(WORDS, "TokenExpired once", expired, "bad_request"),
        failed("TokenExpired", expired, "bad_request", WORDS.no_access, requests=2,
               cause="TokenExpired"),
        failed("403", {"status": 403}, "bad_request", WORDS.no_access,
               cause="PowerBINotAuthorizedException"),
        failed("404", {"status": 404}, "bad_request", "Power BI does not know the dataset",
               cause="PowerBIEntityNotFound"),
        failed("400", {"status": 400}, "bad_request", NOT_ACCEPTED, unsaid="As told."),
        failed("400, an error of DAX", {"status": 400, "error": dax}, "bad_request", NOT_ACCEPTED,
               cause="DatasetExecuteQueriesError"),
        failed("400 about the filter", {"status": 400, "error": {
            "message": "Column 'Code' cannot be found"}}, FILTER,
            "the project filter cannot be applied to Power BI", unsaid="cannot be found"),
        failed("409", {"status": 409}, "bad_request", NOT_ACCEPTED),
    ]


def replies():
    def unfit(name, answer, code, says, **more):
        return failed(name, {"answer": answer}, code, says, faults=[], **more)
    error = {"code": "MaxRowsExceeded", "message": "a table was cut"}
    cut = {"status": "ok", "rows": 3, "truncated": True}
    return [
        found(WORDS, "200 with an error and rows", {"answer": {
            **result_of(rows_of()), "error": error}}, tool=cut, unsaid="a table was cut"),
        found(WORDS, "an error in the result, with rows", {"answer": result_of(
            rows_of(), error=error)}, tool=cut),
        unfit("200 with an error, no rows", {"error": error}, "bad_request",
              "Power BI could not run the query", unsaid="a table was cut"),
        unfit("an error in the result, no rows", result_of([], error=error), "bad_request",
              "Power BI could not run the query"),
        unfit("results that are empty", {"results": []}, "bad_reply", WORDS.unreadable),
        unfit("no table", {"results": [{"tables": []}]}, "bad_reply", WORDS.unreadable),
        failed("no results at all", {"body": "{}", **JSON}, "bad_reply", WORDS.unreadable,
               faults=[]),
        unfit("rows of odd types", result_of([None, 5, "no"]), "bad_reply",
              "hold nothing described"),
        unfit("rows of another query", result_of([{"Salaries[Name]": "secret"}]), "bad_reply",
              "hold nothing described", unsaid="secret"),
        unfit("another project's rows", result_of(rows_of() + rows_of("XX-9", 1)), FILTER,
              "not confined to the projects", unsaid="XX-9"),
        found(WORDS, "more rows than are read", {"answer": result_of(rows_of(count=12) * 100)},
              tool={"status": "ok", "rows": 200, "truncated": True}),
        found(WORDS, "cells of odd types", {"answer": result_of([
            {**rows_of()[0], "[@Total]": {"x": [1]}}])}, tool={"status": "ok", "rows": 1}),
    ]


def limits():
    """One behind the other: while Power BI wants a pause, nothing is asked of it."""
    rows = [again(WORDS, f"429, {name}", {"status": 429, "headers": headers}, "rate_limited")
            for name, headers in {
                "nothing said": {}, "seconds": {"retry-after": "1"},
                "a fraction": {"retry-after": "0.1"}, "nonsense": {"retry-after": "soon"},
                "a date": {"retry-after": formatdate(time() + 3, usegmt=True)}}.items()]
    return [
        *rows,
        again(WORDS, "429 without JSON", {**HTML, "status": 429}, "rate_limited"),
        failed("429, again and again", {"status": 429, "headers": {"retry-after": "0.1"}},
               "rate_limited", OFTEN, requests=2),
        failed("429, an hour", {"status": 429, "headers": {"retry-after": "3600"}},
               "rate_limited", OFTEN),
    ]


def token_rows():
    """`how` is Entra ID's: each code with its cure, which is in the log alone. No row but the last
    one leaves a token behind."""
    def refused(name, how, cause=""):
        return failed(name, [how], "bad_request", REFUSED, requests=0, faults=["bad_request"],
                      cause=cause, unsaid="AADSTS")
    codes = {7000215: "entra_client_secret needs the secret's value", 7000222: "has expired",
             700016: "no such application in the tenant", 90002: "no such tenant",
             7000112: "the application is disabled", 1002012: "needs to end in /.default",
             53003: "Conditional Access", 999999: "AADSTS999999"}
    return [
        *(refused(f"AADSTS{code}", {"status": 401, "error": {"code": code}}, cure)
          for code, cure in codes.items()),
        refused("400 that repeats the secret", {"status": 400, "error": {
            "error": "invalid_request", "message": f"not {ENTRA_SECRET}!"}}),
        refused("no token in the reply", {"body": '{"expires_in": 3600}', **JSON}),
        refused("a token with a line end", {"answer": {"access_token": "a\r\nx-evil: 1"}}),
        refused("HTML for a token", HTML), refused("HTML with 403", {**HTML, "status": 403}),
        found(WORDS, "503, then a token", [{"status": 503}, {"answer": {"expires_in": "3599"}}],
              faults=["unavailable"]),
    ]


def prepare_token_row(emulator, row):
    emulator.script(entra={"queue": row.how})


def writers(mark):
    """The question holds the mark, the router's plan another one, the DAX the first one again."""
    planned = mark.replace(" case ", " plan ")
    dax = ("EVALUATE SUMMARIZECOLUMNS('Projects'[Code], 'Invoices'[Month], "
           f"\"@{mark}\", [Invoiced])")
    plan = {"calls": [{"tool": "powerbi", "input": f"invoiced by month, as a line ({planned})"}],
            "reasoning": "The semantic model knows it."}
    query = {"dax": dax, "title": "Invoiced by month", "columns": []}
    return {"openai": [{"when": {"body": planned}, "answer": query},
                       {"when": {"body": mark}, "answer": plan}]}


def settings(emulator):
    schema = emulator.directory / "powerbi-schema.json"
    schema.write_text(json.dumps(SCHEMA))
    return {**emulator.openai_settings(), **emulator.powerbi_settings(schema), "router": "openai",
            "responder": "embedded", "local_tokens_per_second": 0, "powerbi_retries": 1,
            "powerbi_queries_per_second": 0, "powerbi_timeout": f"{15 * PATIENCE}s",
            "powerbi_project_column": "Projects[Code]"}


def blocks():
    rows = [*common(WORDS), *refusals(), *replies()]
    named = {"default": {"answer": result_of(rows_of())}, "others": writers,
             "operations": ("query",)}
    alone = {"ordered": True, **named}
    return [Block("chart", "powerbi", rows, QUESTION, LOG, settings, "powerbi", **named),
            Block("chart limits", "powerbi", limits(), QUESTION, LOG, settings, "powerbi",
                  **alone),
            Block("chart token", "powerbi", token_rows(), QUESTION,
                  "no access token from Entra ID", settings, "powerbi",
                  prepare=prepare_token_row, **alone)]
