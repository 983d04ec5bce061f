"""Rows of the table of faults: Vertex AI Search."""

from fault_rows_models import DAILY
from fault_rows_rest import (JSON, LOG, Words, again, common, failed, found, prepare_token_row,
                             token_rows, tokens)
from provider_faults import PATIENCE, Block

QUESTION = "What do we know about the dugout canoe? ({})"
HARBOR = "What happened with the waterproofing membrane at Harbor Point? ({})"
HARBOR_CODE = "MR-23-009"
OFTEN = "the document search is asked too often at the moment"
NOT_ACCEPTED = "the document search did not accept the question"
NO_FILTER = "the project filter cannot be applied to the document search"
FILTER = "filter_not_applicable"
WORDS = Words("the document search is not available at the moment",
              "the document search's reply cannot be read",
              "the document search refused us access", "in time", {"rows": 3})


def document(number, code=HARBOR_CODE):
    return {"id": f"d-{number}", "document": {
        "id": f"d-{number}", "structData": {"project_code": code},
        "derivedStructData": {"title": f"Report {number}", "snippets": [
            {"snippet": "it <b>leaks</b>", "snippet_status": "SUCCESS"}]}}}


def limits():
    def delay(name, **error):
        return again(WORDS, f"429, {name}", {"status": 429, "error": error}, "rate_limited")
    return [
        delay("nothing said"), delay("a delay", retry_delay="0.2s"),
        delay("a delay of nonsense", retry_delay="later"), delay("in a list", array=True),
        failed("429, again and again", {"status": 429, "error": {"retry_delay": "0.1s"}},
               "rate_limited", OFTEN, requests=2),
        failed("429, an hour", {"status": 429, "error": {"retry_delay": "3600s"}}, "rate_limited",
               OFTEN),
        failed("429, the day's", {"status": 429, "error": DAILY}, "rate_limited",
               "quota for today is used up"),
        again(WORDS, "503 with a delay", {"status": 503, "error": {"retry_delay": "0.1s"}},
              "unavailable"),
    ]


def refusals():
    return [
        failed("400", {"status": 400}, "bad_request", NOT_ACCEPTED),
        failed("400 in a list", {"status": 400, "error": {"array": True}}, "bad_request",
               NOT_ACCEPTED),
        failed("400, the wrong host", {"status": 400, "error": {
            "message": "Incorrect API endpoint used."}}, "bad_request", NOT_ACCEPTED,
            cause="Incorrect API endpoint"),
        failed("403", {"status": 403, "error": {"reason": "IAM_PERMISSION_DENIED"}}, "bad_request",
               WORDS.no_access, cause="IAM_PERMISSION_DENIED"),
        failed("404", {"status": 404}, "bad_request", "has not the app it is asked for"),
        failed("409", {"status": 409}, "bad_request", NOT_ACCEPTED),
        failed("501", {"status": 501}, "bad_request", NOT_ACCEPTED),
        failed("400 about the filter", {"status": 400, "error": {
            "message": "Unsupported field \"project_code\" in filter."}}, FILTER, NO_FILTER,
            question=HARBOR),
        failed("400 about a filter where there is none", {"status": 400, "error": {
            "message": "Invalid filter."}}, "bad_request", NOT_ACCEPTED),
    ]


def replies():
    def answer(name, how, rows=1, **more):
        return found(WORDS, name, {"answer": how}, tool={"status": "ok", "rows": rows}, **more)

    def unfit(name, documents, says, **more):
        return failed(name, {"answer": {"results": documents}}, FILTER, says, faults=[],
                      question=HARBOR, unsaid="Report", **more)
    apology = "A summary could not be made."
    skipped = {"summaryText": apology, "summarySkippedReasons": ["LLM_ADDON_NOT_ENABLED"]}
    return [
        answer("no hit", {}, rows=0), answer("no results", {"results": None}, rows=0),
        answer("an apology for a summary", {"results": [document(1)], "summary": skipped},
               unsaid=apology),
        answer("a summary of odd types", {"results": [document(1)], "summary": [5]}),
        answer("a hit without a document", {"results": [{"id": "d-1"}]}),
        answer("hits of odd types", {"results": [None, 5, {"document": "no"}, document(4)]},
               rows=4),
        answer("a total that is no number", {"results": [document(1)], "totalSize": "many"}),
        failed("results that are none", {"body": '{"results": 5}', **JSON}, "bad_reply",
               "cannot be read", faults=[]),
        found(WORDS, "a project's documents", {"answer": {"results": [document(1)]}},
              question=HARBOR, tool={"status": "ok", "rows": 1}),
        unfit("another project's document", [document(1), document(2, "MR-22-002")],
              "did not keep to the project filter"),
        unfit("nobody's document", [document(1, None)], "does not say whose project"),
    ]


def settings(emulator):
    return {**emulator.vertex_search_settings(), "vertex_search_project_field": "project_code",
            "vertex_search_retries": 1, "vertex_search_timeout": f"{15 * PATIENCE}s",
            "vertex_search_first_byte_timeout": f"{14 * PATIENCE}s", "local_tokens_per_second": 0}


def blocks():
    rows = [*common(WORDS), *tokens(WORDS), *limits(), *refusals(), *replies()]
    named = {"label": "vertex_search", "operations": ("search",)}
    return [Block("documents", "search", rows, QUESTION, LOG, settings, "vertex_search", **named),
            Block("documents token", "search", token_rows(WORDS, "Google refused us access"),
                  QUESTION, "no access token from Google", settings, "vertex_search",
                  ordered=True, prepare=prepare_token_row, **named)]
