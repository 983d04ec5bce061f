#!/usr/bin/env python3
"""What one worker does with many answers that a language model writes at the same time.

    ./mr test --yes unit       # builds what this starts
    bench/acceptance/turns.py --turns 1000 --rate 50 --seconds 30

Starts Redis, nginx, one worker and the provider emulator on the loopback, asks --turns questions in
sessions of their own and lets their clients go: the answers are written on, and this process is in
nobody's way. Each answer is numbered words of its session at --rate a second. Afterwards the log of
every session is read: each word once, in order, or the script fails.

A word is late by the time between its moment in the model's schedule and the moment at which the
worker put it into an event ("event") or, for --samples sessions, the event came to a subscriber of
Redis ("arrival"); what the emulator and a busy machine add is in it. Only the time in which all
turns stream counts. The worker, which is what is measured, has the last CPU for itself and all
others share the rest, lest it wait for the model and the readers that it would not have beside it
in a deployment; --share leaves that to the kernel. Prints one JSON line; exit 1 when a word is
lost, repeated or out of order, or when the 99th percentile is later than the window of --window-ms
and --bound-ms together."""

import argparse
import json
import multiprocessing
import os
import re
import struct
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from common import percentile

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/system")]

from chat import Chat  # noqa: E402
from harness.emulator import Emulator  # noqa: E402
from harness.redis import RedisClient  # noqa: E402
from harness.stack import Stack  # noqa: E402

QUESTION = "Hello, this is session {};"
ASKERS = 8                   # clients at a time
ASK_LIMIT_S = 120
SETTLE_S = 2
WORD = re.compile(r"s(\d{4})\.word(\d+)")
BATCH_HEADER, EVENT_HEADER = 20, 12  # shared/envelope.h
EVENTS = 1


# ---- processes

def cpu_s(pid):
    """Of all its threads, by the scheduler's own clock: what is counted by ticks is wrong for who
    runs by timers."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((one / "schedstat").read_text().split()[0]) for one in threads) / 1e9


def rss_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


def pid_of(process):
    return process.identity.pid


def keep_on(pid, cpus):
    """All its threads; those that it starts later do as well."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), cpus)


# ---- the lanes

def events_of(batch):
    """The events of a batch as objects; none of a takeover."""
    _, kind, count = struct.unpack_from("<BBH", batch)
    at, events = BATCH_HEADER, []
    for _ in range(count if kind == EVENTS else 0):
        _, size, _ = struct.unpack_from("<III", batch, at)
        at += EVENT_HEADER
        events.append(json.loads(batch[at:at + size]))
        at += size
    return events


def listen(path, channels, end, pipe):
    """Subscribes to some lanes until `end` and sends when each publication came: (wall clock,
    batch). A process of its own: nothing else has to be done between two of them."""
    client = RedisClient(path, limit_s=1)
    heard = []
    request = "".join(f"SSUBSCRIBE {channel}\r\n" for channel in channels)
    client.socket.sendall(request.encode())
    while time.monotonic() < end:
        try:
            kind, _, data = client._reply()
        except TimeoutError:
            break  # nobody has said anything for a second
        if kind == "smessage":
            heard.append((time.time(), data.encode("latin-1")))
    pipe.send(heard)


def lanes(redis):
    """{session: stream}"""
    return {key.rpartition(":")[2]: key for key in redis.command("KEYS", "mr:*:o:*")}


# ---- the run

