"""`mr-worker --check-providers`: one line per provider that says what is wrong and what to do."""

import time
from email.utils import formatdate

import pytest

from harness.emulator import KEY, MODEL
from provider_checks import (BY_KEY, LANGUAGE, UNKNOWN_NAME, check, emulated, of_data,
                             on_google, run)

HOUR = 3600
PAGE = {"status": 200, "body": "<html><title>Log in</title></html>", "content_type": "text/html"}
NO_PORT = "https://localhost:1"
CURE_WORDS = ("set ", "put ", "correct ", "is ", "name ", "start ", "give ", "add ", "wait ",
              "try ", "does ", "run ", "enable ", "let ", "raise ", "see ", "make ", "write ")


def assert_said(row, fault, *says):
    """One line with the cause, and with a cure that begins with what to do, or to look at."""
    assert row.fault == fault, vars(row)
    assert row.state == "bad" and row.cause and row.cure.startswith(CURE_WORDS), vars(row)
    assert "\n" not in row.cause + row.cure
    for text in says:
        assert text in f"{row.cause}. {row.cure}", vars(row)


def test_all_is_well(emulator):
    found = check(emulated(emulator))
    assert found.code == 0
    for name in BY_KEY:
        row = found.rows[name]
        assert (row.reachable, row.authorised, row.there) == (True, True, True), vars(row)
        assert row.state == "good" and row.latency_ms >= 0 and row.fault is None
    assert found.rows["openai"].resource == f"model {MODEL}"
    assert "responder" in getattr(found.rows["openai"], "for")
    assert getattr(found.rows["hubspot"], "for") == ["crm"]
    assert found.rows["embedded"].state == "embedded"
    assert "crm" not in getattr(found.rows["embedded"], "for")
    # It cost next to nothing: models were looked up, one record of each kind was searched for,
    # a tenth of a second was recognised.
    asked = [(one["provider"], one["method"], one["path"].rpartition("/")[2], one["problem"])
             for one in emulator.requests()]
    assert sorted(asked) == sorted(
        [(name, "GET", MODEL, "") for name in LANGUAGE]
        + [("hubspot", "POST", "search", "")] * 3 + [("deepgram", "POST", "listen", "")]
        + [("elevenlabs", "GET", last, "") for last in ("voices", "models", "subscription")])


def test_all_is_well_on_google(emulator):
    found = check(on_google(emulator))
    assert found.code == 0
    assert found.rows["google"].there and "@" in found.rows["google"].resource
    assert found.rows["gemini"].there
    assert [one["endpoint"] for one in emulator.requests()] == ["token", "countTokens"]


def test_the_table_is_for_people(emulator):
    done = run(emulated(emulator) | {"openai_model": "emulated-0"})
    assert done.returncode == 1 and KEY not in done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["PROVIDER", *BY_KEY, "embedded"]
    assert lines[0].split()[1:4] == ["FOR", "REACHABLE", "AUTHORISED"]
    assert "To fix: set openai_model" in lines[1] and f"near it: {MODEL}" in lines[1]
    assert "good" in lines[2] and "embedded, nothing to check" in lines[-1]


def test_nothing_is_configured():
    done = run({})
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["PROVIDER", "embedded"]


@pytest.mark.parametrize("settings, says", [
    ({"openai_base_url": "ftp://x"}, "openai_base_url"),
    ({"responder": "gemini"}, "responder"), ({"provider_check_timeout": "soon"}, "soon")])
def test_wrong_settings_are_another_exit_code(settings, says):
    done = run(settings)
    assert done.returncode == 2 and says in done.stderr and done.stdout == ""


# ---- every provider, the same failure

def everywhere(name, value, providers=BY_KEY):
    return {f"{provider}_{name}": value for provider in providers}


CONNECTIONS = {
    "closed port": (everywhere("base_url", NO_PORT), "connection", "localhost:1", "_base_url"),
    "unknown name": (everywhere("base_url", f"https://{UNKNOWN_NAME}"), "name", UNKNOWN_NAME,
                     "proxy"),
    "private authority": ({"provider_ca_file": None}, "certificate", "provider_ca_file"),
    "another host's certificate": (everywhere("base_url", "https://other.example"), "certificate",
                                   "other.example", "_base_url"),
    "a proxy that is down": ({"provider_proxy": "http://who:hidden@127.0.0.1:1"}, "proxy",
                             "127.0.0.1:1", "provider_proxy"),
    "http at a port of https": ({}, "not_api", "http or https"),
}


