"""Answers spoken through ElevenLabs' WebSocket (`elevenlabs_socket`), emulated: one connection for
an answer, what it is sent, and what the client is told when it fails."""

from urllib.parse import parse_qs

import pytest

from harness.emulator import KEY
from harness.process import wait_for
from harness.stack import shared_stack
from voice import Speaker, loudness, numbered, silence

WORDS = "which invoices are overdue".split()  # the answer to it has two clauses
HEARD = {"default": {"answer": {"words": WORDS}}}
RACHEL = "21m00Tcm4TlvDq8ikWAM"
LOCATIONS = "location = /ws/voice { mr_ws chat; mr_ws_voice on; }"
CONNECTION = {"path": "stream-input"}
MS = 10  # of sound for each character, where an answer is heard to its end
QUICK = {"character_ms": MS}


@pytest.fixture(scope="module")
def stack(data_dir, running_emulator):
    yield from shared_stack(data_dir, apps="chat", locations=LOCATIONS, settings={
        **running_emulator.deepgram_settings(), **running_emulator.elevenlabs_settings(),
        "voice_progress": "off", "local_tokens_per_second": 0, "elevenlabs_socket": "true",
        "elevenlabs_language": "en"})


@pytest.fixture(autouse=True)
def no_key_in_a_log(stack):
    yield
    assert not [log.path for log in stack.logs() if KEY in log.text()]


def rule(**how):
    """For connections, not for the look-up of the voice."""
    return {"rules": [{"when": CONNECTION, **how}]}


def ask(client):
    client.start(tts=True)
    client.say(numbered(*range(len(WORDS))) + silence(400))


def spoken(client):
    events = client.until("response_complete")
    while not any(one["type"] == "tts_end" and one["last"] for one in events):
        events += client.until("tts_end")
    return events


def connections(emulator):
    return [one for one in emulator.requests("elevenlabs") if one["endpoint"] == "stream-input"]


def captions(events):
    return [one["text"] for one in events if one["type"] == "tts_start"]


@pytest.mark.parametrize("how, answer", [({}, {}), ({"split": 100, "unknown": True}, {}),
                                         ({}, {"piece_ms": MS})],
                         ids=["plain", "in fragments", "letter by letter"])
def test_an_answer_is_one_connection(stack, emulator, how, answer):
    emulator.script(deepgram=HEARD, elevenlabs=rule(answer={**QUICK, **answer}, **how))
    with Speaker(stack) as client:
        ask(client)
        events = spoken(client)
        assert len(client.heard) == len(captions(events)) > 1
        assert all(loudness(samples) > 1000 for samples in client.heard)
    wait_for(lambda: connections(emulator)[0]["outcome"], "it is over")
    [one] = connections(emulator)
    assert (one["problem"], one["notes"], one["outcome"]) == ("", [], "whole")
    assert one["path"] == f"/elevenlabs/v1/text-to-speech/{RACHEL}/stream-input"
    assert one["headers"]["xi-api-key"] == KEY
    assert parse_qs(one["query"]) == {"model_id": ["eleven_flash_v2_5"], "auto_mode": ["true"],
                                      "output_format": ["pcm_16000"], "language_code": ["en"]}
    said = one["dialogue"]
    assert said["first"] == {"text": " ", "voice_settings": {
        "stability": 0.5, "similarity_boost": 0.75, "speed": 1.0}}
    assert said["flushes"] == len(said["texts"]) == len(client.heard) and said["ended"]
    # Each clause is as long as its text with the blank behind it.
    ends = [one["duration_ms"] for one in events if one["type"] == "tts_end"]
    assert ends == [MS * len(text) for text in said["texts"]]


def test_without_alignment_all_sound_is_heard(stack, emulator):
    emulator.script(deepgram=HEARD, elevenlabs=rule(answer={**QUICK, "alignment": False}))
    with Speaker(stack) as client:
        ask(client)
        events = spoken(client)
    made = connections(emulator)[0]["dialogue"]["sound_ms"]
    assert sum(one["duration_ms"] for one in events if one["type"] == "tts_end") == made


@pytest.mark.parametrize("how, says, tries", [
    ({"status": 401, "error": {"status": "invalid_api_key"}}, "does not accept", 1),
    ({"status": 404}, "does not have this voice", 1),
    ({"status": 503}, "not available", 3),
    ({"error_at": 0, "error": {"status": "quota_exceeded"}}, "does not speak this text", 1),
    ({"end_at": 0, "answer": {"close_code": 1008}}, "broke off", 1),
    ({"cut_at": 0}, "broke off", 1)], ids=str)
def test_an_answer_that_is_not_spoken_is_written(stack, emulator, how, says, tries):
    emulator.script(deepgram=HEARD, elevenlabs=rule(**how))
    with Speaker(stack) as client:
        ask(client)
        events = client.until("response_complete")
        if not any(one["type"] == "error" for one in events):
            events += client.until("error")
    [error] = [one for one in events if one["type"] == "error"]
    assert error["code"] == "voice_unavailable" and says in error["message"], error
    assert any(one["type"] == "text_chunk" for one in events)
    assert len(connections(emulator)) == tries and not any(client.heard)


@pytest.mark.parametrize("how", [{"cut_at": 480}, {"error_at": 480}, {"end_at": 480}], ids=str)
def test_a_connection_that_is_lost_ends_the_answers_speech(stack, emulator, how):
    """What had come is heard, and the rest is read."""
    emulator.script(deepgram=HEARD, elevenlabs=rule(**how))
    with Speaker(stack) as client:
        ask(client)
        events = client.until("error")
        if not any(one["type"] == "response_complete" for one in events):
            events += client.until("response_complete")
        while not any(one["type"] == "tts_end" and one["last"] for one in events):
            events += client.until("tts_end")
    assert [one["code"] for one in events if one["type"] == "error"] == ["voice_unavailable"]
    # All but what is shorter than a piece of 100 ms.
    assert sum(map(len, client.heard)) in (32 * 400, 32 * 480)
    assert len(connections(emulator)) == 1


def test_a_refused_upgrade_is_tried_again_where_that_helps(stack, emulator):
    emulator.script(deepgram=HEARD, elevenlabs={
        "queue": [{"when": CONNECTION, "status": 429}], **rule(answer=QUICK)})
    with Speaker(stack) as client:
        ask(client)
        spoken(client)
        assert all(loudness(samples) > 1000 for samples in client.heard)
    assert [one["status"] for one in connections(emulator)] == [429, 101]


def test_an_interruption_closes_the_connection(stack, emulator):
    emulator.script(deepgram=HEARD, elevenlabs=rule(stall_at=480))
    with Speaker(stack) as client:
        ask(client)
        [start] = client.until("tts_start")[-1:]
        client.send(type="interrupt", turn_id=start["turn_id"], played_ms=0)
        client.until("tts_cancelled")
        wait_for(lambda: connections(emulator)[0]["outcome"], "its connection is closed")
