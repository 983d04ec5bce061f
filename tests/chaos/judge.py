#!/usr/bin/python3
"""The judge: many clients with answers known beforehand on the real stack, faults drawn by a random
seed, and a verdict on every event of every client. Exit code 0: no violation. README.md beside it
says what is checked and how a run is repeated."""

import argparse
import asyncio
import secrets
import shutil
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import leaks  # noqa: E402
from faults import FAULTS, Injector  # noqa: E402
from harness.paths import ARTIFACTS, require_binaries  # noqa: E402
from session import Session  # noqa: E402
from speech import Speaker  # noqa: E402
from world import World  # noqa: E402

PROGRESS_S = 10.0
START_SPREAD_S = 3.0


def arguments():
    parser = argparse.ArgumentParser(
        prog="./mr chaos", description="Faults against the real stack; every event is judged.")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float, help="length of the run (default 2)")
    length.add_argument("--seconds", type=float, help="the same in seconds")
    parser.add_argument("--seed", type=int, help="replays the draws of a run (default: a new one)")
    parser.add_argument("--clients", type=int, default=200, help="sessions (default 200)")
    parser.add_argument("--speakers", type=int, metavar="N",
                        help="how many of the sessions speak (default: one in ten)")
    parser.add_argument("--pace", type=float, default=2.0,
                        help="mean seconds between two faults (default 2)")
    parser.add_argument("--faults", default=",".join(FAULTS), metavar="NAMES",
                        help="comma-separated kinds of fault (default: all), or none")
    parser.add_argument("--broken", metavar="GUARD",
                        help="removes a guard (needs the build with test switches)")
    parser.add_argument("--grace", type=float, default=60.0, metavar="SECONDS",
                        help="how much longer than its script an answer may take (default 60)")
    parser.add_argument("--stop-at-first", action="store_true", help="ends at the first violation")
    parser.add_argument("--list", action="store_true", help="lists the kinds of fault")
    parser.add_argument("--keep", action="store_true", help="keeps the logs in any case")
    options = parser.parse_args()
    options.kinds = [] if options.faults == "none" else options.faults.split(",")
    unknown = [kind for kind in options.kinds if kind not in FAULTS]
    if unknown:
        parser.error(f"no such fault: {', '.join(unknown)}; --list names them")
    if options.seed is None:
        options.seed = secrets.randbelow(10 ** 9)
    if options.speakers is None:
        options.speakers = options.clients // 10
    options.length = options.seconds or 60 * (options.minutes or 2)
    return options


def progress(world, injector, options):
    counts = world.counts
    print(f"  {world.elapsed():6.0f} of {options.length:.0f} s: {counts['turns']} turns, "
          f"{counts['turns taken over']} taken over, {counts['utterances']} utterances, "
          f"{counts['events']} events, "
          f"{len(injector.done)} faults, {len(world.violations)} violations", flush=True)


async def play(world, injector, options):
    world.loop = asyncio.get_running_loop()
    world.ending = asyncio.Event()
    await world.upstream.start(world.upstream_port)
    world.sessions = [Session(world, number) for number in range(options.clients - options.speakers)]
    world.sessions += [Speaker(world, number) for number in range(options.speakers)]
    world.began = time.monotonic()
    tasks = []
    for session in world.sessions:
        tasks.append(asyncio.create_task(session.run()))
        await asyncio.sleep(START_SPREAD_S / options.clients)
    injector.start()
    try:
        await watch(world, injector, options, tasks)
    finally:
        world.ending.set()
        await asyncio.to_thread(injector.finish)
    if options.stop_at_first and world.violations:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    else:
        await asyncio.gather(*tasks)
    for wire in world.left_open:
        wire.abort()
    await world.upstream.stop()


async def watch(world, injector, options, tasks):
    shown = world.elapsed()
    while world.elapsed() < options.length and injector.trouble is None:
        await asyncio.sleep(0.25)
        if world.elapsed() > shown + PROGRESS_S:
            shown = world.elapsed()
            progress(world, injector, options)
        for task in tasks:
            if task.done() and task.exception() is not None:
                raise task.exception()
        if options.stop_at_first and world.violations:
            break


def keep_logs(world):
    target = ARTIFACTS / f"chaos-{world.seed}"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(world.directory, target, ignore=shutil.ignore_patterns("*.sock", "appendonlydir"))
    print(f"logs in {target}")


def report(world, injector, options):
    kinds = {}
    for _, kind in injector.done:
        kinds[kind] = kinds.get(kind, 0) + 1
    print(f"seed {world.seed}, {options.clients} sessions with "
          f"{sum(len(s.tabs) for s in world.sessions)} tabs, {options.length:.0f} s")
    print("faults: " + (", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
                        or "none"))
    print("seen: " + ", ".join(f"{name} {count}" for name, count in sorted(world.counts.items())))
    print(f"{len(injector.done)} faults, {world.counts['turns']} turns, "
          f"{world.counts['utterances']} utterances, "
          f"{world.counts['events compared']} events compared with the log, "
          f"{len(world.violations)} violations")


def main():
    options = arguments()
    if options.list:
        for name, fault in FAULTS.items():
            print(f"{name:28} {(fault.__doc__ or '').strip().splitlines()[0] if fault.__doc__ else ''}")
        return 0
    require_binaries()
    print(f"seed {options.seed} (repeat with --seed {options.seed})", flush=True)
    world = World(options.seed, broken=options.broken, grace_s=options.grace,
                  voice=options.speakers > 0)
    injector = Injector(world, options.kinds, options.pace)
    try:
        world.start()
        asyncio.run(play(world, injector, options))
        if injector.trouble:
            world.violation(f"the judge itself: {injector.trouble}")
        if not options.stop_at_first or not world.violations:
            leaks.check(world)
    finally:
        trouble = world.stop()
    for line in [*trouble, *world.grave_lines()[:20]]:
        world.violation(line)
    report(world, injector, options)
    if world.violations or options.keep:
        keep_logs(world)
    world.remove()
    return 1 if world.violations else 0


if __name__ == "__main__":
    sys.exit(main())
