"""Provider × fault: what the user is told, how often the provider is asked, what the log says. The
rows are in fault_rows_*.py; they all run side by side before the first test looks at one."""

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

import fault_rows_bigquery
import fault_rows_data
import fault_rows_models
import fault_rows_nowhere
import fault_rows_powerbi
import fault_rows_vertex_search
from chat import Chat
from harness.emulator import KEY
from harness.protocol import check_v2_events, text_of
from harness.stack import shared_stack
from provider_fault_metrics import check_metrics
from provider_faults import SECRETS, TURN_BUDGET_S, check, outcomes, run_all

BLOCKS = [*fault_rows_models.blocks(), *fault_rows_data.blocks(), *fault_rows_bigquery.blocks(),
          *fault_rows_vertex_search.blocks(), *fault_rows_powerbi.blocks(),
          *fault_rows_nowhere.blocks()]
WITH_WORKERS = [block for block in BLOCKS if not block.worker]
TABLE = [pytest.param(block, row, id=f"{block.name}: {row.name}")
         for block in BLOCKS for row in block.rows]
AT_LEAST = 120


def stack_of(data_dir, block, emulator):
    return shared_stack(data_dir, apps="chat", settings={
        "turn_budget": f"{TURN_BUDGET_S}s", "metrics_listen": "127.0.0.1:0",
        "provider_http2": "false",  # rows run side by side: a connection that dies is one row's
        **block.settings(emulator)})


@pytest.fixture(scope="module")
def stacks(data_dir, running_emulator):
    running = {block.name: stack_of(data_dir, block, running_emulator) for block in WITH_WORKERS}
    with ThreadPoolExecutor(len(running)) as pool:
        started = dict(zip(running, pool.map(next, running.values())))
        yield {block.name: started[block.worker or block.name] for block in BLOCKS}
        list(pool.map(lambda one: next(one, None), running.values()))


@pytest.fixture(scope="module")
def table(stacks, running_emulator):
    return run_all(running_emulator, stacks, BLOCKS)


@pytest.mark.parametrize("block, row", TABLE)
def test_a_fault_is_said_and_costs_no_more_than_it_must(table, block, row):
    check(block, row, table[block.name, row.name])


def test_the_table_is_one(table):
    names = [(block.name, row.name) for block in BLOCKS for row in block.rows]
    assert len(set(names)) == len(names) >= AT_LEAST
    assert sum(sum(counts.values()) for counts in outcomes(BLOCKS).values()) == len(names)


def test_nobody_died_or_talked(table, stacks):
    """The workers are the same ones, take further turns, and have kept their secrets."""
    for block in BLOCKS:
        for worker in stacks[block.name].workers:
            assert worker.process.alive()
            text = worker.log.text()
            assert not [secret for secret in SECRETS if secret in text]


@pytest.mark.parametrize("block", WITH_WORKERS, ids=lambda block: block.name)
def test_the_metrics_say_the_same(table, stacks, block):
    check_metrics(stacks[block.name], [one for one in BLOCKS
                                       if (one.worker or one.name) == block.name], table)


# ---- nobody is there: one worker whose providers all stand at the same wrong place

QUESTION = 'How much have we invoiced on the Harbor Point project, and which CRM deals are open?'
PROVIDERS = ("openai", "anthropic", "gemini", "hubspot")


def everybody_at(url):
    """Each model has one task, with the embedded provider behind it; the answer is embedded."""
    return {**{f"{provider}_base_url": url for provider in PROVIDERS},
            **{f"{provider}_api_key": KEY for provider in PROVIDERS},
            **{f"{provider}_retries": 1 for provider in PROVIDERS},
            "extractor": "openai,embedded", "router": "anthropic,embedded",
            "merger": "gemini,embedded", "sql_writer": "embedded", "responder": "embedded",
            "hubspot_project_property": "project",
            "local_tokens_per_second": 0, "provider_connect_timeout": "2s"}


def nobody(running_emulator):
    """(place, how often each model is asked, its fault)"""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    return {"a closed port": (f"http://127.0.0.1:{port}", 2, "unavailable"),
            "a certificate of a stranger": (running_emulator.url(), 1, "unavailable"),
            "TLS where there is none": (f"https://127.0.0.1:{running_emulator.plain_port}", 1,
                                        "unavailable")}


@pytest.mark.parametrize("place", ["a closed port", "a certificate of a stranger",
                                   "TLS where there is none"])
def test_nobody_is_there(make_stack, running_emulator, place):
    """The turn is what it would be without them, and each of them is in the log."""
    url, tries, fault = nobody(running_emulator)[place]
    stack = make_stack(apps="chat", settings=everybody_at(url))
    with Chat(stack) as chat:
        events = chat.answer(QUESTION, 60)
        check_v2_events(events)
        assert events[-1]["status"] == "ok" and "Harbor Point" in text_of(events)
    [worker] = stack.workers
    for provider in ("openai", "anthropic", "gemini"):
        failed = worker.logged("language model call failed", provider=provider)
        assert [one["fault"] for one in failed] == [fault] * tries, failed
        assert worker.logged("provider failed, the next one is asked", provider=provider)
    failed = worker.logged("a call to a provider failed", provider="hubspot", operation="search")
    assert [one["fault"] for one in failed] == [fault] * tries, failed
    assert KEY not in worker.log.text()
