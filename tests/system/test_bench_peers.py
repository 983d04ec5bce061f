"""The peers of ./mr bench peers: each that this machine has is set up, gives every event once and in
order to mr-bench, and leaves no process behind; the table says what was measured. How fast anything
is decides nothing here."""

import json
import subprocess
import sys

import pytest

from harness.paths import BENCH, BUILD, ROOT

sys.path.insert(0, str(ROOT / "bench/peers"))
import peers  # noqa: E402
import stand  # noqa: E402
import table  # noqa: E402

FIRST_PORT = 18743
LIMIT_S = 60
INVALID = 3  # a machine that does other things as well may make the generator late


def load(place, path, peer, *options, scheme="wss"):
    got = subprocess.run(
        [BENCH, "peer", f"{scheme}://localhost:{place.port}{path}", "--json", "--quiet", "--sessions=6",
         "--warmup=0.2", *options, *place.watched(), *peer.options],
        capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert got.returncode in (0, INVALID), got.stderr + got.stdout
    return json.loads(got.stdout)


@pytest.mark.parametrize("peer", peers.ALL, ids=lambda peer: peer.name)
def test_a_peer_gives_every_event_once(peer, tmp_path):
    bench = peers.Bench(BUILD, 2, stand.make_certificate(tmp_path))
    try:
        peer.needs(bench)
    except stand.Failed as why:
        pytest.skip(str(why))
    assert all(peer.versions(bench).values())
    with stand.Stand(tmp_path / peer.name, stand.free_port(FIRST_PORT)) as place:
        path = peer.start(place, bench)
        result = load(place, path, peer, "--rate=20", "--seconds=1")
        flat_out = load(place, path, peer, "--rate=0", "--seconds=0.5")
        idle = load(place, path, peer, "--idle", "--seconds=0.5")
        pids = [process.pid for process in place.processes.values()]
    assert result["counts"]["events"] == 6 * 20
    assert result["rates"]["delivered"] == pytest.approx(1)
    figures = table.figures(result, 1)
    assert figures["us_per_event"] == pytest.approx(sum(figures["roles"].values()))
    assert set(figures["roles"]) == set(place.processes)
    assert flat_out["counts"]["missing_events"] == 0 == flat_out["counts"]["connections_lost"]
    assert set(table.figures(idle, 1)["kib"]) == set(place.processes)
    assert not any(map(stand.session_lives, pids))


@pytest.mark.parametrize("name", ["floor", "tunnel", "nats"])
def test_a_peer_without_tls(name, tmp_path):
    """Each of the three places where TLS is set up."""
    peer = next(one for one in peers.ALL if one.name == name)
    bench = peers.Bench(BUILD, 1)
    try:
        peer.needs(bench)
    except stand.Failed as why:
        pytest.skip(str(why))
    with stand.Stand(tmp_path / name, stand.free_port(FIRST_PORT)) as place:
        path = peer.start(place, bench)
        result = load(place, path, peer, "--rate=20", "--seconds=0.5", scheme="ws")
    assert result["counts"]["events"] == 6 * 10


def test_what_a_machine_lacks_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(peers, "NCHAN", tmp_path / "none.so")
    monkeypatch.setattr(peers.servers, "PYTHON", tmp_path / "python")
    monkeypatch.setenv("PATH", str(tmp_path))
    bench = peers.Bench(BUILD, 1)
    needs = {peer.name: peer.needs for peer in peers.ALL}
    for name, cure in (("nchan", "libnginx-mod-nchan"), ("uvicorn", "python3-uvicorn"),
                       ("fastapi1", "python3-fastapi"),
                       ("nats", "apt-get install nats-server"),
                       ("pushpin", "apt-get install pushpin"),
                       ("ws", "apt-get install npm")):
        with pytest.raises(stand.Failed, match=cure):
            needs[name](bench)


def test_a_server_that_ends_while_starting_is_told_with_its_last_words(tmp_path):
    with stand.Stand(tmp_path / "one", 0) as place:
        place.start("server", ["sh", "-c", "echo no such thing >&2; exit 3"])
        with pytest.raises(stand.Failed, match="server has ended: no such thing"):
            place.wait("server", lambda: False, "it listens")


def test_what_a_server_leaves_behind_is_ended(tmp_path):
    """A child in a group of its own, whose parent is gone."""
    with stand.Stand(tmp_path / "one", 0) as place:
        place.start("server", ["bash", "-c", "set -m; sleep 600 & echo begun"])
        leader = place.processes["server"]
        stand.wait_until(lambda: leader.poll() is not None, "the server ends")
        stand.wait_until(lambda: [name for *_, name in stand.members(leader.pid)] == ["sleep"],
                         "its child is what is left")
        assert place.watched() == [f"--watch=server={pid}" for pid, *_ in stand.members(leader.pid)]
    assert not stand.session_lives(leader.pid)


@pytest.mark.parametrize("way, kept", [("mr-ws", 500 - 211), ("centrifuge", 50),
                                       ("publish", None)])
def test_a_way_into_redis_writes_every_event(way, kept, tmp_path):
    """500 events of each of two sessions. mr-ws: at the end of the second answer the first goes."""
    with stand.Stand(tmp_path / "redis", 0) as place:
        path = peers.servers.start_redis(place)
        got = subprocess.run(
            [BUILD / "mr-peer-redis", f"--address=unix:{path}", f"--way={way}", "--sessions=2",
             f"--pid={place.processes['redis'].pid}", "--depth=7", "--warmup=100", "--events=900",
             "--length=50"], capture_output=True, text=True, timeout=LIMIT_S, check=False)

        def redis(*words):
            return subprocess.run(["redis-cli", "-s", path, *words], capture_output=True, text=True,
                                  timeout=LIMIT_S, check=True).stdout.split()
        streams = [key for key in redis("KEYS", "*") if redis("TYPE", key) == ["stream"]]
        lengths = [int(redis("XLEN", key)[0]) for key in streams]
        lives = [int(redis("TTL", key)[0]) for key in streams]
    assert got.returncode == 0, got.stderr
    result = json.loads(got.stdout)
    assert result["events"] == 900 and result["us_per_event"] > 0
    assert lengths == ([kept, kept] if kept else [])
    assert all(life > 0 for life in lives)


def measured(number, *, p50=1.0, cost=50.0, broken=(), speed=1000):
    return {"round": number, "delivered": 1, "events_per_s": speed, "p50_ms": p50, "p99_ms": 2 * p50,
            "flat_out": False, "answer_ms": 20, "us_per_event": cost, "roles": {"nginx": cost}, "kib_per_connection": 20,
            "kib": {"nginx": 20}, "nginx_kib": 20,
            "load_before": 0.5, "generator_core": 0.1, "broken": list(broken), "invalid": []}


def test_the_table_has_ratios_of_the_same_round():
    """A disturbed round disturbs both: the ratio is 2 in each, though the medians are not."""
    ours = [measured(1, cost=10), measured(2, cost=1000), measured(3, cost=30)]
    other = [measured(1, cost=20), measured(2, cost=2000, broken=["lost"]), measured(3, cost=60)]
    text = table.render({"config": {"sessions": 1, "bytes": 80, "seconds": 1, "rounds": 3},
                         "what": {"mr-ws": "ours", "other": "theirs"},
                         "versions": {"all": {"nginx": "1.22.1"}, "other": {"other": "2.0"}},
                         "skipped": {"nchan": "not here"},
                         "rates": {5: {"mr-ws": ours, "other": other, "nchan": []}}}, "mr-ws")
    row = next(line for line in text.splitlines() if line.startswith("| other"))
    assert "60.0 (x2.00)" in row and "1 of 3" in row
    assert "(x" not in next(line for line in text.splitlines() if line.startswith("| mr-ws"))
    assert "skipped: nchan: not here" in text and "other: theirs, other 2.0" in text


def test_flat_out_the_table_has_ratios_of_events_a_second():
    rounds = {"mr-ws": [measured(1, speed=2000)], "other": [measured(1, speed=500)]}
    text = table.render({"config": {"sessions": 1, "bytes": 80, "seconds": 1, "rounds": 1},
                         "what": {}, "versions": {}, "skipped": {}, "rates": {0: rounds}}, "mr-ws")
    head, _, ours, other = [line for line in text.splitlines() if line.startswith("|")]
    assert "500 (x0.25)" in other and "| 2000 " in ours
    assert "flat out" in text and "p99" not in head and "answer" in head


def test_the_table_of_idle_connections_has_nginx_apart():
    ours = [{**measured(1), "nginx_kib": 2, "kib": {"nginx": 2.0}, "kib_per_connection": 2}]
    other = [{**measured(1), "nginx_kib": 10, "kib": {"nginx": 10.0, "server": 5.0},
              "kib_per_connection": 15}]
    text = table.render({"config": {"sessions": 5000, "bytes": 80, "seconds": 1, "rounds": 1,
                                    "plain": True},
                         "what": {}, "versions": {}, "skipped": {},
                         "rates": {None: {"mr-ws": ours, "other": other}}}, "mr-ws")
    row = next(line for line in text.splitlines() if line.startswith("| other"))
    assert "10.00 (x5.00)" in row and "15.00 (x7.50)" in row and "server 5.00" in row
    assert "5000 idle connections without TLS" in text and "events" not in text
