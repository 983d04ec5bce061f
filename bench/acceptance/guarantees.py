#!/usr/bin/python3
"""What the guarantees of the relay cost: the same scripted answers with and without them, on two
stacks side by side, in rounds A B B A.

    ./mr chaos --cost

"Without" publishes every event as before and neither appends it to the log nor writes checkpoints
(the switch `durability` of shared/guard.h, in the build of ./mr chaos). Prints one JSON line: turns
and events per second, and CPU per event of each kind of process, with their ratios."""

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from common import WebSocket, no_verify  # noqa: E402
from harness.process import stat_fields  # noqa: E402
from harness.stack import Stack  # noqa: E402

LOCATIONS = "location = /ws/bench { mr_ws bench; }"
ROUNDS = "ABBA"
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def cpu_s(pids):
    """User and system time so far."""
    fields = [stat_fields(pid) for pid in pids]
    return sum((int(f[11]) + int(f[12])) * TICK_S for f in fields if f)


class Side:
    def __init__(self, name, data_dir):
        broken = name == "without"
        if broken:
            os.environ["MR_BROKEN"] = "durability"
        self.name = name
        # Sessions stay with their owner between turns: a claim needs the log to name its top.
        self.stack = Stack(data_dir, workers=1, apps="bench", locations=LOCATIONS,
                           redis=["appendonly yes", "appendfsync everysec"],
                           main="env MR_BROKEN;" if broken else "",
                           settings={"text_window": "0ms", "linger": "60s"})
        self.stack.start()
        os.environ.pop("MR_BROKEN", None)
        self.cpu = {"nginx": 0.0, "redis": 0.0, "worker": 0.0}
        self.events = self.turns = 0
        self.seconds = 0.0

    def now(self):
        return {"nginx": cpu_s(self.stack.nginx.worker_pids()),
                "redis": cpu_s([self.stack.redis.process.pid]),
                "worker": cpu_s([worker.process.pid for worker in self.stack.workers])}

    async def round(self, options, words):
        url = f"wss://127.0.0.1:{self.stack.nginx.https_port}/ws/bench"
        context = no_verify()
        clients = [await WebSocket.open(url, "mr.v2", context) for _ in range(options.sessions)]
        for ws in clients:
            await ws.receive()
        before, began = self.now(), time.monotonic()
        counts = await asyncio.gather(*(self.client(ws, options.turns, words) for ws in clients))
        after = self.now()
        self.seconds += time.monotonic() - began
        self.events += sum(counts)
        self.turns += options.turns * len(clients)
        for name in self.cpu:
            self.cpu[name] += after[name] - before[name]
        for ws in clients:
            ws.close()

    async def client(self, ws, turns, words):
        events = 0
        for number in range(turns):
            ws.send(json.dumps({"type": "ask", "message": f"seed={number} {words}"}))
            while True:
                text = await asyncio.wait_for(ws.receive(), 60)
                events += 1
                if '"response_complete"' in text:
                    break
        return events

    def result(self):
        return {"turns_per_s": round(self.turns / self.seconds, 1),
                "events_per_s": round(self.events / self.seconds),
                "cpu_us_per_event": {name: round(spent / self.events * 1e6, 1)
                                     for name, spent in self.cpu.items()}}


async def run(options, sides, words):
    for side in sides.values():
        await side.round(options, words)  # warm
        side.cpu = dict.fromkeys(side.cpu, 0.0)
        side.events = side.turns = side.seconds = 0
    for _ in range(options.rounds):
        for letter in ROUNDS:
            await sides["with" if letter == "A" else "without"].round(options, words)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--turns", type=int, default=2, help="of each session in a round")
    parser.add_argument("--rounds", type=int, default=2, help="of A B B A")
    options = parser.parse_args()
    data_dir = Path(tempfile.mkdtemp(prefix="mr-cost-"))
    report = {}
    for kind, words in (("paced", "tools=2 chunks=100 bytes=80 rate=50"),
                        ("flat out", "tools=2 chunks=200 bytes=80 rate=0")):
        sides = {name: Side(name, data_dir) for name in ("with", "without")}
        try:
            asyncio.run(run(options, sides, words))
            report[kind] = {name: side.result() for name, side in sides.items()}
            whole = {name: sum(side["cpu_us_per_event"].values())
                     for name, side in report[kind].items()}
            report[kind]["cpu_ratio"] = round(whole["with"] / whole["without"], 2)
        finally:
            for side in sides.values():
                side.stack.stop()
                side.stack.remove()
    shutil.rmtree(data_dir, ignore_errors=True)
    print(json.dumps(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
