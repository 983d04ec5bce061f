"""Voice while something dies: a worker, nginx, Redis, a connection, in each stage of a spoken
question. Each utterance is one turn, nothing is told twice, and who speaks goes on."""

import os
import signal
from contextlib import contextmanager

import pytest

from chat import Chat
from harness.microphone import silence, tone
from harness.process import wait_for
from harness.protocol import text_of
from harness.proxy import Proxy
from harness.raw_ws import BINARY
from harness.stack import shared_stack
from owners import owner
from talker import Talker, check_told

LOCATIONS = """
    location = /ws/chat { mr_ws chat; }
    location = /ws/voice { mr_ws chat; mr_ws_voice on; }
"""
SETTINGS = {"recogniser": "stub", "synthesiser": "tone", "speech_detector": "energy",
            "voice_streams": 64, "local_tokens_per_second": 60, "lease": "1s", "drain": "1s"}
AOF = ["appendonly yes", "appendfsync always"]
SPEECH_MS = 1000  # the stub's question to which there is a long answer


@pytest.fixture(scope="module")
def stack(data_dir):
    yield from shared_stack(data_dir, workers=2, apps="chat", settings=SETTINGS,
                            locations=LOCATIONS)


# --- the faults

def kill_workers(stack):
    for worker in stack.workers:
        worker.kill()
    for worker in stack.workers:
        worker.spawn()


def replace_worker(stack):
    """Stopped as in a rolling restart, with another one beside it."""
    worker = next(worker for worker in stack.workers if worker.process.alive())
    worker.process.send(signal.SIGTERM)
    stack.workers.append(stack.make_worker(f"worker-{len(stack.workers) + 1}").spawn())


def kill_nginx(stack):
    for pid in stack.nginx.worker_pids():
        os.kill(pid, signal.SIGKILL)


def reload_nginx(stack):
    stack.nginx.reload()


def cut_redis(stack):
    for kind in ("normal", "pubsub"):
        stack.redis.command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")


def restart_redis(stack):
    stack.redis.restart()


def nothing(_stack):
    """Of the clients alone: test_a_fault_in_each_stage resets them."""


# --- the stages: each leaves its talker where the fault is to find it

