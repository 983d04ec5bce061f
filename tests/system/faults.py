"""What the tests of Redis's troubles share: clients of each dialect in the middle of an answer, what
they must have at its end, and what nginx and the workers must say meanwhile."""

from chat import LONG_QUESTION, Chat
from harness.http import ready, request
from harness.process import wait_for
from harness.protocol import check_v1_turn, check_v2_events, text_of
from harness.raw_ws import RawWs

QUESTION = "How much have we invoiced on the Harbor Point project, and what is still open?"
RECOVERY_S = 25
LEASE = "1500ms"
SLOW = {"local_tokens_per_second": 50, "lease": LEASE}  # an answer takes a second and a half
FAST = {"local_tokens_per_second": 0, "lease": LEASE}
LOCATIONS = """
    location = /ws/chat { mr_ws chat; }
    location = /ws/strict { mr_ws chat; mr_ws_compat strict; }
    location = /static { return 200 "static"; }
"""
AOF = ["appendonly yes"]  # the harness writes "appendonly no" first; the later line counts


def lines(stack, text):
    return [line for line in stack.nginx.log.text().splitlines() if text in line]


def said(stack, *texts):
    """Its line may come after what is seen of its cause from outside."""
    wait_for(lambda: any(lines(stack, text) for text in texts), f"nginx says {texts}", RECOVERY_S)


def logged(stack, message, **fields):
    return [record for worker in stack.workers for record in worker.logged(message, **fields)]


def becomes(stack, reason, limit_s=RECOVERY_S):
    wait_for(lambda: ready(stack.nginx) == reason, f"/readyz says {reason}", limit_s)


def all_ready(stack):
    becomes(stack, "ok")
    wait_for(lambda: all(worker.is_ready() for worker in stack.workers if worker.process.alive()),
             "the workers are ready", RECOVERY_S)


def static_served(stack):
    assert request(stack.nginx.http_port, "/static").body == b"static"


def red_and_green(stack, *causes):
    """Said by nginx in lines at notice: what is broken, and that it works again. Behind an outage
    the leases of before may still run for a moment, so that there can be a second pair."""
    all_ready(stack)
    red = lines(stack, "delivery is broken: ")
    green = lines(stack, "delivery works again after ")
    assert 1 <= len(red) <= 2 and len(red) == len(green), (red, green)
    assert any(cause in red[0] for cause in causes), red


class Asking:
    """Clients of every dialect whose answers have begun to stream."""

    def __init__(self, stack, reference, *, few=False, until="text_chunk"):
        self.stack = stack
        self.reference = reference
        self.v2 = [Chat(stack, tls=tls) for tls in ([True] if few else [True, False])]
        self.v1 = [RawWs.open(stack.nginx.http_port, path)
                   for path in (["/ws/strict"] if few else ["/ws/chat", "/ws/strict"])]
        for ws in self.v1:
            ws.event()
        all_ready(stack)
        for ws in self.v1:
            ws.json({"message": LONG_QUESTION})
        for chat in self.v2:
            chat.ask(LONG_QUESTION)
        self.v2_events = [self.begun(chat, until) for chat in self.v2]
        self.v1_events = [self.begun(ws, until) for ws in self.v1]

    @staticmethod
    def begun(client, until):
        """Events up to the first of that type. A busy machine may look like a silent Redis for
        once: a question that was refused is asked again."""
        events = []
        while not events or events[-1]["type"] != until:
            events.append(client.event(RECOVERY_S))
            if events[-1]["type"] == "queued":
                events.pop()
            elif events[-1]["type"] == "error":
                if len(events[-1]) > 2:  # not in strict mode
                    while client.event(RECOVERY_S)["type"] != "response_complete":
                        pass
                events.clear()
                if isinstance(client, Chat):
                    client.ask(LONG_QUESTION)
                else:
                    client.json({"message": LONG_QUESTION})
        return events

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in [chat.ws for chat in self.v2] + self.v1:
            one.drop()

    def static(self):
        static_served(self.stack)

    def finish(self):
        static_served(self.stack)
        for chat, events in zip(self.v2, self.v2_events):
            events += to_the_end(chat)
        for ws, events in zip(self.v1, self.v1_events):
            while events[-1]["type"] != "response_complete":
                events.append(ws.event(RECOVERY_S))
                if list(events[-1]) == ["type", "message"] and events[-1]["type"] == "error":
                    break  # all that strict mode says

    def v1_exact_or_ended(self):
        """v1 has no word for a break: the whole answer, or its front and an error as its end; never
        a mixture. Returns how many were ended."""
        ended = 0
        for events in self.v1_events:
            kinds = [event["type"] for event in events]
            if "error" not in kinds:
                assert check_v1_turn(events).text == self.reference
                continue
            ended += 1
            at = kinds.index("error")
            assert kinds[at:] in (["error"], ["error", "text_chunk", "response_complete"]), kinds
            assert events[at]["message"].startswith("The service is temporarily unavailable")
            assert self.reference.startswith(text_of(events[:at]))
        return ended

    def all_exact(self):
        """Nobody lost or got anything twice."""
        self.finish()
        for events in self.v2_events:
            turns = check_v2_events(events)
            assert len(turns) == 1 and text_of(events) == self.reference
            assert events[-1]["status"] == "ok"
            assert not [event for event in events if event["type"] in ("error", "connected")]
        for events in self.v1_events:
            assert check_v1_turn(events).text == self.reference

    def go_on(self):
        """Every connection is good for another question."""
        for chat in self.v2:
            chat.ask("Hello")
        for ws in self.v1:
            ws.json({"message": "Hello"})
        for chat in self.v2:
            events = [e for e in chat.until("response_complete", RECOVERY_S) if "turn_id" in e]
            assert len(check_v2_events(events)) == 1 and events[-1]["status"] == "ok"
        for ws in self.v1:
            check_v1_turn(ws.events_until("response_complete", RECOVERY_S))


