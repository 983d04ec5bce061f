"""The paths of a request that the torture tests walk while something fails, and the walk itself: whoever
was served gets all of it or is told, the next client is served as ever."""

import ssl
from contextlib import nullcontext

from harness.deflate_ws import DeflateWs
from harness.http_chat import JSON, SSE, HttpClient, question
from harness.jwt import token
from harness.process import wait_for
from harness.raw_ws import (BINARY, CLOSE, CONTINUATION, Ended, RawWs, Refused, Response, TEXT,
                            close_payload, frame)

PATIENCE_S = 10
LOCATIONS = """
    location = /ws/chat { mr_ws chat; }
    location = /ws/echo { mr_ws echo; }
    location = /ws/deflate { mr_ws echo; mr_ws_deflate on; mr_ws_deflate_min_size 1; }
    location = /ws/voice { mr_ws echo; mr_ws_voice on; }
    location = /v1/tts { mr_ws_http tts; client_body_buffer_size 1k; }
    location = /v1/chat { mr_ws_http chat; client_body_buffer_size 1k; client_max_body_size 1m; }
"""
QUESTION = "How many projects do we have?"
CODES = (1001, 1011, 1012, 1013)  # of a close by a server that cannot go on


class Told(Exception):
    """An error event says that the message was not taken."""


def expect(ws, payload):
    got = ws.message(PATIENCE_S)
    if got.opcode == TEXT and got.payload.startswith(b'{"type":"error"'):
        assert got.json["code"] == "relay_unavailable", got
        raise Told
    assert got.payload == payload, got.payload[:200]


def hello(ws, text="hello"):
    ws.text(text)
    expect(ws, text.encode())


def answer(ws):
    """The events of one, to its end."""
    events = []
    while not events or events[-1]["type"] != "response_complete":
        events.append(ws.event(PATIENCE_S))
        if events[-1]["type"] == "error":
            assert events[-1]["code"] == "relay_unavailable", events
            raise Told
    return events


class Path:
    """`prepare` without failures, then `run` with them; what `prepare` returns `run` gets, and it is
    dropped at the end. `refusals`: what a handshake or request may be answered with instead."""

    refusals = (500, 503)
    slow = False  # a walk takes a second and more

    def prepare(self, stack):
        return None

    def run(self, stack, ws):
        raise NotImplementedError


class Handshake(Path):
    tls = False

    def run(self, stack, ws):
        port = stack.nginx.https_port if self.tls else stack.nginx.http_port
        with RawWs.open(port, "/ws/chat", tls=self.tls, protocols=("mr.v2",),
                        limit_s=PATIENCE_S) as ws:
            assert ws.event()["type"] == "connected"


class HandshakeTls(Handshake):
    tls = True


class HandshakeDeflate(Path):
    def run(self, stack, ws):
        with DeflateWs.open(stack.nginx.http_port, limit_s=PATIENCE_S) as ws:
            hello(ws)


class HandshakeToken(Path):
    """Access tokens of all three kinds; a signature that cannot be checked is not taken."""

    refusals = (401, 500, 503)

    def prepare(self, stack):
        self.tokens = [token(algorithm) for algorithm in ("HS256", "RS256", "ES256")]

    def run(self, stack, ws):
        for text in self.tokens:
            with RawWs.open(stack.nginx.http_port, "/ws/token", protocols=("mr.v2",),
                            headers=[("Authorization", f"Bearer {text}")],
                            limit_s=PATIENCE_S) as ws:
                assert ws.event()["type"] == "connected"


class Echo(Path):
    """Message in, mail, delivery out."""
    path = "/ws/echo"
    client = RawWs

    def prepare(self, stack):
        return self.client.open(stack.nginx.http_port, self.path, limit_s=PATIENCE_S)

    def run(self, stack, ws):
        hello(ws)


class Fragments(Echo):
    """Buffers that have to grow, in and out."""

    def run(self, stack, ws):
        data = bytes(range(256)) * 160
        ws.send(frame(BINARY, data[:300], fin=False) + frame(CONTINUATION, data[300:20000], fin=False)
                + frame(CONTINUATION, data[20000:]))
        expect(ws, data)


class Deflated(Echo):
    path = "/ws/deflate"
    client = DeflateWs

    def run(self, stack, ws):
        ws.send_message(TEXT, b"a fine message " * 400)
        expect(ws, b"a fine message " * 400)


class ManyMessages(Echo):
    def run(self, stack, ws):
        ws.send(b"".join(frame(TEXT, b"%d" % number) for number in range(50)))
        for number in range(50):
            expect(ws, b"%d" % number)


class VoiceFrames(Echo):
    """Frames that travel together, and the text that sends them off."""
    path = "/ws/voice"

    def run(self, stack, ws):
        pieces = [bytes([number]) * 20_000 for number in range(5)]
        ws.send(b"".join(frame(BINARY, piece) for piece in pieces) + frame(TEXT, b"stop"))
        for piece in [*pieces, b"stop"]:
            expect(ws, piece)


