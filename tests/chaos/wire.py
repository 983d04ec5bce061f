"""One WebSocket connection on the event loop: frames in, frames out, and the ways a network treats
it (reset, stalled, abandoned). Knows nothing of sessions."""

import asyncio
import socket
import struct

from harness.raw_ws import BINARY, CLOSE, PING, PONG, TEXT, accept_for, close_payload, frame, new_key, \
    request_text, upgrade_headers
from harness.tls import client_context

OPEN_LIMIT_S = 10.0
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of zero seconds


class WireError(Exception):
    """The handshake failed, or the server broke RFC 6455."""


class Wire(asyncio.Protocol):
    """`on_text(wire, payload)` for every message, binary ones excepted if there is an `on_binary`;
    `on_end(wire, code)` once; code None: no Close."""

    def __init__(self, port, path, protocols, on_text, on_end, on_binary=None):
        self.on_text, self.on_end, self.on_binary = on_text, on_end, on_binary or on_text
        self.key = new_key()
        self.request = request_text(path, upgrade_headers(port, self.key, protocols))
        self.opened = asyncio.get_running_loop().create_future()
        self.transport = None
        self.received = bytearray()
        self.shaken = False
        self.parts = []
        self.is_binary = False  # the message whose parts they are
        self.code = None
        self.deaf = False  # abandoned: still open, nobody listens

    @classmethod
    async def open(cls, port, path, protocols, on_text, on_end, *, tls=False, on_binary=None):
        loop = asyncio.get_running_loop()
        form = {"ssl": client_context(), "server_hostname": "localhost"} if tls else {}
        wire = cls(port, path, protocols, on_text, on_end, on_binary)
        try:
            async with asyncio.timeout(OPEN_LIMIT_S):
                await loop.create_connection(lambda: wire, "127.0.0.1", port, **form)
                await wire.opened
        except BaseException:
            wire.deaf = True
            wire.opened.cancel()  # nobody waits for it any more
            wire.abort()
            raise
        return wire

    # --- the socket

    def connection_made(self, transport):
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data):
        self.received += data
        try:
            if not self.shaken and not self.shake_hands():
                return
            while not self.deaf and self.take_frame():
                pass
        except WireError as error:
            self.fail(error)

    def fail(self, error):
        if not self.opened.done():
            self.opened.set_exception(error)
        self.abort()

    def connection_lost(self, error):
        self.transport = None
        if not self.opened.done():
            self.opened.set_exception(WireError(f"ended in the handshake: {error}"))
        elif not self.deaf:
            self.deaf = True
            self.on_end(self, self.code)

    # --- frames

    def shake_hands(self):
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = self.received[:end].decode("latin-1")
        del self.received[:end + 4]
        if not head.startswith("HTTP/1.1 101 ") or accept_for(self.key) not in head:
            raise WireError(head.partition("\r\n")[0])
        self.shaken = True
        if not self.opened.done():
            self.opened.set_result(None)
        return True

    def take_frame(self):
        data = self.received
        if len(data) < 2:
            return False
        length, at = data[1] & 0x7F, 2
        if length >= 126:
            at = 4 if length == 126 else 10
            if len(data) < at:
                return False
            length = int.from_bytes(data[2:at], "big")
        if len(data) < at + length:
            return False
        if data[0] & 0x70 or data[1] & 0x80:
            raise WireError("reserved bits or a masked frame")
        opcode, fin = data[0] & 0x0F, data[0] & 0x80
        payload = bytes(data[at:at + length])
        del data[:at + length]
        if opcode == PING:
            self.send(PONG, payload)
        elif opcode == CLOSE:
            self.code = int.from_bytes(payload[:2], "big") if payload else 1005
            self.send(CLOSE, payload[:2])
            self.transport.close()
            return False
        elif opcode != PONG:
            if not self.parts:
                self.is_binary = opcode == BINARY
            self.parts.append(payload)
            if fin:
                whole, self.parts = b"".join(self.parts), []
                (self.on_binary if self.is_binary else self.on_text)(self, whole)
        return True

    def send(self, opcode, payload):
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(frame(opcode, payload))

    def text(self, text):
        self.send(TEXT, text)

    # --- how it is treated

    def pause(self):
        if self.transport is not None and not self.transport.is_closing():
            self.transport.pause_reading()

    def resume(self):
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    def abandon(self):
        """Half-open: the socket stays, nobody reads it or answers a ping."""
        self.deaf = True
        self.pause()

    def abort(self):
        """RST."""
        if self.transport is not None:
            peer = self.transport.get_extra_info("socket")
            if peer is not None:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.transport.abort()

    def close(self):
        self.send(CLOSE, close_payload(1000))
