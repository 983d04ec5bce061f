"""Every way in which the provider emulator can misbehave is what the client sees of it, over
HTTP/1.1 and HTTP/2, and is told apart in its record."""

import json
import subprocess
import time

import pytest

from harness.process import wait_for
from provider_calls import GOOD, curl_words, good, said, sse

STREAMS = ["chat stream", "responses stream", "messages stream", "gemini stream"]
# curl: transfer closed with data outstanding, failure to send or receive, HTTP/2 stream trouble.
BROKEN = (18, 55, 56, 92)


def behave(emulator, name, **how):
    emulator.script(**{GOOD[name][0]: {"default": how}})


def words(count):
    return "".join(f"word{i:04} " for i in range(count))


@pytest.fixture(params=[True, False], ids=["h2", "http1"])
def http2(request):
    return request.param


FORMS = {
    "a byte at a time": {"split": 1, "text": "žluťoučký kůň 😀 end "},
    "split inside a character": {"split_at": 40, "text": "😀😀😀 ěšč "},
    "several events at once": {"merge": 7},
    "CRLF": {"newline": "crlf"},
    "CR": {"newline": "cr"},
    "a BOM": {"bom": True},
    "comments": {"comments": 1},
    "pings": {"pings": 2},
    "empty events": {"empties": 3},
    "unknown fields and events": {"unknown": True},
    "JSON on several data lines": {"data_lines": True},
    "no blank behind the colon": {"tight": True},
    "no usage": {"usage": False},
    "thoughts": {"thoughts": "hidden"},
    "a very long line": {"tokens": 2, "token_bytes": 300_000},
}


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("form", FORMS)
def test_the_text_is_the_same_in_every_form(emulator, name, form):
    how = FORMS[form]
    behave(emulator, name, **how)
    answer = good(emulator, name, http2=len(form) % 2 == 0)
    wanted = how.get("text") or "".join(
        f"word{i:04}{'x' * how.get('token_bytes', 0)} " for i in range(how.get("tokens", 40)))
    assert answer.code == 0 and said(name, answer.body) == wanted
    checks = {"CRLF": "\r\n\r\n", "CR": "\r\r", "a BOM": "\ufeff", "comments": ": keep-alive",
              "unknown fields and events": "surprise", "no blank behind the colon": "data:{",
              "JSON on several data lines": "data: {\ndata: "}
    assert checks.get(form, "") in answer.body
    # Chat Completions does not show them.
    assert ("hidden" in answer.body) == (form == "thoughts" and name != "chat stream")


def test_writes_are_chunks(emulator):
    """HTTP/1.1 shows them: an event split at a place, then byte by byte, then many at once."""
    for how, sizes in (({"split_at": 5}, lambda all_: 5 in all_),
                       ({"split": 1}, lambda all_: set(all_) == {1}),
                       ({"merge": 100}, lambda all_: len(all_) == 1)):
        behave(emulator, "chat stream", tokens=3, **how)
        command = curl_words(emulator, *GOOD["chat stream"], http2=False)
        raw = subprocess.run([*command, "--raw"], capture_output=True, check=True).stdout
        found = []
        while raw:
            size, _, raw = raw.partition(b"\r\n")
            found.append(int(size, 16))
            raw = raw[found[-1] + 2:]
        assert found.pop() == 0 and sizes(found), (how, found)


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("what, outcome", [
    ({"end_at": 10}, "ended"), ({"terminal": False}, "ended"), ({"cut_at": 10}, "cut"),
    ({"reset_at": 10}, "reset"), ({"end_at": 10, "inside": True}, "ended")])
def test_a_stream_ends_too_early(emulator, http2, name, what, outcome):
    behave(emulator, name, rate=400, **what)
    answer = good(emulator, name, http2=http2)
    assert (answer.code == 0) if outcome == "ended" else (answer.code in BROKEN), answer
    [record] = emulator.ended()
    assert record["outcome"] == outcome and record["closed"] is None
    if "reset_at" in what:  # may overtake what the client has not read yet
        assert record["tokens"] == 10 and words(10).startswith(said(name, answer.body))
        return
    assert answer.status == 200
    if "terminal" not in what:
        assert record["tokens"] == 10
        assert said(name, answer.body) == words(10)
        assert answer.body.endswith("\n\n") != what.get("inside", False)
    marks = {"chat stream": "[DONE]", "responses stream": "response.completed",
             "messages stream": "message_stop", "gemini stream": "finishReason"}
    assert marks[name] not in answer.body


@pytest.mark.parametrize("name, form, says", [
    ("chat stream", "", "error"), ("responses stream", "", "error"),
    ("responses stream", "failed", "response.failed"), ("messages stream", "", "error"),
    ("gemini stream", "data", ""), ("gemini stream", "", None), ("gemini stream", "array", None)])
