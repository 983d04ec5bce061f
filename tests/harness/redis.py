"""A private redis-server on a unix socket, and a client that speaks just enough of its protocol."""

import signal
import socket
import time

from harness.paths import REDIS
from harness.process import Log, Process, wait_for


class RedisError(Exception):
    """An error reply."""


class RedisClient:
    def __init__(self, path, limit_s=5.0):
        self._connect(socket.AF_UNIX, str(path), limit_s)

    def _connect(self, family, address, limit_s, tls=None):
        self.socket = socket.socket(family)
        self.socket.settimeout(limit_s)
        self.socket.connect(address)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def __call__(self, *words):
        parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        request = b"*%d\r\n" % len(parts)
        request += b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        self.socket.sendall(request)
        return self._reply()

    def _reply(self):
        line = self.file.readline()
        if not line:
            raise ConnectionError("Redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2].decode("latin-1")
        return None if rest == b"-1" else [self._reply() for _ in range(int(rest))]


class TcpClient(RedisClient):
    """`tls`: an SSLContext."""

    def __init__(self, port, limit_s=5.0, tls=None):
        self._connect(socket.AF_INET, ("127.0.0.1", port), limit_s, tls)


class Monitor(RedisClient):
    """Sees every command that Redis runs from now on."""

    def __init__(self, path):
        super().__init__(path)
        self("MONITOR")

    def wait_for(self, wanted, limit_s=15.0):
        """The next command for which `wanted(line)` is true."""
        deadline = time.monotonic() + limit_s
        while True:
            left = deadline - time.monotonic()
            assert left > 0, "Redis was never told that"
            self.socket.settimeout(left)
            line = self._reply()
            if wanted(line):
                return line


class Redis:
    """Started by start(); killed, frozen and started again at will. `options`: lines of its
    configuration, such as "requirepass secret"."""

    def __init__(self, directory, options=()):
        self.directory = directory
        self.socket = directory / "r.sock"
        self.url = f"unix:{self.socket}"
        self.log = Log(directory / "redis.log")
        self.options = list(options)
        self.password = None
        self.process = None

    def start(self):
        self.launch()
        wait_for(self._answers, "Redis answers")
        return self

    def launch(self):
        """Without waiting for it to serve."""
        self.socket.unlink(missing_ok=True)
        lines = ["port 0", f"unixsocket {self.socket}", "unixsocketperm 700",
                 f"dir {self.directory}", 'save ""', "appendonly no", "daemonize no",
                 *self.options]
        config = self.directory / "redis.conf"
        config.write_text("\n".join(lines) + "\n")
        self.process = Process("redis", [REDIS, config], self.log)

    def _answers(self):
        assert self.process.alive(), f"Redis has ended:\n{self.log.text()}"
        try:
            return self.command("PING") == "PONG"
        except (OSError, RedisError):
            return False

    def command(self, *words):
        with RedisClient(self.socket) as client:
            if self.password:
                client("AUTH", self.password)
            return client(*words)

    def monitor(self):
        return Monitor(self.socket)

    def logs(self):
        return [self.log]

    def clients(self, kind):
        """Ids of the connections whose name contains `kind`."""
        found = []
        for line in self.command("CLIENT", "LIST").splitlines():
            fields = dict(item.split("=", 1) for item in line.split(" ") if "=" in item)
            if kind in fields.get("name", ""):
                found.append(fields["id"])
        return found

    def freeze(self):
        self.process.send(signal.SIGSTOP)

    def thaw(self):
        self.process.send(signal.SIGCONT)

    def kill(self):
        self.process.kill()

    def restart(self):
        self.kill()
        return self.start()

    def stop(self):
        if self.process and self.process.alive():
            self.process.stop()
