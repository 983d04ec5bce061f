"""A WebSocket client on the bare socket: it can send any bytes, right or wrong, in any pieces, and
is strict about what the server sends."""

import base64
import hashlib
import json
import os
import select
import socket
import ssl
import struct
import time
from dataclasses import dataclass
from pathlib import Path

from harness.tls import client_context

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
LIMIT_S = 10.0
MASK = b"\x37\xfa\x21\x3d"


class Ended(Exception):
    """The server's side of the connection has ended."""


class Refused(Exception):
    """The handshake was answered with something other than 101."""

    def __init__(self, response):
        super().__init__(f"{response.status} {response.body!r}")
        self.response = response


def masked(payload, mask=MASK):
    size = len(payload)
    stream = (mask * (size // 4 + 1))[:size]
    value = int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")
    return value.to_bytes(size, "big")


def frame(opcode, payload=b"", *, fin=True, rsv=0, mask=MASK, length_bits=None, declared=None):
    """One frame. `length_bits` forces the 7, 16 or 64 bit form, `declared` another length than the
    payload's, `mask=None` leaves it unmasked."""
    if isinstance(payload, str):
        payload = payload.encode()
    length = len(payload) if declared is None else declared
    if length_bits is None:
        length_bits = 7 if length < 126 else 16 if length < 65536 else 64
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    flag = 0x80 if mask else 0
    if length_bits == 7:
        head = struct.pack(">BB", first, flag | length)
    elif length_bits == 16:
        head = struct.pack(">BBH", first, flag | 126, length)
    else:
        head = struct.pack(">BBQ", first, flag | 127, length)
    return head + (mask + masked(payload, mask) if mask else payload)


def close_payload(code, reason=b""):
    return struct.pack(">H", code) + (reason.encode() if isinstance(reason, str) else reason)


def accept_for(key):
    return base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()


def new_key():
    return base64.b64encode(os.urandom(16)).decode()


def request_text(path, headers, method="GET", version="HTTP/1.1"):
    lines = [f"{method} {path} {version}", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def upgrade_headers(port, key, protocols=(), more=(), host=None):
    headers = [("Host", host or f"localhost:{port}"), ("Upgrade", "websocket"), ("Connection", "Upgrade"),
               ("Sec-WebSocket-Key", key), ("Sec-WebSocket-Version", "13")]
    if protocols:
        headers.append(("Sec-WebSocket-Protocol", ", ".join(protocols)))
    return headers + list(more)


@dataclass
class Response:
    status: int
    headers: dict  # by lower-case name; the last one counts
    body: bytes = b""

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Frame:
    opcode: int
    payload: bytes
    fin: bool = True
    rsv1: bool = False

    @property
    def code(self):
        """Status of a Close frame; None when it has none."""
        return struct.unpack(">H", self.payload[:2])[0] if len(self.payload) >= 2 else None

    @property
    def json(self):
        return json.loads(self.payload)


def whole_frames(received):
    """Takes the server's whole frames off the front of a bytearray, one after the other."""
    at = 0
    try:
        while len(received) - at >= 2:
            assert not received[at] & 0x70 and not received[at + 1] & 0x80, "a malformed frame"
            length, start = received[at + 1], at + 2
            if length >= 126:
                start += 2 if length == 126 else 8
                length = int.from_bytes(received[at + 2:start], "big")
            if len(received) < start + length:
                return
            got = Frame(received[at] & 0x0F, bytes(received[start:start + length]),
                        bool(received[at] & 0x80))
            at = start + length
            yield got
    finally:
        del received[:at]


class RawWs:
    """A connected socket; `open` makes one that has done the handshake. `tls`: a flag, or the
    SSLContext of a client that shows a certificate. `address`: an IPv4 or IPv6 address, or the Path
    of a unix socket. `preface` goes out before everything else, as a PROXY line does."""

    extensions = False  # a client without extensions: the server may use none

    def __init__(self, port, *, tls=False, limit_s=LIMIT_S, receive_buffer=None,
                 address="127.0.0.1", preface=b""):
        self.port = port
        self.limit_s = limit_s
        unix = isinstance(address, Path)
        plain = socket.socket(socket.AF_UNIX if unix else
                              socket.AF_INET6 if ":" in address else socket.AF_INET)
        if receive_buffer:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        plain.settimeout(limit_s)
        plain.connect(str(address) if unix else (address, port))
        if not unix:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.sendall(preface)
        context = tls if isinstance(tls, ssl.SSLContext) else client_context()
        self.socket = context.wrap_socket(plain, server_hostname="localhost") if tls else plain
        self.received = bytearray()
        self.response = None

    @classmethod
    def open(cls, port, path="/ws/echo", *, tls=False, protocols=(), headers=(), early=b"",
             limit_s=LIMIT_S, receive_buffer=None, address="127.0.0.1", preface=b"", host=None):
        """Shakes hands; `early` goes out in the same write as the request."""
        ws = cls(port, tls=tls, limit_s=limit_s, receive_buffer=receive_buffer, address=address,
                 preface=preface)
        try:
            ws.shake_hands(path, protocols, headers, early, host)
        except BaseException:
            ws.drop()
            raise
        return ws

    def shake_hands(self, path, protocols=(), headers=(), early=b"", host=None):
        key = new_key()
        lines = upgrade_headers(self.port, key, protocols, headers, host)
        self.send(request_text(path, lines) + early)
        self.response = self.read_response()
        if self.response.status != 101:
            raise Refused(self.response)
        answer = self.response.headers
        assert answer["upgrade"].lower() == "websocket"
        assert "upgrade" in answer["connection"].lower()
        assert answer["sec-websocket-accept"] == accept_for(key)
        assert self.extensions or "sec-websocket-extensions" not in answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.drop()

    # --- sending

    def send(self, data):
        self.socket.sendall(data)

    def send_pieces(self, data, size=1):
        """Each piece is its own segment, as far as the kernel can be made to."""
        for at in range(0, len(data), size):
            self.socket.sendall(data[at:at + size])

    def send_frame(self, opcode, payload=b"", **form):
        self.send(frame(opcode, payload, **form))

    def text(self, text):
        self.send_frame(TEXT, text)

    def binary(self, data):
        self.send_frame(BINARY, data)

    def json(self, value):
        self.text(json.dumps(value))

    # --- receiving

    def _more(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("nothing came in time")
        self.socket.settimeout(left)
        try:
            data = self.socket.recv(256 * 1024)
        except (ConnectionResetError, ssl.SSLEOFError, BrokenPipeError) as error:
            raise Ended(str(error)) from None
        except socket.timeout:
            raise TimeoutError("nothing came in time") from None
        finally:
            self.socket.settimeout(self.limit_s)
        if not data:
            raise Ended("end of file")
        self.received += data

    def _need(self, count, deadline):
        while len(self.received) < count:
            self._more(deadline)

    def read_response(self, limit_s=None, body=True):
        deadline = time.monotonic() + (limit_s or self.limit_s)
        while b"\r\n\r\n" not in self.received:
            self._more(deadline)
        head, _, rest = bytes(self.received).partition(b"\r\n\r\n")
        self.received = bytearray(rest)
        lines = head.decode("latin-1").split("\r\n")
        pairs = (line.split(":", 1) for line in lines[1:])
        headers = {name.strip().lower(): value.strip() for name, value in pairs}
        response = Response(int(lines[0].split()[1]), headers)
        size = int(headers.get("content-length", "0"))
        if size and body and response.status != 101:
            self._need(size, deadline)
            response.body = bytes(self.received[:size])
            del self.received[:size]
        return response

    def frame(self, limit_s=None):
        """The next frame; raises Ended at the end of the stream, TimeoutError when none comes."""
        deadline = time.monotonic() + (limit_s or self.limit_s)
        self._need(2, deadline)
        first, second = self.received[0], self.received[1]
        assert not first & (0x30 if self.extensions else 0x70), "the server set a reserved bit"
        assert not second & 0x80, "the server masked a frame"
        length, at = second & 0x7F, 2
        if length >= 126:
            at = 4 if length == 126 else 10
            self._need(at, deadline)
            least = 126 if length == 126 else 65536
            length = int.from_bytes(self.received[2:at], "big")
            assert length >= least, "the server's length is not minimal"
        self._need(at + length, deadline)
        got = Frame(first & 0x0F, bytes(self.received[at:at + length]), bool(first & 0x80),
                    bool(first & 0x40))
        if got.opcode & 0x8:
            assert got.fin and length <= 125, "a control frame of the server is malformed"
        del self.received[:at + length]
        return got

    def message(self, limit_s=None):
        """The next data message, put together; pings are answered, pongs passed over."""
        deadline = time.monotonic() + (limit_s or self.limit_s)
        opcode, parts = None, []
        while True:
            got = self.frame(max(deadline - time.monotonic(), 0.001))
            if got.opcode == PING:
                self.send_frame(PONG, got.payload)
            elif got.opcode == CLOSE:
                raise Ended(f"closed with {got.code} {got.payload[2:]!r}")
            elif got.opcode != PONG:
                opcode = got.opcode if opcode is None else opcode
                parts.append(got.payload)
                if got.fin:
                    return Frame(opcode, b"".join(parts))

    def event(self, limit_s=None):
        got = self.message(limit_s)
        assert got.opcode == TEXT
        return got.json

    def events_until(self, kind, limit_s=30.0):
        """Events up to and including the first of that type."""
        deadline = time.monotonic() + limit_s
        events = []
        while not events or events[-1]["type"] != kind:
            try:
                events.append(self.event(max(deadline - time.monotonic(), 0.001)))
            except (TimeoutError, Ended) as error:
                raise AssertionError(f"no {kind}: {error}; had {events[-8:]}") from None
        return events

    def close_frame(self, limit_s=None):
        """The server's Close frame, and the data messages in front of it."""
        deadline = time.monotonic() + (limit_s or self.limit_s)
        data = []
        while True:
            got = self.frame(max(deadline - time.monotonic(), 0.001))
            if got.opcode == CLOSE:
                return got, data
            if got.opcode == PING:
                self.send_frame(PONG, got.payload)
            elif got.opcode != PONG:
                data.append(got)

    def expect_close(self, code, limit_s=None):
        """The server closes with `code` (None: without a status) and then ends the stream."""
        got, data = self.close_frame(limit_s)
        assert got.code == code, f"closed with {got.code} {got.payload[2:]!r}, not {code}"
        self.expect_end(limit_s)
        return data

    def expect_end(self, limit_s=None):
        deadline = time.monotonic() + (limit_s or self.limit_s)
        while True:
            try:
                self._more(deadline)
            except Ended:
                return
            assert not self.received, f"bytes behind the end: {bytes(self.received[:40])!r}"

    def readable(self):
        return bool(self.received) or bool(select.select([self.socket], [], [], 0)[0])

    # --- ending

    def close(self, code=1000, reason=b""):
        """The whole close handshake, begun here."""
        self.send_frame(CLOSE, close_payload(code, reason))
        got, _ = self.close_frame()
        assert got.code == code, f"answered with {got.code}"
        self.expect_end()
        self.drop()

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def drop(self):
        self.socket.close()
