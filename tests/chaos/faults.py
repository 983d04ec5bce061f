"""The faults, each a function of the world and a random stream. They run in a thread of their own
beside the clients; each leaves the world whole again, as far as its processes can be."""

import asyncio
import os
import random
import re
import signal
import threading
import time

from harness.process import wait_for
from harness.redis import RedisError
from world import LEASE_S

REDIS_LIMIT_S = 30.0


def pause(seconds):
    threading.Event().wait(seconds)


def command(world, *words):
    try:
        return world.redis.command(*words)
    except (OSError, RedisError):
        return None  # it is down, which is a fault as well


def any_worker(world, rng):
    return rng.randrange(len(world.workers))


# --- workers

def worker_kill(world, rng):
    """kill -9; a new one after a moment."""
    index = any_worker(world, rng)
    world.workers[index].kill()
    pause(rng.uniform(0.0, 2.0))
    world.replace_worker(index)


def worker_kill_all(world, rng):
    """All workers at once."""
    for worker in world.workers:
        worker.kill()
    pause(rng.uniform(0.0, 1.0))
    for index in range(len(world.workers)):
        world.replace_worker(index)


def worker_freeze_beyond_lease(world, rng):
    worker = world.workers[any_worker(world, rng)]
    worker.freeze()
    pause(LEASE_S * rng.uniform(1.1, 2.2))
    worker.thaw()


def worker_freeze_for_a_moment(world, rng):
    worker = world.workers[any_worker(world, rng)]
    worker.freeze()
    pause(LEASE_S * rng.uniform(0.05, 0.5))
    worker.thaw()


def worker_freeze_then_kill(world, rng):
    """Doorbells that Redis hands to a worker which never reads them."""
    index = any_worker(world, rng)
    world.workers[index].freeze()
    pause(rng.uniform(0.3, 1.0))
    world.workers[index].kill()
    world.replace_worker(index)


def worker_replace(world, rng):
    """A rolling restart's step: the next one comes, this one hands over and goes."""
    index = any_worker(world, rng)
    old = world.replace_worker(index)
    old.process.send(signal.SIGTERM)
    old.process.wait(30)


# --- nginx

def nginx_worker_kill(world, rng):
    gateway = rng.choice(world.gateways)
    victim = rng.choice(gateway.worker_processes())
    if victim.alive():
        world.killed_nginx.append(victim.pid)
        os.kill(victim.pid, signal.SIGKILL)
    wait_for(lambda: len(gateway.worker_processes()) >= gateway.processes,
             "the master has started another worker")


def nginx_reload(world, rng):
    rng.choice(world.gateways).reload()


# --- Redis

def wait_redis(world):
    wait_for(lambda: command(world, "PING") == "PONG", "Redis answers", REDIS_LIMIT_S)


def redis_kill(world, rng):
    """kill -9 and start again from the append-only file."""
    world.redis.kill()
    pause(rng.uniform(0.0, 2.0))
    world.redis.start()
    wait_redis(world)


def redis_restart(world, rng):
    world.redis.stop()
    pause(rng.uniform(0.0, 1.0))
    world.redis.start()
    wait_redis(world)


def redis_freeze(world, rng):
    world.redis.freeze()
    pause(rng.uniform(0.2, 3.5))
    world.redis.thaw()


def redis_cut_clients(world, rng):
    command(world, "CLIENT", "KILL", "TYPE", rng.choice(["normal", "pubsub"]), "SKIPME", "yes")


def redis_forgets_scripts(world, _rng):
    command(world, "SCRIPT", "FLUSH")


# --- links between processes and Redis

def any_proxy(world, rng):
    return rng.choice(world.worker_proxies + world.gateway_proxies)


def link_reset(world, rng):
    any_proxy(world, rng).reset_all()


def link_cut_in_mid_command(world, rng):
    """The link of a worker ends behind any byte: an event appended, its publication lost."""
    proxy = rng.choice(world.worker_proxies)
    for _ in range(rng.randint(1, 5)):
        before = proxy.cuts
        proxy.cut_after(rng.randint(1, 4000), "up")
        deadline = time.monotonic() + 2
        while proxy.cuts == before and time.monotonic() < deadline:
            pause(0.02)
    proxy.cut_after(None, "up")


def link_cut_in_mid_reply(world, rng):
    proxy = any_proxy(world, rng)
    proxy.cut_after(rng.randint(1, 2000), "down")
    pause(1.0)
    proxy.cut_after(None, "down")


EVENTS_PUBLISHED = re.compile(rb"(SPUBLISH\r\n\$\d+\r\nmr:\{[^}]*\}):oc:")