def test_an_error_in_the_stream(emulator, http2, name, form, says):
    error = {"message": "out of luck", "code": 503 if "gemini" in name else "server_error"}
    behave(emulator, name, error_at=4, error=error, error_form=form)
    answer = good(emulator, name, http2=http2)
    assert answer.code == 0
    if says is None:  # a line that is no field of the event stream
        last = answer.body.rstrip("\n").splitlines()[-1]
        found = json.loads(last)
        assert isinstance(found, list) == (form == "array")
    else:
        event, data = sse(answer.body)[-1]
        found = json.loads(data)
        assert event == ("" if name == "chat stream" else says)
    assert "out of luck" in json.dumps(found)
    [record] = emulator.ended()
    assert (record["outcome"], record["tokens"]) == ("error", 4)


@pytest.mark.parametrize("name", [*STREAMS, "query", "search", "deals", "dax", "entra", "metadata"])
def test_an_error_before_the_answer(emulator, name):
    statuses = [400, 401, 429, 503]
    emulator.script(**{GOOD[name][0]: {"queue": [
        {"status": status, "error": {"message": "as told"}, "headers": {"retry-after": "2"}}
        for status in statuses]}})
    for status in statuses:
        answer = good(emulator, name)
        assert answer.status == status and answer.headers["retry-after"] == "2"
        assert isinstance(answer.json, dict)
    assert good(emulator, name).status == 200, "the queue is empty"


@pytest.mark.parametrize("headers", [
    {"retry-after": "1"}, {"retry-after": "0.25"}, {"retry-after-ms": "250"},
    {"retry-after": "Sat, 28 Nov 2026 12:00:00 GMT"}, {"x-should-retry": "false"}, {}])
def test_a_rate_limit_says_when(emulator, headers):
    behave(emulator, "chat stream", status=429, headers=headers)
    answer = good(emulator, "chat stream")
    assert answer.status == 429 and answer.json["error"]["code"] == "rate_limit_exceeded"
    said_headers = {name: value for name, value in answer.headers.items()
                    if name.startswith("retry-") or name == "x-should-retry"}
    assert said_headers == headers


@pytest.mark.parametrize("name, how, status, says", [
    ("messages", {"status": 529}, 529, "overloaded_error"),
    ("gemini", {"status": 429, "error": {"retry_delay": "12s"}}, 429, '"retryDelay":"12s"'),
    ("gemini", {"status": 503, "error": {"array": True}}, 503, '[{"error"'),
    ("gemini", {"blocked": "SAFETY"}, 200, '"blockReason":"SAFETY"'),
    ("gemini stream", {"blocked": "OTHER"}, 200, '"blockReason":"OTHER"'),
    ("query", {"status": 403, "error": {"reason": "rateLimitExceeded"}}, 403, "rateLimitExceeded"),
    ("deals", {"status": 429, "error": {"policyName": "DAILY"}}, 429, '"policyName":"DAILY"'),
    ("chat", {"status": 429, "error": {"code": "insufficient_quota"}}, 429, "insufficient_quota"),
    ("chat stream", {"refusal": "I will not."}, 200, '"refusal":"I "'),
    ("chat stream", {"finish": "length"}, 200, '"finish_reason":"length"'),
    ("responses stream", {"finish": "length"}, 200, "event: response.incomplete"),
    ("responses stream", {"finish": "failed"}, 200, "event: response.failed"),
    ("responses stream", {"refusal": "No."}, 200, "event: response.refusal.done"),
    ("messages stream", {"refusal": "No.", "text": ""}, 200, '"stop_reason":"refusal"'),
    ("messages stream", {"finish": "length"}, 200, '"stop_reason":"max_tokens"'),
    ("gemini stream", {"finish": "length"}, 200, '"finishReason":"MAX_TOKENS"'),
    ("gemini stream", {"refusal": "x"}, 200, '"finishReason":"SAFETY"'),
    ("chat stream", {"body": "<html>Bad gateway</html>", "status": 502,
                     "content_type": "text/html"}, 502, "<html>"),
    ("chat stream", {"json_instead": True}, 200, '"object":"chat.completion"'),
    ("messages stream", {"json_instead": True}, 200, '"type":"message"'),
    ("chat", {"body": '{"choices":[{"mess'}, 200, '"mess'),
    ("chat", {"body": ""}, 200, ""),
    ("search", {"body": "[]", "content_type": "text/plain"}, 200, "[]"),
])
def test_what_a_provider_may_say_besides(emulator, name, how, status, says):
    behave(emulator, name, **how)
    answer = good(emulator, name)
    assert answer.status == status and says in answer.body
    assert answer.headers.get("content-type") == how.get("content_type",
                                                         answer.headers.get("content-type"))


