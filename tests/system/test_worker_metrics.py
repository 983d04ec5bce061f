"""The metrics of a worker: what one question moves, what the page never holds, and the small server
it stands on."""

import re
import signal
import subprocess

import pytest

from chat import Chat
from harness.emulator import KEY, MODEL
from harness.http import request
from harness.metrics import scrape
from harness.paths import WORKER
from harness.process import wait_for
from harness.stack import shared_stack

QUESTION = "Show me the open CRM deals over $40 million"
LIMIT_S = 30


@pytest.fixture(scope="module")
def shared(data_dir, running_emulator):
    settings = {**running_emulator.openai_settings(), **running_emulator.hubspot_settings(),
                "metrics_listen": "127.0.0.1:0", "lease": "3s"}
    yield from shared_stack(data_dir, apps="chat", settings=settings)


@pytest.fixture(scope="module")
def worker(shared):
    return shared.workers[0]


def series(name, suffix="", **labels):
    words = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return f"mr_worker_{name}{suffix}" + (f"{{{words}}}" if words else "")


def request_count(provider, operation, outcome="ok"):
    return series("provider_request_duration_seconds", "_count", provider=provider,
                  operation=operation, outcome=outcome)


ONCE = [
    series("turns_total", outcome="ok"),
    series("turn_duration_seconds", "_count", outcome="ok"),
    series("turn_wait_seconds", "_count"),
    *(series("phase_duration_seconds", "_count", phase=phase, outcome="ok")
      for phase in ("project_resolution", "routing", "tools", "merge", "response")),
    series("tool_duration_seconds", "_count", tool="hubspot", outcome="ok"),
    request_count("openai", "generate"),
    request_count("hubspot", "search"),
    request_count("hubspot", "labels"),
    series("provider_first_token_seconds", "_count", provider="openai", model=MODEL),
    series("rate_limit_wait_seconds", "_count", provider="hubspot"),
    series("claims_total", outcome="claimed"),
]


def test_one_question(shared, worker, emulator):
    port = worker.metrics_port()
    before = scrape(port).samples
    with Chat(shared) as chat:
        done = chat.answer(QUESTION)[-1]
        assert done["status"] == "ok"

        def page():
            now = scrape(port)
            return now if now[series("turns_running")] == 0 else None
        now = wait_for(page, "the turn is over", LIMIT_S)
        for name in ONCE:
            assert now[name] - before.get(name, 0) == 1, name
        for kind in ("input", "output"):
            tokens = now[series("tokens_total", provider="openai", model=MODEL, kind=kind)]
            assert tokens == done["usage"][f"{kind}_tokens"] > 0
        assert now[series("turn_duration_seconds", "_bucket", outcome="ok", le="+Inf")] == 1
        text = request(port, "/metrics").body.decode()
        for secret in (KEY, chat.session, done["turn_id"], "40 million"):
            assert secret not in text
    wait_for(lambda: scrape(port)[series("sessions")] == 0, "the session is given up", LIMIT_S)


def test_what_is_looked_up_at_a_scrape(worker, shared):
    now = scrape(worker.metrics_port())
    assert now[series("ready")] == 1 and now[series("rate_limits_shared")] == 1
    assert now[series("session_slots")] == 2000
    for link in ("commands", "jobs", "control", "subscriptions"):
        assert now[series("redis_links_up", link=link)] == 1
    assert [value for name, value in now.samples.items()
            if name.startswith("mr_worker_build_info{")] == [1]
    assert now["process_resident_memory_bytes"] > 1 << 20
    assert 0 < now["process_open_fds"] < now["process_max_fds"]
    assert now["process_cpu_seconds_total"] > 0
    assert now.types["process_cpu_seconds_total"] == "counter"
    assert now[series("doorbells_waiting")] == 0


def test_a_failed_call_counts_by_its_fault(shared, worker, emulator):
    port = worker.metrics_port()
    before = scrape(port).samples
    emulator.script(hubspot={"default": {"status": 403}}, openai={
        "queue": [{"status": 429, "headers": {"retry-after-ms": "1"}}]})
    with Chat(shared) as chat:
        assert chat.answer(QUESTION)[-1]["status"] == "ok"
    now = scrape(port).samples
    for name in (request_count("hubspot", "search", "bad_request"),
                 series("tool_duration_seconds", "_count", tool="hubspot", outcome="error"),
                 request_count("openai", "generate", "rate_limited"),
                 series("provider_retries_total", provider="openai", reason="rate_limited")):
        assert now[name] - before.get(name, 0) == 1, name


def test_health_readiness_and_doorbells_that_wait(shared):
    """A worker that takes no more says so; then nobody takes the doorbell, and it shows."""
    worker = shared.workers[0]
    port = worker.metrics_port()
    assert request(port, "/healthz").body == b"ok\n"
    assert request(port, "/readyz").body == b"ready\n"
    worker.process.send(signal.SIGTSTP)
    refused = wait_for(lambda: (lambda one: one if one.status == 503 else None)(
        request(port, "/readyz")), "it is not ready", LIMIT_S)
    assert refused.body == b"not ready: quiet\n"
    assert request(port, "/healthz").status == 200
    assert scrape(port)[series("ready")] == 0
    with Chat(shared) as chat:
        chat.ask(QUESTION)
        wait_for(lambda: scrape(port)[series("doorbells_waiting")] == 1, "it is seen", LIMIT_S)
        assert scrape(port)[series("doorbell_oldest_seconds")] > 0
        other = shared.add_worker("worker-2")
        chat.until("response_complete", LIMIT_S)
    wait_for(lambda: scrape(port)[series("doorbells_waiting")] == 0, "nothing waits", LIMIT_S)
    shared.workers.remove(other)
    other.stop()


def test_a_turn_that_is_taken_over(shared, emulator):
    """The worker of the tests before takes no more: this one's ends, the next one goes on."""
    emulator.script(openai={"default": {"tokens": 200, "rate": 50}})
    lost = shared.add_worker("worker-4")
    with Chat(shared) as chat:
        chat.ask(QUESTION)
        chat.until("text_chunk", LIMIT_S)
        lost.kill()
        heir = shared.add_worker("worker-5")
        chat.until("response_complete", LIMIT_S, status="ok")
    now = scrape(heir.metrics_port())
    assert now[series("turns_taken_over_total")] == 1
    assert now[series("doorbells_taken_over_total")] >= 1
    assert now[series("phase_duration_seconds", "_count", phase="routing", outcome="ok")] == 0
    assert now[series("phase_duration_seconds", "_count", phase="response", outcome="ok")] == 1
    assert now[series("loop_lag_seconds", "_count")] > 0
    for worker in (lost, heir):
        shared.workers.remove(worker)
        worker.stop()


def test_a_port_that_is_taken_and_an_address_that_is_none(shared):
    worker = shared.workers[0]
    taken = shared.make_worker("worker-3")
    taken.settings["metrics_listen"] = f"127.0.0.1:{worker.metrics_port()}"
    taken.spawn()
    wait_for(lambda: not taken.process.alive(), "it ends", LIMIT_S)
    [record] = taken.logged("mr-worker cannot go on")
    assert re.search(r"metrics cannot be served at 127\.0\.0\.1:\d+: Address already in use; "
                     "choose another metrics_listen", record["cause"])
    check = subprocess.run([WORKER, "--check-config", "--metrics-listen", "localhost:1"],
                           capture_output=True, text=True, check=False)
    assert check.returncode == 2
    assert "flag --metrics-listen: metrics_listen: 'localhost:1' is not a numeric" in check.stderr
