"""Clients that sit through a failover, and what they may have seen when it is over."""

import uuid

from chat import Chat
from harness.protocol import check_v1_turn, check_v2_events, order, text_of, units
from harness.process import wait_for
from harness.raw_ws import RawWs

LONG = "Which invoices are overdue?"  # the answer is a table of 180 words
SHORT = "How many projects do we have?"
# The long answer lasts longer than a failover.
SLOW = {"local_tokens_per_second": 25, "lease": "10s"}

references = {}  # answers by question: the same in every stack of a run


def reference(stack, question):
    if question not in references:
        with Chat(stack) as chat:
            references[question] = text_of(chat.answer(question, 60))
    return references[question]


class Audience:
    """v2 and v1 clients on one stack: some in the middle of an answer, a second tab of the first,
    and some idle ones. `begin()` returns when text streams to all of them."""

    def __init__(self, stack, *, v2=3, v1=2, idle=2):
        self.stack = stack
        self.reference = reference(stack, LONG)
        self.chats = [Chat(stack, tls=number % 2 == 0) for number in range(v2)]
        self.v1 = [RawWs.open(stack.nginx.http_port if number % 2 else stack.nginx.https_port,
                              "/ws/chat", tls=number % 2 == 0) for number in range(v1)]
        self.idle = [Chat(stack) for _ in range(idle)]
        self.seen = {}

    def __enter__(self):
        for ws in self.v1:
            ws.event()
        for chat in self.idle[::2]:
            chat.answer(SHORT)
        return self

    def __exit__(self, *_):
        for chat in [*self.chats, *self.idle]:
            chat.ws.drop()
        for ws in self.v1:
            ws.drop()

    def begin(self):
        for chat in self.chats:
            chat.ask(LONG)
        for ws in self.v1:
            ws.json({"message": LONG})
        self.tab = Chat(self.stack, resume=self.chats[0])
        for client in [*self.chats, self.tab]:
            self.seen[client] = client.until("text_chunk", 60)
        for ws in self.v1:
            self.seen[ws] = ws.events_until("text_chunk", 60)

    def finish(self, limit_s=60):
        for client in [*self.chats, self.tab]:
            self.seen[client] += client.until("response_complete", limit_s)
        for ws in self.v1:
            self.seen[ws] += ws.events_until("response_complete", limit_s)
        self.tab.ws.drop()

    def losses(self):
        return sum(announced_losses(self.seen[client]) for client in [*self.chats, self.tab])

    def check(self):
        """Each event once and in order to exactly one end, or an announced loss."""
        for client in [*self.chats, self.tab]:
            check_v2(self.seen[client], self.reference)
        for ws in self.v1:
            assert check_v1_turn(self.seen[ws]).text == self.reference

    def check_lossless(self):
        self.check()
        assert self.losses() == 0, f"clients were told of a loss; the workers say:\n{self.troubles()}"

    def troubles(self):
        """What the workers warned of, in one short text."""
        lines = [line for worker in self.stack.workers for line in worker.log.text().splitlines()
                 if '"level":"warn"' in line or '"level":"error"' in line]
        return "\n".join(line[:300] for line in lines[-30:])

    def check_afterwards(self):
        """Every session answers, the idle ones included."""
        everybody = [*self.chats, *self.idle]
        for chat in everybody:
            chat.ask(SHORT)
        for ws in self.v1:
            ws.json({"message": SHORT})
        for chat in everybody:
            events = chat.until("response_complete", 40)
            check_v2_events([event for event in events if event.get("turn_id")])
            assert events[-1]["status"] == "ok"
        for ws in self.v1:
            check_v1_turn(ws.events_until("response_complete", 40))


def announced_losses(events):
    return sum(1 for event in events
               if event["type"] == "connected" and event["recovered"] is False)


def check_v2(events, whole):
    if announced_losses(events):
        check_with_losses(events, whole)
        return
    check_v2_events(events)
    assert text_of(events) == whole
    assert events[-1]["status"] == "ok"


def check_with_losses(events, whole):
    """What stands behind the last announcement is one consistent answer."""
    start = max(i for i, event in enumerate(events)
                if event["type"] == "connected" and event["recovered"] is False)
    turn = events[-1]["turn_id"]
    rest = [event for event in events[start + 1:] if event.get("turn_id") == turn]
    text = rest.pop(0)["content"] if rest[0]["type"] == "text_snapshot" else ""
    for event in rest:
        if event["type"] == "text_chunk":
            assert event["offset"] == units(text), "the text has a gap or a repetition"
            text += event["content"]
    positions = [order(event) for event in rest]
    assert positions == sorted(set(positions)), "ids must grow"
    assert [event["type"] for event in rest].count("response_complete") == 1
    assert text == whole and rest[-1]["text_length"] == units(text)


def outcome(chat, message_id, limit_s=60):
    """Events of the turn that this question became; None when the gateway refused it, with a named
    error and a proper end. Where a loss is announced the turn begins again behind it."""
    turn, events, error = None, [], None
    while True:
        event = chat.event(limit_s)
        if event["type"] == "connected":
            events = []
        elif event["type"] == "turn_start" and event.get("message_id") == message_id:
            turn = event["turn_id"]
        elif event["type"] == "error":
            error = event["code"]
        events.append(event)
        if event["type"] != "response_complete":
            continue
        if turn and event.get("turn_id") == turn:
            return [event for event in events if event.get("turn_id") == turn]
        if "turn_id" not in event:
            assert error in ("relay_unavailable", "no_worker", "busy"), events
            return None


def ask(chat, question=SHORT):
    message_id = str(uuid.uuid4())
    chat.ask(question, message_id=message_id)
    return message_id


def check_answered(chat, limit_s=40):
    """Asks until it is answered; what comes before is named errors with their proper end."""
    turn = wait_for(lambda: outcome(chat, ask(chat, SHORT)), "an answer", limit_s)
    assert turn[-1]["status"] == "ok"
    check_v2_events(turn)


def check_links(stack, old):
    """All links of nginx and of the workers are at the new primary, none is left at the old."""
    new = stack.redis.primary()
    assert new is not old
    nginx = 2 * stack.nginx.processes
    workers = 4 * len([worker for worker in stack.workers if worker.process.alive()])
    wait_for(lambda: len(new.clients("mr-ws-nginx")) == nginx, "nginx is linked to the new primary")
    wait_for(lambda: len(new.clients("mr-worker")) == workers, "the workers are linked to it")
    if old.process.alive():
        wait_for(lambda: not old.clients("mr-"), "no link is left at the old primary")
