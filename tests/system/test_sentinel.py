"""Failover under Sentinel while answers stream: the primary killed, frozen and thawed, or replaced
by command. Every client gets each event once and in order to one end, sessions go on, and all
links end up at the new primary."""

import pytest

from chat import Chat
from failover import (LONG, SHORT, SLOW, Audience, announced_losses, ask, check_answered,
                      check_links, check_with_losses, outcome, reference)
from harness.process import wait_for
from harness.protocol import check_v2_events
from harness.raw_ws import RawWs
from harness.sentinel import sentinels
from harness.tls import certificate


def take_down(stack, how):
    """Returns the primary that was."""
    old = stack.redis.primary()
    if how == "killed":
        old.kill()
    elif how == "frozen":
        old.freeze()
    else:
        stack.redis.failover()
    return old


def bring_back(old, how):
    if how == "killed":
        old.start()
    elif how == "frozen":
        old.thaw()


def owned(stack, chat):
    key = stack.redis.command("KEYS", f"mr:*:s:{chat.session}")[0]
    return stack.redis.command("HEXISTS", key, "own")


@pytest.mark.parametrize("how", ["killed", "frozen", "by command"])
def test_failover_under_streaming_answers(make_stack, how):
    stack = make_stack(apps="chat", workers=2, processes=2, group=sentinels(), settings=SLOW)
    with Audience(stack) as audience, Chat(stack) as curious:
        audience.begin()
        old = take_down(stack, how)
        asked = ask(curious)
        new = stack.redis.wait_moved(old)
        bring_back(old, how)  # it says that it is the primary, until the sentinels convert it
        check_links(stack, old)
        audience.finish()
        audience.check_lossless()
        turn = outcome(curious, asked)  # or refused, and perhaps answered later all the same
        assert turn is None or check_v2_events(turn)
        check_answered(curious)
        audience.check_afterwards()
        stack.redis.wait_replica(old)
        assert stack.redis.primary() is new
        check_links(stack, old)
        audience.check_afterwards()


def test_there_and_back_again(make_stack):
    """A failover, and another one back to the first primary, each under its own answers."""
    stack = make_stack(apps="chat", workers=2, group=sentinels(), settings=SLOW)
    with Audience(stack, v2=2, v1=1) as audience:
        for _ in range(2):
            stack.redis.wait_settled()
            audience.begin()
            old = stack.redis.failover()
            stack.redis.wait_moved(old)
            check_links(stack, old)
            audience.finish()
            audience.check_lossless()
            audience.check_afterwards()
            stack.redis.wait_replica(old)


def test_writes_need_a_replica(make_stack):
    """The configuration that operations.md recommends: a demoted primary refuses writes at once,
    so nothing can be lost, whoever notices when."""
    stack = make_stack(apps="chat", workers=2, settings=SLOW, group=sentinels(
        replicas=2, options=["min-replicas-to-write 1", "min-replicas-max-lag 10"]))
    with Audience(stack) as audience:
        audience.begin()
        old = stack.redis.failover()
        stack.redis.wait_moved(old)
        audience.finish()
        audience.check_lossless()
        check_links(stack, old)
        audience.check_afterwards()


def test_lost_writes_are_put_back_by_live_workers(make_stack):
    """The replica lacks the last second; the workers still have it, and no client notices."""
    stack = make_stack(apps="chat", workers=2, group=sentinels(), settings=SLOW)
    with Audience(stack) as audience:
        audience.begin()
        stack.redis.cut_replication()
        for chat in audience.chats:
            audience.seen[chat] += [chat.event() for _ in range(8)]
        old = take_down(stack, "killed")
        stack.redis.wait_moved(old)
        audience.finish()
        audience.check_lossless()
        assert any("appending them again" in worker.log.text() for worker in stack.workers)
        audience.check_afterwards()


def test_lost_writes_and_lost_workers_are_announced(make_stack):
    """Nobody is left who knows them: the clients are told, and the turns go on."""
    stack = make_stack(apps="chat", workers=2, group=sentinels(),
                       settings={**SLOW, "lease": "2s"})
    with Chat(stack) as chat, RawWs.open(stack.nginx.http_port, "/ws/chat") as v1:
        v1.event()
        whole = reference(stack, LONG)
        chat.ask(LONG)
        v1.json({"message": LONG})
        events = chat.until("text_chunk")
        v1_events = v1.events_until("text_chunk")
        stack.redis.cut_replication()
        events += [chat.event() for _ in range(8)]
        old = take_down(stack, "killed")
        for worker in stack.workers:
            worker.kill()
        stack.redis.wait_moved(old)
        for worker in stack.workers:
            worker.start()
        events += chat.until("response_complete", 60)
        assert announced_losses(events) == 1
        check_with_losses(events, whole)
        v1_events += v1.events_until("response_complete", 60)
        assert [event["type"] for event in v1_events].count("response_complete") == 1
        check_answered(chat)


def test_a_question_that_redis_has_lost_is_refused(make_stack):
    """Stored, then forgotten, and the workers that might know of it are dead."""
    stack = make_stack(apps="chat", workers=1, group=sentinels(), settings=SLOW)
    with Chat(stack) as chat, RawWs.open(stack.nginx.http_port, "/ws/chat") as v1:
        v1.event()
        chat.answer(SHORT)
        wait_for(lambda: not stack.redis.command("KEYS", "mr:*:i:*") and not owned(stack, chat),
                 "the worker has let the session go")
        stack.redis.cut_replication()
        stack.workers[0].kill()
        chat.ask(LONG)
        v1.json({"message": LONG})
        wait_for(lambda: len(stack.redis.command("KEYS", "mr:*:i:*")) == 2, "both are stored")
        old = take_down(stack, "killed")
        stack.redis.wait_moved(old)
        for events in (chat.until("response_complete", 60),
                       v1.events_until("response_complete", 60)):
            assert [e["code"] for e in events if e["type"] == "error"] == ["relay_unavailable"]
        stack.workers[0].start()
        check_answered(chat)
        v1.json({"message": SHORT})
        assert v1.events_until("response_complete", 30)[-1]["status"] == "ok"


def test_over_tls(make_stack):
    url_options = f"?tls=on&ca_file={certificate()}/cert.pem"
    stack = make_stack(apps="chat", workers=1, settings=SLOW,
                       group=sentinels(tls=True, url_options=url_options))
    with Audience(stack, v2=1, v1=1, idle=1) as audience:
        audience.begin()
        old = take_down(stack, "killed")
        stack.redis.wait_moved(old)
        audience.finish()
        audience.check_lossless()
        check_links(stack, old)
