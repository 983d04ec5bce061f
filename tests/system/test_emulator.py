"""The provider emulator is as strict as the providers it stands for, and says what it was asked.
The requests come from curl, over TLS; tests of the worker against it are elsewhere."""

import json
import subprocess

import pytest

from harness.emulator import KEY, MODEL, Emulator
from harness.tls import certificate
from provider_calls import (ANTHROPIC, BEARER, CONTENTS, GEMINI, GOOD, JSON, OPENAI, SCHEMA, Answer,
                            curl, curl_words, good, said, sse)

SQL = {"sql": "SELECT 1"}


@pytest.mark.parametrize("http2", [True, False], ids=["h2", "http1"])
@pytest.mark.parametrize("name", GOOD)
def test_a_good_request_is_answered(emulator, name, http2):
    answer = good(emulator, name, http2=http2)
    assert (answer.code, answer.status) == (0, 200), answer
    assert answer.version == ("HTTP/2" if http2 else "HTTP/1.1")
    [record] = emulator.ended()
    assert (record["provider"], record["problem"]) == (GOOD[name][0], "")
    assert record["version"] == ("2" if http2 else "1.1") and record["outcome"] == "whole"
    assert record["closed"] is None and record["begun"] <= record["arrived"] <= record["ended"]
    assert record["sent_bytes"] == len(answer.body.encode())
    if name.endswith("stream"):
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert said(name, answer.body) == "".join(f"word{i:04} " for i in range(40))
        assert record["tokens"] == 40 and record["first_token"] <= record["last_token"]


