"""What the acceptance scripts share: a small WebSocket client on asyncio streams, and the memory of
nginx and worker processes. Needs Python 3.11 and nothing else."""

import asyncio
import base64
import json
import os
import ssl
import struct
from urllib.parse import urlsplit

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class WebSocket:
    """One client connection; text messages only, enough for load."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, url, protocol=None, context=None):
        parts = urlsplit(url)
        secure = parts.scheme == "wss"
        host, port = parts.hostname, parts.port or (443 if secure else 80)
        tls = (context or no_verify()) if secure else None
        reader, writer = await asyncio.open_connection(host, port, ssl=tls, limit=1 << 20)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {parts.path} HTTP/1.1", f"Host: {host}:{port}", "Upgrade: websocket",
                 "Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
        if protocol:
            lines.append(f"Sec-WebSocket-Protocol: {protocol}")
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101"):
            raise ConnectionError(head.split(b"\r\n")[0].decode())
        return cls(reader, writer)

    def send(self, text, opcode=TEXT):
        data = text.encode() if isinstance(text, str) else text
        mask = os.urandom(4)
        if len(data) < 126:
            head = struct.pack("!BB", 0x80 | opcode, 0x80 | len(data))
        elif len(data) < 65536:
            head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, len(data))
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, len(data))
        repeated = (mask * (len(data) // 4 + 1))[: len(data)]
        masked = (int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")).to_bytes(
            len(data), "big") if data else b""
        self.writer.write(head + mask + masked)

    async def receive(self):
        """The next text message as a string; None at the close."""
        while True:
            first, second = await self.reader.readexactly(2)
            length = second & 127
            if length == 126:
                length = int.from_bytes(await self.reader.readexactly(2), "big")
            elif length == 127:
                length = int.from_bytes(await self.reader.readexactly(8), "big")
            payload = await self.reader.readexactly(length)
            opcode = first & 15
            if opcode == PING:
                self.send(payload, PONG)
            elif opcode == CLOSE:
                return None
            elif opcode in (TEXT, BINARY):
                return payload.decode()

    async def ask(self, question):
        """One v1 question; the list of its events up to `response_complete`."""
        self.send(json.dumps({"message": question}))
        events = []
        while True:
            text = await self.receive()
            if text is None:
                raise ConnectionError("closed in the middle of an answer")
            events.append(json.loads(text))
            if events[-1]["type"] == "response_complete":
                return events

    def close(self):
        self.writer.close()


def no_verify():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def answer_of(events):
    return "".join(e["content"] for e in events if e["type"] == "text_chunk")


def processes(*names):
    """{pid: command line} of running processes whose command line contains one of the names."""
    found = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                line = file.read().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if any(name in line for name in names):
            found[int(entry)] = line
    return found


def memory_kib(pid, field="Private_Dirty"):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    raise KeyError(field)


def children_named(pid, name):
    """Descendants of pid whose command line contains name."""
    result = []
    for child in processes(name):
        parent = child
        while parent > 1:
            try:
                with open(f"/proc/{parent}/stat") as file:
                    parent = int(file.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                break
            if parent == pid:
                result.append(child)
                break
    return result


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None
