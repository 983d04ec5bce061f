"""The emulated services that give credentials and data: tokens and their ends, jobs, pages,
filters, partial answers."""

import json
import subprocess

import pytest

from harness.process import wait_for
from provider_calls import (BIGQUERY, ENGINE, FORM, OPENAI, QUERY, SEARCH, curl, curl_words, good,
                            signed)


def test_a_service_account_gets_a_token(emulator, tmp_path):
    account = json.loads(emulator.account_file.read_text())
    assert account["token_uri"] == emulator.url("/google/token")
    grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion="
    answer = curl(emulator, "google", "/token", FORM, grant + signed(account, tmp_path))
    assert answer.status == 200 and answer.json["token_type"] == "Bearer"
    token = {"authorization": f"Bearer {answer.json['access_token']}"}
    for name in ("vertex", "query", "search"):
        assert good(emulator, name, headers=token).status == 200
    assert good(emulator, "dax", headers=token).status == 401, "Google's is not Microsoft's"


@pytest.mark.parametrize("claims, header, says", [
    ({"iat": 1000, "exp": 2000}, None, "clock"),
    ({"exp": 9999999999}, None, "3600"),
    ({"aud": "https://example.com/"}, None, "aud"),
    ({"iss": "other@example.com"}, None, "account"),
    ({"scope": None}, None, "scope"),
    (None, {"alg": "none"}, "signature"),
    (None, {"alg": "RS256", "kid": "another"}, "signature"),
])
def test_a_bad_assertion_is_no_grant(emulator, tmp_path, claims, header, says):
    account = json.loads(emulator.account_file.read_text())
    grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion="
    answer = curl(emulator, "google", "/token", FORM,
                  grant + signed(account, tmp_path, claims, header))
    assert answer.status == 400 and answer.json["error"] == "invalid_grant"
    assert says in answer.json["error_description"]


def test_a_self_signed_token_will_do(emulator, tmp_path):
    account = json.loads(emulator.account_file.read_text())
    email = account["client_email"]
    for claims, status in (({"sub": email, "aud": None}, 200), ({"aud": None}, 401),
                           ({"sub": email, "scope": None,
                             "aud": "https://bigquery.googleapis.com/"}, 200)):
        token = signed(account, tmp_path, claims)
        answer = good(emulator, "query", headers={"authorization": f"Bearer {token}"})
        assert answer.status == status, answer.body


def test_a_token_runs_out(emulator):
    emulator.script(metadata={"default": {"answer": {"expires_in": "1"}}})
    token = good(emulator, "metadata").json
    assert token["expires_in"] == "1"
    headers = {"authorization": f"Bearer {token['access_token']}"}
    wait_for(lambda: good(emulator, "query", headers=headers).status == 401, "it has run out", 20)


def test_entra_gives_tokens_for_power_bi(emulator):
    answer = good(emulator, "entra")
    assert answer.headers["content-type"] == "application/json"
    token = {"authorization": f"Bearer {answer.json['access_token']}"}
    assert good(emulator, "dax", headers=token).status == 200
    assert good(emulator, "query", headers=token).status == 401
    emulator.script(entra={"keys": ["emulated-client:another"]})
    refused = good(emulator, "entra")
    assert refused.status == 401 and refused.json["error"] == "invalid_client"
    assert refused.json["error_codes"] == [7000215]


# ---- data services

def bigquery(emulator, path, body=None):
    return curl(emulator, "bigquery", BIGQUERY + path, OPENAI, body)


def test_bigquery_takes_its_time_and_pages(emulator):
    fields = [{"name": "id", "type": "INTEGER"}, {"name": "at", "type": "TIMESTAMP"},
              {"name": "tags", "type": "STRING", "mode": "REPEATED"},
              {"name": "who", "type": "RECORD", "mode": "REPEATED", "fields": [
                  {"name": "name", "type": "STRING"}, {"name": "age", "type": "INTEGER"}]}]
    rows = [[1, 1700000000000000, ["a", "b"], [["x", 5], ["y", None]]], [2, None, [], []],
            [3, 0, [], []]]
    emulator.script(bigquery={"default": {"pending": 2, "page_rows": 2,
                                          "answer": {"fields": fields, "rows": rows}}})
    first = bigquery(emulator, "/queries", QUERY).json
    assert first["jobComplete"] is False and "rows" not in first
    job = first["jobReference"]["jobId"]
    path = f"/queries/{job}?location=EU&formatOptions.useInt64Timestamp=true"
    assert bigquery(emulator, f"/queries/{job}").status == 404, "without its location"
    assert bigquery(emulator, path).json["jobComplete"] is False
    page = bigquery(emulator, path).json
    assert page["totalRows"] == "3" and len(page["rows"]) == 2
    assert page["rows"][0]["f"] == [
        {"v": "1"}, {"v": "1700000000000000"}, {"v": [{"v": "a"}, {"v": "b"}]},
        {"v": [{"v": {"f": [{"v": "x"}, {"v": "5"}]}}, {"v": {"f": [{"v": "y"}, {"v": None}]}}]}]
    last = bigquery(emulator, f"{path}&pageToken={page['pageToken']}").json
    assert "pageToken" not in last and last["rows"][0]["f"][0] == {"v": "3"}


