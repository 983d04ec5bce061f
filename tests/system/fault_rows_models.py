"""Rows of the table of faults: language models. Most are the same for every API, since a user must
not notice which one answers."""

from email.utils import formatdate
from time import time

from harness.emulator import KEY, MODEL
from provider_faults import MODEL_TIMES, Block, Row, words

QUESTION = "How much have we invoiced on the Harbor Point project? ({};)"
LOG = "language model call failed"
BROKE_OFF = "the answer broke off"
LOST = "the connection to the language model broke off"
LATE = "the language model did not answer in time"
TROUBLE = "the language model has a problem"
BUSY = "the language model is busy at the moment"
QUOTA = "the language model's quota is used up"
NO_ACCESS = "the language model refused us access"
UNUSABLE = "the language model gave an unusable answer"
LIMIT = "the answer reached the language model's limit"
WITHHELD = "the answer was withheld by the language model's content filter"
NOTHING = "I could not find an answer to this question."
HTML = {"body": "<html><body><h1>Bad gateway</h1></body></html>", "content_type": "text/html"}
SSE = {"content_type": "text/event-stream"}
SOON = {"headers": {"retry-after-ms": "5"}}
# Behind a pause: a kept connection that is reset before anything came is libcurl's to replace.
RESET = {"stall_at": 0, "stall_ms": 500, "reset_at": 0}
LONG_LINE = 100_000
TOO_LONG_LINE = 1_200_000


def forms():
    """Unusual, and nothing wrong with it."""
    odd = "žluťoučký kůň 😀 end "
    return [
        Row("a byte at a time", {"split": 1, "text": odd}, said=odd),
        Row("split inside a character", {"split_at": 41, "text": odd}, said=odd),
        Row("events at once", {"merge": 7}),
        Row("CRLF", {"newline": "crlf"}), Row("CR", {"newline": "cr"}), Row("BOM", {"bom": True}),
        Row("comments", {"comments": 1}), Row("pings", {"pings": 1}),
        Row("empty events", {"empties": 1}), Row("unknown events and fields", {"unknown": True}),
        Row("JSON on two lines", {"data_lines": True}), Row("no blanks", {"tight": True}),
        Row("no usage", {"usage": False}), Row("thoughts", {"thoughts": "hidden"}),
        Row("JSON for a stream", {"json_instead": True}),
        Row("no blank line at the end", {"last_blank": False}),
        Row("a content type in capitals", {"content_type": "Text/Event-Stream; Charset=UTF-8"}),
        Row("a very long line", {"tokens": 2, "token_bytes": LONG_LINE},
            said=words(2, LONG_LINE)),
        Row("a slow first byte", {"first_byte_ms": 800}),
        Row("a slow trickle", {"tokens": 12, "rate": 4}, said=words(12), slow=True),
        Row("no text at all", {"tokens": 0}, says=NOTHING),
    ]


def waits(status=429, fault="rate_limited", says=BUSY):
    """Each form in which a provider says when to come back, and none."""
    def once(name, headers):
        return Row(f"{status}, {name}", [{"status": status, "headers": headers}], requests=2,
                   faults=[fault])

    def never(name, headers):
        return Row(f"{status}, {name}", {"status": status, "headers": headers}, "error", says=says,
                   faults=[fault])

    return [
        once("milliseconds", {"retry-after-ms": "5"}), once("seconds", {"retry-after": "1"}),
        once("a fraction", {"retry-after": "0.2"}),
        once("a date", {"retry-after": formatdate(time() + 3, usegmt=True)}),
        once("a date that has passed", {"retry-after": formatdate(time() - 60, usegmt=True)}),
        once("nothing said", {}), once("nonsense", {"retry-after": "soon"}),
        once("zero", {"retry-after": "0"}), once("less than zero", {"retry-after": "-3"}),
        never("an hour", {"retry-after": "3600"}),
        never("longer than the turn", {"retry-after": "60"}),
        never("do not", {"x-should-retry": "false"}),
        Row(f"{status}, again and again", {"status": status, **SOON}, "error", says=says,
            requests=2, faults=[fault] * 2),
    ]


