"""./mr itself: start, refuse clearly, survive kills, stop, and touch nothing that is not its own."""

import os
import re
import signal
import socket
import ssl
import stat
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from harness.metrics import scrape
from harness.paths import MODULE, ROOT
from harness.raw_ws import RawWs

MR = str(ROOT / "mr")
START_LIMIT_S = 120
STOP_LIMIT_S = 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def port_is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(condition, what, limit_s=20):
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {limit_s} s: {what}"
        time.sleep(0.02)


def mr(*args, env=None):
    return subprocess.run(
        [MR, *args], env={**os.environ, **(env or {})}, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=START_LIMIT_S)


def page(port):
    trust = ssl.create_default_context(cafile=str(ROOT / "run/tls/cert.pem"))
    with urllib.request.urlopen(f"https://localhost:{port}/", context=trust, timeout=10) as answer:
        return answer.status, answer.headers.get_content_type()


def pid_of(directory, name):
    return int((directory / "pids" / name).read_text().split()[0])


def processes_naming(directory):
    """Pids of processes whose command line or working files name the instance."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(directory).encode() in entry.read_bytes():
                found.append(int(entry.parent.name))
        except OSError:
            pass
    return [pid for pid in found if pid != os.getpid()]


class Instance:
    def __init__(self, directory):
        self.directory = directory
        self.port = free_port()

    def options(self, *more):
        return ["--dir", str(self.directory), "--port", str(self.port), *more]

    def up(self, *more):
        result = mr("up", "--yes", *self.options(*more))
        assert result.returncode == 0, result.stdout
        assert f"ready https://localhost:{self.port}/" in result.stdout.splitlines()
        return result.stdout

    def down(self):
        return mr("down", "--dir", str(self.directory))


@pytest.fixture
def instance(tmp_path):
    made = Instance(tmp_path / "instance")
    yield made
    made.down()
    wait_for(lambda: not processes_naming(made.directory), "all processes gone")


def test_up_serves_the_page_over_verified_tls_and_down_ends_everything(instance):
    instance.up("--workers", "1")
    assert page(instance.port) == (200, "text/html")
    status = mr("status", "--dir", str(instance.directory))
    assert status.returncode == 0
    names = [line.split()[0] for line in status.stdout.splitlines()[2:]]
    assert names == ["nginx", "worker-1", "redis"]
    assert status.stdout.count("running") == 3
    [metrics_port] = re.findall(r"http://127\.0\.0\.1:(\d+)/metrics", status.stdout)
    assert scrape(int(metrics_port))["mr_worker_ready"] == 1
    down = instance.down()
    assert down.returncode == 0 and "stopped" in down.stdout
    assert not port_is_open(instance.port)
    assert mr("status", "--dir", str(instance.directory)).returncode == 3


def browser_tls(*protocols):
    """What a browser offers by ALPN (RFC 7301)."""
    context = ssl.create_default_context(cafile=str(ROOT / "run/tls/cert.pem"))
    if protocols:
        context.set_alpn_protocols(protocols)
    return context


def chosen_protocol(port, *protocols):
    with socket.create_connection(("127.0.0.1", port), 10) as plain:
        with browser_tls(*protocols).wrap_socket(plain, server_hostname="localhost") as link:
            return link.selected_alpn_protocol()


def curl(port, path, *words):
    """Protocol and status, and the body."""
    done = subprocess.run(
        ["curl", "--silent", "--cacert", ROOT / "run/tls/cert.pem", "--max-time", "30",
         "--write-out", "\n%{http_version} %{http_code}", *words, f"https://localhost:{port}{path}"],
        stdout=subprocess.PIPE, timeout=60)
    body, _, told = done.stdout.rpartition(b"\n")
    return told.decode(), body


def test_the_page_comes_by_http2_and_websockets_by_http1_on_the_same_port(instance):
    """Browsers offer h2 first for pages and http/1.1 alone for wss; nginx has no RFC 8441."""
    instance.up("--workers", "1")
    port = instance.port
    assert chosen_protocol(port, "h2", "http/1.1") == "h2"
    assert chosen_protocol(port, "http/1.1") == "http/1.1"
    told, body = curl(port, "/", "--http2")
    assert told == "2 200" and b"<html" in body
    told, body = curl(port, "/v1/chat", "--http2", "-H", "Content-Type: application/json",
                      "-d", '{"message":"Hello"}')
    assert told == "2 200" and b'"response"' in body
    assert curl(port, "/", "--http1.1")[0] == "1.1 200"
    assert curl(port, "/ws/chat", "--http2")[0] == "2 400", "no upgrade there"
    for offered in (["http/1.1"], []):
        with RawWs.open(port, "/ws/chat", tls=browser_tls(*offered), protocols=["mr.v2"],
                        headers=[("Origin", f"https://localhost:{port}")]) as ws:
            assert ws.socket.selected_alpn_protocol() == (offered[0] if offered else None)
            assert ws.event()["type"] == "connected"
            ws.json({"type": "ask", "message": "Hello"})
            assert ws.events_until("response_complete", 30)[-1]["status"] == "ok"
            ws.close()


def test_secrets_are_readable_by_the_owner_only(instance):
    instance.up("--workers", "1")
    secrets = [ROOT / "run/tls/key.pem", instance.directory / "secret", instance.directory]
    for path in secrets:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_second_instance_in_the_same_directory_is_refused_with_the_cure(instance):
    instance.up("--workers", "1")
    other = mr("up", "--yes", "--dir", str(instance.directory), "--port", str(free_port()))
    assert other.returncode == 1
    assert "already runs" in other.stdout and "./mr down" in other.stdout
    assert page(instance.port)[0] == 200


def test_a_taken_port_is_named_with_one_that_is_free(instance):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", instance.port))
        holder.listen()
        result = mr("up", "--yes", *instance.options())
    assert result.returncode == 1
    assert f"port {instance.port} is taken" in result.stdout
    assert "cure: choose another one, for example --port" in result.stdout
    assert not (instance.directory / "pids" / "redis").exists()


def test_a_redis_that_does_not_answer_is_named(instance):
    result = mr("up", "--yes", *instance.options("--redis", f"redis://127.0.0.1:{free_port()}"))
    assert result.returncode == 1
    assert "does not answer" in result.stdout and "cure:" in result.stdout


def test_a_worker_that_cannot_start_is_shown_and_nothing_stays(instance, tmp_path):
    config = tmp_path / "worker.toml"
    config.write_text("this is = no = configuration\n")
    result = mr("up", "--yes", *instance.options("--config", str(config)))
    assert result.returncode == 1
    assert "worker-1 ended while starting" in result.stdout
    assert "worker-1.log" in result.stdout
    assert not processes_naming(instance.directory)


def test_a_directory_too_long_for_a_socket_name_works(tmp_path):
    deep = Instance(tmp_path / ("d" * 100) / "instance")
    try:
        deep.up("--workers", "1")
        assert page(deep.port)[0] == 200
        socket_dir = Path((deep.directory / "socket-dir").read_text().strip())
        assert socket_dir.is_dir()
    finally:
        deep.down()
    assert not socket_dir.exists()


def test_an_orphaned_nginx_worker_is_found_and_ended(instance):
    instance.up("--workers", "1")
    os.kill(pid_of(instance.directory, "nginx"), signal.SIGKILL)
    status = mr("status", "--dir", str(instance.directory))
    assert status.returncode == 3 and "not running" in status.stdout
    assert port_is_open(instance.port), "its worker still holds the port"
    instance.down()
    wait_for(lambda: not port_is_open(instance.port), "the port is free again")


def test_a_recycled_pid_is_never_signalled(instance):
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        pids = instance.directory / "pids"
        pids.mkdir(parents=True)
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        for name in ("nginx", "worker-1", "redis"):
            (pids / name).write_text(f"{stranger.pid} 1 {boot}\n")
        assert mr("status", "--dir", str(instance.directory)).returncode == 3
        assert instance.down().returncode == 0
        assert stranger.poll() is None
        assert not pids.exists()
    finally:
        stranger.kill()
        stranger.wait()


class Foreground:
    """./mr run as a person has it: in a terminal's process group of its own."""

    def __init__(self, instance, *more):
        self.process = subprocess.Popen(
            [MR, "run", "--yes", *instance.options(*more)], text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.lines = []
        self.read_until(f"ready https://localhost:{instance.port}/")

    def read_until(self, wanted):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if wanted in line:
                return
        pytest.fail(f"ended without '{wanted}':\n" + "\n".join(self.lines))

    def end(self):
        rest, _ = self.process.communicate(timeout=STOP_LIMIT_S)
        self.lines += rest.splitlines()
        return self.process.returncode


@pytest.mark.parametrize("number, whole_group", [
    (signal.SIGINT, True), (signal.SIGTERM, False), (signal.SIGHUP, True)])
def test_run_stops_everything_when_it_is_told_to(instance, number, whole_group):
    shell = Foreground(instance)
    assert page(instance.port)[0] == 200
    (os.killpg if whole_group else os.kill)(shell.process.pid, number)
    assert shell.end() == 0, shell.lines
    assert shell.lines[-1] == "stopped"
    assert not port_is_open(instance.port)
    assert not processes_naming(instance.directory)


def test_run_names_a_dead_worker_and_goes_on(instance):
    shell = Foreground(instance)
    os.kill(pid_of(instance.directory, "worker-2"), signal.SIGKILL)
    shell.read_until("worker-2 has ended; the others go on")
    assert page(instance.port)[0] == 200
    shell.process.send_signal(signal.SIGINT)
    assert shell.end() == 0


def test_run_ends_when_nginx_is_gone(instance):
    shell = Foreground(instance)
    os.kill(pid_of(instance.directory, "nginx"), signal.SIGKILL)
    assert shell.end() == 1
    assert any("nginx has ended; stopping the rest" in line for line in shell.lines)
    assert not port_is_open(instance.port)


@pytest.mark.parametrize("args, complaint", [
    (["frobnicate"], "unknown command 'frobnicate'"),
    (["up", "--frob"], "unknown option --frob"),
    (["up", "--port", "0"], "--port is '0', not a number from 1 to 65535"),
    (["up", "--port", "08x"], "--port is '08x'"),
    (["up", "--port"], "--port needs a value"),
    (["up", "--workers", "257"], "--workers is '257'"),
    (["up", "--http-port", "99999"], "--http-port is '99999'"),
    (["up", "--config", "/no/such/file"], "/no/such/file cannot be read"),
    (["up", "--dir", "/tmp/a b"], "holds a character"),
    (["down", "extra"], "takes no argument 'extra'"),
    (["test", "nonsense"], "there is no suite 'nonsense'"),
])
def test_bad_usage_is_one_clear_line_and_a_cure(args, complaint):
    result = mr(*args)
    lines = result.stdout.splitlines()
    assert result.returncode == 1
    assert len(lines) == 2, result.stdout
    assert lines[0].startswith("mr: ") and complaint in lines[0]
    assert lines[1].startswith("    cure: ")


# --- packages -------------------------------------------------------------------------------

INSTALLED = "installed nginx, httpd, nginx-abi\ninstalled nodejs, npm (= 9)\ninstalled b, \n"


def shim(folder, name, body):
    path = folder / name
    path.write_text("#!/bin/sh\n" + body)
    path.chmod(0o755)


def in_shell(tmp_path, list_text, script):
    shims = tmp_path / "bin"
    shims.mkdir()
    shim(shims, "dpkg-query", f"cat <<'END'\n{INSTALLED}END\n")
    shim(shims, "apt-get", f"echo called >> {tmp_path}/apt-called\n")
    shim(shims, "apt-cache", "exit 0\n")
    (tmp_path / "packages.txt").write_text(list_text)
    prologue = (f"set -eu; MR_ROOT={ROOT}; MR_BUILD={tmp_path}; OPT_YES=0;"
                f". {ROOT}/scripts/mr/common.sh; . {ROOT}/scripts/mr/packages.sh;"
                f"kPackagesFile={tmp_path}/packages.txt;")
    return subprocess.run(["bash", "-c", prologue + script], text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20,
                          env={**os.environ, "PATH": f"{shims}:{os.environ['PATH']}"})


@pytest.mark.parametrize("entry, missing", [
    ("nginx", ""), ("npm   # provided by nodejs", ""), ("a | b", ""), ("a", "a"),
    ("a | c", "a | c"), ("httpd", ""), ("ngin", "ngin")])
def test_what_is_missing(tmp_path, entry, missing):
    result = in_shell(tmp_path, f"[x]\n{entry}\n[y]\nother\n", "missing_packages x")
    assert result.stdout.strip() == missing


def test_apt_is_not_called_when_nothing_is_missing(tmp_path):
    result = in_shell(tmp_path, "[run]\nnginx\n", "ensure_packages run")
    assert result.returncode == 0 and result.stdout == ""
    assert not (tmp_path / "apt-called").exists()


# --- the module's file ----------------------------------------------------------------------

def looked_at(*command):
    return subprocess.run([*command, MODULE], capture_output=True, check=True, text=True).stdout


def test_the_module_exports_the_three_symbols_and_nothing_else():
    listing = looked_at("nm", "-D", "--defined-only")
    names = sorted(line.split()[-1] for line in listing.splitlines())
    assert names == ["ngx_module_names", "ngx_module_order", "ngx_modules"]


def test_the_module_brings_no_other_library_into_nginx():
    """Those of nginx itself, and the two that judge access tokens."""
    needed = re.findall(r"NEEDED.*\[(.*)\]", looked_at("readelf", "-d"))
    assert {name.split(".so")[0] for name in needed if not name.startswith("ld-linux")} <= {
        "libc", "libcrypto", "libz", "libcjose", "libjansson"}


def test_the_module_is_hardened():
    """As Debian's nginx around it: stack protector, checked copies, nothing writable that is called."""
    symbols = looked_at("readelf", "-W", "--dyn-syms")
    assert "__stack_chk_fail" in symbols and "__memcpy_chk" in symbols
    assert "BIND_NOW" in looked_at("readelf", "-d")
    segments = looked_at("readelf", "-W", "-l")
    assert "GNU_RELRO" in segments and re.search(r"GNU_STACK .* RW +0x", segments)
