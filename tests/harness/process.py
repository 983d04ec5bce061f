"""One child process: start, signals, end, log. Knows all that this test run has started.

A process is named by pid and start time together, so a recycled pid is never taken for ours.
"""

import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from harness.paths import SANITIZED, SLOWNESS

POLL_S = 0.01
STOP_LIMIT_S = 15.0

# What no log may ever hold: nginx's grave levels, sanitizer reports, a dying C++ or Redis process.
GRAVE = re.compile(
    r"\[(alert|crit|emerg)\]|Sanitizer|runtime error:|terminate called|REDIS BUG REPORT")


def wait_for(condition, what, limit_s=10.0):
    """The first true value of `condition()`; fails when none comes in time (under a sanitizer, in
    longer)."""
    deadline = time.monotonic() + limit_s * SLOWNESS
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {limit_s} s: {what}"
        time.sleep(POLL_S)


def stat_fields(pid):
    """Fields of /proc/PID/stat behind the command name, or None when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()


@dataclass(frozen=True)
class Identity:
    """A process for good, not just a number."""
    pid: int
    start: str

    @classmethod
    def of(cls, pid):
        fields = stat_fields(pid)
        return cls(pid, fields[19]) if fields else None

    def alive(self):
        fields = stat_fields(self.pid)
        return fields is not None and fields[19] == self.start and fields[0] != "Z"

    def children(self):
        try:
            text = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        except OSError:
            return []
        return [child for child in map(Identity.of, map(int, text.split())) if child]


def memory_kib(pid, field):
    """Sum of a field of /proc/PID/smaps_rollup, such as Private_Dirty or Rss. Under a sanitizer the
    memory is the sanitizer's, and tests of it are skipped."""
    if SANITIZED:
        import pytest
        pytest.skip("measures memory, which a sanitizer keeps")
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise KeyError(field)


class Log:
    """A log file, read from where the last look ended."""

    def __init__(self, path):
        self.path = Path(path)
        self.seen = 0

    def text(self):
        return self.path.read_text(errors="replace") if self.path.exists() else ""

    def size(self):
        return self.path.stat().st_size if self.path.exists() else 0

    def cut(self, size):
        """What was written behind that never was."""
        if self.size() > size:
            os.truncate(self.path, size)
        self.seen = min(self.seen, size)

    def news(self):
        if not self.path.exists():
            return ""
        with self.path.open("rb") as file:
            file.seek(self.seen)
            data = file.read()
        self.seen += len(data)
        return data.decode(errors="replace")

    def grave_lines(self):
        return [line for line in self.news().splitlines() if GRAVE.search(line)]


class Process:
    """Started once; `started` lists every one of this run, the dead included."""

    started = []

    def __init__(self, name, argv, log, *, env=None, cwd=None):
        self.name = name
        self.argv = [str(word) for word in argv]
        self.log = log
        with log.path.open("ab") as out:
            self.child = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                env=env, cwd=cwd, start_new_session=True)
        self.identity = Identity.of(self.child.pid)
        Process.started.append(self)

    @property
    def pid(self):
        return self.child.pid

    def alive(self):
        return self.child.poll() is None

    def send(self, number):
        if self.alive():
            self.child.send_signal(number)

    def wait(self, limit_s=STOP_LIMIT_S):
        return self.child.wait(timeout=limit_s * SLOWNESS)

    def kill(self):
        self.send(signal.SIGKILL)
        return self.wait()

    def stop(self, number=signal.SIGTERM, limit_s=STOP_LIMIT_S):
        """Ends it with `number`; that it has to be killed instead is a failure."""
        self.send(signal.SIGCONT)
        self.send(number)
        try:
            return self.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"{self.name} did not end within {limit_s} s of signal {number}") from None
