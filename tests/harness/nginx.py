"""nginx with the module: writes a configuration, starts it, signals it, knows its processes."""

import grp
import os
import pwd
import signal
import socket
import subprocess

from harness.paths import MODULE, NGINX
from harness.process import Log, Process, memory_kib, wait_for
from harness.tls import certificate

START_TRIES = 5
SECRET = "the key of the resume tokens in these tests"

STANDARD_LOCATIONS = """
    location = /ws/chat { mr_ws chat; }
    location = /ws/echo { mr_ws echo; }
"""


def free_ports(count):
    """Ports that were free a moment ago; whoever binds them retries when one is not."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def user_line():
    if os.geteuid() != 0:
        return ""
    return f"user {pwd.getpwuid(0).pw_name} {grp.getgrgid(0).gr_name};"


def check_config(directory, text):
    """`nginx -t` on a whole configuration: exit code and what it says."""
    config = directory / "nginx.conf"
    config.write_text(text)
    result = subprocess.run(
        [str(NGINX), "-t", "-p", str(directory), "-c", str(config), "-e", "stderr"],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
    return result.returncode, result.stdout


def assert_verdict(outcome, complaint, *more):
    """Of check_config: accepted where there is no complaint; else refused, with it and these words."""
    code, said = outcome
    assert (code == 0) == (complaint is None), said
    for words in (complaint, *more) if complaint else ():
        assert words in said, f"{words!r} is not in: {said}"


class Nginx:
    """`locations` go into one server on a plain and a TLS port, beside /healthz, /readyz and
    /metrics; `http` and `main` are further lines of these levels, `first` those in front of the
    module; `env` is added to its environment. A location may say {http_port} and so on: see
    `names`."""

    def __init__(self, directory, redis_url, *, locations=STANDARD_LOCATIONS, http="", main="",
                 first="", processes=1, drain="300ms", connections=4096, env=None):
        self.directory = directory
        self.redis_url = redis_url
        self.locations = locations
        self.http = http
        self.main = main
        self.first = first
        self.env = env
        self.processes = processes
        self.drain = drain
        self.connections = connections
        self.config = directory / "nginx.conf"
        self.secret = directory / "secret"
        self.log = Log(directory / "error.log")
        self.console = Log(directory / "nginx-console.log")
        self.http_port = self.https_port = None
        self.process = None
        self.known_workers = set()

    def text(self):
        tls = certificate()
        return f"""{user_line()}
{self.first}
load_module {MODULE};
daemon off;
pid {self.directory}/nginx.pid;
lock_file {self.directory}/nginx.lock;
error_log {self.log.path} info;
worker_processes {self.processes};
{self.main}
events {{ worker_connections {self.connections}; }}
http {{
    access_log off;
    client_body_temp_path {self.directory}/body;
    proxy_temp_path {self.directory}/proxy;
    fastcgi_temp_path {self.directory}/fastcgi;
    uwsgi_temp_path {self.directory}/uwsgi;
    scgi_temp_path {self.directory}/scgi;
    mr_ws_redis {self.redis_url};
    mr_ws_secret_file {self.secret};
    mr_ws_drain {self.drain};
    {self.http}
    server {{
        listen 127.0.0.1:{self.http_port};
        listen 127.0.0.1:{self.https_port} ssl;
        server_name localhost;
        ssl_certificate {tls}/cert.pem;
        ssl_certificate_key {tls}/key.pem;
        ssl_protocols TLSv1.2 TLSv1.3;
        location = /healthz {{ mr_ws_health live; }}
        location = /readyz {{ mr_ws_health ready; }}
        location = /metrics {{ mr_ws_metrics; }}
        {self.locations}
    }}
}}
"""

    def write(self):
        self.secret.write_text(SECRET + "\n")
        self.config.write_text(self.text())

    def argv(self, *more):
        return [NGINX, "-p", self.directory, "-c", self.config, "-e", self.log.path, *more]

    def start(self):
        logs = {log: log.size() for log in (self.console, self.log)}
        for _ in range(START_TRIES):
            self.http_port, self.https_port = free_ports(2)
            self.write()
            self.process = Process("nginx", self.argv(), self.console,
                                   env={**os.environ, **self.env} if self.env else None)
            wait_for(self._serving_or_dead, "nginx listens and has its workers")
            if self.process.alive():
                return self
            said = self.console.text() + self.log.text()
            if "Address already in use" not in said:
                break
            for log, size in logs.items():  # others test beside us: it begins anew
                log.cut(size)
        raise AssertionError(f"nginx has ended:\n{said[-2000:]}")

    def _serving_or_dead(self):
        return not self.process.alive() or len(self.worker_processes()) >= self.processes

    def worker_processes(self):
        """Workers, those of an older configuration that still shut down included."""
        found = [child for child in self.process.identity.children() if child.alive()]
        self.known_workers.update(found)
        return found

    def worker_pids(self):
        return [worker.pid for worker in self.worker_processes()]

    def memory_kib(self, field="Private_Dirty"):
        return sum(memory_kib(pid, field) for pid in self.worker_pids())

    def reload(self):
        """HUP; returns the workers of before, which are to go."""
        before = self.worker_processes()
        self.process.send(signal.SIGHUP)
        wait_for(lambda: len(set(self.worker_processes()) - set(before)) >= self.processes,
                 "the new configuration has its workers")
        return before

    def quit(self):
        self.worker_processes()
        self.process.send(signal.SIGQUIT)

    def wait_gone(self, limit_s=20.0):
        code = self.process.wait(limit_s)
        wait_for(lambda: not self.survivors(), "the workers of nginx are gone", limit_s)
        return code

    def survivors(self):
        return [worker for worker in self.known_workers if worker.alive()]

    def stop(self):
        if not self.process:
            return
        if self.process.alive():
            self.worker_processes()
            self.process.stop(signal.SIGTERM)
        try:
            wait_for(lambda: not self.survivors(), "the workers of nginx are gone")
        finally:
            for worker in self.survivors():
                os.kill(worker.pid, signal.SIGKILL)
