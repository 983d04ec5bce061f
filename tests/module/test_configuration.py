"""What `nginx -t` says to each wrong value: it names the value, what is allowed, and the place."""

import shutil
import tempfile
from pathlib import Path

import pytest

from harness.nginx import assert_verdict, check_config, user_line
from harness.paths import MODULE

REDIS = "mr_ws_redis redis://127.0.0.1:6379;"
SECRETS = {"short": b"fifteen bytes..", "empty": b"", "blank": b"\n", "long": b"x" * 300,
           "good": b"sixteen bytes...\n", "longest": b"x" * 256}


@pytest.fixture(scope="module")
def place():
    directory = Path(tempfile.mkdtemp(prefix="mr-conf-"))
    for name, content in SECRETS.items():
        (directory / name).write_bytes(content)
    yield directory
    shutil.rmtree(directory)


def check(place, *, http=REDIS, server="", location="mr_ws chat;", main=""):
    return check_config(place, f"""{user_line()}
load_module {MODULE};
error_log stderr;
pid {place}/pid;
{main}
events {{}}
http {{
    client_body_temp_path {place}/t1; proxy_temp_path {place}/t2; fastcgi_temp_path {place}/t3;
    uwsgi_temp_path {place}/t4; scgi_temp_path {place}/t5;
    {http}
    server {{ listen 127.0.0.1:1; {server}
        location = /ws/chat {{ {location} }} }} }}
""")


NUMBERS = [  # directive, range as it is named, good values, bad values
    ("mr_ws_max_frame", "a size from 125 bytes to 64m", ["125", "64k", "1m", "64m"],
     ["124", "0", "65m", "-1", "1g", "12x", "k", "1.5k", "99999999999999999999"]),
    ("mr_ws_max_message", "a size from 125 bytes to 64m", ["125", "1m", "64m"],
     ["124", "0", "65m", "abc"]),
    ("mr_ws_max_fragments", "a number from 1 to 1000000", ["1", "65536", "1000000"],
     ["0", "1000001", "-1", "1k", "x"]),
    ("mr_ws_violation_grace", "a time from 1ms to 10s, or 0 to close at once", ["0", "1ms", "10s"],
     ["11s", "-1", "x"]),
    ("mr_ws_deflate_min_size", "a size from 1 byte to 1m", ["1", "1k", "1m"], ["0", "2m", "x"]),
    ("mr_ws_deflate_level", "a number from 1 to 9", ["1", "9"], ["0", "10", "x"]),
    ("mr_ws_deflate_window_bits", "a number from 9 to 15", ["9", "15"], ["8", "16", "x"]),
    ("mr_ws_deflate_max_ratio", "a number from 2 to 10000, or 0 for any", ["0", "2", "10000"],
     ["1", "10001", "-1", "x"]),
    ("mr_ws_ping_interval", "a time from 1s to 1h, or 0 for no pings", ["1s", "0", "0s", "30s"],
     ["999ms", "61m", "-1s", "1x", "forever"]),
    ("mr_ws_idle_timeout", "a time from 2s to 24h", ["26s", "24h", "1d"],
     ["1s", "0", "25h", "x"]),
    ("mr_ws_send_limit", "a size from 4k to 64m", ["4k", "64m"], ["4095", "0", "65m", "x"]),
    ("mr_ws_send_timeout", "a time from 1s to 1h", ["1s", "1h"], ["999ms", "0", "61m", "x"]),
    ("mr_ws_drain", "a time from 1ms to 1h, or 0 to close all sessions at once",
     ["0", "1ms", "1h"], ["61m", "-1", "x"]),
    ("mr_ws_max_connections",
     "a number from 1 to 1000000, or 0 for what worker_connections leaves",
     ["0", "1", "1000000"], ["1000001", "-1", "x"]),
    ("mr_ws_connection_rate", "a number from 1 to 1000000, or 0 for any", ["0", "1", "1000000"],
     ["1000001", "-1", "1k"]),
    ("mr_ws_max_connections_per_address", "a number from 1 to 1000000, or 0 for any",
     ["0", "1", "1000000"], ["1000001", "-1", "x"]),
    ("mr_ws_max_connections_per_subject", "a number from 1 to 1000000, or 0 for any",
     ["0", "1", "1000000"], ["1000001", "-1", "x"]),
    ("mr_ws_max_sessions_per_subject", "a number from 1 to 1000000, or 0 for any",
     ["0", "1", "1000000"], ["1000001", "-1", "x"]),
    ("mr_ws_frame_rate", "a number from 10 to 100000, or 0 for any", ["0", "10", "100000"],
     ["9", "100001", "-1", "x"]),
    ("mr_ws_byte_rate", "a size from 16k to 1024m, or 0 for any", ["0", "16k", "1024m"],
     ["16383", "1025m", "-1", "x"]),
    ("mr_ws_rate_grace", "a time from 1s to 1h, or 0 to close nobody", ["0", "1s", "1h"],
     ["999ms", "61m", "x"]),
    ("mr_ws_message_timeout", "a time from 1s to 1h, or 0 for any", ["0", "1s", "1h"],
     ["999ms", "61m", "x"]),
    ("mr_ws_handshake_timeout", "a time from 1s to 60s", ["1s", "60s"],
     ["0", "999ms", "61s", "x"]),
    ("mr_ws_max_unanswered_pings", "a number from 1 to 100, or 0 for any", ["0", "1", "100"],
     ["101", "-1", "x"]),
]
GOOD = [(name, value) for name, _, good, _ in NUMBERS for value in good]
BAD = [(name, value, allowed) for name, allowed, _, bad in NUMBERS for value in bad]


