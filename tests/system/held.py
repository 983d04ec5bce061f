"""What Redis, nginx, the workers and the kernel hold for clients of the app `bench`."""

from pathlib import Path

from harness.process import memory_kib

LOCATIONS = """
    location = /ws/chat { mr_ws chat; }
    location = /ws/bench { mr_ws bench; }
"""


def keys(stack, pattern):
    return stack.redis.command("KEYS", pattern)


def key(stack, kind, session):
    """A session's key of this kind, or None when there is none."""
    found = keys(stack, f"mr:*:{kind}:{session}")
    return found[0] if found else None


def redis_calls(stack, command):
    """How often this command has been executed."""
    for line in stack.redis.command("INFO", "commandstats").splitlines():
        if line.startswith(f"cmdstat_{command}:calls="):
            return int(line.split("=")[1].split(",")[0])
    return 0


def redis_memory_kib(stack):
    for line in stack.redis.command("INFO", "memory").splitlines():
        if line.startswith("used_memory:"):
            return int(line.split(":")[1]) // 1024
    raise KeyError("used_memory")


def unsent_bytes(stack):
    """Of each socket that nginx has open to a client: what the kernel holds for it, not taken by the
    client's side yet."""
    ports, waiting = (stack.nginx.http_port, stack.nginx.https_port), []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, _, state, queues = line.split()[:5]
        if int(local.split(":")[1], 16) in ports and state in ("01", "08"):
            waiting.append(int(queues.split(":")[0], 16))
    return waiting


def connections(stack):
    return len(unsent_bytes(stack))


def worker_rss_kib(stack):
    return sum(memory_kib(worker.process.pid, "Rss") for worker in stack.workers)
