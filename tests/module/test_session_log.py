"""mr_ws_session_log: one line per ended connection, whatever a client puts into it, and USR1."""

import json
import signal

import pytest

from frame_cases import fragments
from harness.http import request
from harness.metrics import scrape
from harness.nginx import check_config
from harness.paths import MODULE
from harness.process import wait_for
from harness.raw_ws import BINARY, CLOSE, PING, RawWs, close_payload, frame

FIELDS = ["time", "session", "address", "subject", "app", "kind", "version", "duration_ms",
          "frames_in", "frames_out", "bytes_in", "bytes_out", "messages_in", "messages_out", "turns",
          "code", "closed_by", "reason", "trace"]

LOCATIONS = """
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;
    mr_ws_session_log {directory}/sessions.log;
    location = /ws/echo { mr_ws echo; mr_ws_subject $arg_user; }
    location = /ws/chat { mr_ws chat; mr_ws_subject $arg_user; }
    location = /ws/small { mr_ws echo; mr_ws_max_frame 125; }
    location = /ws/silent { mr_ws echo; mr_ws_session_log off; }
    location = /ws/other { mr_ws echo; mr_ws_session_log {directory}/other.log; }
"""


class Sessions:
    def __init__(self, stack, name="sessions.log"):
        self.path = stack.directory / name
        self.port = stack.nginx.http_port

    def lines(self):
        """Every one is a whole JSON object with all the fields, in their order."""
        text = self.path.read_text() if self.path.exists() else ""
        assert not text or text.endswith("\n")
        lines = [json.loads(line) for line in text.split("\n")[:-1]]
        for line in lines:
            assert list(line) == FIELDS
        return lines

    def wait(self, count):
        wait_for(lambda: len(self.lines()) >= count, f"{count} lines")
        assert len(self.lines()) == count
        return self.lines()


@pytest.fixture
def own(make_stack):
    stack = make_stack(start=False, apps="chat,echo")
    stack.nginx.locations = LOCATIONS.replace("{directory}", str(stack.directory))
    return stack.start()


def test_a_line_says_what_has_been(own):
    log = Sessions(own)
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = [("traceparent", f"00-{trace}-b7ad6b7169203331-01"), ("X-Real-IP", "192.0.2.7")]
    with RawWs.open(log.port, "/ws/echo?user=anna", headers=headers) as ws:
        ws.text("hello")
        ws.message()
        ws.send(fragments(BINARY, b"abcdef", 2))
        ws.message()
        ws.send_frame(PING)
        ws.frame()
        ws.close(4001, "see you")
    line, = log.wait(1)
    assert (line["address"], line["subject"]) == ("192.0.2.7", "anna")
    assert (line["app"], line["kind"], line["trace"]) == ("echo", "websocket", trace)
    assert line["version"] == 1
    assert (line["frames_in"], line["frames_out"]) == (6, 4)
    assert (line["messages_in"], line["messages_out"]) == (2, 2)
    assert line["bytes_in"] == 11 + 3 * 8 + 6 + 15
    assert line["bytes_out"] == 7 + 8 + 2 + 4
    assert (line["code"], line["closed_by"], line["reason"]) == (4001, "client", "see you")
    assert len(line["session"]) == 36 and line["turns"] == 0
    assert 0 <= line["duration_ms"] < 10_000


def test_turns_and_the_session_are_those_of_the_client(own):
    log = Sessions(own)
    with RawWs.open(log.port, "/ws/chat?user=bert", protocols=["mr.v2"]) as ws:
        session = ws.event()["session_id"]
        for _ in range(2):
            ws.json({"type": "ask", "message": "How many projects are there?"})
            ws.events_until("response_complete")
        ws.close()
    line, = log.wait(1)
    assert (line["session"], line["turns"], line["version"]) == (session, 2, 2)
    assert line["messages_in"] == 2 and line["messages_out"] > 4


ENDS = [
    ("a violation", frame(3), 1002, "server", "reserved opcode"),
    ("too big", frame(BINARY, b"", declared=126), 1009, "server", "frame too big"),
    ("no status", frame(CLOSE), 1005, "client", ""),
    ("gone", None, 1006, "client", ""),
]


@pytest.mark.parametrize("sent, code, by, reason", [row[1:] for row in ENDS],
                         ids=[row[0] for row in ENDS])
def test_who_ended_it_and_why(own, sent, code, by, reason):
    log = Sessions(own)
    with RawWs.open(log.port, "/ws/small") as ws:
        if sent:
            ws.send(sent)
            ws.close_frame()
    line, = log.wait(1)
    assert (line["code"], line["closed_by"]) == (code, by)
    assert reason in line["reason"]


INJECTIONS = [
    "quote \" and backslash \\",
    'x"}\n{"time":"forged"',
    "\r\n127.0.0.1 - forged",
    "nul \0 behind it",
    "\x1b[2Jescape \x7f \x9b31m",
    "unicode \u2028 \U0001F600 \u00e9",
    "\u0080" * 61,
    "\x01" * 123,
]


