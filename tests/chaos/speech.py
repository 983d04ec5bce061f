"""A session that speaks: one microphone, sound at its real pace, answers that are spoken. It judges
that each utterance asks exactly one turn, that the turn is whole, and that nothing is told twice;
tab.py judges the order of the events, log_check.py that they are the log's."""

import asyncio

from harness.microphone import FRAME_MS, VoiceStream, silence, tone
from harness.protocol import units
from log_check import compare_with_log
from tab import NO_EVENT, Tab
from turns import Turn, TurnFault, need

PATH = "/ws/voice"
SPOKEN_MS = (600, 1000, 1500, 2000)
BEFORE_MS, BETWEEN_MS = 240, 1000  # of silence; the second ends an utterance
PUSH_TO_TALK = 0.3
STOP_PROBABILITY = 0.15
INTERRUPT_PROBABILITY = 0.2        # the next utterance does not wait for the end of the answer
ASK_AGAIN_S = 4.0                  # the answer to a voice_resume may take so long
REFUSED_S = 0.5                    # behind sound that the gateway could not give away
OF_VOICE = ("tts_start", "tts_end", "tts_cancelled", "voice_metrics")
REFUSALS = ("relay_unavailable", "no_worker", "busy", "rate_limited")


class Utterance:
    """What was said where in the stream, and what became of it."""

    def __init__(self, stream, start_ms, end_ms):
        self.stream, self.start_ms, self.end_ms = stream, start_ms, end_ms
        self.message_ids = set()
        self.lost = False     # some of its sound was heard by nobody who lives
        self.stopped = False  # or interrupted: its turn may end as cancelled
        self.turn = None

    def covers(self, event):
        return event["stream_id"] == self.stream and event["start_ms"] < self.end_ms and \
            event["end_ms"] > self.start_ms

    def __str__(self):
        return f"{self.stream} {self.start_ms} to {self.end_ms} ms"


class SpokenTurn(Turn):
    """The answer to an utterance: its text is not known beforehand."""

    def __init__(self, turn_id):
        super().__init__(turn_id)
        self.due = 0  # the next segment; None: another owner begins anew
        self.message_id = None

    def take_turn_start(self, event):
        need(self.message_id is None, "turn_start twice")
        self.message_id = event["message_id"]

    def take_attempt(self, event):
        super().take_attempt(event)
        self.due = None

    def take_caption(self, event):
        wanted = 0 if self.due is None else self.due
        need(event["segment"] == wanted, f"segment {event['segment']} where {wanted} was to come")
        self.due = wanted + 1

    def check(self, utterance):
        status = self.end["status"]
        need(status == "ok" or status == "cancelled" and utterance.stopped,
             f"ended as {status}: {self.kinds[-8:]}")
        need(self.end["text_length"] == units(self.text),
             f"text of {units(self.text)} units, {self.end['text_length']} announced")
        running = [call for call, state in self.tools.items() if state is None]
        need(not running, f"tools without an end: {running}")
        need(self.text, "an answer without a word")