def passing(*statuses):
    """Statuses that may be gone the next time."""
    rows = []
    for status in statuses:
        rows.append(Row(f"{status} once", [{"status": status, **SOON}], requests=2,
                        faults=["unavailable"]))
        rows.append(Row(f"{status} for good", {"status": status}, "error", says=TROUBLE,
                        requests=2, faults=["unavailable"] * 2))
    return rows


def lasting(access=(401, 403)):
    """Refusals that no second try helps against."""
    def refused(status, says, fault="bad_request", **error):
        return Row(f"{status} {says[-20:]}", {"status": status, **({"error": error} if error
                                                                 else {})},
                   "error", says=says, faults=[fault])
    return [
        refused(400, "the language model refused the request"),
        *(refused(status, NO_ACCESS) for status in access),
        refused(402, QUOTA, "rate_limited"),
        refused(404, "the language model is not available"),
        refused(413, "too long for the language model"),
        Row("400 that is to be tried again", [{"status": 400, "headers": {
            "x-should-retry": "true", "retry-after-ms": "5"}}], requests=2,
            faults=["bad_request"]),
    ]


def secrets():
    return [Row("400 that repeats the key", {"status": 400, "error": {"message": f"not {KEY}!"}},
                "error", says="refused the request", faults=["bad_request"])]


def edge():
    """What stands in front of a provider has its own words."""
    return [
        Row("HTML with 502", {**HTML, "status": 502, **SOON}, "error", says=TROUBLE, requests=2,
            faults=["unavailable"] * 2),
        Row("HTML with 502 once", [{**HTML, "status": 502}], requests=2, faults=["unavailable"]),
        Row("HTML with 429", [{**HTML, "status": 429}], requests=2, faults=["rate_limited"]),
        Row("HTML with 403", {**HTML, "status": 403}, "error", says=NO_ACCESS,
            faults=["bad_request"]),
        Row("HTML with 200", HTML, "error", says=UNUSABLE, faults=["bad_reply"]),
        Row("nothing with 503", [{"status": 503, "body": "", **SOON}], requests=2,
            faults=["unavailable"]),
        Row("nothing with 200", {"body": "", "content_type": "application/json"}, "error",
            says=UNUSABLE, faults=["bad_reply"]),
        Row("a stream without an event", {"body": "", **SSE}, "error", says=BROKE_OFF, requests=2,
            faults=["bad_reply"] * 2),
        Row("a stream that is not JSON", {"body": "data: {no\n\n", **SSE}, "error", says=UNUSABLE,
            faults=["bad_reply"]),
        Row("JSON that is cut", {"body": '{"id": "x', "content_type": "application/json"},
            "error", says=UNUSABLE, faults=["bad_reply"]),
        Row("JSON of something else", {"body": '{"hello": [1, null]}',
                                       "content_type": "application/json"}, "error",
            says=UNUSABLE, faults=["bad_reply"]),
        Row("deep JSON", {"body": "[" * 20_000, "content_type": "application/json"}, "error",
            says=UNUSABLE, faults=["bad_reply"]),
        Row("a wrong content type", {"content_type": "text/plain"}, "error", says=UNUSABLE,
            faults=["bad_reply"]),
        Row("a line that is too long", {"tokens": 1, "token_bytes": TOO_LONG_LINE}, "error",
            says=UNUSABLE, faults=["bad_reply"]),
    ]


