"""What clients send stays what it is: it is never a command of Redis, never a line of a log that it
did not cause, and what was asked and answered is in no log. docs/security.md names these tests."""

import json
import re
from itertools import chain

import pytest

from chat import Chat
from harness.paths import ROOT
from harness.protocol import check_v2_events, text_of
from harness.raw_ws import RawWs, Refused
from harness.stack import shared_stack

LOCATIONS = "location = /ws/chat { mr_ws chat; }"
CANARY = "Zanzibar-Kumquat-7719"
ESCAPES = "\x1b[31m\x9b2J\u202e"

# Of a question: bytes that are syntax somewhere on their way.
SYNTAX = [
    "\r\n*1\r\n$8\r\nFLUSHALL\r\n",
    "*3\r\n$3\r\nSET\r\n$6\r\nstolen\r\n$1\r\n1\r\n",
    "$-1\r\n+OK\r\n-ERR no\r\n",
    "')) redis.call('FLUSHALL') --[[",
    "]=] return redis.call('CONFIG','GET','*') --",
    "{p00}:* mr:{p01}:s:x",
    "\u2028data: forged\n\nid: 9-9\nevent: response_complete\n\n",
    '","type":"response_complete","x":"',
    "\x00\x01\x1f",
    ESCAPES,
]

# Of a request: names and values of headers that somebody might log, store or obey. Bytes that HTTP
# forbids in a header are nginx's to refuse.
HEADERS = [
    ("User-Agent", "x\x1b[31mred"),
    ("X-Forwarded-For", "127.0.0.1\t2026/01/01 00:00:00 [alert] 1#1: forged"),
    ("traceparent", "00-*1-FLUSHALL-01"),
    ("Sec-WebSocket-Protocol", "mr.v2, mr.resume.FLUSHALL.0-0"),
    ("Sec-WebSocket-Protocol", "mr.v2, mr.resume.%0d%0aFLUSHALL.9-9"),
    ("Cookie", "session=*1$8FLUSHALL"),
    ("Authorization", "Bearer *1$8FLUSHALL"),
    ("Origin", "http://evil.example/\x1b]0;title\x07"),
]

FOREIGN = ("flushall", "config", "keys", "script|flush", "debug", "shutdown", "slaveof", "replicaof")
CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xe2\x80\xae|\xc2\x9b")
NGINX_LINE = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[[a-z]+\] \d+#\d+: ")


@pytest.fixture(scope="module")
def own_stack(data_dir):
    yield from shared_stack(data_dir, apps="chat", locations=LOCATIONS,
                            settings={"local_tokens_per_second": 0})


def commands(stack):
    """Those that Redis has executed, with their counts."""
    lines = stack.redis.command("INFO", "commandstats").splitlines()
    return {line.split(":")[0].removeprefix("cmdstat_"): int(line.split("=")[1].split(",")[0])
            for line in lines if line.startswith("cmdstat_")}


def check_redis(stack, before):
    now = commands(stack)
    assert {name: now.get(name, 0) - before.get(name, 0) for name in FOREIGN} == \
        dict.fromkeys(FOREIGN, 0)


def check_logs(stack):
    """Every line is one that we have written, whole, and nothing in it moves a terminal."""
    for log in stack.logs():
        data = log.path.read_bytes() if log.path.exists() else b""
        assert not CONTROL.search(data), f"{log.path.name}: {CONTROL.search(data)}"
    for line in stack.nginx.log.text().splitlines():
        assert NGINX_LINE.match(line), f"not nginx's line: {line!r}"
    for worker in stack.workers:
        for line in worker.log.text().splitlines():
            assert isinstance(json.loads(line), dict)


@pytest.mark.parametrize("syntax", SYNTAX, ids=range(len(SYNTAX)))
def test_a_question_is_data(own_stack, syntax):
    before = commands(own_stack)
    with Chat(own_stack) as chat:
        events = chat.answer(f"{syntax} invoices at Harbor Point {syntax}")
        check_v2_events(events)
        assert [event["type"] for event in events].count("response_complete") == 1
        assert chat.answer("And the change orders there?")[-1]["type"] == "response_complete"
        chat.send(type="ask", message="x", message_id=syntax, context={"note": syntax})
        chat.until("response_complete")
    check_redis(own_stack, before)
    check_logs(own_stack)


@pytest.mark.parametrize("name, value", HEADERS, ids=range(len(HEADERS)))
def test_a_header_is_data(own_stack, name, value):
    before = commands(own_stack)
    try:
        with RawWs.open(own_stack.nginx.http_port, "/ws/chat", headers=[(name, value)]) as ws:
            assert ws.event()["type"] == "connected"
    except Refused as refusal:
        assert 400 <= refusal.response.status < 500
    with Chat(own_stack) as chat:
        assert chat.answer("How much have we invoiced at Harbor Point?")[-1]["status"] == "ok"
    check_redis(own_stack, before)
    check_logs(own_stack)


def test_what_is_asked_and_answered_is_in_no_log(own_stack, company):
    """At the level that is the default: neither the question nor the answer nor the SQL made of it,
    nor what is wrong with a message."""
    vendor = company("SELECT name FROM vendors LIMIT 1")[0][0]
    with Chat(own_stack) as chat:
        answer = text_of(chat.answer(f"{CANARY}: what did {vendor} invoice at Harbor Point?"))
        chat.ws.text('{"type":"ask","message":"%s' % CANARY)  # no JSON
        assert chat.until("error")[-1]["code"] == "bad_json"
        chat.send(type=CANARY)
        assert chat.until("error")[-1]["code"] == "unsupported_type"
        token = chat.token
    sentence = max(answer.split("\n"), key=len)[:60]
    assert len(sentence) > 20
    logs = {log.path.name: log.text() for log in own_stack.logs()}
    for name, text in logs.items():
        for secret in (CANARY, sentence, vendor, "SELECT ", token):
            assert secret not in text, f"{name} has {secret!r}"
    assert any("turn" in text for text in logs.values()), "turns are logged at all"


def test_the_threat_model_names_tests_that_exist():
    page = (ROOT / "docs/security.md").read_text()
    named = re.findall(r"`(\w[\w.]*\.(?:py|cpp|mjs))(?:::(\w+))?`", page)
    assert len(named) > 40
    files = {path.name: path for path in chain((ROOT / "tests").rglob("*.py"),
                                               (ROOT / "tests/unit").glob("*.cpp"),
                                               (ROOT / "tests/web").rglob("*.test.mjs"))}
    for name, test in named:
        assert name in files, name
        assert re.search(rf"\b{test}\b", files[name].read_text()), f"{name}::{test}"
