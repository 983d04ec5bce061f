"""What a worker's metrics have to say once its rows of the table of faults have been run. A metric
names no turn: so they are judged by their sums, against the log, the emulator and the rows."""

import re
from collections import Counter

from harness.metrics import scrape
from harness.process import wait_for

# The lines of failed tries, and the operation of those that do not name it.
FAILURES = {"a call to a provider failed": "", "language model call failed": "generate",
            "no access token from Google": "token", "no access token from Entra ID": "token"}
WITHOUT_FAULT = ("ok", "cancelled")
TOOLS = {"bigquery": "claude_sql"}  # in metrics, where that is another name
LIMIT_S = 30


def sums(samples, name, *labels):
    """Of a family's samples, by these of its labels; nothing that is nought."""
    found = Counter()
    for key, value in samples.items():
        family, _, words = key.partition("{")
        if family == "mr_worker_" + name:
            of = dict(re.findall(r'([a-z_]+)="([^"]*)"', words))
            found[tuple(of[label] for label in labels)] += value
    return +found


def compare(what, found, wanted):
    assert found == wanted, f"{what}: more {found - wanted}, less {wanted - found}"


def check_metrics(stack, blocks, table):
    """`blocks`: all that this worker had."""
    [worker] = stack.workers
    port = worker.metrics_port()
    wait_for(lambda: not sums(scrape(port).samples, "turns_running"), "all turns are over", LIMIT_S)
    now = scrape(port).samples
    requests = sums(now, "provider_request_duration_seconds_count", "provider", "operation",
                    "outcome")
    failed, again = Counter(), Counter()
    for message, operation in FAILURES.items():
        for one in worker.logged(message):
            failed[one["provider"], operation or one["operation"], one["fault"]] += 1
            if one["retry_in_ms"] >= 0:
                again[one["provider"], one["fault"]] += 1
    faults = Counter({of: count for of, count in requests.items() if of[2] not in WITHOUT_FAULT})
    compare("failed tries", faults, failed)
    compare("further tries", sums(now, "provider_retries_total", "provider", "reason"), again)
    check_requests(requests, blocks, table)
    check_turns(now, blocks)


def check_requests(requests, blocks, table):
    """Every request that the provider has seen, and no other."""
    asked, counted = Counter(), Counter()
    for block in blocks:
        label = block.label or block.provider
        asked[label] += sum(len(table[block.name, row.name].requests) for row in block.rows)
        counted[label] = sum(count for (provider, operation, _), count in requests.items()
                             if provider == label and operation in block.operations)
    compare("requests", counted, asked)


def check_turns(now, blocks):
    """Turns by how they ended, tools by what became of them: as the rows say."""
    turns, tools = Counter(), Counter()
    for block in blocks:
        for row in block.rows:
            turns[row.status,] += 1
            if block.tool:
                tools[TOOLS.get(block.tool, block.tool), row.tool["status"]] += 1
    compare("turns", sums(now, "turns_total", "outcome"), turns)
    found = sums(now, "tool_duration_seconds_count", "tool", "outcome")
    named = {tool for tool, _ in tools}
    compare("tools", Counter({of: count for of, count in found.items() if of[0] in named}), tools)
