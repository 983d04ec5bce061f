"""The Autobahn test suite's core classes (1-7 and 10, 247 cases) and its limits (class 9, 54 cases),
stated by case number: what a client sends, which frames have to come back in which order, and how
it ends.

Ten of the core cases send something wrong behind a whole message and want that message's echo in
front of the close. An endpoint that passes messages on before they come back may close first; the
suite calls that NON-STRICT. They are marked `relayed`; nothing else may differ from the table. In
two more the client itself closes behind a message: whether the echo still comes is open
(`crossing`), as RFC 6455 section 5.5.1 has it.
"""

from dataclasses import dataclass, field

from harness.raw_ws import (BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload, frame)

OPEN = "open"  # the connection is fine behind the case
NO_STATUS = None
HELLO = b"Hello, world!"
NOT_TEXT = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"
LATIN = "Hello-µ@ßöäüàá-UTF-8!!".encode()
GREEK = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"  # 2, 3, 2, 2 and 2 bytes
MIB = 1 << 20


@dataclass
class Case:
    number: str
    sent: bytes
    back: list = field(default_factory=list)  # (opcode, payload) of every frame but the Close
    end: object = OPEN                        # OPEN, or the code the server closes with
    chop: int = 0                             # bytes per write; 0: all in one
    relayed: bool = False                     # see above
    crossing: bool = False


@dataclass
class Rounds:
    """Messages sent one after the other, each when the one before has come back."""
    number: str
    opcode: int
    payload: bytes
    count: int = 1000


def text(payload=b"", **form):
    return frame(TEXT, payload, **form)


def more(payload=b"", **form):
    return frame(CONTINUATION, payload, **form)


def fragments(opcode, payload, size):
    """One message in frames of `size` bytes."""
    pieces = [payload[at:at + size] for at in range(0, len(payload), size)] or [b""]
    return b"".join(
        frame(opcode if i == 0 else CONTINUATION, piece, fin=i == len(pieces) - 1)
        for i, piece in enumerate(pieces))


def numbered(prefix, rows):
    """Cases prefix.1, prefix.2, … of (sent, back, end) or (sent, back, end, further fields)."""
    for i, (sent, back, end, *further) in enumerate(rows, 1):
        yield Case(f"{prefix}.{i}", sent, back, end, **(further[0] if further else {}))


def framing():
    for number, opcode, unit in (("1.1", TEXT, b"*"), ("1.2", BINARY, b"\xfe")):
        sizes = [(0, 0), (125, 0), (126, 0), (127, 0), (128, 0), (65535, 0), (65536, 0),
                 (65536, 997)]
        yield from numbered(number, [
            (frame(opcode, unit * size), [(opcode, unit * size)], OPEN, {"chop": chop})
            for size, chop in sizes])


def pings():
    full = b"\xfe" * 125
    ten = [f"payload-{i}".encode() for i in range(10)]
    flood = b"".join(frame(PING, one) for one in ten)
    pongs = [(PONG, one) for one in ten]
    yield from numbered("2", [
        (frame(PING), [(PONG, b"")], OPEN),
        (frame(PING, HELLO), [(PONG, HELLO)], OPEN),
        (frame(PING, NOT_TEXT), [(PONG, NOT_TEXT)], OPEN),
        (frame(PING, full), [(PONG, full)], OPEN),
        (frame(PING, full + b"\xfe"), [], 1002),
        (frame(PING, full), [(PONG, full)], OPEN, {"chop": 1}),
        (frame(PONG), [], OPEN),
        (frame(PONG, b"unsolicited"), [], OPEN),
        (frame(PONG, b"unsolicited") + frame(PING, b"ping"), [(PONG, b"ping")], OPEN),
        (flood, pongs, OPEN),
        (flood, pongs, OPEN, {"chop": 1}),
    ])