class Closing(Echo):
    def run(self, stack, ws):
        ws.send_frame(CLOSE, close_payload(1000))
        assert ws.close_frame()[0].code in (1000, *CODES)
        ws.expect_end()


class Question(Path):
    """A question and every event of its answer."""

    tls = False

    def prepare(self, stack):
        port = stack.nginx.https_port if self.tls else stack.nginx.http_port
        ws = RawWs.open(port, "/ws/chat", tls=self.tls, protocols=("mr.v2",), limit_s=PATIENCE_S)
        assert ws.event()["type"] == "connected"
        return ws

    def run(self, stack, ws):
        ws.json({"type": "ask", "message": QUESTION, "message_id": "m-1"})
        answer(ws)


class QuestionTls(Question):
    tls = True


class Resume(Path):
    """A session that has an answer in its log comes back and reads it again."""

    def prepare(self, stack):
        with RawWs.open(stack.nginx.http_port, "/ws/chat", protocols=("mr.v2",)) as ws:
            self.token = ws.event()["resume_token"]
            ws.json({"type": "ask", "message": QUESTION})
            self.events = ws.events_until("response_complete")
        return None

    def run(self, stack, ws):
        resume = f"mr.resume.{self.token}.0-0"
        with RawWs.open(stack.nginx.http_port, "/ws/chat", protocols=("mr.v2", resume),
                        limit_s=PATIENCE_S) as ws:
            if ws.event()["recovered"]:
                got = []
                while not got or got[-1]["type"] != "response_complete":
                    got.append(ws.event())
                ids = [event["id"] for event in got]
                assert ids == [event["id"] for event in self.events][-len(ids):]


class HttpChat(Path):
    """One object, to a question that does not fit in memory."""

    headers = JSON
    path = "/v1/chat"
    body = question(QUESTION + " " * 4000)

    def run(self, stack, ws):
        with HttpClient(stack.nginx.http_port) as client:
            client.socket.settimeout(PATIENCE_S)
            client.post(self.body, [*self.headers, ("Connection", "close")], self.path)
            while client.more(PATIENCE_S):
                pass
            head, found, rest = bytes(client.received).partition(b"\r\n\r\n")
            if not found:
                raise Ended("before the answer")
            self.judge(int(head.split()[1]), head.lower(), rest)

    def judge(self, status, head, body):
        if status != 200:
            raise Refused(Response(status, {}, body))
        length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
        if len(body) < length:
            raise Ended("within the answer")
        assert b'"response"' in body, body


class HttpStream(HttpChat):
    headers = SSE

    def judge(self, status, head, body):
        if status != 200:
            raise Refused(Response(status, {}, body))
        if not body.endswith(b"0\r\n\r\n"):
            raise Ended("within the stream")
        assert b"response_complete" in body or b'"type":"error"' in body, body


class Speech(HttpChat):
    """A text that is spoken, or cannot be because no engine is there."""
    path = "/v1/tts"
    body = b'{"text":"Hello.' + b" " * 4000 + b'"}'

    def judge(self, status, head, body):
        if status == 503 and b"voice_unavailable" in body:
            return
        if status != 200:
            raise Refused(Response(status, {}, body))
        if not body.endswith(b"0\r\n\r\n"):
            raise Ended("within the speech")


class Reconnect(Echo):
    """Both links to Redis break and come back; a session that is open lives on, or is closed."""

    slow = True  # links that break again and again wait longer and longer

    def run(self, stack, ws):
        before = set(stack.redis.clients("nginx"))
        for link in before:
            stack.redis.command("CLIENT", "KILL", "ID", link)

        wait_for(lambda: len(set(stack.redis.clients("nginx")) - before) >= 2, "the links are back")
        hello(ws)


def survive(stack, path, arm, disarm, around=nullcontext()):
    """One walk over the path, with failures from arm() to disarm(), whose value it returns."""
    ws = path.prepare(stack)
    arm()
    try:
        with around:
            path.run(stack, ws)
    except Refused as refusal:
        assert refusal.response.status in path.refusals, refusal
    except Ended as end:  # by a close that says why, or by the end of the stream
        told = [code for code in CODES if f"closed with {code}" in str(end)]
        assert told or "closed with" not in str(end), end
    except (ConnectionResetError, BrokenPipeError, ssl.SSLError, Told):
        pass
    finally:
        counts = disarm()
        if ws:
            ws.drop()
    return counts


def still_serving(stack, worker_pid, tls=False):
    assert stack.nginx.worker_pids() == [worker_pid], "the worker process has ended"
    with RawWs.open(stack.nginx.https_port if tls else stack.nginx.http_port, tls=tls) as ws:
        hello(ws)
        ws.close()


def wait_for_rest(stack):
    wait_for(lambda: not stack.redis.command("PUBSUB", "SHARDCHANNELS", "*:oc:*"),
             "no session is followed any more")