class Bench:
    def __init__(self, options, directory):
        self.options = options
        self.emulator = Emulator(directory)
        self.directory = directory
        self.sessions = {}  # number: session id
        self.started = 0.0

    def tokens(self):
        return int(self.options.rate * self.options.seconds)

    def settings(self):
        settings = {**self.emulator.openai_settings(), "log_level": "warn", "turn_budget": "600s",
                    "text_window": f"{self.options.window_ms}ms", "openai_first_byte_timeout": "300s",
                    "max_sessions": self.options.turns + 100}
        if self.options.plain:
            settings["openai_base_url"] = self.emulator.url("/openai/v1", tls=False)
        settings["provider_http2"] = "false" if self.options.http1 else "true"
        return settings

    def script(self):
        self.emulator.script(openai={"rules": [
            {"when": {"body": QUESTION.format(f"{number:04}")}, "name": f"s{number:04}.",
             "tokens": self.tokens(), "rate": self.options.rate,
             "first_byte_ms": self.first_byte_ms(number)}
            for number in range(self.options.turns)]})

    def first_byte_ms(self, number):
        """The model begins when all have been asked: asking and streaming are measured apart. Not
        all at the same moment: words of different models come at any."""
        waiting = (self.options.turns - number) * self.options.pace_ms
        return waiting + number * 7 % int(1000 / self.options.rate)

    def ask(self, number):
        """Asks when it is its turn, and goes away as soon as the question is somebody's."""
        due = self.started + number * self.options.pace_ms / 1000
        time.sleep(max(0, due - time.monotonic()))
        with Chat(self.stack, tls=False) as chat:
            chat.ask(QUESTION.format(f"{number:04}"))
            chat.until("turn_start", ASK_LIMIT_S)
            self.sessions[number] = chat.session

    def processes(self):
        return {"worker": pid_of(self.stack.workers[0].process),
                "redis": pid_of(self.stack.redis.process),
                "emulator": pid_of(self.emulator.process)}

    def records(self):
        return self.emulator.requests("openai")

    def run(self):
        with self.emulator:
            self.script()
            self.stack = Stack(self.directory / "data", apps="chat", settings=self.settings())
            try:
                with self.stack:
                    return self.measured()
            finally:
                self.stack.remove()

    def part(self, processes):
        """The worker on the last CPU, everybody else on the others."""
        *others, last = sorted(os.sched_getaffinity(0))
        if not others:
            raise SystemExit("one CPU only: --share")
        for name, pid in processes.items():
            keep_on(pid, {last} if name == "worker" else others)
        keep_on(os.getpid(), others)

    def measured(self):
        processes = self.processes()
        if not self.options.share:
            self.part(processes)
        self.ask_once()
        idle_kib = rss_kib(processes["worker"])
        self.started = time.monotonic()
        with ThreadPoolExecutor(ASKERS) as pool:
            list(pool.map(self.ask, range(self.options.turns)))
        # From here on nobody asks the emulator anything, which is busy: it is known when it begins.
        first = self.started + self.options.turns * self.options.pace_ms / 1000
        end = first + self.options.seconds - SETTLE_S
        heard = self.listen(end + 2 * SETTLE_S)
        time.sleep(max(0, first + SETTLE_S - time.monotonic()))
        begin, cpu = time.monotonic(), {name: cpu_s(pid) for name, pid in processes.items()}
        time.sleep(max(0, (end - begin) / 2))
        busy_kib = rss_kib(processes["worker"])
        time.sleep(max(0, end - time.monotonic()))
        cpu = {name: cpu_s(pid) - cpu[name] for name, pid in processes.items()}
        end = time.monotonic()
        heard = heard.recv()
        until = time.monotonic() + 2 * self.options.seconds + 60
        while not self.over():
            if time.monotonic() > until:
                raise SystemExit("the answers do not come to an end")
            time.sleep(1)
        return {"measured_s": round(end - begin, 1),
                **self.verdict(begin, end, heard),
                **self.cost(cpu, end - begin, busy_kib - idle_kib)}

    def ask_once(self):
        """What a first question makes a worker load is not the turns'."""
        self.emulator.script(openai={"default": {"tokens": 1}})
        with Chat(self.stack, tls=False) as chat:
            chat.answer("Hello")
        self.emulator.control("DELETE", "/requests")

    def listen(self, end):
        sampled = [self.sessions[number] for number in sorted(self.sessions)[:self.options.samples]]
        channels = [stream.replace(":o:", ":oc:") for session, stream
                    in lanes(self.stack.redis).items() if session in sampled]
        ours, theirs = multiprocessing.Pipe(duplex=False)
        multiprocessing.Process(target=listen, daemon=True, args=(
            self.stack.redis.socket, channels, end, theirs)).start()
        return ours

    def over(self):
        """Every answer has been written, and has come to its end in the log. (Notes of the session
        may stand behind it.)"""
        if not all(one["outcome"] for one in self.records()):
            return False
        streams = lanes(self.stack.redis)
        with RedisClient(self.stack.redis.socket, 60) as client:
            for session in self.sessions.values():
                last = client("XREVRANGE", streams[session], "+", "-", "COUNT", 5)
                kinds = [event["type"] for _, fields in last
                         for event in events_of(fields[1].encode("latin-1"))]
                if "response_complete" not in kinds:
                    return False
        return True

    # ---- judgement

    def verdict(self, begin, end, heard):
        schedule = {}  # number: wall clock of its first word
        offset = time.time() - time.monotonic()
        behind = []
        for one in self.records():
            number = int(re.search(r"session (\d{4});", one["body"])[1])
            schedule[number] = one["first_token"] + offset
            lasted = one["last_token"] - one["first_token"]
            behind.append(1000 * (lasted - (self.tokens() - 1) / self.options.rate))
        window = (begin + offset, end + offset)
        wrong, late = self.read_logs(schedule, window)
        arrived = [lateness for at, batch in heard for event in events_of(batch)
                   for lateness in self.lateness(event, at, schedule, window)]
        if max(schedule.values()) > window[0]:
            raise SystemExit("not every answer had begun: a longer --pace-ms, or fewer --turns")
        beyond = [max(0.0, one - self.options.window_ms) for one in late]
        return {"requests": len(schedule), "wrong_answers": wrong, "words": len(late),
                "event_late_ms": self.spread(late), "beyond_window_ms": self.spread(beyond),
                "arrival_late_ms": self.spread(arrived), "emulator_behind_ms": self.spread(behind)}

    def read_logs(self, schedule, window):
        wrong, late = 0, []
        streams = lanes(self.stack.redis)
        with RedisClient(self.stack.redis.socket, 60) as client:
            for number, session in self.sessions.items():
                text = ""
                for _, fields in client("XRANGE", streams[session], "-", "+"):
                    for event in events_of(fields[1].encode("latin-1")):
                        if event["type"] == "text_chunk":
                            text += event["content"]
                            late += self.lateness(event, event["ts"] / 1000, schedule, window)
                wanted = "".join(f"s{number:04}.word{i:04} " for i in range(self.tokens()))
                wrong += text != wanted
        return wrong, late

    def lateness(self, event, at, schedule, window):
        """In ms, of each word of an event that was due while all turns streamed."""
        late = []
        for number, word in WORD.findall(event.get("content", "")):
            due = schedule[int(number)] + int(word) / self.options.rate
            if window[0] <= due <= window[1]:
                late.append(1000 * (at - due))
        return late

    def cost(self, cpu, seconds, grown_kib):
        words = self.options.turns * self.options.rate * seconds
        return {"cpu_of_a_core": {name: round(used / seconds, 2) for name, used in cpu.items()},
                "worker_us_per_word": round(1e6 * cpu["worker"] / words, 1),
                "worker_kib_per_turn": round(grown_kib / self.options.turns, 1)}

    @staticmethod
    def spread(values):
        return {"p50": round(percentile(values, 0.5), 1), "p99": round(percentile(values, 0.99), 1),
                "max": round(max(values), 1)} if values else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--pace-ms", type=int, default=20, help="between two questions")
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--window-ms", type=int, default=25)
    parser.add_argument("--bound-ms", type=float, default=0.5)
    parser.add_argument("--share", action="store_true", help="no CPU for the worker alone")
    parser.add_argument("--plain", action="store_true", help="the emulator without TLS")
    parser.add_argument("--http1", action="store_true", help="a connection for each answer")
    options = parser.parse_args()
    if not 1 <= options.turns <= 4000 or not 8 <= options.seconds <= 190 or options.rate > 50:
        raise SystemExit("at most 4000 turns of 8 to 190 s at 50 words a second")
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="mr-bench-") as directory:
        result = Bench(options, Path(directory)).run()
    result |= {"load_before": round(load, 1), "load_after": round(os.getloadavg()[0], 1)}
    print(json.dumps({**vars(options), **result}))
    late = result["beyond_window_ms"]
    sys.exit(bool(result["wrong_answers"] or not late or late["p99"] > options.bound_ms))


if __name__ == "__main__":
    main()
