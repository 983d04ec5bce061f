"""The worker's ready file exists exactly while the worker can do its work, and the log says why it
does not."""

import os
import signal
import time

import pytest

from harness.process import wait_for
from harness.proxy import Proxy
from harness.redis import Redis

LIMIT_S = 15.0
FAST = {"local_tokens_per_second": 0, "lease": "2s"}


@pytest.fixture
def stack(make_stack):
    return make_stack(apps="chat", settings=FAST)


def is_red(worker, *causes):
    """It was said once, with one of the causes."""
    wait_for(lambda: not worker.is_ready(), "the file is removed", LIMIT_S)
    said = [record["cause"] for record in worker.logged("not ready")]
    assert len(said) == 1 and any(cause in said[0] for cause in causes), said


def is_green_again(worker):
    wait_for(worker.is_ready, "the file is there again", LIMIT_S)
    said = worker.logged("ready again")
    assert len(said) == 1 and said[0]["after_ms"] >= 0, said


def test_a_file_of_a_killed_predecessor_does_not_count(stack):
    worker = stack.workers[0]
    worker.kill()
    assert worker.is_ready(), "nobody has removed it"
    stack.redis.kill()
    spawn = worker.spawn
    stale = worker.ready_file.read_text()
    spawn()
    worker.ready_file.write_text(stale)
    wait_for(lambda: worker.logged("redis connection failed"), "it has started", LIMIT_S)
    stack.redis.start()
    wait_for(worker.is_ready, "it is ready", LIMIT_S)
    assert worker.ready_file.read_text() != stale


def test_its_time_is_renewed(stack):
    worker = stack.workers[0]
    before = worker.ready_file.stat().st_mtime_ns
    wait_for(lambda: worker.ready_file.stat().st_mtime_ns > before, "it is renewed", LIMIT_S)
    assert int(worker.ready_file.read_text()) == worker.process.pid
    worker.freeze()
    os.utime(worker.ready_file, (0, 0))
    until = time.monotonic() + 0.6
    wait_for(lambda: time.monotonic() > until, "twice the interval")
    assert worker.ready_file.stat().st_mtime == 0, "a frozen worker shows by the file's age"
    worker.thaw()
    wait_for(lambda: worker.ready_file.stat().st_mtime > 0, "it is renewed", LIMIT_S)


def test_removed_by_hand_it_comes_back(stack):
    worker = stack.workers[0]
    worker.ready_file.unlink()
    wait_for(worker.is_ready, "it is there again", LIMIT_S)


def test_redis_killed_and_back(stack):
    worker = stack.workers[0]
    stack.redis.kill()
    is_red(worker, "link to redis is down")
    stack.redis.start()
    is_green_again(worker)


def test_redis_frozen_and_back(stack):
    worker = stack.workers[0]
    stack.redis.freeze()
    is_red(worker, "what is published does not arrive here", "link to redis is down", "no lease")
    stack.redis.thaw()
    is_green_again(worker)


def test_frozen_beyond_its_lease(stack):
    """It wakes up without a lease: not ready until it has a new one."""
    worker = stack.workers[0]
    worker.freeze()
    until = time.monotonic() + 2.6
    wait_for(lambda: time.monotonic() > until, "longer than the lease")
    worker.thaw()
    wait_for(lambda: worker.logged("lease lapsed: dropping every session"), "it knows", LIMIT_S)
    wait_for(lambda: worker.is_ready() and worker.logged("ready again"), "ready again", LIMIT_S)


def test_writes_refused(stack):
    worker = stack.workers[0]
    stack.redis.command("CONFIG", "SET", "maxmemory", "1")
    is_red(worker, "redis refuses to be written to: OOM command not allowed")
    stack.redis.command("CONFIG", "SET", "maxmemory", "0")
    is_green_again(worker)


def test_a_permission_taken_away(make_stack):
    stack = make_stack(apps="chat", settings=FAST)
    worker = stack.workers[0]
    stack.redis.command("ACL", "SETUSER", "default", "-xtrim", "-xgroup|create")
    is_red(worker, "not let its user run on keys or channels mr:*: xtrim, xgroup|create")
    stack.redis.command("ACL", "SETUSER", "default", "+@all")
    is_green_again(worker)


def test_subscribed_where_nobody_publishes(make_stack, tmp_path):
    stack = make_stack(apps="chat", settings=FAST)
    worker = stack.workers[0]
    worker.stop()
    other = Redis(tmp_path)
    other.start()
    with Proxy(stack.redis.socket) as proxy:
        worker.settings["redis"] = f"redis://127.0.0.1:{proxy.port}"
        worker.start()
        proxy.upstream = other.socket
        proxy.reset_all(only=b"mr-worker:subscriptions")
        wait_for(lambda: other.clients("subscriptions"), "it is there", LIMIT_S)
        lost = "connected, but delivers nothing that is published"
        wait_for(lambda: worker.logged("redis connection lost", cause=lost), "given up", LIMIT_S)
        assert not worker.is_ready()
        proxy.upstream = stack.redis.socket
        wait_for(worker.is_ready, "it is ready", LIMIT_S)
        worker.stop()
    other.stop()


@pytest.mark.parametrize("number, cause", [(signal.SIGTSTP, "quiet"), (signal.SIGTERM, "stopping")])
def test_asked_to_take_no_more(stack, number, cause):
    worker = stack.workers[0]
    worker.process.send(number)
    is_red(worker, cause)
    if number == signal.SIGTERM:
        assert worker.process.wait() == 0
