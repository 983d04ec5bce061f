"""The stack most module tests share: one nginx worker, Redis, a worker that echoes."""

import pytest

from harness.proxy import Proxy
from harness.stack import shared_stack

LOCATIONS = """
    location = /ws/chat { mr_ws chat; }
    location = /ws/echo { mr_ws echo; }
    location = /ws/any-origin { mr_ws echo; mr_ws_origin any; }
    location = /ws/listed {
        mr_ws echo;
        mr_ws_origin https://app.example.com *.example.org http://local.test:8080
                     https://*.wild.example:* plain.example;
    }
    location = /ws/same-or-listed { mr_ws echo; mr_ws_origin same https://app.example.com; }
    location = /ws/small {
        mr_ws echo;
        mr_ws_max_frame 1k;
        mr_ws_max_message 4k;
        mr_ws_max_fragments 8;
    }
    location = /ws/conformance {
        mr_ws echo;
        mr_ws_max_frame 16m;
        mr_ws_max_message 16m;
        mr_ws_max_fragments 65536;
        mr_ws_send_limit 16m;
        mr_ws_violation_grace 1s;
        mr_ws_frame_rate 0;
        mr_ws_byte_rate 0;
    }
    location = /ws/deflate {
        mr_ws echo;
        mr_ws_deflate on;
        mr_ws_max_frame 256k;
        mr_ws_max_message 256k;
    }
    location = /ws/deflate-all {
        mr_ws chat;
        mr_ws_deflate on;
        mr_ws_deflate_min_size 1;
        mr_ws_deflate_level 9;
    }
    location = /ws/deflate-small {
        mr_ws echo;
        mr_ws_deflate on;
        mr_ws_deflate_window_bits 10;
        mr_ws_deflate_max_ratio 20;
        mr_ws_max_message 4m;
    }
    location = /ws/deflate-patient {
        mr_ws echo;
        mr_ws_deflate on;
        mr_ws_deflate_max_ratio 0;
        mr_ws_max_frame 2m;
        mr_ws_max_message 16m;
        mr_ws_violation_grace 1s;
    }
    location = /ws/large {
        mr_ws echo;
        mr_ws_max_frame 4m;
        mr_ws_max_message 4m;
        mr_ws_max_fragments 65535;
        mr_ws_send_limit 8m;
    }
    location = /ws/lively {
        mr_ws echo;
        mr_ws_ping_interval 1s;
        mr_ws_idle_timeout 3s;
    }
    location = /ws/unpinged {
        mr_ws echo;
        mr_ws_ping_interval 0;
        mr_ws_idle_timeout 2s;
    }
    location = /ws/strict { mr_ws chat; mr_ws_compat strict; }
    location = /ws/switched-off { mr_ws off; return 200 "plain"; }
    location = /ws/impatient { mr_ws echo; mr_ws_send_limit 64k; mr_ws_send_timeout 1s; }
"""


@pytest.fixture(scope="session")
def stack(data_dir):
    yield from shared_stack(data_dir, apps="echo", locations=LOCATIONS)


@pytest.fixture
def proxy(stack):
    """Between nginx and Redis. Only over a stack of the test's own."""
    with Proxy(stack.redis.socket) as proxy:
        stack.nginx.stop()
        stack.nginx.redis_url = f"redis://127.0.0.1:{proxy.port}"
        stack.nginx.start()
        stack.wait_linked()
        yield proxy


@pytest.fixture(params=["ws", "wss"])
def tls(request):
    return request.param == "wss"


@pytest.fixture
def port(stack, tls):
    return stack.nginx.https_port if tls else stack.nginx.http_port
