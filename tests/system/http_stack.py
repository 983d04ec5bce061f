"""Stacks of the tests of `POST /v1/chat`: one that answers as fast as it can, one that takes its
time. Imported by the files that need them."""

import pytest

from harness.stack import shared_stack

LOCATIONS = """
    location = /ws/chat { mr_ws chat; }
    location = /v1/chat { mr_ws_http chat; client_body_buffer_size 1k; client_max_body_size 2m; }
    location = /v1/slow-pings { mr_ws_http chat; mr_ws_ping_interval 1s; }
    location = /v1/impatient { mr_ws_http chat; mr_ws_http_timeout 1s; }
"""


@pytest.fixture(scope="module")
def fast(data_dir):
    yield from shared_stack(data_dir, workers=2, apps="chat", locations=LOCATIONS,
                            settings={"local_tokens_per_second": 0})


@pytest.fixture(scope="module")
def slow(data_dir):
    yield from shared_stack(data_dir, workers=2, apps="chat", locations=LOCATIONS,
                            settings={"local_tokens_per_second": 40})