@pytest.mark.parametrize("level", ["http", "server", "location"])
@pytest.mark.parametrize("name, value", GOOD)
def test_good_numbers_are_taken_on_every_level(place, level, name, value):
    form = {"http": REDIS, "server": "", "location": "mr_ws chat;"}
    form[level] += f" {name} {value};"
    code, said = check(place, **form)
    assert code == 0, said


@pytest.mark.parametrize("name, value, allowed", BAD)
def test_a_bad_number_is_named_with_its_range_and_place(place, name, value, allowed):
    code, said = check(place, location=f"mr_ws chat;\n {name} {value};")
    assert code == 1
    assert f'"{name}" is "{value}"; allowed: {allowed}' in said
    assert "nginx.conf:13" in said


OTHERS = [
    ("mr_ws_compat strict;", None), ("mr_ws_compat lenient;", None),
    ("mr_ws_compat loose;", '"mr_ws_compat" is "loose"; allowed: lenient, strict'),
    ("mr_ws_origin same;", None), ("mr_ws_origin any;", None),
    ("mr_ws_origin same https://a.example *.b.example https://*.c.example:* [::1]:80;", None),
    ("mr_ws_origin any same;", '"any" stands alone'),
    ("mr_ws_origin https://a.example/path;", '"mr_ws_origin" is "https://a.example/path"'),
    ("mr_ws_origin a.*.example;", '"mr_ws_origin" is "a.*.example"'),
    ("mr_ws_origin *;", '"mr_ws_origin" is "*"'),
    ("mr_ws_origin null;", "what pages without an origin send"),
    ("mr_ws_origin a.example:0;", "the port is not a number from 1 to 65535"),
    ("mr_ws_origin a.example:65536;", "the port is not a number from 1 to 65535"),
    ("mr_ws_origin ://a.example;", '"mr_ws_origin" is "://a.example"'),
    ("mr_ws_origin " + " ".join(f"a{i}.example" for i in range(64)) + ";", None),
    ("mr_ws_origin " + " ".join(f"a{i}.example" for i in range(65)) + ";",
     "one origin too many"),
    ("mr_ws_origin;", "invalid number of arguments"),
    ("mr_ws_max_frame 1k 2k;", "invalid number of arguments"),
    ("mr_ws_max_frame 1k; mr_ws_max_frame 2k;", "is duplicate"),
    ("mr_ws_origin same; mr_ws_origin any;", "is duplicate"),
    ("mr_ws_compat strict; mr_ws_compat strict;", "is duplicate"),
    ("mr_ws_deflate maybe;", 'invalid value "maybe" in "mr_ws_deflate" directive'),
    ("mr_ws_deflate on; mr_ws_deflate on;", "is duplicate"),
    ("mr_ws chat;", "is duplicate"),
    ("mr_ws_metrics;", 'do not go together in one location'),
    ("mr_ws_metrics on;", "invalid number of arguments"),
    ("mr_ws_zone_size 1m;", "directive is not allowed here"),
    ("mr_ws_secret_file good;", "directive is not allowed here"),
    ("mr_ws_ping_interval 75s;", '"mr_ws_idle_timeout" (75000 ms) has to be longer'),
    ("mr_ws_idle_timeout 20s;", '"mr_ws_idle_timeout" (20000 ms) has to be longer'),
    ("mr_ws_ping_interval 0; mr_ws_idle_timeout 2s;", None),
]


@pytest.mark.parametrize("lines, complaint", OTHERS)
def test_other_directives(place, lines, complaint):
    assert_verdict(check(place, location="mr_ws chat; " + lines), complaint, "nginx.conf:1")


@pytest.mark.parametrize("value", ["voice", "", "Chat", "on", "chat,echo"])
def test_an_unknown_app_is_refused(place, value):
    code, said = check(place, location=f'mr_ws "{value}";')
    assert code == 1 and f'"mr_ws" is "{value}"; allowed: chat, echo, bench, off' in said


@pytest.mark.parametrize("app", ["chat", "echo"])
def test_an_app_needs_a_redis(place, app):
    code, said = check(place, http="", location=f"mr_ws {app};")
    assert code == 1
    assert f'"mr_ws {app}"' in said and "nginx.conf:12" in said
    assert "add \"mr_ws_redis" in said, "the cure"