def behind_a_message(bad, chop):
    """A whole message, something wrong, a ping that is never answered."""
    return (text(HELLO) + bad + frame(PING), [(TEXT, HELLO)], 1002,
            {"chop": chop, "relayed": True})


def reserved_bits():
    yield from numbered("3", [
        (text(HELLO, rsv=1), [], 1002),
        behind_a_message(text(HELLO, rsv=2), 0),
        behind_a_message(text(HELLO, rsv=3), 0),
        behind_a_message(text(HELLO, rsv=4), 1),
        (frame(BINARY, NOT_TEXT, rsv=5), [], 1002),
        (frame(PING, HELLO, rsv=6), [], 1002),
        (frame(CLOSE, rsv=7), [], 1002),
    ])


def opcodes():
    for number, first in (("4.1", 3), ("4.2", 11)):
        yield from numbered(number, [
            (frame(first), [], 1002),
            (frame(first + 1, b"reserved opcode payload"), [], 1002),
            behind_a_message(frame(first + 2), 0),
            behind_a_message(frame(first + 3, b"reserved opcode payload"), 0),
            behind_a_message(frame(first + 4, b"reserved opcode payload"), 1),
        ])


def fragmentation():
    start, last = text(b"fragment1", fin=False), more(b"fragment2")
    whole = [(TEXT, b"fragment1fragment2")]
    with_ping = start + frame(PING, b"ping payload") + last
    ponged = [(PONG, b"ping payload"), *whole]
    middle = more(b"fragment1", fin=False)
    five = [f"fragment{i}".encode() for i in range(1, 6)]
    long = (text(five[0], fin=False) + more(five[1], fin=False) + frame(PING, b"pongme 1!")
            + more(five[2], fin=False) + more(five[3], fin=False) + frame(PING, b"pongme 2!")
            + more(five[4]))
    long_back = [(PONG, b"pongme 1!"), (PONG, b"pongme 2!"), (TEXT, b"".join(five))]
    rows = [
        (frame(PING, b"fragment1", fin=False) + last, [], 1002),
        (frame(PONG, b"fragment1", fin=False) + last, [], 1002),
        *((start + last, whole, OPEN, {"chop": chop}) for chop in (0, 7, 1)),
        *((with_ping, ponged, OPEN, {"chop": chop}) for chop in (0, 7, 1)),
        *((more(b"non-continuation payload") + text(HELLO), [], 1002, {"chop": chop})
          for chop in (0, 7, 1)),
        *((more(b"non-continuation payload", fin=False) + text(HELLO), [], 1002, {"chop": chop})
          for chop in (0, 7, 1)),
        (start + last + more(b"fragment3", fin=False) + text(b"fragment4"), whole, 1002,
         {"relayed": True}),
        ((middle + start + last) * 2, [], 1002),
        ((more(b"fragment1") + start + last) * 2, [], 1002),
        (start + text(b"fragment2"), [], 1002),
        (long, long_back, OPEN),
        (long, long_back, OPEN, {"chop": 1}),
    ]
    yield from numbered("5", rows)


def valid(number, texts):
    return numbered(number, [(text(one), [(TEXT, one)], OPEN) for one in texts])


def invalid(number, texts):
    return numbered(number, [(text(one), [], 1007) for one in texts])