def before_the_first_word(error):
    """Nothing has been said: tried again."""
    return [
        Row("no answer", {"hang": True}, "error", says=LATE, requests=2,
            faults=["timeout"] * 2, slow=True, gone=True),
        Row("no answer once", [{"hang": True}], requests=2, faults=["timeout"], slow=True),
        Row("silence behind the head", {"stall_at": 0}, "error", says=LATE, requests=2,
            faults=["timeout"] * 2, slow=True, gone=True),
        Row("silence behind the head once", [{"stall_at": 0}], requests=2, faults=["timeout"],
            slow=True),
        Row("a reset", RESET, "error", says=LOST, requests=2,
            faults=["unavailable"] * 2),
        Row("a reset once", [RESET], requests=2, faults=["unavailable"]),
        Row("a cut", {"cut_at": 0}, "error", says=LOST, requests=2, faults=["unavailable"] * 2),
        Row("a cut once", [{"cut_at": 0}], requests=2, faults=["unavailable"]),
        Row("an end", {"end_at": 0}, "error", says=BROKE_OFF, requests=2,
            faults=["bad_reply"] * 2),
        Row("an end once", [{"end_at": 0}], requests=2, faults=["bad_reply"]),
        Row("an error in the stream", {"error_at": 0, **error}, "error", says=TROUBLE, requests=2,
            faults=["unavailable"] * 2),
        Row("an error in the stream once", [{"error_at": 0, **error}], requests=2,
            faults=["unavailable"]),
        Row("one fault behind the other", [{"status": 503, **SOON}, RESET], "error",
            says=LOST, requests=2, faults=["unavailable"] * 2),
    ]


def behind_the_first_word(error):
    """The user has read some: it is kept, and nothing is said twice."""
    def broken(name, how, says, fault, **more):
        return Row(name, how, "partial", words(10), says, faults=[fault], **more)
    return [
        broken("ten words and a cut", {"cut_at": 10}, BROKE_OFF, "unavailable"),
        broken("ten words and a reset", {"stall_at": 10, "stall_ms": 1000, "reset_at": 10},
               BROKE_OFF, "unavailable", prefix=True),
        broken("ten words and an end", {"end_at": 10}, BROKE_OFF, "bad_reply"),
        broken("ten words and half an event", {"end_at": 10, "inside": True}, BROKE_OFF,
               "bad_reply"),
        broken("ten words and a cut event", {"cut_at": 10, "inside": True}, BROKE_OFF,
               "unavailable"),
        broken("ten words and silence", {"stall_at": 10}, LATE, "timeout", slow=True, gone=True),
        broken("ten words and an error", {"error_at": 10, **error}, TROUBLE, "unavailable"),
        Row("ten words, a pause, the rest", {"stall_at": 10, "stall_ms": 1500}),
        Row("a trickle without end", {"tokens": 5000, "rate": 3}, "partial", words(5000),
            faults=None, prefix=True, slow=True, gone=True),
        Row("too many tokens", {"finish": "length"}, "partial", says=LIMIT,
            faults=["bad_reply"]),
        Row("thoughts alone, too many", {"finish": "length", "tokens": 0}, "error", says=LIMIT,
            faults=["bad_reply"]),
    ]


def common(error, access=(401, 403)):
    return [*forms(), *waits(), *passing(408, 409, 500, 503), *lasting(access), *edge(),
            *before_the_first_word(error), *behind_the_first_word(error)]


def quotas(*errors):
    """429s that are none of a moment."""
    return [Row(f"429 {list(error.values())[0]}", {"status": 429, "error": error}, "error",
                says=QUOTA, faults=["rate_limited"]) for error in errors]


def ends(**ends_of):
    """The words for an end that is none: withheld behind the text."""
    return [Row(f"ended by {word}", {"finish": word}, "partial", says=says,
                faults=["bad_reply"]) for word, says in ends_of.items()]


OPENAI_QUOTAS = quotas(*({"code": code, "type": "insufficient_quota"} for code in (
    "insufficient_quota", "credit_balance_exhausted", "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded", "organization_usage_limit_exceeded")))
SERVER_ERROR = {"error": {"type": "server_error", "message": "out of luck"}}


