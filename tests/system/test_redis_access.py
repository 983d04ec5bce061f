"""A Redis that is there and does not let us: passwords, permissions, certificates, scripts flushed,
read-only, loading, unable to save. Each is named in the logs of nginx and worker, without secrets,
turns readiness red, and heals by itself when the cause is gone."""

import pytest

from chat import Chat
from faults import (FAST, LOCATIONS, QUESTION, RECOVERY_S, SLOW, Asking, all_ready, asked_again,
                    becomes, lines, logged, red_and_green, said, static_served)
from harness.nginx import free_ports
from harness.paths import ROOT
from harness.process import wait_for
from harness.protocol import check_v2_events
from harness.tls import Authority


def cut_all_links(stack):
    stack.redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    stack.redis.command("CLIENT", "KILL", "TYPE", "pubsub")


def told_unavailable(chat):
    events = chat.answer(QUESTION)
    assert [e["code"] for e in events if e["type"] == "error"] == ["relay_unavailable"]
    assert events[-1]["status"] == "error"


def worker_says(stack, message, text):
    return [record for record in logged(stack, message) if text in record.get("cause", "")]


def goes_red(stack, reason="redis_down"):
    becomes(stack, reason)
    wait_for(lambda: not any(worker.is_ready() for worker in stack.workers), "the workers are red",
             RECOVERY_S)
    static_served(stack)


# --- passwords

def test_a_password_changed_while_running(make_stack, reference):
    """Links that are open stay; a new one is refused until the old password is good again."""
    stack = make_stack(apps="chat", workers=2, settings=SLOW, locations=LOCATIONS)
    stack.redis.command("ACL", "SETUSER", "mr", "on", ">first", "~mr:*", "&mr:*", "+@all")
    stack.move_to(stack.redis.url + "?user=mr&password=first")
    with Chat(stack) as chat:
        stack.redis.command("ACL", "SETUSER", "mr", "resetpass", ">second")
        check_v2_events(chat.answer(QUESTION))
        assert not lines(stack, "WRONGPASS") and not worker_says(
            stack, "redis connection failed", "WRONGPASS")
        with Asking(stack, reference) as asking:
            cut_all_links(stack)
            goes_red(stack)
            told_unavailable(chat)
            said(stack, "refuses user or password: WRONGPASS")
            wait_for(lambda: worker_says(stack, "redis connection failed", "WRONGPASS"),
                     "the workers say so", RECOVERY_S)
            stack.redis.command("ACL", "SETUSER", "mr", ">first")
            asking.all_exact()
            red_and_green(stack, "link is down: refuses user or password")
            asking.go_on()
        check_v2_events(asked_again(chat))
    everything = stack.nginx.log.text() + "".join(w.log.text() for w in stack.workers)
    assert "first" not in everything and "second" not in everything


def test_a_worker_with_a_wrong_password_at_its_start(make_stack):
    stack = make_stack(apps="chat", settings=FAST, locations=LOCATIONS)
    worker = stack.workers[0]
    worker.stop()
    stack.redis.command("ACL", "SETUSER", "mr", "on", ">right", "~mr:*", "&mr:*", "+@all")
    worker.settings["redis"] = stack.redis.url + "?user=mr&password=wrong"
    worker.spawn()
    wait_for(lambda: worker_says(stack, "redis connection failed", "WRONGPASS"), "it is said",
             RECOVERY_S)
    assert not worker.is_ready()
    stack.redis.command("ACL", "SETUSER", "mr", ">wrong")
    all_ready(stack)
    with Chat(stack) as chat:
        check_v2_events(chat.answer(QUESTION))


# --- permissions

def documented_rule(who):
    """The ACL rule that docs/operations.md gives for nginx or the workers."""
    for line in (ROOT / "docs/operations.md").read_text().splitlines():
        if line.startswith(f"ACL SETUSER mr-{who} "):
            return line.split()[2:]
    raise AssertionError(f"docs/operations.md has no rule for {who}")


@pytest.fixture
def restricted(make_stack):
    """Users with exactly the rights of the documentation."""
    stack = make_stack(apps="chat", workers=2, settings=SLOW, locations=LOCATIONS)
    for who in ("nginx", "worker"):
        name, *rule = documented_rule(who)
        stack.redis.command("ACL", "SETUSER", name, "reset",
                            *(word.replace(">PASSWORD", ">secret") for word in rule))
    stack.move_to(stack.redis.url + "?user=mr-nginx&password=secret",
                  worker_url=stack.redis.url + "?user=mr-worker&password=secret")
    return stack


