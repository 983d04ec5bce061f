"""Runs the fuzz targets, two at once: a progress line, one line for each at its end, and for what it
has found a file and how to repeat it. `./mr fuzz` builds them and calls this."""

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import targets

HERE = Path(__file__).resolve().parent
MAX_INPUT_BYTES = 4096
ONE_INPUT_LIMIT_S = 5
MEMORY_LIMIT_MIB = 1024
START_AND_LEAK_CHECK_S = 60  # beyond the time that libFuzzer is given
LOOK_EVERY_S = 0.2
PROGRESS_EVERY_S = 15
STATUS = re.compile(r"^#(\d+)\s.*?cov: (\d+) ft: (\d+) corp: (\d+)", re.MULTILINE)
ENDED = re.compile(r"^stat::number_of_executed_units: (\d+)", re.MULTILINE)


class Run:
    """One target: a process, its log, what it has reached."""

    def __init__(self, name, args):
        self.name = name
        self.binary = args.build / "fuzzers" / name
        self.log = args.artifacts / f"fuzz-{name}.log"
        self.prefix = args.artifacts / f"fuzz-{name}-"
        grown = args.build / "corpus" / name  # what earlier runs have found, kept
        grown.mkdir(parents=True, exist_ok=True)
        seeds = HERE / "corpus" / name
        argv = [self.binary, f"-max_total_time={args.seconds}", f"-timeout={ONE_INPUT_LIMIT_S}",
                f"-rss_limit_mb={MEMORY_LIMIT_MIB}", f"-max_len={MAX_INPUT_BYTES}",
                "-print_final_stats=1", f"-artifact_prefix={self.prefix}", grown]
        if seeds.is_dir():
            argv.append(seeds)
        environment = {**os.environ, "UBSAN_OPTIONS": "print_stacktrace=1"}
        with self.log.open("wb") as out:
            self.process = subprocess.Popen([str(word) for word in argv], stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=subprocess.STDOUT, env=environment)
        self.deadline = time.monotonic() + args.seconds + START_AND_LEAK_CHECK_S

    def ended(self):
        if self.process.poll() is None and time.monotonic() > self.deadline:
            self.process.kill()
            self.process.wait()
        return self.process.poll() is not None

    def wait(self, limit_s):
        try:
            self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            pass

    def reached(self):
        """Executions, edges, features and inputs of its last status line."""
        found = STATUS.findall(self.log.read_text(errors="replace"))
        return tuple(map(int, found[-1])) if found else (0, 0, 0, 0)

    def report(self):
        executions, edges, features, inputs = self.reached()
        whole = ENDED.search(self.log.read_text(errors="replace"))
        executions = int(whole[1]) if whole else executions
        numbers = f"{executions:,} executions, {edges} edges, {features} features, {inputs} inputs"
        if self.process.returncode == 0:
            print(f"ok {self.name}: {numbers}", flush=True)
            return True
        print(f"FAILED {self.name}: exit code {self.process.returncode}, {numbers}")
        for line in self.log.read_text(errors="replace").splitlines()[-40:]:
            print(f"    | {line}")
        for file in sorted(self.log.parent.glob(self.prefix.name + "*")):
            print(f"    input: {file}\n    repeat: {self.binary} {file}")
        sys.stdout.flush()
        return False


def show_progress(running, left, last):
    """On a terminal a line that is written over, elsewhere one every now and then."""
    terminal = sys.stdout.isatty()
    if not terminal and time.monotonic() - last < PROGRESS_EVERY_S:
        return last
    parts = []
    for run in running:
        executions, edges, _, _ = run.reached()
        parts.append(f"{run.name} {executions:,} executions, {edges} edges")
    text = f"  {'; '.join(parts)}; {left} to come"
    print(f"\r{text}\033[K" if terminal else text, end="" if terminal else "\n", flush=True)
    return time.monotonic()


def run_all(args):
    waiting, running, good = list(args.targets), [], True
    last = time.monotonic()
    try:
        while waiting or running:
            while waiting and len(running) < args.jobs:
                running.append(Run(waiting.pop(0), args))
            running[0].wait(LOOK_EVERY_S)
            last = show_progress(running, len(waiting), last)
            for run in [run for run in running if run.ended()]:
                running.remove(run)
                if sys.stdout.isatty():
                    print("\r\033[K", end="")
                good &= run.report()
    finally:
        for run in running:
            run.process.kill()
            run.process.wait()
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--artifacts", type=Path, required=True)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("targets", nargs="*")
    args = parser.parse_args()
    args.targets = targets.chosen(args.build, args.targets)
    args.artifacts.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # the targets end too
    sys.exit(0 if run_all(args) else 1)


if __name__ == "__main__":
    main()
