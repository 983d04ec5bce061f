"""The APIs of language models as a server sees them: what each asks for, and how each says a text,
its usage and its errors. Strict about what comes in; the values of models, keys and texts are the
test's. One class per API, one object for all requests."""

import json
import re

MODEL = "emulated-1"
USAGE = (100, 7)  # tokens in, of them cached


def _only(fields, known):
    unknown = set(fields) - set(known)
    return f"unknown fields {unknown}" if unknown else None


def _strict(schema):
    """What structured output asks of a schema."""
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            return "additionalProperties"
        if set(schema["required"]) != set(schema["properties"]):
            return "required"
        return next(filter(None, map(_strict, schema["properties"].values())), None)
    return _strict(schema["items"]) if schema.get("type") == "array" else None


def _alternates(messages, roles):
    for message in messages:
        if message["role"] not in roles:
            return f"role {message['role']}"
        if not isinstance(message["content"], str) or not message["content"].strip():
            return "content"
    return None


class Chat:
    name, paths = "chat", r"/v1/chat/completions"
    key = staticmethod(lambda headers: headers.get("authorization", "").removeprefix("Bearer "))

    def wrong_with(self, request, headers):
        wrong = _only(request, {"model", "messages", "stream", "stream_options",
                                "response_format"})
        if "stream_options" in request and not request.get("stream"):
            wrong = "stream_options without stream"
        if not isinstance(request.get("model"), str) or not request.get("messages"):
            wrong = "no model or no messages"
        return wrong or _alternates(request["messages"], ("system", "user", "assistant"))

    def messages(self, request):
        return request["messages"]

    def schema(self, request):
        return request.get("response_format", {}).get("json_schema", {}).get("schema")

    def streams(self, request, path):
        return bool(request.get("stream"))

    def begin(self):
        return []

    def delta(self, text):
        return [{"model": MODEL, "choices": [
            {"index": 0, "delta": {"content": text}, "finish_reason": None}]}]

    def end(self, tokens):
        return [{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
                {"choices": [], "usage": self.usage(tokens)}, "[DONE]"]

    def usage(self, tokens):
        return {"prompt_tokens": USAGE[0], "completion_tokens": tokens,
                "prompt_tokens_details": {"cached_tokens": USAGE[1]}}

    def whole(self, text, tokens):
        return {"model": MODEL, "usage": self.usage(tokens), "choices": [
            {"message": {"content": text}, "finish_reason": "stop"}]}

    def error(self, error):
        return {"error": {"type": "server_error", "message": "as told"} | error}


class Responses(Chat):
    name, paths = "responses", r"/v1/responses"

    def wrong_with(self, request, headers):
        if request.get("store") is not False:
            return "would be stored"
        if not isinstance(request.get("model"), str) or not request.get("input"):
            return "no model or no input"
        return (_only(request, {"model", "input", "instructions", "stream", "store", "text"})
                or _alternates(request["input"], ("user", "assistant")))

    def messages(self, request):
        return [{"role": "system", "content": request.get("instructions", "")}, *request["input"]]

    def schema(self, request):
        return request.get("text", {}).get("format", {}).get("schema")

    def begin(self):
        return [{"type": "response.created", "response": {"model": MODEL,
                                                          "status": "in_progress"}},
                {"type": "response.output_item.added", "item": {"type": "reasoning"}}]

    def delta(self, text):
        return [{"type": "response.output_text.delta", "delta": text}]

    def end(self, tokens):
        return [{"type": "response.completed", "response": {
            "status": "completed", "model": MODEL, "usage": self.usage(tokens)}}]

    def usage(self, tokens):
        return {"input_tokens": USAGE[0], "output_tokens": tokens,
                "input_tokens_details": {"cached_tokens": USAGE[1]}}

    def whole(self, text, tokens):
        return {"status": "completed", "model": MODEL, "error": None, "usage": self.usage(tokens),
                "output": [{"type": "reasoning", "summary": []},
                           {"type": "message", "role": "assistant", "content": [
                               {"type": "output_text", "text": text}]}]}


class Messages:
    name, paths = "messages", r"/v1/messages"
    key = staticmethod(lambda headers: headers.get("x-api-key", ""))

    def wrong_with(self, request, headers):
        if headers.get("anthropic-version") != "2023-06-01":
            return "no version"
        if not isinstance(request.get("model"), str) or not request.get("max_tokens"):
            return "no model or no max_tokens"
        messages = request.get("messages") or [{"role": "nobody"}]
        if messages[0]["role"] != "user" or messages[-1]["role"] != "user":
            return "not the user's first and last"
        return (_only(request, {"model", "max_tokens", "system", "messages", "stream",
                                "output_config"})
                or _alternates(messages, ("user", "assistant")))

    def messages(self, request):
        return [{"role": "system", "content": request.get("system", "")}, *request["messages"]]

    def schema(self, request):
        return request.get("output_config", {}).get("format", {}).get("schema")

    def streams(self, request, path):
        return bool(request.get("stream"))

    def begin(self):
        return [{"type": "message_start", "message": {"model": MODEL, "content": [], "usage": {
            "input_tokens": USAGE[0] - USAGE[1], "cache_read_input_tokens": USAGE[1],
            "output_tokens": 1}}},
            {"type": "content_block_start", "index": 0,
             "content_block": {"type": "text", "text": ""}}, {"type": "ping"}]

    def delta(self, text):
        return [{"type": "content_block_delta", "index": 0,
                 "delta": {"type": "text_delta", "text": text}}]

    def end(self, tokens):
        return [{"type": "content_block_stop", "index": 0},
                {"type": "message_delta", "delta": {"stop_reason": "end_turn"},
                 "usage": {"output_tokens": tokens}}, {"type": "message_stop"}]

    def whole(self, text, tokens):
        return {"type": "message", "model": MODEL, "stop_reason": "end_turn",
                "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": text}],
                "usage": {"input_tokens": USAGE[0] - USAGE[1], "output_tokens": tokens,
                          "cache_read_input_tokens": USAGE[1]}}

    def error(self, error):
        return {"type": "error", "error": {"type": "api_error", "message": "as told"} | error}


