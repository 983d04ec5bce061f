#!/usr/bin/env python3
"""mr-ws beside what people use instead (./mr bench peers): the same load on each in turn, round
after round, and one table with everything as a ratio to mr-ws in the same round. Plain Python 3.11."""

import argparse
import json
import os
import resource
import subprocess
import sys
from functools import partial
from pathlib import Path

import table
from peers import ALL, Bench, common_versions
from servers import CONNECTIONS
from stand import Failed, Stand, free_port, make_certificate

ROOT = Path(__file__).resolve().parents[2]
OURS = "mr-ws"
FIRST_PORT = 18643
PORTS_APART = 10
UP_LIMIT_S = 120
SPARE_S = 120  # of a measurement, beside warm-up and measured time
# Flat out, each session asks for such an answer, and for the next when it has it: ten events of
# phases and of a tool, the text, the completion. mr-bench peer asks for as many events.
ANSWER = ("--chunks=200", "--tools=1")
BROKEN, INVALID = 1, 3
IDLE_OPEN_RATE = 250  # connections a second: so many more than usual are opened
MOST_SESSIONS = CONNECTIONS // 2 - 192  # nginx has two of its own for one, perhaps in one process


def arguments():
    parser = argparse.ArgumentParser(
        prog="./mr bench peers", description="mr-ws beside what people use instead: the same load "
        "on each in turn, a table with ratios.")
    names = [peer.name for peer in ALL]
    parser.add_argument("--rounds", type=int, default=3, help="[3]")
    parser.add_argument("--sessions", type=int, default=200, help="connections over TLS [200]")
    parser.add_argument("--rate", type=int, nargs="+", default=[50], metavar="N",
                        help="events a second of each, 0: flat out; several, measured one after the "
                        "other [50]")
    parser.add_argument("--idle", type=int, metavar="N", help="what each of N connections costs that "
                        "do nothing, instead of events")
    parser.add_argument("--plain", action="store_true", help="without TLS, ws://")
    parser.add_argument("--bytes", type=int, default=80, help="of an event's text [80]")
    parser.add_argument("--seconds", type=float, default=10, help="measured of each a round [10]")
    parser.add_argument("--warmup", type=float, default=2, help="[2]")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="PEER",
                        help=f"of {', '.join(names)} [all that are installed]")
    parser.add_argument("--processes", type=int, default=os.cpu_count(),
                        help="of a server that can have several [one per core]")
    parser.add_argument("--port", type=int, default=FIRST_PORT,
                        help=f"the first that is free from there on [{FIRST_PORT}]")
    parser.add_argument("--build", type=Path, default=ROOT / "build", help=argparse.SUPPRESS)
    parser.add_argument("--run", type=Path, default=ROOT / "run", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    chosen = parser.parse_args()
    for name in ("rounds", "sessions", "bytes", "processes"):
        if getattr(chosen, name) < 1:
            parser.error(f"--{name} is less than 1")
    if chosen.idle is not None:
        chosen.sessions, chosen.rate = chosen.idle, [None]
    if not 1 <= chosen.sessions <= MOST_SESSIONS:
        parser.error(f"there can be 1 to {MOST_SESSIONS} connections")
    if min(rate or 0 for rate in chosen.rate) < 0:
        parser.error("--rate is less than 0")
    return chosen


def raise_descriptors(wanted):
    """For all that is started."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise Failed(f"a process may have {hard} open files; {wanted} are needed: ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def say(text):
    print(text, flush=True)


class Runner:
    def __init__(self, chosen):
        self.chosen = chosen
        self.out = chosen.out.resolve()
        self.work = self.out / "work"
        self.work.mkdir(parents=True, exist_ok=True)
        self.bench = Bench(chosen.build.resolve(), chosen.processes,
                           () if chosen.plain else make_certificate(self.work))
        self.scheme = "ws" if chosen.plain else "wss"
        self.skipped = {}
        raise_descriptors(2 * chosen.sessions + 256)

    def measure(self, scenario, url, out, *options):
        """The summary that mr-bench leaves; what it found broken is in there."""
        chosen = self.chosen
        got = subprocess.run(
            [self.bench.build / "mr-bench", scenario, url, "--quiet", f"--out={out}", *options],
            capture_output=True, text=True, check=False,
            timeout=SPARE_S + chosen.warmup + chosen.seconds)
        summary = out / "summary.json"
        if got.returncode not in (0, BROKEN, INVALID) or not summary.exists():
            raise Failed(f"mr-bench {scenario}: {(got.stderr or got.stdout).strip()}")
        result = json.loads(summary.read_text())
        if not result["measured_s"]:
            raise Failed(f"mr-bench {scenario}: {'; '.join(result['broken'])}")
        return result

    def load(self, rate):
        chosen = self.chosen
        common = [f"--sessions={chosen.sessions}", f"--seconds={chosen.seconds}",
                  f"--warmup={chosen.warmup}"]
        if rate is None:
            return [*common, f"--open-rate={IDLE_OPEN_RATE}"]
        return [*common, f"--rate={rate}", f"--bytes={chosen.bytes}"]

    def measure_ours(self, rate, out):
        """An instance of its own, each event a frame of its own as the peers write it."""
        directory, port = self.chosen.run.resolve() / "bench-peers", free_port(self.chosen.port)
        front = [str(ROOT / "mr")]
        place = ["--dir", str(directory)]
        plain = free_port(port + 1) if self.chosen.plain else None
        up = subprocess.run([*front, "up", "--yes", "--bench", "--workers", "1", *place, "--port",
                             str(port), *(("--http-port", str(plain)) if plain else ())],
                            env={**os.environ, "MR_TEXT_WINDOW": "0"}, capture_output=True,
                            text=True, timeout=UP_LIMIT_S, check=False)
        if up.returncode != 0:
            raise Failed(f"./mr up: {(up.stderr or up.stdout).strip()}")
        try:
            url = f"{self.scheme}://localhost:{plain or port}/ws/bench"
            return self.measure_instance(rate, url, f"--instance={directory}", out)
        finally:
            subprocess.run([*front, "down", *place], capture_output=True, timeout=UP_LIMIT_S,
                           check=False)

    def measure_instance(self, rate, url, watch, out):
        if rate is None:
            return self.measure("idle", url, out, watch, *self.load(rate))
        idle = self.measure("idle", url, out / "idle", watch, "--seconds=0.5", "--warmup=0.5",
                            f"--sessions={self.chosen.sessions}")
        answer = () if rate else ANSWER
        result = self.measure("relay", url, out, watch, *self.load(rate), *answer)
        return {**result, "memory_kib": idle["memory_kib"]}

    def measure_peer(self, peer, rate, out):
        port = free_port(self.chosen.port + PORTS_APART)
        with Stand(self.work / peer.name, port) as stand:
            path = peer.start(stand, self.bench)
            idle = ["--idle"] if rate is None else []
            return self.measure("peer", f"{self.scheme}://localhost:{port}{path}", out,
                                *stand.watched(), *self.load(rate), *idle, *peer.options)

    def usable(self):
        """The peers that this machine has; what one lacks is said."""
        found = []
        for peer in (one for one in ALL if one.name in self.chosen.only):
            try:
                peer.needs(self.bench)
                found.append(peer)
            except Failed as why:
                self.skip(peer.name, why)
        return found

    def skip(self, name, why):
        self.skipped[name] = str(why)
        say(f"skipped: {name}: {why}")

    def run(self):
        peers = self.usable()
        versions = {"all": common_versions(), **{peer.name: peer.versions(self.bench)
                                              for peer in peers}}
        ours = (OURS, self.measure_ours)
        turns = [ours, *((peer.name, partial(self.measure_peer, peer))
                         for peer in peers)]
        results = {rate: {name: [] for name, _ in turns} for rate in self.chosen.rate}
        for number in range(1, self.chosen.rounds + 1):
            # Nobody is always the first, or always behind the same one.
            for name, measure in turns if number % 2 else reversed(turns):
                for rate in self.chosen.rate:  # on fresh processes each
                    self.one(number, name, rate, measure, results[rate][name])
        return self.keep(results, versions, peers)

    def one(self, number, name, rate, measure, results):
        try:
            kept = self.out / name / f"{'idle' if rate is None else rate}-{number}"
            figures = table.figures(measure(rate, kept), number)
        except (Failed, subprocess.TimeoutExpired) as why:
            return self.skip(name, f"round {number}: {why}")
        results.append(figures)
        load = f"{rate:5}/s" if rate else "idle" if rate is None else "flat out"
        line = table.idle_line if rate is None else table.line
        say(f"round {number} of {self.chosen.rounds}: {name:17}{load} {line(figures)}")

    def keep(self, results, versions, peers):
        chosen = self.chosen
        whole = {"config": {name: getattr(chosen, name) for name in
                            ("sessions", "bytes", "seconds", "rounds", "processes", "plain")},
                 "what": {OURS: "each event a frame of its own, logged",
                          **{peer.name: peer.what for peer in peers}},
                 "versions": versions, "skipped": self.skipped, "rates": results}
        (self.out / "peers.json").write_text(json.dumps(whole, indent=1) + "\n")
        text = table.render(whole, OURS)
        (self.out / "peers.txt").write_text(text)
        say("\n" + text)
        return 0 if all(found[OURS] for found in results.values()) else 1


def main():
    try:
        return Runner(arguments()).run()
    except Failed as why:
        print(f"bench/peers: {why}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
