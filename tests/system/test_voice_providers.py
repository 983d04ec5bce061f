"""Asking by voice with Deepgram and hearing the answer from ElevenLabs, both emulated: what each is
sent, field by field, and what the client is told when one of them fails."""

import json
from urllib.parse import parse_qs

import pytest

from chat import Chat
from harness.emulator import KEY
from harness.http_chat import JSON, HttpClient
from harness.process import wait_for
from harness.stack import shared_stack
from voice import Speaker, last_transcript, loudness, numbered, silence

WORDS = "which invoices are overdue".split()  # the answer to it has two clauses
QUESTION = " ".join(WORDS)
HEARD = {"answer": {"words": WORDS}}
SPEECH = {"path": "/stream"}
# Short sound: nothing waits for it to be played.
QUICK = [{"when": SPEECH, "answer": {"character_ms": 10}}]
RACHEL, SARAH = "21m00Tcm4TlvDq8ikWAM", "EXAVITQu4vr4xnSDxMaL"
LOCATIONS = """
    location = /ws/chat { mr_ws chat; }
    location = /ws/voice { mr_ws chat; mr_ws_voice on; }
"""
QUIET = {"voice_progress": "off",  # nothing is spoken but the answer
         "local_tokens_per_second": 0}


@pytest.fixture(scope="module")
def stack(data_dir, running_emulator):
    yield from shared_stack(data_dir, apps="chat", locations=LOCATIONS, settings={
        **running_emulator.deepgram_settings(), **running_emulator.elevenlabs_settings(), **QUIET,
        "deepgram_result_timeout": "1s", "deepgram_reconnects": "1"})


@pytest.fixture(autouse=True)
def no_key_in_a_log(stack):
    yield
    assert not [log.path for log in stack.logs() if KEY in log.text()]


def question():
    return numbered(*range(len(WORDS))) + silence(400)


def spoken_answer(client):
    """Events up to the end of the answer and of its sound."""
    events = client.until("response_complete")
    while not any(one["type"] == "tts_end" and one["last"] for one in events):
        events += client.until("tts_end")
    return events


def ask(client, **setup):
    client.start(tts=True, **setup)
    client.say(question())
    return spoken_answer(client)


def assert_answered(client, events):
    final = last_transcript(events)
    assert final["text"].lower().rstrip("?.") == QUESTION
    [turn] = [one for one in events if one["type"] == "turn_start"]
    assert turn["message_id"] == final["message_id"]
    segments = [one for one in events if one["type"] == "tts_start"]
    assert len(client.heard) == len(segments) > 0
    assert all(loudness(samples) > 1000 for samples in client.heard)


# ---- what they are asked

def test_a_spoken_question_is_heard_answered_and_spoken(stack, emulator):
    emulator.script(deepgram={"default": HEARD}, elevenlabs={"rules": QUICK})
    with Speaker(stack) as client:
        client.start(tts=True)
        ready = client.until("voice_ready")[-1]
        assert (ready["engine"], ready["tts_engine"]) == ("deepgram", "elevenlabs")
        client.say(question())
        events = spoken_answer(client)
        assert_answered(client, events)
        client.stop()
        [heard] = emulator.ended("deepgram")
    assert_heard_well(heard)
    assert_spoken_well(emulator.requests("elevenlabs"), events)


def assert_heard_well(record):
    """What Deepgram was asked for, and how it was spoken to."""
    assert (record["status"], record["problem"], record["notes"]) == (101, "", [])
    assert record["headers"]["authorization"] == f"Token {KEY}"
    asked = parse_qs(record["query"])
    terms = asked.pop("keyterm")
    assert asked == {name: [value] for name, value in {
        "model": "nova-3", "language": "en", "encoding": "linear16", "sample_rate": "16000",
        "channels": "1", "interim_results": "true", "endpointing": "300",
        "utterance_end_ms": "1000", "vad_events": "true", "smart_format": "true",
        "punctuate": "true"}.items()}
    assert "Harbor Point" in " ".join(terms) and len(set(terms)) == len(terms) <= 100
    said = record["dialogue"]
    assert said["audio_bytes"] == len(question()) and said["transcripts"] == [QUESTION]
    assert said["controls"][-2:] == ["Finalize", "CloseStream"] and said["closed_with"] == 1000


