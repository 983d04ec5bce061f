"""A session: one conversation, looked at in one to three tabs. Asks one question after the other, by
any of its tabs, sometimes stops the answer, and judges what every tab saw: each turn by its script,
and the whole sequence against the log in Redis."""

import asyncio

from log_check import compare_with_log
from scripts import Script
from tab import NO_EVENT, Tab, parse_id
from turns import Question, Turn, TurnFault

ASK_AGAIN_S = 1.0
STOP_PROBABILITY = 0.12
V1_PROBABILITY = 0.15
BELONGS_TO_NO_TURN = ("idle", "pong")


class Session:
    """`v2`, `tabs` and `script` (a function of the random stream) fix what is else drawn."""

    def __init__(self, world, number, *, v2=None, tabs=None, script=Script.any):
        self.world, self.rng = world, world.rng_for(f"session {number}")
        self.number = number
        self.name = f"session {number}"
        self.v2 = self.rng.random() >= V1_PROBABILITY if v2 is None else v2
        self.make_script = script
        self.id = self.token = None
        self.question = None
        self.asked = 0
        self.answered = asyncio.Event()
        self.turns = {}     # (tab, turn_id): Turn
        self.ended = set()  # tabs that saw the end of the present question
        self.late_of = []   # v1: questions refused with an unknown outcome may still be answered
        self.broken = False # v1: the connection went, so did the rest of the answer
        self.stopping = False
        self.convicted = False  # what follows a violation is its consequence
        count = tabs or (self.rng.choice([1, 1, 1, 2, 3]) if self.v2 else 1)
        self.tabs = [self.make_tab(i) for i in range(count)]

    def make_tab(self, number):
        return Tab(self, f"{self.name} tab {number}",
                   gateway=self.rng.randrange(len(self.world.gateways)),
                   tls=self.rng.random() < 0.3, v2=self.v2)

    def violation(self, what):
        if self.convicted:
            return
        self.convicted = True
        asked = f", question {self.question}" if self.question else ""
        self.world.violation(f"{self.name} ({self.id}): {what}{asked}")

    # --- the course of it

    async def run(self):
        self.tabs[0].start()
        await self.first_greeting()
        for tab in self.tabs[1:]:
            tab.start()
        while not self.world.ending.is_set() and not self.convicted:
            await self.one_question()
            await asyncio.sleep(self.rng.uniform(0, 2))
        self.stopping = True
        await asyncio.gather(*(tab.stop() for tab in self.tabs))

    async def first_greeting(self):
        while not self.tabs[0].up.is_set():
            await asyncio.sleep(0.05)

    async def one_question(self):
        script = self.make_script(self.rng)
        self.asked += 1
        self.question = Question(script, f"{self.number}-{self.asked}")
        self.answered.clear()
        self.ended.clear()
        self.broken = False
        limit = script.lasts_s + self.world.grace_s
        try:
            async with asyncio.timeout(limit):
                await self.ask_until_answered()
        except TimeoutError:
            missing = [tab.name for tab in self.tabs if tab not in self.ended]
            states = [(tab.last, tab.up.is_set()) for tab in self.tabs]
            self.violation(f"no terminal event within {limit:.0f} s at {missing}, {states}")
        if not self.broken:
            await self.compare()
        self.turns = {key: turn for key, turn in self.turns.items() if turn.end is None}
        self.question = None

    async def ask_until_answered(self):
        stop_at = None
        if self.v2 and self.rng.random() < STOP_PROBABILITY:
            stop_at = asyncio.get_running_loop().time() + self.rng.uniform(
                0, self.question.script.lasts_s)
        self.ask()
        while not self.answered.is_set():
            try:
                async with asyncio.timeout(ASK_AGAIN_S):
                    await self.answered.wait()
            except TimeoutError:
                pass
            if self.answered.is_set() or self.broken:
                return
            # The same message_id again is no second turn; v1 has none and asks once.
            if self.question.turn_id is None and (self.v2 or not self.question.sent):
                self.ask()
            if stop_at is not None and asyncio.get_running_loop().time() >= stop_at:
                self.stop()

    def ask(self):
        up = [tab for tab in self.tabs if tab.up.is_set()]
        if not up:
            return
        tab = self.rng.choice(up)
        question = {"message": self.question.script.words}
        if self.v2:
            question |= {"type": "ask", "message_id": self.question.message_id}
        self.question.sent = tab.send(question) or self.question.sent

    def stop(self):
        up = [tab for tab in self.tabs if tab.up.is_set()]
        if up and self.rng.choice(up).send(
                {"type": "cancel", "message_id": self.question.message_id}):
            if not self.question.stopped:
                self.world.counts["stops"] += 1
            self.question.stopped = True

    # --- what tabs report

    def joined(self, tab, greeting):
        self.world.counts["greetings"] += 1
        if not greeting.get("recovered") and tab.last != NO_EVENT:
            self.world.counts["not recovered"] += 1
        if tab.v2 and self.id is not None and greeting["session_id"] != self.id:
            self.violation(f"{tab.name}: another session, {greeting['session_id']}")
        self.id, self.token = greeting["session_id"], greeting["resume_token"]
        if not self.v2:
            tab.last = NO_EVENT
            tab.events.clear()
            tab.complete_from = NO_EVENT

    def lost(self, tab):
        if any(owner is tab and turn.end is None for (owner, _), turn in self.turns.items()):
            self.world.counts["answers interrupted"] += 1
        if not self.v2 and self.question is not None:
            # Without resume the rest of this answer is gone; the next one has a new session.
            self.broken = True
            self.turns.clear()
            self.answered.set()

    def take(self, tab, event):
        if self.stopping or self.convicted:
            return
        kind = event["type"]
        if "id" not in event:
            self.take_unnumbered(tab, kind, event)
            return
        turn_id = event.get("turn_id")
        if not turn_id:
            if kind not in BELONGS_TO_NO_TURN and kind != "cancelled":
                self.take_unowned(tab, kind, event)
            return
        if kind == "text_snapshot":
            self.turns[tab, turn_id] = Turn(turn_id)
        turn = self.turns.get((tab, turn_id))
        if turn is None:
            turn = self.turns[tab, turn_id] = Turn(turn_id)
            if self.v2 and kind != "turn_start":
                self.violation(f"{tab.name}: a turn begins with {kind} {event['id']}")
        try:
            turn.take(event)
            if kind == "phase_start":
                self.world.upstream.phase_began(turn_id, event["phase"])
            if kind == "turn_start":
                self.begun(turn_id, event)
            if kind == "response_complete":
                self.end_of(tab, turn)
        except TurnFault as fault:
            self.violation(f"{tab.name}: {fault}; had {turn.kinds[-12:]}")
            self.ended.add(tab)
            self.answered.set()

    def take_unnumbered(self, tab, kind, event):
        """Of the gateway itself: greetings, `queued`, or a refusal of what was sent."""
        self.world.counts[f"gateway {kind}"] += 1
        if kind == "error":
            self.world.counts[f"refused {event['code']}"] += 1
            if self.question is not None:
                self.question.refused += 1
        if kind == "response_complete" and not self.v2:
            # The refusal's own terminal event: v1 cannot ask again under the same name.
            self.late_of.append(self.question)
            self.broken = True
            self.answered.set()

    def take_unowned(self, tab, kind, event):
        if kind == "error" and event.get("code") in ("busy", "rate_limited"):
            self.world.counts[f"worker refused {event['code']}"] += 1
        else:
            self.violation(f"{tab.name}: {kind} without a turn: {event}")

    def begun(self, turn_id, event):
        question = self.question
        if question is None or event.get("message_id") != question.message_id:
            self.violation(f"turn_start of {event.get('message_id')}, which nobody waits for")
        elif question.turn_id not in (None, turn_id):
            self.violation(f"a second turn, {turn_id}, for one message_id")
        else:
            question.turn_id = turn_id

    def end_of(self, tab, turn):
        question = self.question
        if not self.v2:
            if question is None or turn.text and not turn.text.startswith(
                    question.script.text()[:12]):
                question = self.late_question(turn)
            if question is None:
                self.violation(f"{tab.name}: an answer to nothing: {turn.text[:40]!r}")
                return
        elif question is None or question.turn_id != turn.turn_id:
            self.violation(f"{tab.name}: the end of another turn, {turn.turn_id}")
            return
        self.world.counts["turns"] += 1
        if turn.attempts:
            self.world.counts["turns taken over"] += 1
        turn.check(question)
        if question is self.question:
            self.ended.add(tab)
            if len(self.ended) == len(self.tabs):
                self.answered.set()

    def late_question(self, turn):
        """v1: refused with an unknown outcome, and answered all the same."""
        for question in self.late_of:
            if question is not None and question.script.text().startswith(turn.text[:12]):
                self.late_of.remove(question)
                self.world.counts["v1 answers behind a refusal"] += 1
                return question
        return None

    # --- the log

    async def compare(self):
        for tab in self.tabs:
            fault = await compare_with_log(self.world, self.id, tab)
            if fault:
                self.violation(f"{tab.name}: {fault}")
