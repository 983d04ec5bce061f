"""A client that speaks: sentences made by flite, sent as a microphone would, and what comes back."""

import array
import base64
import struct
import subprocess
import wave

from chat import Chat
from harness.raw_ws import BINARY

RATE = 16000
FRAME_MS = 40
LIMIT_S = 40.0


def spoken(directory, text, voice="slt"):
    """Samples of the sentence, at RATE."""
    path = directory / f"{voice}-{abs(hash(text))}.wav"
    if not path.exists():
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", path], check=True, timeout=60)
    with wave.open(str(path)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (RATE, 1, 2)
        return sound.readframes(sound.getnframes())


def silence(ms):
    return bytes(2 * RATE * ms // 1000)


def numbered(*numbers, ms=200, gap_ms=40):
    """Sound of these words by their numbers, as the emulated Deepgram hears it: a run of equal
    samples each. What is sent twice is heard twice, and what is lost is missed."""
    return b"".join(struct.pack("<h", 1000 + one) * (RATE * ms // 1000) + silence(gap_ms)
                    for one in numbers)


def loudness(samples):
    """Root of the mean square of s16le samples."""
    values = array.array("h", samples)
    return (sum(value * value for value in values) / max(len(values), 1)) ** 0.5


def frames(samples, ms=FRAME_MS):
    size = 2 * RATE * ms // 1000
    return [samples[at:at + size] for at in range(0, len(samples), size)]


class Speaker(Chat):
    """A v2 client on /ws/voice with a microphone. Sound that comes is in `heard`: for each segment
    that began, its samples."""

    def __init__(self, stack, **form):
        super().__init__(stack, path="/ws/voice", **form)
        self.heard = []
        self.stream = None

    def event(self, limit_s=LIMIT_S):
        while True:
            message = self.ws.message(limit_s)
            if message.opcode == BINARY:
                assert self.heard, "sound before a tts_start"
                self.heard[-1] += message.payload
                continue
            event = message.json
            if event["type"] == "tts_start":
                self.heard.append(b"")
            if "id" in event:
                self.last = event["id"]
            return event

    def start(self, stream="mic-1", **fields):
        self.stream = stream
        self.send(type="voice_start", stream_id=stream,
                  **{"transport": "binary", "sample_rate": RATE, "encoding": "pcm_s16le",
                     "mode": "auto", "tts": False, **fields})

    def say(self, samples, transport="binary"):
        for frame in frames(samples):
            if transport == "binary":
                self.ws.binary(frame)
            else:
                self.send(type="audio", audio=base64.b64encode(frame).decode())

    def stop(self):
        self.send(type="voice_stop", stream_id=self.stream)


def last_transcript(events):
    return [event for event in events if event["type"] == "transcript" and event["is_final"]][-1]


def words_right(text, sentence):
    """Share of the sentence's words that were heard, in any order."""
    heard = set("".join(c if c.isalnum() else " " for c in text.lower()).split())
    wanted = sentence.lower().split()
    return sum(word in heard for word in wanted) / len(wanted)
