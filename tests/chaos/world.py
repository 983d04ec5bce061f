"""The processes under judgement: one Redis, workers and gateways that reach it through proxies which
can misbehave, and what the run counts."""

import os
import random
import shutil
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from harness.nginx import Nginx, free_ports
from harness.process import wait_for
from harness.proxy import Proxy
from harness.redis import Redis, RedisClient
from harness.worker import Worker
from upstream import Upstream

LEASE_S = 2.0
LOCATIONS = """
    location = /ws/bench { mr_ws bench; }
    location = /ws/voice { mr_ws chat; mr_ws_voice on; }
"""
# Engines that cost nothing; a microphone that nobody closes is closed within the judge's patience.
VOICE = {"recogniser": "stub", "synthesiser": "tone", "speech_detector": "energy",
         "voice_silence_limit": "10s", "voice_streams": 64, "local_tokens_per_second": 60}
# Dead clients are noticed within seconds, so that a run of minutes sees it happen often.
HTTP = "mr_ws_ping_interval 2s; mr_ws_idle_timeout 7s; mr_ws_send_timeout 15s;"
PARTITIONS = 16
LINKS_OF_WORKER, LINKS_OF_GATEWAY = 4, 2
MAX_SHOWN = 12


def sockets_to(port):
    """As /proc/PID/fd names them."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    return {f"socket:[{row[9]}]" for row in fields if row[2].endswith(f":{port:04X}")}


class World:
    def __init__(self, seed, *, workers=3, gateways=2, processes=2, broken=None, grace_s=60.0,
                 drain="2s", worker_drain="3s", voice=False):
        self.seed = seed
        self.voice = voice  # some of the sessions speak
        self.grace_s = grace_s  # beyond a script's own length: takeovers, outages, reconnects
        self.broken = broken
        self.directory = Path(tempfile.mkdtemp(prefix="mr-chaos-"))
        # With `everysec` a Redis that is killed while an fsync takes long has lost up to 2 s, which
        # is announced; here nothing may be lost (docs/guarantees.md).
        self.redis = Redis(self.directory, ["appendonly yes", "appendfsync always"])
        self.upstream = Upstream(self)
        self.upstream_port = free_ports(1)[0]
        self.worker_names = [f"worker-{i + 1}" for i in range(workers)]
        self.processes = processes
        self.drain, self.worker_drain = drain, worker_drain
        self.gateway_count = gateways
        self.workers, self.retired, self.worker_proxies = [], [], []
        self.gateways, self.gateway_proxies = [], []
        self.counts = Counter()
        self.violations = []
        self.left_open = []    # half-open connections of clients
        self.ending = None     # asyncio.Event, set when no more questions are to be asked
        self.lock = threading.Lock()
        self.made = 0
        self.killed_nginx = []  # pids: the master says that they died

    def rng_for(self, name):
        """A stream of its own for everybody: one more draw here changes nothing there."""
        return random.Random(f"{self.seed}/{name}")

    def violation(self, what):
        with self.lock:
            self.violations.append(what)
            if len(self.violations) <= MAX_SHOWN:
                print(f"VIOLATION {what}", flush=True)

    # --- life

    def start(self):
        self.redis.start()
        for name in self.worker_names:
            proxy = Proxy(self.redis.socket)
            self.worker_proxies.append(proxy)
            self.workers.append(self.make_worker(name, proxy))
        for worker in self.workers:
            worker.start()
        for i in range(self.gateway_count):
            proxy = Proxy(self.redis.socket)
            self.gateway_proxies.append(proxy)
            directory = self.directory / f"gateway-{i}"
            directory.mkdir()
            gateway = Nginx(directory, f"redis://127.0.0.1:{proxy.port}", locations=LOCATIONS,
                            processes=self.processes, drain=self.drain, http=HTTP,
                            main="env MR_BROKEN;" if self.broken else "")
            gateway.start()
            self.gateways.append(gateway)
        wait_for(self.linked, "all processes are linked to Redis", 30)
        self.descriptors = self.count_descriptors()

    def make_worker(self, name, proxy):
        self.made += 1
        return Worker(self.directory, f"redis://127.0.0.1:{proxy.port}", self.directory / "data",
                      name=f"{name}.{self.made}",
                      apps="bench,chat" if self.voice else "bench", lease=f"{int(LEASE_S * 1000)}ms",
                      drain=self.worker_drain, max_attempts=20,
                      bench_upstream=f"http://127.0.0.1:{self.upstream_port}/step",
                      **(VOICE if self.voice else {}))

    def replace_worker(self, index):
        """A new process in the place of one that has gone or is going; returns the old one."""
        old = self.workers[index]
        self.retired.append(old)
        self.workers[index] = self.make_worker(self.worker_names[index],
                                               self.worker_proxies[index])
        self.workers[index].spawn()
        return old

    def stop(self):
        trouble = []
        for part in [*self.gateways, *self.workers, *self.retired, self.redis]:
            try:
                part.stop()
            except AssertionError as error:
                trouble.append(str(error))
        for proxy in [*self.gateway_proxies, *self.worker_proxies]:
            proxy.close()
        return trouble

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)

    def port(self, gateway, tls):
        nginx = self.gateways[gateway]
        return nginx.https_port if tls else nginx.http_port

    # --- what can be seen from outside

    def linked(self):
        wanted_workers = LINKS_OF_WORKER * len(self.workers)
        wanted_gateways = LINKS_OF_GATEWAY * self.processes * len(self.gateways)
        return len(self.redis.clients("mr-worker")) == wanted_workers and \
            len(self.redis.clients("nginx")) == wanted_gateways

    def read_out_lane(self, session_id, behind):
        with RedisClient(self.redis.socket) as client:
            keys = self.session_keys(client, session_id, "o")
            if not keys:
                return []
            start = f"({behind[0]}-{behind[1]}"
            entries = client("XRANGE", keys[0], start, "+")
        return [fields[1].encode("latin-1") for _, fields in entries]

    def session_keys(self, client, session_id, kind):
        return client("KEYS", f"mr:*:{kind}:{session_id}")

    def count_descriptors(self):
        """Open descriptors of every process under judgement, by kind; those to the upstream and to
        the company's data are pools that are kept."""
        def count(pid):
            links = [os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()]
            return len([link for link in links if link not in pool and not link.startswith(data)])
        data = str(self.directory / "data")
        pool = sockets_to(self.upstream_port)
        found = {}
        for i, gateway in enumerate(self.gateways):
            found[f"nginx worker of gateway {i}"] = max(
                count(pid) for pid in gateway.worker_pids())
        for worker in self.workers:
            found[worker.name.partition(".")[0]] = count(worker.process.pid)
        return found

    def logs(self):
        return [self.redis.log, *(log for g in self.gateways for log in (g.log, g.console)),
                *(worker.log for worker in [*self.workers, *self.retired])]

    def grave_lines(self):
        killed = [f"worker process {pid} exited on signal 9" for pid in self.killed_nginx]
        return [f"{log.path.name}: {line}" for log in self.logs() for line in log.grave_lines()
                if not any(line.endswith(words) for words in killed)]

    def elapsed(self):
        return time.monotonic() - self.began
