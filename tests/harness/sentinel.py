"""One Redis primary with replicas under three sentinels, on loopback ports of their own. Stands in a
Stack where a single Redis does: commands go to whatever the sentinels call the primary."""

import signal

from harness.nginx import free_ports
from harness.paths import REDIS
from harness.process import Log, Process, wait_for
from harness.redis import Redis, RedisError, TcpClient
from harness.tls import certificate, client_context

NAME = "mr"
DOWN_AFTER_MS = 2000  # a machine under load stands still for a second now and then
FAILOVER_TIMEOUT_MS = 3000  # a failover is tried again, or another one allowed, after twice this
FAILOVER_LIMIT_S = 30.0


def listen_lines(port, tls):
    """Configuration lines; with TLS nothing is said in the clear, to replicas neither."""
    if not tls:
        return [f"port {port}", "bind 127.0.0.1"]
    files = certificate()
    return ["port 0", f"tls-port {port}", "bind 127.0.0.1", f"tls-cert-file {files}/cert.pem",
            f"tls-key-file {files}/key.pem", f"tls-ca-cert-file {files}/cert.pem",
            "tls-auth-clients no", "tls-replication yes"]


class Node(Redis):
    """A Redis of the group. Sentinel rewrites its configuration, so a restart keeps the file."""

    def __init__(self, directory, name, port, options, tls=False):
        self.name = name
        self.port = port
        own = directory / name
        own.mkdir(exist_ok=True)
        super().__init__(own, [*listen_lines(port, tls), "repl-diskless-sync-delay 0",
                               "repl-backlog-size 16mb", *options])
        self.log = Log(own / f"{name}.log")

    def start(self):
        config = self.directory / "redis.conf"
        if not config.exists():
            return super().start()
        self.socket.unlink(missing_ok=True)
        self.process = Process(self.name, [REDIS, config], self.log)
        wait_for(self._answers, f"{self.name} answers")
        return self

    def role(self):
        return self.command("ROLE")[0]

    def replicas_online(self):
        return len(self.command("ROLE")[2])

    def replicated(self, offset):
        """All replicas have confirmed the replication stream up to there. One that is online after
        a full resynchronisation gets none of it until its first confirmation, a second later."""
        return all(int(replica[2]) >= offset for replica in self.command("ROLE")[2])


class Sentinel:
    def __init__(self, directory, name, port, lines, tls=False):
        self.name = name
        self.port = port
        self.tls = tls
        self.directory = directory / name
        self.directory.mkdir(exist_ok=True)
        self.log = Log(self.directory / f"{name}.log")
        self.lines = lines
        self.password = None
        self.process = None

    def start(self):
        config = self.directory / "sentinel.conf"
        if not config.exists():
            config.write_text("\n".join([*listen_lines(self.port, self.tls),
                                         f"dir {self.directory}", *self.lines]) + "\n")
        self.process = Process(self.name, [REDIS, config, "--sentinel"], self.log)
        wait_for(self._answers, f"{self.name} answers")
        return self

    def _answers(self):
        assert self.process.alive(), f"{self.name} has ended:\n{self.log.text()}"
        try:
            return self.command("PING") == "PONG"
        except (OSError, RedisError):
            return False

    def command(self, *words):
        context = client_context() if self.tls else None
        with TcpClient(self.port, tls=context) as client:
            if self.password:
                client("AUTH", self.password)
            return client(*words)

    def primary_port(self):
        """The port it names; None while it cannot be asked or knows of none."""
        try:
            found = self.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
        except (OSError, RedisError):
            return None
        return int(found[1]) if found else None

    def ready(self, replicas, sentinels):
        """It knows all the others, so that a failover can be agreed on and has somewhere to go."""
        try:
            record = self.command("SENTINEL", "MASTER", NAME)
        except (OSError, RedisError):
            return False
        fields = dict(zip(record[::2], record[1::2]))
        return (fields["flags"] == "master" and int(fields["num-slaves"]) >= replicas and
                int(fields["num-other-sentinels"]) >= sentinels - 1)

    def freeze(self):
        self.process.send(signal.SIGSTOP)

    def thaw(self):
        self.process.send(signal.SIGCONT)

    def kill(self):
        self.process.kill()

    def stop(self):
        if self.process and self.process.alive():
            self.process.stop()