def text_messages():
    """6.1 to 6.4. What is impossible is refused when it arrives: neither the message (6.4.1,
    6.4.2) nor the frame (6.4.3, 6.4.4) is ever finished."""
    surrogate = GREEK + b"\xed\xa0\x80" + b"edited"
    yield from numbered("6.1", [
        (text(), [(TEXT, b"")], OPEN),
        (text(fin=False) + more(fin=False) + more(), [(TEXT, b"")], OPEN),
        (text(fin=False) + more(b"middle frame payload", fin=False) + more(),
         [(TEXT, b"middle frame payload")], OPEN),
    ])
    yield from numbered("6.2", [
        (text(LATIN), [(TEXT, LATIN)], OPEN),
        (fragments(TEXT, LATIN, 13), [(TEXT, LATIN)], OPEN),
        (fragments(TEXT, LATIN, 1), [(TEXT, LATIN)], OPEN),
        (fragments(TEXT, GREEK, 1), [(TEXT, GREEK)], OPEN),
    ])
    yield from numbered("6.3", [
        (text(surrogate), [], 1007),
        (fragments(TEXT, surrogate, 1), [], 1007),
    ])
    yield from numbered("6.4", [
        (text(GREEK, fin=False) + more(b"\xf4\x90\x80\x80", fin=False), [], 1007),
        (text(GREEK + b"\xf4", fin=False) + more(b"\x90", fin=False), [], 1007),
        (text(GREEK + b"\xf4\x90\x80\x80", declared=21), [], 1007),
        (text(GREEK + b"\xf4\x90", declared=21), [], 1007),
    ])


def unfinished():
    return [b"\xc0", b"\xe0\x80", b"\xf0\x80\x80", b"\xf8\x80\x80\x80", b"\xfc\x80\x80\x80\x80",
            b"\xdf", b"\xef\xbf", b"\xf7\xbf\xbf", b"\xfb\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf"]


