#!/usr/bin/env python3
"""Many concurrent sessions, each asking one question whose answer is known.

    bench/acceptance/sessions.py --url wss://localhost:8443/ws/chat --sessions 2000

Every session connects first; then all ask within --spread seconds. Prints one JSON line; exit 1
when a session was dropped, unanswered or answered wrongly."""

import argparse
import asyncio
import json
import re
import sys
import time

from common import WebSocket, answer_of, memory_kib, no_verify, percentile, processes

QUESTION = "How much have we invoiced on the Harbor Point project, and what is still open?"
FACTS = ("45,368,414", "7,712,021")  # worker/data: sums over the invoices of Harbor Point


async def one(url, context, start, delay, gate, results):
    try:
        async with gate:
            ws = await asyncio.wait_for(WebSocket.open(url, context=context), 60)
        await asyncio.wait_for(ws.receive(), 60)  # connected
        results["connected"] += 1
        await start.wait()
        await asyncio.sleep(delay)
        asked = time.monotonic()
        ws.send(json.dumps({"message": QUESTION}))
        events = []
        while not events or events[-1]["type"] != "response_complete":
            events.append(json.loads(await asyncio.wait_for(ws.receive(), 180)))
            if len(events) == 1:
                results["first_ms"].append((time.monotonic() - asked) * 1000)
        results["turn_ms"].append((time.monotonic() - asked) * 1000)
        text = answer_of(events)
        results["right" if all(f in text for f in FACTS) else "wrong"] += 1
        ws.close()
    except Exception as error:  # noqa: BLE001 - every failure counts, whatever it is
        results["failed"].append(repr(error)[:200])


async def run(options):
    results = {"connected": 0, "right": 0, "wrong": 0, "failed": [], "first_ms": [], "turn_ms": []}
    watched = processes("mr-worker", "nginx: worker")
    before = {pid: memory_kib(pid, "Rss") for pid in watched}
    start, gate = asyncio.Event(), asyncio.Semaphore(64)
    context = no_verify()
    tasks = [asyncio.create_task(one(options.url, context, start,
                                     options.spread * i / options.sessions, gate, results))
             for i in range(options.sessions)]
    limit = time.monotonic() + 120
    while results["connected"] + len(results["failed"]) < options.sessions:
        if time.monotonic() > limit:
            break
        await asyncio.sleep(0.05)
    start.set()
    peak = dict(before)
    while not all(task.done() for task in tasks):
        await asyncio.wait(tasks, timeout=0.5)
        for pid in watched:
            try:
                peak[pid] = max(peak[pid], memory_kib(pid, "Rss"))
            except OSError:
                pass
    return results, before, peak, watched


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="wss://localhost:8443/ws/chat")
    parser.add_argument("--sessions", type=int, default=2000)
    parser.add_argument("--spread", type=float, default=10, help="seconds over which all ask")
    options = parser.parse_args()
    results, before, peak, watched = asyncio.run(run(options))
    print(json.dumps({
        "sessions": options.sessions, "connected": results["connected"],
        "right": results["right"], "wrong": results["wrong"], "failed": len(results["failed"]),
        "first_event_ms": {p: round(percentile(results["first_ms"], s) or 0, 1)
                           for p, s in (("p50", .5), ("p99", .99))},
        "turn_ms": {p: round(percentile(results["turn_ms"], s) or 0, 1)
                    for p, s in (("p50", .5), ("p99", .99))},
        "rss_kib": [{"process": re.sub(r"\s+", " ", line)[:40], "pid": pid,
                     "before": before[pid], "peak": peak[pid]} for pid, line in watched.items()],
        "examples_of_failure": results["failed"][:3]}))
    return 0 if results["right"] == options.sessions else 1


if __name__ == "__main__":
    sys.exit(main())
