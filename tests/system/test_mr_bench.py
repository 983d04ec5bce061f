"""mr-bench against a real stack: what it counts is what was, and a promise that was broken is seen.
How fast anything is decides nothing here."""

import json
import os
import signal
import subprocess
import wave

import pytest

from harness.bench import LIMIT_S, finish
from harness.paths import BENCH, MICRO
from harness.process import wait_for
from harness.stack import shared_stack
from voice import spoken

LOCATIONS = """
    location = /ws/chat { mr_ws chat; }
    location = /ws/bench { mr_ws bench; }
    location = /plain { return 200 "ok"; }
"""
VOICE_LOCATION = "location = /ws/voice { mr_ws chat; mr_ws_voice on; }"
ALL_CPUS = ",".join(map(str, sorted(os.sched_getaffinity(0))))


@pytest.fixture(scope="module")
def stack(data_dir):
    yield from shared_stack(data_dir, apps="chat,bench", workers=2, locations=LOCATIONS,
                            settings={"local_tokens_per_second": 0})


def watched(stack):
    pids = {"nginx": stack.nginx.process, "redis": stack.redis.process}
    found = [f"--watch={role}={process.identity.pid}" for role, process in pids.items()]
    return found + [f"--watch=worker={one.process.identity.pid}" for one in stack.workers]


