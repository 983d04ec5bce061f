"""Which Redis nginx and the worker talk to when sentinels say where it is: they contradict each
other, name the wrong server, keep silent, do not know the name, want a password. Failovers of a
real group under streaming answers are in the system tests."""

import re
import time

import pytest

from harness.fake_sentinel import fakes
from harness.nginx import check_config
from harness.paths import MODULE
from harness.process import wait_for
from harness.raw_ws import RawWs
from harness.sentinel import NAME, sentinels

RECOVERY_S = 20
POLLS_S = 4  # some polls of the sentinels
LOCATIONS = """
    location = /ws/chat { mr_ws chat; }
    location = /ws/echo { mr_ws echo; }
"""


def linked(stack, index):
    """Both links of nginx and all four of the worker are at this server, and none elsewhere."""
    group = stack.redis
    for other in range(len(group.nodes)):
        wanted = (2, 4) if other == index else (0, 0)
        if (len(group.clients("mr-ws-nginx", other)), len(group.clients("mr-worker", other))) != \
                wanted:
            return False
    return True


def wait_linked(stack, index):
    wait_for(lambda: linked(stack, index), f"all links are at redis-{index + 1}", RECOVERY_S)


def stays_linked(stack, index):
    """For some polls."""
    asked = [sentinel.asked for sentinel in stack.redis.sentinels]
    until = time.monotonic() + POLLS_S
    while time.monotonic() < until:
        assert linked(stack, index)
        time.sleep(0.05)
    assert any(sentinel.asked > before + 3
               for sentinel, before in zip(stack.redis.sentinels, asked)), "they are polled"


def echoes(stack):
    with RawWs.open(stack.nginx.http_port, limit_s=RECOVERY_S) as ws:
        def attempt():
            ws.text("is this the primary?")
            return ws.message().payload == b"is this the primary?"
        wait_for(attempt, "an echo", RECOVERY_S)
        ws.close()


@pytest.fixture
def fake_stack(make_stack):
    stack = make_stack(apps="echo", locations=LOCATIONS, group=fakes(servers=2))
    wait_linked(stack, 0)
    return stack


def test_the_links_follow_the_sentinels(fake_stack):
    """The old primary goes on answering and saying that it is one."""
    stack, group = fake_stack, fake_stack.redis
    echoes(stack)
    group.name_server(1, epoch=2)
    wait_linked(stack, 1)
    echoes(stack)
    stays_linked(stack, 1)
    assert "the sentinels name another primary now" in stack.nginx.log.text()
    assert "the sentinels name another primary now" in stack.workers[0].log.text()


def test_one_sentinel_that_knows_of_a_newer_epoch_is_enough(fake_stack):
    """The one that has led the failover knows first."""
    fake_stack.redis.name_server(1, epoch=2, by=fake_stack.redis.sentinels[2:])
    wait_linked(fake_stack, 1)


def test_an_older_epoch_is_not_followed(fake_stack):
    """Sentinels that were cut off or frozen together with the old primary."""
    group = fake_stack.redis
    group.name_server(1, epoch=2)
    wait_linked(fake_stack, 1)
    group.name_server(0, epoch=1, by=group.sentinels[:2])
    stays_linked(fake_stack, 1)


def test_an_older_epoch_from_a_minority_is_not_even_followed_when_all_else_is_gone(fake_stack):
    group = fake_stack.redis
    group.name_server(1, epoch=2)
    wait_linked(fake_stack, 1)
    group.name_server(0, epoch=1, by=group.sentinels[:1])
    for sentinel in group.sentinels[1:]:
        sentinel.stop()
    group.nodes[1].kill()
    for log in (fake_stack.nginx.log, fake_stack.workers[0].log):
        wait_for(lambda: "minority" in log.text(), "the reason is logged", RECOVERY_S)
    assert group.clients("mr-", 0) == []
    group.nodes[1].start()


def test_sentinels_that_keep_silent_do_not_hold_up_the_others(fake_stack):
    group = fake_stack.redis
    group.sentinels[0].silent = True
    group.name_server(1, epoch=2)
    wait_linked(fake_stack, 1)
    for sentinel in group.sentinels:
        sentinel.silent = True
    for log in (fake_stack.nginx.log, fake_stack.workers[0].log):
        wait_for(lambda: "no sentinel answers" in log.text(), "that is logged", RECOVERY_S)
    assert linked(fake_stack, 1), "what works is left alone"
    echoes(fake_stack)
    for sentinel in group.sentinels:
        sentinel.silent = False
    group.name_server(0, epoch=3)
    wait_linked(fake_stack, 0)


def test_a_replica_is_not_taken_for_the_primary(make_stack):
    """By ROLE, whatever the sentinels say; and links leave a primary that turns into one."""
    stack = make_stack(apps="echo", locations=LOCATIONS, group=fakes(servers=2))
    group = stack.redis
    wait_linked(stack, 0)
    group.nodes[0].command("REPLICAOF", "127.0.0.1", group.nodes[1].port)
    with RawWs.open(stack.nginx.http_port, "/ws/chat") as ws:
        ws.event()
        ws.json({"message": "Is anybody there?"})
        errors = [e for e in ws.events_until("response_complete") if e["type"] == "error"]
        assert [error["code"] for error in errors] == ["relay_unavailable"]
    for log in (stack.nginx.log, stack.workers[0].log):
        wait_for(lambda: re.search("not the primary that the sentinels take it for.*slave",
                                   log.text()), "the reason is logged", RECOVERY_S)
    group.name_server(1, epoch=2)
    wait_linked(stack, 1)
    echoes(stack)


