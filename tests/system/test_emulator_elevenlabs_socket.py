"""ElevenLabs' emulated WebSocket: texts come, sound goes with the characters that it is of, and it
fails as it is told."""

import base64
import json
import time

import pytest

from harness.emulator import KEY
from harness.raw_ws import CLOSE, TEXT, Ended, RawWs, Refused, frame

VOICE = "21m00Tcm4TlvDq8ikWAM"
MS = 60  # of sound for each character
FIRST = {"text": " ", "voice_settings": {"stability": 0.5, "similarity_boost": 0.75, "speed": 1.0}}


def speak(emulator, more="", voice=VOICE, key=KEY, first=FIRST):
    path = (f"/elevenlabs/v1/text-to-speech/{voice}/stream-input?model_id=eleven_flash_v2_5"
            f"&output_format=pcm_16000{more}")
    ws = RawWs.open(emulator.plain_port, path, headers=[("xi-api-key", key)])
    if first:
        ws.json(first)
    return ws


def until_final(ws):
    """The sound in ms, and the text that it is of; then Close."""
    sound, text = 0, ""
    while True:
        message = ws.message().json
        if message.get("isFinal"):
            assert message["audio"] is None
            got, _ = ws.close_frame()
            ws.send_frame(CLOSE, got.payload)
            assert got.code == 1000
            return sound, text
        sound += len(base64.b64decode(message["audio"])) // 32
        assert message["alignment"] == message["normalizedAlignment"]
        text += "".join(message["alignment"]["chars"])


def record(emulator, count=1):
    return emulator.ended("elevenlabs", count)[-1]


def test_texts_are_spoken_with_their_alignment(emulator):
    with speak(emulator, "&auto_mode=true") as ws:
        ws.json({"text": "Two invoices ", "flush": True})
        first = ws.message().json
        assert first["alignment"]["charStartTimesMs"] == [MS * i for i in range(8)]
        assert first["alignment"]["charDurationsMs"] == [MS] * 8
        ws.json({"text": "are älso open. "})
        ws.json({"text": " "})
        ws.json({"text": ""})
        sound, text = until_final(ws)
    whole = "Two invoices are älso open. "
    assert "".join(first["alignment"]["chars"]) + text == whole
    assert sound == MS * (len(whole) - 8)
    one = record(emulator)
    assert (one["endpoint"], one["status"], one["problem"], one["notes"]) == (
        "stream-input", 101, "", [])
    assert one["dialogue"] == {
        "first": FIRST, "texts": ["Two invoices ", "are älso open. "], "flushes": 1,
        "keep_alives": 1, "ended": True, "sound_ms": MS * len(whole), "closed_with": 1000,
        "close_code": 1000, "client_closed_first": False}


def test_without_auto_mode_it_waits_for_more(emulator):
    with speak(emulator) as ws:
        ws.json({"text": "Short "})
        with pytest.raises(TimeoutError):
            ws.message(0.3)
        ws.json({"text": "x" * 119 + " "})
        assert ws.message().json["alignment"]["chars"][:5] == list("Short")
        ws.json({"text": ""})
        sound, _ = until_final(ws)
        assert sound == MS * (126 - 8)


@pytest.mark.parametrize("form, status", [
    ({"key": "wrong"}, 401), ({"voice": "rachel"}, 404), ({"more": "&surprise=1"}, 400),
    ({"more": "&inactivity_timeout=181"}, 400)])
def test_what_the_upgrade_is_refused_for(emulator, form, status):
    with pytest.raises(Refused) as refused:
        speak(emulator, **form)
    assert refused.value.response.status == status and refused.value.response.json["detail"]


@pytest.mark.parametrize("first, then", [
    ({"text": "Hello "}, None), ({"text": " ", "surprise": 1}, None), ({"flush": True}, None),
    ({"text": " ", "generation_config": {"chunk_length_schedule": [10]}}, None),
    (FIRST, {"text": "Hello ", "generation_config": {}}), (FIRST, {"text": 5})], ids=str)
def test_what_a_message_is_refused_for(emulator, first, then):
    with speak(emulator, first=first) as ws:
        if then:
            ws.json(then)
        error = ws.message().json
        assert error["error"] == "invalid_message" and error["code"] == 1008
        ws.expect_close(1008)
    assert record(emulator)["problem"] == error["message"]


def test_silence_of_the_client_ends_it(emulator):
    begun = time.monotonic()
    with speak(emulator, "&inactivity_timeout=1") as ws:
        error = ws.message().json
        assert error["error"] == "input_timeout_exceeded" and time.monotonic() - begun >= 1
        ws.expect_close(1008)


def test_it_fails_in_the_middle(emulator):
    emulator.script(elevenlabs={"queue": [
        {"error_at": 0, "error": {"status": "quota_exceeded", "message": "No more."}},
        {"error_at": 480}, {"end_at": 480, "answer": {"close_code": 1011}}, {"cut_at": 480},
        {"reset_at": 480}, {"terminal": False}]})
    with speak(emulator) as ws:
        error = ws.message().json
        assert (error["error"], error["message"]) == ("quota_exceeded", "No more.")
        ws.expect_close(1008)
    for close in (1008, 1011, None, None, 1000):
        with speak(emulator, "&auto_mode=true") as ws:
            texts = ("Two invoices are open. ", "")  # in one write: it may break off behind the first
            ws.send(b"".join(frame(TEXT, json.dumps({"text": text}).encode()) for text in texts))
            if close:
                got, data = ws.close_frame()
                ws.send_frame(CLOSE, got.payload)
                assert got.code == close
                assert not any(one.json.get("isFinal") for one in data)
            else:
                with pytest.raises((Ended, OSError)):
                    while True:
                        ws.message()
    outcomes = [one["outcome"] for one in emulator.ended("elevenlabs", 6)]
    assert outcomes == ["whole", "whole", "whole", "cut", "reset", "whole"]


def test_unknown_things_fragments_and_no_alignment(emulator):
    emulator.script(elevenlabs={"default": {"unknown": True, "split": 7,
                                            "answer": {"alignment": False, "piece_ms": 60}}})
    with speak(emulator, "&auto_mode=true") as ws:
        ws.json({"text": "Hi! "})
        ws.json({"text": ""})
        got, data = ws.close_frame()
    whole = b"".join(one.payload for one in data).decode()
    assert got.code == 1000 and whole.count('"alignment":null') == 4
    assert whole.count('{"surprise":true}') == 5
