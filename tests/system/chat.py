"""A v2 client as a browser has it: asks, keeps what came, resumes."""

from harness.protocol import order
from harness.raw_ws import RawWs

LONG_QUESTION = "Give me an overview of all open change orders, invoices and risks at Harbor Point."


class Chat:
    def __init__(self, stack, *, tls=True, resume=None, path="/ws/chat", offers=()):
        """`resume`: another Chat, or a token and an id. `offers`: further subprotocols."""
        self.stack = stack
        port = stack.nginx.https_port if tls else stack.nginx.http_port
        protocols = ["mr.v2", *offers]
        if isinstance(resume, Chat):
            resume = (resume.token, resume.last)
        if resume:
            protocols.append(f"mr.resume.{resume[0]}.{resume[1]}")
        self.ws = RawWs.open(port, path, tls=tls, protocols=protocols)
        self.last = resume[1] if resume else "0-0"
        self.greeting = self.ws.event()
        assert self.greeting["type"] == "connected", self.greeting
        self.session = self.greeting["session_id"]
        self.token = self.greeting["resume_token"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ws.drop()

    def send(self, **fields):
        self.ws.json(fields)

    def ask(self, message, **more):
        self.send(type="ask", message=message, **more)

    def event(self, limit_s=30.0):
        event = self.ws.event(limit_s)
        if "id" in event:
            self.last = event["id"]
        return event

    def until(self, kind, limit_s=30.0, **fields):
        """Events up to the first of that type with these fields."""
        events = []
        while True:
            try:
                events.append(self.event(limit_s))
            except Exception as error:
                kinds = [event["type"] for event in events]
                raise AssertionError(f"no {kind} {fields}: {error!r}; had {kinds}") from error
            if events[-1]["type"] == kind and all(
                    events[-1].get(name) == value for name, value in fields.items()):
                return events

    def answer(self, message, limit_s=30.0, **more):
        self.ask(message, **more)
        return self.until("response_complete", limit_s)


def merged(*parts):
    """Events of several connections put together as a client does: ids at or below the last one
    are dropped."""
    kept, last = [], (0, 0)
    for event in (event for part in parts for event in part):
        if "id" not in event:
            continue
        if order(event) > last:
            kept.append(event)
            last = order(event)
    return kept
