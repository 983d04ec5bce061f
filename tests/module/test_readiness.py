"""/healthz and /readyz, and what they are made of: a probe through publish and subscription, and a
worker's lease. Red with a named reason, one line in the log; green again by itself, one line."""

import re

import pytest

from harness.http import ready, request
from harness.process import wait_for
from harness.proxy import Proxy
from harness.raw_ws import RawWs
from harness.redis import Redis

LIMIT_S = 15.0
LOCATIONS = """
    location = /ws/echo { mr_ws echo; }
    location = /static { return 200 "static"; }
    location = /part { if ($arg_off) { return 418; } mr_ws_health live; }
"""


@pytest.fixture
def stack(make_stack):
    return make_stack(apps="echo", locations=LOCATIONS, settings={"lease": "2500ms"})


def becomes(stack, reason, limit_s=LIMIT_S):
    wait_for(lambda: ready(stack.nginx) == reason, f"/readyz says {reason}", limit_s)


def lines(stack, text):
    return [line for line in stack.nginx.log.text().splitlines() if text in line]


def went_red_and_green(stack, *causes):
    """Once each, with one of the causes; in this order."""
    red = [line for line in lines(stack, "delivery is broken: ") if "[notice]" in line]
    green = lines(stack, "delivery works again after ")
    assert len(red) == len(green) == 1, (red, green)
    assert any(cause in red[0] for cause in causes), red
    assert re.search(r"after \d+ ms", green[0])
    text = stack.nginx.log.text()
    assert text.index(red[0]) < text.index(green[0])


def echoes(stack):
    with RawWs.open(stack.nginx.http_port) as ws:
        ws.text("works")
        assert ws.message().payload == b"works"
        ws.close()


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_the_answer(stack, path, tls):
    becomes(stack, "ok")
    port = stack.nginx.https_port if tls else stack.nginx.http_port
    got = request(port, path, tls=tls)
    assert got.status == 200 and got.json == {"status": "ok"}
    assert got.headers["cache-control"] == "no-store"
    assert got.headers["content-type"] == "application/json"
    head = request(port, path, "HEAD", tls=tls)
    assert head.status == 200 and head.headers["content-length"] == got.headers["content-length"]
    for method in ("POST", "PUT", "DELETE"):
        refused = request(port, path, method, tls=tls)
        assert refused.status == 405 and refused.headers["allow"] == "GET, HEAD"
    assert not lines(stack, "delivery")


def test_inherited_by_an_if_block(stack):
    assert request(stack.nginx.http_port, "/part").status == 200
    assert request(stack.nginx.http_port, "/part?off=1").status == 418


def test_before_redis_is_there(make_stack):
    stack = make_stack(apps="echo", locations=LOCATIONS)
    for part in (stack.nginx, *stack.workers, stack.redis):
        part.stop()
    stack.nginx.start()
    assert ready(stack.nginx) in ("redis_down", "starting")
    wait_for(lambda: lines(stack, "delivery is broken: the commands link is down: connect failed"),
             "it is said", LIMIT_S)
    assert request(stack.nginx.http_port, "/healthz").status == 200
    stack.redis.start()
    becomes(stack, "no_worker")
    stack.workers[0].start()
    becomes(stack, "ok")
    went_red_and_green(stack, "the commands link is down")


def test_no_worker(stack):
    becomes(stack, "ok")
    stack.workers[0].stop()
    becomes(stack, "no_worker")
    stack.workers[0].start()
    becomes(stack, "ok")
    stack.workers[0].kill()
    becomes(stack, "no_worker")  # when its lease has run out
    assert len(lines(stack, "delivery is broken: no worker holds a lease")) == 2
    assert len(lines(stack, "delivery works again")) == 1


def test_redis_killed(stack):
    becomes(stack, "ok")
    stack.redis.kill()
    becomes(stack, "redis_down")
    stack.redis.start()
    becomes(stack, "ok")
    went_red_and_green(stack, "the commands link is down", "the subscriptions link is down")


def test_redis_frozen(stack):
    becomes(stack, "ok")
    stack.redis.freeze()
    wait_for(lambda: ready(stack.nginx) in ("no_delivery", "redis_down"), "it is noticed", LIMIT_S)
    assert request(stack.nginx.http_port, "/static").body == b"static"
    stack.redis.thaw()
    becomes(stack, "ok")
    went_red_and_green(stack, "what is published does not arrive", "link is down: does not answer")


def test_a_moment_does_not_turn_it_red(stack):
    """All links are cut, and are there again before the last probe is old."""
    becomes(stack, "ok")
    stack.redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    stack.redis.command("CLIENT", "KILL", "TYPE", "pubsub")
    wait_for(lambda: len(lines(stack, "subscriptions link ready")) == 2, "back", LIMIT_S)
    echoes(stack)
    assert not lines(stack, "delivery is broken")


def test_writes_refused(stack):
    """Publishing works all the time: the probe has to write as well."""
    becomes(stack, "ok")
    stack.redis.command("CONFIG", "SET", "maxmemory", "1")
    becomes(stack, "writes_refused")
    stack.redis.command("CONFIG", "SET", "maxmemory", "0")
    becomes(stack, "ok")
    went_red_and_green(stack, "it refuses to be written to: OOM command not allowed")


def test_subscribed_where_nobody_publishes(make_stack, tmp_path):
    """The subscriptions link leads to another server than the commands, as after a failover that
    only one of the two has noticed: every PING is answered, nothing arrives."""
    stack = make_stack(apps="echo", locations=LOCATIONS)
    other = Redis(tmp_path)
    other.start()
    stack.nginx.stop()
    with Proxy(stack.redis.socket) as proxy:
        stack.nginx.redis_url = f"redis://127.0.0.1:{proxy.port}"
        stack.nginx.start()
        becomes(stack, "ok")
        proxy.upstream = other.socket
        proxy.reset_all(only=b"-subscriptions")
        wait_for(lambda: other.clients("subscriptions"), "it is there", LIMIT_S)
        becomes(stack, "no_delivery")
        wait_for(lambda: lines(stack, "subscriptions link: is connected, but delivers nothing"),
                 "it is given up", LIMIT_S)
        proxy.upstream = stack.redis.socket
        becomes(stack, "ok")
        echoes(stack)
        stack.nginx.stop()
    other.stop()
    went_red_and_green(stack, "what is published does not arrive")

