"""A client of the HTTP endpoint for questions, on the bare socket: it can send any request, in any
pieces, reads what comes as it comes, and goes away when it likes."""

import json
import socket
import time

from harness.raw_ws import Response, request_text
from harness.tls import client_context

PATH = "/v1/chat"
LIMIT_S = 30.0
JSON = [("Content-Type", "application/json")]
SSE = [("Content-Type", "application/json"), ("Accept", "text/event-stream")]


def question(message, **more):
    return json.dumps({"message": message, **more}).encode()


class HttpClient:
    def __init__(self, port, *, tls=False, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(("127.0.0.1", port))
        if tls:
            self.socket = client_context().wrap_socket(self.socket, server_hostname="localhost")
        self.received = bytearray()
        self.ended = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def post(self, body=b"", headers=JSON, path=PATH, *, version="HTTP/1.1", length=True):
        named = {name.lower() for name, _ in headers}
        lines = [("Host", "localhost")] if "host" not in named else []
        lines += list(headers)
        if length:
            lines.append(("Content-Length", str(len(body))))
        self.send(request_text(path, lines, "POST", version) + body)
        return self

    def more(self, limit_s=LIMIT_S):
        """Reads once; False at the end of the server's side."""
        self.socket.settimeout(limit_s)
        data = self.socket.recv(65536)
        self.received += data
        self.ended = not data
        return bool(data)

    def take_until(self, mark, limit_s=LIMIT_S):
        end = time.monotonic() + limit_s
        while mark not in self.received:
            left = end - time.monotonic()
            assert left > 0 and self.more(left), f"no {mark!r} in {bytes(self.received[-300:])!r}"
        at = self.received.index(mark)
        taken = bytes(self.received[:at])
        del self.received[:at + len(mark)]
        return taken

    def take(self, count, limit_s=LIMIT_S):
        while len(self.received) < count:
            assert self.more(limit_s), f"{count} bytes missing"
        taken = bytes(self.received[:count])
        del self.received[:count]
        return taken

    def head(self, limit_s=LIMIT_S):
        lines = self.take_until(b"\r\n\r\n", limit_s).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1)[:1] + line.split(": ", 1)[1:]
                       for line in lines[1:])
        return Response(int(lines[0].split()[1]), {name.lower(): value
                                                   for name, value in headers.items()})

    def response(self, limit_s=LIMIT_S):
        """A whole one; chunked, with a length, or up to the end."""
        got = self.head(limit_s)
        if got.status == 100:
            got = self.head(limit_s)
        if "content-length" in got.headers:
            got.body = self.take(int(got.headers["content-length"]), limit_s)
        elif got.headers.get("transfer-encoding") == "chunked":
            got.body = b"".join(iter(lambda: self.chunk(limit_s), b""))
        elif got.status != 204:
            while self.more(limit_s):
                pass
            got.body = bytes(self.received)
        return got

    def chunk(self, limit_s=LIMIT_S):
        data = self.take(int(self.take_until(b"\r\n", limit_s), 16), limit_s)
        assert self.take(2, limit_s) == b"\r\n"
        return data


class Events:
    """Server-Sent Events of one request. `last` and `token` are what it takes to resume."""

    def __init__(self, port, body=b"", *, tls=False, headers=(), resume=None, path=PATH,
                 version="HTTP/1.1", **socket_form):
        self.client = HttpClient(port, tls=tls, **socket_form)
        lines = list(SSE) + list(headers)
        if resume is not None:
            lines += [("MR-Resume-Token", resume.token), ("Last-Event-ID", resume.last)]
        self.last = resume.last if resume is not None else None
        self.token = resume.token if resume is not None else None
        self.client.post(body, lines, path, version=version)
        self.text = bytearray()
        self.finished = False
        self.comments = 0
        self.answer = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()

    def close(self):
        self.client.close()

    def open(self, limit_s=LIMIT_S):
        if self.answer is None:
            self.answer = self.client.head(limit_s)
            assert self.answer.status == 200, (self.answer, bytes(self.client.received))
            assert self.answer.headers["content-type"] == "text/event-stream"
            self.chunked = self.answer.headers.get("transfer-encoding") == "chunked"
        return self.answer

    def _more(self, limit_s):
        if self.chunked:
            data = self.client.chunk(limit_s)
        else:
            data = b"" if not self.client.received and not self.client.more(limit_s) else bytes(
                self.client.received)
            self.client.received.clear()
        self.finished = not data
        self.text += data

    def event(self, limit_s=LIMIT_S):
        """The next event, with its `id` line as `sse_id`; None at the end of the stream."""
        self.open(limit_s)
        while True:
            while b"\n\n" not in self.text:
                if self.finished:
                    assert not self.text, bytes(self.text)
                    return None
                self._more(limit_s)
            at = self.text.index(b"\n\n")
            lines = bytes(self.text[:at]).decode().split("\n")
            del self.text[:at + 2]
            if lines[0].startswith(":"):
                self.comments += 1
                continue
            return self._parsed(lines)

    def _parsed(self, lines):
        fields = dict(line.split(": ", 1) for line in lines)
        assert len(fields) == len(lines) and set(fields) <= {"id", "data"}, lines
        event = json.loads(fields["data"])
        if "id" in fields:
            self.last = fields["id"]
            assert event.get("id", fields["id"]) == fields["id"]
        if event["type"] == "connected":
            self.token = event["resume_token"]
        return event

    def all(self, limit_s=LIMIT_S):
        return list(iter(lambda: self.event(limit_s), None))

    def until(self, kind, limit_s=LIMIT_S):
        events = []
        while not events or events[-1]["type"] != kind:
            event = self.event(limit_s)
            assert event is not None, [one["type"] for one in events]
            events.append(event)
        return events


def ask(port, message, *, tls=False, headers=JSON, path=PATH, limit_s=LIMIT_S, **more):
    """A question and its answer as one object, on a connection of its own."""
    with HttpClient(port, tls=tls) as client:
        return client.post(question(message, **more), headers, path).response(limit_s)