def test_off_needs_no_redis(place):
    assert check(place, http="", location="mr_ws off;")[0] == 0


HEALTH = [
    ("mr_ws_health live;", None), ("mr_ws_health ready;", None),
    ("mr_ws off; mr_ws_health live;", None),
    ("mr_ws_health alive;", '"mr_ws_health" is "alive"; allowed: live, ready'),
    ("mr_ws_health;", "invalid number of arguments"),
    ("mr_ws_health live; mr_ws_health ready;", "is duplicate"),
    ("mr_ws chat; mr_ws_health live;", 'do not go together in one location'),
    ("mr_ws_health ready; mr_ws echo;", 'do not go together in one location'),
]


@pytest.mark.parametrize("lines, complaint", HEALTH)
def test_health(place, lines, complaint):
    assert_verdict(check(place, location=lines), complaint, "nginx.conf:12")


def test_health_needs_a_redis_only_for_ready(place):
    assert check(place, http="", location="mr_ws_health live;")[0] == 0
    code, said = check(place, http="", location="mr_ws_health ready;")
    assert code == 1 and '"mr_ws_health ready"' in said and "nginx.conf:12" in said
    assert "add \"mr_ws_redis" in said, "the cure"


def test_the_module_unused_changes_nothing(place):
    assert check(place, http="", location="return 200;")[0] == 0


URLS = [
    ("redis://127.0.0.1", None), ("redis://127.0.0.1:6380/3", None), ("redis://[::1]:6379", None),
    ("redis://user:pa%20ss@127.0.0.1", None), ("unix:/run/redis.sock", None),
    ("unix:/run/redis.sock?db=2", None), ("rediss://localhost?verify=off", None),
    ("http://127.0.0.1", "must begin with redis://, rediss://, unix:/ or sentinel://"),
    ("127.0.0.1:6379", "must begin with redis://"), ("redis://", "has no host"),
    ("redis://127.0.0.1:0", "a port that is not a number from 1 to 65535"),
    ("redis://127.0.0.1:65536", "a port that is not a number from 1 to 65535"),
    ("redis://127.0.0.1:port", "a port that is not a number"),
    ("redis://127.0.0.1/db", "a database that is not a number from 0 to 65535"),
    ("redis://user@", "has no host"), ("redis://[::1", "closing bracket"),
    ("unix:relative.sock", "absolute path"), ("unix:/" + "x" * 110, "more than 107 bytes"),
    ("redis://127.0.0.1?what=1", "unknown option"),
    ("redis://127.0.0.1?verify=on", "a TLS option, which needs rediss://"),
    ("redis://%zz", "two hexadecimal digits"),
    ("sentinel://no-such-host.invalid/name", "host not found"),
    ("cluster://a", "not supported yet"),
]


@pytest.mark.parametrize("url, complaint", URLS)
def test_redis_url(place, url, complaint):
    assert_verdict(check(place, http=f'mr_ws_redis "{url}";'), complaint, "nginx.conf:10")


@pytest.mark.parametrize("value, good", [
    ("256k", True), ("1024m", True), ("255k", False), ("1025m", False), ("0", False),
    ("-1", False), ("x", False), ("1m; mr_ws_zone_size 1m", None)])
def test_zone_size(place, value, good):
    code, said = check(place, http=REDIS + f" mr_ws_zone_size {value};")
    allowed = f'"mr_ws_zone_size" is "{value}"; allowed: a size from 256k to 1024m'
    assert (code == 0) if good else code == 1, said
    assert good or (allowed if good is False else "is duplicate") in said


def test_a_bad_url_does_not_show_its_password(place):
    code, said = check(place, http="mr_ws_redis redis://user:hunter22@127.0.0.1:0;")
    assert code == 1 and "hunter22" not in said


@pytest.mark.parametrize("name, complaint", [
    ("good", None), ("longest", None),
    ("short", "which holds 15 bytes; allowed: 16 to 256"),
    ("empty", "which holds 0 bytes; allowed: 16 to 256"),
    ("blank", "which holds 0 bytes; allowed: 16 to 256"),
    ("long", "or more bytes; allowed: 16 to 256"),
    ("missing", "which cannot be read (2: No such file or directory)")])
def test_secret_file(place, name, complaint):
    assert_verdict(check(place, http=REDIS + f" mr_ws_secret_file {name};"), complaint,
                   f'"mr_ws_secret_file" is "{place}/{name}"')


@pytest.mark.parametrize("main", ["mr_ws_redis redis://127.0.0.1;", "mr_ws chat;",
                                  "mr_ws_health live;",
                                  "mr_ws_max_frame 1k;"])
def test_directives_have_no_meaning_outside_http(place, main):
    code, said = check(place, main=main)
    assert code == 1 and "is not allowed here" in said
