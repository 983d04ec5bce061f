"""The peers: what each needs, how it is set up, what its version is."""

import re
import shutil
import socket
import subprocess
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import servers
from stand import Failed, connects, free_port, wait_until

HERE = Path(__file__).resolve().parent
NPM_LIMIT_S = 240
NODE_AT_LEAST = (18, 0)


@dataclass
class Bench:
    """What all peers are given."""
    build: Path
    processes: int  # of a server that can have several
    tls: tuple = ()  # certificate and key; empty: plain ws://
    packages: Path | None = None  # of npm, once they are installed


@dataclass
class Peer:
    name: str
    what: str
    needs: object = lambda bench: None   # raises Failed
    start: object = None                 # (stand, bench) -> path of the target
    versions: object = lambda bench: {}
    options: list = field(default_factory=list)  # of mr-bench peer


def output(*argv):
    try:
        got = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(f"{argv[0]} cannot be run: {error}") from error
    if got.returncode != 0:
        raise Failed(f"{argv[0]}: {(got.stderr or got.stdout).strip().splitlines()[-1:]}")
    return (got.stdout + got.stderr).strip()


def version_in(text):
    found = re.search(r"\d+\.\d+(\.\d+)?", text)
    return found.group(0) if found else "unknown"


def common_versions():
    return {"nginx": version_in(output(servers.NGINX, "-v")),
            "redis": version_in(output("redis-server", "--version"))}


# --- the floor -------------------------------------------------------------------------------

def start_floor(stand, bench, *options):
    tls = [f"--cert={bench.tls[0]}", f"--key={bench.tls[1]}"] if bench.tls else []
    stand.start("server", [bench.build / "mr-peer-floor", f"--port={stand.port}", *tls, *options])
    stand.wait("server", lambda: connects(stand.port), "the floor listens")
    return "/ws"


def start_tunnel(stand, bench):
    """What nginx adds to a server behind it."""
    port = free_port(stand.port + 1)
    stand.start("server", [bench.build / "mr-peer-floor", f"--port={port}"])
    stand.wait("server", lambda: connects(port), "the floor listens")
    servers.start_proxy(stand, bench.tls, "/ws", port)
    return "/ws"


def start_relay_floor(stand, bench):
    redis = servers.start_redis(stand)
    servers.start_publisher(stand, bench.build, "redis-log", f"unix:{redis}")
    return start_floor(stand, bench, f"--redis=unix:{redis}")


# --- uvicorn ---------------------------------------------------------------------------------

PYTHON_MODULES = ("uvicorn", "uvloop", "httptools", "websockets", "redis", "hiredis")
FASTAPI_MODULES = (*PYTHON_MODULES, "fastapi", "starlette")


def needs_modules(names, _):
    try:
        output(servers.PYTHON, "-c", "import " + ", ".join(names))
    except Failed as error:
        raise Failed(f"{error} (apt-get install " + " ".join(
            f"python3-{name}" for name in names) + ")") from error


def module_versions(names, _):
    code = "import platform, importlib.metadata as m; print('python', platform.python_version());" \
           + ";".join(f"print('{name}', m.version('{name}'))" for name in names)
    return dict(line.split() for line in output(servers.PYTHON, "-c", code).splitlines())


def start_uvicorn(app, processes, stand, bench):
    """`processes`: None means as many as the bench says."""
    redis = servers.start_redis(stand)
    backend = servers.start_uvicorn(stand, redis, HERE, app, processes or bench.processes)
    servers.start_publisher(stand, bench.build, "redis", f"unix:{redis}")
    servers.start_proxy(stand, bench.tls, "/ws", backend)
    return "/ws"


def python_peer(name, what, modules, app, processes):
    return Peer(name, what, partial(needs_modules, modules), partial(start_uvicorn, app, processes),
                partial(module_versions, modules))


# --- Node ------------------------------------------------------------------------------------

def needs_node(bench):
    """The packages of the lock file, installed once per build folder."""
    if not shutil.which("npm"):
        raise Failed("npm is not installed (apt-get install npm)")
    version = tuple(int(part) for part in re.findall(r"\d+", output("node", "--version"))[:2])
    if version < NODE_AT_LEAST:
        raise Failed(f"Node {NODE_AT_LEAST[0]} or later is needed; here is {version}")
    directory = bench.build / "peers"
    directory.mkdir(parents=True, exist_ok=True)
    for file in (HERE / "node").iterdir():
        if file.is_file():
            shutil.copy(file, directory / file.name)
    lock, stamp = directory / "package-lock.json", directory / "installed"
    if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
        try:
            subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund",
                            "--loglevel=error"], cwd=directory, check=True, capture_output=True,
                           timeout=NPM_LIMIT_S)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            raise Failed(f"npm cannot install the packages: {error}") from error
        shutil.copy(lock, stamp)
    bench.packages = directory