@pytest.mark.parametrize("case", CONNECTIONS)
def test_what_is_wrong_with_the_connection(emulator, case):
    settings, fault, *says = CONNECTIONS[case]
    settings = emulated(emulator) | settings
    if case == "another host's certificate":
        settings |= everywhere("connect_to", f"localhost:{emulator.port}")
    if case == "http at a port of https":
        settings |= {key: value.replace("https:", "http:") for key, value in settings.items()
                     if key.endswith("base_url")}
    found = check(settings)
    assert found.code == 1 and KEY not in found.text and "hidden" not in found.text
    for name in BY_KEY:
        assert_said(found.rows[name], fault, *says)
        assert found.rows[name].authorised is None


def test_a_proxy_that_does_not_let_us_through(emulator):
    """The emulator is none: it refuses CONNECT."""
    proxy = f"http://127.0.0.1:{emulator.plain_port}"
    found = check(emulated(emulator) | {"provider_proxy": proxy})
    for name in BY_KEY:
        assert_said(found.rows[name], "proxy", "allow this host")


def scripted(emulator, how, providers=BY_KEY):
    emulator.script(**{name: {"default": how} for name in providers})


REPLIES = {
    "wrong key": (None, "key", "_api_key"),
    "server error": ({"status": 500}, "server", "try again later"),
    "overloaded": ({"status": 503}, "server", "503"),
    "a page": (PAGE, "not_api", "a web page", "_base_url"),
    "asked too often": ({"status": 429}, "busy", "wait a minute"),
    "not allowed": ({"status": 403, "error": {"code": None, "category": "MISSING_SCOPES",
                                              "status": "forbidden"}},
                    "permission", "403"),
}


@pytest.mark.parametrize("case", REPLIES)
def test_what_is_wrong_with_the_reply(emulator, case):
    how, fault, *says = REPLIES[case]
    settings = emulated(emulator)
    if how is None:
        settings |= everywhere("api_key", "wrong-key-7")
    else:
        scripted(emulator, how)
    found = check(settings)
    assert found.code == 1 and KEY not in found.text and "wrong-key-7" not in found.text
    for name in BY_KEY:
        assert_said(found.rows[name], fault, *says)
        assert found.rows[name].reachable is True


def test_who_does_not_answer_holds_nobody_up(emulator):
    scripted(emulator, {"hang": True}, ["anthropic"])
    begun = time.monotonic()
    found = check(emulated(emulator) | {"provider_check_timeout": "2s"})
    assert time.monotonic() - begun < 20
    assert_said(found.rows["anthropic"], "late", "2000 ms", "provider_check_timeout")
    assert all(found.rows[name].state == "good" for name in BY_KEY if name != "anthropic")


@pytest.mark.parametrize("off, says", [(-HOUR, "60 min ahead"), (3 * HOUR, "h behind")])
def test_a_wrong_clock(emulator, off, says):
    """The server's clock is what the script moves."""
    date = formatdate(time.time() + off, usegmt=True)
    scripted(emulator, {"headers": {"date": date}})
    found = check(emulated(emulator))
    assert found.code == 1
    for name in BY_KEY:
        assert_said(found.rows[name], "clock", says, "NTP")
        assert found.rows[name].there is True


# ---- one provider, its own failures

QUOTA = {
    "openai": {"status": 429, "error": {"code": "insufficient_quota",
                                        "type": "insufficient_quota"}},
    "anthropic": {"status": 402},
    "gemini": {"status": 429, "error": {"details": [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure",
         "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel"}]}]}},
    "hubspot": {"status": 429, "error": {"policyName": "DAILY"}},
    "deepgram": {"status": 402},
    "elevenlabs": {"status": 401, "error": {"status": "quota_exceeded"}},
}


def test_the_quota_is_used_up(emulator):
    emulator.script(**{name: {"default": how} for name, how in QUOTA.items()})
    found = check(emulated(emulator))
    for name in BY_KEY:
        assert_said(found.rows[name], "quota", "used up")
        assert found.rows[name].authorised is True


def test_the_model_is_not_there(emulator):
    emulator.script(**{name: {"models": ["other", "emulated-12", "emulated-21"]}
                       for name in LANGUAGE})
    found = check(emulated(emulator))
    for name in LANGUAGE:
        assert_said(found.rows[name], "missing", MODEL, f"{name}_model", "near it: emulated-12")
        assert (found.rows[name].authorised, found.rows[name].there) == (True, False)


