"""mr-bench peer against the floor of bench/peers: what it counts is what was, and what is lost is seen.
How fast anything is decides nothing here."""

import asyncio
import contextlib
import json
import os
import subprocess

import pytest
import websockets

from harness.bench import LIMIT_S, finish
from harness.paths import BENCH, BUILD
from harness.process import Log, Process, wait_for
from harness.tls import certificate


@pytest.fixture
def floor(tmp_path):
    """The floor of bench/peers, and its port."""
    log, tls = Log(tmp_path / "floor.log"), certificate()
    process = Process("floor", [BUILD / "mr-peer-floor", f"--cert={tls}/cert.pem",
                                f"--key={tls}/key.pem"], log)
    wait_for(lambda: "listening" in log.text(), "the floor listens")
    yield process, int(log.text().split()[-1])
    process.kill()


def start(port, *options, progress=False):
    quiet = [] if progress else ["--quiet"]
    return subprocess.Popen([BENCH, "peer", f"wss://localhost:{port}/ws", "--json",
                             "--warmup=0.2", *quiet, *options], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def test_peer(floor):
    process, port = floor
    result = finish(start(port, "--sessions=20", "--rate=20", "--bytes=100", "--seconds=1.5",
                             f"--watch=server={process.pid}"))
    assert not result["broken"], result["broken"]
    counts, rates = result["counts"], result["rates"]
    assert counts["events"] == result["times"]["latency"]["count"] == 20 * 20 * 1.5
    assert counts["missing_events"] == counts["repeated_events"] == counts["connections_lost"] == 0
    assert rates["delivered"] == pytest.approx(1)
    assert rates["server_us_per_event"] == rates["total_us_per_event"] > 0
    assert result["memory_kib"]["server_rss_per_connection"] > 0


def test_peer_flat_out(floor):
    """Answer after answer of each session, none of whose events is left out."""
    process, port = floor
    result = finish(start(port, "--sessions=5", "--rate=0", "--answer=30", "--seconds=0.5",
                             f"--watch=server={process.pid}"))
    assert not result["broken"], result["broken"]
    counts = result["counts"]
    assert counts["missing_events"] == counts["repeated_events"] == 0
    assert counts["answers"] == result["times"]["answer"]["count"]
    assert counts["events"] == pytest.approx(30 * counts["answers"], abs=2 * 5 * 30)
    assert result["rates"]["server_us_per_event"] > 0
    assert "delivered" not in result["rates"] and "latency" not in result["times"]


def test_peer_idle(floor):
    process, port = floor
    result = finish(start(port, "--idle", "--sessions=50", "--seconds=0.5",
                          f"--watch=server={process.pid}"))
    assert not result["broken"], result["broken"]
    assert result["counts"] == {"sessions": 50, "connections_lost": 0}
    assert result["memory_kib"]["server_private_per_connection"] > 0


def test_idle_connections_that_are_lost_are_seen(floor):
    process, port = floor
    run = start(port, "--idle", "--sessions=3", "--seconds=20", progress=True)
    while "holding" not in (line := run.stderr.readline()):
        assert line, "it ended without holding"
    process.kill()
    result = finish(run)
    assert result["counts"]["connections_lost"] == 3
    assert any("idle connections were lost" in what for what in result["broken"])


def test_a_peer_that_loses_the_end_of_an_answer_is_seen():
    """Of the second answer of each session: no later event tells of it."""
    async def serve(socket):
        answers = 0
        with contextlib.suppress(websockets.ConnectionClosed):
            async for start in socket:
                answers += 1
                for number in range(json.loads(start)["count"] - (answers > 1)):
                    await socket.send(f'{{"seq":{number},"due_ns":1,"text":""}}')

    async def measure():
        async with websockets.serve(serve, "127.0.0.1", 0, compression=None) as server:
            port = server.sockets[0].getsockname()[1]
            one = await asyncio.create_subprocess_exec(
                BENCH, "peer", f"ws://127.0.0.1:{port}/", "--json", "--quiet", "--sessions=2",
                "--rate=0", "--answer=5", "--warmup=0", "--seconds=0.5", stdout=subprocess.PIPE)
            return json.loads((await asyncio.wait_for(one.communicate(), LIMIT_S))[0])

    result = asyncio.run(measure())
    assert any("2 of 2 sessions have not had the end" in what for what in result["broken"])


def test_server_and_generator_run_apart(floor):
    process, port = floor
    first, *others = sorted(os.sched_getaffinity(0))
    if not others:
        pytest.skip("one CPU alone")
    options = ["--sessions=2", "--rate=20", "--seconds=0.5", f"--server-cpu={first}"]
    result = finish(start(port, *options, f"--watch=server={process.pid}"))
    assert result["config"]["server_cpus"] == str(first)
    assert os.sched_getaffinity(process.pid) == {first}
    assert os.sched_getaffinity(0) == {first, *others}, "this process is none of them"


def test_a_peer_that_ends_is_seen(floor):
    process, port = floor
    run = start(port, "--sessions=3", "--rate=20", "--seconds=20", progress=True)
    while "measuring" not in (line := run.stderr.readline()):
        assert line, "it ended without measuring"
    process.kill()
    out, _ = run.communicate(timeout=LIMIT_S)
    result = json.loads(out)
    assert run.returncode == 1
    assert result["counts"]["connections_lost"] == 3
    assert any("connections were lost" in what for what in result["broken"])