def start(stack, scenario, *options, path="/ws/chat", tls=True):
    port = stack.nginx.https_port if tls else stack.nginx.http_port
    url = f"{'wss' if tls else 'ws'}://localhost:{port}{path}"
    return subprocess.Popen([BENCH, scenario, url, "--json", "--quiet", "--warmup=0.2", *watched(stack),
                             *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(stack, scenario, *options, **target):
    return finish(start(stack, scenario, *options, **target))


def check_exact(result):
    assert not result["broken"], result["broken"]
    for name in ("repeated_events", "missing_events", "text_gaps", "wrong_lengths"):
        assert result["counts"][name] == 0, name


@pytest.mark.parametrize("tls", [True, False])
def test_chat(stack, tls):
    result = run(stack, "chat", "--sessions=8", "--rate=20", "--seconds=2",
                 "--slo=turn=60000", tls=tls)
    check_exact(result)
    counts, times = result["counts"], result["times"]
    assert counts["turns_answered"] == counts["turns_planned"] > 0
    assert counts["turns_failed"] == 0
    assert result["rates"]["goodput"] == 1
    assert times["turn"]["count"] == times["first_text"]["count"] == counts["turns_answered"]
    assert times["first_event"]["p50_ms"] <= times["first_text"]["p50_ms"] <= times["turn"]["p50_ms"]
    assert times["phase_routing"]["count"] == counts["turns_answered"]
    assert ("tls_handshake" in times) == tls
    assert result["rates"]["worker_us_per_turn"] > 0
    assert result["manifest"]["command"].startswith(str(BENCH))


def test_chat_closed(stack):
    result = run(stack, "chat", "--sessions=4", "--closed", "--seconds=1", "--question=Hello")
    check_exact(result)
    assert result["counts"]["turns_answered"] > 4


def test_a_slo_that_cannot_be_kept(stack):
    result = run(stack, "chat", "--sessions=4", "--rate=10", "--seconds=1", "--slo=turn=0.001")
    assert result["rates"]["goodput"] == 0
    assert not result["broken"]


def test_relay(stack):
    result = run(stack, "relay", "--sessions=20", "--rate=20", "--bytes=100", "--seconds=2",
                 path="/ws/bench")
    check_exact(result)
    assert result["counts"]["events"] == 20 * 20 * 2
    assert result["counts"]["text_bytes"] >= 100 * result["counts"]["events"]
    assert result["counts"]["missing_stamps"] == 0
    assert result["rates"]["delivered"] == pytest.approx(1)
    assert result["times"]["latency"]["count"] == result["counts"]["events"]
    assert result["rates"]["total_us_per_event"] == pytest.approx(
        sum(result["rates"][f"{role}_us_per_event"] for role in ("nginx", "redis", "worker")))


def test_relay_beside_idle_connections(stack):
    result = run(stack, "relay", "--sessions=5", "--rate=20", "--seconds=1", "--idle=60",
                 path="/ws/bench")
    assert not result["broken"], result["broken"]
    assert [one["leg"] for one in result["series"]] == ["alone", "beside_idle", "beside_idle", "alone"]
    assert all(one["delivered"] == pytest.approx(1) for one in result["series"])
    assert result["counts"]["events_alone"] == result["counts"]["events_beside_idle"] == 2 * 5 * 20
    assert result["rates"]["ratio_of_latency_p50_ms"] > 0
    for role in ("nginx_private", "redis_private", "client_private"):
        assert f"{role}_per_idle_connection" in result["memory_kib"]
    assert result["memory_kib"]["client_private_per_idle_connection"] > 0
    wait_for(lambda: connections_of(stack) == 0, "the idle ones are gone with the processes")


def test_idle_connections_that_are_refused_are_named(make_stack):
    """More than nginx has connections for."""
    stack = make_stack(apps="bench", locations=LOCATIONS.replace("mr_ws bench;",
                       "mr_ws bench; mr_ws_max_connections 8;"))
    process = start(stack, "relay", "--sessions=2", "--rate=20", "--seconds=0.5", "--idle=20",
                    path="/ws/bench")
    _, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 2
    assert "worker_connections" in err and "refused with 503" in err, err


def test_growth(stack):
    result = run(stack, "growth", "--total-rate=60", "--sessions", "3", "20", "--seconds=1",
                 path="/ws/bench")
    assert not result["broken"], result["broken"]
    assert [one["leg"] for one in result["series"]] == ["3", "20", "20", "3"]
    rates = result["rates"]
    assert all(one["events_per_s"] == pytest.approx(60) for one in result["series"])
    assert rates["20_by_3_latency_p50_ms"] > 0 and rates["20_total_us_per_event"] > 0
    assert rates["20_by_3_total_us_per_event"] == pytest.approx(sum(
        result["series"][many]["total_us_per_event"] / result["series"][few]["total_us_per_event"]
        for few, many in ((0, 1), (3, 2))) / 2)


def test_relay_flat_out(stack):
    """Answer after answer, each with its phases, its tool, its text, its completion."""
    result = run(stack, "relay", "--sessions=4", "--rate=0", "--chunks=200", "--tools=1",
                 "--seconds=1", path="/ws/bench")
    check_exact(result)
    counts = result["counts"]
    assert counts["answers"] == result["times"]["answer"]["count"]
    assert counts["events"] == pytest.approx(211 * counts["answers"], abs=2 * 4 * 211)


def test_relay_without_the_app(stack):
    """Nobody answers a script but the app bench: that is said, not measured."""
    result = run(stack, "relay", "--sessions=2", "--rate=10", "--seconds=0.5")
    assert result["broken"]


def test_idle(stack):
    result = run(stack, "idle", "--sessions=300", "--seconds=0.5")
    check_exact(result)
    assert result["counts"]["sessions"] == 300
    assert result["memory_kib"]["nginx_rss_per_connection"] > 0


def test_handshakes(stack):
    result = run(stack, "handshakes", "--at-once=4", "--seconds=1")
    assert not result["broken"]
    assert result["times"]["until_greeting"]["count"] == result["counts"]["handshakes"] > 0
    assert result["counts"]["tls_resumed"] > 0
    full = run(stack, "handshakes", "--at-once=4", "--seconds=0.5", "--no-tickets")
    assert full["counts"]["tls_resumed"] == 0 < full["counts"]["tls_full"]


def beside(stack, path, *options):
    return run(stack, "handshakes", "--at-once=4", "--seconds=0.5", *options,
               f"--beside=https://localhost:{stack.nginx.https_port}{path}")


def test_handshakes_beside_requests(stack):
    result = beside(stack, "/plain")
    assert not result["broken"]
    legs = [one["leg"] for one in result["series"]]
    assert legs == [f"{kind}_{what}" for kind in ("full", "resumed")
                    for what in ("handshakes", "requests", "requests", "handshakes")]
    rates = result["rates"]
    for kind, share in (("full", 0), ("resumed", 1)):
        of_kind = [one for one in result["series"] if one["leg"].startswith(kind)]
        for leg in of_kind:
            assert leg["resumed_share"] == pytest.approx(share, abs=0.1), leg
        a, b, c, d = (one["nginx_us"] for one in of_kind)
        assert rates[f"{kind}_share_of_nginx_by_cpu"] == pytest.approx((b / a + c / d) / 2)
        assert (f"{kind}_share_of_nginx_by_rate" in rates) == (not result["invalid"])
        for what in ("handshakes", "requests"):
            assert result["counts"][f"{kind}_{what}"] > 0
            assert rates[f"{kind}_{what}_per_nginx_core"] > 0


def test_full_handshakes_alone_beside_requests(stack):
    result = beside(stack, "/plain", "--no-tickets")
    assert not any("resumed" in name for name in result["rates"]), result["rates"]


@pytest.mark.parametrize("path, says", [("/nothing", "the answer is 404"),
                                        ("/ws/chat", "the answer is 4")])
def test_requests_beside_that_fail_are_named(stack, path, says):
    result = beside(stack, path, "--no-tickets")
    assert any(says in what for what in result["broken"]), result["broken"]


def test_storm(stack):
    result = run(stack, "storm", "--sessions=60", "--rate=10", "--seconds=3", path="/ws/bench")
    check_exact(result)
    assert result["counts"]["back"] == result["counts"]["answers_whole"] == 60
    assert result["counts"]["not_recovered"] == 0


def test_a_gateway_that_is_killed_is_seen_and_survived(stack, watch):
    """The connections are lost, and nothing of what they were told is."""
    process = start(stack, "chat", "--sessions=10", "--closed", "--seconds=4", "--question=Hello")
    wait_for(lambda: len(stack.redis.clients("nginx")) >= 2, "nginx is linked")
    wait_for(lambda: connections_of(stack) >= 10, "all are connected")
    watch.allow(r"\[alert\] .* worker process \d+ exited on signal 9")
    for pid in stack.nginx.worker_pids():
        os.kill(pid, signal.SIGKILL)
    result = finish(process)
    check_exact(result)
    assert result["counts"]["connections_lost"] >= 1
    assert result["counts"]["turns_failed"] == 0


def connections_of(stack):
    port = f":{stack.nginx.https_port:04X}"
    return sum(line.split()[1].endswith(port) and line.split()[3] == "01"
               for line in open("/proc/net/tcp").read().splitlines()[1:])


def test_sweep_finds_what_breaks(stack):
    """A limit that no machine keeps: the lowest rate breaks it."""
    result = run(stack, "sweep", "--sessions=2", "--from=5", "--p99=0.000001", "--seconds=0.5",
                 path="/ws/bench")
    assert result["broken"] and result["rates"]["knee"] == 0


def test_results_are_kept_and_compared(stack, tmp_path):
    out = tmp_path / "one"
    run(stack, "relay", "--sessions=2", "--rate=20", "--seconds=0.5", f"--out={out}",
        path="/ws/bench")
    assert (out / "latency.hgrm").read_text().startswith("       Value")
    summary = {**json.loads((out / "summary.json").read_text()), "invalid": []}

    def keep(side, number, p50_ms):
        summary["times"]["latency"]["p50_ms"] = p50_ms
        folder = tmp_path / side / str(number)
        folder.mkdir(parents=True)
        (folder / "summary.json").write_text(json.dumps(summary))

    for number in range(4):
        keep("a", number, 1 + number / 10)
        keep("worse", number, 2 + number / 10)

    def compare(other, *options):
        return subprocess.run([BENCH, "compare", tmp_path / "a", other, *options],
                              capture_output=True, text=True)

    same = compare(tmp_path / "a", "--gate")
    assert same.returncode == 0 and "WORSE" not in same.stdout
    bad = compare(tmp_path / "worse", "--gate", "--only=latency")
    assert bad.returncode == 1, bad.stdout
    assert "latency.p50_ms" in bad.stdout and "WORSE" in bad.stdout
    assert compare(tmp_path / "nothing").returncode == 2


def test_report_holds_everything_itself(stack, tmp_path):
    for scenario, path in (("relay", "/ws/bench"), ("chat", "/ws/chat")):
        run(stack, scenario, "--sessions=2", "--rate=20", "--seconds=3.5",
            f"--out={tmp_path / scenario}", path=path)
    page = tmp_path / "report.html"
    subprocess.run([BENCH, "report", tmp_path, f"--out={page}"], check=True, capture_output=True)
    html = page.read_text()
    for part in ("Percentiles", "Each second", "CPU per event", "CPU per turn", "Phases"):
        assert part in html, part
    assert "http" not in html.replace("https://localhost", "").replace("http-equiv", "")
    assert "<script" not in html and "nan" not in html


def test_replay(stack, tmp_path):
    trace = tmp_path / "trace.jsonl"
    entries = [{"at_ms": 300 * i, "session": "anna" if i % 2 else "ben", "question": f"Hello {i}"}
               for i in range(6)]
    trace.write_text("".join(json.dumps(entry) + "\n" for entry in reversed(entries)))
    result = run(stack, "replay", f"--trace={trace}", "--speed=2")
    check_exact(result)
    assert result["counts"]["sessions"] == 2
    assert result["counts"]["turns_answered"] == result["counts"]["turns_planned"] == 6
    trace.write_text('{"at_ms":0,"session":"a"}\n')
    bad = start(stack, "replay", f"--trace={trace}")
    _, err = bad.communicate(timeout=LIMIT_S)
    assert bad.returncode == 2 and f"{trace}:1" in err


def test_soak_watches_memory(stack):
    result = run(stack, "soak", "--sessions=2", "--closed", "--think=0.1", "--seconds=2.5",
                 "--question=Hello")
    check_exact(result)
    assert result["series"][-1]["worker_rss_kib"] > 1000
    assert "nginx_growth_kib_per_min" in result["rates"]


def test_slow_readers_get_everything(stack):
    result = run(stack, "slow", "--slow=10", "--pace=20000", "--size-kib=300", "--fast=3",
                 "--seconds=1.5", path="/ws/bench")
    check_exact(result)
    assert result["counts"]["slow_answers_whole"] == 10
    assert result["counts"]["slow_disconnected"] == 0
    for phase in ("alone", "beside", "alone_again"):
        assert result["times"][f"turn_{phase}"]["count"] > 0, phase


def test_voice(make_stack, tmp_path):
    stack = make_stack(apps="chat", locations=VOICE_LOCATION, settings={
        "recogniser": "stub", "synthesiser": "tone", "local_tokens_per_second": 0})
    path = tmp_path / "question.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 16000, 0, "NONE", ""))
        sound.writeframes(spoken(tmp_path, "Which invoices are overdue?"))
    result = run(stack, "voice", f"--wav={path}", "--sessions=4", "--questions=2", "--pause=0.1",
                 path="/ws/voice")
    check_exact(result)
    counts, times = result["counts"], result["times"]
    assert counts["turns_answered"] == counts["turns_begun"] == counts["utterances"] == 8
    assert counts["empty_transcripts"] == 0 and counts["errors"] == {}
    assert times["transcript"]["count"] == times["first_sound"]["count"] == 8
    assert counts["sound_received_s"] > 1


def test_deploy_under_load(make_stack, watch):
    """A reload and a worker that is killed: everybody has the whole answer, and it is told how long
    that took."""
    stack = make_stack(apps="bench", workers=2, locations=LOCATIONS, settings={"lease": "1s"})
    worker = stack.workers[0].process.identity.pid
    result = run(stack, "deploy", "--sessions=20", "--rate=20", "--turn=1", "--between=1",
                 f"--do=kill -HUP {stack.nginx.process.identity.pid}", f"--do=kill -KILL {worker}",
                 path="/ws/bench")
    check_exact(result)
    reload, kill = result["counts"]["actions"]
    assert reload["exit_code"] == kill["exit_code"] == 0
    assert reload["recovered_after_ms"] > 0 and kill["recovered_after_ms"] > 0
    assert result["counts"]["turns_answered"] == result["counts"]["turns_planned"] > 20
    assert result["times"]["recovery"]["count"] == 2
    stack.workers[0].kill()  # known to be gone


def test_a_target_that_is_no_peer_is_named(stack):
    refused = start(stack, "peer", "--sessions=2", path="/nothing")
    _, err = refused.communicate(timeout=LIMIT_S)
    assert refused.returncode == 2 and "refused with 404" in err


@pytest.mark.parametrize("arguments, says", [
    (["chat", "ftp://localhost/"], "expected wss://"),
    (["chat", "ws://127.0.0.1:1/ws/chat", "--sessions=1", "--quiet"], "Connection refused"),
    (["chat", "ws://127.0.0.1/", "--slo=speed=3"], "--slo"),
    (["chat", "ws://127.0.0.1:1/", "--watch=nginx"], "ROLE=PID"),
    (["relay", "ws://127.0.0.1:1/", "--bytes=3"], "bytes"),
    (["peer", "ws://127.0.0.1:1/", "--dialect=morse"], "--dialect"),
    (["peer", "ws://127.0.0.1:1/", "--sessions=1", "--quiet"], "Connection refused"),
    (["voice", "ws://127.0.0.1:1/", "--wav=/dev/null"], "no WAV file"),
    (["idle", "ws://127.0.0.1:1/", "--server-cpu=a"], "no list of CPUs"),
    (["idle", "ws://127.0.0.1:1/", "--server-cpu=1000"], "may use CPU"),
    (["idle", "ws://127.0.0.1:1/", f"--server-cpu={ALL_CPUS}"], "leaves no CPU"),
    (["handshakes", "wss://127.0.0.1:1/", "--beside=http://127.0.0.1:1/"], "do not compare"),
    (["handshakes", "wss://127.0.0.1:1/", "--beside=x"], "expected wss://"),
    (["growth", "ws://127.0.0.1:1/", "--total-rate=100", "--sessions=3"], "no whole number"),
    (["relay", "ws://127.0.0.1:1/", "--idle=5", "--sessions=1", "--quiet"], "Connection refused"),
    (["dance"], "dance"),
])
def test_bad_input_is_named(arguments, says):
    got = subprocess.run([BENCH, *arguments], capture_output=True, text=True, timeout=LIMIT_S)
    assert got.returncode == 2
    assert says in got.stderr + got.stdout, got.stderr


@pytest.mark.skipif(not MICRO.exists(), reason="Google Benchmark is not installed")
def test_the_way_of_an_event_asks_for_no_memory():
    got = subprocess.run([MICRO, "--benchmark_min_time=0.02", "--benchmark_format=json",
                          "--benchmark_filter=^(unmask|utf8|frame|decode|write|read_batch|check)"],
                         capture_output=True, text=True, timeout=LIMIT_S, check=True)
    allocations = {one["name"]: one["allocs"] for one in json.loads(got.stdout)["benchmarks"]}
    assert len(allocations) >= 15
    allocations.pop("write_text_chunk_by_a_dom")
    assert {name: count for name, count in allocations.items() if count >= 0.01} == {}
