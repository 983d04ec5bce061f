"""More speakers than places: who comes too late is told so at once, those who speak are heard on, and
a place that comes free is the next one's. The same for answers that are to be spoken."""

import struct

from harness.emulator import KEY
from harness.metrics import scrape
from harness.paths import BUILD
from harness.process import wait_for
from voice import RATE, Speaker, last_transcript, silence, spoken, words_right

QUESTION = "how many open invoices do we have"
WORDS = QUESTION.split()
LOCATIONS = """
    location = /ws/chat { mr_ws chat; }
    location = /ws/voice { mr_ws chat; mr_ws_voice on; }
"""


def sound_of_words():
    """What the emulated Deepgram hears as the words of its script."""
    return b"".join(struct.pack("<h", 1000 + one) * (RATE // 5) + silence(40)
                    for one in range(len(WORDS)))


def remote(emulator, **more):
    """Settings of a worker that hears and speaks by providers."""
    emulator.script(deepgram={"default": {"answer": {"words": WORDS}}})
    return {"recogniser": "deepgram", "deepgram_base_url": emulator.url("/deepgram/v1"),
            "deepgram_api_key": KEY, "synthesiser": "elevenlabs",
            "elevenlabs_base_url": emulator.url("/elevenlabs"), "elevenlabs_api_key": KEY,
            "elevenlabs_concurrent": "1", "provider_ca_file": emulator.ca_file,
            "metrics_listen": "127.0.0.1:0", **more}


def counted(stack, name, **labels):
    words = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return scrape(stack.workers[0].metrics_port())[f"mr_worker_voice_{name}{{{words}}}"]


def hears(client):
    """Whether there is a place for its microphone now."""
    client.start()
    while True:
        event = client.event()
        if event["type"] in ("voice_ready", "error"):
            return event["type"] == "voice_ready"


def heard_one_at_a_time(stack, question):
    with Speaker(stack) as first, Speaker(stack) as second:
        first.start()
        first.until("voice_ready")
        first.say(question[:len(question) // 2])
        second.start()
        refused = second.until("error", code="voice_unavailable")[-1]
        assert refused["stream_id"] == "mic-1"
        assert refused["message"] == \
            "The only place for speech is taken. Try again in a minute, or type."
        first.say(question[len(question) // 2:] + silence(1500))
        events = first.until("response_complete")
        assert words_right(last_transcript(events)["text"], QUESTION) >= 0.7
        assert not any(one["type"] == "error" for one in events)
        second.ask("Hello")
        second.until("response_complete", status="ok")
        assert counted(stack, "places", of="microphones") == 1
        assert counted(stack, "places_taken", of="microphones") == 1
        assert counted(stack, "microphones_total", outcome="no_place") == 1
        first.stop()
        first.until("transcript", is_final=True)
        wait_for(lambda: hears(second), "the place is free again")
        second.say(question + silence(1500))
        events = second.until("response_complete", status="ok")
        assert words_right(last_transcript(events)["text"], QUESTION) >= 0.7
    assert counted(stack, "dropped_total", sound="heard") == 0


def test_beyond_the_places_of_the_embedded_recogniser(make_stack, tmp_path):
    settings = {"recogniser": "auto", "voice_dir": BUILD / "voice", "voice_streams": "1",
                "metrics_listen": "127.0.0.1:0"}
    heard_one_at_a_time(make_stack(apps="chat", settings=settings, locations=LOCATIONS),
                        spoken(tmp_path, QUESTION))


def test_beyond_the_places_at_deepgram(emulator, make_stack):
    settings = remote(emulator, synthesiser="none", deepgram_max_streams="1")
    heard_one_at_a_time(make_stack(apps="chat", settings=settings, locations=LOCATIONS),
                        sound_of_words())


def speaks_and_is_answered(client):
    """A question by voice, up to the end of the answer's text; its events."""
    client.start(tts=True)
    client.until("voice_ready")
    client.say(sound_of_words() + silence(1500))
    return client.until("response_complete", status="ok")


def test_an_answer_beyond_the_requests_to_elevenlabs_is_spoken_when_one_is_through(
        emulator, make_stack):
    stack = make_stack(apps="chat", settings=remote(emulator), locations=LOCATIONS)
    emulator.script(elevenlabs={"queue": [{"when": {"path": "text-to-speech"}, "hang": True}]})
    with Speaker(stack) as first, Speaker(stack) as second:
        turn = speaks_and_is_answered(first)[-1]["turn_id"]
        emulator.held("elevenlabs")
        assert counted(stack, "places", of="requests") == 1
        assert counted(stack, "places_taken", of="requests") == 1
        events = speaks_and_is_answered(second)
        assert not any(one["type"] in ("tts_start", "error") for one in events)
        first.send(type="interrupt", turn_id=turn)
        first.until("tts_cancelled", turn_id=turn)
        events = second.until("tts_end", last=True)
        assert not any(one["type"] == "error" for one in events)
        assert second.heard and all(second.heard)


def test_an_answer_that_finds_no_request_free_is_written_and_the_error_says_why(
        emulator, make_stack):
    """The account's own limit, used up by others: waited for as for ours, 15 s."""
    stack = make_stack(apps="chat", settings=remote(emulator), locations=LOCATIONS)
    emulator.script(elevenlabs={"rules": [{"when": {"path": "text-to-speech"}, "status": 429}]})
    with Speaker(stack) as client:
        events = speaks_and_is_answered(client)
        assert "".join(one["content"] for one in events if one["type"] == "text_chunk")
        events += client.until("error")
        [error] = [one for one in events if one["type"] == "error"]
        assert error["code"] == "voice_unavailable"
        assert error["message"] == \
            "Too many answers are being spoken at the moment. Try again in a minute."
        client.ask("Hello")
        client.until("response_complete", status="ok")
        assert not client.heard
