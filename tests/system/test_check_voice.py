"""`mr-worker --check-providers` and the services of voice: what each is asked, and what is said where
the model, the voice, the right or the allowance is not there. The failures that they share with all
others are in test_check_providers.py."""

import pytest

from harness.emulator import KEY
from provider_checks import VOICE, check, emulated

VOICE_ID = "21m00Tcm4TlvDq8ikWAM"  # the emulator's Rachel


def voice_alone(emulator, **settings):
    return {name: value for name, value in emulated(emulator).items()
            if name.startswith((*VOICE, "provider_"))} | settings


def row_of(emulator, provider, **settings):
    found = check(voice_alone(emulator, **settings))
    assert KEY not in found.text
    return found.rows[provider]


def assert_missing(row, *says):
    assert (row.fault, row.authorised, row.there) == ("missing", True, False), vars(row)
    for text in says:
        assert text in f"{row.cause}. {row.cure}", vars(row)


def test_deepgram_hears_silence_as_the_worker_would_be_heard(emulator):
    row = row_of(emulator, "deepgram", voice_language="en-US", deepgram_model="nova-2")
    assert (row.state, row.resource, getattr(row, "for")) == ("good", "model nova-2", ["hearing"])
    [record] = emulator.requests("deepgram")
    assert record["endpoint"] == "recorded" and record["problem"] == ""
    assert record["query"] == ("model=nova-2&language=en-US&encoding=linear16&sample_rate=16000"
                               "&channels=1")
    assert record["headers"]["authorization"] == f"Token {KEY}"
    assert record["headers"]["content-type"] == "application/octet-stream"


@pytest.mark.parametrize("settings, says", [
    ({"deepgram_model": "nova-4"}, ["no model nova-4", "deepgram_model", "near it: nova-2, nova-3"]),
    ({"deepgram_language": "tlh"}, ["the language tlh", "there, for other languages"])])
def test_a_model_that_deepgram_has_not(emulator, settings, says):
    assert_missing(row_of(emulator, "deepgram", **settings), *says)


def test_a_model_that_the_key_may_not_use(emulator):
    emulator.script(deepgram={"default": {"status": 403}})
    row = row_of(emulator, "deepgram")
    assert (row.fault, row.authorised) == ("permission", False)
    assert "access to the requested model" in row.cause and "model nova-3" in row.cure


def test_elevenlabs_is_asked_for_voice_model_and_allowance(emulator):
    row = row_of(emulator, "elevenlabs", elevenlabs_voice="SARAH")
    assert row.state == "good" and row.notes == [], vars(row)
    assert row.resource == "voice SARAH, model eleven_flash_v2_5"
    assert getattr(row, "for") == ["speaking"]
    asked = [(one["path"], one["query"]) for one in emulator.requests("elevenlabs")]
    assert asked == [("/elevenlabs/v2/voices", "page_size=100&search=SARAH"),
                     ("/elevenlabs/v1/models", ""), ("/elevenlabs/v1/user/subscription", "")]


def test_a_voice_by_its_id(emulator):
    assert row_of(emulator, "elevenlabs", elevenlabs_voice=VOICE_ID).state == "good"
    assert emulator.requests("elevenlabs")[0]["path"].endswith(f"/v1/voices/{VOICE_ID}")


@pytest.mark.parametrize("settings, says", [
    ({"elevenlabs_voice": "Zebediah"}, ["voice Zebediah", "elevenlabs_voice",
                                        "there are 3, such as rachel"]),
    ({"elevenlabs_voice": "sahra"}, ["voice sahra", "near it: sarah"]),
    ({"elevenlabs_voice": "x" * 20}, ["voice " + "x" * 20, "by name or id"]),
    ({"elevenlabs_model": "eleven_flash_v2"}, ["no model eleven_flash_v2",
                                               "near it: eleven_flash_v2_5"])])
def test_what_the_account_has_not(emulator, settings, says):
    assert_missing(row_of(emulator, "elevenlabs", **settings), *says)


RIGHT = {"status": 401, "error": {"status": "missing_permissions"}}


def denied(*parts):
    return {"rules": [{"when": {"path": part}, **RIGHT} for part in parts]}


def test_rights_that_speaking_does_not_need_are_not_asked_for(emulator):
    emulator.script(elevenlabs=denied("voices", "models", "subscription"))
    row = row_of(emulator, "elevenlabs", elevenlabs_voice=VOICE_ID)
    assert row.state == "good" and row.authorised is True and row.there is None, vars(row)
    assert len(row.notes) == 3 and all("not known" in note for note in row.notes)


def test_a_name_needs_the_right_to_look_it_up(emulator):
    emulator.script(elevenlabs=denied("voices"))
    row = row_of(emulator, "elevenlabs", elevenlabs_voice="Site Office")
    assert (row.fault, row.authorised) == ("permission", False)
    assert "elevenlabs_voice to the id" in row.cure


@pytest.mark.parametrize("script, there", [
    ({"rules": [{"when": {"path": "/v2/voices"}, "answer": {"voices": []}}]}, True),
    (denied("voices", "models", "subscription"), None)])
def test_a_voice_that_every_account_has(emulator, script, there):
    emulator.script(elevenlabs=script)
    row = row_of(emulator, "elevenlabs", elevenlabs_voice="Rachel")
    assert row.state == "good" and row.there is there, vars(row)
    assert VOICE_ID in row.notes[0] and "2026-12-31" in row.notes[0]


def plan(**changes):
    return {"rules": [{"when": {"path": "subscription"}, "answer": {
        "character_count": 99_000, "character_limit": 100_000,
        "next_character_count_reset_unix": 1_798_761_600, **changes}}]}


def test_an_allowance_that_ends(emulator):
    emulator.script(elevenlabs=plan())
    row = row_of(emulator, "elevenlabs")
    assert row.notes == ["1000 of 100000 characters are left until 2027-01-01"]
    emulator.script(elevenlabs=plan(character_count=100_000))
    row = row_of(emulator, "elevenlabs")
    assert row.fault == "quota" and "2027-01-01" in row.cure, vars(row)
    emulator.script(elevenlabs=plan(character_count=100_000, can_extend_character_limit=True,
                                    allowed_to_extend_character_limit=True))
    assert row_of(emulator, "elevenlabs").state == "good"


def test_another_engine_in_its_place_is_said(emulator):
    found = check(voice_alone(emulator, recogniser="none", stub_elevenlabs="true"))
    assert [getattr(found.rows[name], "for") for name in VOICE] == [[], []]


def test_deepgram_has_the_others_proxy_unless_it_has_its_own(emulator):
    row = row_of(emulator, "deepgram", provider_proxy="http://127.0.0.1:2")
    assert row.fault == "proxy" and "provider_proxy" in row.cure
    row = row_of(emulator, "deepgram", provider_proxy="http://127.0.0.1:2",
                 deepgram_proxy="http://127.0.0.1:3")
    assert row.fault == "proxy" and "127.0.0.1:3" in row.cause