def assert_spoken_well(records, events):
    """What ElevenLabs was asked for: the voice once, then each clause with what stood before it."""
    assert all(one["headers"]["xi-api-key"] == KEY and one["problem"] == "" for one in records)
    voices = [one["query"] for one in records if one["endpoint"] == "voices"]
    assert voices in ([], ["page_size=100&search=rachel"])  # a worker asks for a voice once
    clauses = [one for one in records if one["endpoint"] == "stream"]
    captions = [one["text"] for one in events if one["type"] == "tts_start"]
    assert len(clauses) == len(captions) > 1
    before = ""
    for one in clauses:
        assert one["path"] == f"/elevenlabs/v1/text-to-speech/{RACHEL}/stream"
        assert one["query"] == "output_format=pcm_16000"
        body = one["json"]
        assert body.pop("previous_text", "") == before[-400:]
        text = body.pop("text")
        before = f"{before} {text}".strip()
        assert body == {"model_id": "eleven_flash_v2_5", "voice_settings": {
            "stability": 0.5, "similarity_boost": 0.75, "speed": 1.0}}


def test_push_to_talk_is_finalized(stack, emulator):
    emulator.script(deepgram={"default": HEARD})
    with Speaker(stack) as client:
        client.start(mode="ptt")
        client.say(numbered(*range(len(WORDS))))
        client.stop()
        events = client.until("response_complete")
        assert last_transcript(events)["text"].lower().rstrip("?.") == QUESTION
        [record] = emulator.ended("deepgram")
    assert record["dialogue"]["controls"] == ["Finalize", "CloseStream"]
    assert emulator.requests("elevenlabs") == []  # the answer was not to be spoken


def test_a_silent_microphone_is_kept_alive_by_text(stack, emulator):
    """As a binary frame it would end the stream, which the emulator does."""
    with Speaker(stack) as client:
        client.start()
        client.say(silence(200))
        wait_for(lambda: "KeepAlive" in dialogue(emulator)["controls"], "it is kept alive", 15)
        assert dialogue(emulator)["messages"] > 0
        assert not dialogue(emulator).get("closed_with")


def dialogue(emulator):
    records = emulator.requests("deepgram")
    return records[-1]["dialogue"] or {"controls": []} if records else {"controls": []}


def test_speed_voice_and_language_are_the_clients(stack, emulator):
    emulator.script(deepgram={"default": HEARD}, elevenlabs={"rules": QUICK})
    with Speaker(stack) as client:
        ask(client, voice="Site Office", speed=1.1, language="en-US")
    assert parse_qs(emulator.requests("deepgram")[0]["query"])["language"] == ["en-US"]
    clauses = [one for one in emulator.requests("elevenlabs") if one["endpoint"] == "stream"]
    assert {one["path"].split("/")[4] for one in clauses} == {"emulatedvoice0000001"}
    assert {one["json"]["voice_settings"]["speed"] for one in clauses} == {1.1}


# ---- each alone

def test_deepgram_alone(make_stack, emulator):
    emulator.script(deepgram={"default": HEARD})
    stack = make_stack(apps="chat", locations=LOCATIONS, settings={
        **emulator.deepgram_settings(), **QUIET, "deepgram_model": "nova-2",
        "deepgram_endpointing": "400ms", "deepgram_numerals": "true",
        "deepgram_tag": "site office", "deepgram_vocabulary": "false"})
    with Speaker(stack) as client:
        client.start(tts=True)
        assert client.until("voice_ready")[-1]["tts"] is False
        client.say(question())
        client.until("response_complete")
    asked = parse_qs(emulator.requests("deepgram")[0]["query"])
    assert (asked["model"], asked["endpointing"], asked["numerals"], asked["tag"]) == (
        ["nova-2"], ["400"], ["true"], ["site office"])
    assert "keyterm" not in asked and "keywords" not in asked


def spoken_over_http(stack, text, **more):
    with HttpClient(stack.nginx.http_port) as client:
        return client.post(json.dumps({"text": text, **more}).encode(), JSON, "/v1/tts").response()


