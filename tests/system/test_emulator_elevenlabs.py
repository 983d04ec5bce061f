"""The emulated ElevenLabs: it takes what the real one takes, sends sound as a stream, and fails as
it is told."""

import subprocess

import pytest

from harness.emulator import KEY
from harness.process import wait_for
from provider_calls import JSON, curl, curl_words

VOICE = "21m00Tcm4TlvDq8ikWAM"
HEADERS = {"xi-api-key": KEY, **JSON}
SPEECH = f"/v1/text-to-speech/{VOICE}/stream?output_format=pcm_16000"
BODY = {"text": "Two invoices are open.", "model_id": "eleven_flash_v2_5",
        "voice_settings": {"stability": 0.5, "similarity_boost": 0.75, "speed": 1.0},
        "previous_text": "Here it is."}


def say(emulator, path=SPEECH, headers=None, body=None):
    return curl(emulator, "elevenlabs", path, headers or HEADERS, body or BODY)


def test_speech_is_a_tone_as_long_as_its_text(emulator):
    words = curl_words(emulator, "elevenlabs", SPEECH, HEADERS, BODY)
    sound = subprocess.run(words, capture_output=True, check=True).stdout
    assert len(sound) >= int(len(BODY["text"]) * 0.06 * 16000) * 2
    [record] = emulator.requests("elevenlabs")
    assert record["endpoint"] == "stream" and record["outcome"] == "whole"


def test_a_voice_is_found_by_name(emulator):
    headers = {"xi-api-key": KEY}
    found = curl(emulator, "elevenlabs", "/v2/voices?search=Rachel&page_size=100", headers)
    assert [voice["voice_id"] for voice in found.json["voices"]] == [VOICE]
    none = curl(emulator, "elevenlabs", "/v2/voices?search=nobody", headers)
    assert none.json["voices"] == [] and none.json["has_more"] is False


@pytest.mark.parametrize("change, status, says", [
    ({"surprise": 1}, 422, "surprise"),
    ({"text": 5}, 422, "text"),
    ({"voice_settings": {"speed": 3}}, 422, "speed"),
    ({"previous_request_ids": ["1", "2", "3", "4"]}, 422, "previous_request_ids"),
])
def test_what_it_does_not_know_is_refused(emulator, change, status, says):
    answer = say(emulator, body={**BODY, **change})
    assert answer.status == status and says in answer.body
    assert isinstance(answer.json["detail"], list)


def test_key_voice_and_format_are_checked(emulator):
    assert say(emulator, headers={**HEADERS, "xi-api-key": "no"}).json["detail"]["status"] == \
        "invalid_api_key"
    nobody = say(emulator, SPEECH.replace(VOICE, "rachel"))
    assert nobody.status == 404 and nobody.json["detail"]["status"] == "voice_not_found"
    assert say(emulator, SPEECH.replace("pcm_16000", "pcm_1")).status == 400


@pytest.mark.parametrize("status, code", [
    (401, "quota_exceeded"), (402, "paid_plan_required"), (429, "too_many_concurrent_requests"),
    (500, "internal_error")])
def test_it_fails_in_the_providers_words(emulator, status, code):
    emulator.script(elevenlabs={"queue": [{"status": status}, {
        "status": status, "error": {"text": "Not now"}}]})
    answer = say(emulator)
    assert answer.status == status and answer.json["detail"]["status"] == code
    assert say(emulator).json["detail"] == "Not now"


def test_sound_can_be_cut(emulator):
    emulator.script(elevenlabs={"default": {"cut_at": 1001}})
    words = curl_words(emulator, "elevenlabs", SPEECH, HEADERS, BODY)
    done = subprocess.run(words, capture_output=True, check=False)
    assert done.returncode != 0
    wait_for(lambda: emulator.requests("elevenlabs")[-1]["outcome"] == "cut", "it was cut", 20)
    assert emulator.requests("elevenlabs")[-1]["sent_bytes"] == 1001
