"""Memory runs out (test_torture.py) while a question is asked over HTTP: whoever asked gets the whole
answer, an error of the server, or the end of the connection; limits and gauges are given back."""

import pytest

import test_torture
from harness.http_chat import JSON, SSE, HttpClient, question
from harness.metrics import scrape
from harness.process import wait_for
from harness.raw_ws import Refused
from test_torture import PATIENCE_S, Path, STEPS, Table, pytestmark  # noqa: F401

LOCATIONS = """
    location = /v1/chat { mr_ws_http chat; client_body_buffer_size 1k; client_max_body_size 8k; }
    mr_ws_session_log {directory}/sessions.log;
    mr_ws_subject $arg_user;
    mr_ws_max_connections_per_address 100;
"""


@pytest.fixture
def stack(make_stack, tmp_path, watch):
    watch.allow(test_torture.NO_MEMORY)
    stack = make_stack(start=False, settings={"local_tokens_per_second": 0})
    stack.table = Table(tmp_path)
    stack.nginx.env = stack.table.env
    stack.nginx.locations = test_torture.LOCATIONS + LOCATIONS.replace(
        "{directory}", str(stack.directory))
    stack.start()
    stack.table.pid = stack.nginx.worker_pids()[0]
    return stack


class Question(Path):
    headers = JSON
    body = question("How many projects do we have?", padding="x" * 2000)

    def answer(self, stack):
        """Everything up to the end of the connection."""
        path = "/v1/chat?user=anna"
        with HttpClient(stack.nginx.http_port) as client:
            client.post(self.body, [*self.headers, ("Connection", "close")], path)
            while client.more(PATIENCE_S):
                pass
            if b"\r\n\r\n" not in client.received:
                raise ConnectionResetError("no answer")
            got = client.head()
            chunks = got.headers.get("transfer-encoding") == "chunked"
            length = int(got.headers.get("content-length", -1))
            got.body = bytes(client.received)
            if len(got.body) < length or chunks and not got.body.endswith(b"0\r\n\r\n"):
                raise ConnectionResetError("half an answer")
        return got

    def run(self, stack, ws):
        got = self.answer(stack)
        if got.status != 200:
            raise Refused(got)
        self.judge(got)


class Object(Question):
    def judge(self, got):
        assert got.json["status"] == "ok" and got.json["response"]


class Stream(Question):
    headers = SSE

    def judge(self, got):
        assert b'"connected"' in got.body
        assert b'"response_complete"' in got.body or b'"error"' in got.body


class TooLarge(Question):
    """nginx's own refusal."""
    body = b"x" * 9000

    def run(self, stack, ws):
        got = self.answer(stack)
        if got.status != 413:
            raise Refused(got)
        assert got.json["error"]["code"] == "too_large"


@pytest.mark.parametrize("burst", STEPS)
@pytest.mark.parametrize("path", [Object, Stream, TooLarge], ids=lambda path: path.__name__)
def test_no_memory(stack, path, burst):
    test_torture.test_no_memory(stack, path, burst)
    port = stack.nginx.http_port
    wait_for(lambda: not [key for key, value in scrape(port).samples.items() if value and (
        key.startswith("mr_ws_http_requests_in_flight") or key == "mr_ws_zone_names")],
             "nothing is in flight, and nobody is counted")
