"""Two workers and one account: what one has asked counts for the other, and a pause that one was
asked for is kept by both."""

import re
import signal

import pytest

from chat import Chat
from harness.emulator import KEY
from harness.process import wait_for
from harness.protocol import check_v2_events, text_of
from harness.stack import shared_stack
from test_redis_access import documented_rule

QUESTION = "Show me the open CRM deals over $40 million"
# A minute's one request, and a pause of a minute: far beyond what a turn may take.
LIMITED = {"turn_budget": "15s", "openai_requests_per_minute": 1}
PAUSED = {"queue": [{"when": {"path": "/search"}, "status": 429, "headers": {"retry-after": "60"},
                     "error": {"category": "RATE_LIMITS", "policyName": "SECONDLY"}}]}
LATE = "a call's turn would come too late for it, it is not made"


@pytest.fixture(scope="module")
def shared(data_dir, running_emulator):
    """The workers with no more rights in Redis than the documentation gives them."""
    for stack in shared_stack(data_dir, apps="chat", workers=2,
                              settings={**running_emulator.openai_settings(),
                                        **running_emulator.hubspot_settings(), **LIMITED}):
        name, *rule = documented_rule("worker")
        stack.redis.command("ACL", "SETUSER", name, "reset",
                            *(word.replace(">PASSWORD", ">secret") for word in rule))
        stack.move_to(stack.redis.url,
                      worker_url=stack.redis.url + "?user=mr-worker&password=secret")
        yield stack


def crm_error(events):
    [done] = [event for event in events
              if event["type"] == "tool_complete" and event["tool"] == "hubspot"]
    return done["error"]


def test_limits_hold_over_workers(shared, emulator):
    emulator.script(hubspot=PAUSED)
    with Chat(shared) as chat:
        events = chat.answer(QUESTION)
        check_v2_events(events)
        assert events[-1]["status"] == "ok"
        assert crm_error(events)["message"] == "HubSpot is asked too often at the moment"
        turn = events[-1]["turn_id"]
    [first] = [worker for worker in shared.workers if worker.logged("turn ended", turn=turn)]
    [second] = [worker for worker in shared.workers if worker is not first]
    first.process.send(signal.SIGTSTP)
    wait_for(lambda: not first.is_ready(), "the first one takes no more", 30)
    with Chat(shared) as chat:
        events = chat.answer(QUESTION)
        check_v2_events(events)
        late = "too many calls wait for HubSpot at the moment"
        assert (crm_error(events)["code"], crm_error(events)["message"]) == ("rate_limited", late)
        assert events[-1]["status"] == "error"
        assert "too many calls wait for OpenAI at the moment" in text_of(events)
        assert second.logged("turn ended", turn=events[-1]["turn_id"])
    for provider in ("openai", "hubspot"):
        assert second.logged(LATE, provider=provider) and not first.logged(LATE)
    assert len(emulator.ended("openai")) == 1
    searches = [one for one in emulator.requests("hubspot") if one["path"].endswith("/search")]
    assert len(searches) == 1
    keys = shared.redis.command("KEYS", "mr:rate:*")
    assert sorted(re.sub("[0-9a-f]{16}$", "", key) for key in keys) == [
        "mr:rate:hubspot:", "mr:rate:openai:"]
    assert not any(KEY in key for key in keys)
    assert not shared.redis.command("ACL", "LOG")
