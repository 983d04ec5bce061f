"""Memory runs out (test_torture.py) while a question is asked over HTTP: whoever asked gets the whole
answer, an error of the server, or the end of the connection; limits and gauges are given back."""

import json

import pytest

import test_torture
import walk
from harness.metrics import scrape
from harness.process import wait_for
from harness.raw_ws import Refused, Response
from test_torture import STEPS, Table, pytestmark  # noqa: F401

LOCATIONS = walk.LOCATIONS + """
    location = /v1/small { mr_ws_http chat; client_max_body_size 8k; }
    mr_ws_session_log {directory}/sessions.log;
    mr_ws_subject $remote_addr;
    mr_ws_max_connections_per_address 100;
"""


@pytest.fixture
def stack(make_stack, tmp_path, watch):
    watch.allow(test_torture.NO_MEMORY)
    stack = make_stack(start=False, apps="chat,echo,tts", settings={"local_tokens_per_second": 0})
    stack.table = Table(tmp_path)
    stack.nginx.env = stack.table.env
    stack.nginx.locations = LOCATIONS.replace("{directory}", str(stack.directory))
    stack.start()
    stack.table.pid = stack.nginx.worker_pids()[0]
    return stack


class TooLarge(walk.HttpChat):
    """nginx's own refusal."""
    path = "/v1/small"
    body = b"x" * 9000

    def judge(self, status, head, body):
        if status != 413:
            raise Refused(Response(status, {}, body))
        assert json.loads(body)["error"]["code"] == "too_large"


@pytest.mark.parametrize("burst", STEPS)
@pytest.mark.parametrize("path", [walk.HttpChat, walk.HttpStream, walk.Speech, TooLarge],
                         ids=lambda path: path.__name__)
def test_no_memory(stack, path, burst):
    test_torture.test_no_memory(stack, path, burst)
    port = stack.nginx.http_port
    wait_for(lambda: not [key for key, value in scrape(port).samples.items() if value and (
        key.startswith("mr_ws_http_requests_in_flight") or key == "mr_ws_zone_names")],
             "nothing is in flight, and nobody is counted")
