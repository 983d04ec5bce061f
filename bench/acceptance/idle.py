#!/usr/bin/env python3
"""Memory of idle connections: growth of nginx's private dirty memory per connection.

    bench/acceptance/idle.py --url wss://localhost:8443/ws/chat --nginx PID --connections 5000

PID is nginx's master process; the growth is summed over its workers. Prints one JSON line; exit 1
when a connection costs more than --bound-bytes. Raises its own limit of open files; nginx's is
`worker_rlimit_nofile` and `worker_connections`."""

import argparse
import asyncio
import json
import resource
import sys

from common import WebSocket, children_named, memory_kib, no_verify


async def run(options):
    workers = children_named(options.nginx, "nginx: worker")
    if not workers:
        raise SystemExit(f"process {options.nginx} has no nginx workers")
    context = no_verify()
    # A first round warms up what is allocated once (session cache, epoll, pools of the allocator).
    warm = await asyncio.gather(*[WebSocket.open(options.url, context=context) for _ in range(20)])
    before = sum(memory_kib(pid) for pid in workers)
    gate = asyncio.Semaphore(64)

    async def connect():
        async with gate:
            ws = await WebSocket.open(options.url, context=context)
            await ws.receive()  # connected
            return ws

    sockets = await asyncio.gather(*[connect() for _ in range(options.connections)])
    await asyncio.sleep(options.settle)
    growth = sum(memory_kib(pid) for pid in workers) - before
    for ws in sockets + warm:
        ws.close()
    return growth * 1024 / options.connections, len(workers)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="wss://localhost:8443/ws/chat")
    parser.add_argument("--nginx", type=int, required=True, help="pid of nginx's master process")
    parser.add_argument("--connections", type=int, default=5000)
    parser.add_argument("--settle", type=float, default=2, help="seconds before the second reading")
    parser.add_argument("--bound-bytes", type=float, required=True)
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, options.connections + 1000), hard))
    per_connection, workers = asyncio.run(run(options))
    print(json.dumps({"url": options.url, "connections": options.connections,
                      "nginx_workers": workers, "bytes_per_connection": round(per_connection),
                      "bound_bytes": options.bound_bytes}))
    return 0 if per_connection <= options.bound_bytes else 1


if __name__ == "__main__":
    sys.exit(main())
