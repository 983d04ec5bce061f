#!/usr/bin/env python3
"""What an event costs Redis (./mr bench redis): mr-ws' way of writing it beside others, on one private
Redis in turn, round after round. Plain Python 3.11."""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import median

import servers
from peers import common_versions
from stand import Failed, Stand

ROOT = Path(__file__).resolve().parents[2]
WAYS = ("mr-ws", "centrifuge", "publish")
LIMIT_S = 600


def arguments():
    parser = argparse.ArgumentParser(
        prog="./mr bench redis", description="What an event costs Redis, by the way in which it is "
        "written: mr-ws' XADD and SPUBLISH, Centrifuge's script per event, PUBLISH alone.")
    parser.add_argument("--rounds", type=int, default=5, help="[5]")
    parser.add_argument("--depth", type=int, nargs="+", default=[1, 64], metavar="N",
                        help="events under way at a time; several, one after the other [1 64]")
    parser.add_argument("--events", type=int, default=100_000, help="of each a round [100000]")
    parser.add_argument("--sessions", type=int, default=200, help="[200]")
    parser.add_argument("--bytes", type=int, default=215, help="of an event [215]")
    parser.add_argument("--build", type=Path, default=ROOT / "build", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    chosen = parser.parse_args()
    if min(chosen.rounds, chosen.events, chosen.sessions, chosen.bytes, *chosen.depth) < 1:
        parser.error("a number is less than 1")
    return chosen


def measure(chosen, stand, address, way, depth):
    subprocess.run(["redis-cli", "-s", address, "FLUSHALL"], check=True, capture_output=True,
                   timeout=LIMIT_S)
    got = subprocess.run(
        [chosen.build / "mr-peer-redis", f"--address=unix:{address}", f"--way={way}",
         f"--pid={stand.processes['redis'].pid}", f"--depth={depth}", f"--events={chosen.events}",
         f"--sessions={chosen.sessions}", f"--bytes={chosen.bytes}"],
        capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if got.returncode != 0:
        raise Failed(f"{way}: {got.stderr.strip()}")
    return json.loads(got.stdout)


def table(chosen, results):
    lines = ["| events under way | way | Redis, us/event | to mr-ws in the same round | events/s |",
             "|---|---|---|---|---|"]
    for depth in chosen.depth:
        ours = results[depth]["mr-ws"]
        for way in WAYS:
            found = results[depth][way]
            factor = median(one["us_per_event"] / own["us_per_event"]
                            for one, own in zip(found, ours))
            lines.append(f"| {depth} | {way} | {median(one['us_per_event'] for one in found):.2f} | "
                         f"x{factor:.2f} | {median(one['events_per_s'] for one in found):.0f} |")
    return "\n".join(lines)


def run(chosen):
    results = {depth: {way: [] for way in WAYS} for depth in chosen.depth}
    with Stand(chosen.out.resolve() / "work", 0) as stand:
        address = servers.start_redis(stand)
        for number in range(chosen.rounds):
            for depth in chosen.depth:
                for way in WAYS if number % 2 == 0 else reversed(WAYS):
                    results[depth][way].append(measure(chosen, stand, address, way, depth))
    text = (f"{chosen.sessions} sessions, events of {chosen.bytes} bytes, {chosen.events} a round, "
            f"median of {chosen.rounds} rounds; redis {common_versions()['redis']}\n\n"
            f"{table(chosen, results)}\n")
    (chosen.out / "redis.json").write_text(json.dumps(results, indent=1) + "\n")
    (chosen.out / "redis.txt").write_text(text)
    print(text, end="")


def main():
    try:
        run(arguments())
    except (Failed, OSError, subprocess.SubprocessError) as why:
        print(f"bench/peers: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