def publications_lost(world, rng):
    """What a worker publishes goes to a channel that nobody follows; the log has it."""
    proxy = rng.choice(world.worker_proxies)
    proxy.rewrite(lambda data: EVENTS_PUBLISHED.sub(rb"\1:xx:", data))
    pause(rng.uniform(0.2, 1.0))
    proxy.rewrite(None)


def stall_worker_link(world, rng, least, most):
    proxy = rng.choice(world.worker_proxies)
    proxy.set_mode("stall", direction=rng.choice(["up", "both"]))
    pause(LEASE_S * rng.uniform(least, most))
    proxy.set_mode("pass")


def link_stall(world, rng):
    stall_worker_link(world, rng, 0.3, 1.9)


def link_stall_to_lease_end(world, rng):
    """What a worker wrote before its lease ended arrives while its sessions are taken over."""
    stall_worker_link(world, rng, 0.75, 1.35)


def gateway_link_stall(world, rng):
    proxy = rng.choice(world.gateway_proxies)
    proxy.set_mode("stall", direction=rng.choice(["up", "down", "both"]))
    pause(rng.uniform(0.3, 4.0))
    proxy.set_mode("pass")


def gateway_blind(world, rng):
    """A gateway without Redis for longer than a short turn lasts."""
    proxy = rng.choice(world.gateway_proxies)
    proxy.set_mode("reset")
    pause(rng.uniform(1.0, 5.0))
    proxy.set_mode("pass")


def link_half_open(world, rng):
    any_proxy(world, rng).half_open_all()


def link_slices(world, rng):
    proxy = any_proxy(world, rng)
    proxy.set_mode("slice", piece=rng.choice([1, 7, 100]))
    pause(rng.uniform(0.2, 1.0))
    proxy.set_mode("pass")


def link_latency(world, rng):
    proxy = any_proxy(world, rng)
    proxy.set_mode("latency", delay_ms=50, jitter_ms=20)
    pause(rng.uniform(0.5, 3.0))
    proxy.set_mode("pass")


# --- clients

def some_tabs(world, rng, share):
    tabs = [tab for session in world.sessions for tab in session.tabs]
    return [tab for tab in tabs if rng.random() < share]


def on_loop(world, function, *arguments):
    world.loop.call_soon_threadsafe(function, *arguments)


def clients_reset(world, rng):
    for tab in some_tabs(world, rng, 0.2):
        on_loop(world, tab.reset)


def clients_half_open(world, rng):
    for tab in some_tabs(world, rng, 0.1):
        if tab.v2:
            on_loop(world, tab.abandon)


def clients_stall(world, rng):
    for tab in some_tabs(world, rng, 0.2):
        seconds = rng.uniform(0.5, 5.0)  # shorter than the idle timeout
        asyncio.run_coroutine_threadsafe(tab.stall(seconds), world.loop)


def reconnect_storm(world, rng):
    """Everybody at once."""
    for tab in some_tabs(world, rng, 1.0):
        on_loop(world, tab.reset)


FAULTS = {fault.__name__: fault for fault in (
    worker_kill, worker_kill_all, worker_freeze_beyond_lease, worker_freeze_for_a_moment,
    worker_freeze_then_kill, worker_replace, nginx_worker_kill, nginx_reload, redis_kill,
    redis_restart, redis_freeze, redis_cut_clients, redis_forgets_scripts, link_reset,
    link_cut_in_mid_command, link_cut_in_mid_reply, link_stall, link_stall_to_lease_end,
    gateway_link_stall, gateway_blind, publications_lost, link_half_open, link_slices,
    link_latency, clients_reset, clients_half_open, clients_stall, reconnect_storm)}


class Injector:
    """Draws faults until told to stop: every kind once before any comes again."""

    def __init__(self, world, kinds, pace_s):
        self.world, self.kinds, self.pace_s = world, kinds, pace_s
        self.rng = random.Random(f"{world.seed}/faults")
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, name="faults")
        self.done = []  # (second, kind)
        self.trouble = None

    def start(self):
        self.thread.start()

    def finish(self):
        self.stopping.set()
        self.thread.join()

    def run(self):
        bag = []
        while self.kinds and not self.stopping.wait(self.rng.expovariate(1 / self.pace_s)):
            if not bag:
                bag = list(self.kinds)
                self.rng.shuffle(bag)
            kind = bag.pop()
            self.done.append((self.world.elapsed(), kind))
            try:
                FAULTS[kind](self.world, random.Random(f"{self.world.seed}/{len(self.done)}"))
            except Exception as error:  # of the harness: the run is worth nothing
                self.trouble = f"{kind}: {error!r}"
                return
