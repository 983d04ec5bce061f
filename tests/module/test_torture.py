"""Memory runs out, at each allocation of each path of a request in turn: once, and from there on for a
while. The nginx worker lives on, whoever was served gets all of it or is told (an error status, or a
close), the next client is served as ever, and nothing is left behind.

A path of more allocations than its steps is walked with a stride; MR_TORTURE_STEPS sets another
number, 0 is every one."""

import os
import sys
import threading
from contextlib import nullcontext

import pytest

from harness.process import POLL_S
from harness.paths import ROOT, SANITIZED

sys.path.insert(0, str(ROOT / "tests/torture"))
import walk  # noqa: E402
from table import NEVER, Table  # noqa: E402

STEPS = {"once": 14, "for a while": 4}
if "MR_TORTURE_STEPS" in os.environ:
    STEPS = dict.fromkeys(STEPS, int(os.environ["MR_TORTURE_STEPS"]) or NEVER)
OUTAGE_S = 0.3
LEAKED = 40  # allocations more than before, over a whole walk of dozens of failures
NO_MEMORY = (r"\[(emerg|alert|crit)\] .*(malloc|memalign)\(.*failed|could not allocate new pool|"
             r"Cannot allocate memory")
PATHS = [walk.Handshake, walk.HandshakeDeflate, walk.Echo, walk.Fragments, walk.Deflated,
         walk.ManyMessages, walk.VoiceFrames, walk.Closing, walk.Resume, walk.Reconnect]

pytestmark = pytest.mark.skipif(SANITIZED, reason="the sanitizer has the allocations")


@pytest.fixture
def stack(make_stack, tmp_path, watch):
    watch.allow(NO_MEMORY)
    table = Table(tmp_path)
    stack = make_stack(locations=walk.LOCATIONS, settings={"local_tokens_per_second": 0},
                       env=table.env)
    stack.table = table
    table.pid = stack.nginx.worker_pids()[0]
    return stack


class Outage:
    """Memory is there again OUTAGE_S after the first failure."""

    def __init__(self, table):
        self.table = table
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.over.wait(POLL_S):
            if self.table.failed and self.table.armed:
                self.over.wait(OUTAGE_S)
                self.table.disarm()

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def survive(stack, path, first, last):
    """One walk over the path. How many allocations it asked for, and how many failed."""
    table = stack.table
    outage = Outage(table) if last == NEVER != first else nullcontext()
    return walk.survive(stack, path, lambda: table.arm(first, last), table.disarm, outage)


def still_serving(stack):
    walk.still_serving(stack, stack.table.pid)


def at_rest(stack):
    """Allocations that the worker process holds when no session is left."""
    walk.wait_for_rest(stack)
    return stack.table.live


@pytest.mark.parametrize("burst", STEPS)
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.__name__)
def test_no_memory(stack, path, burst):
    path = path()
    totals = []
    for _ in range(3):  # what is kept for good is made
        totals.append(survive(stack, path, NEVER, NEVER)[0])
        still_serving(stack)
    total = min(totals)  # of the path alone: timers and links ask for memory now and then as well
    assert total > 0, "the path asks for memory"
    before = at_rest(stack)
    stride = max(1, -(-total // STEPS[burst]))
    tried = 0
    for first in range(0, total, stride):
        asked, failed = survive(stack, path, first, first if burst == "once" else NEVER)
        if not failed:
            total = min(total, asked)  # the walks before had something beside the path
        stack.wait_linked()
        still_serving(stack)
        tried += failed > 0
    assert tried >= total // stride // 2, f"{tried} of {total // stride} have failed"
    grown = at_rest(stack) - before
    assert grown < LEAKED, f"{grown} allocations more than before, after {tried} failures"
