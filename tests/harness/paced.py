"""Clients that read at a pace of their own, any number of them in one thread, and a check of their
answers that keeps nothing but a place in the text: for slow readers and large answers.

    script = Script(7, chunks=320, size=16384, rate=0)
    reader = PacedReader(port, "/ws/bench", pace=1024, receive_buffer=4096)
    reader.ask(script)
    read_all([reader], lambda: reader.answered == 1, limit_s=30)
"""

import ssl
import time

from chaos.scripts import chunk_text
from harness.protocol import order, units
from harness.raw_ws import CLOSE, PING, PONG, RawWs, TEXT, whole_frames

TICK_S = 0.005
GREETING_BYTES = 1024
MAX_READ_BYTES = 256 * 1024
MAX_TURN_BYTES = 1024 * 1024  # of one reader before the others have their turn


class AnswerCheck:
    """Takes the events of one answer to `script` in order; `end` is the terminal one when it has
    come. Fails at the first event that is repeated, missing, or not what the script says."""

    def __init__(self, script):
        self.script = script
        self.made = 0      # chunks of the script so far
        self.ready = ""    # of its text, not seen yet
        self.units = 0
        self.snapshots = 0
        self.end = None

    def expect(self, content):
        while len(self.ready) < len(content) and self.made < self.script.chunks:
            self.ready += chunk_text(self.script.seed, self.made, self.script.size)
            self.made += 1
        assert self.ready.startswith(content), f"other text than the script's at {self.units}"
        self.ready = self.ready[len(content):]
        self.units += units(content)

    def take(self, event):
        kind = event["type"]
        assert self.end is None, f"{kind} behind the end"
        if kind == "text_chunk":
            assert event["offset"] == self.units, f"text at {event['offset']}, not {self.units}"
            self.expect(event["content"])
        elif kind == "text_snapshot":
            self.made, self.ready, self.units = 0, "", 0
            self.snapshots += 1
            self.expect(event["content"])
        if kind == "response_complete" or (kind == "text_snapshot" and event.get("status")):
            self.finish(event)

    def finish(self, event):
        self.end = event
        if event["status"] == "ok":
            assert not self.ready and self.made == self.script.chunks, "the text is not whole"
        if "text_length" in event:
            assert event["text_length"] == self.units


class PacedReader:
    """A v2 client, greeted already. `pace`: bytes per second, 0 for nothing at all, None for as fast
    as it comes. `resume`: a token and a place; `expecting`: checks or scripts of answers that will
    come without being asked for here. Checks the order of ids and every answer; `closed` is the close
    code, "end" or "reset"."""

    def __init__(self, port, path, *, tls=False, pace=None, receive_buffer=None, resume=None,
                 expecting=()):
        self.form = port, path, {"tls": tls, "receive_buffer": receive_buffer}
        self.last = "0-0"
        self.errors = []
        self.checks = [one if isinstance(one, AnswerCheck) else AnswerCheck(one)
                       for one in expecting]  # of the answers to come, in order
        self.answered = 0
        self.events = 0
        self.bytes = 0
        self.connect(pace, resume)

    def connect(self, pace=None, resume=None):
        """Also for coming back: by then to (self.token, self.last)."""
        protocols = ["mr.v2"] + ([f"mr.resume.{resume[0]}.{resume[1]}"] if resume else [])
        port, path, form = self.form
        self.ws = RawWs.open(port, path, protocols=protocols, **form)
        self.last = resume[1] if resume else "0-0"
        self.greeting = self.closed = None
        self.take_frames()
        while self.greeting is None:
            data = self.ws.socket.recv(GREETING_BYTES)
            assert data, "the end where the greeting was to come"
            self.ws.received += data
            self.take_frames()
        self.ws.socket.setblocking(False)
        self.set_pace(pace)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ws.drop()

    @property
    def token(self):
        return self.greeting["resume_token"]

    @property
    def session(self):
        return self.greeting["session_id"]

    def set_pace(self, pace):
        self.pace, self.since, self.spent = pace, time.monotonic(), 0

    def send(self, **fields):
        self.ws.socket.setblocking(True)
        self.ws.json(fields)
        self.ws.socket.setblocking(False)

    def ask(self, script, **more):
        self.checks.append(AnswerCheck(script))
        self.send(type="ask", message=script.words, **more)

    # --- reading

    def allowance(self):
        if self.pace is None:
            return MAX_READ_BYTES
        due = int((time.monotonic() - self.since) * self.pace) - self.spent
        return min(due, MAX_READ_BYTES)

    def pump(self):
        """Reads what is there and allowed."""
        end = self.bytes + MAX_TURN_BYTES
        while self.closed is None and self.bytes < end:
            count = self.allowance()
            if count <= 0:
                return
            try:
                data = self.ws.socket.recv(count)
            except (BlockingIOError, ssl.SSLWantReadError):
                return
            except (ConnectionResetError, BrokenPipeError, ssl.SSLError):
                self.closed = "reset"
                return
            if not data:
                self.closed = self.closed or "end"
                return
            self.bytes += len(data)
            self.spent += len(data)
            self.ws.received += data
            self.take_frames()

    def take_frames(self):
        for frame in whole_frames(self.ws.received):
            self.take_frame(frame)

    def take_frame(self, frame):
        if frame.opcode == PING:
            try:
                self.ws.send_frame(PONG, frame.payload)
            except OSError:
                pass  # the end is seen by reading
        elif frame.opcode == CLOSE:
            self.closed = frame.code
        elif frame.opcode == TEXT:
            self.take_event(frame.json)

    def take_event(self, event):
        self.events += 1
        kind = event["type"]
        if kind == "connected":
            self.greeting = event
            return
        if "id" in event:
            self.take_id(kind, event)
        if kind == "error":
            self.errors.append(event)
        if event.get("turn_id") and self.answered < len(self.checks):
            self.checks[self.answered].take(event)
            if self.checks[self.answered].end:
                self.answered += 1

    def take_id(self, kind, event):
        got, had = order(event), order({"id": self.last})
        assert got > had, f"{kind} {event['id']} behind {self.last}"
        if kind != "text_snapshot" and got[0] == had[0]:
            assert got[1] == had[1] + 1, f"gap between {self.last} and {event['id']}"
        self.last = event["id"]


def read_all(readers, done, limit_s, what="the answers", each_tick=None):
    """Lets them all read until `done()`; `each_tick` is called again and again meanwhile."""
    deadline = time.monotonic() + limit_s
    while not done():
        if time.monotonic() > deadline:
            late = [(i, reader.answered, reader.events, reader.closed)
                    for i, reader in enumerate(readers) if reader.answered < len(reader.checks)]
            raise AssertionError(f"not within {limit_s} s: {what}; open: {late[:10]}")
        before = sum(reader.bytes for reader in readers)
        for reader in readers:
            reader.pump()
        if each_tick:
            each_tick()
        if sum(reader.bytes for reader in readers) == before:
            time.sleep(TICK_S)
