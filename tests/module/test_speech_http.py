"""`POST /v1/tts`, the gateway's part; the test plays the worker. Sound goes on as it comes, the worker
is told the pace of the client, whoever goes away is reported; an error is JSON before the first byte
and a cut behind it, so that nobody takes half an answer for all of it."""

import json
import socket
import struct
import time

import pytest

from harness.http_chat import JSON, HttpClient
from harness.lanes import TERMINAL, V2_ONLY, OutLane
from harness.metrics import scrape
from harness.process import wait_for
from harness.proxy import Proxy
from harness.stack import shared_stack

LOCATIONS = """
    location = /v1/tts { mr_ws_http tts; mr_ws_max_message 4k; }
    location = /v1/narrow { mr_ws_http tts; mr_ws_send_limit 4k; }
    location = /v1/cors { mr_ws_http tts; mr_ws_origin https://app.example.com; mr_ws_cors on; }
    location = /v1/impatient { mr_ws_http tts; mr_ws_http_timeout 1s; }
    location = /v1/named {
        mr_ws_http tts;
        mr_ws_subject $arg_user;
        mr_ws_max_connections_per_subject 1;
    }
"""
PATH = "/v1/tts"
EPOCH = 1000
ANSWER = 16
KIND_HTTP, KIND_ABANDON, KIND_CREDIT = 3, 6, 8
WINDOW = 64 * 1024
BODY = json.dumps({"text": "Hello."}).encode()


@pytest.fixture(scope="module")
def stack(data_dir):
    yield from shared_stack(data_dir, apps="echo", locations=LOCATIONS)


class Speech:
    """One request, and the worker that answers it."""

    def __init__(self, stack, path=PATH, headers=JSON, body=BODY, **form):
        self.stack, self.redis = stack, stack.redis
        before = set(self.redis.command("KEYS", "mr:*:i:*"))
        self.client = HttpClient(stack.nginx.http_port, **form).post(body, headers, path)
        key = wait_for(lambda: set(self.redis.command("KEYS", "mr:*:i:*")) - before,
                       "the text is in a lane", 15)
        self.key = key.pop()
        self.lane = OutLane(self.redis, self.key.rsplit(":", 1)[1])
        leases = self.lane.meta.rsplit(":s:", 1)[0] + ":w"
        self.redis.command("ZADD", leases, int(time.time() * 1000) + 600_000, "played")
        self.redis.command("HSET", self.lane.meta, "own", "played")
        self.kind, self.connection, self.payload = self.mails()[0]
        self.lane.claim(EPOCH, (0, 0))
        self.sent = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()

    def mails(self):
        found = []
        for _, fields in self.redis.command("XRANGE", self.key, "-", "+"):
            mail = fields[1].encode("latin-1")
            kind, trace, connection = mail[1], mail[3], mail[4:12]
            found.append((kind, connection, mail[16 + trace:]))
        return found

    def credits(self):
        return [struct.unpack("<Q", payload)[0] for kind, _, payload in self.mails()
                if kind == KIND_CREDIT]

    def piece(self, data, offset=None):
        offset = self.sent if offset is None else offset
        head = self.connection + struct.pack("<Q", offset)
        self.lane.live(EPOCH, 1, head + data, turn=0)
        self.sent = offset + len(data)

    def answer(self, status=200, body=None, retry=0):
        body = struct.pack("<Q", self.sent) if body is None else body
        data = self.connection + struct.pack("<HH", status, retry) + body
        self.lane.flagged(EPOCH, 1, ANSWER | V2_ONLY | TERMINAL, data)

    def cut(self):
        """The rest of a chunked body that has no end."""
        try:
            while self.client.more():
                pass
        except ConnectionResetError:
            pass
        received = bytes(self.client.received)
        assert not received.endswith(b"0\r\n\r\n"), "it looks whole"


def test_sound_goes_on_as_it_comes(stack):
    with Speech(stack) as speech:
        assert speech.kind == KIND_HTTP and speech.payload == BODY
        speech.piece(b"first")
        head = speech.client.head()
        assert head.status == 200
        assert head.headers["content-type"] == "audio/mpeg"
        assert head.headers["transfer-encoding"] == "chunked"
        assert head.headers["cache-control"] == "no-store"
        assert speech.client.chunk() == b"first"
        speech.piece(b"second")
        assert speech.client.chunk() == b"second"
        speech.answer()
        assert speech.client.chunk() == b""


