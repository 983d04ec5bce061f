"""A table of what providers do wrong, and what a turn owes its user each time: the form of its
rows, how they are run, and how what came of one is judged. Every row is a turn of its own whose
question names it, so that the emulator can tell the rows apart and many run side by side.

A block is one provider as one worker is set up for it; a new provider is a block with rows of its
own (fault_rows_*.py), nothing here changes for it."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from chat import Chat
from harness.emulator import ENTRA_SECRET, KEY
from harness.paths import SANITIZED
from harness.protocol import check_v2_events, text_of

SECRETS = (KEY, ENTRA_SECRET, "PRIVATE KEY")
ISSUE = "I encountered an issue: "
PATIENCE = 2 if SANITIZED else 1
TURN_BUDGET_S = 25 * PATIENCE
TURN_LIMIT_S = 120     # of the test, for a turn that its budget should have ended long before
SIDE_BY_SIDE = 48      # turns of all blocks
# What rows do with time: short enough for a run of minutes, long enough for a busy machine.
SILENCE_S = 8 * PATIENCE
MODEL_TIMES = {"retries": 1, "first_byte_timeout": f"{SILENCE_S}s",
               "idle_timeout": f"{SILENCE_S}s"}


def words(count, more=0):
    """What the emulated models say."""
    return "".join(f"word{i:04}{'x' * more} " for i in range(count))


@dataclass
class Row:
    """`how`: the behaviour of the emulator towards every request of the row; a list: of the first
    ones, then it behaves well. `faults`: the fault of each request that failed, as the log has it
    (None: a race of two limits decides which); `outcome`: of the last one, as the metrics have it
    (empty: as `faults` says)."""
    name: str
    how: dict | list
    status: str = "ok"          # of the turn
    said: str = words(40)       # by the provider, before anything went wrong
    says: str = ""              # the user is told of it in words with this in them
    requests: int = 1
    faults: list | None = field(default_factory=list)
    outcome: str = ""
    prefix: bool = False        # a reset overtakes words: some of `said` is enough
    slow: bool = False          # takes seconds: begun first
    gone: bool = False          # the worker has to hang up
    tool: dict = field(default_factory=dict)  # of tool_complete, for providers that are tools
    path: str = ""              # of the requests that `how` is for, a part of it; empty: all
    question: str = ""          # instead of its block's
    cause: str = ""             # what the log says of the last failure
    unsaid: str = ""            # is in no event

    def failed(self):
        return self.status != "ok" or "code" in self.tool

    def last_outcome(self):
        """What a metric of calls counts this row under."""
        return self.outcome or (self.faults[-1] if self.failed() and self.faults else
                                "timeout" if self.failed() else "ok")


@dataclass
class Block:
    name: str
    provider: str      # of the emulator
    rows: list
    question: str      # with the row's mark in place of {}
    log: str           # the log line of a failed call
    settings: callable  # of the emulator: what its worker needs
    tool: str = ""              # its name on the wire; empty: it writes the answers
    ordered: bool = False       # one row at a time: what becomes of one is felt by the next
    prepare: callable = None    # of the emulator and a row, which no mark tells apart; alone then
    default: dict = None        # of the provider, where nothing is wrong
    others: callable = None     # of a mark: {provider: rules}, what further providers do
    worker: str = ""            # the block whose worker it has; empty: one of its own
    label: str = ""             # of the provider in metrics; empty: as the emulator's
    operations: tuple = ("generate",)  # of the requests that are counted, in metrics

    def mark(self, number):
        return f"{self.name} case {number:03}"


@dataclass
class Seen:
    """What came of a row."""
    events: list
    requests: list
    failures: list  # log records

    @property
    def end(self):
        return self.events[-1]


def scripts_of(blocks):
    """The script that gives each row its behaviour, by the mark in the request."""
    script = {}

    def part_of(provider):
        return script.setdefault(provider, {"rules": [], "queue": []})

    for block in blocks:
        part = part_of(block.provider)
        if block.default:
            part["default"] = block.default
        for number, row in enumerate(block.rows):
            mark = block.mark(number)
            for provider, rules in (block.others(mark) if block.others else {}).items():
                part_of(provider)["rules"] += rules
            if block.prepare:
                continue
            when = {"when": {"body": mark, **({"path": row.path} if row.path else {})}}
            if isinstance(row.how, list):
                part["queue"] += [{**how, **when} for how in row.how]
            else:
                well = {} if {"status", "body"} & row.how.keys() else block.default or {}
                part["rules"].append({**well, **row.how, **when})
    return script


def ask(stack, block, number):
    with Chat(stack, tls=False) as chat:
        question = block.rows[number].question or block.question
        return chat.answer(question.format(block.mark(number)), TURN_LIMIT_S)


def run_in_order(emulator, stack, block):
    answers = {}
    for number, row in enumerate(block.rows):
        if block.prepare:
            block.prepare(emulator, row)
        answers[block.name, row.name] = ask(stack, block, number)
    return answers


def run_all(emulator, stacks, blocks):
    """Every row of every block once; {(block, row): Seen}."""
    emulator.reset()
    for provider, script in scripts_of(blocks).items():  # together they are too large for one
        emulator.script(**{provider: script})
    apart = [(block, number) for block in blocks if not block.ordered
             for number in range(len(block.rows))]
    apart.sort(key=lambda one: not one[0].rows[one[1]].slow)
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        ordered = [pool.submit(run_in_order, emulator, stacks[block.name], block)
                   for block in blocks if block.ordered and not block.prepare]
        running = {(block.name, block.rows[number].name):
                   pool.submit(ask, stacks[block.name], block, number) for block, number in apart}
        answers = {key: answer.result() for key, answer in running.items()}
        for block in ordered:
            answers |= block.result()
    for block in blocks:
        if block.prepare:  # what they share with the others is theirs alone now
            answers |= run_in_order(emulator, stacks[block.name], block)
    return seen_of(emulator, stacks, blocks, answers)


def seen_of(emulator, stacks, blocks, answers):
    requests = emulator.requests()
    seen = {}
    for block in blocks:
        logged = [record for worker in stacks[block.name].workers
                  for record in worker.logged(block.log)]
        for number, row in enumerate(block.rows):
            events = answers[block.name, row.name]
            turn = next(event["turn_id"] for event in events if event.get("turn_id"))
            seen[block.name, row.name] = Seen(
                events,
                [one for one in requests
                 if one["provider"] == block.provider and block.mark(number) in one["body"]],
                [one for one in logged if one.get("step", "").startswith(turn + "/")])
    return seen


# ---- judgement

def check(block, row, seen):
    check_v2_events(seen.events)
    if block.tool:
        check_tool(block.tool, row, seen)
    else:
        check_answer(row, seen)
    assert len(seen.requests) == row.requests, [one["outcome"] for one in seen.requests]
    assert not [one["problem"] for one in seen.requests if one["problem"]]
    assert all(one["closed"] is not None for one in seen.requests if row.gone)
    if row.faults is not None:
        assert [one["fault"] for one in seen.failures] == row.faults, seen.failures
    assert row.cause in "".join(one["cause"] for one in seen.failures[-1:]), seen.failures
    for record in seen.failures:
        assert record["level"] == "warn" and record["provider"] and record["cause"], record
    # Each one says when it is tried again, the last one of a call that failed that it is not.
    waits = [record["retry_in_ms"] for record in seen.failures]
    assert all(wait >= 0 for wait in (waits[:-1] if row.failed() else waits)), waits
    assert waits[-1:] in ([], [-1]) or not row.failed(), waits
    said = json.dumps([seen.events, seen.failures])
    assert not [secret for secret in SECRETS if secret in said]
    assert not row.unsaid or row.unsaid not in json.dumps(seen.events)


def check_answer(row, seen):
    text = text_of(seen.events)
    assert seen.end["status"] == row.status, (seen.end["status"], text[-200:])
    if row.status == "ok":
        assert text == (row.says or row.said), text[-200:]
        return
    said, issue, trouble = text.rpartition(ISSUE)
    assert issue and row.says in trouble, text[-200:]
    if row.status == "error":
        assert said == "", "an error has no text in front of it"
    elif row.prefix:
        assert said.endswith("\n\n") and row.said.startswith(said[:-2]) and len(said) > 2
    else:
        assert said == row.said + "\n\n"


def check_tool(tool, row, seen):
    """Whatever the tool came to, the turn has its answer."""
    assert seen.end["status"] == "ok" and text_of(seen.events)
    [done] = [event for event in seen.events
              if event["type"] == "tool_complete" and event["tool"] == tool]
    wanted = dict(row.tool)
    code = wanted.pop("code", None)
    assert {name: done.get(name) for name in wanted} == wanted, done
    assert done.get("error", {}).get("code") == code, done
    assert row.says in str(done.get("error", {}).get("message", "")), done


def outcomes(blocks):
    """How many rows of each block end in each outcome: what the metrics have to add up to."""
    return {block.name: Counter(row.last_outcome() for row in block.rows) for block in blocks}
