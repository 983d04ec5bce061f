"""/metrics: the page, and that each metric moves for the reason it names."""

import re
import select
import signal
from pathlib import Path

import pytest

from frame_cases import fragments
from harness.deflate_ws import DeflateWs
from harness.http import request
from harness.metrics import scrape, Watched
from harness.process import wait_for
from harness.raw_ws import BINARY, CLOSE, PING, RawWs, Refused, TEXT, close_payload, frame, \
    request_text

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"


@pytest.fixture
def watched(stack):
    wait_for(lambda: scrape(stack.nginx.http_port)["mr_ws_connections"] == 0,
             "connections of earlier tests are gone")
    return Watched(stack.nginx.http_port)


def test_the_document_has_what_is_exported(stack):
    """Name, labels, type and meaning; nothing else on either side."""
    page = scrape(stack.nginx.http_port)
    exported = {}
    for name, kind in page.types.items():
        labels = {}
        for key in page.samples:
            found = re.fullmatch(re.escape(name) + r"\{(.*)\}", key)
            for label, value in re.findall(r'([a-z_]+)="([^"]*)"', found.group(1) if found else ""):
                values = labels.setdefault(label, [])
                if value not in values:
                    values.append(value)
        if name == "mr_ws_build_info":
            labels = {label: [] for label in labels}
        text = "; ".join(f"`{label}`" + (": " if values else "") + ", ".join(values)
                         for label, values in labels.items())
        exported[name] = (kind, text, page.helps[name])
    rows = re.findall(r"^\| `(mr_ws_[a-z_]+)` \| (\w+) \| (.*?) \| (.*?) \|$",
                      DOCUMENT.read_text(), re.M)
    written = {name: (kind, labels, words) for name, kind, labels, words in rows}
    assert len(rows) == len(written)
    assert written == exported


def test_names_keep_to_the_conventions(stack):
    page = scrape(stack.nginx.http_port)
    for name, kind in page.types.items():
        assert name.startswith("mr_ws_")
        assert name.endswith("_total") == (kind == "counter"), name
        assert not re.search(r"_(ms|milliseconds|kb|kib)(_|$)", name)


def test_other_methods_are_refused_and_head_has_no_body(stack):
    port = stack.nginx.http_port
    assert request(port, "/metrics", "HEAD").status == 200
    refused = request(port, "/metrics", "POST")
    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")


def echo_text(ws):
    ws.text("hello")
    assert ws.message().payload == b"hello"


def test_a_connection_from_its_handshake_to_its_end(watched):
    with RawWs.open(watched.port) as ws:
        echo_text(ws)
        ws.binary(b"x" * 200)
        ws.message()
        ws.send(fragments(TEXT, b"abc", 1))
        ws.message()
        ws.send_frame(PING, b"p")
        ws.frame()
        open_now = {"mr_ws_connections": 1, "mr_ws_sessions": 1,
                    "mr_ws_connections_accepted_total": 1, "mr_ws_sessions_created_total": 1,
                    'mr_ws_messages_total{direction="in",type="text"}': 2,
                    'mr_ws_messages_total{direction="in",type="binary"}': 1,
                    'mr_ws_messages_total{direction="out",type="text"}': 2,
                    'mr_ws_messages_total{direction="out",type="binary"}': 1,
                    'mr_ws_frames_total{direction="in"}': 6,
                    'mr_ws_frames_total{direction="out"}': 4,
                    'mr_ws_bytes_total{direction="in"}': 11 + 208 + 3 * 7 + 7,
                    'mr_ws_bytes_total{direction="out"}': 7 + 204 + 5 + 3,
                    "mr_ws_mail_stored_total": 3}
        watched.wait(open_now)
        ws.close()
    after = dict.fromkeys(("mr_ws_connections", "mr_ws_sessions", "mr_ws_queued_bytes"), 0)
    watched.wait(after | {'mr_ws_connections_closed_total{code="1000"}': 1,
                          'mr_ws_frames_total{direction="in"}': 7,
                          'mr_ws_frames_total{direction="out"}': 5})


BY_CODE = [
    ("a client's own", frame(CLOSE, close_payload(1001)), "1001"),
    ("a client's without a status", frame(CLOSE), "1005"),
    *((f"a client's {code}", frame(CLOSE, close_payload(code)), str(code))
      for code in (1003, 1011, 1012, 1013)),
    ("one of an application", frame(CLOSE, close_payload(4000)), "other"),
    ("a reserved opcode", frame(3), "1002"),
    ("text that is none", frame(TEXT, b"\xff"), "1007"),
    ("no close at all", None, "1006"),
]


@pytest.mark.parametrize("sent, code", [row[1:] for row in BY_CODE],
                         ids=[row[0] for row in BY_CODE])
def test_closes_by_code(watched, sent, code):
    with RawWs.open(watched.port) as ws:
        if sent:
            ws.send(sent)
            ws.close_frame()
    watched.wait({f'mr_ws_connections_closed_total{{code="{code}"}}': 1, "mr_ws_connections": 0})


