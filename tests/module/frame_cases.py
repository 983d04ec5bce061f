"""What a client may send after the handshake and what has to come back, beyond the numbered cases of
conformance_cases.py: more opcodes, lengths, cuts and codes of every class, and what that suite does
not ask (`x`).

A case is what is sent, the data and pong frames that have to come back, and how it ends. Where an
error follows a whole message the server may close before that message has made its way through
Redis: `owed` messages may come, but nothing else may.
"""

from dataclasses import dataclass, field

from conformance_cases import HELLO, NO_STATUS, NOT_TEXT, OPEN, fragments, more, text
from harness.raw_ws import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload, frame

EURO = "Hello-µ@ßöäüàá-UTF-8!!".encode()


@dataclass
class Case:
    name: str
    sent: bytes
    back: list = field(default_factory=list)  # (opcode, payload), data and pongs each in order
    end: object = OPEN                        # OPEN, or the code the server closes with
    chop: int = 0                             # bytes per write; 0: all in one
    owed: list = field(default_factory=list)


def framing():
    for opcode, name, unit in ((TEXT, "text", b"*"), (BINARY, "binary", b"\xfe")):
        for size in (0, 125, 126, 127, 128, 65534, 65535, 65536):
            payload = unit * size
            yield Case(f"1 {name} of {size} bytes", frame(opcode, payload), [(opcode, payload)])
        payload = unit * 65536
        yield Case(f"1 {name} of 65536 bytes in chops of 997", frame(opcode, payload),
                   [(opcode, payload)], chop=997)


def pings():
    yield Case("2 ping without payload", frame(PING), [(PONG, b"")])
    yield Case("2 ping with text", frame(PING, HELLO), [(PONG, HELLO)])
    yield Case("2 ping with binary", frame(PING, NOT_TEXT), [(PONG, NOT_TEXT)])
    full = b"\xfe" * 125
    yield Case("2 ping of 125 bytes", frame(PING, full), [(PONG, full)])
    yield Case("2 ping of 125 bytes, byte by byte", frame(PING, full), [(PONG, full)], chop=1)
    yield Case("2 ping of 126 bytes", frame(PING, b"\xfe" * 126), end=1002)
    yield Case("2 pong nobody asked for", frame(PONG))
    yield Case("2 pong nobody asked for, with payload", frame(PONG, b"unsolicited"))
    yield Case("2 pong of 126 bytes", frame(PONG, b"x" * 126), end=1002)
    yield Case("2 pong nobody asked for, then ping", frame(PONG, b"x") + frame(PING, HELLO),
               [(PONG, HELLO)])
    ten = [f"payload-{i}".encode() for i in range(10)]
    for chop in (0, 1):
        yield Case(f"2 ten pings, chop {chop}", b"".join(frame(PING, one) for one in ten),
                   [(PONG, one) for one in ten], chop=chop)


def reserved_bits():
    yield Case("3 rsv 1 on text", text(HELLO, rsv=1), end=1002)
    for rsv in range(1, 8):
        for chop in (0, 1):
            yield Case(f"3 rsv {rsv} behind a message, chop {chop}",
                       text(HELLO) + text(HELLO, rsv=rsv) + frame(PING), end=1002, chop=chop,
                       owed=[(TEXT, HELLO)])
    for opcode in (BINARY, PING, PONG, CLOSE, CONTINUATION):
        yield Case(f"3 rsv 5 on opcode {opcode}", frame(opcode, rsv=5), end=1002)


def opcodes():
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        yield Case(f"4 opcode {opcode}", frame(opcode), end=1002)
        yield Case(f"4 opcode {opcode} with payload", frame(opcode, b"reserved"), end=1002)
        yield Case(f"4 opcode {opcode} behind a message, byte by byte",
                   text(HELLO) + frame(opcode, b"x") + frame(PING), end=1002, chop=1,
                   owed=[(TEXT, HELLO)])