def test_every_byte_of_a_long_one_at_the_pace_of_the_client(stack):
    with Speech(stack, "/v1/narrow", receive_buffer=4096) as speech:
        expected = bytearray()
        got = bytearray()
        while speech.sent < 40 * 16_384:
            data = bytes([speech.sent // 16_384 % 251]) * 16_384
            speech.piece(data)
            expected += data
            wait_for(lambda: read_some(speech, got) or
                     speech.sent - max(speech.credits(), default=0) <= WINDOW - 16_384,
                     "credit for the next piece", 20)
        speech.answer()
        while True:
            chunk = speech.client.chunk()
            if not chunk:
                break
            got += chunk
        assert got == expected
        given = speech.credits()
        assert given == sorted(given) and given[-1] <= speech.sent


def read_some(speech, got):
    """Takes one chunk; False, so that whoever waits looks again."""
    if not got:
        speech.client.head()
    if speech.sent > len(got):
        got += speech.client.chunk()
    return False


def test_a_client_that_does_not_read_gives_no_credit(stack):
    with Speech(stack, receive_buffer=4096) as speech:
        most = 400 * 16_384  # far more than kernels hold, whose bytes are given away
        credit_s = 1
        while speech.sent < most:
            speech.piece(bytes(16_384))
            try:
                wait_for(lambda: speech.sent - max(speech.credits(), default=0) < WINDOW,
                         "credit", credit_s)
            except AssertionError:
                break
        assert speech.sent < most
        assert scrape(stack.nginx.http_port)['mr_ws_limit_hits_total{limit="live"}'] == 0


@pytest.mark.parametrize("how", ["close", "reset", "cut"])
def test_what_is_made_in_vain_is_reported(stack, how):
    with Speech(stack) as speech:
        speech.piece(b"first")
        speech.client.head()
        if how == "cut":
            speech.piece(b"not the second", offset=99)
        if how == "reset":
            speech.client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                            struct.pack("ii", 1, 0))
        if how != "cut":
            speech.client.close()
        wait_for(lambda: KIND_ABANDON in [kind for kind, _, _ in speech.mails()], "it is told", 10)


def test_an_error_before_the_first_byte_is_json(stack):
    body = b'{"error":{"code":"voice_unavailable","message":"m","trace_id":"t"}}'
    with Speech(stack) as speech:
        speech.answer(503, body, retry=2)
        got = speech.client.response()
        assert got.status == 503 and got.body == body
        assert got.headers["content-type"] == "application/json"
        assert got.headers["retry-after"] == "2"


def failing(speech):
    speech.answer(503, b"{}")


def lacking(speech):
    speech.piece(b"third", offset=speech.sent + 5)


def short(speech):
    speech.answer(200, struct.pack("<Q", speech.sent + 5))


def taken_over(speech):
    speech.lane.claim(EPOCH + 1, (EPOCH, 0))
    head = speech.connection + struct.pack("<Q", 0)
    speech.lane.live(EPOCH + 1, 1, head + b"anew", turn=0)


@pytest.mark.parametrize("trouble", [failing, lacking, short, taken_over])
def test_behind_the_first_byte_it_is_cut(stack, trouble):
    with Speech(stack) as speech:
        speech.piece(b"first")
        speech.client.head()
        assert speech.client.chunk() == b"first"
        trouble(speech)
        speech.cut()


def test_another_owner_begins_anew_before_the_first_byte(stack):
    with Speech(stack) as speech:
        taken_over(speech)
        assert speech.client.head().status == 200
        assert speech.client.chunk() == b"anew"


def test_silence_is_cut_or_told(stack):
    with Speech(stack, "/v1/impatient") as speech:
        assert speech.client.response().status == 504
    with Speech(stack, "/v1/impatient") as speech:
        speech.piece(b"first")
        speech.client.head()
        speech.cut()


def test_pieces_of_others_are_not_for_it(stack):
    with Speech(stack) as speech:
        own, speech.connection = speech.connection, b"somebody"
        speech.piece(b"not for it")
        speech.answer(503, b"{}")
        speech.connection, speech.sent = own, 0
        head = speech.connection + struct.pack("<Q", 0)
        speech.lane.live(EPOCH, 2, head + b"for it", turn=0)
        speech.client.head()
        assert speech.client.chunk() == b"for it"


@pytest.mark.parametrize("headers, body, status", [
    (JSON + [("Accept", "audio/mpeg")], b"x" * 5000, 413),
    (JSON + [("Accept", "application/json")], BODY, 406),
    (JSON + [("Accept", "text/event-stream")], BODY, 406),
    ([("Content-Type", "text/plain")], BODY, 415),
    (JSON, b"", 400),
])
def test_what_is_refused_at_once(stack, headers, body, status):
    with HttpClient(stack.nginx.http_port) as client:
        got = client.post(body, headers, PATH).response()
        assert got.status == status
        assert set(json.loads(got.body)["error"]) == {"code", "message", "trace_id"}


def test_the_rules_of_the_chat_endpoint_hold(stack):
    with HttpClient(stack.nginx.http_port) as client:
        evil = JSON + [("Origin", "https://evil.example")]
        assert client.post(BODY, evil, PATH).response().status == 403
    origin = ("Origin", "https://app.example.com")
    with Speech(stack, "/v1/cors", JSON + [origin]) as speech:
        speech.piece(b"first")
        assert speech.client.head().headers["access-control-allow-origin"] == origin[1]
        speech.answer()
    with Speech(stack, "/v1/named?user=anna"):
        with HttpClient(stack.nginx.http_port) as client:
            assert client.post(BODY, JSON, "/v1/named?user=anna").response().status == 429


@pytest.fixture
def deaf(make_stack):
    """nginx reaches Redis through a proxy, which may take its subscriptions away."""
    stack = make_stack(apps="echo", locations=LOCATIONS)
    with Proxy(stack.redis.socket) as proxy:
        stack.nginx.stop()
        wait_for(lambda: not stack.redis.clients("nginx"), "the links of before have gone")
        stack.nginx.redis_url = f"redis://127.0.0.1:{proxy.port}"
        stack.nginx.start()
        stack.wait_linked()
        yield stack, proxy


def refused_unasked(stack):
    """Pieces are not logged: nothing is asked for before they can be heard."""
    with HttpClient(stack.nginx.http_port) as client:
        got = client.post(BODY, JSON, PATH).response(15)
        assert got.status == 503
        assert json.loads(got.body)["error"]["code"] == "relay_unavailable"
    assert not stack.redis.command("KEYS", "mr:*:i:*"), "it was not asked"


def test_a_request_waits_for_its_ears(deaf):
    stack, proxy = deaf
    proxy.set_mode("stall", direction="down", only=b"subscriptions")
    refused_unasked(stack)


def test_a_request_without_ears_is_refused(deaf):
    stack, proxy = deaf
    proxy.set_mode("reset", only=b"subscriptions")
    proxy.reset_all(b"subscriptions")
    wait_for(lambda: len(stack.redis.clients("nginx")) == 1, "only the commands' link is left")
    refused_unasked(stack)
