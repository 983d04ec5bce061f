"""Binary upgrade as operators do it: USR2 to the old master, WINCH or QUIT when the new one serves, or
back to the old one. Sessions of both generations live side by side; those of the old are told to come
back, and find their session at the new one."""

import os
import signal

import pytest

from harness.nginx import START_TRIES, free_ports
from harness.process import Identity, Process, wait_for
from harness.raw_ws import RawWs
from test_resume_token import connected

GONE_S = 20


class Master:
    """A master that is nobody's child: nginx takes USR2 only from behind a fork of its own."""

    def __init__(self, pid):
        self.identity = Identity.of(pid)
        self.pid = pid

    def alive(self):
        return self.identity.alive()

    def send(self, number):
        if self.alive():
            os.kill(self.pid, number)

    def workers(self):
        return [child for child in self.identity.children()
                if child.alive() and b"worker process" in command_of(child.pid)]


def command_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""


class Upgradable:
    """nginx as a daemon, over the Redis and the workers of a stack whose own nginx is not started."""

    def __init__(self, stack):
        self.stack = stack
        self.pid_file = stack.nginx.directory / "nginx.pid"
        text = stack.nginx.text
        stack.nginx.text = lambda: text().replace("daemon off;", "daemon on;")
        self.masters = []

    def start(self):
        nginx = self.stack.nginx
        self.stack.redis.start()
        for worker in self.stack.workers:
            worker.start()
        for _ in range(START_TRIES):
            nginx.http_port, nginx.https_port = free_ports(2)
            nginx.write()
            if Process("nginx", nginx.argv(), nginx.console).wait() == 0:
                self.current()
                return self
        raise AssertionError(f"nginx does not start:\n{nginx.console.text()}{nginx.log.text()}")

    def current(self):
        """The master that the pid file names now."""
        def named():
            try:
                pid = int(self.pid_file.read_text())
            except (OSError, ValueError):
                return None
            return Identity.of(pid) and Master(pid)
        master = wait_for(named, "the pid file names a master")
        if all(master.pid != one.pid for one in self.masters):
            self.masters.append(master)
        wait_for(master.workers, "the master has workers")
        return master

    def upgrade(self):
        """The new master and the old one."""
        old = self.current()
        old.send(signal.SIGUSR2)
        wait_for(lambda: self.pid_file.exists() and self.pid_file.read_text().strip() not in
                 ("", str(old.pid)), "the new binary has written its pid file")
        return self.current(), old

    def stop(self):
        for master in reversed(self.masters):
            workers = master.workers()
            master.send(signal.SIGTERM)
            try:
                wait_for(lambda: not master.alive() and not any(one.alive() for one in workers),
                         "the master and its workers are gone", GONE_S)
            finally:
                for one in (master.identity, *workers):
                    if one.alive():
                        os.kill(one.pid, signal.SIGKILL)


@pytest.fixture
def nginx(make_stack):
    stack = make_stack(start=False, drain="300ms")
    daemon = Upgradable(stack)
    try:
        yield daemon.start()
    finally:
        daemon.stop()


def echoes(ws, text):
    ws.text(text)
    assert ws.message().payload == text.encode()


def gone(workers):
    return not any(worker.alive() for worker in workers)


def serves(nginx, count=10):
    for number in range(count):
        with RawWs.open(nginx.stack.nginx.http_port) as ws:
            echoes(ws, f"newcomer {number}")
            ws.close()


def test_upgrade_with_open_sessions(nginx):
    port, https = nginx.stack.nginx.http_port, nginx.stack.nginx.https_port
    sessions = [RawWs.open(port) for _ in range(20)]
    sessions += [RawWs.open(https, tls=True) for _ in range(20)]
    returning = RawWs.open(port, "/ws/chat", protocols=("mr.v2",))
    greeting = returning.event()
    new, old = nginx.upgrade()
    for number, ws in enumerate(sessions):  # nobody has noticed
        echoes(ws, f"during {number}")
    serves(nginx)
    workers = old.workers()
    old.send(signal.SIGQUIT)
    for ws in sessions:
        assert ws.close_frame(GONE_S)[0].code == 1001
        ws.drop()
    close, events = returning.close_frame(GONE_S)
    assert close.code == 1001 and events[-1].json["type"] == "going_away"
    returning.drop()
    wait_for(lambda: not old.alive() and gone(workers), "the old generation is gone", GONE_S)
    assert new.alive()
    again = connected(port, "mr.v2", f"mr.resume.{greeting['resume_token']}.0-0")
    assert again["session_id"] == greeting["session_id"]
    serves(nginx)


def test_an_upgrade_taken_back(nginx):
    """WINCH sends the old workers away, HUP brings them back, QUIT ends the new generation."""
    port = nginx.stack.nginx.http_port
    before = RawWs.open(port)
    new, old = nginx.upgrade()
    workers = old.workers()
    old.send(signal.SIGWINCH)
    assert before.close_frame(GONE_S)[0].code == 1001
    before.drop()
    wait_for(lambda: gone(workers), "the old workers are gone", GONE_S)
    serves(nginx)
    of_new = RawWs.open(port)
    old.send(signal.SIGHUP)
    wait_for(old.workers, "the old master has workers again")
    new.send(signal.SIGQUIT)
    assert of_new.close_frame(GONE_S)[0].code == 1001
    of_new.drop()
    wait_for(lambda: not new.alive(), "the new generation is gone", GONE_S)
    serves(nginx)
    wait_for(lambda: nginx.pid_file.exists() and nginx.pid_file.read_text().strip() == str(old.pid),
             "the pid file is the old one's again")


def test_three_upgrades_in_a_row(nginx):
    for _ in range(3):
        with RawWs.open(nginx.stack.nginx.http_port) as ws:
            new, old = nginx.upgrade()
            echoes(ws, "held by the old one")
            old.send(signal.SIGQUIT)
            assert ws.close_frame(GONE_S)[0].code == 1001
        wait_for(lambda old=old: not old.alive(), "the old master is gone", GONE_S)
        serves(nginx, 3)
        assert new.alive()
