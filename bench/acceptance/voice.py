#!/usr/bin/env python3
"""What one worker does with many people who speak at the same time.

    ./mr test --yes unit       # builds what this starts
    bench/acceptance/voice.py --engine deepgram --sessions 50
    bench/acceptance/voice.py --engine embedded --sessions 8

Starts Redis, nginx, one worker and, for Deepgram, the provider emulator on the loopback. --sessions
microphones are open all the time and send frames of 40 ms in real time: a question, silence until
its answer is written, the next question. Questions begin within --spread seconds of one another,
and after that whenever the answer before has come. The embedded engines hear sentences that flite
speaks in three voices; the emulated Deepgram hears words that are made for it
(tests/emulator/README.md).

Every question has to become a transcript and one turn, and all sound has to be worked through as
it comes: no microphone refused or lost, no frame dropped. Times are counted from the moment at
which the last sample of a question was due. `real_time_factor`: processor time of recognition for a
second of sound, and for a second of the clock, all microphones together, which has to be below 1;
Deepgram's is the whole worker's. Prints one JSON line; exit 1 when any of it is not so, or when the
99th percentile from the end of speech to the final transcript is above --bound-ms."""

import argparse
import array
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path

from common import BINARY, WebSocket, no_verify, percentile

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/system")]

from harness.emulator import KEY, Emulator  # noqa: E402
from harness.metrics import scrape  # noqa: E402
from harness.paths import BUILD  # noqa: E402
from harness.stack import Stack  # noqa: E402

RATE, FRAME_MS = 16000, 40
FRAME_BYTES = 2 * RATE * FRAME_MS // 1000
SILENCE = bytes(FRAME_BYTES)
QUIET = 300  # of 32767: what flite leaves at the ends of a sentence
QUESTIONS = ("how many open invoices do we have", "which invoices are overdue",
             "what is the total of all change orders", "show me the open deals",
             "how much have we invoiced on the harbor point project",
             "which projects are behind schedule", "who is the manager of the bayside terrace project")
VOICES = ("slt", "rms", "awb")
WORD_MS, GAP_MS, FIRST_WORD = 250, 40, 1000  # of what the emulator hears as words
LIMIT_S = 60                                 # from a question to the end of its turn
LOCATIONS = "location = /ws/voice { mr_ws chat; mr_ws_voice on; }"


# ---- sound

def spoken(directory, text, voice):
    """The sentence by flite, s16le, from its first to its last sound."""
    path = directory / "question.wav"
    subprocess.run(["flite", "-voice", voice, "-t", text, "-o", path], check=True, timeout=60)
    with wave.open(str(path)) as sound:
        samples = array.array("h", sound.readframes(sound.getnframes()))
    loud = [at for at, sample in enumerate(samples) if abs(sample) > QUIET]
    return samples[loud[0]:loud[-1] + 1].tobytes()


