"""What a peer is made of: a private Redis, nginx with TLS in front of a server or with nchan, the
server itself, the publisher. Each function starts one of them on a stand and waits until it is
there."""

import os

from stand import connects

MODULES = "/usr/lib/nginx/modules"
NGINX = "/usr/sbin/nginx"
PYTHON = "/usr/bin/python3"  # Debian's packages are for this one
CONNECTIONS = 16384
PUSHPIN_BUFFER = 65536  # of the default, 8192 bytes, a burst of more events never gets through
UNBOUNDED = -1  # by default it is 2500 messages a second


def start_redis(stand, *, tcp_port=0):
    """On a unix socket; what cannot use one gets a port as well."""
    path = stand.sockets / "redis.sock"
    conf = stand.directory / "redis.conf"
    conf.write_text(f'''port {tcp_port}
bind 127.0.0.1
unixsocket {path}
unixsocketperm 700
dir {stand.directory}
save ""
appendonly no
latency-tracking no
client-output-buffer-limit pubsub 256mb 128mb 60
''')
    stand.start("redis", ["redis-server", conf])
    stand.wait("redis", lambda: connects(path), "Redis listens")
    return path


def start_publisher(stand, build, broker, address, *options):
    stand.start("publisher", [build / "mr-peer-publisher", f"--broker={broker}",
                              f"--address={address}", *options])
    log = stand.directory / "publisher.log"
    stand.wait("publisher", lambda: "listening" in log.read_text(),
               "the publisher listens for sessions")


def tls_lines(tls):
    return f'''ssl_certificate {tls[0]};
        ssl_certificate_key {tls[1]};
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;
        ssl_session_cache shared:peers_tls:1m;
        ssl_session_tickets off;''' if tls else ""


def start_nginx(stand, tls, location, *, load="", http="", plain=""):
    """TLS as in an instance of ./mr, or none; as many processes as there are cores."""
    user = "user root root;\n" if os.geteuid() == 0 else ""
    temporary = "\n".join(f"    {kind}_temp_path {stand.directory}/tmp-{kind};" for kind in
                          ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    conf = stand.directory / "nginx.conf"
    conf.write_text(f'''{user}{load}
daemon off;
pid {stand.directory}/nginx.pid;
error_log {stand.directory}/nginx-error.log notice;
worker_processes auto;
events {{
    worker_connections {CONNECTIONS};
}}
http {{
{temporary}
    access_log {stand.directory}/access.log;
    {http}
    server {{
        listen 127.0.0.1:{stand.port} backlog=4096{" ssl" if tls else ""};
        server_name localhost;
        {tls_lines(tls)}
        {location}
    }}
    {plain}
}}
''')
    stand.start("nginx", [NGINX, "-p", stand.directory, "-c", conf])
    stand.wait("nginx", lambda: connects(stand.port), "nginx listens")


def start_proxy(stand, tls, path, backend):
    """nginx in front of a server, which is a path or a port of the loopback."""
    where = f"127.0.0.1:{backend}" if isinstance(backend, int) else f"unix:{backend}"
    start_nginx(stand, tls, f'''location {path} {{
            proxy_pass http://backend;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
            proxy_set_header Host $host;
            proxy_read_timeout 1h;
            proxy_send_timeout 1h;
        }}''', http=f"upstream backend {{ server {where}; }}")


def wait_for_line(stand, line, count):
    """From each process of the server."""
    log = stand.directory / "server.log"
    stand.wait("server", lambda: log.read_text(errors="replace").count(line) >= count,
               f"{count} server processes listen")


def start_uvicorn(stand, redis, code, app, processes):
    path = stand.sockets / "asgi.sock"
    stand.start("server", [PYTHON, "-m", "uvicorn", app, "--uds", path, "--workers",
                           processes, "--loop", "uvloop", "--http", "httptools", "--ws",
                           "websockets", "--no-access-log"],
                env={"MR_PEER_REDIS": str(redis)}, cwd=code)
    wait_for_line(stand, "startup complete", processes)
    return path


def start_node(stand, redis, packages, program, processes, *options):
    path = stand.sockets / "node.sock"
    stand.start("server", ["node", packages / program, *options],
                env={"MR_PEER_REDIS": str(redis), "MR_PEER_SOCKET": str(path),
                     "MR_PEER_PROCESSES": str(processes), "NODE_ENV": "production"})
    wait_for_line(stand, "listening", processes)
    return path


def start_pushpin(stand, port, backend_port):
    """Its processes and zurl, which asks the backend. Its clients connect to a port: on a unix
    socket long bursts end the connection. Returns where events are pushed to."""
    push = stand.sockets / "push.sock"
    conf = stand.directory / "pushpin.conf"
    (stand.directory / "routes").write_text(f"* 127.0.0.1:{backend_port},over_http\n")
    own = f"ipc://{stand.sockets}/pp-"
    conf.write_text(f'''[global]
include={{libdir}}/internal.conf
rundir={stand.sockets}
ipc_prefix=pp-
[runner]
services=condure,zurl,pushpin-proxy,pushpin-handler
http_port=127.0.0.1:{port}
logdir={stand.directory}
client_buffer_size={PUSHPIN_BUFFER}
log_level=1
client_maxconn={CONNECTIONS}
[proxy]
routesfile=routes
zurl_out_specs={own}zurl-in
zurl_out_stream_specs={own}zurl-in-stream
zurl_in_specs={own}zurl-out
[handler]
push_in_spec=ipc://{push}
push_in_sub_specs=ipc://{stand.sockets}/sub.sock
push_in_http_port=-1
command_spec={own}command
message_rate={UNBOUNDED}
message_hwm={UNBOUNDED}
''')
    stand.start("server", ["pushpin", "--merge-output", f"--config={conf}"])
    stand.wait("server", lambda: connects(port) and connects(push), "Pushpin listens")
    return push


def start_nats(stand, tls, port):
    """TLS of its own, or none: nothing between it and the clients."""
    secured = "no_tls: true" if not tls else \
        f'tls {{ cert_file: "{tls[0]}", key_file: "{tls[1]}" }}'
    conf = stand.directory / "nats.conf"
    conf.write_text(f'''listen: "127.0.0.1:{port}"
websocket {{
    listen: "127.0.0.1:{stand.port}"
    compression: false
    {secured}
}}
''')
    stand.start("server", ["nats-server", "-c", conf])
    stand.wait("server", lambda: connects(port) and connects(stand.port), "NATS listens")
