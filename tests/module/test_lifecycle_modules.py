"""The module beside other modules of Debian, loaded in front of them and behind them. nchan brings a
Redis client of its own along, copies of the same functions as ours: each has to get its own."""

from pathlib import Path

import pytest

from harness.http import request
from harness.nginx import check_config, free_ports, user_line
from harness.paths import MODULE
from harness.process import wait_for
from harness.raw_ws import RawWs, Refused
from harness.redis import TcpClient

FOLDER = Path("/usr/lib/nginx/modules")
OTHERS = ["ngx_nchan_module", "ngx_http_headers_more_filter_module", "ngx_http_echo_module",
          "ngx_stream_module"]
LOADS = "\n".join(f"load_module {FOLDER}/{name}.so;" for name in OTHERS)
HTTP = """
    upstream theirs {{ nchan_redis_server redis://127.0.0.1:{redis}; }}
"""
LOCATIONS = """
    location = /ws/echo {{ mr_ws echo; more_set_headers "X-More: yes"; }}
    location = /said {{ echo "by echo"; }}
    location ~ ^/theirs/(\\w+)$ {{
        nchan_pubsub websocket http;
        nchan_channel_id $1;
        nchan_redis_pass theirs;
    }}
"""
STREAM = "stream {{ server {{ listen 127.0.0.1:{port}; proxy_pass unix:{dir}/inner.sock; }} }}"


def echoes(ws, text):
    ws.text(text)
    assert ws.message().payload == text.encode()


@pytest.fixture(params=["in front", "behind"])
def stack(request, make_stack):
    redis, port = free_ports(2)
    stack = make_stack(apps="echo", start=False, redis=(f"port {redis}", "bind 127.0.0.1"),
                       http=HTTP.format(redis=redis), locations=LOCATIONS.format())
    nginx = stack.nginx
    nginx.first, nginx.main = ("", LOADS) if request.param == "in front" else (LOADS, "")
    nginx.main += "\n" + STREAM.format(port=port, dir=nginx.directory)
    nginx.http += f" server {{ listen unix:{nginx.directory}/inner.sock; location / {{ mr_ws echo; }} }}"
    stack.stream_port, stack.redis_port = port, redis
    return stack.start()


def opened(stack, path):
    """As soon as nchan has its Redis: it answers 503 before."""
    def connect():
        try:
            return RawWs.open(stack.nginx.http_port, path)
        except Refused as refusal:
            assert refusal.response.status == 503
            return None
    return wait_for(connect, "nchan serves")


def test_ours_beside_a_stream_of_theirs(stack):
    with RawWs.open(stack.nginx.http_port) as ours:
        assert ours.response.headers["x-more"] == "yes", "other modules see the answer"
        with TcpClient(stack.redis_port) as redis, opened(stack, "/theirs/a") as theirs:
            wait_for(lambda: any("nchan" in one for one in redis("PUBSUB", "CHANNELS", "*")),
                     "nchan follows its channel")
            for number in range(20):
                ours.text(f"ours {number}")
                theirs.text(f"theirs {number}")
                assert ours.message().payload == f"ours {number}".encode()
                received = theirs.message()
                assert received.payload == f"theirs {number}".encode()
        ours.close()


def test_ours_through_their_proxy_and_beside_their_handlers(stack):
    with RawWs.open(stack.stream_port) as ws:
        echoes(ws, "through the stream module")
        ws.close()
    said = request(stack.nginx.http_port, "/said")
    assert said.status == 200 and said.headers["transfer-encoding"] == "chunked"


def test_a_reload_with_all_of_them(stack):
    with RawWs.open(stack.nginx.http_port) as left:
        echoes(left, "before")
        old = stack.nginx.reload()
        assert left.close_frame()[0].code == 1001
    wait_for(lambda: not any(worker.alive() for worker in old), "the old worker is gone", 20)
    with RawWs.open(stack.nginx.http_port) as ws:
        echoes(ws, "after")
        ws.close()


LOADING = [
    (f"load_module {MODULE}; load_module {MODULE};", 'module "ngx_mr_ws_module" is already loaded'),
    ("", 'unknown directive "mr_ws_redis"'),
    ("load_module /nonexistent/ngx_mr_ws_module.so;", "cannot open shared object file"),
]


@pytest.mark.parametrize("loads, complaint", LOADING)
def test_loading_it_wrongly(tmp_path, loads, complaint):
    code, said = check_config(tmp_path, f"""{user_line()}
{loads}
error_log stderr;
pid {tmp_path}/pid;
events {{}}
http {{ mr_ws_redis redis://127.0.0.1:6379; }}
""")
    assert code == 1 and complaint in said and "nginx.conf:" in said, said


def test_loading_it_behind_the_servers(tmp_path):
    code, said = check_config(tmp_path, f"""{user_line()}
error_log stderr;
pid {tmp_path}/pid;
events {{}}
http {{ }}
load_module {MODULE};
""")
    assert code == 1 and '"load_module" directive is specified too late' in said, said
