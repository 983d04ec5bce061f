#!/usr/bin/env python3
"""Speaks a list of questions into files: speak.py OUT [--set NAME] [--voices A,B] [--every N].

flite and espeak-ng with their own voices at several speeds, so the same sound every time; and, as the
voice "people", the recorded sentences of Debian's pocketsphinx-testdata where it is installed. What is
there already is not spoken again. OUT/list.tsv has a line for each: voice, file, what was said. The
files are raw 16-bit mono samples at 16 kHz (flite) or 22.05 kHz (espeak-ng), as their names say.
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import wave

HERE = pathlib.Path(__file__).resolve().parent
SETS = ("questions", "unseen_questions", "dev_questions", "other_sentences")
RECORDED = pathlib.Path("/usr/share/pocketsphinx/test/data/librivox")
PEOPLE = "people"

# Name, program, arguments. A stretch above 1 is slower; -s is words a minute.
VOICES = [
    ("flite-slt", "flite", ["-voice", "slt"]),
    ("flite-slt-fast", "flite", ["-voice", "slt", "--setf", "duration_stretch=0.85"]),
    ("flite-slt-slow", "flite", ["-voice", "slt", "--setf", "duration_stretch=1.2"]),
    ("flite-rms", "flite", ["-voice", "rms"]),
    ("flite-rms-fast", "flite", ["-voice", "rms", "--setf", "duration_stretch=0.85"]),
    ("flite-awb", "flite", ["-voice", "awb"]),
    ("espeak-us", "espeak-ng", ["-v", "en-us", "-s", "150"]),
    ("espeak-us-slow", "espeak-ng", ["-v", "en-us", "-s", "120"]),
]


def sentences(name):
    lines = (HERE / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def speak(program, arguments, text, path):
    if program == "flite":
        command = ["flite", *arguments, "-t", text, "-o", str(path)]
    else:
        command = ["espeak-ng", *arguments, "-w", str(path), text]
    subprocess.run(command, check=True, timeout=60, stdout=subprocess.DEVNULL)


def samples_of(program, arguments, text, folder, name):
    """The raw file of one spoken question, made if it is not there."""
    known = list(folder.glob(f"{name}.*.raw"))
    if known:
        return known[0]
    spoken = folder / f"{name}.wav"
    speak(program, arguments, text, spoken)
    raw = samples_of_wave(spoken, folder, name)
    spoken.unlink()
    return raw


def samples_of_wave(path, folder, name):
    with wave.open(str(path), "rb") as sound:
        if sound.getnchannels() != 1 or sound.getsampwidth() != 2:
            raise SystemExit(f"{path} is not 16-bit mono sound")
        raw = folder / f"{name}.{sound.getframerate()}.raw"
        raw.write_bytes(sound.readframes(sound.getnframes()))
    return raw


def recorded(folder):
    """Lines for the recorded sentences: "<s> what was said </s> (file)"."""
    try:
        transcription = (RECORDED / "transcription").read_text(encoding="utf-8")
    except OSError:
        print(f"{PEOPLE} is left out: pocketsphinx-testdata is not installed", file=sys.stderr)
        return
    for text, name in re.findall(r"<s> (.*?) </s> \((\S+)\)", transcription):
        raw = samples_of_wave(RECORDED / f"{name}.wav", folder, f"{PEOPLE}-{name}")
        yield f"{PEOPLE}\t{raw}\t{text}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--set", choices=SETS, default=SETS[0], help="the list: NAME.txt")
    parser.add_argument("--voices", default="", help="these alone, with commas between")
    parser.add_argument("--every", type=int, default=1, help="every N-th question alone")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    wanted = options.voices.split(",") if options.voices else [v[0] for v in VOICES] + [PEOPLE]
    unknown = set(wanted) - {voice[0] for voice in VOICES} - {PEOPLE}
    if unknown:
        raise SystemExit(f"no voice is called {', '.join(sorted(unknown))}")
    lines = []
    for voice, program, arguments in VOICES:
        if voice not in wanted:
            continue
        if shutil.which(program) is None:
            print(f"{voice} is left out: {program} is not installed", file=sys.stderr)
            continue
        for number, text in list(enumerate(sentences(options.set)))[:: options.every]:
            raw = samples_of(program, arguments, text, options.out,
                             f"{options.set}-{voice}-{number:02}")
            lines.append(f"{voice}\t{raw}\t{text}\n")
    if PEOPLE in wanted and options.set == SETS[0]:
        lines += recorded(options.out)
    (options.out / "list.tsv").write_text("".join(lines), encoding="utf-8")
    print(options.out / "list.tsv")


if __name__ == "__main__":
    main()