def node_versions(*packages):
    def versions(bench):
        code = "".join(f"console.log('{name}', JSON.parse(require('fs').readFileSync("
                       f"'node_modules/{name}/package.json')).version);" for name in packages)
        got = subprocess.run(["node", "--input-type=commonjs", "-e", code], cwd=bench.packages,
                             capture_output=True, text=True, check=True).stdout
        return {"node": version_in(output("node", "--version")),
                **dict(line.split() for line in got.splitlines())}
    return versions


def start_ws(stand, bench):
    redis = servers.start_redis(stand)
    backend = servers.start_node(stand, redis, bench.packages, "ws.mjs", bench.processes)
    servers.start_publisher(stand, bench.build, "redis", f"unix:{redis}")
    servers.start_proxy(stand, bench.tls, "/ws", backend)
    return "/ws"


def start_socketio(broker, options, stand, bench):
    redis = servers.start_redis(stand)
    backend = servers.start_node(stand, redis, bench.packages, "socketio.mjs", 1, *options)
    servers.start_publisher(stand, bench.build, broker, f"unix:{redis}")
    servers.start_proxy(stand, bench.tls, "/socket.io/", backend)
    return "/socket.io/?EIO=4&transport=websocket"


# --- nchan -----------------------------------------------------------------------------------

PROBE_LIMIT_S, ATTEMPTS = 2, 3
PROBES = 8  # each process of nginx has a link of its own
NCHAN = Path(servers.MODULES) / "ngx_nchan_module.so"


def needs_nchan(_):
    if not NCHAN.exists():
        raise Failed(f"{NCHAN} is not there (apt-get install libnginx-mod-nchan)")


def nchan_versions(_):
    return {"nchan": output("dpkg-query", "-W", "-f=${Version}", "libnginx-mod-nchan")}