def texts():
    """6.5 to 6.23: whole messages of one frame."""
    yield from valid("6.5", ["hello$world".encode(), "hello¢world".encode(),
                             "hello€world".encode(), "hello𤭢world".encode(), GREEK])
    yield from numbered("6.6", [
        (text(GREEK[:size]), [(TEXT, GREEK[:size])], OPEN) if size in (2, 5, 7, 9, 11)
        else (text(GREEK[:size]), [], 1007) for size in range(1, 12)])
    yield from valid("6.7", [b"\x00", b"\xc2\x80", b"\xe0\xa0\x80", b"\xf0\x90\x80\x80"])
    yield from invalid("6.8", [b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"])
    yield from valid("6.9", [b"\x7f", b"\xdf\xbf", b"\xef\xbf\xbf", b"\xf4\x8f\xbf\xbf"])
    yield from invalid("6.10", [b"\xf7\xbf\xbf\xbf", b"\xfb\xbf\xbf\xbf\xbf",
                                b"\xfd\xbf\xbf\xbf\xbf\xbf"])
    borders = [b"\xed\x9f\xbf", b"\xee\x80\x80", b"\xef\xbf\xbd", b"\xf4\x8f\xbf\xbf"]
    yield from numbered("6.11", [(text(one), [(TEXT, one)], OPEN) for one in borders]
                        + [(text(b"\xf4\x90\x80\x80"), [], 1007)])
    yield from invalid("6.12", [b"\x80", b"\xbf", *(b"\x80\xbf\x80\xbf\x80\xbf"[:n]
                                                    for n in range(2, 7)),
                                bytes(range(0x80, 0xbf))])
    yield from invalid("6.13", [b"".join(bytes([byte]) + b" " for byte in run) for run in
                                (range(0xc0, 0xdf), range(0xe0, 0xef), range(0xf0, 0xf7),
                                 range(0xf8, 0xfb), range(0xfc, 0xfd))])
    yield from invalid("6.14", unfinished())
    yield from invalid("6.15", [b"".join(unfinished())])
    yield from invalid("6.16", [b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"])
    yield from invalid("6.17", [b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf",
                                b"\xf8\x80\x80\x80\xaf", b"\xfc\x80\x80\x80\x80\xaf"])
    yield from invalid("6.18", [b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf",
                                b"\xf8\x87\xbf\xbf\xbf", b"\xfc\x83\xbf\xbf\xbf\xbf"])
    yield from invalid("6.19", [b"\xc0\x80", b"\xe0\x80\x80", b"\xf0\x80\x80\x80",
                                b"\xf8\x80\x80\x80\x80", b"\xfc\x80\x80\x80\x80\x80"])
    low, high = (b"\xed\xa0\x80", b"\xed\xad\xbf", b"\xed\xae\x80", b"\xed\xaf\xbf"), \
        (b"\xed\xb0\x80", b"\xed\xbf\xbf")
    yield from invalid("6.20", [*low, b"\xed\xb0\x80", b"\xed\xbe\x80", b"\xed\xbf\xbf"])
    yield from invalid("6.21", [first + second for first in low for second in high])
    yield from valid("6.22", [chr(plane * 0x10000 + last).encode()
                              for plane in range(17) for last in (0xfffe, 0xffff)])
    yield from valid("6.23", [chr(point).encode() for point in range(0xfff9, 0x10000)])


GOOD_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
BAD_CODES = (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999)


def closing():
    close = frame(CLOSE, close_payload(1000))
    huge = b"B" * (256 * 1024)
    longest = b"*" * 123
    yield Case("7.1.1", text(HELLO) + close, [(TEXT, HELLO)], 1000, crossing=True)
    yield from (Case(f"7.1.{i}", sent, [], 1000) for i, sent in (
        (2, close + close), (3, close + frame(PING)), (4, close + text(HELLO)),
        (5, text(b"fragment1", fin=False) + close + more(b"fragment2"))))
    yield Case("7.1.6", text(huge) + text(HELLO) + close + frame(PING),
               [(TEXT, huge), (TEXT, HELLO)], 1000, crossing=True)
    yield from numbered("7.3", [
        (frame(CLOSE), [], NO_STATUS),
        (frame(CLOSE, b"a"), [], 1002),
        (close, [], 1000),
        (frame(CLOSE, close_payload(1000, HELLO)), [], 1000),
        (frame(CLOSE, close_payload(1000, longest)), [], 1000),
        (frame(CLOSE, close_payload(1000, longest + b"*")), [], 1002),
    ])
    yield Case("7.5.1", frame(CLOSE, close_payload(1000, GREEK + b"\xed\xa0\x80edited")), [], 1007)
    yield from numbered("7.7", [(frame(CLOSE, close_payload(code)), [], code)
                                for code in GOOD_CODES])
    yield from numbered("7.9", [(frame(CLOSE, close_payload(code)), [], 1002)
                                for code in BAD_CODES])
    yield from numbered("7.13", [(frame(CLOSE, close_payload(code)), [], 1002)
                                 for code in (5000, 65535)])


def auto_fragmentation():
    payload = b"*" * 65536
    yield Case("10.1.1", fragments(TEXT, payload, 1300), [(TEXT, payload)])


def core():
    """The 247 cases of the classes 1-7 and 10."""
    return [case for group in (framing, pings, reserved_bits, opcodes, fragmentation,
                               text_messages, texts, closing, auto_fragmentation)
            for case in group()]


def limits():
    """The 54 cases of class 9."""
    kinds = ((TEXT, b"*"), (BINARY, b"\xfe"))
    cases = []
    for i, (opcode, unit) in enumerate(kinds):
        for number, size in enumerate((65536, 262144, MIB, 4 * MIB, 8 * MIB, 16 * MIB), 1):
            cases.append(Case(f"9.{1 + i}.{number}", frame(opcode, unit * size),
                              [(opcode, unit * size)]))
        payload = unit * (4 * MIB)
        for number in range(1, 10):
            size = 64 * 4 ** (number - 1)
            cases.append(Case(f"9.{3 + i}.{number}", fragments(opcode, payload, size),
                              [(opcode, payload)]))
        payload = unit * MIB
        for number in range(1, 7):
            cases.append(Case(f"9.{5 + i}.{number}", frame(opcode, payload), [(opcode, payload)],
                              chop=64 << (number - 1)))
        for number, size in enumerate((0, 16, 64, 256, 1024, 4096), 1):
            cases.append(Rounds(f"9.{7 + i}.{number}", opcode, unit * size))
    return cases