def test_a_model_that_retires(emulator):
    emulator.script(openai={"default": {"body": (
        f'{{"id":"{MODEL}","object":"model","shutdown_date":"2026-12-11"}}')}})
    row = check(emulated(emulator)).rows["openai"]
    assert row.state == "good" and row.notes == ["the model retires on 2026-12-11"]


def test_a_server_without_a_list_of_models_is_asked_for_a_reply(emulator):
    emulator.script(openai={"rules": [{"when": {"path": "/models"}, "status": 404,
                                       "body": '{"detail":"Not Found"}'}]},
                    anthropic={"rules": [{"when": {"path": "/models"}, "status": 404,
                                          "body": "404 page not found"}]})
    found = check(emulated(emulator))
    for name, path in (("openai", "/openai/v1/chat/completions"),
                       ("anthropic", "/anthropic/v1/messages")):
        assert found.rows[name].state == "good", vars(found.rows[name])
        [_, record] = emulator.requests(name)
        assert record["path"] == path and record["problem"] == ""


@pytest.mark.parametrize("name, how, says", [
    ("openai", {"status": 403, "error": {"code": "unsupported_country_region_territory"}},
     "run the worker where"),
    ("gemini", {"status": 400, "error": {
        "status": "FAILED_PRECONDITION",
        "message": "User location is not supported for the API use."}}, "gemini_location")])
def test_a_region_that_is_not_served(emulator, name, how, says):
    scripted(emulator, how, [name])
    assert_said(check(emulated(emulator)).rows[name], "region", says)


def test_hubspots_right_that_is_missing_is_named(emulator):
    emulator.script(hubspot={"rules": [{"when": {"path": "contacts"}, "status": 403,
                                        "error": {"category": "MISSING_SCOPES"}}]})
    row = check(emulated(emulator)).rows["hubspot"]
    assert_said(row, "permission", "crm.objects.contacts.read")


def test_hubspots_property_that_is_missing_is_named(emulator):
    emulator.script(hubspot={"rules": [{"when": {"path": "companies"}, "status": 400, "error": {
        "message": "Property 'site_code' does not exist"}}]})
    row = check(emulated(emulator) | {"hubspot_project_property": "site_code"}).rows["hubspot"]
    assert_said(row, "missing", "companies have no property site_code", "hubspot_project_property")
    searched = emulator.requests("hubspot")[0]["json"]
    assert searched["filterGroups"] == [
        {"filters": [{"propertyName": "site_code", "operator": "HAS_PROPERTY"}]}]
    assert searched["limit"] == 1


# ---- Google

def test_google_refuses_a_wrong_clock(emulator):
    emulator.script(google={"default": {
        "status": 400, "error": {"error": "invalid_grant", "error_description": "Invalid JWT"},
        "headers": {"date": formatdate(time.time() - 600, usegmt=True)}}})
    found = check(on_google(emulator))
    assert_said(found.rows["google"], "clock", "10 min ahead", "NTP")
    assert_said(found.rows["gemini"], "skipped", "see the row of google")
    assert emulator.requests("vertex") == []


@pytest.mark.parametrize("provider, how, fault, says", [
    ("google", {"status": 400, "error": {"error": "invalid_grant"}}, "key", "google_credentials"),
    ("google", {"status": 503}, "server", "later"),
    ("google", PAGE, "not_api", "google_token_url"),
    ("vertex", {"status": 403}, "permission", "aiplatform.user"),
    ("vertex", {"status": 404}, "missing", "gemini_location"),
    ("vertex", {"status": 429}, "busy", "wait"),
    ("vertex", {"status": 401}, "key", "google_credentials_file"),
], ids=str)
def test_what_google_refuses(emulator, provider, how, fault, says):
    scripted(emulator, how, [provider])
    found = check(on_google(emulator))
    assert_said(found.rows["google" if provider == "google" else "gemini"], fault, says)
    assert "ya29" not in found.text and "PRIVATE KEY" not in found.text


def test_a_machine_that_is_not_googles(emulator):
    settings = on_google(emulator) | {"google_metadata_url": "http://127.0.0.1:1"}
    del settings["google_credentials_file"]
    found = check(settings)
    assert_said(found.rows["google"], "key", "google_credentials_file")
    assert found.rows["gemini"].fault == "skipped"


def test_the_machines_own_account(emulator):
    settings = on_google(emulator) | {"google_metadata_url": emulator.url("/metadata", tls=False)}
    del settings["google_credentials_file"]
    found = check(settings)
    assert found.code == 0 and found.rows["google"].resource == "this machine's account"


# ---- BigQuery, Vertex AI Search, Power BI