def test_bigquery_cancels_and_knows_a_request_again(emulator):
    emulator.script(bigquery={"default": {"pending": 100}})
    body = {**QUERY, "requestId": "5f0e8f3c-0c9e-4a9e-8f7e-1d2c3b4a5960"}
    job = bigquery(emulator, "/queries", body).json["jobReference"]["jobId"]
    assert bigquery(emulator, "/queries", body).json["jobReference"]["jobId"] == job
    answer = curl(emulator, "bigquery", f"{BIGQUERY}/jobs/{job}/cancel?location=EU", OPENAI, "{}")
    assert answer.json["job"]["status"]["errorResult"]["reason"] == "stopped"
    stopped = bigquery(emulator, f"/queries/{job}?location=EU")
    assert stopped.json["error"]["errors"][0]["reason"] == "stopped"
    assert bigquery(emulator, f"/jobs/{job}?location=EU").json["status"]["state"] == "DONE"
    endpoints = [record["endpoint"] for record in emulator.requests("bigquery")]
    assert endpoints == ["query", "query", "cancel", "results", "job"]


@pytest.mark.parametrize("sql, kind", [
    ("SELECT 1", "SELECT"), ("with a as (select 1) select * from a", "SELECT"),
    ("DELETE FROM `p.d.t` WHERE TRUE", "DELETE"), ("SELECT 1; DROP TABLE `p.d.t`", "SCRIPT")])
def test_a_dry_run_tells_what_would_be_done(emulator, sql, kind):
    answer = bigquery(emulator, "/jobs", {"configuration": {
        "dryRun": True, "query": {"query": sql, "useLegacySql": False}}})
    query = answer.json["statistics"]["query"]
    assert query["statementType"] == kind
    tables = [{"projectId": "p", "datasetId": "d", "tableId": "t"}] if "`" in sql else []
    assert query["referencedTables"] == tables


def test_bigquery_has_a_limit_of_bytes(emulator):
    emulator.script(bigquery={"default": {"answer": {"totalBytesProcessed": "2000000000"}}})
    answer = bigquery(emulator, "/queries", QUERY)
    assert answer.json["error"]["errors"][0]["reason"] == "bytesBilledLimitExceeded"


def test_search_pages_and_may_find_nothing(emulator):
    first = good(emulator, "search").json
    assert len(first["results"]) == 2 and first["summary"]["summaryText"]
    assert "snippet_status" in first["results"][0]["document"]["derivedStructData"]["snippets"][0]
    rest = good(emulator, "search", {"pageToken": first["nextPageToken"]}).json
    assert len(rest["results"]) == 1 and "nextPageToken" not in rest
    emulator.script(search={"default": {"answer": {}}})
    assert good(emulator, "search").json == {}
    emulator.script(search={"default": {"unsupported": "project_id"}})
    assert good(emulator, "search").json["error"]["status"] == "INVALID_ARGUMENT"


def test_search_is_asked_at_its_locations_host(emulator):
    for location, status in (("eu", 200), ("global", 400)):
        host = "eu-discoveryengine.googleapis.com"
        path = ENGINE.replace("locations/global", f"locations/{location}")
        words = curl_words(emulator, "", path, {**OPENAI, "host": host}, SEARCH, http2=False)
        done = subprocess.run(words, capture_output=True, check=True)
        assert f"HTTP/1.1 {status}" in done.stderr.decode()


def test_hubspot_pages_and_leaves_out_what_it_does_not_know(emulator):
    first = good(emulator, "deals", {"properties": ["dealname", "no_such"]}).json
    assert first["total"] == 3 and len(first["results"]) == 2
    assert "no_such" not in first["results"][0]["properties"]
    rest = good(emulator, "deals", {"after": first["paging"]["next"]["after"]}).json
    assert len(rest["results"]) == 1 and "paging" not in rest
    companies = good(emulator, "objects").json["results"]
    assert [one["id"] for one in companies] == ["2"]
    assert good(emulator, "pipelines").json["results"][0]["stages"][0]["label"]
    emulator.script(hubspot={"queue": [{"status": 207}]})
    partly = good(emulator, "associations")
    assert partly.status == 207 and partly.json["numErrors"] == 1
    assert len(partly.json["results"]) == 1


def test_power_bi_gives_rows_and_its_cut_answers(emulator):
    rows = good(emulator, "dax").json["results"][0]["tables"][0]["rows"]
    assert rows == [{"T[C]": "x", "[Measure]": 1.5, "T[N]": None}]
    emulator.script(powerbi={"queue": [
        {"answer": {"results": [{"tables": [{"rows": []}], "error": {"code": "x"}}]}},
        {"status": 400, "error": {"code": "DatasetExecuteQueriesError", "pbi": True}},
        {"status": 401, "error": {"empty": True}}]})
    assert good(emulator, "dax").json["results"][0]["error"]
    assert good(emulator, "dax").json["error"]["pbi.error"]["code"] == "DatasetExecuteQueriesError"
    empty = good(emulator, "dax")
    assert (empty.status, empty.body) == (401, "")
