"""Locations with `mr_ws_voice`: what comes in many small frames goes into the in lane as few mails; a
short text takes what waits along at once; nothing is lost at the end. Counted in Redis."""

import json
import struct
import time

import pytest

from harness.lanes import followed_lane
from harness.process import wait_for
from harness.raw_ws import RawWs, frame
from harness.stack import shared_stack

LOCATIONS = """
    location = /ws/voice { mr_ws chat; mr_ws_voice on; }
    location = /ws/chat { mr_ws chat; }
"""
TEXT, BINARY = 1, 2
KIND_TEXT, KIND_BINARY, KIND_BATCH = 1, 2, 7
V2, VOICE = 1, 4
FRAME = bytes(range(256)) * 5  # 40 ms at 16 kHz
LONGER_THAN_A_BATCH_S = 0.15
SHORT = b'{"type":"voice_stop","stream_id":"s"}'


@pytest.fixture(scope="module")
def stack(data_dir):
    yield from shared_stack(data_dir, apps="echo", locations=LOCATIONS)


class Voice:
    """A connection whose worker is played by the test: it reads the lane, and leaves it as it is."""

    def __init__(self, stack, path="/ws/voice"):
        self.redis = stack.redis
        self.ws = RawWs.open(stack.nginx.http_port, path, protocols=["mr.v2"])
        self.connected = self.ws.event()
        self.lane = followed_lane(self.redis, self.connected["session_id"])
        self.key = self.lane.meta.replace(":s:", ":i:")
        leases = self.lane.meta.rsplit(":s:", 1)[0] + ":w"
        self.redis.command("ZADD", leases, int(time.time() * 1000) + 600_000, "played")
        self.redis.command("HSET", self.lane.meta, "own", "played")

    def mails(self):
        """(kind, flags, payload) of each."""
        found = []
        for _, fields in self.redis.command("XRANGE", self.key, "-", "+"):
            mail = fields[1].encode("latin-1")
            _, kind, flags, trace = struct.unpack_from("<BBBB", mail)
            found.append((kind, flags, mail[16 + trace:]))
        return found

    def frames(self, count):
        """All (opcode, bytes) in order, once there are so many, and the number of mails."""
        def all_of_them():
            mails = self.mails()
            taken = [one for mail in mails for one in frames_of(*mail)]
            return (taken, len(mails)) if len(taken) >= count else None
        return wait_for(all_of_them, f"{count} frames are in the lane", 10)


def frames_of(kind, _flags, payload):
    if kind != KIND_BATCH:
        return [(kind, payload)]
    found, at = [], 0
    while at < len(payload):
        opcode, length = struct.unpack_from("<BI", payload, at)
        found.append((opcode, payload[at + 5:at + 5 + length]))
        at += 5 + length
    return found


@pytest.fixture
def voice(stack):
    made = Voice(stack)
    yield made
    made.ws.drop()


def test_the_greeting_says_so(stack, voice):
    assert "voice" in voice.connected["features"]
    with RawWs.open(stack.nginx.http_port, "/ws/chat", protocols=["mr.v2"]) as ws:
        assert "voice" not in ws.event()["features"]


def test_audio_travels_together(voice):
    for number in range(100):
        voice.ws.binary(bytes([number]) + FRAME)
    taken, mails = voice.frames(100)
    assert taken == [(BINARY, bytes([number]) + FRAME) for number in range(100)]
    assert mails <= 20
    assert all(kind == KIND_BATCH and flags == V2 | VOICE for kind, flags, _ in voice.mails())


def test_base64_is_audio_as_well(voice):
    long_text = json.dumps({"type": "audio", "audio": "A" * 1712})
    for _ in range(10):
        voice.ws.text(long_text)
    taken, mails = voice.frames(10)
    assert taken == [(TEXT, long_text.encode())] * 10
    assert mails <= 3


def test_a_short_text_takes_what_waits_along(voice):
    """All three in one write, so that no timer can part them."""
    voice.ws.send(frame(BINARY, b"1" + FRAME) + frame(BINARY, b"2" + FRAME) + frame(TEXT, SHORT)
                  + frame(TEXT, SHORT))
    taken, mails = voice.frames(4)
    assert taken == [(BINARY, b"1" + FRAME), (BINARY, b"2" + FRAME), (TEXT, SHORT), (TEXT, SHORT)]
    assert mails == 2
    assert [mail[0] for mail in voice.mails()] == [KIND_BATCH, KIND_TEXT]


def test_who_is_spoken_to_is_heard_at_once(voice):
    """The first frame does not wait for others, unless a mail has just gone; those right behind it
    do, and travel together."""
    three = b"".join(frame(BINARY, number + FRAME) for number in (b"1", b"2", b"3"))
    voice.ws.send(three)
    _, mails = voice.frames(3)
    assert mails == 1
    voice.lane.claim(1, (0, 0))

    def goes_at_once():
        quiet_from = time.monotonic() + LONGER_THAN_A_BATCH_S
        wait_for(lambda: time.monotonic() > quiet_from, "no mail has just gone")
        voice.lane.live(1, 1, FRAME)
        assert voice.ws.message().payload == FRAME
        sent = len(voice.mails())
        count = len(voice.frames(0)[0])
        voice.ws.send(three)
        taken, _ = voice.frames(count + 3)
        assert [data[:1] for _, data in taken[count:]] == [b"1", b"2", b"3"]
        return [len(frames_of(*mail)) for mail in voice.mails()[sent:]] == [1, 2]
    wait_for(goes_at_once, "a frame goes alone", 10)


def test_words_are_no_sound(voice):
    """A short live event, as of a partial transcript, is nothing that could be interrupted."""
    voice.ws.send(frame(BINARY, FRAME))
    voice.frames(1)
    voice.lane.claim(1, (0, 0))
    voice.lane.live(1, 1, bytes(255))
    assert voice.ws.message().payload == bytes(255)
    voice.ws.send(frame(BINARY, FRAME) + frame(BINARY, FRAME))
    _, mails = voice.frames(3)
    assert mails == 2


def test_a_batch_is_bounded(voice):
    """In bytes, and in frames: more goes at once."""
    voice.ws.send(b"".join(frame(BINARY, bytes(100)) for _ in range(130)))
    _, mails = voice.frames(130)
    assert mails >= 3
    voice.ws.send(b"".join(frame(BINARY, bytes(30_000)) for _ in range(5)))
    voice.frames(135)
    assert max(len(payload) for _, _, payload in voice.mails()) <= 64 * 1024


def test_a_long_frame_travels_alone(stack):
    voice = Voice(stack)
    question = json.dumps({"message": "x" * 60_000})
    voice.ws.binary(FRAME)
    voice.ws.text(question)
    voice.ws.text(question)
    taken, _ = voice.frames(3)
    assert taken == [(BINARY, FRAME), (TEXT, question.encode()), (TEXT, question.encode())]
    voice.ws.drop()


@pytest.mark.parametrize("end", ["close", "drop", "half_close"])
def test_the_end_takes_what_waits_along(stack, end):
    voice = Voice(stack)
    voice.ws.binary(FRAME)
    getattr(voice.ws, end)()
    taken, _ = voice.frames(1)
    assert taken[0] == (BINARY, FRAME)
    if end == "half_close":
        voice.ws.drop()


def test_elsewhere_each_message_is_a_mail(stack):
    voice = Voice(stack, "/ws/chat")
    for _ in range(4):
        voice.ws.binary(FRAME)
    _, mails = voice.frames(4)
    assert mails == 4
    assert all(kind == KIND_BINARY and flags == V2 for kind, flags, _ in voice.mails())
    voice.ws.drop()
