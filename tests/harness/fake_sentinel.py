"""Sentinels that say what a test wants: that contradict each other, name the wrong server, or keep
silent. The servers they name are real."""

import socket
import threading

from harness.nginx import free_ports
from harness.sentinel import NAME, Node


class FakeSentinel:
    """Names whatever a test wants, in real replies, on a port of its own: `place` (host and port,
    None: it knows no such name), `epoch`, `silent` (accepts, never answers)."""

    def __init__(self, place=None, epoch=0, silent=False):
        self.place, self.epoch, self.silent = place, epoch, silent
        self.asked = 0  # times the address was asked for
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open = [self.listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        for one in self.open:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, connection.makefile("rb") as file:
            while True:
                try:
                    words = self._command(file)
                    if not words:
                        return
                    if not self.silent:
                        connection.sendall(self._reply(words))
                except OSError:
                    return

    @staticmethod
    def _command(file):
        head = file.readline()
        words = []
        for _ in range(int(head[1:]) if head else 0):
            size = int(file.readline()[1:])
            words.append(file.read(size + 2)[:-2].decode())
        return [word.upper() for word in words]

    def _reply(self, words):
        def bulks(*values):
            parts = [f"*{len(values)}\r\n"]
            parts += [f"${len(str(value))}\r\n{value}\r\n" for value in values]
            return "".join(parts).encode()
        if words[1] == "GET-MASTER-ADDR-BY-NAME":
            self.asked += 1
            return bulks(*self.place) if self.place else b"*-1\r\n"
        if not self.place:
            return b"-ERR No such master with that name\r\n"
        if words[1] == "MASTER":
            return bulks("flags", "master", "config-epoch", self.epoch)
        return b"+OK 1 usable Sentinels.\r\n"


class FakeGroup:
    """`servers` independent Redis, each of which says `master` of itself, and as many fake
    sentinels, which name the first of them. Commands go to all servers at once: `command` gives
    the first one's answer, `clients` those of one server."""

    def __init__(self, directory, servers=2, sentinels=3):
        self.nodes = [Node(directory, f"redis-{i + 1}", port, [])
                      for i, port in enumerate(free_ports(servers))]
        self.sentinels = [FakeSentinel() for _ in range(sentinels)]
        self.name_server(0, epoch=1)
        places = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        self.url = f"sentinel://{places}/{NAME}"

    def name_server(self, index, epoch, by=None):
        """The sentinels `by` (all) name this server under that epoch."""
        for sentinel in by or self.sentinels:
            sentinel.place = ("127.0.0.1", self.nodes[index].port)
            sentinel.epoch = epoch

    def start(self):
        for node in self.nodes:
            node.start()
        return self

    def command(self, *words):
        return [node.command(*words) for node in self.nodes][0]

    def clients(self, kind, index=0):
        return self.nodes[index].clients(kind)

    def logs(self):
        return [node.log for node in self.nodes]

    def stop(self):
        for sentinel in self.sentinels:
            sentinel.stop()
        for node in self.nodes:
            node.stop()


def fakes(**form):
    """For Stack(group=…)."""
    return lambda directory: FakeGroup(directory, **form)