class Gemini:
    name = "gemini"
    paths = (r"/v1(beta)?/(projects/[\w-]+/locations/[\w-]+/publishers/google/)?models/[\w.-]+"
             r":(generateContent|streamGenerateContent\?alt=sse)")

    @staticmethod
    def key(headers):
        return headers.get("x-goog-api-key") or headers.get("authorization", "").removeprefix(
            "Bearer ")

    def wrong_with(self, request, headers):
        if not request.get("contents") or request["contents"][0]["role"] != "user":
            return "not the user's first"
        return (_only(request, {"contents", "systemInstruction", "generationConfig"})
                or _alternates(self.messages(request)[1:], ("user", "assistant")))

    def messages(self, request):
        def text(content):
            return "".join(part["text"] for part in content["parts"])
        roles = {"user": "user", "model": "assistant"}
        system = request.get("systemInstruction")
        return [{"role": "system", "content": text(system) if system else ""},
                *({"role": roles[one["role"]], "content": text(one)}
                  for one in request["contents"])]

    def schema(self, request):
        return request.get("generationConfig", {}).get("responseSchema")

    def streams(self, request, path):
        return "streamGenerateContent" in path

    def begin(self):
        return []

    def delta(self, text):
        return [{"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}}]}]

    def end(self, tokens):
        return [{"candidates": [{"finishReason": "STOP"}], "modelVersion": MODEL,
                 "usageMetadata": self.usage(tokens)}]

    def usage(self, tokens):
        return {"promptTokenCount": USAGE[0], "cachedContentTokenCount": USAGE[1],
                "candidatesTokenCount": tokens - 1, "thoughtsTokenCount": 1}

    def whole(self, text, tokens):
        return self.delta(text)[0] | {"modelVersion": MODEL, "usageMetadata": self.usage(tokens)} | {
            "candidates": [{"content": {"parts": [{"text": "hm", "thought": True},
                                                  {"text": text}]}, "finishReason": "STOP"}]}

    def error(self, error):
        return {"error": {"code": 500, "status": "INTERNAL", "message": "as told"} | error}


APIS = (Chat(), Responses(), Messages(), Gemini())
# By a property that only the schema of this task has.
TASKS = {"names": "extractor", "calls": "router", "sql": "sql_writer", "insights": "merger"}


def api_of(request_line):
    """The API that a request line speaks to, and its path; (None, None) when none does."""
    for api in APIS:
        found = re.fullmatch(rf"POST ({api.paths}) HTTP/1.1", request_line)
        if found:
            return api, found[1]
    return None, None


def wrong_with(api, request, headers):
    """What the real one would refuse; None when it would not."""
    if not isinstance(request, dict):
        return "no object"
    schema = api.schema(request)
    return (api.wrong_with(request, headers)
            or (schema and not isinstance(api, Gemini) and _strict(schema)) or None)


def task_of(schema):
    """Which task of a turn asks for this form of reply; None: an answer in plain text."""
    return next((task for name, task in TASKS.items() if name in (schema or {}).get(
        "properties", {})), None)


def event(api, data):
    """One server-sent event."""
    text = data if isinstance(data, str) else json.dumps(data)
    named = f"event: {data['type']}\n" if isinstance(data, dict) and "type" in data else ""
    return f"{named}data: {text}\n\n".encode()
