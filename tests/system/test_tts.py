"""`POST /v1/tts` over the whole stack, whatever engine speaks here: what it refuses, each in JSON."""

import json

import pytest

from harness.http_chat import JSON, HttpClient
from harness.process import wait_for
from harness.stack import shared_stack

LOCATIONS = "location = /v1/tts { mr_ws_http tts; }"
PATH = "/v1/tts"
MAX_TEXT_BYTES = 20_000  # worker/apps/tts.h


@pytest.fixture(scope="module")
def stack(data_dir):
    yield from shared_stack(data_dir, workers=2, apps="chat,tts", locations=LOCATIONS)


def refused(stack, body):
    with HttpClient(stack.nginx.http_port) as client:
        got = client.post(body, JSON, PATH).response()
    error = json.loads(got.body)["error"]
    assert got.headers["content-type"] == "application/json"
    assert len(error["trace_id"]) == 32 and error["message"]
    return got.status, error["code"]


@pytest.mark.parametrize("body, answer", [
    (b"no json", (400, "bad_json")),
    (b"[]", (400, "bad_request")),
    (b'{"message":"a question"}', (400, "bad_request")),
    (b'{"text":"  "}', (400, "empty_message")),
    (b'{"text":"Hello.","voice_id":7}', (400, "bad_request")),
    (json.dumps({"text": "x" * (MAX_TEXT_BYTES + 1)}).encode(), (413, "too_large")),
])
def test_what_cannot_be_spoken(stack, body, answer):
    assert refused(stack, body) == answer


def test_nothing_is_left_of_a_request(stack):
    refused(stack, b'{"text":""}')
    wait_for(lambda: not stack.redis.command("KEYS", "mr:*:i:*"), "its lane is empty")
