"""A language model for tests: a server that speaks the APIs of model_apis.py and does what a Reply
says, slowly, wrongly or not at all. It notes each request, and the moment at which its client's
socket was closed (time.monotonic, the same clock for every process of the machine). Whoever asks
for an object (extractor, router, sql_writer, merger) gets the one that `objects` has for the task.

In a test it runs in a thread: `with Provider() as provider`. As a program it prints its URL and
then one JSON line per request that has ended: see main().
"""

import argparse
import asyncio
import json
import re
import ssl
import sys
import threading
import time
from dataclasses import dataclass, field

try:
    from harness.model_apis import MODEL, api_of, event, task_of, wrong_with
except ModuleNotFoundError:  # as a program
    from model_apis import MODEL, api_of, event, task_of, wrong_with

CONTINUE = "Your answer above was interrupted"


@dataclass
class Reply:
    """`tokens` words at `rate` a second (0: at once). `hang_at`, `cut_at`, `reset_at`: after so many
    tokens it falls silent, ends the stream without its end, resets the connection. `repeat`: asked
    to continue a text, it first says so many characters of its end again (-1: all of it)."""
    tokens: int = 40
    rate: float = 0
    first_byte_s: float = 0
    hang: bool = False  # not even a status line
    hang_at: int | None = None
    cut_at: int | None = None
    reset_at: int | None = None
    status: int = 200
    error: dict | None = None
    headers: dict = field(default_factory=dict)
    repeat: int = 0
    stream: bool = True  # False: JSON, whatever was asked for


def words(count, name=""):
    """The text of an answer, token by token: any two tokens differ."""
    return [f"{name}word{i:04} " for i in range(count)]


class Exchange:
    """A request and what came of it. Times are monotonic seconds; None: it has not happened."""

    def __init__(self, api, path, request, headers):
        self.api, self.path, self.request, self.headers = api, path, request, headers
        self.task = task_of(api.schema(request))
        self.messages = api.messages(request)
        self.streams = api.streams(request, path)
        self.key = api.key(headers)
        self.begun = time.monotonic()
        self.sent = 0  # tokens
        self.first_token = self.last_token = None
        self.whole = False  # everything was sent
        self.closed = None  # the client's socket, by the client, before everything was sent

    @property
    def question(self):
        for message in reversed(self.messages):
            found = re.match(r"Question: (.*)\n\nFindings:\n", message["content"])
            if found:
                return found[1]
        return None

    @property
    def delivered(self):
        """What it is asked to continue; None when it is not."""
        last = self.messages[-1]
        return self.messages[-2]["content"] if last["content"].startswith(CONTINUE) else None


class Wire(asyncio.StreamReaderProtocol):
    """Notes the end of the client's side when it comes, whether anybody reads or not."""

    def __init__(self, connected, loop):
        super().__init__(asyncio.StreamReader(loop=loop), connected, loop=loop)
        self.gone = asyncio.Event()
        self.gone_at = None

    def _note(self):
        if self.gone_at is None:
            self.gone_at = time.monotonic()
            self.gone.set()

    def eof_received(self):
        self._note()
        return super().eof_received()

    def connection_lost(self, error):
        self._note()
        super().connection_lost(error)


