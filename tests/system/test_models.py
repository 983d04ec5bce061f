"""Language models of three vendors, over four APIs, do the tasks of a turn: each what it is set up
for, another one in its place when it fails, and the embedded provider when none is left."""

import pytest

from chat import Chat
from harness.google_token import GoogleTokens
from harness.process import wait_for
from harness.protocol import check_v2_events, text_of
from harness.provider import MODEL, Provider, Reply, words

QUESTION = "How much have we invoiced on the Harbor Point project, and what is still open?"
KEYS = {"openai": "sk-openai-51c0", "anthropic": "sk-ant-77aa", "gemini": "AIza-90fe"}
EMBEDDED = {task: "embedded" for task in ("extractor", "router", "sql_writer", "merger")}
OBJECTS = {
    "extractor": {"names": ["Harbor Point"], "from_history": False},
    "router": {"calls": [{"tool": "claude_sql", "input": "invoiced and open amounts"}],
               "reasoning": "Figures are asked for."},
    "sql_writer": {"sql": "SELECT name, contract_value FROM projects;", "title": "Contracts",
                   "columns": [{"name": "name", "kind": "text"},
                               {"name": "contract_value", "kind": "money"}]},
    "merger": {"summary": "One contract.", "insights": ["It is large.", "It is signed."]},
}


@pytest.fixture
def vendors():
    """Three servers, one per vendor."""
    with Provider() as openai, Provider() as anthropic, Provider() as gemini:
        each = {"openai": openai, "anthropic": anthropic, "gemini": gemini}
        for provider in each.values():
            provider.objects = dict(OBJECTS)
        yield each
    for provider in each.values():
        assert not provider.complaints


def settings_of(vendors, **more):
    settings = {}
    for name, provider in vendors.items():
        settings |= provider.as_provider(name, KEYS[name])
    return settings | more


def logs_of(stack):
    return "".join(worker.log.text() for worker in stack.workers)


def completed(events, phase):
    return next(event["data"] for event in events
                if event["type"] == "phase_complete" and event["phase"] == phase)


