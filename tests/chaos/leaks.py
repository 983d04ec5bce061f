"""What must be left when everybody has gone: nothing but keys that expire."""

import re
import time

from harness.process import POLL_S
from harness.redis import RedisClient

QUIET_LIMIT_S = 30.0
OPENED_LATE = 4  # descriptors that libraries open at their first use
LASTING = re.compile(r"mr:config|mr:\{[^}]*\}:(jobs|w|dead)")


def wait_until_clean(world, look):
    """The findings of `look(client)`, as soon as they are none or the time is up."""
    deadline = time.monotonic() + QUIET_LIMIT_S
    while True:
        with RedisClient(world.redis.socket) as client:
            found = look(client)
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(POLL_S * 20)


def doorbells(client):
    found = []
    for key in client("KEYS", "mr:*:jobs"):
        left, pending = client("XLEN", key), client("XPENDING", key, "g")[0]
        if left or pending:
            found.append(f"{key}: {left} doorbells, {pending} pending")
    for key in client("KEYS", "mr:*:dead"):
        found.append(f"{key}: {client('XRANGE', key, '-', '+')}")
    return found


def sessions(client):
    found = []
    for key in client("KEYS", "mr:*:i:*"):
        found.append(f"{key}: {client('XLEN', key)} mail nobody took")
    for key in client("KEYS", "mr:*:s:*"):
        state = client("HMGET", key, "own", "job", "ckpt")
        if any(state):
            found.append(f"{key}: own, job, ckpt are {state}")
    return found


def expiry(client):
    return [f"{key}: never expires" for key in client("KEYS", "*")
            if not LASTING.fullmatch(key) and client("PTTL", key) < 0]


def leases(world):
    """Of living workers, and no others that still count."""
    pids = {str(worker.process.pid) for worker in world.workers}

    def look(client):
        now = client("TIME")
        now_ms = int(now[0]) * 1000 + int(now[1]) // 1000
        found = []
        for key in client("KEYS", "mr:*:w"):
            for name in client("ZRANGEBYSCORE", key, now_ms, "+inf"):
                if name.split("-")[-2] not in pids:
                    found.append(f"{key}: a lease of {name}")
        return found
    return look


def channels(client):
    return [f"{name}: still subscribed" for name in client("PUBSUB", "SHARDCHANNELS", "mr:*:s:*")
            + client("PUBSUB", "SHARDCHANNELS", "mr:*:oc:*")
            + client("PUBSUB", "SHARDCHANNELS", "mr:*:ic:*")]


def descriptors(world):
    deadline = time.monotonic() + QUIET_LIMIT_S
    while True:
        now = world.count_descriptors()
        more = [f"{name}: {now[name]} descriptors, {count} at the start"
                for name, count in world.descriptors.items() if now[name] > count + OPENED_LATE]
        if not more or time.monotonic() > deadline:
            return more
        time.sleep(POLL_S * 20)


def check(world):
    for look in (doorbells, sessions, expiry, leases(world), channels):
        for finding in wait_until_clean(world, look):
            world.violation(f"left behind: {finding}")
    for finding in descriptors(world):
        world.violation(f"left behind: {finding}")
