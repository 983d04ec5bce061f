"""RawWs with permessage-deflate (RFC 7692), on Python's own zlib: compresses what it sends as it is
told, right or wrong, and is strict about what the server sends."""

import time
import zlib

from harness.raw_ws import CLOSE, CONTINUATION, Ended, Frame, PING, PONG, RawWs, frame

RSV1 = 4
TAIL = b"\x00\x00\xff\xff"
BROWSER = "permessage-deflate; client_max_window_bits"


def deflated(payload, level=6, bits=15):
    """The payload of a whole compressed message."""
    compressor = zlib.compressobj(level, zlib.DEFLATED, -bits)
    data = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
    assert data.endswith(TAIL)
    return data[:-4] or b"\x00"


def compressed_frames(opcode, payload, size=0):
    """A message of these compressed bytes, in frames of `size` (0: in one)."""
    size = size or len(payload) or 1
    pieces = [payload[at:at + size] for at in range(0, len(payload), size)] or [b""]
    return b"".join(frame(opcode if i == 0 else CONTINUATION, piece, fin=i == len(pieces) - 1,
                          rsv=RSV1 if i == 0 else 0) for i, piece in enumerate(pieces))


def parameters(answer):
    """What the server agreed to: {name: value or None}."""
    name, *rest = [part.strip() for part in answer.split(";")]
    assert name == "permessage-deflate"
    found = {}
    for part in rest:
        key, _, value = part.partition("=")
        assert key not in found
        found[key] = int(value) if value else None
    return found


class DeflateWs(RawWs):
    extensions = True

    @classmethod
    def open(cls, port, path="/ws/deflate", *, offer=BROWSER, headers=(), **form):
        more = [*headers, ("Sec-WebSocket-Extensions", offer)]
        ws = super().open(port, path, headers=more, **form)
        answer = ws.response.headers.get("sec-websocket-extensions")
        ws.agreed = parameters(answer) if answer else None
        return ws

    @property
    def server_bits(self):
        return self.agreed.get("server_max_window_bits") or 15

    @property
    def client_bits(self):
        return max(self.agreed.get("client_max_window_bits") or 15, 9)

    def send_message(self, opcode, payload, size=0, level=6):
        self.send(compressed_frames(opcode, deflated(payload, level, self.client_bits), size))

    def message(self, limit_s=None):
        """The next message, inflated; `rsv1` says whether it came compressed."""
        deadline = time.monotonic() + (limit_s or self.limit_s)
        first, parts = None, []
        while True:
            got = self.frame(max(deadline - time.monotonic(), 0.001))
            if got.opcode & 8:
                assert not got.rsv1, "a control frame is never compressed"
            if got.opcode == PING:
                self.send_frame(PONG, got.payload)
            elif got.opcode == CLOSE:
                raise Ended(f"closed with {got.code} {got.payload[2:]!r}")
            elif got.opcode != PONG:
                first = first or got
                assert got is first or not got.rsv1, "RSV1 on a continuation"
                parts.append(got.payload)
                if got.fin:
                    data = b"".join(parts)
                    return Frame(first.opcode, self.inflated(data) if first.rsv1 else data, True,
                                 first.rsv1)

    def inflated(self, data):
        assert self.agreed is not None, "RSV1 without an agreement"
        inflater = zlib.decompressobj(-self.server_bits)
        message = inflater.decompress(data + TAIL)
        assert not inflater.unused_data and not inflater.eof
        return message
