"""Rows of the table of faults: BigQuery, whose queries OpenAI writes. A query is two requests: the
dry run that proves it, and the run."""

from fault_rows_rest import (JSON, LOG, Words, again, common, failed, found, prepare_token_row,
                             token_rows, tokens)
from provider_faults import PATIENCE, Block

QUESTION = "How much have we invoiced on the Harbor Point project? ({};)"
DRY, RUN = "/jobs", "/queries"
OFTEN = "BigQuery is asked too often at the moment"
NOT_VALID = "the query is not valid"
TOO_MUCH = "the query would read too much"
TOO_LONG = "the query took too long"
NO_TABLE = "does not know a table of the query"
AT_ONCE = {"headers": {"retry-after": "0"}}
TABLE = {"fields": [{"name": "number", "type": "STRING", "mode": "NULLABLE"},
                    {"name": "amount", "type": "NUMERIC"}],
         "rows": [["A-1", "1200.50"], ["A-2", None]]}
WORDS = Words("BigQuery is not available at the moment", "BigQuery's reply cannot be read",
              "BigQuery refused us access", "", {"rows": 2, "truncated": False}, requests=2,
              too_large=17 * 1024 * 1024)


def reasons():
    """The status misleads: it is the reason that decides."""
    def why(reason, status):
        return {"status": status, "error": {"reason": reason}}
    passing = {("rateLimitExceeded", 403): "rate_limited", ("rateLimitExceeded", 429):
               "rate_limited", ("jobRateLimitExceeded", 400): "rate_limited",
               **{(reason, status): "unavailable" for reason, status in (
                   ("backendError", 400), ("internalError", 500), ("jobBackendError", 400),
                   ("jobInternalError", 503), ("backendError", 502))}}
    rows = []
    for (reason, status), fault in passing.items():
        name = f"{reason} with {status}"
        rows += [again(WORDS, f"{name}, once", why(reason, status), fault),
                 again(WORDS, f"{name}, of the run", {**why(reason, status), **AT_ONCE}, fault,
                       path=RUN),
                 failed(f"{name}, again and again", {**why(reason, status), **AT_ONCE}, fault,
                        OFTEN if fault == "rate_limited" else WORDS.away, requests=2)]
    lasting = (
        ("quotaExceeded", 403, "rate_limited", "BigQuery's quota is used up"),
        ("quotaExceeded", 503, "rate_limited", "BigQuery's quota is used up"),
        ("accessDenied", 403, "bad_request", WORDS.no_access),
        ("billingNotEnabled", 403, "bad_request", WORDS.no_access),
        ("notFound", 404, "bad_request", NO_TABLE), ("invalidQuery", 400, "bad_request", NOT_VALID),
        ("invalid", 400, "bad_request", NOT_VALID), ("parseError", 400, "bad_request", NOT_VALID),
        ("bytesBilledLimitExceeded", 400, "bad_request", TOO_MUCH),
        ("bytesBilledLimitExceeded", 500, "bad_request", TOO_MUCH),
        ("resourcesExceeded", 403, "bad_request", TOO_MUCH),
        ("responseTooLarge", 400, "bad_request", TOO_MUCH),
        ("somethingNew", 400, "bad_request", "BigQuery did not accept the query"),
        ("somethingNew", 403, "bad_request", WORDS.no_access))
    for reason, status, fault, says in lasting:
        rows.append(failed(f"{reason} with {status}", why(reason, status), fault, says,
                           cause=reason, unsaid="As told."))
        if status == 400:
            rows.append(failed(f"{reason} of the run", why(reason, status), fault, says,
                               path=RUN, requests=2, faults=[fault]))
    return rows + [failed(f"{reason} with {status}", why(reason, status), "timeout", TOO_LONG,
                          status="timeout", path=RUN, requests=2, faults=["timeout"])
                   for reason, status in (("stopped", 400), ("timeout", 400), ("timeout", 500))]


def proofs():
    """A dry run that is no proof: the query is not run."""
    def no_proof(name, says, code="bad_request", **answer):
        return failed(name, {"answer": {**TABLE, **answer}}, code, says, faults=[])
    foreign = {"projectId": "emulated-project", "datasetId": "secrets", "tableId": "salaries"}
    return [
        *(no_proof(f"a {kind}", "only SELECT is allowed", statementType=kind)
          for kind in ("SCRIPT", "DELETE", "CREATE_TABLE_AS_SELECT", "")),
        no_proof("a foreign table", "a table that is not known", referencedTables=[foreign]),
        no_proof("tables of odd types", "a table that is not known", referencedTables=[None, 5]),
        no_proof("too many bytes", TOO_MUCH, totalBytesProcessed="99999999999999"),
        no_proof("an error in a good reply", NOT_VALID, errorResult={
            "reason": "invalidQuery", "message": "Unrecognized name"}),
        no_proof("a refusal in a good reply", WORDS.no_access, errorResult={
            "reason": "accessDenied", "message": "no"}),
        failed("a dry run without statistics", {"body": "{}", **JSON}, "bad_request",
               "only SELECT is allowed", faults=[], path=DRY),
    ]