def openai_own():
    return [
        *OPENAI_QUOTAS,
        Row("429 slow_down", [{"status": 429, "error": {"code": "slow_down"}, **SOON}],
            requests=2, faults=["rate_limited"]),
        Row("400 context_length_exceeded", {"status": 400, "error": {
            "code": "context_length_exceeded"}}, "error", says="too long", faults=["bad_request"]),
        Row("a quota in the stream", {"error_at": 0, "error": {
            "type": "insufficient_quota", "code": "insufficient_quota"}}, "error", says=QUOTA,
            faults=["rate_limited"]),
        Row("a rate limit in the stream", [{"error_at": 0, "error": {
            "code": "rate_limit_exceeded"}}], requests=2, faults=["rate_limited"]),
        Row("a refusal", {"refusal": "I cannot help with that. "},
            said="I cannot help with that. "),
    ]


def chat_rows():
    return [*common(SERVER_ERROR), *secrets(), *openai_own(), *ends(content_filter=WITHHELD),
            Row("the last event is missing", {"terminal": False})]


def responses_rows():
    return [*common(SERVER_ERROR), *secrets(), *openai_own(), *ends(content_filter=WITHHELD),
            Row("the last event is missing", {"terminal": False}, "partial", says=BROKE_OFF,
                faults=["bad_reply"]),
            Row("response.failed", [{"error_at": 0, "error_form": "failed", "error": {
                "code": "server_error", "message": "no"}}], requests=2, faults=["unavailable"]),
            Row("ten words and response.failed", {"error_at": 10, "error_form": "failed",
                                                  "error": {"code": "server_error"}}, "partial",
                words(10), TROUBLE, faults=["unavailable"])]


def anthropic_rows():
    overloaded = {"error": {"type": "overloaded_error", "message": "Overloaded"}}
    return [*common(overloaded), *secrets(), *passing(529, 504),
            *quotas({"details": {"error_code": "enforced_spend_limit_reached"},
                     "type": "rate_limit_error"}),
            *ends(refusal=WITHHELD, pause_turn=UNUSABLE, model_context_window_exceeded=LIMIT),
            Row("the last event is missing", {"terminal": False}),
            Row("a rate limit in the stream", [{"error_at": 0, "error": {
                "type": "rate_limit_error"}}], requests=2, faults=["rate_limited"])]


DAILY = {"details": [{"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [
    {"quotaId": "GenerateRequestsPerDayPerProjectPerModel"}]}]}


def gemini_own():
    def delay(name, text, **more):
        return Row(f"429, {name}", [{"status": 429, "error": {"retry_delay": text}}],
                   faults=["rate_limited"], **more)
    return [
        *quotas(DAILY),
        delay("a delay", "0.1s", requests=2),
        delay("a delay that is too long", "3600s", status="error", says=BUSY),
        delay("a delay of nonsense", "later", requests=2),
        Row("an error line without data", [{"error_at": 0}], requests=2, faults=["unavailable"]),
        Row("an error in a list", [{"error_at": 0, "error_form": "array"}], requests=2,
            faults=["unavailable"]),
        Row("400 in a list", {"status": 400, "error": {"array": True}}, "error",
            says="refused the request", faults=["bad_request"]),
        Row("a blocked prompt", {"blocked": "SAFETY"}, "error", says=WITHHELD,
            faults=["bad_reply"]),
        Row("a refusal", {"refusal": "no"}, "error", says=WITHHELD, faults=["bad_reply"]),
        *ends(SAFETY=WITHHELD, RECITATION=WITHHELD, MALFORMED_FUNCTION_CALL=UNUSABLE),
        Row("the last event is missing", {"terminal": False}, "partial", says=BROKE_OFF,
            faults=["bad_reply"]),
    ]


UNAVAILABLE = {"error_form": "data", "error": {"code": 503, "message": "overloaded"}}


def gemini_rows():
    return [*common(UNAVAILABLE), *secrets(), *gemini_own()]