def fragmentation():
    yield Case("5 ping in two frames", frame(PING, b"a", fin=False) + more(b"b"), end=1002)
    yield Case("5 pong in two frames", frame(PONG, b"a", fin=False) + more(b"b"), end=1002)
    yield Case("5 close in two frames", frame(CLOSE, close_payload(1000), fin=False), end=1002)
    two = text(b"first", fin=False) + more(b"second")
    for chop in (0, 1, 11):
        yield Case(f"5 text in two frames, chop {chop}", two, [(TEXT, b"firstsecond")], chop=chop)
    with_ping = text(b"first", fin=False) + frame(PING, b"p") + more(b"second")
    for chop in (0, 1):
        yield Case(f"5 ping between two frames, chop {chop}", with_ping,
                   [(PONG, b"p"), (TEXT, b"firstsecond")], chop=chop)
    for fin in (True, False):
        for chop in (0, 1):
            yield Case(f"5 continuation of nothing, fin {fin}, chop {chop}",
                       more(b"nothing", fin=fin) + text(HELLO), end=1002, chop=chop)
    for fin in (True, False):
        yield Case(f"5 continuation behind a whole message, fin {fin}",
                   two + more(b"nothing", fin=fin) + text(HELLO), end=1002,
                   owed=[(TEXT, b"firstsecond")])
    yield Case("5 new text inside a message", text(b"a", fin=False) + text(b"b"), end=1002)
    yield Case("5 new binary inside a message",
               text(b"a", fin=False) + frame(BINARY, b"b"), end=1002)
    five = [f"fragment{i}".encode() for i in range(1, 6)]
    frames = [text(five[0], fin=False), more(five[1], fin=False), frame(PING, b"one"),
              more(five[2], fin=False), more(five[3], fin=False), frame(PING, b"two"),
              more(five[4])]
    for chop in (0, 1):
        yield Case(f"5 five frames with pings, chop {chop}", b"".join(frames),
                   [(PONG, b"one"), (PONG, b"two"), (TEXT, b"".join(five))], chop=chop)
    yield Case("5 empty frames", text(b"", fin=False) + more(b"", fin=False) + more(b""),
               [(TEXT, b"")])
    yield Case("5 empty frames around one byte",
               text(b"", fin=False) + more(b"x", fin=False) + more(b""), [(TEXT, b"x")])
    yield Case("5 binary in three frames", fragments(BINARY, NOT_TEXT, 3), [(BINARY, NOT_TEXT)])


VALID_TEXTS = [
    b"", HELLO, EURO, "κόσμε".encode(), b"\x00", b"\x7f", "\u0080".encode(), "߿".encode(),
    "\u0800".encode(), "\uffff".encode(), "\U00010000".encode(), "\U0010ffff".encode(),
    "\ud7ff\ue000\ufffd".encode(), "\U0001f926\U0001f3fc\u200d\u2642\ufe0f".encode(),
    "\u2000\u2028\u2029\ufeff".encode(),
    *(chr(plane * 0x10000 + low).encode() for plane in range(17) for low in (0xfffe, 0xffff)),
]

INVALID_TEXTS = [
    "κόσμε".encode() + b"\xed\xa0\x80" + b"edited",
    *(bytes([byte]) for byte in (0x80, 0xbf, 0xc0, 0xc1, 0xf5, 0xf8, 0xfb, 0xfc, 0xfd, 0xfe, 0xff)),
    *(b"\x80\xbf" * n for n in (1, 2, 3)), bytes(range(0x80, 0xc0)),
    b" ".join(bytes([b]) for b in range(0xc0, 0xe0)),
    b" ".join(bytes([b]) for b in range(0xe0, 0xf0)),
    b" ".join(bytes([b]) for b in range(0xf0, 0xf8)),
    # cut short: at the end, and in front of a plain character
    b"\xc2", b"\xdf", b"\xe0\xa0", b"\xef\xbf", b"\xf0\x90\x80", b"\xf4\x8f\xbf", b"\xc2x",
    b"\xe0\xa0x", b"\xf0\x90\x80x", b"\xce\xba\xe1\xbd", b"\xce\xba\xe1",
    # longer than needed
    b"\xc0\xaf", b"\xc1\xbf", b"\xe0\x80\xaf", b"\xe0\x9f\xbf", b"\xf0\x80\x80\xaf",
    b"\xf0\x8f\xbf\xbf", b"\xf8\x80\x80\x80\xaf", b"\xfc\x80\x80\x80\x80\xaf",
    b"\xc0\x80", b"\xe0\x80\x80", b"\xf0\x80\x80\x80", b"\xf8\x80\x80\x80\x80",
    b"\xfc\x80\x80\x80\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80",
    # surrogates, alone and in pairs
    *(bytes([0xed, second, third]) for second in (0xa0, 0xad, 0xae, 0xaf, 0xb0, 0xbe, 0xbf)
      for third in (0x80, 0xbf)),
    b"\xed\xa0\x80\xed\xb0\x80", b"\xed\xad\xbf\xed\xbf\xbf",
    # beyond the last code point
    b"\xf4\x90\x80\x80", b"\xf7\xbf\xbf\xbf", b"\xfb\xbf\xbf\xbf\xbf",
]