def test_elevenlabs_alone(make_stack, emulator):
    """Nobody hears here: texts are spoken over HTTP."""
    stack = make_stack(apps="tts", locations="location = /v1/tts { mr_ws_http tts; }", settings={
        **emulator.elevenlabs_settings(), "elevenlabs_rate": "24000", "elevenlabs_language": "en",
        "elevenlabs_logging": "false", "elevenlabs_voice": SARAH})
    got = spoken_over_http(stack, "Two invoices are open, and both of them are late.")
    assert got.status == 200 and got.headers["content-type"] == "audio/mpeg" and got.body
    records = emulator.requests("elevenlabs")
    assert [one["json"]["text"] for one in records] == ["Two invoices are open",
                                                        "and both of them are late."]
    assert {one["endpoint"] for one in records} == {"stream"}  # an id is not looked up
    assert {one["query"] for one in records} == {"output_format=pcm_24000&enable_logging=false"}
    assert {one["json"]["language_code"] for one in records} == {"en"}
    assert SARAH in records[0]["path"]
    # The voice may be named: one of the account, one that every account has, one that nobody has.
    for voice, status, code in (("site OFFICE", 200, None), ("Rachel", 200, None),
                                ("George", 503, "voice_unavailable"),  # emulated accounts have not
                                ("Zebediah", 400, "bad_request")):
        got = spoken_over_http(stack, "Hello.", voice_id=voice)
        assert got.status == status, voice
        assert code is None or got.json["error"]["code"] == code
    ids = [one["path"].split("/")[4] for one in emulator.requests("elevenlabs")[len(records):]
           if one["endpoint"] == "stream"]
    assert ids == ["emulatedvoice0000001", RACHEL, "JBFqnCBsd6RMkjVDRZzb"]


# ---- Deepgram fails

def refused_microphone(stack):
    """What the client is told, and that it can still type."""
    with Speaker(stack) as client:
        client.start()
        error = client.until("error")[-1]
        client.ask("Hello")
        client.until("response_complete")
    assert (error["code"], error["stream_id"]) == ("voice_unavailable", "mic-1")
    assert KEY not in str(error) and "localhost" not in str(error)
    return error["message"]


@pytest.mark.parametrize("script, says, cure, tries", [
    ({"keys": ["another"]}, "not set up correctly", "DEEPGRAM_API_KEY", 1),
    ({"default": {"status": 402}}, "no credit left", "balance", 1),
    ({"default": {"status": 403}}, "not set up correctly", "deepgram_model", 1),
    ({"default": {"status": 429}}, "Too many people are speaking", "deepgram_max_streams", 2),
    ({"default": {"status": 503}}, "cannot be reached", "tried again", 2)])
def test_a_microphone_that_deepgram_refuses(stack, emulator, script, says, cure, tries):
    known = len(stack.workers[0].logged("a stream of deepgram has ended"))
    emulator.script(deepgram=script)
    assert says in refused_microphone(stack)
    assert len(emulator.requests("deepgram")) == tries
    [record] = stack.workers[0].logged("a stream of deepgram has ended")[known:]
    assert cure in record["cure"]


def test_too_many_at_once_is_tried_again(stack, emulator):
    emulator.script(deepgram={"queue": [{"status": 429}], "default": HEARD},
                    elevenlabs={"rules": QUICK})
    with Speaker(stack) as client:
        assert_answered(client, ask(client))
    assert [one["status"] for one in emulator.requests("deepgram")] == [429, 101]


BREAKS = {
    "closed in order": {"end_at": 500, "answer": {"words": WORDS, "close_code": 1000}},
    "no result in time": {"end_at": 500, "answer": {"words": WORDS, "close_code": 1011,
                                                    "close_reason": "NET-0000"}},
    "no audio in time": {"end_at": 500, "answer": {"words": WORDS, "close_code": 1011,
                                                   "close_reason": "NET-0001"}},
    "an error message": {"error_at": 500, **HEARD},
    "the connection ends": {"cut_at": 500, **HEARD},
    "the connection is reset": {"reset_at": 500, **HEARD},
    "nothing is said any more": {"stall_at": 500, **HEARD},
}


@pytest.mark.parametrize("case", BREAKS)
def test_what_breaks_off_in_mid_speech_is_heard_again(stack, emulator, case):
    """No word is lost and none is heard twice."""
    emulator.script(deepgram={"queue": [BREAKS[case]], "default": HEARD})
    with Speaker(stack) as client:
        client.start()
        client.say(question())
        if case == "nothing is said any more":
            client.say(silence(1200))  # it shows by what is sent and not answered
        events = client.until("response_complete")
        assert last_transcript(events)["text"].lower().rstrip("?.") == QUESTION
        assert [one["type"] for one in events].count("turn_start") == 1
        assert not [one for one in events if one["type"] == "error"]
    assert len(emulator.requests("deepgram")) == 2
    [again] = stack.workers[0].logged("a stream of deepgram is back")[-1:]
    assert again["waiting_ms"] > 0


def test_sound_that_cannot_be_decoded_ends_the_microphone(stack, emulator):
    emulator.script(deepgram={"default": {"end_at": 400, "answer": {
        "close_code": 1008, "close_reason": "DATA-0000"}}})
    with Speaker(stack) as client:
        client.start()
        client.say(question())
        error = client.until("error")[-1]
    assert error["code"] == "voice_unavailable" and "does not take this sound" in error["message"]
    assert len(emulator.requests("deepgram")) == 1  # what it does not take it will not take again