def test_the_documented_permissions_suffice(restricted, reference):
    stack = restricted
    with Asking(stack, reference) as asking:
        stack.workers[0].kill()
        asking.all_exact()
        asking.go_on()
    with Chat(stack) as chat:
        turn = chat.answer(QUESTION)[0]["turn_id"]
        chat.send(type="feedback", turn_id=turn, rating=1)
        chat.send(type="regenerate", turn_id=turn)
        chat.until("response_complete", RECOVERY_S)
    log = stack.redis.command("ACL", "LOG")
    assert log == [], log
    text = stack.nginx.log.text() + "".join(worker.log.text() for worker in stack.workers)
    assert "NOPERM" not in text and "can't run" not in text


def test_permissions_missing_for_nginx(restricted):
    stack = restricted
    stack.redis.command("ACL", "SETUSER", "mr-nginx", "-zrange", "resetchannels", "&other:*")
    cut_all_links(stack)
    with Chat(stack) as chat:
        becomes(stack, "redis_down")
        said(stack,
             "does not let its user run on keys or channels mr:*: zrange, spublish, ssubscribe")
        told_unavailable(chat)
        static_served(stack)
        for word in documented_rule("nginx")[3:]:
            stack.redis.command("ACL", "SETUSER", "mr-nginx", word)
        red_and_green(stack, "link is down: does not let its user run",
                      "link is down: refuses a subscription")
        check_v2_events(asked_again(chat))


def test_permissions_missing_for_the_worker(restricted):
    stack = restricted
    stack.redis.command("ACL", "SETUSER", "mr-worker", "resetchannels", "-xreadgroup")
    cut_all_links(stack)
    cause = "does not let its user run on keys or channels mr:*: xreadgroup, spublish, ssubscribe"
    wait_for(lambda: worker_says(stack, "still not ready", cause) or
             worker_says(stack, "not ready", cause), "it is named", RECOVERY_S)
    wait_for(lambda: not any(worker.is_ready() for worker in stack.workers), "both are red",
             RECOVERY_S)
    losses = len(logged(stack, "redis connection lost"))
    assert losses < 60, f"{losses} lines: said again and again"
    stack.redis.command("ACL", "SETUSER", "mr-worker", "&mr:*", "+xreadgroup")
    all_ready(stack)
    with Chat(stack) as chat:
        check_v2_events(asked_again(chat))


# --- TLS

@pytest.fixture
def over_tls(make_stack, tmp_path):
    """nginx and workers reach Redis over TLS; the authority can replace its certificate."""
    authority = Authority(tmp_path)
    authority.issue()
    stack = make_stack(apps="chat", workers=2, settings=SLOW, locations=LOCATIONS)
    port = free_ports(1)[0]
    for name, value in {"tls-cert-file": authority.cert, "tls-key-file": authority.key,
                        "tls-ca-cert-file": authority.ca, "tls-auth-clients": "no"}.items():
        stack.redis.options.append(f"{name} {value}")
    stack.redis.options.append(f"tls-port {port}")
    stack.redis.tls_port = port
    stack.redis.options.append("bind 127.0.0.1")
    stack.redis.restart()
    stack.move_to(f"rediss://localhost:{port}?ca_file={authority.ca}")
    return stack, authority


def replace_certificate(stack, authority, *, cut=True, **form):
    authority.issue(**form)
    stack.redis.command("CONFIG", "SET", "tls-key-file", authority.key,
                        "tls-cert-file", authority.cert)
    if cut:
        cut_all_links(stack)


def test_tls_to_redis(over_tls, reference):
    """An answer over it, the links cut in the middle."""
    stack, _ = over_tls
    with Asking(stack, reference) as asking:
        cut_all_links(stack)
        asking.all_exact()
        asking.go_on()
    all_ready(stack)


def test_another_certificate_of_the_same_authority(over_tls, reference):
    """Links that are open stay; those opened later trust the new one, without a word to anybody."""
    stack, authority = over_tls
    before = authority.presented(stack.redis.tls_port)

    def losses():
        return (len(lines(stack, "commands link: closed the connection")),
                len(logged(stack, "redis connection lost")))
    with Asking(stack, reference) as asking:
        had = losses()
        replace_certificate(stack, authority, cut=False)
        assert authority.presented(stack.redis.tls_port) != before
        asking.all_exact()
        assert losses() == had
        asking.go_on()
    with Asking(stack, reference) as asking:
        cut_all_links(stack)
        asking.all_exact()
        assert all(now > then for now, then in zip(losses(), had))
        all_ready(stack)
        assert not lines(stack, "certificate") and not worker_says(
            stack, "redis connection failed", "certificate")
        asking.go_on()


BAD_CERTIFICATES = {
    "certificate has expired": {"expired": True},
    "its certificate is not trusted": {"foreign": True},
    "its certificate is for another name": {"name": "elsewhere.example"},
}


