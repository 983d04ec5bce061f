"""Fixtures of all suites: stacks of real processes, and a watch that fails a test when a log holds
something grave or a process is left behind."""

import os
import re
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness.paths import ARTIFACTS, require_binaries  # noqa: E402
from harness.process import Process  # noqa: E402
from harness.stack import Stack  # noqa: E402


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    setattr(item, f"report_{call.when}", outcome.get_result())


class Watch:
    """Looks at the logs of every live stack after each test."""

    def __init__(self):
        self.allowed = []

    def allow(self, pattern):
        """Lines of this form are part of what the test provokes."""
        self.allowed.append(re.compile(pattern))

    def grave_lines(self):
        lines = [line for stack in Stack.live for log in stack.logs() for line in log.grave_lines()]
        return [line for line in lines if not any(form.search(line) for form in self.allowed)]


def keep_logs(name):
    for number, stack in enumerate(Stack.live):
        target = ARTIFACTS / re.sub(r"[^A-Za-z0-9_.-]+", "-", name)[:120] / f"stack-{number}"
        target.mkdir(parents=True, exist_ok=True)
        for path in [*(log.path for log in stack.logs()), stack.nginx.config]:
            if path.exists():
                shutil.copy(path, target / path.name)


def end_leftovers(before):
    left = [process for process in Process.started if process.alive() and process not in before]
    for process in left:
        children = process.identity.children()  # nginx's workers outlive a killed master
        process.kill()
        for child in children:
            if child.alive():
                os.kill(child.pid, signal.SIGKILL)
    return [f"{process.name} (pid {process.pid})" for process in left]


@pytest.fixture(autouse=True)
def watch(request):
    """Set up before and torn down after every other fixture of the test."""
    stacks = list(Stack.live)
    running = [process for process in Process.started if process.alive()]
    eye = Watch()
    yield eye
    grave = eye.grave_lines()
    left = end_leftovers(running)
    failed = any(getattr(report, "failed", False) for report in
                 (getattr(request.node, "report_setup", None),
                  getattr(request.node, "report_call", None)))
    if failed or grave or left:
        keep_logs(request.node.name)
    for stack in [stack for stack in Stack.live if stack not in stacks]:
        stack.remove()
    assert not grave, "in the logs:\n" + "\n".join(grave[:20])
    assert not left, f"left running: {left}"


@pytest.fixture(scope="session")
def data_dir():
    """The embedded company data: made once by the first worker, read by all."""
    require_binaries()
    directory = Path(tempfile.mkdtemp(prefix="mr-data-"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def make_stack(data_dir):
    """Stacks of this test alone, stopped at its end. `start=False`: the test starts its parts."""
    made = []

    def make(*, start=True, **form):
        stack = Stack(data_dir, **form)
        made.append(stack)
        return stack.start() if start else stack

    yield make
    trouble = []
    for stack in made:
        try:
            stack.stop()
        except AssertionError as error:
            trouble.append(str(error))
    assert not trouble, trouble
