"""The emulated Deepgram: what it refuses, what it says to audio, how it ends, and how it fails."""

import hashlib
import json
import struct
import time
from urllib.parse import urlencode

import pytest

from harness.emulator import KEY
from harness.process import wait_for
from harness.raw_ws import Ended, RawWs, Refused

RATE = 16000
PATH = "/deepgram/v1/listen?"
GOOD = {"model": "nova-3", "language": "en", "encoding": "linear16", "sample_rate": "16000",
        "channels": "1", "interim_results": "true", "endpointing": "300",
        "utterance_end_ms": "1000", "vad_events": "true", "smart_format": "true"}
WORDS = ["how", "many", "open", "invoices"]


def spoken(*numbers, ms=200, gap_ms=40):
    """The words of these numbers: a run of samples 1000 + number each."""
    return b"".join(struct.pack("<h", 1000 + one) * (RATE * ms // 1000)
                    + bytes(2 * RATE * gap_ms // 1000) for one in numbers)


def silence(ms):
    return bytes(2 * RATE * ms // 1000)


def listen(emulator, changes=(), key=f"Token {KEY}", more=""):
    query = {name: value for name, value in (GOOD | dict(changes)).items() if value is not None}
    return RawWs.open(emulator.plain_port, PATH + urlencode(query) + more,
                      headers=[("Authorization", key)] if key else [])


def send(ws, audio):
    for at in range(0, len(audio), 3200):
        ws.binary(audio[at:at + 3200])


def texts(events):
    return [one["channel"]["alternatives"][0]["transcript"] for one in events
            if one["type"] == "Results" and one["is_final"]]


def record(emulator):
    """Of the one stream that there was, once it is over."""
    return emulator.ended("deepgram")[-1]


def test_an_utterance(emulator):
    emulator.script(deepgram={"default": {"answer": {"words": WORDS}}})
    audio = silence(500) + spoken(0, 1, 2, 3) + silence(1200)
    with listen(emulator) as ws:
        assert ws.response.headers["dg-request-id"]
        send(ws, audio)
        events = ws.events_until("UtteranceEnd")
        ws.json({"type": "CloseStream"})
        last = ws.events_until("Metadata")[-1]
        ws.expect_close(1000)
    kinds = [one["type"] for one in events]
    assert kinds.count("SpeechStarted") == 1
    started = events[kinds.index("SpeechStarted")]
    assert abs(started["timestamp"] - 0.5) < 0.001
    interim = [one for one in events if one["type"] == "Results" and not one["is_final"]]
    assert len(interim) >= 4 and interim[0]["channel"]["alternatives"][0]["words"] == []
    final = [one for one in events if one.get("speech_final")]
    assert texts(final) == ["how many open invoices"]
    words = final[0]["channel"]["alternatives"][0]["words"]
    assert [one["word"] for one in words] == WORDS and abs(words[3]["end"] - 1.42) < 0.001
    assert abs(events[-1]["last_word_end"] - 1.42) < 0.001
    assert last["sha256"] == hashlib.sha256(audio).hexdigest()
    one = record(emulator)
    assert (one["status"], one["problem"], one["notes"]) == (101, "", [])
    said = one["dialogue"]
    assert said["audio_bytes"] == len(audio) and said["audio_sha256"] == last["sha256"]
    assert said["controls"] == ["CloseStream"] and said["transcripts"] == ["how many open invoices"]


def test_finalize_and_what_may_be_missing(emulator):
    with listen(emulator) as ws:
        send(ws, spoken(4, 5))
        ws.json({"type": "KeepAlive"})
        ws.json({"type": "Finalize"})
        events = ws.events_until("Results")
        while not events[-1]["is_final"]:
            events += ws.events_until("Results")
        assert events[-1]["from_finalize"] and texts(events[-1:]) == ["word4 word5"]
        ws.json({"type": "Finalize"})  # nothing is there: no answer
        ws.json({"type": "CloseStream"})
        assert [one["type"] for one in ws.events_until("Metadata")] == ["Metadata"]
    assert record(emulator)["dialogue"]["controls"] == ["KeepAlive", "Finalize", "Finalize",
                                                        "CloseStream"]


def test_in_noise_only_utterance_end_comes(emulator):
    emulator.script(deepgram={"default": {"answer": {"noisy": True, "final_ms": 1000}}})
    with listen(emulator) as ws:
        send(ws, spoken(0, 1, 2, 3, 4) + silence(1200))
        events = ws.events_until("UtteranceEnd")
    assert not any(one.get("speech_final") for one in events)
    assert " ".join(filter(None, texts(events))) == "word0 word1 word2 word3 word4"


BAD = {
    "unknown parameter": ({"surprise": "1"}, "unknown parameter surprise"),
    "model": ({"model": "nova-0"}, "no such model"),
    "no encoding": ({"encoding": None}, "linear16"),
    "rate": ({"sample_rate": "fast"}, "sample_rate"),
    "flag": ({"interim_results": "yes"}, "true or false"),
    "end without interim": ({"interim_results": "false"}, "interim_results"),
    "end too soon": ({"utterance_end_ms": "500"}, "1000"),
    "keywords of the older": ({"keywords": "roof:2"}, "keyterm"),
    "keyterm of the newer": ({"model": "nova-2", "keyterm": "roof"}, "nova-3"),
    "endpointing": ({"endpointing": "soon"}, "endpointing"),
}


@pytest.mark.parametrize("case", BAD)
def test_parameters_are_checked(emulator, case):
    changes, says = BAD[case]
    with pytest.raises(Refused) as refused:
        listen(emulator, changes)
    response = refused.value.response
    assert response.status == 400 and says in response.json["err_msg"]
    assert response.headers["dg-request-id"] == response.json["request_id"]
    assert record(emulator)["problem"] == response.json["err_msg"]


@pytest.mark.parametrize("key", [None, "Token wrong", KEY, f"Basic {KEY}"])
def test_keys_are_checked(emulator, key):
    with pytest.raises(Refused) as refused:
        listen(emulator, key=key)
    assert refused.value.response.status == 401
    assert refused.value.response.json["err_code"] == "INVALID_AUTH"


@pytest.mark.parametrize("status", [402, 403, 429, 503])
def test_it_refuses_as_it_is_told(emulator, status):
    emulator.script(deepgram={"queue": [{"status": status, "headers": {"retry-after": "1"}}]})
    with pytest.raises(Refused) as refused:
        listen(emulator)
    response = refused.value.response
    assert response.status == status and response.headers["retry-after"] == "1"
    with listen(emulator):
        pass


def test_lists_may_be_given_again_and_others_not(emulator):
    with listen(emulator, more="&keyterm=roof&keyterm=bay%20side"):
        pass
    with pytest.raises(Refused):
        listen(emulator, more="&language=de")


def test_what_nobody_may_send(emulator):
    with listen(emulator) as ws:
        ws.binary(b"")
        ws.expect_close(1000)
    assert "empty" in record(emulator)["problem"]
    with listen(emulator) as ws:
        ws.binary(json.dumps({"type": "KeepAlive"}).replace(" ", ""))
        ws.expect_close(1008)
    assert "binary" in emulator.ended("deepgram", 2)[-1]["problem"]


def test_silence_of_the_client_ends_it(emulator):
    emulator.script(deepgram={"default": {"answer": {"idle_ms": 1000}}})
    with listen(emulator) as ws:
        send(ws, silence(100))
        until, sent = time.monotonic() + 1.5, 0  # longer than the limit
        while time.monotonic() < until:
            ws.json({"type": "KeepAlive"})
            sent += 1
            with pytest.raises(TimeoutError):  # it stays open, and says nothing
                ws.frame(0.1)
        got, _data = ws.close_frame()
        assert got.code == 1011 and got.payload[2:].startswith(b"NET-0001")
    assert record(emulator)["dialogue"]["controls"] == ["KeepAlive"] * sent
    with listen(emulator) as ws:  # without audio it does not help
        ws.json({"type": "KeepAlive"})
        ws.close_frame()


@pytest.mark.parametrize("how, outcome", [({"cut_at": 500}, "cut"), ({"reset_at": 500}, "reset")])
def test_it_breaks_off(emulator, how, outcome):
    emulator.script(deepgram={"default": how})
    with listen(emulator) as ws:
        with pytest.raises((Ended, OSError)):
            send(ws, spoken(0, 1, 2, 3))
            while True:
                ws.frame()
    assert record(emulator)["outcome"] == outcome
    assert record(emulator)["dialogue"]["audio_ms"] >= 500


def test_it_fails_in_the_middle(emulator):
    emulator.script(deepgram={"queue": [{"error_at": 300}, {"end_at": 300, "answer": {
        "close_code": 1008, "close_reason": "DATA-0000"}}]})
    with listen(emulator) as ws:
        send(ws, spoken(0, 1))
        assert ws.events_until("Error")[-1]["description"]
    with listen(emulator) as ws:
        send(ws, spoken(0, 1))
        got, _data = ws.close_frame()
        assert (got.code, got.payload[2:]) == (1008, b"DATA-0000")


def test_it_falls_silent_and_plays_dead(emulator):
    emulator.script(deepgram={"queue": [{"stall_at": 100},
                                        {"stall_at": 100, "answer": {"dead": True}}]})
    for answers in (True, False):
        with listen(emulator) as ws:
            send(ws, spoken(0, 1) + silence(500))
            wait_for(lambda: emulator.requests("deepgram")[-1]["dialogue"]["audio_ms"] >= 100,
                     "it has heard")
            ws.send_frame(0x9, b"there?")
            if answers:
                assert ws.frame().opcode == 0xA
            else:
                with pytest.raises(TimeoutError):
                    ws.frame(0.5)


def test_unknown_things_and_fragments(emulator):
    emulator.script(deepgram={"default": {"unknown": True, "split": 7}})
    with listen(emulator) as ws:
        send(ws, spoken(0) + silence(400))
        events = ws.events_until("Results")
        while not events[-1]["is_final"]:
            events += ws.events_until("Results")
    assert {"ConfigureSuccess", "SpeechStarted", "Results"} == {one["type"] for one in events}
    assert all("surprise" in one for one in events)


def test_fifty_streams_at_once(emulator):
    audio = spoken(0, 1, 2) + silence(400)
    sockets = [listen(emulator) for _ in range(50)]
    try:
        for at in range(0, len(audio), 8000):
            for ws in sockets:
                ws.binary(audio[at:at + 8000])
        for ws in sockets:
            events = ws.events_until("Results")
            while not events[-1]["speech_final"]:
                events += ws.events_until("Results")
            assert texts(events[-1:]) == ["word0 word1 word2"]
    finally:
        for ws in sockets:
            ws.drop()
    assert len(emulator.ended("deepgram", 50)) == 50
