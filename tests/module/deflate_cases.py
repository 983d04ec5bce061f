"""The Autobahn test suite's deflate classes (12: payloads, 90 cases; 13: parameters, 126 cases) under
their numbers, with fewer rounds: documents of five kinds in slices of 16 bytes to 128 KiB, whole and
in frames, each slice sent compressed and awaited compressed or not."""

import json
import random
from dataclasses import dataclass

from harness.raw_ws import BINARY, TEXT

# Bytes of a message, and of its frames (0: one frame).
SIZES = [(16, 0), (64, 0), (256, 0), (1024, 0), (4096, 0), (8192, 0), (16384, 0), (32768, 0),
         (65536, 0), (131072, 0), (8192, 256), (16384, 256), (32768, 256), (65536, 256),
         (131072, 256), (131072, 1024), (131072, 4096), (131072, 32768)]
ROUNDS = 3
WORDS = ("Da steh ich nun ich armer Tor und bin so klug als wie zuvor heiße Magister Doktor gar "
         "ziehe schon an die zehen Jahr herauf herab quer krumm").split()


@dataclass
class Case:
    number: str
    offer: str
    opcode: int
    document: bytes
    size: int
    frame: int

    def messages(self):
        """Slices of the document, one behind the other; a text is cut between code points."""
        for turn in range(ROUNDS):
            at = turn * self.size % max(len(self.document) - self.size, 1)
            piece = self.document[at:at + self.size]
            yield piece.decode(errors="ignore").encode() if self.opcode == TEXT else piece


def json_document(dice):
    rows = [{"id": i, "project": dice.choice(WORDS), "amount": dice.randrange(10**6) / 100,
             "open": dice.random() < 0.3} for i in range(3000)]
    return json.dumps(rows, indent=1).encode()


def bitmap(dice):
    """Grey steps with noise, 512 x 512."""
    return bytes((x // 4 + y // 8 + dice.randrange(6)) % 256
                 for y in range(512) for x in range(512))


def prose(dice):
    return " ".join(dice.choice(WORDS) for _ in range(40000)).encode()


def html(dice):
    return "".join(f'<tr class="row{i % 2}"><td>{dice.choice(WORDS)}</td><td>{dice.random()}</td></tr>\n'
                   for i in range(4000)).encode()


def print_file(dice):
    """Runs that do not compress, between headers that do."""
    return b"".join(f"{i} 0 obj << /Length 2000 >> stream\n".encode() + dice.randbytes(2000)
                    for i in range(150))


def documents():
    dice = random.Random(12)
    return [(TEXT, json_document(dice)), (BINARY, bitmap(dice)), (BINARY, prose(dice)),
            (TEXT, html(dice)), (BINARY, print_file(dice))]


def offers():
    plain = "permessage-deflate; client_no_context_takeover; client_max_window_bits"
    quiet = plain + "; server_no_context_takeover"
    bits = "; server_max_window_bits="
    return [plain, quiet, plain + bits + "9", plain + bits + "15", quiet + bits + "9",
            quiet + bits + "15", ", ".join((quiet + bits + "9", quiet, plain))]


def cases():
    made = documents()
    for number, (opcode, document) in enumerate(made, 1):
        for i, (size, frame) in enumerate(SIZES, 1):
            yield Case(f"12.{number}.{i}", offers()[0], opcode, document, size, frame)
    opcode, document = made[0]
    for number, offer in enumerate(offers(), 1):
        for i, (size, frame) in enumerate(SIZES, 1):
            yield Case(f"13.{number}.{i}", offer, opcode, document, size, frame)