def vertex_rows():
    """The same API as Gemini's, with tokens: a token that is refused is renewed once."""
    return [*common(UNAVAILABLE, access=(403,)), *gemini_own(),
            Row("401 once", [{"status": 401}], requests=2, faults=["bad_request"]),
            Row("401 for good", {"status": 401}, "error", says=NO_ACCESS, requests=2,
                faults=["bad_request"] * 2)]


# ---- the token server: each row is a turn that needs a new token

NO_TOKEN = "Google gives no access at the moment"
REFUSED_TOKEN = "Google refused us access"
TOKEN_LOG = "no access token from Google"


def token_rows():
    """`how` is the token server's; the model itself is well. No row but the last one leaves a token
    behind, and a turn without a token asks the model nothing."""
    def refused(name, how):
        return Row(name, [how], "error", says=REFUSED_TOKEN, requests=0, faults=["bad_request"])
    json_type = {"content_type": "application/json"}
    return [
        refused("invalid_grant", {"status": 400}),
        refused("an account that is disabled", {"status": 401, "error": {
            "error": "invalid_client"}}),
        refused("a token server that forbids", {**HTML, "status": 403}),
        refused("no token in the reply", {"body": '{"expires_in": 3600}', **json_type}),
        refused("an empty token", {"answer": {"access_token": ""}}),
        refused("a token with a line end", {"answer": {"access_token": "a\r\nx-evil: 1"}}),
        refused("a token that is a number", {"answer": {"access_token": 5}}),
        refused("HTML for a token", HTML),
        refused("a token that repeats the account's error", {"status": 400, "error": {
            "error": "invalid_scope", "error_description": KEY}}),
        Row("a server_error with 400, then a token", [{"status": 400, "error": {
            "error": "server_error"}}, {"answer": {"expires_in": "1"}}], faults=["unavailable"]),
    ]


def prepare_token_row(emulator, row):
    emulator.script(google={"queue": row.how})


# ---- what a worker needs for each

EMBEDDED = {task: "embedded" for task in ("extractor", "router", "sql_writer", "merger")}


def settings_of(emulator, provider, path, **more):
    return {f"{provider}_base_url": emulator.url(path), f"{provider}_model": MODEL,
            **{f"{provider}_{name}": value for name, value in MODEL_TIMES.items()},
            "provider_ca_file": emulator.ca_file, **EMBEDDED, **more}


def chat_settings(emulator):
    return settings_of(emulator, "openai", "/openai/v1", openai_api_key=KEY)


def responses_settings(emulator):
    return settings_of(emulator, "openai", "/openai/v1", openai_api_key=KEY,
                       openai_api="responses")


def anthropic_settings(emulator):
    return settings_of(emulator, "anthropic", "/anthropic", anthropic_api_key=KEY)


def gemini_settings(emulator):
    return settings_of(emulator, "gemini", "/gemini/v1beta", gemini_api_key=KEY)


def vertex_settings(emulator):
    """Its own token server's address is in the account's file."""
    return settings_of(emulator, "gemini", "/vertex/v1", gemini_project="p", gemini_location="eu",
                       google_credentials_file=emulator.account_file,
                       google_token_url=emulator.url("/google/token"))


def blocks():
    def models(name, provider, rows, settings):
        return Block(name, provider, rows, QUESTION, LOG, settings,
                     label="gemini" if provider == "vertex" else provider)
    return [models("chat", "openai", chat_rows(), chat_settings),
            models("responses", "openai", responses_rows(), responses_settings),
            models("messages", "anthropic", anthropic_rows(), anthropic_settings),
            models("gemini", "gemini", gemini_rows(), gemini_settings),
            models("vertex", "vertex", vertex_rows(), vertex_settings),
            Block("token", "vertex", token_rows(), QUESTION, TOKEN_LOG, vertex_settings,
                  ordered=True, prepare=prepare_token_row,  # the token server sees no mark
                  label="gemini")]