@pytest.mark.parametrize("reason", INJECTIONS, ids=range(len(INJECTIONS)))
def test_what_a_client_says_stays_inside_its_string(own, reason):
    log = Sessions(own)
    with RawWs.open(log.port) as ws:
        ws.close(1000, reason.encode())
    line, = log.wait(1)
    assert line["reason"] == reason
    raw = log.path.read_bytes()
    assert raw.count(b"\n") == 1
    assert not any(byte < 0x20 or byte == 0x7F for byte in raw.rstrip(b"\n"))
    assert not any(0x80 <= ord(char) < 0xA0 for char in raw.decode())


def test_a_name_of_255_bytes_and_the_longest_reason_fit(own):
    log = Sessions(own)
    with RawWs.open(log.port, f"/ws/echo?user={'a' * 255}") as ws:
        ws.close(1000, b"\x01" * 123)
    line, = log.wait(1)
    assert line["subject"] == "a" * 255 and line["reason"] == "\x01" * 123


def test_off_and_files_of_their_own(own):
    log, other = Sessions(own), Sessions(own, "other.log")
    for path in ("/ws/silent", "/ws/other", "/ws/echo"):
        with RawWs.open(log.port, path) as ws:
            ws.close()
    assert len(other.wait(1)) == 1
    assert len(log.wait(1)) == 1


def test_usr1_reopens_the_file(own):
    log = Sessions(own)
    with RawWs.open(log.port) as ws:
        ws.close(1000, "before")
    log.wait(1)
    moved = log.path.rename(own.directory / "sessions.1")
    with RawWs.open(log.port) as ws:
        ws.close(1000, "still the old one")
    own.nginx.process.send(signal.SIGUSR1)
    wait_for(log.path.exists, "the new file is there")
    reasons = lambda: [json.loads(line)["reason"] for line in moved.read_text().splitlines()]
    wait_for(lambda: reasons() == ["before", "still the old one"], "what was buffered went first")

    def in_the_new_file():
        with RawWs.open(log.port) as ws:
            ws.close(1000, "after")
        return log.lines()
    wait_for(in_the_new_file, "lines go to the new file")
    assert {line["reason"] for line in log.lines()} == {"after"}


def test_quit_and_reload_lose_no_line(own):
    log = Sessions(own)
    clients = [RawWs.open(log.port) for _ in range(20)]
    old = own.nginx.reload()
    for ws in clients:
        assert ws.close_frame()[0].code == 1001
        ws.drop()
    wait_for(lambda: not any(process.alive() for process in old), "the old processes are gone")
    assert len(log.wait(20)) == 20
    with RawWs.open(log.port) as ws:
        own.nginx.process.send(signal.SIGTERM)
        own.nginx.wait_gone()
    assert log.wait(21)[-1]["code"] == 1001


def test_many_at_once_are_whole_lines_of_two_processes(make_stack):
    stack = make_stack(start=False, apps="echo", processes=2)
    stack.nginx.locations = LOCATIONS.replace("{directory}", str(stack.directory))
    stack.start()
    log = Sessions(stack)
    for number in range(10):
        clients = [RawWs.open(log.port) for _ in range(60)]
        for ws in clients:
            ws.send_frame(CLOSE, close_payload(1000, f"{number}" * 100))
        for ws in clients:
            ws.close_frame()
            ws.drop()
    assert len(log.wait(600)) == 600
    assert scrape(log.port)['mr_ws_session_log_lines_total{outcome="written"}'] == 600


def test_a_full_disk_loses_lines_and_nothing_else(make_stack):
    stack = make_stack(start=False, apps="echo")
    stack.nginx.locations = "location = /ws/echo { mr_ws echo; mr_ws_session_log /dev/full; }"
    stack.start()
    port = stack.nginx.http_port
    for _ in range(3):
        with RawWs.open(port) as ws:
            ws.text("hello")
            assert ws.message().payload == b"hello"
            ws.close()
    wait_for(lambda: scrape(port)['mr_ws_session_log_lines_total{outcome="lost"}'] == 3,
             "the lines are counted as lost")
    assert request(port, "/healthz").status == 200
    assert "session log" in stack.nginx.log.text()


BAD = [
    ('""', "allowed: the path of a file, or off"),
    ("syslog:server=127.0.0.1", "allowed: the path of a file, or off"),
    ("logs/$host.log", "allowed: the path of a file, or off"),
    ("a b", "invalid number of arguments"),
    ("off; mr_ws_session_log off", "is duplicate"),
]


@pytest.mark.parametrize("value, complaint", BAD)
def test_a_bad_path_is_refused(tmp_path, value, complaint):
    code, said = check_config(tmp_path, f"""load_module {MODULE}; error_log stderr;
pid {tmp_path}/pid; events {{}} http {{ client_body_temp_path {tmp_path}/b;
proxy_temp_path {tmp_path}/p; fastcgi_temp_path {tmp_path}/f; uwsgi_temp_path {tmp_path}/u;
scgi_temp_path {tmp_path}/s; mr_ws_session_log {value}; server {{ listen 127.0.0.1:1; }} }}""")
    assert code == 1 and complaint in said, said
