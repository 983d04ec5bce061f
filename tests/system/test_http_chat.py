"""`POST /v1/chat` as one object: the whole turn in one answer, or an error with its status."""

import pytest

from chat import LONG_QUESTION, Chat
from harness.http_chat import JSON, HttpClient, ask, question
from harness.process import wait_for
from harness.protocol import text_of
from http_stack import fast, slow  # noqa: F401 (fixtures)

QUESTION = "How much have we invoiced on the Harbor Point project, and what is still open?"
FIELDS = ["response", "sources", "phases", "tools", "session_id", "turn_id", "usage", "timings"]


@pytest.fixture(params=["http", "https"])
def tls(request):
    return request.param == "https"


def port_of(stack, tls=False):
    return stack.nginx.https_port if tls else stack.nginx.http_port


def test_one_object_holds_the_whole_turn(fast, tls):
    with Chat(fast) as chat:
        events = chat.answer(QUESTION)
    got = ask(port_of(fast, tls), QUESTION, tls=tls)
    assert got.status == 200 and got.headers["content-type"] == "application/json"
    assert got.headers["cache-control"] == "no-store"
    answer = got.json
    assert list(answer)[:8] == FIELDS and answer["status"] == "ok"
    assert answer["response"] == text_of(events)
    assert answer["sources"] == events[-1]["sources"]
    assert [phase["phase"] for phase in answer["phases"]] == [
        event["phase"] for event in events if event["type"] == "phase_start"]
    assert sorted((tool["tool"], tool["summary"], tool["status"]) for tool in answer["tools"]) == (
        sorted((event["tool"], event["summary"], event["status"])
               for event in events if event["type"] == "tool_complete"))
    assert answer["timings"]["total_ms"] >= 0 and len(answer["session_id"]) == 36


def test_other_clients_of_the_session_see_the_turn_and_not_the_object(fast):
    with Chat(fast) as chat:
        token = ("MR-Resume-Token", chat.token)
        got = ask(port_of(fast), QUESTION, headers=[*JSON, token])
        events = chat.until("response_complete")
        assert got.json["session_id"] == chat.session
        assert got.json["turn_id"] == events[-1]["turn_id"]
        assert got.json["response"] == text_of(events)
        chat.send(type="ping", t=1)
        assert chat.event()["type"] == "pong"


def test_the_conversation_goes_on_with_the_token(fast):
    first = ask(port_of(fast), QUESTION)
    token = first.headers["mr-resume-token"]
    second = ask(port_of(fast), "and compared with last year?",
                 headers=[*JSON, ("MR-Resume-Token", token)])
    assert second.status == 200 and second.json["session_id"] == first.json["session_id"]
    assert second.json["turn_id"] != first.json["turn_id"]
    lost = ask(port_of(fast), "and compared with last year?")
    assert lost.json["response"] != second.json["response"]


def test_keep_alive_serves_one_question_after_the_other(fast, tls):
    with HttpClient(port_of(fast, tls), tls=tls) as client:
        for _ in range(3):
            got = client.post(question("Hello")).response()
            assert got.status == 200 and got.json["response"]


@pytest.mark.parametrize("body, code", [
    (b"{", "bad_json"), (b"[]", "bad_request"), (b'{"message":1}', "bad_request"),
    (b'{"message":" "}', "empty_message"), (b'{"type":"dance","message":"x"}', "unsupported_type"),
    (b'{"type":"cancel"}', "unsupported_type"), (b"\xff\xfe", "bad_json"),
    pytest.param(question("x" * 40000), "too_large", id="long"),
])
def test_what_the_worker_refuses(fast, body, code):
    with HttpClient(port_of(fast)) as client:
        got = client.post(body).response()
    assert got.status == (413 if code == "too_large" else 400)
    error = got.json["error"]
    assert list(error) == ["code", "message", "trace_id"] and error["code"] == code
    assert len(error["trace_id"]) == 32


def test_the_trace_of_the_client_is_in_the_error(fast):
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = [*JSON, ("Traceparent", f"00-{trace}-b7ad6b7169203331-01")]
    with HttpClient(port_of(fast)) as client:
        assert client.post(b"{", headers).response().json["error"]["trace_id"] == trace


def test_one_question_asked_twice_is_answered_once(fast):
    """The same message_id: beside it, and after it."""
    first = ask(port_of(fast), QUESTION, message_id="m-1")
    headers = [*JSON, ("MR-Resume-Token", first.headers["mr-resume-token"])]
    again = ask(port_of(fast), QUESTION, headers=headers, message_id="m-1")
    assert again.status == 200
    assert again.json["turn_id"] == first.json["turn_id"]
    assert again.json["response"] == first.json["response"]