def asked_again(chat, question=QUESTION):
    """Asks until an answer is whole; what comes before is named errors with their proper end."""
    def attempt():
        chat.ask(question)
        events = [event for event in chat.until("response_complete") if event["type"] != "queued"]
        if events[-1]["status"] == "ok":
            return events
        assert any(event["type"] == "error" and event["code"] for event in events), events
        return None
    return wait_for(attempt, "an answer", RECOVERY_S)


def to_the_end(chat):
    """Events up to the end of the turn: its terminal event, or a snapshot that stands for it."""
    events = []
    while not events or not (events[-1]["type"] == "response_complete" or
                             (events[-1]["type"] == "text_snapshot" and "status" in events[-1])):
        events.append(chat.event(RECOVERY_S))
    return events


def data_is_gone_is_said(stack):
    """By whichever process finds it out."""
    return lines(stack, "its data is gone") or logged(stack, "redis has lost its data")


def shown(events):
    """The text a v2 client shows at the end: a snapshot replaces what was there, a chunk is placed
    by its offset. Between an announced break and what tells the turn again, text may have a hole:
    of a log that was emptied the rest is delivered before its owner has noticed."""
    text, broken = "", False
    for event in events:
        if event["type"] == "connected":
            broken = not event["recovered"]
        elif event["type"] in ("turn_start", "text_snapshot"):
            broken = False
            text = event.get("content", text)
        elif event["type"] == "text_chunk":
            assert broken or event["offset"] <= len(text), f"a hole in the text at {len(text)}: {event}"
            text = text[:event["offset"]] + event["content"]
    return text


def check_resynced(events, reference):
    """v2: the break was announced, everything told again (by a snapshot, or event by event from the
    beginning of the turn), and the answer is whole at its end."""
    kinds = [event["type"] for event in events]
    at = kinds.index("connected")
    assert events[at]["recovered"] is False, events[at]
    assert {"text_snapshot", "turn_start"} & set(kinds[at:]), kinds
    assert shown(events[at:]) == reference, "all of it, without what was shown before"
    check_told(events[at:])
    assert shown(events) == reference and events[-1]["status"] == "ok"


def check_told(events):
    """Every phase and tool of the turn, finished, by events or by the last snapshot before them."""
    last = max((i for i, e in enumerate(events) if e["type"] == "text_snapshot"), default=-1)
    phases, tools = set(), set()
    if last >= 0:
        phases = {p["phase"] for p in events[last]["phases"] if "data" in p}
        tools = {t["tool"] for t in events[last]["tools"] if "summary" in t}
    for event in events[last + 1:]:
        if event["type"] == "phase_complete":
            phases.add(event["phase"])
        elif event["type"] == "tool_complete":
            tools.add(event["tool"])
    assert phases >= {"project_resolution", "routing", "merge"}, (phases, events[:3])
    assert tools == {"bigquery"}, tools
