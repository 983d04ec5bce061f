#!/usr/bin/env python3
"""How long from a stop to the closed socket at the provider.

    export MR_OPENAI_BASE_URL=http://127.0.0.1:9911/v1
    export MR_EXTRACTOR=embedded MR_ROUTER=embedded MR_SQL_WRITER=embedded MR_MERGER=embedded
    ./mr up --port 8443 --workers 2
    bench/acceptance/stop.py --url wss://localhost:8443/ws/chat --stops 500 --sessions 50

Starts the language model of the tests (tests/harness/provider.py) on --provider-port, asks through
every session, stops each answer at a random moment of its stream, and asks again. The clock is
monotonic and the same for both ends: it starts before the frame with the cancel is sent, and stops
when the provider sees its client's socket closed. Prints one JSON line; exit 1 when a stop did not
close its socket or was not acknowledged, or when the 99th percentile is above the bound."""

import argparse
import asyncio
import json
import random
import sys
import time
from pathlib import Path

from common import WebSocket, percentile

PROVIDER = Path(__file__).resolve().parents[2] / "tests/harness/provider.py"
QUESTION = "How much have we invoiced on the Harbor Point project? Asked for the bench as number {}."
LIMIT_S = 60


class Model:
    """The provider in a process of its own: what it has seen, by question."""

    def __init__(self):
        self.seen = {}

    async def start(self, options):
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, PROVIDER, "--port", str(options.provider_port),
            "--rate", str(options.rate), "--tokens", str(int(options.rate * LIMIT_S)),
            stdout=asyncio.subprocess.PIPE)
        ready = await asyncio.wait_for(self.process.stdout.readline(), 10)
        if not ready.startswith(b"ready"):
            raise SystemExit(f"the provider did not start: is port {options.provider_port} free?")
        self.reading = asyncio.create_task(self.read())

    async def read(self):
        async for line in self.process.stdout:
            exchange = json.loads(line)
            self.seen[exchange["question"]] = exchange

    async def all_of(self, questions):
        until = time.monotonic() + 10
        while not questions <= self.seen.keys() and time.monotonic() < until:
            await asyncio.sleep(0.05)

    async def stop(self):
        self.process.terminate()
        await self.process.wait()
        self.reading.cancel()


async def until(ws, kind):
    while True:
        text = await asyncio.wait_for(ws.receive(), LIMIT_S)
        if text is None:
            raise ConnectionError("closed in the middle of an answer")
        event = json.loads(text)
        if event["type"] == kind:
            return event


async def session(options, numbers, dice, results):
    ws = await WebSocket.open(options.url, "mr.v2")
    await ws.receive()
    for number in numbers:
        question = QUESTION.format(number)
        ws.send(json.dumps({"message": question}))
        await until(ws, "text_chunk")
        moment = asyncio.create_task(asyncio.sleep(dice.uniform(0, options.within_s)))
        reading = asyncio.create_task(until(ws, "response_complete"))
        await moment
        sent = time.monotonic()
        ws.send(json.dumps({"type": "cancel"}))
        end = await reading
        results[question] = (sent, time.monotonic(), end["status"])
    ws.close()


async def run(options):
    model = Model()
    await model.start(options)
    try:
        results, dice = {}, random.Random(options.seed)
        shares = [range(i, options.stops, options.sessions) for i in range(options.sessions)]
        await asyncio.gather(*(session(options, share, random.Random(dice.random()), results)
                               for share in shares))
        await model.all_of(results.keys())
    finally:
        await model.stop()
    return results, model.seen


def milliseconds(values):
    return {"p50": round(percentile(values, 0.5) * 1000, 2),
            "p99": round(percentile(values, 0.99) * 1000, 2),
            "max": round(max(values) * 1000, 2)} if values else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="wss://localhost:8443/ws/chat")
    parser.add_argument("--stops", type=int, default=500)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--rate", type=float, default=20, help="tokens per second of each answer")
    parser.add_argument("--within-s", type=float, default=3.0, help="of the first word")
    parser.add_argument("--provider-port", type=int, default=9911)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bound-ms", type=float, default=250)
    options = parser.parse_args()
    results, seen = asyncio.run(run(options))
    closed = [seen[question]["closed"] - sent for question, (sent, _, _) in results.items()
              if question in seen and seen[question]["closed"]]
    acknowledged = [end - sent for sent, end, status in results.values() if status == "cancelled"]
    socket_ms = milliseconds(closed)
    good = (len(closed) == len(acknowledged) == options.stops
            and socket_ms["p99"] <= options.bound_ms)
    print(json.dumps({"stops": len(results), "sessions": options.sessions,
                      "sockets_closed": len(closed), "acknowledged": len(acknowledged),
                      "closed_ms": socket_ms, "acknowledged_ms": milliseconds(acknowledged),
                      "seed": options.seed, "bound_ms": options.bound_ms}))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
