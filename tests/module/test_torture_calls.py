"""A system or library call fails, once, at each place of each path of a request in turn, with an error
that its manual page has. The nginx worker lives on, whoever was served gets all of it or is told, the
next client is served as ever, and no memory and no descriptor is left behind.

The functions of a path are those that it was seen to call; of each a few places are tried.
MR_TORTURE_STEPS sets how many, 0 is every place with every error."""

import errno
import os
import re
import subprocess
import sys

import pytest

from harness.jwt import key, key_set
from harness.nginx import SECRET, free_ports
from harness.paths import MODULE, NGINX, ROOT, SANITIZED
from harness.process import wait_for
from harness.stack import shared_stack
from harness.tls import Authority

sys.path.insert(0, str(ROOT / "tests/torture"))
import walk  # noqa: E402
from calls import ERRORS, Calls, cases  # noqa: E402
from table import Table  # noqa: E402

STEPS = int(os.environ.get("MR_TORTURE_STEPS", "2"))
LEAKED = 40  # allocations more than before, over a whole walk of dozens of failures
# What is tried of a path that takes its time, unless everything is.
OF_A_LINK = ("socket", "connect", "getsockopt", "epoll_ctl", "SSL_do_handshake", "SSL_read", "read",
             "write")
PATHS = [walk.Handshake, walk.HandshakeTls, walk.HandshakeDeflate, walk.HandshakeToken, walk.Deflated,
         walk.Question, walk.QuestionTls, walk.Resume, walk.HttpChat, walk.HttpStream]

# What nginx itself logs as grave when these calls of its own fail; the module has no part in it.
GRAVE_OF_NGINX = [
    r"\[(crit|alert)\] .* accept4\(\) failed",  # it goes on accepting, behind EMFILE in half a second
    # ENOBUFS; it is told to us as any other error
    r"\[(crit|alert)\] .* (send|writev|SSL_write)\(\) failed \(105:",
    r"\[alert\] .* recv\(\) failed \(4: .* while SSL handshaking",  # a look at the first byte
    r"\[alert\] .* socket\(\) failed",
    r"\[alert\] .* epoll_ctl\(.*\) failed",
    r"\[alert\] .* setsockopt\((TCP_NODELAY|SO_KEEPALIVE)\) failed",
    r"\[alert\] .* ioctl\((FIONREAD|FIONBIO)\) failed",
    r"\[crit\] .* (open|pwrite|pread)\(\) .* failed",  # of a request's body
    r"\[alert\] .* SSL_(new|set_fd)\(\) failed",
    r"\[crit\] .* SSL_do_handshake\(\) failed \(SSL: ",  # a digest or a random number
    r"\[alert\] .* peer closed connection in SSL handshake \(105:",
]

pytestmark = pytest.mark.skipif(SANITIZED, reason="the sanitizer has the calls")


def locations():
    return walk.LOCATIONS + f"""
    location = /ws/token {{
        mr_ws chat;
        mr_ws_jwt_key_file {key("HS256").file} HS256;
        mr_ws_jwt_key_file {key("RS256").file} RS256;
        mr_ws_jwt_jwks_file {key_set("torture.json", [key("ES256").jwk(kid="ec-1")])};
    }}
"""


def preloaded(directory):
    """The environment of nginx, with what lets calls fail and what counts its memory."""
    calls, memory = Calls(directory), Table(directory)
    preload = f"{calls.env['LD_PRELOAD']}:{memory.env['LD_PRELOAD']}"
    return calls, memory, {**memory.env, **calls.env, "LD_PRELOAD": preload}


def look_at(stack, calls, memory):
    stack.calls, stack.memory = calls, memory
    stack.worker_pid = stack.nginx.worker_pids()[0]
    calls.watch(stack.worker_pid)
    memory.pid = stack.worker_pid
    return stack


@pytest.fixture(autouse=True)
def allowed(watch):
    for pattern in GRAVE_OF_NGINX:
        watch.allow(pattern)


@pytest.fixture(scope="module")
def stack(data_dir, tmp_path_factory):
    calls, memory, env = preloaded(tmp_path_factory.mktemp("torture"))
    for stack in shared_stack(data_dir, settings={"local_tokens_per_second": 0}, locations=locations(),
                              env=env):
        yield look_at(stack, calls, memory)


def descriptors(stack):
    return len(os.listdir(f"/proc/{stack.worker_pid}/fd"))


def at_rest(stack):
    """Allocations and descriptors of the worker process when no session is left."""
    walk.wait_for_rest(stack)
    return stack.memory.live, descriptors(stack)


def survive(stack, path, *failure):
    calls = stack.calls
    result = walk.survive(stack, path, lambda: calls.arm(*failure), calls.disarm)
    stack.wait_linked()
    for tls in (True, False):  # TLS looks at what is left in OpenSSL's queue of errors
        walk.still_serving(stack, stack.worker_pid, tls)
    return result


