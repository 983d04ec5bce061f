#!/usr/bin/env python3
"""Slow readers beside fast ones: what a slow one costs, and whether the fast ones notice.

    ./mr up --bench
    bench/acceptance/slow.py --url wss://localhost:8443/ws/bench --nginx PID --worker PID --worker PID

The fast clients ask --turns questions each: alone, then while every slow client is in the middle of an
answer of --size-kib that it reads at --pace bytes per second, then alone again. The slow ones read the
rest at full speed, with --whole at their pace to the last byte; every answer is checked for its length.
Prints one JSON line; exit 1 when an answer is not whole, a client was disconnected, or a slow client
ever cost nginx more than --bound-kib. Times are reported as a ratio and decide nothing. Redis keeps all
answers for the workers' resume_window, or as long as they are read."""

import argparse
import asyncio
import base64
import json
import os
import socket
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from common import WebSocket, children_named, memory_kib, no_verify, percentile  # noqa: E402
from harness.raw_ws import PING, PONG, TEXT, whole_frames  # noqa: E402

CHUNK_BYTES = 4096
FAST_SCRIPT = "chunks=100 bytes=80 rate=100"
FAST_SCRIPT_MS = 1000  # what it lasts by itself
RECEIVE_BUFFER = 8192
LIMIT_S = 120
LOOK_EVERY_S = 1.0


class SlowReader(asyncio.Protocol):
    """One v2 client; reads `pace` bytes per second, or as fast as it comes (None)."""

    def __init__(self, url, question, pace):
        self.url, self.question, self.pace = urlsplit(url), question, pace
        self.received = bytearray()
        self.shaken = False
        self.bytes = self.units = 0
        self.began = time.monotonic()
        self.done = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(cls, url, question, pace, context):
        parts = urlsplit(url)
        secure = parts.scheme == "wss"
        port = parts.port or (443 if secure else 80)
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        plain.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(plain, (socket.gethostbyname(parts.hostname), port))
        form = {"ssl": context, "server_hostname": parts.hostname} if secure else {}
        _, reader = await loop.create_connection(lambda: cls(url, question, pace), sock=plain,
                                                 **form)
        return reader

    def connection_made(self, transport):
        self.transport = transport
        if hasattr(transport, "set_read_buffer_limits"):
            # Else TLS reads 256 KiB ahead, and nothing more until most of that is used up: for
            # minutes nobody could tell it from a client that reads nothing.
            transport.set_read_buffer_limits(RECEIVE_BUFFER, 0)
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write("\r\n".join([
            f"GET {self.url.path} HTTP/1.1", f"Host: {self.url.netloc}", "Upgrade: websocket",
            "Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: mr.v2", "", ""]).encode())

    def data_received(self, data):
        self.bytes += len(data)
        self.received += data
        if not self.shaken:
            end = self.received.find(b"\r\n\r\n")
            if end < 0:
                return
            del self.received[:end + 4]
            self.shaken = True
            WebSocket(None, self.transport).send(json.dumps({"message": self.question}))
        self.take_frames()
        self.keep_pace()

    def keep_pace(self):
        if self.pace is None or self.done.done():
            return
        ahead = self.bytes / self.pace - (time.monotonic() - self.began)
        if ahead > 0:
            self.transport.pause_reading()
            asyncio.get_running_loop().call_later(min(ahead, 1.0), self.go_on)

    def go_on(self):
        ahead = self.pace and self.bytes / self.pace - (time.monotonic() - self.began)
        if ahead and ahead > 0:
            asyncio.get_running_loop().call_later(min(ahead, 1.0), self.go_on)
        elif not self.transport.is_closing():
            self.transport.resume_reading()

    def take_frames(self):
        for frame in whole_frames(self.received):
            self.take(frame)

    def take(self, frame):
        if frame.opcode == PING:
            WebSocket(None, self.transport).send(frame.payload, PONG)
        if frame.opcode != TEXT:
            return
        event = frame.json
        if event["type"] == "text_chunk":
            if event["offset"] != self.units:
                self.fail(f"text at {event['offset']}, not {self.units}")
            self.units += len(event["content"])
        elif event["type"] == "response_complete" and not self.done.done():
            self.done.set_result(event["text_length"] == self.units)

    def fail(self, what):
        if not self.done.done():
            self.done.set_exception(ConnectionError(what))

    def connection_lost(self, error):
        self.fail(f"disconnected: {error}")


async def fast_client(url, context, turns, times):
    ws = await WebSocket.open(url, protocol="mr.v2", context=context)
    await ws.receive()
    for turn in range(turns):
        began = time.monotonic()
        events = await asyncio.wait_for(ws.ask(f"seed={turn + 1} {FAST_SCRIPT}"), LIMIT_S)
        times.append((time.monotonic() - began) * 1000)
        if sum(len(e["content"]) for e in events if e["type"] == "text_chunk") != \
                events[-1]["text_length"]:
            raise ConnectionError("an answer of a fast client is not whole")
    ws.close()


async def fast_round(options, context):
    times = []
    await asyncio.gather(*[fast_client(options.url, context, options.turns, times)
                           for _ in range(options.fast)])
    return times


