"""Coming back behind gaps of any length: events one by one, or, within one long turn, its snapshot
and what follows it. Nothing is missing, nothing comes twice, nothing older is replaced."""

import os
import signal

import pytest

from beside import Beside
from chaos.scripts import Script
from chat import Chat
from harness.paced import AnswerCheck, PacedReader, read_all
from harness.process import wait_for
from harness.protocol import order, units
from harness.raw_ws import RawWs, Refused
from harness.stack import shared_stack
from held import LOCATIONS, key

LONG_GAP = 1000  # lane_leap.h: kLongGapEvents
PATH = "/ws/bench"
GAPS = [1, 2, 15, 16, 17, 63, 64, 99, 100, 101, 500, 999, 1000, 1001, 1002, 2500, 4999, 5000]


@pytest.fixture(scope="module")
def stack(data_dir):
    """Every chunk of a script is an event."""
    yield from shared_stack(data_dir, workers=2, apps="chat,bench", locations=LOCATIONS,
                            settings={"text_window": "0ms", "lease": "1500ms"})


def answer(chat, script):
    """All events of an answer, checked. In front of it there may be a snapshot of an earlier turn: the
    one of the last is written behind its end."""
    check, events, turn = AnswerCheck(script), [], None
    chat.send(type="ask", message=script.words)
    while check.end is None:
        events.append(chat.event())
        if events[-1]["type"] == "turn_start":
            turn = events[-1]["turn_id"]
        if turn and events[-1].get("turn_id") == turn:
            check.take(events[-1])
    return events


def come_back(stack, token, place, **form):
    back = Chat(stack, path=PATH, resume=(token, place), **form)
    assert back.greeting["recovered"] is True
    return back


@pytest.fixture(scope="module")
def long_answer(stack):
    script = Script(17, chunks=5200, size=20, rate=0)
    with Chat(stack, path=PATH) as chat:
        return script, chat, answer(chat, script)


@pytest.mark.parametrize("gap", GAPS)
def test_a_gap_of_a_finished_answer(stack, long_answer, gap):
    script, chat, whole = long_answer
    with come_back(stack, chat.token, whole[-1 - gap]["id"], tls=gap % 2 == 0) as back:
        first = back.event()
        if gap <= LONG_GAP:
            rest = [first] + [back.event() for _ in range(gap - 1)]
            assert rest == whole[-gap:]
        else:
            assert first["type"] == "text_snapshot" and first["id"] == whole[-1]["id"]
            assert first["content"] == script.text() and first["status"] == "ok"
            assert first["turn_id"] == whole[-1]["turn_id"]
            assert first["text_length"] == whole[-1]["text_length"]
        back.send(type="ping", t=gap)
        assert back.event()["type"] == "pong", "nothing comes behind the end"


def test_a_reload_without_memory_of_a_session_with_one_long_turn(stack, long_answer):
    script, chat, whole = long_answer
    meta = key(stack, "s", chat.session)
    wait_for(lambda: not stack.redis.command("HEXISTS", meta, "own"), "the session is given up")
    mail = int(stack.redis.command("HGET", meta, "iseq"))
    with come_back(stack, chat.token, "0-0") as back:
        first = back.event()
        assert first["type"] == "text_snapshot" and first["content"] == script.text()
        assert first["question"] == script.words
        back.send(type="ping", t=-1)
        back.until("pong", t=-1)
        assert int(stack.redis.command("HGET", meta, "iseq")) == mail + 1, \
            "the turn is known to be over: no worker is told that somebody is back"


@pytest.mark.parametrize("missed", [10, 900, 1800, 2600])
def test_a_gap_of_a_running_answer(stack, missed):
    """The client has seen so much, then nothing until 3,000 events are out."""
    script = Script(missed, chunks=4000, size=24, rate=2000)
    with PacedReader(stack.nginx.http_port, PATH) as away, \
            PacedReader(stack.nginx.https_port, PATH, tls=True) as witness:
        witness.ws.drop()
        witness.connect(resume=(away.token, "0-0"))
        away.ask(script)
        witness.checks.append(AnswerCheck(script))
        read_all([away, witness], lambda: away.events >= missed, 20)
        away.ws.reset()
        seen = away.events
        read_all([witness], lambda: witness.events > 3000, 20)
        away.connect(resume=(away.token, away.last))
        assert away.greeting["recovered"] is True
        read_all([away, witness], lambda: away.answered and witness.answered, 30)
        assert away.last == witness.last
        assert away.checks[0].snapshots == (1 if 3000 - seen > 1.3 * LONG_GAP else 0) or \
            LONG_GAP < 3000 - seen < 1.5 * LONG_GAP, "the newest snapshot may be somewhat old"