class SentinelGroup:
    """`options`: configuration lines of every Redis; `sentinel_password`: what the sentinels ask
    for; `url_options`: what is appended to the URL."""

    def __init__(self, directory, *, replicas=1, sentinels=3, options=(), sentinel_password=None,
                 url_options="", tls=False):
        self.directory = directory
        ports = free_ports(1 + replicas + sentinels)
        primary = ports[0]
        self.nodes = [Node(directory, f"redis-{i + 1}", port,
                           [*options, *([f"replicaof 127.0.0.1 {primary}"] if i else [])], tls)
                      for i, port in enumerate(ports[:1 + replicas])]
        lines = [f"sentinel monitor {NAME} 127.0.0.1 {primary} {sentinels // 2 + 1}",
                 f"sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}",
                 f"sentinel failover-timeout {NAME} {FAILOVER_TIMEOUT_MS}",
                 f"sentinel parallel-syncs {NAME} 4"]
        if sentinel_password:
            lines += [f"requirepass {sentinel_password}",
                      f"sentinel sentinel-pass {sentinel_password}"]
        self.sentinels = [Sentinel(directory, f"sentinel-{i + 1}", port, lines, tls)
                          for i, port in enumerate(ports[1 + replicas:])]
        for sentinel in self.sentinels:
            sentinel.password = sentinel_password
        places = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        self.url = f"sentinel://{places}/{NAME}{url_options}"

    # --- as a single Redis

    def start(self):
        self.start_nodes()
        self.start_sentinels()
        return self

    def start_nodes(self):
        for node in self.nodes:
            node.start()
        wait_for(lambda: self.nodes[0].replicas_online() == len(self.nodes) - 1,
                 "the replicas are attached")

    def start_sentinels(self):
        for sentinel in self.sentinels:
            sentinel.start()
        self.wait_settled()

    def command(self, *words):
        return self.primary().command(*words)

    def clients(self, kind):
        """Of the primary; none while there is none."""
        try:
            return self.primary().clients(kind)
        except (OSError, RedisError, AssertionError):
            return []

    def logs(self):
        return [part.log for part in [*self.nodes, *self.sentinels]]

    def stop(self):
        trouble = []
        for part in [*self.sentinels, *self.nodes]:
            try:
                part.stop()
            except AssertionError as error:
                trouble.append(error)
        if trouble:
            raise trouble[0]

    # --- the group

    def node(self, port):
        return next(node for node in self.nodes if node.port == port)

    def primary(self):
        """By the word of the sentinels that run; the latest when they differ."""
        for sentinel in self.sentinels:
            if sentinel.process and sentinel.process.alive():
                port = sentinel.primary_port()
                if port:
                    return self.node(port)
        raise AssertionError("no sentinel names a primary")

    def replica(self):
        return next(node for node in self.nodes if node is not self.primary())

    def wait_settled(self):
        """All nodes and sentinels that run agree, every replica is attached: ready for a
        failover."""
        nodes = [node for node in self.nodes if node.process and node.process.alive()]
        wait_for(lambda: self._settled(nodes), "the sentinels know each other and all replicas",
                 FAILOVER_LIMIT_S)
        primary = self.primary()
        offset = primary.command("ROLE")[1] + 1  # leases are renewed all the time
        primary.command("PUBLISH", "settled", "")
        wait_for(lambda: primary.replicated(offset), "the replicas keep up", FAILOVER_LIMIT_S)

    def _settled(self, nodes):
        ports = {sentinel.primary_port() for sentinel in self.sentinels}
        if len(ports) != 1 or None in ports:
            return False
        primary = self.node(ports.pop())
        try:
            return (primary.role() == "master" and
                    primary.replicas_online() == len(nodes) - 1 and
                    all(sentinel.ready(len(nodes) - 1, len(self.sentinels))
                        for sentinel in self.sentinels))
        except (OSError, RedisError):
            return False

    def wait_moved(self, old):
        """A majority of the sentinels names another primary than `old`, and it serves as one."""
        def moved():
            ports = [sentinel.primary_port() for sentinel in self.sentinels]
            new = [port for port in ports if port and port != old.port]
            try:
                return len(new) * 2 > len(ports) and self.node(new[0]).role() == "master"
            except (OSError, RedisError):
                return False
        wait_for(moved, "the failover", FAILOVER_LIMIT_S)
        return self.primary()

    def cut_replication(self):
        """From here on no replica gets what the primary is told; sentinels see nothing of it that
        would keep them from promoting one."""
        primary = self.primary()
        primary.command("ACL", "SETUSER", "default", "-psync", "-sync", "-replconf")
        primary.command("CLIENT", "KILL", "TYPE", "replica")
        wait_for(lambda: primary.replicas_online() == 0, "the replicas are cut off")

    def wait_replica(self, node):
        """`node` has come back and follows the primary."""
        def follows():
            try:
                role = node.command("ROLE")
            except (OSError, RedisError):
                return False
            return role[0] == "slave" and role[3] == "connected"
        wait_for(follows, f"{node.name} is a replica", 60.0)

    def failover(self):
        """By command, with the old primary alive."""
        old = self.primary()

        def accepted():
            try:
                return self.sentinels[0].command("SENTINEL", "FAILOVER", NAME) == "OK"
            except RedisError as error:
                assert "INPROG" in str(error) or "NOGOODSLAVE" in str(error), error
                return False
        wait_for(accepted, "a failover is begun", FAILOVER_LIMIT_S)
        return old


def sentinels(**form):
    """For Stack(group=…)."""
    return lambda directory: SentinelGroup(directory, **form)
