"""Asking by speaking and hearing the answer, with the embedded engines: no key, no network."""

import pytest

from chat import Chat
from harness.paths import BUILD
from harness.metrics import scrape
from harness.stack import shared_stack
from owners import owner
from voice import (RATE, Speaker, frames, last_transcript, loudness, silence, spoken, words_right)

QUESTION = "how many open invoices do we have"
SECOND = "which invoices are overdue"
ENGINES = {"recogniser": "auto", "synthesiser": "flite", "voice_dir": BUILD / "voice",
           "metrics_listen": "127.0.0.1:0"}
LOCATIONS = """
    location = /ws/chat { mr_ws chat; }
    location = /ws/voice { mr_ws chat; mr_ws_voice on; }
    location = /v1/tts { mr_ws_http tts; }
"""


@pytest.fixture(scope="module")
def stack(data_dir):
    yield from shared_stack(data_dir, apps="chat,tts", settings=ENGINES, locations=LOCATIONS)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return tmp_path_factory.mktemp("sound")


def text_of(events):
    return "".join(one["content"] for one in events if one["type"] == "text_chunk")


def counted(stack):
    """Voice's own metrics of the worker, by their names behind mr_worker_voice_."""
    prefix = "mr_worker_voice_"
    samples = scrape(stack.workers[0].metrics_port()).samples
    return {name.removeprefix(prefix): value for name, value in samples.items()
            if name.startswith(prefix)}


def test_a_spoken_question_is_answered_and_the_answer_is_heard(stack, sound):
    before = counted(stack)
    with Speaker(stack) as client:
        assert "voice" in client.greeting["features"]
        client.start(tts=True)
        ready = client.until("voice_ready")[-1]
        assert ready["stream_id"] == "mic-1" and ready["tts"], ready
        client.say(spoken(sound, QUESTION) + silence(1500))
        events = client.until("voice_metrics")
        final = last_transcript(events)
        assert words_right(final["text"], QUESTION) >= 0.7, final
        events += [] if any(one["type"] == "response_complete" for one in events) else \
            client.until("response_complete")
        while not any(one["type"] == "tts_end" and one["last"] for one in events):
            events += client.until("tts_end")
    kinds = [one["type"] for one in events]
    assert kinds.count("turn_start") == kinds.count("response_complete") == 1
    assert kinds.index("speech_started") < kinds.index("speech_stopped") < kinds.index("turn_start")
    [turn] = [one for one in events if one["type"] == "turn_start"]
    assert turn["message_id"] == final["message_id"]
    assert "invoice" in text_of(events).lower()
    segments = [one for one in events if one["type"] == "tts_start"]
    assert len(client.heard) == len(segments) > 0
    assert all(loudness(samples) > 100 for samples in client.heard)
    ends = {one["segment"]: one for one in events if one["type"] == "tts_end"}
    for one, samples in zip(segments, client.heard):
        made = 1000 * len(samples) // (2 * one["sample_rate"])
        assert abs(ends[one["segment"]]["duration_ms"] - made) <= 1
    [metrics] = [one for one in events if one["type"] == "voice_metrics"]
    stages = [metrics[name] for name in
              ("endpoint_ms", "stt_final_ms", "first_token_ms", "first_audio_ms")]
    assert sum(stages) == metrics["voice_to_voice_ms"] and min(stages) >= 0
    moved = {name: value - before[name] for name, value in counted(stack).items()}
    for name in ('microphones_total{outcome="opened"}', 'utterances_total{outcome="words"}',
                 "final_seconds_count", "first_sound_seconds_count", "to_voice_seconds_count"):
        assert moved[name] == 1, name
    said = spoken(sound, QUESTION) + silence(1500)
    assert abs(moved["heard_seconds_total"] - len(said) / (2 * RATE)) < 0.001
    made = sum(len(samples) for samples in client.heard) / (2 * RATE)
    assert moved["spoken_seconds_total"] >= made - 0.001
    assert moved['recognition_seconds_total{step="detector"}'] > 0
    assert moved['wait_seconds_count{queue="recognition"}'] >= 1
    assert not any(moved[name] for name in moved if name.startswith("dropped_total"))


