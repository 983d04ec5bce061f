"""Processes of a peer: each started in a session of its own with a log, waited for until it is there,
ended by its pid with all that it has started. Plain Python 3.11, no packages."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

READY_LIMIT_S = 20
STOP_LIMIT_S = 8
POLL_S = 0.02


class Failed(Exception):
    """A peer could not be set up or measured: the message says what and why."""


def wait_until(condition, what, limit_s=READY_LIMIT_S):
    deadline = time.monotonic() + limit_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise Failed(f"not within {limit_s} s: {what}")
        time.sleep(POLL_S)
    return value


def connects(address):
    """`address`: the path of a unix socket, or a port of the loopback."""
    family = socket.AF_INET if isinstance(address, int) else socket.AF_UNIX
    with socket.socket(family, socket.SOCK_STREAM) as one:
        one.settimeout(1)
        return one.connect_ex(("127.0.0.1", address) if isinstance(address, int)
                              else str(address)) == 0


def free_port(first):
    for port in range(first, first + 100):
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                one.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Failed(f"no port from {first} to {first + 99} is free")


def make_certificate(directory):
    """P-256, as ./mr makes it for an instance."""
    cert, key = directory / "cert.pem", directory / "key.pem"
    if not cert.exists():
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
             "-nodes", "-days", "30", "-subj", "/CN=localhost", "-keyout", key, "-out", cert],
            check=True, capture_output=True)
    return cert, key


def members(session):
    """The processes of a session that are more than a record of their end: (pid, parent, name)."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            front, _, rest = stat.read_text().rpartition(")")
        except OSError:
            continue
        state, parent, _, of = rest.split()[:4]
        if int(of) == session and state != "Z":
            pid, _, name = front.partition(" (")
            yield int(pid), int(parent), name


def session_lives(session):
    return any(True for _ in members(session))


class Stand:
    """The processes of one peer while it is measured. Use as a context."""

    def __init__(self, directory, port):
        self.directory = Path(directory)
        self.port = port
        # Paths of unix sockets are short.
        self.sockets = Path(tempfile.mkdtemp(prefix="mr-peers."))
        self.processes = {}

    def __enter__(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes.values()):
            self._end(process)
        shutil.rmtree(self.sockets, ignore_errors=True)

    def start(self, role, argv, *, env=None, cwd=None):
        log = self.directory / f"{role}.log"
        with log.open("wb") as out:
            self.processes[role] = subprocess.Popen(
                [str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}, cwd=cwd,
                start_new_session=True)
        return self.processes[role]

    def end(self, role):
        self._end(self.processes.pop(role))

    def wait(self, role, condition, what):
        """Until `condition()`; that the process has ended instead is told with its log."""
        def there():
            if self.processes[role].poll() is not None:
                raise Failed(f"{role} has ended: {self._last_lines(role)}")
            return condition()
        return wait_until(there, what)

    def watched(self):
        """mr-bench counts a process' children with it where their names are the same."""
        found = []
        for role, process in self.processes.items():
            all_of_it = {pid: (parent, name) for pid, parent, name in members(process.pid)}
            for pid, (parent, name) in all_of_it.items():
                if all_of_it.get(parent, (0, ""))[1] != name:
                    found.append(f"--watch={role}={pid}")
        return found

    def _last_lines(self, role):
        text = (self.directory / f"{role}.log").read_text(errors="replace").strip()
        return " | ".join(text.splitlines()[-3:]) or "without a word"

    @staticmethod
    def _end(process):
        """Its session is its own: nobody else's processes are in it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid, *_ in members(process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            try:
                wait_until(lambda: process.poll() is not None and not session_lives(process.pid),
                           "it has ended", STOP_LIMIT_S)
                break
            except Failed:
                continue
        process.wait()