def memory(nginx_workers, options):
    """Private memory of nginx's workers, resident memory of ours, in KiB."""
    return (sum(memory_kib(pid) for pid in nginx_workers),
            sum(memory_kib(pid, "Rss") for pid in options.worker))


def kernel_kib(port):
    """What the kernel holds for the clients of a local port."""
    total = 0
    with open("/proc/net/tcp") as file:
        for line in list(file)[1:]:
            _, local, _, state, queues = line.split()[:5]
            if int(local.split(":")[1], 16) == port and state == "01":
                total += int(queues.split(":")[0], 16)
    return total // 1024


class Costs:
    """The most that the slow ones have cost so far, in KiB: nginx, workers, kernel."""

    def __init__(self, nginx_workers, options):
        self.nginx_workers, self.options = nginx_workers, options
        self.port = urlsplit(options.url).port or 443
        self.before = (*memory(nginx_workers, options), 0)
        self.most = [0, 0, 0]

    async def watch(self):
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            now = (*memory(self.nginx_workers, self.options), kernel_kib(self.port))
            more = [one - before for one, before in zip(now, self.before)]
            self.most = [max(pair) for pair in zip(self.most, more)]


async def open_slow(options, context):
    question = f"chunks={options.size_kib * 1024 // CHUNK_BYTES} bytes={CHUNK_BYTES} rate=0"
    return [await SlowReader.open(options.url, f"seed={number + 1} {question}", options.pace, context)
            for number in range(options.slow)]


async def read_rest(slow, options):
    """Of each, True when its answer was whole, else what was wrong."""
    limit_s = LIMIT_S
    if options.whole:
        limit_s += 1.2 * options.size_kib * 1024 / options.pace
    else:
        for reader in slow:
            reader.pace = None
    await asyncio.wait([reader.done for reader in slow], timeout=limit_s)
    whole = []
    for reader in slow:
        reader.fail(f"no end after {reader.units} of the text")  # if it is not done
        whole.append(reader.done.exception() or reader.done.result())
        reader.transport.close()
    return whole


async def run(options):
    context = no_verify()
    nginx_workers = children_named(options.nginx, "nginx: worker")
    if not nginx_workers:
        raise SystemExit(f"process {options.nginx} has no nginx workers")
    await fast_round(options, context)  # warms up
    times = {"alone": await fast_round(options, context)}
    costs = Costs(nginx_workers, options)
    watching = asyncio.create_task(costs.watch())
    began = time.monotonic()
    slow = await open_slow(options, context)
    await asyncio.sleep(options.settle)  # their answers are written, and wait
    times["beside"] = await fast_round(options, context)
    still = sum(not reader.done.done() for reader in slow)
    whole = await read_rest(slow, options)
    lasted_s = time.monotonic() - began
    watching.cancel()
    times["alone_again"] = await fast_round(options, context)
    return times, still, costs.most, whole, lasted_s


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="wss://localhost:8443/ws/bench")
    parser.add_argument("--nginx", type=int, required=True, help="pid of nginx's master process")
    parser.add_argument("--worker", type=int, action="append", default=[],
                        help="pid of an mr-worker whose memory is reported")
    parser.add_argument("--slow", type=int, default=200)
    parser.add_argument("--fast", type=int, default=20)
    parser.add_argument("--turns", type=int, default=5, help="questions of each fast client")
    parser.add_argument("--pace", type=float, default=16384, help="bytes per second")
    parser.add_argument("--size-kib", type=int, default=640, help="answer of a slow client")
    parser.add_argument("--settle", type=float, default=5, help="seconds for their answers to fill up")
    parser.add_argument("--bound-kib", type=float, default=512, help="of nginx per slow client")
    parser.add_argument("--whole", action="store_true",
                        help="the slow ones keep their pace to the end")
    options = parser.parse_args()
    times, still, cost, whole, lasted_s = asyncio.run(run(options))
    right = sum(one is True for one in whole)
    per_client = cost[0] / options.slow
    alone = percentile(times["alone"] + times["alone_again"], .5)

    def spread(some, less=0):
        return {"p50": round(percentile(some, .5) - less, 1),
                "p99": round(percentile(some, .99) - less, 1)}

    print(json.dumps({
        "slow": options.slow, "pace": options.pace, "size_kib": options.size_kib,
        "slow_while_measured": still, "slow_whole": right, "slow_lasted_s": round(lasted_s),
        "fast": options.fast, "fast_turns": len(times["beside"]),
        "nginx_kib_per_slow_client": round(per_client, 1), "bound_kib": options.bound_kib,
        "kernel_kib_per_slow_client": round(cost[2] / options.slow, 1),
        "worker_rss_kib_more": cost[1],
        "fast_turn_ms": {name: spread(some) for name, some in times.items()},
        "fast_beyond_script_ms": {name: spread(some, FAST_SCRIPT_MS)
                                  for name, some in times.items()},
        "fast_turn_ratio": round(percentile(times["beside"], .5) / alone, 3),
        "examples_of_failure": [repr(one)[:120] for one in whole if one is not True][:3]}))
    return 0 if right == options.slow and per_client <= options.bound_kib else 1


if __name__ == "__main__":
    sys.exit(main())
