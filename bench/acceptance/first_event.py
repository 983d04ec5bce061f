#!/usr/bin/env python3
"""Time from a question to its first event, one question at a time.

    bench/acceptance/first_event.py --url wss://localhost:8443/ws/chat --bound-ms 20

Prints one JSON line; exit 1 when the median is above the bound."""

import argparse
import asyncio
import json
import sys
import time

from common import WebSocket, percentile

QUESTIONS = (
    "How much have we invoiced on the Harbor Point project, and what is still open?",
    "Which five projects have the highest contract value?",
    "What do the inspection reports say about waterproofing?",
    "Hello",
    "List our open deals",
)


async def run(options):
    ws = await WebSocket.open(options.url)
    await ws.receive()
    times = []
    for i in range(options.questions):
        asked = time.monotonic()
        ws.send(json.dumps({"message": QUESTIONS[i % len(QUESTIONS)]}))
        event = json.loads(await asyncio.wait_for(ws.receive(), 30))
        times.append((time.monotonic() - asked) * 1000)
        while event["type"] != "response_complete":
            event = json.loads(await asyncio.wait_for(ws.receive(), 60))
    ws.close()
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="wss://localhost:8443/ws/chat")
    parser.add_argument("--questions", type=int, default=40)
    parser.add_argument("--bound-ms", type=float, default=20)
    options = parser.parse_args()
    times = asyncio.run(run(options))
    median = percentile(times, 0.5)
    print(json.dumps({"questions": len(times), "first_event_ms": {
        "p50": round(median, 2), "p90": round(percentile(times, 0.9), 2),
        "max": round(max(times), 2)}, "bound_ms": options.bound_ms}))
    return 0 if median <= options.bound_ms else 1


if __name__ == "__main__":
    sys.exit(main())
