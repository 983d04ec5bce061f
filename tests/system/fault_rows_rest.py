"""Rows that every provider of data has in common: statuses of its edge, bodies that cannot be read,
connections that break. A turn that has lost a tool has its answer all the same."""

from dataclasses import dataclass

from fault_rows_models import HTML, RESET
from provider_faults import Row

LOG = "a call to a provider failed"
JSON = {"content_type": "application/json"}


@dataclass
class Words:
    """What a provider's failures are called, and what its tool finds when there is none."""
    away: str
    unreadable: str
    no_access: str
    late: str
    found: dict
    requests: int = 1    # of a call without a fault
    too_large: int = 5 * 1024 * 1024


def found(words, name, how, **more):
    more.setdefault("tool", {"status": "ok", **words.found})
    more.setdefault("requests", words.requests)
    return Row(name, how, **more)


def again(words, name, how, fault, **more):
    """Tried again, with what is found in the end."""
    more.setdefault("requests", words.requests + 1)
    return found(words, name, [how], faults=[fault], **more)


def failed(name, how, code, says, *, requests=1, status="error", **more):
    more.setdefault("faults", [code] * requests)
    return Row(name, how, says=says, requests=requests,
               tool={"status": status, "code": code}, **more)


def passing(words, *statuses):
    rows = []
    for status in statuses:
        rows.append(again(words, f"{status} once", {**HTML, "status": status}, "unavailable"))
        rows.append(failed(f"{status} for good", {**HTML, "status": status}, "unavailable",
                           words.away, requests=2))
    return rows


def tokens(words):
    """A token that is refused is replaced, once."""
    return [again(words, "401 once", {"status": 401}, "bad_request"),
            failed("401 for good", {"status": 401}, "bad_request", words.no_access, requests=2)]


def bodies(words):
    def unreadable(name, body, content_type="application/json"):
        return failed(name, {"body": body, "content_type": content_type}, "bad_reply",
                      words.unreadable, requests=2)
    return [
        unreadable("HTML with 200", HTML["body"], HTML["content_type"]),
        unreadable("nothing", ""), unreadable("JSON that is cut", '{"results": [{'),
        unreadable("a list", "[1]"), unreadable("a text", '"no"'),
        unreadable("deep JSON", "[" * 20_000), unreadable("no UTF-8", '{"a": "\\ud800'),
        again(words, "JSON that is cut, once", {"body": '{"a', **JSON}, "bad_reply"),
        found(words, "a byte at a time", {"split": 1}),
        failed("HTML with 403", {**HTML, "status": 403}, "bad_request", words.no_access),
        failed("more than is read", {"body": '{"x": "' + "x" * words.too_large + '"}', **JSON},
               "unavailable", words.away),
    ]


def connections(words):
    return [
        failed("no answer", {"hang": True}, "timeout", words.late, status="timeout", faults=None,
               slow=True, gone=True),
        failed("silence in the body", {"stall_at": 20}, "timeout", words.late, status="timeout",
               faults=None, slow=True, gone=True),
        again(words, "a reset once", RESET, "unavailable"),
        failed("a reset", RESET, "unavailable", words.away, requests=2),
        again(words, "a cut body once", {"cut_at": 20}, "unavailable"),
        failed("a cut body", {"cut_at": 20}, "unavailable", words.away, requests=2),
        again(words, "a body that ends early", {"end_at": 20}, "bad_reply"),
        found(words, "a slow first byte", {"first_byte_ms": 800}),
        found(words, "a pause in the body", {"stall_at": 20, "stall_ms": 800}),
    ]


def common(words):
    return [*passing(words, 408, 500, 502, 503, 504), *bodies(words), *connections(words)]


def token_rows(words, refused_says):
    """`how` is Google's token server's. No row but the last one leaves a token behind, and without
    one the provider is asked nothing."""
    def refused(name, how):
        return failed(name, [how], "bad_request", refused_says, requests=0, faults=["bad_request"])
    return [
        refused("invalid_grant", {"status": 400}),
        refused("an account that is disabled", {"status": 401, "error": {
            "error": "invalid_client"}}),
        refused("no token in the reply", {"body": '{"expires_in": 3600}', **JSON}),
        refused("HTML for a token", HTML),
        found(words, "a server_error with 400, then a token", [
            {"status": 400, "error": {"error": "server_error"}}, {"answer": {"expires_in": "1"}}],
            faults=["unavailable"]),
    ]


def prepare_token_row(emulator, row):
    emulator.script(google={"queue": row.how})