LIMITS = [
    ("frame_size", "1009", frame(BINARY, b"", declared=1025)),
    ("message_size", "1009", fragments(TEXT, b"x" * 4097, 1024)),
    ("fragments", "1008", fragments(TEXT, b"x" * 9, 1)),
]


@pytest.mark.parametrize("limit, code, sent", LIMITS, ids=[row[0] for row in LIMITS])
def test_what_is_too_much_for_one_message(watched, limit, code, sent):
    with RawWs.open(watched.port, "/ws/small") as ws:
        ws.send(sent)
        assert ws.close_frame()[0].code == int(code)
    watched.wait({f'mr_ws_limit_hits_total{{limit="{limit}"}}': 1,
                  f'mr_ws_connections_closed_total{{code="{code}"}}': 1})
    hits = [key for key in watched.moved() if key.startswith("mr_ws_limit_hits_total")]
    assert hits == [f'mr_ws_limit_hits_total{{limit="{limit}"}}']


def test_compressed_bytes_before_and_after(watched):
    with DeflateWs.open(watched.port, "/ws/deflate") as ws:
        ws.send_message(TEXT, b"x" * 5000)
        assert ws.message().payload == b"x" * 5000
        ws.close()
    moved = watched.moved()
    for direction in ("in", "out"):
        bytes_of = {
            form: moved[f'mr_ws_deflate_bytes_total{{direction="{direction}",form="{form}"}}']
            for form in ("plain", "compressed")}
        assert bytes_of["plain"] == 5000
        assert 0 < bytes_of["compressed"] < 500


REFUSED = [
    ("handshake", "426", {"path": "/ws/echo", "headers": [("Sec-WebSocket-Version", "13")]}),
    ("forbidden", "403", {"path": "/ws/echo", "headers": [("Origin", "https://elsewhere.test")]}),
]


@pytest.mark.parametrize("reason, status, form", REFUSED)
def test_refused_handshakes(watched, reason, status, form):
    with pytest.raises(Refused) as refused:
        RawWs.open(watched.port, **form)
    assert refused.value.response.status == int(status)
    watched.wait({f'mr_ws_connections_refused_total{{reason="{reason}"}}': 1,
                  f'mr_ws_handshakes_failed_total{{status="{status}"}}': 1})
    assert set(watched.moved()) == {f'mr_ws_connections_refused_total{{reason="{reason}"}}',
                                    f'mr_ws_handshakes_failed_total{{status="{status}"}}'}


@pytest.mark.parametrize("method, headers, status", [
    ("POST", [("Upgrade", "websocket")], 405), ("GET", [("Upgrade", "other")], 400),
    ("GET", [], 426)])
def test_what_is_no_handshake_by_status(watched, method, headers, status):
    with RawWs(watched.port) as peer:
        peer.send(request_text("/ws/echo", [("Host", "localhost"), *headers], method))
        assert peer.read_response().status == status
    watched.wait({f'mr_ws_handshakes_failed_total{{status="{status}"}}': 1,
                  'mr_ws_connections_refused_total{reason="handshake"}': 1})


def test_a_message_that_inflates_too_much(watched):
    with DeflateWs.open(watched.port, "/ws/deflate-small") as ws:
        ws.send_message(BINARY, bytes(1 << 20), level=9)
        assert ws.close_frame()[0].code == 1009
    watched.wait({'mr_ws_limit_hits_total{limit="inflate"}': 1})


def test_a_wrong_resume_token(watched):
    token = "mr.resume." + "A" * 120 + ".1-1"
    with RawWs.open(watched.port, "/ws/chat", protocols=["mr.v2", token]) as ws:
        assert ws.event()["recovered"] is False
    watched.wait({'mr_ws_resumes_total{outcome="refused"}': 1})


def send_until_blocked(ws, data):
    ws.socket.setblocking(False)
    sent = True
    while sent:
        try:
            ws.socket.send(data)
        except BlockingIOError:
            sent = wait_writable(ws)
    ws.socket.setblocking(True)


def wait_writable(ws):
    return bool(select.select([], [ws.socket], [], 0.5)[1])


def test_a_client_that_does_not_read_is_paused_and_its_bytes_are_queued(watched):
    paused = 'mr_ws_connections_paused{by="output"}'
    with RawWs.open(watched.port, receive_buffer=4096) as ws:
        send_until_blocked(ws, frame(PING, b"p" * 125) * 500)
        wait_for(lambda: watched.moved().get(paused) == 1, "it is paused")
        assert watched.moved()["mr_ws_queued_bytes"] > 256 * 1024
        ws.reset()
    watched.wait({paused: 0, "mr_ws_queued_bytes": 0, "mr_ws_connections": 0})


def test_a_client_that_takes_nothing_is_cut(watched):
    with RawWs.open(watched.port, "/ws/impatient", receive_buffer=4096) as ws:
        send_until_blocked(ws, frame(PING, b"p" * 125) * 500)
        watched.wait({'mr_ws_limit_hits_total{limit="send_timeout"}': 1, "mr_ws_connections": 0,
                      "mr_ws_queued_bytes": 0,
                      'mr_ws_connections_closed_total{code="1006"}': 1})