def test_a_primary_named_by_host_needs_a_resolver(make_stack):
    stack = make_stack(apps="echo", locations=LOCATIONS, group=fakes(servers=1))
    for sentinel in stack.redis.sentinels:
        sentinel.place = ("localhost", stack.redis.nodes[0].port)
    wait_for(lambda: 'only be looked up with nginx\'s "resolver"' in stack.nginx.log.text(),
             "nginx says what it needs", RECOVERY_S)
    wait_for(lambda: len(stack.redis.clients("mr-worker")) == 4, "the worker looks it up")
    stack.redis.name_server(0, epoch=1)
    stack.wait_linked()


# --- a real group


def test_sentinels_that_come_later(make_stack):
    """Nothing runs but nginx and the worker; then Redis, then the sentinels."""
    stack = make_stack(apps="echo", locations=LOCATIONS, group=sentinels(), start=False)
    group = stack.redis
    for worker in stack.workers:
        worker.spawn()
    stack.nginx.start()
    with RawWs.open(stack.nginx.http_port, "/ws/chat") as ws, \
            RawWs.open(stack.nginx.http_port) as echo:
        ws.event()
        ws.json({"message": "Is anybody there?"})
        events = ws.events_until("response_complete")
        assert [e["code"] for e in events if e["type"] == "error"] == ["relay_unavailable"]
        for log in (stack.nginx.log, stack.workers[0].log):
            assert re.search(r"no sentinel answers .*127\.0\.0\.1:\d+: .*refused", log.text())
        group.start_nodes()
        group.start_sentinels()
        wait_for(lambda: stack.workers[0].ready_file.exists(), "the worker is ready", RECOVERY_S)
        stack.wait_linked()
        echo.text("at last")
        assert echo.message(RECOVERY_S).payload == b"at last"


def test_a_name_that_no_sentinel_knows(make_stack):
    stack = make_stack(apps="echo", locations=LOCATIONS, group=sentinels())
    stack.nginx.stop()
    stack.nginx.redis_url = stack.redis.url.removesuffix(NAME) + "another"
    stack.nginx.start()
    wait_for(lambda: "knows a primary of this name" in stack.nginx.log.text(), "that is logged")
    assert "/another" in stack.nginx.log.text(), "with the name"


def test_sentinels_with_a_password(make_stack):
    secret = "?sentinel_password=s3cret"
    stack = make_stack(apps="echo", locations=LOCATIONS,
                       group=sentinels(sentinel_password="s3cret", url_options=secret))
    echoes(stack)
    stack.nginx.stop()
    stack.nginx.redis_url = stack.redis.url.replace("s3cret", "wr0ng")
    stack.nginx.start()
    wait_for(lambda: "the sentinels refuse to answer" in stack.nginx.log.text(), "that is logged")
    assert "WRONGPASS" in stack.nginx.log.text(), "in the sentinel's own words"
    for log in (stack.nginx.log, stack.workers[0].log):
        assert "s3cret" not in log.text() and "wr0ng" not in log.text()


def test_a_missing_quorum_is_reported_before_it_matters(make_stack):
    stack = make_stack(apps="echo", locations=LOCATIONS, group=sentinels())
    for sentinel in stack.redis.sentinels[1:]:
        sentinel.kill()
    for log in (stack.nginx.log, stack.workers[0].log):
        wait_for(lambda: re.search("no other can be elected.*NOQUORUM", log.text()),
                 "the warning", RECOVERY_S)
    echoes(stack)
    for sentinel in stack.redis.sentinels[1:]:
        sentinel.start()
    for log in (stack.nginx.log, stack.workers[0].log):
        wait_for(lambda: "have a quorum again" in log.text(), "the all-clear", RECOVERY_S)


def test_reload_and_quit_leave_nothing_open(make_stack):
    """Connections to sentinels are nobody's session: they keep no process."""
    stack = make_stack(apps="echo", locations=LOCATIONS, group=sentinels(), drain="0")
    for _ in range(3):
        old = stack.nginx.reload()
        wait_for(lambda: not any(worker.alive() for worker in old), "the old worker is gone")
    echoes(stack)
    stack.nginx.quit()
    assert stack.nginx.wait_gone() == 0


CONFIG = """
load_module {module};
daemon off;
pid {directory}/nginx.pid;
events {{ }}
http {{
    access_log off;
    server {{ listen unix:{directory}/s; location / {{ mr_ws echo; mr_ws_redis "{url}"; }} }}
}}
"""

URLS = [
    ("sentinel://127.0.0.1/name", None),
    ("sentinel://127.0.0.1,[::1]:5/name?db=2&tls=on&verify=off", None),
    ("sentinel://127.0.0.1,no-such-host.invalid/name", None),  # the others are there
    ("sentinel://127.0.0.1", "has no name of a primary"),
    ("sentinel://no-such-host.invalid/name", "host not found"),
    ("sentinel://127.0.0.1/name?sentinel_password_file=/no/such/file", "cannot be opened"),
    ("sentinel://127.0.0.1/name?ca_file=/x", "needs tls=on"),
    ("cluster://127.0.0.1", "not supported yet"),
]


@pytest.mark.parametrize("url, problem", URLS, ids=[row[0][:60] for row in URLS])
def test_urls(tmp_path, url, problem):
    code, said = check_config(tmp_path, CONFIG.format(module=MODULE, directory=tmp_path, url=url))
    assert (code == 0) is (problem is None), said
    assert problem is None or problem in said
    if "no-such-host.invalid" in url and problem is None:
        assert 'sentinel "no-such-host.invalid": host not found' in said, "a warning"
