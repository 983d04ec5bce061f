#!/usr/bin/python3
"""The rolling restart: every nginx worker and every mr-worker is replaced while all sessions stream,
and no answer is interrupted: each comes whole over the connection it began on. Exit code 0: so it
was."""

import argparse
import asyncio
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import leaks  # noqa: E402
from harness.paths import require_binaries  # noqa: E402
from harness.process import wait_for  # noqa: E402
from scripts import Script  # noqa: E402
from session import Session  # noqa: E402
from world import World  # noqa: E402

DRAIN_S = 40
ALL_STREAM_LIMIT_S = 60.0
GONE_LIMIT_S = DRAIN_S + 30.0


def answer(rng):
    """Eight to twelve seconds long."""
    return Script(rng.getrandbits(48), phase_ms=20, tools=2, tool_ms=100,
                  chunks=rng.randint(24, 36), size=80, rate=3)


def replace_all(world):
    """One process after the other, as a deployment does it. Runs beside the clients."""
    for index in range(len(world.workers)):
        old = world.replace_worker(index)
        wait_for(old_and_new(world, index), "the new worker serves", 30)
        old.process.send(signal.SIGTERM)
        old.process.wait(GONE_LIMIT_S)
        print(f"  {world.elapsed():5.0f} s: {old.name} replaced, "
              f"{world.counts['turns']} answers so far", flush=True)
    for number, gateway in enumerate(world.gateways):
        old = gateway.reload()
        wait_for(lambda: not any(worker.alive() for worker in old), "the old workers are gone",
                 GONE_LIMIT_S)
        print(f"  {world.elapsed():5.0f} s: {len(old)} workers of gateway {number} replaced, "
              f"{world.counts['turns']} answers so far", flush=True)


def old_and_new(world, index):
    return lambda: world.workers[index].ready_file.exists()


async def play(world, options):
    world.loop = asyncio.get_running_loop()
    world.ending = asyncio.Event()
    await world.upstream.start(world.upstream_port)
    world.sessions = [Session(world, number, v2=True, tabs=1, script=answer)
                      for number in range(options.clients)]
    world.began = time.monotonic()
    tasks = [asyncio.create_task(session.run()) for session in world.sessions]
    while not all(session.turns for session in world.sessions):
        assert world.elapsed() < ALL_STREAM_LIMIT_S, "not every session streams"
        await asyncio.sleep(0.1)
    print(f"  {world.elapsed():5.0f} s: all {options.clients} sessions stream", flush=True)
    try:
        await asyncio.to_thread(replace_all, world)
    finally:
        world.ending.set()
    await asyncio.gather(*tasks)
    await world.upstream.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=500, help="streaming sessions (default 500)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    require_binaries()
    world = World(options.seed, drain=f"{DRAIN_S}s", worker_drain=f"{DRAIN_S}s")
    try:
        world.start()
        asyncio.run(play(world, options))
        leaks.check(world)
    finally:
        trouble = world.stop()
    for line in [*trouble, *world.grave_lines()[:20]]:
        world.violation(line)
    counts = world.counts
    print(f"{options.clients} sessions, {counts['turns']} answers, {counts['closed 1001']} closed "
          f"with 1001, {counts['turns taken over']} taken over, "
          f"{counts['events compared']} events compared with the log, "
          f"{counts['answers interrupted']} interrupted, {len(world.violations)} violations")
    world.remove()
    return 1 if world.violations or counts["answers interrupted"] else 0


if __name__ == "__main__":
    sys.exit(main())