class Provider:
    def __init__(self, reply=None, *, context=None, on_end=None):
        """`context`: an ssl.SSLContext of a server. `on_end` is told of each exchange that ends."""
        self.reply = reply or Reply()
        self.next_replies = []  # for the next requests, one each
        self.objects = {}  # by task
        self.exchanges = []
        self.complaints = []
        self.context, self.on_end = context, on_end
        self.loop = asyncio.new_event_loop()
        self.thread = None
        self.port = None
        self.tasks = set()

    @property
    def url(self):
        return f"http{'s' if self.context else ''}://127.0.0.1:{self.port}/v1"

    def settings(self):
        """For a worker that has its answers written by it and does the rest itself."""
        others = ("extractor", "router", "sql_writer", "merger")
        return {"openai_base_url": self.url, "openai_model": MODEL,
                **{task: "embedded" for task in others}}

    def as_provider(self, name, key):
        """Settings of a worker that knows it as openai, anthropic or gemini."""
        root = self.url.removesuffix("/v1")
        urls = {"openai": f"{root}/v1", "anthropic": root, "gemini": f"{root}/v1beta"}
        return {f"{name}_base_url": urls[name], f"{name}_model": MODEL, f"{name}_api_key": key}

    def asked(self, task=None):
        """The requests for a task; None: for answers."""
        return [one for one in self.exchanges if one.task == task]

    def then(self, *replies):
        self.next_replies += replies

    def open_exchanges(self):
        return [one for one in self.exchanges if not one.whole and one.closed is None]

    # ---- life

    def __enter__(self):
        started = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self.thread.start()
        assert started.wait(10), "the provider did not start"
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    def _run(self, started):
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(self.listen())
        self.loop.call_soon(started.set)
        try:
            self.loop.run_forever()
        finally:
            server.close()
            for task in self.tasks:
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(*self.tasks, return_exceptions=True))
            self.loop.close()

    async def listen(self, port=0):
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Wire(self._connected, loop), "127.0.0.1", port,
                                          ssl=self.context, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        return server

    # ---- connections

    async def _connected(self, reader, writer):
        task = asyncio.current_task()
        self.tasks.add(task)
        try:
            while await self._serve(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            self.tasks.discard(task)
            writer.close()

    async def _serve(self, reader, writer):
        """One request. False: the connection is at its end."""
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in
                   (line.partition(":") for line in lines[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        api, path = api_of(lines[0])
        if api is None:
            return await self._complain(writer, lines[0])
        request = json.loads(body)
        wrong = wrong_with(api, request, headers)
        if wrong:
            return await self._complain(writer, f"{api.name}: {wrong}")
        exchange = Exchange(api, path, request, headers)
        self.exchanges.append(exchange)
        reply = self.next_replies.pop(0) if self.next_replies else self.reply
        answering = asyncio.ensure_future(self._answer(writer, exchange, reply))
        wire = writer.transport.get_protocol()
        gone = asyncio.ensure_future(self._watch(wire, exchange, answering))
        try:
            return await answering
        except asyncio.CancelledError:
            if exchange.closed is None:
                raise  # the provider itself is being stopped
            return False
        finally:
            gone.cancel()
            if self.on_end:
                self.on_end(exchange)

    async def _complain(self, writer, what):
        self.complaints.append(what)
        await self._whole(writer, 400, {"error": {"type": "invalid_request_error",
                                                  "message": what}}, {})
        return False

    @staticmethod
    async def _watch(wire, exchange, answering):
        await wire.gone.wait()
        if not exchange.whole:
            exchange.closed = wire.gone_at
            answering.cancel()

    # ---- answers

    async def _answer(self, writer, exchange, reply):
        if reply.hang:
            await asyncio.Event().wait()
        await asyncio.sleep(reply.first_byte_s)
        if reply.status != 200:
            body = exchange.api.error(reply.error or {})
            exchange.whole = True
            await self._whole(writer, reply.status, body, reply.headers)
            return True
        if exchange.task:
            text = [json.dumps(self.objects.get(exchange.task, "nothing to say"))]
        else:
            text = self._text(exchange, reply)
        if not reply.stream or not exchange.streams:
            exchange.sent, exchange.whole = len(text), True
            await self._whole(writer, 200, exchange.api.whole("".join(text), len(text)),
                              reply.headers)
            return True
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\n")
        return await self._stream(writer, exchange, reply, text)

    @staticmethod
    def _text(exchange, reply):
        """Tokens still to be said: behind what was delivered, or some of that again first."""
        text = words(reply.tokens)
        if exchange.delivered is None:
            return text
        whole, delivered = "".join(text), exchange.delivered
        assert whole.startswith(delivered), f"asked to continue {delivered!r}"
        again = len(delivered) if reply.repeat < 0 else min(reply.repeat, len(delivered))
        rest = whole[len(delivered) - again:]
        return re.findall(r"\S*\s*", rest)[:-1]

    async def _stream(self, writer, exchange, reply, text):
        start = time.monotonic()
        self._events(writer, exchange, exchange.api.begin())
        for number, token in enumerate(text):
            if number == reply.hang_at:
                await asyncio.Event().wait()
            if number == reply.cut_at:
                exchange.whole = True
                writer.write(b"0\r\n\r\n")
                await writer.drain()
                return True
            if number == reply.reset_at:
                exchange.whole = True
                writer.transport.abort()
                return False
            self._events(writer, exchange, exchange.api.delta(token))
            exchange.sent = number + 1
            exchange.last_token = time.monotonic()
            exchange.first_token = exchange.first_token or exchange.last_token
            if reply.rate:
                await asyncio.sleep(start + (number + 1) / reply.rate - time.monotonic())
            elif number % 64 == 63:
                await writer.drain()
        exchange.whole = True
        self._events(writer, exchange, exchange.api.end(len(text)))
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    @staticmethod
    def _events(writer, exchange, events):
        for data in events:
            block = event(exchange.api, data)
            writer.write(f"{len(block):x}\r\n".encode() + block + b"\r\n")

    @staticmethod
    async def _whole(writer, status, body, headers):
        data = json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status} As told", "Content-Type: application/json",
                 f"Content-Length: {len(data)}",
                 *(f"{name}: {value}" for name, value in headers.items())]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
        await writer.drain()


def main():
    """Prints "ready URL", then per request {"question", "sent", "begun", "first_token", "closed",
    "whole"}, until it is ended."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=50)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()

    def on_end(exchange):
        names = ("question", "sent", "begun", "first_token", "closed", "whole")
        print(json.dumps({name: getattr(exchange, name) for name in names}), flush=True)

    async def run():
        provider = Provider(Reply(tokens=options.tokens, rate=options.rate), on_end=on_end)
        await provider.listen(options.port)
        print(f"ready {provider.url}", flush=True)
        await asyncio.Event().wait()

    try:
        asyncio.run(run())
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