def steps(path, function):
    """How many places of a function are tried; None: it is left out."""
    if path.slow:
        if function.startswith(("EVP_", "HMAC_")):  # made within libssl; other paths have our own
            return None
        return STEPS and (1 if function in OF_A_LINK else None)
    return STEPS * (3 if function in ERRORS else 1)


def places(path, counts):
    """(function, number, error) to try, of the functions that every dry walk has called."""
    wanted = []
    for function in counts[-1]:
        count = min(seen.get(function, 0) for seen in counts)
        tried = steps(path, function)
        if tried is not None:
            wanted += [(function, *case) for case in cases(function, count, tried)]
    return wanted


def torture(stack, path):
    counts = [survive(stack, path)[0] for _ in range(3)]  # what is kept for good is made
    before, open_before = at_rest(stack)
    tried = places(path, counts)
    failed = 0
    for function, number, error in tried:
        print(f"call {number} of {function}: {errno.errorcode.get(error, error)}")
        failed += survive(stack, path, function, number, error)[1]
    assert failed >= len(tried) // 2, f"{failed} of {len(tried)} have failed"
    after, _ = at_rest(stack)
    wait_for(lambda: descriptors(stack) <= open_before, f"no more than {open_before} descriptors")
    print(f"{failed} of {len(tried)} have failed, {after - before} allocations more than before")
    assert after - before < LEAKED, f"{after - before} allocations more than before, after {failed}"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.__name__)
def test_a_call_fails(stack, path):
    torture(stack, path())


def test_redis_over_tls(make_stack, tmp_path):
    """The links to Redis break, and a call fails while they come back."""
    authority = Authority(tmp_path)
    authority.issue()
    calls, memory, env = preloaded(tmp_path)
    stack = make_stack(start=False, apps="echo", locations=walk.LOCATIONS, env=env)
    port = free_ports(1)[0]
    stack.redis.options += [f"tls-port {port}", "bind 127.0.0.1", "tls-auth-clients no",
                            f"tls-cert-file {authority.cert}", f"tls-key-file {authority.key}",
                            f"tls-ca-cert-file {authority.ca}"]
    stack.nginx.redis_url = f"rediss://localhost:{port}?ca_file={authority.ca}"
    stack.start()
    torture(look_at(stack, calls, memory), walk.Reconnect())


def configuration(directory):
    """One that has nginx read a file of each kind: secret, password, keys, key set, authorities."""
    authority = Authority(directory)
    (directory / "secret").write_text(SECRET + "\n")
    (directory / "password").write_text("a password\n")
    redis = f"rediss://127.0.0.1:1?ca_file={authority.ca}&password_file={directory}/password"
    keys = "".join(f"mr_ws_jwt_key_file {key(name).file} {name};" for name in ("HS256", "RS256", "ES256"))
    return f"""
load_module {MODULE};
error_log {directory}/error.log;
pid {directory}/nginx.pid;
events {{}}
http {{
    access_log off;
    mr_ws_redis {redis};
    mr_ws_secret_file {directory}/secret;
    server {{
        listen 127.0.0.1:{free_ports(1)[0]};
        location = /ws/chat {{ mr_ws chat; {keys} }}
        location = /ws/set {{
            mr_ws chat;
            mr_ws_jwt_jwks_file {key_set("torture-set.json", [key("RS256").jwk(kid="r"),
                                                              key("ES256").jwk(kid="e")])};
        }}
    }}
}}
"""


def test_the_configuration_is_read(tmp_path):
    """Every call that `nginx -t` makes: it says yes, or what is wrong."""
    calls = Calls(tmp_path)
    calls.watch(-1)
    config = tmp_path / "nginx.conf"
    config.write_text(configuration(tmp_path))

    def test(*failure):
        calls.arm(*failure)
        told = subprocess.run([NGINX, "-t", "-p", tmp_path, "-c", config, "-e", "stderr"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
                              env={**os.environ, **calls.env})
        return (told, *calls.disarm())

    told, counts, _ = test()
    assert told.returncode == 0, told.stdout
    tried = failed = 0
    for function, count in counts.items():
        for number, error in cases(function, count, STEPS):
            what = f"call {number} of {function}, {errno.errorcode.get(error, error)}"
            told, _, has_failed = test(function, number, error)
            tried += 1
            failed += has_failed
            assert told.returncode in (0, 1), (what, told.returncode, told.stdout)
            if told.returncode == 1:
                assert re.search(r"\[(emerg|alert|crit)\] .*\n", told.stdout), (what, told.stdout)
    print(f"{failed} of {tried}", counts)
    assert failed == tried, f"{failed} of {tried} have failed"