def test_all_data_is_well(emulator, tmp_path):
    found = check(of_data(emulator, tmp_path))
    assert found.code == 0, found.text
    for name, task in (("bigquery", "sql"), ("vertex_search", "documents"), ("powerbi", "chart")):
        row = found.rows[name]
        assert (row.reachable, row.authorised, row.there) == (True, True, True), vars(row)
        assert getattr(row, "for") == [task] and row.notes == []
    assert getattr(found.rows["google"], "for") == ["bigquery", "vertex_search"]
    assert getattr(found.rows["embedded"], "for")[-1] == "crm"
    [query] = emulator.requests("bigquery")
    assert query["json"]["dryRun"] is True and query["problem"] == ""
    assert query["json"]["query"] == (
        "SELECT 1 FROM `emulated-project.sales.invoices` WHERE `project_code` IS NULL "
        "UNION ALL SELECT 1 FROM `emulated-project.sales.vendors`")
    [search] = emulator.requests("search")
    assert search["json"]["pageSize"] == 1 and "project_code" in search["json"]["filter"]
    assert emulator.requests("powerbi")[0]["json"]["queries"] == [
        {"query": 'EVALUATE ROW("x", 1)'}]


@pytest.mark.parametrize("provider, how, row, fault, says", [
    ("google", {"status": 400}, "bigquery", "skipped", "see the row of google"),
    ("bigquery", {"status": 403}, "bigquery", "permission", "BigQuery Data Viewer"),
    ("bigquery", {"status": 403, "error": {"reason": "billingNotEnabled"}}, "bigquery", "quota",
     "enable billing"),
    ("bigquery", {"status": 404}, "bigquery", "missing", "bigquery_tables"),
    ("bigquery", {"status": 400, "error": {"message": "Unrecognized name: project_code"}},
     "bigquery", "missing", "Unrecognized name"),
    ("search", {"status": 403}, "vertex_search", "permission", "Discovery Engine Viewer"),
    ("search", {"status": 404}, "vertex_search", "missing", "vertex_search_engine"),
    ("search", {"unsupported": "project_code"}, "vertex_search", "missing",
     "vertex_search_project_field"),
    ("search", PAGE, "vertex_search", "not_api", "vertex_search_base_url"),
    ("entra", {"status": 401, "error": {"code": 7000222}}, "powerbi", "key", "AADSTS7000222"),
    ("entra", {"status": 503}, "powerbi", "server", "later"),
    ("powerbi", {"status": 401}, "powerbi", "key", "service principals"),
    ("powerbi", {"status": 403}, "powerbi", "permission", "Build"),
    ("powerbi", {"status": 404}, "powerbi", "missing", "powerbi_dataset"),
    ("powerbi", {"status": 429}, "powerbi", "busy", "wait"),
], ids=str)
def test_what_providers_of_data_refuse(emulator, tmp_path, provider, how, row, fault, says):
    scripted(emulator, how, [provider])
    settings = of_data(emulator, tmp_path)
    found = check(settings)
    assert found.code == 1 and settings["entra_client_secret"] not in found.text
    assert found.rows[row].fault == fault, vars(found.rows[row])
    assert says in f"{found.rows[row].cause}. {found.rows[row].cure}", vars(found.rows[row])
    others = {"bigquery", "vertex_search", "powerbi"} - {row}
    if provider != "google":
        assert all(found.rows[name].state == "good" for name in others)


def test_the_connections_of_data_are_told_from_each_other(emulator, tmp_path):
    settings = of_data(emulator, tmp_path) | {
        "bigquery_base_url": NO_PORT, "vertex_search_base_url": f"https://{UNKNOWN_NAME}",
        "entra_authority": NO_PORT}
    found = check(settings)
    for name, fault, says in (("bigquery", "connection", "bigquery_base_url"),
                              ("vertex_search", "name", "vertex_search_base_url"),
                              ("powerbi", "connection", "entra_authority")):
        assert_said(found.rows[name], fault, says)


def test_hubspots_project_object_is_asked_too(emulator):
    found = check(emulated(emulator) | {
        "hubspot_project_property": "site_code", "hubspot_project_object": "2-1234567"})
    asked = {one["path"].split("/")[-2]: one["json"]["filterGroups"]
             for one in emulator.requests("hubspot")}
    assert set(asked) == {"deals", "companies", "contacts", "2-1234567"}
    assert [bool(asked[kind]) for kind in ("deals", "2-1234567")] == [False, True]
    assert found.rows["hubspot"].resource.endswith("2-1234567")