STRICT = [
    # request, what is changed in its body, status, what the error names
    ("chat", {"surprise": 1}, 400, "surprise"),
    ("chat", {"model": None}, 400, "model"),
    ("chat", {"model": "no-such"}, 404, "no-such"),
    ("chat", {"messages": []}, 400, "messages"),
    ("chat", {"messages": [{"role": "robot", "content": "x"}]}, 400, "messages[0].role"),
    ("chat", {"messages": [{"role": "user"}]}, 400, "messages[0].content"),
    ("chat", {"messages": [{"role": "user", "content": 5}]}, 400, "messages[0].content"),
    ("chat", {"stream": "yes"}, 400, "stream"),
    ("chat", {"stream_options": {"include_usage": True}}, 400, "stream_options"),
    ("chat", {"temperature": 3}, 400, "temperature"),
    ("chat", {"reasoning_effort": "huge"}, 400, "reasoning_effort"),
    ("chat", {"response_format": {"type": "xml"}}, 400, "response_format.type"),
    ("chat", {"response_format": {"type": "json_schema", "json_schema": {"name": "a b"}}}, 400,
     "response_format.json_schema.name"),
    ("chat", {"tool_choice": "auto"}, 400, "tool_choice"),
    ("responses", {"messages": []}, 400, "messages"),
    ("responses", {"input": None}, 400, "input"),
    ("responses", {"stream": True, "stream_options": {"include_usage": True}}, 400,
     "stream_options.include_usage"),
    ("responses", {"text": {"format": {"type": "json_schema", "name": "x"}}}, 400,
     "text.format.schema"),
    ("messages", {"max_tokens": None}, 400, "max_tokens"),
    ("messages", {"messages": [{"role": "system", "content": "x"}]}, 400, "messages[0].role"),
    ("messages", {"messages": [{"role": "user", "content": "a"},
                               {"role": "assistant", "content": "b"}]}, 400, "prefill"),
    ("messages", {"surprise": 1}, 400, "surprise"),
    ("messages", {"output_config": {"format": {"type": "json_schema", "schema": {
        "type": "object"}}}}, 400, "additionalProperties"),
    ("messages", {"thinking": {"type": "enabled", "budget_tokens": 2000}}, 400, "budget_tokens"),
    ("gemini", {"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}, 400,
     "contents[0].role"),
    ("gemini", {"contents": [{"role": "user", "parts": [{}]}]}, 400, "parts[0]"),
    ("gemini", {"generationConfig": {"responseSchema": {"type": "OBJECT"}}}, 400,
     "responseMimeType"),
    ("gemini", {"generationConfig": {"responseMimeType": "application/json",
                                     "responseSchema": {"type": "object"}}}, 400, "type"),
    ("gemini", {"generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW",
                                                        "thinkingBudget": 0}}}, 400,
     "thinkingConfig"),
    ("vertex", {"surprise": 1}, 400, "surprise"),
    ("query", {"query": None}, 400, "query"),
    ("query", {"parameterMode": None}, 400, "parameterMode"),
    ("query", {"useLegacySql": True}, 400, "legacy"),
    ("query", {"maximumBytesBilled": "much"}, 400, "maximumBytesBilled"),
    ("query", {"requestId": "x" * 37}, 400, "requestId"),
    ("query", {"queryParameters": [{"name": "a", "parameterType": {"type": "TEXT"},
                                    "parameterValue": {"value": "x"}}]}, 400, "parameterType.type"),
    ("search", {"filter": 'project_id: ANY("12'}, 400, "filter"),
    ("search", {"pageSize": -1}, 400, "pageSize"),
    ("search", {"contentSearchSpec": {"summarySpec": {"summaryResultCount": 11}}}, 400,
     "summaryResultCount"),
    ("deals", {"limit": 201}, 400, "limit"),
    ("deals", {"sorts": ["a", "b"]}, 400, "sorts"),
    ("deals", {"filterGroups": [{"filters": [
        {"propertyName": "p", "operator": "IN", "values": ["Upper"]}]}]}, 400, "lower case"),
    ("deals", {"filterGroups": [{"filters": [{"propertyName": "p", "operator": "IN",
                                              "value": "x"}]}]}, 400, "operator IN"),
    ("deals", {"filterGroups": [{"filters": [{"propertyName": "p", "operator": "EQ",
                                              "value": 5}]}]}, 400, "value"),
    ("deals", {"after": "9999"}, 400, "10000"),
    ("associations", {"inputs": []}, 400, "inputs"),
    ("objects", {"inputs": [{"id": str(i)} for i in range(101)]}, 400, "inputs"),
    ("dax", {"queries": [{"query": "SELECT 1"}]}, 400, "queries[0].query"),
    ("dax", {"queries": [{"query": "EVALUATE 'T'"}] * 2}, 400, "queries"),
    ("embed", {"surprise": 1}, 400, "surprise"),
]


@pytest.mark.parametrize("name, change, status, names", STRICT)
def test_what_a_provider_would_refuse_is_refused(emulator, name, change, status, names):
    answer = good(emulator, name, change)
    assert answer.status == status and names in answer.body, answer
    error = answer.json["error"] if name not in ("deals", "associations", "objects") else None
    if name == "messages":
        assert answer.json["type"] == "error" and error["type"] == "invalid_request_error"
        assert answer.json["request_id"]
    elif name in ("chat", "responses"):
        assert set(error) == {"message", "type", "param", "code"}
        assert status == 404 or error["param"] == names
    elif error is None:
        assert answer.json["category"] == "VALIDATION_ERROR" and answer.json["correlationId"]
    elif name in ("gemini", "vertex", "query", "search"):
        assert (error["code"], error["status"]) == (status, "INVALID_ARGUMENT")
    [record] = emulator.requests()
    assert record["problem"] and record["status"] == status


