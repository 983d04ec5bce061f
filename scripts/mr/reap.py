"""Runs a test command and proves that it leaves nothing running.

The process becomes a child subreaper, so that even a daemon that left its parent's session is
adopted by it. Whatever lives on when the command has ended is named, killed by its pid, and makes
the exit code 97.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
LEFT_RUNNING = 97
GRACE_S = 3.0


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as listing:
            return [int(word) for word in listing.read().split()]
    except OSError:
        return []


def reap_finished():
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return


def describe(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as cmdline:
            words = cmdline.read().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        words = "?"
    return f"{pid} {words[:160]}"


def living():
    reap_finished()
    found, queue = [], children(os.getpid())
    while queue:
        pid = queue.pop()
        found.append(pid)
        queue += children(pid)
    return found


def leftovers():
    """What is still there after a short grace: processes on their way out are no offence."""
    deadline = time.monotonic() + GRACE_S
    while living() and time.monotonic() < deadline:
        time.sleep(0.05)
    return living()


def end(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    deadline = time.monotonic() + GRACE_S
    while living() and time.monotonic() < deadline:
        time.sleep(0.05)


def main():
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    command = subprocess.Popen(sys.argv[1:])
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _frame: command.send_signal(received))
    code = command.wait()
    left = leftovers()
    if not left:
        return code if code >= 0 else 128 - code
    print("left running by the tests:", file=sys.stderr)
    for pid in left:
        print("  " + describe(pid), file=sys.stderr)
    end(left)
    return LEFT_RUNNING


if __name__ == "__main__":
    sys.exit(main())