def test_a_bad_certificate_and_back(over_tls, reference):
    """Expired, signed by somebody else, for another name: three replacements in one outage."""
    stack, authority = over_tls
    with Asking(stack, reference) as asking:
        for cause, form in BAD_CERTIFICATES.items():
            replace_certificate(stack, authority, **form)
            said(stack, cause)
            wait_for(lambda: worker_says(stack, "redis connection failed", cause),
                     f"the workers say: {cause}", RECOVERY_S)
        goes_red(stack)
        replace_certificate(stack, authority)
        asking.all_exact()
        red_and_green(stack, "link is down: its certificate is")
        asking.go_on()


# --- scripts

def test_scripts_flushed_in_the_middle_of_everything(make_stack, reference):
    stack = make_stack(apps="chat", workers=2, settings=SLOW, locations=LOCATIONS)
    with Asking(stack, reference) as asking:
        for _ in range(8):
            stack.redis.command("SCRIPT", "FLUSH")
            asking.static()
        asking.all_exact()
        stack.redis.command("SCRIPT", "FLUSH")
        with Chat(stack) as chat:
            events = chat.answer(QUESTION)
            if events[-1]["status"] != "ok":
                assert [e["code"] for e in events if e["type"] == "error"] == ["relay_unavailable"]
                said(stack, "its scripts were flushed, loading them again")
            check_v2_events(asked_again(chat))
        asking.go_on()
        assert not logged(stack, "lease lapsed: dropping every session")
        all_ready(stack)


# --- replies that say "not now"

def test_read_only_in_the_middle_of_an_answer(make_stack, reference):
    """Demoted to a replica whose primary is nowhere, and promoted again, its data kept."""
    stack = make_stack(apps="chat", workers=2, settings={**SLOW, "lease": "5s"},
                       locations=LOCATIONS)
    with Asking(stack, reference) as asking:
        stack.redis.command("REPLICAOF", "127.0.0.1", "1")
        goes_red(stack)
        said(stack, "READONLY You can't write against a read only replica", "MASTERDOWN")
        stack.redis.command("REPLICAOF", "NO", "ONE")
        asking.all_exact()
        red_and_green(stack, "READONLY", "link is down", "MASTERDOWN")
        asking.go_on()


def test_loading(make_stack, reference):
    """A restart that takes its time to read its data."""
    stack = make_stack(apps="chat", workers=2, settings={**SLOW, "lease": "5s"},
                       locations=LOCATIONS, redis=["appendonly yes"])
    stack.redis.command("EVAL", "for i = 1, 20000 do redis.call('SET', 'ballast:' .. i, i) end", 0)
    with Asking(stack, reference) as asking:
        stack.redis.options.append("key-load-delay 100")  # us for each of them
        stack.redis.options.append("loading-process-events-interval-bytes 1024")
        stack.redis.kill()
        stack.redis.launch()
        said(stack, "does not serve: LOADING")
        wait_for(lambda: worker_says(stack, "redis connection failed", "LOADING"), "by workers",
                 RECOVERY_S)
        becomes(stack, "redis_down")
        static_served(stack)
        asking.all_exact()
        red_and_green(stack, "link is down: does not serve")
        asking.go_on()


def test_it_cannot_save(make_stack, reference):
    """MISCONF: a failed snapshot makes Redis refuse writes."""
    stack = make_stack(apps="chat", workers=2, settings=SLOW, locations=LOCATIONS)
    obstacle = stack.directory / "dump.rdb"
    obstacle.mkdir()
    with Asking(stack, reference) as asking:
        stack.redis.command("CONFIG", "SET", "save", "3600 1000000")
        stack.redis.command("BGSAVE")
        wait_for(lambda: "rdb_last_bgsave_status:err" in stack.redis.command("INFO"), "it fails",
                 RECOVERY_S)
        said(stack, "MISCONF Redis is configured to save RDB snapshots")
        wait_for(lambda: not all(worker.is_ready() for worker in stack.workers), "by workers",
                 RECOVERY_S)
        static_served(stack)
        obstacle.rmdir()
        stack.redis.command("BGSAVE")
        asking.finish()
        asking.v1_exact_or_ended()
        all_ready(stack)
        asking.go_on()


def test_too_few_replicas(make_stack, reference):
    stack = make_stack(apps="chat", workers=2, settings=SLOW, locations=LOCATIONS)
    with Asking(stack, reference) as asking:
        stack.redis.command("CONFIG", "SET", "min-replicas-to-write", "1")
        wait_for(lambda: logged(stack, "redis refuses events, trying again"), "held back",
                 RECOVERY_S)
        becomes(stack, "writes_refused")
        with Chat(stack) as chat:
            told_unavailable(chat)
        stack.redis.command("CONFIG", "SET", "min-replicas-to-write", "0")
        asking.finish()
        asking.v1_exact_or_ended()
        red_and_green(stack, "it refuses to be written to: NOREPLICAS")
        asking.go_on()