def results():
    def unreadable(name, body):
        return failed(name, {"body": body, **JSON}, "bad_reply", WORDS.unreadable, requests=2,
                      faults=[], path=RUN)
    many = {**TABLE, "rows": [["A", "1"]] * 600}
    head = '{"jobComplete": true, "jobReference": {"jobId": "j"}'
    fields = '"schema": {"fields": [{"name": "a", "type": "STRING"}]}'
    return [
        found(WORDS, "warnings", {"answer": {**TABLE, "errors": [
            {"reason": "invalid", "message": "a warning"}]}}),
        found(WORDS, "not yet, three times", {"answer": TABLE, "pending": 3}),
        found(WORDS, "a row a page", {"answer": TABLE, "page_rows": 1}),
        found(WORDS, "more rows than are read", {"answer": many},
              tool={"status": "ok", "rows": 500, "truncated": True}),
        found(WORDS, "more pages than are read", {"answer": {**TABLE, "rows": [["A", "1"]] * 30},
                                                  "page_rows": 1},
              tool={"status": "ok", "rows": 20, "truncated": True}),
        failed("never complete", {"answer": TABLE, "pending": 1_000_000}, "timeout", TOO_LONG,
               status="timeout", requests=2, faults=[], slow=True),
        unreadable("no job and no rows", "{}"), unreadable("no columns", head + "}"),
        unreadable("rows that are too short", head + f', {fields}, "rows": [{{"f": []}}]}}'),
        unreadable("rows of odd types", head + f', {fields}, "rows": [null, 5]}}'),
        found(WORDS, "values of odd types", {"body": head + f', {fields}, "rows": '
                                             '[{"f": [{"v": {"x": [1]}}]}, {"f": [5]}]}', **JSON},
              path=RUN, tool={"status": "ok", "rows": 2}),
    ]


def job_rows():
    """Faults behind the start of a query: these requests hold no mark. `how` is the emulator's
    script; those with a mark are the dry run and the start."""
    def later(path, how, **start):
        return {"default": {"answer": TABLE, **start},
                "queue": [{**how, "when": {"path": path}}]}

    def for_good(how):
        return {"default": {"answer": TABLE, "pending": 3},
                "rules": [{**how, "when": {"path": RUN + "/"}}]}
    unavailable = {"status": 503, "headers": {"retry-after": "0"}}
    return [
        found(WORDS, "503 of a poll", later(RUN + "/", unavailable, pending=2),
              faults=["unavailable"]),
        found(WORDS, "503 of a page", later(RUN + "/", unavailable, page_rows=1),
              faults=["unavailable"]),
        failed("503 of every poll", for_good(unavailable), "unavailable", WORDS.away, requests=2,
               faults=["unavailable"] * 2),
        failed("a job that is gone", for_good({"status": 404}), "bad_request", NO_TABLE,
               requests=2, faults=["bad_request"]),
        failed("a job that was stopped", for_good({"status": 400, "error": {
            "reason": "stopped"}}), "timeout", TOO_LONG, status="timeout", requests=2,
            faults=["timeout"]),
        failed("a job that read too much", for_good({"status": 400, "error": {
            "reason": "resourcesExceeded"}}), "bad_request", TOO_MUCH, requests=2,
            faults=["bad_request"]),
        failed("a page that cannot be read", later(RUN + "/", {"body": '{"rows": []}', **JSON},
                                                   page_rows=1), "bad_reply", WORDS.unreadable,
               requests=2, faults=[]),
    ]


def prepare_job_row(emulator, row):
    emulator.script(bigquery={"rules": [], "queue": [], **row.how})


def writer(mark):
    """OpenAI writes the same query each time, so that it is run once."""
    return {"openai": [{"when": {"body": mark}, "answer": {
        "sql": f"SELECT i.number, i.amount, '{mark}' AS mark FROM invoices AS i ORDER BY 1",
        "title": "Invoices", "columns": []}}]}


def settings(emulator):
    return {**emulator.bigquery_settings(), "bigquery_wait": "100ms", "bigquery_retries": 1,
            "local_tokens_per_second": 0, "turn_budget": f"{20 * PATIENCE}s"}


def blocks():
    rows = [*common(WORDS), *tokens(WORDS), *reasons(), *proofs(), *results()]
    named = {"default": {"answer": TABLE}, "others": writer, "operations": ("dry_run", "query")}
    alone = {"ordered": True, **named}
    return [Block("query", "bigquery", rows, QUESTION, LOG, settings, "bigquery", **named),
            Block("query token", "bigquery", token_rows(WORDS, "Google refused us access"),
                  QUESTION, "no access token from Google", settings, "bigquery",
                  prepare=prepare_token_row, **alone),
            Block("query job", "bigquery", job_rows(), QUESTION, LOG, settings, "bigquery",
                  prepare=prepare_job_row, worker="query token", **alone)]