def test_two_requests_wait_for_one_turn(slow):
    with Chat(slow) as chat:
        headers = [*JSON, ("MR-Resume-Token", chat.token)]
        with HttpClient(port_of(slow)) as one, HttpClient(port_of(slow)) as two:
            body = question(LONG_QUESTION, message_id="m-2")
            one.post(body, headers)
            chat.until("text_chunk")
            two.post(body, headers)
            answers = [client.response() for client in (one, two)]
    assert [got.status for got in answers] == [200, 200]
    assert answers[0].json == answers[1].json


def test_busy_is_429(slow):
    with Chat(slow) as chat:
        chat.ask(LONG_QUESTION)
        chat.until("text_chunk")
        got = ask(port_of(slow), "Hello", headers=[*JSON, ("MR-Resume-Token", chat.token)],
                  on_busy="reject")
        assert got.status == 429 and got.json["error"]["code"] == "busy"
        assert int(got.headers["retry-after"]) >= 1


def test_a_client_that_goes_away_cancels_its_question(slow, tls):
    with Chat(slow) as chat:
        with HttpClient(port_of(slow, tls), tls=tls) as client:
            client.post(question(LONG_QUESTION), [*JSON, ("MR-Resume-Token", chat.token)])
            chat.until("text_chunk")
        events = chat.until("response_complete")
        assert events[-1]["status"] == "cancelled"
        assert [event["by"] for event in events if event["type"] == "cancelled"] == ["disconnect"]


def in_lane(stack, session):
    return "".join(str(stack.redis.command("XRANGE", key, "-", "+"))
                   for key in stack.redis.command("KEYS", f"mr:*:i:{session}"))


def test_a_client_that_goes_away_while_its_question_waits(slow):
    """The running answer is somebody else's and goes on."""
    with Chat(slow) as chat:
        chat.ask(LONG_QUESTION)
        chat.until("text_chunk")
        with HttpClient(port_of(slow)) as client:
            client.post(question("Hello"), [*JSON, ("MR-Resume-Token", chat.token)])
            wait_for(lambda: "Hello" in in_lane(slow, chat.session), "the question waits")
        assert chat.until("response_complete")[-1]["status"] == "ok"
        assert chat.until("response_complete")[-1]["status"] == "cancelled"


def test_a_worker_that_dies_in_the_middle(make_stack):
    from http_stack import LOCATIONS
    from owners import owner
    stack = make_stack(apps="chat", workers=2, locations=LOCATIONS,
                       settings={"local_tokens_per_second": 40, "lease": "1s"})
    whole = ask(port_of(stack), LONG_QUESTION).json
    with Chat(stack) as chat, HttpClient(port_of(stack)) as client:
        client.post(question(LONG_QUESTION), [*JSON, ("MR-Resume-Token", chat.token)])
        chat.until("text_chunk")
        owner(stack, chat.session).kill()
        got = client.response()
    assert got.status == 200 and got.json["response"] == whole["response"]


def test_too_long_is_504_and_cancelled(slow):
    with Chat(slow) as chat:
        got = ask(port_of(slow), LONG_QUESTION, path="/v1/impatient",
                  headers=[*JSON, ("MR-Resume-Token", chat.token)])
        assert got.status == 504 and got.json["error"]["code"] == "turn_timeout"
        assert chat.until("response_complete")[-1]["status"] == "cancelled"


def test_no_worker_is_503(make_stack):
    from http_stack import LOCATIONS
    stack = make_stack(apps="chat", workers=0, locations=LOCATIONS)
    got = ask(port_of(stack), "Hello")
    assert got.status == 503 and got.json["error"]["code"] == "no_worker"
    assert int(got.headers["retry-after"]) >= 1


def test_without_redis_is_503(make_stack):
    from http_stack import LOCATIONS
    stack = make_stack(apps="chat", workers=0, locations=LOCATIONS)
    stack.redis.stop()
    got = ask(port_of(stack), "Hello")
    assert got.status == 503 and got.json["error"]["code"] == "relay_unavailable"
    assert int(got.headers["retry-after"]) >= 1


def test_a_history_that_the_client_brings(fast):
    """A new session answers as the one in which the conversation was held."""
    first = ask(port_of(fast), QUESTION)
    held = ask(port_of(fast), "and compared with last year?",
               headers=[*JSON, ("MR-Resume-Token", first.headers["mr-resume-token"])])
    history = [{"role": "user", "content": QUESTION},
               {"role": "assistant", "content": first.json["response"]}]
    brought = ask(port_of(fast), "and compared with last year?", conversation_history=history)
    blank = ask(port_of(fast), "and compared with last year?")
    assert "Harbor Point" in brought.json["response"]
    assert "Harbor Point" in held.json["response"]
    assert "Harbor Point" not in blank.json["response"]


@pytest.mark.parametrize("history", [
    {}, "x", [1], [{"role": "system", "content": "x"}], [{"role": "user", "content": 1}]])
def test_a_history_of_another_form(fast, history):
    got = ask(port_of(fast), "Hello", conversation_history=history)
    assert got.status == 400 and got.json["error"]["code"] == "bad_request"