def succeeds(path, request, body=""):
    """Whether nginx answers with 200 or the like."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as one:
        one.settimeout(5)
        try:
            one.connect(str(path))
            one.sendall(f"{request} HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
            return one.recv(64).startswith(b"HTTP/1.1 2")
        except OSError:
            return False  # it does not listen yet


def takes_an_event(path):
    """503 while it is not connected to Redis."""
    return succeeds(path, "POST /publish?session=none", "x")


def tells_of_sessions(path):
    """Whether the publisher gets start messages, whichever process of nginx they come to: each
    is answered with one event, which makes a channel. Now and then a stream stays mute."""
    for number in range(PROBES):
        session = f"probe-{number}"
        succeeds(path, "POST /start",
                 f'{{"session":"{session}","rate":100,"count":1,"bytes":1}}')
        try:
            wait_until(lambda name=session: succeeds(path, f"GET /publish?session={name}"), "",
                       PROBE_LIMIT_S)
        except Failed:
            return False
    return True


def start_nchan(stand, bench):
    """Every message is kept in Redis and comes to nginx by it, as with several servers."""
    port = free_port(stand.port + 1)
    redis = servers.start_redis(stand, tcp_port=port)
    path = stand.sockets / "publish.sock"
    servers.start_nginx(
        stand, bench.tls,
        """location = /ws {
            nchan_pubsub websocket;
            nchan_subscriber_channel_id s$arg_session;
            nchan_publisher_channel_id starts;
            nchan_subscriber_first_message newest;
        }""",
        load=f"load_module {NCHAN};",
        http=f"""nchan_redis_url redis://127.0.0.1:{port};
    nchan_use_redis on;
    nchan_message_buffer_length 300;
    nchan_message_timeout 30s;
    nchan_shared_memory_size 256M;""",
        plain=f"""server {{
        listen unix:{path};
        keepalive_requests 1000000000;
        location = /publish {{
            nchan_publisher http;
            nchan_channel_id s$arg_session;
        }}
        location = /start {{
            nchan_publisher http;
            nchan_channel_id starts;
        }}
        location = /starts {{
            nchan_subscriber http-raw-stream;
            nchan_channel_id starts;
            nchan_subscriber_first_message oldest;
        }}
    }}""")
    stand.wait("nginx", lambda: all(takes_an_event(path) for _ in range(PROBES)),
               "nchan has its Redis")
    for _ in range(ATTEMPTS):
        servers.start_publisher(stand, bench.build, "nchan", f"unix:{path}")
        if tells_of_sessions(path):
            return "/ws?session={session}"
        stand.end("publisher")
    raise Failed("nchan does not tell the publisher of sessions")


# --- Pushpin ---------------------------------------------------------------------------------

def needs_pushpin(_):
    for program in ("pushpin", "zurl"):
        if not shutil.which(program):
            raise Failed(f"{program} is not installed (apt-get install pushpin)")


def pushpin_versions(_):
    return {"pushpin": version_in(output("pushpin", "--version")),
            "condure": version_in(output("condure", "--version"))}


def upgrades(port):
    """Whether a WebSocket is accepted: not before all processes have found each other."""
    with socket.socket() as one:
        one.settimeout(5)
        try:
            one.connect(("127.0.0.1", port))
            one.sendall(b"GET /ws?session=none HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
            return one.recv(64).startswith(b"HTTP/1.1 101")
        except OSError:
            return False


def start_pushpin(stand, bench):
    """The publisher is the backend that its requests go to."""
    port = free_port(stand.port + 1)
    backend = free_port(port + 1)
    push = servers.start_pushpin(stand, port, backend)
    servers.start_publisher(stand, bench.build, "pushpin", f"unix:{push}", f"--port={backend}")
    stand.wait("server", lambda: upgrades(port), "Pushpin accepts WebSockets")
    servers.start_proxy(stand, bench.tls, "/ws", port)
    return "/ws?session={session}"


# --- NATS ------------------------------------------------------------------------------------

def needs_nats(_):
    if not shutil.which("nats-server"):
        raise Failed("nats-server is not installed (apt-get install nats-server)")


def nats_versions(_):
    return {"nats-server": version_in(output("nats-server", "--version"))}


def start_nats(stand, bench):
    port = free_port(stand.port + 1)
    servers.start_nats(stand, bench.tls, port)
    servers.start_publisher(stand, bench.build, "nats", f"127.0.0.1:{port}")
    return "/"


ALL = [
    Peer("floor", "C++, TLS and frames alone: no broker, no log, no second process",
         start=start_floor),
    Peer("relay-floor", "C++, TLS, frames, Redis: each event logged and published by one process, "
         "sent by another", start=start_relay_floor),
    Peer("tunnel", "nginx proxy_pass in front of the floor", start=start_tunnel),
    python_peer("uvicorn1", "nginx, one process of uvicorn (plain ASGI) and Redis Pub/Sub",
                PYTHON_MODULES, "asgi:app", 1),
    python_peer("uvicorn", "nginx, uvicorn (plain ASGI) with several processes, Redis Pub/Sub",
                PYTHON_MODULES, "asgi:app", None),
    python_peer("fastapi1", "nginx, FastAPI on one process of uvicorn, and Redis Pub/Sub",
                FASTAPI_MODULES, "fastapi_app:app", 1),
    python_peer("fastapi", "nginx, FastAPI on several processes of uvicorn, Redis Pub/Sub",
                FASTAPI_MODULES, "fastapi_app:app", None),
    Peer("ws", "nginx, ws on Node and Redis Pub/Sub", needs_node, start_ws,
         node_versions("ws", "ioredis")),
    Peer("socketio", "nginx, Socket.IO with its Redis adapter", needs_node,
         partial(start_socketio, "socketio", ()),
         node_versions("socket.io", "@socket.io/redis-adapter", "ioredis"),
         ["--dialect=socketio"]),
    Peer("socketio-streams", "nginx, Socket.IO with its Redis Streams adapter and connection state "
         "recovery", needs_node, partial(start_socketio, "socketio-streams", ("streams",)),
         node_versions("socket.io", "@socket.io/redis-streams-adapter", "ioredis"),
         ["--dialect=socketio"]),
    Peer("nchan", "nginx with nchan, which keeps its messages in Redis", needs_nchan, start_nchan,
         nchan_versions),
    Peer("pushpin", "nginx, Pushpin (WebSocket-over-HTTP), events by ZeroMQ, nothing kept",
         needs_pushpin, start_pushpin, pushpin_versions),
    Peer("nats", "NATS: broker, WebSocket and TLS in one process, nothing kept", needs_nats,
         start_nats, nats_versions, ["--dialect=nats"]),
]