def test_an_idle_client_is_closed_and_counted(watched):
    with RawWs.open(watched.port, "/ws/unpinged") as ws:
        assert ws.close_frame()[0].code == 1001
    watched.wait({'mr_ws_limit_hits_total{limit="idle_timeout"}': 1,
                  'mr_ws_connections_closed_total{code="1001"}': 1})


# --- with a worker that answers


def ask(ws, text="How many projects are there?"):
    ws.json({"type": "ask", "message": text})
    return ws.events_until("response_complete")


def test_turns_and_resumes(make_stack):
    stack = make_stack(apps="chat", locations="location = /ws/chat { mr_ws chat; }")
    watched = Watched(stack.nginx.http_port)
    with RawWs.open(watched.port, "/ws/chat", protocols=["mr.v2"]) as ws:
        token = ws.event()["resume_token"]
        last = ask(ws)[-1]["id"]
        watched.wait({"mr_ws_turns_begun_total": 1, "mr_ws_turns_ended_total": 1})
    with RawWs.open(watched.port, "/ws/chat",
                    protocols=["mr.v2", f"mr.resume.{token}.{last}"]) as ws:
        assert ws.event()["recovered"] is True
        watched.wait({'mr_ws_resumes_total{outcome="recovered"}': 1,
                      "mr_ws_sessions_created_total": 1})
    with RawWs.open(watched.port, "/ws/chat",
                    protocols=["mr.v2", f"mr.resume.{token}.9999-1"]) as ws:
        assert ws.event()["recovered"] is False
        moved = watched.moved()
        assert moved.get('mr_ws_resumes_total{outcome="snapshot"}', 0) \
            + moved.get('mr_ws_resumes_total{outcome="lost"}', 0) == 1


def test_mail_that_nobody_takes_and_links_that_break(make_stack):
    stack = make_stack(workers=0, apps="chat")
    port = stack.nginx.http_port
    watched = Watched(port)
    links = ("commands", "subscriptions")
    for link in links:
        assert watched.before[f'mr_ws_redis_links{{link="{link}"}}'] == 1
        assert watched.before[f'mr_ws_redis_links_up{{link="{link}"}}'] == 1
    wait_for(lambda: scrape(port)["mr_ws_redis_probe_seconds_count"] >= 2, "probes come back")
    page = scrape(port)
    assert 0 < page["mr_ws_redis_probe_seconds_sum"] < page["mr_ws_redis_probe_seconds_count"] * 2
    with RawWs.open(port, "/ws/chat", protocols=["mr.v2"]) as ws:
        ws.event()
        stack.redis.stop()
        for link in links:
            watched.wait({f'mr_ws_redis_links_up{{link="{link}"}}': -1})
        ws.json({"type": "ask", "message": "Is anybody there?"})
        assert ws.events_until("error")[-1]["code"] == "relay_unavailable"
        watched.wait({'mr_ws_mail_refused_total{reason="unavailable"}': 1})
        stack.redis.start()
        for link in links:
            watched.wait({f'mr_ws_redis_links_up{{link="{link}"}}': 0,
                          f'mr_ws_redis_reconnects_total{{link="{link}"}}': 1})
            assert scrape(port)[f'mr_ws_redis_failures_total{{link="{link}"}}'] >= 1


def test_mail_that_no_worker_would_take(make_stack):
    stack = make_stack(workers=0, apps="chat")
    watched = Watched(stack.nginx.http_port)
    with RawWs.open(watched.port, "/ws/chat", protocols=["mr.v2"]) as ws:
        ws.json({"type": "ask", "message": "Is anybody there?"})
        assert ws.events_until("error")[-1]["code"] == "no_worker"
    watched.wait({'mr_ws_mail_refused_total{reason="no_worker"}': 1})


def test_while_redis_stands_still(make_stack):
    """Commands are in flight, and a client that goes on sending is paused by the relay."""
    stack = make_stack(apps="echo")
    port = stack.nginx.http_port
    watched = Watched(port)
    with RawWs.open(port) as ws:
        ws.text("first")
        ws.message()
        stack.redis.process.send(signal.SIGSTOP)
        ws.send(frame(TEXT, b"x") * 100)
        wait_for(lambda: scrape(port)["mr_ws_redis_commands_in_flight"] >= 32, "mail is under way")
        watched.wait({'mr_ws_connections_paused{by="relay"}': 1})
        stack.redis.process.send(signal.SIGCONT)
        watched.wait({'mr_ws_connections_paused{by="relay"}': 0})
        wait_for(lambda: scrape(port)["mr_ws_redis_commands_in_flight"] == 0, "all is answered")
        assert scrape(port)["mr_ws_redis_commands_total"] >= watched.before[
            "mr_ws_redis_commands_total"] + 33
