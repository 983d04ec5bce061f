"""A client that goes on speaking whatever happens to its connection and to who hears it, and what
must be true of all it was told."""

import json
import time

from chat import Chat
from harness.lanes import BINARY as BINARY_EVENT, LIVE_ONLY, batch_events
from harness.microphone import FRAME_MS, VoiceStream, silence
from harness.process import SLOWNESS, wait_for
from harness.protocol import check_v2_events, order
from harness.raw_ws import BINARY, Ended, Refused
from harness.redis import RedisClient
from held import key

ASK_AGAIN_S, REFUSED_S = 4.0, 0.5
LIMIT_S = 30.0
OF_VOICE = ("tts_start", "tts_end", "tts_cancelled", "voice_metrics")
LOST = (Ended, OSError, Refused)


class Talker:
    def __init__(self, stack, stream="mic-1", **fields):
        self.stack = stack
        self.chat = Chat(stack, path="/ws/voice", tls=False)
        self.session = self.chat.session
        self.stream = VoiceStream(stream, **fields)
        self.events = []
        self.sounds = 0  # binary pieces
        self.asked_at = 0.0
        self.connections = 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.chat.ws.drop()

    # --- speaking

    def say(self, samples):
        """As fast as it goes."""
        self.stream.capture(samples)
        self.flush()

    def flush(self):
        try:
            if self.stream.link == "none" and self.stream.end_ms:
                self.chat.send(**self.stream.begin())
            for frame in self.stream.frames():
                self.chat.ws.binary(frame)
        except LOST:
            self.reconnect()

    def send(self, **fields):
        try:
            self.chat.send(**fields)
        except LOST:
            self.reconnect()
            self.send(**fields)

    def stop(self):
        self.send(type="voice_stop", stream_id=self.stream.id)

    def resume(self):
        if self.stream.link != "none":
            self.asked_at = time.monotonic()
            self.send(**self.stream.resume())

    def reconnect(self):
        self.chat.ws.drop()
        deadline = time.monotonic() + LIMIT_S * SLOWNESS
        while True:
            try:
                self.chat = Chat(self.stack, path="/ws/voice", tls=False, resume=self.chat)
                assert self.chat.greeting["recovered"], self.chat.greeting
                self.resume()
                self.connections += 1
                return
            except (*LOST, TimeoutError):
                assert time.monotonic() < deadline, "no way back"
                time.sleep(0.05)

    # --- hearing

    def pump(self, patience_s):
        """Takes what comes within that time, one message; False: nothing."""
        try:
            message = self.chat.ws.message(patience_s)
        except TimeoutError:
            if self.stream.link == "asking" and time.monotonic() > self.asked_at + ASK_AGAIN_S:
                self.resume()
            return False
        except LOST:
            self.reconnect()
            return True
        if message.opcode == BINARY:
            self.sounds += 1
        else:
            self.take(json.loads(message.payload))
        return True

    def take(self, event):
        if "id" in event:
            last = tuple(map(int, self.chat.last.split("-")))
            assert order(event) > last, f"{event} is not behind {last}"
            self.chat.last = event["id"]
        self.events.append(event)
        if event["type"] == "audio_ack":
            self.stream.acknowledged(event)
            self.flush()
        elif event["type"] == "error" and event["code"] == "voice_lost":
            self.resume()
        elif event["type"] == "error" and "id" not in event:
            self.stream.link = "asking"  # it may have been sound that nobody took
            self.asked_at = time.monotonic() - ASK_AGAIN_S + REFUSED_S

    def until(self, condition, what, limit_s=LIMIT_S):
        """Takes events, and is silent into the microphone, until it comes true."""
        deadline = time.monotonic() + limit_s * SLOWNESS
        while not condition():
            assert time.monotonic() < deadline, f"no {what}; had {self.kinds()[-30:]}, {self.of('error')}"
            if not self.pump(FRAME_MS / 1000) and self.stream.link == "sending":
                self.say(silence(FRAME_MS))

    def until_event(self, kind, count=1, **fields):
        self.until(lambda: len(self.of(kind, **fields)) >= count, f"{kind} {fields}")
        return self.of(kind, **fields)[-1]

    # --- what came

    def kinds(self):
        return [event["type"] for event in self.events]

    def of(self, kind, **fields):
        return [event for event in self.events if event["type"] == kind and
                all(event.get(name) == value for name, value in fields.items())]

    def finals(self):
        """Transcripts that ask something."""
        return [event for event in self.of("transcript", is_final=True) if event["text"]]


def check_told(talker, utterances=1):
    """Each utterance is one turn, named by each of its final transcripts; all in order, once."""
    events = [event for event in talker.events if event["type"] not in OF_VOICE]
    turns = check_v2_events(events)
    begun = talker.of("turn_start")
    assert len(begun) == len(turns) == utterances, talker.kinds()
    assert len({event["message_id"] for event in begun}) == utterances
    assert [event["message_id"] for event in begun] == \
        list(dict.fromkeys(event["message_id"] for event in talker.finals())), talker.kinds()
    check_captions(talker.events)
    check_kept(talker, turns)


def check_captions(events):
    """Segments of a turn follow one another; another owner begins anew if he speaks at all."""
    due = {}
    for event in events:
        turn = event.get("turn_id")
        if event["type"] == "attempt":
            due[turn] = None
        elif event["type"] == "tts_start":
            wanted = due.get(turn, 0)
            assert event["segment"] == (0 if wanted is None else wanted), event
            due[turn] = event["segment"] + 1


def check_kept(talker, turns):
    """In Redis: the conversation, each turn once; no sound, anywhere."""
    redis = talker.stack.redis

    def history():
        name = key(talker.stack, "h", talker.session)
        entries = redis.command("LRANGE", name, 0, -1) if name else []
        return [json.loads(entry.encode("latin-1")) for entry in entries]
    wait_for(lambda: len(history()) >= 2 * len(turns), "the history is written")
    said = history()
    assert [entry["turn_id"] for entry in said] == [turn for turn in turns for _ in range(2)]
    assert [entry["role"] for entry in said] == ["user", "assistant"] * len(turns)
    with RedisClient(redis.socket) as client:
        entries = client("XRANGE", key(talker.stack, "o", talker.session), "-", "+")
    for _, fields in entries:
        for _, flags, data in batch_events(fields[1].encode("latin-1")):
            assert not flags & (BINARY_EVENT | LIVE_ONLY) and b'"tts_audio"' not in data, data