def test_push_to_talk_ends_with_the_key(stack, sound):
    with Speaker(stack) as client:
        client.start(mode="ptt")
        client.say(spoken(sound, QUESTION))
        client.stop()
        events = client.until("response_complete")
    assert words_right(last_transcript(events)["text"], QUESTION) >= 0.7
    assert not any(one["type"] == "tts_start" for one in events)


def test_silence_is_no_question(stack):
    with Speaker(stack) as client:
        client.start(mode="ptt")
        client.say(silence(800))
        client.stop()
        final = last_transcript(client.until("transcript", is_final=True))
        assert final["text"] == ""
        client.ask("Hello")
        events = client.until("response_complete")
    assert [one["type"] for one in events].count("turn_start") == 1


def test_two_utterances_are_two_questions_in_order(stack, sound):
    with Speaker(stack) as client:
        client.start()
        for sentence in (QUESTION, SECOND):
            client.say(spoken(sound, sentence) + silence(1500))
            events = client.until("response_complete")
            assert words_right(last_transcript(events)["text"], sentence) >= 0.7
            assert [one["type"] for one in events].count("turn_start") == 1


def test_the_originals_client_speaks_without_a_word_in_front(stack, sound):
    """Base64, 16 kHz, found by the server; the transcript is all that is new to it."""
    with Speaker(stack) as client:
        client.say(spoken(sound, QUESTION) + silence(1500), transport="base64")
        events = client.until("response_complete")
    assert words_right(last_transcript(events)["text"], QUESTION) >= 0.7
    assert text_of(events)


def test_a_microphone_of_another_rate_is_heard(stack, sound):
    samples = spoken(sound, QUESTION) + silence(1500)
    twice = b"".join(2 * samples[at:at + 2] for at in range(0, len(samples), 2))
    with Speaker(stack) as client:
        client.start(sample_rate=2 * RATE)
        for frame in frames(twice, 80):
            client.ws.binary(frame)
        events = client.until("response_complete")
    assert words_right(last_transcript(events)["text"], QUESTION) >= 0.7


def test_what_is_typed_and_what_is_spoken_is_one_conversation(stack, sound):
    with Chat(stack) as typed:
        typed.answer("How much have we invoiced on the Harbor Point project?")
        spoken_on = Speaker(stack, resume=typed)
        with spoken_on as client:
            assert client.session == typed.session
            client.start()
            client.say(spoken(sound, "and what is still open") + silence(1500))
            events = client.until("response_complete")
            assert "Harbor Point" in text_of(events)


def test_a_new_owner_asks_for_the_microphone_again(data_dir, make_stack, sound):
    stack = make_stack(workers=2, apps="chat", settings={**ENGINES, "lease": "1s"},
                       locations=LOCATIONS)
    with Speaker(stack) as client:
        client.start()
        client.until("voice_ready")
        samples = spoken(sound, QUESTION)
        client.say(samples[:len(samples) // 2])
        client.until("speech_started")
        owner(stack, client.session).kill()
        client.say(silence(40))
        client.until("error", code="voice_lost")
        client.send(type="voice_resume", stream_id="mic-1", from_ms=0, sample_rate=RATE,
                    encoding="pcm_s16le", transport="binary", mode="auto", tts=False)
        assert client.until("audio_ack")[-1]["received_ms"] == 0
        client.say(samples + silence(1500))
        events = client.until("response_complete")
    assert words_right(last_transcript(events)["text"], QUESTION) >= 0.7
    assert [one["type"] for one in events].count("turn_start") == 1


def test_sound_is_in_no_log(stack, sound):
    with Speaker(stack) as client:
        client.start(tts=True)
        client.say(spoken(sound, QUESTION) + silence(1500))
        client.until("tts_end", last=True)
        live = len(client.heard)
        with Speaker(stack, resume=(client.token, "0-0")) as late:
            events = late.until("tts_end", last=True)
    assert live == sum(one["type"] == "tts_start" for one in events) > 0
    assert not any(late.heard), "sound was sent again"