def hearing(talker):
    talker.say(silence(300) + tone(SPEECH_MS // 2))
    talker.until_event("speech_started")


def heard(talker):
    talker.say(silence(300) + tone(SPEECH_MS) + silence(800))
    talker.until_event("transcript", is_final=True)


def thinking(talker):
    talker.say(silence(300) + tone(SPEECH_MS) + silence(800))
    talker.until_event("turn_start")


def speaking(talker):
    talker.say(silence(300) + tone(SPEECH_MS) + silence(800))
    talker.until(lambda: talker.sounds and talker.of("text_chunk"), "sound")


STAGES = (hearing, heard, thinking, speaking)


@pytest.mark.parametrize("fault", (kill_workers, replace_worker))
def test_workers_that_go_in_each_stage(make_stack, fault):
    fault_in_each_stage(make_stack(workers=2, apps="chat", settings=SETTINGS, redis=AOF,
                                   locations=LOCATIONS), fault)


def test_redis_killed_in_each_stage(make_stack):
    fault_in_each_stage(make_stack(workers=2, apps="chat", settings=SETTINGS, redis=AOF,
                                   locations=LOCATIONS), restart_redis)


@pytest.mark.parametrize("fault", (kill_nginx, reload_nginx, cut_redis, nothing))
def test_links_that_break_in_each_stage(stack, watch, fault):
    watch.allow("exited on signal 9")
    fault_in_each_stage(stack, fault)


def fault_in_each_stage(stack, fault):
    talkers = [Talker(stack) for _ in STAGES]
    for stage, talker in reversed(list(zip(STAGES, talkers))):
        stage(talker)
    fault(stack)
    for stage, talker in zip(STAGES, talkers):
        if fault is nothing:
            talker.chat.ws.reset()
            talker.reconnect()
        if stage is hearing:
            talker.say(tone(SPEECH_MS // 2) + silence(800))
    for stage, talker in zip(STAGES, talkers):
        talker.until_event("response_complete")
        talker.until(talker.finals, "transcript")
        if fault is kill_workers:
            talker.until_event("audio_ack")
        check_told(talker)
        assert talker.of("response_complete")[0]["status"] == "ok"
        assert not talker.of("error", code="voice_unavailable")
        talker.chat.ws.drop()


@contextmanager
def never_asking(make_stack):
    """A stack whose one worker is cut off from Redis with its first spoken question on the way;
    (stack, worker, that question once it is there)."""
    stack = make_stack(start=False, workers=1, apps="chat", settings=SETTINGS, locations=LOCATIONS)
    first, asked = stack.workers[0], []
    with Proxy(stack.redis.socket) as proxy:
        def stopper(data):
            if not asked and b'"message_id":"voice-' in data:
                asked.append(data)
            return b"" if asked else data
        proxy.rewrite(stopper)
        first.settings["redis"] = f"redis://127.0.0.1:{proxy.port}"
        stack.start()
        yield stack, first, asked


def test_killed_between_the_words_and_the_question(make_stack):
    """The worker has understood and its question never gets to Redis: nobody was told that it had
    been understood, and the next owner hears the sound again."""
    with never_asking(make_stack) as (stack, first, asked):
        with Talker(stack) as talker:
            talker.say(silence(300) + tone(SPEECH_MS) + silence(800))
            talker.until(lambda: asked, "question")
            first.kill()
            assert not talker.of("transcript", is_final=True)
            stack.add_worker("worker-2")
            talker.until_event("response_complete")
            check_told(talker)
            assert talker.of("error", code="voice_lost") and len(talker.finals()) == 1


def test_the_end_of_push_to_talk_is_not_lost_with_its_worker(make_stack):
    """Killed with the key released and nothing understood yet."""
    with never_asking(make_stack) as (stack, first, asked):
        with Talker(stack, mode="ptt") as talker:
            talker.say(silence(300) + tone(SPEECH_MS))
            talker.stop()
            wait_for(lambda: asked, "question", 20)
            first.kill()
            stack.add_worker("worker-2")
            while not talker.of("audio_ack"):
                talker.pump(1)
            talker.stop()
            while not talker.of("response_complete"):
                talker.pump(1)
            check_told(talker)


def test_exactly_the_gap_is_sent_again(stack):
    with Talker(stack, tts=False) as talker:
        talker.say(silence(300) + tone(1200))
        talker.until_event("speech_started")
        taken = talker.stream.end_ms
        talker.chat.ws.reset()
        talker.stream.capture(tone(800) + silence(800))  # while nobody listens
        talker.reconnect()
        talker.until_event("response_complete")
        check_told(talker)
        [(offered, received)] = talker.stream.gaps
        assert offered == 0 < received <= taken, "not before what was offered, nor what came"
        [final] = talker.finals()
        assert abs(final["end_ms"] - final["start_ms"] - 2000) < 400, final


def stopped(stack, stage, **how):
    with Talker(stack) as talker:
        stage(talker)
        named = {name: value(talker) for name, value in how.items() if callable(value)}
        talker.send(**{**how, **named})
        if stage is hearing:
            talker.until_event("cancelled")
            talker.say(tone(SPEECH_MS // 2) + silence(800))
        end = talker.until_event("response_complete")
        if stage is speaking:
            talker.until_event("tts_cancelled")
        check_told(talker)
        return end["status"], talker


STOPS = [
    (hearing, {"type": "cancel"}, "ok"),  # nothing is asked yet
    (heard, {"type": "cancel", "message_id": lambda t: t.finals()[-1]["message_id"]}, "cancelled"),
    (thinking, {"type": "cancel", "turn_id": lambda t: t.of("turn_start")[-1]["turn_id"]},
     "cancelled"),
    (speaking, {"type": "cancel"}, "cancelled"),
    (speaking, {"type": "interrupt", "segment": 0, "played_ms": 0,
                "turn_id": lambda t: t.of("turn_start")[-1]["turn_id"]}, "cancelled"),
]


@pytest.mark.parametrize("stage, how, status", STOPS)
def test_a_stop_in_each_stage(stack, stage, how, status):
    got, talker = stopped(stack, stage, **how)
    assert got == status
    if how["type"] == "interrupt":
        assert talker.of("tts_cancelled")[-1]["heard_text"] == ""
        with Chat(stack, resume=(talker.chat.token, talker.chat.last)) as chat:
            chat.answer("Hello")
        assert len(talker.of("tts_cancelled")) == 1


def test_words_interrupt_and_are_asked_next(stack):
    with Talker(stack) as talker:
        speaking(talker)
        talker.say(tone(2000) + silence(800))
        talker.until_event("response_complete", count=2)
        check_told(talker, utterances=2)
        assert [event["status"] for event in talker.of("response_complete")] == ["cancelled", "ok"]
        assert len(talker.of("tts_cancelled")) == 1


def test_a_second_tab_takes_the_microphone(stack):
    """What the first one still sends is not mixed in, and both see one conversation."""
    with Talker(stack, stream="one") as first:
        first.say(silence(300) + tone(SPEECH_MS // 2))
        first.until_event("speech_started")
        with Talker(stack, stream="two") as second:
            second.chat.ws.drop()
            second.chat = Chat(stack, path="/ws/voice", tls=False, resume=first.chat)
            second.session = first.session
            second.say(silence(300))
            second.until_event("voice_ready", stream_id="two")
            first.say(tone(3000) + silence(800))  # it does not know yet
            second.say(tone(2000) + silence(800))
            second.until_event("response_complete", count=2)
            finals = second.finals()
            assert [event["stream_id"] for event in finals] == ["one", "two"]
            assert abs(finals[1]["end_ms"] - finals[1]["start_ms"] - 2000) < 400, finals
            first.until_event("response_complete", count=2)
            check_told(first, utterances=2)
            assert text_of(first.events) == text_of(second.events)
