"""The client's side of one voice stream, as docs/protocol.md has it: what has been captured, the
ring of its last seconds, and what is to be sent when, also behind a loss. No sockets in here."""

RATE = 16000
RING_MS = 5000       # what is offered behind a loss
KEPT_MS = 9000       # and is still there when the answer comes
FRAME_MS = 40
LONG_FRAME_MS = 200  # of what is sent again
BYTES_PER_MS = 2 * RATE // 1000


def silence(ms):
    return bytes(BYTES_PER_MS * ms)


def tone(ms, period=40):
    """Loud enough for speech: a square wave."""
    high, low = (6000).to_bytes(2, "little"), (-6000).to_bytes(2, "little", signed=True)
    wave = (high * (period // 2) + low * (period // 2)) * (RATE * ms // 1000 // period + 1)
    return wave[:BYTES_PER_MS * ms]


class VoiceStream:
    """`link`: "none" (not begun), "sending", or "asking": no sound until `audio_ack` has come."""

    def __init__(self, stream_id, **fields):
        self.id = stream_id
        self.fields = {"stream_id": stream_id, "sample_rate": RATE, "encoding": "pcm_s16le",
                       "transport": "binary", "mode": "auto", "tts": True, **fields}
        self.link = "none"
        self.ring = bytearray()
        self.end_ms = 0   # captured
        self.sent_ms = 0  # given to the connection
        self.offered_ms = 0
        self.gaps = []    # (from_ms, received_ms) of each resume: what was asked, what was answered

    @property
    def start_ms(self):
        """Of the oldest sound that is still here."""
        return self.end_ms - len(self.ring) // BYTES_PER_MS

    def capture(self, samples):
        """Whole milliseconds."""
        self.ring += samples
        self.end_ms += len(samples) // BYTES_PER_MS
        del self.ring[:max(0, len(self.ring) - BYTES_PER_MS * KEPT_MS)]

    def begin(self):
        """Places are counted from the oldest sound that is still here."""
        self.link = "sending"
        self.end_ms -= self.start_ms
        return {"type": "voice_start", **self.fields}

    def resume(self):
        self.link = "asking"
        self.offered_ms = max(self.start_ms, self.end_ms - RING_MS)
        return {"type": "voice_resume", **self.fields, "from_ms": self.offered_ms}

    def acknowledged(self, event):
        if event["stream_id"] == self.id and self.link == "asking" and \
                event["received_ms"] >= self.offered_ms:
            self.link = "sending"
            self.gaps.append((self.offered_ms, event["received_ms"]))
            self.sent_ms = min(max(event["received_ms"], self.start_ms), self.end_ms)

    def frames(self):
        """What is to be sent now. Where the ring has let some of it go, it is to be asked first."""
        if self.link == "sending" and self.sent_ms < self.start_ms:
            self.link = "asking"
        while self.link == "sending" and self.sent_ms < self.end_ms:
            left = self.end_ms - self.sent_ms
            size = FRAME_MS if left <= LONG_FRAME_MS else LONG_FRAME_MS
            at = BYTES_PER_MS * (self.sent_ms - self.start_ms)
            piece = bytes(self.ring[at:at + BYTES_PER_MS * size])
            self.sent_ms += len(piece) // BYTES_PER_MS
            yield piece