def test_a_deepgram_that_does_not_come_back_ends_the_microphone(stack, emulator):
    emulator.script(deepgram={"queue": [{"cut_at": 400}], "default": {"status": 503}})
    with Speaker(stack) as client:
        client.start()
        client.say(question())
        error = client.until("error")[-1]
        assert error["code"] == "voice_unavailable" and "lost" in error["message"]
        emulator.script(deepgram={"default": HEARD})
        client.start("mic-2")  # another one is heard
        client.say(question())
        assert QUESTION in last_transcript(client.until("response_complete"))["text"].lower()


# ---- ElevenLabs fails

@pytest.mark.parametrize("script, says", [
    ({"keys": ["another"]}, "does not accept this server's key"),
    ({"default": {"status": 401}}, "allowance of this server's voice service is used up"),
    ({"default": {"status": 402}}, "used up"),
    ({"rules": [{"when": SPEECH, "status": 404}]}, "does not have this voice"),
    ({"rules": [{"when": SPEECH, "status": 503}]}, "not available at the moment"),
    ({"rules": [{"when": SPEECH, "body": "{}"}]}, "gave no sound")])
def test_an_answer_that_elevenlabs_does_not_speak(stack, emulator, script, says):
    """It is written all the same."""
    emulator.script(deepgram={"default": HEARD}, elevenlabs=script)
    with Speaker(stack) as client:
        client.start(tts=True)
        client.say(question())
        events = client.until("response_complete")
        if not any(one["type"] == "error" for one in events):
            events += client.until("error")
    [error] = [one for one in events if one["type"] == "error"]
    assert error["code"] == "voice_unavailable" and says in error["message"]
    assert any(one["type"] == "text_chunk" for one in events) and not any(client.heard)


@pytest.mark.parametrize("how", [{"status": 429}, {"status": 429, "error": {
    "status": "system_busy"}}, {"status": 500}, {"reset_at": 0}], ids=str)
def test_what_passes_is_tried_again_before_the_first_sound(stack, emulator, how):
    emulator.script(deepgram={"default": HEARD},
                    elevenlabs={"queue": [{"when": SPEECH, **how}],
                                "rules": QUICK})
    with Speaker(stack) as client:
        events = ask(client)
        assert_answered(client, events)
    assert not [one for one in events if one["type"] == "error"]


@pytest.mark.parametrize("how", [{"cut_at": 6401}, {"reset_at": 6400}, {"end_at": 6401}], ids=str)
def test_sound_that_breaks_off_ends_its_clause_alone(stack, emulator, how):
    emulator.script(deepgram={"default": HEARD},
                    elevenlabs={"queue": [{"when": SPEECH, **how}],
                                "rules": QUICK})
    with Speaker(stack) as client:
        events = ask(client)
        assert_answered(client, events)
    assert not [one for one in events if one["type"] == "error"]
    [first] = [one for one in events if one["type"] == "tts_end" and one["segment"] == 0]
    # 6,400 bytes at most; half a sample is none.
    assert first["duration_ms"] <= 200 and len(client.heard) > 1


def test_sound_that_stalls_is_given_up(stack, emulator):
    emulator.script(deepgram={"default": HEARD},
                    elevenlabs={"queue": [{"when": SPEECH, "stall_at": 6400}],
                                "rules": QUICK})
    with Speaker(stack) as client:
        events = ask(client)
        assert_answered(client, events)
    assert [one["duration_ms"] for one in events if one["type"] == "tts_end"][0] == 200
    assert [one["outcome"] for one in emulator.requests("elevenlabs")
            if one["endpoint"] == "stream"][0] == "gone"


def test_an_interruption_closes_what_is_being_spoken(stack, emulator):
    emulator.script(deepgram={"default": HEARD},
                    elevenlabs={"default": {"when": SPEECH, "stall_at": 3200}})
    with Speaker(stack) as client:
        client.start(tts=True)
        client.say(question())
        [start] = client.until("tts_start")[-1:]
        client.send(type="interrupt", turn_id=start["turn_id"], played_ms=0)
        client.until("tts_cancelled")
        wait_for(lambda: all(one["outcome"] == "gone" for one in emulator.requests("elevenlabs")
                             if one["endpoint"] == "stream"), "its connection is closed", 10)


def test_typing_needs_neither(stack, emulator):
    emulator.script(deepgram={"keys": []}, elevenlabs={"keys": []})
    with Chat(stack) as client:
        assert client.answer(QUESTION)[-1]["status"] == "ok"
    assert emulator.requests() == []