class Speaker:
    """In the form of session.Session, as far as faults.py and judge.py look at it."""

    v2 = True

    def __init__(self, world, number):
        self.world, self.rng = world, world.rng_for(f"speaker {number}")
        self.number = number
        self.name = f"speaker {number}"
        self.id = self.token = None
        self.stream = None
        self.streams = 0
        self.releasing = False  # voice_stop is due behind the sound
        self.released = False   # and has been sent
        self.released_at = 0.0
        self.ask_at = None      # when a voice_resume is due
        self.said = []          # Utterances that are not settled yet
        self.turns = {}
        self.changed = asyncio.Event()
        self.stopping = self.convicted = False
        tab = Tab(self, f"{self.name} tab", gateway=self.rng.randrange(len(world.gateways)),
                  tls=self.rng.random() < 0.3, path=PATH)
        tab.on_binary = self.sounded
        self.tabs = [tab]

    @property
    def tab(self):
        return self.tabs[0]

    def violation(self, what):
        if not self.convicted:
            self.convicted = True
            self.world.violation(f"{self.name} ({self.id}): {what}, "
                                 f"utterances {[str(one) for one in self.said]}")
        self.changed.set()

    # --- the course of it

    async def run(self):
        self.tab.start()
        while not self.tab.up.is_set():
            await asyncio.sleep(0.05)
        while not self.world.ending.is_set() and not self.convicted:
            await self.one_utterance()
            await self.idle(self.rng.uniform(0, 2))
        await self.until_settled()
        self.stopping = True
        if self.stream is not None:
            self.tab.send({"type": "voice_stop", "stream_id": self.stream.id})
            await asyncio.sleep(0.1)
        await self.tab.stop()

    async def one_utterance(self):
        if self.stream is None or self.rng.random() < 0.3:
            self.streams += 1
            mode = "ptt" if self.rng.random() < PUSH_TO_TALK else "auto"
            self.releasing, self.released, self.ask_at = False, False, None
            self.stream = VoiceStream(f"{self.number}-{self.streams}", mode=mode)
        push_to_talk = self.stream.fields["mode"] == "ptt"
        await self.speak(silence(BEFORE_MS))
        length = self.rng.choice(SPOKEN_MS)
        start = self.stream.end_ms
        utterance = Utterance(self.stream.id, start, start + length)
        for earlier in self.said:
            earlier.stopped = True  # words interrupt
        self.said.append(utterance)
        self.world.counts["utterances"] += 1
        await self.speak(tone(length))
        if push_to_talk:
            self.releasing = True
            self.flush()
        else:
            await self.speak(silence(BETWEEN_MS))
        if self.rng.random() < INTERRUPT_PROBABILITY and not push_to_talk:
            await self.until(lambda: utterance.turn is not None)
            return
        if self.rng.random() < STOP_PROBABILITY:
            await self.until(lambda: utterance.message_ids or utterance.lost)
            self.stop(utterance)
        await self.until_settled()
        if push_to_talk:
            self.stream = None

    def stop(self, utterance):
        for message_id in utterance.message_ids:
            turn_id = utterance.turn and utterance.turn.turn_id
            stop = {"type": "cancel", "message_id": message_id}
            if turn_id and self.rng.random() < 0.5:
                stop = {"type": "interrupt", "turn_id": turn_id, "segment": 0, "played_ms": 0}
            if self.tab.send(stop):
                utterance.stopped = True
                self.world.counts["spoken turns stopped"] += 1

    async def speak(self, samples):
        """At the pace of a microphone."""
        step = FRAME_MS * 32
        loop = asyncio.get_running_loop()
        due = loop.time()
        for at in range(0, len(samples), step):
            self.stream.capture(samples[at:at + step])
            self.flush()
            due += FRAME_MS / 1000
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def idle(self, seconds):
        """The microphone stays open."""
        if self.stream is not None and not self.releasing:
            await self.speak(silence(int(seconds * 1000) // FRAME_MS * FRAME_MS))
        else:
            await asyncio.sleep(seconds)

    async def until(self, condition):
        limit = asyncio.get_running_loop().time() + self.world.grace_s
        while not condition() and not self.convicted:
            if asyncio.get_running_loop().time() > limit:
                self.violation(f"not within {self.world.grace_s:.0f} s")
                return
            if self.stream is not None and not self.releasing:
                await self.speak(silence(FRAME_MS))
            else:
                self.flush()
                await asyncio.sleep(FRAME_MS / 1000)

    async def until_settled(self):
        await self.until(lambda: all(self.settled(one) for one in self.said))
        if self.convicted:
            return
        for utterance in self.said:
            self.world.counts["utterances asked" if utterance.message_ids else
                              "utterances lost with their sound"] += 1
        self.said.clear()
        self.turns = {key: turn for key, turn in self.turns.items() if turn.end is None}
        fault = await compare_with_log(self.world, self.id, self.tab)
        if fault:
            self.violation(fault)

    def settled(self, utterance):
        """Its turn is over; or nobody has heard all of it, and the microphone works again."""
        if utterance.message_ids:
            return utterance.turn is not None and utterance.turn.end is not None
        if not utterance.lost or self.stream is None or self.stream.link != "sending":
            return utterance.lost and self.stream is None
        return self.stream.id != utterance.stream or self.released_late() or \
            self.stream.end_ms > utterance.end_ms + 3 * BETWEEN_MS

    def released_late(self):
        return self.releasing and asyncio.get_running_loop().time() > self.released_at + 3.0

    # --- the microphone's sound

    def flush(self):
        stream, tab = self.stream, self.tab
        if stream is None or not tab.up.is_set():
            return
        now = asyncio.get_running_loop().time()
        if self.ask_at is not None and now >= self.ask_at:
            self.resume()
        elif stream.link == "none":
            self.begin()
        for frame in stream.frames():
            tab.send_binary(frame)
        if stream.link == "asking" and self.ask_at is None:
            self.ask_at = now
        if self.releasing and stream.link == "sending" and not self.released:
            self.released = tab.send({"type": "voice_stop", "stream_id": stream.id})
            self.released_at = now

    def begin(self):
        if self.stream.start_ms > 0:  # no connection for longer than the ring lasts
            for utterance in self.said:
                utterance.lost = utterance.lost or utterance.stream == self.stream.id
        self.tab.send(self.stream.begin())

    def resume(self):
        """Where the server is; what the ring has no more is lost."""
        self.ask_at = asyncio.get_running_loop().time() + ASK_AGAIN_S
        self.released = False
        question = self.stream.resume()
        for utterance in self.said:
            if utterance.stream == self.stream.id and not utterance.message_ids and \
                    question["from_ms"] > utterance.start_ms - BEFORE_MS // 2:
                utterance.lost = True
        self.tab.send(question)
        self.world.counts["microphones resumed"] += 1

    def resume_soon(self, seconds=0.0):
        if self.stream is not None and self.stream.link != "none" and \
                not (self.releasing and not self.said):
            self.stream.link = "asking"
            self.ask_at = asyncio.get_running_loop().time() + seconds

    def sounded(self, _wire, payload):
        self.world.counts["pieces of sound"] += 1
        if not payload or len(payload) % 2:
            self.violation(f"a piece of sound of {len(payload)} bytes")

    # --- what the tab reports

    def joined(self, tab, greeting):
        self.world.counts["greetings"] += 1
        if not greeting.get("recovered") and tab.last != NO_EVENT:
            self.world.counts["not recovered"] += 1
        if self.id is not None and greeting["session_id"] != self.id:
            self.violation(f"another session, {greeting['session_id']}")
        self.id, self.token = greeting["session_id"], greeting["resume_token"]
        self.resume_soon()

    def lost(self, _tab):
        pass

    def take(self, _tab, event):
        if self.stopping or self.convicted:
            return
        kind = event["type"]
        try:
            if kind == "error":
                self.take_error(event)
            elif kind == "audio_ack":
                if self.stream is not None and event["stream_id"] == self.stream.id:
                    self.ask_at = None
                    self.stream.acknowledged(event)
                    self.flush()
            elif kind == "transcript":
                self.take_transcript(event)
            elif event.get("turn_id") and "id" in event:
                self.take_of_turn(kind, event)
        except TurnFault as fault:
            self.violation(str(fault))

    def take_error(self, event):
        code = event["code"]
        self.world.counts[f"speaker told {code}"] += 1
        if code == "voice_lost":
            self.resume_soon()
        elif code in REFUSALS and "id" not in event:
            self.resume_soon(REFUSED_S)
        elif code == "audio_overrun":
            for utterance in self.said:
                utterance.lost = True
        elif code == "voice_unavailable":
            self.violation(f"voice_unavailable: {event['message']}")

    def take_transcript(self, event):
        if not event["is_final"] or not event["text"]:
            return
        need("message_id" in event, f"a final transcript that asks nothing: {event}")
        for utterance in self.said:
            if utterance.covers(event):
                utterance.message_ids.add(event["message_id"])
                need(len(utterance.message_ids) == 1, f"asked twice: {utterance.message_ids}")
                self.marry()
                return
        self.world.counts["transcripts told again"] += 1

    def take_of_turn(self, kind, event):
        turn_id = event["turn_id"]
        if kind == "tts_cancelled" and turn_id not in self.turns:
            return  # acknowledges an interrupt of what is over
        turn = self.turns.get(turn_id)
        if turn is None:
            if kind in OF_VOICE:
                return  # of a turn that was judged, still being spoken
            need(kind == "turn_start", f"a turn begins with {kind} {event['id']}")
            turn = self.turns[turn_id] = SpokenTurn(turn_id)
        if kind in OF_VOICE:
            if kind == "tts_start":
                turn.take_caption(event)
            return
        turn.take(event)
        if kind == "turn_start":
            self.marry()
        if kind == "response_complete":
            self.world.counts["turns"] += 1
            self.world.counts["spoken turns"] += 1
            if turn.attempts:
                self.world.counts["turns taken over"] += 1
            for utterance in self.said:
                if utterance.turn is turn:
                    turn.check(utterance)

    def marry(self):
        """Turns and utterances, whichever was told first."""
        for utterance in self.said:
            for turn in self.turns.values():
                if turn.message_id in utterance.message_ids:
                    need(utterance.turn in (None, turn), "a second turn for one utterance")
                    first = utterance.turn is None
                    utterance.turn = turn
                    if first and turn.end is not None:
                        turn.check(utterance)