APIS = [("openai", {"openai_api": "chat"}, "/v1/chat/completions"),
        ("openai", {"openai_api": "responses"}, "/v1/responses"),
        ("anthropic", {}, "/v1/messages"),
        ("gemini", {}, f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse")]


@pytest.mark.parametrize("name, more, path", APIS, ids=["chat", "responses", "messages", "gemini"])
def test_each_api_writes_an_answer(make_stack, name, more, path):
    with Provider() as provider:
        stack = make_stack(apps="chat", settings={
            **provider.as_provider(name, KEYS[name]), **EMBEDDED, **more, f"{name}_retries": 1})
        with Chat(stack) as chat:
            events = chat.answer(QUESTION)
            check_v2_events(events)
            assert text_of(events) == "".join(words(40)) and events[-1]["status"] == "ok"
            usage = [event for event in events if event["type"] == "usage"]
            assert [(e["provider"], e["model"], e["step"], e["input_tokens"], e["output_tokens"],
                     e["cached_tokens"]) for e in usage] == [(name, MODEL, "response", 100, 40, 7)]
            provider.then(Reply(status=503, headers={"retry-after-ms": "1"}))
            assert chat.answer("And what about last year?")[-1]["status"] == "ok"
            provider.reply = Reply(cut_at=20)
            events = chat.answer("And the year before?")
            assert text_of(events).startswith("".join(words(20)))
            assert "broke off" in text_of(events) and events[-1]["status"] == "partial"
        assert not provider.complaints
        first, refused, again, cut = provider.exchanges
        assert first.path == path and first.key == KEYS[name] and first.question == QUESTION
        assert [message["role"] for message in again.messages] == [
            "system", "user", "assistant", "user"]
        assert refused.request == again.request and cut.whole
        assert KEYS[name] not in logs_of(stack)


def test_each_does_its_own(make_stack, vendors):
    """The split of the original: one reads, one writes SQL, one merges and answers."""
    stack = make_stack(apps="chat", workers=2,
                       settings=settings_of(vendors, router="gemini", openai_api="responses"))
    with Chat(stack) as chat:
        events = chat.answer(QUESTION)
        check_v2_events(events)
    asked = {name: [one.task for one in provider.exchanges] for name, provider in vendors.items()}
    assert asked == {"gemini": ["extractor", "router"], "anthropic": ["sql_writer"],
                     "openai": ["merger", None]}
    assert completed(events, "project_resolution")["projects"] == ["Harbor Point"]
    assert completed(events, "routing") == {"tools": ["claude_sql"],
                                            "reasoning": "Figures are asked for."}
    assert completed(events, "merge") == {"insights_count": 2}
    tool = next(event for event in events if event["type"] == "tool_complete")
    assert tool["status"] == "ok" and tool["preview"]["columns"] == ["name", "contract_value"]
    assert [row[0] for row in tool["preview"]["rows"]] == ["Harbor Point"], "the filter holds"
    assert text_of(events) == "".join(words(40))
    answer = vendors["openai"].asked()[0].messages[-1]["content"]
    assert "One contract." in answer and "It is signed." in answer
    steps = [(e["step"], e["provider"]) for e in events if e["type"] == "usage"]
    assert steps == [("project_resolution", "gemini"), ("routing", "gemini"),
                     ("t1", "anthropic"), ("merge", "openai"), ("response", "openai")]
    assert events[-1]["usage"]["input_tokens"] == 500
    for one in (exchange for provider in vendors.values() for exchange in provider.exchanges):
        assert one.headers.get("traceparent", "00-").startswith("00-")
    for key in KEYS.values():
        assert key not in logs_of(stack)


@pytest.mark.parametrize("task", sorted(OBJECTS))
def test_one_task_alone_and_the_rest_embedded(make_stack, task):
    """What a model says is taken up by providers that know nothing of models."""
    with Provider() as provider:
        provider.objects = dict(OBJECTS)
        stack = make_stack(apps="chat", settings={
            **provider.as_provider("anthropic", KEYS["anthropic"]), **EMBEDDED,
            "responder": "embedded", "local_tokens_per_second": 0, task: "anthropic"})
        with Chat(stack) as chat:
            events = chat.answer(QUESTION)
            check_v2_events(events)
            assert events[-1]["status"] == "ok" and "Harbor Point" in text_of(events)
            again = chat.answer("And how many change orders does it have?")
            check_v2_events(again)
            assert again[-1]["status"] == "ok"
        assert {one.task for one in provider.exchanges} == {task}
        assert not provider.complaints and "next one is asked" not in logs_of(stack)


@pytest.mark.parametrize("reply", [Reply(status=401, error={"type": "authentication_error"}),
                                   Reply(reset_at=0)], ids=["refused", "lost"])
def test_another_one_answers_before_the_first_word(make_stack, vendors, reply):
    vendors["openai"].reply = reply
    stack = make_stack(apps="chat", settings=settings_of(
        vendors, **EMBEDDED, responder="openai,anthropic", openai_retries=0))
    with Chat(stack) as chat:
        events = chat.answer(QUESTION)
        check_v2_events(events)
        assert text_of(events) == "".join(words(40)) and events[-1]["status"] == "ok"
    assert len(vendors["openai"].exchanges) == len(vendors["anthropic"].exchanges) == 1
    assert not vendors["gemini"].exchanges
    wait_for(lambda: "the next one is asked" in logs_of(stack), "the change is logged")


def test_nobody_else_goes_on_with_an_answer(make_stack, vendors):
    vendors["openai"].reply = Reply(cut_at=10)
    stack = make_stack(apps="chat", settings=settings_of(
        vendors, **EMBEDDED, responder="openai,anthropic"))
    with Chat(stack) as chat:
        events = chat.answer(QUESTION)
        assert text_of(events).startswith("".join(words(10))) and "broke off" in text_of(events)
        assert events[-1]["status"] == "partial"
    assert not vendors["anthropic"].exchanges


def test_the_embedded_provider_stands_in(make_stack, vendors):
    """Replies of no use, from everybody: the turn is what it would be without models."""
    for provider in vendors.values():
        provider.objects = {}
    stack = make_stack(apps="chat", settings=settings_of(
        vendors, responder="embedded", local_tokens_per_second=0))
    plain = make_stack(apps="chat", settings={"local_tokens_per_second": 0})
    with Chat(stack) as chat, Chat(plain) as without:
        events, wanted = chat.answer(QUESTION), without.answer(QUESTION)
        check_v2_events(events)
        assert events[-1]["status"] == "ok" and text_of(events) == text_of(wanted)
    for provider in vendors.values():
        assert [one.task for one in provider.exchanges].count("extractor") == 1


def test_a_query_that_is_none_is_never_run(make_stack, vendors):
    """What the guard refuses is written anew once, then by the next one."""
    bad = {"sql": "DELETE FROM invoices", "title": "x", "columns": []}
    vendors["anthropic"].objects["sql_writer"] = bad
    stack = make_stack(apps="chat", settings=settings_of(vendors))
    with Chat(stack) as chat:
        events = chat.answer(QUESTION)
        tool = next(event for event in events if event["type"] == "tool_complete")
        assert tool["status"] == "ok" and tool["preview"]["sql"].startswith("SELECT name")
    first, second = vendors["anthropic"].asked("sql_writer")
    assert "cannot be run" in second.messages[-1]["content"]
    assert len(vendors["openai"].asked("sql_writer")) == 1


@pytest.mark.parametrize("account", ["service account", "machine"])
def test_gemini_on_vertex_with_googles_credentials(make_stack, tmp_path, account):
    """One token for all calls; a refused one is replaced once; neither it nor the key is logged."""
    with Provider() as provider, GoogleTokens(tmp_path) as tokens:
        provider.objects = dict(OBJECTS)
        where = ({"google_credentials_file": tokens.key_file()} if account == "service account"
                 else {"google_metadata_url": tokens.url})
        stack = make_stack(apps="chat", settings={
            "gemini_project": "project-1", "gemini_location": "europe-west4",
            "gemini_base_url": provider.url, "gemini_model": MODEL, **where})
        with Chat(stack) as chat:
            events = chat.answer(QUESTION)
            check_v2_events(events)
            assert text_of(events) == "".join(words(40)) and events[-1]["status"] == "ok"
            assert [one.key for one in provider.exchanges] == ["token-1"] * 5
            place = "/v1/projects/project-1/locations/europe-west4/publishers/google/models/"
            assert all(one.path.startswith(place + MODEL) for one in provider.exchanges)
            provider.then(Reply(status=401, error={"code": 401, "status": "UNAUTHENTICATED"}))
            assert chat.answer("And what about last year?")[-1]["status"] == "ok"
            assert [one.key for one in provider.exchanges[5:7]] == ["token-1", "token-2"]
        assert tokens.given == 2 and not tokens.complaints and not provider.complaints
        logs = logs_of(stack)
        assert "token-1" not in logs and "token-2" not in logs and "PRIVATE" not in logs