def test_older_turns_in_the_gap_come_event_by_event(stack):
    """A snapshot stands for its turn alone: who misses more than that gets all of it."""
    first, second = (Script(seed, chunks=1500, size=16, rate=0) for seed in (1, 2))
    with Chat(stack, path=PATH) as chat:
        whole = answer(chat, first)
        middle = len(whole)
        whole += answer(chat, second)
        token = chat.token
    with come_back(stack, token, whole[-1]["id"]):  # keeps what is known of the session's log
        for _ in range(2):  # the second time whole pages are larger than the gap
            for place in ("0-0", whole[10]["id"], whole[middle - 2]["id"]):
                with come_back(stack, token, place) as back:
                    behind = [e for e in whole if order(e) > order({"id": place})]
                    assert [back.event() for _ in behind] == behind, place
    for at in (middle - 1, middle, middle + 10):
        with come_back(stack, token, whole[at]["id"]) as back:
            snapshot = back.event()
            assert snapshot["type"] == "text_snapshot" and snapshot["id"] == whole[-1]["id"]
            assert snapshot["turn_id"] == whole[-1]["turn_id"]
            assert snapshot["content"] == second.text()


@pytest.mark.parametrize("instead", [None, "nonsense", "\x01"])
def test_a_long_gap_without_a_usable_snapshot(stack, instead):
    """Then every event comes, be it in one page or in many."""
    with Chat(stack, path=PATH) as chat:
        whole = answer(chat, Script(5, chunks=1500, size=16, rate=0))
        token = chat.token
        wait_for(lambda: key(stack, "h", chat.session), "the turn is over")
        snapshot = key(stack, "snap", chat.session)
        stack.redis.command("SET", snapshot, instead) if instead else \
            stack.redis.command("DEL", snapshot)
    for at in (1, 20, 400):
        with come_back(stack, token, whole[at]["id"]) as back:
            assert [back.event() for _ in whole[at + 1:]] == whole[at + 1:]


def test_a_takeover_in_the_gap(make_stack):
    """The place is of the first owner's epoch, the snapshot of the second's."""
    stack = make_stack(apps="chat,bench", workers=2, locations=LOCATIONS,
                       settings={"text_window": "0ms", "lease": "1s"})
    script = Script(3, chunks=4000, size=24, rate=1500)
    with PacedReader(stack.nginx.http_port, PATH) as away, \
            PacedReader(stack.nginx.http_port, PATH) as witness:
        witness.connect(resume=(away.token, "0-0"))
        away.ask(script)
        witness.checks.append(AnswerCheck(script))
        read_all([away, witness], lambda: away.events > 500, 20)
        away.ws.reset()
        owner = stack.redis.command("HGET", key(stack, "s", away.session), "own")
        next(w for w in stack.workers if f"-{w.process.pid}-" in owner).kill()
        read_all([witness], lambda: order({"id": witness.last})[1] > 2000 and
                 witness.last.split("-")[0] != away.last.split("-")[0], 30)
        away.connect(resume=(away.token, away.last))
        assert away.greeting["recovered"] is True
        read_all([away, witness], lambda: away.answered and witness.answered, 30)
        assert away.last == witness.last and away.checks[0].snapshots == 1
        assert witness.checks[0].snapshots == 0


def test_the_log_has_expired(make_stack):
    stack = make_stack(apps="chat,bench", locations=LOCATIONS, settings={"resume_window": "1s"})
    script = Script(4, chunks=30, rate=0)
    with Chat(stack, path=PATH) as chat:
        whole = answer(chat, script)
        token = chat.token
    wait_for(lambda: key(stack, "o", chat.session) is None, "the log is gone", 10)
    with come_back(stack, token, whole[-1]["id"]) as back:  # has seen all there was
        answer(back, Script(5, chunks=5))
    wait_for(lambda: key(stack, "o", chat.session) is None, "the log is gone", 10)
    for seed, place in ((5, "0-0"), (6, whole[3]["id"])):
        with Chat(stack, path=PATH, resume=(token, place)) as back:
            assert back.greeting["recovered"] is False and back.session == chat.session
            snapshot = back.event()
            assert snapshot["type"] == "text_snapshot" and snapshot["status"] == "ok"
            assert snapshot["content"] == Script(seed, chunks=5).text(), "of the newest turn"
            answer(back, Script(seed + 1, chunks=5))


def test_more_takeovers_than_the_log_keeps(stack):
    """Eight epochs are kept; a place before them is lost, and that is said."""
    with Chat(stack, path=PATH) as chat:
        turns = []
        for number in range(11):
            turns.append(answer(chat, Script(number, chunks=6)))
            wait_for(lambda: not stack.redis.command(
                "HEXISTS", key(stack, "s", chat.session), "own"), "the session is given up")
        epochs = {order(event)[0] for turn in turns for event in turn}
        assert len(epochs) == 11
        token = chat.token
    kept = [event for turn in turns[3:] for event in turn]
    for place, behind in ((turns[3][2]["id"], kept[3:]), (turns[2][-1]["id"], kept)):
        with come_back(stack, token, place) as back:
            assert [back.event() for _ in behind] == behind
    for lost in (turns[0][2], turns[1][-1], turns[2][-2]):
        with Chat(stack, path=PATH, resume=(token, lost["id"])) as back:
            assert back.greeting["recovered"] is False
            snapshot = back.event()
            assert snapshot["type"] == "text_snapshot" and snapshot["id"] == turns[-1][-1]["id"]
    with Chat(stack, path=PATH, resume=(token, turns[0][2]["id"])) as back:
        back.event()
        answer(back, Script(99, chunks=5))