REFUSED = [
    # request, headers changed, status, what the error says
    ("chat", {"authorization": "Bearer wrong"}, 401, "invalid_api_key"),
    ("chat", {"authorization": None}, 401, "invalid_api_key"),
    ("chat", {"content-type": "text/plain"}, 400, "JSON"),
    ("openai models", {"authorization": "Bearer wrong"}, 401, "invalid_api_key"),
    ("messages", {"x-api-key": "wrong"}, 401, "authentication_error"),
    ("messages", {"anthropic-version": None}, 400, "anthropic-version"),
    ("messages", {"anthropic-version": "2024-01-01"}, 400, "anthropic-version"),
    ("gemini", {"x-goog-api-key": "wrong"}, 400, "API_KEY_INVALID"),
    ("gemini", {"x-goog-api-key": None}, 403, "PERMISSION_DENIED"),
    ("vertex", {"authorization": "Bearer wrong"}, 401, "UNAUTHENTICATED"),
    ("query", {"authorization": None}, 401, "UNAUTHENTICATED"),
    ("search", {"authorization": "Bearer wrong"}, 401, "UNAUTHENTICATED"),
    ("deals", {"authorization": "Bearer wrong"}, 401, "INVALID_AUTHENTICATION"),
    ("dax", {"authorization": "Bearer wrong"}, 401, "TokenExpired"),
    ("entra", {"content-type": "application/json"}, 400, "invalid_request"),
    ("metadata", {"metadata-flavor": None}, 403, "Metadata-Flavor"),
]


@pytest.mark.parametrize("name, headers, status, says", REFUSED)
def test_a_stranger_is_refused(emulator, name, headers, status, says):
    answer = good(emulator, name, headers=headers)
    assert answer.status == status and says in answer.body, answer


def test_a_version_without_sampling(emulator):
    assert good(emulator, "messages", {"temperature": 0.5}).status == 200
    newer = {"anthropic-version": "2026-10-21"}
    answer = good(emulator, "messages", {"temperature": 0.5}, headers=newer)
    assert answer.status == 400 and "temperature" in answer.body


@pytest.mark.parametrize("path", ["/nothing", "/openai/v1/nothing", "/anthropic/v1/nothing",
                                  "/bigquery/bigquery/v2/projects/p/datasets", "/hubspot/crm/v3/x"])
def test_an_unknown_path_is_not_found(emulator, path):
    assert curl(emulator, "", path, {**OPENAI, **ANTHROPIC}).status == 404


@pytest.mark.parametrize("host, path, headers, provider", [
    ("api.openai.com", "/v1/models", BEARER, "openai"),
    ("api.anthropic.com", "/v1/models", ANTHROPIC, "anthropic"),
    ("generativelanguage.googleapis.com", "/v1beta/models", GEMINI, "gemini"),
    ("api.hubapi.com", "/crm/v3/pipelines/deals", BEARER, "hubspot"),
])
def test_it_answers_for_the_real_hosts(emulator, host, path, headers, provider):
    """With connect-to, the certificate names them."""
    words = ["curl", "-sS", "--cacert", emulator.ca_file, "--connect-to",
             f"{host}:443:127.0.0.1:{emulator.port}", f"https://{host}{path}"]
    for name, value in headers.items():
        words += ["-H", f"{name}: {value}"]
    done = subprocess.run([str(word) for word in words], capture_output=True, check=True)
    assert json.loads(done.stdout)
    [record] = emulator.requests(provider)
    assert record["host"].startswith(host)


def test_a_paths_owner_is_known_without_a_prefix(emulator):
    for provider, path, headers, body in GOOD.values():
        if provider not in ("vertex", "metadata") and "models" not in path:
            assert curl(emulator, "", path, headers, body).status == 200, path
            assert emulator.requests()[-1]["provider"] == provider


# ---- structured answers