def test_a_model_that_may_not_stream(emulator):
    behave(emulator, "chat stream", unverified=True)
    refused = good(emulator, "chat stream")
    assert refused.status == 400 and refused.json["error"]["param"] == "stream"
    assert refused.json["error"]["code"] == "unsupported_value"
    assert good(emulator, "chat").status == 200
    assert good(emulator, "responses stream").json["error"]["param"] == "stream"


def test_a_parameter_that_a_model_does_not_take(emulator):
    behave(emulator, "chat", unsupported="temperature")
    refused = good(emulator, "chat", {"temperature": 0.5})
    assert refused.status == 400 and refused.json["error"]["param"] == "temperature"
    assert good(emulator, "chat").status == 200


def test_it_is_slow_as_told(emulator, http2):
    """Not before its time; how much later is not this test's business."""
    behave(emulator, "chat stream", first_byte_ms=300, tokens=20, rate=50)
    assert good(emulator, "chat stream", http2=http2).code == 0
    [record] = emulator.ended()
    assert record["first_byte"] - record["arrived"] >= 0.3
    assert record["last_token"] - record["first_token"] >= 0.35


def test_a_stall_that_ends(emulator):
    behave(emulator, "chat stream", stall_at=5, stall_ms=300)
    answer = good(emulator, "chat stream")
    assert said("chat stream", answer.body) == words(40)
    [record] = emulator.ended()
    assert record["last_token"] - record["first_token"] >= 0.3


@pytest.mark.parametrize("how, tokens", [({"hang": True}, 0), ({"stall_at": 7}, 7),
                                         ({"tokens": 100_000, "rate": 30}, None)])
def test_a_client_that_goes_away_is_noticed(emulator, http2, how, tokens):
    behave(emulator, "chat stream", **how)
    command = curl_words(emulator, *GOOD["chat stream"], http2=http2)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
        least = 3 if tokens is None else tokens
        wait_for(lambda: any(one["tokens"] >= least for one in emulator.requests()),
                 "the answer is under way")
        left = time.monotonic()
        client.kill()
    [record] = emulator.ended()
    assert record["outcome"] == "gone" and record["closed"] >= left
    assert (record["sent_bytes"] > 0) == ("hang" not in how)
    assert tokens is None or record["tokens"] == tokens


def test_a_slow_reader_is_waited_for(emulator, http2):
    """A huge answer is not made before it is read: what is unsent is bounded."""
    behave(emulator, "chat stream", tokens=2000, token_bytes=20_000)
    command = curl_words(emulator, *GOOD["chat stream"], http2=http2)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
        seen, since = 0, time.monotonic()

        def settled():
            """Nothing has come for a while."""
            nonlocal seen, since
            sent = sum(request["tokens"] for request in emulator.requests())
            if sent != seen:
                seen, since = sent, time.monotonic()
            return sent > 0 and time.monotonic() - since > 0.3

        wait_for(settled, "it has stopped", 30)
        assert emulator.requests()[0]["tokens"] < 1500
        size = sum(len(block) for block in iter(lambda: client.stdout.read(1 << 20), b""))
        assert client.wait(30) == 0 and size > 2000 * 20_000
    assert emulator.ended()[0]["outcome"] == "whole"


@pytest.mark.parametrize("how, code", [({"split": 3}, 0), ({"cut_at": 20}, None),
                                       ({"reset_at": 20}, None), ({"end_at": 20}, 0)])
def test_a_whole_body_breaks_too(emulator, http2, how, code):
    behave(emulator, "search", **how)
    answer = good(emulator, "search", http2=http2)
    if code is None:
        assert answer.code in BROKEN
    else:
        assert answer.code == 0
    if "split" in how:
        assert answer.json["results"]
    else:  # a reset may overtake what the client has not read yet
        assert len(answer.body) == 20 or ("reset_at" in how and answer.body == "")


def test_the_next_requests_get_what_is_queued(emulator):
    emulator.script(openai={"queue": [{"text": "one"}, {"status": 503},
                                      {"text": "three", "when": {"path": "responses"}}],
                            "rules": [{"text": "rule", "when": {"body": "Be brief"}}],
                            "default": {"text": "default"}})
    answers = [good(emulator, name, change) for name, change in (
        ("chat", None), ("chat", {"messages": []}), ("chat", None), ("chat", None),
        ("responses", None), ("responses", {"instructions": "x"}))]
    assert [answer.status for answer in answers] == [200, 400, 503, 200, 200, 200]
    texts = ["one", None, None, "rule", "three", "default"]
    for answer, text in zip(answers, texts):
        assert text is None or f'"{text}"' in answer.body
