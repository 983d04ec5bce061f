"""`POST /v1/chat` as a stream of events: what a v2 client gets over a WebSocket, resumed after a cut
without gap or repetition, at the reader's pace."""

import pytest

from chat import LONG_QUESTION, Chat, merged
from chaos.scripts import Script
from harness.http_chat import JSON, SSE, Events, HttpClient, ask, question
from harness.metrics import Watched
from harness.process import wait_for
from harness.protocol import check_v2_events, text_of
from harness.stack import shared_stack
from held import key
from http_stack import LOCATIONS, fast, slow  # noqa: F401 (fixtures)
from owners import owner

QUESTION = "How much have we invoiced on the Harbor Point project, and what is still open?"
BENCH = """
    location = /v1/bench { mr_ws_http bench; mr_ws_send_limit 64k; }
    location = /v1/stuck { mr_ws_http bench; mr_ws_send_limit 64k; mr_ws_send_timeout 2s; }
"""


@pytest.fixture(params=["http", "https"])
def tls(request):
    return request.param == "https"


def port_of(stack, tls=False):
    return stack.nginx.https_port if tls else stack.nginx.http_port


def told(events):
    """Without the gateway's own events."""
    return [event for event in events if "id" in event]


def test_the_events_are_those_of_a_websocket(fast, tls):
    with Chat(fast) as chat:
        expected = text_of(chat.answer(QUESTION))
    with Events(port_of(fast, tls), question(QUESTION), tls=tls) as stream:
        answer = stream.open()
        events = stream.all()
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-accel-buffering"] == "no"
    assert events[0]["type"] == "connected" and events[0]["v"] == 2
    assert len(check_v2_events(told(events))) == 1
    assert events[-1]["type"] == "response_complete" and text_of(events) == expected


def test_http_1_0_ends_with_the_connection(fast):
    with Events(port_of(fast), question("Hello"), version="HTTP/1.0") as stream:
        events = stream.all()
        assert not stream.chunked and events[-1]["type"] == "response_complete"


def test_events_come_as_they_are_made(slow, tls):
    """The first words are there while the answer is still being written."""
    with Events(port_of(slow, tls), question(LONG_QUESTION), tls=tls) as stream:
        stream.until("text_chunk")
        session = stream.token.split(".")[0]
        owner(slow, session)  # somebody still works on it
        assert stream.until("response_complete")[-1]["status"] == "ok"


@pytest.mark.parametrize("kind", ["connected", "turn_start", "tool_start", "text_chunk"])
def test_a_cut_stream_is_resumed(slow, kind):
    """At any point, and again and again: every event once, in order."""
    with Chat(slow) as chat:
        expected = text_of(chat.answer(LONG_QUESTION))
    parts = []
    stream = Events(port_of(slow), question(LONG_QUESTION))
    parts.append(stream.until(kind))
    stream.close()
    for _ in range(3):
        stream = Events(port_of(slow), resume=stream)
        parts.append([stream.event() for _ in range(4)])
        assert parts[-1][0]["type"] == "connected" and parts[-1][0]["recovered"] is True
        stream.close()
    with Events(port_of(slow), resume=stream) as last:
        parts.append(last.all())
    events = [event for part in parts for event in part]
    assert told(events) == merged(events), "something came twice or out of order"
    assert len(check_v2_events(told(events))) == 1 and text_of(events) == expected


def test_resumed_behind_the_end(fast):
    with Events(port_of(fast), question(QUESTION)) as stream:
        whole = stream.all()
    with Events(port_of(fast), resume=stream) as again:
        events = again.all()
    assert [event["type"] for event in events] == ["connected"] and events[0]["recovered"]
    stream.last = "0-0"
    with Events(port_of(fast), resume=stream) as again:
        assert told(again.all()) == told(whole)


def test_resuming_asks_nothing(fast):
    """A client that sends its request again, body and all, does not ask again."""
    with Events(port_of(fast), question(QUESTION)) as stream:
        stream.all()
    with Events(port_of(fast), question(QUESTION), resume=stream) as again:
        assert [event["type"] for event in again.all()] == ["connected"]


def test_a_position_that_the_log_does_not_know(fast):
    with Events(port_of(fast), question(QUESTION)) as stream:
        stream.all()
    session = stream.token.split(".")[0]
    wait_for(lambda: fast.redis.command("KEYS", f"mr:*:snap:{session}"), "there is a snapshot")
    stream.last = "999-7"
    with Events(port_of(fast), resume=stream) as again:
        events = again.all()
    assert events[0]["type"] == "connected" and events[0]["recovered"] is False
    assert events[1]["type"] == "text_snapshot"
    assert again.last == events[1]["id"], "from there it is resumed"


def test_the_conversation_goes_on(fast):
    with Events(port_of(fast), question(QUESTION)) as stream:
        stream.all()
    token = [("MR-Resume-Token", stream.token)]
    with Events(port_of(fast), question("and compared with last year?"), headers=token) as second:
        events = second.all()
    turns = check_v2_events(told(events))
    assert len(turns) == 1, "nothing of the first turn comes again"
    assert events[0]["session_id"] == stream.token.split(".")[0]


def test_a_client_that_goes_away_leaves_its_question(slow):
    stream = Events(port_of(slow), question(LONG_QUESTION))
    stream.until("text_chunk")
    stream.close()
    with Chat(slow, resume=(stream.token, stream.last)) as chat:
        assert chat.until("response_complete")[-1]["status"] == "ok"


