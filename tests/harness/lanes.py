"""The out lane of a session in the form of shared/envelope.h: what stands in it, and the worker's
part of it played by a test, into the stream and the channel."""

import json
import struct

from harness.process import wait_for

VERSION, EVENTS, TAKEOVER, FIELD = 1, 1, 2, "d"
BINARY, V2_ONLY, TERMINAL, LIVE_ONLY = 1, 2, 4, 8


HEADER = struct.Struct("<BBHQQ")
EVENT = struct.Struct("<BBBBII")


def batch_events(data):
    """(id, flags, bytes) of each event; none of a takeover record."""
    _, kind, count, epoch, first = HEADER.unpack_from(data)
    if kind != EVENTS:
        return []
    events, at = [], HEADER.size
    for i in range(count):
        flags, _, _, _, length, _ = EVENT.unpack_from(data, at)
        at += EVENT.size
        events.append(((epoch, first + i), flags, data[at:at + length]))
        at += length
    return events


def takeover_bytes(epoch, prev, attempt=1):
    return struct.pack("<BBHQQQQI", VERSION, TAKEOVER, 1, epoch, 0, *prev, attempt)


def events_bytes(epoch, first_seq, events):
    """`events`: (flags, tag of the turn, bytes) each."""
    body = b"".join(struct.pack("<III", flags | turn << 8, len(data), 0) + data
                    for flags, turn, data in events)
    return struct.pack("<BBHQQ", VERSION, EVENTS, len(events), epoch, first_seq) + body


def followed_lane(redis, session):
    """The lane of a session, as soon as nginx follows it."""
    wait_for(lambda: redis.command("PUBSUB", "SHARDCHANNELS", f"mr:*:oc:{session}"),
             "nginx follows the lane")
    return OutLane(redis, session)


class OutLane:
    """Of a session that nginx follows already. `publish=False` leaves a batch in the log alone,
    `log=False` publishes it alone."""

    def __init__(self, redis, session):
        self.redis = redis
        channels = redis.command("PUBSUB", "SHARDCHANNELS", f"mr:*:oc:{session}")
        self.channel = channels[0]
        self.stream = self.channel.replace(":oc:", ":o:")
        self.meta = self.channel.replace(":oc:", ":s:")

    def _put(self, place, data, log, publish):
        if log:
            self.redis.command("XADD", self.stream, f"{place[0]}-{place[1]}", FIELD, data)
        if publish:
            self.redis.command("SPUBLISH", self.channel, data)

    def claim(self, epoch, prev, *, log=True, publish=True):
        self._put((epoch, 0), takeover_bytes(epoch, prev), log, publish)

    def event(self, epoch, seq, *, turn=1, terminal=False, log=True, publish=True):
        """One event that names its place, of that turn (0: of none)."""
        data = json.dumps({"type": "place", "id": f"{epoch}-{seq}"}).encode()
        batch = events_bytes(epoch, seq, [(TERMINAL if terminal else 0, turn, data)])
        self._put((epoch, seq), batch, log, publish)

    def flagged(self, epoch, seq, flags, data):
        """One event with these flags, of no turn."""
        self._put((epoch, seq), events_bytes(epoch, seq, [(flags, 0, data)]), True, True)

    def live(self, epoch, next_seq, data, *, turn=1):
        """Audio that is published, behind everything before `next_seq`, and not logged."""
        batch = events_bytes(epoch, next_seq, [(LIVE_ONLY | BINARY | V2_ONLY, turn, data)])
        self._put(None, batch, False, True)

    def set_back(self):
        """Redis has forgotten the log."""
        self.redis.command("DEL", self.stream)