def utf8():
    for i, payload in enumerate(VALID_TEXTS):
        yield Case(f"6 valid text {i}", text(payload), [(TEXT, payload)])
    yield Case("6 valid text, all in frames of one byte", fragments(TEXT, EURO, 1), [(TEXT, EURO)])
    yield Case("6 valid text, byte by byte", text(EURO), [(TEXT, EURO)], chop=1)
    yield Case("6 valid text, frames of one byte, byte by byte", fragments(TEXT, EURO, 1),
               [(TEXT, EURO)], chop=1)
    for i, payload in enumerate(INVALID_TEXTS):
        yield Case(f"6 invalid text {i}", text(payload), end=1007)
        yield Case(f"6 invalid text {i}, frames of one byte", fragments(TEXT, payload, 1), end=1007)
    yield Case("6 binary is not looked at", frame(BINARY, b"".join(INVALID_TEXTS)),
               [(BINARY, b"".join(INVALID_TEXTS))])
    # Refused at the first impossible byte, though neither message nor frame is complete.
    for name, bad in (("surrogate", b"\xed\xa0"), ("beyond", b"\xf4\x90"), ("lone", b"\x80"),
                      ("long form", b"\xc0")):
        good = "κόσμε".encode()
        yield Case(f"6 at once, {name}, in an unfinished message",
                   text(good, fin=False) + more(bad, fin=False), end=1007)
        yield Case(f"6 at once, {name}, in an unfinished frame",
                   text(good + bad, declared=1000), end=1007)
        yield Case(f"6 at once, {name}, in an unfinished frame, byte by byte",
                   text(good + bad, declared=1000), end=1007, chop=1)


GOOD_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
              3000, 3999, 4000, 4999)
BAD_CODES = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 32768, 65535)


def closing():
    close = frame(CLOSE, close_payload(1000))
    yield Case("7 message, then close", text(HELLO) + close, end=1000, owed=[(TEXT, HELLO)])
    for name, late in (("close", close), ("ping", frame(PING)), ("text", text(HELLO)),
                       ("broken frame", frame(3)), ("unmasked text", text(HELLO, mask=None))):
        yield Case(f"7 {name} behind the close", close + late, end=1000)
    yield Case("7 close inside a message", text(b"a", fin=False) + close + more(b"b"), end=1000)
    yield Case("7 close behind 64 KiB", text(b"*" * 65536) + close, end=1000,
               owed=[(TEXT, b"*" * 65536)])
    yield Case("7 close without a status", frame(CLOSE), end=NO_STATUS)
    yield Case("7 close of one byte", frame(CLOSE, b"\x03"), end=1002)
    yield Case("7 close with a reason", frame(CLOSE, close_payload(1000, HELLO)), end=1000)
    yield Case("7 close with the longest reason", frame(CLOSE, close_payload(1000, b"*" * 123)),
               end=1000)
    yield Case("7 close with a reason too long", frame(CLOSE, close_payload(1000, b"*" * 124)),
               end=1002)
    yield Case("7 close with a reason not UTF-8",
               frame(CLOSE, close_payload(1000, b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80")), end=1007)
    yield Case("7 close with a reason cut short", frame(CLOSE, close_payload(1000, b"\xe1\xbd")),
               end=1007)
    for chop in (0, 1):
        for code in GOOD_CODES:
            yield Case(f"7 code {code}, chop {chop}", frame(CLOSE, close_payload(code, "why")),
                       end=code, chop=chop)
        for code in BAD_CODES:
            yield Case(f"7 bad code {code}, chop {chop}", frame(CLOSE, close_payload(code)),
                       end=1002, chop=chop)


def strictness():
    """What Autobahn leaves out: masks, minimal lengths, lengths nobody could mean."""
    for opcode in (TEXT, BINARY, PING, PONG, CLOSE, CONTINUATION):
        yield Case(f"x opcode {opcode} without a mask", frame(opcode, mask=None), end=1002)
    yield Case("x second frame without a mask",
               text(b"a", fin=False) + more(b"b", mask=None), end=1002)
    yield Case("x mask of zeros", text(HELLO, mask=b"\0\0\0\0"), [(TEXT, HELLO)])
    for size, bits in ((0, 16), (125, 16), (0, 64), (125, 64), (126, 64), (65535, 64)):
        yield Case(f"x {size} bytes in the {bits} bit form",
                   text(b"*" * size, length_bits=bits), end=1002)
    yield Case("x ping with a 16 bit length", frame(PING, b"a", length_bits=16), end=1002)
    yield Case("x length with its top bit set",
               text(b"", declared=1 << 63, length_bits=64), end=1002)
    for power in (24, 31, 32, 40, 62):
        yield Case(f"x length of 2^{power}", text(b"", declared=1 << power), end=1009)


def many_fragments():
    payload = b"*" * 65536
    for opcode in (TEXT, BINARY):
        yield Case(f"10 64 KiB in frames of 1300, opcode {opcode}",
                   fragments(opcode, payload, 1300), [(opcode, payload)])


def all_cases():
    return [case for group in (framing, pings, reserved_bits, opcodes, fragmentation, utf8, closing,
                               many_fragments, strictness) for case in group()]
