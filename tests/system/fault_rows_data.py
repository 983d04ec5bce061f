"""Rows of the table of faults: providers that are tools. Whatever becomes of the tool, the turn has
its answer, which is written from what the others have found."""

import json
from email.utils import formatdate
from time import time

from fault_rows_models import HTML, RESET
from harness.emulator import KEY
from provider_faults import Block, Row

LOG = "a call to a provider failed"
CRM_QUESTION = 'Show me the open CRM deals of "{}"'
AWAY = "HubSpot is not available at the moment"
OFTEN = "HubSpot is asked too often at the moment"
UNREADABLE = "HubSpot's reply cannot be read"
NO_ACCESS = "HubSpot refused us access"
NOT_ACCEPTED = "HubSpot did not accept the search"
LATE = "in time"
TOO_LARGE = 5 * 1024 * 1024
JSON = {"content_type": "application/json"}


def found(name, how, rows=3, **more):
    return Row(name, how, tool={"status": "ok", "rows": rows}, **more)


def again(name, how, fault):
    return found(name, [how], requests=2, faults=[fault])


def failed(name, how, code, says, *, requests=1, retryable=False, status="error", **more):
    more.setdefault("faults", [code] * requests)
    return Row(name, how, says=says, requests=requests,
               tool={"status": status, "code": code}, **more)


def limits():
    """One behind the other: while HubSpot wants a pause, nothing is asked of it. So the last one has
    the pause that nobody waits for."""
    def policy(name, **more):
        return {"status": 429, "error": {"policyName": name}, **more}
    rows = [again(f"429, {name}", policy("SECONDLY", headers=headers), "rate_limited")
            for name, headers in {
                "nothing said": {}, "seconds": {"retry-after": "1"},
                "a fraction": {"retry-after": "0.1"}, "nonsense": {"retry-after": "soon"},
                "a date": {"retry-after": formatdate(time() + 3, usegmt=True)},
                "zero": {"retry-after": "0"}}.items()]
    return [
        *rows,
        failed("429, again and again", policy("SECONDLY", headers={"retry-after": "0.1"}),
               "rate_limited", OFTEN, requests=2),
        Row("429, ten seconds", [policy("TEN_SECONDLY_ROLLING")], requests=2,
            faults=["rate_limited"], slow=True, tool={"status": "ok", "rows": 3}),
        failed("429, the day's", policy("DAILY"), "rate_limited", "limit for today is used up"),
        failed("429 without JSON", {**HTML, "status": 429, "headers": {"retry-after": "0.1"}},
               "rate_limited", OFTEN, requests=2),
        failed("429, an hour", policy("SECONDLY", headers={"retry-after": "3600"}),
               "rate_limited", OFTEN),
    ]


def statuses():
    rows = []
    for status in (408, 423, 477, 500, 502, 503, 504):
        rows.append(again(f"{status} once", {"status": status}, "unavailable"))
        rows.append(failed(f"{status} for good", {"status": status}, "unavailable", AWAY,
                           requests=2))
    refused = ((400, NOT_ACCEPTED), (401, NO_ACCESS), (403, NO_ACCESS), (404, NOT_ACCEPTED),
               (409, NOT_ACCEPTED), (415, NOT_ACCEPTED))
    return rows + [failed(f"{status}", {"status": status}, "bad_request", says)
                   for status, says in refused] + [
        failed("400 that repeats the key", {"status": 400, "error": {"message": f"not {KEY}!"}},
               "bad_request", NOT_ACCEPTED),
        failed("HTML with 403", {**HTML, "status": 403}, "bad_request", NO_ACCESS),
        failed("HTML with 502", {**HTML, "status": 502}, "unavailable", AWAY, requests=2),
    ]


def bodies():
    def unreadable(name, **how):
        return failed(name, how, "bad_reply", UNREADABLE, requests=2)
    odd = json.dumps({"total": "many", "results": [
        None, 5, {"id": None}, {"id": "7", "properties": ["no"]},
        {"properties": {"dealname": {}}}]})
    return [
        unreadable("HTML with 200", **HTML), unreadable("nothing", body="", **JSON),
        unreadable("JSON that is cut", body='{"total": 1, "results": [', **JSON),
        unreadable("a list", body="[1]", **JSON), unreadable("a text", body='"no"', **JSON),
        unreadable("deep JSON", body="[" * 20_000, **JSON),
        failed("no results at all", {"body": "{}", **JSON}, "bad_reply", UNREADABLE, faults=[],
               outcome="bad_reply"),
        failed("results that are none", {"body": '{"total": 3, "results": 5}', **JSON},
               "bad_reply", UNREADABLE, faults=[], outcome="bad_reply"),
        Row("results of odd types", {"body": odd, **JSON}, tool={"status": "ok"}),
        found("a byte at a time", {"split": 1}),
        failed("more than is read", {"body": json.dumps({"results": "x" * TOO_LARGE}), **JSON},
               "unavailable", AWAY, requests=1),
    ]


def connections():
    return [
        failed("no answer", {"hang": True}, "timeout", LATE, status="timeout", faults=None,
               slow=True, gone=True),
        failed("silence in the body", {"stall_at": 20}, "timeout", LATE, status="timeout",
               faults=None, slow=True, gone=True),
        again("a reset once", RESET, "unavailable"),
        failed("a reset", RESET, "unavailable", AWAY, requests=2),
        again("a cut body once", {"cut_at": 20}, "unavailable"),
        failed("a cut body", {"cut_at": 20}, "unavailable", AWAY, requests=2),
        again("a body that ends early", {"end_at": 20}, "bad_reply"),
        found("a slow first byte", {"first_byte_ms": 1200}),
    ]


def hubspot_settings(emulator):
    return {**emulator.hubspot_settings(), "hubspot_retries": 1,
            "hubspot_searches_per_second": 0, "local_tokens_per_second": 0}


def blocks():
    rows = [*statuses(), *bodies(), *connections()]
    return [Block("hubspot", "hubspot", rows, CRM_QUESTION, LOG, hubspot_settings, "hubspot",
                  operations=("search",)),
            Block("hubspot limits", "hubspot", limits(), CRM_QUESTION, LOG, hubspot_settings,
                  "hubspot", ordered=True, operations=("search",))]