def test_a_worker_that_dies_in_the_middle(make_stack):
    stack = make_stack(apps="chat", workers=2, locations=LOCATIONS,
                       settings={"local_tokens_per_second": 40, "lease": "1s"})
    with Chat(stack) as chat:
        expected = text_of(chat.answer(LONG_QUESTION))
    with Events(port_of(stack), question(LONG_QUESTION)) as stream:
        events = stream.until("text_chunk")
        owner(stack, stream.token.split(".")[0]).kill()
        events += stream.all()
    assert [event["attempt"] for event in events if event["type"] == "attempt"] == [2]
    assert len(check_v2_events(told(events))) == 1 and text_of(events) == expected


def test_refused_before_it_began(make_stack):
    stack = make_stack(apps="chat", workers=0, locations=LOCATIONS)
    with HttpClient(port_of(stack)) as client:
        got = client.post(question("Hello"), SSE).response()
    assert got.status == 503 and got.json["error"]["code"] == "no_worker"
    assert got.headers["content-type"] == "application/json"


def test_what_the_worker_refuses_is_an_event(fast):
    with Events(port_of(fast), b"{") as stream:
        events = stream.all()
    assert [event["type"] for event in events] == ["connected", "error"]
    assert events[1]["code"] == "bad_json"


def test_silence_is_broken_by_comments(make_stack):
    """No worker takes the question; then one does."""
    stack = make_stack(apps="chat", workers=1, locations=LOCATIONS, settings={"lease": "30s"})
    stack.workers[0].freeze()
    with Events(port_of(stack), question("Hello"), path="/v1/slow-pings") as stream:
        stream.until("queued")
        stream.until("queued", 15)
        stack.workers[0].thaw()
        assert stream.all()[-1]["type"] == "response_complete"
        assert stream.comments


# ---- a slow reader

@pytest.fixture(scope="module")
def bench(data_dir):
    yield from shared_stack(data_dir, workers=1, apps="bench", locations=LOCATIONS + BENCH,
                            settings={"text_window": "0ms"})


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_a_slow_reader_costs_bounded_memory(bench, tls):
    """8 MB wait in Redis, not in nginx; then all of it comes, once and in order."""
    script = Script(seed=11, chunks=500, size=16384, rate=0)
    before = bench.nginx.memory_kib()
    with Events(port_of(bench, tls), question(script.words), tls=tls, path="/v1/bench",
                receive_buffer=4096) as stream:
        stream.until("turn_start")
        session = stream.token.split(".")[0]
        wait_for(lambda: not bench.redis.command("HEXISTS", key(bench, "s", session), "own"),
                 "the whole answer is in the log, and the session has no owner any more", 60)
        assert bench.nginx.memory_kib() - before < 5 * 1024
        events = stream.all(120)
    ids = [tuple(map(int, event["id"].split("-"))) for event in told(events)]
    assert ids == sorted(set(ids)) and events[-1]["status"] == "ok"
    assert len(text_of(events)) == len(script.text())


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_a_reader_that_does_not_read_is_cut_and_may_come_back(bench, tls):
    script = Script(seed=13, chunks=500, size=16384, rate=0)
    cut = "the client took no data within mr_ws_send_timeout"
    before = bench.nginx.log.text().count(cut)
    watched = Watched(bench.nginx.http_port)
    with Events(port_of(bench, tls), question(script.words), tls=tls, path="/v1/stuck",
                receive_buffer=4096) as stream:
        first = stream.until("turn_start")
        wait_for(lambda: bench.nginx.log.text().count(cut) > before, "the stream is cut", 30)
        watched.wait({'mr_ws_http_streams_ended_total{reason="slow"}': 1,
                      'mr_ws_limit_hits_total{limit="send_timeout"}': 1})
    with Events(port_of(bench, tls), tls=tls, path="/v1/stuck", resume=stream) as again:
        rest = again.all(60)
    assert text_of(merged(first, rest)) == script.text()


# ---- drain

def test_a_reload_ends_streams_and_they_are_resumed(make_stack):
    stack = make_stack(apps="chat", workers=1, locations=LOCATIONS,
                       settings={"local_tokens_per_second": 20})
    with Events(port_of(stack), question(LONG_QUESTION)) as stream:
        events = stream.until("text_chunk")
        old = stack.nginx.reload()
        events += stream.all()
        assert events[-1]["type"] == "going_away"
    with Events(port_of(stack), resume=stream) as again:
        events += again.all()
    wait_for(lambda: not any(process.alive() for process in old), "the old processes go", 20)
    assert len(check_v2_events(told(events))) == 1
    assert events[-1]["type"] == "response_complete" and events[-1]["status"] == "ok"


def test_a_reload_waits_for_the_one_object(make_stack):
    stack = make_stack(apps="chat", workers=1, locations=LOCATIONS,
                       settings={"local_tokens_per_second": 40})
    with HttpClient(port_of(stack)) as client:
        with Chat(stack) as chat:
            client.post(question(LONG_QUESTION), [*JSON, ("MR-Resume-Token", chat.token)])
            chat.until("text_chunk")
        old = stack.nginx.reload()
        got = client.response()
    assert got.status == 200 and got.json["status"] == "ok"
    wait_for(lambda: not any(process.alive() for process in old), "the old processes go", 20)


def test_a_long_answer_as_one_object(bench, tls):
    script = Script(seed=12, chunks=500, size=16384, rate=0)
    got = ask(port_of(bench, tls), script.words, tls=tls, path="/v1/bench")
    assert got.status == 200 and got.json["response"] == script.text()