def for_the_emulator(text):
    """Runs of equal samples, one for each word; the script has the words by their numbers."""
    sound = b""
    for number, _ in enumerate(text.split()):
        word = (FIRST_WORD + number).to_bytes(2, "little") * (RATE * WORD_MS // 1000)
        sound += word + bytes(2 * RATE * GAP_MS // 1000)
    return sound[:-2 * RATE * GAP_MS // 1000]


def frames_of(sound):
    whole = sound + bytes(-len(sound) % FRAME_BYTES)
    return [whole[at:at + FRAME_BYTES] for at in range(0, len(whole), FRAME_BYTES)]


def words_right(text, sentence):
    heard = set(re.sub(r"[^a-z0-9 ]", " ", text.lower()).split())
    wanted = sentence.split()
    return sum(word in heard for word in wanted) / len(wanted)


# ---- processes

def cpu_s(pid):
    """Of all its threads, by the scheduler's own clock."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((one / "schedstat").read_text().split()[0]) for one in threads) / 1e9


def rss_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


class Figures:
    """What all microphones have seen."""

    def __init__(self):
        self.final_ms, self.turn_ms, self.late_ms, self.right = [], [], [], []
        self.errors = {}
        self.failed = []
        self.split = 0

    def error(self, code):
        self.errors[code] = self.errors.get(code, 0) + 1


class Microphone:
    """One client: sends a frame every 40 ms for as long as it is open."""

    def __init__(self, number, options, questions, figures):
        self.number, self.options, self.figures = number, options, figures
        self.questions = [questions[(number + i) % len(questions)] for i in range(options.questions)]
        self.frames = []      # of the question that is being spoken, the next one last
        self.ended = None     # when its last sample was due, once it was sent
        self.sentence = ""
        self.message_id = None
        self.turns = {}       # turn_id: message_id
        self.ready = asyncio.Event()
        self.answered = asyncio.Event()

    async def run(self, url, context, start):
        tasks = []
        try:
            self.ws = await WebSocket.open(url, "mr.v2", context)
            tasks.append(asyncio.create_task(self.read()))
            self.ws.send(json.dumps({"type": "voice_start", "stream_id": "bench", "mode": "auto",
                                     "transport": "binary", "sample_rate": RATE, "tts": False,
                                     "encoding": "pcm_s16le"}))
            await asyncio.wait_for(self.ready.wait(), LIMIT_S)
            tasks.append(asyncio.create_task(self.send_frames()))
            await start.wait()
            await asyncio.sleep(self.options.spread * self.number / self.options.sessions)
            for sentence, sound in self.questions:
                await self.ask(sentence, sound)
        except Exception as error:  # noqa: BLE001 - every failure counts, whatever it is
            self.figures.failed.append(f"microphone {self.number}: {error!r}"[:200])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def ask(self, sentence, sound):
        self.sentence, self.ended, self.message_id = sentence, None, None
        self.answered.clear()
        self.frames = frames_of(sound)[::-1]
        self.left_out_s = (-len(sound) % FRAME_BYTES) / (2 * RATE)  # of the last frame
        try:
            await asyncio.wait_for(self.answered.wait(), LIMIT_S)
        except TimeoutError:
            raise TimeoutError(f"no transcript and turn for {sentence!r}") from None
        await asyncio.sleep(self.options.pause)

    async def send_frames(self):
        due = time.monotonic()
        while True:
            due += FRAME_MS / 1000  # a frame is there when its last sample is
            now = time.monotonic()
            if due > now:
                await asyncio.sleep(due - now)
            else:
                await asyncio.sleep(0)
            self.figures.late_ms.append(1000 * (time.monotonic() - due))
            frame = self.frames.pop() if self.frames else SILENCE
            self.ws.send(frame, BINARY)
            if frame is not SILENCE and not self.frames:
                self.ended = due - self.left_out_s

    async def read(self):
        while True:
            text = await self.ws.receive()
            if text is None:
                raise ConnectionError("closed")
            self.take(json.loads(text))

    def take(self, event):
        kind = event["type"]
        if kind == "voice_ready":
            self.ready.set()
        elif kind == "transcript" and event["is_final"]:
            self.transcript(event)
        elif kind == "turn_start":
            self.turns[event["turn_id"]] = event.get("message_id")
        elif kind == "response_complete" and event["status"] == "ok":
            if self.message_id and self.turns.get(event["turn_id"]) == self.message_id:
                self.figures.turn_ms.append(1000 * (time.monotonic() - self.ended))
                self.answered.set()
        elif kind == "error":
            self.figures.error(event["code"])

    def transcript(self, event):
        if not self.ended or self.message_id or not event["text"].strip():
            self.figures.split += bool(event["text"].strip())
            return
        self.message_id = event["message_id"]
        self.figures.final_ms.append(1000 * (time.monotonic() - self.ended))
        self.figures.right.append(words_right(event["text"], self.sentence))


# ---- the run

class Bench:
    def __init__(self, options, directory):
        self.options, self.directory = options, directory
        self.embedded = options.engine == "embedded"

    def questions(self):
        if self.embedded:
            return [(text, spoken(self.directory, text, VOICES[i % len(VOICES)]))
                    for i, text in enumerate(QUESTIONS)]
        return [(QUESTIONS[0], for_the_emulator(QUESTIONS[0]))]

    def settings(self):
        settings = {"synthesiser": "none", "metrics_listen": "127.0.0.1:0",
                    "local_tokens_per_second": 0, "voice_dir": BUILD / "voice"}
        if self.embedded:
            return {**settings, "recogniser": self.options.recogniser, "speech_detector": "silero",
                    "voice_streams": self.options.sessions, "voice_threads": self.options.threads}
        return {**settings, "recogniser": "deepgram", "deepgram_api_key": KEY,
                "deepgram_base_url": self.emulator.url("/deepgram/v1"),
                "deepgram_max_streams": self.options.sessions,
                "provider_ca_file": self.emulator.ca_file}

    def run(self):
        if self.embedded:
            return self.with_stack()
        with Emulator(self.directory) as self.emulator:
            self.emulator.script(deepgram={"default": {"answer": {"words": QUESTIONS[0].split()}}})
            return self.with_stack()

    def with_stack(self):
        stack = Stack(self.directory / "data", apps="chat", settings=self.settings(),
                      locations=LOCATIONS)
        try:
            with stack:
                return asyncio.run(self.measure(stack))
        finally:
            stack.remove()

    async def measure(self, stack):
        worker = stack.workers[0]
        pid, port = worker.process.pid, worker.metrics_port()
        url = f"wss://localhost:{stack.nginx.https_port}/ws/voice"
        figures, start, context = Figures(), asyncio.Event(), no_verify()
        questions = self.questions()
        idle_kib = peak_kib = rss_kib(pid)
        microphones = [Microphone(i, self.options, questions, figures)
                       for i in range(self.options.sessions)]
        tasks = [asyncio.create_task(one.run(url, context, start)) for one in microphones]
        opening = [asyncio.create_task(one.ready.wait()) for one in microphones]
        await asyncio.wait(opening, timeout=LIMIT_S)
        for one in opening:
            one.cancel()
        before, cpu, begin = self.counted(port), self.cpu_of_all(stack), time.monotonic()
        start.set()
        while not all(task.done() for task in tasks):
            await asyncio.wait(tasks, timeout=0.5)
            peak_kib = max(peak_kib, rss_kib(pid))
        lasted, after = time.monotonic() - begin, self.counted(port)
        cpu = {name: used - cpu[name] for name, used in self.cpu_of_all(stack).items()}
        moved = {name: after[name] - before.get(name, 0) for name in after}
        return self.result(figures, moved, lasted, cpu, (idle_kib, peak_kib))

    def cpu_of_all(self, stack):
        nginx = stack.nginx.process.identity
        pids = {"worker": [stack.workers[0].process.pid], "redis": [stack.redis.process.pid],
                "nginx": [one.pid for one in nginx.children()], "clients": [os.getpid()]}
        if not self.embedded:
            pids["emulator"] = [self.emulator.process.pid]
        return {name: sum(map(cpu_s, found)) for name, found in pids.items()}

    @staticmethod
    def counted(port):
        prefix = "mr_worker_voice_"
        return {name.removeprefix(prefix): value for name, value in scrape(port).samples.items()
                if name.startswith(prefix)}

    def result(self, figures, moved, lasted, cpu, memory_kib):
        steps = {step: moved[f'recognition_seconds_total{{step="{step}"}}']
                 for step in ("detector", "partial", "guess", "final")}
        heard = moved["heard_seconds_total"]
        recognition = sum(steps.values()) if self.embedded else cpu["worker"]
        waits = moved['wait_seconds_count{queue="recognition"}']
        wait_s = moved['wait_seconds_sum{queue="recognition"}']
        return {
            "measured_s": round(lasted, 1), "transcripts": len(figures.final_ms),
            "turns": len(figures.turn_ms), "failed": figures.failed[:3], "errors": figures.errors,
            "cut_in_two": figures.split, "frames_dropped": moved['dropped_total{sound="heard"}'],
            "words_right": round(sum(figures.right) / max(1, len(figures.right)), 3),
            "final_ms": spread(figures.final_ms), "turn_ms": spread(figures.turn_ms),
            "queue_wait_ms": round(1000 * wait_s / max(waits, 1), 1),
            "heard_s": round(heard, 1),
            "recognition_cpu_s": {step: round(used, 2) for step, used in steps.items()},
            "real_time_factor": {"of_a_second_of_sound": round(recognition / max(heard, 1), 4),
                                 "in_total": round(recognition / lasted, 3)},
            "cpu_of_a_core": {name: round(used / lasted, 2) for name, used in cpu.items()},
            "worker_mib": {"before": memory_kib[0] // 1024, "peak": memory_kib[1] // 1024},
            "generator_late_ms": spread(figures.late_ms)}


def spread(values):
    return {"p50": round(percentile(values, 0.5), 1), "p99": round(percentile(values, 0.99), 1),
            "max": round(max(values), 1)} if values else None


def broken(options, result):
    """What was promised and not kept."""
    wanted = options.sessions * options.questions
    found = {
        "transcripts": result["transcripts"] != wanted,
        "turns": result["turns"] != wanted,
        "errors": bool(result["errors"] or result["failed"]),
        "frames_dropped": bool(result["frames_dropped"]),
        "words_right": result["words_right"] < (0.6 if options.engine == "embedded" else 1),
        "real_time_factor": result["real_time_factor"]["in_total"] >= 1,
        "final_ms": not result["final_ms"] or result["final_ms"]["p99"] > options.bound_ms,
    }
    return [name for name, wrong in found.items() if wrong]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", choices=("deepgram", "embedded"), required=True)
    parser.add_argument("--sessions", type=int, default=8)
    parser.add_argument("--questions", type=int, default=4, help="of each session")
    parser.add_argument("--pause", type=float, default=0.5, help="seconds before the next question")
    parser.add_argument("--spread", type=float, default=1.0, help="seconds")
    parser.add_argument("--recogniser", default="moonshine", help="which embedded one")
    parser.add_argument("--threads", type=int, default=1, help="voice_threads")
    parser.add_argument("--bound-ms", type=float, default=1500)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="mr-bench-") as directory:
        result = Bench(options, Path(directory)).run()
    result["broken"] = broken(options, result)
    result |= {"load_before": round(load, 1), "load_after": round(os.getloadavg()[0], 1)}
    print(json.dumps({**vars(options), **result}))
    sys.exit(bool(result["broken"]))


if __name__ == "__main__":
    main()