@pytest.mark.parametrize("ahead", ["same epoch", "later epoch", "as far as it goes"])
def test_a_client_that_claims_more_than_there_is(stack, ahead):
    """In the middle of an answer and behind it: it is told, and follows from where the log is."""
    script = Script(8, chunks=300, size=30, rate=150)
    with Chat(stack, path=PATH) as chat:
        chat.send(type="ask", message=script.words)
        mine = chat.until("text_chunk")
        epoch, seq = order(mine[-1])
        place = {"same epoch": f"{epoch}-{seq + 100_000}", "later epoch": f"{epoch + 10 ** 9}-1",
                 "as far as it goes": f"{2 ** 64 - 1}-{2 ** 64 - 1}"}[ahead]
        for running in (True, False):
            if not running:
                chat.until("response_complete")
            with Chat(stack, path=PATH, resume=(chat.token, place)) as back:
                assert back.greeting["recovered"] is False and back.session == chat.session
                if running:
                    events = back.until("response_complete")
                    check_told_from_somewhere(events, script)
                answer(back, Script(9, chunks=5))
                chat.until("response_complete")


def check_told_from_somewhere(events, script):
    """Without a snapshot the text begins anywhere, and goes on without a gap from there."""
    text, expected = "", script.text()
    start = None
    for event in events:
        if event["type"] == "text_snapshot":
            start, text = 0, event["content"]
        elif event["type"] == "text_chunk":
            start = event["offset"] if start is None else start
            assert event["offset"] == start + units(text)
            text += event["content"]
    assert expected[start:] == text, "to the end, and nothing else"


def test_without_the_subprotocol_there_is_no_coming_back(stack):
    with Chat(stack, path=PATH) as chat:
        whole = answer(chat, Script(3, chunks=5))
        with RawWs.open(stack.nginx.http_port, PATH,
                        protocols=[f"mr.resume.{chat.token}.{whole[0]['id']}"]) as v1:
            greeting = v1.event()
            assert greeting["session_id"] != chat.session and greeting["recovered"] is False
            v1.json({"message": "chunks=1 tools=0"})
            assert v1.event()["type"] == "phase_start", "the first thing it hears is its own"


class Tab(PacedReader):
    """Comes back whenever its connection ends, and ends it itself behind every `every`th event."""

    def __init__(self, gateways, every, **form):
        self.gateways, self.every, self.rounds, self.due = gateways, every, 0, every
        super().__init__(gateways[0].nginx.http_port, PATH, **form)

    def pump(self):
        super().pump()
        if self.closed is None and self.events >= self.due and not self.answered:
            self.ws.reset()
            self.closed = "reset"
        if self.closed is not None and not self.answered:
            self.come_back()

    def come_back(self):
        self.rounds += 1
        gateway = self.gateways[self.rounds % len(self.gateways)].nginx
        tls = self.rounds % 4 < 2
        self.form = (gateway.https_port if tls else gateway.http_port, PATH,
                     {"tls": tls, "receive_buffer": None})
        try:
            self.connect(resume=(self.token, self.last))
        except (OSError, AssertionError, Refused):
            self.closed = "refused"  # while processes change: with the next look again
            return
        assert self.greeting["recovered"] is True
        self.due = self.events + self.every


def test_tabs_cut_again_and_again_while_the_gateways_go(make_stack, watch):
    """Four tabs at places of their own, at two gateways of two processes each; a process is killed,
    a gateway reloaded. Each tab sees each event once."""
    watch.allow(r"\[alert\] .* worker process \d+ exited on signal 9")
    stack = make_stack(apps="chat,bench", workers=2, processes=2, locations=LOCATIONS)
    beside = Beside(stack)
    beside.nginx.processes = 2
    tabs = []
    beside.nginx.start()
    try:
        wait_for(lambda: len(stack.redis.clients("nginx")) >= 8, "both gateways are linked")
        script = Script(21, chunks=160, size=60, rate=40)
        first = Tab([stack, beside], 7)
        form = {"resume": (first.token, "0-0"), "expecting": [script]}
        tabs += [first, Tab([beside, stack], 1, **form), Tab([stack, beside], 3, **form),
                 Tab([beside, stack], 40, **form)]
        first.ask(script)
        read_all(tabs, lambda: first.checks[0].units > 2000, 30)
        os.kill(stack.nginx.worker_pids()[0], signal.SIGKILL)
        read_all(tabs, lambda: first.checks[0].units > 5000, 30)
        beside.nginx.reload()
        os.kill(stack.nginx.worker_pids()[1], signal.SIGKILL)
        read_all(tabs, lambda: all(tab.answered for tab in tabs), 60)
        assert {tab.last for tab in tabs} == {first.last}
        assert not any(tab.checks[0].snapshots for tab in tabs)
        assert tabs[1].rounds > 50 and tabs[3].rounds > 2
    finally:
        for tab in tabs:
            tab.ws.drop()
        beside.nginx.stop()
    assert not beside.nginx.log.grave_lines()