SCHEMAS = {
    "chat": {"response_format": {"type": "json_schema", "json_schema": {
        "name": "sql", "strict": True, "schema": SCHEMA}}},
    "responses": {"text": {"format": {"type": "json_schema", "name": "sql", "schema": SCHEMA}}},
    "messages": {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
    "gemini": {"generationConfig": {"responseMimeType": "application/json", "responseSchema": {
        "type": "OBJECT", "required": ["sql"], "properties": {"sql": {"type": "STRING"}}}}},
}


def whole_text(name, answer: Answer):
    body = answer.json
    if name == "chat":
        return body["choices"][0]["message"]["content"]
    if name == "responses":
        return body["output"][-1]["content"][0]["text"]
    if name == "messages":
        return body["content"][-1]["text"]
    return body["candidates"][0]["content"]["parts"][-1]["text"]


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_kept(emulator, name):
    """By itself, and as the script has it."""
    assert json.loads(whole_text(name, good(emulator, name, SCHEMAS[name]))) == {"sql": "text"}
    emulator.script(**{GOOD[name][0]: {"rules": [{"when": {"body": "sql"}, "answer": SQL}]}})
    assert json.loads(whole_text(name, good(emulator, name, SCHEMAS[name]))) == SQL
    assert whole_text(name, good(emulator, name)).startswith("word0000 ")


@pytest.mark.parametrize("name", ["chat", "responses", "messages", "gemini"])
def test_tools_are_called(emulator, name):
    provider = GOOD[name][0]
    wanted = [{"name": "lookup", "arguments": {"project": "12", "year": 2026}}]
    emulator.script(**{provider: {"default": {"tool_calls": wanted}}})
    assert "lookup" in good(emulator, name).body
    streamed = good(emulator, f"{name} stream").body
    pieces = ""
    for _, data in sse(streamed):
        event = json.loads(data) if data != "[DONE]" else {}
        for choice in event.get("choices", []):
            for call in choice["delta"].get("tool_calls", []):
                pieces += call["function"].get("arguments", "")
        if event.get("type") == "response.function_call_arguments.delta":
            pieces += event["delta"]
        if event.get("type") == "content_block_delta":
            pieces += event["delta"].get("partial_json", "")
        for one in event.get("candidates", []):
            for part in one["content"]["parts"]:
                pieces += json.dumps(part["functionCall"]["args"])
    assert json.loads(pieces) == wanted[0]["arguments"]


# ---- its own port

def test_a_script_is_checked(emulator):
    for script, says in (({"openai": {"default": {"rat": 5}}}, '"rat"'),
                         ({"openai": {"default": {"rate": "fast"}}}, '"rate"'),
                         ({"nobody": {}}, "nobody"), ({"openai": {"x": 1}}, '"x"'),
                         ({"openai": {"queue": [{"when": {"colour": "red"}}]}}, "colour")):
        with pytest.raises(ValueError, match=says):
            emulator.script(**script)
    assert good(emulator, "chat").json["usage"]["completion_tokens"] == 40, "nothing has changed"


def test_requests_are_told_from_where_one_has_read(emulator):
    good(emulator, "chat", headers={"x-own": "1"})
    [first] = emulator.requests()
    good(emulator, "messages")
    [second] = emulator.requests(after=first["id"])
    assert second["provider"] == "anthropic" and emulator.requests("openai") == [first]
    assert first["headers"]["x-own"] == "1" and first["headers"]["authorization"] == f"Bearer {KEY}"
    assert first["json"]["model"] == MODEL and json.loads(first["body"]) == first["json"]
    emulator.reset()
    assert emulator.requests() == []


def test_without_tls_too(emulator):
    words = curl_words(emulator, "openai", "/v1/models", {**BEARER, **JSON})
    words = [emulator.url("/openai/v1/models", tls=False) if word.startswith("https:") else word
             for word in words]
    assert json.loads(subprocess.run(words, capture_output=True, check=True).stdout)["data"]
    assert emulator.requests()[0]["secure"] is False


def test_contents_need_alt_sse(emulator):
    path = f"/v1beta/models/{MODEL}:streamGenerateContent"
    answer = curl(emulator, "gemini", path, GEMINI, CONTENTS)
    assert isinstance(answer.json, list)
    assert emulator.requests()[0]["notes"] == ["a stream without alt=sse"]


def test_it_may_be_started_without_http2_and_with_a_certificate(tmp_path):
    own = certificate()
    flags = ["--http1", "--certificate", own / "cert.pem", "--key", own / "key.pem"]
    with Emulator(tmp_path, *flags) as emulator:
        emulator.ca_file = own / "cert.pem"
        answer = good(emulator, "openai models")
        assert (answer.version, answer.status) == ("HTTP/1.1", 200)
