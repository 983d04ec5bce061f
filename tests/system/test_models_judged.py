"""The worker's clients of language models against a mock that is not ours, @copilotkit/aimock: an
independent judge of the four APIs. Skipped where Node is too old for it or npm cannot fetch it."""

import json
import subprocess
import urllib.request

import pytest

from chat import Chat
from harness.npm import installed
from harness.paths import ROOT
from harness.process import wait_for
from harness.protocol import check_v2_events, text_of
from provider_checks import check

FILES = ("package.json", "package-lock.json", "serve.mjs")
QUESTION = "How much have we invoiced on the Harbor Point project, and what is still open?"
KEY = "sk-judged-31fe"
MODEL = "judged-1"
ANSWER = "We have invoiced **1.2 million**, žluťoučký kůň 😀, and a third of it is open. [1]"
USAGE = {"prompt_tokens": 100, "completion_tokens": 40, "total_tokens": 140}
CUT = "Say something that breaks off about Harbor Point"
FAILS = "Say something after a failure about Harbor Point"

# By the beginning of each task's prompt, or by the question.
FIXTURES = [
    {"match": {"systemMessage": "You answer questions", "userMessage": CUT},
     "response": {"content": ANSWER * 3}, "truncateAfterChunks": 6, "latency": 20},
    {"match": {"systemMessage": "You answer questions"},
     "response": {"content": ANSWER, "usage": USAGE}},
    {"match": {"systemMessage": "You find the projects"},
     "response": {"content": {"names": ["Harbor Point"], "from_history": False}}},
    {"match": {"systemMessage": "You choose the tools"},
     "response": {"content": {"calls": [{"tool": "claude_sql", "input": "invoiced and open"}],
                              "reasoning": "Figures are asked for."}}},
    {"match": {"systemMessage": "You write one SQLite query"},
     "response": {"content": {"sql": "SELECT name, contract_value FROM projects",
                              "title": "Contracts",
                              "columns": [{"name": "name", "kind": "text"},
                                          {"name": "contract_value", "kind": "money"}]}}},
    {"match": {"systemMessage": "You put the findings"},
     "response": {"content": {"summary": "One contract.", "insights": ["It is large."]}}},
    {"match": {"userMessage": "Say yes."}, "response": {"content": "Yes."}},
]
APIS = {
    "chat": ("openai", {"openai_api": "chat"}, "/v1/chat/completions"),
    "responses": ("openai", {"openai_api": "responses"}, "/v1/responses"),
    "messages": ("anthropic", {}, "/v1/messages"),
    "gemini": ("gemini", {}, f"/v1beta/models/{MODEL}:"),
}
BASES = {"openai": "/v1", "anthropic": "", "gemini": "/v1beta"}


class Judge:
    """The mock as a process of this module."""

    def __init__(self, directory):
        self.process = subprocess.Popen(
            ["node", "serve.mjs"], cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True)
        self.process.stdin.write(json.dumps(FIXTURES) + "\n")
        self.process.stdin.flush()
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("http://127.0.0.1:"), "the mock has not started"

    def stop(self):
        self.process.stdin.close()
        assert self.process.wait(30) == 0

    def control(self, method, path, body=None):
        request = urllib.request.Request(
            f"{self.url}/__aimock{path}", method=method,
            data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=20) as response:
            return json.load(response)

    def journal(self):
        return self.control("GET", "/journal")

    def settings(self, name):
        """For a worker that has all its tasks done by it, as this provider."""
        return {f"{name}_base_url": self.url + BASES[name], f"{name}_model": MODEL,
                f"{name}_api_key": KEY}


@pytest.fixture(scope="module")
def judge():
    one = Judge(installed(ROOT / "tests/system/aimock", "judge-models", FILES))
    yield one
    one.stop()


@pytest.fixture
def journal(judge):
    """Its requests since the beginning of the test."""
    judge.control("POST", "/reset/journal")
    return judge.journal


def roles(entry):
    return [message["role"] for message in entry["body"]["messages"]]


@pytest.mark.parametrize("api", APIS)
def test_a_turn_of_which_it_does_all_tasks(make_stack, judge, journal, api):
    name, more, path = APIS[api]
    stack = make_stack(apps="chat", settings={**judge.settings(name), **more})
    with Chat(stack) as chat:
        events = chat.answer(QUESTION)
        check_v2_events(events)
        assert text_of(events) == ANSWER and events[-1]["status"] == "ok"
        [tool] = [event for event in events if event["type"] == "tool_complete"]
        assert tool["status"] == "ok" and [row[0] for row in tool["preview"]["rows"]] == [
            "Harbor Point"]
        usage = [event for event in events if event["type"] == "usage"]
        assert [event["step"] for event in usage] == [
            "project_resolution", "routing", "t1", "merge", "response"]
        assert (usage[-1]["provider"], usage[-1]["input_tokens"], usage[-1]["output_tokens"]) == (
            name, USAGE["prompt_tokens"], USAGE["completion_tokens"])

        whole = journal()
        assert [entry["response"]["status"] for entry in whole] == [200] * 5
        assert all(entry["path"].startswith(path) for entry in whole)
        assert all(roles(entry) == ["system", "user"] for entry in whole)
        assert all(entry["headers"]["user-agent"].startswith("mr-ws/") for entry in whole)
        assert "text/event-stream" in whole[-1]["headers"]["accept"]
        assert QUESTION in json.dumps(whole[-1]["body"], ensure_ascii=False)
        if api == "chat":  # what of a schema the mock keeps
            forms = [entry["body"].get("response_format", {}).get("type") for entry in whole]
            assert forms == ["json_schema"] * 4 + [None]

        events = chat.answer("And what is still open there?")  # the conversation goes along
        assert text_of(events) == ANSWER
        assert roles(journal()[-1]) == ["system", "user", "assistant", "user"]

        events = chat.answer(CUT)
        assert events[-1]["status"] == "partial" and text_of(events)[:20] == ANSWER[:20]

    worker = stack.workers[0]
    assert wait_for(lambda: worker.logged("language model call failed"), "the failure is logged")
    assert KEY not in worker.log.text()


@pytest.mark.parametrize("name", ["openai", "anthropic", "gemini"])
def test_a_failure_before_the_first_word_is_tried_again(make_stack, judge, journal, name):
    others = ("extractor", "router", "sql_writer", "merger")
    stack = make_stack(apps="chat", settings={
        **judge.settings(name), **{task: "embedded" for task in others}})
    judge.control("POST", "/error", {"status": 503, "body": {"message": "no", "type": "x"}})
    with Chat(stack) as chat:
        events = chat.answer(FAILS)
        assert text_of(events) == ANSWER and events[-1]["status"] == "ok"
    assert [entry["response"]["status"] for entry in journal()] == [503, 200]


def test_check_providers_takes_it_for_what_it_is(judge, journal):
    """It knows no model by name: a short reply says that all is well."""
    found = check({**judge.settings("openai"), **judge.settings("anthropic")})
    assert found.code == 0, vars(found)
    assert sorted(entry["path"] for entry in journal() if entry["method"] == "POST") == [
        "/v1/chat/completions", "/v1/messages"]
