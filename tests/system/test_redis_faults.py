"""Redis restarted, killed, frozen, cut off, slow, while answers stream to clients of every dialect:
with its data kept nobody loses or gets anything twice; nginx serves everything else all the time,
says what is wrong, and that it works again."""

import os
import signal
import time

import pytest

from faults import (AOF, LOCATIONS, RECOVERY_S, SLOW, Asking, all_ready, becomes, lines, logged,
                    red_and_green, said, static_served)
from harness.process import wait_for
from harness.proxy import Proxy


def pass_time(seconds):
    until = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() > until, "time passes", seconds + 5)


@pytest.mark.parametrize("fsync, how", [("always", "SIGTERM"), ("everysec", "kill -9")])
def test_restarted_with_an_append_only_file(make_stack, reference, fsync, how):
    stack = make_stack(apps="chat", workers=2, settings=SLOW, locations=LOCATIONS,
                       redis=[*AOF, f"appendfsync {fsync}"])
    with Asking(stack, reference) as asking:
        stack.redis.kill() if how == "kill -9" else stack.redis.stop()
        becomes(stack, "redis_down")
        static_served(stack)
        stack.redis.start()
        asking.all_exact()
        red_and_green(stack, "link is down: ")
        asking.go_on()


def test_frozen_for_ten_seconds(make_stack, reference):
    """Longer than the lease: the workers fence themselves, come back under new names, and take
    their sessions up again."""
    stack = make_stack(apps="chat", workers=2, settings={**SLOW, "lease": "5s"},
                       locations=LOCATIONS)
    with Asking(stack, reference) as asking:
        stack.redis.freeze()
        for _ in range(10):
            pass_time(1)
            static_served(stack)
        assert not any(worker.is_ready() for worker in stack.workers)
        stack.redis.thaw()
        asking.all_exact()
        assert len(logged(stack, "lease lapsed: dropping every session")) == 2
        assert len(logged(stack, "lease taken")) == 4, "twice by each"
        red_and_green(stack, "what is published does not arrive", "link is down: does not answer")
        asking.go_on()


def test_every_link_cut_again_and_again(make_stack, reference):
    stack = make_stack(apps="chat", workers=2, settings=SLOW, locations=LOCATIONS)
    with Asking(stack, reference) as asking:
        for _ in range(6):
            stack.redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            stack.redis.command("CLIENT", "KILL", "TYPE", "pubsub")
            pass_time(0.35)
        asking.all_exact()
        said(stack, "commands link: closed the connection")
        said(stack, "subscriptions link: closed the connection")
        wait_for(lambda: logged(stack, "redis connection lost", role="commands"), "the workers too")
        all_ready(stack)
        asking.go_on()


@pytest.fixture
def proxied(make_stack):
    """All links lead over one proxy that can be told to misbehave: the stack and the proxy."""
    stack = make_stack(apps="chat", workers=2, settings=SLOW, locations=LOCATIONS)
    with Proxy(stack.redis.socket) as proxy:
        stack.move_to(f"redis://127.0.0.1:{proxy.port}")
        yield stack, proxy
        for part in (stack.nginx, *stack.workers):
            part.stop()


def test_slow_lines(proxied, reference):
    stack, proxy = proxied
    proxy.set_mode("latency", delay_ms=50, jitter_ms=20)
    with Asking(stack, reference) as asking:
        asking.all_exact()
        asking.go_on()
    all_ready(stack)


def test_a_few_bytes_at_a_time(proxied, reference):
    """No reply comes whole. (Not by single bytes: a busy machine could not pass them in time.)"""
    stack, proxy = proxied
    proxy.set_mode("slice", direction="down", piece=7)
    with Asking(stack, reference, few=True) as asking:
        asking.all_exact()
        proxy.set_mode("pass")
        asking.go_on()


def test_cut_in_the_middle_of_a_reply(proxied, reference):
    stack, proxy = proxied
    with Asking(stack, reference) as asking:
        for count in (1, 7, 100, 333, 1000, 2500):
            proxy.cut_after(count)
            wait_for(lambda: proxy.budget["down"] is None, "the cut", RECOVERY_S)
        for count in (1, 50, 300):
            proxy.cut_after(count, direction="up")
            wait_for(lambda: proxy.budget["up"] is None, "the cut", RECOVERY_S)
        asking.all_exact()
        asking.go_on()
    assert proxy.cuts == 9


@pytest.mark.parametrize("how", ["stall", "blackhole", "half-open"])
def test_lines_that_die_without_a_word(proxied, reference, how):
    """Nothing comes any more, or nothing gets there, and no socket says so."""
    stack, proxy = proxied
    with Asking(stack, reference) as asking:
        if how == "half-open":
            proxy.half_open_all()
        else:
            proxy.set_mode(how)
        said(stack, "link: does not answer", "link: accepted the connection but does not answer")
        static_served(stack)
        proxy.set_mode("pass")
        asking.all_exact()
        all_ready(stack)
        asking.go_on()


def test_a_subscriber_that_is_too_slow_for_redis(make_stack, reference):
    """nginx is stopped while more is published to it than Redis keeps for a subscriber: Redis cuts
    the link, nginx reconnects and reads what it has missed from the log."""
    stack = make_stack(apps="chat", workers=2, settings=SLOW, locations=LOCATIONS,
                       redis=["client-output-buffer-limit pubsub 16kb 16kb 1"])
    with Asking(stack, reference) as asking:
        worker = stack.nginx.worker_processes()[0]
        os.kill(worker.pid, signal.SIGSTOP)
        channels = stack.redis.command("PUBSUB", "SHARDCHANNELS", "*:probe:*")
        assert len(channels) == 3, "of nginx and of each worker"

        def flooded():
            for channel in channels:
                for _ in range(20):
                    stack.redis.command("SPUBLISH", channel, "0" * 20000)
            return "for overcoming of output buffer limits" in stack.redis.log.text()
        wait_for(flooded, "Redis cuts it", RECOVERY_S)
        pass_time(3)  # longer than readiness waits
        os.kill(worker.pid, signal.SIGCONT)
        asking.all_exact()
        assert [line for cause in ("closed the connection", "write failed")
                for line in lines(stack, f"subscriptions link: {cause}")], "whichever it meets first"
        red_and_green(stack, "what is published does not arrive", "link is down: ")
        asking.go_on()
