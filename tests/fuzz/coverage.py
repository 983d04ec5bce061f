"""Which lines of the files under test the inputs of the fuzz targets reach: a table by target and one by
file, of clang's source-based coverage. `./mr fuzz --coverage` builds the targets for it and calls this."""

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

import targets

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PROFDATA, COV = "llvm-profdata-19", "llvm-cov-19"
LIMIT_S = 300
UNDER_TEST = ("ngx_mr_ws_module/", "shared/", "worker/")


def profile(binary, folders, to):
    """Runs the inputs of these folders once each."""
    raw = to.with_suffix(".raw")
    subprocess.run([binary, "-runs=0", *folders], check=True, timeout=LIMIT_S,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   env={**os.environ, "LLVM_PROFILE_FILE": str(raw)})
    subprocess.run([PROFDATA, "merge", "-sparse", raw, "-o", to], check=True)


def export(data, binary):
    """{file: (lines covered, lines)} of the files under test; headers of the repository too."""
    said = subprocess.run([COV, "export", "-summary-only", f"-instr-profile={data}", binary],
                          check=True, stdout=subprocess.PIPE, timeout=LIMIT_S).stdout
    lines = {}
    for file in json.loads(said)["data"][0]["files"]:
        name = os.path.relpath(file["filename"], ROOT)
        if name.startswith(UNDER_TEST):
            lines[name] = (file["summary"]["lines"]["covered"], file["summary"]["lines"]["count"])
    return lines


def row(name, covered, count, *more):
    share = 100 * covered / count if count else 100
    print(f"{name:44} {covered:6} {count:6} {share:6.1f} %", *more)


def measure(args, directory):
    best = {}  # by file the most that one target covers: profiles of several programs do not add up
    print(f"{'target':44} {'lines':>6} {'of':>6}")
    for name in args.targets:
        folders = [folder for folder in (args.grown / name, HERE / "corpus" / name) if folder.is_dir()]
        inputs = sum(len(list(folder.iterdir())) for folder in folders)
        data = directory / f"{name}.profile"
        profile(args.build / "fuzzers" / name, folders, data)
        lines = export(data, args.build / "fuzzers" / name)
        row(name, sum(one[0] for one in lines.values()), sum(one[1] for one in lines.values()),
            f"{inputs} inputs")
        for file, counts in lines.items():
            best[file] = max(best.get(file, (0, 0)), counts)
    print(f"\n{'file, by the target that covers most of it':44} {'lines':>6} {'of':>6}")
    for file, counts in sorted(best.items()):
        row(file, *counts)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--grown", type=Path, required=True, help="inputs that earlier runs have found")
    parser.add_argument("targets", nargs="*")
    args = parser.parse_args()
    args.targets = targets.chosen(args.build, args.targets)
    with tempfile.TemporaryDirectory() as directory:
        measure(args, Path(directory))


if __name__ == "__main__":
    main()
