"""The documents are those of Vertex AI Search: what the worker asks the emulator, which is as strict
as the real one, and what the client is told."""

import pytest

from chat import Chat
from harness.process import wait_for
from harness.protocol import check_v2_events, text_of
from harness.stack import shared_stack
from owners import owner

PATH = ("/search/v1/projects/project-1/locations/global/collections/default_collection/engines/"
        "app-1/servingConfigs/default_search:search")
QUESTION = "What do we know about the dugout canoe?"
HARBOR = "What happened with the waterproofing membrane at Harbor Point?"
HARBOR_CODE = "MR-23-009"
SETTINGS = {"vertex_search_project_field": "project_code", "vertex_search_language": "en",
            "vertex_search_user_project": "project-2", "vertex_search_summary_model": "stable",
            "vertex_search_retries": 1, "lease": "1s"}


@pytest.fixture(scope="module")
def shared(data_dir, running_emulator):
    settings = {**running_emulator.vertex_search_settings(), **SETTINGS}
    yield from shared_stack(data_dir, workers=2, apps="chat", settings=settings)


def document(number, code=HARBOR_CODE):
    return {"id": f"doc-{number}", "document": {
        "id": f"doc-{number}", "name": f"projects/1/documents/doc-{number}",
        "structData": {"project_code": code, "date": "2026-03-01", "type": "report"},
        "derivedStructData": {"title": f"Report {number}", "link": f"gs://bucket/report {number}.pdf",
                              "snippets": [{"snippet": "the <b>membrane</b>&nbsp;leaks",
                                            "snippet_status": "SUCCESS"}]}}}


def searches(emulator, count=1):
    """The requests that were let in, once so many have come to an end. Between tests the emulator
    forgets its tokens: the first request of a test may be refused, and its token is renewed."""
    def look():
        found = [one for one in emulator.requests("search")
                 if one["status"] != 401 and one["outcome"]]
        return found if len(found) >= count else None
    found = wait_for(look, f"{count} searches have ended", 30)
    assert len(found) == count
    return found


def tool_end(events):
    [end] = [event for event in events
             if event["type"] == "tool_complete" and event["tool"] == "vertex_search"]
    return end


def without_secrets(stack, emulator):
    """Neither the token nor the account's key stands in a log."""
    tokens = {record["headers"]["authorization"].split()[1]
              for record in emulator.requests("search")}
    logs = "".join(worker.log.text() for worker in stack.workers)
    return tokens and "PRIVATE KEY" not in logs and not any(token in logs for token in tokens)


def test_the_search_is_one_that_vertex_takes(shared, emulator):
    with Chat(shared) as chat:
        events = chat.answer(QUESTION)
        check_v2_events(events)
        end = tool_end(events)
        assert (end["status"], end["rows"], end["truncated"]) == ("ok", 3, False)
        text = text_of(events)
        assert "What the documents say. [1]" in text and "Document 1" in text
        source = events[-1]["sources"][0]
        assert source["id"] == "doc-1" and source["snippet"] == "What doc-1 says."
        assert source["url"] == "https://storage.cloud.google.com/emulated/doc-1.pdf"
    [search] = searches(emulator)
    assert (search["problem"], search["notes"], search["secure"]) == ("", [], True)
    assert search["path"] == PATH
    assert search["headers"]["x-goog-user-project"] == "project-2"
    assert search["headers"]["authorization"].startswith("Bearer ")
    assert search["headers"]["traceparent"].startswith("00-")
    assert search["json"] == {
        "query": QUESTION, "pageSize": 10, "languageCode": "en",
        "queryExpansionSpec": {"condition": "AUTO"}, "spellCorrectionSpec": {"mode": "AUTO"},
        "contentSearchSpec": {
            "snippetSpec": {"returnSnippet": True},
            "extractiveContentSpec": {"maxExtractiveAnswerCount": 1},
            "summarySpec": {"summaryResultCount": 5, "includeCitations": True,
                            "ignoreAdversarialQuery": True, "ignoreNonSummarySeekingQuery": False,
                            "ignoreLowRelevantContent": True, "languageCode": "en",
                            "modelSpec": {"version": "stable"}}}}
    assert without_secrets(shared, emulator)


def test_a_question_about_a_project_is_filtered(shared, emulator):
    emulator.script(search={"default": {"answer": {"results": [document(1), document(2)]}}})
    with Chat(shared) as chat:
        events = chat.answer(HARBOR)
        end = tool_end(events)
        assert end["status"] == "ok" and end["rows"] == 2
        assert end["preview"][0] == {"title": "Report 1", "project": "Harbor Point",
                                     "date": "2026-03-01", "snippet": "the membrane leaks"}
        assert events[-1]["sources"][0]["url"] == (
            "https://storage.cloud.google.com/bucket/report%201.pdf")
    [search] = searches(emulator)
    assert search["json"]["filter"] == f'project_code: ANY("{HARBOR_CODE}")'


@pytest.mark.parametrize("how", [
    {"answer": {"results": [document(1), document(2, "MR-22-002")]}},
    {"unsupported": "project_code"},
])
def test_a_filter_that_does_not_hold_is_no_answer(shared, emulator, how):
    """The tool fails, the turn goes on, and nothing of another project is shown."""
    emulator.script(search={"default": how})
    with Chat(shared) as chat:
        events = chat.answer(HARBOR)
        check_v2_events(events)
        end = tool_end(events)
        assert end["status"] == "error" and "filter" in end["error"]["message"]
        assert events[-1]["status"] == "ok" and events[-1]["sources"] == []
        assert "Report" not in text_of(events)
    assert all(record["json"].get("filter") for record in emulator.requests("search"))


@pytest.mark.parametrize("how, words, calls", [
    ({"status": 403, "error": {"reason": "IAM_PERMISSION_DENIED"}}, "refused us access", 1),
    ({"status": 503, "error": {"retry_delay": "0.1s"}}, "not available", 2),
    ({"status": 429, "error": {"retry_delay": "3600s"}}, "asked too often", 1),
])
def test_a_failure_is_said_and_the_turn_goes_on(shared, emulator, how, words, calls):
    emulator.script(search={"default": how})
    with Chat(shared) as chat:
        events = chat.answer(QUESTION)
        check_v2_events(events)
        end = tool_end(events)
        assert end["status"] == "error" and words in end["error"]["message"]
        assert events[-1]["status"] == "ok" and words in text_of(events)
    searches(emulator, calls)
    assert without_secrets(shared, emulator)


def test_a_stop_ends_the_request(shared, emulator):
    emulator.script(search={"default": {"hang": True}})
    with Chat(shared) as chat:
        chat.ask(QUESTION)
        emulator.held("search")
        chat.send(type="cancel")
        assert chat.until("response_complete")[-1]["status"] == "cancelled"
    [search] = searches(emulator)
    assert search["outcome"] == "gone"


def test_the_next_worker_does_not_search_again(data_dir, make_stack, emulator):
    """What was found, with its summary, is in the checkpoint."""
    settings = {**emulator.vertex_search_settings(), **SETTINGS, "local_tokens_per_second": 10}
    stack = make_stack(workers=2, apps="chat", settings=settings)
    with Chat(stack) as chat:
        chat.ask(QUESTION)
        events = chat.until("text_chunk")
        owner(stack, chat.session).kill()
        events += chat.until("response_complete")
        check_v2_events(events)
        assert events[-1]["status"] == "ok" and events[-1]["sources"][0]["id"] == "doc-1"
        assert "What the documents say. [1]" in text_of(events)
    searches(emulator)
